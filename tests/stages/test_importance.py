"""Permutation importance on a model whose inner life is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stages.importance import permutation_importance
from stages.task import Feature, Task

ROWS = 2000
FEATURES = tuple(Feature(name, "numeric", name) for name in ("used", "unused", "constant"))
BLOCKS = pd.Series((np.arange(ROWS) % 50).astype(str))


def table() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    used, unused = generator.normal(size=(2, ROWS)).astype(np.float32)
    return pd.DataFrame({"used": used, "unused": unused, "constant": np.float32(1)})


def classify(X: pd.DataFrame) -> np.ndarray:
    p = 1 / (1 + np.exp(-2 * X["used"].to_numpy(np.float64)))
    return np.column_stack([1 - p, p])


def test_what_the_model_uses_comes_first_and_what_it_ignores_costs_nothing():
    X = table()
    y = (np.random.default_rng(1).random(ROWS) < classify(X)[:, 1]).astype(np.int64)
    task = Task("binary", "late", ("no", "yes"))
    found = permutation_importance(task, FEATURES, X, y, BLOCKS, classify, 1500, 42).set_index("feature")
    assert found.index.tolist() == ["used", "constant", "unused"]
    assert 0 < found.loc["used", "low"] < found.loc["used", "loss_rise"] < found.loc["used", "high"]
    assert found.loc["used", "roc_auc_drop"] > 0.3
    assert (found.loc[["unused", "constant"]] == 0).all(axis=None)


def test_a_regression_is_told_in_squared_error_and_r2():
    X = table()
    y = X["used"].to_numpy(np.float64)
    found = permutation_importance(Task("regression", "price"), FEATURES, X, y, BLOCKS, lambda X: X["used"], ROWS, 42)
    assert found["loss_rise"][0] == pytest.approx(2 * y.var(), rel=0.1)  # two independent draws differ by twice that
    assert found["r2_drop"][0] == pytest.approx(2, rel=0.1)


def test_the_same_seed_gives_the_same_table_and_the_frame_is_left_alone():
    X = table()
    before = X.copy()
    y = (X["used"] > 0).to_numpy(np.int64)
    task = Task("binary", "late", ("no", "yes"))
    first = permutation_importance(task, FEATURES, X, y, BLOCKS, classify, 300, 7)
    pd.testing.assert_frame_equal(first, permutation_importance(task, FEATURES, X, y, BLOCKS, classify, 300, 7))
    pd.testing.assert_frame_equal(X, before)


def test_it_predicts_only_so_many_rows():
    asked = []
    X = table()

    def predict(frame: pd.DataFrame) -> np.ndarray:
        asked.append(len(frame))
        return classify(frame)

    y = (X["used"] > 0).to_numpy(np.int64)
    permutation_importance(Task("binary", "late", ("no", "yes")), FEATURES, X, y, BLOCKS, predict, 100, 7)
    assert asked == [100] * 4  # as it is, and once a feature
