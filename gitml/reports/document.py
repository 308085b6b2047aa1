"""The report of an experiment, ``reports/<slug>/README.md``: begun, read, filled by a run, and checked.

What a run writes stands between markers. Every other byte belongs to a person and is kept, whatever it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from gitml.reports import front_matter, structure
from gitml.reports.structure import SECTION_OF, SECTIONS, Block, Section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from gitml.reports.front_matter import Value
    from gitml.reports.structure import Structure

FIELDS = ("id", "status", "created", "author", "parent", "tags", "verdict")
"""The front matter's keys, in their order."""

CONCLUSIONS = ("What worked", "What didn't work", "Insights")
"""The parts of the section Conclusions."""

PROMPTS = {
    "Objective": "What should get better, and for whom? One or two sentences.",
    "Hypothesis": "What you change, what you expect of it, and why.",
    "Methodology": "Each run writes its facts between the two lines below; your own words go above or below them.",
    "Results": "Each run writes its figures between the two lines below; your own words go above or below them.",
    "What worked": "What you would do again, with the figure that says so.",
    "What didn't work": "What you would not try again, and why.",
    "Insights": "What somebody else should know before they try something near.",
    "Next steps": "What to try next, or why to stop here.",
}
"""What the template asks, as comments that a forge does not show."""

# A comment that is never closed hides the rest on a forge, so it does here.
_COMMENT = re.compile(r"<!--(?:.*?-->|.*)", re.DOTALL)
_HEADING = re.compile(r"^ {0,3}#{1,6}(?:[ \t].*)?$", re.MULTILINE)
_LETTER = re.compile(r"[^\W_]")


class Document(NamedTuple):
    """A report as it was read.

    Attributes
    ----------
    fields
        The front matter; empty where there is none or it cannot be read.
    fault
        Why the front matter cannot be read; empty where it can.
    sections
        What stands under each heading of `SECTIONS` that the report has, markers and prompts included.
    blocks
        What the last run wrote.
    """

    fields: Mapping[str, Any]
    fault: str
    sections: Mapping[str, str]
    blocks: Mapping[Block, str]


def path(slug: str) -> str:
    """Return the file of an experiment's report, from the top of the repository."""
    return f"reports/{slug}/README.md"


def decoded(content: bytes) -> str:
    """Return the text of a report file; what is no UTF-8 in it comes back by `encoded`."""
    return content.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """Return the bytes of a report file."""
    return text.encode("utf-8", "surrogateescape")


def new(
    slug: str,
    *,
    created: str,
    author: str,
    parent: str,
    tags: Sequence[str] = (),
    objective: str = "",
    hypothesis: str = "",
) -> str:
    """Return the report of an experiment that begins.

    Parameters
    ----------
    slug
        The experiment's name, without ``experiments/``.
    created
        The day, as YYYY-MM-DD.
    author
        Who began it.
    parent
        The branch or commit from which it began.
    tags
        Words to find it by.
    objective, hypothesis
        What a person said already; the template's prompt stands where nothing is given.
    """
    values: dict[str, Value] = {
        "id": slug,
        "status": "open",
        "created": created,
        "author": author,
        "parent": parent,
        "tags": tags,
        "verdict": None,
    }
    parts = [f"# {slug}"]
    for name in SECTIONS:
        parts.append(f"## {name}")
        if name == "Conclusions":
            for part in CONCLUSIONS:
                parts += [f"### {part}", _prompt(part)]
            continue
        parts.append(_prompt(name))
        parts += [_markers(block) for block, section in SECTION_OF.items() if section == name]
    text = front_matter.change("\n\n".join(parts) + "\n", values, "\n")
    for name, words in (("Objective", objective), ("Hypothesis", hypothesis)):
        text = answer(text, name, words)
    return text


def parse(text: str) -> Document:
    """Return what a report says; of several sections with one name the texts are joined. It never raises."""
    head = front_matter.find(text)
    found = structure.find(text, head.body)
    sections: dict[str, str] = {}
    for section in found.sections:
        if section.name:
            sections[section.name] = sections.get(section.name, "") + text[section.body : section.end]
    blocks = {block: text[span.start : span.end].strip("\r\n") for block, span in found.blocks.items()}
    return Document(head.fields, head.fault, sections, blocks)


def missing(text: str) -> tuple[str, ...]:
    """Return the sections that are not there, are empty, or hold nothing but the template's prompt.

    A heading, a comment or a line without a letter or digit is no text. Of Conclusions one part is enough.
    """
    sections = parse(text).sections
    return tuple(name for name in SECTIONS if not _has_words(sections.get(name, "")))


