"""``gitml model promote``."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import click

from gitml.cli import deployment_text
from gitml.cli.gate_table import gate_lines, gates_as_data
from gitml.cli.plan_text import planned
from gitml.cli.terminal import printable
from gitml.conventions.branches import DEFAULT_MODEL
from gitml.errors import GitmlError
from gitml.forges import proposal
from gitml.git.plan import describe
from gitml.models.deployment import Merge
from gitml.models.promotion import InProduction, Session
from gitml.models.refused import Refused

if TYPE_CHECKING:
    from gitml.forges.base import PullRequest

_EXAMPLE = """\b
Example:
  gitml model promote v4              # opens the pull request
  gitml model promote v4 --merge      # without a forge, once it is approved"""


class MergedByItsForge(GitmlError):
    """A promotion on a forge is merged there."""

    def __init__(self, version: object) -> None:
        super().__init__(
            f"the promotion of {version} is merged where its pull request is",
            "The forge counts reviews and asks for the check; nothing was changed. A remote that only looks like a "
            'forge is named in gitml.toml of its main branch: kind = "none" in [forge].',
            (f"gitml model promote {version}   # its pull request",),
        )


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
            promote(Session(version, model, remote), dry_run, as_json)
    except InProduction as there:
        if as_json:
            print(json.dumps({"model": str(there.version), "is_new": False}))
        else:
            print(f"{printable(there.what)}\nnext  gitml model list")
    except Refused as refused:
        lines = gate_lines(refused.gates)
        print("\n".join(map(printable, lines)), end="\n" if lines else "", file=sys.stderr)
        raise


def _merge(session: Merge, dry_run: bool, as_json: bool) -> None:
    if proposal.has_forge(session.remote, session.upstream.config, os.environ):
        raise MergedByItsForge(session.version)
    if dry_run:
        print(planned(describe(session.plan()), session.gates, as_json))
        return
    deployed = session.carry_out()
    print(deployment_text.as_json(deployed) if as_json else deployment_text.as_text(deployed))


def promote(session: Session, dry_run: bool, as_json: bool) -> None:
    """Push a promotion, open its pull request where there is a forge, and say so."""
    has_forge = proposal.has_forge(session.remote, session.upstream.config, os.environ)
    if dry_run:
        opens = ["open its pull request, with the evidence"] if has_forge else []
        print(planned([*describe(session.plan()), *opens], session.gates, as_json))
        return
    is_new = session.is_new
    options = proposal.said_with_the_push(session.promotion, session.upstream, os.environ)
    made = session.carry_out(options)
    failed: proposal.NotProposed | None = None
    request: PullRequest | None = None
    try:
        request = proposal.propose(made, session.upstream, os.environ)
    except proposal.NotProposed as error:
        failed = error
        if options and is_new:  # it may have opened one by itself: nobody could ask it
            failed.mend = ("look for it among the merge requests: GitLab was asked with the push", *error.mend)
    print(_as_json(session, is_new, request) if as_json else _as_text(session, is_new, request))
    if failed is not None:
        raise failed


def _as_text(session: Session, is_new: bool, request: PullRequest | None) -> str:
    made = session.promotion
    verb = "is open already" if not is_new else "built anew" if made.before is not None else "opened"
    difference = f"  git diff {made.production[:7]} {made.commit[:7]}   # exactly what changes in production"
    lines = [
        *gate_lines(session.gates),
        *(f"warning  {one.violation.what} ({one.violation.rule})" for one in session.judged),
        f"✓ {made.branch} {verb} ({made.commit[:7]}), into {made.into} on {session.remote}",
        difference if not made.is_opening else "  the first model in production",
        *_next(session, request),
    ]
    return "\n".join(map(printable, lines))


def _next(session: Session, request: PullRequest | None) -> list[str]:
    version = session.promotion.version
    if request is not None:
        return [f"  pull request {request.number}: {request.url}", "next  have it reviewed, and merge it there"]
    if proposal.has_forge(session.remote, session.upstream.config, os.environ):
        return []
    needed = session.upstream.config.approvals.needed
    if needed:
        return [f"next  gitml model approve {version}   # {needed} colleague{'s' * (needed != 1)}"]
    return [f"next  gitml model promote {version} --merge"]


def _as_json(session: Session, is_new: bool, request: PullRequest | None) -> str:
    made = session.promotion
    told = {
        "model": str(made.version),
        "branch": made.branch,
        "into": made.into,
        "commit": made.commit,
        "production": made.production,
        "is_new": is_new,
        "pull_request": None if request is None else {"number": request.number, "url": request.url},
        "gates": gates_as_data(session.gates),
        "warnings": [one.violation._asdict() for one in session.judged],
    }
    return json.dumps(told, indent=2)
