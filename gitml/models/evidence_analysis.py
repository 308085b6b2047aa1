"""What an evaluation wrote beside its metrics: the slices that it is worst on, and how far its probabilities are off.

The files are found by their names among what the stages write and git keeps; their figures are read strictly, and
what is no figure is left out.
"""

from __future__ import annotations

import math
import posixpath
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.pipeline.layout import layout
from gitml.pipeline.project import projects
from gitml.reports.plots import NoPlot, rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitml.pipeline.snapshot import Snapshot

SLICES, CALIBRATION = "slices.csv", "calibration.csv"

MOST_WORST, MOST_RISEN = 8, 5
"""Slices that are shown: the worst, and those whose loss rose most."""

MOST_BINS = 20


class Slice(NamedTuple):
    """Some test rows: their name, how many, their loss, by how much it is above that of all rows.

    `before` is the loss of the model in production on the same rows; None where that is not known.
    """

    name: str
    rows: int
    loss: float
    excess: float | None
    before: float | None = None


class Slices(NamedTuple):
    """The slices of a model.

    Attributes
    ----------
    worst
        The first of its file, which has the worst first.
    risen
        Those with the most rise of loss, the most first.
    both
        How many slices both models were measured on.
    higher
        On how many of them the loss rose.
    why
        What is not known, as a sentence; empty where all is.
    """

    worst: tuple[Slice, ...] = ()
    risen: tuple[Slice, ...] = ()
    both: int = 0
    higher: int = 0
    why: str = ""


class Bin(NamedTuple):
    """Some test rows of like prediction: the mean of what was said, and of what happened."""

    predicted: float
    observed: float
    rows: int

    @property
    def gap(self) -> float:
        """What was said less what happened."""
        return self.predicted - self.observed


def slices(now: Snapshot, before: Snapshot | None, names: tuple[str, str], is_same_data: bool) -> Slices:
    """Return the slices of a model beside those of the model in production.

    Parameters
    ----------
    now, before
        The files of both; None where nothing is in production.
    names
        What they are called.
    is_same_data
        Whether both were measured on the same test data; slices of other data are not compared.
    """
    try:
        mine = _slices(now)
    except NoPlot as error:
        return Slices(why=f"{names[0]}: {error}.")
    if not mine:
        return Slices(why=f"{names[0]} has no {SLICES}: which rows it is worst on is not known.")
    theirs: Mapping[str, Slice] = {}
    why = ""
    if before is not None and not is_same_data:
        why = f"{names[1]} was measured on other test data, so its slices are other rows."
    elif before is not None:
        try:
            theirs = _slices(before)
            why = "" if theirs else f"{names[1]} has no {SLICES} to compare with."
        except NoPlot as error:
            why = f"{names[1]}: {error}."
    beside = [
        one._replace(before=theirs[one.name].loss if one.name in theirs and theirs[one.name].rows == one.rows else None)
        for one in mine.values()
    ]
    rises = {one: one.loss - one.before for one in beside if one.before is not None}
    risen = sorted((one for one, rise in rises.items() if rise > 0), key=lambda one: (-rises[one], one.name))
    return Slices(tuple(beside[:MOST_WORST]), tuple(risen[:MOST_RISEN]), len(rises), len(risen), why)


def calibration(snapshot: Snapshot) -> tuple[Bin, ...]:
    """Return the bins of a model's calibration; empty where there are none that can be read."""
    try:
        table = _table(snapshot, CALIBRATION)
    except NoPlot:
        return ()
    found = []
    for row in table[:MOST_BINS]:
        predicted, observed, count = (_number(row.get(name)) for name in ("predicted", "observed", "rows"))
        if predicted is not None and observed is not None and count is not None:
            found.append(Bin(predicted, observed, int(count)))
    return tuple(found)


def _slices(snapshot: Snapshot) -> dict[str, Slice]:
    found: dict[str, Slice] = {}
    for row in _table(snapshot, SLICES):
        name, loss, count = row.get("slice"), _number(row.get("loss")), _number(row.get("rows"))
        if isinstance(name, str) and name and loss is not None and count is not None:
            found.setdefault(name, Slice(name, int(count), loss, _number(row.get("excess"))))
    return found


def _table(snapshot: Snapshot, name: str) -> list[dict[str, Any]]:
    """Return the rows of the first file of a name that a stage writes and git keeps.

    Raises
    ------
    NoPlot
        It is no table.
    """
    for project in projects(snapshot):
        for kept in layout(project).kept:
            below = [kept] if kept in snapshot.files else [entry.path for entry in snapshot.below(kept)]
            for path in below:
                content = snapshot.read(path) if posixpath.basename(path) == name else None
                if content is not None:
                    return rows(path, content)
    return []


def _number(value: Any) -> float | None:
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and abs(found) < 1e15 else None
