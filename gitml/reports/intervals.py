"""What chance does to the difference of two models: the paired block bootstrap on their stored predictions.

Both models are scored on the same resampled test rows, so what makes a day hard for both cancels out. Rows of one day
or one customer go well or badly together, so whole blocks are drawn ("Bootstrap methods and their application", 1997,
section 3.8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.errors import GitmlError
from gitml.reports.comparison import Interval

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np

    from gitml.reports.scoring import Kind, Scorer

ROW, BLOCK, TARGET, VALUE, PROBABILITY = "__row__", "__block__", "target", "prediction", "probability_"
"""The columns of a predictions file; of the last there is one a class, in the order of the classes' codes."""

RESAMPLES = 1000
LEVEL = 0.95

MOST_ROWS = 20_000_000
"""Rows of a predictions file that is read."""

_EXTRA = "numpy and pyarrow are not installed; they come with the extra gitml[reports]."

TWICE = "a test row stands in the predictions twice"
"""Why two models cannot be paired that may well have been scored on the same data."""

LEAST_BLOCKS = 6
"""Fewer blocks give no interval: that five all go one way happens by chance more often than once in twenty."""


class NoPredictions(GitmlError):
    """A file of predictions cannot be read."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} holds no predictions that can be read", why)


class Predictions(NamedTuple):
    """What a model said of its test rows.

    Attributes
    ----------
    kind
        The task.
    rows
        Each row's number in the source, int64 of shape (rows,).
    blocks
        Each row's block, any type of shape (rows,).
    target
        What happened: class codes or numbers, of shape (rows,).
    values
        Probabilities of shape (rows, classes), or values of shape (rows,).
    classes
        The classes' names in the order of their codes; empty for a regression.
    """

    kind: Kind
    rows: np.ndarray[Any, Any]
    blocks: np.ndarray[Any, Any]
    target: np.ndarray[Any, Any]
    values: np.ndarray[Any, Any]
    classes: tuple[str, ...] = ()


class Pairing(NamedTuple):
    """The intervals of two models' differences.

    Attributes
    ----------
    intervals
        By metric; without those that are undefined on these rows.
    note
        Why there are none, in half a sentence; empty where there are.
    """

    intervals: dict[str, Interval]
    note: str = ""


def read(path: Path, name: str = "") -> Predictions:
    """Read a file of predictions in Parquet.

    Parameters
    ----------
    path
        The file; in DVC's cache it is named by its hash.
    name
        What a person calls it; the file's own name if empty.

    Raises
    ------
    NoPredictions
        It is not there, is no Parquet, has other columns, or a value in it is no number.
    """
    name = name or path.name
    try:
        import numpy as np
        import pyarrow as pa  # type: ignore[import-untyped]
        import pyarrow.parquet as pq  # type: ignore[import-untyped]
    except ImportError:
        raise NoPredictions(name, _EXTRA) from None
    try:
        with pq.ParquetFile(path) as file:
            if file.metadata.num_rows > MOST_ROWS:
                raise NoPredictions(name, f"It has more than {MOST_ROWS:,} rows.")
            columns = file.schema_arrow.names
            classes = tuple(column.removeprefix(PROBABILITY) for column in columns if column.startswith(PROBABILITY))
            predicted = [f"{PROBABILITY}{label}" for label in classes] or [VALUE]
            table = file.read([ROW, BLOCK, TARGET, *predicted])
        rows, blocks, target = (table.column(column).to_numpy() for column in (ROW, BLOCK, TARGET))
        values = np.column_stack([table.column(column).to_numpy() for column in predicted]).astype(np.float64)
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
        said = str(error).splitlines() or [type(error).__name__]
        raise NoPredictions(name, f"{said[0].rstrip('.')}.") from None
    fault = _fault(rows, target, values, len(classes))
    if fault:
        raise NoPredictions(name, fault)
    if not classes:
        return Predictions("regression", rows, blocks, target.astype(np.float64), values[:, 0])
    kind: Kind = "binary" if len(classes) == 2 else "multiclass"
    return Predictions(kind, rows, blocks, target.astype(np.int64), values, classes)


def warm_up() -> None:
    """Turn one row into arrays: the first time, pyarrow imports what it needs for texts and times.

    Raises
    ------
    ImportError
        numpy or pyarrow is not installed.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet

    row = pa.table({"text": ["a"], "time": np.array(["2013-01-01"], dtype="datetime64[us]"), "figure": [0.5]})
    for name in row.column_names:
        row.column(name).to_numpy()


