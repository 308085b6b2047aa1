"""The points of a sweep as the table of its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitml.pipeline.overrides import shown
from gitml.reports import ranking as render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitml.experiments.ranking import Point, Ranked, Spread


def places(ranked: Ranked) -> list[str]:
    """Return the rank of each point; points with the same figure share one, and what is not compared says why."""
    found: list[str] = []
    for number, point in enumerate(ranked.points):
        before = ranked.points[number - 1] if number else None
        if point.group != "ranked":
            found.append(point.group)
        elif before is not None and before.figure == point.figure:
            found.append(found[-1])
        else:
            found.append(str(number + 1))
    return found


def metrics(ranked: Ranked) -> tuple[str, ...]:
    """Return the metrics that are numbers: the ranking one first."""
    names = dict.fromkeys([ranked.metric] if ranked.metric else [])
    for point in ranked.points:
        names |= dict.fromkeys(name for name, value in point.metrics.items() if _number(value) is not None)
    return tuple(names)


def markdown(ranked: Ranked, failed: Sequence[tuple[str, str]], spread: Sequence[Spread]) -> str:
    """Return the part of the report that a sweep has beside what every run has."""
    params = tuple(dict.fromkeys(name for point in ranked.points for name in point.values))
    names = metrics(ranked)
    lines = tuple(
        _line(place, point, params, names) for place, point in zip(places(ranked), ranked.points, strict=True)
    )
    parts = [render.seeds(tuple(render.Seeds(*one) for one in spread), len(ranked.points))] if spread else []
    parts.append(render.points(params, names, lines, ranked.metric, ranked.is_higher_better))
    parts.append(render.failures(tuple(render.Failure(*one) for one in failed)))
    return "\n\n".join(part for part in parts if part)


def _line(place: str, point: Point, params: tuple[str, ...], names: tuple[str, ...]) -> render.Line:
    values = tuple(shown(point.values[name]) if name in point.values else "–" for name in params)
    return render.Line(place, values, tuple(_number(point.metrics.get(name)) for name in names), point.commit[:10])


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
