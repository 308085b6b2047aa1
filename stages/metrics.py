"""How good a prediction is: every figure as a function of row weights, so that resampling costs one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from stages.task import Kind, Task

METRICS: dict[Kind, tuple[str, ...]] = {
    "binary": ("roc_auc", "average_precision", "accuracy", "f1", "log_loss", "brier", "ece"),
    "multiclass": ("roc_auc", "average_precision", "accuracy", "f1", "log_loss", "brier", "ece"),
    "regression": ("rmse", "mae", "r2"),
}
"""What `score` gives for each kind of task, the headline first."""

ECE_BINS = 15
"""Bins of the calibration error; the number that most publications use."""

_SMALLEST = float(np.finfo(np.float64).eps)
"""A probability of 0 for what happened costs 36 nats, not infinitely many; scikit-learn's bound."""


def score(task: Task, y: np.ndarray, prediction: np.ndarray, threshold: float | None = None) -> dict[str, float]:
    """Return the task's metrics.

    Parameters
    ----------
    task
        The task; its kind decides which metrics there are, see `METRICS`.
    y
        Class codes (int64), or numbers for a regression. Shape (rows,).
    prediction
        Probabilities of shape (rows, classes), or values of shape (rows,).
    threshold
        Binary only: F1 calls a row positive from this probability on; 0.5 if None.

    Returns
    -------
    dict
        Metric by name, in the order of `METRICS`. What is undefined on these rows is left out, never NaN:
        ROC AUC and average precision where a class is absent, binary F1 without a positive row, R2 of a
        constant. Accuracy is that of the most probable class (in a binary task: above 0.5). For
        multiclass, ROC AUC and average precision are one-vs-rest and, like F1, plain means over the
        classes. Brier is the mean square of ``p - y`` for binary and its sum over classes for multiclass.
        RMSE and MAE are in the target's unit; log loss is in nats.

    Notes
    -----
    ECE is the mean distance of confidence and outcome over 15 bins of equal mass, of the positive class
    for binary and of the most probable one for multiclass. Equal mass, because rare outcomes fill few bins
    of equal width, and because its bias is smaller ("Mitigating bias in calibration error estimation",
    AISTATS 2022).
    """
    scorer = Scorer.of(task, y, prediction, threshold)
    return scorer(np.ones(scorer.units))


