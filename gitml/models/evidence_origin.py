"""Where a released model comes from: the release, the experiment, who made them and when."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.conventions.released import PROVENANCE
from gitml.experiments.rows import parse_commit
from gitml.git.history import LARGEST_COMMIT
from gitml.pipeline import strict
from gitml.policy.release import experiment_of

if TYPE_CHECKING:
    from gitml.git.objects import Objects
    from gitml.pipeline.snapshot import Snapshot

_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class Made(NamedTuple):
    """A commit: its id, who wrote it, on which day (UTC); both empty where the commit is not in this clone."""

    commit: str
    author: str = ""
    day: str = ""


class Origin(NamedTuple):
    """A released model.

    Attributes
    ----------
    name
        What people call it, as ``model-v4``.
    release
        The commit of the release.
    experiment
        The experiment that provenance.json names; empty where it names none.
    source
        The commit of that experiment; None where provenance.json names none.
    """

    name: str
    release: Made
    experiment: str = ""
    source: Made | None = None


def origin(name: str, commit: str, snapshot: Snapshot, objects: Objects) -> Origin:
    """Return where a model comes from, by its provenance.json and git.

    Parameters
    ----------
    name
        What people call it.
    commit
        Full id of its release.
    snapshot
        Its files.
    objects
        Where commits are read.
    """
    source = _source(snapshot)
    return Origin(
        name, _made(commit, objects), experiment_of(snapshot) or "", _made(source, objects) if source else None
    )


def _source(snapshot: Snapshot) -> str:
    try:
        said: Any = strict.loads(snapshot.read(PROVENANCE) or b"")
    except strict.NotStrict:
        return ""
    commit = said.get("commit") if isinstance(said, dict) else None
    return commit if isinstance(commit, str) and _OBJECT_ID.fullmatch(commit) else ""


def _made(commit: str, objects: Objects) -> Made:
    content = objects.read(commit, LARGEST_COMMIT, "commit")
    if content is None:
        return Made(commit)
    told = parse_commit(content)
    try:
        day = datetime.fromtimestamp(told.time, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        day = ""
    return Made(commit, told.author, day)
