"""What to try next: each figure that stands out, and silence where none does."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import params
from stages.evidence import Evidence
from stages.knobs import KNOBS, knobs_of
from stages.suggestions import Suggestion, render, suggest
from stages.task import Task

PARAMS = Path(__file__).parents[2] / "params.yaml"
SLICES = pd.DataFrame(
    {
        "column": ["origin"],
        "value": ["EWR"],
        "column_2": [""],
        "value_2": [""],
        "rows": [2000],
        "share": [0.2],
        "positive_rate": [0.4],
        "mean_prediction": [0.4],
        "gap": [0.0],
        "gap_low": [-0.01],
        "gap_high": [0.01],
        "loss": [0.31],
        "excess": [0.01],
        "low": [-0.01],
        "high": [0.02],
        "at_stake": [0.0],
        "gap_at_stake": [0.0],
    }
)
IMPORTANCE = pd.DataFrame(
    {"feature": ["hour", "carrier", "origin"], "loss_rise": [0.03, 0.03, 0.02], "low": [0.01] * 3, "high": [0.05] * 3}
)
DRIFT = pd.DataFrame({"column": ["hour"], "type": ["numeric"], "distance": [0.02], "noise": [0.01], "unseen": [0.0]})
METRICS = {"roc_auc": 0.8, "average_precision": 0.6, "accuracy": 0.85, "f1": 0.6, "log_loss": 0.3, "ece": 0.01}
CALM = Evidence(
    task=Task("binary", "late", ("no", "yes")),
    model="hist_gradient_boosting",
    train={**METRICS, "log_loss": 0.28},
    validation=METRICS,
    test=METRICS,
    intervals={"log_loss": (0.28, 0.32), "ece": (0.005, 0.02)},
    baseline=0.5,
    majority=0.6,
    blocks=90,
    rows=10_000,
    slices=SLICES,
    importance=IMPORTANCE,
    drift=DRIFT,
    curve=pd.DataFrame(
        {"step": range(20), "train": np.exp(-np.arange(20.0)), "validation": 0.3 + np.exp(-np.arange(20.0))}
    ),
)


def curve(validation: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"step": range(len(validation)), "train": validation, "validation": validation})


STANDS_OUT = {
    "The model knows hardly more than a constant": {"baseline": 0.301},
    "One feature carries the model: `hour`": {"importance": IMPORTANCE.assign(loss_rise=[0.3, 0.01, 0.01])},
    "The model knows the training rows too well": {"train": {**METRICS, "log_loss": 0.1}},
    "There may be room for a richer model": {"train": METRICS},
    "Test rows are predicted worse than validation rows": {"validation": {**METRICS, "log_loss": 0.27}},
    "Columns differ between training and test rows": {"drift": DRIFT.assign(distance=0.4, unseen=0.2)},
    "Biased where `origin = EWR`": {
        "slices": SLICES.assign(gap=-0.1, gap_low=-0.12, gap_high=-0.08, gap_at_stake=0.01)
    },
    "Hardest where `origin = EWR`": {"slices": SLICES.assign(excess=0.2, low=0.1, high=0.3, at_stake=0.02)},
    "One feature does nothing that can be seen": {"importance": IMPORTANCE.assign(low=[0.01, 0.01, 0], high=0.001)},
    "Probabilities are off": {
        "test": {**METRICS, "ece": 0.1},
        "intervals": {"log_loss": (0.28, 0.32), "ece": (0.08, 0.12)},
    },
    "Still learning when it stopped": {"curve": curve([0.6, 0.5, 0.45, 0.42, 0.4, 0.38, 0.36, 0.34])},
    "Best long before the end": {"curve": curve([0.5, 0.3, 0.31, 0.32, 0.34, 0.35, 0.36, 0.38])},
    "Accuracy says little here": {"majority": 0.84},
    "The threshold does not carry over": {"test": {**METRICS, "f1": 0.5}},
    "Intervals rest on few blocks": {"blocks": 4},
}


def test_where_nothing_stands_out_it_says_so():
    assert suggest(CALM) == []
    assert "Nothing stands out" in render([])


@pytest.mark.parametrize("what", STANDS_OUT)
def test_what_stands_out_is_named_with_its_figures_and_what_to_change(what):
    found = suggest(replace(CALM, **STANDS_OUT[what]))
    assert [suggestion.what for suggestion in found] == [what]
    assert re.search(r"\d", found[0].why)
    assert "`" in found[0].how
    assert found[0].stake > 0


def test_the_most_promising_comes_first():
    found = suggest(
        replace(
            CALM,
            **STANDS_OUT["Accuracy says little here"],
            **STANDS_OUT["Columns differ between training and test rows"],
        )
    )
    assert [suggestion.what for suggestion in found] == [
        "Columns differ between training and test rows",
        "Accuracy says little here",
    ]


def test_a_gap_that_chance_explains_is_no_shift():
    assert suggest(replace(CALM, validation={**METRICS, "log_loss": 0.2805}, train={})) == []


def test_figures_are_told():
    (found,) = suggest(replace(CALM, **STANDS_OUT["Biased where `origin = EWR`"]))
    assert found.why == (
        "On 2,000 test rows (20.0%) the model says 0.4 on average, and 0.5 happened: -0.1 [-0.12, -0.08]."
    )


@pytest.mark.parametrize("model", [*KNOBS, "something_new"])
def test_every_parameter_that_is_named_exists(model):
    given = params.load(PARAMS)
    pages = [render(suggest(replace(CALM, model=model, **change))) for change in STANDS_OUT.values()]
    knobs = knobs_of(model)
    words = " ".join([*pages, knobs.simpler, knobs.richer, knobs.longer, knobs.gentler])
    named = set(re.findall(r"`((?:train|split|features|evaluate)\.[\w.]+)", words))
    assert named
    for name in named:
        value = given
        for key in name.split("."):
            assert key in value, f"{name} is not in params.yaml"
            value = value[key]


def test_every_model_of_params_has_its_knobs():
    assert set(params.load(PARAMS)["train"]) - {"model", "device"} == set(KNOBS)


def test_a_regression_is_judged_by_squared_error():
    metrics = {"rmse": 2.0, "mae": 1.0, "r2": 0.2}
    evidence = replace(
        CALM,
        task=Task("regression", "price"),
        train={**metrics, "rmse": 1.0},
        validation=metrics,
        test=metrics,
        intervals={"rmse": (1.9, 2.1)},
        baseline=10.0,
        majority=0.0,
        slices=SLICES.rename(columns={"positive_rate": "mean_target"}).assign(gap=1.0, gap_at_stake=0.1),
    )
    assert [suggestion.what for suggestion in suggest(evidence)] == [
        "The model knows the training rows too well",
        "Biased where `origin = EWR`",
    ]


def test_the_page_numbers_its_suggestions():
    page = render(
        [Suggestion("First", "Because 1.", "Do `x`.", 1.0), Suggestion("Second", "Because 2.", "Do `y`.", 0.5)]
    )
    assert page.endswith(
        "\n## 1. First\n\nBecause 1.\n\n**Try:** Do `x`.\n\n## 2. Second\n\nBecause 2.\n\n**Try:** Do `y`.\n"
    )
