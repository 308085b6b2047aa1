"""The page on a model's errors that a person reads, made from the tables beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from stages.slices import FIGURES
from stages.task import Task

SLICES = 15
COLUMNS = 15


def page(
    task: Task,
    test: Mapping[str, float],
    validation: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]],
    slices: pd.DataFrame,
    importance: pd.DataFrame,
    drift: pd.DataFrame,
) -> str:
    """Return `errors.md`.

    Parameters
    ----------
    task
        The task.
    test, validation
        Metrics from `metrics.score`.
    intervals
        95 % interval of each test metric.
    slices, importance, drift
        From `slices.slice_table`, `importance.permutation_importance` and `drift.drift`; their first rows are
        shown.
    """
    metrics = [
        (name, value, _between(*intervals.get(name, (None, None))), validation.get(name))
        for name, value in test.items()
    ]
    observed, said = FIGURES[task.kind]
    looked_at = slices.attrs.get("looked_at", len(slices))
    worst = slices[slices["at_stake"] > 0].head(SLICES)
    biased = slices[slices["gap_at_stake"] > 0].sort_values("gap_at_stake", ascending=False, kind="stable").head(SLICES)
    score_drop = importance.columns[-1]
    parts = [
        "# Where the model errs",
        _table(("metric", "test", "95 % interval", "validation"), metrics),
        "Intervals come from resampling whole blocks (days, or groups, where the table has them).",
        "## Slices with the highest loss",
        f"{looked_at:,} slices of one and two columns were looked at. Listed is what is worse than all rows, and a "
        "pair only if it is worse than both its columns show, after a correction for having looked so often "
        "(Bonferroni); intervals are for one slice at a time. Some rows are harder by nature: high loss is a question, "
        "not a fault.",
        _table(
            ("slice", "rows", "share", "loss", "above all rows", "95 % interval", observed, said),
            [
                (row.slice, row.rows, row.share, row.loss, row.excess, _between(row.low, row.high), *_pair(row, task))
                for row in worst.itertuples()
            ],
        ),
        "## Slices where the model is biased",
        f"What the model says there is off on average: `{said}` against `{observed}`. Looked for in the same way.",
        _table(
            ("slice", "rows", "share", observed, said, "gap", "95 % interval"),
            [
                (row.slice, row.rows, row.share, *_pair(row, task), row.gap, _between(row.gap_low, row.gap_high))
                for row in biased.itertuples()
            ],
        ),
        "## What the model leans on",
        "How much the loss rises on test rows when a column's values are dealt out among the rows. Of two columns "
        "that say the same, each looks unimportant.",
        _table(
            ("feature", "loss rise", "95 % interval", score_drop.replace("_", " ")),
            [
                (row[0], row.loss_rise, _between(row.low, row.high), row[-1])
                for row in importance.head(COLUMNS).itertuples(index=False)
            ],
        ),
        "## What has changed since training",
        "Distance of each column's distribution between training and test rows, 0 (the same) to 1 (nothing in "
        "common); `noise` is what chance alone gives. `unseen` is the share of test rows with a category or range that "
        "training never showed.",
        _table(
            ("column", "type", "distance", "noise", "unseen"),
            [(row.column, row.type, row.distance, row.noise, row.unseen) for row in drift.head(COLUMNS).itertuples()],
        ),
        "Whole tables: `slices.csv`, `importance.csv` and `drift.csv`, beside this page.",
    ]
    return "\n\n".join(parts) + "\n"


def _pair(row: object, task: Task) -> tuple[float, float]:
    observed, said = FIGURES[task.kind]
    return getattr(row, observed), getattr(row, said)


def _between(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None or pd.isna(low) else f"{low:.4g} to {high:.4g}"


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return "None."
    lines = [header, ["---"] * len(header), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
