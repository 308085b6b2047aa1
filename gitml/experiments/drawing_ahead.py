"""Drawing a run's plots while its pipeline still works: what was drawn once is not drawn again for the report."""

from __future__ import annotations

import posixpath
import stat
import time
from typing import TYPE_CHECKING

from gitml.git.processes import beside

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gitml.reports.plots import Plot

Print = tuple[tuple[str, int, int], ...]
"""Path, time and size of the files of a plot."""


MOST_FILES = 100
"""Files of one folder of plots that are looked at."""

SLACK = 100_000_000
"""Nanoseconds by which the time of a file may be behind the clock."""


class DrawingAhead:
    """Looks for plot files that a stage has just written, and draws them beside the pipeline.

    Nothing depends on it: a picture is found again by all that it is drawn from, so one of a file that changed
    once more is of no use, and does no harm.

    Parameters
    ----------
    root
        The working tree's top folder.
    definitions
        Its dvc.yaml files, from there.
    """

    def __init__(self, root: Path, definitions: Sequence[str]) -> None:
        self._root = root
        self._definitions = definitions
        self._since = time.time_ns() - SLACK
        self._plots: list[Plot] | None = None
        self._seen: dict[Plot, Print] = {}
        self._drawn: dict[Plot, Print] = {}
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Begin to draw what was written between the last two looks; called about ten times a second."""
        if self._thread is not None and self._thread.is_alive():
            return
        if self._plots is None:
            self._begin(self._read)
            return
        now = {plot: self._print(plot) for plot in self._plots}
        due = [plot for plot, files in now.items() if files and files == self._seen.get(plot) != self._drawn.get(plot)]
        self._seen = now
        if due:
            self._drawn |= {plot: now[plot] for plot in due}
            self._begin(lambda: self._draw(due))

    def _begin(self, what: Callable[[], None]) -> None:
        self._thread = beside(what)

    def _read(self) -> None:
        from gitml.pipeline import yaml12
        from gitml.reports import plots

        found: list[Plot] = []
        for file in self._definitions:
            try:
                definition = yaml12.load((self._root / file).read_bytes())
            except (OSError, yaml12.NotYaml):
                continue
            found += plots.declared(definition, posixpath.dirname(file))
        self._plots = found

    def _print(self, plot: Plot) -> Print:
        """Return what tells a plot's files from what they were; nothing where they are another run's or too large."""
        from gitml.reports.plots import LARGEST

        told = []
        for path in dict.fromkeys(source.path for source in plot.sources):
            place = self._root / path
            files = sorted(place.rglob("*")) if place.is_dir() else [place]
            for file in files[:MOST_FILES]:
                try:
                    status = file.stat()
                except OSError:
                    return ()
                if stat.S_ISREG(status.st_mode):
                    told.append((file.relative_to(self._root).as_posix(), status.st_mtime_ns, status.st_size))
        is_new = any(time_ns >= self._since for _, time_ns, _ in told)  # else it is of another run
        return tuple(told) if is_new and sum(size for _, _, size in told) <= LARGEST else ()

    def _draw(self, due: list[Plot]) -> None:
        from gitml.reports import pictures

        for plot in due:
            try:
                files = {path: (self._root / path).read_bytes() for path, _, _ in self._drawn[plot]}
            except OSError:  # a stage took it away
                continue
            pictures.draw((plot,), files)
