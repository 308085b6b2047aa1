"""``gitml model rollback``."""

from __future__ import annotations

import click

from gitml.cli import deployment_text, model_promote
from gitml.cli.plan_text import planned
from gitml.conventions.branches import DEFAULT_MODEL
from gitml.errors import WrongUsage
from gitml.git.plan import describe
from gitml.models import past, upstream
from gitml.models.deployment import RollBack, to
from gitml.models.promotion import Session

_EXAMPLE = """\b
Example:
  gitml model rollback --reason "wrong on Sundays" --now   # to the one before
  gitml model rollback --to v2 --reason "wrong on Sundays" # by pull request"""


@click.command("rollback", epilog=_EXAMPLE)
@click.option("--to", "text", metavar="MODEL", default=None, help="The release; what was there before, if left out.")
@click.option("--reason", metavar="TEXT", required=True, help="Why; it stands in production's history.")
@click.option("--now", "is_now", is_flag=True, help="Move production at once, without a pull request.")
@click.option("--model", metavar="NAME", default=DEFAULT_MODEL, help="The model that a bare v4 is of.")
@click.option("--remote", metavar="NAME", default="", help="The git remote; origin, or the only one, if left out.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(text: str | None, reason: str, is_now: bool, model: str, remote: str, dry_run: bool, as_json: bool) -> None:
    """Bring back a model that production had: one more commit, nothing is taken away.

    Gates and reports are not asked again, so that nothing new stands in the way at night; its data must be in
    the DVC remote, and it must not have been withdrawn. Without --now it is a pull request like any promotion.
    """
    if not reason.strip():
        raise WrongUsage("the reason is empty", "It is all that anybody will know of it later.", ())
    if not is_now:
        _by_pull_request(text, reason, model, remote, dry_run, as_json)
        return
    session = RollBack(text, reason, model, remote)
    if dry_run:
        print(planned(describe(session.plan()), as_json=as_json))
        return
    deployed = session.carry_out()
    print(deployment_text.as_json(deployed) if as_json else deployment_text.as_text(deployed))


def _by_pull_request(text: str | None, reason: str, model: str, remote: str, dry_run: bool, as_json: bool) -> None:
    words = ("gitml", "model", "rollback", *to(text), "--reason", reason)
    name = upstream.choose(remote, upstream.typed(*words, model=model))
    found = past.way_back(text, model, upstream.look(name).registry)
    model_promote.promote(Session(str(found.version), found.version.model, name, reason), dry_run, as_json)
