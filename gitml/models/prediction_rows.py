"""Rows to predict as a model takes them: columns that are checked against its features, one batch after another."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gitml.models.signature import Feature

    Array = NDArray[Any]

MOST_COLUMNS = 10_000

_MOST_ROWS, _MOST_VALUES = 50_000, 2_000_000
"""Of one batch."""

_MISSING = frozenset(
    [
        "",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    ]
)
"""What a CSV has where nothing is known; pandas takes the same, so the model was trained with them."""

_TRUTH = {"true": "1", "false": "0"}
_NAN = float("nan")


class Batch(NamedTuple):
    """Some rows.

    Attributes
    ----------
    first
        The place of the first one in the table, from 1.
    columns
        As `gitml.models.prediction.Model.predict` takes them.
    unseen
        For each text feature, in how many rows it has a text that the training rows had not.
    """

    first: int
    columns: dict[str, Array]
    unseen: dict[str, int]

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(next(iter(self.columns.values())))


class BadRows(WrongUsage):
    """The rows to predict are not what the model takes."""

    def __init__(self, name: str, why: str, mend: str = "") -> None:
        super().__init__(
            f"{name} cannot be predicted", why, (mend or "gitml model show MODEL   # what its features are",)
        )


class Table(NamedTuple):
    """A table that is being read.

    Attributes
    ----------
    name
        How errors call it.
    features
        What is looked for in it.
    most
        Rows that are read; None for all.
    """

    name: str
    features: Sequence[Feature]
    most: int | None = None

    @property
    def batch(self) -> int:
        """How many rows are taken at once."""
        return max(1, min(_MOST_ROWS, _MOST_VALUES // len(self.features)))

    def check(self, names: Sequence[str]) -> None:
        """Refuse a table whose columns are not the features, and say which are missing and which unknown."""
        if len(names) > MOST_COLUMNS:
            raise BadRows(self.name, f"It has {len(names):,} columns, and {MOST_COLUMNS:,} are read at most.")
        seen = Counter(names)
        twice = next((name for name, times in seen.items() if times > 1), None)
        if twice is not None:
            raise BadRows(self.name, f"It has the column {twice[:80]} twice.")
        wanted = [feature.name for feature in self.features]
        missing = [name for name in wanted if name not in seen]
        if missing:
            unknown = [name for name in names if name not in wanted]
            more = f" It has columns that are no features: {_named(unknown)}." if unknown else ""
            raise BadRows(
                self.name,
                f"The model's features {_named(missing)} are missing.{more}",
                "give the columns that the features stage makes, not those of the raw table",
            )

    def wrong(self, feature: Feature, row: int, value: object) -> BadRows:
        """Return the error for a value of the wrong type."""
        kind = "a number" if feature.is_numeric else "a text"
        return BadRows(self.name, f"Row {row:,} has {str(value)[:80]!r} in {feature.name}, which is {kind}.")


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(name[:80] for name in names[:8]) + more


def batch_of(table: Table, first: int, columns: Sequence[Sequence[Any]], is_text: bool) -> Batch:
    """Return some rows as a model takes them.

    Parameters
    ----------
    table
        Where they are from.
    first
        The place of the first one in it, from 1.
    columns
        The values of each feature.
    is_text
        Whether all are texts, as in a CSV.

    Raises
    ------
    BadRows
        A value is of the wrong type; the error names row and column.
    """
    found: dict[str, Array] = {}
    unseen: dict[str, int] = {}
    for feature, values in zip(table.features, columns, strict=True):
        if feature.is_numeric:
            read = _numbers_of_texts if is_text else _numbers_of_json
            found[feature.name] = read(table, feature, first, values)
        else:
            texts = [_text(table, feature, first + place, value) for place, value in enumerate(values)]
            if is_text:
                texts = ["" if text in _MISSING else text for text in texts]
            found[feature.name] = _as_column(texts)
            new = sum(1 for text in texts if text not in feature.levels) if feature.levels else 0
            if new:
                unseen[feature.name] = new
    return Batch(first, found, unseen)


def _as_column(texts: Sequence[str]) -> Array:
    import numpy as np

    column = np.empty((len(texts), 1), object)
    column[:, 0] = texts
    return column


def _numbers_of_texts(table: Table, feature: Feature, first: int, values: Sequence[str]) -> Array:
    import numpy as np

    try:
        numbers = [_NAN if text in _MISSING else float(text) for text in values]
    except ValueError:
        numbers = []
    if len(numbers) != len(values) or "_" in "".join(values):
        numbers = [_number(table, feature, first + place, text) for place, text in enumerate(values)]
    return np.array(numbers, np.float64).astype(np.float32).reshape(-1, 1)


def _number(table: Table, feature: Feature, row: int, text: str) -> float:
    bare = text.strip()
    try:
        if "_" in bare:  # Python takes 1_000 for a number, and nobody else does
            raise ValueError
        return _NAN if bare in _MISSING else float(_TRUTH.get(bare.lower(), bare))
    except ValueError:
        raise table.wrong(feature, row, text) from None


def _numbers_of_json(table: Table, feature: Feature, first: int, values: Sequence[Any]) -> Array:
    import numpy as np

    for place, value in enumerate(values):
        if value is not None and not isinstance(value, int | float):
            raise table.wrong(feature, first + place, value)
    numbers = np.array([np.nan if value is None else value for value in values], np.float64)
    return numbers.astype(np.float32).reshape(-1, 1)


def _text(table: Table, feature: Feature, row: int, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str | int | float):
        raise table.wrong(feature, row, value)
    return value if isinstance(value, str) else str(value)
