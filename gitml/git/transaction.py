"""Commits that are built without a working tree, and refs that move only from where they are known to be."""

from __future__ import annotations

import re
import time
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from gitml.errors import BrokenEnvironment, GitFailed, GitmlError
from gitml.git.command import Answer, ask, failure, git
from gitml.git.leftovers import clear_if_abandoned
from gitml.git.repository import has_identity
from gitml.git.trees import OBJECT_ID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE = 4.0
"""Seconds to wait for another git that has the ref; longer than it takes to see that nobody has."""

_REF = re.compile(r"refs/[^\0-\x20\x7f~^:?*\[\\]+")


class Author(NamedTuple):
    """Who wrote what a commit holds."""

    name: str
    email: str


class NoIdentity(BrokenEnvironment):
    """git was not told who commits."""

    def __init__(self) -> None:
        super().__init__(
            "git does not know who commits",
            "Every run is a commit, and a commit names its author.",
            ('git config --global user.name "Your Name"', "git config --global user.email you@example.com"),
        )


class CannotSign(BrokenEnvironment):
    """commit.gpgSign is set, and git could not sign."""

    def __init__(self, git_says: str) -> None:
        super().__init__(
            "git could not sign the commit",
            f"commit.gpgSign asks for it. git says: {git_says}",
            ("git config user.signingKey", "git config gpg.format"),
        )


class RefMoved(GitmlError):
    """Somebody else moved, made or deleted a ref first.

    Attributes
    ----------
    ref
        Its full name.
    expected, now
        Full ids; None for none.
    """

    def __init__(self, ref: str, expected: str | None, now: str | None, who: str = "") -> None:
        short = _short(ref)
        was = f"was at {expected[:10]}" if expected is not None else "was not there"
        if now is None:
            what = f"{short} was deleted; it {was}"
        elif expected is None:
            what = f"{short} exists already, at {now[:10]}"
        else:
            what = f"{short} is at {now[:10]} now; it {was}"
        why = f"{who}. Nothing was changed." if who else "Another command was first. Nothing was changed."
        super().__init__(
            what, why, ("run the same command again, if it still should be done", f"git log -3 {quote(short)} --")
        )
        self.ref = ref
        self.expected = expected
        self.now = now


class RefInTheWay(GitmlError):
    """A ref cannot be made beside another one whose name is the beginning of its name."""

    def __init__(self, ref: str, other: str) -> None:
        short, other_short = _short(ref), _short(other)
        kind = "tag" if other.startswith("refs/tags/") else "branch"
        rename = (
            f"git branch -m {quote(other_short)} {quote(f'{other_short}-old')}"
            if kind == "branch"
            else f"git tag {quote(f'{other_short}-old')} {quote(other_short)} && git tag -d {quote(other_short)}"
        )
        super().__init__(
            f"{short} cannot be made while there is a {kind} {other_short}",
            "git keeps refs like files: a name cannot be a file and a folder at once.",
            (rename,),
        )
        self.ref = ref
        self.other = other


class RefIsLocked(BrokenEnvironment):
    """A lock file of git stands in the way of a ref."""

    def __init__(self, ref: str, lock: Path) -> None:
        super().__init__(
            f"{_short(ref)} is locked by {lock}",
            "Another git moves it right now, or was killed while it did. If none runs, the file can go.",
            ("gitml doctor --fix", f"rm {quote(str(lock))}   # the same by hand, while no git runs"),
        )
        self.ref = ref
        self.lock = lock


def commit_tree(
    tree: str,
    parents: Sequence[str],
    message: str,
    author: Author | None = None,
    date: str | None = None,
    at: Path | None = None,
) -> str:
    """Write a commit and return its id; no ref knows it yet, and no hook runs.

    Parameters
    ----------
    tree, parents
        Full ids.
    message
        The whole message; it is kept as it is, in UTF-8, with a line end behind it.
    author
        None for whom git knows; the committer is always whom git knows.
    date
        The author's and the committer's, as git reads dates; None for now.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    NoIdentity
        git was not told who commits. It is never guessed from the machine's name.
    CannotSign
        commit.gpgSign is set, and signing failed.
    """
    _check_ids(tree, *parents)
    variables: dict[str, str] = {}
    if author is not None:
        variables.update(GIT_AUTHOR_NAME=author.name, GIT_AUTHOR_EMAIL=author.email)
    if date is not None:
        variables.update(GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)
    is_signed = ask("config", "--type=bool", "--get", "commit.gpgSign", at=at).out.strip() == "true"
    words = ["-c", "user.useConfigOnly=true", "-c", "i18n.commitEncoding=UTF-8", "commit-tree"]
    words += [*(["-S"] if is_signed else []), tree]
    for parent in dict.fromkeys(parents):
        words += ["-p", parent]
    text = message.removesuffix("\n") + "\n"
    answer = ask(*words, "-F", "-", stdin=text.encode("utf-8", "surrogateescape"), variables=variables, at=at)
    if answer.code == 0:
        return answer.out.strip()
    if not has_identity(at):
        raise NoIdentity
    if is_signed:
        raise CannotSign(answer.err.strip())
    raise failure(answer, *words, "-F", "-", at=at)


