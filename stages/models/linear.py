"""The linear models: logistic regression, and ridge regression for numbers."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline

from stages.errors import InputError
from stages.metrics import loss
from stages.models import preprocessing
from stages.models.base import Fold, Log, Setting
from stages.models.conversion import FittedPipeline

FIRST_ITERATIONS = 10
"""Iterations until the learning curve's first point; each next point takes twice as many."""


@dataclass(frozen=True)
class LinearParams:
    """The section ``train.logistic`` of params.yaml.

    Attributes
    ----------
    C
        Inverse strength of the L2 penalty, above 0.
    max_iter
        Iterations of the solver at most.
    min_frequency
        Training rows that a category needs for a coefficient of its own.
    spline_knots
        0 for straight lines; from 2 on each number enters as cubic splines with so many knots, and the
        model is saved by skops, because ONNX has no splines.

    Raises
    ------
    InputError
        A value is out of its range.
    """

    C: float
    max_iter: int
    min_frequency: int
    spline_knots: int

    def __post_init__(self) -> None:
        self._require("C", 0 < self.C < math.inf, "above 0")
        self._require("max_iter", self.max_iter >= 1, "1 or more")
        self._require("min_frequency", self.min_frequency >= 1, "1 or more")
        self._require("spline_knots", self.spline_knots == 0 or self.spline_knots >= 2, "0 (off), or 2 or more")

    def _require(self, name: str, holds: bool, wanted: str) -> None:
        if not holds:
            raise InputError(f"params.yaml: train.logistic.{name} is {getattr(self, name)}.", f"It must be {wanted}.")


def fit(params: LinearParams, train: Fold, validation: Fold, setting: Setting, log: Log) -> FittedPipeline:
    """Fit by the whole training fold; `validation` is only logged.

    Parameters
    ----------
    log
        Called with the iterations so far and ``train/loss`` and ``validation/loss``: log loss in nats, or
        mean squared error in the target's unit squared.
    """
    columns = preprocessing.for_linear(train, setting, params.min_frequency, params.spline_knots)
    # In float32 the solver's line search gives up early.
    matrix = preprocessing.fit_matrix(columns, train).astype(np.float64)
    judging = preprocessing.matrix(columns, validation.X)

    def report(model: Any, step: int) -> None:
        predict = model.predict if setting.task.kind == "regression" else model.predict_proba
        losses = {"train/loss": (matrix, train.y), "validation/loss": (judging, validation.y)}
        log(step, {name: loss(setting.task, y, predict(X)) for name, (X, y) in losses.items()})

    if setting.task.kind == "regression":
        model: Any = Ridge(alpha=1 / params.C, max_iter=params.max_iter, random_state=setting.seed).fit(matrix, train.y)
        report(model, 1)
    else:
        model = LogisticRegression(C=params.C, warm_start=True, random_state=setting.seed)
        done, chunk = 0, FIRST_ITERATIONS
        while done < params.max_iter:
            model.max_iter = min(chunk, params.max_iter - done)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(matrix, train.y)
            done, chunk = done + int(model.n_iter_[0]), 2 * chunk
            report(model, done)
            if model.n_iter_[0] < model.max_iter:
                break
    return FittedPipeline(setting, Pipeline([("columns", columns), ("model", model)]))
