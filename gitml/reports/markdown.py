"""Markdown of what others wrote: names, parameters and commands come out as text, whatever is in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST = 200
"""Letters of a name or value that are shown."""

_MARKUP = re.compile(r"([\\`*_{}\[\]<>|~&$!^])")
_AT_THE_START = re.compile(r"^(\d*)([-+.)=])")
_CALLS = re.compile("([@#])")
_BACKTICKS = re.compile("`+")


def visible(text: str) -> str:
    """Return text with everything that is not printed written out: controls, line ends, turned reading directions."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def code(text: str) -> str:
    """Return text as a code span of one line, also right in a table.

    In code a forge sees no markup, no HTML, no @mention and no #issue. A bar would end a table's cell, and readers
    differ on how it is escaped in code, so it stands between two spans.
    """
    text = visible(text)
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}…"
    return "&#124;".join(map(_span, text.split("|"))) if text else '`""`'


def plain(text: str) -> str:
    """Return text outside of code, with what would be markup escaped.

    Behind ``@`` and ``#`` stands a sign without width, because forges look for mentions after all escapes are gone.
    """
    text = _MARKUP.sub(r"\\\1", visible(text).strip()[:LONGEST])
    text = _AT_THE_START.sub(r"\1\\\2", text).replace("www.", r"www\.").replace("://", r"\://")
    return _CALLS.sub("\\\\\\1\u2060", text)


def block(lines: Iterable[str], language: str = "") -> str:
    """Return lines as a block of code that nothing in them ends."""
    shown = [visible(line) for line in lines]
    longest = max((len(found) for line in shown for found in _BACKTICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join((f"{fence}{language}", *shown, fence))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """Return a table of cells that are Markdown already.

    Parameters
    ----------
    head
        The first line.
    rows
        The other lines.
    right
        Columns of figures, which are set to the right, from 0.
    """
    right = set(right)
    rule = ["---:" if column in right else "---" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def figure(value: float | None) -> str:
    """Return a metric for a person: four decimals, or as many as its size calls for; a count without any."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    size = abs(value)
    if value == 0 or 1e-3 <= size < 1e3:
        return f"{value:.4f}"
    return f"{value:,.1f}" if 1e3 <= size < 1e9 else f"{value:.4g}"


def change(value: float, beside: float) -> str:
    """Return a difference with its sign, with the decimals of the figure that it belongs to."""
    if isinstance(value, int):
        return f"{value:+,}"
    size = abs(beside)
    if 1e-3 <= size < 1e3 or beside == 0 == value:
        return f"{value:+.4f}"
    return f"{value:+,.1f}" if 1e3 <= size < 1e9 else f"{value:+.4g}"


def size(count: int) -> str:
    """Return a number of bytes for a person.

    >>> size(999), size(5 * 2**20)
    ('999 B', '5.0 MiB')
    """
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:,.1f} TiB"


def _span(text: str) -> str:
    if not text:
        return ""
    runs = {len(found) for found in _BACKTICKS.findall(text)}
    fence = "`" * next(length for length in range(1, len(runs) + 2) if length not in runs)
    pad = " " if "`" in (text[0], text[-1]) or text[0] == text[-1] == " " else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text.strip(" ") else f"{fence}{text}{fence}"
