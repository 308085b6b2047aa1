"""How a table is divided, and what is asked of the first model: tried on its rows until every fold holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from stages.errors import InputError
from stages.splits import DAYS_FOR_BLOCKS, FOLDS, SplitParams, assign_folds
from stages.task import Task

TRIED = 200_000
"""A split is tried on a sample of so many rows."""

SHARES = ((0.15, 0.25), (0.2, 0.25), (0.2, 0.3), (0.25, 0.35), (0.1, 0.2))
"""Of the validation and test rows, in the order in which they are tried."""

SMALL = 4000
"""A table of fewer rows needs larger shares for its figures to mean something."""

TINY = 300
"""On fewer training rows a linear model learns more surely than trees."""

TEST_ROWS = 12
"""The tests of the model want eleven different predictions."""

LEAST_SLICE = 10
"""Smaller slices say nothing."""

SLICES = 20
"""The smallest slice that is reported holds this part of the test rows."""


@dataclass(frozen=True)
class Division:
    """How a table is divided.

    Attributes
    ----------
    task
        With the time and group columns that the division keeps to.
    split
        What divides it.
    why
        The reason.
    complete
        Whether every fold has every class.
    rejected
        Roles that were wanted and do not work, and why.
    """

    task: Task
    split: SplitParams
    why: str
    complete: bool
    rejected: dict[str, str]


def divide(frame: pd.DataFrame, task: Task, given: SplitParams, seed: int) -> Division:
    """Find a division in which each fold has rows of each class, and no day or group is on two sides.

    Parameters
    ----------
    frame
        The rows, the target encoded.
    task
        With the time or group column that the rows should be divided by, if any.
    given
        What params.yaml has, which is kept where it works.
    seed
        Of the draw; the data stage's own, so that what works here works there.
    """
    rejected: dict[str, str] = {}
    tried = frame.sample(TRIED, random_state=seed).sort_index() if len(frame) > TRIED else frame
    for name, alone in _roles(task):
        for split in _splits(given, len(frame), name):
            if _holds(tried, alone, split, seed):
                return Division(alone, split, _why(alone, split, given, len(frame)), True, rejected)
        if name != "random":
            column = getattr(alone, f"{name}_column")
            rejected[name] = f"divided by '{column}', some fold would lack rows" + (
                " of a class" if task.classes else ""
            )
    plain = replace(task, time_column=None, group_column=None)
    for split in _splits(given, len(frame), "random"):
        try:
            assign_folds(tried, plain, split, seed)
        except InputError:
            continue
        return Division(plain, split, _why(plain, split, given, len(frame)), False, rejected)
    assign_folds(tried, plain, replace(given, method="auto"), seed)  # says what is missing
    return Division(plain, given, "", False, rejected)


def demands(
    frame: pd.DataFrame, division: Division, rows: int, given: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what evaluate and train should be asked for a first run, and the reasons.

    Parameters
    ----------
    frame
        The rows, the target encoded.
    rows
        How many the table has.
    given
        params.yaml.
    """
    task, split = division.task, division.split
    test = _share(split.test) * rows
    learned = rows - test - _share(split.validation) * rows
    asked: dict[str, Any] = {}
    reasons: dict[str, str] = {}

    def ask(path: str, value: Any, reason: str) -> None:
        asked[path], reasons[path] = value, reason

    floor, why = _floor(frame[task.target].to_numpy(), task, division.complete)
    ask("evaluate.floor", floor, why)
    smallest = max(LEAST_SLICE, int(test) // SLICES)
    if smallest < _at(given, "evaluate.min_slice", 200):
        ask("evaluate.min_slice", smallest, f"a twentieth of about {test:,.0f} test rows")
    if learned < TINY:
        ask("train.model", "logistic", f"about {learned:.0f} rows to learn from: too few for trees")
        ask(
            "train.logistic.min_frequency", max(2, int(learned) // 30), "few rows, in which few categories are frequent"
        )
    return asked, reasons


def _floor(y: np.ndarray, task: Task, complete: bool) -> tuple[dict[str, Any], str]:
    after = "; raise it to what the first run reached"
    if task.kind == "regression":
        return {"metric": "r2", "at_least": 0.0}, f"tests/ fail below this; always saying the mean: 0{after}"
    if complete:
        return {"metric": "roc_auc", "at_least": 0.5}, f"tests/ fail below this; a coin: 0.5{after}"
    shares = np.bincount(y.astype(np.int64), minlength=len(task.classes)) / len(y)
    shares = shares[shares > 0]
    most = round(float(-(shares * np.log(shares)).sum()) * 1.05, 3)
    return {"metric": "log_loss", "at_most": most}, (
        "tests/ fail above this; always saying how frequent each class is comes to about as much; ROC AUC needs each "
        "class among the test rows"
    )


def _roles(task: Task) -> Iterator[tuple[str, Task]]:
    """Yield the ways of dividing, the best first: a task with one of the columns, or neither."""
    if task.time_column:
        yield "time", replace(task, group_column=None)
    if task.group_column:
        yield "group", replace(task, time_column=None)
    yield "random", replace(task, time_column=None, group_column=None)


def _splits(given: SplitParams, rows: int, name: str) -> Iterator[SplitParams]:
    """Yield what to try: what params.yaml has, where the table is large enough, then larger shares."""
    plain = replace(given, method="auto", rows=None)
    # a date in params.yaml belongs to another table
    if rows >= SMALL and all(isinstance(share, float) for share in (given.validation, given.test)):
        yield plain
    for validation, test in SHARES[2:] + SHARES[:2] if rows < 500 else SHARES:
        shares = replace(plain, validation=validation, test=test)
        yield shares
        if name == "time" and given.whole == "month":
            yield replace(shares, whole="day")


def _holds(frame: pd.DataFrame, task: Task, split: SplitParams, seed: int) -> bool:
    try:
        folds = assign_folds(frame, task, split, seed)
    except InputError:
        return False
    if (folds == "test").sum() < min(TEST_ROWS, len(frame) // 4):
        return False
    y = frame[task.target].to_numpy()
    if task.classes and any(len(np.unique(y[folds == fold])) < len(task.classes) for fold in FOLDS):
        return False
    if task.kind == "regression" and len(np.unique(y[folds == "test"])) < 2:
        return False
    return not task.time_column or _whole_days(frame[task.time_column], folds)


def _whole_days(times: pd.Series, folds: np.ndarray) -> bool:
    """Whether no day, or hour of a short table, is on two sides; see `stages.splits.blocks`."""
    long = (times.max() - times.min()).days >= DAYS_FOR_BLOCKS
    units = times.dt.floor("D" if long else "h")
    return bool(pd.DataFrame({"unit": units, "fold": folds}).drop_duplicates()["unit"].is_unique)


def _share(value: object) -> float:
    return value if isinstance(value, float) else 0.25


def _why(task: Task, split: SplitParams, given: SplitParams, rows: int) -> str:
    if (split.validation, split.test) == (given.validation, given.test):
        return ""
    return "so many rows of each class are needed" if rows >= SMALL and task.classes else f"{rows:,} rows are few"


def _at(params: dict[str, Any], path: str, default: Any) -> Any:
    value: Any = params
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return default if value is None else value
