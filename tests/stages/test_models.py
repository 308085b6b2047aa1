"""The scikit-learn models: their params, what they learn, and that their ONNX graph is the same function."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from stages import models
from stages.errors import InputError
from stages.metrics import loss
from stages.models.base import ML_OPSET, OPSET, Fitted, Fold, NotExpressible, Setting
from stages.task import Feature, Task

TASKS = {
    "binary": Task("binary", "late", ("no", "yes")),
    "multiclass": Task("multiclass", "colour", ("red", "green", "blue")),
    "regression": Task("regression", "price"),
}

# Names that ONNX or skl2onnx would like to change, or that its graphs use themselves.
FEATURES = (
    Feature("hour of day (0-23)", "numeric", "hour"),
    Feature("x0", "numeric", "x0"),
    Feature("carrier é", "categorical", "carrier"),
    Feature("label", "categorical", "label"),
    Feature("never filled", "numeric", "never"),
)

SMALL = {
    "logistic": {"C": 1.0, "max_iter": 50, "min_frequency": 5, "spline_knots": 0},
    "random_forest": {"trees": 25, "min_samples_leaf": 5, "max_features": 0.5},
    "hist_gradient_boosting": {
        "learning_rate": 0.1, "max_iter": 60, "max_leaf_nodes": 8, "min_samples_leaf": 5, "l2_regularization": 0.0,
        "max_features": 1.0, "patience": 2,
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Keep the threads of many tests at once from waiting for each other."""
    with threadpool_limits(1):
        yield


def fold(kind: str, rows: int, seed: int) -> Fold:
    """Rows whose target depends on the hour, on the carrier, and on whether x0 is missing."""
    random = np.random.default_rng(seed)
    hour = random.integers(0, 24, rows).astype("float32")
    x0 = np.where(random.random(rows) < 0.3, np.nan, random.normal(2013, 5, rows)).astype("float32")
    carrier = random.choice(["AA", "", "B 6"], rows)
    signal = (hour - 12) / 4 + 2 * (carrier == "AA") + 2 * np.isnan(x0) - 1
    noisy = signal + random.normal(0, 1, rows)
    y = {
        "binary": (noisy > 0).astype("int64"),
        "multiclass": np.digitize(noisy, [-1, 1]).astype("int64"),
        "regression": 500 + 20 * noisy,
    }[kind]
    columns = [
        hour,
        x0,
        carrier,
        random.choice(["u", "v", *"wxyz"], rows, p=[0.4, 0.4, *[0.05] * 4]),
        np.full(rows, np.nan),
    ]
    types = ["float32" if feature.type == "numeric" else object for feature in FEATURES]
    data = {
        feature.name: pd.Series(column).astype(type_)
        for feature, column, type_ in zip(FEATURES, columns, types, strict=True)
    }
    return Fold(pd.DataFrame(data), y)


def fitted(name: str, kind: str, seed: int = 1, **changes: object) -> tuple[Fitted, list[tuple[int, dict]], Fold, Fold]:
    """Return a fitted model, what it logged, and its training and validation rows."""
    train, validation = fold(kind, 400, 0), fold(kind, 200, 1)
    model, logged = models.find(name), []
    params = model.read({**SMALL[name], **changes}, f"train.{name}")
    setting = Setting(TASKS[kind], FEATURES, seed, threads=1)
    made = model.fit(params, train, validation, setting, lambda step, figures: logged.append((step, dict(figures))))
    return made, logged, train, validation


def run(graph: onnx.ModelProto, X: pd.DataFrame) -> np.ndarray:
    """Run a graph on one column for each input."""
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    types = {feature.name: np.float32 if feature.type == "numeric" else object for feature in FEATURES}
    return session.run(None, {name: X[name].to_numpy(type_).reshape(-1, 1) for name, type_ in types.items()})[0]


