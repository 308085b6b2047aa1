"""``gitml exp sweep``."""

from __future__ import annotations

import json
import sys

import click

from gitml.cli.sweep_progress import Board
from gitml.cli.sweep_result import as_json, as_text
from gitml.cli.terminal import printable
from gitml.experiments.sweep import Session
from gitml.experiments.sweep_terms import Request
from gitml.git.plan import describe
from gitml.pipeline import overrides

_EXAMPLE = """\b
Example:
  gitml exp sweep -n lr-sweep -S lr=1e-4,1e-3,1e-2 -S width=128,256 -j 2
  gitml exp sweep -n wide-search -S lr=1e-4,1e-3,1e-2 -S width=64,128,256 --random 5
  gitml exp start best --from COMMIT   # goes on from one point"""


@click.command("sweep", epilog=_EXAMPLE)
@click.option("-n", "--name", metavar="NAME", help="The experiment; default is the one that is checked out.")
@click.option(
    "-S",
    "--set",
    "sets",
    metavar="NAME=VALUE,…",
    multiple=True,
    help="Values to go through; an end of its name will do.",
)
@click.option("-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Run so many points at a time.")
@click.option("--random", "sample", type=click.IntRange(min=1), metavar="K", help="Take K points of the grid only.")
@click.option("--seed", default=0, metavar="S", help="Which sample --random takes; default 0.")
@click.option("-m", "--message", default="", metavar="TEXT", help="The hypothesis: what you expect, and why.")
@click.option("--include", metavar="PATH", multiple=True, help="Take this untracked file, folder or pattern, too.")
@click.option("-f", "--force", is_flag=True, help="Run points, even if another experiment has just their inputs.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "is_json", is_flag=True, help="Write a JSON object.")
def command(
    name: str | None,
    sets: tuple[str, ...],
    jobs: int | None,
    sample: int | None,
    seed: int,
    message: str,
    include: tuple[str, ...],
    force: bool,
    dry_run: bool,
    is_json: bool,
) -> None:
    """Run every combination of values, a commit each on one branch.

    Your files are left alone; each point runs in a tree of its own, and the branch is made when all are done. A
    point that was tried before is not run again, and one that fails stops no other. After Ctrl-C or a kill the
    same command goes on where it was. The last commit has the tree of the best point, and the report with all.
    """
    axes = tuple((axis, tuple(values)) for axis, values in map(overrides.parse, sets))
    request = Request(name, axes, sample, seed, None, "", message, include, jobs, force)
    carry_out(request, dry_run, is_json)


def carry_out(request: Request, is_dry: bool, is_json: bool) -> None:
    """Run a sweep, and write what came of it."""
    board = Board(sys.stderr)
    session = Session(request, board, is_dry_run=is_dry)
    if is_dry:
        lines = [*describe(session.plan()), *(f"run {one.name}" for one in session.ones())]
        session.close()
        print(json.dumps(lines, indent=2) if is_json else "\n".join(printable(f"would {line}") for line in lines))
        return
    try:
        with board:
            finished = session.carry_out()
    except KeyboardInterrupt:
        if board.count:
            board.note(f"{board.ended} of {board.count} points are kept; the same command goes on")
        raise
    print(as_json(finished) if is_json else as_text(finished))