def own_words(text: str) -> str:
    """Return what a forge shows of a section: without comments, the template's prompts among them."""
    return _COMMENT.sub("", text).strip()


def fill(
    text: str,
    *,
    methodology: str | None = None,
    results: str | None = None,
    fields: Mapping[str, Value] | None = None,
) -> str:
    """Return a report with what a run writes; every byte outside of the markers stays, save the fields' values.

    Where a block has no markers any more, they come back at the end of its section; where the section is gone too,
    it comes back above the next one in order, else at the end. Of several pairs the first is filled, and the
    others stay as they are. Filled twice with the same it is the same.

    Parameters
    ----------
    text
        The report.
    methodology, results
        Markdown; None leaves what is there. Its line ends become the report's own.
    fields
        Values of the front matter to set.
    """
    found = _find(text)
    newline = _newline(text, found)
    given: dict[Block, str | None] = {"methodology": methodology, "results": results}
    contents = {block: _block_text(content, newline) for block, content in given.items() if content is not None}
    for block, span in sorted(found.blocks.items(), key=lambda item: item[1], reverse=True):
        if block in contents:
            text = text[: span.start] + contents.pop(block) + text[span.end :]
    for block, content in contents.items():
        text = _with_block(text, block, content, newline)
    return front_matter.change(text, fields, newline) if fields else text


def answer(text: str, section: str, words: str) -> str:
    """Return a report with a person's words in a section, in place of the template's prompt, else below the rest.

    Where the words stand there already, or the section is not there, nothing changes.
    """
    whole = _find(text)
    found, newline = whole.section(section), _newline(text, whole)
    words = structure.tamed(_lines_of(words)).strip().replace("\n", newline)
    if found is None or not words or _says(text[found.body : found.end], words):
        return text
    at = text.find(_prompt(section), found.body, found.end) if section in PROMPTS else -1
    if at >= 0:
        return text[:at] + words + text[at + len(_prompt(section)) :]
    return _inserted(text, _end_of_words(text, found), words, newline)


def _find(text: str) -> Structure:
    return structure.find(text, front_matter.find(text).body)


def _with_block(text: str, block: Block, content: str, newline: str) -> str:
    """Put back the markers of a block, and its section where that is gone."""
    found = _find(text)
    put = _markers(block, newline, content)
    section = found.section(SECTION_OF[block])
    if section is not None:
        return _inserted(text, _end_of_words(text, section), put, newline)
    return _inserted(text, _place_for(found, block, text), f"## {SECTION_OF[block]}{newline * 2}{put}", newline)


def _place_for(found: Structure, block: Block, text: str) -> int:
    later = SECTIONS[SECTIONS.index(SECTION_OF[block]) + 1 :]
    return next((section.start for section in found.sections if section.name in later), len(text))


def _inserted(text: str, at: int, put: str, newline: str) -> str:
    """Put lines between blank lines."""
    before, after = text[:at], text[at:]
    above = "" if not before or before.endswith(("\n\n", "\n\r\n")) else newline
    if before and not before.endswith("\n"):
        above += newline
    below = newline if not after or after.startswith(("\n", "\r\n")) else newline * 2
    return before + above + put + below + after


def _end_of_words(text: str, section: Section) -> int:
    """Return where the last line of a section that is not blank ends, its line end included."""
    last = section.start + len(text[section.start : section.end].rstrip(" \t\r\n"))
    line_end = text.find("\n", last, section.end)
    return section.end if line_end < 0 else line_end + 1


def _block_text(content: str, newline: str) -> str:
    lines = structure.tamed(_lines_of(content)).strip("\n")
    return newline + lines.replace("\n", newline) + newline * 2 if lines else ""


def _lines_of(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")


def _markers(block: Block, newline: str = "\n", content: str = "") -> str:
    return f"<!-- gitml:{block} -->{newline}{content}<!-- /gitml:{block} -->"


def _prompt(name: str) -> str:
    return f"<!-- {PROMPTS[name]} -->"


def _newline(text: str, found: Structure) -> str:
    """Return the line end that most lines have which no run wrote."""
    both = text.count("\r\n") - sum(text.count("\r\n", *span) for span in found.blocks.values())
    single = text.count("\n") - sum(text.count("\n", *span) for span in found.blocks.values()) - both
    return "\r\n" if both > single else "\n"


def _says(text: str, words: str) -> bool:
    """Say whether words stand in a text, as lines of their own."""
    return f"\n{_lines_of(words)}\n" in f"\n{_lines_of(_COMMENT.sub('', text))}\n"


def _has_words(text: str) -> bool:
    return _LETTER.search(_HEADING.sub("", _COMMENT.sub("", text))) is not None
