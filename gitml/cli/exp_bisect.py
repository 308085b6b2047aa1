"""``gitml exp bisect``."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from gitml.cli.run_progress import Screen
from gitml.cli.terminal import printable
from gitml.errors import WrongUsage
from gitml.experiments import shown
from gitml.experiments.bisect import Found, Limit, Session, Tested

MOST = 10
"""Parameters, and files, that are shown."""

_EXAMPLE = """\b
Example:
  gitml exp bisect --metric roc_auc --below 0.71 v3..main
  gitml exp bisect --metric log_loss --above 0.5 main~20..main --json"""


@click.command("bisect", epilog=_EXAMPLE)
@click.argument("span", metavar="GOOD..BAD")
@click.option("--metric", required=True, metavar="NAME", help="The metric; an end of its name will do.")
@click.option("--below", type=float, metavar="FIGURE", help="Less than this is bad.")
@click.option("--above", type=float, metavar="FIGURE", help="More than this is bad.")
@click.option("--dry-run", is_flag=True, help="Say what would be searched, and run nothing.")
@click.option("--json", "is_json", is_flag=True, help="Write a JSON object.")
def command(span: str, metric: str, below: float | None, above: float | None, dry_run: bool, is_json: bool) -> None:
    """Find the commit that lost a metric; run only what has no figures.

    The commits are those from GOOD to BAD along first parents. Figures that a commit has are read; where it has
    none, or they are not of its code and parameters, it is run in a working tree of its own. No branch is
    moved, and your files stay as they are. After Ctrl-C the same command goes on where it was.
    """
    bound = below if below is not None else above
    if bound is None or (below is not None and above is not None):
        raise WrongUsage(
            "a bad figure is one below a limit, or above it",
            "Say which.",
            (f"gitml exp bisect --metric {metric} --below 0.71 {span}",),
        )
    screen = Screen(sys.stderr)
    session = Session(span, Limit(metric, bound, below is not None), tell=screen.show, note=screen.note)
    if dry_run:
        lines = session.plan()
        print(json.dumps(lines, indent=2) if is_json else "\n".join(printable(f"would {line}") for line in lines))
        return
    with screen:
        found = session.search()
    print(_as_json(found, metric) if is_json else "\n".join(map(printable, _as_lines(found, metric))))


def _as_json(found: Found, metric: str) -> str:
    told: dict[str, Any] = {
        "metric": metric,
        "good": _told(found.good),
        "bad": _told(found.bad),
        "between": list(found.between),
        "params": found.difference.params,
        "code": [change._asdict() for change in found.difference.code],
        "is_same_data": found.difference.is_same_data,
        "tested": [_told(one) for one in found.tested],
    }
    return json.dumps(told, indent=2)


def _told(tested: Tested) -> dict[str, Any]:
    return {**tested._asdict(), "comes_from": tested.comes_from}


def _as_lines(found: Found, metric: str) -> list[str]:
    good, bad = found.good, found.bad
    lines = [f"{bad.commit[:10]} lost it: {bad.subject}", f"  {metric} {good.figure:.6g} -> {bad.figure:.6g}"]
    if found.between:
        count = len(found.between)
        names = ", ".join(commit[:10] for commit in found.between[:3])
        lines.append(f"  or one of the {count} before it, which have no figure: {names}{' …' * (count > 3)}")
    params = list(shown.aliases_left_out(found.difference.params).items())
    lines += [f"  {shown.change(name, pair)}" for name, pair in params[:MOST]]
    for change in found.difference.code[:MOST]:
        lines.append(f"  {'binary' if change.added is None else f'+{change.added} -{change.removed}'} {change.path}")
    more = max(0, len(params) - MOST) + max(0, len(found.difference.code) - MOST)
    if more:
        lines.append(f"  and {more} more")
    if found.difference.is_same_data is False:
        lines.append("  measured on other test data than before")
    lines.append(f"next    gitml exp diff {good.commit[:10]} {bad.commit[:10]}")
    return lines
