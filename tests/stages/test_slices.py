"""Where the model fails: what is found, and what luck cannot bring to the top."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stages.slices import slice_column, slice_table, with_auc, worst_slices
from stages.task import Feature, Task

BINARY = Task("binary", "late", ("no", "yes"))


def numeric(name: str) -> Feature:
    return Feature(name, "numeric", name)


def categorical(name: str) -> Feature:
    return Feature(name, "categorical", name)


def world(rows: int, seed: int = 0) -> tuple[tuple[Feature, ...], pd.DataFrame, np.ndarray, pd.Series]:
    """Rows of 60 days whose columns say nothing; the model says 0.2, which is right."""
    generator = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "hour": generator.integers(0, 24, rows).astype(np.float32),
            "origin": generator.choice(["EWR", "JFK", "LGA"], rows),
            "carrier": generator.choice(["AA", "UA", "WN", "DL"], rows),
            "noise": generator.normal(size=rows).astype(np.float32),
        }
    )
    features = (numeric("hour"), categorical("origin"), categorical("carrier"), numeric("noise"))
    blocks = pd.Series(np.sort(generator.integers(0, 60, rows)).astype(str))
    return features, X, np.column_stack([np.full(rows, 0.8), np.full(rows, 0.2)]), blocks


def drawn(share: np.ndarray, seed: int = 1) -> np.ndarray:
    return (np.random.default_rng(seed).random(len(share)) < share).astype(np.int64)


def test_a_number_is_cut_at_its_quartiles_and_what_is_missing_is_a_slice():
    slicing = slice_column(numeric("hour"), pd.Series([*range(16), np.nan], dtype="float32"))
    assert slicing.labels == ("up to 4", "over 4 to 8", "over 8 to 12", "over 12", "(missing)")
    assert slicing.codes.tolist() == [0] * 5 + [1] * 4 + [2] * 4 + [3] * 3 + [4]


def test_a_number_with_few_values_is_cut_by_value():
    slicing = slice_column(numeric("weekday"), pd.Series([6.0, 0.5, 6.0], dtype="float32"))
    assert slicing.labels == ("0.5", "6", "(missing)")
    assert slicing.codes.tolist() == [1, 0, 1]


def test_a_category_is_cut_by_level_the_most_frequent_first():
    slicing = slice_column(categorical("origin"), pd.Series(["LGA", "", "JFK", "LGA"]))
    assert slicing.labels == ("LGA", "(missing)", "JFK")
    assert slicing.codes.tolist() == [0, 1, 2, 0]


def test_levels_beyond_the_thirtieth_are_in_no_slice():
    slicing = slice_column(categorical("tail"), pd.Series([f"N{place:02}" for place in range(40)]))
    assert slicing.labels == tuple(f"N{place:02}" for place in range(30))
    assert slicing.codes.tolist() == [*range(30)] + [30] * 10


def test_the_figures_of_a_slice():
    X = pd.DataFrame({"origin": ["A", "A", "B", "B"]})
    p = np.array([0.5, 0.9, 0.2, 0.2])
    y, blocks = np.array([1, 0, 0, 0]), pd.Series(["1", "2", "1", "2"])
    table = slice_table(BINARY, (categorical("origin"),), X, y, np.column_stack([1 - p, p]), blocks, 1, 0)
    row = table.set_index("value").loc["A"]
    assert (row["slice"], row["rows"], row["share"]) == ("origin = A", 2, 0.5)
    assert (row["positive_rate"], row["mean_prediction"], row["gap"]) == pytest.approx((0.5, 0.7, 0.2))
    assert row["loss"] == pytest.approx((-np.log(0.5) - np.log(0.1)) / 2)
    assert row["excess"] == pytest.approx(row["loss"] - (2 * row["loss"] - 2 * np.log(0.8)) / 4)
    assert row["low"] < row["excess"] < row["high"]


def test_a_pair_that_fails_comes_first_of_the_pairs():
    features, X, p, blocks = world(12_000)
    fails = (X["origin"] == "EWR") & (X["carrier"] == "WN")
    table = slice_table(BINARY, features, X, drawn(np.where(fails, 0.6, 0.2)), p, blocks, 200, 0)
    pairs = table[table["column_2"] != ""]
    assert pairs["slice"].tolist() == ["origin = EWR, carrier = WN"]
    pair = pairs.iloc[0]
    assert min(pair["at_stake"], pair["gap_at_stake"]) > 0
    assert pair["gap_low"] < -0.4 < pair["gap_high"]


def test_where_nothing_fails_nothing_is_at_stake_although_hundreds_of_slices_were_looked_at():
    for seed in range(5):
        features, X, p, blocks = world(6_000, seed)
        table = slice_table(BINARY, features, X, drawn(p[:, 1], seed), p, blocks, 50, 0)
        assert table.attrs["looked_at"] > 90
        assert (table["at_stake"] == 0).all()
        assert (table["gap_at_stake"] == 0).all()


def test_one_bad_day_is_not_a_bad_slice():
    features, X, p, blocks = world(6_000)
    bad = (blocks == "7").to_numpy()
    X["weather"] = np.where(bad, "storm", "fair")
    table = slice_table(
        BINARY, (*features, categorical("weather")), X, drawn(np.where(bad, 0.9, 0.2)), p, blocks, 50, 0
    )
    storm = table.set_index("slice").loc["weather = storm"]
    assert storm["excess"] > 0.5
    assert storm["at_stake"] == 0
    assert np.isnan(storm["low"])


def test_a_slice_has_at_least_the_rows_asked_for():
    features, X, p, blocks = world(600)
    table = slice_table(BINARY, features, X, drawn(p[:, 1]), p, blocks, 150, 0)
    assert table["rows"].min() >= 150


def test_two_columns_that_say_the_same_make_one_slice():
    features, X, p, blocks = world(2_000)
    X["code"] = X["origin"].str.lower()
    table = slice_table(BINARY, (features[1], categorical("code")), X, drawn(p[:, 1]), p, blocks, 50, 0)
    assert set(table["column"]) == {"origin"}


def test_the_auc_within_a_slice_is_there_only_if_both_classes_are():
    X = pd.DataFrame({"origin": ["A", "A", "A", "B", "B"]})
    p = np.array([0.1, 0.8, 0.7, 0.5, 0.5])
    y, blocks = np.array([0, 1, 0, 0, 0]), pd.Series(list("12345"))
    features, both = (categorical("origin"),), np.column_stack([1 - p, p])
    table = slice_table(BINARY, features, X, y, both, blocks, 1, 0)
    aucs = with_auc(BINARY, table, features, X, y, both).set_index("value")["roc_auc"]
    assert aucs["A"] == 1
    assert np.isnan(aucs["B"])


def test_the_worst_by_gap_join_the_worst_by_loss():
    features, X, p, blocks = world(12_000)
    lucky = X["origin"] == "EWR"  # says 0.2, is never late: no loss to speak of, and yet wrong
    table = slice_table(BINARY, features, X, drawn(np.where(lucky, 0.02, 0.2)), p, blocks, 200, 0)
    chosen = worst_slices(table, by_loss=1, by_gap=1)
    assert chosen["slice"].tolist()[1:] == ["origin = EWR"]
    assert chosen.attrs["looked_at"] == table.attrs["looked_at"]


@pytest.mark.parametrize(
    ("task", "y", "prediction", "figures"),
    [
        (Task("regression", "price"), np.array([1.0, 3.0]), np.array([2.0, 4.0]), {"mean_target": 2, "gap": 1}),
        (
            Task("multiclass", "kind", ("a", "b", "c")),
            np.array([0, 1]),
            np.array([[0.6, 0.2, 0.2], [0.7, 0.2, 0.1]]),
            {"accuracy": 0.5, "mean_confidence": 0.65},
        ),
    ],
)
def test_other_tasks_have_their_own_figures(task, y, prediction, figures):
    X, blocks = pd.DataFrame({"origin": ["A", "A"]}), pd.Series(["1", "2"])
    row = slice_table(task, (categorical("origin"),), X, y, prediction, blocks, 1, 0).iloc[0]
    assert {name: row[name] for name in figures} == pytest.approx(figures)


def test_no_slice_large_enough_is_an_empty_table():
    X, blocks = pd.DataFrame({"origin": ["A", "B"]}), pd.Series(["1", "2"])
    p = np.array([[0.5, 0.5], [0.5, 0.5]])
    table = slice_table(BINARY, (categorical("origin"),), X, np.array([0, 1]), p, blocks, 10, 0)
    assert table.empty
    assert "at_stake" in table
    assert worst_slices(table).empty
