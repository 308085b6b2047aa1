"""``gitml ci comment``."""

from __future__ import annotations

import json
import os

import click

from gitml.cli.terminal import printable
from gitml.conventions import branches
from gitml.conventions.branches import BranchName
from gitml.conventions.versions import ModelVersion
from gitml.errors import BrokenEnvironment, WrongUsage
from gitml.forges import proposal
from gitml.forges.event import pull_request
from gitml.git import repository
from gitml.git.objects import Objects
from gitml.models import promotion, registry, upstream
from gitml.policy.pull_request import storage_of

_EXAMPLE = """\b
Example:
  gitml ci comment                      # in CI: for the run's pull request
  gitml ci comment --branch promote/model-v4 --dry-run"""


@click.command("comment", epilog=_EXAMPLE)
@click.option("--branch", metavar="NAME", default="", help="The promotion's branch. Default: the pull request's.")
@click.option("--remote", metavar="NAME", default="", help="The git remote; origin, or the only one, if left out.")
@click.option("--fetch", is_flag=True, help="Bring stored predictions from the DVC remote that main names.")
@click.option("--dry-run", is_flag=True, help="Write the comment to the terminal, and nowhere else.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(branch: str, remote: str, fetch: bool, dry_run: bool, as_json: bool) -> None:
    """Write the evidence for a promotion under its pull request.

    Champion against challenger on the same test rows, worst groups, differences, gates. There is one such comment:
    the next one takes its place. Reads git objects only; the DVC remote is the one that main names.
    """
    name = _promotion_in(branch)
    if name is None:
        print(json.dumps({"commented": False}) if as_json else "no promotion, so there is nothing to compare")
        return
    remote = upstream.choose(remote, upstream.typed("gitml", "ci", "comment", "--branch", str(name)))
    seen = upstream.look(remote)
    found = registry.find(f"models/{name.name}-v{name.number}", seen.registry)
    made = promotion.prepare(found, seen)
    with Objects() as objects:
        storage = storage_of(seen.main_commit, objects, repository.find().root)
    text = proposal.body(made, seen, os.environ, storage=storage, fetch=fetch)
    if dry_run:
        print(json.dumps({"commented": False, "body": text}, indent=2) if as_json else text)
        return
    there = proposal.place(remote, seen.config, os.environ)
    if there.forge is None:
        why = "Its URL leads to no forge that is known here."
        raise BrokenEnvironment(
            f"{remote} has no pull requests", why, ("gitml ci comment --dry-run", "export GITML_FORGE=gitlab")
        )
    request = there.forge.find(made.branch, made.into)
    if request is None:
        mend = (f"gitml model promote {ModelVersion(name.name, name.number)}",)
        raise BrokenEnvironment(f"there is no open pull request of {made.branch}", "", mend)
    url = there.forge.comment(request.number, text, proposal.MARKER)
    print(json.dumps({"commented": True, "url": url}) if as_json else printable(f"✓ {url}"))


def _promotion_in(branch: str) -> BranchName | None:
    known = pull_request(os.environ)
    if not branch and known is None:
        why = "In CI it is known from the environment; here it has to be named."
        raise WrongUsage("there is no pull request to comment on", why, ("gitml ci comment --branch promote/model-v4",))
    if not branch and known is not None:
        if known.is_from_fork:
            return None
        branch = known.head
    name = branches.parse(branch)
    return name if name is not None and name.kind == "promotion" else None
