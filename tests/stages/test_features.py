"""Features are made row by row, and learn only from the training rows."""

import numpy as np
import pandas as pd
import pytest

from stages.errors import InputError
from stages.features import build_features, learn_features, main, without
from stages.task import BLOCK, ROW, Feature, Task

TASK = Task("binary", "late", ("no", "yes"), time_column="at")


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "late": [0, 1, 0],
            "at": pd.to_datetime(["2024-01-01 06:30", "2024-02-06 12:00", "2024-03-03 00:00"]),
            "born": pd.to_datetime(["2023-12-31", None, "2024-03-02"]),
            "count": [1, 2, 2],
            "flag": [True, False, True],
            "city": pd.Series(["Rome", None, "Oslo"], dtype="str"),
            ROW: [0, 1, 2],
            BLOCK: ["a", "b", "c"],
        }
    )


def test_every_column_becomes_numbers_or_texts(frame):
    built, _ = build_features(frame, TASK, date_parts=True)
    assert built["count"].dtype == "float32" and built["flag"].tolist() == [1, 0, 1]
    assert built["city"].tolist() == ["Rome", "", "Oslo"]
    assert "late" not in built and ROW not in built and BLOCK not in built


def test_dates_are_taken_apart(frame):
    built, sources = build_features(frame, TASK, date_parts=True)
    assert built["at_hour"].tolist() == [6.5, 12, 0]
    assert built["at_weekday"].tolist() == [0, 1, 6]
    assert built["at_month"].tolist() == [1, 2, 3]
    assert "at_year" not in built  # the years to come are none of the years learned from
    assert built["born_days_before"].tolist()[0] == pytest.approx(1.2708, abs=1e-4)
    assert np.isnan(built["born_year"][1])
    assert sources["born_days_before"] == "born"
    assert not [name for name in build_features(frame, TASK, date_parts=False)[0] if name.startswith(("at", "born"))]


def test_a_row_depends_on_no_other_row(frame):
    whole, _ = build_features(frame, TASK, date_parts=True)
    for place in range(len(frame)):
        alone, _ = build_features(frame.iloc[[place]], TASK, date_parts=True)
        pd.testing.assert_frame_equal(alone, whole.iloc[[place]])


def test_the_group_column_is_no_feature(frame):
    grouped = Task("binary", "late", ("no", "yes"), group_column="city")
    assert "city" not in build_features(frame, grouped, date_parts=True)[0]


def test_levels_ranges_and_missing_shares_are_those_of_training():
    train = pd.DataFrame({"n": np.array([1, np.nan, 4], "float32"), "c": ["b", "a", ""], "constant": ["x"] * 3})
    learned = learn_features(train, {"n": "n", "c": "c", "constant": "constant"})
    assert learned == (
        Feature("n", "numeric", "n", (), 1.0, 4.0, 1 / 3),
        Feature("c", "categorical", "c", ("", "a", "b"), None, None, 1 / 3),
    )
    assert [Feature.from_json(feature.to_json()) for feature in learned] == list(learned)


def test_features_and_whole_columns_can_be_left_out():
    sources = {"at_month": "at", "at_hour": "at", "city": "city"}
    assert list(without(("at_hour",), sources)) == ["at_month", "city"]
    assert list(without(("at",), sources)) == ["city"]
    with pytest.raises(InputError, match="'at_houre', which is neither a feature nor a column. Did you mean 'at_hour'"):
        without(("at_houre",), sources)


def test_a_name_that_is_taken_twice_is_refused(frame):
    with pytest.raises(InputError, match="'at_month' has the name of a feature made from 'at'"):
        build_features(frame.assign(at_month=1)[["at_month", "at", "late"]], TASK, date_parts=True)


@pytest.mark.parametrize("order", [["at", "at_hour"], ["at_hour", "at"]])
def test_a_column_with_the_name_of_a_dates_part_is_refused_in_either_order(frame, order):
    with pytest.raises(InputError, match="Column 'at_hour' has the name of a feature made from 'at'"):
        build_features(frame.assign(at_hour=1.0)[order], TASK, date_parts=True)


def test_without_the_data_stage_it_names_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("features: {}\n")
    with pytest.raises(InputError, match="data/processed/task.json does not exist. Run `dvc repro features`"):
        main()
