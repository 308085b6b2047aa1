"""A sweep: many points, one branch with a commit a point, one report with the points ranked.

Each point runs in a slot of the pool. What is done is kept at once under ``refs/gitml/sweep/<name>/<inputs>``, so that
the same command goes on after a kill, a failure or Ctrl-C; the branch is moved once, when all is done. It gets the
points in the order of the grid, one on the other, and a last commit with the tree of the best one and the report.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gitml.experiments import apart, chain, commit, elsewhere, landing, points, reporting, run_terms, snapshot, tried
from gitml.experiments import desk as desks
from gitml.experiments.claim import claim
from gitml.experiments.commit import Produced
from gitml.experiments.desk import FOLDER
from gitml.experiments.executors import local
from gitml.experiments.executors.local import Ended, Job
from gitml.experiments.ranking import Point, Ranked, Spread, label, rank, spread
from gitml.experiments.setting import Chooser, Meant
from gitml.experiments.store import read_commits
from gitml.experiments.sweep_terms import AllFailed, Audience, Failed, Finished, OtherCode, Request
from gitml.git import branch_move, oplog, plan, repository
from gitml.git.oplog import Move
from gitml.git.plan import Plan, Step
from gitml.git.transaction import value_of
from gitml.pipeline.repro import RunFailed, last_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gitml.experiments.progress import State
    from gitml.experiments.setting import Sets
    from gitml.experiments.snapshot import Start

LOGS = "sweeps"


class One(NamedTuple):
    """A point before it is run."""

    meant: Meant
    name: str


class Session:
    """One sweep, step by step.

    Parameters
    ----------
    request
        What is asked for.
    at
        A folder of the working tree; None for the current one.
    audience
        Who is told how far it is.
    is_dry_run
        Whether only the plan is wanted: what a killed run left is then not put in order first.
    """

    def __init__(self, request: Request, audience: Audience, at: Path | None = None, is_dry_run: bool = False) -> None:
        self.request = request
        self.desk = landing.arrive(at, is_dry_run)
        desks.check_ready(self.desk, at, is_elsewhere=True)
        self.slug = self._slug()
        self.ref = f"refs/heads/{FOLDER}{self.slug}"
        self._audience = audience
        self._is_here = self.desk.slug == self.slug
        self._stack = ExitStack()
        self._start: Start | None = None
        self._ones: list[One] | None = None
        self._chooser: Chooser | None = None
        self._block = chain.Block(self.desk.commit, None, {})
        self._old: str | None = None
        self._kept: dict[str, str] = {}
        self._reused = 0
        self._ran = 0
        self._failed: dict[int, Failed] = {}
        self._ranked: Ranked | None = None
        self._best: Point | None = None
        self._tip: str | None = None
        self._missing: tuple[str, ...] = ()
        self._followed = branch_move.Followed()
        self._written: dict[str, bytes] = {}

    @property
    def branch(self) -> str:
        """The short name of the branch that gets the commits."""
        return FOLDER + self.slug

    @property
    def at_once(self) -> int:
        """How many points run at a time."""
        return self.request.at_once or points.at_once(self.ones()[0].meant.known)

    def plan(self) -> Plan:
        """Return what will be done."""
        count = len(self.ones())
        what = f"{count} points, {self.at_once} at a time" if count > 1 else "one point"
        steps = [
            Step("points", f"keep your files as they are now, and ask the rules about {what}", self._ask),
            Step("run", "dvc repro of each, in working trees of their own; done ones are kept", self._run),
            Step("rank", "rank what they gave", self._rank),
            Step("store", f"write {reporting.path(self.slug)}, and make a commit a point", self._store),
            Step("commit", f"commit on {self.branch}", self._swap),
            Step("follow", f"let files that nobody edited follow, where {self.branch} is checked out", self._follow),
            Step("log", "write down what was done, for gitml undo", self._log),
            Step("forget", "forget what was kept on the way", self._forget),
        ]
        return Plan("exp sweep", steps, 4)

    def ones(self) -> list[One]:
        """Return the points in their order, each with its parameters; of two that mean the same the first.

        Raises
        ------
        WrongParameter, WrongSweep
            A name or a value means nothing.
        """
        if self._ones is None:
            self._start = apart.take(self.desk, self.slug, self.request.include)
            self._chooser = self._stack.enter_context(Chooser(self.desk, self._start.tree))
            meant: dict[str, Meant] = {}
            for sets in self._sets(self._chooser):
                one = self._chooser.choose(sets)
                meant.setdefault(str(one.inputs), one)
            self._ones = [One(one, label(self._values(one))) for one in meant.values()]
        return self._ones

    def carry_out(self, on_step: Callable[[Step], None] | None = None) -> Finished:
        """Run all points, and return what came of it.

        Raises
        ------
        NameIsClaimed
            The same sweep is under way.
        AllFailed
            No point has a result.
        RulesSayNo
            What would be committed breaks a rule; nothing was run.
        KeyboardInterrupt
            Ctrl-C; what was done is kept, and the same command goes on.
        """
        with self._stack, claim(self.desk, self.slug):
            branch_move.finish(self.desk.root)
            plan.carry_out(self.plan(), on_step)
        return self._finished()

    def close(self) -> None:
        """Let go of what is held open for a sweep that is not carried out."""
        self._stack.close()

    def _slug(self) -> str:
        if self.request.slug is None:
            if self.desk.slug is None:
                raise run_terms.NotOnAnExperiment(self.desk.branch)
            return self.desk.slug
        return desks.checked_slug(self.request.slug)

    def _sets(self, chooser: Chooser) -> list[Sets]:
        request = self.request
        if request.seeds is not None:
            sets = tuple((name, values[0]) for name, values in request.axes)
            return points.replicates(sets, chooser.choose(sets).known, request.seed_param, request.seeds)
        grid = points.grid(request.axes)
        return grid if request.sample is None else points.sample(grid, request.sample, request.sample_seed)

    def _values(self, meant: Meant) -> dict[str, object]:
        """Return the parameters that the sweep goes through, with a point's values."""
        many = {name for name, values in self.request.axes if len(values) > 1} or {self.request.seed_param}
        found = {name: value.value for values in meant.values.values() for name, value in values.items()}
        ends = {
            name: value
            for name, value in found.items()
            if any(name == one.rpartition(":")[2] or name.endswith(f".{one.rpartition(':')[2]}") for one in many)
        }
        return ends or found

    # The steps, in their order.

    def _ask(self) -> None:
        ones = self.ones()
        assert self._start is not None
        self._old = value_of(self.ref, self.desk.root)
        if self._old is not None:
            self._block = chain.read(self._old, self.desk.root)
            is_same = self._block.code == ones[0].meant.inputs.code
            if not self._is_here and self._block.closing is None:
                raise run_terms.NameIsTaken(self.slug)
            if not self._is_here and not is_same:
                raise OtherCode(self.slug)
            if not is_same:
                self._block = chain.Block(self._old, None, {})
        snapshot.ask_the_rules(self.desk, self.branch, self._start, self._audience.note)
        self._kept = chain.kept(self.slug, self.desk.root)

    def _run(self) -> None:
        self._audience.begin(len(self.ones()), self.at_once)
        logs = self.desk.repository.common_dir / repository.OWN_FOLDER / LOGS / self.slug
        repository.make_folder(logs)
        names = [one.name for one in self.ones()]

        def show(job: Job, state: State) -> None:
            self._audience.show(job.place, names[job.place], state)

        local.run(self.desk, self.slug, self._jobs(logs), self.at_once, show, self._take)

    def _jobs(self, logs: Path) -> Iterator[Job]:
        """Yield what is to be run; what was run before is taken from there."""
        assert self._chooser is not None
        before = {} if self.request.is_forced else tried.recorded(self.desk.root)
        for place, one in enumerate(self.ones()):
            inputs = str(one.meant.inputs)
            if inputs in self._block.points:
                self._reuse(place, one, "is there already")
                continue
            tree = self._chooser.tree(one.meant)
            found = self._kept.get(inputs) or before.get(inputs)
            if found is not None:
                tree = elsewhere.with_results(self.desk, tree, found, one.meant.layout.written)
                source = "" if inputs in self._kept else found
                if source or not chain.is_point(found, tree, self._block.base, self.desk.root):
                    self._keep(one, Produced(tree, one.meant.layout, one.meant.inputs, ()), source)
                self._reuse(place, one, f"has the results of {source[:7]}" if source else "is there already")
                continue
            yield Job(place, tree, logs / f"{inputs}.log")

    def _reuse(self, place: int, one: One, words: str) -> None:
        self._reused += 1
        self._audience.end(place, one.name, words, True)

    def _take(self, ended: Ended) -> None:
        one = self.ones()[ended.job.place]
        if ended.done is not None:
            self._ran += 1
            told = self._keep(one, ended.done.produced)
            self._audience.end(ended.job.place, one.name, told, True)
            return
        assert ended.error is not None
        line = ended.error.what
        if isinstance(ended.error, RunFailed):
            line = next(iter(last_words(ended.job.log)), line)
        self._failed[ended.job.place] = Failed(one.name, line, ended.job.log)
        self._audience.end(ended.job.place, one.name, line, False)

    def _keep(self, one: One, produced: Produced, source: str = "") -> str:
        """Keep a point's commit, and return its figure in words."""
        differences = commit.compare(self.desk, self._block.base, produced)
        inputs = str(produced.inputs)
        made = chain.make_point(self.desk, self._block.base, produced, differences, one.name, source)
        self._kept[inputs] = chain.keep(self.slug, inputs, made, self._kept.get(inputs), self.desk.root)
        metric = self.desk.config.metric.name if self.desk.config.metric is not None else ""
        shown = next((f for f in differences.metrics if f.name == metric), next(iter(differences.metrics), None))
        return f"{shown.name} {shown.new:.4f}" if shown is not None else ""

    def _rank(self) -> None:
        asked = [str(one.meant.inputs) for one in self.ones()]
        commits = {**self._block.points, **{inputs: self._kept[inputs] for inputs in asked if inputs in self._kept}}
        # Of several seeds only those count that are asked for: others may have other parameters beside.
        others = self._block.points if self.request.seeds is None else {}
        order = dict.fromkeys([*(inputs for inputs in asked if inputs in commits), *others])
        failed = tuple(self._failed[place] for place in sorted(self._failed))
        if not order:
            raise AllFailed(self.slug, failed)
        names = list(self._values(self.ones()[0].meant))
        entries = read_commits([commits[inputs] for inputs in order], at=self.desk.root)
        self._ranked = rank(entries, names, self.desk.config)
        if self.request.seeds is not None:
            first = commits[next(iter(order))]
            self._best = next(point for point in self._ranked.points if point.commit == first)
        else:
            self._best = self._ranked.points[0]

    def _store(self) -> None:
        assert self._ranked is not None and self._best is not None and self._start is not None
        asked = [str(one.meant.inputs) for one in self.ones()]
        fresh = [self._kept[inputs] for inputs in asked if inputs in self._kept and inputs not in self._block.points]
        if not fresh and self._block.closing is not None:
            self._missing = reporting.missing(self.desk.root, self._block.closing, self.slug)
            return
        linked = chain.link(fresh, self._old or self._block.base, self.desk.root)
        now = {old: new for old, new in zip(fresh, linked, strict=True)}
        ranked = self._ranked._replace(
            points=tuple(one._replace(commit=now.get(one.commit, one.commit)) for one in self._ranked.points)
        )
        best = self._best._replace(commit=now.get(self._best.commit, self._best.commit))
        closing = chain.Closing(
            self.slug,
            ranked,
            best,
            [(one.label, one.line) for one in self._failed.values()],
            self._spread(ranked),
            self.request.hypothesis,
            self._start.tree if self._is_here else self._old,
        )
        made = chain.close(self.desk, closing, self._block.base, linked[-1] if linked else self._old or "")
        self._ranked, self._best, self._tip = ranked, best, made.commit
        self._missing, self._written = made.written.missing, made.written.files

    def _spread(self, ranked: Ranked) -> tuple[Spread, ...]:
        return spread(ranked.points) if self.request.seeds is not None else ()

    def _swap(self) -> None:
        assert self._start is not None
        if self._tip is not None:
            reason = f"gitml exp sweep: {self.slug}"
            branch_move.move(self.ref, self._tip, self._old, self._start.tree, reason, self.desk.root)

    def _follow(self) -> None:
        self._followed = branch_move.finish(self.desk.root)
        report = reporting.path(self.slug)
        if report in self._followed.edited and report in self._written:
            apart.carry_over(self.desk.root / report, self._written[report])
            edited = tuple(path for path in self._followed.edited if path != report)
            self._followed = self._followed._replace(edited=edited)

    def _forget(self) -> None:
        chain.forget(self.slug, self.desk.root)

    def _log(self) -> None:
        if self._tip is not None:
            oplog.record(sys.argv[1:], [Move(self.ref, self._old, self._tip)], at=self.desk.root)
        elif self._kept and self._block.closing is not None:  # killed between the commit and this
            closing = self._block.closing
            if not any(move.new == closing for one in oplog.read(self.desk.root) for move in one.moves):
                old = value_of(f"{self.ref}@{{1}}", self.desk.root)
                oplog.record(sys.argv[1:], [Move(self.ref, old, closing)], at=self.desk.root)

    def _finished(self) -> Finished:
        assert self._ranked is not None and self._best is not None
        return Finished(
            self.slug,
            self._tip,
            self._ranked,
            tuple(self._failed[place] for place in sorted(self._failed)),
            self._best,
            self._spread(self._ranked),
            self._ran,
            self._reused,
            self._followed.edited,
            self._followed.staged,
            reporting.path(self.slug),
            self._missing,
        )


def last_words(log: Path) -> list[str]:
    """Return the last line that a stage wrote, where DVC's own closing lines are left out."""
    own = ("ERROR: failed to reproduce", "> ", "Running stage '")
    lines = [line for line in last_lines(log) if not line.startswith(own)]
    return lines[-1:]
