"""Taking back the last command, in this clone: its refs go back, files stay."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import NamedTuple

from gitml.errors import GitmlError
from gitml.git import oplog
from gitml.git.command import ask, git
from gitml.git.index import finish, refresh_index
from gitml.git.lock import WAIT, Holder, hold
from gitml.git.oplog import Move, Operation
from gitml.git.plan import Plan, Step, carry_out
from gitml.git.refs import checked_out
from gitml.git.repository import find
from gitml.git.transaction import compare_and_swap, delete, value_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PINS = "refs/gitml/undo/"

_REASON = "gitml undo"


class NothingToUndo(GitmlError):
    """No command is left that could be taken back."""

    def __init__(self) -> None:
        super().__init__(
            "there is nothing to undo",
            "Only what gitml's own commands did to branches and tags of this clone can be undone. What git did "
            "stands in its reflog.",
            ("git reflog",),
        )


class AlreadyPushed(GitmlError):
    """All that the last command did is on a remote, where others may have it."""

    def __init__(self, operation: Operation, refs: Sequence[str]) -> None:
        names = ", ".join(map(_short, refs))
        super().__init__(
            f"gitml {' '.join(operation.words)} was pushed: {names}",
            "Others may have it, so it is not taken back but answered by a new commit. Nothing was changed.",
            operation.forward or tuple(_forward(move) for move in operation.moves),
        )
        self.operation = operation


class MovedSince(GitmlError):
    """A ref that the last command moved was moved again by something else."""

    def __init__(self, operation: Operation, move: Move, now: str | None) -> None:
        short = _short(move.ref)
        left = f"at {move.new[:10]}" if move.new else "deleted"
        is_at = f"is at {now[:10]}" if now else "does not exist"
        super().__init__(
            f"{short} was moved since: gitml {' '.join(operation.words)} left it {left}, now it {is_at}",
            "To undo would lose what came after. Nothing was changed. If that is what you want:",
            (_by_hand(move),),
        )
        self.move = move
        self.now = now


class IsCheckedOut(GitmlError):
    """A branch that undoing would delete is checked out."""

    def __init__(self, ref: str, place: Path | None) -> None:
        where = f" in {place}" if place is not None else ""
        go = f"git -C {quote(str(place))} switch --detach" if place is not None else "git switch main"
        super().__init__(
            f"{_short(ref)} is checked out{where}, and undoing would delete it",
            "The command that made it did not say which branch you were on before.",
            (go, "gitml undo"),
        )
        self.ref = ref


class Undoing(NamedTuple):
    """What taking back a command would do.

    Attributes
    ----------
    operation
        The command.
    moves
        The refs that go back, in this order, with the values as the command left them.
    pinned
        The refs that keep what they pointed at, and where that is.
    kept
        The refs that stay, because they were pushed.
    head
        The branch that HEAD goes to; None where it stays.
    forward
        The commands that take back for everybody what was pushed.
    """

    operation: Operation
    moves: tuple[Move, ...]
    pinned: tuple[tuple[str, str], ...]
    kept: tuple[str, ...]
    head: str | None
    forward: tuple[str, ...]


def prepare(at: Path | None = None) -> Undoing:
    """Return what `plan` would take back: the last command that was not taken back yet.

    Refs that are back already, because an undo was killed, are no mistake: the same command again
    finishes it.

    Raises
    ------
    NothingToUndo
        There is none.
    AlreadyPushed
        All that it did was pushed.
    MovedSince
        Something else has moved one of its refs.
    IsCheckedOut
        A branch would be deleted under a working tree.
    """
    left = oplog.not_undone(oplog.read(at))
    if not left:
        raise NothingToUndo
    operation = left[0]
    pushed = {move.ref for move in operation.moves if move.is_pushed or _is_on_a_remote(move, at)}
    moves = tuple(move for move in reversed(operation.moves) if move.ref not in pushed)
    if not moves:
        raise AlreadyPushed(operation, sorted(pushed))
    for move in moves:
        now = value_of(move.ref, at)
        if now not in (move.new, move.old):
            raise MovedSince(operation, move, now)
    pinned = tuple(
        (f"{PINS}{operation.id}/{move.ref.removeprefix('refs/')}", move.new) for move in moves if move.new is not None
    )
    kept = [move for move in operation.moves if move.ref in pushed]
    forward = (operation.forward or tuple(map(_forward, kept))) if kept else ()
    return Undoing(operation, moves, pinned, tuple(sorted(pushed)), _next_head(operation, moves, at), forward)


def plan(undoing: Undoing, at: Path | None = None) -> Plan:
    """Return the steps that take a command back.

    The tips are pinned first, then HEAD leaves a branch that vanishes, then the refs go back one by one, each
    only from where the command left it; then the index follows; then the log says so. Killed anywhere, the
    same again finishes it.
    """
    steps = [
        Step(f"pin-{place}", f"keep {oid[:10]} as {name}", _pin(name, oid, at))
        for place, (name, oid) in enumerate(undoing.pinned)
    ]
    if undoing.head is not None:
        steps.append(Step("head", f"switch to {_short(undoing.head)}, files stay", _switch(undoing.head, at)))
    for place, move in enumerate(undoing.moves):
        steps.append(Step(f"ref-{place}", _says(move), _put_back(move, at)))
    last_ref = len(steps) - 1
    steps.append(Step("index", "let the index follow, files stay", _follow(undoing, at)))
    steps.append(Step("log", "write it down", _write_down(undoing, at)))
    return Plan("undo", steps, last_ref)


def undo(at: Path | None = None, on_wait: Callable[[Holder | None], None] | None = None, wait: float = WAIT) -> Undoing:
    """Take back the last command, under the repository's lock, and return what was done.

    Parameters
    ----------
    at, on_wait, wait
        As for `gitml.git.lock.hold`. Errors as for `prepare`, and `gitml.git.lock.Locked`.
    """
    with hold(at, wait, on_wait):
        root = find(at).root
        if root is not None:
            finish(root)
        undoing = prepare(at)
        carry_out(plan(undoing, at))
    return undoing


def _is_on_a_remote(move: Move, at: Path | None) -> bool:
    """Say whether the remote-tracking branch of the same name has what a branch was moved to."""
    if move.new is None or not move.ref.startswith("refs/heads/"):
        return False
    is_backwards = move.old is not None and ask("merge-base", "--is-ancestor", move.new, move.old, at=at).code == 0
    if is_backwards:
        return False
    name = move.ref.removeprefix("refs/heads/")
    holders = git("for-each-ref", "--format=%(refname)", f"--contains={move.new}", "refs/remotes/", at=at)
    return any(ref.endswith(f"/{name}") for ref in holders.split("\n"))


def _next_head(operation: Operation, moves: Sequence[Move], at: Path | None) -> str | None:
    """Return the branch to switch to, where the one that is checked out here vanishes."""
    vanishing = {move.ref for move in moves if move.old is None}
    here = ask("symbolic-ref", "--quiet", "HEAD", at=at).out.strip()
    for ref, place in checked_out(at).items():
        if ref in vanishing and ref != here:
            raise IsCheckedOut(ref, place)
    if here not in vanishing:
        return None
    before = operation.head[0] if operation.head is not None and operation.head[1] == here else ""
    if not before.startswith("refs/heads/") or before in vanishing or value_of(before, at) is None:
        raise IsCheckedOut(here, None)
    return before


def _pin(name: str, oid: str, at: Path | None) -> Callable[[], None]:
    def do() -> None:
        if value_of(name, at) != oid:
            compare_and_swap(name, oid, None, "gitml undo: pin", at)

    return do


def _switch(branch: str, at: Path | None) -> Callable[[], None]:
    def do() -> None:
        git("symbolic-ref", "-m", _REASON, "HEAD", branch, at=at)

    return do


def _put_back(move: Move, at: Path | None) -> Callable[[], None]:
    def do() -> None:
        if value_of(move.ref, at) == move.old:
            return
        if move.old is not None:
            compare_and_swap(move.ref, move.old, move.new, _REASON, at)
        elif move.new is not None:
            delete(move.ref, move.new, _REASON, at)

    return do


def _follow(undoing: Undoing, at: Path | None) -> Callable[[], None]:
    def do() -> None:
        places = {ref: place for ref, place in checked_out(at).items() if place.is_dir()}
        for move in undoing.moves:
            if move.new is not None and move.old is not None and move.ref in places:
                refresh_index(places[move.ref], move.new, move.old)
        left = _left_branch(undoing, at)
        here = ask("symbolic-ref", "--quiet", "HEAD", at=at).out.strip()
        now = value_of(here, at) if here in places else None
        if left is not None and now is not None:
            refresh_index(places[here], left, now)

    return do


def _left_branch(undoing: Undoing, at: Path | None) -> str | None:
    """Return the tip of the branch that undoing has switched away from, now or before it was killed."""
    head = undoing.operation.head
    if head is None:
        return None
    tips = {move.ref: move.new for move in undoing.moves if move.old is None}
    last = ask("log", "--walk-reflogs", "-1", "--format=%gs", "HEAD", "--", at=at).out.strip()
    return tips.get(head[1]) if undoing.head is not None or last == _REASON else None


def _write_down(undoing: Undoing, at: Path | None) -> Callable[[], None]:
    def do() -> None:
        back = [Move(move.ref, move.new, move.old) for move in undoing.moves]
        oplog.record(["undo"], back, undoes=undoing.operation.id, at=at)

    return do


def _says(move: Move) -> str:
    short = _short(move.ref)
    if move.old is None:
        return f"delete {short} at {(move.new or '')[:10]}"
    if move.new is None:
        return f"make {short} at {move.old[:10]} again"
    return f"move {short} from {move.new[:10]} back to {move.old[:10]}"


def _by_hand(move: Move) -> str:
    return (
        f"git update-ref -d {quote(move.ref)}" if move.old is None else f"git update-ref {quote(move.ref)} {move.old}"
    )


def _forward(move: Move) -> str:
    if move.new is None:
        return f"git push origin {quote(f'{move.old}:{move.ref}')}"
    if move.old is None:
        return f"git push origin --delete {quote(move.ref)}"
    return f"git revert --no-edit {move.old[:10]}..{move.new[:10]}   # on {_short(move.ref)}"


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
