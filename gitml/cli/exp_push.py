"""``gitml exp push``."""

from __future__ import annotations

import json

import click

from gitml.cli.terminal import filled, printable
from gitml.experiments import desk as desks
from gitml.experiments.ending import NoneIsCheckedOut
from gitml.experiments.sharing import Pushed, Session, amount
from gitml.git.plan import describe
from gitml.pipeline.storage import DataObject

_EXAMPLE = """\b
Example:
  gitml exp push
  gitml exp push lower-lr --dry-run"""

MOST_NAMED = 3


@click.command("push", epilog=_EXAMPLE)
@click.argument("name", required=False)
@click.option("--remote", metavar="NAME", default="", help="The git remote; default is the branch's own, or origin.")
@click.option("--data-remote", metavar="NAME", default="", help="The DVC remote; default is DVC's own default.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(name: str | None, remote: str, data_remote: str, dry_run: bool, as_json: bool) -> None:
    """Push an experiment: its data, then its branch and tags.

    Only what the remotes lack is sent; broken off, the same again goes on. The branch is never forced. NAME is
    the experiment that is checked out, if left out.
    """
    desk = desks.find()
    if name is None and desk.slug is None:
        raise NoneIsCheckedOut(desk.branch, "exp push lower-lr", "Name the one that is pushed.")
    session = Session(desk, desks.checked_slug(name or desk.slug or ""), remote, data_remote)
    if dry_run:
        lines = describe(session.plan())
        print(json.dumps(lines, indent=2) if as_json else "\n".join(printable(f"would {line}") for line in lines))
        return
    pushed = session.carry_out()
    print(_as_json(pushed) if as_json else _as_text(pushed))


def _as_text(pushed: Pushed) -> str:
    data = pushed.data
    where = " and ".join(data.remotes)
    branch = f"experiments/{pushed.slug}"
    verb = "✓" if pushed.branch != "up to date" else "already"
    tags = "".join(f" and {tag}" for tag in pushed.tags)
    lines = [f"{verb} {pushed.commit[:7]} on {pushed.remote} as {branch}{tags}"]
    if data.objects:
        lines.append(f"data    pushed {amount(data.objects)} to {where}")
    elif where and not data.nowhere:
        lines.append(f"data    everything is in {where} already")
    lines += note_of(data.nowhere, where)
    lines.append(f"next    gitml exp fetch {pushed.slug}   # for a colleague")
    return "\n".join(printable(line) for line in lines)


def note_of(nowhere: tuple[DataObject, ...], where: str) -> list[str]:
    """Return the lines about data that is at neither end."""
    if not nowhere:
        return []
    more = len(nowhere) - MOST_NAMED
    names = ", ".join(each.path for each in nowhere[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    text = f"{amount(nowhere)} neither here nor in {where or 'a remote'}: {names}; gitml data push where it was made"
    return [f"note    {filled(text, ' ' * 8)[8:]}"]


def data_as_json(objects: tuple[DataObject, ...]) -> list[dict[str, object]]:
    """Return data for scripts."""
    return [{"path": each.path, "md5": each.md5, "size": each.size, "files": each.files} for each in objects]


def _as_json(pushed: Pushed) -> str:
    told = {
        "experiment": pushed.slug,
        "commit": pushed.commit,
        "remote": pushed.remote,
        "branch": pushed.branch,
        "tags": list(pushed.tags),
        "data_remotes": list(pushed.data.remotes),
        "pushed": data_as_json(pushed.data.objects),
        "nowhere": data_as_json(pushed.data.nowhere),
    }
    return json.dumps(told, indent=2)
