"""The user's own index, which must follow where their branch was moved without them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from gitml.errors import BrokenEnvironment
from gitml.git.command import ask, failure, git
from gitml.git.leftovers import clear_if_abandoned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PATIENCE = 2.0
"""Seconds to wait for another git that has the index."""

_GONE = ("0", "")


class IndexIsLocked(BrokenEnvironment):
    """Another git has the index."""

    def __init__(self, lock: Path) -> None:
        super().__init__(
            "another git command has the index",
            f"It holds {lock}: an editor, a commit that waits for its message, or a rebase. End it, then "
            "run the same command again.",
            ("git status",),
        )
        self.lock = lock


class Difference(NamedTuple):
    """A path that two trees have differently; mode ``0`` where one has none.

    Attributes
    ----------
    old, new
        Mode and id of its blob.
    """

    path: str
    old: tuple[str, str]
    new: tuple[str, str]


def differences(old: str, new: str, at: Path | None = None) -> list[Difference]:
    """Return the files that two trees have differently, each as removed or added where a folder took its place.

    Parameters
    ----------
    old, new
        Full ids of trees or commits.
    """
    listed = git(
        *("diff-tree", "-r", "-z", "--no-renames", "--no-abbrev", "--raw", "--no-commit-id"),
        operands=[old, new],
        at=at,
    ).split("\0")
    found = []
    for head, path in zip(listed[:-1:2], listed[1::2], strict=True):
        old_mode, new_mode, old_id, new_id, _ = head.removeprefix(":").split(" ")
        found.append(Difference(path, _entry(old_mode, old_id), _entry(new_mode, new_id)))
    return found


def refresh_index(root: Path, old: str, new: str, paths: Iterable[str] | None = None) -> list[str]:
    """Let the index follow a branch that was moved from `old` to `new` by plumbing; no file is touched.

    An entry becomes the new commit's where it still is the old one's. What the user staged since, or had
    staged before, is kept, and so are all other paths. Doing it twice is the same as doing it once.

    Parameters
    ----------
    root
        The working tree's top folder.
    old, new
        Full ids of the trees or commits.
    paths
        Only these; None for all that differ.

    Returns
    -------
    list of str
        The paths whose entries were kept, because they were neither the old nor the new ones.

    Raises
    ------
    IndexIsLocked
        Another git has the index for longer than `PATIENCE`.
    """
    only = None if paths is None else set(paths)
    changed = [one for one in differences(old, new, root) if only is None or one.path in only]
    if not changed:
        return []
    staged = _read(root)
    lines, kept = [], []
    # Removals first, so that a folder can take the place of a file.
    for one in sorted(changed, key=lambda one: one.new != _GONE):
        now = staged.get(one.path, _GONE)
        if now == one.old:
            lines.append(f"{one.new[0]} {one.new[1] or '0' * len(one.old[1])}\t{one.path}\0")
        elif now != one.new:
            kept.append(one.path)
    if lines:
        _write(root, lines)
    return sorted(kept)


def _entry(mode: str, oid: str) -> tuple[str, str]:
    return _GONE if mode == "000000" else (mode, oid)


def _read(root: Path) -> dict[str, tuple[str, str]]:
    """Return mode and id of each entry; a path in conflict has one that equals no other."""
    entries = {}
    for line in git("ls-files", "--stage", "-z", at=root).split("\0")[:-1]:
        head, _, path = line.partition("\t")
        mode, oid, stage = head.split(" ")
        entries[path] = (mode, oid) if stage == "0" else ("conflict", stage)
    return entries


def _write(root: Path, lines: list[str]) -> None:
    lock = Path(f"{git('rev-parse', '--path-format=absolute', '--git-path', 'index', at=root)}.lock")
    until = time.monotonic() + PATIENCE
    content = os.fsencode("".join(lines))
    while True:
        answer = ask("update-index", "-z", "--index-info", stdin=content, at=root)
        if answer.code == 0:
            break
        if not lock.exists():
            raise failure(answer, "update-index", "-z", "--index-info", at=root)
        if not clear_if_abandoned(lock) and time.monotonic() > until:
            raise IndexIsLocked(lock)
        time.sleep(0.05)
    # Its status is 1 where a file differs from its entry, which is what the user is about to see.
    ask("update-index", "-q", "--refresh", at=root)
