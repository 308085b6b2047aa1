"""Letting files and index follow a branch that was moved under a working tree, and only where nobody edited them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from gitml.errors import GitFailed
from gitml.git.command import ask, git
from gitml.git.files import replace_by_symlink, replace_file
from gitml.git.index import Difference, differences, refresh_index
from gitml.git.lock import hold
from gitml.git.objects import blob_id
from gitml.git.refs import checked_out
from gitml.git.repository import CannotWrite, shelf
from gitml.git.transaction import compare_and_swap, value_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_JOURNAL = "gitml-follow"
_GONE = ("0", "")
_ODD = ("?", "")
"""Of what can be no entry of a tree, such as a folder in a file's place."""


class Followed(NamedTuple):
    """What did not follow.

    Attributes
    ----------
    edited
        Files that are as somebody left them.
    staged
        Files whose staged content is as somebody left it; the files are, too.
    """

    edited: tuple[str, ...] = ()
    staged: tuple[str, ...] = ()


def move(ref: str, new: str, old: str | None, known: str, reason: str, at: Path | None = None) -> None:
    """Move a branch by compare-and-swap; where a working tree has it checked out, `finish` lets that follow.

    Parameters
    ----------
    ref, new, old, reason
        As for `gitml.git.transaction.compare_and_swap`; errors as well.
    known
        Full id of a tree whose files may be replaced, too, because the new commit was made of them.
    at
        As for `gitml.git.command.git`.
    """
    with hold(at):
        place = checked_out(at).get(ref) if old is not None else None
        if place is None or not place.is_dir():
            compare_and_swap(ref, new, old, reason, at)
            return
        _finish(place)
        journal = _journal(place)
        try:
            replace_file(journal, json.dumps([ref, old, new, known]).encode(), journal.parent)
        except OSError as error:
            raise CannotWrite(journal, error.strerror or str(error)) from None
        compare_and_swap(ref, new, old, reason, at)


def finish(root: Path) -> Followed:
    """Let a working tree follow where its branch was moved by `move`; else do nothing. It can be repeated.

    A file becomes the new commit's where it is as the old commit, or the known tree, has it; its index entry
    where that is the old commit's.
    """
    if not _journal(root).exists():
        return Followed()
    with hold(root):
        return _finish(root)


def is_left(git_dir: Path) -> bool:
    """Say whether a working tree, whose HEAD is in `git_dir`, still has to follow."""
    return (git_dir / _JOURNAL).exists()


def _finish(root: Path) -> Followed:
    journal = _journal(root)
    try:
        ref, old, new, known = json.loads(journal.read_bytes())
    except FileNotFoundError:
        return Followed()
    is_here = ask("symbolic-ref", "--quiet", "HEAD", at=root).out == f"{ref}\n"
    followed = _follow(root, old, new, known) if is_here and value_of(ref, root) == new else Followed()
    journal.unlink(missing_ok=True)
    return followed


def _journal(root: Path) -> Path:
    return Path(git("rev-parse", "--absolute-git-dir", at=root)) / _JOURNAL


def _follow(root: Path, old: str, new: str, known: str) -> Followed:
    changed = differences(old, new, root)
    started = {one.path: one.new for one in differences(old, known, root)}
    now = _on_disk(root, changed)
    staged = refresh_index(root, old, new)
    edited, place = [], shelf(root)
    # What goes makes room for what comes.
    for one in sorted(changed, key=lambda one: one.new != _GONE):
        if one.path in staged or now[one.path] == one.new:
            continue
        if now[one.path] not in (one.old, started.get(one.path, one.old)):
            edited.append(one.path)
        elif one.new == _GONE:
            (root / one.path).unlink(missing_ok=True)
        elif one.new[0] in ("100644", "100755", "120000"):
            _write(root / one.path, one, root, place)
    ask("update-index", "-q", "--refresh", at=root)
    return Followed(tuple(sorted(edited)), tuple(staged))


def _on_disk(root: Path, changed: Sequence[Difference]) -> dict[str, tuple[str, str]]:
    """Return mode and blob of each path as it is on disk, behind git's clean filters."""
    found: dict[str, tuple[str, str]] = {}
    plain = []
    for one in changed:
        file = root / one.path
        like = one.new[1] or one.old[1]
        if file.is_symlink():
            found[one.path] = ("120000", blob_id(os.fsencode(os.readlink(file)), like))
        elif file.is_file() and "\n" not in one.path:
            plain.append(one.path)
        else:
            found[one.path] = _ODD if os.path.lexists(file) else _GONE
    names = os.fsencode("".join(f'"{_quoted(path)}"\n' for path in plain))
    try:
        ids = git("hash-object", "--stdin-paths", at=root, stdin=names).split("\n") if plain else []
    except GitFailed:  # a filter fails, or a file went away: whoever did that has their reasons
        ids = [""] * len(plain)
    for path, oid in zip(plain, ids, strict=True):
        found[path] = ("100755" if os.access(root / path, os.X_OK) else "100644", oid)
    return found


def _quoted(path: str) -> str:
    return path.replace("\\", "\\\\").replace('"', '\\"')


def _write(file: Path, one: Difference, root: Path, place: Path) -> None:
    """Write a file as git would check it out; killed in between, the old one is there."""
    mode, oid = one.new
    file.parent.mkdir(parents=True, exist_ok=True)
    if mode == "120000":
        replace_by_symlink(file, git("cat-file", "blob", oid, at=root), place)
        return
    # The last line end is part of the file, so it is not `git` that is asked.
    content = ask("cat-file", "--filters", f"--path={one.path}", oid, at=root).out
    if file.is_symlink():
        file.unlink()
    replace_file(file, os.fsencode(content), place, is_executable=mode == "100755")
