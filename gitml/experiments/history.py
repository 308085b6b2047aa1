"""The runs of one experiment, newest first."""

from __future__ import annotations

from pathlib import Path

from gitml.experiments.lineage import first_parents
from gitml.experiments.store import Entry, Store, read_commits


def commits_of(entry: Entry, store: Store, at: Path | None = None) -> list[Entry]:
    """Return every commit since the experiment left main, newest first.

    Parameters
    ----------
    entry
        The experiment.
    store
        What there is; its main is where the walk ends.
    at
        As for `gitml.git.command.git`.
    """
    main = store.main.record.commit if store.main is not None and store.main is not entry else ""
    parents, _ = first_parents([entry.record.commit], main, at)
    line = []
    oid = entry.record.commit
    while oid in parents:
        line.append(oid)
        oid = parents[oid]
    return read_commits(line, entry.ref.slug, at)


def is_run(entry: Entry) -> bool:
    """Say whether a run made the commit."""
    return "Run-Id" in entry.run().trailers
