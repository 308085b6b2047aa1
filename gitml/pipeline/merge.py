"""Merging two sides of an experiment: code by git, parameters by key, results from the side that they belong to."""

from __future__ import annotations

import posixpath
from typing import Literal, NamedTuple

from gitml.git import trees
from gitml.git.merge import merge_bases, merge_file, merge_trees
from gitml.git.objects import Entry, Objects, list_tree
from gitml.pipeline import merge_lock, metrics, params
from gitml.pipeline.ignore import is_inside
from gitml.pipeline.layout import layout, project_at
from gitml.pipeline.merge_params import KeyConflict, merge_params
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.verify import judge_snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from gitml.pipeline.layout import Layout
    from gitml.pipeline.project import Project

Side = Literal["ours", "theirs"]

REPORTS = "reports/"

_PASSES = 3
"""Times that all stages are looked at: the choice of one may make another's the better one."""


class Merged(NamedTuple):
    """What two sides come to.

    Attributes
    ----------
    tree
        Full id. Files in conflict have git's marks in them, keys in conflict our value.
    conflicts
        Files that git could not merge, and nothing here could.
    keys
        Parameters that both sides changed, to different values.
    stages
        Of the stages whose last runs differ, the side whose run was taken, by stage.
    made
        Files that git could not merge, and that are one side's because nobody writes them by hand.
    """

    tree: str
    conflicts: tuple[str, ...]
    keys: tuple[KeyConflict, ...]
    stages: dict[str, Side]
    made: tuple[str, ...] = ()


def merge(
    ours: str,
    theirs: str,
    root: str = "",
    reports: Mapping[str, Side] | None = None,
    other_reports: Side = "ours",
    at: Path | None = None,
) -> Merged:
    """Merge two commits; nothing but the object store is written.

    What stages write is of one side for each stage: of the one whose last run has the inputs that the stage has
    now, else of ours. Such results may be stale, and are made again by running.

    Parameters
    ----------
    ours, theirs
        Full ids of commits.
    root
        The folder of the DVC project, from the top of the repository.
    reports
        Whose report it is, by experiment.
    other_reports
        Whose version of the other reports counts where both sides changed one.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    NotRelated, HistoryIsShallow
        There is no common past to merge by.
    """
    bases = merge_bases(ours, theirs, at)
    textual = merge_trees(ours, theirs, at)
    with Objects(at) as objects:
        work = _Merge(
            objects,
            Snapshot(list_tree(ours, at), objects),
            Snapshot(list_tree(theirs, at), objects),
            [Snapshot(list_tree(base, at), objects) for base in bases],
            Snapshot(list_tree(textual.tree, at), objects),
            set(textual.conflicts),
            root,
        )
        work.params()
        work.reports(dict(reports or {}), other_reports)
        work.results()
        tree = trees.tree_with(textual.tree, work.changes, at)
        stages: dict[str, Side] = {}
        if not work.conflicts:
            choice = _Choice(objects, work, Snapshot(list_tree(tree, at), objects))
            stages = choice.make()
            tree = trees.tree_with(tree, choice.changes(stages), at)
    return Merged(tree, tuple(sorted(work.conflicts)), tuple(work.keys), stages, tuple(sorted(work.made)))


