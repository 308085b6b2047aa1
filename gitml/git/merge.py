"""Merging without a working tree: two commits to a tree, three contents to one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from gitml.errors import BrokenEnvironment, GitmlError
from gitml.git import repository
from gitml.git.command import Answer, ask, failure, git
from gitml.git.trees import OBJECT_ID

OLDEST = (2, 38)
"""The first git with ``merge-tree --write-tree``."""

_OURS = (
    # A folder that one side renamed must not take along what the other side wrote into it: reports, results.
    *("-c", "merge.directoryRenames=false", "-c", "merge.conflictStyle=merge"),
    *("-c", "merge.dvc.driver=false"),  # DVC's merge driver for dvc.lock always fails, and takes half a second
)


class Textual(NamedTuple):
    """What git makes of two commits, line by line.

    Attributes
    ----------
    tree
        Full id; files in conflict have git's marks in them.
    conflicts
        The files that git could not merge.
    """

    tree: str
    conflicts: tuple[str, ...]


class NotRelated(GitmlError):
    """Two commits have no common past."""

    def __init__(self, ours: str, theirs: str) -> None:
        super().__init__(
            f"{ours[:10]} and {theirs[:10]} have no commit in common",
            "Without one nobody can tell which side changed a line.",
            (f"git merge-base {ours[:10]} {theirs[:10]}",),
        )


class HistoryIsShallow(BrokenEnvironment):
    """The clone does not have the commit at which two others parted."""

    def __init__(self) -> None:
        super().__init__(
            "this clone is shallow and lacks the commit at which the two parted",
            "A merge needs it, to tell which side changed what.",
            ("git fetch --unshallow",),
        )


class GitIsTooOld(BrokenEnvironment):
    """The git that is installed cannot merge without a working tree."""

    def __init__(self, version: str) -> None:
        super().__init__(
            f"git {version} cannot merge without a working tree",
            "gitml needs git merge-tree --write-tree.",
            ("install git 2.38 or newer: https://git-scm.com/downloads",),
        )


def merge_bases(ours: str, theirs: str, at: Path | None = None) -> list[str]:
    """Return the commits at which two commits parted: mostly one, several where they were merged crosswise.

    Parameters
    ----------
    ours, theirs
        Full ids.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    NotRelated
        There is none.
    HistoryIsShallow
        There is none in what this clone has.
    """
    answer = ask("merge-base", "--all", operands=[ours, theirs], at=at)
    if answer.code == 0:
        return answer.out.split()
    if answer.code != 1:
        raise failure(answer, "merge-base", "--all", ours, theirs, at=at)
    if git("rev-parse", "--is-shallow-repository", at=at) == "true":
        raise HistoryIsShallow
    raise NotRelated(ours, theirs)


def merge_trees(ours: str, theirs: str, at: Path | None = None) -> Textual:
    """Merge two commits; nothing but the object store is written.

    Parameters
    ----------
    ours, theirs
        Full ids of commits that have a past in common.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    GitIsTooOld
        It is older than 2.38.
    """
    for oid in (ours, theirs):
        if not OBJECT_ID.fullmatch(oid):
            raise ValueError(f"{oid!r} is no full object id")
    words = (*_OURS, "merge-tree", "--write-tree", "-z", "--no-messages")  # new in git 2.38
    answer = ask(*words, operands=[ours, theirs], at=at)
    if answer.code not in (0, 1):
        text, numbers = repository.version()
        raise GitIsTooOld(text) if numbers < OLDEST else failure(answer, *words, ours, theirs, at=at)
    tree, *entries = answer.out.split("\0")
    paths = [entry.partition("\t")[2] for entry in entries if entry]
    return Textual(tree.strip(), tuple(dict.fromkeys(paths)))


def merge_file(base: bytes, ours: bytes, theirs: bytes, is_union: bool = False) -> bytes | None:
    """Merge three contents line by line; None where they are in conflict.

    Parameters
    ----------
    base, ours, theirs
        What both came from, and what they are.
    is_union
        Whether lines in conflict are all kept, ours first.
    """
    answer = _merge_file(base, ours, theirs, *(("--union",) if is_union else ()))
    return os.fsencode(answer.out) if answer.code == 0 else None


def merge_with_marks(base: bytes, ours: bytes, theirs: bytes, names: tuple[str, str, str]) -> tuple[bytes, bool]:
    """Merge three contents line by line, and mark where they are in conflict.

    Parameters
    ----------
    base, ours, theirs
        As for `merge_file`.
    names
        Stand at the marks of ours, the base and theirs.

    Returns
    -------
    merged, has_conflicts

    Raises
    ------
    GitFailed
        git cannot merge them: they are no text.
    """
    words = ["--diff3", *(word for name in names for word in ("-L", name))]
    answer = _merge_file(base, ours, theirs, *words)
    if not 0 <= answer.code <= _MOST_CONFLICTS:
        raise failure(answer, "merge-file")
    return os.fsencode(answer.out), answer.code > 0


_MOST_CONFLICTS = 127
"""git counts no further; beyond are its errors."""


def _merge_file(base: bytes, ours: bytes, theirs: bytes, *words: str) -> Answer:
    with tempfile.TemporaryDirectory(prefix="gitml-") as folder:
        files = [Path(folder) / name for name in ("ours", "base", "theirs")]
        for file, content in zip(files, (ours, base, theirs), strict=True):
            file.write_bytes(content)
        return ask("merge-file", "-p", *words, operands=list(map(str, files)))


def is_ancestor(commit: str, of: str, at: Path | None = None) -> bool:
    """Say whether a commit is another one, or reachable from it; both by full ids."""
    return ask("merge-base", "--is-ancestor", commit, of, at=at).code == 0
