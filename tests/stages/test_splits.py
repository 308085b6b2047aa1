"""The rows are divided by time, by group or by chance, and no fold is left without what it needs."""

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.errors import InputError
from stages.splits import SplitParams, assign_folds, blocks, method_for, sample_rows
from stages.task import Task

TIMED = Task("binary", "y", ("no", "yes"), time_column="at")
GROUPED = Task("binary", "y", ("no", "yes"), group_column="who")
PLAIN = Task("binary", "y", ("no", "yes"))


def table(rows=100, **columns):
    return pd.DataFrame({"y": np.arange(rows) % 2, **columns})


def days(rows, start="2024-01-01"):
    return pd.date_range(start, periods=rows, freq="D")


def test_auto_takes_the_time_column_then_the_group_column_then_chance():
    both = Task("binary", "y", ("no", "yes"), time_column="at", group_column="who")
    assert [method_for(SplitParams(), task) for task in (both, GROUPED, PLAIN)] == ["time", "group", "random"]


def test_a_method_without_its_column_is_refused():
    with pytest.raises(InputError, match=r"split\.method is time, but data\.time_column is null"):
        method_for(SplitParams(method="time"), PLAIN)


def test_by_time_the_test_rows_are_the_latest():
    frame = table(at=days(100)).sample(frac=1, random_state=0)
    folds = assign_folds(frame, TIMED, SplitParams(validation=0.1, test=0.2), seed=1)
    last = {fold: frame["at"][folds == fold].max() for fold in ("train", "validation", "test")}
    first = {fold: frame["at"][folds == fold].min() for fold in ("train", "validation", "test")}
    assert last["train"] < first["validation"] <= last["validation"] < first["test"]
    assert [(folds == fold).sum() for fold in ("train", "validation", "test")] == [70, 10, 20]


def test_by_time_a_cut_moves_to_the_nearest_month():
    frame = table(365, at=days(365))
    folds = assign_folds(frame, TIMED, SplitParams(validation=0.08, test=0.25, whole="month"), seed=1)
    assert frame["at"][folds == "validation"].min() == pd.Timestamp("2024-09-01")
    assert frame["at"][folds == "test"].min() == pd.Timestamp("2024-10-01")


def test_a_short_table_is_cut_by_the_day_instead():
    frame = table(24 * 20, at=pd.date_range("2024-03-05", periods=24 * 20, freq="h"))
    folds = assign_folds(frame, TIMED, SplitParams(validation=0.2, test=0.2, whole="month"), seed=1)
    assert frame["at"][folds == "test"].min() == pd.Timestamp("2024-03-21")


def test_by_time_dates_can_be_given():
    frame = table(100, at=days(100))
    params = SplitParams(validation=datetime.date(2024, 2, 1), test="2024-03-01")
    folds = assign_folds(frame, TIMED, params, seed=1)
    assert [(folds == fold).sum() for fold in ("train", "validation", "test")] == [31, 29, 40]


@given(seed=st.integers(0, 50), groups=st.integers(8, 30))
def test_by_group_no_group_is_on_two_sides(seed, groups):
    who = np.random.default_rng(seed).integers(0, groups, 300)
    frame = table(300, who=who)
    folds = assign_folds(frame, GROUPED, SplitParams(validation=0.2, test=0.3), seed=seed)
    assert pd.Series(folds).groupby(who).nunique().max() == 1


def test_by_chance_every_fold_has_every_class_in_the_same_share():
    frame = pd.DataFrame({"y": [0] * 90 + [1] * 10})
    folds = assign_folds(frame, PLAIN, SplitParams(validation=0.1, test=0.2), seed=3)
    assert [frame["y"][folds == fold].tolist().count(1) for fold in ("train", "validation", "test")] == [7, 1, 2]


