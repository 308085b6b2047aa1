"""Which parameters a run sets, resolved one after the other: a model can be chosen and tuned at once."""

from __future__ import annotations

from typing import NamedTuple

from gitml.experiments.snapshot import no_pipeline
from gitml.git import trees
from gitml.git.objects import Objects, list_tree
from gitml.pipeline import overrides, param_files
from gitml.pipeline.layout import Inputs, Layout, inputs, known_params, layout, project_at
from gitml.pipeline.overrides import Override, Value, WrongParameter
from gitml.pipeline.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from gitml.experiments.desk import Desk
    from gitml.pipeline.overrides import Known

Sets = tuple[tuple[str, Value], ...]
"""What somebody wrote for a parameter's name, and the value."""


class Chosen(NamedTuple):
    """Parameters that get values.

    Attributes
    ----------
    changes
        Those that are not what they were.
    values
        All of them, by file and dotted name.
    tree
        The tree in which they have them.
    """

    changes: tuple[Override, ...]
    values: dict[str, dict[str, Value]]
    tree: str


class Meant(NamedTuple):
    """Parameters that get values, before there is a tree in which they have them.

    Attributes
    ----------
    changes, values
        As for `Chosen`.
    layout, inputs
        What a run with them reads and writes, and what its results come from.
    known
        All parameters, with their values.
    files
        Mode and new bytes of the parameter files.
    """

    changes: tuple[Override, ...]
    values: dict[str, dict[str, Value]]
    layout: Layout
    inputs: Inputs
    known: tuple[Known, ...]
    files: dict[str, trees.Blob]


class Chooser:
    """Sets parameters in a tree as often as wanted; the tree is read once. Use it as a context manager.

    Parameters
    ----------
    desk
        Where the project is.
    tree
        Full id of the tree they are set in.
    """

    def __init__(self, desk: Desk, tree: str) -> None:
        self._desk = desk
        self._tree = tree
        self._objects = Objects(desk.root)
        self._base = Snapshot(list_tree(tree, desk.root), self._objects)

    def __enter__(self) -> Chooser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._objects.close()

    def choose(self, sets: Sequence[tuple[str, Value]]) -> Meant:
        """Return the parameters that are meant, in whatever order they are given.

        Raises
        ------
        WrongParameter
            A name means none, or several, or one that no stage depends on once all the others are set.
        NoPipeline
            There is nothing to run.
        """
        files = self._base
        left = list(sets)
        changes: list[Override] = []
        values: dict[str, dict[str, Value]] = {}
        while left:
            waiting = []
            fault: WrongParameter | None = None
            for name, value in left:
                try:
                    change, files = self._set(files, name, value)
                except WrongParameter as error:
                    fault = fault or error
                    waiting.append((name, value))
                    continue
                values.setdefault(change.file, {})[change.name] = value
                if repr(change.old) != repr(change.new):
                    changes.append(change)
            if fault is not None and len(waiting) == len(left):
                raise fault
            left = waiting
        project = project_at(files, self._desk.project)
        if project is None:
            raise no_pipeline(self._desk)
        found = layout(project)
        written = {file: trees.Blob(files.files[file].mode, files.read(file) or b"") for file in values}
        known = tuple(known_params(files, found))
        return Meant(tuple(changes), values, found, inputs(files, project, found), known, written)

    def tree(self, meant: Meant) -> str:
        """Return the tree in which parameters have the values that were chosen."""
        return trees.tree_with(self._tree, dict(meant.files), self._desk.root) if meant.files else self._tree

    def _set(self, files: Snapshot, name: str, value: Value) -> tuple[Override, Snapshot]:
        project = project_at(files, self._desk.project)
        if project is None:
            raise no_pipeline(self._desk)
        known = known_params(files, layout(project))
        one = overrides.find(name, known)
        used = {other.name for other in known if other.is_used}
        changed = param_files.apply(
            one.file, files.read(one.file) or b"", {one.name: value}, lambda other: other not in used
        )
        return Override(one.file, one.name, one.value, value.value), files.changed(one.file, changed)


def choose(desk: Desk, tree: str, sets: Sequence[tuple[str, Value]]) -> Chosen:
    """Return the parameters that are meant in a tree, in whatever order they are given.

    Parameters
    ----------
    desk
        Where the project is.
    tree
        Full id of the tree they are set in.
    sets
        What somebody wrote.

    Raises
    ------
    WrongParameter
        A name means none, or several, or one that no stage depends on once all the others are set.
    """
    with Chooser(desk, tree) as chooser:
        meant = chooser.choose(sets)
        return Chosen(meant.changes, meant.values, chooser.tree(meant))
