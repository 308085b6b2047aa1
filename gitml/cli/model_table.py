"""The list of releases as a table: of eighty columns, in Markdown, in CSV."""

from __future__ import annotations

from typing import Any

from gitml.cli.cells import for_spreadsheet, in_columns, short_people
from gitml.cli.terminal import WIDTH, printable
from gitml.conventions.moments import moment
from gitml.experiments import shown
from gitml.experiments.rows import number
from gitml.models.listing import List, Period, Row

LONGEST_AUTHOR = 10
SHORTEST = 8
"""Letters to which a name is cut where there is no room."""

NARROWED = ("EXPERIMENT", "MODEL", "STAGE", "BY")
"""Columns that are cut, in this order."""

LONGEST_HEAD = 16
_OWN = ("MODEL", "VS PRODUCTION", "STAGE", "EXPERIMENT", "BY", "AGE")


def as_text(made: List, now: float) -> str:
    """Return the table for a terminal.

    Parameters
    ----------
    made
        The list.
    now
        Seconds since 1970.
    """
    heads, rows = _cells(made, now)
    figures = _heads(made)
    while len(figures) > 1 and _width(heads, rows) > WIDTH:
        heads.remove(figures.pop())
    for head in (head for head in NARROWED if head in heads):
        room = max((len(row[head]) for row in rows), default=0) - max(0, _width(heads, rows) - WIDTH)
        for row in rows:
            row[head] = _cut(row[head], max(SHORTEST, room), head == "MODEL")
    return "\n".join(in_columns(heads, rows, {*figures, "AGE"}))


def as_markdown(made: List, now: float) -> str:
    """Return the table in Markdown."""
    from gitml.reports import markdown

    heads, rows = _cells(made, now)
    right = [place for place, head in enumerate(heads) if head == "AGE" or head in _heads(made)]
    cells = [[markdown.plain(row[head]) for head in heads] for row in rows]
    return markdown.table([markdown.plain(head) for head in heads], cells, right)


def as_csv(made: List) -> str:
    """Return a row a release, with all metrics that any of them has, as CSV with a line of names."""
    import csv
    from io import StringIO

    metrics = dict.fromkeys((*made.metrics, *(name for row in made.rows for name in row.metrics)))
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        map(for_spreadsheet, ["model", "stage", "released", "by", "experiment", "commit", "fault", *metrics])
    )
    for row in made.rows:
        slug = row.claim.told.experiment if row.claim.told is not None else ""
        own = [str(row.release.version), stage(row), moment(row.time), row.person, slug]
        own += [row.release.commit, row.claim.fault]
        writer.writerow([for_spreadsheet(value) for value in (*own, *(row.metrics.get(name) for name in metrics))])
    return file.getvalue()


def as_data(row: Row) -> dict[str, Any]:
    """Return a row for JSON."""
    release, told = row.release, row.claim.told
    yanked = release.yanked
    return {
        "name": str(release.version),
        "model": release.version.model,
        "version": release.version.number,
        "tag": release.version.tag if release.tag is not None else None,
        "commit": release.commit,
        "released": {"at": moment(row.time) or None, "by": row.person},
        "stage": stage(row),
        "production": [deployment(period) for period in row.periods],
        "yanked": None
        if yanked is None
        else {"at": moment(yanked.time), "by": yanked.person, "reason": yanked.subject},
        "experiment": told.experiment if told is not None else None,
        "is_same_data": row.is_same_data,
        "vs_production": {name: {"delta": delta, "word": word} for name, (delta, word) in row.versus.items()},
        "metrics": dict(row.metrics),
        "fault": row.claim.fault or None,
    }


def deployment(period: Period) -> dict[str, Any]:
    """Return a time in production for JSON."""
    came, left = period
    return {
        "commit": came.commit,
        "since": moment(came.time),
        "by": came.person,
        "reason": came.reason,
        "until": None if left is None else moment(left.time),
        "until_by": None if left is None else left.person,
        "until_reason": None if left is None else left.reason,
        "replaced_by": None if left is None or left.version is None else str(left.version),
    }


def stage(row: Row) -> str:
    """Return where a release is, in a word or two; empty for one that has been nowhere."""
    words = ["production"] if row.is_in_production else []
    words += ["yanked"] if row.release.yanked is not None else []
    words += ["no tag"] if row.release.tag is None else []
    return ", ".join(words or (["was in production"] if row.periods else []))


def experiment(row: Row) -> str:
    """Return what a release was made from: an experiment, else a commit; what is wrong where nothing says it."""
    told = row.claim.told
    if told is None:
        return "unreadable"
    return told.experiment or told.commit[:10]


def _cells(made: List, now: float) -> tuple[list[str], list[dict[str, str]]]:
    """Return the heads of the columns that say something, and the rows."""
    figures = dict(zip(_heads(made), made.metrics, strict=True))
    decimals = {
        head: shown.figures(number(row.metrics.get(name)) for row in made.rows) for head, name in figures.items()
    }
    first = next(iter(figures), "")
    rows = []
    for row, person in zip(made.rows, short_people([row.person for row in made.rows]), strict=True):
        cells = {"MODEL": str(row.release.version)}
        for head, name in figures.items():
            value = number(row.metrics.get(name))
            cells[head] = "" if value is None else shown.metric(value, decimals[head])
        cells["VS PRODUCTION"] = _versus(row, figures[first], decimals[first]) if first else ""
        since = f" {shown.age(now - row.periods[0].came.time)}" if row.is_in_production else ""
        cells["STAGE"] = stage(row).replace("production", f"production{since}", 1)
        cells["EXPERIMENT"] = experiment(row)
        cells["BY"] = shown.cut(printable(person), LONGEST_AUTHOR)
        cells["AGE"] = shown.age(now - row.time) if row.time else ""
        rows.append(cells)
    heads = [head for head in (rows[0] if rows else ()) if head in ("MODEL", first) or any(row[head] for row in rows)]
    return heads, rows


def _heads(made: List) -> list[str]:
    """Return the head of each metric's column: its last word where that is its own."""
    lasts = [name.rpartition(":")[2].rpartition(".")[2] for name in made.metrics]
    heads: list[str] = []
    for name, last in zip(made.metrics, lasts, strict=True):
        head = shown.cut(printable(last if lasts.count(last) == 1 else name).upper(), LONGEST_HEAD)
        while head in heads or head in _OWN:
            head += "*"
        heads.append(head)
    return heads


def _versus(row: Row, metric: str, decimals: int) -> str:
    if row.is_same_data is False:
        return "other data"
    if metric not in row.versus:
        return ""
    delta, word = row.versus[metric]
    return word if word == "same" else f"{shown.delta(delta, decimals)} {word}"


def _cut(text: str, width: int, is_release: bool) -> str:
    """Cut a name; of a release's the number stays."""
    name, dash, number = text.rpartition("-v") if is_release else (text, "", "")
    return shown.cut(name, width - len(dash + number)) + dash + number


def _width(heads: list[str], rows: list[dict[str, str]]) -> int:
    return max(map(len, in_columns(heads, rows, set())), default=0)
