"""What is written to a terminal: its width, its colours, the frame of an error."""

from __future__ import annotations

import os
import textwrap
from typing import IO

from gitml.conventions.shell import printable

__all__ = ["WIDTH", "filled", "framed", "has_colours", "painted", "printable"]

WIDTH = 80

_COLOURS = {"ok": "32", "warning": "33", "broken": "31", "command": "36"}


def has_colours(stream: IO[str]) -> bool:
    """Say whether `stream` is a terminal on which nobody has switched colours off."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def painted(text: str, role: str, is_on: bool) -> str:
    """Return `text` in the colour of its role, if colours are on."""
    return f"\x1b[{_COLOURS[role]}m{text}\x1b[0m" if is_on else text


def filled(text: str, indent: str) -> str:
    """Return `text` broken at `WIDTH` columns, each line behind `indent`."""
    return textwrap.fill(
        printable(text),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def framed(what: str, why: str, mend: tuple[str, ...]) -> str:
    """Return an error as a person reads it: what happened, why, the commands that mend it."""
    lines = [f"gitml: {printable(what)}"]
    lines += [filled(line, "  ") for line in why.splitlines() if line.strip()]
    if mend:
        lines += ["Mend:", *(f"  {printable(command)}" for command in mend)]
    return "\n".join(lines)
