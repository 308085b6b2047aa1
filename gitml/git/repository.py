"""Where the repository is, what is checked out, and who commits."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path, PurePath
from typing import NamedTuple

from gitml.errors import BrokenEnvironment, GitFailed
from gitml.git.command import git

OWN_FOLDER = "gitml"
"""What gitml keeps beside the objects and refs, shared by all working trees; all of it can be made again."""
SHELF = "tmp"
"""The folder in it of what is not whole yet."""


class CannotWrite(BrokenEnvironment):
    """The repository cannot be written to."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} cannot be written",
            f"{reason}. gitml keeps its locks, its log and its index there.",
            ("gitml doctor", f"ls -ld {shlex.quote(str(path.parent))}   # whose is it?"),
        )
        self.path = path


class LineBreakInPath(BrokenEnvironment):
    """git tells paths a line each."""

    def __init__(self) -> None:
        super().__init__(
            "this repository is in a folder with a line break in its name",
            "git's answers about such a path cannot be told apart.",
            ("mv FOLDER NAME-WITHOUT-LINE-BREAK",),
        )


class Repository(NamedTuple):
    """Where a repository keeps its things.

    Attributes
    ----------
    root
        The working tree's top folder; None in a bare repository or inside ``.git``.
    git_dir
        What belongs to this working tree: HEAD, index.
    common_dir
        What all working trees share: objects, refs.
    """

    root: Path | None
    git_dir: Path
    common_dir: Path
    is_bare: bool

    @property
    def is_linked_worktree(self) -> bool:
        """Whether another folder holds the objects and refs."""
        return self.git_dir != self.common_dir


class Head(NamedTuple):
    """What is checked out.

    Attributes
    ----------
    branch
        Name without ``refs/heads/``; None where HEAD is detached.
    commit
        Abbreviated id; None before the first commit.
    unfinished
        ``rebase``, ``am``, ``merge``, ``cherry-pick``, ``revert`` or ``bisect`` while one is under way,
        else None.
    """

    branch: str | None
    commit: str | None
    unfinished: str | None


_UNFINISHED = {"merge": "MERGE_HEAD", "cherry-pick": "CHERRY_PICK_HEAD", "revert": "REVERT_HEAD"}


