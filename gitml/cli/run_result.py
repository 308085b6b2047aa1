"""What a run came to, as a person and as a script read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gitml.cli.run_progress import seconds
from gitml.cli.terminal import printable
from gitml.errors import WrongUsage
from gitml.pipeline import overrides
from gitml.pipeline.overrides import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitml.experiments.message import Change
    from gitml.experiments.run import Finished
    from gitml.experiments.setting import Sets

MOST = 8
"""Metrics that are shown; all of them are in the report."""


def as_text(finished: Finished) -> str:
    """Return the lines that end ``gitml exp run``."""
    branch = f"experiments/{finished.slug}"
    if finished.commit is None:
        lines = [f"{branch} has this run already; nothing was committed"]
    else:
        lines = [f"✓ {finished.commit[:7]} on {branch}   {seconds(finished.outcome.seconds)}"]
    lines += _table(finished.metrics)
    if finished.edited:
        names = ", ".join(finished.edited[:3]) + (
            f" and {len(finished.edited) - 3} more" if len(finished.edited) > 3 else ""
        )
        lines.append(f"edited meanwhile, and not in the commit: {names}")
    if finished.kept_staged:
        lines.append(f"still staged as you left it: {', '.join(finished.kept_staged[:3])}")
    owed = " and ".join(filter(None, (", ".join(finished.missing[:-1]), *finished.missing[-1:])))
    if finished.report:
        verb = "is" if len(finished.missing) == 1 else "are"
        lines.append(f"report  {finished.report}" + (f": {owed} {verb} yours" if owed else ""))
    lines.append(f"next    {'gitml report edit, then gitml exp finish' if owed else 'gitml exp finish'}")
    return "\n".join(printable(line) for line in lines)


def as_json(finished: Finished) -> str:
    """Return the same for scripts."""
    told: dict[str, Any] = {
        "experiment": finished.slug,
        "commit": finished.commit,
        "is_new_branch": finished.is_new,
        "seconds": round(finished.outcome.seconds, 2),
        "params": [_told(one) for one in finished.params],
        "metrics": [_told(one) for one in finished.metrics],
        "stages": [{"stage": one.stage, "does": one.does} for one in finished.outcome.events if one.does != "runs"],
        "edited": list(finished.edited),
        "report": finished.report,
        "missing": list(finished.missing),
    }
    return json.dumps(told, indent=2)


def parsed_sets(texts: Sequence[str]) -> Sets:
    """Return what ``-S`` sets, where each name gets one value."""
    return tuple(_parsed(text) for text in texts)


def _parsed(text: str) -> tuple[str, Value]:
    name, values = overrides.parse(text)
    if len(values) != 1:
        raise WrongUsage(
            f"-S {text} gives {name} {len(values)} values",
            "A run has one value of each parameter; a sweep takes several.",
            (f"gitml exp sweep -S {text}", f"gitml exp run -S '{name}=[{text.partition('=')[2]}]'   # a list"),
        )
    return name, values[0]


def _told(change: Change) -> dict[str, Any]:
    return {"name": change.name, "old": change.old, "new": change.new}


def _table(metrics: tuple[Change, ...]) -> list[str]:
    shown = metrics[:MOST]
    if not shown:
        return []
    rows = [("", "now", "parent", "change")]
    for one in shown:
        is_number = isinstance(one.old, int | float) and not isinstance(one.old, bool)
        rows.append(
            (
                one.name,
                _figure(one.new),
                _figure(one.old) if is_number else "",
                f"{one.new - one.old:+.4g}" if is_number else "",
            )
        )
    widths = [max(len(row[place]) for row in rows) for place in range(4)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    ]


def _figure(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
