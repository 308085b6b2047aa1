"""How much the rows that are predicted differ from those that were learned from, column by column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.divergence import js_distance
from stages.task import Feature, Task

BINS = 20
"""Numbers are compared over so many bins of equal mass in training."""

LEVELS = 200
"""Categories are compared over the so many most frequent levels, and the rest as one."""


def drift(
    task: Task,
    features: Sequence[Feature],
    train: tuple[pd.DataFrame, np.ndarray],
    test: tuple[pd.DataFrame, np.ndarray],
) -> pd.DataFrame:
    """Compare the features' and the target's distributions.

    Parameters
    ----------
    task, features
        The task and the columns.
    train, test
        (feature columns, target) of the training rows and of the test rows.

    Returns
    -------
    pandas.DataFrame
        One row a feature and one for the target, the most drifted first: `column`, `type`, `distance` (0:
        the same, 1: nothing in common), `noise` (the distance to expect between two samples of such
        sizes, had nothing changed), `train_mean`, `test_mean` (numbers only), `train_missing`,
        `test_missing` and `unseen` (share of test rows with a category, or a number outside the range,
        that training never showed).

    Notes
    -----
    `distance` is the square root of the Jensen-Shannon divergence in bits ("A new metric for probability
    distributions", IEEE Transactions on Information Theory 49, 2003): finite where a bin is empty, unlike
    the population stability index. `noise` follows from the divergence's quadratic approximation:
    ``(bins - 1) (1 / n + 1 / m) / (8 ln 2)``.
    """
    (X, y), (X_test, y_test) = train, test
    found = [_of_feature(feature, X[feature.name], X_test[feature.name]) for feature in features]
    if task.kind == "regression":
        found.append(_of_number(y, y_test))
    else:
        labels = np.array(task.classes, dtype=object)
        found.append(_of_category(labels[y], labels[y_test]))
    names = [feature.name for feature in features] + [task.target]
    types = [feature.type for feature in features] + ["target"]
    table = pd.DataFrame(found)
    table.insert(0, "column", names)
    table.insert(1, "type", types)
    return table.sort_values(["distance", "column"], ascending=[False, True], kind="stable", ignore_index=True)


def _of_feature(feature: Feature, train: pd.Series, test: pd.Series) -> dict[str, float]:
    if feature.type == "categorical":
        return _of_category(train.to_numpy(dtype=object), test.to_numpy(dtype=object))
    return _of_number(train.to_numpy(np.float64), test.to_numpy(np.float64))


def _of_number(train: np.ndarray, test: np.ndarray) -> dict[str, float]:
    missing, missing_test = np.isnan(train), np.isnan(test)
    seen, asked = train[~missing], test[~missing_test]
    cuts = np.empty(0)
    if len(seen):
        # Values beyond what training showed get bins of their own at both ends.
        ends = [np.nextafter(seen.min(), -np.inf), seen.max()]
        cuts = np.unique(np.concatenate([ends, np.quantile(seen, np.arange(1, BINS) / BINS)]))
    bins = len(cuts) + 2

    def histogram(values: np.ndarray, absent: int) -> np.ndarray:
        return np.append(np.bincount(np.searchsorted(cuts, values), minlength=bins - 1), absent)

    outside = (asked < seen.min()) | (asked > seen.max()) if len(seen) else np.ones(len(asked), bool)
    return _row(
        histogram(seen, int(missing.sum())),
        histogram(asked, int(missing_test.sum())),
        means=(_mean(seen), _mean(asked)),
        missing=(float(missing.mean()), float(missing_test.mean())),
        unseen=float(outside.sum() / max(len(test), 1)),
    )


def _of_category(train: np.ndarray, test: np.ndarray) -> dict[str, float]:
    codes, levels = pd.factorize(np.concatenate([train, test]), sort=True)
    counts = np.bincount(codes[: len(train)], minlength=len(levels))
    counts_test = np.bincount(codes[len(train) :], minlength=len(levels))
    empty = np.asarray(levels == "")
    unseen = counts_test[(counts == 0) & ~empty].sum() / max(len(test), 1)
    order = np.argsort(-(counts + counts_test), kind="stable")
    kept, rest = order[:LEVELS], order[LEVELS:]
    return _row(
        np.append(counts[kept], counts[rest].sum()),
        np.append(counts_test[kept], counts_test[rest].sum()),
        means=(float("nan"), float("nan")),
        missing=(float(counts[empty].sum() / len(train)), float(counts_test[empty].sum() / len(test))),
        unseen=float(unseen),
    )


def _row(
    p: np.ndarray, q: np.ndarray, means: tuple[float, float], missing: tuple[float, float], unseen: float
) -> dict[str, float]:
    bins = int(((p + q) > 0).sum())
    noise = np.sqrt(max(bins - 1, 0) * (1 / p.sum() + 1 / q.sum()) / (8 * np.log(2)))
    return {
        "distance": js_distance(p, q),
        "noise": float(min(1.0, noise)),
        "train_mean": means[0],
        "test_mean": means[1],
        "train_missing": missing[0],
        "test_missing": missing[1],
        "unseen": unseen,
    }


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