def version() -> tuple[str, tuple[int, int]]:
    """Return git's version as git writes it, and its first two numbers."""
    text = git("version").removeprefix("git version ")
    numbers = re.match(r"(\d+)\.(\d+)", text)
    return text, (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def find(at: Path | None = None) -> Repository:
    """Return the repository around `at`, or around the current folder.

    Raises
    ------
    GitFailed
        There is none, or git refuses to use it.
    LineBreakInPath
        It cannot be told where it is.
    """
    told = git(
        "rev-parse",
        "--path-format=absolute",
        "--is-bare-repository",
        "--is-inside-work-tree",
        "--git-dir",
        "--git-common-dir",
        at=at,
    ).split("\n")
    if len(told) != 4:
        raise LineBreakInPath
    is_bare, is_inside, git_dir, common_dir = told
    root = Path(git("rev-parse", "--show-toplevel", at=at)) if is_inside == "true" else None
    return Repository(root, Path(git_dir), Path(common_dir), is_bare == "true")


def own_folder(at: Path | None = None) -> Path:
    """Return ``.git/gitml`` of the repository around `at`; it is made where it is not there.

    Raises
    ------
    CannotWrite
        It cannot be made.
    GitFailed
        There is no repository.
    """
    folder = common_dir(at) / OWN_FOLDER
    make_folder(folder)
    return folder


def common_dir(at: Path | None = None) -> Path:
    """Return what all working trees share; it is asked once in a process, because a run needs it ten times.

    Raises
    ------
    GitFailed
        There is no repository.
    """
    try:
        place = os.path.abspath(at or "")
    except FileNotFoundError:  # the current folder is gone, as git says as well
        place = str(at)
    named = () if at is not None else tuple(os.environ.get(name) for name in _PLACES)
    found = _COMMON_DIRS.get((place, named))
    if found is None or not found.is_dir():
        found = Path(git("rev-parse", "--path-format=absolute", "--git-common-dir", at=at))
        _COMMON_DIRS[place, named] = found
    return found


_PLACES = ("GIT_DIR", "GIT_COMMON_DIR", "GIT_CEILING_DIRECTORIES")
_COMMON_DIRS: dict[tuple[str, tuple[str | None, ...]], Path] = {}


def shelf(at: Path | None = None) -> Path:
    """Return the folder for what is being written; what killed commands left there is cleared after a day.

    Raises
    ------
    CannotWrite
        It cannot be made.
    GitFailed
        There is no repository.
    """
    folder = own_folder(at) / SHELF
    make_folder(folder)
    return folder


def make_folder(folder: Path) -> None:
    """Make a folder and those above it.

    Raises
    ------
    CannotWrite
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(folder, error.strerror or str(error)) from None


def head(repository: Repository, at: Path | None = None) -> Head:
    """Return what is checked out in `repository`."""
    ref = _unless_it_fails("symbolic-ref", "--quiet", "HEAD", at=at)
    commit = _unless_it_fails("rev-parse", "--quiet", "--verify", "--short", "HEAD^{commit}", at=at)
    branch = ref.removeprefix("refs/heads/") if ref is not None else None
    return Head(branch, commit, unfinished(repository.git_dir))


def unfinished(git_dir: Path) -> str | None:
    """Return the git command that waits to be continued in a working tree; the innermost where several do."""
    if (git_dir / "rebase-merge").is_dir() or (git_dir / "rebase-apply").is_dir():
        return "am" if (git_dir / "rebase-apply" / "applying").exists() else "rebase"
    for command, file in _UNFINISHED.items():
        if (git_dir / file).exists():
            return command
    try:  # several commits at once, between two of them
        todo = (git_dir / "sequencer" / "todo").read_bytes()
    except OSError:
        todo = b""
    if todo:
        return "revert" if todo.startswith(b"revert") else "cherry-pick"
    return "bisect" if (git_dir / "BISECT_LOG").is_file() else None


def has_head(at: Path | None = None) -> bool:
    """Say whether HEAD leads to the id of a commit, which itself may be missing."""
    return _unless_it_fails("rev-parse", "--quiet", "--verify", "HEAD", at=at) is not None


def is_committed(path: PurePath, at: Path | None = None) -> bool:
    """Say whether HEAD's tree has a file at `path`, relative to the repository's top folder."""
    return _unless_it_fails("cat-file", "-e", f"HEAD:{path.as_posix()}", at=at) is not None


def has_identity(at: Path | None = None) -> bool:
    """Say whether git was told who commits, without letting it guess from the machine's name."""
    idents = ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT")
    told = (_unless_it_fails("-c", "user.useConfigOnly=true", "var", ident, at=at) for ident in idents)
    return all(ident is not None for ident in told)


def _unless_it_fails(*words: str, at: Path | None) -> str | None:
    try:
        return git(*words, at=at)
    except GitFailed:
        return None


def ref_names(at: Path | None = None) -> list[str]:
    """Return the full names of all branches, remote-tracking branches and tags, in git's order.

    Symbolic ones, such as ``refs/remotes/origin/HEAD``, are left out.
    """
    listed = git("for-each-ref", "--format=%(symref) %(refname)", "refs/heads", "refs/remotes", "refs/tags", at=at)
    return [line[1:] for line in listed.split("\n") if line.startswith(" ")]


def settings(at: Path | None = None) -> dict[str, str]:
    """Return git's configuration, each variable with the value that counts; one without a value is ``true``."""
    pairs = (line.partition("\n") for line in git("config", "--list", "-z", at=at).split("\0") if line)
    return {name: value if separator else "true" for name, separator, value in pairs}