def row_loss(task: Task, y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Return each row's loss, shape (rows,): minus log probability in nats, or squared error."""
    if task.kind == "regression":
        return (np.asarray(prediction, np.float64) - y) ** 2
    happened = np.asarray(prediction)[np.arange(len(y)), y].astype(np.float64)
    return -np.log(np.clip(happened, _SMALLEST, 1 - _SMALLEST))


def loss(task: Task, y: np.ndarray, prediction: np.ndarray) -> float:
    """Return the mean of `row_loss`: log loss in nats, or mean squared error."""
    return float(row_loss(task, y, prediction).mean())


def choose_threshold(y: np.ndarray, p: np.ndarray) -> float:
    """Return the probability from which on calling a row positive gives the best F1.

    Parameters
    ----------
    y
        0 or 1. Shape (rows,).
    p
        Probability of the positive class, shape (rows,), or of both classes, shape (rows, 2).

    Returns
    -------
    float
        Halfway between two neighbouring probabilities, so that a rounding elsewhere moves no row across;
        the highest of equals; 0.5 where no row is positive.
    """
    p = np.asarray(p, np.float64)
    p = p[:, 1] if p.ndim == 2 else p
    if not np.any(y):
        return 0.5
    order = np.argsort(-p, kind="stable")
    falling = p[order]
    last = np.append(np.flatnonzero(np.diff(falling)), len(p) - 1)
    hits = np.cumsum(y[order])[last]
    best = int(np.argmax(2 * hits / (last + 1 + hits[-1])))
    below = falling[last[best] + 1] if best + 1 < len(last) else 0.0
    return float((falling[last[best]] + below) / 2)


@dataclass(frozen=True)
class Ranking:
    """Rows sorted by a class's score, kept as what ROC AUC and average precision need of them.

    Attributes
    ----------
    unit
        Unit of each row, best score first. Shape (rows,).
    positive
        Unit of each positive row, best score first. Shape (positives,).
    last
        For each distinct score of a positive row, the place of its last row in `positive`.
    start, end
        For each of them, how many rows score higher, and higher or the same.
    """

    unit: np.ndarray
    positive: np.ndarray
    last: np.ndarray
    start: np.ndarray
    end: np.ndarray

    @classmethod
    def of(cls, positive: np.ndarray, p: np.ndarray, unit: np.ndarray) -> Ranking:
        """Sort once; `positive` is a boolean per row, `p` the score, `unit` each row's weight's place."""
        order = np.argsort(-p, kind="stable")
        tie = np.concatenate(([0], np.cumsum(np.diff(p[order]) != 0)))
        stop = np.append(np.flatnonzero(np.diff(tie)) + 1, len(p))
        place = np.flatnonzero(positive[order])
        of_tie = tie[place]
        last = np.append(np.flatnonzero(np.diff(of_tie)), len(place) - 1) if len(place) else place
        groups = of_tie[last]
        begin = np.concatenate(([0], stop[:-1]))
        rows = unit[order]
        return cls(rows, rows[place], last, begin[groups], stop[groups])

    def areas(self, weights: np.ndarray) -> tuple[float, float]:
        """Return (ROC AUC, average precision) under a weight per unit; both classes must have some.

        Ties count half in ROC AUC, and enter average precision together: what scikit-learn computes.
        """
        mass = np.concatenate(([0], np.cumsum(weights.take(self.unit)))).astype(np.float64)
        hits = np.cumsum(weights.take(self.positive)).take(self.last).astype(np.float64)
        fresh = np.diff(hits, prepend=0.0)
        above, called = mass.take(self.start), mass.take(self.end)
        false_alarms = (called - hits + above - (hits - fresh)) / 2
        negatives = mass[-1] - hits[-1]
        # einsum, not @: BLAS would start threads for each of thousands of short sums, and waits for busy cores.
        auc = np.einsum("i,i", fresh, negatives - false_alarms) / (hits[-1] * negatives)
        precision = hits / np.where(called > 0, called, 1.0)
        return float(auc), float(np.einsum("i,i", fresh, precision) / hits[-1])


@dataclass(frozen=True)
class Scorer:
    """Everything of (y, prediction) that the metrics need, so that another weighting costs one pass.

    Attributes
    ----------
    kind
        The task's kind.
    units
        How many weights a call takes: one per row, or one per block of rows.
    columns
        Where in `sums` each additive part stands.
    sums
        Sums over the rows of each unit. Shape (parts, units).
    rankings
        Rows sorted by the score of the positive class, or of each class.
    """

    kind: Kind
    units: int
    columns: dict[str, slice]
    sums: np.ndarray
    rankings: tuple[Ranking, ...]

    @classmethod
    def of(
        cls,
        task: Task,
        y: np.ndarray,
        prediction: np.ndarray,
        threshold: float | None = None,
        unit: np.ndarray | None = None,
    ) -> Scorer:
        """Prepare; `unit` is each row's block as a code from 0, shape (rows,), and None weighs rows."""
        prediction = np.asarray(prediction, np.float64)
        rows = np.arange(len(y)) if unit is None else unit
        units = int(rows.max()) + 1
        rankings: tuple[Ranking, ...] = ()
        if task.kind == "regression":
            parts = _regression_parts(np.asarray(y, np.float64), prediction)
        else:
            parts = _class_parts(task, y, prediction, 0.5 if threshold is None else threshold)
            ranked = [1] if task.kind == "binary" else range(len(task.classes))
            rankings = tuple(Ranking.of(y == code, prediction[:, code], rows) for code in ranked)
        stops = np.cumsum([part.shape[1] for part in parts.values()])
        columns = {
            name: slice(int(stop) - part.shape[1], int(stop))
            for (name, part), stop in zip(parts.items(), stops, strict=True)
        }
        table = np.ascontiguousarray(np.hstack(list(parts.values())).T)
        if unit is not None:
            table = np.stack([np.bincount(unit, part, units) for part in table])
        return cls(task.kind, units, columns, table, rankings)

    def __call__(self, weights: np.ndarray) -> dict[str, float]:
        """Return the metrics under a weight per unit, shape (units,), of which some must be positive."""
        totals = np.einsum("pu,u->p", self.sums, weights.astype(np.float64, copy=False))
        total = {name: totals[place] for name, place in self.columns.items()}
        found = _regression_scores(total) if self.kind == "regression" else self._class_scores(weights, total)
        return {name: float(found[name]) for name in METRICS[self.kind] if name in found}

    def _class_scores(self, weights: np.ndarray, total: dict[str, np.ndarray]) -> dict[str, float]:
        mass = total["rows"][0]
        found = {name: total[name][0] / mass for name in ("accuracy", "log_loss", "brier")}
        found["ece"] = np.abs(total["overconfidence"]).sum() / mass
        if np.all(total["of_class"] > 0):
            areas = np.array([ranking.areas(weights) for ranking in self.rankings])
            found["roc_auc"], found["average_precision"] = areas.mean(axis=0)
        both = total["called"] + total["actual"]
        if self.kind == "multiclass" or total["actual"][0] > 0:
            met = both > 0
            found["f1"] = np.mean(2 * total["hits"][met] / both[met])
        return found


def figure(value: float) -> str:
    """Write a metric for a person: four decimals, or as many as its size calls for."""
    size = abs(value)
    if value == 0 or 1e-3 <= size < 1e3:
        return f"{value:.4f}"
    return f"{value:,.1f}" if 1e3 <= size < 1e9 else f"{value:.4g}"


def equal_mass_bins(p: np.ndarray, bins: int) -> np.ndarray:
    """Return each value's bin (0 to `bins` - 1), shape (rows,), with about as many values in each.

    Equal values share a bin, so that bins may be empty.
    """
    inner = np.quantile(p, np.arange(1, bins) / bins)
    return np.searchsorted(inner, p, side="right")


def _class_parts(task: Task, y: np.ndarray, p: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
    """Return what adds up over rows, by name: arrays of shape (rows, parts)."""
    kind: Literal["binary", "multiclass"] = "binary" if task.kind == "binary" else "multiclass"
    likeliest = p.argmax(axis=1)
    is_class = _one_hot(y, len(task.classes))
    if kind == "binary":
        actual, called = is_class[:, 1:], (p[:, 1:] >= threshold).astype(np.float64)
        confidence, outcome = p[:, 1], is_class[:, 1]
        brier = (confidence - outcome) ** 2
    else:
        actual, called = is_class, _one_hot(likeliest, len(task.classes))
        confidence, outcome = p.max(axis=1), (likeliest == y).astype(np.float64)
        brier = ((p - is_class) ** 2).sum(axis=1)
    bins = _one_hot(equal_mass_bins(confidence, ECE_BINS), ECE_BINS)
    return {
        "rows": np.ones((len(y), 1)),
        "accuracy": (likeliest == y)[:, None].astype(np.float64),
        "log_loss": row_loss(task, y, p)[:, None],
        "brier": brier[:, None],
        "of_class": is_class,
        "actual": actual,
        "called": called,
        "hits": actual * called,
        "overconfidence": bins * (confidence - outcome)[:, None],
    }


def _regression_parts(y: np.ndarray, prediction: np.ndarray) -> dict[str, np.ndarray]:
    error = prediction - y
    # Centred first: squares of large targets would cancel in the variance.
    centred = y - y.mean()
    columns = {"rows": np.ones(len(y)), "absolute": np.abs(error), "square": error**2, "y": centred, "y2": centred**2}
    return {name: column[:, None] for name, column in columns.items()}


def _regression_scores(total: dict[str, np.ndarray]) -> dict[str, float]:
    mass = total["rows"][0]
    found = {"mae": total["absolute"][0] / mass, "rmse": np.sqrt(total["square"][0] / mass)}
    spread = total["y2"][0] - total["y"][0] ** 2 / mass
    if spread > 1e-12 * max(total["y2"][0], 1e-300):
        found["r2"] = 1 - total["square"][0] / spread
    return found


def _one_hot(codes: np.ndarray, size: int) -> np.ndarray:
    return (codes[:, None] == np.arange(size)).astype(np.float64)
