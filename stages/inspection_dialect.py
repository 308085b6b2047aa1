"""How a CSV file is written, guessed from its bytes: encoding, separator, decimal mark, and codes like numbers."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Protocol

from stages.errors import InputError

CHUNK = 1 << 24
"""Bytes that are decoded at a time."""

HEAD = 1 << 20
"""Bytes from which the separator is guessed."""

SLICES, SLICE = 8, 1 << 18
"""So many places of a file, each of so many bytes, are looked at for codes."""

LINES = 500
"""Lines from which the separator and the decimal mark are guessed."""

DELIMITERS = (",", ";", "\t", "|")
"""In the order in which they are believed where several fit equally well."""

CYRILLIC = 0.3
"""From this share of letters beyond ASCII on, a text of one byte a letter is taken for Cyrillic."""

WITH_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
WITH_POINT = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")
WHOLE = re.compile(r"[+-]?\d+")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
"""May be a number of thousands as well as one with three decimals."""


class Bytes(Protocol):
    """What `bytes` and a mapped file have in common."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: slice, /) -> bytes: ...

    def find(self, sought: bytes, /) -> int:
        """Return the first place of some bytes, or -1."""
        ...


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written.

    Attributes
    ----------
    encoding, delimiter, decimal
        As the ``csv`` section of params.yaml has them.
    codes
        Columns of digits of which some begin with a zero, which a number would lose.
    note
        What was not certain about the encoding, a sentence; empty if nothing.
    """

    encoding: str
    delimiter: str
    decimal: str
    codes: tuple[str, ...]
    note: str


def sniff(content: Bytes, source: str) -> Dialect:
    """Guess how a CSV file is written; the encoding is proved on all of it.

    Raises
    ------
    InputError
        Its first line are no column names.
    """
    encoding, note = find_encoding(content)
    head = _decoded(content, 0, HEAD, encoding)
    delimiter = find_delimiter(head, len(content) > HEAD)
    rows = _rows(head, delimiter, LINES, len(content) > HEAD)
    if not rows:
        return Dialect(encoding, delimiter, ".", (), note)
    decimal = find_decimal(rows, delimiter)
    _refuse_no_header(rows, decimal, source)
    return Dialect(encoding, delimiter, decimal, _codes(content, encoding, delimiter, rows[0]), note)


def find_encoding(content: Bytes) -> tuple[str, str]:
    """Return an encoding in which every byte of the file can be read, and what is uncertain about it.

    UTF-8 and UTF-16 prove themselves. Of the encodings of one byte a letter Windows' Western one is taken,
    or its Cyrillic one where so many letters are not ASCII that it cannot be Western.
    """
    start = bytes(content[:4096])
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and _reads(content, "utf-16") is None:
        return "utf-16", ""
    if start.count(0) > len(start) // 4:
        wide = "utf-16-le" if start[1::2].count(0) >= start[::2].count(0) else "utf-16-be"
        if _reads(content, wide) is None:
            return wide, ""
    broken = _reads(content, "utf-8")
    if broken is None:
        return "utf-8", ""
    near = bytes(content[max(broken - SLICE, 0) : broken + SLICE])
    replaced = near.decode("utf-8", "replace")
    wrong = replaced.count("\ufffd")
    mostly_utf8 = sum(letter > "\x7f" for letter in replaced) - wrong > 10 * wrong
    letters = [byte for byte in near if byte >= 0x80 or chr(byte).isalpha()]
    cyrillic = not mostly_utf8 and sum(byte >= 0x80 for byte in letters) > CYRILLIC * len(letters)
    likely = ("cp1251", "cp1252") if cyrillic else ("cp1252",)
    found = next((name for name in likely if _reads(content, name) is None), "latin-1")
    line = _line(content, broken)
    if mostly_utf8:
        return found, f"line {line} is not UTF-8, though other lines are: read as {found}, their letters come out wrong"
    return found, f"the encoding {found} is a guess: see whether {_example(content, broken, found)} reads right"


def find_delimiter(head: str, cut: bool = False) -> str:
    """Return the separator that gives most lines the same number of fields, the more the better.

    Parameters
    ----------
    head
        The first lines.
    cut
        Whether the last of them may be incomplete.
    """
    fits = {delimiter: _fit(head, delimiter, cut) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: fits[delimiter])
    if fits[best] > (0.0, 0):
        return best
    return " " if _fit(head, " ", cut)[0] == 1.0 else ","


def find_decimal(rows: list[list[str]], delimiter: str) -> str:
    """Return the decimal mark that makes more columns numbers; rows[0] is the header."""
    if delimiter == ",":
        return "."
    votes: Counter[str] = Counter()
    for cells in _columns(rows):
        if not all(WHOLE.fullmatch(cell) or WITH_COMMA.fullmatch(cell) or WITH_POINT.fullmatch(cell) for cell in cells):
            continue
        votes[","] += any(WITH_COMMA.fullmatch(cell) and not THOUSANDS.fullmatch(cell) for cell in cells)
        votes["."] += any(WITH_POINT.fullmatch(cell) for cell in cells)
    return "," if votes[","] > votes["."] else "."


def _reads(content: Bytes, encoding: str) -> int | None:
    """Return the place of a byte that cannot be read, about, or None if all can."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for start in range(0, max(len(content), 1), CHUNK):
        chunk = bytes(content[start : start + CHUNK])
        try:
            decoder.decode(chunk, start + CHUNK >= len(content))
        except UnicodeDecodeError as error:
            return max(start + error.start, 0)
    return None


