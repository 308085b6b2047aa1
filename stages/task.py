"""What is predicted, and from which columns: the values that travel from stage to stage as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["binary", "multiclass", "regression"]

ROW = "__row__"
"""Column of every parquet after the data stage: the row's 0-based place in the source (int64)."""

BLOCK = "__block__"
"""Column of every parquet after the data stage: the day or group that the row belongs to (string), by which
it is resampled; each row its own where the table has neither."""


@dataclass(frozen=True)
class Task:
    """A prediction task.

    Attributes
    ----------
    kind
        ``binary``, ``multiclass`` or ``regression``.
    target
        Name of the target column. In the parquet files it holds class codes (int64, an index into
        `classes`) or, for a regression, the number itself (float64).
    classes
        The target's labels by code; for a binary task (negative, positive); empty for a regression.
    time_column, group_column
        The columns that order or group the rows, if any.
    """

    kind: Kind
    target: str
    classes: tuple[str, ...] = ()
    time_column: str | None = None
    group_column: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "classes": list(self.classes)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Task:
        """Build from what `to_json` gave."""
        return cls(**{**value, "classes": tuple(value["classes"])})


@dataclass(frozen=True)
class Feature:
    """One input column of the model.

    Attributes
    ----------
    name
        Column name in the parquet files, and name of the model's input.
    type
        ``numeric`` (float32, missing is NaN) or ``categorical`` (string, missing is ``""``).
    source
        The column of the table that it was made from.
    levels
        A categorical's levels seen in training, sorted; empty for a numeric.
    low, high
        A numeric's range seen in training; None for a categorical or where no value was seen.
    missing
        Share of the training rows in which it is missing, 0 to 1.
    """

    name: str
    type: Literal["numeric", "categorical"]
    source: str
    levels: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    missing: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "levels": list(self.levels)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Feature:
        """Build from what `to_json` gave."""
        return cls(**{**value, "levels": tuple(value["levels"])})
