"""What the data and features stages must have made before anything may be learned from it."""

import pandas as pd
import pytest

from stages import params
from stages.schema_file import from_yaml
from stages.task import BLOCK, ROW

FOLDS = ("train", "validation", "test")


@pytest.fixture
def folds(project):
    return {fold: pd.read_parquet(project.folder / f"data/features/{fold}.parquet") for fold in FOLDS}


def test_every_fold_has_the_features_of_the_list_in_their_types(project, folds):
    expected = [feature.name for feature in project.features] + [project.task.target, ROW, BLOCK]
    for table in folds.values():
        assert list(table.columns) == expected
        for feature in project.features:
            assert table[feature.name].dtype == ("float32" if feature.type == "numeric" else "str")


def test_no_text_and_no_target_is_missing(project, folds):
    texts = [feature.name for feature in project.features if feature.type == "categorical"]
    for table in folds.values():
        assert not table[[*texts, project.task.target]].isna().any().any()


def test_numbers_are_finite_or_missing(project, folds):
    numbers = [feature.name for feature in project.features if feature.type == "numeric"]
    for table in folds.values():
        assert not table[numbers].isin([float("inf"), float("-inf")]).any().any()


def test_no_row_is_on_two_sides(folds):
    rows = pd.concat([table[ROW] for table in folds.values()])
    assert rows.is_unique


def test_no_day_or_group_is_on_two_sides(project, folds):
    if project.task.time_column or project.task.group_column:
        where = pd.concat([table[[BLOCK]].assign(fold=fold) for fold, table in folds.items()])
        assert where.groupby(BLOCK)["fold"].nunique().max() == 1


def test_every_class_is_in_every_fold(project, folds):
    for table in folds.values():
        if project.task.classes:
            assert set(table[project.task.target]) == set(range(len(project.task.classes)))


def test_levels_and_ranges_are_those_of_training(project, folds):
    for feature in project.features:
        values = folds["train"][feature.name]
        if feature.type == "categorical":
            assert set(values) == set(feature.levels)
        else:
            assert (float(values.min()), float(values.max())) == pytest.approx((feature.low, feature.high), rel=1e-5)


def test_the_schema_describes_this_source(project):
    schema = from_yaml(project.read("data/schema.yaml"))
    assert schema.target == params.load(project.folder / "params.yaml")["data"]["target"]


def test_the_data_quality_is_what_a_model_needs(project):
    assert project.json("results/data/metrics.json")["quality"]["score"] >= 0.8
