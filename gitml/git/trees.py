"""Trees that are built by a private index: the user's own is neither read from nor written to by halves."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from gitml.errors import GitmlError, WrongUsage
from gitml.git.command import Answer, ask, failure, git
from gitml.git.repository import OWN_FOLDER, SHELF, CannotWrite, common_dir, make_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
"""A full object id, of SHA-1 or SHA-256."""

_LEFT_AFTER = 86_400
"""Seconds after which a folder of a killed command is removed."""

_ONE_FILE = ("-c", "core.splitIndex=false", "-c", "index.sparse=false")
"""A private index must not share its entries with the user's."""


class Blob(NamedTuple):
    """New content of a file.

    Attributes
    ----------
    mode
        ``100644``, ``100755``, or ``120000`` for a symbolic link.
    content
        Its bytes as git keeps them: no filter is run.
    """

    mode: str
    content: bytes


class Known(NamedTuple):
    """A blob, or a submodule's commit, that git has already."""

    mode: str
    oid: str


Change = Blob | Known | None
"""What becomes of a path; None where it is removed."""


class MergeIsOpen(GitmlError):
    """The index has conflicts, so there is no tree that could be kept."""

    def __init__(self, paths: Sequence[str]) -> None:
        named = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        super().__init__(
            f"a merge left conflicts in {named}",
            "What is committed now would have the marks of the conflict in it. Resolve them, then one of:",
            ("git add FILE && git commit", "git merge --abort"),
        )
        self.paths = tuple(paths)


class PathIsRefused(WrongUsage):
    """A path cannot be in a tree: it leaves the tree, or is git's own."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path!r} cannot be committed", "git keeps no path like it.", ("give it another name",))
        self.path = path


class IsNoFile(WrongUsage):
    """A folder was given where only a file can be kept."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path!r} is a folder, not a file", "Everything ignored in it would be kept, too.", ("name its files",)
        )


def tree_with(base: str | None, changes: Mapping[str, Change], at: Path | None = None) -> str:
    """Return the tree that is `base` with some paths changed.

    Parameters
    ----------
    base
        Full id of a tree or commit; None for the empty tree.
    changes
        What becomes of each path, from the tree's top, with ``/``; what is no UTF-8 as lone surrogates. A
        file takes the place of a folder of its name, and the other way round; a path to be removed need
        not be there.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    ValueError
        A path is inside another one that is written as a file.
    PathIsRefused
        A path cannot be in a tree, such as ``.git/config`` or ``../x``.
    """
    written = {path: change for path, change in changes.items() if change is not None}
    for path in written:
        parts = path.split("/")
        if any("/".join(parts[:end]) in written for end in range(1, len(parts))):
            raise ValueError(f"{path!r} is inside a path that is a file")
    with _private_index(at) as index:
        index.read_tree(base)
        ids = index.write_blobs([change.content for change in written.values() if isinstance(change, Blob)])
        gone = [path for path, change in changes.items() if change is None] if base is not None else []
        lines = [f"0 {'0' * len(base or '')}\t{path}\0" for path in gone]
        for path, change in written.items():
            oid = next(ids) if isinstance(change, Blob) else change.oid
            lines.append(f"{change.mode} {oid}\t{path}\0")
        index.set_entries(lines)
        return index.git("write-tree")


def snapshot(root: Path, untracked: Sequence[str] = ()) -> str:
    """Return the tree of what the working tree has now, without a change to the user's index.

    Tracked files as they are on disk, behind their clean filters; what is deleted is left out; what is
    staged and not on disk because of a sparse checkout is as the index has it.

    Parameters
    ----------
    root
        The working tree's top folder.
    untracked
        Files to keep beside the tracked ones, relative to `root`, ignored or not.

    Raises
    ------
    MergeIsOpen
        There are conflicts.
    IsNoFile
        A folder is among `untracked`.
    GitFailed
        A file vanished or cannot be read, or a filter failed.
    """
    for path in untracked:
        file = root / path
        if file.is_dir() and not file.is_symlink():
            raise IsNoFile(path)
    with _private_index(root) as index:
        _copy_index(Path(git("rev-parse", "--path-format=absolute", "--git-path", "index", at=root)), index.file)
        unmerged = index.git("ls-files", "--unmerged", "-z")
        if unmerged:
            raise MergeIsOpen(list(dict.fromkeys(line.partition("\t")[2] for line in unmerged.split("\0")[:-1])))
        index.git("-c", "add.ignoreErrors=false", "add", "--update", ".")
        if untracked:
            names = os.fsencode("".join(f"{path}\0" for path in untracked))
            index.git("update-index", "--add", "--replace", "-z", "--stdin", stdin=names)
        return index.git("write-tree")


