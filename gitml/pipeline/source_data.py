"""The data that a pipeline starts from: what its stages read and none of them makes."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from gitml.pipeline import lockfile

if TYPE_CHECKING:
    from gitml.pipeline.layout import Layout
    from gitml.pipeline.snapshot import Snapshot

CODE = (".py", ".txt", ".toml", ".cfg", ".sh", ".md")
"""Names of deps that are no data."""


def source_data(snapshot: Snapshot, layout: Layout) -> dict[str, str]:
    """Return the md5 of what stages read and neither made nor is code, by path, as dvc.lock has it.

    Parameters
    ----------
    snapshot
        The commit.
    layout
        The paths of its pipeline.
    """
    found: dict[str, str] = {}
    for lock in layout.locks:
        content = snapshot.read(lock)
        try:
            stages = lockfile.read(content) if content is not None else {}
        except ValueError:
            continue
        folder = posixpath.dirname(lock)
        for stage in stages.values():
            for name, recorded in stage.deps.items():
                place = posixpath.normpath(posixpath.join(folder, name))
                if place in layout.deps and _is_data(place) and recorded.md5 is not None:
                    found[place] = recorded.md5
    return found


def _is_data(place: str) -> bool:
    return not place.endswith(CODE) and not place.startswith("stages")
