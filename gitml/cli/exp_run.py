"""``gitml exp run``."""

from __future__ import annotations

import json
import sys

import click

from gitml.cli.run_progress import Screen
from gitml.cli.run_result import as_json, as_text, parsed_sets
from gitml.cli.signals import ends_as_by_ctrl_c
from gitml.cli.terminal import printable
from gitml.experiments.run import Session
from gitml.experiments.run_terms import Request
from gitml.git.plan import describe

_EXAMPLE = """\b
Example:
  gitml exp run -n lower-lr -S lr=3e-4 -m "1e-3 overshoots"
  gitml exp run --worktree -n wider -S width=256   # beside it, in another tree
  gitml exp run            # again, on the experiment that is checked out
  gitml exp run --dry-run"""


@click.command("run", epilog=_EXAMPLE)
@click.option("-n", "--name", metavar="NAME", help="Begin a new experiment of this name, here.")
@click.option(
    "-S", "--set", "sets", metavar="NAME=VALUE", multiple=True, help="Set a parameter; an end of its name will do."
)
@click.option("-m", "--message", default="", metavar="TEXT", help="The hypothesis: what you expect, and why.")
@click.option("--include", metavar="PATH", multiple=True, help="Take this untracked file, folder or pattern, too.")
@click.option("--worktree", is_flag=True, help="Run in a tree of its own; several at once are safe.")
@click.option("--seeds", type=click.IntRange(min=1), metavar="N", help="Run N times, each with another seed.")
@click.option("--seed-param", default="seed", metavar="NAME", help="The parameter that is the seed; default seed.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="With --seeds, run so many at a time.")
@click.option("-f", "--force", is_flag=True, help="Run, even if an experiment has just these inputs.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "is_json", is_flag=True, help="Write a JSON object.")
def command(
    name: str | None,
    sets: tuple[str, ...],
    message: str,
    include: tuple[str, ...],
    worktree: bool,
    seeds: int | None,
    seed_param: str,
    jobs: int | None,
    force: bool,
    dry_run: bool,
    is_json: bool,
) -> None:
    """Run the pipeline, and commit what it gave with what it was made of.

    Your files are kept as they are at the start: what you edit while it runs is not committed. Untracked
    files are taken where a stage reads them, in stages/, in the report's folder, and with --include. If a
    stage fails, its results and the parameters are put back, and nothing is committed.

    With --worktree your files are left alone while it runs. Where the branch is checked out, those that you
    did not edit follow it afterwards; `dvc checkout` brings what DVC keeps. --seeds does the same for each of
    its runs, and reports the spread of the metrics.
    """
    if seeds is not None:
        from gitml.cli.exp_sweep import carry_out
        from gitml.experiments import sweep_terms

        axes = tuple((axis, (value,)) for axis, value in parsed_sets(sets))
        carry_out(
            sweep_terms.Request(name, axes, None, 0, seeds, seed_param, message, include, jobs, force), dry_run, is_json
        )
        return
    request = Request(name, parsed_sets(sets), message, include, force)
    kind = Session
    if worktree:
        from gitml.experiments import apart

        kind = apart.Session
    screen = Screen(sys.stderr)
    session = kind(request, tell=screen.show, note=screen.note, is_dry_run=dry_run)
    screen.name = session.slug if worktree else ""
    if dry_run:
        lines = describe(session.plan())
        print(json.dumps(lines, indent=2) if is_json else "\n".join(printable(f"would {line}") for line in lines))
        return
    for change in session.chosen().changes if sets else ():
        screen.note(str(change) + (f"   on new branch {session.branch}" if session.is_new else ""))
    with ends_as_by_ctrl_c(), screen:
        finished = session.carry_out()
    following = f"gitml exp show {session.slug}" if worktree and session.is_new else ""
    print(as_json(finished) if is_json else as_text(finished, following))
