"""The rules about what files contain, together: how large, with what output, with which secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitml.policy.files import NewFile as NewFile
from gitml.policy.files import is_notebook, no_large_file, shown, typed
from gitml.policy.rules import Violation
from gitml.policy.secrets import no_secret

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitml.config import Config

RULES = ("no-large-file", "clean-notebook", "no-secret")
"""The rules of this room."""

LARGEST_READ = 32 * 2**20
"""Bytes of a file that is looked into."""


def judge(files: Iterable[NewFile], config: Config) -> list[Violation]:
    """Judge files by all the rules of this room, in the order of the files and, for each, of the rules."""
    found: list[Violation] = []
    for file in files:
        found += no_large_file(file, config)
        if is_notebook(file.path):
            from gitml.policy.notebooks import clean_notebook

            found += clean_notebook(file, config)
        found += no_secret(file, config)
    return found


def is_worth_reading(path: str, size: int, config: Config) -> bool:
    """Say whether a rule asks for the bytes of a file of `size` bytes."""
    if size > LARGEST_READ:
        return False
    return config.level("no-secret") != "off" or (is_notebook(path) and config.level("clean-notebook") != "off")


def verify_notebook(file: NewFile, config: Config) -> list[Violation]:
    """Tell where nbstripout would still change a notebook that the rule lets pass; for CI, where it is installed."""
    if not is_notebook(file.path) or file.content is None or config.level("clean-notebook") == "off":
        return []
    from gitml.policy.notebooks import clean_notebook, verify_with_nbstripout

    if clean_notebook(file, config) or verify_with_nbstripout(file.content) is not False:
        return []
    says = f"nbstripout would still change {shown(file.path)}"
    why = "It renumbers cells and drops the state of widgets, so that a notebook that did not change has no difference."
    return [Violation("clean-notebook", "warn", says, why, (f"nbstripout {typed(file.path)}",), file.path)]
