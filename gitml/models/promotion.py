"""Bringing a release to production: one commit on production's tip, with the release's tree and its name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions import trailers
from gitml.conventions.branches import DEFAULT_MODEL
from gitml.conventions.commits import likely_prefix
from gitml.conventions.shell import printable
from gitml.conventions.trailers import Trailer
from gitml.conventions.versions import ModelVersion
from gitml.errors import GitmlError
from gitml.git import oplog, repository
from gitml.git.command import git
from gitml.git.history import History
from gitml.git.objects import Objects, list_tree
from gitml.git.oplog import Move
from gitml.git.plan import Plan, Step, carry_out
from gitml.git.push import Update, push_atomically
from gitml.git.transaction import NoIdentity, commit_tree
from gitml.models import past, registry, upstream
from gitml.models.refused import Refused
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.storage import Storage
from gitml.policy import release
from gitml.policy.check import check
from gitml.policy.facts import Ground
from gitml.policy.refs import BRANCHES, RefUpdate
from gitml.policy.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gitml.config import Config
    from gitml.models.registry import Release
    from gitml.models.upstream import Upstream
    from gitml.policy.check import Judged
    from gitml.policy.gates import GateResult


class Promotion(NamedTuple):
    """A release on its way to production.

    Attributes
    ----------
    version, release
        What is promoted.
    production
        Full id of production's tip, on which it stands; that of the opening commit where there is no branch yet.
    is_opening
        Whether that opening commit is new.
    commit
        Full id of the one commit.
    before
        What the branch ``promote/<model>-v<N>`` of the remote has been at; None for nothing.
    reason
        Why it is a way back; empty where it is none.
    """

    version: ModelVersion
    release: Release
    production: str
    is_opening: bool
    commit: str
    before: str | None
    reason: str = ""

    @property
    def branch(self) -> str:
        """The short name of its branch."""
        return upstream.promotion_branch(self.version.model, self.version.number)

    @property
    def into(self) -> str:
        """The short name of the branch that is in production."""
        return upstream.production_branch(self.version.model)

    @property
    def updates(self) -> dict[str, Update]:
        """What the remote is asked, by the refs' full names."""
        wanted = {} if self.commit == self.before else {f"{BRANCHES}{self.branch}": Update(self.commit, self.before)}
        if self.is_opening:
            wanted[f"{BRANCHES}{self.into}"] = Update(self.production, None)
        return wanted


class InProduction(GitmlError):
    """The release is what production has."""

    def __init__(self, version: ModelVersion) -> None:
        super().__init__(f"{version} is in production already", "Its tree is production's tree.", ("gitml model list",))
        self.version = version


class Session:
    """One promotion, of which everything is known and judged before anything is sent.

    Parameters
    ----------
    text
        The release, in any of its four ways.
    model
        The model that a bare ``v4`` is of.
    remote
        The git remote; empty for origin, or the only one.
    reason
        Why, where an older release comes back.
    at
        A folder of the repository; None for the current one.

    Raises
    ------
    NoSuchModel
        The remote has no such release.
    InProduction
        It is there already.
    Refused
        A rule or gate says no.
    """

    def __init__(
        self, text: str, model: str = DEFAULT_MODEL, remote: str = "", reason: str = "", at: Path | None = None
    ) -> None:
        if not repository.has_identity(at):
            raise NoIdentity
        self._at = at
        self.remote = upstream.choose(remote, upstream.typed("gitml", "model", "promote", text, model=model), at)
        self.upstream = upstream.look(self.remote, at)
        found = registry.find(text, self.upstream.registry, model)
        self.promotion = prepare(found, self.upstream, reason, at)
        self._options: Sequence[str] = ()
        self.judged, self.gates = judge(self.promotion, self.upstream, at)

    @property
    def is_new(self) -> bool:
        """Whether the remote has not all of it yet."""
        return bool(self.promotion.updates)

    def plan(self) -> Plan:
        """Return what will be done, and is not done yet."""
        steps = []
        if self.is_new:
            steps.append(Step("push", self._says(), self._push))
            steps.append(Step("log", "write down what was done", self._log))
        return Plan("model promote", steps, 0 if steps else None)

    def carry_out(self, options: Sequence[str] = ()) -> Promotion:
        """Push it; `options` are said to the server along with that.

        Raises
        ------
        RemoteMoved
            Production, or the promotion, moved meanwhile; the same command again builds it anew.
        """
        self._options = options
        carry_out(self.plan())
        return self.promotion

    def _says(self) -> str:
        promotion = self.promotion
        opened = f"open {promotion.into} with the empty tree, and " if promotion.is_opening else ""
        verb = "push" if promotion.before is None else "rebuild"
        onto = "" if promotion.is_opening else f" on {promotion.into} at {promotion.production[:7]}"
        return f"{opened}{verb} {promotion.branch} on {self.remote}: the tree of {promotion.version}{onto}"

    def _push(self) -> None:
        push_atomically(self.remote, self.promotion.updates, self._at, self._options)

    def _log(self) -> None:
        moves = [Move(ref, update.old, update.new or "", True) for ref, update in self.promotion.updates.items()]
        oplog.record(sys.argv[1:], moves, forward=(withdrawal(self.promotion, self.remote),), at=self._at)


