"""Running a commit's pipeline once more from its source data alone, and comparing what comes out with what it says.

Hashes do not prove a metric: after an edit by hand, ``dvc commit -f`` makes all of them agree, and a run-cache that
was tampered with is believed. Only the stages themselves, with an empty cache, tell what they give. So the code of
the commit is executed: it gets no credentials in its environment, but this is no sandbox.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.conventions.amounts import bytes_in_words
from gitml.conventions.branches import DEFAULT_MODEL
from gitml.conventions.shell import printable
from gitml.git import repository
from gitml.git.objects import Objects, list_tree
from gitml.models import agreement, clean_room, machine, source_data
from gitml.models import case as cases
from gitml.models.agreement import Difference, Tolerance
from gitml.models.clean_room import DiskIsFull
from gitml.models.location import NoModel, locate
from gitml.pipeline import dvc, settings, strict
from gitml.pipeline.ignore import is_inside
from gitml.pipeline.metrics import LARGEST, SUFFIXES
from gitml.pipeline.project import projects
from gitml.pipeline.remote import READ_AHEAD
from gitml.pipeline.repro import RunFailed, last_lines, repro
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gitml.models.case import Case
    from gitml.models.clean_room import Room
    from gitml.pipeline.flat import Flat
    from gitml.pipeline.repro import StageEvent

EVERY = 30.0
"""Seconds between two lines about a stage that runs on."""

MOST_FILES = 1000
"""Files of one folder of metrics."""


class Reproduction(NamedTuple):
    """What came of it.

    Attributes
    ----------
    commit
        Full id.
    recorded, computed
        The metrics as the commit has them and as they came out, by dotted names.
    differences
        The metrics that are not the same.
    unverified
        Why figures of the commit could not be made again, a sentence each.
    is_same_model
        Whether the model's bytes came out the same, too; None where there is no model. On another machine they
        need not.
    changed
        What stages made and came out with other bytes, metrics aside.
    environment
        What is otherwise on this machine than where the model was trained: name, there, here.
    sources
        The data that it began with, which is taken as it is.
    notes
        What else somebody should know.
    seconds
        How long it took.
    """

    commit: str
    recorded: Mapping[str, Any]
    computed: Mapping[str, Any]
    differences: tuple[Difference, ...]
    unverified: tuple[str, ...]
    is_same_model: bool | None
    changed: tuple[str, ...]
    environment: tuple[tuple[str, Any, Any], ...]
    sources: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every metric came out again."""
        return bool(self.recorded) and not self.differences and not self.unverified


def reproduce(
    commit: str,
    at: Path | None = None,
    *,
    tolerance: Tolerance = Tolerance(),  # noqa: B008 - it never changes
    on_progress: Callable[[str], None] = lambda line: None,
    model: str = DEFAULT_MODEL,
    storage: Storage | None = None,
    remote: str = "",
) -> Reproduction:
    """Run a commit's pipeline in a clean room, and compare every metric with the recorded one.

    The room has the commit's files, an empty DVC cache and the source data from the DVC remote; the user's own
    tree, cache and DVC settings are not touched. It is removed afterwards; after a kill, the next time.

    Parameters
    ----------
    commit
        Full id. Its code is executed.
    at
        As for `gitml.git.command.git`.
    tolerance
        How far a figure may be off.
    on_progress
        Called with a line whenever there is something to say.
    model
        The name of the model whose bytes are compared.
    storage
        Where data is fetched from; None for what the working tree says.
    remote
        The DVC remote's name, where it is not the default one.

    Raises
    ------
    CannotReproduce, LeadsElsewhere
        It has no pipeline that could be run, or one whose cache cannot be an empty one.
    SourceIsMissing
        Data that it begins with cannot be had.
    RunFailed
        A stage failed; the last that it wrote is in the error.
    DiskIsFull
        There is no room.
    KeyboardInterrupt
        Ctrl-C; all that ran has ended, and the room is removed.
    """
    began = time.monotonic()
    storage = storage or Storage(repository.find(at).root)
    with Objects(at) as objects:
        snapshot = _snapshot(commit, objects, at)
        case = cases.read(snapshot, commit)
        for root, _ in case.roots:
            storage.settings(root, snapshot.read(f"{root}/.dvc/config".lstrip("/")) or b"")
    path = _model_path(commit, model, at)
    on_progress(f"running the code of {commit[:10]}, in a clean room and without credentials")
    with clean_room.enter(commit, at) as room, clean_room.tells_of_a_full_disk(room.shelf):
        brought = _prepare(case, room, storage, remote, on_progress)
        recorded = {**case.recorded, **_kept_metrics(case, room)}
        _run(commit, case, room, on_progress)
        computed = _computed(case, room)
        changed = _changed(commit, case, room, at)
        here = machine.read(clean_room.read_file(room.tree / path / machine.FILE, LARGEST)) if path else {}
    there = machine.of_commit(commit, at, storage, model) if here else {}
    notes = [f"only this machine's cache had {name}" for name in brought.only_here]
    if here and not there:
        notes.append(f"the {machine.FILE} of where it was trained is not here, so it was not compared")
    return Reproduction(
        commit,
        _by_name(recorded, recorded, computed),
        _by_name(computed, recorded, computed),
        agreement.compare(recorded, computed, tolerance),
        case.unverified,
        None if path is None else not any(is_inside(one, path) or is_inside(path, one) for one in changed),
        changed,
        machine.differences(there, here) if there else (),
        tuple(sorted(one.path for one in case.sources)),
        tuple(notes),
        time.monotonic() - began,
    )


