"""From a target column to a task: what kind of problem it is, and which label is which class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from stages.errors import InputError, did_you_mean
from stages.task import Kind, Task
from stages.validation import listed

MOST_CLASSES = 20
"""Whole numbers with at most so many different values are taken for classes."""


def drop_unlabelled(frame: pd.DataFrame, target: str) -> tuple[pd.DataFrame, int]:
    """Leave out the rows without a target; also return how many there were. The index is kept."""
    labelled = frame[target].notna()
    return (frame if labelled.all() else frame[labelled]), int((~labelled).sum())


def check_target(frame: pd.DataFrame, target: str, source: str) -> None:
    """Refuse a target from which nothing can be learned.

    Raises
    ------
    InputError
        It is always missing, or always the same.
    """
    values = frame[target].dropna()
    if values.empty:
        raise InputError(
            f"{source}, column '{target}': the target is missing in every row.",
            "Fill it in, or name another column as data.target in params.yaml.",
        )
    if values.nunique() == 1:
        raise InputError(
            f"{source}, column '{target}': the target is '{labels(values).iloc[0]}' in every row, so there is "
            "nothing to learn.",
            "Give a table with at least two different values, or name another column as data.target in params.yaml.",
        )


def resolve_task(
    frame: pd.DataFrame,
    target: str,
    positive: str | int | float | bool | None,
    kind: Literal["auto"] | Kind,
    source: str,
    time_column: str | None = None,
    group_column: str | None = None,
) -> Task:
    """Work out the task from the target column.

    ``auto`` takes two different values for a binary task, texts and whole numbers with at most
    `MOST_CLASSES` values for classes, and anything else for a regression. A binary task without a
    `positive` label takes the larger one: 1 over 0, True over False, "yes" over "no".

    Parameters
    ----------
    frame
        The table without unlabelled rows; its index is the 0-based row in the source.
    target
        Name of the target column.
    positive
        The label of a binary task that counts as positive, as params.yaml has it: 1 finds ``1.0`` and
        ``"1"``, true finds ``True`` and ``"true"``.
    kind
        What params.yaml asks for.
    source
        The table's file, for errors.
    time_column, group_column
        Passed on to the task.

    Raises
    ------
    InputError
        The target does not fit the kind, the positive label is not there, or a class has one row.
    """
    check_target(frame, target, source)
    where = f"{source}, column '{target}'"
    values = frame[target]
    if pd.api.types.is_datetime64_any_dtype(values):
        raise InputError(f"{where}: the target is a date.", "Predict a number or a label: change data.target.")
    resolved = _kind(values) if kind == "auto" else kind
    if resolved == "regression":
        _refuse_words(values, where)
        _refuse_positive(positive, f"the task is a regression on '{target}'")
        return Task("regression", target, (), time_column, group_column)
    classes = _classes(values)
    if resolved == "binary" and len(classes) != 2:
        raise InputError(
            f"{where}: a binary task needs two different labels, but there are {len(classes)}: {listed(classes)}.",
            "Set task: multiclass, or auto, in params.yaml.",
        )
    if resolved == "multiclass" and len(classes) == 2:
        raise InputError(
            f"{where}: a multiclass task needs more than two different labels, but there are {listed(classes)}.",
            "Set task: binary, or auto, in params.yaml.",
        )
    _refuse_alike(values, classes, where)
    _refuse_single_rows(values, where)
    if resolved == "binary":
        classes = _negative_first(classes, positive, where)
    else:
        quoted = listed(f"'{label}'" for label in classes)
        _refuse_positive(positive, f"'{target}' has {len(classes)} different labels ({quoted})")
    return Task(resolved, target, classes, time_column, group_column)


def encode_target(values: pd.Series, task: Task) -> np.ndarray:
    """Return class codes (int64, places in ``task.classes``), or numbers (float64); shape (rows,).

    Raises
    ------
    InputError
        A label is none of the task's classes.
    """
    if task.kind == "regression":
        return np.asarray(values, dtype=np.float64)
    codes = pd.Index(task.classes).get_indexer(pd.Index(labels(values)))
    if (codes < 0).any():
        place = int(np.flatnonzero(codes < 0)[0])
        raise InputError(
            f"Column '{task.target}', row {int(values.index[place]) + 1}: '{values.iloc[place]}' is no known class.",
            f"Its classes are: {listed(task.classes)}.",
        )
    return np.asarray(codes, dtype=np.int64)


def labels(values: pd.Series) -> pd.Series:
    """Return the texts by which labels are known: ``"1"`` for 1 and 1.0, ``"True"``, or the text itself."""
    text = values.astype("str")
    if pd.api.types.is_float_dtype(values):
        return text.str.removesuffix(".0")
    return text


def task_in_words(task: Task, positive: object | None) -> str:
    """Say in a sentence what is predicted, and which label is positive and who chose it."""
    if task.kind == "regression":
        return f"Predicting the number '{task.target}' (regression)."
    if task.kind == "multiclass":
        return f"Predicting which of {len(task.classes)} classes '{task.target}' is (multiclass)."
    chosen = "" if positive is not None else ", the larger label, since data.positive is null in params.yaml"
    return f"Predicting '{task.target}' (binary): '{task.classes[1]}' counts as positive{chosen}."


@dataclass(frozen=True)
class _Forms:
    """The ways in which a label may be written: its text, and its number if it has one."""

    text: str
    number: float | None

    @classmethod
    def of(cls, label: object) -> _Forms:
        if isinstance(label, bool):
            return cls(str(label), float(label))
        try:
            return cls(str(label), float(str(label)))
        except ValueError:
            return cls(str(label), {"true": 1.0, "false": 0.0}.get(str(label).casefold()))


def _kind(values: pd.Series) -> Kind:
    different = values.nunique()
    if different == 2:
        return "binary"
    if not pd.api.types.is_numeric_dtype(values):
        return "multiclass"
    whole = bool((values % 1 == 0).all())
    return "multiclass" if whole and different <= MOST_CLASSES else "regression"


def _classes(values: pd.Series) -> tuple[str, ...]:
    """Return the labels in order: numbers by size, texts by alphabet, False before True."""
    return tuple(labels(pd.Series(values.dropna().unique()).sort_values()))


def _negative_first(classes: tuple[str, ...], positive: object | None, where: str) -> tuple[str, ...]:
    if positive is None:
        return classes
    asked = _Forms.of(positive)
    found = [label for label in classes if label == asked.text]
    if not found and not (isinstance(positive, str) and asked.number is None):
        found = [label for label in classes if _Forms.of(label).number == asked.number]
    if len(found) != 1:
        raise InputError(
            f"{where} has no label '{positive}', which params.yaml names as data.positive."
            f"{did_you_mean(positive, classes)}",
            f"Its labels are '{classes[0]}' and '{classes[1]}'.",
        )
    return (*(label for label in classes if label != found[0]), found[0])


def _refuse_positive(positive: object | None, because: str) -> None:
    if positive is not None:
        raise InputError(
            f"params.yaml: data.positive is '{positive}', but {because}; only a binary task has a positive label.",
            "Set data.positive: null; or, if there should be two labels, correct the others, or leave their cells "
            "empty.",
        )


def _refuse_words(values: pd.Series, where: str) -> None:
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        raise InputError(
            f"{where}: a regression needs numbers, but row {int(values.index[0]) + 1} has '{values.iloc[0]}'.",
            "Set task: auto in params.yaml, or name another column as data.target.",
        )


def _refuse_alike(values: pd.Series, classes: tuple[str, ...], where: str) -> None:
    seen: dict[str, str] = {}
    for label in classes:
        other = seen.setdefault(label.strip(), label)
        if other != label:
            text = labels(values)
            rows = [int(text.index[(text == one).to_numpy()][0]) + 1 for one in (other, label)]
            raise InputError(
                f"{where}: the labels '{other}' (row {rows[0]}) and '{label}' (row {rows[1]}) differ in white space "
                "only.",
                "Take it away in the table.",
            )


def _refuse_single_rows(values: pd.Series, where: str) -> None:
    text = labels(values)
    counts = text.value_counts(sort=False)
    single = sorted(counts.index[counts == 1])
    if single:
        row = int(text.index[(text == single[0]).to_numpy()][0]) + 1
        others = f", and so have {len(single) - 1} other classes" if len(single) > 1 else ""
        raise InputError(
            f"{where}: the class '{single[0]}' has one row (row {row}){others}; it cannot be both learned and tested.",
            "Give it more rows, take it out, or join it with another class; if the target is a number, "
            "set task: regression in params.yaml.",
        )
