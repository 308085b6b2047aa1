"""What DVC draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from stages import plots
from stages.task import Task

BINARY = Task("binary", "late", ("no", "yes"))
THREE = Task("multiclass", "kind", ("a", "b", "c"))
NUMBER = Task("regression", "price")
SLICES = pd.DataFrame(
    {"slice": ["a = 1"], "loss": [0.5], "excess": [0.1], "low": [0.0], "high": [0.2], "rows": [9], "at_stake": [0.1]}
)
IMPORTANCE = pd.DataFrame({"feature": ["a"], "loss_rise": [0.1]})


def sample(task: Task, rows: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    if task.kind == "regression":
        prediction = generator.normal(size=rows)
        return prediction + generator.normal(size=rows), prediction
    p = generator.dirichlet(np.ones(len(task.classes)), rows).round(3)
    return (p.cumsum(axis=1) > generator.random((rows, 1))).argmax(axis=1), p


def test_the_roc_curve_is_scikit_learns():
    y, p = sample(BINARY)
    roc, _, _ = plots.curves(BINARY, y, p)
    fpr, tpr, _ = sk.roc_curve(y, p[:, 1], drop_intermediate=False)
    assert roc["tpr"].to_numpy() == pytest.approx(np.interp(roc["fpr"], fpr, tpr))
    assert np.trapezoid(roc["tpr"], roc["fpr"]) == pytest.approx(sk.roc_auc_score(y, p[:, 1]), abs=2e-3)


def test_the_precision_recall_curve_gives_the_precision_at_which_a_recall_is_first_reached():
    y, p = np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.1])
    _, curve, _ = plots.curves(BINARY, y, np.column_stack([1 - p, p]))
    at = curve.set_index(curve["recall"].round(2))["precision"]
    assert (at[0.5], at[0.51], at[1.0]) == pytest.approx((1, 2 / 3, 2 / 3))
    assert set(curve["chance"]) == {0.5}


def test_of_many_classes_the_mean_curve_is_drawn_and_each_is_there():
    y, p = sample(THREE)
    roc, _, by_class = plots.curves(THREE, y, p)
    assert by_class["class"].unique().tolist() == ["a", "b", "c"]
    assert by_class.groupby("grid")["tpr_at_fpr"].mean().to_numpy() == pytest.approx(roc["tpr"].to_numpy())


def test_a_class_that_does_not_occur_has_no_curve():
    y, p = sample(THREE)
    _, _, by_class = plots.curves(THREE, np.where(y == 2, 1, y), p)
    assert by_class["class"].unique().tolist() == ["a", "b"]


def test_calibration_has_bins_of_equal_mass():
    y, p = sample(BINARY)
    table = plots.calibration(BINARY, y, p)
    assert table["rows"].sum() == 3000
    assert table["rows"].between(150, 250).all()
    assert table["observed"].to_numpy() == pytest.approx(table["predicted"].to_numpy(), abs=0.12)


def test_the_confusion_table_stands_for_all_rows_in_proportion():
    y = np.repeat([0, 0, 1, 1], [1800, 600, 300, 300])
    called = np.repeat([0.1, 0.9, 0.1, 0.9], [1800, 600, 300, 300])
    table = plots.confusion(BINARY, y, np.column_stack([1 - called, called]), 0.5)
    assert table.value_counts().to_dict() == {
        ("no", "no"): 600,
        ("no", "yes"): 200,
        ("yes", "no"): 100,
        ("yes", "yes"): 100,
    }


def test_the_confusion_table_of_few_rows_is_the_rows():
    y, p = sample(THREE, 7)
    table = plots.confusion(THREE, y, p, None)
    pairs = zip(table["actual"], table["predicted"], strict=True)
    assert sorted(pairs) == sorted(
        zip(np.array(["a", "b", "c"])[y], np.array(["a", "b", "c"])[p.argmax(1)], strict=True)
    )


def test_residuals_are_few_and_spread_over_the_predictions():
    y, prediction = sample(NUMBER)
    table = plots.residuals(y, prediction)
    assert len(table) == 400
    assert table["predicted"].iloc[[0, -1]].tolist() == [prediction.min(), prediction.max()]


@pytest.mark.parametrize("task", [BINARY, THREE, NUMBER], ids=lambda task: task.kind)
def test_every_task_fills_every_file_that_the_plots_name_with_the_same_columns(task):
    y, prediction = sample(task)
    made = plots.tables(task, y, prediction, None, SLICES, IMPORTANCE)
    columns = {
        "roc.csv": ["fpr", "tpr", "chance"],
        "precision_recall.csv": ["recall", "precision", "chance"],
        "calibration.csv": ["predicted", "observed", "ideal", "rows"],
        "confusion.csv": ["actual", "predicted"],
        "residuals.csv": ["predicted", "residual"],
        "score_by_slice.csv": ["slice", "loss", "excess", "low", "high", "rows"],
        "importance.csv": ["feature", "loss_rise"],
    }
    assert {name: list(made[name]) for name in columns} == columns
    assert all(1 <= len(table) <= 1000 for table in made.values())
    assert set(made) - set(columns) == ({"curves_by_class.csv"} if task is THREE else set())


def test_without_a_slice_there_is_still_one_row():
    y, prediction = sample(NUMBER)
    assert len(plots.tables(NUMBER, y, prediction, None, SLICES[:0], IMPORTANCE)["score_by_slice.csv"]) == 1
