"""The models made of trees: a random forest, and histogram gradient boosting."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import numpy as np
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import Pipeline

from stages.errors import InputError
from stages.metrics import loss
from stages.models import preprocessing
from stages.models.base import Fold, Log, Setting
from stages.models.conversion import FittedPipeline

STEP = 20
"""Trees from one point of the learning curve to the next."""

LEAVES = 20
"""A table too small for trees of so many leaves gets smaller leaves than asked for."""

TRAIN_LOSS_ROWS = 20_000
"""So many training rows, always the same, give the training loss of the forest's learning curve."""

LOOK = 0.2
"""Seconds from one look at the boosting's scores to the next."""


@dataclass(frozen=True)
class ForestParams:
    """The section ``train.random_forest`` of params.yaml.

    Attributes
    ----------
    trees
        Number of trees.
    min_samples_leaf
        Fewest training rows in a leaf; it bounds the size of the model's file. A small table takes fewer, so
        that a tree still has some leaves.
    max_features
        Share of the columns that a split may choose from, above 0 to 1.

    Raises
    ------
    InputError
        A value is out of its range.
    """

    trees: int
    min_samples_leaf: int
    max_features: float

    def __post_init__(self) -> None:
        _require(self, "random_forest", "trees", self.trees >= 1, "1 or more")
        _require(self, "random_forest", "min_samples_leaf", self.min_samples_leaf >= 1, "1 or more")
        _require(self, "random_forest", "max_features", 0 < self.max_features <= 1, "above 0 and at most 1")


@dataclass(frozen=True)
class BoostingParams:
    """The section ``train.hist_gradient_boosting`` of params.yaml.

    Attributes
    ----------
    learning_rate
        Share of each tree's correction that is taken, above 0.
    max_iter
        Trees (per class) at most.
    max_leaf_nodes
        Leaves of a tree at most, 2 or more.
    min_samples_leaf
        Fewest training rows in a leaf. A small table takes fewer, so that a tree still has some leaves.
    l2_regularization
        Penalty on the leaves' values, 0 or more.
    max_features
        Share of the columns that a split may choose from, above 0 to 1.
    patience
        Steps of `STEP` trees without a better validation loss that end it.

    Raises
    ------
    InputError
        A value is out of its range.
    """

    learning_rate: float
    max_iter: int
    max_leaf_nodes: int
    min_samples_leaf: int
    l2_regularization: float
    max_features: float
    patience: int

    def __post_init__(self) -> None:
        section = "hist_gradient_boosting"
        _require(self, section, "learning_rate", 0 < self.learning_rate < math.inf, "above 0")
        _require(self, section, "max_iter", self.max_iter >= 1, "1 or more")
        _require(self, section, "max_leaf_nodes", self.max_leaf_nodes >= 2, "2 or more")
        _require(self, section, "min_samples_leaf", self.min_samples_leaf >= 1, "1 or more")
        _require(self, section, "l2_regularization", 0 <= self.l2_regularization < math.inf, "0 or more")
        _require(self, section, "max_features", 0 < self.max_features <= 1, "above 0 and at most 1")
        _require(self, section, "patience", self.patience >= 1, "1 or more")


def fit_forest(params: ForestParams, train: Fold, validation: Fold, setting: Setting, log: Log) -> FittedPipeline:
    """Grow a forest; `validation` is only logged, every `STEP` trees.

    Parameters
    ----------
    log
        Called with the trees so far and ``train/loss`` (on some of the rows) and ``validation/loss``.
    """
    columns = preprocessing.for_forest(train, setting)
    matrix = preprocessing.fit_matrix(columns, train)
    shown = _shown(columns, train, validation, setting)
    kind = RandomForestRegressor if setting.task.kind == "regression" else RandomForestClassifier
    model = kind(
        n_estimators=0,
        min_samples_leaf=_leaf(params.min_samples_leaf, train),
        max_features=params.max_features,
        warm_start=True,
        n_jobs=setting.threads,
        random_state=setting.seed,
    )
    sums: dict[str, Any] = dict.fromkeys(shown, 0.0)
    for grown in _steps(params.trees):
        before = model.n_estimators
        model.set_params(n_estimators=grown).fit(matrix, train.y)
        # Each tree is asked once, in order: the forest's own sum takes them as the threads finish.
        for name, (X, _) in shown.items():
            for tree in model.estimators_[before:]:
                sums[name] = sums[name] + _predict(tree, X)
        log(grown, {name: loss(setting.task, y, sums[name] / grown) for name, (_, y) in shown.items()})
    model.set_params(n_jobs=1)
    return FittedPipeline(setting, Pipeline([("columns", columns), ("model", model)]))


