"""What the train stage ships, as its users see it: opened from files alone, without any training code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from stages import files
from stages.errors import InputError
from stages.task import Feature, Task

SIGNATURE = "signature.json"
ENVIRONMENT = "environment.json"
FILES = {"onnx": "model.onnx", "skops": "model.skops"}
"""The model's file by format."""

TRUSTED = (
    # The fitted curves of SplineTransformer: arrays of knots and coefficients, no code of their own.
    "scipy.interpolate._bsplines.BSpline",
    # Which such a curve keeps as the function that makes its arrays: numpy.asarray by another name.
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    # The element type of the encoders' output.
    "numpy.dtype",
)
"""Types that a model.skops may hold beside scikit-learn's and numpy's own, which skops vouches for.

Opening a file calls their constructors, so each was read before it was added. Never extend it from a file.
"""

BATCH = 100_000
"""Rows predicted at once, which bounds the memory."""


@dataclass(frozen=True)
class Signature:
    """What goes in and what comes out.

    Attributes
    ----------
    task
        What is predicted.
    features
        The inputs, with the levels and ranges seen in training.
    format
        ``onnx`` or ``skops``.
    threshold
        Binary only: the probability of the positive class from which on a row is called positive, chosen on
        the validation rows.
    model
        Name of the model, for people.
    """

    task: Task
    features: tuple[Feature, ...]
    format: Literal["onnx", "skops"]
    threshold: float | None
    model: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "task": self.task.to_json(),
            "features": [feature.to_json() for feature in self.features],
            "output": "prediction" if self.task.kind == "regression" else "probabilities",
            "format": self.format,
            "threshold": self.threshold,
            "model": self.model,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Signature:
        """Build from what `to_json` gave."""
        features = tuple(Feature.from_json(feature) for feature in value["features"])
        return cls(Task.from_json(value["task"]), features, value["format"], value["threshold"], value["model"])


@dataclass(frozen=True)
class Artifact:
    """A model that can predict.

    Attributes
    ----------
    signature
        What goes in and what comes out.
    run
        From one column of values for each feature, shape (rows, 1), to the model's output.
    """

    signature: Signature
    run: Callable[[dict[str, np.ndarray]], np.ndarray]

    @property
    def task(self) -> Task:
        """What is predicted."""
        return self.signature.task

    @property
    def features(self) -> tuple[Feature, ...]:
        """The inputs."""
        return self.signature.features

    @property
    def threshold(self) -> float | None:
        """Probability from which on a row is called positive; None unless the task is binary."""
        return self.signature.threshold

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Predict rows.

        Parameters
        ----------
        frame
            At least the feature columns, in any order. A missing number may be NaN or None, a missing
            category that or ``""``; numbers become float32, categories text.

        Returns
        -------
        ndarray
            float64: probabilities of shape (rows, classes) in the order of ``task.classes``, or for a regression
            values of shape (rows,).

        Raises
        ------
        InputError
            A feature's column is not there, or holds something that is no number where one is needed.
        """
        rows = len(frame)
        if not rows:
            return np.empty(0 if self.task.kind == "regression" else (0, len(self.task.classes)))
        columns = as_columns(frame, self.features)
        parts = [
            self.run({name: values[start : start + BATCH] for name, values in columns.items()})
            for start in range(0, rows, BATCH)
        ]
        output = (parts[0] if len(parts) == 1 else np.concatenate(parts)).astype(np.float64)
        return output[:, 0] if self.task.kind == "regression" else output


def open_model(directory: str | Path, threads: int = 1) -> Artifact:
    """Open a folder that the train stage wrote.

    Parameters
    ----------
    directory
        Holds ``signature.json`` and ``model.onnx`` or ``model.skops``.
    threads
        Threads for one prediction.

    Raises
    ------
    InputError
        A file is missing or not what it should be, or a skops file holds a type that is not trusted.
    """
    folder = Path(directory)
    place = folder / SIGNATURE
    again = "Run `dvc repro train` to make it, or `dvc pull` to fetch it."
    if not place.is_file():
        raise InputError(f"{place} does not exist.", again)
    try:
        signature = Signature.from_json(files.read_json(place))
        file = folder / FILES[signature.format]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{place} is not a model's signature ({error!r}).", again) from None
    if not file.is_file():
        raise InputError(f"{file} does not exist.", again)
    opener = _open_onnx if signature.format == "onnx" else _open_skops
    return Artifact(signature, opener(file, signature, threads))


def _open_onnx(file: Path, signature: Signature, threads: int) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Waiting threads sleep: spinning ones take the cores from whoever else works on them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no common base class for its errors
        raise InputError(f"{file} is not a graph that onnxruntime can run ({error}).", "Train it again.") from None
    inputs = {value.name for value in session.get_inputs()}
    wanted = {feature.name for feature in signature.features}
    if inputs != wanted:
        raise InputError(
            f"{file} does not belong to its {SIGNATURE}: they differ in the inputs {sorted(inputs ^ wanted)}.",
            "Train it again.",
        )
    return lambda columns: session.run(None, columns)[0]


def _open_skops(file: Path, signature: Signature, threads: int) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
    from skops import io
    from threadpoolctl import threadpool_limits

    foreign = sorted(set(io.get_untrusted_types(file=file)) - set(TRUSTED))
    if foreign:
        raise InputError(
            f"{file} holds types that are not trusted: {', '.join(foreign)}.",
            "If you know who made it, review them and add them to TRUSTED in stages/artifact.py.",
        )
    pipeline = io.load(file, trusted=list(TRUSTED))
    names = [feature.name for feature in signature.features]

    def run(columns: dict[str, np.ndarray]) -> np.ndarray:
        frame = pd.DataFrame({name: columns[name][:, 0] for name in names})
        with threadpool_limits(threads):
            if signature.task.kind == "regression":
                return np.asarray(pipeline.predict(frame))[:, None]
            return np.asarray(pipeline.predict_proba(frame))

    return run


def as_columns(frame: pd.DataFrame, features: tuple[Feature, ...]) -> dict[str, np.ndarray]:
    """Return each feature's values as a model takes them: float32 or text, shape (rows, 1).

    Raises
    ------
    InputError
        A feature's column is not there, or holds something that is no number where one is needed.
    """
    for feature in features:
        if feature.name not in frame.columns:
            raise InputError(
                f"The rows to predict have no column '{feature.name}'.",
                "The features in the model's signature.json are the columns that it needs.",
            )
    reads = {"numeric": _numbers, "categorical": _texts}
    return {feature.name: reads[feature.type](frame[feature.name]) for feature in features}


def _texts(column: pd.Series) -> np.ndarray:
    """Return a column as texts, empty where missing, shape (rows, 1)."""
    texts = np.empty((len(column), 1), object)
    values = column.to_numpy(object)
    texts[:, 0] = [value if type(value) is str else "" if pd.isna(value) else str(value) for value in values]
    return texts


def _numbers(column: pd.Series) -> np.ndarray:
    """Return a column as float32, NaN where missing, shape (rows, 1), or say which row is no number."""
    if column.dtype == np.float32:
        return column.to_numpy().reshape(-1, 1)
    read = pd.to_numeric(column, errors="coerce")
    wrong = (read.isna() & column.notna()).to_numpy()
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"Row {row + 1} of the rows to predict has {column.iloc[row]!r} in the numeric column '{column.name}'.",
            "Give a number, or leave it empty.",
        )
    return read.to_numpy(np.float32, na_value=np.nan).reshape(-1, 1)
