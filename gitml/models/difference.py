"""Two releases side by side: metrics, params, data, packages, code, and the size of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.conventions.released import TEST_DATA
from gitml.experiments import pairing
from gitml.experiments.compare import CodeChange, code_changes
from gitml.experiments.rows import diff, number
from gitml.git.objects import Objects, list_tree
from gitml.models import claims
from gitml.models.provenance import OF_A_RELEASE
from gitml.pipeline.project import projects
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.storage import Storage
from gitml.reports.comparison import Interval, compare
from gitml.reports.intervals import Pairing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gitml.config import Config
    from gitml.models.claims import Claim
    from gitml.models.provenance import Provenance
    from gitml.models.registry import Release
    from gitml.reports.comparison import MetricChange

PACKAGES = "packages"
Pairs = dict[str, list[Any]]
"""Old and new value by name; None for one that is not there."""


class Figure(NamedTuple):
    """A metric of both.

    Attributes
    ----------
    name
        Its name.
    old, new
        None where one has none.
    interval
        The paired interval of new less old; None where there is none.
    word
        What the difference means, as in `gitml.reports.comparison`; empty on other test data, where it means nothing.
    """

    name: str
    old: float | None
    new: float | None
    interval: Interval | None
    word: str


class Difference(NamedTuple):
    """What differs between two releases.

    Attributes
    ----------
    metrics
        All figures, those that are the same as well.
    note
        Why they have no intervals, in half a sentence; empty where they have.
    is_same_data
        Whether both were measured on the same test data.
    params, data, environment
        What differs, by name.
    files
        The sizes of the model's files whose bytes differ, by path.
    code
        Files that people write, and by how many lines.
    faults
        What cannot be compared, and why.
    """

    metrics: tuple[Figure, ...]
    note: str
    is_same_data: bool
    params: Pairs
    data: Pairs
    environment: Pairs
    files: Pairs
    code: tuple[CodeChange, ...]
    faults: tuple[str, ...]


def between(
    old: Release, new: Release, config: Config, storage: Storage | None = None, at: Path | None = None
) -> Difference:
    """Return what differs between two releases.

    Parameters
    ----------
    old, new
        The releases.
    config
        The project's configuration: which metric ranks, and which direction is better.
    storage
        Where predictions may be, for intervals; None for no intervals.
    at
        As for `gitml.git.command.git`.
    """
    with Objects(at) as objects:
        said = claims.read_each([old, new], objects, at)
        before, now = said[old.commit], said[new.commit]
        same = _metric(before, TEST_DATA) == _metric(now, TEST_DATA)
        intervals, note = {}, "they were measured on other test data"
        if same:
            paired = _paired(old, new, (before, now), objects, storage, at)
            intervals, note = paired.intervals, paired.note
    figures = [_figures(claim) for claim in (now, before)]
    changed = [change for change in code_changes(old.commit, new.commit, at) if change.path not in OF_A_RELEASE]
    return Difference(
        tuple(_figure(change, same) for change in compare(figures[0], figures[1], intervals, config)),
        note,
        same,
        diff(dict(_told(before, "params")), dict(_told(now, "params"))),
        diff(_sums(before.told), _sums(now.told)),
        diff(_flat(_told(before, "environment")), _flat(_told(now, "environment"))),
        _changed_files(before.told, now.told),
        tuple(changed),
        tuple(f"{release.version}: {claim.fault}" for release, claim in ((old, before), (new, now)) if claim.fault),
    )


def _paired(
    old: Release,
    new: Release,
    said: tuple[Claim, Claim],
    objects: Objects,
    storage: Storage | None,
    at: Path | None,
) -> Pairing:
    """Return the intervals of the differences, from the predictions that both have in DVC's cache."""
    if storage is None:
        return Pairing({}, "there is no working tree, so no cache of DVC's")
    snapshots = [Snapshot(list_tree(one.commit, at), objects) for one in (old, new)]
    root = next((project.root for project in projects(snapshots[1]) if project.pipelines), "")
    before, now = (pairing.find(snapshot, root, storage) for snapshot in snapshots)
    if now is None or before is None:
        lacking = new if now is None else old
        return Pairing({}, f"{lacking.version} stores no predictions, or no cache of DVC's is here")
    thresholds = (_told(said[1], "metrics"), _told(said[0], "metrics"))
    return pairing.pair(now, before, thresholds)


def _told(claim: Claim, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = getattr(claim.told, name) if claim.told is not None else {}
    return found


def _metric(claim: Claim, name: str) -> Any:
    return _told(claim, "metrics").get(name)


def _figures(claim: Claim) -> dict[str, float]:
    found = {name: number(value) for name, value in _told(claim, "metrics").items()}
    return {name: value for name, value in found.items() if value is not None}


def _sums(told: Provenance | None) -> dict[str, str]:
    return {source.path: source.md5 for source in told.data} if told is not None else {}


def _changed_files(old: Provenance | None, new: Provenance | None) -> Pairs:
    before, now = ({file.path: file for file in told.model} if told is not None else {} for told in (old, new))
    found = {}
    for path in {**before, **now}:
        pair = [before.get(path), now.get(path)]
        if pair[0] is None or pair[1] is None or pair[0].md5 != pair[1].md5:
            found[path] = [None if file is None else file.size for file in pair]
    return found


def _figure(change: MetricChange, is_same_data: bool) -> Figure:
    word = change.word if is_same_data else ""
    return Figure(change.name, change.before, change.now, change.interval, word)


def _flat(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was installed by name: packages by their own, and what else there is."""
    packages = environment.get(PACKAGES)
    others = {name: value for name, value in environment.items() if name != PACKAGES}
    return {**others, **packages} if isinstance(packages, dict) else dict(environment)
