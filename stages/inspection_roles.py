"""Which column orders the rows, which groups them, and which know the answer."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from stages.inspection_columns import Verdict
from stages.inspection_names import names_entity, time_likeness
from stages.leaks import single_feature_auc
from stages.task import Task
from stages.validation import listed

TIMES = 10
"""A column with fewer different times does not order the rows."""

GROUPS = 30
"""Fewer groups are too few to be divided, and may be a feature worth having."""

ROWS_OF_A_GROUP = 1.5
"""Rows that a group needs on average."""

ALIKE = 0.5
"""From this agreement of two rows of a group on, 0 as by chance and 1 the same, a column belongs to the group."""

ALIKE_TARGET = 0.3

GROUPS_LOOKED_AT = 1500
COLUMNS_LOOKED_AT = 40

CELLS = 1_000_000
"""Leaks are looked for in so many cells."""

BLATANT = 0.999
"""A column that alone reaches this AUC, for each class, has seen the answer."""

ENOUGH = 200
"""In fewer rows a good feature may tell the classes apart by chance."""

FEWEST = 20
"""In fewer rows nothing is said about a column that has the target's own values."""


def likely_time(verdicts: Iterable[Verdict]) -> str | None:
    """Return the column of dates that most likely says when a row came to be.

    It has a value in every row, and its name is not that of a date of birth or of an end.
    """
    fit = [
        found for found in verdicts
        if found.type == "datetime" and not found.drop and not found.missing and found.different >= TIMES
        and time_likeness(found.name) >= 0
    ]  # fmt: skip
    return max(fit, key=lambda found: time_likeness(found.name)).name if fit else None


def group_candidates(verdicts: Iterable[Verdict], rows: int) -> list[Verdict]:
    """Return the columns that are called like a person or thing and have several rows a value, most values first."""
    fit = [
        found for found in verdicts
        if found.type in ("integer", "text") and found.different >= 2 and names_entity(found.name)
        and rows * (1 - found.missing) >= ROWS_OF_A_GROUP * found.different
    ]  # fmt: skip
    return sorted(fit, key=lambda found: -found.different)


def likely_group(
    frame: pd.DataFrame, verdicts: Iterable[Verdict], task: Task, seed: int
) -> tuple[str | None, tuple[str, ...]]:
    """Return the column that groups the rows if one surely does, and a sentence on each that might.

    A wrong group column hurts: it is no feature any more, and the folds are drawn from few pieces. So it must be
    called like a person or thing, have many values of several rows, and its rows must be alike.
    """
    others = [found for found in verdicts if found.name not in (task.target, task.time_column)]
    candidates = group_candidates(others, len(frame))
    inputs = [found.name for found in others if not found.drop and found not in candidates]
    chosen, notes = None, []
    for found in candidates:
        alike = alike_in_groups(frame, found.name, task.target, inputs, seed)
        about = f"'{found.name}' has several rows a value ({found.different:,} in {len(frame):,} rows)"
        against = _against(found, alike, task.time_column, chosen)
        if against:
            notes.append(f"{about}, but does not divide the rows: {against}; data.group_column would make it")
        else:
            chosen = found.name
            notes.append(f"{about}, and rows that share one are alike in {listed(alike, 4)}: it keeps them in one fold")
    return chosen, tuple(notes)


def _against(found: Verdict, alike: tuple[str, ...], time_column: str | None, chosen: str | None) -> str:
    """Return what speaks against a group column; empty if nothing does."""
    if not alike:
        return "those that share one are no more alike than others"
    if found.different < GROUPS:
        return f"there are fewer than {GROUPS} of them"
    if found.missing:
        return "it has gaps"
    if time_column:
        return f"'{time_column}' does, by time"
    return f"'{chosen}' does" if chosen else ""


