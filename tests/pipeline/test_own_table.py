"""A table of one's own needs no more than the data section of params.yaml."""

import json
import re

import numpy as np
import pandas as pd
import pytest

SMALL = {
    "split": {"rows": None},
    "evaluate": {"min_slice": 20, "floor": {"metric": "roc_auc", "at_least": 0.6}},
}


def slow(name):
    return pytest.param(name, marks=pytest.mark.slow)


def write(project, name, frame):
    path = project.folder / "data/raw" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False)
    return f"data/raw/{name}"


def churn(rows=1500):
    """Customers with texts, blanks, missing values and an identifier; who pays much and is new leaves."""
    generator = np.random.default_rng(0)
    months = generator.integers(0, 60, rows)
    price = generator.normal(50, 15, rows).round(2)
    leaving = 1 / (1 + np.exp(-(price - 45) / 8 + months / 12))
    return pd.DataFrame(
        {
            "customer_id": [f"C{number:06d}" for number in range(rows)],
            "plan": generator.choice(["basic", "plus", "größer & <mehr>"], rows),
            "months with us": months,
            "price": np.where(generator.random(rows) < 0.05, np.nan, price),
            "total": [" " if month == 0 else str(month * 50) for month in months],
            "paperless": generator.random(rows) < 0.5,
            "churned": np.where(generator.random(rows) < leaving, "yes", "no"),
        }
    )


@pytest.mark.parametrize(
    "model", ["hist_gradient_boosting", *(slow(name) for name in ("logistic", "random_forest", "mlp", "ensemble"))]
)
def test_a_binary_table(lay, model):
    project = lay("smoke", {**SMALL, "train": {"model": model}})
    source = write(project, "churn.csv", churn())
    written = (  # what the user writes, and nothing else
        f'data:  {{source: {source}, target: churned, positive: "yes", time_column: null, '
        "group_column: null, drop: [customer_id]}"
    )
    put_data(project, written)
    project.dvc("repro")
    metrics = project.json("results/evaluate/metrics.json")
    assert metrics["roc_auc"] > 0.75
    low, high = metrics["interval"]["roc_auc"]["low"], metrics["interval"]["roc_auc"]["high"]
    assert low < metrics["roc_auc"] < high
    row = pd.DataFrame(
        {"plan": ["plus"], "months with us": [1.0], "price": [80.0], "total": [50.0], "paperless": [1.0]}
    )
    old = row.assign(**{"months with us": 59.0})
    assert project.model.predict(row)[0, 1] > project.model.predict(old)[0, 1]
    assert "customer_id" not in {feature.name for feature in project.features}


@pytest.mark.slow
def test_a_table_of_three_classes_in_groups(lay):
    generator = np.random.default_rng(1)
    rows = 1500
    length, city = generator.normal(0, 1, rows), generator.choice(["Rome", "Oslo", "Bern"], rows)
    value = length + np.where(city == "Oslo", 1.0, 0.0) + generator.normal(0, 0.4, rows)
    kind = np.select([value < -0.3, value < 0.9], ["small", "middle"], "large")
    group = generator.integers(0, 60, rows)
    project = lay("smoke", {**SMALL, "evaluate": {"min_slice": 20, "floor": {"metric": "accuracy", "at_least": 0.6}}})
    source = write(project, "kinds.csv", pd.DataFrame({"length": length, "city": city, "group": group, "kind": kind}))
    data = {
        "source": source,
        "target": "kind",
        "positive": None,
        "time_column": None,
        "group_column": "group",
        "drop": [],
    }
    set_data(project, data)
    project.dvc("repro")
    metrics = project.json("results/evaluate/metrics.json")
    assert metrics["accuracy"] > 0.65 and metrics["roc_auc"] > 0.8
    assert project.task.classes == ("large", "middle", "small")
    assert "group" not in {feature.name for feature in project.features}


@pytest.mark.slow
@pytest.mark.parametrize("model", ["hist_gradient_boosting", "ensemble"])
def test_a_regression_with_dates(lay, model):
    generator = np.random.default_rng(2)
    rows = 1500
    at = pd.date_range("2023-01-01", periods=rows, freq="6h")
    size = generator.normal(0, 1, rows)
    price = 100 + 20 * size + 10 * np.cos(at.hour / 24 * 2 * np.pi) + generator.normal(0, 5, rows)
    frame = pd.DataFrame(
        {"at": at.astype(str), "size": size, "built": (at - pd.to_timedelta(100, "D")).astype(str), "price": price}
    )
    project = lay("smoke", {**SMALL, "train": {"model": model, "mlp": {"max_epochs": 15}}})
    source = write(project, "prices.csv", frame)
    set_data(
        project,
        {"source": source, "target": "price", "positive": None, "time_column": "at", "group_column": None, "drop": []},
    )
    project.dvc("repro")
    metrics = project.json("results/evaluate/metrics.json")
    assert metrics["r2"] > 0.7
    assert metrics["interval"]["rmse"]["low"] < metrics["rmse"] < metrics["interval"]["rmse"]["high"]


def set_data(project, data):
    """Put a data section into params.yaml and take away that of the flights."""
    put_data(project, f"data: {json.dumps(data)}")


def put_data(project, written):
    """Put a data section, as a line of YAML, in place of that of the flights."""
    text = project.read("params.yaml")
    changed, times = re.subn(r"(?ms)^data:.*?(?=^task:)", lambda _: f"{written}\n\n", text)
    assert times == 1
    (project.folder / "params.yaml").write_text(changed, encoding="utf-8")
