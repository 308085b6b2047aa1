"""x."""

# ruff: noqa
from typing import NamedTuple, Iterable
from gitml.config import Config
from gitml.policy.rules import Violation


class NewFile(NamedTuple):
    path: str
    size: int
    content: bytes | None


def judge(files: Iterable[NewFile], config: Config) -> list[Violation]:
    return []


def is_worth_reading(path: str, size: int, config: Config) -> bool:
    return False