def compare_and_swap(ref: str, new: str, old: str | None, reason: str, at: Path | None = None) -> None:
    """Move a ref from `old` to `new`, or leave everything as it is.

    Parameters
    ----------
    ref
        Its full name.
    new, old
        Full ids; `old` is None where the ref must not exist yet.
    reason
        What the reflog says.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    RefMoved
        It is not at `old`.
    RefInTheWay
        Another ref's name is the beginning of this one's, or the other way round.
    RefIsLocked
        A lock file stays in the way.
    """
    _check_ids(new, *([] if old is None else [old]))
    _update(["-m", _line(reason), _checked(ref), new, old or "0" * len(new)], ref, old, at)


def delete(ref: str, old: str, reason: str = "gitml", at: Path | None = None) -> None:
    """Delete a ref that is at `old`; parameters and errors as for `compare_and_swap`."""
    _check_ids(old)
    _update(["-m", _line(reason), "-d", _checked(ref), old], ref, old, at)


def value_of(ref: str, at: Path | None = None) -> str | None:
    """Return the full id that a ref with this full name has, or None."""
    # rev-parse would also find refs/tags/refs/heads/x, which anybody may have made.
    answer = ask("show-ref", "--verify", "--hash", "--", _checked(ref), at=at)
    oid = answer.out.strip()
    return oid if answer.code == 0 and OBJECT_ID.fullmatch(oid) else None


def _update(words: list[str], ref: str, old: str | None, at: Path | None) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        answer = ask("update-ref", *words, at=at)
        if answer.code == 0:
            return
        now = value_of(ref, at)
        if now != old:
            raise RefMoved(ref, old, now, _who_moved(ref, at))
        lock = _lock_of(ref, at)
        if lock is None:
            raise _explanation(answer, words, ref, at)
        if not clear_if_abandoned(lock) and time.monotonic() > until:
            raise RefIsLocked(ref, lock)
        time.sleep(0.05)


def _explanation(answer: Answer, words: list[str], ref: str, at: Path | None) -> GitmlError:
    """Return why git would not make or move a ref that nobody has moved."""
    parts = ref.split("/")
    above = ["/".join(parts[:end]) for end in range(3, len(parts))]
    listed = git("for-each-ref", "--format=%(refname)", operands=[*above, f"{ref}/"], at=at).split("\n")
    # A pattern without a glob also matches what lies below it, so that a sibling is listed, too.
    for other in listed:
        if other in above or other.startswith(f"{ref}/"):
            return RefInTheWay(ref, other)
    return failure(answer, "update-ref", *words, at=at)


def _lock_of(ref: str, at: Path | None) -> Path | None:
    """Return the lock file that is in the way of a ref, or None."""
    folders = git("rev-parse", "--path-format=absolute", "--git-common-dir", "--git-dir", at=at).split("\n")
    locks = (Path(folders[0]) / f"{ref}.lock", Path(folders[0]) / "packed-refs.lock", Path(folders[1]) / "HEAD.lock")
    return next((lock for lock in locks if lock.exists()), None)


def _who_moved(ref: str, at: Path | None) -> str:
    """Return who moved a ref last, when, and what for; empty where git kept no log."""
    try:
        told = git(
            *("log", "--walk-reflogs", "-1", "--date=relative", "--format=%gn, %gd: %gs"),
            *("--end-of-options", ref, "--"),
            at=at,
        )
    except GitFailed:
        return ""
    who, _, rest = told.partition(", ")
    when, _, reason = rest.rpartition("@{")[2].partition("}: ")
    return f"{who} moved it {when} ({reason})" if when else ""


def _check_ids(*oids: str) -> None:
    for oid in oids:
        if not OBJECT_ID.fullmatch(oid):
            raise ValueError(f"{oid!r} is no full object id")


def _checked(ref: str) -> str:
    if not _REF.fullmatch(ref):
        raise ValueError(f"{ref!r} is no full name of a ref")
    return ref


def _line(reason: str) -> str:
    return " ".join(reason.split()) or "gitml"


def _short(ref: str) -> str:
    return re.sub(r"^refs/(heads|tags|remotes)/", "", ref)
