"""Bringing an experiment to a remote: its data first, then its branch, moved only from where it is known to be."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from gitml.conventions.amounts import amount_in_words
from gitml.errors import BrokenEnvironment, GitmlError
from gitml.experiments import verdict
from gitml.experiments.desk import FOLDER, Desk
from gitml.experiments.ending import NoSuchExperiment
from gitml.git import server
from gitml.git.command import ask, git
from gitml.git.merge import is_ancestor
from gitml.git.plan import Plan, Step, carry_out
from gitml.git.push import Update, push_atomically, read_remote
from gitml.git.refs import list_refs
from gitml.git.transaction import value_of
from gitml.pipeline import remote as transfer
from gitml.pipeline.storage import Storage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitml.git.push import Outcome
    from gitml.pipeline.storage import DataObject


class Pushed(NamedTuple):
    """What came of a push.

    Attributes
    ----------
    slug, remote
        The experiment, and where its branch is now.
    commit
        Full id of its commit.
    branch
        What became of the branch.
    tags
        The short names of the tags that went with it.
    data
        What was sent; what is at neither end; the names of the DVC remotes.
    """

    slug: str
    remote: str
    commit: str
    branch: Outcome
    tags: tuple[str, ...]
    data: transfer.Plan


class NoRemoteToUse(BrokenEnvironment):
    """It is not clear which remote is meant."""

    def __init__(self, names: Sequence[str], words: str) -> None:
        if names:
            what, why = "there are several remotes, and none is called origin", f"There is {', '.join(names)}."
            mend = f"{words} --remote {quote(names[0])}"
        else:
            what, why = "this repository has no remote", "An experiment is shared by a repository that all can reach."
            mend = "git remote add origin https://example.com/team/project.git"
        super().__init__(what, why, (mend,))


class Diverged(GitmlError):
    """The remote's branch has commits that the local one lacks; nothing was pushed or changed."""

    def __init__(self, ref: str, remote: str, now: str) -> None:
        short = _short(ref)
        super().__init__(
            f"{short} on {remote} has commits that yours lacks (it is at {now[:10]})",
            "Somebody else goes on with it, or has taken the name for another idea. Nothing was changed.",
            (
                f"gitml exp fetch {short.removeprefix(FOLDER)}   # goes on from theirs, if yours has nothing else",
                f"git branch -m {short} {short}-2   # if yours is another idea",
            ),
        )
        self.ref = ref
        self.now = now


class TagIsTaken(GitmlError):
    """The remote has another tag of this name; nothing was pushed."""

    def __init__(self, ref: str, remote: str) -> None:
        short = _short(ref)
        super().__init__(
            f"{remote} has another tag {short}",
            "Somebody else has finished an experiment of this name. A tag is never moved; nothing was pushed.",
            (f"git ls-remote {quote(remote)} {ref}",),
        )
        self.ref = ref


class Session:
    """One push, whose data and refs are known before anything is sent.

    Parameters
    ----------
    desk
        The repository.
    slug
        The experiment.
    remote
        Where it goes; empty for its own remote, origin, or the only one.
    data_remote
        The DVC remote; empty for the default one.

    Raises
    ------
    NoSuchExperiment
        There is no branch of the name.
    Diverged, TagIsTaken
        The remote has something else of the name.
    BrokenEnvironment
        A remote cannot be asked, or there is none.
    """

    def __init__(self, desk: Desk, slug: str, remote: str = "", data_remote: str = "") -> None:
        self.desk = desk
        self.slug = slug
        self._data_remote = data_remote
        ref = verdict.branch_of(slug)
        tip = value_of(ref, desk.root)
        if tip is None:
            raise no_such(slug, desk)
        self.commit = tip
        self.remote = remote or remote_of(slug, desk, "gitml exp push")
        pins = [pin for pin in verdict.pins(slug, desk.root) if is_ancestor(pin.commit, tip, desk.root)]
        self._refs = {ref: tip, **{pin.ref: pin.oid for pin in pins}}
        check_remote_refs(self.remote, self._refs, read_remote(self.remote, list(self._refs), desk.root), desk.root)
        self._storage = Storage(desk.root)
        objects = transfer.objects_of([tip, *_own_commits(tip, desk.root)], self._storage, desk.root)
        self.data = transfer.plan_push(objects, self._storage, data_remote)
        self._outcomes: dict[str, Outcome] = {}

    def plan(self) -> Plan:
        """Return what will be done."""
        steps = []
        if self.data.objects:
            where = " and ".join(self.data.remotes)
            steps.append(Step("data", f"push {amount(self.data.objects)} to {where}", self._push_data))
        tags = "".join(f" and {_short(ref)}" for ref in self._refs if ref.startswith("refs/tags/"))
        steps.append(Step("branch", f"push {FOLDER}{self.slug}{tags} to {self.remote}", self._push_branch))
        return Plan("exp push", steps, len(steps) - 1)

    def carry_out(self) -> Pushed:
        """Push; the same again goes on where it was broken off.

        Raises
        ------
        TransferFailed
            Some data did not arrive, so that the branch was not pushed.
        RemoteMoved, RefusedByRemote, RefusedHere
            The branch was not pushed; its data is there.
        """
        carry_out(self.plan())
        tags = tuple(_short(ref) for ref in self._refs if ref.startswith("refs/tags/"))
        return Pushed(
            self.slug, self.remote, self.commit, self._outcomes[verdict.branch_of(self.slug)], tags, self.data
        )

    def _push_data(self) -> None:
        sent = transfer.push(self.data, self._storage, self._data_remote)
        self.data = self.data._replace(objects=tuple(sent))

    def _push_branch(self) -> None:
        self._outcomes = push_refs(self.remote, self._refs, self.desk.root)
        set_upstream(self.slug, self.remote, self.desk)


