"""``gitml ci record``."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click

from gitml.cli.terminal import printable
from gitml.errors import BrokenEnvironment
from gitml.forges import proposal
from gitml.models import upstream
from gitml.models.record import Recorded, record

if TYPE_CHECKING:
    from gitml.models.upstream import Upstream

_EXAMPLE = """\b
Example:
  gitml ci record              # in main's workflow, after each merge"""


class NotAllProposed(BrokenEnvironment):
    """Some pull requests do not say what their promotions are now."""

    def __init__(self, errors: list[proposal.NotProposed]) -> None:
        why = "\n".join(f"{error.what}. {error.why}".strip() for error in errors)
        mend = tuple(dict.fromkeys(command for error in errors for command in error.mend))
        super().__init__(f"{len(errors)} pull requests could not be brought up to date", why, mend)


@click.command("record", epilog=_EXAMPLE)
@click.option("--remote", metavar="NAME", default="", help="The git remote; origin, or the only one, if left out.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(remote: str, dry_run: bool, as_json: bool) -> None:
    """Record what was merged: tags for GTO, open promotions built anew.

    Each commit of production that has no tag gets one, in the order in which they came; each open promotion that
    does not stand on production's tip is built anew on it. All in one push; again it does nothing.
    """
    name = upstream.choose(remote, "gitml ci record")
    found = record(name, is_dry=dry_run)
    print(_as_json(found) if as_json else _as_text(found, "would " if dry_run else ""))
    if not dry_run and found.rebuilt + found.kept:
        _say_on_the_forge(found, upstream.look(name), as_json)


def _say_on_the_forge(found: Recorded, seen: Upstream, as_json: bool) -> None:
    """Bring the pull requests up to date, as many as the forge takes."""
    failed = []
    for one in found.rebuilt:
        try:
            request = proposal.propose(one, seen, os.environ)
        except proposal.NotProposed as error:
            failed.append(error)
            continue
        if request is not None and not as_json:
            print(printable(f"pull request {request.number} says so: {request.url}"))
    for one in found.kept:
        try:
            proposal.refresh(one, seen, os.environ)
        except proposal.NotProposed as error:
            failed.append(error)
    if failed:
        raise failed[0] if len(failed) == 1 else NotAllProposed(failed)


def _as_text(found: Recorded, would: str) -> str:
    lines = [f"{would}tag {one.tag} for {one.version} ({one.deployment[:7]})" for one in found.assigned]
    lines += [f"{would}build {one.branch} anew ({one.commit[:7]})" for one in found.rebuilt]
    lines += [f"{version} stays as it was: {why}" for version, why in found.stuck]
    return "\n".join(map(printable, lines or ["nothing to record"]))


def _as_json(found: Recorded) -> str:
    told = {
        "assigned": [{**one._asdict(), "version": str(one.version)} for one in found.assigned],
        "rebuilt": [{"model": str(one.version), "branch": one.branch, "commit": one.commit} for one in found.rebuilt],
        "kept": [str(one.version) for one in found.kept],
        "stuck": [{"model": str(version), "why": why} for version, why in found.stuck],
    }
    return json.dumps(told, indent=2)