def fit_boosting(params: BoostingParams, train: Fold, validation: Fold, setting: Setting, log: Log) -> FittedPipeline:
    """Boost until the validation loss stops falling, and keep the trees of its best step.

    Parameters
    ----------
    log
        Called with the trees so far, every `STEP` of them, and ``train/loss`` and ``validation/loss``: log loss
        in nats, or mean squared error in the target's unit squared. Called from another thread while it boosts.

    Raises
    ------
    InputError
        The loss was never a finite number.
    """
    columns = preprocessing.for_boosting(train, setting)
    matrix = preprocessing.fit_matrix(columns, train)
    regression = setting.task.kind == "regression"
    model = (HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier)(
        learning_rate=params.learning_rate,
        max_iter=params.max_iter,
        max_leaf_nodes=params.max_leaf_nodes,
        min_samples_leaf=_leaf(params.min_samples_leaf, train),
        l2_regularization=params.l2_regularization,
        max_features=params.max_features,
        categorical_features=None,
        early_stopping=True,
        n_iter_no_change=params.patience * STEP,
        tol=0,
        random_state=setting.seed,
    )
    # scikit-learn's scores are minus the loss, and of a squared error minus its half.
    unit = -2 if regression else -1
    with _logging(model, unit, log):
        # Without rows of its own it would split some off by chance, which leaks through time and groups.
        model.fit(matrix, train.y, X_val=preprocessing.matrix(columns, validation.X), y_val=validation.y)
    losses = unit * np.asarray(model.validation_score_)
    steps = [step for step in _steps(len(losses) - 1) if np.isfinite(losses[step])]
    if not steps:
        raise InputError(
            "Boosting diverged: its validation loss was never a finite number.",
            "Lower train.hist_gradient_boosting.learning_rate in params.yaml.",
        )
    # scikit-learn keeps the trees that came after the best step, and has no public way to drop them.
    model._predictors = model._predictors[: min(steps, key=lambda step: losses[step])]
    return FittedPipeline(setting, Pipeline([("columns", columns), ("model", model)]))


@contextmanager
def _logging(model: Any, unit: int, log: Log) -> Iterator[None]:
    """Log a model's losses while the block fits it, every `STEP` trees and at the last one.

    scikit-learn has no callback here. Fitting again and again with ``warm_start`` takes three times as long, so
    another thread looks at the growing lists of scores; what it logs does not depend on when it looks.
    """
    logged, ended = 0, Event()

    def report(steps: Iterable[int]) -> None:
        nonlocal logged
        for step in steps:
            if step <= logged:
                continue
            figures = {"train/loss": model.train_score_[step], "validation/loss": model.validation_score_[step]}
            log(step, {name: unit * float(score) for name, score in figures.items()})
            logged = step

    def watch() -> None:
        while not ended.wait(LOOK):
            report(range(STEP, len(getattr(model, "validation_score_", ())), STEP))

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
    report(_steps(len(model.validation_score_) - 1))


def _leaf(asked: int, train: Fold) -> int:
    return min(asked, max(len(train.y) // LEAVES, 1))


def _shown(columns: Any, train: Fold, validation: Fold, setting: Setting) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the rows of the learning curve, as the model will see rows that it has not learned from."""
    some = np.random.default_rng(setting.seed).permutation(len(train.y))[:TRAIN_LOSS_ROWS]
    return {
        "train/loss": (preprocessing.matrix(columns, train.X.iloc[some]), train.y[some]),
        "validation/loss": (preprocessing.matrix(columns, validation.X), validation.y),
    }


def _steps(trees: int) -> list[int]:
    """Return the numbers of trees at which to look: 20, 40, … and the last."""
    return [*range(STEP, trees, STEP), trees]


def _predict(model: Any, X: np.ndarray) -> np.ndarray:
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


def _require(params: Any, section: str, name: str, holds: bool, wanted: str) -> None:
    if not holds:
        raise InputError(f"params.yaml: train.{section}.{name} is {getattr(params, name)}.", f"It must be {wanted}.")
