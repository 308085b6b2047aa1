"""Any table is checked before anything is learned from it; a fault is told with its column and row."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest

from stages.errors import InputError
from stages.validation import check_columns, drop_empty_columns, lookalikes, parse_time, require_columns, tidy


def refused(values, **options):
    with pytest.raises(InputError) as error:
        check_columns(pd.DataFrame({"x": values}), "a.csv", **{"max_levels": 100, **options})
    return error.value


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", " ", "\t", None], ["a", np.nan, np.nan, np.nan]),
        (pd.array([1, 2, 3], dtype="Int64"), [1, 2, 3]),
        (pd.array([1, None, 3], dtype="Int64"), [1.0, np.nan, 3.0]),
        (pd.array([True, False, True], dtype="boolean"), [True, False, True]),
        (pd.Series([True, None, False], dtype="object"), ["True", np.nan, "False"]),
        (pd.Categorical(["b", None, "a"]), ["b", np.nan, "a"]),
        (pd.Series([decimal.Decimal("1.5"), None]), [1.5, np.nan]),
        (pd.Series([1, "a"], dtype="object"), ["1", "a"]),
        (pd.Series([1, 2], dtype="float16"), pd.Series([1, 2], dtype="float32")),
        (pd.to_timedelta([90, None], unit="s"), [90.0, np.nan]),
        (pd.Series([datetime.date(2024, 1, 2), None]), pd.to_datetime(["2024-01-02", None]).as_unit("s")),
        (pd.to_datetime(["2024-01-02T03:00+01:00"]), pd.to_datetime(["2024-01-02T02:00"])),
    ],
)
def test_tidy_brings_every_column_to_a_plain_dtype(values, expected):
    found = tidy(pd.DataFrame({"x": values}))
    pd.testing.assert_frame_equal(found, pd.DataFrame({"x": expected}))


def test_a_tidy_table_is_given_back_as_it_is():
    frame = tidy(pd.DataFrame({"a": [1.0, np.nan], "b": ["x", " "], "c": [True, False]}))
    assert tidy(frame) is frame


def test_a_column_that_params_name_must_be_there():
    frame = pd.DataFrame({"churned": [1], "age": [2]})
    require_columns(frame, ["age"], "data.drop", "a.csv")
    with pytest.raises(InputError) as error:
        require_columns(frame, ["Churn"], "data.target", "a.csv")
    assert str(error.value) == (
        "a.csv has no column 'Churn', which params.yaml names as data.target. Did you mean 'churned'? "
        "Its columns are: churned, age."
    )


@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_infinite_values_are_refused(infinity):
    assert refused([1.0, np.nan, infinity, infinity]).what == (
        "a.csv, column 'x', row 3: the value is infinite (2 of 4 rows)."
    )


def test_a_text_among_numbers_is_refused():
    error = refused([str(number) for number in range(19)] + ["12o"])
    assert error.what == "a.csv, column 'x', row 20: '12o' is not a number, but 19 of the column's 20 values are."
    assert (
        error.mend
        == "Correct it, or, in params.yaml, add the column to data.drop, or to csv.text if its numbers are codes."
    )


def test_a_stand_in_for_a_missing_number_is_named_as_one():
    error = refused(["n/a"] + [str(number) for number in range(19)])
    assert error.mend == "Leave the cell empty where a value is missing, instead of 'n/a'."


@pytest.mark.parametrize("values", [["1"] * 18 + ["a", "b"], ["1"] * 20, ["a"] * 20])
def test_texts_that_are_not_nearly_all_numbers_may_be_texts(values):
    check_columns(pd.DataFrame({"x": values}), "a.csv", max_levels=100)


def test_codes_may_look_like_numbers_where_the_caller_says_so():
    frame = pd.DataFrame({"diagnosis": ["250"] * 19 + ["V57"]})
    check_columns(frame, "a.csv", max_levels=100, as_text=["diagnosis"])


def test_an_identifier_is_refused_unless_it_groups_the_rows():
    frame = pd.DataFrame({"id": [f"c-{number}" for number in range(10)], "n": range(10)})
    check_columns(frame, "a.csv", max_levels=9, keys=["id"])
    with pytest.raises(InputError) as error:
        check_columns(frame, "a.csv", max_levels=9)
    assert str(error.value) == (
        "a.csv, column 'id' has 10 different texts in 10 rows ('c-0', 'c-1', 'c-2', …), more than 9: it looks like an "
        "identifier or free text. Add it to data.drop, or raise validation.max_levels in params.yaml."
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2024-03-01", "2024-03-01"),
        ("2024-03-01 14:30", "2024-03-01 14:30"),
        ("2024-03-01T14:30:15.25", "2024-03-01 14:30:15.25"),
        ("2024-03-01T14:30:00Z", "2024-03-01 14:30"),
        ("2024-03-01T00:30+02:00", "2024-02-29 22:30"),
    ],
)
def test_iso_times_become_naive_utc(written, meant):
    found = parse_time(pd.DataFrame({"t": [written, "2024-01-01"]}), "t", "a.csv")["t"]
    assert found.iloc[0] == pd.Timestamp(meant) and found.dt.tz is None


@pytest.mark.parametrize("wrong", ["02/03/2024", "yesterday", "2024-13-01", "2024-02-30"])
def test_a_time_that_does_not_parse_is_told_with_its_row(wrong):
    with pytest.raises(InputError) as error:
        parse_time(pd.DataFrame({"t": ["2024-01-01", wrong, "2024-01-03"]}), "t", "a.csv")
    assert error.value.what == (
        f"a.csv, column 't', row 2: '{wrong}' is not a time that can be read (1 of 3 rows are like it)."
    )


def test_a_missing_time_and_a_number_are_no_times():
    with pytest.raises(InputError, match="no time in 1 of 2 rows, the first in row 2"):
        parse_time(pd.DataFrame({"t": ["2024-01-01", None]}), "t", "a.csv")
    with pytest.raises(InputError, match="holds numbers such as 20240101, not times"):
        parse_time(pd.DataFrame({"t": [20240101, 20240102]}), "t", "a.csv")


def test_empty_columns_are_left_out_and_named():
    frame = pd.DataFrame({"a": [1, 2], "b": [np.nan, np.nan], "c": [None, None]})
    kept, dropped = drop_empty_columns(frame, keep=["c"])
    assert (list(kept), dropped) == (["a", "c"], ("b",))


def test_a_number_beyond_float32_is_refused():
    assert refused([1.0, np.nan, -1e39]).what == (
        "a.csv, column 'x', row 3: -1e+39 is more than the models can hold (3.4e+38; 1 of 3 rows are like it)."
    )


def test_a_text_among_dates_is_refused():
    error = refused(["2024-01-02"] * 19 + ["2024-02-30"])
    assert error.what == "a.csv, column 'x', row 20: '2024-02-30' is not a date, but 19 of the column's 20 values are."


def test_a_stand_in_is_named_however_frequent_it_is():
    error = refused(["?", "1", "?", "2"])
    assert error.what == "a.csv, column 'x', row 1: '?' is not a number, but 2 of the column's 4 values are."


@pytest.mark.parametrize(
    ("write", "like"),
    [
        ("${:,}.50", "numbers"),
        ("{}%", "numbers"),
        ("0,{}", "numbers"),
        ("{0}/01/2024", "dates"),
        ("c-{}", None),
    ],
)
def test_texts_that_were_meant_as_numbers_or_dates_are_named(write, like):
    frame = pd.DataFrame({"x": [write.format(number) for number in range(10, 40)]}, dtype="str")
    found = lookalikes(frame)
    assert [f"look like {like}:" in note for note in found] == [True] * (like is not None)
    assert lookalikes(frame, as_text=["x"]) == ()


def test_few_different_texts_are_categories_whatever_they_look_like():
    assert lookalikes(pd.DataFrame({"x": ["10%", "20%"]}, dtype="str")) == ()
