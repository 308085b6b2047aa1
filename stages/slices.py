"""Where the model fails: groups of rows, by one column or two, that are predicted worse than the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import NormalDist

import numpy as np
import pandas as pd

from stages.metrics import Ranking, row_loss
from stages.resampling import LEVEL, Z, mean_errors, merged_blocks, quantile
from stages.task import Feature, Task

LEVELS = 30
"""A categorical is sliced by so many of its most frequent levels."""

DISTINCT = 12
"""A number with at most so many different values is sliced by value, else by its quartiles."""

PAIRED_COLUMNS = 30
"""Pairs are made of so many columns: those whose slices differ most in loss."""

GROUPS = 128
"""Blocks are merged by chance into at most so many groups for the intervals."""

FIGURES: dict[str, tuple[str, str]] = {
    "binary": ("positive_rate", "mean_prediction"),
    "multiclass": ("accuracy", "mean_confidence"),
    "regression": ("mean_target", "mean_prediction"),
}
"""What happened and what the model said, as columns of the table; their difference is its `gap`."""


@dataclass(frozen=True)
class Slicing:
    """One column, cut into slices.

    Attributes
    ----------
    column
        Name of the column.
    labels
        What a reader calls each slice.
    codes
        Each row's slice, or ``len(labels)`` for a row in none. Shape (rows,).
    """

    column: str
    labels: tuple[str, ...]
    codes: np.ndarray


@dataclass(frozen=True)
class _Rows:
    """What is summed over the rows of a slice; every array of shape (rows,)."""

    loss: np.ndarray
    observed: np.ndarray
    said: np.ndarray
    groups: np.ndarray

    @property
    def loss_by_group(self) -> tuple[np.ndarray, np.ndarray]:
        """Sum of the loss and number of rows, by group; each of shape (groups,)."""
        return np.bincount(self.groups, self.loss), np.bincount(self.groups)


def slice_column(feature: Feature, values: pd.Series) -> Slicing:
    """Cut a column: a categorical by level, a number by value or quartile, what is missing by itself."""
    if feature.type == "categorical":
        codes, levels = pd.factorize(values.to_numpy(dtype=object))
        counts = np.bincount(codes, minlength=len(levels))
        kept = np.lexsort((np.asarray(levels, str), -counts))[:LEVELS]
        place = np.full(len(levels), len(kept))
        place[kept] = np.arange(len(kept))
        return Slicing(feature.name, tuple(str(levels[code]) or "(missing)" for code in kept), place[codes])
    numbers = values.to_numpy(np.float64)
    present = ~np.isnan(numbers)
    distinct = np.unique(numbers[present])
    if len(distinct) <= DISTINCT:
        labels = [f"{value:.6g}" for value in distinct]
        codes = np.searchsorted(distinct, numbers)
    else:
        # "higher" cuts at values that occur, so that the labels are true at both ends.
        cuts = np.unique(np.quantile(numbers[present], [0.25, 0.5, 0.75], method="higher"))
        cuts = cuts[cuts < distinct[-1]]
        names = [f"{value:.6g}" for value in cuts]
        between = [f"over {low} to {high}" for low, high in pairwise(names)]
        labels = [f"up to {names[0]}", *between, f"over {names[-1]}"] if names else ["any"]
        codes = np.searchsorted(cuts, numbers)
    codes = np.where(present, codes, len(labels))
    return Slicing(feature.name, (*labels, "(missing)"), codes)


def slice_table(
    task: Task,
    features: Sequence[Feature],
    X: pd.DataFrame,
    y: np.ndarray,
    prediction: np.ndarray,
    blocks: pd.Series,
    min_slice: int,
    seed: int,
) -> pd.DataFrame:
    """Return every slice of one and of two columns with at least `min_slice` rows, the worst first.

    Parameters
    ----------
    task, y, prediction
        As for `metrics.score`.
    features, X
        The columns to slice by and their values, shape (rows, features).
    blocks
        Each row's block, by which the intervals are made. Shape (rows,).
    min_slice
        Smallest slice to look at, in rows.
    seed
        Seed for merging many blocks into groups.

    Returns
    -------
    pandas.DataFrame
        One row a slice: `slice` (its name), `column`, `value`, `column_2`, `value_2` (empty for one
        column), `rows`, `share` of all rows, the two of `FIGURES`, `gap` (said minus observed) with
        `gap_low` and `gap_high`, `loss`, `excess` (its loss minus that of all rows) with `low` and
        `high`, `at_stake` and `gap_at_stake`. Intervals are 95 %, one slice at a time.

    Notes
    -----
    `at_stake` orders the table: the slice's share times what is left of its excess after the half-width of
    an interval at a level divided by the number of slices looked at (Bonferroni), 0 where nothing is left:
    a small noisy slice, or one of few blocks, does not come first by luck. Of a pair's excess only what its
    worse column's slice does not show already counts. Pairs with nothing at stake are left out, and so is all
    but one of the slices with the very same rows. `gap_at_stake` is the same for the size of the gap.
    """
    rows = _figures(task, y, prediction, merged_blocks(blocks, GROUPS, seed))
    slicings = [slice_column(feature, X[feature.name]) for feature in features]
    singles = [_measure(rows, slicings, (place,), min_slice) for place in range(len(slicings))]
    spread = [float((single["share"] * single["excess"] ** 2).sum()) for single in singles]
    paired = sorted(sorted(range(len(slicings)), key=lambda place: -spread[place])[:PAIRED_COLUMNS])
    tables = list(singles)
    for first, second in combinations(paired, 2):
        pair = _measure(rows, slicings, (first, second), min_slice)
        for name in ("excess", "gap"):
            shown = [_by_code(singles[first], name)[pair["code"]], _by_code(singles[second], name)[pair["code_2"]]]
            pair[f"{name}_shown"] = np.max(np.abs(shown) if name == "gap" else shown, axis=0)
        tables.append(pair)
    table = pd.DataFrame({name: np.concatenate([part[name] for part in tables]) for name in tables[0]})
    table = _staked(table)
    kept = table[(table["column_2"] < 0) | (table["at_stake"] > 0) | (table["gap_at_stake"] > 0)]
    same_rows = kept.assign(loss=[f"{value:.9g}" for value in kept["loss"]]).duplicated(["rows", "loss"])
    named = _named(task, kept[~same_rows], slicings)
    named.attrs["looked_at"] = len(table)
    return named


def worst_slices(table: pd.DataFrame, by_loss: int = 40, by_gap: int = 20) -> pd.DataFrame:
    """Return the first slices by loss, then those not yet among them with the most certain gaps."""
    first = table.head(by_loss)
    rest = table.iloc[by_loss:].sort_values("gap_at_stake", ascending=False, kind="stable")
    result = pd.concat([first, rest[rest["gap_at_stake"] > 0].head(by_gap)], ignore_index=True)
    result.attrs.update(table.attrs)
    return result


def with_auc(
    task: Task, table: pd.DataFrame, features: Sequence[Feature], X: pd.DataFrame, y: np.ndarray, prediction: np.ndarray
) -> pd.DataFrame:
    """Add `roc_auc` within each slice, NaN where it holds one class only; a binary task only."""
    if task.kind != "binary":
        return table
    by_name = {feature.name: feature for feature in features}
    used = {*table["column"], *table["column_2"]} - {""}
    masks: dict[tuple[str, str], np.ndarray] = {("", ""): np.ones(len(y), bool)}
    for column in sorted(used):
        slicing = slice_column(by_name[column], X[column])
        masks.update({(column, label): slicing.codes == code for code, label in enumerate(slicing.labels)})
    aucs = []
    for row in table.itertuples():
        inside = masks[row.column, row.value] & masks[row.column_2, row.value_2]
        aucs.append(_auc(y[inside] == 1, prediction[inside, 1]))
    return table.assign(roc_auc=aucs)


def _auc(positive: np.ndarray, p: np.ndarray) -> float:
    if positive.all() or not positive.any():
        return float("nan")
    units = np.arange(len(positive))
    return Ranking.of(positive, p, units).areas(np.ones(len(positive)))[0]


def _figures(task: Task, y: np.ndarray, prediction: np.ndarray, groups: np.ndarray) -> _Rows:
    if task.kind == "binary":
        observed, said = y, prediction[:, 1]
    elif task.kind == "multiclass":
        observed, said = prediction.argmax(axis=1) == y, prediction.max(axis=1)
    else:
        observed, said = y, prediction
    loss = row_loss(task, y, prediction)
    return _Rows(loss, np.asarray(observed, np.float64), np.asarray(said, np.float64), groups)


def _measure(
    rows: _Rows, slicings: Sequence[Slicing], places: tuple[int, ...], min_slice: int
) -> dict[str, np.ndarray]:
    """Return the columns of a table of one column's slices, or of two columns' crossed, where they are large enough."""
    groups = int(rows.groups.max()) + 1
    sizes = [len(slicings[place].labels) + 1 for place in places]
    codes = slicings[places[0]].codes
    if len(places) == 2:
        codes = codes * sizes[1] + slicings[places[1]].codes
    cells = int(np.prod(sizes))
    cell = codes * groups + rows.groups

    def by_group(values: np.ndarray | None) -> np.ndarray:
        return np.bincount(cell, values, cells * groups).reshape(cells, groups)

    counts = by_group(None)
    code = np.unravel_index(np.arange(cells), sizes)
    in_no_slice = np.any([part == size - 1 for part, size in zip(code, sizes, strict=True)], axis=0)
    kept = np.flatnonzero(~in_no_slice & (counts.sum(axis=1) >= max(min_slice, 1)))
    counts, loss, gap = counts[kept], by_group(rows.loss)[kept], by_group(rows.said - rows.observed)[kept]
    size = counts.sum(axis=1)
    observed = np.bincount(codes, rows.observed, cells)[kept] / size
    error, freedom = mean_errors(loss, counts, rows.loss_by_group)
    none = np.full(len(kept), -1)
    return {
        "column": np.full(len(kept), places[0]),
        "code": code[0][kept],
        "column_2": np.full(len(kept), places[-1]) if len(places) == 2 else none,
        "code_2": code[1][kept] if len(places) == 2 else none,
        "rows": size,
        "share": size / len(rows.loss),
        "observed": observed,
        "said": observed + gap.sum(axis=1) / size,
        "gap": gap.sum(axis=1) / size,
        "gap_error": mean_errors(gap, counts)[0],
        "loss": loss.sum(axis=1) / size,
        "excess": loss.sum(axis=1) / size - rows.loss.mean(),
        "error": error,
        "freedom": freedom,
        "excess_shown": np.zeros(len(kept)),
        "gap_shown": np.zeros(len(kept)),
    }


def _by_code(single: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Return a figure of one column's slices by their code; those too small to be in the table have none."""
    values = np.full(int(single["code"].max(initial=-1)) + 1, np.nan)
    values[single["code"]] = single[name]
    return values


