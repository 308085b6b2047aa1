"""Each mistake ends with exit code 1, one paragraph, and nothing half written."""

import numpy as np
import pandas as pd
import pytest

from tests.pipeline.test_own_table import churn, set_data

DATA = {
    "source": "data/raw/churn.csv",
    "target": "churned",
    "positive": "yes",
    "time_column": None,
    "group_column": None,
    "drop": ["customer_id"],
}


@pytest.fixture
def project(lay):
    laid = lay("smoke", {"split": {"rows": None}})
    (laid.folder / "data/raw").mkdir()
    set_data(laid, DATA)
    return laid


def refused(project, stage, *parts):
    """Run a stage and check that it says all the parts in one paragraph and leaves nothing behind."""
    before = {path for path in project.folder.rglob("*") if "__pycache__" not in path.parts}
    done = project.stage(stage, check=False)
    assert done.returncode == 1, done.stderr
    said = " ".join(done.stderr.split())
    assert said.startswith("error: ") and "Traceback" not in said and said.count("error:") == 1
    for part in parts:
        assert part in said, said
    assert {path for path in project.folder.rglob("*") if "__pycache__" not in path.parts} == before
    assert done.stdout == ""


def changed(column, row, value):
    frame = churn(300).astype({column: object})
    frame.loc[row, column] = value
    return frame


MANY = churn(12000).assign(code=[f"k{number % 10000}" for number in range(12000)])

FAULTS = {
    "no file": (None, {}, ["data/raw/churn.csv does not exist.", "data.source"]),
    "empty file": ("", {}, ["data/raw/churn.csv is empty"]),
    "delimiter": (churn(50).to_csv(index=False, sep=";"), {}, ["separated by a semicolon", "csv.delimiter"]),
    "encoding": (churn(50).to_csv(index=False).encode("latin-1"), {}, ["is not utf-8", "csv.encoding"]),
    "no target": (churn(50), {"target": "churn"}, ["no column 'churn'", "Did you mean 'churned'?"]),
    "constant target": (churn(50).assign(churned="no"), {}, ["column 'churned'", "'no' in every row"]),
    "missing target": (churn(50).assign(churned=None), {}, ["column 'churned'", "missing in every row"]),
    "single row of a class": (
        churn(50).assign(churned=["yes"] + ["no"] * 49), {}, ["column 'churned'", "'yes'", "row 1"],
    ),
    "names twice": ("a,b,a\n1,2,3\n", {}, ["two columns named 'a'"]),
    "mixed types": (changed("price", 17, "free"), {}, ["column 'price'", "row 18", "'free'"]),
    "infinite": (churn(300).assign(price=[1.0] * 16 + [np.inf] + [2.0] * 283), {}, ["column 'price'", "row 17"]),
    "too many levels": (MANY, {}, ["column 'code'", "10,000", "data.drop"]),
    "time": (churn(50).assign(at="2024-01-01").pipe(lambda t: t.assign(at=[*t["at"][:7], "yesterday", *t["at"][8:]])),
             {"time_column": "at"}, ["column 'at'", "row 8", "'yesterday'"]),
    "positive": (churn(50), {"positive": "Yess"}, ["column 'churned'", "Yess", "Did you mean 'yes'?"]),
    "drop": (churn(50), {"drop": ["customer"]}, ["no column 'customer'", "Did you mean 'customer_id'?"]),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_table(project, fault):
    table, data, parts = FAULTS[fault]
    path = project.folder / "data/raw/churn.csv"
    if isinstance(table, pd.DataFrame):
        table.to_csv(path, index=False)
    elif table is not None:
        path.write_bytes(table if isinstance(table, bytes) else table.encode())
    set_data(project, {**DATA, **data})
    refused(project, "data", *parts)


def test_data_that_breaks_the_schema(project):
    churn(400).to_csv(project.folder / "data/raw/churn.csv", index=False)
    project.stage("data")
    later = churn(400)
    later.loc[[3, 7], "plan"] = "gold"
    later.loc[5, "price"] = 1e6
    later.drop(columns="paperless").to_csv(project.folder / "data/raw/churn.csv", index=False)
    refused(
        project, "data", "'plan'", "2 values", "'gold'", "row 4", "'price'", "row 6", "'paperless'", "data/schema.yaml"
    )


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        (
            "model: hist_gradient_boosting   #",
            "model: hist_gradient_bosting   #",
            ["train.model", "Did you mean 'hist_gradient_boosting'?"],
        ),
        (
            "    learning_rate: 0.06",
            "    learningrate: 0.05",
            ["train.hist_gradient_boosting.learningrate", "Did you mean 'learning_rate'?"],
        ),
        (
            "    learning_rate: 0.06",
            "    learning_rate: fast",
            ["train.hist_gradient_boosting.learning_rate", "'fast'", "a number"],
        ),
        ("    learning_rate: 0.06", "    learning_rate: -1", ["train.hist_gradient_boosting.learning_rate"]),
        ("  device: auto", "  device: gpu", ["train.device"]),
        ("train:\n", "train: [\n", ["params.yaml line"]),
    ],
)
def test_a_bad_parameter(lay, smoke, old, new, parts):
    project = lay("smoke")
    (project.folder / "data/features").symlink_to(smoke.folder / "data/features")
    project.edit("params.yaml", old, new)
    refused(project, "train", *parts)
