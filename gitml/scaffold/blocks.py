"""What gitml wrote into a file, so marked that any clone can take it out again: lines between marks, or a sealed file.

A mark has a sum of what it marks. Where the sum is another, somebody edited it since, and it is theirs.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

NEW_FILE = " (a new file)"
NO_LINE_END = " (the line above had no end)"

_BEGINS = re.compile(rb"^# gitml init: (?P<sum>[0-9a-f]{12})(?P<note>[^\r\n]*)\r?\n", re.MULTILINE)
_ENDS = re.compile(rb"^# gitml init: end\r?(?:\n|\Z)", re.MULTILINE)
_SEAL = re.compile(rb"(?:\A|(?<=\n))(?P<line>[^\n]*gitml init --remove[^\n]*? (?P<sum>[0-9a-f]{12})[^\n]*)\r?\n?\Z")

State = Literal["absent", "as written", "edited"]


class Found(NamedTuple):
    """What a file has of ours.

    Attributes
    ----------
    state
        Whether there is something, and whether it is as it was written.
    content
        The file without it; None where nothing is left, and nothing was there before. The file itself where the
        state is not ``as written``.
    """

    state: State
    content: bytes | None


def with_lines(old: bytes | None, lines: Sequence[bytes]) -> bytes:
    """Return a file with our lines at its end, or in place of those of an earlier time.

    Lines that somebody edited stay as they are. Every other byte is kept, and the line ends are the file's.

    Parameters
    ----------
    old
        What is in it; None where there is no such file.
    lines
        Without their ends; none for no change.
    """
    if not lines:
        return old or b""
    found = without_lines(old or b"")
    if found.state == "edited" or (found.state == "as written" and lines_in(old or b"") == list(lines)):
        return old or b""
    before = old
    if found.state == "as written":
        before = found.content
    end = b"\r\n" if b"\r\n" in (before or b"").partition(b"\n")[0] + b"\n" else b"\n"
    note = ""
    head = before or b""
    if before is None:
        note = NEW_FILE
    elif head and not head.endswith(b"\n"):
        note, head = NO_LINE_END, head + end
    begin = f"# gitml init: {_sum(lines)}{note}".encode()
    return head + b"".join(line + end for line in (begin, *lines, b"# gitml init: end"))


def without_lines(content: bytes) -> Found:
    """Return a file without our lines."""
    begin = _BEGINS.search(content)
    end = _ENDS.search(content, begin.end()) if begin is not None else None
    if begin is None or end is None:
        return Found("edited" if b"# gitml init: " in content else "absent", content)
    if _sum(_split(content[begin.end() : end.start()])) != begin["sum"].decode():
        return Found("edited", content)
    head, tail, note = content[: begin.start()], content[end.end() :], begin["note"].decode("ascii", "replace")
    if note == NO_LINE_END and not tail:
        head = head.removesuffix(b"\n").removesuffix(b"\r")
    left = head + tail
    return Found("as written", None if not left and note == NEW_FILE else left)


def sealed(text: str, comment: tuple[str, str] = ("# ", "")) -> bytes:
    """Return a file of ours whose last line says that it is, and how it was.

    Parameters
    ----------
    text
        What it says, with a line end.
    comment
        What stands before and behind a comment in such a file.
    """
    before, behind = comment
    says = f"{before}While this file is as it was written, gitml init --remove takes it out: "
    return f"{text}{says}{_sum(_split(text.encode()))}{behind}\n".encode()


def state_of(content: bytes) -> State:
    """Say whether a whole file is ours, and as it was written."""
    match = _SEAL.search(content)
    if match is None:
        return "edited" if b"gitml init --remove" in content else "absent"
    return "as written" if _sum(_split(content[: match.start("line")])) == match["sum"].decode() else "edited"


def lines_in(content: bytes) -> list[bytes]:
    """Return our lines in a file, without their marks; none where there are none."""
    begin = _BEGINS.search(content)
    end = _ENDS.search(content, begin.end()) if begin is not None else None
    return _split(content[begin.end() : end.start()]) if begin is not None and end is not None else []


def _split(content: bytes) -> list[bytes]:
    """Return the lines, whatever their ends: git may change those in another clone."""
    return [line.removesuffix(b"\r") for line in content.removesuffix(b"\n").split(b"\n")] if content else []


def _sum(lines: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()[:12]
