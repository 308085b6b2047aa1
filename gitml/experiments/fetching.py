"""Bringing an experiment from a remote: its branch, which is never overwritten, and the data of its last run."""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import quote
from typing import Literal, NamedTuple

from gitml.errors import GitmlError, WrongUsage
from gitml.experiments import verdict
from gitml.experiments.desk import FOLDER, Desk
from gitml.experiments.sharing import remote_of, set_upstream
from gitml.git import checkout, oplog
from gitml.git.command import ask
from gitml.git.merge import is_ancestor
from gitml.git.oplog import Move
from gitml.git.plan import Plan, Step, carry_out
from gitml.git.push import fetch as fetch_refs
from gitml.git.push import list_remote
from gitml.git.transaction import compare_and_swap, value_of
from gitml.git.worktrees import worktrees
from gitml.pipeline import dvc
from gitml.pipeline import remote as transfer
from gitml.pipeline.storage import Storage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

State = Literal["only there", "same", "yours is behind", "yours is ahead", "both have moved", "moved there"]
"""How a remote's experiment compares with the one here; ``moved there``: its commits were not fetched yet."""

Change = Literal["created", "moved", "up to date", "ahead"]

_HEADS = f"refs/heads/{FOLDER}"


class Remote(NamedTuple):
    """An experiment that a remote has.

    Attributes
    ----------
    slug
        Its name.
    commit
        Full id of its last commit there.
    state
        How it compares with the one here.
    """

    slug: str
    commit: str
    state: State


class Fetched(NamedTuple):
    """What came of a fetch.

    Attributes
    ----------
    slug, remote
        The experiment, and whence it came.
    commit
        Full id of what the local branch is at now.
    branch
        What became of the local branch.
    data
        What was fetched; what is at neither end; the names of the DVC remotes.
    checked_out
        How many of DVC's files and folders were changed in the working tree.
    """

    slug: str
    remote: str
    commit: str
    branch: Change
    data: transfer.Plan
    checked_out: int


class NotOnTheRemote(WrongUsage):
    """The remote has no experiment of this name."""

    def __init__(self, slug: str, remote: str, near: str | None) -> None:
        why = f"Did you mean {near}?" if near is not None else "Whoever has it has not pushed it."
        mend = f"gitml exp fetch {near}" if near is not None else "gitml exp push   # where it was made"
        super().__init__(f"{remote} has no experiment {slug!r}", why, (mend, "gitml exp fetch   # lists what there is"))


class OnlyATag(GitmlError):
    """The experiment is finished, and its branch is gone."""

    def __init__(self, slug: str, remote: str, tag: str) -> None:
        super().__init__(
            f"{slug} is finished, and {remote} has no branch of it any more",
            f"The tag {tag} keeps its runs and its report.",
            (
                f"git fetch {quote(remote)} tag {tag} && gitml data fetch {tag}",
                f"git branch {FOLDER}{slug} {tag}   # to go on with it",
            ),
        )


class BothMoved(GitmlError):
    """The branch here and the one there have commits that the other lacks; neither was changed."""

    def __init__(self, slug: str, remote: str) -> None:
        branch = f"{FOLDER}{slug}"
        super().__init__(
            f"your {branch} and the one on {remote} have both moved",
            "Yours is not overwritten. It was fetched as a remote-tracking branch.",
            (
                f"git log --oneline --left-right {branch}...{quote(remote)}/{branch}",
                f"git switch {branch} && git rebase {quote(remote)}/{branch}",
                f"git branch -m {branch} {branch}-2   # if yours is another idea",
            ),
        )


class FilesInTheWay(GitmlError):
    """The branch is checked out, and its files cannot follow; it was not moved."""

    def __init__(self, slug: str, place: Path, paths: list[str]) -> None:
        named = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        super().__init__(
            f"{FOLDER}{slug} is checked out in {place}, and files there are changed: {named}",
            "They would be in the way of what was fetched.",
            (f"git -C {quote(str(place))} stash", f"gitml exp fetch {slug}   # again"),
        )


def remotes_experiments(desk: Desk, remote: str = "") -> tuple[str, list[Remote]]:
    """Return the remote's name, and the experiments that it has, by name.

    Raises
    ------
    BrokenEnvironment
        It cannot be asked, or it is not clear which one is meant.
    """
    name = remote or remote_of("", desk, "gitml exp fetch")
    there = list_remote(name, [f"{_HEADS}*"], desk.root)
    return name, [Remote(ref.removeprefix(_HEADS), oid, _state(ref, oid, desk.root)) for ref, oid in there.items()]


