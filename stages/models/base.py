"""What every model of the pipeline is given and gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import onnx
import pandas as pd

from stages.task import Feature, Task

OPSET = 18
"""Version of the default ONNX operator set that every exported graph uses, so that graphs can be merged."""

ML_OPSET = 3
"""Version of the ``ai.onnx.ml`` operator set that every exported graph uses."""

PROBABILITIES = "probabilities"
"""Name of a classifier's graph output: float32 of shape (rows, classes), in the order of ``Task.classes``."""

PREDICTION = "prediction"
"""Name of a regressor's graph output: float32 of shape (rows, 1), in the target's own unit."""

Log = Callable[[int, Mapping[str, float]], None]
"""Takes a step's number and its figures, ``train/loss`` and ``validation/loss`` (log loss in nats, or mean
squared error in the target's unit squared), and where it is cheap ``validation/score``."""


@dataclass(frozen=True)
class Fold:
    """Rows to learn from, or to judge by.

    Attributes
    ----------
    X
        The feature columns, in the order of the feature list: float32 with NaN for a missing number, and
        strings (object, never None) with ``""`` for a missing category. Shape (rows, features).
    y
        Class codes (int64) or numbers (float64). Shape (rows,).
    """

    X: pd.DataFrame
    y: np.ndarray


@dataclass(frozen=True)
class Setting:
    """What a fit depends on besides its parameters and its data."""

    task: Task
    features: tuple[Feature, ...]
    seed: int
    threads: int
    device: str = "cpu"


class Fitted(Protocol):
    """A model that has learned."""

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return probabilities of shape (rows, classes), or for a regression values of shape (rows,)."""
        ...

    def to_onnx(self) -> onnx.ModelProto:
        """Return one graph from the named feature columns to `PROBABILITIES` or `PREDICTION`.

        Its inputs are exactly the features, each of shape (rows, 1): float32, NaN where a number is
        missing, or string, ``""`` where a category is.

        Raises
        ------
        NotExpressible
            ONNX has no operator for a part of this model.
        """
        ...


class NotExpressible(Exception):
    """A model that ONNX cannot express; `estimator` is what skops can save instead."""

    def __init__(self, reason: str, estimator: object) -> None:
        super().__init__(reason)
        self.estimator = estimator