def _by_name(side: Mapping[str, Flat], *sides: Mapping[str, Flat]) -> dict[str, Any]:
    names = agreement.names(*sides)
    return {name: side[path][key] for name, (path, key) in names.items() if key in side.get(path, {})}


def _snapshot(commit: str, objects: Objects, at: Path | None) -> Snapshot:
    snapshot = Snapshot(list_tree(commit, at), objects)
    snapshot.read_ahead(path for path in snapshot.files if path.endswith(READ_AHEAD))
    return snapshot


def _model_path(commit: str, model: str, at: Path | None) -> str | None:
    try:
        return locate(commit, at, None, model).path
    except NoModel:
        return None


def _prepare(case: Case, room: Room, storage: Storage, remote: str, tell: Callable[[str], None]) -> source_data.Brought:
    """Put the source data in place, and nothing else that a stage makes."""
    wanted = [*case.sources, *case.kept]
    size, free = sum(one.size or 0 for one in wanted), shutil.disk_usage(room.shelf).free
    if size > free:
        raise DiskIsFull(
            room.shelf, f"The source data has {bytes_in_words(size)}, and {bytes_in_words(free)} are free."
        )
    for root, _ in case.roots:
        room.configure(root)
    brought = source_data.bring(wanted, room.cache, storage, tell, remote)
    for root, _ in case.roots if wanted else ():
        dvc.checkout(settings.read(room.tree / root))
    # What no stage makes again must not be found, and taken for made.
    for path in case.files:
        place = room.tree / path
        if place.is_dir():
            clean_room.remove(place)
        else:
            place.unlink(missing_ok=True)
    return brought


def _kept_metrics(case: Case, room: Room) -> dict[str, Flat]:
    found = {
        one.path: cases.values_of(one.path, clean_room.read_file(Path(one.below(room.cache)), LARGEST))
        for one in case.kept
    }
    return {path: values for path, values in found.items() if values is not None}


def _run(commit: str, case: Case, room: Room, tell: Callable[[str], None]) -> None:
    for root, is_all in case.roots:
        teller = _Teller(tell)
        outcome = repro(
            room.tree / root,
            room.log,
            teller.see,
            inherited=(room.lock.descriptor,),
            is_all=is_all,
            is_from_scratch=True,
            environment=room.environment,
        )
        if not outcome.is_done:
            kept = room.shelf / f"{commit[:10]}.log"
            lines = last_lines(room.log)
            shutil.copyfile(room.log, kept)
            raise RunFailed(outcome._replace(log=kept), lines)
        teller.end()


class _Teller:
    """Makes lines of what becomes of the stages."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._to = tell
        self._said = 0
        self._running = ""
        self._began = self._last = time.monotonic()

    def see(self, events: Sequence[StageEvent]) -> None:
        """Take what became of the stages so far."""
        now = time.monotonic()
        for stage, does in events[self._said :]:
            self.end()
            if does == "runs":
                self._running, self._began, self._last = stage, now, now
                self._tell(f"{stage} runs")
            elif does != "done":
                self._tell(f"{stage} was not run: {does}")
        self._said = len(events)
        if self._running and now - self._last >= EVERY:
            self._last = now
            self._tell(f"{self._running} has run for {now - self._began:.0f} s")

    def _tell(self, line: str) -> None:
        self._to(printable(line))  # a stage may write what looks like DVC's words

    def end(self) -> None:
        """Say that the stage under way has ended; DVC is silent where the lock file stays as it was."""
        if self._running:
            self._tell(f"{self._running} ended after {time.monotonic() - self._began:.0f} s")
        self._running = ""


def _computed(case: Case, room: Room) -> dict[str, Flat]:
    """Return the metrics that are in the room now; what its code wrote is not trusted."""
    found: dict[str, Flat] = {}
    for path in case.files:
        place = room.tree / path
        below = [path]
        if place.is_dir() and not place.is_symlink():
            inner = sorted(one for one in place.rglob("*") if one.name.endswith(SUFFIXES) and not one.is_symlink())
            below = [one.relative_to(room.tree).as_posix() for one in inner[:MOST_FILES]]
        for one in below:
            values = cases.values_of(one, clean_room.read_file(room.tree / one, LARGEST))
            if values is not None:
                found[one] = values
    return found


def _changed(commit: str, case: Case, room: Room, at: Path | None) -> tuple[str, ...]:
    """Return what stages made and whose md5 the new dvc.lock files have otherwise."""
    with Objects(at) as objects:
        old = new = _snapshot(commit, objects, at)
        for lock in case.locks:
            content = clean_room.read_file(room.tree / lock, strict.LARGEST)
            if content is not None and lock in old.files:
                new = new.changed(lock, content)
        before, after = _outs(old), _outs(new)
    metrics = set(case.files)
    return tuple(path for path, md5 in before.items() if path not in metrics and after.get(path) != md5)


def _outs(snapshot: Snapshot) -> dict[str, str]:
    return {
        path: maker.recorded.md5
        for project in projects(snapshot)
        for path, maker in project.makers.items()
        if maker.recorded is not None and maker.recorded.md5 is not None and not maker.name.endswith(".dvc")
    }