def _decoded(content: Bytes, start: int, size: int, encoding: str) -> str:
    """Return some of the text; what is cut at its ends is left out."""
    wide = 2 if encoding.startswith("utf-16") else 1
    start -= start % wide
    if encoding == "utf-16" and start:  # the byte order stands at the very beginning
        encoding = "utf-16-le" if bytes(content[:2]) == codecs.BOM_UTF16_LE else "utf-16-be"
    return bytes(content[start : start + size]).decode(encoding, "ignore").removeprefix("\ufeff")


def _rows(text: str, delimiter: str, most: int, cut: bool) -> list[list[str]]:
    """Return the lines that are not blank as lists of fields, without the last if it may be incomplete."""
    lines = csv.reader(io.StringIO(text, newline=None), delimiter=delimiter)
    try:
        rows = list(islice((row for row in lines if any(cell.strip() for cell in row)), most))
    except csv.Error:
        return []
    return rows[:-1] if cut and len(rows) < most else rows


def _fit(text: str, delimiter: str, cut: bool) -> tuple[float, int]:
    """Return the share of lines that have the usual number of fields, and that number; zeros if it is one."""
    rows = _rows(text, delimiter, LINES, cut)
    if not rows:
        return 0.0, 0
    width, times = Counter(map(len, rows)).most_common(1)[0]
    return (round(times / len(rows), 2), width) if width > 1 else (0.0, 0)


def _columns(rows: list[list[str]]) -> Iterator[list[str]]:
    """Yield the filled cells of each column below the header; of one without any, nothing."""
    for place in range(len(rows[0])):
        cells = [row[place].strip() for row in rows[1:] if place < len(row) and row[place].strip()]
        if cells:
            yield cells


def _refuse_no_header(rows: list[list[str]], decimal: str, source: str) -> None:
    """Refuse a first line that is one of values: a number stands above every column of numbers."""
    header = [name.strip() for name in rows[0]]
    if len(header) <= 2 and re.fullmatch(r"sep=.?", "".join(header), re.IGNORECASE):
        raise InputError(f"{source}: its first line, '{header[0]}…', is for a spreadsheet.", "Take that line out.")
    below = [[row[place].strip() for row in rows[1:] if place < len(row)] for place in range(len(header))]
    numeric = [
        place for place, cells in enumerate(below) if any(cells) and all(_is_number(cell, decimal) for cell in cells)
    ]
    above = [header[place] for place in numeric]
    if not numeric or not all(name and _is_number(name, decimal) for name in above):
        return
    if all(WHOLE.fullmatch(name) for name in above):
        steps = {int(after) - int(before) for before, after in pairwise(above)}
        if len(above) > 2 and len(steps) == 1 and steps != {0}:  # years, or pixels, are names
            return
    shown = ", ".join(header[:4])
    raise InputError(
        f"{source} has no column names: its first line is one of values ({shown}{', …' if len(header) > 4 else ''}).",
        "Write a line of column names above it.",
    )


def _is_number(cell: str, decimal: str) -> bool:
    try:
        float(cell.replace(decimal, ".") if cell else "nan")
    except ValueError:
        return False
    return "_" not in cell


def _codes(content: Bytes, encoding: str, delimiter: str, header: list[str]) -> tuple[str, ...]:
    """Return the columns that hold nothing but digits and somewhere a leading zero, looked for all over the file."""
    whole: dict[int, bool] = {}
    zeros: set[int] = set()
    for row in _scattered(content, encoding, delimiter, len(header)):
        for place, cell in enumerate(row):
            text = cell.strip()
            if text:
                digits = text.isascii() and text.isdigit()
                whole[place] = whole.get(place, True) and digits
                if digits and len(text) > 1 and text[0] == "0":
                    zeros.add(place)
    return tuple(header[place] for place in sorted(zeros) if whole[place] and header[place].strip())


def _scattered(content: Bytes, encoding: str, delimiter: str, width: int) -> Iterator[list[str]]:
    """Yield lines from evenly spaced places of the file, without those that do not have its number of fields."""
    size = len(content)
    if size <= SLICES * SLICE:
        starts, length = [0], size
    else:
        starts, length = [size * part // SLICES for part in range(SLICES)], SLICE
    for start in starts:
        rows = _rows(_decoded(content, start, length, encoding), delimiter, size, len(starts) > 1)
        yield from (row for row in rows[1:] if len(row) == width)


def _line(content: Bytes, place: int) -> int:
    return 1 + sum(bytes(content[start : min(start + CHUNK, place)]).count(b"\n") for start in range(0, place, CHUNK))


def _example(content: Bytes, place: int, encoding: str) -> str:
    """Return the word around a byte, as it reads."""
    before = re.search(r"\w*$", bytes(content[max(place - 20, 0) : place]).decode(encoding, "ignore"))
    after = re.match(r"\w*", bytes(content[place : place + 20]).decode(encoding, "ignore"))
    return f"'{before[0] if before else ''}{after[0] if after else ''}' (line {_line(content, place)})"
