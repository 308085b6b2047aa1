"""Ending an experiment: a verdict in its report, a tag that pins its runs, and, where it is accepted, main."""

from __future__ import annotations

import sys
from pathlib import Path

from gitml.conventions.shell import command
from gitml.errors import GitmlError
from gitml.experiments import closing, landing, reporting, sharing
from gitml.experiments import desk as desks
from gitml.experiments import verdict as verdicts
from gitml.experiments.acceptance import Into, accept
from gitml.experiments.before import LOCK
from gitml.experiments.closing import Closing
from gitml.experiments.desk import FOLDER
from gitml.experiments.ending import (
    BranchIsCheckedOut,
    Finished,
    IsFinished,
    NoMain,
    NoneIsCheckedOut,
    Wish,
)
from gitml.experiments.landing import AnotherRun
from gitml.experiments.verdict import Merge, Pin, Verdict
from gitml.git import checkout, lock, oplog, plan, repository
from gitml.git.command import ask
from gitml.git.index import differences
from gitml.git.merge import is_ancestor
from gitml.git.objects import Objects
from gitml.git.oplog import Move
from gitml.git.plan import Plan, Step
from gitml.git.tags import tag_object
from gitml.git.transaction import NoIdentity, compare_and_swap, delete, value_of
from gitml.git.worktrees import worktrees
from gitml.policy.law import law

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitml.git.lock import Holder


