"""Dividing the rows into training, validation and test: by time, by group, or by chance."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from stages.errors import InputError
from stages.task import Task

FOLDS = ("train", "validation", "test")

Method = Literal["time", "group", "random"]

Unit = Literal["month", "day", "none"]

DAYS_FOR_BLOCKS = 60
"""A table that spans fewer days is resampled by the hour instead of by the day."""


@dataclass(frozen=True)
class SplitParams:
    """How to divide the rows: the ``split`` section of params.yaml.

    Attributes
    ----------
    method
        ``auto`` takes ``time`` where the task has a time column, else ``group`` where it has a group
        column, else ``random``.
    validation, test
        Shares of the rows, 0 to 1; for a time split also the date from which on rows belong there.
    whole
        A time split given by shares moves its cuts to the nearest start of a month or day, so that no
        such unit is on two sides; a table of fewer than six months is cut by the day, and one of too few days
        for three folds at any time.
    rows
        Take a random sample of so many rows first.
    """

    method: Literal["auto", "time", "group", "random"] = "auto"
    validation: float | datetime.date | str = 0.1
    test: float | datetime.date | str = 0.2
    whole: Unit = "none"
    rows: int | None = None


def sample_rows(frame: pd.DataFrame, rows: int | None, seed: int) -> pd.DataFrame:
    """Return a random sample of `rows` rows in their old order, or all if there are not more."""
    if rows is None or rows >= len(frame):
        return frame
    if rows < 1:
        raise InputError(f"params.yaml: split.rows is {rows}.", "It must be 1 or more, or null for all rows.")
    chosen = np.sort(np.random.default_rng(seed).choice(len(frame), rows, replace=False))
    return frame.iloc[chosen]


def method_for(params: SplitParams, task: Task) -> Method:
    """Say how to split, and refuse a method whose column the task lacks."""
    if params.method == "auto":
        return "time" if task.time_column else "group" if task.group_column else "random"
    needed = {"time": task.time_column, "group": task.group_column}
    if params.method in needed and needed[params.method] is None:
        column = f"{params.method}_column"
        raise InputError(
            f"params.yaml: split.method is {params.method}, but data.{column} is null.",
            f"Name the column in data.{column}.",
        )
    return params.method


def assign_folds(frame: pd.DataFrame, task: Task, params: SplitParams, seed: int) -> np.ndarray:
    """Give each row its fold.

    Parameters
    ----------
    frame
        The rows, the target encoded as `Task` says.
    task
        Names the target, time and group columns.
    params
        Method and sizes.
    seed
        For the group and random methods.

    Returns
    -------
    ndarray
        One of `FOLDS` a row, shape (rows,).

    Raises
    ------
    InputError
        A share or a date that leaves a fold without rows, or the training rows without one of the classes.
    """
    method = method_for(params, task)
    if method == "time":
        folds = _by_time(frame[task.time_column], params)
    else:
        test, validation = _share(params.test, "test"), _share(params.validation, "validation")
        if test + validation >= 1:
            raise InputError(
                f"params.yaml: split.validation and split.test add up to {test + validation:g}.",
                "Leave rows to train on.",
            )
        generator = np.random.default_rng(seed)
        if method == "group":
            folds = _by_group(frame[task.group_column], validation, test, generator)
        else:
            strata = np.zeros(len(frame)) if task.kind == "regression" else frame[task.target].to_numpy()
            folds = _by_chance(strata, validation, test, generator)
    _refuse_unusable(folds, frame, task, method)
    return folds


def blocks(frame: pd.DataFrame, task: Task) -> pd.Series:
    """Name the block by which each row is resampled: its group, its day (or hour), or itself."""
    if task.group_column:
        return frame[task.group_column].astype("str").fillna("")
    if task.time_column:
        times = frame[task.time_column]
        days = (times.max() - times.min()).days
        return times.dt.strftime("%Y-%m-%d" if days >= DAYS_FOR_BLOCKS else "%Y-%m-%dT%H")
    return pd.Series(frame.index.astype(str), index=frame.index, dtype="str")


def _share(value: object, name: str) -> float:
    if isinstance(value, float) and 0 < value < 1:
        return value
    raise InputError(
        f"params.yaml: split.{name} is {value}.", "Give a share between 0 and 1 (a date is for a time split only)."
    )


def _by_time(times: pd.Series, params: SplitParams) -> np.ndarray:
    units: tuple[Unit, ...] = ("month", "day", "none")
    coarsest = params.whole
    if coarsest == "month" and (times.max() - times.min()).days < 180:
        coarsest = "day"
    folds = np.array([])
    for unit in units[units.index(coarsest) :]:
        folds = _cut_by(unit, times, params)
        if set(FOLDS) <= set(folds):
            break
    return folds


def _cut_by(unit: Unit, times: pd.Series, params: SplitParams) -> np.ndarray:
    dated = {
        name: None if isinstance(value, float) else _date(value, name)
        for name, value in (("validation", params.validation), ("test", params.test))
    }
    ordered = np.sort(times.to_numpy())
    test_from = dated["test"]
    if test_from is None:
        test_from = _cut(ordered, 1 - _share(params.test, "test"), unit)
    validation_from = dated["validation"]
    if validation_from is None:
        share = _share(params.validation, "validation") + float((ordered >= test_from.to_datetime64()).mean())
        validation_from = _cut(ordered, max(1 - share, 0.0), unit)
    if validation_from > test_from:
        raise InputError(
            f"params.yaml: split.validation begins at {validation_from}, after split.test at {test_from}.",
            "The test rows are the latest; let validation begin before them.",
        )
    return np.select([times >= test_from, times >= validation_from], ["test", "validation"], "train")


def _date(value: object, name: str) -> pd.Timestamp:
    try:
        return pd.Timestamp(str(value))
    except ValueError:
        raise InputError(
            f"params.yaml: split.{name} is {value!r}.", "Give a share between 0 and 1, or a date like 2024-09-01."
        ) from None


def _cut(ordered: np.ndarray, share: float, unit: Unit) -> pd.Timestamp:
    """Return the time that has `share` of the rows before it, moved to the nearest start of a unit."""
    exact = pd.Timestamp(ordered[min(round(share * len(ordered)), len(ordered) - 1)])
    if unit == "none":
        return exact
    starts = exact.to_period("M" if unit == "month" else "D")
    candidates = [starts.start_time, (starts + 1).start_time]
    positions = [float((ordered < start.to_datetime64()).mean()) for start in candidates]
    return candidates[int(abs(positions[1] - share) < abs(positions[0] - share))]


def _by_group(groups: pd.Series, validation: float, test: float, generator: np.random.Generator) -> np.ndarray:
    codes, names = pd.factorize(groups, sort=True, use_na_sentinel=False)
    sizes = np.bincount(codes, minlength=len(names))
    if len(names) < len(FOLDS):
        raise InputError(
            f"Column '{groups.name}' has {len(names)} different groups, too few for a fold each.",
            "Name a column with three or more as data.group_column in params.yaml, or set it to null.",
        )
    order = generator.permutation(len(names))
    middle = (np.cumsum(sizes[order]) - sizes[order] / 2) / len(groups)
    # the cuts nearest to the shares, but a group at least for each fold
    in_test = min(max(int((middle < test).sum()), 1), len(names) - 2)
    in_both = min(max(int((middle < test + validation).sum()), in_test + 1), len(names) - 1)
    fold_of = np.empty(len(names), dtype="<U10")
    fold_of[order] = np.repeat(["test", "validation", "train"], [in_test, in_both - in_test, len(names) - in_both])
    return fold_of[codes]


def _by_chance(strata: np.ndarray, validation: float, test: float, generator: np.random.Generator) -> np.ndarray:
    folds = np.full(len(strata), "train", dtype="<U10")
    for stratum in np.unique(strata):
        rows = generator.permutation(np.flatnonzero(strata == stratum))
        in_test = round(test * len(rows))
        in_validation = round(validation * len(rows))
        folds[rows[:in_test]] = "test"
        folds[rows[in_test : in_test + in_validation]] = "validation"
    return folds


def _refuse_unusable(folds: np.ndarray, frame: pd.DataFrame, task: Task, method: Method) -> None:
    for fold in FOLDS:
        if not (folds == fold).any():
            raise InputError(
                f"The {method} split leaves the {fold} fold without rows ({len(frame)} rows in all).",
                _more_rows(fold, frame, task, method),
            )
    target = frame[task.target].to_numpy()
    for code, label in enumerate(task.classes):
        rows = target == code
        if not (rows & (folds == "train")).any():
            raise InputError(
                f"Column '{task.target}': no training row has the class '{label}' after the {method} split "
                f"({int(rows.sum())} rows have it in all).",
                "Change split.method or its shares in params.yaml, or bring more rows of that class.",
            )


def _more_rows(fold: str, frame: pd.DataFrame, task: Task, method: Method) -> str:
    if method == "time":
        times = frame[task.time_column]
        return (
            "Give split.validation and split.test in params.yaml as dates inside the table's time "
            f"({times.min()} to {times.max()}, {times.nunique():,} different), or bring rows of other times."
        )
    if fold == "train":
        return "Lower split.validation or split.test in params.yaml, or bring more rows."
    largest = len(frame) if task.kind == "regression" else int(frame[task.target].value_counts().max())
    return (
        f"Set split.{fold} in params.yaml above {0.5 / largest:.2g}, so that one of the "
        f"{largest} rows {'there are' if task.kind == 'regression' else 'of the largest class'} falls to it, "
        "or bring more rows."
    )
