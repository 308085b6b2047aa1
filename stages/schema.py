"""The schema of a table: what was true of it once, written down so that new data can be held against it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

ColumnType = Literal["number", "integer", "text", "category", "boolean", "datetime", "empty"]

MAX_LISTED = 50
"""A text column with more different values is ``text``: its values are not listed."""

RANGE_MARGIN = 0.5
"""A range is widened on each side by this share of what was seen."""

MISSING_MARGIN = 0.05
"""The share of missing values, and of duplicate rows, may grow by this much."""

MISSING_IN_FULL_COLUMN = 0.01
"""The share that may be missing in a column that had every value."""


@dataclass(frozen=True)
class ColumnRule:
    """What a column must be like.

    Attributes
    ----------
    name
        The column.
    type
        What its values are; ``category`` is a text of which every allowed value is known.
    missing
        Largest share of missing values, 0 to 1.
    low, high
        Range of a number or integer, both ends allowed; None for no bound.
    values
        Allowed values of a category, sorted.
    """

    name: str
    type: ColumnType
    missing: float = 1.0
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """What a table must be like.

    Attributes
    ----------
    source
        Where the table came from.
    target
        The column that was to be predicted.
    duplicates
        Largest share of rows that repeat an earlier row, 0 to 1.
    columns
        A rule for every column, in the table's order.
    """

    source: str
    target: str
    duplicates: float
    columns: tuple[ColumnRule, ...]


def infer(frame: pd.DataFrame, source: str, target: str) -> Schema:
    """Write down what is true of a table, with some room around it.

    Ranges are widened on each side by half of the observed span (of the value itself where there is only
    one) and keep to one side of zero if the values do; up to `MAX_LISTED` different texts that occur twice
    on average are a category; missing values and duplicate rows may grow by five points.
    """
    repeated = float(repeats(frame).mean()) if len(frame) else 0.0
    columns = tuple(_infer_column(str(name), frame[name]) for name in frame.columns)
    return Schema(source, target, _up(min(repeated + MISSING_MARGIN, 1.0)), columns)


def repeats(frame: pd.DataFrame) -> pd.Series:
    """Say of each row whether it repeats an earlier row in every column.

    By 64-bit hashes of the rows, six times as fast as comparing them: two different rows of a million have
    the same one once in thirty million tables.
    """
    return pd.util.hash_pandas_object(frame, index=False).duplicated()


def applies(schema: Schema, source: str, columns: Iterable[str]) -> bool:
    """Whether the schema was written for this table: the same source, or the same columns in any order."""
    return schema.source == source or {rule.name for rule in schema.columns} == {str(name) for name in columns}


def _infer_column(name: str, values: pd.Series) -> ColumnRule:
    share = float(values.isna().mean())
    missing = _up(min(share + MISSING_MARGIN, 1.0)) if share else MISSING_IN_FULL_COLUMN
    if share == 1.0:
        return ColumnRule(name, "empty", missing)
    if pd.api.types.is_bool_dtype(values):
        return ColumnRule(name, "boolean", missing)
    if pd.api.types.is_datetime64_any_dtype(values):
        return ColumnRule(name, "datetime", missing)
    if pd.api.types.is_numeric_dtype(values):
        kind: ColumnType = "integer" if pd.api.types.is_integer_dtype(values) else "number"
        low, high = _widened(float(values.min()), float(values.max()), kind == "integer")
        return ColumnRule(name, kind, missing, _finite(low), _finite(high))
    levels = sorted(str(value) for value in values.dropna().unique())
    if len(levels) <= MAX_LISTED and len(levels) <= max(2, values.notna().sum() // 2):
        return ColumnRule(name, "category", missing, values=tuple(levels))
    return ColumnRule(name, "text", missing)


def _widened(low: float, high: float, whole: bool) -> tuple[float, float]:
    """Give the range some room; never across zero, and rounded outwards to six digits."""
    margin = RANGE_MARGIN * (high - low) or RANGE_MARGIN * abs(low) or 1.0
    wide_low = max(low - margin, 0.0) if low >= 0 else low - margin
    wide_high = min(high + margin, 0.0) if high <= 0 and low < 0 else high + margin
    if whole and math.isfinite(wide_low) and math.isfinite(wide_high):
        return float(math.floor(wide_low)), float(math.ceil(wide_high))
    return _outwards(wide_low, math.floor), _outwards(wide_high, math.ceil)


def _finite(bound: float) -> float | None:
    """Return no bound where the margin of a number of 300 digits overflowed."""
    return bound if math.isfinite(bound) else None


def _outwards(value: float, towards: Callable[[float], int]) -> float:
    if value == 0 or not math.isfinite(value):
        return value
    digits = 5 - math.floor(math.log10(abs(value)))
    if not -300 < digits < 300:
        return value
    return float(towards(value * 10.0**digits) / 10.0**digits)


def _up(share: float) -> float:
    """Round a share up to four digits."""
    return min(math.ceil(share * 1e4 - 1e-9) / 1e4, 1.0)
