"""The models made of trees: a random forest, and histogram gradient boosting."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
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

TRAIN_LOSS_ROWS = 20_000
"""So many training rows, always the same, give the training loss of the learning curve."""


@dataclass(frozen=True)
class ForestParams:
    """The section ``train.random_forest`` of params.yaml.

    Attributes
    ----------
    trees
        Number of trees.
    min_samples_leaf
        Fewest training rows in a leaf; it bounds the size of the model's file.
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
        Fewest training rows in a leaf.
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
        min_samples_leaf=params.min_samples_leaf,
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
        Called with the trees so far, every `STEP` of them, and ``train/loss`` (on some of the rows) and
        ``validation/loss``: log loss in nats, or mean squared error in the target's unit squared.

    Raises
    ------
    InputError
        The loss was never a finite number.
    """
    columns = preprocessing.for_boosting(train, setting)
    matrix = preprocessing.fit_matrix(columns, train)
    shown = _shown(columns, train, validation, setting)
    kind = HistGradientBoostingRegressor if setting.task.kind == "regression" else HistGradientBoostingClassifier
    model = kind(
        learning_rate=params.learning_rate,
        max_leaf_nodes=params.max_leaf_nodes,
        min_samples_leaf=params.min_samples_leaf,
        l2_regularization=params.l2_regularization,
        max_features=params.max_features,
        # Its own early stopping splits the rows by chance, which leaks through time and groups.
        early_stopping=False,
        categorical_features=None,
        warm_start=True,
        random_state=setting.seed,
    )
    best, best_loss, since = None, math.inf, 0
    for grown in _steps(params.max_iter):
        model.set_params(max_iter=grown).fit(matrix, train.y)
        losses = {name: loss(setting.task, y, _predict(model, X)) for name, (X, y) in shown.items()}
        log(grown, losses)
        if losses["validation/loss"] < best_loss:
            best, best_loss, since = deepcopy(model), losses["validation/loss"], 0
        else:
            since += 1
        if since >= params.patience:
            break
    if best is None:
        raise InputError(
            "Boosting diverged: its validation loss was never a finite number.",
            "Lower train.hist_gradient_boosting.learning_rate in params.yaml.",
        )
    return FittedPipeline(setting, Pipeline([("columns", columns), ("model", best)]))


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
