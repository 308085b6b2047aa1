"""Several experiments on one new branch: code and parameters merged, results made by running them together."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gitml.errors import GitmlError, WrongUsage
from gitml.experiments import commit, elsewhere, landing, merging, naming, reporting, snapshot, store, tried
from gitml.experiments import desk as desks
from gitml.experiments.commit import Made, Produced
from gitml.experiments.desk import FOLDER
from gitml.experiments.merging import Part, Together
from gitml.experiments.progress import State
from gitml.experiments.run_terms import Finished, NameIsTaken, told_metric
from gitml.experiments.setting import Sets
from gitml.experiments.update import TreeIsChanged
from gitml.git import follow, oplog, plan, trees
from gitml.git.command import git
from gitml.git.oplog import Move
from gitml.git.plan import Plan, Step
from gitml.git.transaction import compare_and_swap, value_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitml.experiments.desk import Desk
    from gitml.pipeline.repro import Outcome


class Request(NamedTuple):
    """What somebody asks for.

    Attributes
    ----------
    names
        The experiments, two at least; a model or any revision will do.
    slug
        The new experiment.
    sets
        Parameters that get a value whatever they say.
    hypothesis
        What is expected of them together; may be empty.
    is_switch
        Whether the new branch is checked out.
    """

    names: tuple[str, ...]
    slug: str
    sets: Sets = ()
    hypothesis: str = ""
    is_switch: bool = False


class NothingToCombine(GitmlError):
    """One of them has all that another one has."""

    def __init__(self, inner: Part, outer: Part) -> None:
        super().__init__(
            f"{outer.name} has all of {inner.name} already",
            "What they come to together is what is there.",
            (f"gitml exp show {outer.slug or outer.name}",),
        )


class Session:
    """One combination, step by step.

    Parameters
    ----------
    request
        What is asked for.
    at
        A folder of the working tree, which stays as it is; None for the current one.
    tell
        Called with the state about ten times a second while the pipeline runs.
    note
        Called with lines that a person should know before the run.
    is_dry_run
        Whether only the plan is wanted: what a killed run left is then not put in order first.
    """

    def __init__(
        self,
        request: Request,
        at: Path | None = None,
        tell: Callable[[State], None] = lambda state: None,
        note: Callable[[str], None] = lambda line: None,
        is_dry_run: bool = False,
    ) -> None:
        if len(request.names) < 2:
            raise WrongUsage(
                "there is nothing to combine", "Name two experiments at least.", ("gitml exp combine A B -n NAME",)
            )
        self.request = request
        self.slug = desks.checked_slug(request.slug)
        here = landing.arrive(at, is_dry_run)
        desks.check_can_commit(at)
        if request.is_switch and follow.is_changed(here.root):
            raise TreeIsChanged
        self._here = here
        self.parts = _parts(request.names, here)
        self.ref = f"refs/heads/{FOLDER}{self.slug}"
        # As if the first were checked out: the report compares with it, and goes on from it.
        self.desk = here._replace(branch=self.parts[0].name, commit=self.parts[0].commit)
        self._tell = tell
        self._note = note
        self._together: Together | None = None
        self._produced: Produced | None = None
        self._outcome: Outcome | None = None
        self._made: Made | None = None
        self.commit = self._finished_before()

    def plan(self) -> Plan:
        """Return what will be done; where a killed command made the branch already, what is left."""
        follow_ups = [
            *([Step("switch", f"be on {FOLDER}{self.slug}", self._switch)] if self.request.is_switch else []),
            Step("log", "write down what was done, for gitml undo", self._log),
        ]
        if self.commit:
            return Plan("exp combine", follow_ups)
        names = " and ".join(part.name for part in self.parts)
        changes = [str(one) for one in merging.differences_of(self.desk, self.desk.commit, self.together().tree).params]
        told = f" ({'; '.join(changes)})" if changes else ""
        steps = [
            Step("merge", f"merge {names}{told}", self._merge),
            Step("run", "run what is stale by dvc repro, in a working tree of its own", self._run),
            Step("store", f"write the results into {reporting.path(self.slug)}, and make the commit", self._store),
            Step("commit", f"begin {FOLDER}{self.slug} there, with all of them as parents", self._swap),
            *follow_ups,
        ]
        return Plan("exp combine", steps, 3)

    def together(self) -> Together:
        """Return the merged tree, with a report that says what it is made of.

        Raises
        ------
        CodeConflicts, ParamConflicts
            They do not agree.
        """
        if self._together is None:
            command = " ".join(["gitml exp combine", *self.request.names, "-n", self.slug])
            found = merging.bring_together(self.desk, self.parts, self.request.sets, command)
            told = " and ".join(part.name for part in self.parts)
            report = reporting.begin(
                self.desk, self.slug, told, f"See what {told} come to together.", self.request.hypothesis
            )
            files: dict[str, trees.Change] = {reporting.path(self.slug): trees.Blob("100644", report)}
            self._together = found._replace(tree=trees.tree_with(found.tree, files, self.desk.root))
        return self._together

    def carry_out(self, on_step: Callable[[Step], None] | None = None) -> Finished:
        """Combine, and return what came of it.

        Raises
        ------
        RunFailed
            A stage failed; nothing was changed.
        RefMoved
            Somebody made a branch of this name meanwhile.
        """
        plan.carry_out(self.plan(), on_step)
        told = merging.differences_of(self.desk, self.desk.commit, self.commit)
        return Finished(
            self.slug,
            self.commit,
            True,
            told.params,
            told.metrics,
            self._outcome or merging.without_a_run(self._here),
            report=reporting.path(self.slug),
            missing=reporting.missing(self.desk.root, self.commit, self.slug),
        )

    def _finished_before(self) -> str:
        """Return the commit that the same command made before it was killed; empty for none.

        Raises
        ------
        NameIsTaken
            There is an experiment of this name, and it is another one.
        """
        there = value_of(self.ref, self.desk.root)
        if there is None:
            return ""
        parents = git("rev-list", "--max-count=1", "--parents", there, at=self.desk.root).split()[1:]
        if parents == [part.commit for part in self.parts]:
            sums = merging.sums_of(self.desk, self.together().tree)
            if f"\nInputs: {sums}" in git("log", "-1", "--format=%B", there, at=self.desk.root):
                return there
        raise NameIsTaken(self.slug)

    # The steps, in their order.

    def _merge(self) -> None:
        tree = self.together().tree
        refused = [one for one in snapshot.judge(self.desk, f"{FOLDER}{self.slug}", tree) if one.severity == "error"]
        if refused:
            raise snapshot.RulesSayNo(refused)
        sums = merging.sums_of(self.desk, tree)
        found = tried.same_sums(sums, self.desk.root) if sums else None
        if found is not None:
            self._note(f"the same was run before: {found.name}, {told_metric(found, self.desk.config)}")

    def _run(self) -> None:
        done = elsewhere.produce(self.desk, self.slug, self.together().tree, self._tell)
        self._produced, self._outcome = done

    def _store(self) -> None:
        assert self._produced is not None
        names = [part.slug or part.name for part in self.parts]
        self._made = commit.make(
            self.desk,
            self.slug,
            [part.commit for part in self.parts],
            self._produced,
            self.request.hypothesis,
            subject=f"combine {', '.join(names[:-1])} and {names[-1]}",
            beside=self.parts[1:],
        )

    def _swap(self) -> None:
        assert self._made is not None
        compare_and_swap(self.ref, self._made.commit, None, f"gitml exp combine: {self.slug}", self.desk.root)
        self.commit = self._made.commit

    def _switch(self) -> None:
        git("switch", "--quiet", "--no-guess", operands=[f"{FOLDER}{self.slug}"], at=self.desk.root)

    def _log(self) -> None:
        move = Move(self.ref, None, self.commit)
        if not any(move in one.moves for one in oplog.read(self.desk.root)):
            here = self._here
            before = f"refs/heads/{here.branch}" if here.branch else here.commit
            head = (before, self.ref) if self.request.is_switch and before != self.ref else None
            oplog.record(sys.argv[1:], [move], head, at=self.desk.root)


def _parts(names: Sequence[str], desk: Desk) -> tuple[Part, ...]:
    """Return what somebody means by the names, none of which is within another."""
    there = store.read(desk.root)
    parts = []
    for name in names:
        entry = naming.find(name, there, desk.root)
        full = entry.ref.full if entry.ref.full.startswith("refs/") else name
        short = full.removeprefix("refs/heads/").removeprefix("refs/remotes/")
        if entry.kind in ("experiment", "finished") and entry.ref.slug:
            short = f"{FOLDER}{entry.ref.slug}"
        parts.append(Part(short, entry.record.commit))
    for part in parts:
        for other in parts:
            if part is not other and merging.is_within(desk, part.commit, other.commit):
                raise NothingToCombine(part, other)
    return tuple(parts)
