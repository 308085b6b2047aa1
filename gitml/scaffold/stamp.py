"""What a project was laid down from, in a file of its own: a newer gitml can lay down the same again, and compare."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml import __version__
from gitml.conventions.laid_down import STAMP
from gitml.errors import GitmlError
from gitml.scaffold.answers import Answers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = STAMP
LARGEST = 2**20
_PART = re.compile(r"\.?[A-Za-z0-9_][\w.-]*", re.ASCII)
_OID = re.compile("[0-9a-f]{40}")
_SAYS = "Written by gitml init: what this project was laid down from. `gitml init --upgrade` reads it."


class WrongStamp(GitmlError):
    """The file cannot be read."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{FILE} cannot be read", f"{why}.", (f"git checkout HEAD -- {FILE}", f"git log -- {FILE}"))


class Stamp(NamedTuple):
    """What a project was laid down from.

    Attributes
    ----------
    version
        gitml's.
    answers
        What was chosen.
    files
        The blob id of each file as it was laid down, by path.
    """

    version: str
    answers: Answers
    files: Mapping[str, str]

    @classmethod
    def of(cls, answers: Answers, files: Mapping[str, bytes]) -> Stamp:
        """Return the stamp of what this gitml lays down."""
        return cls(__version__, answers, {path: blob_id(content) for path, content in files.items()})

    def written(self) -> bytes:
        """Return the file's bytes, the same for the same content."""
        told = {"": _SAYS, "gitml": self.version, "answers": self.answers.to_json(), "files": dict(self.files)}
        return (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode()


def read(root: Path) -> Stamp | None:
    """Return the stamp of the project in a folder; None where it has none.

    Raises
    ------
    WrongStamp
        It is no such file.
    """
    try:
        with (root / FILE).open("rb") as file:
            raw = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise WrongStamp(error.strerror or str(error)) from None
    return parse(raw)


def parse(raw: bytes) -> Stamp:
    """Return what the bytes of a stamp say.

    Raises
    ------
    WrongStamp
        They are none.
    """
    if len(raw) > LARGEST:
        raise WrongStamp("It is too large")
    try:
        told: Any = json.loads(raw)
        files = told["files"]
        if not all(_is_ours(path) and _OID.fullmatch(oid) for path, oid in files.items()):
            raise ValueError("files are none that gitml lays down")
        return Stamp(str(told["gitml"]), Answers.from_json(told["answers"]), files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WrongStamp(f"It is no such file ({error})") from None


def _is_ours(path: str) -> bool:
    """Say whether a path may be one of a template: nothing outside of the project, and nothing of git's."""
    parts = path.split("/")
    return len(path) < 256 and all(_PART.fullmatch(part) for part in parts) and parts[0].casefold() != ".git"


def blob_id(content: bytes) -> str:
    """Return the id that git gives a file of these bytes, by SHA-1."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
