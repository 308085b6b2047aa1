"""The points that DVC draws: small tables, the same columns for every task where they mean the same."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stages.metrics import equal_mass_bins
from stages.task import Task

POINTS = 101
"""Points of a curve: enough for the eye, small enough for git."""

CALIBRATION_BINS = 15
"""Bins of the calibration plot, of equal mass like those of the calibration error."""

CONFUSION_ROWS = 1000
"""DVC counts rows itself, so the confusion table holds so many that stand for all."""

SLICES = 20
"""Slices in their plot."""


def tables(
    task: Task,
    y: np.ndarray,
    prediction: np.ndarray,
    threshold: float | None,
    slices: pd.DataFrame,
    importance: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Return every plot's table by file name; the same names for every task.

    Parameters
    ----------
    task, y, prediction, threshold
        As for `metrics.score`.
    slices, importance
        From `slices.slice_table` and `importance.permutation_importance`.

    Returns
    -------
    dict
        `roc.csv`, `precision_recall.csv`, `calibration.csv`, `confusion.csv`, `residuals.csv`,
        `score_by_slice.csv`, `importance.csv`; for multiclass `curves_by_class.csv` too. DVC complains about a
        file that its plots name and that is missing, so a file that means nothing for the task holds one row
        of zeros or blanks.
    """
    made = {
        "calibration.csv": calibration(task, y, prediction),
        "score_by_slice.csv": score_by_slice(slices),
        "importance.csv": importance,
    }
    if task.kind == "regression":
        nothing = {
            "roc.csv": ["fpr", "tpr", "chance"],
            "precision_recall.csv": ["recall", "precision", "chance"],
        }
        made |= {name: pd.DataFrame([[0.0] * 3], columns=columns) for name, columns in nothing.items()}
        made["confusion.csv"] = pd.DataFrame({"actual": ["none"], "predicted": ["none"]})
        made["residuals.csv"] = residuals(y, prediction)
        return made
    made["roc.csv"], made["precision_recall.csv"], by_class = curves(task, y, prediction)
    if task.kind == "multiclass":
        made["curves_by_class.csv"] = by_class
    made["confusion.csv"] = confusion(task, y, prediction, threshold)
    made["residuals.csv"] = pd.DataFrame({"predicted": [0.0], "residual": [0.0]})
    return made


def curves(task: Task, y: np.ndarray, prediction: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the ROC curve, the precision-recall curve, and both for each class.

    Of the positive class in a binary task; in a multiclass one the mean over the classes that occur,
    one against the rest. `chance` is what a coin would draw.
    """
    codes = [1] if task.kind == "binary" else range(len(task.classes))
    grid = np.linspace(0, 1, POINTS)
    rocs, precisions, shares, labels = [], [], [], []
    for code in codes:
        positive = y == code
        if positive.all() or not positive.any():
            continue
        hits, called = _sweep(positive, prediction[:, code])
        recall = hits / positive.sum()
        fpr = (called - hits) / (~positive).sum()
        rocs.append(np.interp(grid, np.append(0.0, fpr), np.append(0.0, recall)))
        precisions.append((hits / called)[np.minimum(np.searchsorted(recall, grid), len(recall) - 1)])
        shares.append(positive.mean())
        labels.append(task.classes[code])
    if not rocs:
        rocs, precisions, shares, labels = [grid], [np.zeros(POINTS)], [0.0], ["none"]
    roc = pd.DataFrame({"fpr": grid, "tpr": np.mean(rocs, axis=0), "chance": grid})
    share = np.full(POINTS, np.mean(shares))
    recall_curve = pd.DataFrame({"recall": grid, "precision": np.mean(precisions, axis=0), "chance": share})
    by_class = pd.concat(
        pd.DataFrame({"class": label, "grid": grid, "tpr_at_fpr": tpr, "precision_at_recall": precision})
        for label, tpr, precision in zip(labels, rocs, precisions, strict=True)
    )
    return roc, recall_curve, by_class


def calibration(task: Task, y: np.ndarray, prediction: np.ndarray) -> pd.DataFrame:
    """Return what was said and what happened, by bins of equal mass: `predicted`, `observed`, `ideal`, `rows`.

    Probability and share of the positive class, or confidence and accuracy of the most probable class,
    or mean prediction and mean target.
    """
    said, observed = prediction, y
    if task.kind == "binary":
        said = prediction[:, 1]
    elif task.kind == "multiclass":
        said, observed = prediction.max(axis=1), prediction.argmax(axis=1) == y
    bins = equal_mass_bins(said, CALIBRATION_BINS)
    rows = np.bincount(bins, minlength=CALIBRATION_BINS)
    kept = rows > 0
    predicted = np.bincount(bins, said, CALIBRATION_BINS)[kept] / rows[kept]
    happened = np.bincount(bins, observed, CALIBRATION_BINS)[kept] / rows[kept]
    return pd.DataFrame({"predicted": predicted, "observed": happened, "ideal": predicted, "rows": rows[kept]})


def confusion(task: Task, y: np.ndarray, prediction: np.ndarray, threshold: float | None) -> pd.DataFrame:
    """Return `actual` and `predicted` labels, `CONFUSION_ROWS` rows in proportion to all (largest remainders).

    Binary: at the threshold; multiclass: the most probable class.
    """
    if task.kind == "binary":
        called = (prediction[:, 1] >= (0.5 if threshold is None else threshold)).astype(np.int64)
    else:
        called = prediction.argmax(axis=1)
    size = len(task.classes)
    exact = np.bincount(y * size + called, minlength=size * size) / len(y) * min(CONFUSION_ROWS, len(y))
    counts = np.floor(exact + 1e-9).astype(np.int64)
    short = round(exact.sum()) - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:short]] += 1
    cells = np.repeat(np.arange(size * size), counts)
    labels = np.array(task.classes, dtype=object)
    return pd.DataFrame({"actual": labels[cells // size], "predicted": labels[cells % size]})


def residuals(y: np.ndarray, prediction: np.ndarray) -> pd.DataFrame:
    """Return `predicted` and `residual` (target minus prediction) of 400 rows, spread evenly over the predictions."""
    order = np.argsort(prediction, kind="stable")
    picked = order[np.unique(np.linspace(0, len(order) - 1, 400).round().astype(np.int64))]
    return pd.DataFrame({"predicted": prediction[picked], "residual": y[picked] - prediction[picked]})


def score_by_slice(slices: pd.DataFrame) -> pd.DataFrame:
    """Return the worst slices' names and losses, the worst first; a row of zeros where no slice is large enough."""
    columns = ["slice", "loss", "excess", "low", "high", "rows"]
    if slices.empty:
        return pd.DataFrame([["none", 0.0, 0.0, 0.0, 0.0, 0]], columns=columns)
    return slices.head(SLICES)[columns]


def _sweep(positive: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each distinct score from the best down, how many positives and how many rows reach it."""
    order = np.argsort(-p, kind="stable")
    last = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)
    return np.cumsum(positive[order])[last], last + 1
