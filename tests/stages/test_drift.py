"""Drift between training and test rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon

from stages.divergence import js_distance
from stages.drift import drift
from stages.task import Feature, Task

TASK = Task("binary", "late", ("no", "yes"))


def compare(type_: str, train: list, test: list) -> pd.Series:
    dtype = np.float32 if type_ == "numeric" else object
    frames = [pd.DataFrame({"x": pd.Series(values, dtype=dtype)}) for values in (train, test)]
    targets = [np.zeros(len(frame), int) for frame in frames]
    table = drift(TASK, (Feature("x", type_, "x"),), (frames[0], targets[0]), (frames[1], targets[1]))
    return table.set_index("column").loc["x"]


def test_the_distance_is_that_of_jensen_and_shannon():
    p, q = np.array([3, 0, 5]), np.array([1, 4, 1])
    assert js_distance(p, q) == pytest.approx(jensenshannon(p, q, base=2))


@pytest.mark.parametrize(("type_", "values"), [("numeric", [1, 2, 3, np.nan]), ("categorical", ["a", "b", "", "b"])])
def test_the_same_rows_have_no_distance(type_, values):
    row = compare(type_, values, values)
    assert (row["distance"], row["unseen"]) == (0, 0)
    assert row["train_missing"] == row["test_missing"] == 0.25


@pytest.mark.parametrize(("type_", "values"), [("numeric", [[1, 2], [8, 9]]), ("categorical", [["a"], ["b", "c"]])])
def test_rows_with_nothing_in_common_have_distance_one_and_are_all_unseen(type_, values):
    row = compare(type_, *values)
    assert (row["distance"], row["unseen"]) == (1, 1)


def test_noise_is_the_distance_that_chance_alone_gives():
    generator = np.random.default_rng(0)
    rows = [compare("numeric", *generator.normal(size=(2, 500))) for _ in range(40)]
    assert np.mean([row["distance"] for row in rows]) == pytest.approx(rows[0]["noise"], rel=0.15)


def test_a_new_missing_value_is_drift_but_no_unseen_level():
    row = compare("categorical", ["a", "b"], ["a", ""])
    assert row["distance"] > 0
    assert (row["unseen"], row["test_missing"]) == (0, 0.5)


def test_a_column_without_any_value_does_not_crash():
    row = compare("numeric", [np.nan, np.nan], [1, np.nan])
    assert row["unseen"] == 0.5


def test_the_most_drifted_comes_first_and_the_target_is_among_them():
    X, test = pd.DataFrame({"x": ["a", "b"]}), pd.DataFrame({"x": ["a", "b"]})
    table = drift(TASK, (Feature("x", "categorical", "x"),), (X, np.array([0, 0])), (test, np.array([1, 1])))
    assert table["column"].tolist() == ["late", "x"]
    assert table["type"].tolist() == ["target", "categorical"]
    assert table["distance"].tolist() == [1, 0]


def test_a_target_that_is_a_number_is_compared_too():
    X = pd.DataFrame({"x": ["a", "b"]})
    target = np.array([1.0, 2.0])
    table = drift(Task("regression", "price"), (Feature("x", "categorical", "x"),), (X, target), (X, target + 1))
    assert table.set_index("column").loc["price", "test_mean"] == 2.5
