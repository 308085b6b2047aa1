"""What a sweep came to, as a person and as a script read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gitml.cli.terminal import printable
from gitml.experiments import table
from gitml.experiments.ranking import label

if TYPE_CHECKING:
    from gitml.experiments.ranking import Spread
    from gitml.experiments.sweep_terms import Finished

MOST = 12
"""Points that are shown; all of them are in the report."""


def as_text(finished: Finished) -> str:
    """Return the lines that end ``gitml exp sweep``."""
    branch = f"experiments/{finished.slug}"
    count = len(finished.ranked.points)
    points = f"{count} point{'s' * (count != 1)}" if not finished.spread else f"{count} seed{'s' * (count != 1)}"
    if finished.commit is None:
        lines = [f"{branch} has these {points} already; nothing was committed"]
    else:
        reused = f", {finished.reused} not run again" if finished.reused else ""
        lines = [f"✓ {finished.commit[:7]} on {branch}   {points}{reused}"]
    lines += _spread(finished.spread) if finished.spread else _points(finished)
    lines += [f"failed  {one.label}: {one.line}" for one in finished.failed]
    lines += [f"log     {one.log}" for one in finished.failed[:1]]
    if finished.edited:
        lines.append(f"edited meanwhile, and left as you have it: {', '.join(finished.edited[:3])}")
    if finished.kept_staged:
        lines.append(f"still staged as you left it: {', '.join(finished.kept_staged[:3])}")
    owed = " and ".join(filter(None, (", ".join(finished.missing[:-1]), *finished.missing[-1:])))
    verb = "is" if len(finished.missing) == 1 else "are"
    lines.append(f"report  {finished.report}" + (f": {owed} {verb} yours" if owed else ""))
    best = finished.best.commit[:7]
    following = f"gitml exp show {finished.slug}" if finished.spread else f"gitml exp start NAME --from {best}"
    lines.append(f"next    {following}")
    return "\n".join(printable(line) for line in lines)


def as_json(finished: Finished) -> str:
    """Return the same for scripts."""
    told: dict[str, Any] = {
        "experiment": finished.slug,
        "commit": finished.commit,
        "metric": finished.ranked.metric,
        "direction": "higher" if finished.ranked.is_higher_better else "lower",
        "best": finished.best.commit,
        "points": [
            {
                "rank": int(place) if place.isdigit() else None,
                "group": point.group,
                "commit": point.commit,
                "params": dict(point.values),
                "metrics": dict(point.metrics),
            }
            for place, point in zip(table.places(finished.ranked), finished.ranked.points, strict=True)
        ],
        "failed": [{"point": one.label, "line": one.line, "log": str(one.log)} for one in finished.failed],
        "spread": [one._asdict() for one in finished.spread],
        "ran": finished.ran,
        "reused": finished.reused,
        "edited": list(finished.edited),
        "report": finished.report,
        "missing": list(finished.missing),
    }
    return json.dumps(told, indent=2, default=str)


def _points(finished: Finished) -> list[str]:
    ranked = finished.ranked
    rows = [("", "POINT", (ranked.metric or "metric").upper(), "COMMIT")]
    for place, point in zip(table.places(ranked), ranked.points[:MOST], strict=False):
        figure = f"{point.figure:.4f}" if point.figure is not None else ""
        rows.append((place, label(point.values, 40) or "as it was", figure, point.commit[:7]))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [f"{row[0]:>{widths[0]}}  {row[1]:{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}".rstrip() for row in rows]
    left = len(ranked.points) - MOST
    return [*lines, f"and {left} more, all in the report"] if left > 0 else lines


def _spread(spread: tuple[Spread, ...]) -> list[str]:
    rows = [("", "mean", "sd", "min", "max")]
    for one in spread[:MOST]:
        sd = f"{one.sd:.4f}" if one.sd is not None else ""
        rows.append((one.name, f"{one.mean:.4f}", sd, f"{one.low:.4f}", f"{one.high:.4f}"))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
