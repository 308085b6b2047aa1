"""The target column says what kind of task it is, and which label is which class."""

import numpy as np
import pandas as pd
import pytest

from stages.errors import InputError
from stages.target import drop_unlabelled, encode_target, resolve_task, task_in_words
from stages.task import Task


def resolve(values, positive=None, kind="auto"):
    return resolve_task(pd.DataFrame({"y": values}), "y", positive, kind, "a.csv")


def refused(values, positive=None, kind="auto"):
    with pytest.raises(InputError) as error:
        resolve(values, positive, kind)
    return str(error.value)


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        ([True, False] * 3, "binary", ("False", "True")),
        ([0, 1] * 3, "binary", ("0", "1")),
        ([1.0, 0.0] * 3, "binary", ("0", "1")),
        (["yes", "no"] * 3, "binary", ("no", "yes")),
        (["b", "a", "c"] * 3, "multiclass", ("a", "b", "c")),
        ([10, 9, 2] * 3, "multiclass", ("2", "9", "10")),
        ([3.0, 1.0, 2.0] * 3, "multiclass", ("1", "2", "3")),
        (list(range(21)) * 2, "regression", ()),
        ([0.5, 1.5, 2.0] * 3, "regression", ()),
    ],
)
def test_auto_takes_the_kind_from_the_values(values, kind, classes):
    assert resolve(values) == Task(kind, "y", classes)


def test_params_may_choose_the_kind_and_the_columns_travel_along():
    assert resolve([1, 2, 3] * 3, kind="regression").kind == "regression"
    task = resolve_task(pd.DataFrame({"y": [0, 1] * 2}), "y", 1, "auto", "a.csv", "when", "who")
    assert (task.time_column, task.group_column) == ("when", "who")


@pytest.mark.parametrize(
    ("values", "positive", "classes"),
    [
        (["yes", "no"], "no", ("yes", "no")),
        ([0, 1], 0, ("1", "0")),
        ([0, 1], "1", ("0", "1")),
        ([0.0, 1.0], 1, ("0", "1")),
        ([0, 1], 1.0, ("0", "1")),
        (["0", "1"], 0, ("1", "0")),
        ([0, 1], True, ("0", "1")),
        ([True, False], False, ("True", "False")),
        ([True, False], "true", ("False", "True")),
        (["true", "false"], True, ("false", "true")),
        (["TRUE", "FALSE"], False, ("TRUE", "FALSE")),
    ],
)
def test_the_positive_label_is_found_however_yaml_reads_it(values, positive, classes):
    assert resolve(values * 3, positive).classes == classes


@pytest.mark.parametrize(("positive", "hint"), [("Yes", " Did you mean 'yes'?"), ("maybe", ""), (1, ""), (True, "")])
def test_a_positive_label_that_is_not_there_is_refused_and_the_labels_are_listed(positive, hint):
    assert refused(["yes", "no"] * 3, positive) == (
        f"a.csv, column 'y' has no label '{positive}', which params.yaml names as data.positive.{hint} "
        "Its labels are 'no' and 'yes'."
    )


@pytest.mark.parametrize(
    ("values", "options", "told"),
    [
        ([None, None], {}, "a.csv, column 'y': the target is missing in every row."),
        ([1.0, 1.0], {}, "a.csv, column 'y': the target is '1' in every row, so there is nothing to learn."),
        (["a", "b", "a", "b", "c"], {}, "a.csv, column 'y': the class 'c' has one row (row 5);"),
        (["a", "b", "c"], {}, "a.csv, column 'y': the class 'a' has one row (row 1), and so have 2 other classes;"),
        (["a", "b", "c"] * 2, {"kind": "binary"}, "needs two different labels, but there are 3: a, b, c."),
        (["a", "b", "c"] * 2, {"positive": "a"}, "data.positive is 'a', but 'y' has 3 different labels ('a', 'b',"),
        ([0.5, 1.5, 2.5], {"positive": "a"}, "data.positive is 'a', but the task is a regression on 'y';"),
        (["a", "b"] * 2, {"kind": "regression"}, "a regression needs numbers, but row 1 has 'a'."),
        (pd.date_range("2024-01-01", periods=5), {}, "the target is a date."),
    ],
)
def test_a_target_from_which_nothing_can_be_learned_is_refused(values, options, told):
    assert told in refused(values, **options)


def test_rows_without_a_target_are_left_out_and_counted():
    kept, dropped = drop_unlabelled(pd.DataFrame({"y": ["a", None, "b", None]}), "y")
    assert (kept.index.tolist(), dropped) == ([0, 2], 2)


@pytest.mark.parametrize(
    ("values", "positive", "codes"),
    [
        (["no", "yes", "no", "yes"], "no", [1, 0, 1, 0]),
        ([2.0, 1.0, 2.0, 1.0], 2, [1, 0, 1, 0]),
        ([True, False, True, False], None, [1, 0, 1, 0]),
    ],
)
def test_labels_become_class_codes(values, positive, codes):
    frame = pd.DataFrame({"y": values})
    found = encode_target(frame["y"], resolve(values, positive))
    assert found.tolist() == codes and found.dtype == np.int64


def test_a_part_of_the_rows_gets_the_same_codes():
    values = pd.Series([1.0, 2.5, 1.0, 2.5])
    assert encode_target(values.iloc[[0, 2]], resolve(values)).tolist() == [0, 0]


def test_a_number_stays_a_number_and_an_unknown_label_is_told():
    assert encode_target(pd.Series([1, 5]), Task("regression", "y")).tolist() == [1.0, 5.0]
    with pytest.raises(InputError, match=r"Column 'y', row 2: 'c' is no known class. Its classes are: a, b."):
        encode_target(pd.Series(["a", "c"]), Task("binary", "y", ("a", "b")))


def test_the_task_is_said_in_a_sentence():
    task = Task("binary", "y", ("no", "yes"))
    assert task_in_words(task, "yes") == "Predicting 'y' (binary): 'yes' counts as positive."
    assert task_in_words(task, None).endswith("the larger label, since data.positive is null in params.yaml.")


@pytest.mark.parametrize(
    ("values", "options", "told"),
    [
        (["yes", "no", "no", "yes "] * 2, {"positive": "yes"}, "'yes' (row 1) and 'yes ' (row 4) differ in"),
        (["a", "b"] * 2, {"kind": "multiclass"}, "needs more than two different labels, but there are a, b."),
        (["1", "0", "?"] * 2, {"positive": "1"}, "correct the others, or leave their cells empty."),
    ],
)
def test_labels_that_were_not_meant_so_are_refused(values, options, told):
    assert told in refused(values, **options)
