"""What the trained model must do, whatever the task.

The floor is evaluate.floor in params.yaml. Put what you know of your own problem into `DIRECTIONS`: a feature, a
low and a high value, and whether the prediction (the positive class's probability) should then be "more" or "less".
"""

import numpy as np
import pandas as pd
import pytest

from stages import params

DIRECTIONS = [("departure_hour", 8.0, 20.0, "more")]  # delays add up over the day

ROWS = 2000


@pytest.fixture
def rows(project):
    return pd.read_parquet(project.folder / "data/features/test.parquet").head(ROWS)


def score(project, rows):
    """Return one figure a row: the positive class's probability, the first class's, or the value."""
    prediction = project.model.predict(rows)
    return prediction if prediction.ndim == 1 else prediction[:, -1]


def test_predictions_are_in_range_and_not_all_the_same(project, rows):
    prediction = project.model.predict(rows)
    assert np.isfinite(prediction).all()
    assert len(np.unique(prediction.round(6))) > 10
    if project.task.classes:
        assert prediction.shape == (len(rows), len(project.task.classes))
        assert prediction.min() >= 0 and prediction.max() <= 1
        assert prediction.sum(axis=1) == pytest.approx(np.ones(len(rows)), abs=1e-5)


def test_the_metric_is_above_its_floor(project):
    floor = params.load(project.folder / "params.yaml")["evaluate"]["floor"]
    value = project.json("results/evaluate/metrics.json")[floor["metric"]]
    assert value >= floor.get("at_least", -np.inf)
    assert value <= floor.get("at_most", np.inf)


def test_the_model_beats_saying_always_the_same(project):
    test = pd.read_parquet(project.folder / "data/features/test.parquet")
    target = test[project.task.target]
    metrics = project.json("results/evaluate/metrics.json")
    if project.task.kind == "regression":
        assert metrics["rmse"] < target.std()
    else:
        shares = target.value_counts(normalize=True)
        assert metrics["log_loss"] < -(shares * np.log(shares)).sum()


def test_evaluate_and_train_agree_on_the_validation_rows(project):
    train = project.json("results/train/metrics.json")["validation"]
    evaluate = project.json("results/evaluate/metrics.json")["validation"]
    shared = train.keys() & evaluate.keys()
    assert len(shared) >= 3
    for name in shared:
        assert evaluate[name] == pytest.approx(train[name], abs=1e-3), name


def test_the_exported_model_is_the_trained_one(project):
    assert project.json("results/train/metrics.json")["export_difference"] <= 1e-4


def test_a_row_is_predicted_by_itself(project, rows):
    together = project.model.predict(rows)
    shuffled = rows.sample(frac=1, random_state=1)
    place = rows.index.get_indexer(shuffled.index)
    assert project.model.predict(shuffled) == pytest.approx(together[place], abs=1e-6)
    assert project.model.predict(rows.head(1)) == pytest.approx(together[:1], abs=1e-6)


def test_columns_that_are_no_features_change_nothing(project, rows):
    names = [feature.name for feature in project.features]
    assert np.array_equal(project.model.predict(rows[names[::-1]]), project.model.predict(rows))


def test_a_category_unknown_at_training_does_not_crash(project, rows):
    strange = rows.assign(
        **{feature.name: "never seen ✈" for feature in project.features if feature.type == "categorical"}
    )
    assert np.isfinite(project.model.predict(strange)).all()


def test_everything_missing_does_not_crash(project, rows):
    empty = rows.assign(
        **{feature.name: "" if feature.type == "categorical" else np.float32("nan") for feature in project.features}
    )
    assert np.isfinite(project.model.predict(empty)).all()


def test_what_is_known_of_the_problem_shows(project, rows):
    names = {feature.name for feature in project.features}
    for feature, low, high, expected in DIRECTIONS:
        if feature in names:
            change = score(project, rows.assign(**{feature: np.float32(high)})) - score(
                project, rows.assign(**{feature: np.float32(low)})
            )
            assert (change.mean() > 0) == (expected == "more"), f"{feature}: {change.mean():+.4f}"
