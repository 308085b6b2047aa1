"""Which parameters a run sets, resolved one after the other: a model can be chosen and tuned at once."""

from __future__ import annotations

from typing import NamedTuple

from gitml.experiments import snapshot
from gitml.git import trees
from gitml.git.objects import Objects, list_tree
from gitml.pipeline import overrides
from gitml.pipeline.layout import known_params
from gitml.pipeline.overrides import Override, Value, WrongParameter
from gitml.pipeline.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitml.experiments.desk import Desk

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
    left = list(sets)
    changes: list[Override] = []
    values: dict[str, dict[str, Value]] = {}
    while left:
        waiting = []
        fault: WrongParameter | None = None
        for name, value in left:
            try:
                change, tree = _set(desk, tree, name, value)
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
    return Chosen(tuple(changes), values, tree)


def _set(desk: Desk, tree: str, name: str, value: Value) -> tuple[Override, str]:
    """Return what a name means in a tree, and the tree in which it has its new value."""
    found = snapshot.layout_of(desk, tree)
    with Objects(desk.root) as objects:
        files = Snapshot(list_tree(tree, desk.root), objects)
        one = overrides.find(name, known_params(files, found))
        content = files.read(one.file) or b""
        mode = files.files[one.file].mode
    changed = overrides.apply(one.file, content, {one.name: value})
    tree = trees.tree_with(tree, {one.file: trees.Blob(mode, changed)}, desk.root)
    return Override(one.file, one.name, one.value, value.value), tree
