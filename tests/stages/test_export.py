"""What is written for a fitted model, and that nothing is shipped which predicts something else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from benchmarks.predict import interleaved
from stages import models
from stages.artifact import Signature, as_columns, open_model
from stages.errors import InputError
from stages.export import Environment, ExportMismatch, check, difference, write
from stages.models.base import Fitted, Fold, Setting
from stages.task import Feature, Task

FEATURES = (
    Feature("hour", "numeric", "hour", low=0.0, high=23.0),
    Feature("carrier", "categorical", "c", levels=("AA", "B6")),
)
TASKS = {"binary": Task("binary", "late", ("no", "yes")), "regression": Task("regression", "price")}
ENVIRONMENT = Environment("cpu", 1)


def fold(kind: str) -> Fold:
    random = np.random.default_rng(0)
    hour, carrier = random.uniform(0, 24, 60).astype("float32"), random.choice(["AA", "B6"], 60)
    signal = (hour - 12) / 4 + (carrier == "AA")
    y = 1e6 + 100 * signal if kind == "regression" else (signal > 0).astype("int64")
    return Fold(pd.DataFrame({"hour": hour, "carrier": pd.Series(carrier, dtype=object)}), y)


def fitted(kind: str = "binary", spline_knots: int = 0, features: tuple[Feature, ...] = FEATURES) -> Fitted:
    model = models.find("logistic")
    params = model.read({"C": 1.0, "max_iter": 20, "min_frequency": 1, "spline_knots": spline_knots}, "train.logistic")
    rows = fold(kind)
    rows = Fold(rows.X.set_axis([feature.name for feature in features], axis=1), rows.y)
    return model.fit(params, rows, rows, Setting(TASKS[kind], features, 0, 1), lambda step, figures: None)


def wanted(kind: str = "binary", features: tuple[Feature, ...] = FEATURES) -> Signature:
    return Signature(TASKS[kind], features, "onnx", None, "logistic")


@dataclass(frozen=True)
class Shifted:
    """A model whose predictions are not those of its graph: one row is off."""

    model: Fitted
    row: int
    by: float

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        predicted = self.model.predict(X)
        predicted[min(self.row, len(X) - 1)] += self.by
        return predicted

    def to_onnx(self) -> onnx.ModelProto:
        return self.model.to_onnx()


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize(("spline_knots", "format_"), [(0, "onnx"), (4, "skops")])
def test_the_folder_predicts_what_the_model_predicts(
    tmp_path: Path, kind: str, spline_knots: int, format_: str
) -> None:
    model = fitted(kind, spline_knots)
    signature = write(tmp_path / "model", model, wanted(kind), ENVIRONMENT)
    assert signature.format == format_
    assert sorted(file.name for file in (tmp_path / "model").iterdir()) == [
        "environment.json", f"model.{format_}", "signature.json",
    ]  # fmt: skip
    artifact, apart = check(tmp_path / "model", model, fold(kind), threads=1)
    assert apart <= 1e-4
    assert artifact.signature == signature == open_model(tmp_path / "model").signature
    np.testing.assert_allclose(artifact.predict(fold(kind).X), model.predict(fold(kind).X), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("spline_knots", [0, 4])
def test_two_exports_of_the_same_model_have_the_same_bytes(tmp_path: Path, spline_knots: int) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, fitted(spline_knots=spline_knots), wanted(), ENVIRONMENT)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


def test_a_difference_is_refused_with_the_worst_row(tmp_path: Path) -> None:
    model = Shifted(fitted(), row=7, by=0.01)
    write(tmp_path / "model", model, wanted(), ENVIRONMENT)
    with pytest.raises(ExportMismatch, match=r"held-out row 8 gives .* instead of .*, which is 0.01 apart") as caught:
        check(tmp_path / "model", model, fold("binary"), threads=1)
    assert "nothing was written" in str(caught.value)


def test_the_tolerance_is_absolute_for_probabilities_and_the_spread_for_numbers() -> None:
    trained = np.array([[0.5, 0.5], [0.2, 0.8]])
    assert difference(trained + 9e-5, trained) is None
    assert difference(trained + np.array([[0, 0], [0, 2e-4]]), trained) == (1, pytest.approx(0.8002), 0.8)
    prices = np.array([1e6, 2e6])
    assert difference(prices + 50, prices, spread=5e5) is None
    assert difference(prices + np.array([0, 60]), prices, spread=5e5) == (1, 2e6 + 60, 2e6)
    assert difference(np.array([np.nan]), np.array([1.0]), spread=1.0) is not None


def test_a_feature_called_like_the_output_is_refused(tmp_path: Path) -> None:
    features = (Feature("probabilities", "numeric", "p"), FEATURES[1])
    with pytest.raises(InputError, match="called 'probabilities'"):
        write(tmp_path / "model", fitted(features=features), wanted(features=features), ENVIRONMENT)


def test_the_environment_says_versions_device_and_constraints(tmp_path: Path) -> None:
    (tmp_path / "constraints.txt").write_text("numpy==2\n")
    made = Environment("cuda", 2).to_json(tmp_path / "constraints.txt")
    assert (made["device"], made["threads"]) == ("cuda", 2)
    assert made["packages"]["numpy"] == np.__version__
    assert made["constraints_sha256"] == hashlib.sha256(b"numpy==2\n").hexdigest()
    assert set(made) == {
        "python", "implementation", "system", "machine", "device", "threads", "packages", "constraints_sha256",
    }  # fmt: skip
    assert json.loads(json.dumps(made)) == made


@pytest.mark.slow
def test_one_row_is_50_times_faster_through_the_graph_than_through_scikit_learn(tmp_path: Path) -> None:
    model = models.find("hist_gradient_boosting")
    params = model.read(
        {
            "learning_rate": 0.05, "max_iter": 200, "max_leaf_nodes": 31, "min_samples_leaf": 5,
            "l2_regularization": 0.0, "max_features": 1.0, "patience": 10,
        },
        "train.hist_gradient_boosting",
    )  # fmt: skip
    random, rows = np.random.default_rng(0), 2000
    numbers = {f"n{place}": random.normal(size=rows).astype("float32") for place in range(15)}
    texts = {f"t{place}": pd.Series(random.choice(list("abcdef"), rows), dtype=object) for place in range(5)}
    y = (sum(numbers.values()) + random.normal(size=rows) > 0).astype("int64")
    features = tuple(Feature(name, "numeric" if name in numbers else "categorical", name) for name in numbers | texts)
    known = Fold(pd.DataFrame(numbers | texts), y)
    with threadpool_limits(1):
        setting = Setting(TASKS["binary"], features, 0, 1)
        fitted_trees = model.fit(params, known, known, setting, lambda step, figures: None)
        write(tmp_path / "model", fitted_trees, wanted(features=features), ENVIRONMENT)
        (artifact, _), row = check(tmp_path / "model", fitted_trees, known, threads=1), known.X.iloc[:1]
        columns = as_columns(row, features)
        seconds = interleaved({"graph": lambda: artifact.run(columns), "pipeline": lambda: fitted_trees.predict(row)})
    assert seconds["pipeline"] / seconds["graph"] >= 50
