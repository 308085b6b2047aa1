"""What moves production: an approved promotion, or a way back; one push of its branch, the tag, and nothing else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions.branches import DEFAULT_MODEL
from gitml.errors import GitmlError
from gitml.git import oplog, repository
from gitml.git.history import History
from gitml.git.objects import Objects
from gitml.git.oplog import Move
from gitml.git.plan import Plan, Step, carry_out
from gitml.git.push import Update, push_atomically
from gitml.git.transaction import NoIdentity, compare_and_swap, value_of
from gitml.models import past, promotion, registry, tagging, upstream
from gitml.models.refused import Refused
from gitml.pipeline.storage import Storage
from gitml.policy import approvals
from gitml.policy.check import Judged, check
from gitml.policy.facts import Ground
from gitml.policy.refs import BRANCHES, TAGS, RefUpdate
from gitml.policy.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gitml.conventions.tags import GtoTag
    from gitml.conventions.versions import ModelVersion
    from gitml.models.promotion import Promotion
    from gitml.models.registry import Release
    from gitml.models.upstream import Upstream
    from gitml.policy.approvals import Approval
    from gitml.policy.gates import GateResult


class Deployed(NamedTuple):
    """What came of it.

    Attributes
    ----------
    version
        What production has now.
    before
        What it had; None for nothing, or for a tree that is no release's.
    commit
        Full id of production's commit.
    tag
        The short name of the tag by which GTO sees it; empty where there was one.
    is_new
        Whether production moved.
    approvals
        Who agreed.
    gates
        What each bound of each gate says; empty for a way back.
    """

    version: ModelVersion
    before: ModelVersion | None
    commit: str
    tag: str
    is_new: bool
    approvals: tuple[Approval, ...] = ()
    gates: tuple[GateResult, ...] = ()


class NotOpen(GitmlError):
    """There is no promotion that could be merged."""

    def __init__(self, version: ModelVersion, has_moved: bool) -> None:
        if has_moved:
            what = f"the promotion of {version} does not stand on what is in production now"
            why = "Production moved since it was made, so it has to be built anew, and approved as it is then."
        else:
            what = f"the promotion of {version} is not open"
            why = "A model is promoted first, so that others can look at it."
        super().__init__(what, f"{why} Nothing was changed.", (f"gitml model promote {version}",))


class Merge:
    """The merge of an open promotion, without a forge.

    Parameters
    ----------
    text, model, remote, at
        As for `gitml.models.promotion.Session`.

    Raises
    ------
    NotOpen
        It is not open, or production has moved.
    Refused
        A rule or gate says no, or not enough people agree.
    """

    def __init__(self, text: str, model: str = DEFAULT_MODEL, remote: str = "", at: Path | None = None) -> None:
        if not repository.has_identity(at):
            raise NoIdentity
        self._at = at
        words = ("gitml", "model", "promote", text, "--merge")
        self.remote = upstream.choose(remote, upstream.typed(*words, model=model), at)
        self.upstream = upstream.look(self.remote, at)
        found = registry.find(text, self.upstream.registry, model)
        self.version = found.version
        self.before = registry.in_production(found.version.model, self.upstream.registry, at)
        self.is_new = self.before is None or self.before.version != found.version
        self.approvals: tuple[Approval, ...] = ()
        self.gates: tuple[GateResult, ...] = ()
        if self.is_new:
            self.promotion = self._open_one(found)
            self._ask()
            self.tag, self._updates = updates(self.promotion, self.upstream, at)

    def plan(self) -> Plan:
        """Return what will be done, and is not done yet."""
        return _plan("model promote", self, f"move {_into(self.version)} to {self.version}, tag it")

    def carry_out(self, on_step: Callable[[Step], None] | None = None) -> Deployed:
        """Move production.

        Raises
        ------
        RemoteMoved
            Production moved meanwhile.
        RefusedByRemote
            The pre-receive hook said no.
        """
        carry_out(self.plan(), on_step)
        return _deployed(self)

    def push(self) -> None:
        """Do the one push."""
        deploy(self.remote, self._updates, self._at)

    def log(self) -> None:
        """Write down what was done."""
        _log(self._updates, self.before, self._at)

    def _open_one(self, found: Release) -> Promotion:
        made = promotion.prepare(found, self.upstream, at=self._at)
        if made.before is None or made.commit != made.before:
            raise NotOpen(found.version, made.before is not None)
        return made

    def _ask(self) -> None:
        _, self.gates = promotion.judge(self.promotion, self.upstream, self._at)
        if any(
            one.version == self.version for one in past.history(self.version.model, self.upstream.registry, self._at)
        ):
            return  # production had it: the way back needs nobody's word
        self.approvals = tuple(approvals_of(self.promotion, self.upstream, self._at))
        found = approvals.approvals(list(self.approvals), self.version, self.upstream.config)
        if found is not None and found.severity == "error":
            judged = [Judged(f"{BRANCHES}{self.promotion.into}", found)]
            raise Refused(f"{self.version} does not go to production", judged, self.gates)


class RollBack:
    """The way back to a release that production had, at once.

    Parameters
    ----------
    text
        The release; None for the one that was there before.
    reason
        Why; it stands in production's history.
    model, remote, at
        As for `gitml.models.promotion.Session`.

    Raises
    ------
    NoWayBack
        Production never had it, or had nothing before.
    Refused
        Its data is not in the remote, or it was withdrawn.
    """

    def __init__(
        self, text: str | None, reason: str, model: str = DEFAULT_MODEL, remote: str = "", at: Path | None = None
    ) -> None:
        if not repository.has_identity(at):
            raise NoIdentity
        self._at = at
        words = ("gitml", "model", "rollback", *to(text), "--reason", reason, "--now")
        self.remote = upstream.choose(remote, upstream.typed(*words, model=model), at)
        self.upstream = upstream.look(self.remote, at)
        self.before = registry.in_production(model, self.upstream.registry, at)
        found = past.way_back(text, model, self.upstream.registry, at)
        self.version = found.version
        self.is_new = self.before is None or self.before.version != self.version
        self.approvals: tuple[Approval, ...] = ()
        self.gates: tuple[GateResult, ...] = ()
        if self.is_new:
            self.promotion = promotion.prepare(found, self.upstream, reason, at)
            self._ask()
            self.tag, self._updates = updates(self.promotion, self.upstream, at)

    def plan(self) -> Plan:
        """Return what will be done, and is not done yet."""
        return _plan("model rollback", self, f"move {_into(self.version)} back to {self.version}, tag it")

    def carry_out(self, on_step: Callable[[Step], None] | None = None) -> Deployed:
        """Move production; errors as for `Merge.carry_out`."""
        carry_out(self.plan(), on_step)
        return _deployed(self)

    def push(self) -> None:
        """Do the one push."""
        deploy(self.remote, self._updates, self._at)

    def log(self) -> None:
        """Write down what was done."""
        _log(self._updates, self.before, self._at)

    def _ask(self) -> None:
        update = RefUpdate(f"{BRANCHES}{self.promotion.into}", self.promotion.production, self.promotion.commit)
        storage = Storage(repository.find(self._at).root)
        seen = self.upstream
        ground = Ground("pull request", seen.refs, seen.known, seen.config, self._at, seen.law, storage, seen.signers)
        with Objects(self._at) as objects:
            judged = tuple(check([update], ground, objects, History(objects, self._at)))
        if Refusal(judged).is_final:
            raise Refused(f"production does not go back to {self.version}", judged)


def to(text: str | None) -> tuple[str, ...]:
    """Return the words that name where a way back leads; none for what was there before."""
    return ("--to", text) if text is not None else ()


def updates(made: Promotion, seen: Upstream, at: Path | None = None) -> tuple[GtoTag, dict[str, Update]]:
    """Return what moves production to a promotion's commit: the branch, GTO's tag, and the promotion's branch away."""
    known = [ref.removeprefix(TAGS) for ref in seen.refs if ref.startswith(TAGS)]
    tag = tagging.assignment(made.version, known)
    oid = tagging.assignment_tag(tag, made.version, made.release.commit, made.commit, at)
    wanted = {
        f"{BRANCHES}{made.into}": Update(made.commit, made.production),
        f"{TAGS}{tag}": Update(oid, None),
    }
    branch = f"{BRANCHES}{made.branch}"
    if branch in seen.refs:
        wanted[branch] = Update(None, seen.refs[branch])
    return tag, wanted


