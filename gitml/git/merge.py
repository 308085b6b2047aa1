"""Merging two commits without a working tree."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gitml.errors import BrokenEnvironment
from gitml.git import repository
from gitml.git.command import ask, failure
from gitml.git.trees import OBJECT_ID

OLDEST = (2, 38)
"""The first git with ``merge-tree --write-tree``."""


class Merged(NamedTuple):
    """What a merge gives.

    Attributes
    ----------
    tree
        Full id; with the marks of the conflicts in it where there are any.
    conflicts
        The paths that a person has to decide.
    """

    tree: str
    conflicts: tuple[str, ...]


class NoCommonHistory(BrokenEnvironment):
    """Two commits have no ancestor in common, as far as is known here."""

    def __init__(self, at: Path | None) -> None:
        is_shallow = ask("rev-parse", "--is-shallow-repository", at=at).out.strip() == "true"
        super().__init__(
            "the two branches have no commit in common here",
            "This clone is shallow: it lacks the commit where they parted."
            if is_shallow
            else "Neither was begun from the other, so there is nothing to merge by.",
            ("git fetch --unshallow",) if is_shallow else ("git log --graph --all --oneline",),
        )


class GitIsTooOld(BrokenEnvironment):
    """The git that is installed cannot merge without a working tree."""

    def __init__(self, version: str) -> None:
        super().__init__(
            f"git {version} cannot merge without a working tree",
            "gitml needs git merge-tree --write-tree.",
            ("install git 2.38 or newer: https://git-scm.com/downloads",),
        )


def merge(ours: str, theirs: str, at: Path | None = None) -> Merged:
    """Return what merging a commit into another one gives; no ref, index or file is touched.

    Parameters
    ----------
    ours, theirs
        Full ids.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    NoCommonHistory
        There is nothing to merge by.
    GitIsTooOld
        It is older than 2.38.
    """
    for oid in (ours, theirs):
        if not OBJECT_ID.fullmatch(oid):
            raise ValueError(f"{oid!r} is no full object id")
    if ask("merge-base", ours, theirs, at=at).code != 0:
        raise NoCommonHistory(at)
    words = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs)
    answer = ask(*words, at=at)
    tree, *paths = answer.out.removesuffix("\0").split("\0")
    if answer.code in (0, 1) and OBJECT_ID.fullmatch(tree):
        return Merged(tree, tuple(path for path in paths if path))
    text, numbers = repository.version()
    raise GitIsTooOld(text) if numbers < OLDEST else failure(answer, *words, at=at)


def is_ancestor(commit: str, of: str, at: Path | None = None) -> bool:
    """Say whether a commit is another one, or reachable from it; both by full ids."""
    return ask("merge-base", "--is-ancestor", commit, of, at=at).code == 0
