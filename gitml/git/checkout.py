"""A working tree that follows its branch, which was moved without it."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from gitml.git.command import ask, git
from gitml.git.files import replace_by_symlink, replace_file
from gitml.git.index import Difference, differences, refresh_index
from gitml.git.repository import CannotWrite, shelf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_GONE = "0"
_SUBMODULE = "160000"


def in_the_way(root: Path, old: str, new: str) -> list[str]:
    """Return the paths that keep a working tree from following its branch from `old` to `new`.

    Those are all tracked files that differ from HEAD, and untracked ones where a new file would come.

    Parameters
    ----------
    root
        The working tree's top folder, in which `old` is checked out.
    old, new
        Full ids of trees or commits.
    """
    listed = git("status", "--porcelain", "-z", "--untracked-files=no", "--no-renames", at=root).split("\0")
    changed = [line[3:] for line in listed if line]
    added = [one.path for one in differences(old, new, root) if one.old[0] == _GONE and one.new[0] != _SUBMODULE]
    tracked = set(git("ls-files", "-z", at=root).split("\0"))
    untracked = [path for path in added if path not in tracked and _is_in_the_way(root, path, tracked)]
    return sorted({*changed, *untracked})


def _is_in_the_way(root: Path, path: str, tracked: set[str]) -> bool:
    """Say whether something that git does not track is where a new file would come, or on the way to it."""
    file = root / path
    if file.is_dir() and not file.is_symlink():
        below = (one.relative_to(root).as_posix() for one in file.rglob("*") if one.is_symlink() or not one.is_dir())
        return any(one not in tracked for one in below)
    if os.path.lexists(file):
        return True
    above = [parent.as_posix() for parent in Path(path).parents][:-1]
    return any(os.path.lexists(root / one) and not (root / one).is_dir() and one not in tracked for one in above)


def follow(root: Path, old: str, new: str) -> list[str]:
    """Let files and index follow a branch that was moved from `old` to `new`.

    A path is changed only where its entry in the index and its file are still the old ones; the file may be the
    new one already, because this was killed. Files are replaced whole, and the index follows them, so that the same
    again finishes what was begun.

    Parameters
    ----------
    root
        The working tree's top folder, where the branch is checked out.
    old, new
        Full ids of the commits.

    Returns
    -------
    list of str
        The paths that were left as they were, because somebody has changed them.
    """
    index = _entries(root)
    behind = [one for one in differences(old, new, root) if index.get(one.path, (_GONE, "")) == one.old]
    if not behind:
        return []
    touched = _changed_files(root)
    with shelf_of(root) as folder:
        written = _written(root, folder, new, [one.path for one in behind if one.new[0] != _GONE])
        kept: list[str] = []
        done: list[str] = []
        # Removals first, so that a folder can take the place of a file.
        for one in sorted(behind, key=lambda one: one.new[0] != _GONE):
            is_followed = _follow_file(root, one, written / one.path, one.path in touched)
            (done if is_followed else kept).append(one.path)
    refresh_index(root, old, new, done)
    return sorted(kept)


def _follow_file(root: Path, one: Difference, source: Path, is_touched: bool) -> bool:
    """Say whether a file has become the new one."""
    file = root / one.path
    is_there = os.path.lexists(file)
    if _SUBMODULE in (one.new[0], one.old[0]):
        return True
    is_folder = is_there and file.is_dir() and not file.is_symlink()
    if one.new[0] == _GONE and (not is_there or is_folder):  # it is gone, and a kill came before the index knew
        _remove_empty(root, file.parent)
        return True
    if one.new[0] != _GONE and is_there and _is_same(source, file):
        if not source.is_symlink():
            file.chmod(source.stat().st_mode & 0o7777)
        return True
    if is_there and (is_touched or one.old[0] == _GONE):
        return False
    try:
        if one.new[0] == _GONE:
            file.unlink()
            _remove_empty(root, file.parent)
        else:
            _put(source, file)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):  # a file is where a folder belongs, or so
        return False
    except OSError as error:
        raise CannotWrite(file, error.strerror or str(error)) from None
    return True


def _put(source: Path, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        replace_by_symlink(file, os.readlink(source), source.parent)
        return
    if file.is_symlink():
        file.unlink()
    replace_file(file, source.read_bytes(), source.parent)
    file.chmod(source.stat().st_mode & 0o7777)


def _is_same(source: Path, file: Path) -> bool:
    if source.is_symlink() or file.is_symlink():
        return source.is_symlink() and file.is_symlink() and os.readlink(source) == os.readlink(file)
    return file.is_file() and source.read_bytes() == file.read_bytes()


def _remove_empty(root: Path, folder: Path) -> None:
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _entries(root: Path) -> dict[str, tuple[str, str]]:
    entries = {}
    for line in git("ls-files", "--stage", "-z", at=root).split("\0")[:-1]:
        head, _, path = line.partition("\t")
        mode, oid, stage = head.split(" ")
        entries[path] = (mode, oid) if stage == "0" else ("conflict", stage)
    return entries


def _changed_files(root: Path) -> set[str]:
    """Return the tracked files that differ from their entries in the index, deleted ones too."""
    ask("update-index", "-q", "--refresh", at=root)
    return set(git("diff-files", "-z", "--name-only", at=root).split("\0")[:-1])


@contextmanager
def shelf_of(root: Path) -> Iterator[Path]:
    """Lend a folder in ``.git/gitml/tmp``; one that a killed command left is cleared after a day.

    Raises
    ------
    CannotWrite
        It cannot be made.
    """
    above = shelf(root)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=above))
    except OSError as error:
        raise CannotWrite(above, error.strerror or str(error)) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _written(root: Path, folder: Path, new: str, paths: list[str]) -> Path:
    """Write files as a checkout would, behind their smudge filters, below a folder of our own."""
    variables = {"GIT_INDEX_FILE": str(folder / "index")}
    words = ("-c", "core.splitIndex=false", "-c", "index.sparse=false")
    git(*words, "read-tree", new, at=root, variables=variables)
    below = folder / "files"
    below.mkdir()
    names = os.fsencode("".join(f"{path}\0" for path in paths))
    if names:
        git(*words, "checkout-index", f"--prefix={below}/", "-z", "--stdin", at=root, stdin=names, variables=variables)
    return below
