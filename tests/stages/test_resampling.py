"""Intervals: what they cover, and what they leave out."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from stages.metrics import Scorer, row_loss
from stages.resampling import Z, draws, intervals, mean_errors, merged_blocks, quantile
from stages.task import Task

BINARY = Task("binary", "late", ("no", "yes"))
NUMBER = Task("regression", "price")


def flights(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(1.3 - generator.normal(size=rows)))
    return (generator.random(rows) < p).astype(np.int64), np.column_stack([1 - p, p])


def each_its_own(rows: int) -> np.ndarray:
    return np.arange(rows).astype(str)


def test_without_blocks_it_is_the_ordinary_bootstrap():
    y, p = flights(2000)
    low, high = intervals(BINARY, y, p, each_its_own(2000), 0.3, 1000, 42)["log_loss"]
    expected = 2 * Z * row_loss(BINARY, y, p).std() / np.sqrt(2000)
    assert high - low == pytest.approx(expected, rel=0.1)


def test_blocks_that_go_well_or_badly_together_make_wider_intervals():
    generator = np.random.default_rng(1)
    day = np.repeat(np.arange(30), 50)
    y = generator.normal(size=30)[day] + 0.1 * generator.normal(size=1500)
    by_day = intervals(NUMBER, y, np.zeros(1500), day.astype(str), None, 400, 42)["mae"]
    by_row = intervals(NUMBER, y, np.zeros(1500), each_its_own(1500), None, 400, 42)["mae"]
    assert np.ptp(by_day) > 4 * np.ptp(by_row)


def test_the_same_seed_gives_the_same_intervals_whatever_the_order_of_the_rows():
    y, p = flights(300)
    day = np.arange(300) % 7
    order = np.random.default_rng(2).permutation(300)
    one = intervals(BINARY, y, p, day.astype(str), 0.3, 100, 42)
    assert one == intervals(BINARY, y, p, day.astype(str), 0.3, 100, 42)
    other = intervals(BINARY, y[order], p[order], day[order].astype(str), 0.3, 100, 42)
    assert {name: pytest.approx(ends) for name, ends in one.items()} == other
    assert one != intervals(BINARY, y, p, day.astype(str), 0.3, 100, 43)


@pytest.mark.parametrize("own", [True, False])
def test_every_metric_lies_in_its_interval(own):
    y, p = flights(3000)
    blocks = each_its_own(3000) if own else (np.arange(3000) % 60).astype(str)
    found = intervals(BINARY, y, p, blocks, 0.3, 300, 42)
    for name, value in Scorer.of(BINARY, y, p, 0.3)(np.ones(3000)).items():
        low, high = found[name]
        assert low <= value <= high, name


def test_a_resample_with_one_class_only_counts_for_the_other_metrics():
    y = np.array([1] + [0] * 9)
    p = np.column_stack([np.linspace(0.9, 0.1, 10), np.linspace(0.1, 0.9, 10)])
    found = intervals(BINARY, y, p, each_its_own(10), None, 200, 42)
    assert found["roc_auc"] == (0.0, 0.0)
    assert found["accuracy"][0] < found["accuracy"][1]


def test_one_block_or_no_resamples_say_nothing_of_chance():
    y, p = flights(50)
    assert intervals(BINARY, y, p, np.full(50, "monday"), None, 100, 42) == {}
    assert intervals(BINARY, y, p, each_its_own(50), None, 0, 42) == {}


def test_draws_take_as_many_blocks_as_there_are():
    assert [int(drawn.sum()) for drawn in draws(12, 3, 0)] == [12, 12, 12]


def test_many_blocks_are_merged_whole_and_few_stay():
    blocks = np.repeat(np.arange(1000), 3).astype(str)
    groups = merged_blocks(blocks, 128, 0)
    assert len(set(groups)) == 128
    assert all(len(set(groups[blocks == block])) == 1 for block in ("0", "17", "999"))
    assert len(set(merged_blocks(np.array(["x", "y", "x"]), 128, 0))) == 2


def test_the_short_cut_agrees_with_the_bootstrap():
    generator = np.random.default_rng(3)
    day = np.repeat(np.arange(60), generator.integers(5, 40, 60))
    y = generator.normal(size=60)[day] + generator.normal(size=len(day))
    low, high = intervals(NUMBER, y, np.zeros(len(y)), day.astype(str), None, 2000, 42)["mae"]
    error, _ = mean_errors(np.bincount(day, np.abs(y))[None, :], np.bincount(day)[None, :])
    assert 2 * Z * error[0] == pytest.approx(high - low, rel=0.12)


def test_the_difference_to_all_rows_knows_that_the_slice_is_among_them():
    sums, counts = np.array([[3.0, 5.0, 4.0]]), np.array([[2, 2, 2]])
    error, _ = mean_errors(sums, counts, against=(sums[0], counts[0]))
    assert error[0] == 0


def test_one_day_alone_has_an_infinite_error():
    error, freedom = mean_errors(np.array([[3.0, 0.0]]), np.array([[5, 0]]))
    assert np.isinf(error[0])
    assert freedom[0] == 0


@pytest.mark.parametrize("z", [Z, 3.3, 4.5])
def test_the_quantile_is_that_of_the_t_distribution_or_larger_where_there_is_little_to_go_by(z):
    freedom = np.array([2.0, 3.0, 7.0, 20.0, 91.0])
    ratio = quantile(z, freedom) / stats.t.isf(stats.norm.sf(z), freedom)
    assert (ratio[:2] > 0.99).all()
    assert ratio[2:] == pytest.approx(1, rel=0.03)


def test_two_very_unequal_days_are_no_evidence_even_without_any_spread():
    error, freedom = mean_errors(np.zeros((1, 2)), np.array([[1, 99]]))
    assert 0 < freedom[0] < 1
    assert np.isinf(quantile(Z, freedom) * error)[0]


def test_fewer_than_two_groups_are_never_believed():
    assert np.isinf(quantile(Z, np.array([0.4]))[0])


def test_a_hundred_resamples_of_all_test_flights_take_far_below_a_second_each_ten():
    y, p = flights(82_000)
    start = time.process_time()
    intervals(BINARY, y, p, (np.arange(82_000) // 900).astype(str), 0.3, 100, 42)
    assert time.process_time() - start < 3  # 0.1 to 0.2 s; BLAS in the inner loop made it many seconds
