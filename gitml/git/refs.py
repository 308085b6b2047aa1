"""Which refs there are, and what a person means by a name."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from gitml.conventions import versions
from gitml.errors import GitmlError, LooksLikeAnOption, WrongUsage
from gitml.git.command import ask, git
from gitml.git.trees import OBJECT_ID

_FIELDS = ("refname", "objectname", "*objectname", "objecttype", "*objecttype")


class Ref(NamedTuple):
    """One ref.

    Attributes
    ----------
    name
        Full: ``refs/heads/main``.
    oid
        What it points at: for an annotated tag the tag object.
    peeled
        What is left behind all tags: nearly always a commit.
    kind
        ``commit``, ``tag`` (annotated), ``tree`` or ``blob``: of `oid`.
    """

    name: str
    oid: str
    peeled: str
    kind: str

    @property
    def short(self) -> str:
        """The name as people write it."""
        return re.sub(r"^refs/(heads|tags|remotes)/", "", self.name)


class NoSuchRevision(WrongUsage):
    """A name that somebody gave names no commit here."""

    def __init__(self, text: str, near: str | None, git_says: str) -> None:
        why = f"Did you mean {near}?" if near is not None else git_says
        super().__init__(
            f"{text!r} names no commit here",
            why,
            (f"git log -1 {quote(near)} --" if near is not None else "git branch --all",),
        )
        self.text = text
        self.near = near


def list_refs(*prefixes: str, at: Path | None = None) -> list[Ref]:
    """Return the refs below some prefixes, sorted by name; one process, however many there are.

    Parameters
    ----------
    prefixes
        ``refs/heads/experiments/``, or a whole name; none for all refs.
    at
        As for `gitml.git.command.git`.
    """
    for prefix in prefixes:
        if not prefix.startswith("refs/"):
            raise ValueError(f"{prefix!r} is no beginning of a ref's full name")
    form = "%00".join(f"%({field})" for field in _FIELDS)
    listed = git("for-each-ref", f"--format={form}", operands=prefixes, at=at)
    refs = []
    for line in listed.split("\n") if listed else []:
        name, oid, peeled, kind, peeled_kind = line.split("\0")
        if peeled_kind == "tag":  # a tag of a tag; git 2.45 peels it by itself
            peeled = git("rev-parse", "--verify", f"{oid}^{{}}", at=at)
        refs.append(Ref(name, oid, peeled or oid, kind))
    return refs


def resolve(text: str, at: Path | None = None) -> str:
    """Return the full id of the commit that a person means.

    Parameters
    ----------
    text
        Anything that git understands: a branch, a tag, an abbreviated id, ``HEAD~2``, ``main@{yesterday}``; or a
        released model as people write it: ``v4``, ``model-v4``.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    NoSuchRevision
        It names no commit, or more than one; the nearest branch or tag is named.
    LooksLikeAnOption
        It begins with a dash.
    """
    if "\0" in text:
        raise NoSuchRevision(text, None, "A name has no NUL in it.")
    if text.startswith("-"):
        raise LooksLikeAnOption(text)
    # --end-of-options would do, but a git that is asked for "-x" by its user deserves the better error.
    answer = ask("rev-parse", "--verify", "--end-of-options", operands=[f"{text}^{{commit}}"], at=at)
    oid = answer.out.strip()
    if answer.code == 0 and OBJECT_ID.fullmatch(oid):
        return oid
    version = versions.parse(text)
    if version is not None:
        tagged = ask("rev-parse", "--quiet", "--verify", f"refs/tags/{version.tag}^{{commit}}", at=at)
        if tagged.code == 0:
            return tagged.out.strip()
    said = re.sub(r"^(fatal|error|warning|hint): ", "", answer.err.strip(), flags=re.MULTILINE)
    raise NoSuchRevision(text, _nearest(text, at), said.replace("^{commit}", ""))


def head(at: Path | None = None) -> str:
    """Return the full name of the branch that is checked out; the full id of the commit where HEAD is detached.

    Raises
    ------
    GitFailed
        HEAD is detached at nothing.
    """
    answer = ask("symbolic-ref", "--quiet", "HEAD", at=at)
    return answer.out.strip() if answer.code == 0 else git("rev-parse", "--verify", "HEAD^{commit}", at=at)


def checked_out(at: Path | None = None) -> dict[str, Path]:
    """Return the full names of the branches that working trees have checked out, and where."""
    found: dict[str, Path] = {}
    place = Path()
    for line in git("worktree", "list", "--porcelain", "-z", at=at).split("\0"):
        word, _, value = line.partition(" ")
        if word == "worktree":
            place = Path(value)
        elif word == "branch":
            found[value] = place
    return found


def _nearest(text: str, at: Path | None) -> str | None:
    """Return the branch or tag whose name, or the last part of it, is most like `text`."""
    from difflib import get_close_matches

    try:
        names = [ref.short for ref in list_refs("refs/heads/", "refs/tags/", "refs/remotes/", at=at)]
    except GitmlError:
        return None
    by_last = {name.rpartition("/")[2]: name for name in reversed(names)}
    if text in by_last:
        return by_last[text]
    whole = get_close_matches(text, names, n=1)
    last = get_close_matches(text, by_last, n=1, cutoff=0.7)
    return whole[0] if whole else by_last[last[0]] if last else None
