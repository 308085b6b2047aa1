"""The metrics of a model under a weight per block of rows, so that one resample costs one pass.

They are defined as scikit-learn defines them, and as the pipeline's own evaluate stage does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Scorer = Callable[[Array], dict[str, float]]

Kind = Literal["binary", "multiclass", "regression"]

_SMALLEST = float(np.finfo(np.float64).eps)
"""A probability of 0 for what happened costs 36 nats, not infinitely many."""


def scorer(kind: Kind, target: Array, values: Array, blocks: Array, threshold: float) -> Scorer:
    """Return a function from a weight per block, of shape (blocks,), to the metrics.

    Parameters
    ----------
    kind
        The task.
    target
        Class codes, or numbers for a regression; of shape (rows,).
    values
        Probabilities of shape (rows, classes), or values of shape (rows,).
    blocks
        The block of each row, as codes from 0; of shape (rows,).
    threshold
        Binary only: F1 calls a row positive from this probability on.
    """
    parts = _regression(target, values) if kind == "regression" else _classification(kind, target, values, threshold)
    sums = np.stack([np.bincount(blocks, part) for part in parts.values()])
    ranking = _ranking(target == 1, values[:, 1], blocks) if kind == "binary" else None

    def score(weights: Array) -> dict[str, float]:
        # einsum, not @: BLAS would start threads for each of thousands of short sums.
        total = dict(zip(parts, np.einsum("pb,b->p", sums, weights.astype(np.float64)).tolist(), strict=True))
        return {name: float(value) for name, value in _figures(total, ranking, weights).items()}

    return score


class _Ranking(NamedTuple):
    """Rows sorted by falling probability, as what ROC AUC and average precision need of them.

    Attributes
    ----------
    blocks
        Block of each row; of shape (rows,).
    positives
        Block of each positive row; of shape (positives,).
    last
        For each distinct probability of a positive row, the place of its last one in `positives`.
    above, called
        For each of them, how many rows have a higher probability, and a higher one or the same.
    """

    blocks: Array
    positives: Array
    last: Array
    above: Array
    called: Array


def _ranking(is_positive: Array, probability: Array, blocks: Array) -> _Ranking:
    order = np.argsort(-probability, kind="stable")
    falling, ranked = probability[order], blocks[order].astype(np.intp)
    first = np.flatnonzero(np.concatenate(([True], falling[1:] != falling[:-1])))
    places = np.flatnonzero(is_positive[order])
    ties = np.searchsorted(first, places, side="right") - 1
    last = np.flatnonzero(np.concatenate((ties[1:] != ties[:-1], [True]))) if len(places) else places
    ends = np.append(first[1:], len(order))
    return _Ranking(ranked, ranked[places], last, first[ties[last]], ends[ties[last]])


def _areas(ranking: _Ranking, weights: Array) -> tuple[float, float]:
    """Return ROC AUC, where ties count half, and average precision, where ties are called together."""
    mass = np.concatenate(([0], np.cumsum(weights.take(ranking.blocks))))
    hits = np.cumsum(weights.take(ranking.positives)).take(ranking.last).astype(np.float64)
    fresh = np.diff(hits, prepend=0.0)
    above, called = mass.take(ranking.above).astype(np.float64), mass.take(ranking.called).astype(np.float64)
    false_alarms = (above + called - 2 * hits + fresh) / 2
    negatives = float(mass[-1]) - hits[-1]
    auc = np.einsum("i,i", fresh, negatives - false_alarms) / (hits[-1] * negatives)
    precision = hits / np.where(called > 0, called, 1.0)
    return float(auc), float(np.einsum("i,i", fresh, precision) / hits[-1])


def _figures(total: dict[str, float], ranking: _Ranking | None, weights: Array) -> dict[str, float]:
    mass = total["rows"]
    if "absolute" in total:
        return {"rmse": (total["square"] / mass) ** 0.5, "mae": total["absolute"] / mass}
    found: dict[str, float] = {}
    if ranking is not None and 0 < total["actual"] < mass:
        found["roc_auc"], found["average_precision"] = _areas(ranking, weights)
    found["accuracy"] = total["right"] / mass
    if total.get("actual", 0) > 0:
        found["f1"] = 2 * total["hits"] / (total["called"] + total["actual"])
    found["log_loss"] = total["log_loss"] / mass
    if "brier" in total:
        found["brier"] = total["brier"] / mass
    return found


def _classification(kind: Kind, target: Array, values: Array, threshold: float) -> dict[str, Array]:
    """Return what adds up over rows, by name."""
    happened = np.clip(values[np.arange(len(target)), target], _SMALLEST, 1 - _SMALLEST)
    parts: dict[str, Array] = {
        "rows": np.ones(len(target)),
        "right": values.argmax(axis=1) == target,
        "log_loss": -np.log(happened),
    }
    if kind == "binary":
        actual, called = target == 1, values[:, 1] >= threshold
        parts |= {"brier": (values[:, 1] - actual) ** 2, "actual": actual, "called": called, "hits": actual & called}
    return parts


def _regression(target: Array, values: Array) -> dict[str, Array]:
    error = values - target
    return {"rows": np.ones(len(target)), "absolute": np.abs(error), "square": error**2}
