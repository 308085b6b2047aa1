"""The exploration page says what a person needs to know before modelling, the same for the same table."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.explore import Exploration, exploration_page, suggested_metrics
from stages.quality import assess
from stages.table_report import MOST_ROWS, table_report_html
from stages.task import Task

BINARY = Task("binary", "churned", ("no", "yes"), time_column="day")


def customers():
    return pd.DataFrame(
        {
            "day": pd.date_range("2024-01-01", periods=10),
            "age": [20.0, 30, 40, 50, np.nan, 70, 20, 30, 40, 50],
            "plan|x": ["a", "a", "b", "`", "a", "b", "a", "b", "a", "b"],
            "country": ["IT"] * 10,
            "churned": [0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
        }
    )


def page(table=None, task=BINARY, method="time", aucs=None, notes=()):
    table = customers() if table is None else table
    splits = {"train": table[:6], "validation": table[6:8], "test": table[8:]}
    quality = assess(table, splits["train"], splits["test"], task)
    aucs = {"age": 0.91, "plan|x": 0.6} if aucs is None else aucs
    return exploration_page(Exploration("customers.csv", table, splits, task, quality, aucs, 0.85, method, notes))


def section(text, title):
    return text.split(f"## {title}\n\n")[1].split("\n\n## ")[0].strip()


def test_it_opens_with_shape_types_and_gaps():
    text = page(notes=("2 rows without a target were left out", "age is empty"))
    assert text.split("\n\n## ")[0] == (
        "# What the data looks like\n\n"
        "`customers.csv`: **10 rows, 5 columns** (1 datetime, 1 number, 2 text, and the target).\n\n"
        "2.0% of all cells are missing, in 1 of the columns.\n\n"
        "Always the same, and so of no use: `country`.\n\n"
        "2 rows without a target were left out.\n\nAge is empty.\n\n"
        "The same table to click through: `exploration.html` beside this page."
    )


def test_the_problem_and_its_classes():
    assert section(page(), "The problem") == (
        "Predicting 'churned' (binary): 'yes' counts as positive. Its distribution in the training rows:\n\n"
        "| `churned` | rows | share |  |\n"
        "| --- | ---: | ---: | --- |\n"
        f"| `no` | 5 | 83.3% | {'█' * 30} |\n"
        f"| `yes` | 1 | 16.7% | {'█' * 6} |"
    )


def test_splits_have_rows_target_and_times():
    assert section(page(), "Splits") == (
        "By time (`day`): learned from the past, judged on what came after, as in use.\n\n"
        "| split | rows | of all | share of `yes` | from | to |\n"
        "| --- | ---: | ---: | ---: | --- | --- |\n"
        "| train | 6 | 60.0% | 16.7% | 2024-01-01 00:00 | 2024-01-06 00:00 |\n"
        "| validation | 2 | 20.0% | 0.0% | 2024-01-07 00:00 | 2024-01-08 00:00 |\n"
        "| test | 2 | 20.0% | 50.0% | 2024-01-09 00:00 | 2024-01-10 00:00 |"
    )


def test_a_leak_is_named_with_what_to_do():
    text = section(page(), "Possible leaks")
    assert "- `age`: 0.910" in text and "`data.drop`" in text and "plan" not in text
    assert section(page(aucs={"age": 0.6}), "Possible leaks").startswith("No column alone reaches 0.85")


def test_the_most_related_columns_come_strongest_first():
    rows = section(page(), "Most related columns").splitlines()[-2:]
    assert [row.split("|")[1].strip() for row in rows] == ["`age`", "`plan\\"]


def test_no_name_or_value_breaks_a_table():
    rows = section(page(), "Columns").splitlines()
    assert rows[4] == "| `plan\\|x` | text | 0.0% | 3 | `a` 50%, `b` 40%, `'` 10% |"
    assert rows[-1] == "| `churned` | target | 0.0% | 2 | `no` 80%, `yes` 20% |"


def test_quality_has_its_parts_weights_and_score():
    text = section(page(), "Quality")
    assert "| completeness | 0.980 | 25% | cells that have a value |" in text
    assert "| **score** | **0." in text


def test_other_tasks_get_their_page_too():
    numbers = customers().drop(columns="churned").assign(y=np.arange(10.0))
    text = page(numbers, Task("regression", "y", group_column="country"), method="group")
    assert "Predicting the number 'y' (regression)." in text and "Mean 2.5, standard deviation 1.708" in text
    assert "no group is in two splits" in text and "| balance |" not in text
    many = customers().drop(columns="churned").assign(y=[0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
    text = page(many, Task("multiclass", "y", ("a", "b", "c")), method="random")
    assert "| test | 2 | 20.0% | 2 of 3 |" in text and "**Macro F1**" in text


def test_accuracy_is_advised_against_where_one_class_dominates():
    good, bad = suggested_metrics(BINARY, np.array([0] * 9 + [1]))
    assert bad == ["**Accuracy**: saying `no` for every row scores 90.0% and has learned nothing."]
    assert any(line.startswith("**Average precision**") and "chance is 0.100" in line for line in good)
    good, bad = suggested_metrics(BINARY, np.array([0, 1] * 5))
    assert bad == [] and good[-1].startswith("**Accuracy**: fair here")


def test_a_percentage_error_is_advised_against_where_the_target_has_zeros():
    assert suggested_metrics(Task("regression", "y"), np.array([0.0, 2.0]))[1][0].startswith("**Mean absolute percent")
    assert suggested_metrics(Task("regression", "y"), np.array([1.0, 2.0]))[1] == []


def test_the_report_stands_alone_and_is_the_same_each_time():
    first = table_report_html(customers(), "customers", 42)
    assert first == table_report_html(customers(), "customers", 42)
    assert "customers" in first and "country" in first
    assert 'src="http' not in first and "<link" not in first and "@import" not in first


def test_a_large_table_is_sampled_and_says_so():
    table = pd.DataFrame({"x": np.arange(MOST_ROWS + 5)})
    assert f"numbers ({MOST_ROWS:,} of {MOST_ROWS + 5:,} rows)" in table_report_html(table, "numbers", 1)


@pytest.mark.slow
def test_the_report_is_the_same_in_two_processes():
    code = (
        "import sys, pandas as pd; from stages.table_report import table_report_html;"
        "frame = pd.DataFrame({'a': range(30), 'b': list('xyz') * 10, 'c': pd.date_range('2024', periods=30)});"
        "sys.stdout.write(table_report_html(frame, 'three', 1))"
    )
    pages = [
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, cwd=Path(__file__).parents[2],
            capture_output=True, text=True, check=True,
        )
        for seed in ("1", "2")
    ]  # fmt: skip
    assert pages[0].stdout == pages[1].stdout and len(pages[0].stdout) > 100_000
    assert pages[0].stderr == ""


def test_dates_that_no_axis_takes_do_not_stop_the_report():
    far = pd.DataFrame({"on": np.array(["0001-01-01", "9999-12-31"] * 5, dtype="datetime64[s]"), "n": range(10)})
    assert "0001-01-01" in table_report_html(far, "far", 1)