def tree_with_files(base: str, root: Path, paths: Sequence[str]) -> str:
    """Return the tree that is `base`, but for some paths, which are as they are on disk.

    Parameters
    ----------
    base
        Full id of a tree or commit.
    root
        The working tree's top folder.
    paths
        Files and folders, relative to `root`, ignored or not; what is on disk there is in the tree, behind git's
        clean filters, and nothing else is.

    Raises
    ------
    GitFailed
        A file vanished or cannot be read, or a filter failed.
    """
    with _private_index(root) as index:
        index.read_tree(base)
        asked = {path.rstrip("/") for path in paths}
        there = index.git("ls-files", "-z").split("\0")[:-1] if paths else []
        gone = [path for path in there if _is_below(path, asked) and not os.path.lexists(root / path)]
        index.set_entries([f"0 {'0' * len(base)}\t{path}\0" for path in gone])
        present = [path for path in paths if os.path.lexists(root / path)]
        if present:
            names = os.fsencode("".join(f"{path}\0" for path in present))
            words = ("-c", "add.ignoreErrors=false", "--literal-pathspecs", "add", "--all", "--force")
            index.git(*words, "--pathspec-from-file=-", "--pathspec-file-nul", stdin=names)
        return index.git("write-tree")


def _is_below(path: str, folders: set[str]) -> bool:
    """Say whether a path, or a folder that it is in, is among some."""
    while path and path not in folders:
        path = path.rpartition("/")[0]
    return bool(path)


class _PrivateIndex:
    """An index in a folder of its own, and the git that uses it."""

    def __init__(self, folder: Path, at: Path | None) -> None:
        self.folder = folder
        self.file = folder / "index"
        self._at = at

    def git(self, *words: str, operands: Sequence[str] = (), stdin: bytes = b"") -> str:
        """Return what git says with this index."""
        answer = self.ask(*words, operands=operands, stdin=stdin)
        if answer.code != 0:
            raise failure(answer, *words, *operands, at=self._at)
        return answer.out.removesuffix("\n")

    def ask(self, *words: str, operands: Sequence[str] = (), stdin: bytes = b"") -> Answer:
        """Run git with this index; it never shares entries with the user's."""
        return ask(
            *("-c", "core.splitIndex=false", "-c", "index.sparse=false", *words),
            operands=operands,
            at=self._at,
            stdin=stdin,
            variables={"GIT_INDEX_FILE": str(self.file)},
        )

    def read_tree(self, base: str | None) -> None:
        if base is not None and not OBJECT_ID.fullmatch(base):
            raise ValueError(f"{base!r} is no full object id")
        self.git("read-tree", *(("--empty",) if base is None else (base,)))

    def set_entries(self, lines: Sequence[str]) -> None:
        """Give the index entries; removals first, so that a folder can take the place of a file."""
        if not lines:
            return
        answer = self.ask("update-index", "-z", "--index-info", stdin=os.fsencode("".join(lines)))
        # git passes over a path that it refuses, and ends as if all were well.
        refused = re.search("^Ignoring path (.*)", answer.err, re.MULTILINE)
        if refused is not None:
            raise PathIsRefused(refused[1])
        if answer.code != 0:
            raise failure(answer, "update-index", "-z", "--index-info", at=self._at)

    def write_blobs(self, contents: Sequence[bytes]) -> Iterator[str]:
        """Write blobs into the object store by one process, and return their ids in this order."""
        if not contents:
            return iter(())
        if len(contents) == 1:
            # Without content there is no stdin to read, and git reads the end of file at once.
            return iter([self.git("hash-object", "-w", "--no-filters", "--stdin", stdin=contents[0])])
        names = []
        for number, content in enumerate(contents):
            file = self.folder / str(number)
            file.write_bytes(content)
            names.append(b'"' + re.sub(rb'(["\\])', rb"\\\1", os.fsencode(file)).replace(b"\n", b"\\n") + b'"\n')
        return iter(self.git("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=b"".join(names)).split("\n"))


@contextmanager
def _private_index(at: Path | None) -> Iterator[_PrivateIndex]:
    """Lend an index in ``.git/gitml/tmp`` that is not there yet, and clear up what killed commands left."""
    shelf = common_dir(at) / OWN_FOLDER / SHELF
    make_folder(shelf)
    for left in shelf.iterdir():
        try:
            if time.time() - left.stat().st_mtime > _LEFT_AFTER:
                shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink()
        except OSError:
            continue
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=shelf))
    except OSError as error:
        raise CannotWrite(shelf, error.strerror or str(error)) from None
    try:
        yield _PrivateIndex(folder, at)
    except OSError as error:  # of the files in it: the disk is full
        raise CannotWrite(folder, error.strerror or str(error)) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy_index(source: Path, to: Path) -> None:
    """Copy an index with its time, by which git knows which files may have changed since without a trace.

    A plain copy gets a new time, and then a file that was written in the same instant as the index, with the
    same size, is taken for unchanged.
    """
    try:
        with source.open("rb") as theirs, to.open("wb") as ours:
            shutil.copyfileobj(theirs, ours)
            status = os.fstat(theirs.fileno())
    except FileNotFoundError:  # nothing was ever staged
        to.unlink(missing_ok=True)
        return
    os.utime(to, ns=(status.st_atime_ns, status.st_mtime_ns))
