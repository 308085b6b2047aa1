"""``gitml exp start``."""

from __future__ import annotations

import json

import click

from gitml.cli.terminal import printable
from gitml.experiments import reporting
from gitml.experiments.start import Beginning, Session
from gitml.git.plan import describe

_EXAMPLE = """\b
Example:
  gitml exp start lower-lr --hypothesis "1e-3 overshoots"
  gitml exp start lower-lr --from main"""


@click.command("start", epilog=_EXAMPLE)
@click.argument("name")
@click.option("--objective", default="", metavar="TEXT", help="What should get better, and for whom.")
@click.option("--hypothesis", default="", metavar="TEXT", help="What you expect, and why.")
@click.option("--from", "base", metavar="REVISION", help="Begin there; default is what is checked out.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(name: str, objective: str, hypothesis: str, base: str | None, dry_run: bool, as_json: bool) -> None:
    """Begin an experiment: a branch with a report, before any run.

    Your files stay as they are. Where the experiment begins somewhere else than what is checked out, that is
    checked out, as git switch does, and only if nothing is changed here.
    """
    session = Session(Beginning(name, objective, hypothesis, base), is_dry_run=dry_run)
    if dry_run:
        lines = describe(session.plan())
        print(json.dumps(lines, indent=2) if as_json else "\n".join(printable(f"would {line}") for line in lines))
        return
    session.carry_out()
    report = reporting.path(session.slug)
    if as_json:
        print(json.dumps({"experiment": session.slug, "commit": session.commit, "report": report}, indent=2))
        return
    print(printable(f"✓ {session.commit[:7]} begins experiments/{session.slug}"))
    print(f"report  {report}")
    print("next    gitml exp run")
