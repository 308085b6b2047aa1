"""Figures that gates may bound beside the metrics: what the pipeline's own files say, and no stage has to write."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

from gitml.pipeline.project import projects

if TYPE_CHECKING:
    from gitml.pipeline.flat import Flat
    from gitml.pipeline.snapshot import Snapshot

BYTES = "model.bytes"
"""Bytes of all that DVC keeps below ``models/``, as dvc.lock has them."""

SLICE = "slices.worst"
"""The highest ``excess`` in the evaluation's ``analysis/slices.csv``: how much higher the loss of the worst group of
rows is than that of all rows."""

BEHIND = "main.behind"
"""How many commits of main a release lacks. It is asked when it is released, and not later: main moves on."""

NAMES = (BYTES, SLICE, BEHIND)

SLICES = "analysis/slices.csv"
LARGEST = 2**20
"""Bytes of such a file that is read."""


def derived(snapshot: Snapshot) -> Flat:
    """Return what a commit's own files say, by the names above; what cannot be told is left out."""
    return {name: value for name, value in ((BYTES, _bytes(snapshot)), (SLICE, _worst(snapshot))) if value is not None}


def _bytes(snapshot: Snapshot) -> int | None:
    sizes = [
        maker.recorded.size if maker.recorded is not None else None
        for project in projects(snapshot)
        for path, maker in project.makers.items()
        if maker.is_cached and (path.startswith("models/") or "/models/" in path)
    ]
    return sum(size or 0 for size in sizes) if sizes and None not in sizes else None


def _worst(snapshot: Snapshot) -> float | None:
    """Return the worst of all such files that a stage makes; a file that anybody lays beside them says nothing."""
    made = [path for path in snapshot.files if path.endswith(SLICES) and _is_made(path, snapshot)]
    found = [_worst_in(snapshot.read(path)) for path in made]
    values = [value for value in found if value is not None]
    return max(values) if values and len(values) == len(found) else None


def _is_made(path: str, snapshot: Snapshot) -> bool:
    for project in projects(snapshot):
        maker = project.makers.get(path) or project.maker_around(path)
        if maker is not None and not maker.name.endswith(".dvc"):
            return True
    return False


def _worst_in(content: bytes | None) -> float | None:
    if content is None or len(content) > LARGEST:
        return None
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8"))))
        found = [float(row["excess"] or "nan") for row in rows]
    except (UnicodeDecodeError, KeyError, TypeError, ValueError, csv.Error):
        return None
    return max(found) if found and all(map(math.isfinite, found)) else None
