"""What was there before a run, kept until the run is committed, where the next command finds it after a kill."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from gitml.git.command import ask
from gitml.git.files import replace_by_link, replace_file
from gitml.git.repository import CannotWrite, make_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

LOCK = "run.lock"
"""The lock that whoever runs in a working tree holds."""

FOLDER = "before"
_JOURNAL = "journal.json"
_OLD, _NEW, _RESULTS = "params", "set", "results"


class Landing(NamedTuple):
    """A commit that a command is about to put on a branch, and what follows from it.

    Attributes
    ----------
    command
        The words of the command, ``exp run``.
    slug
        The experiment.
    ref
        The full name of its branch.
    old, new
        Full ids of where the branch was, None for a new one, and of the commit.
    parent
        Full id of the commit's parent.
    head
        What was checked out: a branch's full name, or a full id where HEAD was detached.
    files
        What the command itself wrote into the commit, and not into the working tree.
    started
        Full id of the tree that the working tree was when the command began; empty where it was not kept.
    """

    command: str
    slug: str
    ref: str
    old: str | None
    new: str
    parent: str
    head: str
    files: tuple[str, ...]
    started: str = ""


class Before:
    """Parameters and results as they were, byte for byte, and how far the command is.

    Parameters
    ----------
    root
        The working tree's top folder.
    own
        Where gitml keeps what is about this working tree.
    """

    def __init__(self, root: Path, own: Path) -> None:
        self._root = root
        self._folder = own / FOLDER
        self._shelf = self._folder / "new"
        self._told: dict[str, Any] = {}

    @property
    def is_there(self) -> bool:
        """Whether a command was killed, or is at work."""
        return (self._folder / _JOURNAL).exists()

    @property
    def is_left(self) -> bool:
        """Whether anything is kept at all; without its journal it is of no use to anybody any more."""
        return self._folder.exists()

    @property
    def project(self) -> str:
        """The folder of the DVC project in which the command was at work."""
        return str(self._told.get("project", ""))

    @property
    def log(self) -> str:
        """The file in gitml's own folder that says which stages were begun; empty where none were."""
        return str(self._told.get("log", ""))

    @property
    def is_here(self) -> bool:
        """Whether what was checked out still is."""
        return self._told.get("head") == checked_out(self._root)

    @property
    def landing(self) -> Landing | None:
        """The commit that the command had made already."""
        found = self._told.get("landing")
        return Landing(**{**found, "files": tuple(found["files"])}) if found is not None else None

    def read(self) -> None:
        """Take what a killed command left; what cannot be read is nothing."""
        try:
            self._told = json.loads((self._folder / _JOURNAL).read_bytes())
            _ = self.landing
        except (OSError, ValueError, TypeError, KeyError):
            self._told = {}

    def begin(self, head: str, project: str) -> None:
        """Begin with nothing kept.

        Raises
        ------
        CannotWrite
            The disk is full, or the repository is not ours.
        """
        make_folder(self._folder.parent)
        self.forget()
        self._told = {"head": head, "project": project, "params": [], "results": []}

    def keep_params(self, file: str, old: bytes, new: bytes) -> None:
        """Keep a parameter file that is about to be written."""
        for kind, content in ((_OLD, old), (_NEW, new)):
            kept = self._folder / kind / file
            make_folder(kept.parent)
            kept.write_bytes(content)
        shutil.copymode(self._root / file, self._folder / _OLD / file)
        self._told["params"].append(file)
        self._write()

    def keep_results(self, paths: Sequence[str], log: str = "") -> None:
        """Keep files and folders that stages are about to delete or write.

        Parameters
        ----------
        paths
            From the working tree's top.
        log
            The file in gitml's own folder that will say which stages were begun; empty where DVC runs none.
        """
        for path in paths:
            place, kept = self._root / path, self._folder / _RESULTS / path
            make_folder(kept.parent)
            if place.is_dir() and not place.is_symlink():
                shutil.copytree(place, kept, symlinks=True)
            elif os.path.lexists(place):
                shutil.copy2(place, kept, follow_symlinks=False)
        self._told["results"], self._told["log"] = list(paths), log
        self._write()

    def keep_landing(self, landing: Landing) -> None:
        """Keep what is about to be committed, so that what follows from it can be done after a kill."""
        self._told["landing"] = landing._asdict()
        self._write()

    def put_back(self) -> tuple[str, ...]:
        """Put parameters and results back, where what was checked out still is; return what could not be.

        A parameter file that somebody edited meanwhile keeps their edits, and loses ours.

        Raises
        ------
        CannotWrite
            The disk is full; it can be done again.
        """
        if not self.is_here:
            return tuple(self._told.get("params", ()))
        try:
            left = [file for file in self._told["params"] if not self._put_params_back(file)]
            for path in self._told["results"]:
                _restore(self._folder / _RESULTS / path, self._root / path, self._shelf)
        except OSError as error:
            raise CannotWrite(Path(error.filename or self._root), error.strerror or str(error)) from None
        return tuple(left)

    def forget(self) -> None:
        """Forget all of it."""
        (self._folder / _JOURNAL).unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self) -> None:
        make_folder(self._shelf)  # now, because a full disk has no room for it
        replace_file(self._folder / _JOURNAL, json.dumps(self._told).encode(), self._folder)

    def _put_params_back(self, file: str) -> bool:
        place, old, new = self._root / file, self._folder / _OLD / file, self._folder / _NEW / file
        if not place.is_file():
            return False
        if place.read_bytes() == new.read_bytes():
            replace_by_link(place.resolve(), old, self._shelf)
            return True
        words = ("merge-file", "--quiet", "--stdout")
        merged = ask(*words, operands=[str(place), str(new), str(old)], at=self._root)
        if merged.code != 0:
            return False
        replace_file(place, os.fsencode(merged.out), self._shelf)
        return True


def checked_out(root: Path) -> str:
    """Return what is checked out: a branch's full name, or a full id where HEAD is detached."""
    ref = ask("symbolic-ref", "--quiet", "HEAD", at=root).out.strip()
    return ref or ask("rev-parse", "--quiet", "--verify", "HEAD", at=root).out.strip()


def _restore(kept: Path, place: Path, shelf: Path) -> None:
    """Let a path be what was kept of it; nothing, where nothing was there."""
    if kept.is_dir() and not kept.is_symlink():
        if place.is_symlink() or not place.is_dir():
            _remove(place)
            place.mkdir(parents=True)
        for name in {*os.listdir(kept), *os.listdir(place)}:
            _restore(kept / name, place / name, shelf)
    elif not os.path.lexists(kept):
        _remove(place)
    elif kept.is_symlink():
        if not place.is_symlink() or os.readlink(place) != os.readlink(kept):
            _remove(place)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.symlink(os.readlink(kept), place)
    elif place.is_symlink() or not place.is_file() or place.read_bytes() != kept.read_bytes():
        if place.is_dir() and not place.is_symlink():
            _remove(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        replace_by_link(place, kept, shelf)


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