def test_the_same_seed_gives_the_same_folds_and_another_seed_others():
    frame = table()
    one, again, other = (assign_folds(frame, PLAIN, SplitParams(), seed=seed) for seed in (1, 1, 2))
    assert (one == again).all() and (one != other).any()


@pytest.mark.parametrize(
    ("params", "task", "message"),
    [
        (SplitParams(validation=0.5, test=0.5), PLAIN, "add up to 1"),
        (SplitParams(test=1.5), PLAIN, "split.test is 1.5"),
        (SplitParams(test="2024-02-01"), PLAIN, "split.test is 2024-02-01"),
        (SplitParams(test="soon"), TIMED, "split.test is 'soon'"),
        (SplitParams(test="2030-01-01"), TIMED, "leaves the test fold without rows"),
        (SplitParams(validation="2024-03-01", test="2024-02-01"), TIMED, "split.validation begins at"),
    ],
)
def test_sizes_that_cannot_be_are_refused(params, task, message):
    with pytest.raises(InputError, match=message):
        assign_folds(table(at=days(100)), task, params, seed=1)


def test_training_rows_without_one_of_the_classes_are_refused():
    frame = pd.DataFrame({"y": [0] * 90 + [1] * 10, "at": days(100)})
    with pytest.raises(InputError, match="no training row has the class 'yes' after the time split"):
        assign_folds(frame, TIMED, SplitParams(validation=0.1, test=0.2), seed=1)


def test_rows_are_resampled_by_group_by_day_by_hour_or_each_by_itself():
    long, short = table(100, at=days(100)), table(100, at=pd.date_range("2024-01-01", periods=100, freq="h"))
    assert blocks(long, TIMED).tolist()[:2] == ["2024-01-01", "2024-01-02"]
    assert blocks(short, TIMED).tolist()[:2] == ["2024-01-01T00", "2024-01-01T01"]
    assert blocks(table(2, who=[7, 8]), GROUPED).tolist() == ["7", "8"]
    assert blocks(table(3), PLAIN).tolist() == ["0", "1", "2"]


def test_a_sample_keeps_the_order_and_the_row_numbers():
    sampled = sample_rows(table(), 10, seed=1)
    assert len(sampled) == 10 and sampled.index.is_monotonic_increasing
    assert sample_rows(table(), None, seed=1).equals(table())
    with pytest.raises(InputError, match="split.rows is 0"):
        sample_rows(table(), 0, seed=1)


@pytest.mark.parametrize("groups", [3, 4, 7, 25])
def test_by_group_few_groups_still_give_every_fold_one(groups):
    frame = table(groups * 10, who=np.repeat(np.arange(groups), 10))
    folds = assign_folds(frame, GROUPED, SplitParams(validation=0.08, test=0.25), seed=1)
    assert set(folds) == {"train", "validation", "test"}


def test_two_groups_are_too_few():
    with pytest.raises(InputError, match="Column 'who' has 2 different groups"):
        assign_folds(table(who=np.arange(100) % 2), GROUPED, SplitParams(), seed=1)


def test_a_table_of_few_days_is_cut_inside_a_day():
    frame = table(at=pd.date_range("2024-01-01", periods=100, freq="30min"))
    folds = assign_folds(frame, TIMED, SplitParams(validation=0.08, test=0.25, whole="month"), seed=1)
    assert [(folds == fold).sum() for fold in ("train", "validation", "test")] == [67, 8, 25]


@pytest.mark.parametrize(
    ("frame", "task", "mend"),
    [
        (table(10), PLAIN, "Set split.validation in params.yaml above 0.1, so that one of the 5 rows of the largest"),
        (table(at=days(1).repeat(100)), TIMED, "dates inside the table's time (2024-01-01"),
    ],
)
def test_a_fold_without_rows_is_mended_by_its_method(frame, task, mend):
    with pytest.raises(InputError) as error:
        assign_folds(frame, task, SplitParams(validation=0.08, test=0.25), seed=1)
    assert mend in error.value.mend
