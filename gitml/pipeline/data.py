"""Which of DVC's objects a commit needs: the files that its dvc.lock and .dvc files name and that git has not."""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re

from gitml.pipeline.digest import folder_digest
from gitml.pipeline.project import Project, projects
from gitml.pipeline.storage import DataObject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gitml.pipeline.lockfile import Recorded
    from gitml.pipeline.settings import Settings
    from gitml.pipeline.snapshot import Snapshot
    from gitml.pipeline.storage import Storage

LARGEST = 512 * 2**20
"""Bytes of a ``.dir`` object that is read: the list of a folder of two million files."""

_MD5 = re.compile(r"[0-9a-f]{32}(?:\.dir)?")


def needed(snapshot: Snapshot, storage: Storage) -> list[DataObject]:
    """Return the objects of a commit that DVC keeps, each once, in the order of its files.

    Left out are what git keeps (``cache: false``), what no remote is to have (``push: false``), what comes
    from another repository (``dvc import``) and what a bucket that numbers its versions keeps by its name. A
    folder's files follow its list, where that is in the cache or in a remote that is a folder.

    Parameters
    ----------
    snapshot
        The commit.
    storage
        Where its objects are.
    """
    top = storage.top
    if top is not None and (top / ".dvc").is_dir():
        has_project = True
    else:
        has_project = any(path.startswith(".dvc/") or "/.dvc/" in path for path in snapshot.files)
    found: dict[tuple[str, bool, str, str], DataObject] = {}
    for project in projects(snapshot) if has_project else ():
        committed = snapshot.read(posixpath.join(project.root, ".dvc", "config")) or b""
        known = storage.settings(project.root, committed)
        for path, recorded, remote in _kept(project, snapshot):
            md5 = recorded.md5
            if md5 is None or recorded.is_versioned or _MD5.fullmatch(md5) is None:
                continue
            if known.is_versioned(remote or known.default_remote):
                continue
            whole = DataObject(md5, path, recorded.size, 1, remote.lower(), recorded.is_exact, project.root)
            for one in _expanded(whole, recorded, known) if recorded.is_folder else (whole,):
                found.setdefault(one.key, one)
    return list(found.values())


def read_folder(md5: str, content: bytes) -> dict[str, str] | None:
    """Return the files that a ``.dir`` object lists, their md5 by their path; None where it is damaged."""
    try:
        listed = json.loads(content)
        files = {str(item["relpath"]): str(item["md5"]) for item in listed}
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if f"{hashlib.md5(content, usedforsecurity=False).hexdigest()}.dir" != md5 and folder_digest(files) != md5:
        return None
    return files if all(map(_MD5.fullmatch, files.values())) else None


def _kept(project: Project, snapshot: Snapshot) -> Iterator[tuple[str, Recorded, str]]:
    """Return what DVC keeps and pushes: path, what was recorded, the remote's name."""
    for path, maker in project.makers.items():
        if maker.recorded is not None and maker.is_cached and maker.is_pushed:
            yield path, maker.recorded, maker.remote
    for pipeline in project.pipelines:
        if not pipeline.definition.opaque:
            continue
        # A stage that cannot be resolved here: the lock knows what it wrote, and git has it or not.
        understood = {stage.name for stage in pipeline.definition.stages}
        folder = posixpath.dirname(pipeline.definition.path)
        for name, entry in pipeline.locked.items():
            for out, recorded in entry.outs.items() if name not in understood else ():
                target = project.path(folder, out)
                if target is not None and snapshot.kind(target) == "absent":
                    yield target, recorded, ""


def _expanded(whole: DataObject, recorded: Recorded, known: Settings) -> Iterable[DataObject]:
    """Return a folder's list and its files; the list alone where it cannot be read."""
    for store in (known.cache, known.folder(whole.remote or known.default_remote)):
        content = _read(whole.below(store)) if store is not None else None
        files = read_folder(whole.md5, content) if content is not None else None
        if content is not None and files is not None:
            own = whole._replace(size=None)
            each = [own._replace(md5=md5, path=f"{whole.path}/{path}") for path, md5 in files.items()]
            return [own._replace(size=len(content)), *each]
    return [whole._replace(files=max(recorded.files or 1, 1))]


def _read(file: str) -> bytes | None:
    try:
        if os.stat(file).st_size > LARGEST:
            return None
        with open(file, "rb") as opened:
            return opened.read()
    except OSError:
        return None
