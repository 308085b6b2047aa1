"""``gitml exp update``."""

from __future__ import annotations

import json
import sys

import click

from gitml.cli.run_progress import Screen
from gitml.cli.run_result import as_json, as_text, parsed_sets
from gitml.cli.terminal import printable
from gitml.experiments.update import Request, Session
from gitml.git.plan import describe

_EXAMPLE = """\b
Example:
  gitml exp update
  gitml exp update --from origin/main -S lr=3e-4
  gitml exp update --dry-run"""


@click.command("update", epilog=_EXAMPLE)
@click.option(
    "--from", "base", metavar="REVISION", help="Bring this in; default is main, or origin's where none is here."
)
@click.option(
    "-S", "--set", "sets", metavar="NAME=VALUE", multiple=True, help="Set a parameter, as where both sides changed it."
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "is_json", is_flag=True, help="Write a JSON object.")
def command(base: str | None, sets: tuple[str, ...], dry_run: bool, is_json: bool) -> None:
    """Bring main into the experiment, and run what that makes stale.

    Code is merged by git, parameters by their names, dvc.lock stage by stage; results are made again, in a
    working tree of its own. All of it is one commit with two parents, and your files follow to it. Where both
    sides changed the same lines, or gave a parameter another value, nothing is changed and they are named.
    """
    screen = Screen(sys.stderr)
    session = Session(Request(base, parsed_sets(sets)), tell=screen.show, note=screen.note, is_dry_run=dry_run)
    lines = describe(session.plan())
    if dry_run:
        print(json.dumps(lines, indent=2) if is_json else "\n".join(printable(f"would {line}") for line in lines))
        return
    for change in session.params():
        screen.note(f"{change}   from {session.source.name}")
    with screen:
        finished = session.carry_out()
    if is_json:
        print(as_json(finished))
    elif finished.commit is None:
        print(printable(f"experiments/{session.slug} is up to date with {session.source.name}"))
        print("next    gitml exp run")
    else:
        print(as_text(finished))
