"""The longer tables of evidence: slices, calibration, what differs, where both models come from, plots."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from gitml.reports import markdown
from gitml.reports.forge_text import image_url
from gitml.reports.markdown import change, figure, plain, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitml.models.evidence_analysis import Bin, Slice
    from gitml.models.evidence_origin import Made, Origin
    from gitml.models.evidence_values import Evidence
    from gitml.reports.comparison import MetricChange
    from gitml.reports.render import ValueChange

MOST_LINES, MOST_PICTURES = 20, 12

LONGEST = 80
"""Letters of a name or value."""

CALIBRATION = ("ece", "brier")


def code(text: str) -> str:
    """Return a name or value as code, cut to `LONGEST` letters."""
    return markdown.code(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")


def metric(one: MetricChange) -> tuple[str, ...]:
    """Return the cells of a metric of two models."""
    difference = interval = ""
    if one.now is not None and one.before is not None:
        beside = max(abs(one.now), abs(one.before))
        difference = change(one.now - one.before, beside)
        if one.interval is not None:
            interval = f"[{change(one.interval.low, beside)}, {change(one.interval.high, beside)}]"
    return (code(one.name), figure(one.now), figure(one.before), difference, interval, one.word)


def slices(evidence: Evidence) -> str:
    """Return the section on the rows that the challenger is worst on."""
    found = evidence.slices
    parts = ["### Worst slices"]
    if found.why:
        parts.append(plain(found.why))
    if found.worst:
        parts.append(_slice_table(evidence, found.worst))
    if found.both:
        parts.append(f"The loss is higher than production's on {found.higher:,} of {found.both:,} slices.")
    rest = [one for one in found.risen if one not in found.worst]
    if rest:
        parts += ["Where it rose most, besides those above:", _slice_table(evidence, rest)]
    return "\n\n".join(parts) if len(parts) > 1 else ""


def _slice_table(evidence: Evidence, found: Sequence[Slice]) -> str:
    has_before = any(one.before is not None for one in found)
    head: tuple[str, ...] = ("slice", "rows", "loss", "above all rows")
    rows: list[tuple[str, ...]] = [
        (code(one.name), f"{one.rows:,}", figure(one.loss), _signed(one.excess, one.loss)) for one in found
    ]
    if has_before and evidence.champion is not None:
        head = (*head, plain(evidence.champion.name), "change")
        rows = [
            (*row, figure(one.before), _signed(None if one.before is None else one.loss - one.before, one.loss))
            for row, one in zip(rows, found, strict=True)
        ]
    return table(head, rows, range(1, len(head)))


def _signed(value: float | None, beside: float) -> str:
    return "–" if value is None else change(value, beside)


def calibration(evidence: Evidence, has_images: bool) -> str:
    """Return the section on how far the probabilities are off; with a table where there are no images."""
    mine, theirs = evidence.calibration
    rows = [metric(one) for one in evidence.comparison.changes if one.name in CALIBRATION]
    if not rows and not mine:
        return ""
    parts = ["### Calibration"]
    if rows:
        old = f"{plain(evidence.comparison.name)}{', other test data' * (evidence.verdict.outcome == 'other data')}"
        head = ("metric", plain(evidence.challenger.name), old, "change", "95 % interval", "")
        width = 2 if evidence.champion is None else 3 if evidence.verdict.outcome == "other data" else len(head)
        parts.append(table(head[:width], [row[:width] for row in rows], range(1, 5)))
    named = [(evidence.challenger, mine)] + ([(evidence.champion, theirs)] if evidence.champion is not None else [])
    parts.append("\n".join(f"- {_widest(origin, bins)}" for origin, bins in named if bins))
    if mine and not has_images:
        lines = [
            (figure(one.predicted), figure(one.observed), _signed(one.gap, one.predicted), f"{one.rows:,}")
            for one in mine
        ]
        parts.append(table(("predicted", "observed", "gap", "rows"), lines, range(4)))
    return "\n\n".join(filter(None, parts))


def _widest(origin: Origin, bins: tuple[Bin, ...]) -> str:
    one = max(bins, key=lambda each: abs(each.gap))
    return (
        f"{plain(origin.name)}: the widest gap is {_signed(one.gap, one.predicted)}, where it says "
        f"{figure(one.predicted)} and {figure(one.observed)} happens ({one.rows:,} rows)."
    )


def lineage(evidence: Evidence) -> str:
    """Return the section on where both models come from."""
    lines = [f"- {_origin(evidence.challenger)}"]
    if evidence.champion is not None:
        lines.append(f"- in production: {_origin(evidence.champion)}")
    return "\n".join(("### Where they come from", "", *lines))


def _origin(origin: Origin) -> str:
    parts = [f"{plain(origin.name)} is {_made(origin.release)}"]
    if origin.experiment:
        parts.append(f"from the experiment {code(origin.experiment)}")
    if origin.source is not None:
        parts.append(f"{'at' if origin.experiment else 'from the commit'} {_made(origin.source)}")
    elif not origin.experiment:
        parts.append("and does not say from which experiment it comes")
    return " ".join(parts)


def _made(made: Made) -> str:
    told = [f"by {plain(made.author)}"] if made.author else []
    told += [made.day] if made.day else []
    return f"{code(made.commit[:10])} ({', '.join(told) or 'not in this clone'})"


def params(evidence: Evidence) -> str:
    """Return the section on the parameters that differ."""
    return _values("Parameters", "parameter", "changes", evidence, evidence.changes.params)


def data(evidence: Evidence) -> str:
    """Return the section on the source data that differ."""
    short = [
        one._replace(before=one.before and one.before[:10], now=one.now and one.now[:10])
        for one in evidence.changes.data
    ]
    return _values("Data", "path", "files", evidence, short)


def _values(title: str, what: str, many: str, evidence: Evidence, values: Sequence[ValueChange]) -> str:
    if evidence.champion is None:
        return ""
    old = plain(evidence.champion.name)
    if not values:
        return f"### {title}\n\nAs in {old}."
    rows = [
        tuple("–" if it is None else code(it) for it in (one.name, one.before, one.now)) for one in values[:MOST_LINES]
    ]
    lines = table((what, old, plain(evidence.challenger.name)), rows)
    return cut(f"### {title}\n\n{lines}", len(values), many)


def code_changes(evidence: Evidence) -> str:
    """Return the section on the code that differs."""
    if evidence.champion is None:
        return ""
    files, old = evidence.changes.code, plain(evidence.champion.name)
    if not files:
        return f"### Code\n\nAs in {old}."
    added, deleted = sum(one.added or 0 for one in files), sum(one.deleted or 0 for one in files)
    said = f"{len(files):,} file{'s' * (len(files) > 1)} differ{'s' * (len(files) == 1)} from {old}"
    rows = [
        (code(one.path), *(("binary",) * 2 if one.added is None else (f"+{one.added:,}", f"-{one.deleted or 0:,}")))
        for one in files[:MOST_LINES]
    ]
    lines = table(("file", "added", "deleted"), rows, (1, 2))
    return cut(f"### Code\n\n{said}: +{added:,} -{deleted:,} lines.\n\n{lines}", len(files), "files")


def plots(evidence: Evidence, image_base: str) -> str:
    """Return the section with the images of the report, or where they are."""
    if not evidence.pictures:
        return ""
    if not image_base:
        return f"### Plots\n\n{len(evidence.pictures):,} in {code(evidence.report)} of the release."
    shown = evidence.pictures[:MOST_PICTURES]
    images = [f"![{plain(_title(path))}](<{image_url(image_base, path)}>)" for path in shown]
    return cut("\n\n".join(("### Plots", *images)), len(evidence.pictures), "in the report", MOST_PICTURES)


def _title(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path))[0].replace("-", " ")


def cut(text: str, count: int, what: str, most: int = MOST_LINES) -> str:
    """Return a text of at most so many lines, with the number of those that are left out."""
    return text if count <= most else f"{text}\n\nand {count - most:,} more {what}."
