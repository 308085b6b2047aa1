"""``gitml model list``."""

from __future__ import annotations

import json
import sys
import time

import click

from gitml.cli.terminal import filled
from gitml.errors import WrongUsage
from gitml.experiments import store
from gitml.git import server
from gitml.git.command import git
from gitml.models import listing, registry
from gitml.models.listing import List
from gitml.models.registry import Registry

MOST_NOTES = 5


class UnknownModel(WrongUsage):
    """There is no model of a name."""

    def __init__(self, name: str, known: list[str]) -> None:
        why = f"There is {', '.join(known[:5])}." if known else "Nothing is released yet."
        super().__init__(f"there is no model {name!r}", why, ("gitml model list",))


@click.command(
    "list",
    epilog="\b\nExample:\n  gitml model list\n  gitml model list --model churn --all\n"
    "  gitml model list --remote origin --json",
)
@click.option("--model", metavar="NAME", default="", help="Only the releases of this model.")
@click.option("--all", "has_all", is_flag=True, help="Yanked releases too.")
@click.option("--remote", metavar="NAME", help="As this remote was when it was fetched last.")
@click.option("--json", "form", flag_value="json", help="Write a JSON object with everything that is known.")
@click.option("--csv", "form", flag_value="csv", help="Write CSV: all metrics, a row a release.")
@click.option("--md", "form", flag_value="md", help="Write the table in Markdown.")
def command(model: str, has_all: bool, remote: str | None, form: str | None) -> None:
    """List released models, newest first, against production.

    A difference to the model in production is called higher or lower; whether it is more than noise, gitml model
    diff says. What was measured on other test data is not compared. Only what git has is read: no data, no network.
    """
    place = store.locate()
    known = registry.read(checked_remote(remote))
    if model and model not in known.models():
        raise UnknownModel(model, known.models())
    made = listing.build(known, store.read_config(place), model, has_all)
    if form == "json":
        _write_json(made)
    elif form == "csv":
        from gitml.cli.model_table import as_csv

        sys.stdout.write(as_csv(made))
    elif form == "md":
        from gitml.cli.model_table import as_markdown

        print(as_markdown(made, time.time()))
    elif made.rows:
        from gitml.cli.model_table import as_text

        print(as_text(made, time.time()))
    for note in _notes(made, known):
        print(f"note  {filled(note, ' ' * 6)[6:]}", file=sys.stderr)
    if not known.releases:
        print("no model is released yet", file=sys.stderr)
        print("next  gitml model release experiments/<name>", file=sys.stderr)


def checked_remote(name: str | None) -> str | None:
    """Return the name of a remote, if it is one.

    Raises
    ------
    NoSuchRemote
        It is none.
    """
    if name is not None and not server.is_remote(name):
        from gitml.git.push import NoSuchRemote

        raise NoSuchRemote(name, server.remotes())
    return name


def _write_json(made: List) -> None:
    from gitml.cli.model_table import as_data

    head = json.dumps({"metrics": made.metrics, "hidden": made.hidden, "strangers": made.strangers})
    sys.stdout.write(f'{head[:-1]}, "models": [')
    for place, row in enumerate(made.rows):
        sys.stdout.write(("," if place else "") + "\n" + json.dumps(as_data(row)))
    sys.stdout.write("\n]}\n")


def _notes(made: List, known: Registry) -> list[str]:
    """Return what the table cannot say."""
    faults = [f"{row.release.version}: {row.claim.fault}" for row in made.rows if row.claim.fault]
    notes = faults[:MOST_NOTES]
    if len(faults) > MOST_NOTES:
        notes.append(f"{len(faults) - MOST_NOTES} more cannot be read: gitml model list --json says why")
    notes += [f"production/production-{name} has the files of no release: gitml model trace" for name in made.strangers]
    if made.hidden:
        one = made.hidden == 1
        notes.append(f"{made.hidden} yanked release{'' if one else 's'} {'is' if one else 'are'} left out: --all")
    if not known.releases:
        command = "git fetch --tags {} '+refs/heads/*:refs/remotes/{}/*'"
        notes += [
            f"the models of {name} are not fetched here: {command.format(name, name)}"
            for name in store.unfetched_remotes()
        ]
    elif git("rev-parse", "--is-shallow-repository") == "true":
        notes.append("this clone is shallow: what was in production before is not known here; git fetch --unshallow")
    return notes
