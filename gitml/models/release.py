"""Releasing a model: one commit on top of its experiment, a branch and a tag that never move."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from gitml.conventions import branches, versions
from gitml.conventions.amounts import amount_in_words
from gitml.conventions.commits import likely_prefix
from gitml.conventions.released import TEST_DATA
from gitml.conventions.trailers import Trailer
from gitml.conventions.versions import ModelVersion
from gitml.errors import GitmlError, WrongUsage
from gitml.experiments import desk as desks
from gitml.experiments import rescore
from gitml.git import oplog, repository, trees
from gitml.git.command import git
from gitml.git.history import History
from gitml.git.objects import Objects, list_tree
from gitml.git.oplog import Move
from gitml.git.plan import Plan, Step, carry_out
from gitml.git.push import RemoteMoved, Update, push_atomically
from gitml.git.transaction import NoIdentity, commit_tree, compare_and_swap, value_of
from gitml.models import artifact, model_card, origin, provenance, registry, tagging, upstream
from gitml.models.origin import NothingToRelease, Origin
from gitml.models.refused import Refused
from gitml.models.release_terms import DataIsNowhere, Released, Wish
from gitml.pipeline import metrics
from gitml.pipeline import remote as transfer
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.storage import Storage
from gitml.policy import release
from gitml.policy.check import check
from gitml.policy.facts import Ground
from gitml.policy.origin import has_model_of
from gitml.policy.refs import RefUpdate
from gitml.policy.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gitml.config import Config
    from gitml.models.registry import Release
    from gitml.policy.check import Judged
    from gitml.policy.gates import GateResult

PATIENCE = 64
"""How often the next number is tried, where colleagues release at the same time."""


class Session:
    """One release, of which everything is known and judged before anything is sent.

    Parameters
    ----------
    wish
        What is wanted.
    at
        A folder of the repository; None for the current one.
    note
        Called with lines that a person should know.

    Raises
    ------
    Refused
        A rule or gate says no.
    NothingToRelease, UnreadableMetrics
        It is not clear what is released.
    BrokenEnvironment
        There is no remote, no identity, or nobody to ask.
    """

    def __init__(self, wish: Wish, at: Path | None = None, note: Callable[[str], None] = lambda line: None) -> None:
        if not branches.is_model(wish.model):
            why = "A name is small letters, digits, - and _, and begins and ends with a letter or digit."
            raise WrongUsage(f"{wish.model!r} cannot name a model", why, ("gitml model release --model churn",))
        if not repository.has_identity(at):
            raise NoIdentity
        self.wish = wish
        self._at = at
        self._note = note
        self.gates: tuple[GateResult, ...] = ()
        self.warnings: tuple[Judged, ...] = ()
        self.data = transfer.Plan((), (), ())
        where = repository.find(at)
        self._storage = Storage(where.root)
        self.remote = upstream.choose(wish.remote, wish.typed, at)
        self.upstream = upstream.look(self.remote, at)
        self.origin = self._origin(repository.head(where, at).branch)
        self._known = self._release_of(self.origin.commit)
        numbers = self.upstream.registry.numbers(wish.model)
        number = self._known.version.number if self._known else max(numbers, default=0) + 1
        self.version = ModelVersion(wish.model, number)
        if self._known is not None:
            self._take_known(self._known)
        else:
            self._prepare()

    @property
    def is_new(self) -> bool:
        """Whether the commit was not released before."""
        return self._known is None

    def plan(self) -> Plan:
        """Return what will be done, and is not done yet."""
        steps: list[Step] = []
        branch, tag = self.version.branch, self.version.tag
        commit_point = None
        if self._known is None:
            if self.data.objects:
                where = " and ".join(self.data.remotes)
                steps.append(Step("data", f"push {transfer_amount(self.data)} to {where}", self._push_data))
            steps.append(Step("push", f"push {branch} and the tag {tag} to {self.remote}", self._push))
            commit_point = len(steps) - 1
        if value_of(f"refs/heads/{branch}", self._at) is None:
            steps.append(Step("branch", f"make {branch} here", self._make_branch))
        if value_of(f"refs/tags/{tag}", self._at) is None:
            steps.append(Step("tag", f"make the tag {tag} here", self._make_tag))
        if self._known is None:
            steps.append(Step("log", "write down what was done, for gitml undo", self._log))
        return Plan("model release", steps, commit_point)

    def carry_out(self, on_step: Callable[[Step], None] | None = None) -> Released:
        """Release it.

        Raises
        ------
        RemoteMoved
            Somebody took the number first.
        TransferFailed
            Some data did not arrive, so that nothing was released.
        """
        carry_out(self.plan(), on_step)
        return Released(
            self.version,
            self.commit,
            self._tag,
            self.provenance,
            self.remote,
            self.is_new,
            self.gates,
            self.warnings,
            self.data,
        )

    # What is asked before anything is done.

    def _origin(self, checked_out: str | None) -> Origin:
        version = versions.parse(self.wish.what or "", self.wish.model)
        if version is not None and version in self.upstream.registry.releases:
            return Origin(self.upstream.registry.releases[version].commit, "")
        return origin.find(self.wish.what, checked_out, self.wish.experiment, self._at)

    def _release_of(self, commit: str) -> Release | None:
        """Return the release that was made of a commit, or is at it."""
        of_model = [one for one in self.upstream.registry.releases.values() if one.version.model == self.wish.model]
        parents = registry.first_parents([one.commit for one in of_model], self._at)
        for one in reversed(of_model):
            if commit in (one.commit, parents.get(one.commit)) and one.tag is not None:
                return one
        return None

    def _take_known(self, known: Release) -> None:
        assert known.tag is not None
        self.commit, self._tag = known.commit, known.tag.oid
        with Objects(self._at) as objects:
            content = objects.read_file(known.commit, provenance.FILE, provenance.LARGEST)
        self.provenance = provenance.parse(content or b"")

    def _prepare(self) -> None:
        at, commit = self._at, self.origin.commit
        with Objects(at) as objects:
            files = Snapshot(list_tree(commit, at), objects)
            self.provenance = origin.describe(self.origin, self.version, files, self._storage, at)
            if self.wish.is_repackaged:
                self.provenance = self.provenance._replace(repackaged=self._same_model(files, objects))
            again = self._measured_again(files, objects)
            if again is not None:
                self.provenance = self.provenance._replace(rescored=again)
            own = {
                provenance.FILE: trees.Blob("100644", provenance.render(self.provenance)),
                provenance.CARD: trees.Blob("100644", model_card.render(self.provenance, files)),
            }
            tree = trees.tree_with(commit, own, at)
            self.commit = commit_tree(tree, [commit], self._message(), at=at)
            self._tag = tagging.release_tag(self.version, self.commit, self.provenance, self.upstream.config, at)
            self._judge(objects)
        needs = transfer.objects_of([self.commit], self._storage, at)
        self.data = (
            transfer.plan_push(needs, self._storage, self.wish.data_remote) if needs else transfer.Plan((), (), ())
        )
        if self.data.nowhere:
            names = ", ".join(each.path for each in self.data.nowhere[:3])
            raise DataIsNowhere(str(self.version), names, len(self.data.nowhere))

    def _measured_again(self, files: Snapshot, objects: Objects) -> tuple[ModelVersion, dict[str, float]] | None:
        """Measure production's model on the test data of the new one, where its own were others and a gate compares."""
        there = registry.in_production(self.wish.model, self.upstream.registry, self._at)
        if there is None or all(gate.tolerance is None for gate in self.upstream.config.gates):
            return None
        before = metrics.read(Snapshot(list_tree(there.commit, self._at), objects)).metrics.get(TEST_DATA)
        if before == metrics.read(files).metrics.get(TEST_DATA):
            return None
        self._note(f"measuring {there.version} on the new test data: production's are others")
        try:
            artifact.fetch_missing(there.commit, self._at, self._storage, self.wish.model)
            return there.version, rescore.measure(desks.find(self._at), there.commit, self.origin.commit)
        except GitmlError as error:
            self._note(f"{there.version} could not be measured again: {error.what}")
            return None

    def _same_model(self, files: Snapshot, objects: Objects) -> ModelVersion:
        """Return the newest release that has the model of a commit."""
        for one in reversed(list(self.upstream.registry.releases.values())):
            is_of_it = one.version.model == self.wish.model
            if is_of_it and has_model_of(files, Snapshot(list_tree(one.commit, self._at), objects)):
                return one.version
        raise NothingToRelease(
            f"no release has the model of {self.origin.commit[:10]}",
            "What is repackaged has the dvc.lock of a release, so that its model and its metrics are the same bytes.",
            ("gitml model release   # a new model", "gitml model list"),
        )

    def _judge(self, objects: Objects) -> None:
        seen = self.upstream
        config = seen.config.changed(rules=(*seen.config.rules, ("data-present", "off")))  # it is sent after this
        ground = Ground("pull request", seen.refs, seen.known, config, self._at, seen.law, self._storage, seen.signers)
        updates = [
            RefUpdate(f"refs/heads/{self.version.branch}", None, self.commit),
            RefUpdate(f"refs/tags/{self.version.tag}", None, self._tag),
        ]
        judged = check(updates, ground, objects, History(objects, self._at))
        self.gates = tuple(self._gate_results(config, objects))
        if Refusal(tuple(judged)).is_final:
            raise Refused(f"{self.origin.slug} ({self.origin.commit[:7]}) is not released", judged, self.gates)
        self.warnings = tuple(judged)

    def _gate_results(self, config: Config, objects: Objects) -> list[GateResult]:
        tip = self.upstream.registry.production(self.wish.model)
        before = list_tree(tip, self._at) if tip is not None else []
        in_production = Snapshot(before, objects) if before else None
        main = self.upstream.main_commit
        behind = int(git("rev-list", "--count", main, "--not", self.commit, at=self._at)) if main is not None else None
        return release.gate_results(Snapshot(list_tree(self.commit, self._at), objects), in_production, config, behind)

    def _message(self) -> str:
        names = [gate.metric for gate in self.upstream.config.gates]
        if self.upstream.config.metric is not None:
            names.insert(0, self.upstream.config.metric.name)
        figures = model_card.subject_of(self.provenance.metrics, list(dict.fromkeys(names)))
        old = self.provenance.repackaged
        word = "repackage" if old is not None else "release"
        said = [
            Trailer("Model", str(self.version)),
            Trailer("Experiment", self.origin.slug),
            Trailer("Experiment-Commit", self.origin.commit),
            *([Trailer("Repackages", str(old))] if old is not None else []),
            *([Trailer("Metrics", figures)] if figures else []),
            Trailer("Release-Id", oplog.new_id(time.time())),  # so that two clones never make the same commit
        ]
        prefix = likely_prefix("models/", self.upstream.config.prefixes)
        return f"{prefix}: {word} {self.version} of {self.origin.slug}\n\n" + "\n".join(map(str, said)) + "\n"

    # The steps, in their order.

    def _push_data(self) -> None:
        sent = transfer.push(self.data, self._storage, self.wish.data_remote)
        self.data = self.data._replace(objects=tuple(sent))

    def _push(self) -> None:
        wanted = {
            f"refs/heads/{self.version.branch}": Update(self.commit, None),
            f"refs/tags/{self.version.tag}": Update(self._tag, None),
        }
        push_atomically(self.remote, wanted, self._at)

    def _make_branch(self) -> None:
        compare_and_swap(f"refs/heads/{self.version.branch}", self.commit, None, self._reason, self._at)

    def _make_tag(self) -> None:
        compare_and_swap(f"refs/tags/{self.version.tag}", self._tag, None, self._reason, self._at)

    def _log(self) -> None:
        moves = [
            Move(f"refs/heads/{self.version.branch}", None, self.commit, True),
            Move(f"refs/tags/{self.version.tag}", None, self._tag, True),
        ]
        forward = (f'gitml model yank {self.version} --reason "…"',)
        oplog.record(sys.argv[1:], moves, forward=forward, at=self._at)

    @property
    def _reason(self) -> str:
        return f"gitml model release: {self.version}"


def carry_out_release(
    wish: Wish,
    at: Path | None = None,
    on_step: Callable[[Step], None] | None = None,
    note: Callable[[str], None] = lambda line: None,
) -> Released:
    """Release a model under the next number that nobody has; parameters and errors as for `Session`."""
    for _ in range(PATIENCE):
        session = Session(wish, at, note)
        try:
            return session.carry_out(on_step)
        except RemoteMoved as moved:
            refs = {f"refs/heads/{session.version.branch}", f"refs/tags/{session.version.tag}"}
            if not refs & moved.now.keys():
                raise
            note(f"{session.version} was taken by somebody else just now")
    raise GitmlError(
        "somebody else took every number that was tried",
        "Colleagues, or their machines, release all the time.",
        (wish.typed,),
    )


def transfer_amount(data: transfer.Plan) -> str:
    """Return how much is sent: ``5 files, 2.5 MB``."""
    return amount_in_words(sum(each.files for each in data.objects), [each.size for each in data.objects])
