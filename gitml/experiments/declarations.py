"""Which files hold a commit's figures, found once for all commits that declare the same."""

from __future__ import annotations

import posixpath
from typing import Any

from gitml.pipeline import metrics, template, yaml12
from gitml.pipeline.definition import DEFAULT_PARAMS
from gitml.pipeline.metrics import Declared
from gitml.pipeline.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gitml.experiments.trees import Trees
    from gitml.git.objects import Objects
    from gitml.pipeline.flat import Flat

NOT_NEEDED = ("cmd", "desc", "meta")
"""Keys of a stage whose references say nothing of its files."""


class References:
    """What a dvc.yaml needs besides itself to say which files it declares.

    Attributes
    ----------
    names
        What stands in its ``${...}``, outside of commands.
    files
        Files that its ``vars`` name, relative to its folder.
    has_vars
        Whether it has ``vars``: then a parameter may not have one of their names.
    is_open
        Whether the files cannot be told without resolving it.
    """

    def __init__(self, content: bytes) -> None:
        self.names: list[str] = []
        self.files: list[str] = []
        self.has_vars = self.is_open = False
        try:
            self._look_at(yaml12.load(content), has_wdir=False)
        except (yaml12.NotYaml, RecursionError):
            self.is_open = True

    def _look_at(self, value: Any, has_wdir: bool) -> None:
        if isinstance(value, dict):
            has_wdir = has_wdir or "wdir" in value
            for key, inner in value.items():
                if key == "vars":
                    self._look_at_vars(inner, has_wdir)
                if key not in NOT_NEEDED:
                    self._look_at(key, has_wdir)
                    self._look_at(inner, has_wdir)
        elif isinstance(value, list):
            for inner in value:
                self._look_at(inner, has_wdir)
        elif isinstance(value, str) and "${" in value:
            self.names += template.names_in(value)

    def _look_at_vars(self, vars_: Any, has_wdir: bool) -> None:
        self.has_vars = True
        for item in vars_ if isinstance(vars_, list) else ():
            if isinstance(item, str):
                self.files.append(item.partition(":")[0])
                self.is_open = self.is_open or has_wdir


class Declarations:
    """Remembers what was declared, by all that it depends on.

    Parameters
    ----------
    objects
        Where blobs are read.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._references: dict[str, References] = {}
        self._known: dict[tuple[Any, ...], Declared] = {}

    def of(self, root: str, trees: Trees, default_params: dict[str, Flat | None]) -> Declared:
        """Return what a commit declares.

        Parameters
        ----------
        root
            Its tree.
        trees
            Where it has been read.
        default_params
            The values of the params.yaml beside each dvc.yaml, by blob; None for one that cannot be read.
        """
        layout = trees.layout(root)
        key: list[Any] = [layout]
        for path, blob in layout:
            if posixpath.basename(path) == "dvc.yaml":
                key += self._needs(root, path, blob, trees, default_params)
        known = self._known.get(tuple(key))
        if known is None:
            entries = [entry for entry in trees.entries(root) if posixpath.basename(entry.path) != "dvc.lock"]
            snapshot = Snapshot(entries, self._objects)
            snapshot.read_ahead(path for path, _ in layout)
            known = self._known[tuple(key)] = metrics.declare(snapshot)
        return known

    def _needs(
        self, root: str, path: str, blob: str, trees: Trees, default_params: dict[str, Flat | None]
    ) -> list[Any]:
        oid = blob.partition(" ")[2]
        references = self._references.get(oid)
        if references is None:
            references = self._references[oid] = References(self._objects.read(oid, yaml12.LARGEST) or b"")
        if references.is_open:
            return [root]
        folder = posixpath.dirname(path)
        paths = (posixpath.normpath(posixpath.join(folder, name)) for name in references.files)
        files = tuple(trees.find(root, path) for path in paths)
        found = trees.find(root, posixpath.join(folder, DEFAULT_PARAMS))
        if found is None or not found[0].startswith("100"):
            return [files, found]
        values = default_params.get(found[1])
        if values is None:
            return [files, found]
        needs = [files, tuple(_meant(name, values) for name in references.names)]
        return [*needs, tuple(sorted({name.partition(".")[0] for name in values}))] if references.has_vars else needs


def _meant(name: str, values: Flat) -> str:
    """Return a text that differs where a reference means something else."""
    if name in values:
        return repr(values[name])
    prefix = f"{name}."
    return repr([(key, value) for key, value in values.items() if key.startswith(prefix)])
