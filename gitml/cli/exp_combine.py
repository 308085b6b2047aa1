"""``gitml exp combine``."""

from __future__ import annotations

import json
import sys

import click

from gitml.cli.run_progress import Screen
from gitml.cli.run_result import as_json, as_text, parsed_sets
from gitml.cli.terminal import printable
from gitml.experiments.combine import Request, Session
from gitml.git.plan import describe

_EXAMPLE = """\b
Example:
  gitml exp combine lower-lr wide-net -n lower-and-wide -m "they add up"
  gitml exp combine lower-lr wide-net -n lower-and-wide -S width=128
  gitml exp combine a b c -n abc --dry-run"""


@click.command("combine", epilog=_EXAMPLE)
@click.argument("names", nargs=-1, required=True)
@click.option("-n", "--name", required=True, metavar="NAME", help="The new experiment.")
@click.option(
    "-S", "--set", "sets", metavar="NAME=VALUE", multiple=True, help="Set a parameter, as where they do not agree."
)
@click.option("-m", "--message", default="", metavar="TEXT", help="The hypothesis: what you expect of them together.")
@click.option("--switch", is_flag=True, help="Check the new branch out; without it your files stay as they are.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "is_json", is_flag=True, help="Write a JSON object.")
def command(
    names: tuple[str, ...],
    name: str,
    sets: tuple[str, ...],
    message: str,
    switch: bool,
    dry_run: bool,
    is_json: bool,
) -> None:
    """Bring experiments together on a new branch, and run the result.

    Code is merged by git, parameters by their names; results are made by running, in a working tree of its
    own. It is one commit with all of them as parents, and its report compares with each. Where they changed
    the same lines, or gave a parameter another value, nothing is changed and they are named.
    """
    screen = Screen(sys.stderr)
    session = Session(
        Request(names, name, parsed_sets(sets), message, switch), tell=screen.show, note=screen.note, is_dry_run=dry_run
    )
    lines = describe(session.plan())
    if dry_run:
        print(json.dumps(lines, indent=2) if is_json else "\n".join(printable(f"would {line}") for line in lines))
        return
    with screen:
        finished = session.carry_out()
    if is_json:
        print(as_json(finished))
        return
    print(as_text(finished))
    if not switch:
        print(printable(f"        git switch experiments/{session.slug}   # your files are as they were"))
