"""Which features the model leans on: permutation importance on rows it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from stages.metrics import METRICS, Ranking, row_loss, score
from stages.resampling import Z, mean_errors, merged_blocks, quantile
from stages.task import Feature, Task

GROUPS = 128
"""Blocks are merged by chance into at most so many groups for the intervals."""


def permutation_importance(
    task: Task,
    features: Sequence[Feature],
    X: pd.DataFrame,
    y: np.ndarray,
    blocks: pd.Series,
    predict: Callable[[pd.DataFrame], np.ndarray],
    rows: int,
    seed: int,
) -> pd.DataFrame:
    """Return how much worse the prediction gets when one column's values are dealt out among the rows.

    Parameters
    ----------
    task, y
        As for `metrics.score`.
    features, X
        The columns, and their values on held-out rows. Shape (rows, features).
    blocks
        Each row's block, by which the intervals are made. Shape (rows,).
    predict
        From a frame like `X` to what the model says.
    rows
        So many rows are drawn by chance and used, or all if there are fewer.
    seed
        Seed of the draw and of the shuffles.

    Returns
    -------
    pandas.DataFrame
        One row a feature, the most important first: `feature`; `loss_rise` (log loss in nats, or squared
        error) with `low` and `high`, a 95 % interval by blocks; and the drop of the headline score,
        `roc_auc_drop`, or for a regression `r2_drop` (NaN where the score is undefined).

    Notes
    -----
    "Random forests", Machine Learning 45 (2001), section 10. The interval is that of the mean difference of
    the same rows' losses, shuffled and as they are. Every row gets a value of its own by chance, so the interval
    holds the luck of the shuffle and, unlike one over repeated shuffles of the same rows, that of the sample; more
    rows narrow both. Of two features that say the same, each looks unimportant.
    """
    generator = np.random.default_rng(seed)
    drawn = np.arange(len(y))
    if rows < len(y):
        drawn = np.sort(generator.choice(len(y), rows, replace=False))
    X, y = X.iloc[drawn].reset_index(drop=True), y[drawn]
    groups = merged_blocks(blocks.to_numpy()[drawn], GROUPS, seed)
    counts = np.bincount(groups)[None, :]
    as_is = predict(X)
    loss, undisturbed = row_loss(task, y, as_is), _headline(task, y, as_is)
    found = []
    for feature in features:
        values = X[feature.name]
        shuffled = predict(X.assign(**{feature.name: values.iloc[generator.permutation(len(y))].to_numpy()}))
        rise = row_loss(task, y, shuffled) - loss
        error, freedom = mean_errors(np.bincount(groups, rise)[None, :], counts)
        middle, half = float(rise.mean()), float((quantile(Z, freedom) * error)[0])
        drop = undisturbed - _headline(task, y, shuffled)
        found.append((feature.name, middle, middle - half, middle + half, drop))
    columns = ["feature", "loss_rise", "low", "high", f"{headline(task)}_drop"]
    table = pd.DataFrame(found, columns=columns).replace([np.inf, -np.inf], np.nan)
    return table.sort_values(["loss_rise", "feature"], ascending=[False, True], kind="stable", ignore_index=True)


def headline(task: Task) -> str:
    """Return the score whose drop is told: higher is better, unlike rmse."""
    return "r2" if task.kind == "regression" else METRICS[task.kind][0]


def _headline(task: Task, y: np.ndarray, prediction: np.ndarray) -> float:
    if task.kind == "binary" and 0 < y.sum() < len(y):
        # Only this one figure, because it is asked for once a feature.
        return Ranking.of(y == 1, prediction[:, 1], np.arange(len(y))).areas(np.ones(len(y)))[0]
    return score(task, y, prediction).get(headline(task), float("nan"))