def amount(objects: Sequence[DataObject]) -> str:
    """Return how much data there is: ``5 files, 2.5 MB``."""
    return amount_in_words(sum(each.files for each in objects), [each.size for each in objects])


def remote_of(slug: str, desk: Desk, words: str) -> str:
    """Return the remote that an experiment goes to, if nobody says: its branch's own, origin, or the only one.

    Raises
    ------
    NoRemoteToUse
        There is none, or there are several.
    """
    names = git("remote", at=desk.root).split()
    own = ask("config", "--get", f"branch.{FOLDER}{slug}.remote", at=desk.root).out.strip() if slug else ""
    for name in (own, "origin"):
        if name in names:
            return name
    if len(names) != 1:
        raise NoRemoteToUse(names, words)
    return names[0]


def set_upstream(slug: str, remote: str, desk: Desk) -> None:
    """Let git know which branch of the remote an experiment's is; one that it has already stays."""
    name = f"branch.{FOLDER}{slug}"
    if ask("config", "--get", f"{name}.merge", at=desk.root).code != 0:
        git("config", f"{name}.remote", operands=[remote], at=desk.root)
        git("config", f"{name}.merge", verdict.branch_of(slug), at=desk.root)


def no_such(slug: str, desk: Desk) -> NoSuchExperiment:
    """Return the error for an experiment that has no branch here."""
    from difflib import get_close_matches

    names = [ref.short.removeprefix(FOLDER) for ref in list_refs(f"refs/heads/{FOLDER}", at=desk.root)]
    remotes = [
        ref.short.removesuffix(f"/{FOLDER}{slug}")
        for ref in list_refs("refs/remotes/", at=desk.root)
        if ref.name.endswith(f"/{FOLDER}{slug}")
    ]
    return NoSuchExperiment(slug, get_close_matches(slug, names, n=1), remotes)


def _own_commits(tip: str, at: Path) -> list[str]:
    """Return the commits of an experiment that main has not: each run has a model of its own."""
    main = server.main_here(at)
    every = list_refs(f"refs/heads/{main}", "refs/remotes/", at=at)
    mains = [ref.oid for ref in every if ref.name.endswith(f"/{main}")]
    return git("rev-list", tip, "--not", *mains, at=at).split() if mains else []


def push_refs(remote: str, refs: Mapping[str, str], at: Path | None = None) -> dict[str, Outcome]:
    """Push branches and tags together, none of which loses anything on the remote.

    Parameters
    ----------
    remote
        Its name.
    refs
        Full ids by the refs' full names.
    at
        As for `gitml.git.command.git`.

    Returns
    -------
    dict
        What became of each ref.

    Raises
    ------
    Diverged
        The remote's branch is not below the local one.
    TagIsTaken
        The remote has another tag of the name.
    GitmlError
        As for `gitml.git.push.push_atomically`.
    """
    now = read_remote(remote, list(refs), at)
    check_remote_refs(remote, refs, now, at)
    return push_atomically(remote, {ref: Update(new, now[ref]) for ref, new in refs.items()}, at)


def check_remote_refs(
    remote: str, refs: Mapping[str, str], now: Mapping[str, str | None], at: Path | None = None
) -> None:
    """See that refs can be pushed without a loss on the remote.

    Parameters
    ----------
    remote, refs, at
        As for `push_refs`, errors as well.
    now
        What the remote has.
    """
    for ref, new in refs.items():
        old = now[ref]
        if old is None or old == new:
            continue
        if ref.startswith("refs/tags/"):
            raise TagIsTaken(ref, remote)
        if ask("cat-file", "-e", f"{old}^{{commit}}", at=at).code != 0 or not is_ancestor(old, new, at):
            raise Diverged(ref, remote, old)


def _short(ref: str) -> str:
    return re.sub(r"^refs/(heads|tags)/", "", ref)
