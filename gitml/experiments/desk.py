"""The working tree in which somebody experiments: what is checked out, and whether a run can begin there."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gitml import config
from gitml.conventions import branches
from gitml.errors import BrokenEnvironment, GitFailed, GitmlError, WrongUsage
from gitml.git import follow, repository, server
from gitml.git.command import ask
from gitml.git.repository import Repository
from gitml.git.transaction import NoIdentity
from gitml.pipeline.environment import Hold, project_root, read_hold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gitml.config import Config

FOLDER = "experiments/"


class Desk(NamedTuple):
    """A working tree.

    Attributes
    ----------
    repository
        Where its things are.
    root
        Its top folder.
    project
        The folder of the DVC project, from the top; empty for the top itself.
    branch
        What is checked out, by its short name; None where HEAD is detached.
    commit
        Full id of HEAD.
    config
        What its gitml.toml says.
    main
        Short name of the main branch.
    """

    repository: Repository
    root: Path
    project: str
    branch: str | None
    commit: str
    config: Config
    main: str = branches.MAIN

    @property
    def slug(self) -> str | None:
        """The experiment that is checked out; None where it is none."""
        name = branches.parse(self.branch or "")
        return name.name if name is not None and name.kind == "experiment" else None

    @property
    def project_folder(self) -> Path:
        """The folder of the DVC project."""
        return self.root / self.project

    @property
    def head(self) -> str:
        """What is checked out: a branch's full name, or a full id where HEAD is detached."""
        return f"refs/heads/{self.branch}" if self.branch is not None else self.commit

    @property
    def main_ref(self) -> str:
        """Full name of the main branch."""
        return f"refs/heads/{self.main}"

    @property
    def own_folder(self) -> Path:
        """Where gitml keeps what is about this working tree only."""
        return self.repository.git_dir / repository.OWN_FOLDER

    @property
    def shelf(self) -> Path:
        """The folder for what is being written, as `gitml.git.repository.shelf`."""
        return self.repository.common_dir / repository.OWN_FOLDER / repository.SHELF


class NotReady(BrokenEnvironment):
    """No run can begin here."""


class Unfinished(GitmlError):
    """A merge, rebase or the like is under way."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"a {what} is under way",
            "A run would be committed in the middle of it. Finish it first, or give it up.",
            (f"git {what} --continue", f"git {what} --abort") if what != "bisect" else ("git bisect reset",),
        )


class UnknownSlug(WrongUsage):
    """A name cannot be that of an experiment."""

    def __init__(self, slug: str) -> None:
        near = (branches.suggestion(f"{FOLDER}{slug}") or "").removeprefix(FOLDER)
        super().__init__(
            f"{slug!r} cannot name an experiment",
            "A name is small letters, digits, dots, dashes and underscores, 64 at most, and begins with a letter or "
            "digit.",
            (f"gitml exp run -n {near}",) if near else (),
        )


def find(at: Path | None = None) -> Desk:
    """Return the working tree around `at`, or around the current folder.

    Raises
    ------
    NotReady
        There is none, it has no commit, or it has no DVC project.
    """
    try:
        where = repository.find(at)
    except GitFailed as failed:
        raise NotReady("there is no git repository here", failed.stderr, ("git init",)) from None
    if where.root is None:
        raise NotReady(
            "there is no working tree here",
            "Experiments are run on files, and a bare repository has none.",
            (f"git clone {where.common_dir}",),
        )
    answer = ask("rev-parse", "HEAD^{commit}", "--symbolic-full-name", "HEAD", at=at)
    commit, _, ref = answer.out.strip().partition("\n") if answer.code == 0 else ("", "", "")
    if not commit:
        raise NotReady(
            "this repository has no commit yet", "An experiment starts from one.", ('git commit -m "infra: start"',)
        )
    here = Path.cwd() if at is None else Path(at).resolve()
    found = project_root(here, where.root)
    if found is None:
        raise NotReady("there is no DVC project here", "No folder up to the top has a .dvc.", ("dvc init",))
    inside = found.relative_to(where.root).as_posix()
    project = "" if inside == "." else inside
    return Desk(
        where,
        where.root,
        project,
        None if ref == "HEAD" else ref.removeprefix("refs/heads/"),
        commit,
        config.read(str(where.root)),
        server.main_here(where.root),
    )


def check_ready(desk: Desk, at: Path | None = None, is_elsewhere: bool = False, is_update: bool = False) -> None:
    """See that a run can be committed here, before anything is done.

    Parameters
    ----------
    desk
        The working tree.
    at
        As for `find`.
    is_elsewhere
        Whether it runs in another working tree, so that a DVC at work in this one is in nobody's way.
    is_update
        Whether the command finishes an update that was killed; for all others that has to be done first.

    Raises
    ------
    Unfinished
        A merge, rebase, cherry-pick, revert or bisect is under way.
    NoIdentity
        git does not know who commits.
    NotReady
        Another DVC works here.
    """
    git_dir = desk.repository.git_dir
    for name, what in (
        ("MERGE_HEAD", "merge"),
        ("CHERRY_PICK_HEAD", "cherry-pick"),
        ("REVERT_HEAD", "revert"),
        ("rebase-merge", "rebase"),
        ("rebase-apply", "rebase"),
        ("BISECT_LOG", "bisect"),
    ):
        if (git_dir / name).exists():
            raise Unfinished(what)
    if not is_update and follow.pending(desk.root) is not None:
        raise NotReady(
            "an update was killed before your files followed it",
            "They are still those of the commit before, and would take the update back.",
            ("gitml exp update",),
        )
    check_can_commit(at)
    hold = read_hold(desk.project_folder) if not is_elsewhere else Hold("free")
    if hold.state == "held":
        pids = ", ".join(map(str, hold.pids))
        raise NotReady(
            "DVC is at work here", f"Process {pids} holds .dvc/tmp/rwlock. Wait for it, or stop it.", ("gitml status",)
        )
    if hold.state in ("corrupt", "abandoned"):
        raise NotReady(
            "a killed run left .dvc/tmp/rwlock behind", "DVC refuses to run until it is gone.", ("gitml doctor --fix",)
        )


def check_can_commit(at: Path | None = None) -> None:
    """See that an experiment can be committed, whatever the working tree is at.

    Raises
    ------
    NoIdentity
        git does not know who commits.
    NotReady
        A branch has the name that all experiments begin with.
    """
    if not repository.has_identity(at):
        raise NoIdentity
    if ask("rev-parse", "--quiet", "--verify", "refs/heads/experiments", at=at).code == 0:
        raise NotReady(
            "a branch is called experiments, so no experiments/<name> can be made",
            "git keeps refs like files: a name cannot be a file and a folder at once.",
            ("git branch -m experiments experiments-old",),
        )


def checked_slug(slug: str) -> str:
    """Return a slug that somebody gave, with or without ``experiments/``.

    Raises
    ------
    UnknownSlug
        It is none.
    """
    bare = slug.removeprefix(FOLDER)
    if not branches.is_slug(bare):
        raise UnknownSlug(bare)
    return bare
