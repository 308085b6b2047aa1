"""How an experiment is to end, what came of it, and why it may be refused."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gitml.conventions import branches
from gitml.conventions.shell import command
from gitml.errors import GitmlError, WrongUsage
from gitml.experiments.desk import FOLDER
from gitml.experiments.verdict import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Wish(NamedTuple):
    """How an experiment is to end.

    Attributes
    ----------
    slug
        Its name; None for the one that is checked out.
    verdict
        ``accepted`` or ``rejected``.
    is_pull_request
        Whether it is pushed for a pull request, and main stays as it is.
    is_deleted
        Whether the branch goes; the tag keeps its runs.
    remote
        Where it is pushed.
    """

    slug: str | None
    verdict: Verdict
    is_pull_request: bool = False
    is_deleted: bool = False
    remote: str = "origin"


class Finished(NamedTuple):
    """How an experiment ended.

    Attributes
    ----------
    slug, verdict
        The experiment, and what became of it.
    tag
        The short name of the tag that pins its runs.
    commit
        Full id of its last commit, which has the verdict.
    merge
        Full id of main's commit that took it in; None where main has stayed.
    is_new
        Whether anything was left to do.
    is_deleted
        Whether its branch is gone.
    is_pushed
        Whether branch and tag are on the remote.
    uncommitted
        Changed files of its working tree that are in none of its commits.
    left
        Files of main's working tree that were changed meanwhile, and left.
    main_place
        The working tree that has main checked out, where its files have followed.
    main
        Short name of main.
    """

    slug: str
    verdict: Verdict
    tag: str
    commit: str
    merge: str | None
    is_new: bool
    is_deleted: bool
    is_pushed: bool
    uncommitted: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    main_place: Path | None = None
    main: str = branches.MAIN


class NoSuchExperiment(WrongUsage):
    """There is no branch of this name."""

    def __init__(self, slug: str, near: Sequence[str], remotes: Sequence[str]) -> None:
        if remotes:
            why = f"{remotes[0]} has it; it was not fetched."
            mend: tuple[str, ...] = (f"gitml exp fetch {slug}",)
        else:
            why = f"Did you mean {near[0]}?" if near else "There is no branch of this name, here or fetched."
            mend = ("gitml exp list",)
        super().__init__(f"there is no experiment {slug!r}", why, mend)


class IsFinished(GitmlError):
    """An experiment ended otherwise."""


class BranchIsCheckedOut(GitmlError):
    """A branch that is to be deleted is checked out."""

    def __init__(self, slug: str, place: Path, again: str, main: str = branches.MAIN) -> None:
        super().__init__(
            f"{FOLDER}{slug} is checked out in {place}, so it cannot be deleted",
            "A working tree would be left on a branch that is not there. Nothing was changed.",
            (command(["git", "-C", str(place), "switch", main]), again),
        )


class NoMain(GitmlError):
    """There is no main branch to accept into."""


class MainIsBehind(GitmlError):
    """The main branch here lacks what a remote is known to have; nothing was changed."""

    def __init__(self, remote: str, count: int, place: Path | None, main: str = branches.MAIN) -> None:
        commits = "1 commit" if count == 1 else f"{count} commits"
        super().__init__(
            f"{main} lacks {commits} that {remote} has",
            f"What is merged now could not be pushed. Bring {main} up to date first.",
            (
                command(["git", "fetch", remote, f"{main}:{main}"])
                if place is None
                else command(["git", "-C", str(place), "merge", "--ff-only", f"{remote}/{main}"]),
                "gitml exp finish --accept   # again",
            ),
        )


class MainIsInUse(GitmlError):
    """Main is checked out, and its files cannot follow."""

    def __init__(self, place: Path, paths: Sequence[str]) -> None:
        named = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        super().__init__(
            f"main is checked out in {place}, and files there are changed: {named}",
            "Its files must follow the merge, and your changes would be in the way. Nothing was changed.",
            (command(["git", "-C", str(place), "stash"]), "gitml exp finish --accept   # again"),
        )
        self.paths = tuple(paths)


class NoneIsCheckedOut(WrongUsage):
    """No experiment is named, and none is checked out."""

    def __init__(self, branch: str | None, words: str, why: str) -> None:
        where = f"on {branch}" if branch is not None else "on no branch"
        super().__init__(f"you are {where}, which is no experiment", why, ("gitml exp list", f"gitml {words}"))
