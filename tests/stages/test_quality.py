"""The quality score: each part has a formula that can be worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.quality import WEIGHTS, assess, column_drift
from stages.task import BLOCK, ROW, Task

BINARY = Task("binary", "y", ("no", "yes"))


def score(task=BINARY, train=None, test=None, **columns):
    frame = pd.DataFrame({"y": ["no", "yes"] * 4, **columns})
    return assess(frame, frame if train is None else train, frame if test is None else test, task)


def distance(train, test):
    return column_drift(pd.DataFrame({"x": train}), pd.DataFrame({"x": test}), ["x"])["x"]


def test_a_faultless_table_scores_one():
    found = score(x=range(8))
    assert found.score == pytest.approx(1.0) and set(found.parts().values()) == {1.0}


def test_completeness_is_the_share_of_cells_with_a_value():
    assert score(x=[1.0, np.nan, 3, 4, 5, 6, 7, np.nan]).completeness == 14 / 16


def test_uniqueness_is_the_share_of_rows_that_repeat_no_earlier_one():
    assert score(x=[1, 2, 1, 2, 5, 6, 7, 8]).uniqueness == 6 / 8


def test_the_pipelines_own_columns_do_not_make_rows_unique():
    assert score(**{ROW: range(8), BLOCK: list("abcdefgh")}).uniqueness == 2 / 8


@pytest.mark.parametrize("wrong", ["?", "n/a", "N/A", " - ", "null", "None", "  "])
def test_validity_counts_blanks_and_stand_ins_for_missing_values(wrong):
    assert score(x=[wrong, None, *"abcdef"]).validity == 14 / 15


def test_validity_counts_infinite_values():
    assert score(x=[np.inf, -np.inf, np.nan, 1, 2, 3, 4, 5]).validity == 13 / 15


def test_balance_is_the_normalised_entropy_of_the_classes():
    entropy = -(0.25 * np.log2(0.25) + 0.75 * np.log2(0.75))
    assert score(y=["no"] * 6 + ["yes"] * 2).balance == pytest.approx(entropy)
    assert score(y=[0] * 6 + [1] * 2).balance == pytest.approx(entropy)


def test_a_regression_has_no_balance_and_the_other_parts_share_its_weight():
    found = score(Task("regression", "y"), y=np.arange(8.0), x=[1.0, np.nan] * 4)
    assert found.balance is None and "balance" not in found.to_json()
    rest = sum(WEIGHTS.values()) - WEIGHTS["balance"]
    assert found.score == pytest.approx(1 - WEIGHTS["completeness"] * 0.25 / rest)


def test_stability_leaves_out_what_splits_the_rows():
    day = pd.Timestamp("2024-01-01")
    train = pd.DataFrame({"y": ["no", "yes"], "when": [day, day], "who": ["a", "b"], "x": ["l", "l"]})
    test = train.assign(when=pd.Timestamp("2025-01-01"), who=["c", "d"], x=["r", "r"])
    found = assess(train, train, test, Task("binary", "y", ("no", "yes"), "when", "who"))
    assert dict(found.drift) == {"y": 0.0, "x": 1.0}
    assert found.stability == 0.5


def test_the_weights_add_up_to_one():
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        (["a", "b"], ["b", "a", "a", "b"], 0.0),
        (["a", "a"], ["b", "b"], 1.0),
        ([1.0, 2.0], [2.0, 1.0], 0.0),
        ([1.0, 2.0, 3.0, 4.0], [np.nan] * 4, 1.0),
        ([True, False], [True, False], 0.0),
        (["a", "b"], ["a", "a"], 0.558),
        (list(pd.to_datetime(["2024-01-01", "2024-01-02"])), list(pd.to_datetime(["2024-01-01", "2024-01-02"])), 0.0),
        ([np.nan, np.nan], [1.0, 2.0], 1.0),
    ],
)
def test_drift_is_the_jensen_shannon_distance(train, test, expected):
    assert distance(train, test) == pytest.approx(expected, abs=5e-4)


numbers = st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=30)


@given(numbers, numbers)
def test_drift_is_between_nought_and_one_and_nought_for_the_same_rows(train, test):
    assert 0.0 <= distance(train, test) <= 1.0
    assert distance(train, train) == pytest.approx(0.0, abs=1e-6)
