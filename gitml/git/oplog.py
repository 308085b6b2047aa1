"""What gitml's commands did to the refs, a line a command, so that the last one can be undone."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from pathlib import Path
from typing import NamedTuple

from gitml.git.command import without_secrets
from gitml.git.repository import CannotWrite, own_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FILE = "operations"

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Move(NamedTuple):
    """A ref that a command made, moved or deleted.

    Attributes
    ----------
    ref
        Its full name.
    old, new
        Full ids of what it pointed at; None for none.
    is_pushed
        Whether a remote got it as well, so that others may have it.
    """

    ref: str
    old: str | None
    new: str | None
    is_pushed: bool = False


class Operation(NamedTuple):
    """One finished command.

    Attributes
    ----------
    id
        Sorts by time.
    time
        Seconds since 1970.
    words
        The command line, without ``gitml`` and without the secrets of URLs.
    moves
        The refs, in the order in which they moved.
    head
        What HEAD was before and is after it: a branch's full name, or a full id where it is detached; None
        where it did not change.
    forward
        The commands that take it back for everybody, where it was pushed.
    undoes
        The id of the operation that this one put back; None for all but ``undo``.
    """

    id: str
    time: float
    words: tuple[str, ...]
    moves: tuple[Move, ...]
    head: tuple[str, str] | None = None
    forward: tuple[str, ...] = ()
    undoes: str | None = None


def record(
    words: Sequence[str],
    moves: Sequence[Move],
    head: tuple[str, str] | None = None,
    forward: Sequence[str] = (),
    undoes: str | None = None,
    at: Path | None = None,
) -> Operation:
    """Append a finished command to the log, and return what was written.

    Parameters
    ----------
    words, moves, head, forward, undoes
        As for `Operation`.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    CannotWrite
        The log cannot be written, or the disk is full; it is then as it was before.
    """
    now = time.time()
    operation = Operation(
        new_id(now), now, tuple(map(without_secrets, words)), tuple(moves), head, tuple(forward), undoes
    )
    _append(own_folder(at) / FILE, _encoded(operation))
    return operation


def read(at: Path | None = None) -> list[Operation]:
    """Return the commands of the log, oldest first; what was killed while it was written is left out."""
    try:
        content = (own_folder(at) / FILE).read_bytes()
    except FileNotFoundError:
        return []
    found = (_decoded(line) for line in content.split(b"\n") if line)
    return [operation for operation in found if operation is not None]


def not_undone(operations: Sequence[Operation]) -> list[Operation]:
    """Return the commands that can be undone, newest first."""
    undone = {operation.undoes for operation in operations}
    return [one for one in reversed(operations) if one.undoes is None and one.id not in undone and one.moves]


def new_id(now: float, chance: int | None = None) -> str:
    """Return an id that sorts by time: a ULID, 26 letters and digits.

    Parameters
    ----------
    now
        Seconds since 1970.
    chance
        80 bits that tell it from others of the same moment; None to draw them.

    >>> len(new_id(0.0)), new_id(0.0)[:10]
    (26, '0000000000')
    """
    number = (int(now * 1000) << 80) | (secrets.randbits(80) if chance is None else chance)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def _encoded(operation: Operation) -> bytes:
    values = {**operation._asdict(), "moves": [move._asdict() for move in operation.moves]}
    return json.dumps(values).encode() + b"\n"


def _decoded(line: bytes) -> Operation | None:
    try:
        values = json.loads(line)
        return Operation(
            str(values["id"]),
            float(values["time"]),
            tuple(map(str, values["words"])),
            tuple(Move(**move) for move in values["moves"]),
            (str(values["head"][0]), str(values["head"][1])) if values["head"] is not None else None,
            tuple(map(str, values["forward"])),
            values["undoes"],
        )
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None


def _append(path: Path, line: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise CannotWrite(path, error.strerror or str(error)) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        # A line that was killed half-way is closed, so that it does not swallow this one.
        is_whole = size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
        _write_all(descriptor, line if is_whole else b"\n" + line, size)
    except OSError as error:
        raise CannotWrite(path, error.strerror or str(error)) from None
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes, size: int) -> None:
    """Write, and put the file back to `size` bytes where that fails."""
    try:
        left = content
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
