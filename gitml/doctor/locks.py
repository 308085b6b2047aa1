"""Lock files that a killed git left behind."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from gitml.doctor.clone import Clone
from gitml.doctor.finding import Finding, Fix, NotMended, and_more, seen_from

OLD = 60
"""Seconds after which a lock is asked about; git holds most for milliseconds."""

YOUNG = 30
"""Seconds in which a process is too young to hold an old lock."""

VERY_OLD = 3600
"""The same where nobody can say which processes there are."""

LOCKS = (
    "index.lock",
    "HEAD.lock",
    "ORIG_HEAD.lock",
    "MERGE_HEAD.lock",
    "CHERRY_PICK_HEAD.lock",
    "packed-refs.lock",
    "shallow.lock",
    "config.lock",
    "config.worktree.lock",
)

READERS = frozenset(
    {
        "blame",
        "cat-file",
        "credential-cache--daemon",
        "daemon",
        "diff",
        "fsmonitor--daemon",
        "grep",
        "help",
        "log",
        "show",
        "upload-pack",
    }
)
"""Commands of git that run for hours, behind a pager or a program, and hold no lock meanwhile."""

_TAKE_A_VALUE = frozenset({"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env"})
_PROCESSES = Path("/proc")


class Lock(NamedTuple):
    """One file, as it was when it was looked at."""

    path: Path
    inode: int
    changed: int


def locks(clone: Clone) -> Finding:
    """Judge whether git's lock files are held by somebody."""
    folders = clone.git_dirs
    found = [lock for lock in _find(folders) if _is_old(lock)]
    if not found or is_git_at_work(clone):
        return Finding("locks", "ok", "held by a git that runs" if found else "none is left")
    shown = [seen_from(clone.here, lock.path) for lock in found]
    verb = "are" if len(found) > 1 else "is"
    minutes = max(1, round((time.time() - found[0].changed / 1e9) / 60))
    why = f"git was killed while it wrote, {minutes} min ago, and refuses to write there until the file is gone."
    fixes = tuple(_fix(clone, lock, name) for lock, name in zip(found, shown, strict=True))
    says = f"{and_more(shown)} {verb} left from a killed git"
    return Finding("locks", "broken", says, why, (f"rm {' '.join(shown)}",), fixes)


def is_git_at_work(clone: Clone) -> bool:
    """Say whether a git may be running in one of the working trees.

    Only one that is old enough to hold an old lock counts. One whose folder cannot be seen, or that was told
    its repository by an option or by its environment, does.
    """
    places = [clone.repository.common_dir, *(tree.path for tree in clone.worktrees)]
    real = [os.path.realpath(place) for place in places]
    return any(_is_at_work(process, real) for process in _gits())


def _fix(clone: Clone, lock: Lock, shown: str) -> Fix:
    def remove() -> None:
        now = _look(lock.path)
        if now is None:
            return
        if now != lock or not _is_old(now):
            raise NotMended(f"{shown} is another one by now: a git is at work")
        if is_git_at_work(clone):
            raise NotMended(f"a git is at work, and {shown} may be its")
        lock.path.unlink(missing_ok=True)

    return Fix(f"remove {shown}", remove)


def command_of(words: list[str]) -> str:
    """Return the command that a git's command line runs; empty where there is none.

    >>> command_of(["git", "-C", "x", "--no-pager", "log", "-1"])
    'log'
    """
    rest = iter(words[1:])
    for word in rest:
        if word in _TAKE_A_VALUE:
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return ""


def _find(folders: list[Path]) -> list[Lock]:
    """Return all lock files; those of refs end in ``.lock``, as no ref does."""
    paths = [folder / name for folder in folders for name in LOCKS]
    for folder in folders:
        for top, _, files in os.walk(folder / "refs"):
            paths += [Path(top, name) for name in files if name.endswith(".lock")]
    return [lock for lock in map(_look, sorted(paths)) if lock is not None]


def _look(path: Path) -> Lock | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return Lock(path, found.st_ino, found.st_mtime_ns)


def _is_old(lock: Lock) -> bool:
    age = time.time() - lock.changed / 1e9
    return age > (OLD if _PROCESSES.is_dir() else VERY_OLD)


def _gits() -> list[Path]:
    """Return the git processes that run, as folders of ``/proc``."""
    found = []
    try:
        processes = [path for path in _PROCESSES.iterdir() if path.name.isdigit()]
    except OSError:
        return []
    for process in processes:
        try:
            name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
            fields = (process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        is_git = name == "git" or name.startswith("git-")
        if is_git and fields[:1] != ["Z"] and _age(fields) >= YOUNG:
            found.append(process)
    return found


def _age(fields: list[str]) -> float:
    """Return for how many seconds a process has run, by the fields of its ``stat`` from the third on."""
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def _is_at_work(process: Path, places: list[str]) -> bool:
    try:
        words = os.fsdecode((process / "cmdline").read_bytes()).split("\0")
        if command_of(words) in READERS:
            return False
        environment = (process / "environ").read_bytes().split(b"\0")
        folder = Path(os.readlink(process / "cwd"))
    except (FileNotFoundError, ProcessLookupError):
        return False
    except OSError:
        return True
    is_told = any(word.startswith("--git-dir") for word in words)
    is_told = is_told or any(value.startswith(b"GIT_DIR=") for value in environment)
    return is_told or any(folder.is_relative_to(place) for place in places)