def _staked(table: pd.DataFrame) -> pd.DataFrame:
    """Add the intervals and what is at stake, and sort by it; see `slice_table`."""
    strict = NormalDist().inv_cdf(1 - (1 - LEVEL) / 2 / max(len(table), 1))
    freedom = table["freedom"].to_numpy()
    once, often = quantile(Z, freedom), quantile(strict, freedom)
    left = table["excess"] - table["excess_shown"] - often * table["error"]
    gap_left = table["gap"].abs() - table["gap_shown"] - often * table["gap_error"]
    return table.assign(
        gap_low=table["gap"] - once * table["gap_error"],
        gap_high=table["gap"] + once * table["gap_error"],
        low=table["excess"] - once * table["error"],
        high=table["excess"] + once * table["error"],
        at_stake=table["share"] * left.clip(lower=0),
        gap_at_stake=table["share"] * gap_left.clip(lower=0),
        left=left,
    ).sort_values(["at_stake", "left", "rows"], ascending=False, kind="stable")


def _named(task: Task, table: pd.DataFrame, slicings: Sequence[Slicing]) -> pd.DataFrame:
    """Put words for codes, and the columns into a reader's order."""
    observed, said = FIGURES[task.kind]
    words = [
        [slicings[column].column, slicings[column].labels[code]] if column >= 0 else ["", ""]
        for columns in (("column", "code"), ("column_2", "code_2"))
        for column, code in zip(table[columns[0]], table[columns[1]], strict=True)
    ]
    first, second = words[: len(table)], words[len(table) :]
    table = table.rename(columns={"observed": observed, "said": said}).assign(
        slice=[", ".join(" = ".join(part) for part in parts if part[0]) for parts in zip(first, second, strict=True)],
        column=[column for column, _ in first],
        value=[value for _, value in first],
        column_2=[column for column, _ in second],
        value_2=[value for _, value in second],
    )
    order = [
        *("slice", "column", "value", "column_2", "value_2", "rows", "share", observed, said),
        *("gap", "gap_low", "gap_high", "loss", "excess", "low", "high", "at_stake", "gap_at_stake"),
    ]
    return table[order].replace([np.inf, -np.inf], np.nan).reset_index(drop=True)
