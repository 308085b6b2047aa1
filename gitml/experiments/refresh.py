"""Filling in what the index does not have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gitml.experiments.blobs import MISSING
from gitml.experiments.index import Index, Kept, key_of
from gitml.experiments.lineage import Origin, trace
from gitml.experiments.reader import Reader, Wanted
from gitml.experiments.rows import Line, Record, diff
from gitml.git.objects import Objects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from gitml.experiments.refs import Ref

UNPLACED = "?"
"""Stands for main in a row that was read for its params only, and not held against main."""


def refresh(
    refs: Sequence[Ref], kept: dict[str, Kept], main: str, metric: str, index: Index | None, at: Path | None
) -> dict[str, Kept]:
    """Return a row for every ref: what is kept, what is read now, and all of it held against today's main.

    Parameters
    ----------
    refs
        What is listed.
    kept
        What the index has of them.
    main
        The commit of main; empty for none.
    metric
        Whose value is kept beside each row.
    index
        Where new rows are kept; None for nowhere.
    at
        A folder in the repository; None for the current one.
    """
    keys = {key_of(ref.oid, ref.slug): Wanted(ref.oid, ref.slug) for ref in refs}
    missing = [wanted for key, wanted in keys.items() if key not in kept]
    with Objects(at) as objects:
        reader = Reader(objects, metric)
        commits = reader.commits({one.oid for one in missing})
        is_run = {one.record.commit: _is_run(one.record) for one in kept.values()}
        is_run.update((oid, commit.is_run) for oid, commit in commits.values())
        origins, is_whole = trace(is_run, main, objects, is_run, at)
        bases = _Bases(index, reader, kept)
        bases.read({origin.fork for oid, origin in origins.items() if origin.fork not in ("", oid)})
        made = {key: _renewed(one, main, origins[one.record.commit], bases) for key, one in kept.items()}
        for some in reader.read(missing, commits):
            for wanted, (record, params) in some.items():
                origin = origins[record.commit]
                line = Line(origin.fork, origin.runs, bases.changed(origin.fork, params))
                made[key_of(*wanted)] = Kept(record, main, line)
    if index is not None and is_whole and not reader.is_any_missing:
        new = {**bases.new, **{key: one for key, one in made.items() if kept.get(key) != one}}
        # What is missing today may be fetched tomorrow.
        index.write({key: one for key, one in new.items() if MISSING not in one.record.head})
    return made


class _Bases:
    """The params of the commits that experiments were started from."""

    def __init__(self, index: Index | None, reader: Reader, kept: dict[str, Kept]) -> None:
        self._index = index
        self._reader = reader
        self._kept = kept
        self._params: dict[str, dict[str, Any]] = {}
        self.new: dict[str, Kept] = {}

    def read(self, commits: set[str]) -> None:
        """Read them, from the index as far as it has them; what had to be read is in `new`."""
        known = {key: self._kept[key] for oid in commits if (key := key_of(oid, "")) in self._kept}
        if self._index is not None:
            known |= self._index.read(key for oid in commits if (key := key_of(oid, "")) not in known)
        self._params = {one.record.commit: params_of(one.record) for one in known.values()}
        missing = [Wanted(oid, "") for oid in sorted(commits) if oid not in self._params]
        for some in self._reader.read(missing, self._reader.commits({one.oid for one in missing})):
            for wanted, (record, params) in some.items():
                self._params[wanted.oid] = params
                self.new[key_of(*wanted)] = Kept(record, UNPLACED, Line())

    def changed(self, fork: str, params: dict[str, Any]) -> str:
        """Return what differs from one of them, as `Line` keeps it; nothing where it is not there.

        A commit of main's own line is its own fork, and differs in nothing. Of one without any params it is
        not known what changed.
        """
        return json.dumps(diff(self._params[fork], params)) if params and fork in self._params else "{}"


def _renewed(old: Kept, main: str, origin: Origin, bases: _Bases) -> Kept:
    if old.main == main:
        return old
    if old.main != UNPLACED and old.line.fork == origin.fork:
        return Kept(old.record, main, old.line._replace(runs=origin.runs))
    line = Line(origin.fork, origin.runs, bases.changed(origin.fork, params_of(old.record)))
    return Kept(old.record, main, line)


def params_of(record: Record) -> dict[str, Any]:
    """Return the params of a row."""
    params: dict[str, Any] = json.loads(f"{{{record.body}}}")["params"]
    return params


def _is_run(record: Record) -> bool:
    # "Run-Id" is the first of the trailers that are kept.
    return '"trailers": {"Run-Id"' in record.head
