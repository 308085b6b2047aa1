"""The leak guard: a column that predicts the target all alone has probably seen it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from stages.task import Task

MOST_ROWS = 50_000
"""More training rows than this are sampled: the error of an AUC is then below 0.005."""

FOLDS = 5
BINS = 32
"""A number also counts as so many bins, so that a target that hides in its middle is found."""

Judge = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Takes a score of shape (cells,), how many rows each cell has, and the sums of their goals, shape
(cells, goals); gives a strength for each goal. A cell is a row, or rows that share a score."""

PRIOR = 10.0
"""A category's mean is drawn towards the overall mean as if by so many rows."""


def single_feature_auc(train: pd.DataFrame, task: Task, columns: Iterable[str], seed: int) -> dict[str, float]:
    r"""Say how well each column predicts the target alone.

    A number is judged by its rank, missing values below or above all others, and by the target's mean in
    each of `BINS` bins; a category by the target's mean in it, drawn towards the overall mean ("A preprocessing
    scheme for high-cardinality categorical attributes", SIGKDD Explorations 3, 2001). Means are taken out of
    fold, because a category of one row would otherwise know its own answer.

    Parameters
    ----------
    train
        The training rows; the target holds class codes, or numbers. At most `MOST_ROWS` are used.
    task
        Names the target and its classes.
    columns
        The columns to judge.
    seed
        Of the sample and the folds.

    Returns
    -------
    dict
        By column, 0.5 (says nothing) to 1 (says all): the ROC AUC of a binary task, the largest AUC of
        one class against the rest, or for a regression (1 + \|Spearman's correlation\|) / 2.
    """
    rows = train.sample(MOST_ROWS, random_state=seed) if len(train) > MOST_ROWS else train
    goals = _goals(rows[task.target].to_numpy(), task)
    folds = np.random.default_rng(seed).permutation(len(rows)) % FOLDS
    judge = _correlations if task.kind == "regression" else _aucs
    return {str(name): _strength(rows[name], goals, folds, judge) for name in columns}


def name_leaks(aucs: Mapping[str, float], bound: float) -> dict[str, float]:
    """Return the columns that reach the bound, the strongest first."""
    reached = ((name, auc) for name, auc in aucs.items() if auc >= bound)
    return dict(sorted(reached, key=lambda item: (-item[1], item[0])))


def _goals(y: np.ndarray, task: Task) -> np.ndarray:
    """Return what is to be told apart, shape (rows, goals): each class from the rest, or the ranks.

    Ranks have mean 0 and variance 1, as `_correlations` needs them.
    """
    if task.kind == "regression":
        ranks = rankdata(y)
        ranks -= ranks.mean()
        return np.asarray(ranks / max(float(ranks.std()), 1e-12))[:, None]
    if task.kind == "binary":
        return np.asarray(y == 1, dtype=np.float64)[:, None]
    return np.asarray(y[:, None] == np.arange(len(task.classes)), dtype=np.float64)


def _strength(values: pd.Series, goals: np.ndarray, folds: np.ndarray, judge: Judge) -> float:
    if pd.api.types.is_datetime64_any_dtype(values):
        values = values.astype("datetime64[s]").astype("int64").astype("float64").where(values.notna())
    found = [np.array(0.5)]
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(dtype=np.float64)
        missing = np.isnan(numbers)
        for place in (-np.inf, np.inf) if missing.any() else (0.0,):
            rising = judge(np.where(missing, place, numbers), np.ones(len(numbers)), goals)
            found.append(np.maximum(rising, 1 - rising))
        codes = _bins(numbers, missing)
    else:
        codes = pd.factorize(values, use_na_sentinel=False)[0]
    found.append(_strength_of_codes(codes, goals, folds, judge))
    return float(max(strength.max() for strength in found))


def _strength_of_codes(codes: np.ndarray, goals: np.ndarray, folds: np.ndarray, judge: Judge) -> np.ndarray:
    """Judge, in each fold, the goals' means over the rows of the same code in the other folds; shape (goals,).

    Returns the mean over the folds. All folds in one ranking would not do: rows of one code would have
    several predictions, ordered against their own goals.
    """
    shape = (int(codes.max()) + 1, FOLDS)
    cells = codes * FOLDS + folds
    counts = np.bincount(cells, minlength=shape[0] * FOLDS).reshape(shape)
    # the overall mean is one for all folds: a fold's own would tell its rows apart
    prior = PRIOR * goals.mean(axis=0)
    strengths = np.empty((FOLDS, goals.shape[1]))
    for goal in range(goals.shape[1]):
        sums = np.bincount(cells, goals[:, goal], minlength=counts.size).reshape(shape)
        means = (_others(sums) + prior[goal]) / (_others(counts) + PRIOR)
        for fold in range(FOLDS):
            strengths[fold, goal] = judge(means[:, fold], counts[:, fold], sums[:, [fold]])[0]
    return np.asarray(strengths.mean(axis=0))


def _others(cells: np.ndarray) -> np.ndarray:
    """Return, for each code and fold, the sum over the other folds; shape (codes, folds)."""
    return np.asarray(cells.sum(axis=1, keepdims=True) - cells)


def _bins(numbers: np.ndarray, missing: np.ndarray) -> np.ndarray:
    if missing.all():
        return np.zeros(len(numbers), dtype=np.int64)
    edges = np.unique(np.quantile(numbers[~missing], np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.where(missing, len(edges) + 1, np.searchsorted(edges, numbers, side="left"))


def _aucs(score: np.ndarray, counts: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Return the AUC of a score for each goal, by the Mann-Whitney statistic; 0.5 where a class is absent."""
    positive = sums.sum(axis=0)
    pairs = positive * (counts.sum() - positive)
    above = _midranks(score, counts) @ sums - positive * (positive + 1) / 2
    return np.where(pairs > 0, above / np.maximum(pairs, 1), 0.5)


def _correlations(score: np.ndarray, counts: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Return (1 + Spearman's correlation) / 2 of a score with each goal; 0.5 for a score that is constant."""
    ranks = _midranks(score, counts) - (counts.sum() + 1) / 2
    spread = float(np.sqrt(counts @ ranks**2 * counts.sum()))
    correlation = ranks @ sums / spread if spread > 0 else np.zeros(sums.shape[1])
    return np.asarray((1 + correlation.clip(-1, 1)) / 2)


def _midranks(score: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the rank of each score, the mean rank where several are equal, as if it stood there `counts` times."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    of_value = np.add.reduceat(counts[order], starts)
    middle = np.cumsum(of_value) - (of_value - 1) / 2
    ranks = np.empty(len(score))
    ranks[order] = np.repeat(middle, np.diff(np.append(starts, len(score))))
    return ranks
