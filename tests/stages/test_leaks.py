"""A column that predicts the target alone is found, however it hides; one that cannot is not accused."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from stages.leaks import name_leaks, single_feature_auc
from stages.task import Task

BINARY = Task("binary", "y", ("no", "yes"))
ROWS = 2000


@pytest.fixture(scope="module")
def y():
    return np.random.default_rng(1).integers(0, 2, ROWS)


def alone(values, y, task=BINARY, seed=0):
    return single_feature_auc(pd.DataFrame({"x": values, "y": y}), task, ["x"], seed)["x"]


def noise(seed=2):
    return np.random.default_rng(seed).normal(size=ROWS)


def test_a_numbers_auc_is_that_of_its_rank_in_either_direction(y):
    values = y + noise()
    assert alone(values, y) == pytest.approx(roc_auc_score(y, values))
    assert alone(-values, y) == pytest.approx(roc_auc_score(y, values))


@pytest.mark.parametrize(
    "leak",
    [
        lambda y: np.where(y == 1, np.nan, noise()),  # only known where the answer is no
        lambda y: np.where(y == 1, noise() / 10, 5 * np.sign(noise()) + noise() / 10),  # in the middle
        lambda y: np.where(y == 1, "left", "stayed"),
        lambda y: np.where(y == 1, None, "stayed"),
        lambda y: y == 1,
        lambda y: pd.to_datetime("2024-01-01") + pd.to_timedelta(y * 9, unit="D"),
    ],
    ids=["missing", "middle", "label", "missing label", "boolean", "date"],
)
def test_a_perfect_leak_is_found(y, leak):
    assert alone(leak(y), y) > 0.99


@pytest.mark.parametrize(
    "values",
    [noise(3), [f"id-{number}" for number in range(ROWS)], ["same"] * ROWS, [1.0] * ROWS, [np.nan] * ROWS],
    ids=["noise", "identifier", "constant text", "constant", "empty"],
)
def test_what_says_nothing_stays_near_one_half(y, values):
    assert 0.5 <= alone(values, y) < 0.56


def test_of_many_classes_the_one_that_is_told_best_counts():
    y = np.random.default_rng(4).integers(0, 4, ROWS)
    task = Task("multiclass", "y", ("a", "b", "c", "d"))
    assert alone(np.where(y == 2, "two", "other"), y, task) > 0.99
    assert alone(np.where(y == 2, 1.0, 0.0), y, task) == 1.0


def test_a_regression_is_judged_by_spearmans_correlation():
    y = noise(5)
    values = y**3 + noise(6)
    task = Task("regression", "y")
    assert alone(values, y, task) == pytest.approx((1 + spearmanr(values, y).statistic) / 2)
    halves = np.where(y > 0, "high", "low")
    assert alone(halves, y, task) == pytest.approx((1 + spearmanr(y > 0, y).statistic) / 2, abs=0.01)


def test_a_categorys_auc_is_that_of_its_mean(y):
    letters = np.where(np.random.default_rng(8).random(ROWS) < 0.3 + 0.4 * y, "a", "b")
    assert alone(letters, y) == pytest.approx(roc_auc_score(y, letters == "a"), abs=0.002)


def test_only_the_columns_asked_for_are_judged_and_the_same_seed_gives_the_same(y):
    frame = pd.DataFrame({"y": y, "a": noise(), "b": [f"{number % 7}" for number in range(ROWS)], "c": noise(7)})
    found = single_feature_auc(frame, BINARY, ["b", "a"], 42)
    assert list(found) == ["b", "a"]
    assert single_feature_auc(frame, BINARY, ["b", "a"], 42) == found


def test_a_few_rows_are_enough():
    assert alone([1, 2, 3, 4, 5, 6], [0, 0, 0, 1, 1, 1]) == 1.0


def test_leaks_are_named_from_the_bound_on_the_strongest_first():
    assert list(name_leaks({"a": 0.85, "b": 0.84, "c": 0.99, "d": 0.85}, 0.85).items()) == [
        ("c", 0.99), ("a", 0.85), ("d", 0.85),
    ]  # fmt: skip