class _Merge:
    """One merge, path by path.

    Attributes
    ----------
    changes
        What becomes of paths of git's own merge.
    conflicts
        The paths that are still in conflict.
    keys
        The parameters that are.
    made
        The paths that were, and are one side's now.
    """

    def __init__(
        self,
        objects: Objects,
        ours: Snapshot,
        theirs: Snapshot,
        bases: list[Snapshot],
        textual: Snapshot,
        conflicts: set[str],
        root: str,
    ) -> None:
        self.objects = objects
        self.ours, self.theirs, self.bases, self.textual = ours, theirs, bases, textual
        self.conflicts = conflicts
        self.root = root
        self.changes: dict[str, trees.Change] = {}
        self.keys: list[KeyConflict] = []
        self.made: set[str] = set()
        found = [project_at(side, root) for side in (ours, theirs)]
        self.layouts: list[Layout] = [layout(project) for project in found if project is not None]

    def side(self, side: Side) -> Snapshot:
        """Return what a side has."""
        return self.ours if side == "ours" else self.theirs

    def params(self) -> None:
        """Merge the parameter files that both sides changed, by key."""
        declared = dict.fromkeys(path for side in (self.ours, self.theirs) for path in metrics.declare(side).params)
        for path in declared:
            contents = [side.read(path) for side in (self.ours, self.theirs, *self.bases)]
            ours, theirs, *bases = contents
            if ours is None or theirs is None or ours == theirs or ours in bases or theirs in bases:
                continue
            textual = self.textual.read(path) if path not in self.conflicts else None
            try:
                merged = merge_params(path, [one or b"" for one in bases], ours, theirs, textual, merge_file)
            except params.NotParams:
                continue
            self.keys += merged.conflicts
            if merged.content is not None:
                self.conflicts.discard(path)
                self.changes[path] = trees.Blob(self.ours.files[path].mode, merged.content)
            elif merged.conflicts:
                self.conflicts.discard(path)  # it is told by its keys
            else:
                self.conflicts.add(path)

    def reports(self, owners: dict[str, Side], others: Side) -> None:
        """Let each report be its own side's."""
        for slug, side in owners.items():
            folder = f"{REPORTS}{slug}"
            if self.side(side).kind(folder) == "folder":
                self.take(folder, side)
        for path in list(self.conflicts):
            if path.startswith(REPORTS):
                self.take(path, others)

    def results(self) -> None:
        """Take our results where both sides have other ones; which are right is seen when all inputs are merged."""
        for one in self.layouts:
            for path in one.written:
                touched = {name for name in self.conflicts if is_inside(name, path)}
                if posixpath.basename(path) == ".gitignore":
                    self._ignore(path) if path in touched else None
                elif touched:
                    self.take(path, "ours")

    def take(self, path: str, side: Side) -> None:
        """Let a file or folder be what one side has."""
        self.changes |= _taken(path, self.side(side), (self.ours, self.theirs, self.textual))
        taken = {name for name in self.conflicts if is_inside(name, path)}
        self.made |= taken
        self.conflicts -= taken

    def _ignore(self, path: str) -> None:
        """Keep all lines of both sides: DVC adds one for each out that git must not see."""
        contents = [side.read(path) or b"" for side in (self.bases[0], self.ours, self.theirs)]
        merged = merge_file(contents[0], contents[1], contents[2], True)
        if merged is not None:
            lines = dict.fromkeys(merged.splitlines(keepends=True))
            self.changes[path] = trees.Blob("100644", b"".join(lines))
            self.conflicts.discard(path)


class _Choice:
    """Which side's last run of each stage is taken, in a tree whose inputs are merged."""

    def __init__(self, objects: Objects, work: _Merge, merged: Snapshot) -> None:
        self._objects = objects
        self._work = work
        self._merged = merged
        self._project: Project | None = project_at(merged, work.root)
        self._locks: dict[str, dict[Side, dict[str, bytes]]] = {}
        self._whole: dict[str, Side] = {}
        self._stages: dict[str, tuple[str, str, tuple[str, ...]]] = {}
        for pipeline in self._project.pipelines if self._project is not None else ():
            lock = posixpath.join(posixpath.dirname(pipeline.definition.path), "dvc.lock")
            ours, theirs = (merge_lock.sections(side.read(lock)) for side in (work.ours, work.theirs))
            if ours is None or theirs is None:
                self._whole[lock] = "ours" if lock in work.ours.files else "theirs"
                continue
            self._locks[lock] = {"ours": ours, "theirs": theirs}
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
        work = self._work
        changes: dict[str, trees.Change] = {}
        for address, side in sides.items():
            for out in self._stages[address][2]:
                changes |= _taken(out, work.side(side), (work.ours, work.theirs, self._merged))
        for lock, content in self._contents(sides).items():
            changes[lock] = trees.Blob("100644", content)
        for lock, side in self._whole.items():
            changes |= _taken(lock, work.side(side), (self._merged,))
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
        return [(entry.path, entry.oid) for entry in _entries(path, self._work.side(side))]


class _Tried(Snapshot):
    """A snapshot with other locks in it, which no object has yet."""

    def __init__(self, entries: Iterable[Entry], objects: Objects, locks: Mapping[str, bytes]) -> None:
        others = [entry for entry in entries if entry.path not in locks]
        super().__init__([*others, *(Entry("100644", f"tried {path}", path) for path in locks)], objects)
        self._contents |= {f"tried {path}": content for path, content in locks.items()}


def _is_in_all(name: str, of_side: Mapping[Side, Mapping[str, bytes]]) -> bool:
    return all(name in stages for stages in of_side.values())


def _taken(path: str, side: Snapshot, others: Iterable[Snapshot]) -> dict[str, trees.Change]:
    """Return the changes after which a file or folder is what one side has."""
    gone = [entry.path for other in others for entry in _entries(path, other)]
    return {
        **dict.fromkeys(gone, None),
        **{entry.path: trees.Known(entry.mode, entry.oid) for entry in _entries(path, side)},
    }


def _entries(path: str, side: Snapshot) -> list[Entry]:
    return [side.files[path]] if path in side.files else side.below(path)
