"""One lock a repository, kept by the kernel: whoever is killed holds it no longer."""

from __future__ import annotations

import fcntl
import os
import shlex
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from gitml.errors import BrokenEnvironment
from gitml.git.command import without_secrets
from gitml.git.processes import is_running
from gitml.git.repository import CannotWrite, own_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WAIT = 10.0
"""Seconds that a command waits for another one."""

_LARGEST = 4096


class Holder(NamedTuple):
    """Who has a lock, as they wrote it themselves.

    Attributes
    ----------
    pid
        Their process.
    command
        What they run.
    is_running
        Whether that process still runs on this machine; if not, one that it started has the lock.
    """

    pid: int
    command: str
    is_running: bool

    def __str__(self) -> str:
        """Return it as a person reads it."""
        who = f"process {self.pid} ({self.command})"
        return who if self.is_running else f"what was started by {who}, which ended,"


class Locked(BrokenEnvironment):
    """Somebody else has the lock, and has not given it back in time."""

    def __init__(self, path: Path, holder: Holder | None, waited: float) -> None:
        super().__init__(
            f"{holder or 'another command'} is at work in this repository",
            f"It has {path} for more than {waited:g} s. Wait for it, or stop it.",
            ("gitml status",) if holder is None else (f"ps -fp {holder.pid}",),
        )
        self.path = path
        self.holder = holder


class Lock:
    """A file that one process at a time has locked.

    Attributes
    ----------
    path
        The file. It is never removed: who waits for it has it open.
    descriptor
        Give it to ``subprocess`` as ``pass_fds``, and the lock is held until that process ended, too.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor

    def give_back(self) -> None:
        """Let it go; a child that inherited it still has it."""
        # Closed and never unlocked: unlocking would take it away from a child that has it as well.
        os.close(self.descriptor)


def try_to_take(path: Path, is_inheritable: bool = False) -> Lock | None:
    """Return the lock of a file, or None where somebody else has it.

    Parameters
    ----------
    path
        The file; it is made where it is not there, its folder is not.
    is_inheritable
        Whether processes that are started without closing descriptors keep it.

    Raises
    ------
    CannotWrite
        The file cannot be made or written.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise CannotWrite(path, error.strerror or str(error)) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:
        os.close(descriptor)
        raise CannotWrite(path, f"its file system cannot lock: {error.strerror}") from None
    _sign(descriptor)
    os.set_inheritable(descriptor, is_inheritable)
    return Lock(path, descriptor)


@contextmanager
def hold(
    at: Path | None = None,
    wait: float = WAIT,
    on_wait: Callable[[Holder | None], None] | None = None,
    is_inheritable: bool = False,
) -> Iterator[Lock]:
    """Have the one lock of the repository around `at`, shared by all its working trees.

    Parameters
    ----------
    at
        As for `gitml.git.command.git`.
    wait
        Seconds to wait for whoever has it.
    on_wait
        Called once, with who has it, before the waiting begins.
    is_inheritable
        As for `try_to_take`.

    Raises
    ------
    Locked
        Somebody has it for longer.
    CannotWrite
        The repository cannot be written.
    """
    path = own_folder(at) / "lock"
    until = time.monotonic() + wait
    has_told = False
    while (lock := try_to_take(path, is_inheritable)) is None:
        if time.monotonic() >= until:
            raise Locked(path, read_holder(path), wait)
        if not has_told and on_wait is not None:
            on_wait(read_holder(path))
        has_told = True
        time.sleep(0.05)
    try:
        yield lock
    finally:
        lock.give_back()


def read_holder(path: Path) -> Holder | None:
    """Return who wrote themselves into a lock's file last; it says nothing about whether it is held."""
    try:
        with path.open("rb") as file:
            pid, _, command = os.fsdecode(file.read(_LARGEST)).strip().partition("\n")
        number = int(pid)
    except (OSError, ValueError):
        return None
    return Holder(number, command, is_running(number))


def is_held(path: Path) -> bool:
    """Say whether somebody has the lock of a file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _sign(descriptor: int) -> None:
    """Write who has it; on a full disk nobody can, and the lock holds all the same."""
    name = Path(sys.argv[0]).name or "python"
    line = without_secrets(shlex.join([name, *sys.argv[1:]])).replace("\n", " ")
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, os.fsencode(f"{os.getpid()}\n{line}\n")[:_LARGEST], 0)
    except OSError:
        return
