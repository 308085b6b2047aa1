"""The user's own index, which must follow where their branch was moved without them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from gitml.errors import BrokenEnvironment
from gitml.git.command import ask, failure, git
from gitml.git.leftovers import clear_if_abandoned
from gitml.git.repository import CannotWrite
from gitml.git.transaction import compare_and_swap, value_of

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
    due = [one for one in changed if staged.get(one.path, _GONE) == one.old]
    kept = [one.path for one in changed if staged.get(one.path, _GONE) not in (one.old, one.new)]
    removed = [one for one in due if one.new == _GONE]
    staying = staged.keys() - {one.path for one in removed}
    folders = {folder for path in staying for folder in _folders_of(path)}
    set_anew = []
    for one in due:
        if one.new == _GONE:
            continue
        # Beside what the user staged it would have to be a file and a folder at once.
        is_in_the_way = one.path in folders or any(folder in staying for folder in _folders_of(one.path))
        if is_in_the_way:
            kept.append(one.path)
        else:
            set_anew.append(f"{one.new[0]} {one.new[1]}\t{one.path}\0")
    # Removals first, so that a folder can take the place of a file.
    lines = [f"0 {'0' * len(one.old[1])}\t{one.path}\0" for one in removed] + set_anew
    if lines:
        _write(root, lines)
    return sorted(kept)


def advance(root: Path, ref: str, new: str, old: str, reason: str) -> list[str]:
    """Move the branch that is checked out by compare-and-swap, and let the index follow.

    Killed in between, `finish` does what is left.

    Parameters
    ----------
    root
        The working tree's top folder, where `ref` is checked out.
    ref, new, old, reason
        As for `gitml.git.transaction.compare_and_swap`, errors as well.

    Returns
    -------
    list of str
        As for `refresh_index`.
    """
    journal = _journal(root)
    written = journal.with_suffix(f".{os.getpid()}")
    try:
        written.write_text(f"{ref}\n{old}\n{new}\n", encoding="utf-8", errors="surrogateescape")
        os.replace(written, journal)
    except OSError as error:
        written.unlink(missing_ok=True)
        raise CannotWrite(journal, error.strerror or str(error)) from None
    compare_and_swap(ref, new, old, reason, root)
    kept = refresh_index(root, old, new)
    journal.unlink(missing_ok=True)
    return kept


def finish(root: Path) -> None:
    """Let the index follow where `advance` was killed after it had moved the branch; else do nothing.

    To be called at the beginning of every command that reads the index or moves a branch that is checked out.
    """
    journal = _journal(root)
    try:
        ref, old, new = journal.read_text(encoding="utf-8", errors="surrogateescape").split("\n")[:3]
    except FileNotFoundError:
        return
    is_here = ask("symbolic-ref", "--quiet", "HEAD", at=root).out == f"{ref}\n"
    if is_here and value_of(ref, root) == new:
        refresh_index(root, old, new)
    journal.unlink(missing_ok=True)


def _journal(root: Path) -> Path:
    """Return the file that says which move the index has to follow; each working tree has its own."""
    return Path(git("rev-parse", "--absolute-git-dir", at=root)) / "gitml-index"


def _folders_of(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


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
