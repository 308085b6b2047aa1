"""A released model's bytes: which out of a commit they are, fetched, and hashed each time that they are read.

DVC believes a cache: an object that was replaced in place, its mode kept, passes its checks. So nothing is handed out
here before its sums were made anew from the very bytes that are handed out.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions.amounts import bytes_in_words
from gitml.conventions.branches import DEFAULT_MODEL
from gitml.conventions.shell import command as shell_command
from gitml.errors import BrokenEnvironment, GitmlError
from gitml.git.objects import Objects, blob_id
from gitml.models.location import NoModel, locate
from gitml.models.provenance import ModelFile
from gitml.pipeline import remote as transfer
from gitml.pipeline.data import LARGEST as LARGEST_LIST
from gitml.pipeline.data import read_folder
from gitml.pipeline.definition import inside
from gitml.pipeline.digest import fingerprint
from gitml.pipeline.ignore import is_inside
from gitml.pipeline.storage import DataObject, Storage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

LARGEST = 2**31 - 1
"""Bytes of a file that is read whole: no graph of ONNX is larger."""

MOST_FILES = 10_000
"""Files of one model."""

_BLOCK = 2**20


class StoredFile(NamedTuple):
    """One file of a model, and where its bytes are.

    Attributes
    ----------
    commit
        Full id of the commit that has it.
    path
        From the top of the repository.
    md5
        As dvc.lock or the list of its folder has it; empty where git keeps it.
    size
        In bytes; None where nothing says so.
    stored
        DVC's object; None where git keeps it.
    blob
        Full id of git's object; empty where DVC keeps it.
    sha256
        As the release says; empty where it says nothing.
    """

    commit: str
    path: str
    md5: str
    size: int | None
    stored: DataObject | None
    blob: str = ""
    sha256: str = ""


class NotHere(BrokenEnvironment):
    """Files of a model are not on this machine."""

    def __init__(self, commit: str, paths: Iterable[str], why: str = "") -> None:
        named = list(paths)
        more = f" and {len(named) - 3} more" if len(named) > 3 else ""
        super().__init__(
            f"{', '.join(named[:3])}{more} of {commit[:10]} cannot be read here",
            why or "DVC's cache on this machine does not have the list of its files.",
            (f"gitml data fetch {commit[:10]}",),
        )


class Altered(GitmlError):
    """A file of a model has other bytes than it was released with.

    Attributes
    ----------
    path
        The file, from the top of the repository.
    """

    def __init__(self, file: StoredFile, why: str, place: str = "") -> None:
        again = (shell_command(("rm", "-f", place)), f"gitml data fetch {file.commit[:10]}")
        super().__init__(
            f"{file.path} of {file.commit[:10]} is not what was released", why, again if place else ("git fsck",)
        )
        self.path = file.path


def files_of(
    commit: str, at: Path | None = None, storage: Storage | None = None, model: str = DEFAULT_MODEL
) -> list[StoredFile]:
    """Return the files of a commit's model, sorted by path; parameters as for `locate`.

    Raises
    ------
    NoModel
        As for `locate`.
    NotHere
        The list of a folder's files is not in the cache: `fetch_missing` brings it.
    Altered
        The list in the cache is not the one that was released.
    """
    storage = storage or _storage(at)
    found = locate(commit, at, storage, model)
    files = [StoredFile(commit, entry.path, "", None, None, entry.oid) for entry in found.blobs]
    for whole in found.outs:
        listed = _listed(commit, whole, storage) if whole.md5.endswith(".dir") else [whole]
        if listed is None:
            raise NotHere(commit, [whole.path])
        files += [StoredFile(commit, one.path, one.md5, one.size, one) for one in listed]
    files = [file for file in files if is_inside(file.path, found.path)]
    if not files or len(files) > MOST_FILES:
        raise NoModel(commit, f"{found.path} has no files, or more than {MOST_FILES:,}.")
    return sorted(files, key=lambda file: file.path)


def fetch_missing(
    commit: str,
    at: Path | None = None,
    storage: Storage | None = None,
    model: str = DEFAULT_MODEL,
    remote: str = "",
) -> list[DataObject]:
    """Bring what the cache lacks of a commit's model from the DVC remote, and return it; DVC's bars are on stderr.

    Parameters are those of `locate`, and the remote's name where it is not the default one.

    Raises
    ------
    NoModel, Altered
        As for `files_of`.
    NotHere
        The remote does not have it either.
    BrokenEnvironment
        The remote cannot be used.
    """
    storage = storage or _storage(at)
    found = locate(commit, at, storage, model)
    wanted: list[DataObject] = []
    for whole in found.outs:
        listed = _listed(commit, whole, storage) if whole.md5.endswith(".dir") else None
        wanted += [whole, *(listed or ())]
    lacks = storage.absent(dict.fromkeys(wanted))
    if not lacks:
        return []
    plan = transfer.plan_fetch(lacks, storage, remote)
    if plan.nowhere:
        where = " and ".join(plan.remotes) or "any remote"
        raise NotHere(commit, [one.path for one in plan.nowhere], f"It is neither in the cache here nor in {where}.")
    fetched = transfer.fetch(plan, storage, remote)
    left = storage.absent(lacks)
    if left:  # DVC keeps back the list of a folder of which one file is damaged, and says nothing of it
        why = f"It did not come from {' and '.join(plan.remotes)}: files are missing there, or have other bytes."
        raise NotHere(commit, [one.path for one in left], why)
    return fetched


def as_released(files: Iterable[StoredFile], told: Iterable[ModelFile]) -> list[StoredFile]:
    """Return the files with the sums that a release's provenance.json has of them.

    Raises
    ------
    Altered
        The release has other files, or other sums, than dvc.lock.
    """
    known = {one.path: one for one in told}
    commit, found = "", []
    for file in files:
        commit = file.commit
        one = known.pop(file.path, None)
        if one is None:
            raise Altered(file, "provenance.json does not name it.")
        if file.md5 and one.md5 != file.md5:
            raise Altered(file, f"dvc.lock has its md5 as {file.md5}, and provenance.json as {one.md5[:32]}.")
        found.append(file._replace(md5=one.md5, sha256=one.sha256, size=one.size))
    for path in sorted(known):
        raise Altered(StoredFile(commit, path, "", None, None), "provenance.json names it, and dvc.lock does not.")
    return found


def read_verified(file: StoredFile, storage: Storage, at: Path | None = None, largest: int = LARGEST) -> bytes:
    """Return a file's bytes, whose sums were just made.

    Parameters
    ----------
    file
        As `files_of` or `as_released` gives it.
    storage
        Where DVC's objects are.
    at
        As for `gitml.git.command.git`.
    largest
        Bytes above which it is refused.

    Raises
    ------
    NotHere
        It is not on this machine, or cannot be read.
    Altered
        It has other bytes, or is larger than `largest`.
    """
    if file.stored is None:
        return _read_blob(file, at, largest)
    with _opened(file, storage) as (opened, place):
        content = opened.read(largest + 1)
    if len(content) > largest:
        raise Altered(file, f"It is larger than {bytes_in_words(largest)}, which is more than is read.", place)
    md5 = fingerprint(content).of(file.stored.is_exact)
    _compare(file, md5, hashlib.sha256(content).hexdigest(), len(content), place)
    return content


def copy_verified(file: StoredFile, target: Path, storage: Storage, at: Path | None = None) -> tuple[str, int]:
    """Write a file's bytes to a path that nobody else knows, and return their sha256 and size.

    What is too large for memory is used from there: nobody can replace it between the check and the use. Other
    parameters and errors are those of `read_verified`; what is half written is left to whoever owns the folder.
    """
    if file.stored is None or not file.stored.is_exact:
        content = read_verified(file, storage, at)
        target.write_bytes(content)
        return hashlib.sha256(content).hexdigest(), len(content)
    with target.open("wb") as written:
        return _hash(file, storage, written)


def faults(files: Iterable[StoredFile], storage: Storage, at: Path | None = None) -> list[GitmlError]:
    """Return what is wrong with the files of a model, each by its own error; nothing where all are right."""
    found: list[GitmlError] = []
    for file in files:
        try:
            _summed(file, storage, at)
        except (Altered, NotHere) as error:
            found.append(error)
    return found


def describe(
    commit: str, at: Path | None = None, storage: Storage | None = None, model: str = DEFAULT_MODEL
) -> tuple[ModelFile, ...]:
    """Return the files of a commit's model as a release names them, their sums made from their bytes.

    Parameters are those of `locate`, errors those of `files_of` and `read_verified`.
    """
    storage = storage or _storage(at)
    described = []
    for file in files_of(commit, at, storage, model):
        md5, sha256, size = _summed(file, storage, at)
        described.append(ModelFile(file.path, md5, sha256, size))
    return tuple(described)


def _storage(at: Path | None) -> Storage:
    from gitml.git import repository

    return Storage(repository.find(at).root)


def _listed(commit: str, whole: DataObject, storage: Storage) -> list[DataObject] | None:
    """Return the files of a folder by the list in the cache; None where that is not there."""
    file = StoredFile(commit, whole.path, whole.md5, None, whole)
    try:
        with _opened(file, storage) as (opened, place):
            content = opened.read(LARGEST_LIST + 1)
    except NotHere:
        return None
    listed = read_folder(whole.md5, content) if len(content) <= LARGEST_LIST else None
    paths = {name: inside(whole.path, name) for name in listed or ()}
    if listed is None or any(path is None or not is_inside(path, whole.path) for path in paths.values()):
        raise Altered(file, f"The list of its files in DVC's cache is not {whole.md5}.", place)
    own = whole._replace(size=None)
    return [own._replace(md5=md5, path=str(paths[name])) for name, md5 in listed.items()]


@contextmanager
def _opened(file: StoredFile, storage: Storage) -> Iterator[tuple[BinaryIO, str]]:
    """Open DVC's object, and say where it is."""
    assert file.stored is not None
    cache = storage.settings(file.stored.project).cache
    if cache is None:
        raise NotHere(file.commit, [file.path], "There is no working tree here, so DVC has no cache.")
    place = file.stored.below(cache)
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise NotHere(file.commit, [file.path], f"{error.strerror} ({place}).") from None
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Altered(file, f"{place} is no file.", place)
        yield opened, place


