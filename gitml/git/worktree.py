"""A pool of working trees that are reused: what must not run in the user's own runs in a slot of it."""

from __future__ import annotations

import os
import re
import shutil
import stat
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from gitml.errors import GitFailed
from gitml.git.command import git
from gitml.git.lock import Holder, Lock, is_held, read_holder, try_to_take
from gitml.git.repository import OWN_FOLDER, common_dir, make_folder
from gitml.git.trees import OBJECT_ID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDER = "worktrees"

_QUIET = (
    # A hook that fails makes `worktree add` fail, although the tree is there; and nobody works in a slot.
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.sparseCheckout=false", "-c", "submodule.recurse=false", "-c", "advice.detachedHead=false"),
)


class Slot(NamedTuple):
    """A working tree that is one's own as long as its lock is held.

    Attributes
    ----------
    name
        ``slot-0``, ``slot-1`` …
    path
        Its top folder.
    lock
        Give its descriptor to processes that work in the slot (``subprocess``'s ``pass_fds``), and it
        stays taken until they ended, even where their parent was killed.
    is_new
        Whether it was made for this time.
    """

    name: str
    path: Path
    lock: Lock
    is_new: bool


class SlotState(NamedTuple):
    """One slot as others see it.

    Attributes
    ----------
    is_held
        Whether somebody works in it.
    holder
        Who took it last, as far as is known.
    commit
        What it has checked out; None where it is broken.
    """

    name: str
    path: Path
    is_held: bool
    holder: Holder | None
    commit: str | None


@contextmanager
def acquire(commit: str, keep: Sequence[str] = (), at: Path | None = None) -> Iterator[Slot]:
    """Lend a slot in which a commit is checked out, detached, and nothing else is but what is to be kept.

    The first free slot is taken, else one more is made. One that is broken is thrown away and made again. It
    is never clean of what is in `keep`: those are for what costs time to make and is checked by whoever uses it.

    Parameters
    ----------
    commit
        Full id.
    keep
        Files and folders that stay as the last user left them where git does not track them, from the
        tree's top.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    CannotWrite
        The repository cannot be written.
    GitFailed
        The commit does not exist, or cannot be checked out.
    """
    if not OBJECT_ID.fullmatch(commit):
        raise ValueError(f"{commit!r} is no full object id")
    common, shelf = _places(at)
    make_folder(shelf)
    _clear_half_made(common, shelf)
    lock, name = _take_a_free_one(shelf)
    try:
        path = shelf / name
        slot = Slot(name, path, lock, not _is_sound(path, common))
        if slot.is_new:
            _make(slot, commit, common, at)
        try:
            _clean(slot, commit, keep, common)
        except GitFailed:
            if slot.is_new:
                raise
            slot = slot._replace(is_new=True)
            _make(slot, commit, common, at)
            _clean(slot, commit, keep, common)
        yield slot
    finally:
        lock.give_back()


def slots(at: Path | None = None) -> list[SlotState]:
    """Return the slots there are, in their order."""
    common, shelf = _places(at)
    found = []
    for file in sorted(shelf.glob("slot-*.lock"), key=lambda file: (len(file.name), file.name)):
        path = file.with_suffix("")
        found.append(SlotState(path.name, path, is_held(file), read_holder(file), _commit_of(path, common)))
    return found


def discard_free(at: Path | None = None) -> list[str]:
    """Remove the slots that nobody works in, and return their names; the next command makes new ones."""
    common, shelf = _places(at)
    _clear_half_made(common, shelf)
    gone = []
    for state in slots(at):
        lock = try_to_take(shelf / f"{state.name}.lock")
        if lock is None:
            continue
        try:
            if state.path.exists():
                _throw_away(state.path, common)
                gone.append(state.name)
        finally:
            lock.give_back()
    return gone


def _places(at: Path | None) -> tuple[Path, Path]:
    """Return the folder that all working trees share, and the one with the slots."""
    common = common_dir(at)
    return common, common / OWN_FOLDER / FOLDER


def _take_a_free_one(shelf: Path) -> tuple[Lock, str]:
    number = 0
    while True:
        name = f"slot-{number}"
        lock = try_to_take(shelf / f"{name}.lock", is_inheritable=True)
        if lock is not None:
            return lock, name
        number += 1


