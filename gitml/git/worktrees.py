"""The working trees of a repository."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gitml.git.command import git


class Worktree(NamedTuple):
    """One working tree; git lists the main one first.

    Attributes
    ----------
    path
        Its top folder; the repository itself where that is bare.
    branch
        Name without ``refs/heads/``; None where HEAD is detached.
    is_bare
        Whether it is a bare repository, which has no files.
    is_gone
        Whether its folder is not there any more, and nobody locked the entry.
    """

    path: Path
    branch: str | None
    is_bare: bool
    is_gone: bool


def worktrees(at: Path | None = None) -> list[Worktree]:
    """Return the working trees of the repository around `at`, or around the current folder."""
    listed = git("worktree", "list", "--porcelain", "-z", at=at)
    return [_read(entry.split("\0")) for entry in listed.split("\0\0") if entry.strip("\0")]


def remove_entry(path: Path, at: Path | None = None) -> None:
    """Forget a linked working tree whose folder is gone.

    Raises
    ------
    GitFailed
        It is locked, it has come back with changes in it, or there is no such entry.
    """
    git("worktree", "remove", operands=[str(path)], at=at)


def _read(lines: list[str]) -> Worktree:
    values = {word: value for word, _, value in (line.partition(" ") for line in lines)}
    return Worktree(
        Path(values["worktree"]),
        values["branch"].removeprefix("refs/heads/") if "branch" in values else None,
        "bare" in values,
        "prunable" in values and "locked" not in values,
    )
