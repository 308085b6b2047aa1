"""One run in a slot of the pool: the user's tree is left alone, and several run at once."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gitml.errors import GitmlError
from gitml.experiments import commit, elsewhere, onto, reporting, run, run_terms, snapshot
from gitml.experiments.claim import claim
from gitml.experiments.desk import FOLDER
from gitml.experiments.setting import Chooser
from gitml.experiments.snapshot import Start
from gitml.git import branch_move, oplog, trees
from gitml.git.command import git
from gitml.git.files import replace_file
from gitml.git.objects import list_tree
from gitml.git.oplog import Move
from gitml.git.plan import Plan, Step
from gitml.git.repository import shelf
from gitml.git.transaction import RefMoved, compare_and_swap, value_of
from gitml.git.trees import Known
from gitml.pipeline.environment import read_hold
from gitml.pipeline.ignore import is_inside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitml.experiments.desk import Desk

LOST = "refs/gitml/lost/"
"""Where runs are kept that no branch could take."""


class BranchMoved(GitmlError):
    """The branch was moved while a run ran, in a way that the run cannot go on from; the run is kept.

    Attributes
    ----------
    commit
        The run.
    ref
        What keeps it.
    """

    def __init__(self, slug: str, why: str, commit: str, ref: str) -> None:
        super().__init__(
            f"{FOLDER}{slug} was moved while this ran, and cannot take the run",
            f"{why} The run is not lost: it is {commit[:10]}, kept as {ref}.",
            (f"git branch {FOLDER}{slug}-2 {commit[:10]}", f"git update-ref -d {ref}   # once it is not needed"),
        )
        self.commit = commit
        self.ref = ref


class Session(run.Session):
    """One run elsewhere, step by step; parameters as for `gitml.experiments.run.Session`.

    The branch that is checked out may be the one that gets the commit. Files and index then follow it where nobody
    edited them since the run began; the other ones are named.
    """

    is_elsewhere = True
    _known = ""
    _old: str | None = None

    def plan(self) -> Plan:
        """Return what will be done."""
        on = f"on a new branch {self.branch}" if self.is_new else f"on {self.branch}"
        told = [f"set {change}" for change in self.chosen().changes] if self.request.sets else []
        start = "; ".join(["keep your files as they are now", *told, "ask the rules"])
        steps = [
            Step("snapshot", start, self._snapshot),
            Step("run", "dvc repro in a working tree of its own", self._run),
            Step("collect", "take what the stages wrote", self._collect),
            Step("store", f"write the results into {reporting.path(self.slug)}, and make the commit", self._store),
            Step("commit", f"commit {on}", self._swap),
            Step("follow", f"let files that nobody edited follow, where {self.branch} is checked out", self._follow),
            Step("log", "write down what was done, for gitml undo", self._log),
        ]
        return Plan("exp run", steps, 4)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        branch_move.finish(self.desk.root)
        if not self.is_new:
            yield
            return
        with claim(self.desk, self.slug):
            if value_of(self.ref, self.desk.root) is not None:
                raise run_terms.NameIsTaken(self.slug)
            yield

    def _take(self) -> Start:
        start = take(self.desk, self.slug, self.request.include)
        self._known = start.tree
        with Chooser(self.desk, start.tree) as chooser:
            meant = chooser.choose(self.request.sets)
            return Start(chooser.tree(meant), meant.layout, meant.inputs, start.untracked, meant.known)

    def _run(self) -> None:
        assert self._start is not None
        done = elsewhere.produce(self.desk, self.slug, self._start.tree, self._tell)
        self._produced, self._outcome = done.produced, done.outcome

    def _collect(self) -> None:
        assert self._produced is not None
        tree = self._produced.tree
        self._differences = commit.compare(self.desk, self.desk.commit, self._produced)
        if not self.is_new and tree == git("rev-parse", f"{self.desk.commit}^{{tree}}", at=self.desk.root):
            self._missing = reporting.missing(self.desk.root, tree, self.slug)
            raise run_terms.NothingNew

    def _swap(self) -> None:
        old = None if self.is_new else self.desk.commit
        while True:
            try:
                branch_move.move(self.ref, self.commit, old, self._known, f"gitml exp run: {self.slug}", self.desk.root)
            except RefMoved as moved:
                old = self._make_again(moved)
            else:
                self._old = old
                return

    def _make_again(self, moved: RefMoved) -> str:
        """Make the commit with the branch's new tip as its parent, and return that."""
        assert self._produced is not None
        try:
            if moved.expected is None or moved.now is None:
                raise onto.CannotGoOn("Another command made it." if moved.expected is None else "It was deleted.")
            produced = onto.go_on(self.desk, self.slug, self._produced, self.desk.commit, moved.now)
        except onto.CannotGoOn as error:
            raise self._lost(str(error)) from moved
        self._made = commit.make(self.desk, self.slug, [moved.now], produced, self.request.hypothesis)
        self._differences = self._made.differences
        return moved.now

    def _lost(self, why: str) -> BranchMoved:
        ref = f"{LOST}{self.slug}/{self.commit[:10]}"
        compare_and_swap(ref, self.commit, None, f"gitml exp run: {self.slug}", self.desk.root)
        return BranchMoved(self.slug, why, self.commit, ref)

    def _follow(self) -> None:
        assert self._made is not None
        followed = branch_move.finish(self.desk.root)
        report = reporting.path(self.slug)
        if report in followed.edited:
            carry_over(self.desk.root / report, self._made.written.files[report])
        self._edited = tuple(path for path in followed.edited if path != report)
        self._kept_staged = followed.staged

    def _log(self) -> None:
        oplog.record(sys.argv[1:], [Move(self.ref, self._old, self.commit)], at=self.desk.root)


def carry_over(file: Path, written: bytes) -> None:
    """Write what a run wrote into a report that somebody edited meanwhile; their words stay."""
    replace_file(file, reporting.carried_over(file.read_bytes(), written), shelf(file.parent))


def take(desk: Desk, slug: str, include: tuple[str, ...]) -> Start:
    """Keep the working tree as a tree; while DVC is at work in it, results are those of the commit.

    Errors as for `gitml.experiments.snapshot.take`.
    """
    start = snapshot.take(desk, slug, include)
    if read_hold(desk.project_folder).state != "held":
        return start
    written = start.layout.written
    old = {one.path: Known(one.mode, one.oid) for one in list_tree(desk.commit, desk.root)}
    paths = {*old, *(one.path for one in list_tree(start.tree, desk.root))}
    changes: dict[str, trees.Change] = {
        path: old.get(path) for path in paths if any(is_inside(path, one) for one in written)
    }
    return start._replace(tree=trees.tree_with(start.tree, changes, desk.root))
