"""What a commit holds, read from git's object store without a working tree."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from functools import lru_cache
from typing import NamedTuple, TypeVar

from gitml.errors import GitFailed, GitmlError
from gitml.git.command import fields_of, start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType

T = TypeVar("T")

LARGEST = 128 * 2**20
"""Bytes of a blob that is read whole; a larger one is not looked into."""

MOST_FILES = 1_000_000
"""Files of one commit. A folder can be in itself many times: a few kilobytes then have more files than any memory."""

_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")

_TREE_ENTRIES = {
    40: re.compile(rb"(\d+) ([^\0]+)\0(.{20})", re.DOTALL),
    64: re.compile(rb"(\d+) ([^\0]+)\0(.{32})", re.DOTALL),
}


class TooManyFiles(GitmlError):
    """A commit, or a push, has more files than anybody meant."""


class Entry(NamedTuple):
    """One file, symbolic link or submodule of a tree.

    Attributes
    ----------
    mode
        ``100644`` or ``100755`` for a file, ``120000`` for a symbolic link, ``160000`` for a submodule.
    oid
        Id of its blob; of a commit for a submodule.
    path
        From the tree's top, with ``/``. What is no UTF-8 is kept as lone surrogates.
    """

    mode: str
    oid: str
    path: str

    @property
    def is_file(self) -> bool:
        """Whether it has bytes of its own: neither a symbolic link nor a submodule."""
        return self.mode.startswith("100")


def list_tree(tree: str, at: Path | None = None) -> list[Entry]:
    """Return everything below a commit's or a tree's top, in git's order.

    Parameters
    ----------
    tree
        Anything that names a commit or a tree.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    LooksLikeAnOption
        `tree` begins with a dash.
    GitFailed
        It names neither.
    TooManyFiles
        They are more than `MOST_FILES`.
    """
    return list(_listed(tree, at)) if at is not None and _OBJECT_ID.fullmatch(tree) else _list(tree, at)


@lru_cache(maxsize=8)
def _listed(oid: str, at: Path) -> tuple[Entry, ...]:
    """Return what never changes, once: a command looks at the same few commits again and again."""
    return tuple(_list(oid, at))


def _list(tree: str, at: Path | None) -> list[Entry]:
    entries: list[Entry] = []
    for line in fields_of("ls-tree", "-r", "-z", "--full-tree", operands=[tree], at=at):
        if len(entries) == MOST_FILES:
            raise TooManyFiles(f"{tree[:10]} has more than {MOST_FILES:,} files")
        head, _, path = line.partition("\t")
        mode, _, oid = head.split(" ")
        entries.append(Entry(mode, oid, path))
    return entries


def tree_entries(raw: bytes, like: str) -> dict[str, tuple[str, str]]:
    """Return mode and object id of what is right below a tree, by name.

    Parameters
    ----------
    raw
        The bytes of the tree object.
    like
        An id of the same repository: its length says how long the ids inside are.
    """
    found = _TREE_ENTRIES[len(like)].findall(raw)
    return {os.fsdecode(name): (mode.decode(), oid.hex()) for mode, name, oid in found}


def blob_id(content: bytes, like: str) -> str:
    """Return the id that git gives to a file's bytes, by the same hash as the object id `like` has."""
    algorithm = hashlib.sha256 if len(like) == 64 else hashlib.sha1
    return algorithm(b"blob %d\0%s" % (len(content), content), usedforsecurity=False).hexdigest()