def alike_in_groups(frame: pd.DataFrame, group: str, target: str, columns: Iterable[str], seed: int) -> tuple[str, ...]:
    """Return the columns in which two rows of a group agree far more than two rows of the table.

    Parameters
    ----------
    frame
        The rows, the target as class codes or numbers.
    group, target
        The column whose values are the groups, and the one that is predicted.
    columns
        Those to look at, besides the target.
    seed
        Of the groups that are looked at.
    """
    generator = np.random.default_rng(seed)
    codes, names = pd.factorize(frame[group])
    sizes = np.bincount(codes[codes >= 0], minlength=len(names))
    several = np.flatnonzero(sizes > 1)
    if not len(several):
        return ()
    chosen = generator.permutation(several)[:GROUPS_LOOKED_AT]
    places = np.flatnonzero(np.isin(codes, chosen))
    # two rows of each group, by chance: neighbours would be alike in a table in order of time
    mixed = generator.permutation(places)
    _, first = np.unique(codes[mixed], return_index=True)
    rest = np.delete(mixed, first)
    _, second = np.unique(codes[rest], return_index=True)
    looked_at = [*list(columns)[:COLUMNS_LOOKED_AT], target]
    pairs = [frame[looked_at].iloc[rows].reset_index(drop=True) for rows in (mixed[first], rest[second])]
    found = []
    for name in looked_at:
        bound = ALIKE_TARGET if name == target else ALIKE
        if _agreement(pairs[0][name], pairs[1][name], generator) >= bound:
            found.append(str(name))
    return tuple(found)


def leaks(
    frame: pd.DataFrame, task: Task, columns: list[str], bound: float, seed: int
) -> tuple[dict[str, str], dict[str, float]]:
    """Find columns that know the answer.

    Parameters
    ----------
    frame
        The rows, the target as class codes or numbers.
    bound
        AUC of a column alone from which on it is suspected.

    Returns
    -------
    blatant : dict
        Columns that have seen the answer, and how that shows.
    suspected : dict
        The other columns that reach the bound, and their AUC.
    """
    most = max(CELLS // max(len(columns), 1), 2000)
    some = frame.sample(most, random_state=seed) if len(frame) > most else frame
    aucs = single_feature_auc(some, task, columns, seed)
    blatant = {}
    for name, auc in aucs.items():
        if auc < bound:
            continue
        if task.classes and len(some) >= FEWEST and _same_partition(some[name], some[task.target]):
            blatant[name] = f"'{task.target}' in other words: one value of it for each of the target's"
        elif auc >= BLATANT and len(some) >= ENOUGH and _knows_all(some, task, name, seed):
            blatant[name] = f"alone knows '{task.target}' ({auc:.4f} of 1): it cannot have been known before"
    return blatant, {name: auc for name, auc in aucs.items() if auc >= bound and name not in blatant}


def _knows_all(frame: pd.DataFrame, task: Task, name: str, seed: int) -> bool:
    """Whether a column tells every class from the rest, and not just one of many."""
    if task.kind != "multiclass":
        return True
    for code in range(len(task.classes)):
        one = frame[[name]].assign(**{task.target: (frame[task.target] == code).astype("int64")})
        if single_feature_auc(one, Task("binary", task.target, ("no", "yes")), [name], seed)[name] < BLATANT:
            return False
    return True


def _same_partition(values: pd.Series, target: pd.Series) -> bool:
    """Whether a column is the target under other names: as many values, each with a value of its own."""
    if values.nunique(dropna=False) != target.nunique():
        return False
    pairs = pd.DataFrame({"value": pd.factorize(values, use_na_sentinel=False)[0], "target": target.to_numpy()})
    return bool(len(pairs.drop_duplicates()) == target.nunique())


def _agreement(one: pd.Series, two: pd.Series, generator: np.random.Generator) -> float:
    """Return how much more two rows of a group agree than two of the table: 0 as by chance, 1 the same."""
    if pd.api.types.is_float_dtype(one) or pd.api.types.is_datetime64_any_dtype(one):
        both = (one.notna() & two.notna()).to_numpy()
        if both.sum() < 3:
            return 0.0
        x, y = (pd.concat(pair)[np.tile(both, 2)].rank().to_numpy() for pair in ((one, two), (two, one)))
        return float(np.corrcoef(x, y)[0, 1]) if x.std() > 0 else 0.0
    codes = pd.factorize(pd.concat([one, two], ignore_index=True), use_na_sentinel=False)[0]
    first, second = codes[: len(one)], codes[len(one) :]
    within = float((first == second).mean())
    between = float((first == generator.permutation(second)).mean())
    return (within - between) / (1 - between) if between < 1 else 0.0