def withdrawal(promotion: Promotion, remote: str) -> str:
    """Return the command that takes back a promotion that is not merged."""
    return f"git push {remote} --delete {promotion.branch}"


def prepare(found: Release, seen: Upstream, reason: str = "", at: Path | None = None) -> Promotion:
    """Return the promotion of a release onto production as it is; an open one that still fits is kept.

    Only objects are written that nobody knows yet. Where no reason is given, a way back that is open keeps its own.

    Raises
    ------
    InProduction
        Production's tip has its tree.
    """
    version, reason = found.version, _on_one_line(reason)
    tip = seen.registry.production(version.model)
    production = tip if tip is not None else _opening(version.model, seen.config, at)
    tree_of = registry.trees_of([found.commit, production], at)
    if tree_of[found.commit] == tree_of[production]:
        raise InProduction(version)
    before = seen.refs.get(f"{BRANCHES}{upstream.promotion_branch(version.model, version.number)}")
    if before is not None and tip is not None and not reason:
        reason = _reason_of(before, tip, tree_of[found.commit], at)
    if before is not None and is_promotion(before, found, production, reason, at):
        commit = before
    else:
        text = message(found, seen.config, reason)
        commit = commit_tree(tree_of[found.commit], [production], text, at=at)
    return Promotion(version, found, production, tip is None, commit, before, reason)


def _on_one_line(reason: str) -> str:
    return printable(" ".join(reason.split()))


def _reason_of(commit: str, tip: str, tree: str, at: Path | None) -> str:
    """Return why a promotion that is open is a way back; empty where it is none, or is merged."""
    if past.is_merged(commit, tip, at) or all(one.tree != tree for one in registry.deployments(tip, at)):
        return ""
    with Objects(at) as objects:
        read = History(objects, at).commit(commit)
    said = trailers.parse(read.message) if read is not None else ()
    return next((_on_one_line(one.value) for one in said if one.key.lower() == "reason"), "")


def is_promotion(commit: str, found: Release, production: str, reason: str = "", at: Path | None = None) -> bool:
    """Say whether a commit is the promotion of a release onto this tip of production, for this reason if any."""
    with Objects(at) as objects:
        read = History(objects, at).commit(commit)
    if (
        read is None
        or read.parents != (production,)
        or read.tree != registry.trees_of([found.commit], at)[found.commit]
    ):
        return False
    said = {trailer.key.lower(): trailer.value for trailer in trailers.parse(read.message)}
    is_right = said.get("model") == str(found.version) and said.get("model-commit") == found.commit
    return is_right and reason in ("", said.get("reason", ""))


def message(found: Release, config: Config, reason: str = "") -> str:
    """Return the message of a promotion, or of a way back where there is a reason."""
    says = f"roll back to {found.version}" if reason else f"promote {found.version}"
    said = [Trailer("Model", str(found.version)), Trailer("Model-Commit", found.commit)]
    if reason:
        said.append(Trailer("Reason", printable(reason)))
    return f"{likely_prefix('models/', config.prefixes)}: {says}\n\n" + "\n".join(map(str, said)) + "\n"


def judge(
    promotion: Promotion, seen: Upstream, at: Path | None = None
) -> tuple[tuple[Judged, ...], tuple[GateResult, ...]]:
    """Ask all rules and gates for a promotion, as the pull request's check does.

    Returns
    -------
    judged, gates
        What only warns, and what each bound of each gate says.

    Raises
    ------
    Refused
        A rule or gate says no.
    """
    storage = Storage(repository.find(at).root)
    ground = Ground("pull request", seen.refs, seen.known, seen.config, at, seen.law, storage, seen.signers)
    updates = [RefUpdate(ref, update.old, update.new) for ref, update in promotion.updates.items()]
    branch = f"{BRANCHES}{promotion.branch}"
    if all(update.ref != branch for update in updates):
        updates.append(RefUpdate(branch, promotion.before, promotion.commit))
    with Objects(at) as objects:
        judged = tuple(check(updates, ground, objects, History(objects, at)))
        before = list_tree(promotion.production, at)
        results: list[GateResult] = []
        if not _was_there(promotion, at):  # a way back is asked no gate
            in_production = Snapshot(before, objects) if before else None
            files = Snapshot(list_tree(promotion.commit, at), objects)
            results = release.gate_results(files, in_production, seen.config, None)
    if Refusal(judged).is_final:
        raise Refused(f"{promotion.version} does not go to production", judged, results)
    return judged, tuple(results)


def _was_there(promotion: Promotion, at: Path | None) -> bool:
    tree = registry.trees_of([promotion.commit], at)[promotion.commit]
    return any(one.tree == tree for one in registry.deployments(promotion.production, at))


def _opening(model: str, config: Config, at: Path | None) -> str:
    """Write the commit with which a production branch begins; the same for everybody who does it in this second."""
    why = "It begins with no file, so that the first model comes by a pull request, too."
    text = f"{likely_prefix('models/', config.prefixes)}: open {upstream.production_branch(model)}\n\n{why}\n"
    # git knows the empty tree without having it; a repository that it is missing from is called broken by its fsck
    empty = git("hash-object", "-w", "-t", "tree", "--stdin", at=at)
    return commit_tree(empty, [], text, at=at)
