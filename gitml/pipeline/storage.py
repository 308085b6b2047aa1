"""The caches and remotes of a repository's DVC projects, and which objects are in them."""

from __future__ import annotations

import os
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from gitml.errors import BrokenEnvironment
from gitml.pipeline import dvc, settings
from gitml.pipeline.dvc import RemoteUnreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gitml.pipeline.settings import Settings


class DataObject(NamedTuple):
    """One object that DVC keeps for a commit: a file's bytes, or a folder's list of files.

    Attributes
    ----------
    md5
        Its name in a cache or remote, with ``.dir`` at its end for a folder's list.
    path
        Where the commit has it, from the top of the repository; a folder's own for its list.
    size
        Its bytes, or all its files' for a list that could not be read; None where that is not known.
    files
        How many files it stands for: 1, or more for a list that could not be read.
    remote
        The only remote that it belongs to; empty for the default one.
    is_exact
        Whether it lies below ``files/md5``, as since DVC 3, and not at the top.
    project
        The folder with the ``.dvc`` whose it is; empty for the top.
    """

    md5: str
    path: str
    size: int | None = None
    files: int = 1
    remote: str = ""
    is_exact: bool = True
    project: str = ""

    @property
    def key(self) -> tuple[str, bool, str, str]:
        """What makes it another object than the next one; the same bytes may have several paths."""
        return self.md5, self.is_exact, self.remote, self.project

    def below(self, store: str | os.PathLike[str]) -> str:
        """Return where it is in a cache or remote."""
        layout = "/files/md5/" if self.is_exact else "/"
        return f"{os.fspath(store)}{layout}{self.md5[:2]}/{self.md5[2:]}"


class NoRemote(BrokenEnvironment):
    """There is no remote to ask."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        if name:
            what = f"there is no DVC remote {name!r} with a URL"
            why = f"There is {', '.join(known)}." if known else "No remote is configured in .dvc/config."
        else:
            what = "there is no default DVC remote"
            why = "Data and models stay on this machine: a colleague's clone has none."
        choose = (f"dvc remote default {known[0]}",) if known and not name else ()
        super().__init__(what, why, choose or ("dvc remote add -d storage s3://your-bucket/dvc",))


class NoCache(BrokenEnvironment):
    """There is no working tree, so there is no cache to send from or to bring to."""

    def __init__(self) -> None:
        super().__init__(
            "there are no files to work on here, so DVC has no cache",
            "Data is pushed from, and fetched into, a clone with a working tree.",
            ("git clone URL",),
        )


class Storage:
    """Where the DVC projects of a repository keep their objects.

    Parameters
    ----------
    top
        The top of a working tree, whose ``.dvc`` folders say so; None in a bare repository.
    trusted
        The ``.dvc/config`` files that count instead, by project: what is checked out is a stranger's, who must
        not choose which server is asked with our credentials.
    cache
        The folder that is the cache where the settings tell of none, as without a working tree.
    """

    def __init__(self, top: Path | None, trusted: Mapping[str, bytes] | None = None, cache: Path | None = None) -> None:
        self.top = top
        self._trusted = trusted
        self._cache = cache
        self._settings: dict[str, Settings] = {}

    def settings(self, project: str, committed: bytes = b"") -> Settings:
        """Return the settings of a project.

        Parameters
        ----------
        project
            Its folder, from the top of the repository.
        committed
            The ``.dvc/config`` of a commit, which counts where none is checked out. The first one stays.
        """
        if project not in self._settings:
            root = self.top / project if self.top is not None else None
            if self._trusted is not None:
                found = settings.read(root, self._trusted.get(project, b""), is_foreign=True)
            else:
                found = settings.read(root, committed)
            if self._cache is not None and found.cache is None:
                found = found._replace(values={**found.values, "cache": {"dir": str(self._cache)}})
            self._settings[project] = found
        return self._settings[project]

    def missing(
        self, objects: Iterable[DataObject], remote: str = "", timeout: float | None = None
    ) -> list[DataObject]:
        """Return which objects are not in their remote.

        Parameters
        ----------
        objects
            What commits need.
        remote
            Ask this remote instead of the default one; objects that belong to another one are left out.
        timeout
            Seconds after which a remote that is no folder is given up; None for none.

        Raises
        ------
        BrokenEnvironment
            It cannot be found out: no remote, it does not answer, or its part of DVC is not installed.
        """
        found: list[DataObject] = []
        for known, name, group in self.by_remote(objects, remote):
            folder = known.folder(name)
            if folder is None:
                there = dvc.exist(known, name, names(group), timeout)
                found += [each for each in group if (each.md5, each.is_exact) not in there]
            elif folder.is_absolute():
                found += _not_below(folder, group, name)
            else:
                raise RemoteUnreachable(name, f"{folder} is relative to a working tree, and there is none here.")
        return found

    def absent(self, objects: Iterable[DataObject]) -> list[DataObject]:
        """Return which objects are not in this machine's cache."""
        found = []
        for each in objects:
            cache = self.settings(each.project).cache
            if cache is None or not os.path.exists(each.below(cache)):
                found.append(each)
        return found

    def measured(self, objects: Iterable[DataObject], remote: str = "") -> list[DataObject]:
        """Return the objects with their sizes, as far as the cache or a remote that is a folder has them."""
        return [each if each.size is not None else each._replace(size=self._size(each, remote)) for each in objects]

    def by_remote(
        self, objects: Iterable[DataObject], remote: str = ""
    ) -> Iterator[tuple[Settings, str, list[DataObject]]]:
        """Return the objects that go to each remote, with its name and their project's settings.

        Raises
        ------
        NoRemote
            There is none for some of them.
        """
        ordered = sorted(objects, key=lambda each: (each.project, each.remote))
        for (project, own), group in groupby(ordered, key=lambda each: (each.project, each.remote)):
            known = self.settings(project)
            name = (own or remote or known.default_remote).lower()
            if own and remote and own != remote.lower():
                continue
            if not known.url(name):
                raise NoRemote(name, known.remotes)
            yield known, name, list(group)

    def _size(self, each: DataObject, remote: str) -> int | None:
        known = self.settings(each.project)
        for store in (known.cache, known.folder(each.remote or remote or known.default_remote)):
            if store is not None:
                try:
                    return os.stat(each.below(store)).st_size
                except OSError:
                    continue
        return None


def names(objects: Iterable[DataObject]) -> list[tuple[str, bool]]:
    """Return what objects are called in a cache or remote."""
    return [(each.md5, each.is_exact) for each in objects]


def _not_below(folder: Path, objects: list[DataObject], name: str) -> list[DataObject]:
    """Return which objects are not in a remote that is a folder."""
    found = []
    for each in objects:
        try:
            os.stat(each.below(folder))
        except (FileNotFoundError, NotADirectoryError):
            found.append(each)
        except OSError as error:
            raise RemoteUnreachable(name, f"{error.strerror} ({folder}).") from None
    return found
