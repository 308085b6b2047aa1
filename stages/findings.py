"""What one evaluation finds: a pure function from a model and the three folds to everything that is told of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages import analysis, files, plots, suggestions
from stages.artifact import Artifact
from stages.drift import drift
from stages.errors import InputError
from stages.evidence import Evidence
from stages.importance import permutation_importance
from stages.metrics import METRICS, figure, loss, score
from stages.resampling import intervals
from stages.slices import slice_table, with_auc, worst_slices
from stages.task import BLOCK, ROW, Feature, Task


@dataclass(frozen=True)
class Floor:
    """The least that the model must reach on test rows: `metric` `at_least` or, where less is better, `at_most`."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class Settings:
    """Section `evaluate` of params.yaml.

    Attributes
    ----------
    floor
        What the tests of the model ask for; its metric is the headline of the stage.
    bootstrap
        Resamples for the intervals; 0 for none.
    importance_rows
        Held-out rows that permutation importance uses.
    min_slice
        Smallest slice to report, in rows.
    """

    floor: Floor
    bootstrap: int = 1000
    importance_rows: int = 20000
    min_slice: int = 200


@dataclass(frozen=True)
class Fold:
    """One split of the data.

    Attributes
    ----------
    X
        The features. Shape (rows, features).
    y
        Class codes or numbers. Shape (rows,).
    rows, blocks
        `ROW` and `BLOCK` of each row. Shape (rows,).
    """

    X: pd.DataFrame
    y: np.ndarray
    rows: np.ndarray
    blocks: pd.Series


@dataclass(frozen=True)
class Trained:
    """What the train stage tells of itself: its metrics, and its learning curve."""

    metrics: Mapping[str, Any]
    curve: pd.DataFrame


@dataclass(frozen=True)
class Findings:
    """What the stage writes.

    Attributes
    ----------
    metrics
        Content of `metrics.json`.
    predictions
        Content of `predictions.parquet`.
    tables, plots
        The tables of folder `analysis` and folder `plots`, by file name.
    errors_page, advice
        The markdown pages `analysis/errors.md` and `suggestions.md`.
    headline
        What is printed.
    """

    metrics: dict[str, Any]
    predictions: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    plots: dict[str, pd.DataFrame]
    errors_page: str
    advice: str
    headline: str


def evaluate(
    task: Task,
    features: tuple[Feature, ...],
    model: Artifact,
    trained: Trained,
    folds: Mapping[str, Fold],
    settings: Settings,
    seed: int,
) -> Findings:
    """Compute everything that the stage writes.

    Raises
    ------
    InputError
        The model gives something that is no number.
    """
    learned, validation, test = folds["train"], folds["validation"], folds["test"]
    prediction, threshold = predicted(model, test, "test"), model.threshold
    metrics = score(task, test.y, prediction, threshold)
    validated = score(task, validation.y, predicted(model, validation, "validation"), threshold)
    interval = intervals(task, test.y, prediction, test.blocks, threshold, settings.bootstrap, seed)
    every_slice = slice_table(task, features, test.X, test.y, prediction, test.blocks, settings.min_slice, seed)
    slices = with_auc(task, worst_slices(every_slice), features, test.X, test.y, prediction)
    importance = permutation_importance(
        task, features, test.X, test.y, test.blocks, model.predict, settings.importance_rows, seed
    )
    moved = drift(task, features, (learned.X, learned.y), (test.X, test.y))
    evidence = Evidence(
        task=task,
        model=model.signature.model,
        train=trained.metrics.get("train", {}),
        validation=validated,
        test=metrics,
        intervals=interval,
        baseline=baseline(task, learned.y, test.y),
        majority=0.0 if task.kind == "regression" else float(np.bincount(test.y).max() / len(test.y)),
        blocks=test.blocks.nunique(),
        rows=len(test.y),
        slices=slices,
        importance=importance,
        drift=moved,
        curve=trained.curve,
    )
    summary = {
        **metrics,
        "skill": evidence.skill,
        **({} if threshold is None else {"threshold": threshold}),
        "rows": evidence.rows,
        "blocks": evidence.blocks,
        "test_data": fingerprint(task, test.rows, test.blocks, test.y),
        "validation": validated,
        "interval": {name: {"low": low, "high": high} for name, (low, high) in interval.items()},
    }
    return Findings(
        metrics=files.rounded(summary),
        predictions=predictions(task, test, prediction),
        tables={"slices.csv": slices, "importance.csv": importance, "drift.csv": moved},
        plots=plots.tables(task, test.y, prediction, threshold, slices, importance),
        errors_page=analysis.page(task, metrics, validated, interval, slices, importance, moved),
        advice=suggestions.render(suggestions.suggest(evidence)),
        headline=headline(task, settings.floor, evidence),
    )


def baseline(task: Task, learned: np.ndarray, y: np.ndarray) -> float:
    """Return the loss on `y` of the best constant prediction on the `learned` targets: shares, or mean."""
    if task.kind == "regression":
        return loss(task, y, np.full(len(y), learned.mean()))
    shares = np.bincount(learned, minlength=len(task.classes)) / len(learned)
    return loss(task, y, np.broadcast_to(shares, (len(y), len(shares))))


def fingerprint(task: Task, rows: np.ndarray, blocks: pd.Series, y: np.ndarray) -> str:
    """Return 16 hexadecimal digits that name the test rows: which of the source, their blocks and their targets.

    Features have no part in it, so that two runs with other features on the same rows can be compared.
    """
    digest = hashlib.sha256(json.dumps([task.kind, task.target, list(task.classes)]).encode())
    for part in (rows.astype("<i8").tobytes(), y.astype("<f8").tobytes(), "\n".join(blocks).encode()):
        digest.update(part)
    return digest.hexdigest()[:16]


def predicted(model: Artifact, fold: Fold, name: str) -> np.ndarray:
    """Return what the model says of a fold; an `InputError` names the first row where that is no number."""
    prediction = model.predict(fold.X)
    bad = ~np.isfinite(prediction).reshape(len(fold.y), -1).all(axis=1)
    if bad.any():
        raise InputError(
            f"The model gives no number for {bad.sum():,} rows of data/features/{name}.parquet, first for "
            f"row {int(bad.argmax()) + 1}.",
            "Look for huge values in that row, or train another model.",
        )
    return prediction


def predictions(task: Task, fold: Fold, prediction: np.ndarray) -> pd.DataFrame:
    """Return `ROW`, `BLOCK`, `target` and the prediction as float32, a column a class in the order of the classes."""
    table = {ROW: fold.rows, BLOCK: fold.blocks.to_numpy(dtype=object), "target": fold.y}
    if task.kind == "regression":
        table["prediction"] = prediction.astype(np.float32)
    for code, label in enumerate(task.classes):
        table[f"probability_{label}"] = prediction[:, code].astype(np.float32)
    return pd.DataFrame(table)


def headline(task: Task, floor: Floor, evidence: Evidence) -> str:
    """Return the stage's one line: the floor's metric, or the task's first where that one has no meaning."""
    name = floor.metric if floor.metric in evidence.test else METRICS[task.kind][0]
    if name not in evidence.test:
        name = next(iter(evidence.test))
    low, high = evidence.intervals.get(name, (None, None))
    between = "" if low is None else f" [{figure(low)}, {figure(high)}]"
    before = f"; validation {figure(evidence.validation[name])}" if name in evidence.validation else ""
    where = f"{evidence.rows:,} test rows in {evidence.blocks:,} block{'s' if evidence.blocks > 1 else ''}"
    return f"{name} {figure(evidence.test[name])}{between} on {where}{before}"
