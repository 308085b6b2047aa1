"""Lock files that a killed git left: git itself never removes them, and refuses until somebody does."""

from __future__ import annotations

import os
import time
from pathlib import Path

ABANDONED_AFTER = 3.0
"""Seconds; a git that works holds a lock file for milliseconds."""

_PROCESSES = Path("/proc")


def clear_if_abandoned(lock: Path) -> bool:
    """Remove a lock file of git that nobody holds any more, and say whether it is gone.

    It is left alone while it is younger than `ABANDONED_AFTER`; while a process has it open; while a
    git runs that started before it was made; and where one cannot tell, as on a Mac or on a
    folder of another machine's.
    """
    try:
        before = lock.stat()
    except FileNotFoundError:
        return True
    if time.time() - before.st_mtime < ABANDONED_AFTER or is_held(lock, before.st_mtime):
        return False
    try:
        now = lock.stat()
        if (now.st_ino, now.st_mtime_ns) != (before.st_ino, before.st_mtime_ns):
            return False
        lock.unlink()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def is_held(lock: Path, since: float) -> bool:
    """Say whether a process of this machine may hold a lock file made at `since` (seconds since 1970).

    True as well where that cannot be found out.
    """
    try:
        processes = [entry for entry in _PROCESSES.iterdir() if entry.name.isdigit()]
    except OSError:
        return True
    if not processes or _is_from_elsewhere(lock):
        return True
    return any(_may_hold(process, str(lock), since) for process in processes if process.name != str(os.getpid()))


def _may_hold(process: Path, lock: str, since: float) -> bool:
    try:
        name = (process / "comm").read_text(errors="replace").strip()
        if name == "git" or name.startswith("git-"):
            return _is_alive_since_before(process, since)
        return any(os.readlink(descriptor) == lock for descriptor in (process / "fd").iterdir())
    except OSError:  # it ended, or it is somebody else's and no git
        return False


def _is_alive_since_before(process: Path, since: float) -> bool:
    """Say whether a process started before `since` and is more than an entry that nobody has collected yet."""
    words = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()
    since_boot = int(words[19]) / os.sysconf("SC_CLK_TCK")
    boot = next(
        int(line.split()[1]) for line in (_PROCESSES / "stat").read_text().splitlines() if line.startswith("btime ")
    )
    # The time of the boot is kept in whole seconds.
    return words[0] not in ("Z", "X") and boot + since_boot <= since + 1


def _is_from_elsewhere(path: Path) -> bool:
    """Say whether `path` is on a file system that other machines write to as well."""
    shared = ("nfs", "cifs", "smb", "fuse.sshfs", "9p", "ceph", "glusterfs", "lustre", "afs")
    kind, longest = "", -1
    for line in (_PROCESSES / "self" / "mounts").read_text(errors="replace").splitlines():
        words = line.split(" ")
        if len(words) > 2 and len(words[1]) > longest and path.is_relative_to(words[1]):
            kind, longest = words[2], len(words[1])
    return kind.startswith(shared)
