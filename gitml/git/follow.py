"""The files of the user's working tree, which follow where their branch was moved without them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from gitml.git import trees
from gitml.git.command import ask, git
from gitml.git.files import replace_file
from gitml.git.index import differences, refresh_index
from gitml.git.repository import OWN_FOLDER, CannotWrite, make_folder

_GONE = "0"
_SUBMODULE = "160000"


class Pending(NamedTuple):
    """A move of the branch that is checked out, which its files still have to follow.

    Attributes
    ----------
    ref
        The branch's full name.
    old, new
        Full ids of its commits.
    """

    ref: str
    old: str
    new: str


def is_changed(root: Path) -> bool:
    """Say whether a tracked file differs from what is checked out, in the working tree or in the index."""
    return bool(git("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty", at=root))


def in_the_way(root: Path, old: str, new: str) -> list[str]:
    """Return the files that could not follow from one commit to another: they are as neither of them has them.

    Parameters
    ----------
    root
        The working tree's top folder.
    old, new
        Full ids of commits or trees.
    """
    return sorted(_edited(root, old, new)[0])


def follow(root: Path, old: str, new: str) -> list[str]:
    """Let files and index follow a branch that was moved from `old` to `new`.

    Doing it twice, or again after it was killed, is the same as doing it once.

    Parameters
    ----------
    root
        The working tree's top folder.
    old, new
        Full ids of commits.

    Returns
    -------
    list of str
        Files that were edited meanwhile and are left as they are.

    Raises
    ------
    IndexIsLocked
        Another git has the index.
    """
    kept, behind = _edited(root, old, new)
    todo = behind - kept
    changed = {one.path: one for one in differences(old, new, root)}
    for path in sorted((path for path in todo if path in changed and changed[path].new[0] == _GONE), reverse=True):
        _remove(root, path)
    refresh_index(root, old, new)
    written = [path for path in sorted(todo) if path in changed and changed[path].new[0] != _GONE]
    if written:
        names = os.fsencode("".join(f"{path}\0" for path in written))
        git("checkout-index", "--force", "-u", "-z", "--stdin", stdin=names, at=root)
    if ask("config", "--type=bool", "--get", "core.sparseCheckout", at=root).out.strip() == "true":
        ask("sparse-checkout", "reapply", at=root)
    return sorted(kept)


def promise(root: Path, pending: Pending) -> None:
    """Write down a move before it is made, so that its files follow even if this process is killed after it.

    Raises
    ------
    CannotWrite
        It cannot be written.
    """
    journal = _journal(root)
    make_folder(journal.parent)
    try:
        replace_file(journal, json.dumps(pending._asdict()).encode(), journal.parent)
    except OSError as error:
        raise CannotWrite(journal, error.strerror or str(error)) from None


def pending(root: Path) -> Pending | None:
    """Return what was promised and not fulfilled; None where there is nothing, or the move was never made."""
    try:
        found = Pending(**json.loads(_journal(root).read_bytes()))
        head = git("rev-parse", "HEAD", "--symbolic-full-name", "HEAD", at=root).split("\n")
    except (OSError, ValueError, TypeError):
        return None
    return found if head == [found.new, found.ref] else None


def fulfilled(root: Path) -> None:
    """Forget what was promised."""
    _journal(root).unlink(missing_ok=True)


def _journal(root: Path) -> Path:
    return Path(git("rev-parse", "--absolute-git-dir", at=root)) / OWN_FOLDER / "follow.json"


def _edited(root: Path, old: str, new: str) -> tuple[set[str], set[str]]:
    """Return the files that are as neither commit has them, and those that are not as the new one has them."""
    outside = {
        line[2:] for line in git("ls-files", "-t", "-z", at=root).split("\0") if line.startswith("S ")
    }  # of a sparse checkout
    changed = {one.path for one in differences(old, new, root) if _SUBMODULE not in (one.old[0], one.new[0])}
    paths = sorted(changed - outside)
    if not paths:
        return set(), set()
    now = trees.tree_with_files(old, root, paths)
    behind = {one.path for one in differences(new, now, root)} & {*paths}
    touched = {one.path for one in differences(old, now, root)}
    kept = {path for path in behind if path in touched or any(one.startswith(f"{path}/") for one in touched)}
    return kept | {path for path in behind if _is_behind_a_file(root, path, changed)}, behind


def _is_behind_a_file(root: Path, path: str, changed: set[str]) -> bool:
    """Say whether a file that git does not know stands where a folder is needed."""
    parts = path.split("/")
    folders = ("/".join(parts[:end]) for end in range(1, len(parts)))
    return any(
        folder not in changed and os.path.lexists(root / folder) and not (root / folder).is_dir() for folder in folders
    )


def _remove(root: Path, path: str) -> None:
    """Remove a file, and the folders that are empty without it."""
    file = root / path
    if file.is_dir() and not file.is_symlink():
        return
    try:
        file.unlink(missing_ok=True)
    except NotADirectoryError:
        return
    for folder in file.parents:
        if folder == root:
            return
        try:
            folder.rmdir()
        except OSError:
            return
