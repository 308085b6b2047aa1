"""What ``gitml init`` did in one clone and no file shows: kept beside the repository, so that it can be taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from gitml.git.command import git
from gitml.git.files import replace_file
from gitml.git.repository import OWN_FOLDER, own_folder, shelf

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
        text = json.dumps({**whole._asdict(), "settings": settings})
        replace_file(own_folder(at) / FILE, text.encode() + b"\n", shelf(at))


def read(at: Path) -> Record:
    """Return what was done in this clone; nothing where nobody wrote it down."""
    try:
        with _file(at).open("rb") as file:
            told: Any = json.loads(file.read(_LARGEST))
        settings = tuple((str(key), str(value)) for key, value in told["settings"].items())
        return Record(settings, bool(told["begins_dvc"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Record()


def forget(at: Path) -> None:
    """Take the record away, once everything is taken back."""
    _file(at).unlink(missing_ok=True)


def _file(at: Path) -> Path:
    """Return where the record is, without making the folder."""
    return Path(git("rev-parse", "--path-format=absolute", "--git-common-dir", at=at)) / OWN_FOLDER / FILE
