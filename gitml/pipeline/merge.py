"""Merging two sides of an experiment: code by git, parameters by key, results from the side that they belong to."""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from gitml.git import trees
from gitml.git.merge import merge_bases, merge_file, merge_trees
from gitml.git.objects import Objects, list_tree
from gitml.pipeline import metrics, params
from gitml.pipeline.ignore import is_inside
from gitml.pipeline.layout import layout, project_at
from gitml.pipeline.merge_params import KeyConflict, merge_params
from gitml.pipeline.merge_stages import Choice, Side, taken
from gitml.pipeline.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gitml.pipeline.layout import Layout

REPORTS = "reports/"


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
            choice = Choice(objects, work.ours, work.theirs, Snapshot(list_tree(tree, at), objects), root)
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
        self.changes |= taken(path, self.side(side), (self.ours, self.theirs, self.textual))
        solved = {name for name in self.conflicts if is_inside(name, path)}
        self.made |= solved
        self.conflicts -= solved

    def _ignore(self, path: str) -> None:
        """Keep all lines of both sides: DVC adds one for each out that git must not see."""
        contents = [side.read(path) or b"" for side in (self.bases[0], self.ours, self.theirs)]
        merged = merge_file(contents[0], contents[1], contents[2], True)
        if merged is not None:
            lines = dict.fromkeys(merged.splitlines(keepends=True))
            self.changes[path] = trees.Blob("100644", b"".join(lines))
            self.conflicts.discard(path)
