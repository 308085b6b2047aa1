"""The patterns of .gitignore, .gitattributes and .dvcignore as regular expressions that cannot run wild."""

from __future__ import annotations

import re
from typing import NamedTuple

MOST_CROSSINGS = 2
"""``**`` in one pattern; each more multiplies the time of a match by the path's length."""


class Pattern(NamedTuple):
    """One line.

    Attributes
    ----------
    regex
        Matches a whole path, relative to the folder of the file that has the line.
    is_negated
        Whether it begins with ``!``.
    is_folder_only
        Whether it ends with ``/``.
    """

    regex: re.Pattern[str]
    is_negated: bool
    is_folder_only: bool


class TooManyCrossings(ValueError):
    """A pattern has more ``**`` than are tried."""


def parse(line: str) -> Pattern | None:
    r"""Return the pattern of a line without its line end; None for a comment and for what git ignores.

    Raises
    ------
    TooManyCrossings
        It has more than two ``**`` with something behind them.

    >>> bool(parse("*.py[co]").regex.fullmatch("a/b.pyc"))
    True
    """
    text = line if line.endswith("\\ ") else line.rstrip()
    if not text or text.startswith("#") or text == "/":
        return None
    is_negated = text.startswith("!")
    text = text[is_negated:]
    is_folder_only = text.endswith("/")
    text = text.rstrip("/") if is_folder_only else text
    is_anchored = "/" in text
    segments = text.removeprefix("/").split("/")
    segments = [
        each for place, each in enumerate(segments) if each != "**" or segments[place + 1 : place + 2] != ["**"]
    ]
    if segments[:-1].count("**") > MOST_CROSSINGS:
        raise TooManyCrossings(line)
    body = _translate(segments)
    if body is None:
        return None
    try:
        return Pattern(re.compile(body if is_anchored else f"(?:.*/)?{body}", re.DOTALL), is_negated, is_folder_only)
    except (re.error, OverflowError):
        return None


def _translate(segments: list[str]) -> str | None:
    body = ""
    for place, segment in enumerate(segments):
        is_last = place == len(segments) - 1
        if segment == "**":
            body += ".+" if is_last else "(?:.+/)?"
            continue
        piece = _translate_segment(segment)
        if piece is None:
            return None
        body += piece if is_last else f"{piece}/"
    return body


def _translate_segment(segment: str) -> str | None:
    """Translate what stands between two slashes; None where git would drop the pattern."""
    pieces: list[str] = [""]
    place = 0
    while place < len(segment):
        letter = segment[place]
        place += 1
        if letter == "*":
            if pieces[-1] or len(pieces) == 1:
                pieces.append("")
        elif letter == "?":
            pieces[-1] += "[^/]"
        elif letter == "[":
            end = _end_of_class(segment, place)
            if end < 0:
                return None
            pieces[-1] += _translate_class(segment[place:end])
            place = end + 1
        elif letter == "\\":
            if place == len(segment):
                return None
            pieces[-1] += re.escape(segment[place])
            place += 1
        else:
            pieces[-1] += re.escape(letter)
    if len(pieces) == 1:
        return pieces[0]
    # All stars but the last take the first fit and never try another one, so a match is quadratic at worst.
    middle = "".join(f"(?>[^/]*?{piece})" for piece in pieces[1:-1])
    return f"{pieces[0]}{middle}[^/]*{pieces[-1]}"


def _end_of_class(segment: str, place: int) -> int:
    first = place + (segment[place : place + 1] in ("!", "^"))
    return segment.find("]", first + (segment[first : first + 1] == "]"))


def _translate_class(inner: str) -> str:
    is_negated = inner[:1] in ("!", "^")
    inner = inner[is_negated:].replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace("^", "\\^")
    return f"(?!/)[{'^' if is_negated else ''}{inner}]"
