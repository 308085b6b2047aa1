"""The folder in which `gitml init` is to work: what is there already decides what it does."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Literal, NamedTuple

from gitml.conventions.shell import can_be_typed, printable, quoted
from gitml.errors import BrokenEnvironment, GitFailed, WrongUsage
from gitml.git import repository
from gitml.git.command import ask
from gitml.scaffold import stamp

Kind = Literal["new", "begun", "laid down", "other"]


_STAMPS = stamp.FILE.partition("/")[0]


class Site(NamedTuple):
    """A folder.

    Attributes
    ----------
    folder
        Where, absolute; it need not be there.
    kind
        ``new``: no repository, or one without a commit and without files. ``begun``: laid down by `gitml init`, and
        without a commit yet. ``laid down``: by `gitml init`, with commits. ``other``: a repository that somebody
        else made.
    """

    folder: Path
    kind: Kind


class InsideAnother(WrongUsage):
    """A new repository would be inside another one."""

    def __init__(self, folder: Path, outer: Path) -> None:
        super().__init__(
            f"{folder} is inside the repository {outer}",
            "A repository in another one confuses git, DVC and people.",
            (
                f"cd {quoted(str(outer))} && gitml init   # to adopt that one",
                f"gitml init {quoted(str(outer.parent / folder.name))}   # beside it",
            ),
        )


class NoFolder(BrokenEnvironment):
    """Something else is there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is a file", "A project is a folder.", ("gitml init ANOTHER-NAME",))


class NoPlace(WrongUsage):
    """No project can be in a folder of this name."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"{printable(str(folder))} cannot be a project's folder", why, ("gitml init my-project",))


class IsBare(BrokenEnvironment):
    """A bare repository has no files to lay down anything in."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} is a bare repository",
            "It is what a team pushes to. A project is laid down in a clone; here belongs pre-receive.",
            (f"git clone {quoted(str(folder))}", "gitml hooks install --server"),
        )


def look(folder: Path) -> Site:
    """Return what is in a folder.

    Parameters
    ----------
    folder
        It need not be there.

    Raises
    ------
    InsideAnother
        It belongs to a repository around it, and is not ignored there.
    NoFolder
        It is a file.
    IsBare
        It is a repository without files.
    NoPlace
        Its path is too long, or has letters that no file of a project can hold.
    """
    folder = Path(os.path.abspath(folder))
    there = next(one for one in (folder, *folder.parents) if os.path.lexists(one))
    if not there.is_dir():
        raise NoFolder(there)
    found = _repository(there)
    if found is None:
        return _new(folder)
    if found.is_bare:
        raise IsBare(found.common_dir)
    root = found.root
    if root is None:
        raise WrongUsage(f"{folder} is inside .git", "A project is laid down beside it.", ("cd ..",))
    if folder.exists() and folder.resolve() == root.resolve():
        return Site(root, _kind(root))
    if _is_ignored(folder, root):
        return _new(folder)
    raise InsideAnother(folder, root)


def around(folder: Path) -> Path:
    """Return the top folder of the repository that a folder is in; the folder itself where there is none."""
    found = _repository(folder)
    return found.root if found is not None and found.root is not None else folder


def _new(folder: Path) -> Site:
    if not can_be_typed(str(folder)):
        raise NoPlace(folder, "There are line breaks, control characters or bytes that are no text in its path.")
    try:
        os.lstat(folder)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise NoPlace(folder, f"{error.strerror}.") from None
    return Site(folder, "new")


def _kind(root: Path) -> Kind:
    has_commit = repository.has_head(root)
    # Before the stamp is looked for: another init, at work now, writes it before all other files.
    has_files = any(one.name not in (".git", _STAMPS) for one in root.iterdir())
    if stamp.read(root) is None:
        return "other" if has_commit or has_files else "new"
    return "laid down" if has_commit else "begun"


def _repository(there: Path) -> repository.Repository | None:
    try:
        return repository.find(there)
    except GitFailed as failed:
        if "safe.directory" in failed.stderr:  # there is one, and it is somebody else's
            raise
        return None


def _is_ignored(folder: Path, root: Path) -> bool:
    try:
        path = folder.resolve().relative_to(root.resolve())
    except ValueError:
        return False
    return ask("check-ignore", "--quiet", "--", operands=[f"./{path.as_posix()}/"], at=root).code == 0
