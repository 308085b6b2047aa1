"""What ``gitml init`` did in one clone and no file shows: kept beside the repository, so that it can be taken back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.git.files import replace_file
from gitml.git.repository import own_folder, shelf

if TYPE_CHECKING:
    from pathlib import Path

FILE = "adoption.json"
_LARGEST = 2**16


class Record(NamedTuple):
    """What was done.

    Attributes
    ----------
    settings
        What was set in git's configuration of this clone, as pairs of key and value.
    begins_dvc
        Whether DVC was begun.
    """

    settings: tuple[tuple[str, str], ...] = ()
    begins_dvc: bool = False


def begin(record: Record, at: Path) -> None:
    """Write down what is about to be done, beside what was done before; a kill after this loses nothing.

    Raises
    ------
    CannotWrite
        It cannot be written.
    """
    before = read(at)
    settings = {**dict(before.settings), **dict(record.settings)}
    whole = Record(tuple(settings.items()), before.begins_dvc or record.begins_dvc)
    if whole != before:
        replace_file(
            own_folder(at) / FILE, json.dumps({**whole._asdict(), "settings": settings}).encode() + b"\n", shelf(at)
        )


def read(at: Path) -> Record:
    """Return what was done in this clone; nothing where nobody wrote it down."""
    try:
        with (own_folder(at) / FILE).open("rb") as file:
            told: Any = json.loads(file.read(_LARGEST))
        settings = tuple((str(key), str(value)) for key, value in told["settings"].items())
        return Record(settings, bool(told["begins_dvc"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Record()


def forget(at: Path) -> None:
    """Take the record away, once everything is taken back."""
    (own_folder(at) / FILE).unlink(missing_ok=True)
