"""The weighted average: its weights, its one graph, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from stages import models
from stages.errors import InputError
from stages.metrics import loss
from stages.models.base import Fold, Setting
from stages.models.ensemble import Ensemble, EnsembleParams, fit, fitted_weights
from stages.task import Feature, Task

BINARY = Task("binary", "late", ("no", "yes"))
PRICE = Task("regression", "price")
FEATURES = (Feature("hour", "numeric", "hour"), Feature("variable", "categorical", "variable"))

LOGISTIC = {"C": 1.0, "max_iter": 50, "min_frequency": 1, "spline_knots": 0}
BOOSTING = {
    "learning_rate": 0.1, "max_iter": 40, "max_leaf_nodes": 8, "min_samples_leaf": 5, "l2_regularization": 0.0,
    "max_features": 1.0, "patience": 2,
}  # fmt: skip
NETWORK = {
    "width": 8, "depth": 1, "dropout": 0.0, "embedding": 2, "periodic": 0, "lr": 0.01, "weight_decay": 0.0,
    "batch_size": 64, "max_epochs": 3, "patience": 3,
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Keep the threads of many tests at once from waiting for each other."""
    with threadpool_limits(1):
        yield


def setting(task: Task) -> Setting:
    return Setting(task, FEATURES, seed=0, threads=1)


def fold(task: Task, rows: int, seed: int) -> Fold:
    random = np.random.default_rng(seed)
    hour, carrier = random.uniform(0, 24, rows).astype("float32"), random.choice(["AA", "B6"], rows)
    signal = np.sin(hour / 4) + (carrier == "AA") + hour / 12 - 1.5 + random.normal(0, 0.5, rows)
    y = signal if task.kind == "regression" else (signal > 0).astype("int64")
    return Fold(pd.DataFrame({"hour": hour, "variable": pd.Series(carrier, dtype=object)}), y)


def made(task: Task, weights: object, **members: dict) -> tuple[Ensemble, list[tuple[int, dict]], Fold]:
    """Return a fitted ensemble, what it logged, and its validation rows."""
    logged, validation = [], fold(task, 200, 1)
    params = EnsembleParams(weights, members)
    log = lambda step, figures: logged.append((step, dict(figures)))  # noqa: E731
    return fit(params, fold(task, 300, 0), validation, setting(task), log), logged, validation


@pytest.mark.parametrize("task", [BINARY, PRICE], ids=lambda task: task.kind)
def test_one_graph_gives_the_weighted_sum_and_is_no_worse_than_any_member(task: Task) -> None:
    ensemble, logged, validation = made(task, "fitted", logistic=LOGISTIC, hist_gradient_boosting=BOOSTING)
    together = ensemble.predict(validation.X)
    alone = [loss(task, validation.y, member.predict(validation.X)) for member in ensemble.members.values()]
    assert loss(task, validation.y, together) <= min(alone) + 1e-4
    assert sum(ensemble.weights.values()) == pytest.approx(1)

    session = onnxruntime.InferenceSession(ensemble.to_onnx().SerializeToString())
    assert [value.name for value in session.get_inputs()] == ["hour", "variable"]
    output = session.run(None, {name: validation.X[name].to_numpy().reshape(-1, 1) for name in validation.X})
    assert len(output) == 1
    np.testing.assert_allclose(output[0].reshape(together.shape), together, atol=1e-5)

    blends = [(step, figures) for step, figures in logged if "validation/loss" in figures]
    assert [step for step, _ in blends] == [1, 2]
    assert blends[-1][1]["validation/loss"] == pytest.approx(loss(task, validation.y, together))
    assert any("hist_gradient_boosting/validation/loss" in figures for _, figures in logged)


def test_a_network_and_trees_share_one_graph() -> None:
    ensemble, _, validation = made(BINARY, (1.0, 3.0), mlp=NETWORK, hist_gradient_boosting=BOOSTING)
    assert ensemble.weights == {"mlp": 0.25, "hist_gradient_boosting": 0.75}
    session = onnxruntime.InferenceSession(ensemble.to_onnx().SerializeToString())
    output = session.run(None, {name: validation.X[name].to_numpy().reshape(-1, 1) for name in validation.X})[0]
    np.testing.assert_allclose(output, ensemble.predict(validation.X), atol=1e-5)


def test_the_weights_minimise_the_loss_over_the_simplex() -> None:
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 500)
    ones = np.clip(
        np.stack([y * 0.4 + random.uniform(0, 0.6, 500), random.uniform(0, 1, 500), 0.3 + 0.3 * y]), 0.01, 0.99
    )
    predictions = np.stack([1 - ones, ones], axis=2)
    weights = fitted_weights(setting(BINARY), y, predictions)
    best = loss(BINARY, y, np.tensordot(weights, predictions, 1))
    for other in random.dirichlet(np.ones(3), 200):
        assert best <= loss(BINARY, y, np.tensordot(other, predictions, 1)) + 1e-6
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)


def test_a_useless_member_of_a_regression_gets_no_weight() -> None:
    y = np.linspace(1e6, 2e6, 100)
    weights = fitted_weights(setting(PRICE), y, np.stack([y, np.full(100, 5e6)]))
    np.testing.assert_allclose(weights, [1, 0], atol=1e-3)


@pytest.mark.parametrize(
    ("weights", "members", "message"),
    [
        ("fitted", {}, "train.ensemble.members is empty"),
        ("fitted", {"logistc": LOGISTIC}, "members.logistc is no member. Did you mean 'logistic'"),
        ("fitted", {"ensemble": {}}, "members.ensemble is no member"),
        ("fitted", {"logistic": {**LOGISTIC, "c": 1.0}}, "members.logistic.c is not a parameter. Did you mean 'C'"),
        ((1.0, 2.0), {"logistic": LOGISTIC}, "has 2 numbers for 1 members"),
        ((-1.0,), {"logistic": LOGISTIC}, "weights is"),
        ((0.0,), {"logistic": LOGISTIC}, "weights is"),
    ],
)
def test_what_cannot_be_an_ensemble_is_refused(weights: object, members: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        EnsembleParams(weights, members)


def test_the_section_of_params_yaml_is_read() -> None:
    read = models.find("ensemble").read({"weights": [1, 2.5], "members": {"logistic": LOGISTIC, "mlp": NETWORK}}, "x")
    assert read.weights == (1.0, 2.5)
    with pytest.raises(InputError, match="weights is 'fited'"):
        models.find("ensemble").read({"weights": "fited", "members": {"logistic": LOGISTIC}}, "train.ensemble")


def test_a_member_that_onnx_cannot_express_is_refused() -> None:
    with pytest.raises(InputError, match=r"members.logistic cannot be part of one ONNX graph: .*splines"):
        made(BINARY, "fitted", logistic={**LOGISTIC, "spline_knots": 4})
