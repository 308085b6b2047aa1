"""``gitml model yank``."""

from __future__ import annotations

import json

import click

from gitml.cli.terminal import filled, printable
from gitml.conventions.branches import DEFAULT_MODEL
from gitml.git.plan import describe
from gitml.models.yank import Session, Yanked, yank

_EXAMPLE = """\b
Example:
  gitml model yank v4 --reason "trained on wrong labels, #12"
  gitml model yank v4 --reason "trained on wrong labels" --dry-run"""


@click.command("yank", epilog=_EXAMPLE)
@click.argument("release")
@click.option("--reason", metavar="TEXT", required=True, help="Why, in a line; it stands in the tag.")
@click.option("--model", metavar="NAME", default=DEFAULT_MODEL, help="The model that a bare v4 is of.")
@click.option("--remote", metavar="NAME", default="", help="The git remote; origin, or the only one, if left out.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(release: str, reason: str, model: str, remote: str, dry_run: bool, as_json: bool) -> None:
    """Withdraw a release: marked, refused for promotion, never deleted.

    A tag <model>@v<N>.0.0! is pushed, which GTO reads as a deregistration. It is final, and it is refused while the
    release is in production.
    """
    if dry_run:
        lines = describe(Session(release, reason, model, remote).plan())
        print(json.dumps(lines) if as_json else "\n".join(printable(f"would {line}") for line in lines))
        return
    done = yank(release, reason, model, remote)
    print(json.dumps({**done._asdict(), "version": str(done.version)}, indent=2) if as_json else _as_text(done))


def _as_text(done: Yanked) -> str:
    if done.is_new:
        lines = [f"✓ {done.version} is yanked on {done.remote}: {done.reason}"]
    else:
        lines = [f"{done.version} was yanked before, by {done.person}: {done.reason}"]
    lines = [filled(line, "  ")[2:] for line in lines]
    return "\n".join([*lines, "next  gitml model list --all"])
