"""Where the sections of a report begin and end, and where a run may write.

A report may be a megabyte and anything may stand in it, so the text is not parsed as Markdown: only lines that can
begin a heading, a code fence or an HTML comment are looked at, as CommonMark 0.31 reads them. Two things are read
otherwise. A fence or comment that is never closed hides nothing, or the rest of the report would be lost to the runs.
And between gitml's markers nothing is Markdown: whatever a run wrote there ends at its closing marker.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Block = Literal["methodology", "results"]
"""What a run writes into a report, and the word in its markers."""

SECTIONS = ("Objective", "Hypothesis", "Methodology", "Results", "Conclusions", "Next steps")
"""The headings of a report, in their order."""

SECTION_OF: dict[Block, str] = {"methodology": "Methodology", "results": "Results"}
"""The section in which a block belongs."""

LONGEST_HEADING = 80
"""Letters of a heading that may be one of `SECTIONS`, with its decoration."""

# The line end in front is a part of each, because a search that begins with a letter is several times faster.
_LINE = r"""[ ]{0,3}(?:
    (?P<level>\#{1,2})(?:[ \t]+(?P<title>[^\r\n]*))?\r?$
    |(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})(?P<info>[^\n]*)
    |(?P<comment><!--)
)"""
_FIRST_LINE = re.compile(_LINE, re.VERBOSE | re.MULTILINE)
_LATER_LINE = re.compile(rf"\n{_LINE}", re.VERBOSE | re.MULTILINE)
_MARKER = re.compile(r"<!--[ \t]*(?P<end>/?)gitml:(?P<block>methodology|results)[ \t]*-->[ \t]*\r?$", re.MULTILINE)

_DECORATION = re.compile(r"[ \t]#*[ \t]*$")
_NUMBER = re.compile(r"\d{1,2}[.)][ \t]+")
_NAMES = {name.casefold(): name for name in SECTIONS}


class Section(NamedTuple):
    """One heading of the first or second level, and the text up to the next.

    Attributes
    ----------
    name
        One of `SECTIONS`; empty for a heading that is a person's own.
    start
        Where the heading's line begins, as an index into the text.
    body
        Where the text under it begins.
    end
        Where the next heading's line begins.
    """

    name: str
    start: int
    body: int
    end: int


class Span(NamedTuple):
    """The text between two markers: from the line after the one to the line of the other."""

    start: int
    end: int


class Structure(NamedTuple):
    """Where things stand in a report.

    Attributes
    ----------
    sections
        Its headings, in the order in which they stand.
    blocks
        What lies between markers. Of several pairs with one word the first counts; the others are a
        person's text like any other.
    """

    sections: tuple[Section, ...]
    blocks: dict[Block, Span]

    def section(self, name: str) -> Section | None:
        """Return the first section of this name."""
        return next((section for section in self.sections if section.name == name), None)


class _Line(NamedTuple):
    """A line that may begin a heading, a fence, a comment or a block; `start` and `end` without its line end."""

    start: int
    end: int
    kind: Literal["heading", "fence", "comment", "begin", "end"]
    word: str = ""
    is_bare: bool = True


def find(text: str, body: int = 0) -> Structure:
    """Return where the sections and the blocks of a report are.

    Parameters
    ----------
    text
        The report.
    body
        Where its front matter ends.

    Notes
    -----
    A marker counts where it is alone on its line. Two markers are a pair when nothing lies between them that a
    run cannot have written: no other marker, and no heading of `SECTIONS`. So whatever was deleted, doubled or
    moved, filling a block removes nothing of a person's.
    """
    lines = list(_lines(text, body))
    pairs = _pairs(lines)
    hidden = _Hidden(text, lines, pairs)
    headings: list[_Line] = []
    blocks: dict[Block, Span] = {}
    place = 0
    while place < len(lines):
        line = lines[place]
        if place in pairs:
            last = lines[pairs[place]]
            block: Block = "results" if line.word == "results" else "methodology"
            blocks.setdefault(block, Span(line.end + 1, last.start))
            place = pairs[place]
        elif line.kind == "heading":
            headings.append(line)
        elif line.kind in ("fence", "comment"):
            place = hidden.last(place)
        place += 1
    ends = [heading.start for heading in headings[1:]] + [len(text)] * bool(headings)
    sections = tuple(
        Section(heading.word, heading.start, min(heading.end + 1, len(text)), end)
        for heading, end in zip(headings, ends, strict=True)
    )
    return Structure(sections, blocks)


def tamed(content: str) -> str:
    """Return what a run writes without lines that would be read as a marker or as the heading of a section."""
    edits = []
    for line in _lines(content, 0):
        if line.kind in ("begin", "end"):
            edits.append((content.index("<", line.start), "&lt;", 1))
        elif line.kind == "heading" and line.word:
            edits.append((content.index("#", line.start), "\\", 0))
    for at, put, removed in reversed(edits):
        content = content[:at] + put + content[at + removed :]
    return content


def _lines(text: str, body: int) -> Iterator[_Line]:
    first = _FIRST_LINE.match(text, body)
    if first is not None:
        yield _line(text, first, first.start())
    for found in _LATER_LINE.finditer(text, first.end() if first is not None else body):
        yield _line(text, found, found.start() + 1)


def _line(text: str, found: re.Match[str], start: int) -> _Line:
    if found["level"] is not None:
        name = _section_name(found["title"] or "") if len(found["level"]) == 2 else ""
        return _Line(start, found.end(), "heading", name)
    if found["fence"] is not None:
        return _Line(start, found.end(), "fence", found["fence"], not found["info"].strip())
    marker = _MARKER.match(text, found.start("comment"))
    if marker is None:
        return _Line(start, found.end(), "comment")
    return _Line(start, marker.end(), "end" if marker["end"] else "begin", marker["block"])


def _section_name(title: str) -> str:
    """Return the section that a heading means: ``Results``, ``results:``, ``4. Results`` and ``**Results**``."""
    if len(title) > LONGEST_HEADING:
        return ""
    bare = _NUMBER.sub("", _DECORATION.sub("", title.strip(" \t")))
    return _NAMES.get(bare.strip("*_: \t").casefold(), "")


def _pairs(lines: list[_Line]) -> dict[int, int]:
    """Return for each line that begins a block the line that ends it."""
    pairs: dict[int, int] = {}
    begin: int | None = None
    for place, line in enumerate(lines):
        if line.kind == "end" and begin is not None and lines[begin].word == line.word:
            pairs[begin] = place
        if line.kind in ("begin", "end") or (line.kind == "heading" and line.word):
            begin = place if line.kind == "begin" else None
    return pairs


class _Hidden:
    """Finds what a fence or a comment hides; what was once sought in vain is not sought again."""

    def __init__(self, text: str, lines: list[_Line], pairs: dict[int, int]) -> None:
        self.text = text
        self.lines = lines
        self.pairs = pairs
        self.hopeless: dict[str, int] = {}
        self.arrow = -1
        self.has_no_more_arrows = False
        self.marker = -1

    def last(self, place: int) -> int:
        """Return the last of the lines that the one at `place` hides: itself where it hides none."""
        line = self.lines[place]
        return self.close_of_fence(place, line) if line.kind == "fence" else self.close_of_comment(place, line)

    def close_of_fence(self, place: int, fence: _Line) -> int:
        letter, length = fence.word[0], len(fence.word)
        if length >= self.hopeless.get(letter, length + 1):
            return place
        at = place + 1
        while at < len(self.lines):
            line = self.lines[at]
            if line.kind == "fence" and line.is_bare and line.word[0] == letter and len(line.word) >= length:
                return at
            at = self.pairs.get(at, at) + 1
        self.hopeless[letter] = length
        return place

    def close_of_comment(self, place: int, comment: _Line) -> int:
        inside = comment.end - 2  # <!--> is a whole comment
        if self.arrow < inside and not self.has_no_more_arrows:
            self.arrow = self.text.find("-->", inside)
            self.has_no_more_arrows = self.arrow < 0
        if self.has_no_more_arrows or place < self.marker:
            return place
        last = place
        while last + 1 < len(self.lines) and self.lines[last + 1].start < self.arrow:
            last += 1
            if self.lines[last].kind in ("begin", "end"):
                self.marker = last
                return place
        return last
