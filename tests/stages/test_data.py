"""A table is checked as params.yaml describes it, and divided with its rows' names."""

import io
import warnings

import numpy as np
import pandas as pd
import pytest

from stages.data import DataParams, ValidationParams, check_table, divide
from stages.errors import InputError
from stages.splits import SplitParams
from stages.task import BLOCK, ROW


def table(rows=40, columns=1):
    wide = {f"x{place}": np.arange(rows) * 1.0 + place for place in range(columns)}
    return pd.DataFrame({**wide, "y": np.arange(rows) % 2})


def checked(frame, codes=()):
    return check_table(frame, DataParams("a.csv", "y"), ValidationParams(), "auto", None, codes)


@pytest.mark.parametrize(
    ("roles", "told"),
    [
        ({"drop": ("y",)}, "data.drop names 'y', which is data.target."),
        ({"time_column": "at", "drop": ("x", "at")}, "data.drop names 'at', which is data.time_column."),
        ({"group_column": "who", "drop": ("who",)}, "data.drop names 'who', which is data.group_column."),
        ({"time_column": "y"}, "data.time_column is 'y', which is data.target."),
        ({"group_column": "y"}, "data.group_column is 'y', which is data.target."),
    ],
)
def test_a_column_has_one_role(roles, told):
    with pytest.raises(InputError) as error:
        DataParams("a.csv", "y", **roles)
    assert told in error.value.what


def test_a_column_of_codes_must_be_there():
    with pytest.raises(InputError, match=r"no column 'zip', which params.yaml names as csv.text"):
        checked(table(), codes=["zip"])


def test_the_schema_names_the_table_and_its_target():
    schema = checked(table()).schema
    assert (schema.source, schema.target) == ("a.csv", "y")
    named = check_table(
        table(), DataParams("a.csv", "y"), ValidationParams(), "auto", None, name="a.csv (some columns)"
    )
    assert named.schema.source == "a.csv (some columns)"


def test_texts_that_look_like_numbers_are_noted():
    notes = checked(table().assign(price=[f"${number}" for number in range(40)])).notes
    assert [note.split(",")[0] for note in notes] == ["column 'price' is taken as text"]


def test_a_wide_table_is_divided_without_a_warning():
    wide = pd.read_csv(io.StringIO(table(columns=150).to_csv(index=False)))  # which keeps every column by itself
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        folds = divide(checked(wide), SplitParams(), seed=1)
    rows = pd.concat(folds.values())
    assert sorted(rows[ROW]) == list(range(40)) and (rows[ROW].astype(str) == rows[BLOCK]).all()


@pytest.mark.parametrize(("name", "value"), [("max_levels", 1), ("leak_auc", 0.5), ("leak_auc", 5.0)])
def test_a_bound_that_would_switch_a_check_off_is_refused(name, value):
    with pytest.raises(InputError, match=f"validation.{name} is {value}"):
        ValidationParams(**{name: value})


@pytest.mark.parametrize(("name", "source"), [(None, "a.csv"), ("flights, tidymodels", "flights, tidymodels")])
def test_the_schema_names_the_table_that_it_describes(name, source):
    frame = pd.DataFrame({"y": [0, 1] * 20, "x": range(40)})
    table = check_table(frame, DataParams("a.csv", "y"), ValidationParams(), "auto", None, (), name)
    assert table.schema.source == source
