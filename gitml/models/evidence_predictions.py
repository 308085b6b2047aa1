"""What the stored predictions of two models say of their difference: intervals, McNemar's test, and false figures.

A file of predictions counts only where its bytes are those of dvc.lock, and an interval only where the predictions
give the figure that the metrics file has: else it belongs to another number.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.errors import GitmlError
from gitml.experiments import pairing
from gitml.pipeline import dvc
from gitml.pipeline.digest import fingerprint
from gitml.pipeline.project import projects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitml.pipeline.snapshot import Snapshot
    from gitml.pipeline.storage import DataObject, Storage
    from gitml.reports.comparison import Interval
    from gitml.reports.intervals import Predictions
    from gitml.reports.mcnemar import McNemar

LARGEST = 2**30
"""Bytes of a file of predictions that is read."""

CLOSE = 1e-4
"""By which share a figure may differ from what the predictions give: metrics files are rounded."""


class Model(NamedTuple):
    """One of the two: what it is called, its files, its figures."""

    name: str
    snapshot: Snapshot
    metrics: Mapping[str, Any]


class Paired(NamedTuple):
    """What two models' predictions say.

    Attributes
    ----------
    intervals
        95 % intervals of the differences, by metric.
    why
        Why there are none, in half a sentence; empty where there are.
    rows
        Test rows that both were scored on; None where that is not known.
    is_other_data
        Whether the predictions show that the two were scored on other rows, or predict other things.
    mcnemar
        The test on their classes; None for a regression, or where there are no intervals.
    false
        What is wrong with a figure that the predictions do not give, by metric.
    """

    intervals: Mapping[str, Interval] = {}
    why: str = ""
    rows: int | None = None
    is_other_data: bool = False
    mcnemar: McNemar | None = None
    false: Mapping[str, str] = {}


class _NotThere(GitmlError):
    """A model's predictions cannot be had."""


def compare(now: Model, before: Model, storage: Storage, fetch: bool = False) -> Paired:
    """Return what the stored predictions of two models say.

    Parameters
    ----------
    now, before
        The models.
    storage
        Where DVC's objects are.
    fetch
        Whether what is not in the cache is brought from the DVC remote.
    """
    try:
        stored = [_recorded(model) for model in (now, before)]
        with TemporaryDirectory(prefix="gitml-") as lent:
            first, second = (
                _read(model, each, _file(model.name, each, storage, fetch, lent))
                for model, each in zip((now, before), stored, strict=True)
            )
    except _NotThere as error:
        return Paired(why=error.what)
    return _compared(now, before, first, second)


def _compared(now: Model, before: Model, first: Predictions, second: Predictions) -> Paired:
    from gitml.reports import intervals, mcnemar

    why = intervals.difference(first, second)
    if why:
        return Paired(why=why, is_other_data=why != intervals.TWICE)
    thresholds = pairing.threshold(now.metrics), pairing.threshold(before.metrics)
    false: dict[str, str] = {}
    for model, predictions, threshold in zip((now, before), (first, second), thresholds, strict=True):
        for name, figure in intervals.scores(predictions, threshold).items():
            said = model.metrics.get(name)
            if isinstance(said, int | float) and not abs(said - figure) <= CLOSE * max(abs(figure), 1e-3):
                told = f"{model.name}'s predictions give {name} {figure:.6g}, its metrics file says {said:.6g}"
                false[name] = f"{false[name]}; {told}" if name in false else told
    paired = intervals.paired(first, second, thresholds)
    return Paired(
        {name: interval for name, interval in paired.intervals.items() if name not in false},
        paired.note,
        len(first.rows),
        False,
        mcnemar.of_predictions(intervals.in_order(first), intervals.in_order(second)),
        false,
    )


def _recorded(model: Model) -> DataObject:
    for project in projects(model.snapshot):
        found = pairing.recorded(model.snapshot, project.root)
        if found is not None:
            return found
    raise _NotThere(f"{model.name} stores no predictions")


def _read(model: Model, stored: DataObject, file: Path | None) -> Predictions:
    from gitml.reports import intervals

    try:
        if file is None or not file.is_file():
            raise _NotThere(f"the predictions of {model.name} are not in DVC's cache here")
        if os.stat(file).st_size > LARGEST:
            raise _NotThere(f"the predictions of {model.name} are larger than {LARGEST // 2**30} GiB")
        if fingerprint(file.read_bytes()).of(stored.is_exact) != stored.md5:
            raise _NotThere(f"the stored predictions of {model.name} are not those of its dvc.lock")
        return intervals.read(file, stored.path)
    except OSError as error:
        raise _NotThere(f"the predictions of {model.name} cannot be read: {error.strerror}") from None
    except intervals.NoPredictions as error:
        raise _NotThere(f"the predictions of {model.name} cannot be read: {error.why.rstrip('.')}") from None


def _file(name: str, stored: DataObject, storage: Storage, fetch: bool, lent: str) -> Path | None:
    """Return the file of an object: that of the cache, else of a remote that is a folder, else a fetched one."""
    known = storage.settings(stored.project)
    kept = Path(stored.below(known.cache)) if known.cache is not None else None
    if not fetch or (kept is not None and kept.is_file()):
        return kept
    remote = stored.remote or known.default_remote
    folder = known.folder(remote)
    if not known.url(remote):
        raise _NotThere(f"the predictions of {name} are not in DVC's cache here, and there is no DVC remote")
    if folder is not None and folder.is_absolute():
        found = Path(stored.below(folder))
    else:
        if known.cache is None:
            known = known._replace(values={**known.values, "cache": {"dir": lent}})
        try:
            dvc.fetch(known, remote, [(stored.md5, stored.is_exact)])
        except GitmlError as error:
            raise _NotThere(f"the predictions of {name} could not be fetched: {error.what}") from None
        found = Path(stored.below(known.cache or lent))
    if not found.is_file():
        raise _NotThere(f"the predictions of {name} are neither in DVC's cache here nor in the DVC remote")
    return found
