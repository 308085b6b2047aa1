"""What was true of a table is written down with some room, read back unchanged, and enforced."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.enforce import enforce
from stages.errors import InputError
from stages.schema import ColumnRule, Schema, applies, infer, repeats
from stages.schema_file import from_yaml, to_yaml


def customers(**changed):
    columns = {
        "age": [20, 30, 40, 50, 60, 70, 20, 30, 40, 50],
        "balance": [-5.5, 0.0, 10.5, np.nan, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        "plan": ["basic", "pro", "basic", "pro", "basic", "pro", "basic", "pro", "basic", "pro"],
        "name": ["Ada", "Bo", "Cy", "Di", "Ed", "Flo", "Gus", "Hal", "Ida", "Jo"],
        "active": [True, False] * 5,
        "since": pd.date_range("2024-01-01", periods=10),
        "churned": ["no", "yes"] * 5,
    }
    return pd.DataFrame({**columns, **changed})


def rule(frame, column):
    return {found.name: found for found in infer(frame, "customers.csv", "churned").columns}[column]


def broken(frame, schema=None, **options):
    schema = schema or infer(customers(), "customers.csv", "churned")
    with pytest.raises(InputError) as error:
        enforce(frame, schema, "customers.csv", **options)
    return error.value


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("age", ColumnRule("age", "integer", 0.01, 0.0, 95.0)),
        ("balance", ColumnRule("balance", "number", 0.15, -13.5, 18.5)),
        ("plan", ColumnRule("plan", "category", 0.01, values=("basic", "pro"))),
        ("name", ColumnRule("name", "text", 0.01)),
        ("active", ColumnRule("active", "boolean", 0.01)),
        ("since", ColumnRule("since", "datetime", 0.01)),
    ],
)
def test_each_kind_of_column_gets_its_rule(column, expected):
    assert rule(customers(), column) == expected


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0.0, 10.0], 0.0, 15.0),  # never below zero if nothing was
        ([-10.0, 0.0], -15.0, 0.0),
        ([7.0, 7.0], 3.5, 10.5),  # half of itself where there is one value only
        ([0.0, 0.0], 0.0, 1.0),
        ([-1e308, 1e308], None, None),
        ([1 / 3, 2 / 3], 0.166666, 0.833334),  # rounded outwards
    ],
)
def test_a_range_is_widened_by_half_of_its_span(values, low, high):
    found = rule(pd.DataFrame({"x": values, "churned": ["no", "yes"]}), "x")
    assert (found.low, found.high) == (low, high)


def test_a_text_with_more_than_fifty_values_is_no_category():
    def kind(levels):
        return rule(pd.DataFrame({"x": [f"v{number}" for number in range(levels)] * 2}), "x").type

    assert (kind(50), kind(51)) == ("category", "text")


def test_a_column_without_any_value_is_empty_and_a_first_value_breaks_it():
    schema = infer(customers(age=np.nan), "customers.csv", "churned")
    assert schema.columns[0] == ColumnRule("age", "empty", 1.0)
    assert "column 'age' has 10 values there where all were missing (20 in row 1" in broken(customers(), schema).what


def test_a_row_repeats_another_if_all_its_values_do_missing_ones_too():
    frame = pd.DataFrame({"a": [1.0, np.nan, 1.0, np.nan], "b": ["x", None, "y", None]})
    assert repeats(frame).tolist() == [False, False, False, True]


def test_the_table_it_was_written_for_keeps_it():
    enforce(customers(), infer(customers(), "customers.csv", "churned"), "customers.csv")


@pytest.mark.parametrize(
    "changed",
    [
        {"age": [20.0, np.nan] + [30.0] * 8},  # a whole number with a gap is read as a float
        {"balance": [3] * 10},
        {"active": ["True", "False"] * 5},  # as booleans with a gap are read
        {"since": ["2024-01-01"] * 10},
    ],
)
def test_the_same_values_in_another_dtype_are_no_break(changed):
    schema = infer(customers(), "customers.csv", "churned")
    roomy = Schema(schema.source, schema.target, 1.0, tuple(_with_gaps(found) for found in schema.columns))
    enforce(customers(**changed), roomy, "customers.csv")


def _with_gaps(found):
    return ColumnRule(found.name, found.type, 1.0, found.low, found.high, found.values)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"age": [400, 30, -1] + [40] * 6 + [96]},
            "column 'age' has 3 values outside 0 to 95 (400 in row 1, -1 in row 3, 96 in row 10)",
        ),
        ({"age": [30.5] + [30.0] * 9}, "column 'age' has 1 value no integer (30.5 in row 1)"),
        ({"balance": ["a lot"] + ["3"] * 9}, "column 'balance' has 1 value no number ('a lot' in row 1)"),
        (
            {"plan": ["gold", "gold", "gold", "iron"] + ["pro"] * 6},
            "column 'plan' has 4 values that are not listed ('gold' in row 1, 'gold' in row 2, 'iron' in row 4)",
        ),
        ({"plan": [1] * 10}, "column 'plan' has 10 values no category (1 in row 1, 1 in row 2, 1 in row 3)"),
        (
            {"active": ["yes", "no"] * 5},
            "column 'active' has 10 values no boolean ('yes' in row 1, 'no' in row 2, 'yes' in row 3)",
        ),
        (
            {"since": ["last week"] + ["2024-01-01"] * 9},
            "column 'since' has 1 value no datetime ('last week' in row 1)",
        ),
        (
            {"name": [None, None] + ["x", "y"] * 4},
            "column 'name' has no value in 2 of 10 rows, 20.0% where 1.0% are allowed (rows 1, 2)",
        ),
    ],
)
def test_a_break_is_told_with_its_column_rows_and_values(changed, told):
    error = broken(customers(**changed))
    assert error.what == f"customers.csv breaks data/schema.yaml in 1 place: {told}."
    assert error.mend == (
        "Correct the table, or, if it is right, edit data/schema.yaml, or delete it: the next run writes a new one."
    )


def test_every_break_is_told_at_once():
    frame = customers(age=[400] * 10).rename(columns={"balance": "balances"}).drop(columns="name")
    what = broken(pd.concat([frame, frame.head(1)], ignore_index=True)).what
    assert what == (
        "customers.csv breaks data/schema.yaml in 5 places: "
        "column 'balance' is gone (renamed? there is a new 'balances'); column 'name' is gone; "
        "column 'balances' is not in it; "
        "column 'age' has 11 values outside 0 to 95 (400 in row 1, 400 in row 2, 400 in row 3); "
        "1 of 11 rows repeat an earlier row, 9.1% where 5.0% are allowed (rows 11)."
    )


def test_rows_are_counted_in_the_source_also_when_some_were_left_out():
    frame = customers(age=[30] * 9 + [400]).drop(index=[2, 3])
    assert "400 in row 10" in broken(frame).what


def test_columns_that_the_pipeline_drops_are_not_looked_at():
    enforce(customers(age=["?"] * 10), infer(customers(), "a.csv", "churned"), "a.csv", left_out=["age"])
    enforce(customers().drop(columns="age"), infer(customers(), "a.csv", "churned"), "a.csv", left_out=["age"])


def test_it_applies_to_the_same_source_or_the_same_columns():
    schema = infer(customers(), "a.csv", "churned")
    assert applies(schema, "a.csv", ["other"])
    assert applies(schema, "b.csv", reversed(customers().columns))
    assert not applies(schema, "b.csv", ["other"])


def test_the_file_is_for_people():
    text = to_yaml(infer(customers()[["age", "plan", "churned"]], "data/raw/customers.csv", "churned"))
    head, _, rules = text.partition("\n\n")
    assert all(line.startswith("#") for line in head.splitlines())
    assert rules == (
        "source: data/raw/customers.csv\n"
        "target: churned\n"
        "duplicates: 0.45\n"
        "columns:\n"
        "  age: {type: integer, missing: 0.01, min: 0, max: 95}\n"
        "  plan: {type: category, missing: 0.01, values: [basic, pro]}\n"
        '  churned: {type: category, missing: 0.01, values: ["no", "yes"]}\n'
    )


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
shares = st.integers(0, 10_000).map(lambda number: number / 10_000)
bounds = st.floats(allow_nan=False, allow_infinity=False)
rules = st.one_of(
    st.builds(ColumnRule, texts, st.sampled_from(["text", "boolean", "datetime", "empty"]), shares),
    st.builds(
        lambda name, kind, missing, ends: ColumnRule(name, kind, missing, min(ends), max(ends)),
        texts, st.sampled_from(["number", "integer"]), shares, st.tuples(bounds, bounds),
    ),
    st.builds(
        lambda name, missing, values: ColumnRule(name, "category", missing, values=tuple(sorted(values))),
        texts, shares, st.sets(texts, min_size=1, max_size=30),
    ),
)  # fmt: skip
columns = st.lists(rules, min_size=1, max_size=4, unique_by=lambda rule: rule.name).map(tuple)


@settings(max_examples=60, deadline=None)
@given(st.builds(Schema, texts, texts, shares, columns))
def test_any_schema_is_read_back_as_it_was_written(schema):
    assert from_yaml(to_yaml(schema), "data/schema.yaml") == schema


GOOD = "source: a.csv\ntarget: y\nduplicates: 0.05\ncolumns:\n  x: {type: number, missing: 0.1, min: 0, max: 2}\n"
TYPES = (
    "the type of column 'x' is 'numbre', which is none of number, integer, text, category, boolean, datetime, empty."
)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("type: number", "type: numbre", f"line 5: {TYPES} Did you mean 'number'?"),
        ("missing: 0.1", "missing: 10", "line 5: missing is 10, not a share from 0 to 1."),
        ("missing: 0.1", "mising: 0.1", "line 5: 'mising' is not part of a schema. Did you mean 'missing'?"),
        ("min: 0", "min: 3", "line 5: column 'x': min 3 is above max 2."),
        ("min: 0", "min: low", "line 5: min is 'low', not a number."),
        ("type: number", "type: text", "line 5: only a number or integer has a min, not a text."),
        ("max: 2", "values: [a]", "line 5: column 'x': a category, and nothing else, lists its values."),
        (
            "type: number, missing: 0.1, min: 0, max: 2",
            "type: category, values: [1]",
            'line 5: values has 1, which YAML does not read as text; write "1".',
        ),
        ("duplicates: 0.05", "duplicates: many", "line 3: duplicates is 'many', not a share from 0 to 1."),
        ("target: y\n", "", "line 1: the file has no 'target'."),
        ("max: 2}", "max: 2", "line 6 is not valid YAML: expected ',' or '}', but got '<stream end>'."),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line(old, new, told):
    with pytest.raises(InputError) as error:
        from_yaml(GOOD.replace(old, new), "data/schema.yaml")
    assert error.value.what == f"data/schema.yaml {told}"


@pytest.mark.parametrize("text", ["", "just words", "- a\n- b\n"])
def test_a_file_that_is_no_schema_at_all_is_refused(text):
    with pytest.raises(InputError, match=r"data/schema.yaml line 1: the file must be a mapping"):
        from_yaml(text, "data/schema.yaml")
