"""What follows once a branch has its commit; the next command does what a killed one left of it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path

from gitml.conventions.released import OF_A_RELEASE
from gitml.errors import GitmlError
from gitml.experiments import desk as desks
from gitml.experiments import reporting
from gitml.experiments.before import LOCK, Before, Landing, checked_out
from gitml.experiments.desk import FOLDER, Desk
from gitml.git import branch_move, lock, oplog, repository
from gitml.git.command import ask, failure, git
from gitml.git.files import replace_file
from gitml.git.index import refresh_index
from gitml.git.objects import Objects
from gitml.git.oplog import Move
from gitml.git.repository import make_folder, shelf
from gitml.git.transaction import value_of
from gitml.pipeline import repro
from gitml.pipeline.environment import read_hold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gitml.git.lock import Holder, Lock


class AnotherRun(GitmlError):
    """A command that moves a branch is under way in this working tree."""

    def __init__(self, holder: Holder | None) -> None:
        who = f"process {holder.pid} ({holder.command})" if holder is not None else "another process"
        super().__init__("a run is under way in this working tree", f"It is {who}.", ("gitml status",))


def check_alone(desk: Desk) -> None:
    """See that no run is under way in a working tree.

    Raises
    ------
    AnotherRun
        One is.
    """
    file = desk.own_folder / LOCK
    if lock.is_held(file):
        raise AnotherRun(lock.read_holder(file))


@contextmanager
def alone(desk: Desk) -> Iterator[Lock]:
    """Be the only one who runs in a working tree.

    Raises
    ------
    AnotherRun
        Somebody else does.
    """
    make_folder(desk.own_folder)
    file = desk.own_folder / LOCK
    held = lock.try_to_take(file)
    if held is None:
        raise AnotherRun(lock.read_holder(file))
    try:
        yield held
    finally:
        held.give_back()


def switch(landing: Landing, root: Path) -> None:
    """Be on a new branch, unless somebody switched to another one meanwhile."""
    if landing.old is not None or checked_out(root) != landing.head:
        return
    if git("rev-parse", "HEAD", at=root) == landing.parent:
        git("symbolic-ref", "-m", f"gitml {landing.command}: begin {landing.slug}", "HEAD", landing.ref, at=root)
        return
    words = ("switch", "--quiet", "--no-guess")
    answer = ask(*words, operands=[f"{FOLDER}{landing.slug}"], at=root)
    if answer.code != 0 and checked_out(root) != landing.ref:  # git's status is that of a post-checkout hook
        raise failure(answer, *words, f"{FOLDER}{landing.slug}", at=root)


def refresh(landing: Landing, root: Path) -> tuple[str, ...]:
    """Write the command's own files into the working tree, and let git's index follow.

    Returns
    -------
    kept
        Files whose staged content was left as it was.
    """
    if checked_out(root) != landing.ref:
        return ()
    place = shelf(root)
    with Objects(root) as objects:
        written = {path: objects.read_file(landing.new, path) for path in landing.files}
        report = reporting.path(landing.slug)
        began = objects.read_file(landing.started, report) if landing.started else None
    for path, content in written.items():
        if content is None:
            continue
        file = root / path
        current = file.read_bytes() if file.exists() else b""
        if path == report and current:
            content = reporting.carried_over(current, content, began)
        if content != current:
            file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(file, content, place)
    _drop_what_is_of_a_release(landing, root)
    return tuple(refresh_index(root, landing.parent, landing.new))


def _drop_what_is_of_a_release(landing: Landing, root: Path) -> None:
    """Remove what a model's tree has and an experiment on it has not, where it is as it was there."""
    there = [path for path in OF_A_RELEASE if (root / path).is_file()]
    if not there:
        return
    with Objects(root) as objects:
        for path in there:
            old, new = (objects.read_file(commit, path) for commit in (landing.parent, landing.new))
            if new is None and old == (root / path).read_bytes():
                (root / path).unlink()


def log(landing: Landing, root: Path, words: Sequence[str] = ()) -> None:
    """Write the command down for ``gitml undo``, once."""
    move = Move(landing.ref, landing.old, landing.new)
    if not any(move in operation.moves for operation in oplog.read(root)):
        head = (landing.head, landing.ref) if landing.old is None else None
        oplog.record(words or sys.argv[1:], [move], head, at=root)


def arrive(at: Path | None = None, is_dry_run: bool = False) -> Desk:
    """Return the working tree around `at`, after what a killed command left in it is done.

    Parameters
    ----------
    at
        As for `gitml.experiments.desk.find`; errors as well.
    is_dry_run
        Whether nothing is done.
    """
    desk = desks.find(at)
    return desks.find(at) if not is_dry_run and finish(desk) is not None else desk


def finish(desk: Desk) -> Landing | None:
    """Do what a killed command left to do: finish what it had committed, or put back what it had changed.

    Returns
    -------
    landing
        What it had committed; None where there was nothing to finish, or another command is at work.

    Raises
    ------
    CannotWrite
        The disk is full.
    """
    if branch_move.is_left(desk.repository.git_dir):
        branch_move.finish(desk.root)
    return finish_in(desk.root, desk.own_folder)


def finish_in(root: Path, own: Path) -> Landing | None:
    """Do what a killed command left to do in a working tree that may be another one.

    Parameters
    ----------
    root
        The working tree's top folder.
    own
        Where gitml keeps what is about this working tree. Errors and what is returned as for `finish`.
    """
    before = Before(root, own)
    if not before.is_left:
        return None
    held = lock.try_to_take(own / LOCK)
    if held is None:
        return None
    try:
        if not before.is_there:  # killed while it was forgotten
            before.forget()
            return None
        landing = committed(before, root)
        if landing is not None:
            switch(landing, root)
            refresh(landing, root)
            log(landing, root, (*landing.command.split(), landing.slug))
        else:
            before.put_back()
        project = root / before.project
        if read_hold(project).state in ("abandoned", "corrupt"):  # whoever wrote it had the lock that is ours now
            (project / ".dvc" / "tmp" / "rwlock").unlink(missing_ok=True)
        if landing is None and before.log and before.is_here and (stages := repro.begun(own / before.log)):
            repro.check_out(project, stages)
        before.forget()
    finally:
        held.give_back()
    return landing


def finish_elsewhere(desk: Desk, place: Path | None) -> bool:
    """Do the same in another working tree of the repository, where there is one; say whether a commit was finished."""
    if place is None or place == desk.root or not place.is_dir():
        return False
    return finish_in(place, repository.find(place).git_dir / repository.OWN_FOLDER) is not None


def committed(before: Before, root: Path) -> Landing | None:
    """Read what a killed command left, and return the commit that its branch has already; None where it has none."""
    before.read()
    landing = before.landing
    return landing if landing is not None and value_of(landing.ref, root) == landing.new else None
