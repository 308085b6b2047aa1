"""One run in place: the working tree is kept, the pipeline is run, and one commit holds both."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path

from gitml.experiments import commit, landing, pairing, reporting, snapshot, tried
from gitml.experiments import desk as desks
from gitml.experiments.before import Before, Landing, checked_out
from gitml.experiments.claim import claim
from gitml.experiments.commit import Differences, Made, Produced
from gitml.experiments.desk import FOLDER
from gitml.experiments.drawing_ahead import DrawingAhead
from gitml.experiments.progress import State, Watch
from gitml.experiments.run_terms import (
    AlreadyTried,
    Finished,
    NameIsTaken,
    NothingNew,
    NotOnAnExperiment,
    Request,
    SomethingElseIsCheckedOut,
    told_metric,
)
from gitml.experiments.setting import Chosen, choose
from gitml.git import plan, trees
from gitml.git.command import git
from gitml.git.files import replace_file
from gitml.git.index import differences
from gitml.git.plan import Plan, Step
from gitml.git.repository import CannotWrite
from gitml.git.transaction import RefMoved, compare_and_swap, value_of
from gitml.pipeline import param_files
from gitml.pipeline.ignore import is_inside
from gitml.pipeline.repro import Outcome, RunFailed, check_out, last_lines, repro
from gitml.pipeline.waiting import WaitingDvc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitml.experiments.snapshot import Start
    from gitml.pipeline.repro import StageEvent

LOG = "run.log"


class Session:
    """One run, step by step; the steps are a plan, so that they can be printed, killed and done again.

    Parameters
    ----------
    request
        What is asked for.
    at
        A folder of the working tree; None for the current one.
    tell
        Called with the state about ten times a second while the pipeline runs.
    note
        Called with lines that a person should know before the run.
    is_dry_run
        Whether only the plan is wanted: what a killed run left is then not put in order first.
    """

    is_elsewhere = False
    """Whether the pipeline runs in another working tree than the user's."""

    def __init__(
        self,
        request: Request,
        at: Path | None = None,
        tell: Callable[[State], None] = lambda state: None,
        note: Callable[[str], None] = lambda line: None,
        is_dry_run: bool = False,
    ) -> None:
        self.request = request
        self.desk = landing.arrive(at, is_dry_run)
        if not self.is_elsewhere:
            landing.check_alone(self.desk)
        desks.check_ready(self.desk, at, self.is_elsewhere)
        self.slug = self._slug()
        self.is_new = self.desk.slug != self.slug
        self._tell = tell
        self._note = note
        self._chosen: Chosen | None = None
        self._head = self.desk.head
        self._before = Before(self.desk.root, self.desk.own_folder)
        self._dvc: WaitingDvc | None = None
        self._ran: tuple[str, ...] = ()
        self._start: Start | None = None
        self._outcome: Outcome | None = None
        self._produced: Produced | None = None
        self._differences: Differences | None = None
        self._made: Made | None = None
        self._kept_staged: tuple[str, ...] = ()
        self._edited: tuple[str, ...] = ()
        self._missing: tuple[str, ...] = ()

    @property
    def branch(self) -> str:
        """The short name of the branch that gets the commit."""
        return FOLDER + self.slug

    @property
    def commit(self) -> str:
        """Full id of the run's commit; empty before there is one, and where nothing was new."""
        return self._made.commit if self._made is not None else ""

    @property
    def ref(self) -> str:
        """Its full name."""
        return f"refs/heads/{self.branch}"

    def plan(self) -> Plan:
        """Return what will be done."""
        on = f"on a new branch {self.branch}" if self.is_new else f"on {self.branch}"
        told = [f"set {change}" for change in self.chosen().changes] if self.request.sets else []
        steps = [
            *([Step("set", "; ".join(told), self._set)] if told else []),
            Step("snapshot", "keep your files as they are now, and ask the rules", self._snapshot),
            Step("run", "dvc repro", self._run),
            Step("collect", "take what the stages wrote", self._collect),
            Step("store", f"write the results into {reporting.path(self.slug)}, and make the commit", self._store),
            Step("commit", f"commit {on}", self._swap),
            Step("switch", f"be on {self.branch}", self._switch),
            Step("refresh", "let git's index follow", self._refresh),
            Step("log", "write down what was done, for gitml undo", self._log),
        ]
        commit_point = next(place for place, step in enumerate(steps) if step.name == "commit")
        return Plan("exp run", steps, commit_point)

    def chosen(self) -> Chosen:
        """Return the parameters that will be set.

        Raises
        ------
        WrongParameter
            A name means none, or several, or one that no stage depends on.
        """
        if self._chosen is None:
            self._chosen = choose(self.desk, trees.snapshot(self.desk.root), self.request.sets)
        return self._chosen

    def carry_out(self, on_step: Callable[[Step], None] | None = None) -> Finished:
        """Run, and return what came of it.

        Raises
        ------
        AnotherRun
            A run is under way in this working tree.
        RunFailed
            A stage failed; its outs, dvc.lock and the parameters are as they were.
        RulesSayNo
            What would be committed breaks a rule; nothing was run.
        """
        with self._alone():
            try:
                self._check_head(self.desk.commit)
                self._before.begin(self._head, self.desk.project)
                self._dvc = self._waiting_dvc()
                plan.carry_out(self.plan(), on_step)
            except plan.FollowUpFailed:
                raise  # what is left is done by the next command
            except NothingNew:
                self._made = None
            except OSError as error:
                self._give_up()
                if isinstance(error, BrokenPipeError):  # of the terminal: whoever read it is gone
                    raise
                raise CannotWrite(Path(error.filename or self.desk.root), error.strerror or str(error)) from None
            except BaseException:
                self._give_up()
                raise
            finally:
                if self._dvc is not None:
                    self._dvc.give_up()
            self._before.forget()
        return self._finished()

    def _waiting_dvc(self) -> WaitingDvc | None:
        """Start DVC's imports beside the steps before the run; one that runs elsewhere has no folder for it yet."""
        return None if self.is_elsewhere else WaitingDvc(self.desk.project_folder)

    def _give_up(self) -> None:
        """Put parameters and results back, unless the branch has the commit already."""
        if self._made is not None and value_of(self.ref, self.desk.root) == self.commit:
            return
        left = self._before.put_back()
        if left:
            self._note(f"not put back, because it was edited meanwhile: {', '.join(left)}")
        self._before.forget()
        if self._ran and checked_out(self.desk.root) == self._head:
            check_out(self.desk.project_folder, self._ran)

    def _check_head(self, commit: str) -> None:
        now = checked_out(self.desk.root)
        if now != self._head:
            raise SomethingElseIsCheckedOut(self._head, now)
        moved = git("rev-parse", "HEAD", at=self.desk.root)
        if moved != commit:
            raise RefMoved(self._head, commit, moved)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with landing.alone(self.desk) as self._lock, self._name_to_itself():
            yield

    @contextmanager
    def _name_to_itself(self) -> Iterator[None]:
        """Keep other working trees from training for hours for a name that only one of them gets."""
        if not self.is_new:
            yield
            return
        with claim(self.desk, self.slug):
            if value_of(self.ref, self.desk.root) is not None:
                raise NameIsTaken(self.slug)
            yield

    def _slug(self) -> str:
        asked = self.request.slug
        if asked is None:
            if self.desk.slug is None:
                raise NotOnAnExperiment(self.desk.branch)
            return self.desk.slug
        slug = desks.checked_slug(asked)
        if slug != self.desk.slug and value_of(f"refs/heads/{FOLDER}{slug}", self.desk.root) is not None:
            raise NameIsTaken(slug)
        return slug

    # The steps, in their order.

    def _set(self) -> None:
        for file, values in self.chosen().values.items():
            path = self.desk.root / file
            old = path.read_bytes()
            new = param_files.apply(file, old, values, param_files.anybody)
            self._before.keep_params(file, old, new)
            replace_file(path, new, self.desk.shelf)

    def _take(self) -> Start:
        return snapshot.take(self.desk, self.slug, self.request.include)

    def _snapshot(self) -> None:
        start = self._take()
        snapshot.ask_the_rules(self.desk, self.branch, start, self._note)
        self._start = start
        self._look_for_the_same(start)

    def _look_for_the_same(self, start: Start) -> None:
        """See whether somebody tried this already; a run that is nearly the same is worth a line."""
        if self.request.is_forced:
            return
        found = tried.same(start.inputs, self.desk.root)
        if found is not None and (self.is_new or found.commit != self.desk.commit):
            raise AlreadyTried(found, self.desk.config)
        if found is not None:
            return
        used = {one.name for one in start.known if one.is_used}
        near = tried.near(start.inputs, {one.name: one.value for one in start.known}, used, self.desk.root)
        if near is not None:
            self._note(f"nearly the same: {near.name} ({near.commit[:7]}), {told_metric(near, self.desk.config)}")

    def _run(self) -> None:
        assert self._start is not None
        found = self._start.layout
        folders = dict.fromkeys(
            folder
            for out in (*found.kept, *found.cached)
            for folder in (self.desk.root / out, (self.desk.root / out).parent)
        )
        watch = Watch(self.slug, self.desk.own_folder, found.stages, tuple(folders), self._tell)
        log = self.desk.own_folder / LOG
        log.unlink(missing_ok=True)
        self._before.keep_results((*found.kept, *found.locks), LOG)
        has_warmed_up = False
        ahead = DrawingAhead(
            self.desk.root, [posixpath.join(posixpath.dirname(one), "dvc.yaml") for one in found.locks]
        )

        def see(events: Sequence[StageEvent]) -> None:
            nonlocal has_warmed_up
            # Not before a stage has work: where nothing is new, nothing is compared, and DVC needs the processor.
            if not has_warmed_up and any(event.does != "unchanged" for event in events):
                has_warmed_up = True
                pairing.warm_up()
            if has_warmed_up:
                ahead.look()
            watch.see(events)

        try:
            outcome = repro(
                self.desk.project_folder,
                log,
                see,
                (self._lock.descriptor,),
                is_all=found.has_other_folders,
                has_run_cache=not found.uncovered,
                waiting=self._dvc,
            )
        finally:
            watch.end()
            self._ran = tuple(dict.fromkeys(stage for stage, does in watch.state.events if does != "unchanged"))
        if not outcome.is_done:
            raise RunFailed(outcome, last_lines(log))
        self._outcome = outcome

    def _collect(self) -> None:
        assert self._start is not None
        self._check_head(self.desk.commit)
        tree = trees.tree_with_files(self._start.tree, self.desk.root, self._start.layout.written)
        self._produced = Produced(tree, self._start.layout, self._start.inputs)
        if not self.is_new and tree == git("rev-parse", f"{self.desk.commit}^{{tree}}", at=self.desk.root):
            self._differences = commit.compare(self.desk, self.desk.commit, self._produced)
            self._missing = reporting.missing(self.desk.root, tree, self.slug)
            raise NothingNew
        self._edited = self._edited_since(tree)
        self._differences = commit.compare(self.desk, self.desk.commit, self._produced)

    def _edited_since(self, tree: str) -> tuple[str, ...]:
        """Return what was edited while the pipeline ran, besides what it wrote itself."""
        assert self._start is not None
        there = [path for path in self._start.untracked.taken if (self.desk.root / path).is_file()]
        try:
            now = trees.snapshot(self.desk.root, there)
        except trees.MergeIsOpen as error:
            return error.paths
        written = (*self._start.layout.written, reporting.path(self.slug))
        changed = [one.path for one in differences(tree, now, self.desk.root)]
        return tuple(path for path in changed if not any(is_inside(path, one) for one in written))

    def _store(self) -> None:
        assert self._produced is not None
        self._made = commit.make(
            self.desk, self.slug, [self.desk.commit], self._produced, self.request.hypothesis, self._differences
        )
        self._missing = self._made.written.missing

    def _landing(self) -> Landing:
        assert self._made is not None
        old = None if self.is_new else self.desk.commit
        files = tuple(self._made.written.files)
        started = self._start.tree if self._start is not None else ""
        return Landing("exp run", self.slug, self.ref, old, self.commit, self.desk.commit, self._head, files, started)

    def _swap(self) -> None:
        made = self._landing()
        self._before.keep_landing(made)
        compare_and_swap(self.ref, self.commit, made.old, f"gitml exp run: {self.slug}", self.desk.root)

    def _switch(self) -> None:
        landing.switch(self._landing(), self.desk.root)

    def _refresh(self) -> None:
        self._kept_staged = landing.refresh(self._landing(), self.desk.root)

    def _log(self) -> None:
        landing.log(self._landing(), self.desk.root)

    def _finished(self) -> Finished:
        assert self._outcome is not None and self._differences is not None
        return Finished(
            self.slug,
            self.commit or None,
            self.is_new,
            self._differences.params,
            self._differences.metrics,
            self._outcome,
            self._edited,
            self._kept_staged,
            reporting.path(self.slug),
            self._missing,
            self._made.written.comparisons if self._made is not None else (),
        )
