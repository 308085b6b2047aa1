"""``gitml undo``."""

from __future__ import annotations

import json
import shlex
import sys
import time

import click

from gitml.cli.terminal import printable
from gitml.experiments import at_work
from gitml.git import oplog, repository, undo
from gitml.git.lock import Holder
from gitml.git.oplog import Operation
from gitml.git.plan import describe


@click.command("undo", epilog="\b\nExample:\n  gitml undo --dry-run\n  gitml undo\n  gitml undo --list")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--list", "is_list", is_flag=True, help="Show the commands that can be undone, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(dry_run: bool, is_list: bool, as_json: bool) -> None:
    """Take back the last command in this clone; files stay as they are.

    The branches and tags that the last gitml command moved go back to where they were; twice, those of the
    one before as well. No file is touched: what the command had committed shows as not committed. The
    index follows a branch that is checked out, and keeps what you staged. What is taken back is kept
    under refs/gitml/undo/. For what was pushed, the command that answers it for everybody is named instead.
    """
    if is_list:
        _list(as_json)
        return
    if not dry_run:
        _put_in_order()
    undoing = undo.prepare() if dry_run else undo.undo(on_wait=_wait)
    words = shlex.join(["gitml", *undoing.operation.words])
    if as_json:
        print(json.dumps({"is_done": not dry_run, **_as_data(undoing.operation), **_result(undoing)}, indent=2))
        return
    print(printable(f"{'would undo' if dry_run else 'undone'}  {words}"))
    for line in describe(undo.plan(undoing)):
        print(printable(f"  {line}"))
    for ref in undoing.kept:
        print(printable(f"  leave {ref}: it was pushed"))
    for line in undoing.forward:
        print(printable(f"for everybody  {line}"))
    print(f"next  {'gitml undo' if dry_run else _next(undoing)}")


def _put_in_order() -> None:
    """Do what a killed command left to do, and say so: what it committed is then the last command, else none was."""
    here = repository.find()
    if here.root is None or not at_work.is_killed(here.git_dir):
        return
    from gitml.experiments import landing

    done = landing.finish_in(here.root, here.git_dir / repository.OWN_FOLDER)
    what = f"finished gitml {done.command} {done.slug}, which" if done else "put back the files of a command that"
    print(printable(f"{what} was killed"), file=sys.stderr)


def _list(as_json: bool) -> None:
    left = oplog.not_undone(oplog.read())
    if as_json:
        print(json.dumps([_as_data(operation) for operation in left], indent=2))
        return
    for operation in left:
        refs = ", ".join(dict.fromkeys(move.ref.removeprefix("refs/heads/") for move in operation.moves))
        print(printable(f"{_age(time.time() - operation.time):>4}  gitml {shlex.join(operation.words)}  ({refs})"))
    print(f"next  {'gitml undo --dry-run' if left else 'gitml --help   # nothing to undo'}")


def _as_data(operation: Operation) -> dict[str, object]:
    return {
        "id": operation.id,
        "time": operation.time,
        "words": list(operation.words),
        "moves": [move._asdict() for move in operation.moves],
    }


def _result(undoing: undo.Undoing) -> dict[str, object]:
    return {
        "moved": [{"ref": move.ref, "from": move.new, "to": move.old} for move in undoing.moves],
        "pinned": dict(undoing.pinned),
        "kept": list(undoing.kept),
        "head": undoing.head,
        "forward": list(undoing.forward),
    }


def _next(undoing: undo.Undoing) -> str:
    if undoing.pinned:
        return f"git status; what was undone: git log -3 {shlex.quote(undoing.pinned[0][0])}"
    return "git status"


def _wait(holder: Holder | None) -> None:
    print(f"waiting for {printable(str(holder or 'another command'))}", file=sys.stderr)


def _age(seconds: float) -> str:
    """Return a time that passed as people read it: ``8m``, ``3h``, ``2d``."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"
