"""What the remote has of models right now, brought here, and the rules of its main branch."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions import branches, tags
from gitml.conventions.branches import DEFAULT_MODEL, BranchName
from gitml.conventions.shell import command as command_line
from gitml.conventions.shell import quoted
from gitml.errors import BrokenEnvironment
from gitml.git import push, server
from gitml.git.command import ask, git
from gitml.git.objects import Objects
from gitml.models import registry
from gitml.models.registry import Registry
from gitml.policy.approvals import read_signers
from gitml.policy.law import law
from gitml.policy.pull_request import deepen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gitml.config import Config

_HEADS = "refs/heads/"
_TAGS = "refs/tags/"
_APPROVAL = re.compile(f"{_TAGS}approve/[^/]+/[0-9a-f]{{12}}/[^/]+")
"""No other depth: a tag that is named like the folder of approvals would keep them out of a clone."""

_FOLDERS = ("models/", "production/", "promote/")


class Upstream(NamedTuple):
    """A remote, as it was a moment ago.

    Attributes
    ----------
    remote
        Its name here.
    refs
        Full ids of its branches and of the tags about models, by their full names.
    main
        The short name of its default branch.
    config
        What its gitml.toml says there, or the built-in rules.
    note
        What is to be said about that; may be empty.
    registry
        Its models.
    signers
        Its main branch's file of people who may sign; empty where it has none.
    """

    remote: str
    refs: Mapping[str, str]
    main: str
    config: Config
    note: str
    registry: Registry
    signers: bytes = b""

    @property
    def main_commit(self) -> str | None:
        """Full id of its default branch's commit; None where it has no such branch."""
        return self.refs.get(f"{_HEADS}{self.main}")

    @property
    def law(self) -> str:
        """Full name of the branch whose gitml.toml counts."""
        return f"{_HEADS}{self.main}"

    @property
    def known(self) -> list[str]:
        """Words for ``git rev-list`` behind ``--not``: what is on the remote already."""
        return [f"--remotes={self.remote}"]


class NoRemoteToUse(BrokenEnvironment):
    """It is not clear on which remote models are released."""

    def __init__(self, names: list[str], command: str) -> None:
        if names:
            what, why = "there are several remotes, and none is called origin", f"There is {', '.join(names)}."
            mend = (f"{command} --remote {names[0]}",)
        else:
            what = "this repository has no remote"
            why = (
                "A model is released where all can see it, and nobody can move it: the remote decides who was first. "
                "A folder will do."
            )
            mend = ("git init --bare ../project.git && git remote add origin ../project.git && git push origin main",)
        super().__init__(what, why, mend)


def choose(remote: str, command: str, at: Path | None = None) -> str:
    """Return the remote that is meant: the given one, origin, or the only one.

    Parameters
    ----------
    remote
        The given name; may be empty.
    command
        All that somebody typed: with the remote behind it, it is what mends.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    NoSuchRemote
        The given one is none; a URL or a folder is no name of one.
    NoRemoteToUse
        There is none, or there are several.
    """
    names = server.remotes(at)
    if remote and remote not in names:  # nothing is known here of what a bare URL had before
        raise push.NoSuchRemote(remote, names)
    if remote or "origin" in names:
        return remote or "origin"
    if len(names) != 1:
        raise NoRemoteToUse(names, command)
    return names[0]


def typed(*words: str, model: str = DEFAULT_MODEL) -> str:
    """Return a command as somebody types it once more, without the remote: its words, and the model if it is another.

    >>> typed("gitml", "model", "promote", "v4", model="churn")
    'gitml model promote v4 --model churn'
    """
    return command_line([*words, *(("--model", model) if model != DEFAULT_MODEL else ())])


