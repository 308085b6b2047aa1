"""Processes of this machine: whether one that wrote itself down still runs, and a thread that lets others go first."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_BESIDE: list[threading.Thread] = []

_LAST = 19
"""The least of a processor's attention that a thread can ask for."""


def is_running(pid: int) -> bool:
    """Say whether a process of this machine runs; one that has ended and waits for its parent does not."""
    if os.name == "nt":  # there, signal 0 would end the process
        return True
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def beside(what: Callable[[], None]) -> threading.Thread:
    """Do something in a thread that takes the processor only when nobody else wants it, where the system can do that.

    Python waits for it at its end, because native code that still runs then crashes; a process whose work is done
    asks `is_anything_beside`, and ends without Python's end.
    """

    def humbly() -> None:
        if sys.platform == "linux":  # elsewhere it would be the whole process
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LAST)
        what()

    if not _BESIDE:
        atexit.register(_wait)
    thread = threading.Thread(target=humbly, daemon=True)
    _BESIDE.append(thread)
    thread.start()
    return thread


def is_anything_beside() -> bool:
    """Say whether something that `beside` began is still under way."""
    return any(thread.is_alive() for thread in _BESIDE)


def _wait() -> None:
    for thread in _BESIDE:
        thread.join()


def _is_zombie(pid: int) -> bool:
    """Say whether a process has ended, and only its parent has not asked for it; DVC takes it for a living one."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] == b"Z"
    except (OSError, IndexError):
        return False
