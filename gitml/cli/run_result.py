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
    from gitml.experiments.run_terms import Finished
    from gitml.experiments.setting import Sets
    from gitml.reports.comparison import Comparison, MetricChange

MOST = 8
"""Metrics that are shown; all of them are in the report."""


def as_text(finished: Finished, following: str = "") -> str:
    """Return the lines that end ``gitml exp run``.

    Parameters
    ----------
    finished
        The run.
    following
        What to do next; empty for what a run on the branch that is checked out calls for.
    """
    branch = f"experiments/{finished.slug}"
    if finished.commit is None:
        lines = [f"{branch} has this run already; nothing was committed"]
    else:
        lines = [f"✓ {finished.commit[:7]} on {branch}   {seconds(finished.outcome.seconds)}"]
    lines += _table(finished)
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
    following = following or ("gitml report edit, then gitml exp finish" if owed else "gitml exp finish")
    lines.append(f"next    {following}")
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
        "comparisons": [_compared(one) for one in finished.comparisons],
        "edited": list(finished.edited),
        "report": finished.report,
        "missing": list(finished.missing),
    }
    return json.dumps(told, indent=2)


def _compared(comparison: Comparison) -> dict[str, Any]:
    changes = [
        {**one._asdict(), "interval": list(one.interval) if one.interval is not None else None}
        for one in comparison.changes
    ]
    return {**comparison._asdict(), "changes": changes}


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


def _table(finished: Finished) -> list[str]:
    """Return the metrics beside the parent's, with the interval and the word where there is one."""
    parent = next(iter(finished.comparisons), None)
    if parent is None:
        return []
    changes = [one for one in parent.changes if one.now is not None and "." not in one.name][:MOST]
    has_intervals = any(one.interval is not None for one in changes)
    rows = [("", "now", parent.role, "change" + (" [95 %]" if has_intervals else ""), "")]
    for one in changes:
        is_compared = one.now is not None and one.before is not None
        rows.append(
            (
                one.name,
                _figure(one.now),
                _figure(one.before),
                _difference(one) if is_compared else "",
                one.word if is_compared else "",
            )
        )
    if all(not row[2] for row in rows[1:]):
        rows = [(row[0], row[1], "", "", "") for row in rows]
    widths = [max(len(row[place]) for row in rows) for place in range(5)]
    lines = []
    for name, now, before, change, word in rows:
        left = f"{name:{widths[0]}}  {now:>{widths[1]}}  {before:>{widths[2]}}"
        lines.append(f"{left}  {change:{widths[3]}}  {word}".rstrip())
    return lines


def _difference(one: MetricChange) -> str:
    """Return ``+0.0018 [-0.0004, +0.0041]``."""
    assert one.now is not None and one.before is not None
    text = f"{one.now - one.before:+.4f}"
    if one.interval is None:
        return text
    return f"{text} [{one.interval.low:+.4f}, {one.interval.high:+.4f}]"


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    is_count = float(value).is_integer() and abs(value) > 1
    return f"{int(value)}" if is_count else f"{value:.4f}"
