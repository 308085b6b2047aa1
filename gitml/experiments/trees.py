"""The trees of many commits, each read once."""

from __future__ import annotations

from functools import partial

from gitml.git.objects import Entry, tree_entries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitml.git.objects import Objects

Tree = dict[str, tuple[str, str]]
"""Mode and object id by name."""

DEEPEST = 100
"""Folders inside each other that are looked into."""

_FOLDER = "40000"
_LARGEST = 2**24


class Trees:
    """The trees below some commits' tops; a tree that many commits share is read once.

    Parameters
    ----------
    objects
        Where they are read.

    Attributes
    ----------
    is_any_missing
        Whether a tree is not in the object store; it is taken for an empty one.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._trees: dict[str, Tree] = {}
        self.is_any_missing = False
        self._layouts: dict[str, tuple[tuple[str, str], ...]] = {}

    def read(self, roots: Iterable[str]) -> None:
        """Read what is below these trees, a level at a time, as deep as a project goes."""
        wanted = {oid for oid in roots if oid not in self._trees}
        for _ in range(DEEPEST):
            if not wanted:
                break
            like = next(iter(wanted))
            found = self._objects.read_each(wanted, partial(tree_entries, like=like), _LARGEST, "tree")
            self._trees.update(found)
            self._trees.update({oid: {} for oid in wanted if oid not in found})
            self.is_any_missing = self.is_any_missing or len(found) < len(wanted)
            wanted = {
                oid
                for tree in found.values()
                for mode, oid in tree.values()
                if mode == _FOLDER and oid not in self._trees
            }

    def find(self, root: str, path: str) -> tuple[str, str] | None:
        """Return mode and object id of what is at `path`; None where there is nothing."""
        found: tuple[str, str] | None = (_FOLDER, root)
        for name in path.split("/"):
            if found is None or found[0] != _FOLDER:
                return None
            found = self._trees.get(found[1], {}).get(name)
        return found

    def entries(self, root: str) -> list[Entry]:
        """Return everything below a tree, as `gitml.git.objects.list_tree` does."""
        found: list[Entry] = []
        self._list(root, "", found)
        return found

    def layout(self, root: str) -> tuple[tuple[str, str], ...]:
        """Return the files that say where DVC's projects and pipelines are: their paths and object ids."""
        known = self._layouts.get(root)
        if known is None:
            own: list[tuple[str, str]] = []
            for name, (mode, oid) in self._trees.get(root, {}).items():
                if mode == _FOLDER:
                    if name == ".dvc":
                        own.append((f"{name}/", oid))
                    elif inner := self.layout(oid):
                        own += [(f"{name}/{path}", blob) for path, blob in inner]
                elif name == "dvc.yaml" or name.endswith((".dvc", ".dvcignore", ".gitattributes")):
                    own.append((name, f"{mode} {oid}"))
            known = self._layouts[root] = tuple(own)
        return known

    def _list(self, oid: str, prefix: str, found: list[Entry]) -> None:
        for name, (mode, inner) in self._trees.get(oid, {}).items():
            if mode == _FOLDER:
                self._list(inner, f"{prefix}{name}/", found)
            else:
                found.append(Entry(mode, inner, f"{prefix}{name}"))
