"""The page on the model's errors."""

from __future__ import annotations

import pandas as pd

from stages.analysis import page
from stages.task import Task

SLICES = pd.DataFrame(
    {
        "slice": ["origin = E|R", "hour = 5"],
        "rows": [1200, 300],
        "share": [0.2, 0.05],
        "positive_rate": [0.4, 0.1],
        "mean_prediction": [0.3, 0.1],
        "gap": [-0.1, 0.0],
        "gap_low": [-0.2, -0.1],
        "gap_high": [-0.05, 0.1],
        "loss": [0.5, 0.2],
        "excess": [0.2, -0.1],
        "low": [0.1, -0.2],
        "high": [0.3, 0.0],
        "at_stake": [0.02, 0.0],
        "gap_at_stake": [0.01, 0.0],
    }
)
IMPORTANCE = pd.DataFrame(
    {"feature": ["hour"], "loss_rise": [0.1], "low": [0.05], "high": [0.2], "roc_auc_drop": [0.03]}
)
DRIFT = pd.DataFrame({"column": ["hour"], "type": ["numeric"], "distance": [0.2], "noise": [0.01], "unseen": [0.0]})


def write(slices: pd.DataFrame) -> str:
    task = Task("binary", "late", ("no", "yes"))
    metrics = {"roc_auc": 0.71236, "log_loss": 0.5}
    return page(task, metrics, {"roc_auc": 0.7}, {"roc_auc": (0.7, 0.72)}, slices, IMPORTANCE, DRIFT)


def test_every_table_is_there_with_its_intervals():
    text = write(SLICES)
    for line in (
        "| roc_auc | 0.7124 | 0.7 to 0.72 | 0.7 |",
        "| log_loss | 0.5 |  |  |",
        "| origin = E\\|R | 1,200 | 0.2 | 0.5 | 0.2 | 0.1 to 0.3 | 0.4 | 0.3 |",
        "| origin = E\\|R | 1,200 | 0.2 | 0.4 | 0.3 | -0.1 | -0.2 to -0.05 |",
        "| hour | 0.1 | 0.05 to 0.2 | 0.03 |",
        "| hour | numeric | 0.2 | 0.01 | 0 |",
    ):
        assert line in text.splitlines()


def test_a_slice_with_nothing_at_stake_is_not_shown():
    assert "hour = 5" not in write(SLICES)


def test_a_table_without_rows_says_none():
    assert write(SLICES[1:]).count("\nNone.\n") == 2