def paired(
    now: Predictions,
    before: Predictions,
    thresholds: tuple[float | None, float | None] = (None, None),
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Pairing:
    """Return a 95 % percentile interval for the difference of each metric, `now` less `before`.

    Parameters
    ----------
    now, before
        What the two models said of the same rows, in any order.
    thresholds
        From which probability on each calls a row positive, for F1 of a binary task; 0.5 where None.
    resamples
        How many times the blocks are drawn.
    seed
        The same seed gives the same intervals.

    Notes
    -----
    Binary: ROC AUC, average precision, accuracy (of the more probable class), F1, log loss, Brier. Multiclass:
    accuracy and log loss. Regression: RMSE and MAE. A metric that is undefined on a resample (a class is absent)
    goes without it, and has no interval where more than half are so.
    """
    import numpy as np

    note = difference(now, before)
    if note:
        return Pairing({}, note)
    now, before = in_order(now), in_order(before)
    names, codes = np.unique(now.blocks.astype(str), return_inverse=True)
    if len(names) < LEAST_BLOCKS:
        return Pairing({}, f"the test rows lie in {len(names)} blocks, too few for an interval")
    scorers = [_scorer(each, codes, threshold) for each, threshold in zip((now, before), thresholds, strict=True)]
    found: dict[str, list[float]] = {}
    for weights in _draws(len(names), resamples, seed):
        first, second = (scorer(weights) for scorer in scorers)
        for name in first.keys() & second.keys():
            found.setdefault(name, []).append(first[name] - second[name])
    ends = [50 * (1 - LEVEL), 50 * (1 + LEVEL)]
    intervals = {}
    for name in scores(now, thresholds[0]):
        if len(found.get(name, ())) > resamples / 2:
            low, high = np.percentile(found[name], ends)
            intervals[name] = Interval(float(low), float(high))
    return Pairing(intervals)


def scores(predictions: Predictions, threshold: float | None = None) -> dict[str, float]:
    """Return the metrics that `paired` compares; what is undefined on these rows is left out."""
    import numpy as np

    codes = np.zeros(len(predictions.rows), np.int64)
    return _scorer(predictions, codes, threshold)(np.ones(1, np.int64))


def difference(now: Predictions, before: Predictions) -> str:
    """Say why two models cannot be paired, in half a sentence; empty where they can."""
    import numpy as np

    if (now.kind, now.classes) != (before.kind, before.classes):
        return "the two predict other things"
    if len(np.unique(now.rows)) < len(now.rows) or len(np.unique(before.rows)) < len(before.rows):
        return TWICE
    one, other = in_order(now), in_order(before)
    if not np.array_equal(one.rows, other.rows):
        return "the two were scored on other test rows"
    if not np.array_equal(one.target, other.target) or (one.blocks.astype(str) != other.blocks.astype(str)).any():
        return "the test rows are the same by number, but their targets or blocks are not"
    return ""


def in_order(predictions: Predictions) -> Predictions:
    """Return the same predictions in the order of their rows' numbers."""
    import numpy as np

    order = np.argsort(predictions.rows, kind="stable")
    rows, blocks, target, values = (
        part[order] for part in (predictions.rows, predictions.blocks, predictions.target, predictions.values)
    )
    return predictions._replace(rows=rows, blocks=blocks, target=target, values=values)


def _scorer(predictions: Predictions, blocks: np.ndarray[Any, Any], threshold: float | None) -> Scorer:
    from gitml.reports.scoring import scorer

    return scorer(
        predictions.kind, predictions.target, predictions.values, blocks, 0.5 if threshold is None else threshold
    )


def _fault(rows: Any, target: Any, values: Any, classes: int) -> str:
    import numpy as np

    if not len(rows):
        return "It has no rows."
    if rows.dtype.kind not in "iu" or target.dtype.kind not in "iufb":
        return f"{ROW} or {TARGET} is no number."
    if not np.isfinite(values).all() or not np.isfinite(target.astype(np.float64)).all():
        return "A value in it is no finite number."
    if classes == 1:
        return "It has one class only."
    if classes and (target.min() < 0 or target.max() >= classes or (target != np.floor(target)).any()):
        return f"{TARGET} is not the code of a class."
    return ""


def _draws(blocks: int, resamples: int, seed: int) -> Iterator[np.ndarray[Any, Any]]:
    """Yield how often each block is drawn, in each resample: integers of shape (blocks,)."""
    import numpy as np

    # The old generator, because NumPy promises that its numbers never change.
    generator = np.random.RandomState(seed)
    for _ in range(resamples):
        yield np.bincount(generator.randint(0, blocks, blocks), minlength=blocks)
