"""The tables of a sweep's report: its points, the best first, and the spread over seeds."""

from __future__ import annotations

from typing import NamedTuple

from gitml.reports.markdown import code, figure, plain, table

MOST_LINES = 100
MOST_METRICS = 6


class Line(NamedTuple):
    """One point.

    Attributes
    ----------
    place
        Its rank; empty where it has none.
    values
        What was set, by column.
    figures
        Its metrics, by column.
    commit
        Its abbreviated id.
    """

    place: str
    values: tuple[str, ...]
    figures: tuple[float | None, ...]
    commit: str


class Failure(NamedTuple):
    """A point that failed: what was set, and the last line that it wrote."""

    label: str
    line: str


class Seeds(NamedTuple):
    """A metric over seeds; the deviation is None where one run is all there is."""

    name: str
    runs: int
    mean: float
    sd: float | None
    low: float
    high: float


def points(
    params: tuple[str, ...], metrics: tuple[str, ...], lines: tuple[Line, ...], ranked: str, is_higher_better: bool
) -> str:
    """Return the table of the points, which are ranked by a metric; the columns are those parameters and metrics."""
    shown = metrics[:MOST_METRICS]
    head = ("", *map(code, params), *map(code, shown), "commit")
    rows = [
        (one.place, *map(code, one.values), *map(figure, one.figures[: len(shown)]), code(one.commit)) for one in lines
    ]
    text = table(head, rows[:MOST_LINES], range(1 + len(params), 1 + len(params) + len(shown)))
    by = f"Ranked by {code(ranked)}, the {'highest' if is_higher_better else 'lowest'} first.\n\n" if ranked else ""
    return f"### Points\n\n{by}{_cut(text, len(rows), 'points')}"


def failures(failed: tuple[Failure, ...]) -> str:
    """Return the table of the points that failed; empty where none did."""
    if not failed:
        return ""
    rows = [(code(one.label), plain(one.line)) for one in failed]
    return f"### Failed\n\n{_cut(table(('point', 'last line'), rows[:MOST_LINES]), len(rows), 'points')}"


def seeds(metrics: tuple[Seeds, ...], count: int) -> str:
    """Return the table of the spread over seeds."""
    rows = [(code(one.name), *map(figure, (one.mean, one.sd, one.low, one.high))) for one in metrics]
    head = ("metric", "mean", "sd", "min", "max")
    text = table(head, rows[:MOST_LINES], range(1, 5))
    return f"### Spread over {count} seeds\n\n{_cut(text, len(rows), 'metrics')}"


def _cut(text: str, count: int, what: str) -> str:
    return text if count <= MOST_LINES else f"{text}\n\nand {count - MOST_LINES:,} more {what}."
