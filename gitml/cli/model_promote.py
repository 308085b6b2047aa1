"""``gitml model promote``."""

from __future__ import annotations

import json
import sys

import click

from gitml.cli import deployment_text
from gitml.cli.gate_table import gate_lines, gates_as_data
from gitml.cli.terminal import printable
from gitml.conventions.branches import DEFAULT_MODEL
from gitml.git.plan import describe
from gitml.models.deployment import Merge
from gitml.models.promotion import InProduction, Session
from gitml.models.refused import Refused

_EXAMPLE = """\b
Example:
  gitml model promote v4              # opens the pull request
  gitml model promote v4 --merge      # without a forge, once it is approved"""


@click.command("promote", epilog=_EXAMPLE)
@click.argument("version", metavar="MODEL")
@click.option("--merge", "is_merge", is_flag=True, help="Move production now, if gates and approvals agree; no forge.")
@click.option("--model", metavar="NAME", default=DEFAULT_MODEL, help="The model that a bare v4 is of.")
@click.option("--remote", metavar="NAME", default="", help="The git remote; origin, or the only one, if left out.")
@click.option("--dry-run", is_flag=True, help="Ask all rules and gates, say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(version: str, is_merge: bool, model: str, remote: str, dry_run: bool, as_json: bool) -> None:
    """Bring a released model to production, by pull request.

    The branch promote/<model>-v<N> is one commit on production's tip with the model's tree. Run it again after
    production moved: the same pull request, built anew.
    """
    try:
        if is_merge:
            _merge(Merge(version, model, remote), dry_run, as_json)
        else:
            _promote(Session(version, model, remote), dry_run, as_json)
    except InProduction as there:
        if as_json:
            print(json.dumps({"model": str(there.version), "is_new": False}))
        else:
            print(printable(f"{there.what}\nnext  gitml model list"))
    except Refused as refused:
        lines = gate_lines(refused.gates)
        print("\n".join(map(printable, lines)), end="\n" if lines else "", file=sys.stderr)
        raise


def _merge(session: Merge, dry_run: bool, as_json: bool) -> None:
    if dry_run:
        _say_plan([*gate_lines(session.gates), *(f"would {line}" for line in describe(session.plan()))])
        return
    deployed = session.carry_out()
    print(deployment_text.as_json(deployed) if as_json else deployment_text.as_text(deployed))


def _promote(session: Session, dry_run: bool, as_json: bool) -> None:
    if dry_run:
        _say_plan([*gate_lines(session.gates), *(f"would {line}" for line in describe(session.plan()))])
        return
    is_new = session.is_new
    made = session.carry_out()
    if as_json:
        told = {
            "model": str(made.version),
            "branch": made.branch,
            "into": made.into,
            "commit": made.commit,
            "production": made.production,
            "is_new": is_new,
            "gates": gates_as_data(session.gates),
            "warnings": [one.violation._asdict() for one in session.judged],
        }
        print(json.dumps(told, indent=2))
        return
    verb = "is open already" if not is_new else "built anew" if made.before is not None else "opened"
    needed = session.upstream.config.approvals.needed
    lines = [
        *gate_lines(session.gates),
        *(f"warning  {one.violation.what} ({one.violation.rule})" for one in session.judged),
        f"✓ {made.branch} {verb} ({made.commit[:7]}), into {made.into} on {session.remote}",
        f"  git diff {made.production[:7]} {made.commit[:7]}   # exactly what changes in production"
        if not made.is_opening
        else "  the first model in production",
        f"next  gitml model approve {made.version}   # {needed} colleague{'s' * (needed != 1)}"
        if needed
        else f"next  gitml model promote {made.version} --merge",
    ]
    print("\n".join(map(printable, lines)))


def _say_plan(lines: list[str]) -> None:
    print("\n".join(map(printable, lines)) if lines else "nothing is left to do")