class Session:
    """One fetch.

    Parameters
    ----------
    desk
        The repository.
    slug
        The experiment.
    remote
        Whence; empty for the branch's own remote, origin, or the only one.
    data_remote
        The DVC remote; empty for the default one.

    Raises
    ------
    NotOnTheRemote, OnlyATag
        It is not there, or not any more.
    BrokenEnvironment
        The remote cannot be asked, or it is not clear which one is meant.
    """

    def __init__(self, desk: Desk, slug: str, remote: str = "", data_remote: str = "") -> None:
        self.desk = desk
        self.slug = slug
        self.ref = verdict.branch_of(slug)
        self.remote = remote or remote_of(slug, desk, "gitml exp fetch")
        self._data_remote = data_remote
        there = list_remote(self.remote, [f"{_HEADS}*", f"{verdict.PINS}{slug}*"], desk.root)
        if self.ref not in there:
            raise _not_there(slug, self.remote, there)
        self._old = value_of(self.ref, desk.root)
        self._place = next((one.path for one in worktrees(desk.root) if self._is_here(one.branch, one.is_gone)), None)
        self._new = there[self.ref]
        self._change: Change = "up to date"
        self.data = transfer.Plan((), (), ())
        self._checked_out = 0

    def plan(self) -> Plan:
        """Return what will be done."""
        branch = f"{FOLDER}{self.slug}"
        move = f"make {branch} at {self._new[:10]}" if self._old is None else f"bring {branch} to {self._new[:10]}"
        steps = [
            Step("fetch", f"fetch {branch} from {self.remote}", self._fetch),
            Step("branch", f"{move}, if it loses nothing", self._move),
            *([Step("files", f"let its files follow in {self._place}", self._follow)] if self._place else []),
            Step("log", "write down what was done, for gitml undo", self._log),
            Step("data", "fetch the data of its last run", self._fetch_data),
        ]
        return Plan("exp fetch", steps, 1)

    def carry_out(self) -> Fetched:
        """Fetch; the same again goes on where it was broken off.

        Raises
        ------
        BothMoved
            The branch here has commits that the remote's lacks, and the other way round.
        FilesInTheWay
            It is checked out, and changed files are in the way.
        FollowUpFailed
            The branch is here, its data is not.
        """
        carry_out(self.plan())
        commit = value_of(self.ref, self.desk.root) or self._new
        return Fetched(self.slug, self.remote, commit, self._change, self.data, self._checked_out)

    def _is_here(self, branch: str | None, is_gone: bool) -> bool:
        return not is_gone and branch == f"{FOLDER}{self.slug}"

    # The steps, in their order.

    def _fetch(self) -> None:
        tracking = f"refs/remotes/{self.remote}/{FOLDER}{self.slug}"
        fetch_refs(self.remote, [f"+{self.ref}:{tracking}"], self.desk.root)
        self._new = value_of(tracking, self.desk.root) or self._new

    def _move(self) -> None:
        root = self.desk.root
        state = _state(self.ref, self._new, root)
        if state == "both have moved":
            raise BothMoved(self.slug, self.remote)
        if state in ("only there", "yours is behind"):
            if self._place is not None and self._old is not None:
                paths = checkout.in_the_way(self._place, self._old, self._new)
                if paths:
                    raise FilesInTheWay(self.slug, self._place, paths)
            compare_and_swap(self.ref, self._new, self._old, f"gitml exp fetch: {self.slug}", root)
            self._change = "created" if self._old is None else "moved"
        elif state == "yours is ahead":
            self._change = "ahead"
        set_upstream(self.slug, self.remote, self.desk)

    def _follow(self) -> None:
        if self._place is None:
            return
        if self._change == "moved" and self._old is not None:
            checkout.follow(self._place, self._old, self._new)
        elif self._change == "up to date":
            self._follow_again(self._place)

    def _follow_again(self, place: Path) -> None:
        """Let files follow where a kill came between the branch's move and theirs."""
        move = self._move_before()
        if move is not None and move.old is not None:
            checkout.follow(place, move.old, self._new)

    def _move_before(self) -> Move | None:
        """Return the branch's last move, by its reflog, if a fetch made it: that may have been killed behind it."""
        told = ask("log", "--walk-reflogs", "-2", "--format=%H %gs", self.ref, "--", at=self.desk.root).out.splitlines()
        if not told or told[0] != f"{self._new} gitml exp fetch: {self.slug}":
            return None
        return Move(self.ref, told[1].split(" ")[0] if len(told) == 2 else None, self._new)

    def _log(self) -> None:
        if self._change in ("created", "moved"):
            move: Move | None = Move(self.ref, self._old, self._new)
        else:
            move = self._move_before() if self._change == "up to date" else None
            if move is not None and any(move in operation.moves for operation in oplog.read(self.desk.root)):
                return
        if move is not None:
            oplog.record(sys.argv[1:], [move], at=self.desk.root)

    def _fetch_data(self) -> None:
        commit = value_of(self.ref, self.desk.root) or self._new
        storage = Storage(self.desk.root)
        objects = transfer.objects_of([commit], storage, self.desk.root)
        self.data = transfer.plan_fetch(objects, storage, self._data_remote)
        sent = transfer.fetch(self.data, storage, self._data_remote)
        self.data = self.data._replace(objects=tuple(sent))
        if self._place is not None and self._place == self.desk.root:
            known = [storage.settings(project) for project in sorted({each.project for each in objects})]
            self._checked_out = sum(dvc.checkout(each) for each in known if each.is_checked_out)


def _not_there(slug: str, remote: str, there: Mapping[str, str]) -> GitmlError:
    from difflib import get_close_matches

    numbers = {verdict.number_of(ref.removeprefix(verdict.PINS), slug): ref for ref in there}
    last = max((number for number in numbers if number is not None), default=None)
    if last is not None:
        return OnlyATag(slug, remote, numbers[last].removeprefix("refs/tags/"))
    names = [ref.removeprefix(_HEADS) for ref in there if ref.startswith(_HEADS)]
    near = get_close_matches(slug, names, n=1)
    return NotOnTheRemote(slug, remote, near[0] if near else None)


def _state(ref: str, there: str, at: Path) -> State:
    here = value_of(ref, at)
    if here is None:
        return "only there"
    if here == there:
        return "same"
    if ask("cat-file", "-e", f"{there}^{{commit}}", at=at).code != 0:
        return "moved there"
    if is_ancestor(here, there, at):
        return "yours is behind"
    return "yours is ahead" if is_ancestor(there, here, at) else "both have moved"
