"""The figures of one evaluation, as the suggestions read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from stages.knobs import Knobs, knobs_of
from stages.task import Task


@dataclass(frozen=True)
class Evidence:
    """The figures of one evaluation.

    Attributes
    ----------
    task, model
        The task and the value of `train.model`.
    train, validation, test
        Metrics on each split, from `metrics.score`; `train` may be empty.
    intervals
        95 % interval of each test metric.
    baseline
        What the best constant prediction gets on the test rows, from the training rows' target: log loss,
        or mean squared error.
    majority
        Share of the test rows' most frequent class; 0 for a regression.
    blocks
        Number of blocks in the test rows, and `rows` of them.
    slices, importance, drift
        From `slices.slice_table`, `importance.permutation_importance` and `drift.drift`.
    curve
        Columns `step`, `train`, `validation` (loss); empty where the model has none.
    """

    task: Task
    model: str
    train: Mapping[str, float]
    validation: Mapping[str, float]
    test: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    baseline: float
    majority: float
    blocks: int
    rows: int
    slices: pd.DataFrame
    importance: pd.DataFrame
    drift: pd.DataFrame
    curve: pd.DataFrame

    @property
    def knobs(self) -> Knobs:
        """The parameters of the model in use."""
        return knobs_of(self.model)

    @property
    def skill(self) -> float:
        """Share of the baseline's loss that the model saves, at most 1."""
        return 1 - loss_of(self.test) / self.baseline if self.baseline > 0 else 0.0


def loss_of(metrics: Mapping[str, float]) -> float:
    """Return log loss, or the square of rmse."""
    return metrics["log_loss"] if "log_loss" in metrics else metrics["rmse"] ** 2
