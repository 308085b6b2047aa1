"""Files that are laid down in a working tree, or taken out of it: seen first, and never half-way."""

from __future__ import annotations

import difflib
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple

from gitml.conventions.shell import quoted
from gitml.errors import BrokenEnvironment, GitmlError
from gitml.git.command import git
from gitml.git.files import replace_file
from gitml.git.repository import shelf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Does = Literal["write", "rewrite", "keep", "remove"]

LARGEST = 2**20
"""Bytes of a file that is compared with ours."""


class Change(NamedTuple):
    """One file.

    Attributes
    ----------
    path
        Where, from the top of the working tree.
    content
        What will be in it; empty for one that goes.
    does
        Whether it is new, differs from what is there, is there already, or goes.
    difference
        From what is there, as a unified diff; empty for a new file and for one that goes.
    """

    path: str
    content: bytes
    does: Does
    difference: str = ""


class NotAPlaceForFiles(BrokenEnvironment):
    """Something else is where a file should be."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is no plain file or folder of this repository",
            "A link would lead out of it, and nothing is written through one.",
            (f"git rm --cached {path} && rm {path}",),
        )


class TooLargeToChange(BrokenEnvironment):
    """A file that is to be changed is larger than anybody writes by hand."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is larger than {LARGEST:,} bytes",
            "It is read whole before a line is added, and this is no size for such a file.",
            (f"ls -l {path}",),
        )


class CannotWriteFile(BrokenEnvironment):
    """A file of the working tree cannot be written."""

    def __init__(self, path: str, reason: str, root: Path) -> None:
        folder = (root / path).parent
        while not folder.exists():
            folder = folder.parent
        super().__init__(
            f"{path} cannot be written",
            f"{reason}. The files before it are written; the same command goes on where it stopped.",
            (f"ls -ld {quoted(str(folder))}   # whose is it?",),
        )


class ChangedMeanwhile(GitmlError):
    """A file is not any more as it was when its change was shown."""

    def __init__(self, paths: Sequence[str], again: str) -> None:
        super().__init__(f"{', '.join(paths)} changed since it was shown", "Nothing was written.", (again,))


def read(path: str, root: Path) -> bytes | None:
    """Return what is in a file of the working tree; None where there is none.

    Raises
    ------
    NotAPlaceForFiles
        A link, or anything but a file, is there, or on the way.
    TooLargeToChange
        It has more than `LARGEST` bytes.
    """
    place = root
    *folders, name = path.split("/")
    for folder in folders:
        place /= folder
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise NotAPlaceForFiles(str(place.relative_to(root)))
    place /= name
    if place.is_symlink() or (place.exists() and not place.is_file()):
        raise NotAPlaceForFiles(path)
    try:
        with place.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    if len(content) > LARGEST:
        raise TooLargeToChange(path)
    return content


def plan(wanted: Mapping[str, bytes], root: Path) -> list[Change]:
    """Return what writing the files would do to a working tree; errors as for `read`."""
    return [change(path, content, read(path, root)) for path, content in wanted.items()]


def change(path: str, content: bytes, old: bytes | None) -> Change:
    """Return what becomes of one file that has, or has not, been there."""
    if old is None:
        return Change(path, content, "write")
    if old == content:
        return Change(path, content, "keep")
    before, after = (one.decode("utf-8", "backslashreplace").splitlines() for one in (old, content))
    return Change(path, content, "rewrite", "\n".join(difflib.unified_diff(before, after, path, path, lineterm="")))


def carry_out(changes: Sequence[Change], root: Path) -> None:
    """Write the files, and take out those that go; each is there in whole or as it was.

    Raises
    ------
    CannotWriteFile
        One cannot be written or removed.
    """
    for one in changes:
        place = root / one.path
        try:
            if one.does in ("write", "rewrite"):
                place.parent.mkdir(parents=True, exist_ok=True)
                replace_file(place, one.content, shelf(root))
            elif one.does == "remove":
                place.unlink(missing_ok=True)
                _remove_empty_folders(one.path, root)
        except OSError as error:
            raise CannotWriteFile(one.path, error.strerror or str(error), root) from None


def uncommitted(paths: Sequence[str], root: Path) -> list[str]:
    """Return those of some files that are not as HEAD has them, ignored ones too, in their order."""
    if not paths:
        return []
    words = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignored=matching")
    told = git("--literal-pathspecs", *words, "--", *paths, at=root).split("\0")
    found = {line[3:] for line in told if line}
    return [
        path for path in paths if path in found or any(f"{path}/".startswith(one) for one in found if one[-1:] == "/")
    ]


def _remove_empty_folders(path: str, root: Path) -> None:
    folders = path.split("/")[:-1]
    with suppress(OSError):  # one that is not empty stays, and those above it
        while folders:
            root.joinpath(*folders).rmdir()
            folders.pop()
