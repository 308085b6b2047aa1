"""The torch network: what it learns, that it repeats itself, and that its ONNX graph is the same function."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch

from stages.errors import InputError
from stages.metrics import loss
from stages.models.base import ML_OPSET, OPSET, Fold, Setting
from stages.models.network import Network, NetworkParams, fit
from stages.task import Feature, Task

ROOT = Path(__file__).parents[2]

PARAMS = NetworkParams(
    width=16, depth=2, dropout=0.0, embedding=4, periodic=0, lr=0.02, weight_decay=1e-4, batch_size=32,
    max_epochs=15, patience=15,
)  # fmt: skip

BINARY = Task("binary", "late", ("no", "yes"))
COLOURS = Task("multiclass", "colour", ("red", "green", "blue"))
PRICE = Task("regression", "price")

FEATURES = (
    Feature("hour", "numeric", "hour"),
    Feature("wind", "numeric", "wind"),
    Feature("carrier", "categorical", "carrier"),
)


def setting(task: Task, features: tuple[Feature, ...] = FEATURES, device: str = "cpu") -> Setting:
    return Setting(task, features, seed=42, threads=1, device=device)


def table(rows: int, seed: int) -> pd.DataFrame:
    """Two numbers, one missing in a tenth of the rows, and a category that is sometimes missing."""
    random = np.random.default_rng(seed)
    wind = np.where(random.random(rows) < 0.1, np.nan, random.normal(size=rows))
    return pd.DataFrame(
        {
            "hour": random.normal(size=rows).astype(np.float32),
            "wind": wind.astype(np.float32),
            "carrier": pd.Series(random.choice(["AA", "UA", "ö", ""], size=rows), dtype=object),
        }
    )


def rule(X: pd.DataFrame) -> np.ndarray:
    """Return true where either the hour is high or the carrier is one of two: neither alone says anything."""
    return ((X["hour"] > 0) ^ X["carrier"].isin(["AA", ""])).to_numpy()


def fold(task: Task, rows: int, seed: int) -> Fold:
    X = table(rows, seed)
    if task is BINARY:
        return Fold(X, rule(X).astype(np.int64))
    if task is COLOURS:
        return Fold(X, np.where(rule(X), 2, X["hour"] > 0).astype(np.int64))
    return Fold(X, 1000.0 + 50.0 * rule(X) + 5.0 * X["hour"].to_numpy(np.float64))


def learned(task: Task, params: NetworkParams = PARAMS) -> Network:
    return fit(params, fold(task, 800, 0), fold(task, 200, 1), setting(task), lambda step, figures: None)


def run(graph: onnx.ModelProto, X: pd.DataFrame) -> np.ndarray:
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {name: X[[name]].to_numpy() for name in X})[0]


def hard_rows() -> pd.DataFrame:
    """Rows as nobody wishes them: all missing, never seen, and far outside the training range."""
    nan = np.nan
    numbers = {"hour": [nan, 0.5, 1e30, -np.inf, 0.1], "wind": [nan, nan, -1e30, np.inf, 3e4]}
    X = pd.DataFrame({name: np.array(values, np.float32) for name, values in numbers.items()})
    X["carrier"] = pd.Series(["", "never seen", "AA", "ö", "UA"], dtype=object)
    return X


@pytest.mark.parametrize("periodic", [0, 4])
def test_learns_an_exclusive_or_of_numbers_and_a_category(periodic: int) -> None:
    model = learned(BINARY, replace(PARAMS, periodic=periodic))
    held_out = fold(BINARY, 500, 2)
    right = model.predict(held_out.X).argmax(axis=1) == held_out.y
    assert right.mean() > 0.9


def test_learns_several_classes() -> None:
    model = learned(COLOURS)
    held_out = fold(COLOURS, 500, 2)
    probabilities = model.predict(held_out.X)
    assert probabilities.shape == (500, 3)
    assert probabilities.dtype == np.float64
    assert probabilities.sum(axis=1) == pytest.approx(1.0, abs=1e-6)
    assert (probabilities.argmax(axis=1) == held_out.y).mean() > 0.9


def test_learns_a_number_in_its_own_unit() -> None:
    held_out = fold(PRICE, 500, 2)
    predicted = learned(PRICE).predict(held_out.X)
    assert predicted.shape == (500,)
    assert np.mean((predicted - held_out.y) ** 2) < 0.2 * held_out.y.var()


@pytest.mark.parametrize("task", [BINARY, PRICE], ids=["log loss", "squared error"])
def test_keeps_the_best_epoch_and_stops_when_patience_is_over(task: Task) -> None:
    # Noise cannot be learned: sooner or later the validation loss rises.
    random = np.random.default_rng(3)
    noise = {rows: random.integers(0, 2, rows) for rows in (100, 400)}
    train, validation = (Fold(table(rows, rows), y) for rows, y in noise.items())
    figures: dict[int, dict[str, float]] = {}
    params = replace(PARAMS, lr=0.05, batch_size=16, max_epochs=40, patience=3)
    model = fit(params, train, validation, setting(task), lambda step, shown: figures.update({step: dict(shown)}))
    losses = [figures[step]["validation/loss"] for step in sorted(figures)]
    best = int(np.argmin(losses))
    assert list(figures) == list(range(1, best + 5))
    assert loss(task, validation.y, model.predict(validation.X)) == pytest.approx(losses[best], rel=1e-4)
    assert figures[len(losses)]["train/loss"] < figures[1]["train/loss"]


def test_a_category_never_seen_is_answered_with_what_holds_on_average() -> None:
    X, hidden = table(2000, 0), table(300, 2)
    late = X["carrier"].isin(["AA", ""]).to_numpy().astype(np.int64)
    model = fit(PARAMS, Fold(X, late), Fold(X, late), setting(BINARY), lambda step, figures: None)
    by_carrier = {
        carrier: model.predict(hidden.assign(carrier=carrier))[:, 1].mean() for carrier in ("AA", "UA", "ZZ", "never")
    }
    assert by_carrier["AA"] > 0.95
    assert by_carrier["UA"] < 0.05
    assert by_carrier["ZZ"] == by_carrier["never"] == pytest.approx(late.mean(), abs=0.25)


def test_learns_from_a_number_that_is_missing() -> None:
    train, held_out = table(800, 0), table(300, 2)
    late, expected = (X["wind"].isna().to_numpy().astype(np.int64) for X in (train, held_out))
    model = fit(PARAMS, Fold(train, late), Fold(train, late), setting(BINARY), lambda step, figures: None)
    assert (model.predict(held_out).argmax(axis=1) == expected).mean() > 0.98


def test_answers_rows_as_nobody_wishes_them() -> None:
    assert np.isfinite(learned(BINARY, replace(PARAMS, max_epochs=1)).predict(hard_rows())).all()


EXPORTED = {
    "binary": (BINARY, replace(PARAMS, max_epochs=2, dropout=0.2, periodic=2)),
    "multiclass": (COLOURS, replace(PARAMS, max_epochs=2)),
    "regression": (PRICE, replace(PARAMS, max_epochs=2)),
}


@cache
def exported(kind: str) -> tuple[Network, onnx.ModelProto]:
    """Return a network and its graph, made once: torch's exporter takes seconds."""
    model = learned(*EXPORTED[kind])
    return model, model.to_onnx()


