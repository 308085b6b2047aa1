"""The part of a scikit-learn model that turns feature columns into a matrix; learned from the training rows only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler, TargetEncoder

from stages.errors import InputError
from stages.models.base import Fold, Setting

# Columns are chosen by place, not by name: a graph's inputs may have any name, skl2onnx's may not.


def for_linear(train: Fold, setting: Setting, min_frequency: int, spline_knots: int) -> ColumnTransformer:
    """Return the inputs of a linear model, not fitted.

    Numbers get the median where missing, a 0/1 column that says so, and mean 0 and spread 1; categories
    become a 0/1 column each, the rarer than `min_frequency` one together, an unknown one all zeros.

    Parameters
    ----------
    min_frequency
        Training rows that a category needs for a column of its own.
    spline_knots
        Over 0: each number enters as cubic splines with so many knots.
    """
    numbers, _, categories = _places(train, setting)
    steps: list[tuple[str, Any]] = [("impute", _imputer()), ("scale", StandardScaler())]
    if spline_knots:
        steps.append(("splines", SplineTransformer(n_knots=spline_knots, knots="quantile", extrapolation="linear")))
    encoder = OneHotEncoder(handle_unknown="ignore", min_frequency=min_frequency, dtype=np.float32)
    return _columns(
        ("numbers", Pipeline(steps), numbers), *_missing(train, setting), ("categories", encoder, categories)
    )


def for_forest(train: Fold, setting: Setting) -> ColumnTransformer:
    """Return the inputs of a forest, not fitted: like `for_boosting`, with missing numbers filled and flagged."""
    numbers, _, categories = _places(train, setting)
    return _columns(
        ("numbers", _imputer(), numbers), *_missing(train, setting), ("categories", _target_mean(setting), categories)
    )


def for_boosting(train: Fold, setting: Setting) -> ColumnTransformer:
    """Return the inputs of boosted trees, not fitted: numbers as they are, NaN where missing.

    A category becomes the mean of the target over its training rows, shrunk towards the mean of all; an
    unknown one gets the mean of all. The training rows themselves get means from the other four fifths of
    the rows, so that the trees cannot read a row's own target from its category.
    """
    numbers, _, categories = _places(train, setting)
    return _columns(("numbers", "passthrough", numbers), ("categories", _target_mean(setting), categories))


def fit_matrix(columns: ColumnTransformer, train: Fold) -> Any:
    """Fit `columns` and return the training rows' float32 matrix, dense or sparse.

    What was learned is rounded to float32, which is what an ONNX graph calculates with.
    """
    made = columns.fit_transform(train.X, train.y).astype(np.float32)
    for _, step, _ in columns.transformers_:
        for part in getattr(step, "named_steps", {"": step}).values():
            _round(part)
    return made


def matrix(columns: ColumnTransformer, X: pd.DataFrame) -> Any:
    """Return what the fitted `columns` give the model: a float32 matrix, dense or sparse."""
    return columns.transform(X).astype(np.float32)


def _round(step: Any) -> None:
    if isinstance(step, SimpleImputer):
        step.statistics_ = _float32(step.statistics_)
    elif isinstance(step, StandardScaler):
        step.mean_, step.scale_ = _float32(step.mean_), _float32(step.scale_)
    elif isinstance(step, TargetEncoder):
        step.encodings_ = [_float32(means) for means in step.encodings_]
        step.target_mean_ = _float32(step.target_mean_)


def _float32(numbers: Any) -> Any:
    return np.float64(np.float32(numbers))


def _places(train: Fold, setting: Setting) -> tuple[list[int], list[int], list[int]]:
    """Return the places of the numbers, of those with a missing value in training, and of the categories.

    A number without any value in training teaches nothing and is left out.
    """
    kinds = [feature.type for feature in setting.features]
    absent = {place: train.X.iloc[:, place].isna() for place, kind in enumerate(kinds) if kind == "numeric"}
    numbers = [place for place, rows in absent.items() if not rows.all()]
    missing = [place for place in numbers if absent[place].any()]
    return numbers, missing, [place for place, kind in enumerate(kinds) if kind == "categorical"]


def _missing(train: Fold, setting: Setting) -> list[tuple[str, Any, list[int]]]:
    return [("missing", MissingIndicator(features="all"), _places(train, setting)[1])]


def _imputer() -> SimpleImputer:
    return SimpleImputer(strategy="median")


def _target_mean(setting: Setting) -> TargetEncoder:
    kind = "continuous" if setting.task.kind == "regression" else setting.task.kind
    return TargetEncoder(target_type=kind, cv=KFold(5, shuffle=True, random_state=setting.seed))


def _columns(*parts: tuple[str, Any, list[int]]) -> ColumnTransformer:
    """Put the parts side by side, without those that have no columns."""
    if not any(places for _, _, places in parts):
        raise InputError(
            "No feature has a single value in the training rows.", "Look at results/features/features.json."
        )
    return ColumnTransformer([part for part in parts if part[2]])
