"""``gitml exp fetch``."""

from __future__ import annotations

import json

import click

from gitml.cli.exp_push import data_as_json, note_of
from gitml.cli.exp_show import columns
from gitml.cli.terminal import printable
from gitml.experiments import desk as desks
from gitml.experiments.fetching import Fetched, Remote, Session, remotes_experiments
from gitml.experiments.sharing import amount
from gitml.git.plan import describe

_EXAMPLE = """\b
Example:
  gitml exp fetch            # lists what the remote has
  gitml exp fetch lower-lr && git switch experiments/lower-lr"""


@click.command("fetch", epilog=_EXAMPLE)
@click.argument("name", required=False)
@click.option("--remote", metavar="NAME", default="", help="The git remote; default is the branch's own, or origin.")
@click.option("--data-remote", metavar="NAME", default="", help="The DVC remote; default is DVC's own default.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(name: str | None, remote: str, data_remote: str, dry_run: bool, as_json: bool) -> None:
    """Fetch an experiment: its branch, and its last run's data.

    The local branch is made, or moved where that loses nothing; where both have moved it stays as it is. Where
    it is checked out and clean, its files follow. Broken off, the same again goes on. Without NAME, the
    experiments of the remote are listed.
    """
    desk = desks.find()
    if name is None:
        where, found = remotes_experiments(desk, remote)
        print(_list_as_json(where, found) if as_json else _list_as_text(where, found))
        return
    session = Session(desk, desks.checked_slug(name), remote, data_remote)
    if dry_run:
        lines = describe(session.plan())
        print(json.dumps(lines, indent=2) if as_json else "\n".join(printable(f"would {line}") for line in lines))
        return
    fetched = session.carry_out()
    print(_as_json(fetched) if as_json else _as_text(fetched, desk.slug))


def _list_as_text(remote: str, found: list[Remote]) -> str:
    if not found:
        return f"{printable(remote)} has no experiments\nnext  gitml exp push"
    rows = [["EXPERIMENT", "COMMIT", "HERE"], *([one.slug, one.commit[:7], one.state] for one in found)]
    return f"{columns(rows, ())}\n\nnext  gitml exp fetch {printable(found[0].slug)}"


def _list_as_json(remote: str, found: list[Remote]) -> str:
    told = [{"experiment": one.slug, "remote": remote, "commit": one.commit, "state": one.state} for one in found]
    return json.dumps(told, indent=2)


def _as_text(fetched: Fetched, checked_out: str | None) -> str:
    branch = f"experiments/{fetched.slug}"
    does = {
        "created": "✓ made",
        "moved": "✓ moved",
        "up to date": "already here:",
        "ahead": "yours is ahead of the remote's:",
    }[fetched.branch]
    lines = [f"{does} {branch} at {fetched.commit[:7]}"]
    where = " and ".join(fetched.data.remotes)
    if fetched.data.objects:
        lines.append(f"data    fetched {amount(fetched.data.objects)} from {where}")
    elif not fetched.data.nowhere:
        lines.append("data    everything is here already")
    lines += note_of(fetched.data.nowhere, where)
    if fetched.checked_out:
        lines.append(f"files   checked out {fetched.checked_out} of DVC's files and folders")
    go = "gitml exp run" if fetched.slug == checked_out else f"git switch {branch} && dvc checkout"
    lines.append(f"next    {'gitml exp push' if fetched.branch == 'ahead' else go}")
    return "\n".join(printable(line) for line in lines)


def _as_json(fetched: Fetched) -> str:
    told = {
        "experiment": fetched.slug,
        "commit": fetched.commit,
        "remote": fetched.remote,
        "branch": fetched.branch,
        "data_remotes": list(fetched.data.remotes),
        "fetched": data_as_json(fetched.data.objects),
        "nowhere": data_as_json(fetched.data.nowhere),
        "checked_out": fetched.checked_out,
    }
    return json.dumps(told, indent=2)
