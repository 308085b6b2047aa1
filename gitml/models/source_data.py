"""The data that a pipeline begins with: brought into an empty cache, and hashed there."""

from __future__ import annotations

import hashlib
import os
import posixpath
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions.amounts import amount_in_words
from gitml.errors import GitmlError
from gitml.pipeline import dvc
from gitml.pipeline.data import read_folder
from gitml.pipeline.digest import fingerprint
from gitml.pipeline.ignore import is_inside
from gitml.pipeline.layout import layout
from gitml.pipeline.settings import Settings
from gitml.pipeline.storage import DataObject, NoRemote, names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gitml.pipeline.project import Maker, Project
    from gitml.pipeline.storage import Storage

_BLOCK = 2**20


class SourceIsMissing(GitmlError):
    """Data that the pipeline begins with is nowhere, or is not what the commit says."""

    def __init__(self, lacks: Sequence[DataObject], why: str) -> None:
        more = f" and {len(lacks) - 3} more" if len(lacks) > 3 else ""
        named = ", ".join(one.path for one in lacks[:3])
        super().__init__(
            f"the source data {named}{more} cannot be had",
            why,
            ("gitml data push   # where it was made", "gitml data status"),
        )


class Brought(NamedTuple):
    """What was brought: how much, and what of it only this machine had."""

    objects: tuple[DataObject, ...]
    only_here: tuple[str, ...]


def sources(project: Project, frozen: Iterable[str] = ()) -> list[DataObject]:
    """Return what DVC keeps, the pipeline reads, and no stage of it makes.

    Parameters
    ----------
    project
        A project of a commit.
    frozen
        Stages that are not run, as DVC addresses them: what they made is source data.
    """
    read = layout(project).deps
    stages = set(frozen)
    found = []
    for path, maker in project.makers.items():
        is_read = any(is_inside(path, dep) or is_inside(dep, path) for dep in read)
        if maker.name in stages or (is_read and maker.name.endswith(".dvc")):
            found += _objects(path, maker, project.root)
    return found


def _objects(path: str, maker: Maker, root: str) -> list[DataObject]:
    recorded = maker.recorded
    if not maker.is_cached or recorded is None or recorded.md5 is None:
        return []
    return [DataObject(recorded.md5, path, recorded.size, 1, maker.remote.lower(), recorded.is_exact, root)]


def bring(
    objects: Sequence[DataObject], cache: Path, storage: Storage, tell: Callable[[str], None], remote: str = ""
) -> Brought:
    """Bring objects from the DVC remote into another cache, and hash every one.

    What the remote lacks is taken from this machine's own cache, and named.

    Parameters
    ----------
    objects
        Files, and lists of folders; those files follow by themselves.
    cache
        An empty folder.
    storage
        Where they are.
    tell
        Called with a line about it.
    remote
        The remote's name, where it is not the default one.

    Raises
    ------
    SourceIsMissing
        Nobody has it, or what they have has other bytes.
    BrokenEnvironment
        The remote cannot be used.
    """
    wanted = list({one.key: one for one in objects}.values())
    if not wanted:
        return Brought((), ())
    try:
        for known, name, group in storage.by_remote(wanted, remote):
            there = _there(group, storage, remote)
            tell(f"fetching {amount_in_words(len(there), [one.size for one in there])} of source data from {name}")
            if there:
                dvc.fetch(_with_cache(known, cache), name, names(there))
    except NoRemote:
        tell("there is no DVC remote: source data is taken from this machine's cache")
    only_here: list[str] = []
    complete: list[DataObject] = []
    for whole in wanted:
        complete += _checked(whole, cache, storage, only_here)
    return Brought(tuple(complete), tuple(only_here))


def _there(group: Sequence[DataObject], storage: Storage, remote: str) -> list[DataObject]:
    lacks = set(storage.missing(group, remote))
    return [one for one in group if one not in lacks]


def _with_cache(known: Settings, cache: Path) -> Settings:
    """Return settings by which DVC works with the same remotes and another cache, in a project of its own."""
    return Settings(None, {**known.values, "cache": {"dir": str(cache)}})


def _checked(whole: DataObject, cache: Path, storage: Storage, only_here: list[str]) -> list[DataObject]:
    """Return an object and, of a folder, its files, each hashed in the new cache."""
    if not whole.md5.endswith(".dir"):
        _have(whole, cache, storage, only_here)
        return [whole]
    _have(whole, cache, storage, only_here, is_list=True)
    listed = read_folder(whole.md5, Path(whole.below(cache)).read_bytes())
    if listed is None:
        raise SourceIsMissing([whole], "The list of its files is not the one of the commit.")
    files = [whole._replace(md5=md5, path=posixpath.join(whole.path, name), size=None) for name, md5 in listed.items()]
    for one in files:
        _have(one, cache, storage, only_here)
    return [whole, *files]


def _have(one: DataObject, cache: Path, storage: Storage, only_here: list[str], is_list: bool = False) -> None:
    """See to it that the new cache has an object with the right bytes."""
    place = Path(one.below(cache))
    if not place.is_file():
        own = storage.settings(one.project).cache
        mine = Path(one.below(own)) if own is not None else None
        if mine is None or not mine.is_file():
            raise SourceIsMissing(
                [one], "Neither the DVC remote nor this machine's cache has it as the commit names it."
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(mine, place)
        only_here.append(one.path)
    if not is_list and _md5(place, one.is_exact) != one.md5:
        raise SourceIsMissing([one], f"What was found has other bytes than the commit's {one.md5}.")
    os.chmod(place, 0o444)  # to DVC the mode says that it was checked


def _md5(place: Path, is_exact: bool) -> str:
    if not is_exact:
        return fingerprint(place.read_bytes()).of_lf
    found = hashlib.md5(usedforsecurity=False)
    with place.open("rb") as opened:
        while block := opened.read(_BLOCK):
            found.update(block)
    return found.hexdigest()
