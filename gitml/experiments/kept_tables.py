"""The tables that DVC keeps by themselves, and which of them a new file takes the place of."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.errors import WrongUsage
from gitml.pipeline import yaml12

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitml.experiments.desk import Desk
    from gitml.pipeline.snapshot import Snapshot

SUFFIX = ".dvc"
_MD5 = re.compile(r"[0-9a-f]{32}")


class Kept(NamedTuple):
    """A file that DVC keeps by itself.

    Attributes
    ----------
    path
        Where, from the top.
    md5, size
        Of its content as HEAD has it.
    """

    path: str
    md5: str
    size: int

    @property
    def dvc_file(self) -> str:
        """Its ``.dvc`` file."""
        return self.path + SUFFIX


class NoSuchTable(WrongUsage):
    """It is not clear which of DVC's files is meant."""

    def __init__(self, file: Path, kept: list[Kept], why: str) -> None:
        names = [one.path for one in kept]
        listed = f"DVC keeps {', '.join(names[:6])}." if names else "DVC keeps no file by itself here."
        mend = [f"gitml data update {quote(str(file))} --to {quote(name)}" for name in names[:3]]
        super().__init__(why, listed, tuple(mend) or (_as_its_own(file, "data/raw"),))


class NoTable(WrongUsage):
    """There is no such file."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"{file} is no file", "It is to be the new table.", (f"ls {quote(str(file.parent))}",))


class AnotherKind(WrongUsage):
    """The new table is of another kind of file."""

    def __init__(self, file: Path, path: str) -> None:
        super().__init__(
            f"{file.name} is no {_kind(path)} file, as {path} is",
            "The name tells how a file is read. Convert it, or let data.source in params.yaml name the new one.",
            (_as_its_own(file, posixpath.dirname(path)),),
        )


def kept_in(snapshot: Snapshot) -> Iterator[Kept]:
    """Yield the files that ``.dvc`` files of a commit name, one each."""
    for file in snapshot.files:
        if not file.endswith(SUFFIX) or posixpath.basename(file) == SUFFIX:
            continue
        try:
            told: Any = yaml12.load(snapshot.read(file) or b"")
            (out,) = told["outs"]
            path = posixpath.normpath(posixpath.join(posixpath.dirname(file), str(out["path"])))
            md5, size = str(out["md5"]), int(out.get("size") or 0)
        except (yaml12.NotYaml, KeyError, TypeError, ValueError):
            continue
        if path + SUFFIX == file and _MD5.fullmatch(md5):
            yield Kept(path, md5, size)


def meant(file: Path, to: str, kept: list[Kept], desk: Desk) -> Kept:
    """Return the table that a file replaces.

    Parameters
    ----------
    file
        The new one; it may be a kept one itself.
    to
        The path of the table that it replaces; empty to find it.
    kept
        The tables that DVC keeps.
    desk
        The working tree.

    Raises
    ------
    NoSuchTable, AnotherKind
        There is none, or it is not clear which.
    """
    by_path = {one.path: one for one in kept}
    if to:
        path = os.path.relpath(os.path.abspath(to), desk.root)
        if path not in by_path:
            raise NoSuchTable(file, kept, f"DVC keeps no {path} by itself")
        return by_path[path]
    itself = os.path.relpath(file.resolve(), desk.root.resolve())
    if itself in by_path:
        return by_path[itself]
    source = _source(desk)
    found = [one for one in kept if one.path == source]
    found = found or [one for one in kept if posixpath.basename(one.path) == file.name] or kept
    if len(found) != 1:
        raise NoSuchTable(file, kept, f"it is not clear which table {file.name} takes the place of")
    if _kind(found[0].path) != _kind(file.name):
        raise AnotherKind(file, found[0].path)
    return found[0]


def _source(desk: Desk) -> str:
    """Return the table that the pipeline of a project that was laid down starts from; empty in others."""
    try:
        told: Any = yaml12.load((desk.project_folder / "params.yaml").read_bytes())
        source = str(told["data"]["source"])
    except (OSError, yaml12.NotYaml, KeyError, TypeError):
        return ""
    return posixpath.normpath(posixpath.join(desk.project, source))


def is_source(path: str, desk: Desk) -> bool:
    """Say whether a table is the one that the pipeline starts from."""
    return path == _source(desk)


def _kind(name: str) -> str:
    """Return what tells how a table is read: ``.csv.gz``, ``.parquet``."""
    suffixes = Path(name.lower()).suffixes
    return "".join(suffixes[-2:] if suffixes[-1:] in ([".gz"], [".zip"]) else suffixes[-1:])


def _as_its_own(file: Path, folder: str) -> str:
    place = posixpath.join(folder, file.name)
    return f"cp {quote(str(file))} {quote(place)} && dvc add {quote(place)}   # from the top, as a table of its own"