def look(remote: str, at: Path | None = None) -> Upstream:
    """Ask a remote what it has, and fetch what is missing here: its main branch, models, production and promotions.

    Raises
    ------
    NoSuchRemote, RemoteUnreachable
        There is nobody to ask.
    BrokenEnvironment
        A tag here is another one than the remote's of the same name, or the clone is shallow and cannot be deepened.
    """
    there = push.list_remote(remote, ["refs/heads/*", "refs/tags/*"], at)
    there = {ref: oid for ref, oid in there.items() if not ref.endswith("^{}")}
    main = server.default_branch(there, f"refs/remotes/{remote}/HEAD", at)
    heads = {ref: oid for ref, oid in there.items() if _is_wanted(ref, main)}
    marks = {ref: oid for ref, oid in there.items() if ref.startswith(_TAGS) and _is_of_models(ref)}
    if git("rev-parse", "--is-shallow-repository", at=at) == "true":
        deepen(remote, at)  # else what production had before the cut would be called never there
    _fetch(remote, heads, marks, at)
    with Objects(at) as objects:
        counted = heads.get(f"{_HEADS}{main}")
        config, note = law(counted, objects)
        signers = read_signers(counted, config, objects)
    refs = {**{ref: oid for ref, oid in there.items() if ref.startswith(_HEADS)}, **marks}
    return Upstream(remote, refs, main, config, note, registry.limited(registry.read(remote, at), refs), signers)


def _is_wanted(ref: str, main: str) -> bool:
    short = ref.removeprefix(_HEADS)
    return ref.startswith(_HEADS) and (short == main or short.startswith(_FOLDERS))


def _is_of_models(ref: str) -> bool:
    tag = tags.parse(ref.removeprefix(_TAGS))
    return _APPROVAL.fullmatch(ref) is not None or (tag is not None and branches.is_model(tag.artifact))


def _fetch(remote: str, heads: Mapping[str, str], marks: Mapping[str, str], at: Path | None) -> None:
    """Bring branches and tags here; a tag of the registry never moves, an approval may be withdrawn and given anew."""
    here = server.refs_seen_from_clone(remote, at)
    fixed = {ref: oid for ref, oid in marks.items() if not _APPROVAL.fullmatch(ref)}
    clashes = [ref for ref, oid in fixed.items() if here.get(ref, oid) != oid]
    if clashes:
        name = clashes[0].removeprefix(_TAGS)
        raise BrokenEnvironment(
            f"the tag {name} here is not that of {remote}",
            "A tag of the registry is made once; yours was made by hand, or is of another repository.",
            (f"git tag -d {quoted(name)} && git fetch {remote} tag {quoted(name)}",),
        )
    moving = {ref: f"refs/remotes/{remote}/{ref.removeprefix(_HEADS)}" for ref in heads}
    moving |= {ref: ref for ref in marks.keys() - fixed.keys()}
    there = {**heads, **marks}
    wanted = [f"+{ref}:{ours}" for ref, ours in moving.items() if here.get(ref) != there[ref]]
    wanted += [f"{ref}:{ref}" for ref in fixed if ref not in here]
    if wanted:
        push.fetch(remote, wanted, at)


def production_branch(model: str) -> str:
    """Return the short name of the branch that is in production."""
    return str(BranchName("production", model))


def promotion_branch(model: str, number: int) -> str:
    """Return the short name of the branch by which a release goes to production."""
    return str(BranchName("promotion", model, number))


def open_promotions(upstream: Upstream, model: str = "") -> dict[BranchName, str]:
    """Return the promotions that are open on a remote, of one model or of all: full ids of their commits."""
    found = {}
    for ref, oid in upstream.refs.items():
        name = branches.parse(ref.removeprefix(_HEADS)) if ref.startswith(_HEADS) else None
        if name is not None and name.kind == "promotion" and model in ("", name.name):
            found[name] = oid
    return found


def is_here(oid: str, at: Path | None = None) -> bool:
    """Say whether an object is in this clone."""
    return ask("cat-file", "-e", operands=[oid], at=at).code == 0


def person(at: Path | None = None) -> str:
    """Return who commits here, as ``name <email>``."""
    return git("var", "GIT_COMMITTER_IDENT", at=at).rpartition(" ")[0].rpartition(" ")[0]
