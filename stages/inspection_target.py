"""Which column may be the target, what kind of task it makes, and which of its labels is the positive one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import pandas as pd

from stages.inspection_columns import Verdict
from stages.inspection_names import names_something, target_likeness
from stages.target import MOST_CLASSES
from stages.task import Task
from stages.validation import listed

MOST_TARGETS = 5

POSITIVE = (
    "yes", "true", "1", "y", "t", "positive", "pos", "+", "churn", "churned", "left", "default", "fraud", "spam",
    "sick", "abnormal", "malignant", "m+", "won", "bad", "failed", "failure", "fail", "died", "dead", "ja", "oui",
    "si", "sí", "sim", "da", "да", "はい", "是",
)  # fmt: skip
"""Labels that mean that it happened, the surest first."""

NEGATIVE = frozenset({"no", "false", "0", "n", "f", "negative", "neg", "-", "none", "nein", "non", "não", "нет", "-1"})

RARE = 10
"""Classes of fewer rows are named."""

MANY_CLASSES = 100


def likely_targets(verdicts: Iterable[Verdict], rows: int) -> tuple[str, ...]:
    """Return the columns that may be the target, the best guess first.

    A name such as ``target`` or ``churned`` counts most, then the last place in the table; columns that name
    the rows, are always the same, or are dates or free text, are none.
    """
    fit = [
        found
        for found in verdicts
        if not found.drop and found.type not in ("datetime", "empty") and not names_something(found.name)
        and (found.type != "text" or found.different <= max(MOST_CLASSES, rows // 100)) and not found.missing > 0.5
    ]  # fmt: skip
    order = {found.name: place for place, found in enumerate(fit)}
    ranked = sorted(fit, key=lambda found: (-target_likeness(found.name), -order[found.name]))
    return tuple(found.name for found in ranked[:MOST_TARGETS])


def positive_label(task: Task, counts: Mapping[str, int]) -> tuple[str, str]:
    """Return the label of a binary task that counts as positive, and why."""
    folded = {label.strip().casefold(): label for label in task.classes}
    for word in POSITIVE:
        if word in folded:
            return folded[word], f"{folded[word]!r} says that it happened"
    for word, label in folded.items():
        if word in NEGATIVE:
            other = next(one for one in task.classes if one != label)
            return other, f"{label!r} says that it did not happen"
    rarer = min(task.classes, key=lambda label: (counts[label], label))
    share = counts[rarer] / sum(counts.values())
    return rarer, f"the rarer of the two, {share:.1%} of the rows: mostly the one that is looked for"


def kind_of(values: pd.Series) -> tuple[Literal["auto", "regression"], str]:
    """Return ``auto``, or ``regression`` where so many whole numbers are few rows each and thus no classes."""
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values) or values.nunique() <= 2:
        return "auto", "told from the target"
    different = values.nunique()
    if 5 < different <= MOST_CLASSES and bool((values % 1 == 0).all()) and int(values.value_counts().min()) < RARE:
        return "regression", f"{different} different whole numbers, some of few rows: amounts and no classes"
    return "auto", "told from the target"


def about_classes(task: Task, counts: pd.Series, values: pd.Series) -> list[str]:
    """Say which classes are rare or many, and whether they may be amounts, a sentence each."""
    notes = []
    rare = counts[counts < RARE]
    if len(rare):
        named = listed((f"'{label}' {count}" for label, count in rare.items()), 5)
        notes.append(f"few rows have these values of '{task.target}': {named}; too few to learn or to judge them")
    if task.kind == "multiclass" and pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        notes.append(
            f"the {len(task.classes)} whole numbers of '{task.target}' are taken for classes; if they are amounts, set "
            "task: regression"
        )
    if len(task.classes) > MANY_CLASSES:
        notes.append(f"'{task.target}' has {len(task.classes):,} classes: training takes a tree for each in every step")
    return notes