class Session:
    """One end of an experiment, step by step.

    All that could refuse is asked when it is made; then there is a plan. Accepted, the commit point is main's move;
    rejected or pushed for a pull request, it is the tag. What is behind it follows from the refs, so that the same
    command again does what a kill has left.

    Parameters
    ----------
    wish
        What is wanted.
    at
        A folder of the working tree; None for the current one.
    note
        Called with lines that a person should know.
    is_dry_run
        Whether only the plan is wanted: what a killed run left is then not put in order first.
    """

    def __init__(
        self,
        wish: Wish,
        at: Path | None = None,
        note: Callable[[str], None] = lambda line: None,
        is_dry_run: bool = False,
    ) -> None:
        self.wish = wish
        self.desk = landing.arrive(at, is_dry_run)
        if not repository.has_identity(at):
            raise NoIdentity
        self._note = note
        self.slug = self._slug()
        self.branch = verdicts.branch_of(self.slug)
        self._places = self._checked_out()
        if not is_dry_run:
            for ref in (self.branch, self.desk.main_ref):
                landing.finish_elsewhere(self.desk, self._places.get(ref))
            self._places = self._checked_out()
        self._tip = value_of(self.branch, self.desk.root)
        self._main = value_of(self.desk.main_ref, self.desk.root)
        self._pins = verdicts.pins(self.slug, self.desk.root)
        self._merge: Merge | None = None
        self._left: tuple[str, ...] = ()
        self._is_pushed = False
        self._check_place()
        self.closing = self._find_closing()
        self._pin = next((pin for pin in reversed(self._pins) if pin.commit == self.closing.commit), None)
        self._needs_tag = self._pin is None
        is_for_main = wish.verdict == "accepted" and not self._is_in_main(self.closing.commit)
        self._needs_merge = is_for_main and not wish.is_pull_request
        if is_for_main:
            self._prepare_merge()
        elif self._is_for_main and self._main is not None:
            self._merge = verdicts.merge_of(self.closing.commit, self._main, self.desk.root)
        self._needs_branch = self._tip not in (None, self.closing.commit)
        self._needs_deletion = wish.is_deleted and self._tip is not None

    @property
    def is_new(self) -> bool:
        """Whether anything is left to do that counts."""
        return self._needs_merge or self._needs_tag or self._needs_branch or self._needs_deletion

    @property
    def _is_for_main(self) -> bool:
        return self.wish.verdict == "accepted" and not self.wish.is_pull_request

    @property
    def _tag_ref(self) -> str:
        return self._pin.ref if self._pin is not None else verdicts.next_pin(self.slug, self._pins)

    def plan(self) -> Plan:
        """Return what will be done, and is not done yet."""
        short = f"{FOLDER}{self.slug}"
        tag = self._tag_ref.removeprefix("refs/tags/")
        steps: list[Step] = []
        if self._needs_merge:
            steps.append(Step("merge", f"merge {short} into {self.desk.main}, as accepted", self._move_main))
        if self._needs_tag:
            steps.append(Step("tag", f"pin its runs and its report under {tag}", self._make_tag))
        commit_point = 0 if steps else None
        if self._needs_branch:
            steps.append(Step("branch", f"commit the verdict on {short}: {self.wish.verdict}", self._move_branch))
        if self.branch in self._places:
            steps.append(Step("report", "let the report follow in its working tree", self._follow_report))
        place = self._places.get(self.desk.main_ref)
        if self._is_for_main and place is not None:
            says = f"let the files of {self.desk.main} follow in {place}"
            steps.append(Step("files", says, self._follow_main))
        if self.wish.is_pull_request:
            steps.append(Step("push", f"push {short} and {tag} to {self.wish.remote}", self._push))
        steps.append(Step("log", "write down what was done, for gitml undo", self._log))
        if self._needs_deletion:
            steps.append(Step("delete", f"delete {short}", self._delete))
        return Plan("exp finish", steps, commit_point)

    def carry_out(self, on_wait: Callable[[Holder | None], None] | None = None) -> Finished:
        """End the experiment.

        Raises
        ------
        RefMoved
            Somebody was first; nothing was changed.
        FollowUpFailed
            What matters is done, and a step behind that failed.
        """
        is_new = self.is_new
        with lock.hold(self.desk.root, on_wait=on_wait):
            plan.carry_out(self.plan())
        return Finished(
            self.slug,
            self.wish.verdict,
            self._tag_ref.removeprefix("refs/tags/"),
            self.closing.commit,
            self._merge.commit if self._merge is not None else None,
            is_new,
            value_of(self.branch, self.desk.root) is None,
            self._is_pushed,
            self.closing.uncommitted,
            self._left,
            self._places.get(self.desk.main_ref) if self._merge is not None else None,
            self.desk.main,
        )

    # What is asked before anything is done.

    def _checked_out(self) -> dict[str, Path]:
        there = (one for one in worktrees(self.desk.root) if one.branch and not one.is_gone)
        return {f"refs/heads/{one.branch}": one.path for one in there}

    def _slug(self) -> str:
        if self.wish.slug is None:
            if self.desk.slug is None:
                raise NoneIsCheckedOut(self.desk.branch, "exp finish lower-lr --accept", "Name the one that ends.")
            return self.desk.slug
        return desks.checked_slug(self.wish.slug)

    def _check_place(self) -> None:
        place = self._places.get(self.branch)
        if place is None:
            return
        git_dir = repository.find(place).git_dir
        what = repository.unfinished(git_dir)
        if what is not None:
            raise desks.Unfinished(what)
        file = git_dir / repository.OWN_FOLDER / LOCK
        if lock.is_held(file):
            raise AnotherRun(lock.read_holder(file))
        if self.wish.is_deleted:
            again = command(["gitml", "exp", "finish", self.slug, *self._flags(), "--delete"])
            raise BranchIsCheckedOut(self.slug, place, again, self.desk.main)

    def _flags(self) -> list[str]:
        flags = ["--accept" if self.wish.verdict == "accepted" else "--reject"]
        return [*flags, "--pull-request"] if self.wish.is_pull_request else flags

    def _find_closing(self) -> Closing:
        """Return the last commit: one that was begun and not finished, that is there already, or a new one."""
        root = self.desk.root
        self._config = self.desk.config
        with Objects(root) as objects:
            if self._main is not None:
                self._config, said = law(self._main, objects)
                if said:
                    self._note(said)
            if self._tip is None:
                return self._closing_of_a_tag(objects)
            begun = self._begun(self._tip)
            recorded = verdicts.recorded(begun, self.slug, objects) if begun is not None else None
            if begun is not None and recorded is not None:
                if recorded != self.wish.verdict:
                    raise self._otherwise(recorded, "begun")
                return Closing(begun, self._tip)
            recorded = verdicts.recorded(self._tip, self.slug, objects)
        is_in_main = self._main is not None and is_ancestor(self._tip, self._main, root)
        if recorded == "accepted" != self.wish.verdict and is_in_main:
            raise self._otherwise("accepted", "in main")
        made = closing.close(
            self.desk, self.slug, self._tip, self.wish.verdict, self._places.get(self.branch), self._config
        )
        if made.commit == made.tip:
            parent = verdicts.first_parent(made.tip, root)
            is_ours = any(pin.commit == made.tip for pin in self._pins) and parent is not None
            return made._replace(tip=parent) if is_ours and parent is not None else made
        return made

    def _begun(self, tip: str) -> str | None:
        """Return the commit above the branch by which it was ended, before it followed."""
        merged = verdicts.merge_of(tip, self._main, self.desk.root) if self._main is not None else None
        folder = reporting.path(self.slug).rpartition("/")[0]
        known: list[str] = [pin.commit for pin in reversed(self._pins)]
        for commit in [*known, merged.experiment] if merged is not None else known:
            if commit != tip and verdicts.first_parent(commit, self.desk.root) == tip:
                changed = differences(tip, commit, self.desk.root)
                if all(one.path.startswith(f"{folder}/") for one in changed):
                    return commit
        return None

    def _closing_of_a_tag(self, objects: Objects) -> Closing:
        for pin in reversed(self._pins):
            recorded = verdicts.recorded(pin.commit, self.slug, objects)
            if recorded == self.wish.verdict:
                return Closing(pin.commit, pin.commit)
            if recorded is not None:
                raise IsFinished(
                    f"{self.slug} is {recorded} already, and its branch is gone",
                    "Its runs and its report are kept by the tag; the branch can come back from there.",
                    (f"git branch {FOLDER}{self.slug} {pin.short}", f"gitml exp show {pin.short}"),
                )
        raise sharing.no_such(self.slug, self.desk)

    def _otherwise(self, recorded: Verdict, how: str) -> IsFinished:
        if how == "begun":
            again = "--accept" if recorded == "accepted" else "--reject"
            return IsFinished(
                f"{self.slug} was about to be {recorded}, and that was not finished",
                "Finish it; then it can be undone.",
                (f"gitml exp finish {self.slug} {again}", "gitml undo"),
            )
        merged = verdicts.merge_of(self._tip or "", self._main or "", self.desk.root)
        revert = f"git revert -m 1 {merged.commit[:10]}" if merged is not None else "git revert"
        return IsFinished(
            f"{self.slug} was accepted, and is in main",
            "Main does not forget. Take it back by a commit of its own, or undo it where it was not pushed.",
            ("gitml undo", f"{revert}   # on main"),
        )

    def _is_in_main(self, commit: str) -> bool:
        return self._main is not None and is_ancestor(commit, self._main, self.desk.root)

    def _prepare_merge(self) -> None:
        if self._main is None:
            raise NoMain(
                f"there is no branch {self.desk.main} here",
                "An experiment is accepted into the main branch.",
                ("git branch main origin/main", "git config gitml.main NAME   # where it is called otherwise"),
            )
        wish, place = self.wish, self._places.get(self.desk.main_ref)
        into = Into(self._main, place, wish.remote, wish.is_pull_request, self.desk.main)
        made = accept(self.slug, self.closing.commit, into, self._config, self.desk.root, self._note)
        if not self.wish.is_pull_request:
            self._merge = Merge(made, self._main, self.closing.commit)

    # The steps, in their order.

    @property
    def _reason(self) -> str:
        return f"gitml exp finish: {self.slug}"

    def _move_main(self) -> None:
        assert self._merge is not None
        compare_and_swap(self.desk.main_ref, self._merge.commit, self._merge.main_before, self._reason, self.desk.root)

    def _make_tag(self) -> None:
        ref = self._tag_ref
        text = closing.message(self.slug, self.wish.verdict, self.closing)
        oid = tag_object(ref.removeprefix("refs/tags/"), self.closing.commit, text, self.desk.root)
        compare_and_swap(ref, oid, None, self._reason, self.desk.root)
        self._pin = Pin(ref, oid, self.closing.commit, 0)

    def _move_branch(self) -> None:
        compare_and_swap(self.branch, self.closing.commit, self._tip, self._reason, self.desk.root)

    def _follow_report(self) -> None:
        closing.follow(self._places[self.branch], self.slug, self.closing)

    def _follow_main(self) -> None:
        if self._merge is not None and value_of(self.desk.main_ref, self.desk.root) == self._merge.commit:
            left = checkout.follow(self._places[self.desk.main_ref], self._merge.main_before, self._merge.commit)
            self._left = tuple(left)

    def _push(self) -> None:
        assert self._pin is not None
        refs = {self.branch: self.closing.commit, self._pin.ref: self._pin.oid}
        try:
            sharing.push_refs(self.wish.remote, refs, self.desk.root)
        except GitmlError:
            self._log()  # what is done here can be undone, whatever the remote says
            raise
        self._is_pushed = True

    def _log(self) -> None:
        assert self._pin is not None
        moves = []
        if self._merge is not None:
            moves.append(Move(self.desk.main_ref, self._merge.main_before, self._merge.commit))
        moves.append(Move(self._pin.ref, None, self._pin.oid, self._is_pushed))
        commit, tip = self.closing.commit, self.closing.tip
        is_done = self._is_logged([*moves, *([Move(self.branch, tip, commit)] if tip != commit else [])])
        if is_done:
            moves = [Move(self.branch, commit, None)] if self._needs_deletion else []
        elif self._needs_deletion:
            moves.append(Move(self.branch, tip, None))
        elif self._tip is not None and tip != commit:
            moves.append(Move(self.branch, tip, commit, self._is_pushed))
        if moves and not self._is_logged(moves) and (self.is_new or self._is_by_this_command()):
            oplog.record(sys.argv[1:], moves, at=self.desk.root)

    def _is_logged(self, moves: Sequence[Move]) -> bool:
        wanted = {(move.ref, move.new) for move in moves}
        done = oplog.not_undone(oplog.read(self.desk.root))
        return any(wanted <= {(move.ref, move.new) for move in operation.moves} for operation in done)

    def _is_by_this_command(self) -> bool:
        """Say whether it was this clone's finish that moved the branch last, and not a fetch."""
        answer = ask("log", "--walk-reflogs", "-1", "--format=%gs", self.branch, "--", at=self.desk.root)
        return answer.code == 0 and answer.out.strip() == self._reason

    def _delete(self) -> None:
        delete(self.branch, self.closing.commit, self._reason, self.desk.root)
