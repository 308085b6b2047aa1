"""A clean room: the checkout of one commit with an empty DVC cache, where its code is run and leaves nothing."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gitml.errors import BrokenEnvironment, GitmlError
from gitml.git import repository
from gitml.git.command import git
from gitml.git.lock import Lock, try_to_take
from gitml.git.trees import OBJECT_ID
from gitml.models.credentials import without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "reproductions"
"""Below ``.git/gitml``: one folder for each that is under way, and the logs of those that failed."""

_AS_COMMITTED = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false", "-c", "core.sparseCheckout=false"),
    *("-c", "core.fsmonitor=false", "-c", "submodule.recurse=false"),
)


class Room(NamedTuple):
    """What is one's own until it is left.

    Attributes
    ----------
    tree
        The commit's files, in a repository that has its history and no remotes.
    cache
        An empty folder for DVC.
    log
        Where what is run in it writes.
    lock
        Give its descriptor to processes that run in it.
    environment
        For them: without credentials, without the user's DVC.
    """

    tree: Path
    cache: Path
    log: Path
    lock: Lock
    environment: dict[str, str]

    @property
    def shelf(self) -> Path:
        """The folder that stays."""
        return self.lock.path.parent

    def configure(self, project: str) -> None:
        """Give the DVC project in a folder of the tree the empty cache, whatever its commit says."""
        folder = self.tree / project / ".dvc"
        local = folder / "config.local"
        local.unlink(missing_ok=True)
        own = (
            f"[core]\n    site_cache_dir = {self.cache.parent / 'site'}\n    autostage = false\n    analytics = false\n"
        )
        own += f"    check_update = false\n[cache]\n    dir = {self.cache}\n"
        local.write_text(own, encoding="utf-8")
        (folder / "config").touch()


class DiskIsFull(BrokenEnvironment):
    """There is no room for a second copy of what the pipeline reads and makes."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__("the disk is full", f"{why} Everything of it is removed again.", (f"df -h {folder}",))


@contextmanager
def enter(commit: str, at: Path | None = None) -> Iterator[Room]:
    """Lend a clean room in which a commit is checked out. What killed commands left of others is removed first.

    Parameters
    ----------
    commit
        Full id.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    DiskIsFull, CannotWrite, GitFailed
        It could not be made.
    """
    if not OBJECT_ID.fullmatch(commit):
        raise ValueError(f"{commit!r} is no full object id")
    shelf = repository.own_folder(at) / FOLDER
    repository.make_folder(shelf)
    lock = _take_a_free_one(shelf)
    place = lock.path.with_suffix("")
    try:
        _clear_abandoned(shelf)
        remove(place)
        with tells_of_a_full_disk(shelf):
            room = _make(place, lock, commit, at)
        yield room
    finally:
        remove(place)
        lock.give_back()


@contextmanager
def tells_of_a_full_disk(folder: Path) -> Iterator[None]:
    """Give the errors of a full disk one shape."""
    full = os.strerror(errno.ENOSPC)
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskIsFull(folder, f"{error.strerror}.") from None
    except GitmlError as error:
        if full not in error.why:
            raise
        raise DiskIsFull(folder, f"{error.what}: {full}.") from None


def remove(place: Path) -> None:
    """Remove a folder, whatever rights its content has; nothing behind a symbolic link is touched."""
    if not os.path.lexists(place):
        return
    for folder, names, _ in os.walk(place):
        for name in names:
            inner = Path(folder, name)
            if not inner.is_symlink() and not os.access(inner, os.R_OK | os.W_OK | os.X_OK):
                inner.chmod(stat.S_IRWXU)
    shutil.rmtree(place, ignore_errors=True)


def read_file(file: Path, largest: int) -> bytes | None:
    """Return the bytes of a file that code in a room wrote; None where it is a link, a pipe, none, or too large."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as opened:
        content = opened.read(largest + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    return content if content is not None and len(content) <= largest else None


def _take_a_free_one(shelf: Path) -> Lock:
    number = 0
    while (lock := try_to_take(shelf / f"{number}.lock", is_inheritable=True)) is None:
        number += 1
    return lock


def _clear_abandoned(shelf: Path) -> None:
    """Remove what killed commands left; what they started may run on, and has their lock."""
    for file in shelf.glob("*.lock"):
        left = file.with_suffix("")
        if left.exists() and (lock := try_to_take(file)) is not None:
            remove(left)
            lock.give_back()


def _make(place: Path, lock: Lock, commit: str, at: Path | None) -> Room:
    tree, cache = place / "tree", place / "cache"
    for folder in (tree, cache, place / "site", place / "none"):
        folder.mkdir(parents=True)
    common, kind = git("rev-parse", "--path-format=absolute", "--git-common-dir", "--show-object-format", at=at).split(
        "\n"
    )
    held = [lock.descriptor]
    git("init", "--quiet", "--template=", f"--object-format={kind}", at=tree, descriptors=held)
    own = tree / ".git"
    alternates = own / "objects" / "info" / "alternates"
    alternates.parent.mkdir(exist_ok=True)
    alternates.write_text(f"{common}/objects\n", encoding="utf-8", errors="surrogateescape")
    if (Path(common) / "shallow").is_file():
        shutil.copyfile(Path(common) / "shallow", own / "shallow")
    (own / "HEAD").write_text(f"{commit}\n")
    # By the repository itself, which may have to fetch what a partial clone lacks, and into this index and tree.
    variables = {"GIT_DIR": common, "GIT_WORK_TREE": str(tree), "GIT_INDEX_FILE": str(own / "index")}
    git(
        *(*_AS_COMMITTED, "read-tree", "--reset", "-u"),
        operands=[commit],
        at=tree,
        variables=variables,
        descriptors=held,
    )
    return Room(tree, cache, place / "log", lock, _environment(place, Path(common)))


def _environment(place: Path, common: Path) -> dict[str, str]:
    found = without_credentials(os.environ)
    found |= {f"DVC_{level}_DIR": str(place / "none") for level in ("GLOBAL_CONFIG", "SYSTEM_CONFIG")}
    found |= {"DVC_SITE_CACHE_DIR": str(place / "site"), "GIT_TERMINAL_PROMPT": "0"}
    beside = common.parent / ".venv"
    if "VIRTUAL_ENV" not in found:
        if (beside / "bin" / "python").exists():
            found["VIRTUAL_ENV"] = str(beside)
        elif sys.prefix != sys.base_prefix:
            found["VIRTUAL_ENV"] = sys.prefix
    return found
