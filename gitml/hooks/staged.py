"""What is staged: the files that a commit would bring into the history."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from gitml.git.command import git
from gitml.git.objects import Entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitml.git.objects import Objects

_DIFF = (
    *("diff", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames", "--no-relative", "--no-ext-diff"),
    *("--no-color", "--ignore-submodules=none", "--diff-filter=AMT"),
)
_ADDED = (
    *("diff", "--cached", "--name-only", "-z", "--no-renames", "--no-relative", "--diff-filter=A"),
    "--ita-visible-in-index",
)
EMPTY = (
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
)
"""The empty blob, by SHA-1 and SHA-256: what the index has for a file that ``git add -N`` only announced."""

LOCKS = ("dvc.lock", "dvc.yaml", ".dvcignore", ".gitattributes")
"""Files that the rules about dvc.lock always ask for."""

_PLAIN = re.compile(rb"[A-Za-z0-9_./][\w./@%+=,~ -]*")
_OUT_KEYS = (b"hash:", b"md5:", b"size:", b"nfiles:", b"isexec:", b"cloud:", b"files:", b"- ")


class Staged(NamedTuple):
    """What a commit changes.

    Attributes
    ----------
    entries
        The files that are new or have new bytes, and are no other parent's.
    added
        Paths that HEAD has not.
    merged
        The commits that are being merged into HEAD.
    """

    entries: tuple[Entry, ...]
    added: frozenset[str]
    merged: tuple[str, ...] = ()


def find() -> Staged:
    """Return what is staged, in git's order; of a merge only what is new against every parent."""
    changed = _changes()
    entries = [entry for _, entry in changed]
    merged = _merged()
    for other in merged:
        theirs = {entry for _, entry in _changes(other)}
        entries = [entry for entry in entries if entry in theirs]
    files = tuple(entry for entry in entries if entry.is_file)
    return Staged(files, frozenset(entry.path for status, entry in changed if status == "A"), tuple(merged))


def snapshot_entries(added: frozenset[str]) -> list[Entry]:
    """Return every file of the index, as ``git write-tree`` would write it, without writing it.

    Parameters
    ----------
    added
        Paths that are staged and HEAD has not, to tell them from those that ``git add -N`` only announced.
    """
    entries = []
    for line in git("ls-files", "--stage", "-z", "--full-name").split("\0")[:-1]:
        head, _, path = line.partition("\t")
        mode, oid, stage = head.split(" ")
        if stage == "0":
            entries.append(Entry(mode, oid, path))
    if not any(entry.oid in EMPTY for entry in entries):
        return entries
    announced = set(git(*_ADDED).split("\0")) - added
    return [entry for entry in entries if entry.path not in announced]


def can_matter_to_locks(staged: Staged, objects: Objects) -> bool:
    """Say whether the rules about dvc.lock can say anything new about what is staged."""
    paths = [entry.path for entry in staged.entries]
    if any(path.rpartition("/")[2] in LOCKS for path in paths):
        return True
    listed = git("ls-files", "--stage", "-z", "--full-name", "--", ":(top,glob)**/dvc.lock").split("\0")[:-1]
    locks = objects.read_each((line.split(" ", 2)[1] for line in listed), bytes)
    return any(may_be_out(paths, content) for content in locks.values())


def may_be_out(paths: Iterable[str], lock: bytes) -> bool:
    """Say whether one of the paths may be, or be in, an out of a dvc.lock; yes where that is not plain to see.

    Parameters
    ----------
    paths
        From the top of the repository. The lock's may be relative to any folder of it.
    lock
        The bytes of the file. It is read by lines as DVC writes it, because a YAML parser takes as long as all the
        rest of the hook.
    """
    outs = outs_of(lock)
    if outs is None:
        return True
    return any(out in f"/{path}/" for path in paths for out in outs)


def outs_of(lock: bytes) -> set[str] | None:
    """Return the paths of outs in a dvc.lock as ``/path/``, or None where they are not plain to see."""
    outs: set[str] = set()
    is_in_outs = False
    lines = lock.split(b"\n")
    if lock.count(b"outs") != sum(line.count(b"outs") for line in lines if _says_outs(line) or _says_path(line)):
        return None
    for place, line in enumerate(lines):
        text = line.strip()
        if text == b"outs:":
            is_in_outs = True
        elif text in (b"deps:", b"params:") or text.startswith(b"cmd:"):
            is_in_outs = False
        elif is_in_outs and _says_path(line):
            value = text.removeprefix(b"- ").removeprefix(b"path:").strip()
            following = lines[place + 1].strip() if place + 1 < len(lines) else b""
            if not _PLAIN.fullmatch(value) or not (following.startswith(_OUT_KEYS) or not following):
                return None
            outs.add("/" + os.path.normpath(value.decode()).lstrip("./") + "/")
        elif is_in_outs and not (text.startswith(_OUT_KEYS) or text.endswith(b":") or not text):
            return None
    return outs


def _says_outs(line: bytes) -> bool:
    return line.strip() == b"outs:"


def _says_path(line: bytes) -> bool:
    return line.strip().removeprefix(b"- ").startswith(b"path:")


def _changes(revision: str = "") -> list[tuple[str, Entry]]:
    """Return the status and the new side of what the index changes against a commit, HEAD without one.

    Before the first commit git takes the empty tree for HEAD.
    """
    words = git(*_DIFF, operands=[revision] if revision else []).split("\0")
    changes = []
    for head, path in zip(words[0::2], words[1::2], strict=False):
        _, mode, _, oid, status = head.split(" ")
        changes.append((status[:1], Entry(mode, oid, path)))
    return changes


def _merged() -> list[str]:
    """Return the commits that are being merged into HEAD."""
    git_dir = os.environ.get("GIT_DIR") or (".git" if os.path.isdir(".git") else git("rev-parse", "--git-dir"))
    try:
        with open(f"{git_dir}/MERGE_HEAD", encoding="ascii") as file:
            return file.read().split()
    except OSError:
        return []
