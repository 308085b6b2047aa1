"""What follows once a branch has its commit; the next command does what a killed one left of it."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path

from gitml.errors import GitmlError
from gitml.experiments import reporting
from gitml.experiments.before import LOCK, Before, Landing, checked_out
from gitml.experiments.desk import FOLDER, Desk
from gitml.git import lock, oplog
from gitml.git.command import ask, failure, git
from gitml.git.files import replace_file
from gitml.git.index import refresh_index
from gitml.git.oplog import Move
from gitml.git.repository import make_folder, own_folder
from gitml.git.transaction import value_of
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
    for path in landing.files:
        answer = ask("cat-file", "blob", f"{landing.new}:{path}", at=root)
        content, file = os.fsencode(answer.out), root / path
        current = file.read_bytes() if file.exists() else b""
        if path == reporting.path(landing.slug) and current:
            content = reporting.carried_over(current, content)
        if content != current:
            file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(file, content, own_folder(root))
    return tuple(refresh_index(root, landing.parent, landing.new))


def log(landing: Landing, root: Path, words: Sequence[str] = ()) -> None:
    """Write the command down for ``gitml undo``, once."""
    move = Move(landing.ref, landing.old, landing.new)
    if not any(move in operation.moves for operation in oplog.read(root)):
        head = (landing.head, landing.ref) if landing.old is None else None
        oplog.record(words or sys.argv[1:], [move], head, at=root)


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
    before = Before(desk.root, desk.own_folder)
    if not before.is_there:
        return None
    held = lock.try_to_take(desk.own_folder / LOCK)
    if held is None:
        return None
    try:
        before.read()
        landing = before.landing
        is_committed = landing is not None and value_of(landing.ref, desk.root) == landing.new
        if landing is not None and is_committed:
            switch(landing, desk.root)
            refresh(landing, desk.root)
            log(landing, desk.root, (*landing.command.split(), landing.slug))
        else:
            before.put_back()
        project = desk.root / before.project
        if read_hold(project).state in ("abandoned", "corrupt"):  # whoever wrote it had the lock that is ours now
            (project / ".dvc" / "tmp" / "rwlock").unlink(missing_ok=True)
        before.forget()
    finally:
        held.give_back()
    return landing if is_committed else None
