"""Whether the files that a release names as its model are those that its dvc.lock recorded."""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING

from gitml.conventions.shell import printable
from gitml.models.origin import ENVIRONMENT, LARGEST_ENVIRONMENT
from gitml.pipeline import strict
from gitml.pipeline.digest import fingerprint, folder_digest
from gitml.pipeline.project import projects
from gitml.pipeline.storage import DataObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitml.models.provenance import ModelFile, Provenance
    from gitml.pipeline.snapshot import Snapshot
    from gitml.pipeline.storage import Storage

FOLDER = "models/"
"""Where a pipeline has its models."""


def recorded(paths: Iterable[str], snapshot: Snapshot) -> dict[str, str]:
    """Return DVC's sums of files and of the folders that they are in, as a commit's dvc.lock has them, by path."""
    makers = {path: maker for project in projects(snapshot) for path, maker in project.makers.items()}
    found = {}
    for path in paths:
        while path:
            maker = makers.get(path)
            if maker is not None and maker.recorded is not None and maker.recorded.md5 is not None:
                found[path] = maker.recorded.md5
                break
            path = posixpath.dirname(path)
    return found


def why_not_recorded(files: Sequence[ModelFile], snapshot: Snapshot) -> str:
    """Say why the files of a model are not what the commit's dvc.lock recorded; empty where they are.

    Of a folder DVC records one sum over the names and sums of its files. So it is computed from what the release
    says of them, and no object of DVC's is needed.
    """
    sums = recorded((file.path for file in files), snapshot)
    kept = _kept_models(snapshot)
    lacking = sorted(path for path in kept if not any(_is_in(file.path, path) for file in files))
    if lacking:
        return f"provenance.json names nothing of {printable(lacking[0])}, which the pipeline made."
    for path, md5 in sums.items():
        below = {file.path[len(path) + 1 :]: file.md5 for file in files if file.path.startswith(f"{path}/")}
        own = next((file.md5 for file in files if file.path == path), None)
        if md5 not in (own, folder_digest(below) if below else None):
            return f"The lock has another sum of {printable(path)}: {md5[:10]}."
    for file in files:
        if not any(_is_in(file.path, path) for path in sums):
            return f"No stage and no .dvc file of the commit made {printable(file.path)}."
    return ""


def environment(told: Provenance, storage: Storage | None) -> tuple[str, str]:
    """Return what is claimed of the environment, and why that is not so; an empty text where it is.

    The file is one of the model's, so that its sum is proved with them; its content as far as it is on this machine.
    """
    file = next((one for one in told.model if posixpath.basename(one.path) == ENVIRONMENT), None)
    if file is None:
        return "what was installed", f"The model has no {ENVIRONMENT}, so nothing says it."
    says = f"{printable(file.path)} md5 {file.md5[:10]}"
    content = _content(file, storage)
    if content is None:
        return f"{says}; its bytes are not here", ""
    if fingerprint(content).md5 != file.md5:
        return says, "Its bytes in the cache are others: gitml doctor."
    try:
        is_same = _text(strict.loads(content)) == _text(told.environment)
    except strict.NotStrict as wrong:
        return says, f"It cannot be read: {wrong}."
    return says, "" if is_same else "provenance.json says something else."


def _content(file: ModelFile, storage: Storage | None) -> bytes | None:
    cache = storage.settings("").cache if storage is not None else None
    if cache is None or file.size > LARGEST_ENVIRONMENT:
        return None
    try:
        with open(DataObject(file.md5, file.path).below(cache), "rb") as opened:
            return opened.read(LARGEST_ENVIRONMENT)
    except OSError:
        return None


def _kept_models(snapshot: Snapshot) -> list[str]:
    """Return what DVC keeps below models/."""
    return [
        path
        for project in projects(snapshot)
        for path, maker in project.makers.items()
        if maker.is_cached and path.startswith(FOLDER) and maker.recorded is not None
    ]


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