def deploy(remote: str, wanted: dict[str, Update], at: Path | None = None) -> None:
    """Do the one push, and have its tags here, too.

    Raises
    ------
    RemoteMoved, RefusedByRemote
        Nothing was changed.
    """
    push_atomically(remote, wanted, at)
    for ref, update in wanted.items():
        if ref.startswith(TAGS) and update.new is not None and value_of(ref, at) is None:
            compare_and_swap(ref, update.new, None, f"gitml: pushed to {remote}", at)


def approvals_of(made: Promotion, seen: Upstream, at: Path | None = None) -> list[Approval]:
    """Return who approved a promotion as it is."""
    with Objects(at) as objects:
        history = History(objects, at)
        read = [*history.read([made.commit]), *approvals.makers(made.release.commit, seen.main_commit, history)]
    return approvals.find(made.version, made.commit, seen.refs, seen.signers, approvals.authors_of(read), at)


def _into(version: ModelVersion) -> str:
    return upstream.production_branch(version.model)


def _plan(command: str, session: Merge | RollBack, says: str) -> Plan:
    if not session.is_new:
        return Plan(command, ())
    steps = (
        Step("push", f"{says} {session.tag}, in one push to {session.remote}", session.push),
        Step("log", "write down what was done", session.log),
    )
    return Plan(command, steps, 0)


def _deployed(session: Merge | RollBack) -> Deployed:
    before = session.before.version if session.before is not None else None
    if not session.is_new:
        tip = session.upstream.registry.production(session.version.model)
        return Deployed(session.version, before, tip or "", "", False)
    return Deployed(
        session.version, before, session.promotion.commit, str(session.tag), True, session.approvals, session.gates
    )


def _log(wanted: dict[str, Update], before: Release | None, at: Path | None) -> None:
    moves = [Move(ref, update.old, update.new, True) for ref, update in wanted.items()]
    if before is not None:
        back = f'gitml model rollback --to {before.version} --reason "…"'
    else:
        back = "gitml model promote v<another>   # there is no way back before the first"
    oplog.record(sys.argv[1:], moves, forward=(back,), at=at)
