"""Which out of a commit is its model."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.conventions.branches import DEFAULT_MODEL
from gitml.errors import GitmlError
from gitml.git.objects import Entry, Objects, list_tree
from gitml.pipeline import yaml12
from gitml.pipeline.definition import inside
from gitml.pipeline.project import projects
from gitml.pipeline.remote import READ_AHEAD
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.storage import DataObject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitml.pipeline.project import Maker, Project
    from gitml.pipeline.storage import Storage


class Location(NamedTuple):
    """Which part of a commit is its model.

    Attributes
    ----------
    path
        A file or a folder, from the top of the repository.
    outs
        What DVC keeps of it: files, and lists of folders' files.
    blobs
        What git keeps of it.
    """

    path: str
    outs: tuple[DataObject, ...]
    blobs: tuple[Entry, ...]


class NoModel(GitmlError):
    """A commit has nothing that is a model, or it cannot be said what."""

    def __init__(self, commit: str, why: str) -> None:
        super().__init__(
            f"{commit[:10]} has no model that can be read",
            why,
            ("write into dvc.yaml:  artifacts: {model: {path: models/model, type: model}}", "dvc repro"),
        )


def locate(commit: str, at: Path | None = None, storage: Storage | None = None, model: str = DEFAULT_MODEL) -> Location:
    """Return which part of a commit is its model.

    It is the path of the entry with the model's name in ``artifacts:`` of a dvc.yaml, else of the only entry of
    type ``model``, else ``models/<model>``.

    Parameters
    ----------
    commit
        Full id of a commit.
    at
        As for `gitml.git.command.git`.
    storage
        Where its objects are; it learns the settings of what is not checked out.
    model
        The model's name.

    Raises
    ------
    NoModel
        There is none, or several; or nothing was made there yet.
    """
    with Objects(at) as objects:
        snapshot = Snapshot(list_tree(commit, at), objects)
        snapshot.read_ahead(path for path in snapshot.files if path.endswith(READ_AHEAD))
        path = _declared_path(snapshot, commit, model)
        for project in projects(snapshot):
            if storage is not None:
                config = snapshot.read(posixpath.join(project.root, ".dvc", "config")) or b""
                storage.settings(project.root, config)
        outs = tuple(_outs(snapshot, path))
    entries = [snapshot.files[path]] if path in snapshot.files else snapshot.below(path)
    if any(not entry.is_file for entry in entries):
        raise NoModel(commit, f"{path} is, or holds, a symbolic link or a submodule.")
    blobs = tuple(one for one in entries if posixpath.basename(one.path) != ".gitignore")
    if not outs and not blobs:
        raise NoModel(commit, f"It should be {path}, and neither dvc.lock nor git has anything there.")
    return Location(path, outs, blobs)


def _declared_path(snapshot: Snapshot, commit: str, model: str) -> str:
    named: list[str] = []
    models: list[str] = []
    for folder, entries in _artifacts(snapshot):
        for name, entry in entries.items():
            path = entry.get("path") if isinstance(entry, dict) else None
            if not isinstance(path, str) or (name != model and entry.get("type") != "model"):
                continue
            target = inside(folder, path) if "${" not in path else None
            if target is None:
                raise NoModel(commit, f"The artifact {name} of dvc.yaml is at {path[:80]!r}, which is no path in it.")
            (named if name == model else models).append(target)
    found = list(dict.fromkeys(named or models))
    if len(found) > 1:
        raise NoModel(commit, f"dvc.yaml names several: {', '.join(found[:5])}; none, or more than one, as {model}.")
    return found[0] if found else f"models/{model}"


def _artifacts(snapshot: Snapshot) -> Iterator[tuple[str, dict[Any, Any]]]:
    """Yield what the dvc.yaml files of a commit name, each with its folder."""
    for project in projects(snapshot):
        for pipeline in project.pipelines:
            path = pipeline.definition.path
            try:
                data = yaml12.load(snapshot.read(path) or b"")
            except yaml12.NotYaml:
                continue
            entries = data.get("artifacts") if isinstance(data, dict) else None
            if isinstance(entries, dict):
                yield posixpath.dirname(path), entries


def _outs(snapshot: Snapshot, path: str) -> Iterator[DataObject]:
    """Yield what DVC keeps at or below a path, else the folder of DVC's that it is in."""
    for project in projects(snapshot):
        makers = {path: project.makers[path]} if path in project.makers else project.made_below(path)
        for place, maker in (makers or _around(project, path)).items():
            recorded = maker.recorded
            if maker.is_cached and recorded is not None and recorded.md5 is not None:
                yield DataObject(
                    recorded.md5, place, recorded.size, 1, maker.remote.lower(), recorded.is_exact, project.root
                )


def _around(project: Project, path: str) -> dict[str, Maker]:
    folder = posixpath.dirname(path)
    while folder:
        if folder in project.makers:
            return {folder: project.makers[folder]}
        folder = posixpath.dirname(folder)
    return {}
