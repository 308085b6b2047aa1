"""Intervals of the difference of two models, held against resampling by hand and scikit-learn."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from gitml.reports import intervals
from gitml.reports.intervals import Interval, NoPredictions, Pairing, Predictions, paired, read, scores
from stages.findings import Fold, predictions
from stages.metrics import score
from stages.task import Task

from .yardstick import cost


def binary(rows: int, blocks: int, seed: int, decimals: int = 16, model: int = 0) -> Predictions:
    drawn = np.random.default_rng(seed)
    day = np.sort(drawn.integers(0, blocks, rows))
    target = (drawn.random(rows) < 0.3).astype(np.int64)
    own = np.random.default_rng([seed, model])
    p = np.round(1 / (1 + np.exp(1 - target - day / blocks - own.normal(size=rows))), decimals)
    blocks_ = np.array([f"2013-01-{number:03}" for number in day], dtype=object)
    return Predictions("binary", np.arange(rows), blocks_, target, np.column_stack([1 - p, p]), ("no", "yes"))


def by_hand(one: Predictions, other: Predictions, score: Any, resamples: int, seed: int) -> Interval:
    """Resample whole blocks as rows, one by one."""
    names = sorted(set(one.blocks))
    drawn = np.random.RandomState(seed)
    found = []
    for _ in range(resamples):
        chosen = [names[place] for place in drawn.randint(0, len(names), len(names))]
        rows = np.concatenate([np.flatnonzero(one.blocks == name) for name in chosen])
        pair = [score(each.target[rows], each.values[rows]) for each in (one, other)]
        if None not in pair:
            found.append(pair[0] - pair[1])
    return Interval(*np.percentile(found, [2.5, 97.5]))


def both(score: Any) -> Any:
    return lambda y, p: score(y, p) if 0 < y.sum() < len(y) else None


BY_HAND = {
    "roc_auc": both(lambda y, p: metrics.roc_auc_score(y, p[:, 1])),
    "average_precision": both(lambda y, p: metrics.average_precision_score(y, p[:, 1])),
    "accuracy": lambda y, p: metrics.accuracy_score(y, p.argmax(axis=1)),
    "f1": both(lambda y, p: metrics.f1_score(y, p[:, 1] >= 0.4, zero_division=0)),
    "log_loss": lambda y, p: metrics.log_loss(y, p[:, 1], labels=[0, 1]),
    "brier": lambda y, p: ((p[:, 1] - y) ** 2).mean(),
}


@pytest.mark.parametrize("decimals", [16, 1])
@pytest.mark.parametrize("name", BY_HAND)
def test_a_binary_task_is_resampled_as_by_hand(name: str, decimals: int) -> None:
    one, other = binary(160, 8, 1, decimals), binary(160, 8, 1, decimals, model=1)
    assert scores(one, 0.4)[name] == pytest.approx(BY_HAND[name](one.target, one.values), abs=1e-12)
    found = paired(one, other, (0.4, 0.4), resamples=60, seed=5)
    assert found.intervals[name] == pytest.approx(by_hand(one, other, BY_HAND[name], 60, 5), abs=1e-12)
    assert tuple(found.intervals) == tuple(BY_HAND)


def test_each_model_has_its_own_threshold() -> None:
    one = binary(160, 8, 1)
    low, high = (paired(one, one, ends, resamples=60).intervals["f1"] for ends in ((0.5, 0.9), (0.9, 0.5)))
    assert low.low > 0
    assert high == pytest.approx((-low.high, -low.low))


def test_several_classes_and_numbers() -> None:
    drawn = np.random.default_rng(3)
    day = np.repeat(np.arange(9), 10)
    target = drawn.integers(0, 3, 90)
    one, other = (
        Predictions("multiclass", np.arange(90), day, target, drawn.dirichlet(np.ones(3), 90), ("a", "b", "c"))
        for _ in range(2)
    )
    found = paired(one, other, resamples=50)
    assert tuple(found.intervals) == ("accuracy", "log_loss")
    assert found.intervals["log_loss"] == pytest.approx(
        by_hand(one, other, lambda y, p: metrics.log_loss(y, p, labels=[0, 1, 2]), 50, 0)
    )
    assert found.intervals["accuracy"] == pytest.approx(
        by_hand(one, other, lambda y, p: metrics.accuracy_score(y, p.argmax(axis=1)), 50, 0)
    )
    values = drawn.normal(size=(3, 90))
    one, other = (Predictions("regression", np.arange(90), day, values[2], values[place]) for place in (0, 1))
    found = paired(one, other, resamples=50)
    assert tuple(found.intervals) == ("rmse", "mae")
    assert found.intervals["rmse"] == pytest.approx(by_hand(one, other, metrics.root_mean_squared_error, 50, 0))
    assert found.intervals["mae"] == pytest.approx(by_hand(one, other, metrics.mean_absolute_error, 50, 0))


def test_the_order_of_the_rows_does_not_matter_and_the_seed_does() -> None:
    one, other = binary(200, 10, 2), binary(200, 10, 2, model=1)
    order = np.random.default_rng(0).permutation(200)
    mixed = other._replace(**{name: getattr(other, name)[order] for name in ("rows", "blocks", "target", "values")})
    assert paired(one, other, resamples=40) == paired(one, mixed, resamples=40)
    assert paired(one, other, resamples=40) != paired(one, other, resamples=40, seed=1)


def test_a_model_against_itself_is_within_noise() -> None:
    one = binary(200, 10, 2)
    assert set(paired(one, one, resamples=20).intervals.values()) == {Interval(0.0, 0.0)}


def test_a_metric_that_most_resamples_do_not_define_has_no_interval() -> None:
    one = binary(80, 8, 4)
    target = np.where(one.blocks == one.blocks[0], one.target, 0)
    target[0] = 1
    found = paired(*(each._replace(target=target) for each in (one, binary(80, 8, 4, model=1))), resamples=200)
    assert {"roc_auc", "f1"} <= set(found.intervals)
    none = target * 0
    found = paired(*(each._replace(target=none) for each in (one, binary(80, 8, 4, model=1))), resamples=20)
    assert tuple(found.intervals) == ("accuracy", "log_loss", "brier")


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"classes": ("no", "maybe")}, "the two predict other things"),
        ({"kind": "regression"}, "the two predict other things"),
        ({"rows": np.arange(1, 61)}, "the two were scored on other test rows"),
        ({"rows": np.zeros(60, int)}, "a test row stands in the predictions twice"),
        ({"target": np.ones(60, int)}, "the test rows are the same by number, but their targets or blocks are not"),
        ({"blocks": np.arange(60)}, "the test rows are the same by number, but their targets or blocks are not"),
    ],
)
def test_what_cannot_be_paired_says_why(change: dict[str, Any], note: str) -> None:
    one = binary(60, 8, 1)
    assert paired(one, one._replace(**change)) == Pairing({}, note)
    assert paired(one._replace(**change), one).note == note


def test_five_blocks_are_too_few() -> None:
    one = binary(60, 6, 1)
    few = one._replace(blocks=np.arange(60) % 5)
    assert paired(few, few) == Pairing({}, "the test rows lie in 5 blocks, too few for an interval")
    assert paired(one, one, resamples=10).note == ""


def test_a_thousand_resamples_of_the_flights_take_about_a_second() -> None:
    one, other = binary(82_609, 92, 1), binary(82_609, 92, 1, model=1)
    price = cost(lambda: paired(one, other), rounds=1)
    assert price < 400  # 50, which is half a second
    assert len(paired(one, other).intervals) == 6


def test_what_the_evaluate_stage_writes_is_read(tmp_path: Path) -> None:
    one = binary(60, 8, 1)
    frame = pd.DataFrame({"__row__": one.rows, "__block__": one.blocks, "target": one.target})
    for code, label in enumerate(one.classes):
        frame[f"probability_{label}"] = one.values[:, code].astype(np.float32)
    frame.to_parquet(tmp_path / "binary.parquet", index=False)
    found = read(tmp_path / "binary.parquet")
    assert (found.kind, found.classes) == ("binary", ("no", "yes"))
    assert scores(found) == pytest.approx(scores(one), abs=1e-6)
    assert paired(found, found, resamples=5).note == ""
    frame = frame.drop(columns=["probability_no", "probability_yes"]).assign(prediction=1.5, target=1.0)
    frame.to_parquet(tmp_path / "numbers.parquet", index=False)
    assert scores(read(tmp_path / "numbers.parquet")) == {"rmse": 0.5, "mae": 0.5}


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"__row__": [1], "__block__": ["a"], "target": [0]}, 'Field "prediction" does not exist'),
        ({"__row__": [1], "__block__": ["a"], "target": [0], "prediction": ["x"]}, "could not convert string to float"),
        ({"__row__": [1], "__block__": ["a"], "target": ["x"], "prediction": [1.0]}, "is no number"),
        ({"__row__": [1.5], "__block__": ["a"], "target": [0], "prediction": [1.0]}, "__row__ or target is no number."),
        (
            {"__row__": [1], "__block__": ["a"], "target": [0], "prediction": [None]},
            "A value in it is no finite number.",
        ),
        (
            {"__row__": [1], "__block__": ["a"], "target": [np.inf], "prediction": [1.0]},
            "A value in it is no finite number.",
        ),
        ({"__row__": [1], "__block__": ["a"], "target": [0], "probability_a": [1.0]}, "It has one class only."),
        (
            {"__row__": [1], "__block__": ["a"], "target": [2], "probability_a": [1.0], "probability_b": [0.0]},
            "target is not the code of a class.",
        ),
        (
            {"__row__": np.zeros(0, int), "__block__": [], "target": np.zeros(0), "prediction": np.zeros(0)},
            "It has no rows.",
        ),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, columns: dict[str, Any], why: str) -> None:
    pd.DataFrame(columns).to_parquet(tmp_path / "p.parquet", index=False)
    with pytest.raises(NoPredictions) as caught:
        read(tmp_path / "p.parquet", "results/p.parquet")
    assert caught.value.what == "results/p.parquet holds no predictions that can be read"
    assert why in caught.value.why


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_the_evaluate_stage_and_gitml_agree(tmp_path: Path, kind: Any) -> None:
    drawn = np.random.default_rng(4)
    classes = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c")}.get(kind, ())
    y = drawn.integers(0, len(classes), 90) if classes else drawn.normal(size=90)
    prediction = np.round(drawn.dirichlet(np.ones(len(classes)), 90) if classes else drawn.normal(size=90), 2)
    task = Task(kind, "late", classes)
    fold = Fold(pd.DataFrame(), y, np.arange(90), pd.Series([f"day {number // 9}" for number in range(90)]))
    prediction = prediction.astype(np.float32)
    predictions(task, fold, prediction).to_parquet(tmp_path / "p.parquet", index=False)
    found = read(tmp_path / "p.parquet")
    theirs = score(task, y, prediction.astype(np.float64), 0.4)
    assert scores(found, 0.4) == pytest.approx({name: theirs[name] for name in scores(found)}, rel=1e-12)
    assert set(scores(found)) == set(paired(found, found, resamples=5).intervals)


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(NoPredictions) as caught:
        read(tmp_path / "p.parquet")
    assert caught.value.why == "numpy and pyarrow are not installed; they come with the extra gitml[reports]."


def test_too_many_rows_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pd.DataFrame({"__row__": [1, 2]}).to_parquet(tmp_path / "p.parquet")
    monkeypatch.setattr(intervals, "MOST_ROWS", 1)
    with pytest.raises(NoPredictions) as caught:
        read(tmp_path / "p.parquet")
    assert caught.value.why == "It has more than 1 rows."


def test_no_parquet_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_text("words")
    for name in ("p.parquet", "missing.parquet"):
        with pytest.raises(NoPredictions, match=f"{name} holds no predictions"):
            read(tmp_path / name)
