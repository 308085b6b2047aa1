"""The points of a sweep beside each other: which is best, and how far apart runs are that differ by a seed only."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gitml.experiments.listing import default_metric, is_higher_better
from gitml.experiments.message import Change, joined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitml.config import Config
    from gitml.experiments.store import Entry

Group = Literal["ranked", "other data", "no result"]


class Point(NamedTuple):
    """One run of a sweep.

    Attributes
    ----------
    commit
        Its full id.
    values
        The parameters by which it differs from the others.
    metrics
        All that it measured.
    figure
        The metric by which it is ranked; None where it has none that is a number.
    group
        Only ``ranked`` ones are compared with each other: they were measured on the same test data.
    """

    commit: str
    values: Mapping[str, Any]
    metrics: Mapping[str, Any]
    figure: float | None
    group: Group


class Ranked(NamedTuple):
    """All runs of a sweep.

    Attributes
    ----------
    metric
        By what they are ranked; empty where no run has any.
    is_higher_better
        Whether the largest stands first.
    points
        The best first; of equal ones the first that was asked for.
    """

    metric: str
    is_higher_better: bool
    points: tuple[Point, ...]


class Spread(NamedTuple):
    """One metric over several seeds.

    Attributes
    ----------
    name
        The metric.
    runs
        How many runs have it.
    mean, sd, low, high
        The mean, the standard deviation of the sample, the smallest and the largest; the deviation is None where
        there is one run only.
    """

    name: str
    runs: int
    mean: float
    sd: float | None
    low: float
    high: float


def rank(entries: Sequence[Entry], names: Sequence[str], config: Config) -> Ranked:
    """Sort runs, the best first.

    Parameters
    ----------
    entries
        The runs, in the order in which they were asked for.
    names
        Parameters that are always told.
    config
        Which metric ranks, and which direction is better.
    """
    metric = default_metric(entries, config)
    is_higher = is_higher_better(metric, config)
    runs = [entry.run() for entry in entries]
    told = _without_aliases(varied([run.params for run in runs], names), names, [run.params for run in runs])
    figures = [_finite(entry.figure(metric)) if metric else None for entry in entries]
    data = _common([run.test_data for run, figure in zip(runs, figures, strict=True) if figure is not None])
    points = []
    for run, figure in zip(runs, figures, strict=True):
        group: Group = "no result" if figure is None else "ranked" if run.test_data == data else "other data"
        values = {name: run.params[name] for name in told if name in run.params}
        points.append(Point(run.commit, values, run.metrics, figure, group))
    order = ("ranked", "other data", "no result")
    points.sort(
        key=lambda one: (order.index(one.group), (-one.figure if is_higher else one.figure) if one.figure else 0)
    )
    return Ranked(metric, is_higher, tuple(points))


def spread(points: Sequence[Point]) -> tuple[Spread, ...]:
    """Return the spread of every metric that is a number."""
    found = []
    for name in dict.fromkeys(name for point in points for name in point.metrics):
        values = [value for point in points if (value := _number(point.metrics.get(name))) is not None]
        if values:
            sd = statistics.stdev(values) if len(values) > 1 else None
            found.append(Spread(name, len(values), statistics.fmean(values), sd, min(values), max(values)))
    return tuple(found)


def varied(params: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    """Return the parameters that are not the same everywhere, those that somebody named first."""
    known = dict.fromkeys([*names, *(name for one in params for name in one)])
    return [name for name in known if name in names or len({repr(one.get(name)) for one in params}) > 1]


def label(values: Mapping[str, Any], room: int = 60) -> str:
    """Return ``lr 0.001, width 256``: each name as short as it is clear among these."""
    ends = Counter(name.rpartition(".")[2] for name in values)
    shown = [
        Change(name.rpartition(".")[2] if ends[name.rpartition(".")[2]] == 1 else name, None, value)
        for name, value in values.items()
    ]
    return joined(shown, room)


def _without_aliases(told: Sequence[str], names: Sequence[str], params: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return names without those that a YAML alias gives the same values in each run: what was asked for stays."""
    seen: set[tuple[str, ...]] = set()
    kept = set()
    for name in sorted(told, key=lambda one: (one not in names, one.count("."), one)):
        mark = (*name.split(".")[-2:], *(repr(one.get(name)) for one in params))
        if name in names or mark not in seen:
            kept.add(name)
        seen.add(mark)
    return [name for name in told if name in kept]


def _common(data: Sequence[str]) -> str:
    """Return the test data of most runs; of the first one where as many have others."""
    counted = Counter(data)
    return max(counted, key=lambda one: counted[one], default="")


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _finite(float(value))
