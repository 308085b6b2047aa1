"""One release, with all that git knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml.git.history import LARGEST_COMMIT
from gitml.git.objects import Objects
from gitml.models import listing, provenance
from gitml.reports import document

if TYPE_CHECKING:
    from pathlib import Path

    from gitml.config import Config
    from gitml.models.listing import Row
    from gitml.models.registry import Registry, Release

LARGEST_REPORT = 2**20
"""Bytes of a report that is read."""

MOST_LINES, LONGEST_LINE = 6, 300
"""What is shown of a report's conclusions."""

_SIGNATURES = {b"-----BEGIN SSH SIGNATURE-----": "ssh", b"-----BEGIN PGP ": "pgp", b"-----BEGIN SIGNED MESSAGE": "x509"}


class Shown(NamedTuple):
    """A release.

    Attributes
    ----------
    row
        As the list has it.
    signature
        ``ssh``, ``pgp`` or ``x509`` where its tag has a signature, which nobody verified; else empty.
    conclusions
        The first lines of its report's Conclusions.
    card
        Its MODEL_CARD.md; empty where it has none.
    """

    row: Row
    signature: str
    conclusions: tuple[str, ...]
    card: str


def show(release: Release, known: Registry, config: Config, at: Path | None = None) -> Shown:
    """Return all that is known of a release; parameters as for `gitml.models.listing.build`."""
    made = listing.build(known, config, release.version.model, True, at)
    row = next(row for row in made.rows if row.release.version == release.version)
    with Objects(at) as objects:
        tag = objects.read(release.tag.oid, LARGEST_COMMIT, "tag") if release.tag is not None else None
        told = row.claim.told
        path = document.path(told.experiment) if told is not None and told.experiment else ""
        report = objects.read_file(release.commit, path, LARGEST_REPORT) if path else None
        card = objects.read_file(release.commit, provenance.CARD, LARGEST_REPORT)
    return Shown(row, _signature(tag or b""), _conclusions(report or b""), (card or b"").decode("utf-8", "replace"))


def _signature(tag: bytes) -> str:
    return next((name for mark, name in _SIGNATURES.items() if b"\n" + mark in tag), "")


def _conclusions(report: bytes) -> tuple[str, ...]:
    """Return the first lines of what a person concluded, each with the heading above it."""
    text = document.own_words(document.parse(report.decode("utf-8", "replace")).sections.get("Conclusions", ""))
    lines, heading = [], ""
    for line in (line.strip() for line in text.splitlines()):
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line:
            lines.append(f"{heading}: {line}"[:LONGEST_LINE] if heading else line[:LONGEST_LINE])
            heading = ""
    return tuple(lines[:MOST_LINES])
