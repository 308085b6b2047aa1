"""Bringing main into the experiment that is checked out: merged, run elsewhere, and one commit with two parents."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gitml.errors import GitmlError
from gitml.experiments import commit, elsewhere, landing, merging, reporting
from gitml.experiments import desk as desks
from gitml.experiments.commit import Made, Produced
from gitml.experiments.desk import FOLDER
from gitml.experiments.merging import Part, Together
from gitml.experiments.message import Change
from gitml.experiments.progress import State
from gitml.experiments.run import LOG
from gitml.experiments.run_terms import Finished, NotOnAnExperiment
from gitml.experiments.setting import Sets
from gitml.git import follow, oplog, plan
from gitml.git.follow import Pending
from gitml.git.index import differences
from gitml.git.oplog import Move
from gitml.git.plan import Plan, Step
from gitml.git.refs import NoSuchRevision, resolve
from gitml.git.transaction import compare_and_swap, value_of
from gitml.pipeline.checkout import checkout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitml.pipeline.repro import Outcome

CHECKOUT_LOG = "checkout.log"


class Request(NamedTuple):
    """What somebody asks for.

    Attributes
    ----------
    base
        What is brought in, as somebody names a commit; None for main.
    sets
        Parameters that get a value whatever both sides say.
    """

    base: str | None = None
    sets: Sets = ()


class TreeIsChanged(GitmlError):
    """Files are changed that would have to follow."""

    def __init__(self, paths: Sequence[str] = ()) -> None:
        named = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        super().__init__(
            f"files here are changed: {named}" if named else "files here are changed",
            "After the update your files follow to its commit, and would take your changes along, or lose them.",
            ("git stash   # or commit them", "gitml exp update", "git stash pop"),
        )
        self.paths = tuple(paths)


class Session:
    """One update, step by step.

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
        desks.check_ready(self.desk, at, is_update=True)
        if self.desk.slug is None:
            raise NotOnAnExperiment(self.desk.branch)
        self.slug = self.desk.slug
        self.ref = f"refs/heads/{FOLDER}{self.slug}"
        self._tell = tell
        self._note = note
        self._left = follow.pending(self.desk.root)
        self.source = self._source()
        self.is_up_to_date = merging.is_within(self.desk, self.source.commit, self.desk.commit)
        if self._left is None and not self.is_up_to_date and follow.is_changed(self.desk.root):
            raise TreeIsChanged
        self._together: Together | None = None
        self._produced: Produced | None = None
        self._outcome: Outcome | None = None
        self._made: Made | None = None
        self._edited: tuple[str, ...] = ()

    def plan(self) -> Plan:
        """Return what will be done; nothing where main is in the experiment already."""
        follow_ups = [
            Step("follow", "let your files and git's index follow", self._follow),
            Step("data", "let DVC put its outs in place", self._put_data),
            Step("log", "write down what was done, for gitml undo", self._log),
        ]
        if self._left is not None:
            return Plan("exp update", follow_ups)
        if self.is_up_to_date:
            return Plan("exp update", ())
        told = f"merge {self.source.name} ({self.source.commit[:10]}) into {FOLDER}{self.slug}"
        params = [str(one) for one in self.params()]
        steps = [
            Step("merge", told + (f": {'; '.join(params)}" if params else ""), self._merge),
            Step("run", "run what is stale by dvc repro, in a working tree of its own", self._run),
            Step("store", f"write the results into {reporting.path(self.slug)}, and make the commit", self._store),
            Step("look", "see that no file was edited meanwhile that would have to follow", self._look),
            Step("commit", f"commit on {FOLDER}{self.slug}, with both as parents", self._swap),
            *follow_ups,
        ]
        return Plan("exp update", steps, 4)

    def params(self) -> tuple[Change, ...]:
        """Return the parameters that the experiment gets, as they were and as they will be."""
        if self._left is not None or self.is_up_to_date:
            return ()
        return merging.differences_of(self.desk, self.desk.commit, self.together().tree).params

    def together(self) -> Together:
        """Return the merged tree.

        Raises
        ------
        CodeConflicts, ParamConflicts
            Both sides do not agree.
        TreeIsChanged
            A file that git does not know is where the merged tree has one.
        """
        if self._together is None:
            parts = (Part(f"{FOLDER}{self.slug}", self.desk.commit), self.source)
            command = "gitml exp update" + (f" --from {self.request.base}" if self.request.base else "")
            self._together = merging.bring_together(
                self.desk, parts, self.request.sets, command, self.slug, others="theirs"
            )
            self._refuse_what_is_in_the_way(self._together.tree)
        return self._together

    def carry_out(self, on_step: Callable[[Step], None] | None = None) -> Finished:
        """Update, and return what came of it; its commit is None where there was nothing to bring in.

        Raises
        ------
        AnotherRun
            A run is under way in this working tree.
        RunFailed
            A stage failed; nothing was changed.
        """
        with landing.alone(self.desk):
            plan.carry_out(self.plan(), on_step)
        return self._finished()

    def _source(self) -> Part:
        if self.request.base is not None:
            return Part(self.request.base, resolve(self.request.base, self.desk.root))
        main, theirs = self.desk.main, f"origin/{self.desk.main}"
        local = value_of(self.desk.main_ref, self.desk.root)
        remote = value_of(f"refs/remotes/{theirs}", self.desk.root)
        found = local or remote
        if found is None:
            raise NoSuchRevision(main, None, f"There is no branch {main}, here or at origin.")
        if local is not None and remote is not None and not merging.is_within(self.desk, remote, local):
            self._note(f"{theirs} has commits that {main} has not (--from {theirs} brings them in)")
        return Part(main if local is not None else theirs, found)

    def _refuse_what_is_in_the_way(self, tree: str) -> None:
        found = follow.in_the_way(self.desk.root, self.desk.commit, tree)
        if found:
            raise TreeIsChanged(found)

    # The steps, in their order.

    def _merge(self) -> None:
        self.together()

    def _run(self) -> None:
        log = self.desk.own_folder / LOG
        done = elsewhere.produce(self.desk, self.slug, self.together().tree, self._tell, log)
        self._produced, self._outcome = done

    def _store(self) -> None:
        assert self._produced is not None
        parents = [self.desk.commit, self.source.commit]
        self._made = commit.make(self.desk, self.slug, parents, self._produced, subject=f"bring {self.source.name} in")

    def _look(self) -> None:
        assert self._made is not None
        if follow.is_changed(self.desk.root):
            raise TreeIsChanged
        self._refuse_what_is_in_the_way(self._made.commit)

    def _swap(self) -> None:
        assert self._made is not None
        self._left = Pending(self.ref, self.desk.commit, self._made.commit)
        follow.promise(self.desk.root, self._left)
        compare_and_swap(self.ref, self._left.new, self._left.old, f"gitml exp update: {self.slug}", self.desk.root)

    def _follow(self) -> None:
        assert self._left is not None
        self._edited = tuple(follow.follow(self.desk.root, self._left.old, self._left.new))

    def _put_data(self) -> None:
        assert self._left is not None
        changed = [one.path for one in differences(self._left.old, self._left.new, self.desk.root)]
        log = self.desk.own_folder / CHECKOUT_LOG
        if any(path.endswith((".lock", ".dvc")) for path in changed) and not checkout(self.desk.project_folder, log):
            self._note(f"DVC could not put all of its outs in place: dvc checkout   # or less {log}")

    def _log(self) -> None:
        assert self._left is not None
        move = Move(self._left.ref, self._left.old, self._left.new)
        if not any(move in one.moves for one in oplog.read(self.desk.root)):
            oplog.record(sys.argv[1:], [move], at=self.desk.root)
        follow.fulfilled(self.desk.root)

    def _finished(self) -> Finished:
        outcome = self._outcome or merging.without_a_run(self.desk)
        missing = reporting.missing(self.desk.root, self._left.new if self._left else self.desk.commit, self.slug)
        report = reporting.path(self.slug)
        if self._left is None:
            return Finished(self.slug, None, False, (), (), outcome, report=report, missing=missing)
        told = merging.differences_of(self.desk, self._left.old, self._left.new)
        return Finished(
            self.slug,
            self._left.new,
            False,
            told.params,
            told.metrics,
            outcome,
            self._edited,
            report=report,
            missing=missing,
        )
