"""Whose last run of a stage is the right one where two sides are merged."""

from __future__ import annotations

import posixpath
from typing import Literal

from gitml.git import trees
from gitml.git.objects import Entry, Objects
from gitml.pipeline import merge_lock
from gitml.pipeline.layout import project_at
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.verify import judge_snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gitml.pipeline.project import Project

Side = Literal["ours", "theirs"]

_PASSES = 3
"""Times that all stages are looked at: the choice of one may make another's the better one."""


class Choice:
    """Which side's last run of each stage is taken, in a tree whose inputs are merged.

    Parameters
    ----------
    objects
        Where blobs are read.
    ours, theirs
        What the sides have.
    merged
        The tree whose inputs are merged; its results are of either side.
    root
        The folder of the DVC project, from the top of the repository.
    """

    def __init__(self, objects: Objects, ours: Snapshot, theirs: Snapshot, merged: Snapshot, root: str) -> None:
        self._objects = objects
        self._sides: dict[Side, Snapshot] = {"ours": ours, "theirs": theirs}
        self._merged = merged
        self._project: Project | None = project_at(merged, root)
        self._locks: dict[str, dict[Side, dict[str, bytes]]] = {}
        self._whole: dict[str, Side] = {}
        self._stages: dict[str, tuple[str, str, tuple[str, ...]]] = {}
        for pipeline in self._project.pipelines if self._project is not None else ():
            lock = posixpath.join(posixpath.dirname(pipeline.definition.path), "dvc.lock")
            of_ours, of_theirs = (merge_lock.sections(side.read(lock)) for side in (ours, theirs))
            if of_ours is None or of_theirs is None:
                self._whole[lock] = "ours" if lock in ours.files else "theirs"
                continue
            self._locks[lock] = {"ours": of_ours, "theirs": of_theirs}
            for stage in pipeline.definition.stages:
                assert self._project is not None
                places = [self._project.path(stage.folder, out.path) for out in stage.outs if not out.is_cached]
                outs = tuple(place for place in places if place)
                self._stages[pipeline.address(stage.name)] = (lock, stage.name, outs)

    def make(self) -> dict[str, Side]:
        """Return the side of each stage that was not run alike on both."""
        sides: dict[str, Side] = {}
        for address, (lock, name, outs) in self._stages.items():
            ours, theirs = (self._locks[lock][side].get(name) for side in ("ours", "theirs"))
            is_alike = all(self._below(out, "ours") == self._below(out, "theirs") for out in outs)
            if ours != theirs or not is_alike:
                sides[address] = "theirs" if ours is None else "ours"
        for _ in range(_PASSES):
            before = dict(sides)
            for address in sides:
                lock, name, _outs = self._stages[address]
                for side in ("ours", "theirs"):
                    tried: dict[str, Side] = {**sides, address: "ours" if side == "ours" else "theirs"}
                    if name in self._locks[lock][tried[address]] and self._is_right(address, tried):
                        sides = tried
                        break
            if sides == before:
                break
        return sides

    def changes(self, sides: Mapping[str, Side]) -> dict[str, trees.Change]:
        """Return what becomes of the locks, and of what git keeps of the stages' results."""
        changes: dict[str, trees.Change] = {}
        for address, side in sides.items():
            for out in self._stages[address][2]:
                changes |= taken(out, self._sides[side], (*self._sides.values(), self._merged))
        for lock, content in self._contents(sides).items():
            changes[lock] = trees.Blob("100644", content)
        for lock, side in self._whole.items():
            changes |= taken(lock, self._sides[side], (self._merged,))
        return changes

    def _contents(self, sides: Mapping[str, Side]) -> dict[str, bytes]:
        """Return the locks in which each stage is of its side; those that DVC has of older stages stay."""
        contents = {}
        for lock, of_side in self._locks.items():
            stages = {**of_side["theirs"], **of_side["ours"]}
            order = dict.fromkeys([*of_side["ours"], *of_side["theirs"]])
            for address, side in sides.items():
                place, name, _ = self._stages[address]
                if place == lock and name in of_side[side]:
                    stages[name] = of_side[side][name]
            known = {name for place, name, _ in self._stages.values() if place == lock}
            kept = {name: stages[name] for name in order if name in known or _is_in_all(name, of_side)}
            if kept:
                contents[lock] = merge_lock.assemble(kept)
        return contents

    def _is_right(self, address: str, sides: Mapping[str, Side]) -> bool:
        """Say whether a stage would not run again if each stage's last run were that of its side."""
        files: dict[str, Entry] = dict(self._merged.files)
        for path, change in self.changes(sides).items():
            if isinstance(change, trees.Known):
                files[path] = Entry(change.mode, change.oid, path)
            elif change is None:
                files.pop(path, None)
        verdict = judge_snapshot(_Tried(files.values(), self._objects, self._contents(sides)))
        return not any(found.stage == address and found.kind in ("stale", "forged") for found in verdict.findings)

    def _below(self, path: str, side: Side) -> list[tuple[str, str]]:
        return [(entry.path, entry.oid) for entry in _entries(path, self._sides[side])]


class _Tried(Snapshot):
    """A snapshot with other locks in it, which no object has yet."""

    def __init__(self, entries: Iterable[Entry], objects: Objects, locks: Mapping[str, bytes]) -> None:
        others = [entry for entry in entries if entry.path not in locks]
        super().__init__([*others, *(Entry("100644", f"tried {path}", path) for path in locks)], objects)
        self._contents |= {f"tried {path}": content for path, content in locks.items()}


def _is_in_all(name: str, of_side: Mapping[Side, Mapping[str, bytes]]) -> bool:
    return all(name in stages for stages in of_side.values())


def taken(path: str, side: Snapshot, others: Iterable[Snapshot]) -> dict[str, trees.Change]:
    """Return the changes after which a file or folder is what one side has."""
    gone = [entry.path for other in others for entry in _entries(path, other)]
    return {
        **dict.fromkeys(gone, None),
        **{entry.path: trees.Known(entry.mode, entry.oid) for entry in _entries(path, side)},
    }


def _entries(path: str, side: Snapshot) -> list[Entry]:
    return [side.files[path]] if path in side.files else side.below(path)