def _administration(path: Path, common: Path) -> Path | None:
    """Return the folder where git keeps a slot's HEAD and index; None where it is not this repository's.

    A repository that was copied or moved with its slots has slots that still name the old place; git would
    obey, and work on the other repository.
    """
    try:
        line = (path / ".git").read_text(encoding="utf-8", errors="surrogateescape").strip()
        folder = Path(line.removeprefix("gitdir: "))
        back = (folder / "gitdir").read_text(encoding="utf-8", errors="surrogateescape").strip()
        is_ours = os.path.samefile(folder.parent, common / "worktrees") and os.path.samefile(back, path / ".git")
    except (OSError, ValueError):
        return None
    return folder if line.startswith("gitdir: ") and is_ours else None


def _clear_half_made(common: Path, shelf: Path) -> None:
    """Remove what a killed ``git worktree add`` left of a slot, unless somebody makes it right now.

    Its HEAD names no commit yet, and until it is gone ``git log --all`` and ``git gc`` fail for the user.
    """
    for administration in (common / "worktrees").glob("slot-*"):
        if _head(administration) is None and shelf.is_dir():
            lock = try_to_take(shelf / f"{administration.name}.lock")
            if lock is not None:
                if _head(administration) is None:
                    shutil.rmtree(administration, ignore_errors=True)
                lock.give_back()


def _is_sound(path: Path, common: Path) -> bool:
    folder = _administration(path, common)
    return folder is not None and _head(folder) is not None


def _head(administration: Path) -> str | None:
    try:
        head = (administration / "HEAD").read_text().strip()
    except (OSError, ValueError):
        return None
    return head if OBJECT_ID.fullmatch(head) and head.strip("0") else None


def _commit_of(path: Path, common: Path) -> str | None:
    folder = _administration(path, common)
    return _head(folder) if folder is not None else None


def _make(slot: Slot, commit: str, common: Path, at: Path | None) -> None:
    with _alone(slot.path.parent) as alone:
        _clear_half_made(common, slot.path.parent)
        _throw_away(slot.path, common)
        # By force, because git still knows a slot whose folder was removed by hand.
        git(
            *(*_QUIET, "worktree", "add", "--force", "--force", "--detach", "--no-checkout", "--quiet", "--"),
            operands=[str(slot.path), commit],
            at=at,
            descriptors=[slot.lock.descriptor, alone.descriptor],
        )


@contextmanager
def _alone(shelf: Path) -> Iterator[Lock]:
    """Make slots one at a time: `git worktree add` fails where it meets another one that is half done."""
    while (lock := try_to_take(shelf / "making.lock", is_inheritable=True)) is None:
        time.sleep(0.005)
    try:
        yield lock
    finally:
        lock.give_back()


def _clean(slot: Slot, commit: str, keep: Sequence[str], common: Path) -> None:
    administration = _administration(slot.path, common)
    if administration is not None:
        # Whoever left them was killed: the slot's lock is held.
        for left in (*administration.rglob("*.lock"), administration / "locked"):
            left.unlink(missing_ok=True)
    # git has the lock as well: where we are killed it runs on, and whoever is next must not meet it here.
    held = [slot.lock.descriptor]
    git(*_QUIET, "reset", "--hard", "--quiet", commit, "--", at=slot.path, descriptors=held)
    kept = [word for name in keep for word in ("-e", _pattern(name))]
    git(*_QUIET, "clean", "-ffdx", "--quiet", *kept, at=slot.path, descriptors=held)


def _pattern(name: str) -> str:
    """Return the pattern of .gitignore that matches just this path."""
    return "/" + re.sub(r"([\\*?\[\]!# ])", r"\\\1", name.strip("/"))


def _throw_away(path: Path, common: Path) -> None:
    """Remove a slot, its folder and what git knows of it; its lock is held."""
    administration = _administration(path, common)
    if administration is not None:
        shutil.rmtree(administration, ignore_errors=True)
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    # A stage may have made a folder that nobody can write to. Files keep their mode: they may be links into a cache.
    for folder, names, _ in os.walk(path):
        for name in names:
            inner = Path(folder) / name
            if not inner.is_symlink():
                inner.chmod(stat.S_IRWXU)
    shutil.rmtree(path)
