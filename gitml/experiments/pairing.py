"""Whether one run is better than another: their stored predictions of the same test rows, compared pair by pair."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gitml.git.processes import beside
from gitml.pipeline.layout import project_at
from gitml.pipeline.storage import DataObject

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gitml.pipeline.snapshot import Snapshot
    from gitml.pipeline.storage import Storage
    from gitml.reports.intervals import Pairing, Predictions

NAME = "predictions"
"""What the name of a file of predictions begins with."""

SUFFIX = ".parquet"
THRESHOLD = "threshold"
"""The metric that says from which probability on a row is called positive."""

_MD5 = re.compile("[0-9a-f]{32}")


class Stored(NamedTuple):
    """A run's predictions in DVC's cache.

    Attributes
    ----------
    path
        Where dvc.yaml has them.
    md5
        Their hash.
    file
        Where they are on this machine.
    """

    path: str
    md5: str
    file: Path


def find(snapshot: Snapshot, root: str, storage: Storage) -> Stored | None:
    """Return the predictions that a commit's pipeline wrote; None where it wrote none, or no cache is here."""
    found = recorded(snapshot, root)
    cache = storage.settings(root).cache
    return Stored(found.path, found.md5, Path(found.below(cache))) if found is not None and cache is not None else None


def recorded(snapshot: Snapshot, root: str) -> DataObject | None:
    """Return the predictions that a commit's pipeline wrote, as dvc.lock has them; None where it wrote none."""
    project = project_at(snapshot, root)
    for path, maker in project.makers.items() if project is not None else ():
        name, made = posixpath.basename(path), maker.recorded
        md5 = made.md5 if made is not None and maker.is_cached else None
        if made is None or md5 is None or not (name.startswith(NAME) and name.endswith(SUFFIX)):
            continue
        if _MD5.fullmatch(md5):
            return DataObject(md5, path, made.size, 1, maker.remote.lower(), made.is_exact, root)
    return None


def pair(now: Stored | None, before: Stored | None, thresholds: tuple[Mapping[str, Any], Mapping[str, Any]]) -> Pairing:
    """Return the intervals of the differences of two runs, or why there are none.

    Parameters
    ----------
    now, before
        Their predictions.
    thresholds
        Their metrics, which may have a `THRESHOLD`.
    """
    from gitml.reports import intervals
    from gitml.reports.intervals import NoPredictions, Pairing

    if now is None or before is None:
        return Pairing({}, f"{'this run' if now is None else 'the other'} stores no predictions")
    if now.md5 == before.md5:
        return Pairing({}, "the predictions are the same")
    try:
        first, second = (_read(one) for one in (now, before))
    except NoPredictions as error:
        return Pairing({}, error.why.rstrip(".") or error.what)
    one, other = (threshold(metrics) for metrics in thresholds)
    return intervals.paired(first, second, (one, other))


def threshold(metrics: Mapping[str, Any]) -> float | None:
    """Return from which probability on a run calls a row positive; None where its metrics do not say."""
    found = metrics.get(THRESHOLD)
    return float(found) if isinstance(found, int | float) else None


def warm_up() -> None:
    """Import what pairing and drawing need while something else runs: it takes longer than they do."""
    beside(_warm_up)


def _warm_up() -> None:
    try:
        from gitml.reports import intervals, pictures

        intervals.warm_up()
        pictures.warm_up()
    except ImportError:
        return  # whoever needs them says so


def _read(stored: Stored) -> Predictions:
    from gitml.reports import intervals

    return intervals.read(stored.file, stored.path)
