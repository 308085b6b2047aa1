"""What moves production: an approved promotion, or a way back; one push of its branch, the tag, and nothing else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, ClassVar, NamedTuple

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


class Session:
    """A move of production, of which everything is known and judged before it is made.

    Parameters
    ----------
    typed
        The command, as it can be typed again.
    remote
        The git remote; empty for origin, or the only one.
    at
        A folder of the repository; None for the current one.

    Attributes
    ----------
    command, verb
        Its words, and how production moves: ``to`` a release, or ``back to`` it.
    """

    command: ClassVar[str]
    verb: ClassVar[str]
    promotion: Promotion

    def __init__(self, typed: str, remote: str, at: Path | None) -> None:
        if not repository.has_identity(at):
            raise NoIdentity
        self._at = at
        self.remote = upstream.choose(remote, typed, at)
        self.upstream = upstream.look(self.remote, at)
        self.approvals: tuple[Approval, ...] = ()
        self.gates: tuple[GateResult, ...] = ()

    def plan(self) -> Plan:
        """Return what will be done, and is not done yet."""
        if not self.is_new:
            return Plan(self.command, ())
        branch = upstream.production_branch(self.version.model)
        says = f"move {branch} {self.verb} {self.version}, tag it {self.tag}, in one push to {self.remote}"
        steps = (Step("push", says, self._push), Step("log", "write down what was done", self._log))
        return Plan(self.command, steps, 0)

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
        before = self.before.version if self.before is not None else None
        if not self.is_new:
            tip = self.upstream.registry.production(self.version.model)
            return Deployed(self.version, before, tip or "", "", False)
        return Deployed(self.version, before, self.promotion.commit, str(self.tag), True, self.approvals, self.gates)

    def _is_there(self, version: ModelVersion) -> bool:
        """Say whether production has a release already, and remember what it has."""
        self.version = version
        self.before = registry.in_production(version.model, self.upstream.registry, self._at)
        self.is_new = self.before is None or self.before.version != version
        return not self.is_new

    def _build(self) -> None:
        self.tag, self._updates = updates(self.promotion, self.upstream, self._at)

    def _push(self) -> None:
        deploy(self.remote, self._updates, self._at)

    def _log(self) -> None:
        moves = [Move(ref, update.old, update.new, True) for ref, update in self._updates.items()]
        if self.before is not None:
            back = f'gitml model rollback --to {self.before.version} --reason "…"'
        else:
            back = "gitml model promote v<another>   # there is no way back before the first"
        oplog.record(sys.argv[1:], moves, forward=(back,), at=self._at)


class Merge(Session):
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

    command = "model promote"
    verb = "to"

    def __init__(self, text: str, model: str = DEFAULT_MODEL, remote: str = "", at: Path | None = None) -> None:
        words = ("gitml", "model", "promote", text, "--merge")
        super().__init__(upstream.typed(*words, model=model), remote, at)
        found = registry.find(text, self.upstream.registry, model)
        if self._is_there(found.version):
            return
        self.promotion = self._open_one(found)
        self._ask()
        self._build()

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


class RollBack(Session):
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

    command = "model rollback"
    verb = "back to"

    def __init__(
        self, text: str | None, reason: str, model: str = DEFAULT_MODEL, remote: str = "", at: Path | None = None
    ) -> None:
        words = ("gitml", "model", "rollback", *to(text), "--reason", reason, "--now")
        super().__init__(upstream.typed(*words, model=model), remote, at)
        found = past.way_back(text, model, self.upstream.registry, at)
        if self._is_there(found.version):
            return
        self.promotion = promotion.prepare(found, self.upstream, reason, at)
        self._ask()
        self._build()

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