class Objects:
    """A ``git cat-file`` that stays open, so that reading a thousand blobs starts one process.

    Use it as a context manager. One thread at a time.
    """

    def __init__(self, at: Path | None = None) -> None:
        # --batch-command needs git 2.36. With --buffer git queues what is asked until "flush" and answers
        # only then, so neither side can wait for the other with a full pipe.
        self._git = start("cat-file", "--batch-command", "--buffer", at=at)

    def __enter__(self) -> Objects:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the process end."""
        for stream in (self._git.stdin, self._git.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
        try:
            self._git.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._git.kill()
            self._git.wait()

    def read(self, oid: str, largest: int = LARGEST, kind: str = "blob") -> bytes | None:
        """Return an object's bytes; None where it is missing, of another kind, or larger than `largest`."""
        return self.read_each([oid], bytes, largest, kind).get(oid)

    def read_each(
        self, oids: Iterable[str], make: Callable[[bytes], T], largest: int = LARGEST, kind: str = "blob"
    ) -> dict[str, T]:
        """Return what `make` makes of each object's bytes, by id, with one object in memory at a time.

        Parameters
        ----------
        oids
            Ids of objects.
        make
            What to keep of the bytes.
        largest
            Bytes above which an object is left out; so are missing ones, and those of another kind.
        kind
            ``blob``, ``tree``, ``commit`` or ``tag``.

        Raises
        ------
        GitFailed
            git ended before it answered.
        """
        wanted = _ids(oids)
        if not wanted:
            return {}
        self._ask("contents", wanted)
        made: dict[str, T] = {}
        for place, oid in enumerate(wanted):
            found, size = self._answer()
            if found != kind or size > largest:
                self._skip(found, size)
                continue
            content = self._take(size)
            self._take(1)
            try:
                made[oid] = make(content)
            except BaseException:
                for _ in wanted[place + 1 :]:
                    self._skip(*self._answer())
                raise
        return made

    def read_file(self, commit: str, path: str, largest: int = LARGEST) -> bytes | None:
        """Return the bytes of a commit's file; None where there is none, or it is larger than `largest`.

        Parameters
        ----------
        commit
            Full id of a commit.
        path
            One of ours, from the top of the repository, without spaces.
        largest
            In bytes.
        """
        assert _OBJECT_ID.fullmatch(commit) and " " not in path and "\n" not in path
        self._ask("contents", [f"{commit}:{path}"])
        kind, size = self._answer()
        if kind != "blob" or size > largest:
            self._skip(kind, size)
            return None
        content = self._take(size)
        self._take(1)
        return content

    def describe_file(self, commit: str, path: str) -> tuple[str, int]:
        """Return the kind and size of what a commit has at `path`; ``missing`` and 0 where it has nothing.

        Parameters are those of `read_file`.
        """
        assert _OBJECT_ID.fullmatch(commit) and " " not in path and "\n" not in path
        self._ask("info", [f"{commit}:{path}"])
        return self._answer()

    def describe(self, oids: Iterable[str]) -> dict[str, tuple[str, int]]:
        """Return each object's kind and its size in bytes, by id; those that are missing are left out.

        Raises
        ------
        GitFailed
            git ended before it answered.
        """
        wanted = _ids(oids)
        if not wanted:
            return {}
        self._ask("info", wanted)
        answers = [self._answer() for _ in wanted]
        return {oid: answer for oid, answer in zip(wanted, answers, strict=True) if answer[0] != "missing"}

    def peel(self, oid: str) -> tuple[str, str]:
        """Return the id and the kind of what is left behind all tags; an empty id and ``missing`` for nothing."""
        if not _OBJECT_ID.fullmatch(oid):
            return "", "missing"
        assert self._git.stdout is not None
        self._ask("info", [f"{oid}^{{}}"])
        words = self._git.stdout.readline().split()
        if len(words) == 3:
            return words[0].decode(), words[1].decode()
        if words[1:] == [b"missing"]:
            return "", "missing"
        raise self._ended()

    def _ask(self, what: str, oids: list[str]) -> None:
        assert self._git.stdin is not None
        try:
            self._git.stdin.write("".join(f"{what} {oid}\n" for oid in oids).encode() + b"flush\n")
            self._git.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def _answer(self) -> tuple[str, int]:
        """Return the next object's kind and size in bytes; ``missing`` and 0 where there is none."""
        assert self._git.stdout is not None
        words = self._git.stdout.readline().split()
        if len(words) == 3:
            return words[1].decode(), int(words[2])
        if words[1:] == [b"missing"]:
            return "missing", 0
        raise self._ended()

    def _take(self, size: int) -> bytes:
        assert self._git.stdout is not None
        content = self._git.stdout.read(size)
        if len(content) != size:
            raise self._ended()
        return content

    def _skip(self, kind: str, size: int) -> None:
        """Pass over an answer's bytes, a MiB at a time, and its line end."""
        left = size + 1 if kind != "missing" else 0
        while left > 0:
            left -= len(self._take(min(left, 2**20)))

    def _ended(self) -> GitFailed:
        return GitFailed("cat-file --batch-command", self._git.wait(), "It ended before it answered.")


def _ids(oids: Iterable[str]) -> list[str]:
    """Return each id once, and nothing else that git would take for a name."""
    return [oid for oid in dict.fromkeys(oids) if _OBJECT_ID.fullmatch(oid)]
