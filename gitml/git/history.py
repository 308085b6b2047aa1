"""Commits: what one says, which ones are new, and which files they bring."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gitml.conventions import commits
from gitml.errors import GitFailed
from gitml.git.command import fields_of, git
from gitml.git.objects import Objects, TooManyFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

LARGEST_COMMIT = 2**20
"""Bytes of a commit object that is read; git itself warns of none, but nobody writes a book into a message."""

EMPTY_TREES = frozenset(
    {
        "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
    }
)
"""The id of the tree without files, by SHA-1 and by SHA-256."""

MOST_FILES = 500_000
"""Files that commits may bring at once; a folder that is in itself ten times, ten deep, has ten thousand million."""

_MEMORY = 2**29
"""Bytes for the git that compares a commit with its parents: it has the whole list before it writes a word of it."""

_LINK = "160000"
_BATCH = 500
"""Commits that one git is told of: as many ids as a pipe holds, so that neither side waits for the other."""

_PARENT = re.compile(rb"parent [0-9a-f]{40}(?:[0-9a-f]{24})?")

_NOT_GITS = frozenset(
    {"idna", "punycode", "raw-unicode-escape", "raw_unicode_escape", "undefined", "unicode-escape", "unicode_escape"}
    | {"utf-8-sig", "utf_8_sig", "mbcs", "oem"}
)


class Commit(NamedTuple):
    """One commit.

    Attributes
    ----------
    oid
        Its full id.
    tree
        Id of its tree.
    parents
        Ids of its parents, the first parent first.
    author
        Name and address, as ``Ada <ada@example.com>``.
    message
        As text; bytes that are none in its own encoding come out as lone surrogates.
    """

    oid: str
    tree: str
    parents: tuple[str, ...]
    author: str
    message: str

    @property
    def subject(self) -> str:
        """The first line."""
        return commits.parse(self.message).subject

    @property
    def has_files(self) -> bool:
        """Whether its tree is not the empty one."""
        return self.tree not in EMPTY_TREES


class Brought(NamedTuple):
    """A file that a commit has and none of its parents has so.

    Attributes
    ----------
    commit
        Id of the commit.
    oid
        Id of the file's blob.
    path
        From the top of the repository. What is no UTF-8 is kept as lone surrogates.
    """

    commit: str
    oid: str
    path: str


class History:
    """The commits of a repository, read by one process that stays open.

    Parameters
    ----------
    objects
        Where they are read.
    at
        As for `gitml.git.command.git`.
    """

    def __init__(self, objects: Objects, at: Path | None = None) -> None:
        self._objects = objects
        self._at = at
        self._commits: dict[str, Commit] = {}

    def read(self, oids: Iterable[str]) -> list[Commit]:
        """Return commits in the order of their ids; those that are missing, or too large, are left out."""
        wanted = list(oids)
        new = [oid for oid in wanted if oid not in self._commits]
        found = self._objects.read_each(new, bytes, LARGEST_COMMIT, "commit")
        self._commits |= {oid: parse(oid, content) for oid, content in found.items()}
        return [self._commits[oid] for oid in wanted if oid in self._commits]

    def commit(self, oid: str) -> Commit | None:
        """Return one commit; None where there is none, or it is too large."""
        return next(iter(self.read([oid])), None)

    def new(self, tip: str, known: Sequence[str]) -> list[str]:
        """Return the ids of the commits that are reachable from `tip` and not known, the newest first.

        Parameters
        ----------
        tip
            A full id.
        known
            Words of ours for ``rev-list``, behind ``--not``: ``--branches``, full ids.

        Raises
        ------
        GitFailed
            A commit is missing, as in a shallow clone.
        """
        return git("rev-list", tip, "--not", *known, at=self._at).split()

    def first_parents(self, tip: str, old: str | None, most: int) -> list[str]:
        """Return the ids from `tip` down its first parents, until what `old` reaches, `most` of them at most."""
        words = (f"--max-count={most}", tip, *(("--not", old) if old is not None else ()))
        return git("rev-list", "--first-parent", *words, at=self._at).split()

    def brings(self, oids: Sequence[str]) -> Iterator[Brought]:
        """Yield the files that commits bring: those of a merge that are as in none of its parents.

        Raises
        ------
        TooManyFiles
            They are more than `MOST_FILES`.
        """
        count = 0
        says = f"{len(oids)} commit{'s' * (len(oids) != 1)} would bring more than {MOST_FILES:,} files"
        for place in range(0, len(oids), _BATCH):
            try:
                for one in self._brings(oids[place : place + _BATCH]):
                    count += 1
                    if count > MOST_FILES:
                        raise TooManyFiles(says)
                    yield one
            except GitFailed as failed:
                if "out of memory" not in failed.stderr.lower():
                    raise
                raise TooManyFiles(says) from None

    def _brings(self, oids: Sequence[str]) -> Iterator[Brought]:
        words = ("diff-tree", "--stdin", "-r", "-z", "-c", "--root", "--raw", "--no-renames", "--no-abbrev")
        lines = "".join(f"{oid}\n" for oid in oids)
        fields = fields_of(*words, at=self._at, stdin=lines.encode(), most=_MEMORY)
        commit = ""
        for field in fields:
            if not field.startswith(":"):
                commit = field.strip() or commit
                continue
            path = next(fields)
            modes_and_ids = field.lstrip(":").split(" ")
            parents = len(field) - len(field.lstrip(":"))
            mode, oid = modes_and_ids[parents], modes_and_ids[2 * parents + 1]
            if mode not in ("000000", _LINK):
                yield Brought(commit, oid, path)


def parse(oid: str, content: bytes) -> Commit:
    """Return what the bytes of a commit object say, to git.

    Of a header that is there twice git reads the first, and parents only where they follow the tree: what somebody
    adds further down, to look like another commit, is passed over here, too.
    """
    head, _, message = content.partition(b"\n\n")
    lines = head.split(b"\n")
    tree = _value(lines[0], b"tree")
    parents: list[str] = []
    for line in lines[1:]:
        if _PARENT.fullmatch(line) is None:
            break
        parents.append(_value(line, b"parent"))
    author = _first(lines, b"author").rpartition(b">")[0].decode("utf-8", "surrogateescape") + ">"
    encoding = _encoding(_first(lines, b"encoding").decode("ascii", "replace"))
    return Commit(oid, tree, tuple(parents), author, commits.decode(message, encoding)[0])


def _value(line: bytes, key: bytes) -> str:
    found, _, value = line.partition(b" ")
    return value.decode("ascii", "replace") if found == key else ""


def _first(lines: list[bytes], key: bytes) -> bytes:
    return next((line[len(key) + 1 :] for line in lines if line.startswith(key + b" ")), b"")


def _encoding(name: str) -> str:
    """Return a commit's encoding; latin-1 for one that only Python knows, or that takes the square of the length."""
    try:
        return "latin-1" if codecs.lookup(name).name in _NOT_GITS else name
    except (LookupError, ValueError):
        return "latin-1" if name else "utf-8"
