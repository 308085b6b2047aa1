"""What the files of many commits say: each blob is read once, and its reasons kept where it cannot be."""

from __future__ import annotations

import posixpath

from gitml.experiments import headline
from gitml.pipeline import flat, lockfile, yaml12
from gitml.pipeline.definition import DEFAULT_PARAMS
from gitml.pipeline.flat import Flat, ParamsReader
from gitml.pipeline.metrics import LARGEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gitml.git.objects import Objects

MISSING = "it is too large, or missing from the object store"

Named = tuple[str, str]
"""A file's name without its folder, whose end says how it is read, and its blob."""


class Blobs:
    """The files of some commits, each read once.

    Parameters
    ----------
    objects
        Where they are read.
    params_reader
        Reads parameter files; it may know others like them.
    defaults
        The values of params.yaml files that have been read already, by blob.
    """

    def __init__(self, objects: Objects, params_reader: ParamsReader, defaults: dict[str, Flat | None]) -> None:
        self._objects = objects
        self._params_reader = params_reader
        self._params: dict[Named, Flat | str] = {
            (DEFAULT_PARAMS, blob): values for blob, values in defaults.items() if values is not None
        }
        self._metrics: dict[Named, Flat | str] = {}
        self._reports: dict[str, dict[str, str]] = {}
        self._deps: dict[tuple[str, str], dict[str, str]] = {}

    def add(self, metrics: set[Named], params: set[Named], reports: set[str]) -> None:
        """Read files of these kinds, given by name and blob; of a report the name does not count."""
        self._fill(self._metrics, metrics, flat.read_metrics)
        self._fill(self._params, params - self._params.keys(), self._params_reader.read)
        self._reports.update(self._objects.read_each(sorted(reports), headline.read, headline.LARGEST))

    def metrics(self, path: str, blob: str, unreadable: dict[str, str]) -> Flat | None:
        """Return the metrics of a file; None, and why in `unreadable`, where they cannot be read."""
        return _read_or_told(self._metrics, path, blob, unreadable)

    def params(self, path: str, blob: str, unreadable: dict[str, str]) -> Flat | None:
        """Return the parameters of a file; None, and why in `unreadable`, where they cannot be read."""
        return _read_or_told(self._params, path, blob, unreadable)

    def report(self, blob: str) -> dict[str, str]:
        """Return what a list shows of a report."""
        return self._reports.get(blob, {})

    def deps(self, blob: str, stage: str) -> dict[str, str]:
        """Return the sums that a dvc.lock has of what a stage read; none where it cannot be read."""
        if (blob, stage) not in self._deps:
            content = self._objects.read(blob, yaml12.LARGEST)
            try:
                self._deps[blob, stage] = lockfile.read_deps(content or b"", stage)
            except (lockfile.NotALock, lockfile.LockOfDvc1, yaml12.NotYaml):
                self._deps[blob, stage] = {}
        return self._deps[blob, stage]

    def _fill(
        self,
        into: dict[Named, Flat | str],
        wanted: set[Named],
        read: Callable[[str, bytes], Flat],
    ) -> None:
        names: dict[str, str] = {}
        for name, blob in sorted(wanted):
            if names.setdefault(blob, name) != name:
                into[name, blob] = _read_or_why(read, name, self._objects.read(blob, LARGEST) or b"")

        def make(name: str) -> Callable[[bytes], Flat | str]:
            return lambda content: _read_or_why(read, name, content)

        for name in sorted(set(names.values())):
            blobs = [blob for blob, its in names.items() if its == name]
            found = self._objects.read_each(blobs, make(name), LARGEST)
            into.update(((name, blob), value) for blob, value in found.items())


def _read_or_why(read: Callable[[str, bytes], Flat], name: str, content: bytes) -> Flat | str:
    try:
        return read(name, content)
    except flat.Unreadable as error:
        return str(error)


def _read_or_told(known: dict[Named, Flat | str], path: str, blob: str, unreadable: dict[str, str]) -> Flat | None:
    found = known.get((posixpath.basename(path), blob), MISSING)
    if isinstance(found, str):
        unreadable[path] = found
        return None
    return found