@pytest.mark.parametrize(
    ("kind", "output", "width"),
    [("binary", "probabilities", 2), ("multiclass", "probabilities", 3), ("regression", "prediction", 1)],
)
def test_the_graph_is_the_same_function(kind: str, output: str, width: int) -> None:
    model, graph = exported(kind)
    assert [value.name for value in graph.graph.input] == ["hour", "wind", "carrier"]
    assert [value.name for value in graph.graph.output] == [output]
    assert {entry.domain: entry.version for entry in graph.opset_import} == {"": OPSET, "ai.onnx.ml": ML_OPSET}
    for X in (table(300, 9), hard_rows(), hard_rows()[:1]):
        assert run(graph, X).shape == (len(X), width)
        assert run(graph, X) == pytest.approx(model.predict(X).reshape(len(X), -1), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("kept", ["numeric", "categorical"])
def test_works_with_numbers_only_and_with_categories_only(kept: str) -> None:
    features = tuple(feature for feature in FEATURES if feature.type == kept)
    names = [feature.name for feature in features]
    train, validation = (Fold(f.X[names], f.y) for f in (fold(BINARY, 200, 0), fold(BINARY, 100, 1)))
    params = replace(PARAMS, max_epochs=1, periodic=2)
    model = fit(params, train, validation, setting(BINARY, features), lambda step, figures: None)
    assert run(model.to_onnx(), validation.X) == pytest.approx(model.predict(validation.X), abs=1e-5)


def test_a_number_without_any_value_and_one_without_spread_do_no_harm() -> None:
    train = fold(BINARY, 100, 0)
    X = train.X.assign(hour=np.float32(7), wind=np.float32(np.nan))
    model = fit(PARAMS, Fold(X, train.y), Fold(X, train.y), setting(BINARY), lambda step, figures: None)
    assert np.isfinite(model.predict(hard_rows())).all()


FRESH = """
import hashlib, sys
sys.path.insert(0, "tests/stages")
from test_network import exported
print(hashlib.sha256(exported("binary")[1].SerializeToString()).hexdigest())
"""


@pytest.mark.slow
def test_a_fresh_process_writes_the_same_bytes() -> None:
    process = subprocess.run([sys.executable, "-c", FRESH], cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.stderr == ""
    assert process.stdout.strip() == hashlib.sha256(exported("binary")[1].SerializeToString()).hexdigest()


def test_no_path_of_the_machine_is_in_the_graph() -> None:
    written = exported("binary")[1].SerializeToString()
    for word in (str(ROOT), sys.prefix, "site-packages", ".py", "torch.nn"):
        assert word.encode() not in written


def test_leaves_torch_as_it_was() -> None:
    torch.set_num_threads(2)
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    learned(BINARY, replace(PARAMS, max_epochs=1)).predict(table(5, 0))
    assert torch.rand(1) == expected
    assert torch.get_num_threads() == 2
    assert not torch.are_deterministic_algorithms_enabled()


def test_another_seed_gives_another_network() -> None:
    X = table(10, 5)
    folds = fold(BINARY, 100, 0), fold(BINARY, 100, 1)
    params = replace(PARAMS, max_epochs=1)
    one, same, other = (
        fit(params, *folds, replace(setting(BINARY), seed=seed), lambda step, figures: None).predict(X)
        for seed in (1, 1, 2)
    )
    assert one.tolist() == same.tolist()
    assert one.tolist() != other.tolist()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 0), ("depth", 0), ("dropout", 1.0), ("dropout", -0.1), ("embedding", 0), ("periodic", -1),
        ("lr", 0.0), ("lr", float("nan")), ("weight_decay", -1.0), ("batch_size", 0), ("max_epochs", 0),
        ("patience", 0),
    ],
)  # fmt: skip
def test_a_parameter_out_of_range_is_named(name: str, value: float) -> None:
    with pytest.raises(InputError, match=rf"train\.mlp\.{name} is {value}\. It must be "):
        replace(PARAMS, **{name: value})


def test_a_device_that_is_not_there_is_named() -> None:
    absent = "mps" if not torch.backends.mps.is_available() else "cuda"
    folds = fold(BINARY, 20, 0), fold(BINARY, 20, 1)
    with pytest.raises(InputError, match=rf"train\.device is '{absent}'.*Set train\.device to auto or cpu"):
        fit(PARAMS, *folds, setting(BINARY, device=absent), lambda step, figures: None)
    with pytest.raises(InputError, match=r"train\.device is 'cude'\. Did you mean 'cuda'\?"):
        fit(PARAMS, *folds, setting(BINARY, device="cude"), lambda step, figures: None)


def test_a_diverging_network_is_an_error_that_names_the_step_size() -> None:
    folds = fold(PRICE, 200, 0), fold(PRICE, 100, 1)
    with pytest.raises(InputError, match=r"Lower train\.mlp\.lr"):
        fit(replace(PARAMS, lr=1e30), *folds, setting(PRICE), lambda step, figures: None)