def strange(X: pd.DataFrame) -> pd.DataFrame:
    """Rows with a carrier that nobody has seen, and with numbers missing that never were."""
    changed = X.copy()
    changed["carrier é"] = np.where(np.arange(len(X)) % 2, "unseen", X["carrier é"]).astype(object)
    changed.loc[:, "hour of day (0-23)"] = X["hour of day (0-23)"].where(X.index % 3 != 0)
    return changed


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("name", SMALL)
def test_learns_more_than_the_mean_and_its_graph_is_the_same_function(name: str, kind: str) -> None:
    model, logged, train, validation = fitted(name, kind)
    predicted = model.predict(validation.X)
    task = TASKS[kind]
    mean = (
        np.full(len(predicted), train.y.mean())
        if kind == "regression"
        else np.tile(np.bincount(train.y) / 400, (200, 1))
    )
    assert loss(task, validation.y, predicted) < 0.8 * loss(task, validation.y, mean)
    assert [step for step, _ in logged] == sorted({step for step, _ in logged})
    assert all(set(figures) == {"train/loss", "validation/loss"} for _, figures in logged)

    graph = model.to_onnx()
    assert [value.name for value in graph.graph.input] == [feature.name for feature in FEATURES]
    assert [value.name for value in graph.graph.output] == ["prediction" if kind == "regression" else "probabilities"]
    assert {opset.domain: opset.version for opset in graph.opset_import} == {"": OPSET, "ai.onnx.ml": ML_OPSET}
    for X in (validation.X, strange(validation.X)):
        output, trained = run(graph, X), model.predict(X)
        assert output.dtype == np.float32
        if kind == "regression":
            assert output.shape == (200, 1)
            np.testing.assert_allclose(output[:, 0], trained, rtol=1e-6)
        else:
            assert output.shape == (200, len(task.classes))
            np.testing.assert_allclose(output, trained, atol=1e-6)
            np.testing.assert_allclose(output.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("kept", ["hour of day (0-23)", "carrier é"])
@pytest.mark.parametrize("name", SMALL)
def test_a_single_feature_of_either_type_is_enough(name: str, kept: str) -> None:
    train = fold("binary", 200, 0)
    features = tuple(feature for feature in FEATURES if feature.name == kept)
    rows = Fold(train.X[[kept]], train.y)
    model = models.find(name)
    setting = Setting(TASKS["binary"], features, 0, threads=1)
    made = model.fit(model.read(SMALL[name], "x"), rows, rows, setting, lambda step, figures: None)
    session = onnxruntime.InferenceSession(made.to_onnx().SerializeToString())
    output = session.run(None, {kept: rows.X[kept].to_numpy().reshape(-1, 1)})[0]
    np.testing.assert_allclose(output, made.predict(rows.X), atol=1e-6)


def test_thresholds_between_two_neighbouring_float32_take_the_same_branch_in_the_graph() -> None:
    # Their middle, 16777219, is nearest to the higher one in float32.
    low = np.float32(16777218.0)
    high = np.nextafter(low, np.float32(np.inf))
    values = np.tile([low, high], 200).astype("float32")
    rows = Fold(pd.DataFrame({"n": values}), np.tile([0, 1], 200))
    model = models.find("hist_gradient_boosting")
    setting = Setting(TASKS["binary"], (Feature("n", "numeric", "n"),), 0, threads=1)
    made = model.fit(model.read(SMALL["hist_gradient_boosting"], "x"), rows, rows, setting, lambda step, figures: None)
    session = onnxruntime.InferenceSession(made.to_onnx().SerializeToString())
    output = session.run(None, {"n": values[:, None]})[0]
    assert output[1, 1] - output[0, 1] > 0.5
    np.testing.assert_allclose(output, made.predict(rows.X), atol=1e-6)


def test_boosting_keeps_its_best_step_and_stops_after_its_patience() -> None:
    model, logged, _, validation = fitted("hist_gradient_boosting", "binary", max_iter=1000, learning_rate=0.3)
    losses = [figures["validation/loss"] for _, figures in logged]
    assert loss(TASKS["binary"], validation.y, model.predict(validation.X)) == pytest.approx(min(losses))
    assert len(losses) == np.argmin(losses) + 1 + SMALL["hist_gradient_boosting"]["patience"]
    assert len(losses) < 50


def test_the_forest_logs_every_20_trees_and_its_last_figures_are_the_forests() -> None:
    model, logged, _, validation = fitted("random_forest", "binary")
    assert [step for step, _ in logged] == [20, 25]
    assert logged[-1][1]["validation/loss"] == pytest.approx(
        loss(TASKS["binary"], validation.y, model.predict(validation.X))
    )


@pytest.mark.parametrize("name", ["random_forest", "hist_gradient_boosting"])
def test_trees_learn_from_a_table_smaller_than_the_leaves_that_were_asked_for(name: str) -> None:
    model, _, _, validation = fitted(name, "binary", min_samples_leaf=10_000)
    assert len(np.unique(model.predict(validation.X)[:, 1])) > 10


def test_the_seed_decides_the_trees() -> None:
    one, again, other = (
        fitted("random_forest", "binary", seed)[0].predict(fold("binary", 50, 9).X) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1e-3


def test_splines_cannot_be_expressed_and_the_pipeline_is_handed_over_instead() -> None:
    model, *_ = fitted("logistic", "binary", spline_knots=4)
    with pytest.raises(NotExpressible, match="splines") as caught:
        model.to_onnx()
    validation = fold("binary", 20, 3)
    columns = validation.X[[feature.name for feature in FEATURES]]
    np.testing.assert_allclose(caught.value.estimator.predict_proba(columns), model.predict(validation.X))


def test_an_unknown_model_is_named_with_the_nearest_one() -> None:
    with pytest.raises(
        InputError, match=r"train.model is 'hist_gradient_bosting', which is no model. Did you mean 'hist_"
    ):
        models.find("hist_gradient_bosting")


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("logistic", "C", 0.0),
        ("logistic", "max_iter", 0),
        ("logistic", "min_frequency", 0),
        ("logistic", "spline_knots", 1),
        ("random_forest", "trees", 0),
        ("random_forest", "min_samples_leaf", 0),
        ("random_forest", "max_features", 1.5),
        ("hist_gradient_boosting", "learning_rate", float("inf")),
        ("hist_gradient_boosting", "max_iter", 0),
        ("hist_gradient_boosting", "max_leaf_nodes", 1),
        ("hist_gradient_boosting", "min_samples_leaf", 0),
        ("hist_gradient_boosting", "l2_regularization", -1.0),
        ("hist_gradient_boosting", "max_features", 0.0),
        ("hist_gradient_boosting", "patience", 0),
    ],
)
def test_a_value_out_of_range_is_named(name: str, key: str, value: float) -> None:
    with pytest.raises(InputError, match=f"params.yaml: train.{name}.{key} is "):
        models.find(name).read({**SMALL[name], key: value}, f"train.{name}")


def test_a_param_of_another_model_is_refused() -> None:
    with pytest.raises(InputError, match=r"train.logistic.max_itr is not a parameter. Did you mean 'max_iter'"):
        models.find("logistic").read({**SMALL["logistic"], "max_itr": 3}, "train.logistic")


def test_a_linear_model_does_not_wait_for_torch() -> None:
    program = "import sys; from stages import models; models.find('logistic'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
