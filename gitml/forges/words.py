"""Titles, bodies and comments as a forge takes them."""

from __future__ import annotations

import re

from gitml.errors import WrongUsage

LONGEST_TITLE = 255
"""Letters: GitLab's limit; GitHub's is 256."""

_CUT = "\n\n(cut here: it was longer than the forge takes)\n"
_MARKER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|[._:/-](?!-))*")


def title_that_fits(title: str) -> str:
    """Return a title on one line, cut where it is too long."""
    line = " ".join(title.split())
    return line if len(line) <= LONGEST_TITLE else f"{line[: LONGEST_TITLE - 1]}…"


def body_that_fits(body: str, most: int) -> str:
    """Return a text of at most `most` letters; one that is longer is cut after a line, and says so."""
    if len(body) <= most:
        return body
    kept = body[: most - len(_CUT) - 8]
    kept = kept[: kept.rfind("\n") + 1] or kept
    # A block of code that is cut would take the note in; Markdown closes it by a fence of the same kind.
    opened = [line.strip()[:3] for line in kept.splitlines() if line.strip()[:3] in ("```", "~~~")]
    return kept + (f"{opened[-1]}\n" if len(opened) % 2 else "") + _CUT


def marked(body: str, marker: str, most: int) -> str:
    """Return a comment's text with its marker, which nobody sees, on the first line."""
    line = mark(marker)
    return f"{line}\n{body_that_fits(body, most - len(line) - 1)}"


def mark(marker: str) -> str:
    """Return the line by which a comment of ours is found again.

    Raises
    ------
    WrongUsage
        The marker could end the HTML comment that it stands in.
    """
    if not _MARKER.fullmatch(marker):
        raise WrongUsage(f"{marker!r} cannot mark a comment", "It is letters, digits and single dashes.")
    return f"<!-- gitml: {marker} -->"


def is_marked(body: str, marker: str) -> bool:
    """Say whether a comment's first line is our mark."""
    return body.lstrip("\ufeff").splitlines()[:1] == [mark(marker)]


_QUICK_ACTION = re.compile(r"(?m)(^|\r)([ \t]*)/(?=[A-Za-z_]+[ \t]*(?:[\s]|$))")


def without_quick_actions(text: str) -> str:
    r"""Return a text of which GitLab obeys no line: ``/merge`` or ``/approve`` at a line's start is a command there.

    >>> without_quick_actions("fine\n/merge\n/usr/bin is a path")
    'fine\n\\/merge\n/usr/bin is a path'
    """
    return _QUICK_ACTION.sub(r"\1\2\\/", text)
