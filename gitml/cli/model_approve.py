"""``gitml model approve``."""

from __future__ import annotations

import json
import sys

import click

from gitml.cli.plan_text import planned
from gitml.cli.terminal import printable
from gitml.conventions.branches import DEFAULT_MODEL
from gitml.git.plan import describe
from gitml.models.approval import Approved, Session

_EXAMPLE = """\b
Example:
  gitml model approve v4"""


@click.command("approve", epilog=_EXAMPLE)
@click.argument("version", metavar="MODEL")
@click.option("--model", metavar="NAME", default=DEFAULT_MODEL, help="The model that a bare v4 is of.")
@click.option("--remote", metavar="NAME", default="", help="The git remote; origin, or the only one, if left out.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(version: str, model: str, remote: str, dry_run: bool, as_json: bool) -> None:
    """Agree that a model goes to production, where no forge asks for reviews.

    A tag on the promotion's one commit, signed with your SSH key (git config gpg.format ssh, user.signingkey).
    It counts if the allowed_signers of the main branch names you, and you made neither the model nor its
    promotion. A promotion that is built anew, because production moved, needs a new one.
    """
    session = Session(version, model, remote, may_ask=sys.stdin.isatty())
    if dry_run:
        print(planned(describe(session.plan()), as_json=as_json))
        return
    approved = session.carry_out()
    print(_as_json(approved) if as_json else _as_text(approved))


def _as_text(approved: Approved) -> str:
    verb = "✓ you approved" if approved.is_new else "you had approved"
    lines = [f"{verb} {approved.version} as it is now ({approved.commit[:7]}): {approved.agreed} of {approved.needed}"]
    lines += [f"  {one.tag}: {one.fault}" for one in approved.approvals if one.fault]
    if approved.agreed >= approved.needed:
        lines.append(f"next  gitml model promote {approved.version} --merge")
    return "\n".join(map(printable, lines))


def _as_json(approved: Approved) -> str:
    told = {
        "model": str(approved.version),
        "commit": approved.commit,
        "tag": approved.tag,
        "is_new": approved.is_new,
        "approvals": [one._asdict() for one in approved.approvals],
        "count": approved.agreed,
        "needed": approved.needed,
    }
    return json.dumps(told, indent=2)
