"""The metrics, which are our own, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from stages.metrics import METRICS, Scorer, choose_threshold, equal_mass_bins, figure, loss, score
from stages.task import Task

BINARY = Task("binary", "late", ("no", "yes"))
THREE = Task("multiclass", "kind", ("a", "b", "c"))
NUMBER = Task("regression", "price")

# A coarse grid, so that ties are the rule; both ends, so that clipping is met.
probability = st.integers(0, 8).map(lambda eighth: eighth / 8)
weight = st.one_of(st.integers(0, 3).map(float), st.floats(0.1, 5))


def two(p: list[float]) -> np.ndarray:
    return np.column_stack([1 - np.array(p), p])


@given(st.lists(st.tuples(st.integers(0, 1), probability, weight), min_size=2, max_size=40), probability)
@settings(max_examples=50, deadline=None)
def test_binary_metrics_agree_with_scikit_learn_under_ties_and_weights(rows, threshold):
    y, p, w = (np.array(part) for part in zip(*rows, strict=True))
    assume(w[y == 1].sum() > 0 and w[y == 0].sum() > 0)
    found = Scorer.of(BINARY, y, two(p), threshold)(w)
    assert found == pytest.approx(
        {
            "roc_auc": sk.roc_auc_score(y, p, sample_weight=w),
            "average_precision": sk.average_precision_score(y, p, sample_weight=w),
            "accuracy": sk.accuracy_score(y, p > 0.5, sample_weight=w),
            "f1": sk.f1_score(y, p >= threshold, sample_weight=w),
            "log_loss": sk.log_loss(y, p, sample_weight=w),
            "brier": sk.brier_score_loss(y, p, sample_weight=w),
            "ece": found["ece"],
        },
        abs=1e-9,
    )


@given(st.lists(st.tuples(st.integers(0, 2), *[st.integers(1, 4)] * 3, weight), min_size=3, max_size=40))
@settings(max_examples=40, deadline=None)
def test_multiclass_metrics_agree_with_scikit_learn_under_ties_and_weights(rows):
    y, *parts, w = (np.array(part) for part in zip(*rows, strict=True))
    p = np.column_stack(parts) / np.sum(parts, axis=0)[:, None]
    assume(all(w[y == code].sum() > 0 for code in range(3)))
    one_hot = np.eye(3)[y]
    found = Scorer.of(THREE, y, p)(w)
    assert found == pytest.approx(
        {
            "roc_auc": sk.roc_auc_score(y, p, multi_class="ovr", sample_weight=w),
            "average_precision": sk.average_precision_score(one_hot, p, average="macro", sample_weight=w),
            "accuracy": sk.accuracy_score(y, p.argmax(axis=1), sample_weight=w),
            "f1": sk.f1_score(y, p.argmax(axis=1), average="macro", sample_weight=w),
            "log_loss": sk.log_loss(y, p, labels=[0, 1, 2], sample_weight=w),
            "brier": np.average(((p - one_hot) ** 2).sum(axis=1), weights=w),
            "ece": found["ece"],
        },
        abs=1e-9,
    )


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(0.1, 5)), min_size=2, max_size=40))
@settings(max_examples=40, deadline=None)
def test_regression_metrics_agree_with_scikit_learn_under_weights(rows):
    y, prediction, w = (np.array(part) for part in zip(*rows, strict=True))
    assume(np.ptp(y) > 1)
    assert Scorer.of(NUMBER, y, prediction)(w) == pytest.approx(
        {
            "mae": sk.mean_absolute_error(y, prediction, sample_weight=w),
            "rmse": sk.root_mean_squared_error(y, prediction, sample_weight=w),
            "r2": sk.r2_score(y, prediction, sample_weight=w),
        },
        rel=1e-9,
        abs=1e-9,
    )


def test_r2_survives_a_target_far_from_zero():
    y = 1e9 + np.arange(10.0)
    prediction = y + np.tile([0.5, -0.5], 5)
    assert score(NUMBER, y, prediction)["r2"] == pytest.approx(sk.r2_score(y, prediction), rel=1e-6)


@pytest.mark.parametrize("code", [0, 1])
def test_where_a_class_is_absent_rank_metrics_are_left_out_and_the_rest_is_there(code):
    found = score(BINARY, np.full(4, code), two([0.1, 0.2, 0.3, 0.9]))
    assert set(METRICS["binary"]) - set(found) >= {"roc_auc", "average_precision"}
    assert {"accuracy", "log_loss", "brier", "ece"} <= set(found)
    assert np.isfinite(list(found.values())).all()


def test_a_constant_target_has_no_r2():
    assert set(score(NUMBER, np.full(3, 2.0), np.array([1.0, 2.0, 3.0]))) == {"rmse", "mae"}


def test_metrics_come_in_the_order_of_the_table():
    found = score(BINARY, np.array([0, 1, 1]), two([0.2, 0.4, 0.9]))
    assert tuple(found) == METRICS["binary"]


def test_a_block_weight_is_the_weight_of_each_of_its_rows():
    y, p, block = np.array([0, 1, 0, 1, 1, 0]), two([0.1, 0.7, 0.6, 0.4, 0.9, 0.2]), np.array([2, 0, 1, 1, 0, 2])
    by_block = Scorer.of(BINARY, y, p, 0.5, block)(np.array([3.0, 0.5, 1.0]))
    by_row = Scorer.of(BINARY, y, p, 0.5)(np.array([3.0, 0.5, 1.0])[block])
    assert by_block == pytest.approx(by_row)


def test_calibration_error_is_zero_when_what_is_said_comes_true():
    p = np.repeat([0.25, 0.75], 40)
    y = np.concatenate([np.repeat([1, 0], [10, 30]), np.repeat([1, 0], [30, 10])])
    assert score(BINARY, y, two(p))["ece"] == pytest.approx(0, abs=1e-12)


def test_calibration_error_is_the_mean_distance_of_confidence_and_outcome():
    p = np.repeat([0.2, 0.9], [30, 10])
    y = np.zeros(40, int)
    y[:15] = 1  # half of those at 0.2, none of those at 0.9
    assert score(BINARY, y, two(p))["ece"] == pytest.approx((30 * 0.3 + 10 * 0.9) / 40)


def test_bins_hold_equally_many_and_never_split_equal_values():
    bins = equal_mass_bins(np.concatenate([np.zeros(50), np.linspace(0.1, 1, 50)]), 10)
    assert len(set(bins[:50])) == 1
    assert set(np.bincount(bins[50:])[bins[50] :]) == {10}


def f1(y: np.ndarray, called: np.ndarray) -> float:
    return 2 * (y * called).sum() / (y.sum() + called.sum())


@given(st.lists(st.tuples(st.integers(0, 1), probability), min_size=1, max_size=30))
@settings(deadline=None)
def test_the_chosen_threshold_has_the_best_f1_of_all(rows):
    y, p = (np.array(part) for part in zip(*rows, strict=True))
    assume(y.any())
    best = max(f1(y, p >= cut) for cut in np.arange(0, 1.05, 0.05))
    assert f1(y, p >= choose_threshold(y, p)) == pytest.approx(best)


def test_the_threshold_lies_between_two_probabilities_and_is_one_half_without_positives():
    assert choose_threshold(np.array([0, 0, 1, 1]), two([0.1, 0.2, 0.6, 0.8])) == pytest.approx(0.4)
    assert choose_threshold(np.zeros(3, int), np.array([0.1, 0.2, 0.3])) == 0.5


def test_loss_is_log_loss_or_mean_squared_error():
    y, p = np.array([0, 1]), two([0.1, 0.0])
    assert loss(BINARY, y, p) == pytest.approx(sk.log_loss(y, p))
    assert loss(NUMBER, np.array([1.0, 2.0]), np.array([1.0, 4.0])) == 2.0


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.71234, "0.7123"), (0.0, "0.0000"), (3.72e-13, "3.72e-13"), (26356.71, "26,356.7"), (3.3252e29, "3.325e+29")],
)
def test_a_figure_is_written_for_people(value, shown):
    assert figure(value) == shown