def _summed(file: StoredFile, storage: Storage, at: Path | None) -> tuple[str, str, int]:
    """Return the md5, sha256 and size of a file's bytes, which are as they should be."""
    if file.stored is None:
        content = _read_blob(file, at, LARGEST)
        return fingerprint(content).md5, hashlib.sha256(content).hexdigest(), len(content)
    if not file.stored.is_exact:
        content = read_verified(file, storage, at)
        return file.md5, hashlib.sha256(content).hexdigest(), len(content)
    sha256, size = _hash(file, storage, None)
    return file.md5, sha256, size


def _hash(file: StoredFile, storage: Storage, written: BinaryIO | None) -> tuple[str, int]:
    """Return the sha256 and size of DVC's object, and write its bytes as they are hashed."""
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    with _opened(file, storage) as (opened, place):
        while block := opened.read(_BLOCK):
            md5.update(block)
            sha256.update(block)
            size += len(block)
            if written is not None:
                written.write(block)
    _compare(file, md5.hexdigest(), sha256.hexdigest(), size, place)
    return sha256.hexdigest(), size


def _read_blob(file: StoredFile, at: Path | None, largest: int) -> bytes:
    with Objects(at) as objects:
        content = objects.read(file.blob, largest)
    if content is None:
        raise NotHere(file.commit, [file.path], f"git does not have it, or it exceeds {bytes_in_words(largest)}.")
    found = fingerprint(content)
    if found.is_lfs_pointer:
        raise Altered(file, "git has a pointer of git LFS in its place.")
    if blob_id(content, file.blob) != file.blob:
        raise Altered(file, f"git's object {file.blob[:10]} has other bytes than its id says.")
    _compare(file, found.md5, hashlib.sha256(content).hexdigest(), len(content), "")
    return content


def _compare(file: StoredFile, md5: str, sha256: str, size: int, place: str) -> None:
    where = f" ({place})" if place else ""
    if file.md5 and md5 != file.md5:
        raise Altered(file, f"Its md5 is {md5}, and dvc.lock says {file.md5}{where}.", place)
    if file.sha256 and sha256 != file.sha256:
        raise Altered(file, f"Its sha256 is {sha256}, and provenance.json says {file.sha256[:64]}{where}.", place)
    if file.stored is None and file.size is not None and size != file.size:
        raise Altered(file, f"It has {size:,} bytes, and provenance.json says {file.size:,}.", place)
