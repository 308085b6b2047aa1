"""The data-quality score: five figures from 0 to 1 and their weighted mean. docs/data-quality.md explains each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from stages.divergence import js_distance
from stages.schema import repeats
from stages.task import BLOCK, ROW, Task
from stages.validation import STAND_INS

WEIGHTS = {"completeness": 0.25, "uniqueness": 0.15, "validity": 0.25, "balance": 0.15, "stability": 0.20}
"""Weight of each part in the score; where a part does not apply, the others share its weight."""

BINS = 10
"""A number is compared between splits in so many bins of equal count."""

LEVELS = 50
"""A text is compared in its so many most frequent values; the rest counts as one."""


@dataclass(frozen=True)
class Quality:
    """How good a table is to learn from; every figure 0 (bad) to 1 (good).

    Attributes
    ----------
    completeness
        Share of the cells that have a value.
    uniqueness
        Share of the rows that do not repeat an earlier one.
    validity
        Share of the values that are finite, not blank, and no stand-in for a missing one.
    balance
        Entropy of the classes over that of equally frequent ones; None for a regression.
    stability
        One less the mean distance between the training and the test rows, over the columns.
    score
        Their weighted mean, see `WEIGHTS`.
    drift
        The distance of each column between the training and the test rows, see `column_drift`.
    """

    completeness: float
    uniqueness: float
    validity: float
    balance: float | None
    stability: float
    score: float
    drift: Mapping[str, float] = field(default_factory=dict)

    def parts(self) -> dict[str, float]:
        """Return the parts that apply, by name, in the order of `WEIGHTS`."""
        named = {name: getattr(self, name) for name in WEIGHTS}
        return {name: part for name, part in named.items() if part is not None}

    def to_json(self) -> dict[str, Any]:
        """Return the score and its parts for JSON."""
        return {"score": self.score, **self.parts()}


def assess(frame: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, task: Task) -> Quality:
    """Score a table.

    Parameters
    ----------
    frame
        The whole table, with the target as it is or encoded.
    train, test
        Its training and test rows.
    task
        Names the target, and the time and group columns: these differ between splits on purpose, and so
        have no part in the stability.
    """
    table = frame.drop(columns=[name for name in (ROW, BLOCK) if name in frame.columns])
    # whatever splits the rows is different in the two splits by design
    apart = {task.time_column, task.group_column, ROW, BLOCK}
    drift = column_drift(train, test, [name for name in train.columns if name not in apart])
    parts: dict[str, float | None] = {
        "completeness": 1.0 - float(table.isna().to_numpy().mean()),
        "uniqueness": 1.0 - float(repeats(table).mean()),
        "validity": _validity(table),
        "balance": None if task.kind == "regression" else _balance(table[task.target], task),
        "stability": 1.0 - (sum(drift.values()) / len(drift) if drift else 0.0),
    }
    applying = {name: part for name, part in parts.items() if part is not None}
    weight = sum(WEIGHTS[name] for name in applying)
    score = sum(WEIGHTS[name] * part for name, part in applying.items()) / weight
    return Quality(**parts, score=score, drift=drift)  # type: ignore[arg-type]  # only the balance may be None


def column_drift(train: pd.DataFrame, test: pd.DataFrame, columns: Iterable[str]) -> dict[str, float]:
    """Measure how far the test rows are from the training rows, a column at a time.

    The Jensen-Shannon distance with logarithms to base 2 ("A new metric for probability distributions", IEEE
    Transactions on Information Theory 49, 2003): 0 for the same distribution, 1 for two that share no value.
    Numbers are put into `BINS` bins of equal count in the training rows, texts into their `LEVELS` most
    frequent values; missing is a value of its own.

    Returns
    -------
    dict
        Distance by column, in the order given.
    """
    distances = {}
    for name in columns:
        before, after = train[name], test[name]
        if pd.api.types.is_datetime64_any_dtype(before):
            before, after = _as_numbers(before), _as_numbers(after)
        numeric = pd.api.types.is_numeric_dtype(before) and not pd.api.types.is_bool_dtype(before)
        counted = _binned(before, after) if numeric else _counted(before, after)
        distances[str(name)] = js_distance(*counted)
    return distances


def _validity(table: pd.DataFrame) -> float:
    """Return the share of the values that are fit for use; 1 for a table without any value."""
    values = wrong = 0
    for name in table.columns:
        column = table[name]
        values += int(column.notna().sum())
        if pd.api.types.is_float_dtype(column):
            wrong += int(np.isinf(column.to_numpy()).sum())
        elif isinstance(column.dtype, pd.StringDtype):
            counts = column.value_counts()
            meaning = counts.index.str.strip().str.casefold()
            wrong += int(counts[(meaning == "") | meaning.isin(STAND_INS)].sum())
    return 1.0 - wrong / values if values else 1.0


def _balance(target: pd.Series, task: Task) -> float:
    """Return the classes' entropy over its largest possible value, the logarithm of their number."""
    shares = target.value_counts(normalize=True).to_numpy()
    shares = shares[shares > 0]
    return min(float(-(shares * np.log(shares)).sum() / np.log(max(len(task.classes), 2))) + 0.0, 1.0)


def _as_numbers(times: pd.Series) -> pd.Series:
    seconds = times.astype("datetime64[s]").astype("int64").astype("float64")
    return seconds.where(times.notna())


def _binned(train: pd.Series, test: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    known = train.to_numpy(dtype=np.float64)
    known = known[np.isfinite(known)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.array([])
    counts = []
    for values in (train, test):
        numbers = values.to_numpy(dtype=np.float64)
        codes = np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers, side="left"))
        counts.append(np.bincount(codes, minlength=len(edges) + 2))
    return counts[0], counts[1]


def _counted(train: pd.Series, test: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    before, after = train.value_counts(), test.value_counts()
    common = before.index[:LEVELS]
    counts = []
    for values, found in ((train, before), (test, after)):
        of_common = found.reindex(common, fill_value=0).to_numpy()
        counts.append(np.append(of_common, [found.sum() - of_common.sum(), values.isna().sum()]))
    return counts[0], counts[1]
