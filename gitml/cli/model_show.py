"""``gitml model show``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import click

from gitml.cli.exp_show import columns
from gitml.cli.model_list import checked_remote
from gitml.cli.model_table import as_data, stage
from gitml.cli.terminal import filled, printable
from gitml.conventions.amounts import bytes_in_words
from gitml.conventions.branches import DEFAULT_MODEL
from gitml.conventions.moments import moment
from gitml.experiments import shown as values
from gitml.experiments import store
from gitml.experiments.rows import number
from gitml.models import registry, shown
from gitml.models.listing import Period, Row
from gitml.models.provenance import Provenance
from gitml.models.shown import Shown

MOST = 15
"""Lines of a table; --json has all of them."""

LONGEST_NAME, LONGEST_VALUE = 46, 28
_INDENT = 15


@click.command("show", epilog="\b\nExample:\n  gitml model show v4\n  gitml model show v4 --card > MODEL_CARD.md")
@click.argument("release")
@click.option("--model", metavar="NAME", default=DEFAULT_MODEL, help="The model that a bare v4 is of.")
@click.option("--remote", metavar="NAME", help="As this remote was when it was fetched last.")
@click.option("--card", "is_card", is_flag=True, help="Print its MODEL_CARD.md, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object with everything that is known.")
def command(release: str, model: str, remote: str | None, is_card: bool, as_json: bool) -> None:
    """Show one release: metrics, params, data, files, deployments.

    What it says of itself is shown as it says it; gitml model trace proves it.
    """
    place = store.locate()
    known = registry.read(checked_remote(remote))
    found = shown.show(registry.find(release, known, model), known, store.read_config(place))
    if is_card:
        print("\n".join(printable(line) for line in found.card.splitlines()))
    else:
        print(_as_json(found) if as_json else _as_text(found))


def _as_json(found: Shown) -> str:
    told = found.row.claim.told
    more: dict[str, Any] = {"signature": found.signature or None, "conclusions": found.conclusions}
    if told is not None:
        more |= {
            "source_commit": told.commit,
            "repackaged": None if told.repackaged is None else str(told.repackaged),
            "params": dict(told.params),
            "data": [source._asdict() for source in told.data],
            "files": [file._asdict() for file in told.model],
            "environment": dict(told.environment),
        }
    return json.dumps({**as_data(found.row), **more}, indent=2)


def _as_text(found: Shown) -> str:
    row = found.row
    told = row.claim.told
    blocks = ["\n".join(_facts(found))]
    if told is not None:
        blocks += list(_tables(row, told))
    if row.periods:
        blocks.append("\n".join(["  PRODUCTION", *(filled(_told(period), " " * 4) for period in row.periods)]))
    return "\n\n".join(blocks) + f"\n\nnext  {_next(row)}"


def _facts(found: Shown) -> Iterator[str]:
    row = found.row
    release, told = row.release, row.claim.told
    age = values.age(time.time() - row.time) if row.time else ""
    yield printable("  ".join(word for word in (str(release.version), row.person, age, stage(row)) if word))
    signed = f"{found.signature} signature, not verified here" if found.signature else "not signed"
    yanked = release.yanked
    facts = {
        "branch": f"{release.version.branch} {release.commit[:10]}",
        "tag": f"{release.version.tag}, {signed}" if release.tag is not None else "none on its tip",
        "yanked": f"{yanked.subject} ({yanked.person}, {moment(yanked.time)[:10]})" if yanked is not None else "",
        "wrong": row.claim.fault,
    }
    if told is not None:
        facts["from"] = f"{told.experiment or 'no experiment'}, commit {told.commit[:10]}"
        facts["repackaged"] = f"the model of {told.repackaged}, unchanged" if told.repackaged is not None else ""
    for name, text in facts.items():
        if text:
            yield f"  {name:{_INDENT - 2}}{filled(text, ' ' * _INDENT)[_INDENT:]}"
    for place, line in enumerate(found.conclusions):
        yield f"  {'' if place else 'conclusions':{_INDENT - 2}}{filled(line, ' ' * _INDENT)[_INDENT:]}"


def _tables(row: Row, told: Provenance) -> Iterator[str]:
    figures = {name: value for name, value in told.metrics.items() if number(value) is not None and "." not in name}
    if figures:
        has_other = bool(row.versus)
        table = [["METRIC", "VALUE", *(["VS PRODUCTION"] if has_other else [])]]
        for name in list(figures)[:MOST]:
            table.append([_cut(name), _figure(figures[name]), *([_versus(row, name)] if has_other else [])])
        note = "\n  measured on other test data than production's" if row.is_same_data is False else ""
        yield columns(table, range(1, 2)) + _more(len(figures)) + note
    if told.params:
        pairs = [[_cut(name), _cut(values.value(value), LONGEST_VALUE)] for name, value in told.params.items()]
        yield columns([["PARAM", "VALUE"], *pairs[:MOST]], ()) + _more(len(pairs))
    if told.data:
        sources = [[_cut(source.path), source.md5[:10]] for source in told.data]
        yield columns([["DATA", "MD5"], *sources[:MOST]], ()) + _more(len(sources))
    if told.model:
        files = [[_cut(file.path), bytes_in_words(file.size), file.sha256[:10]] for file in told.model]
        yield columns([["FILE", "SIZE", "SHA256"], *files[:MOST]], range(1, 2)) + _more(len(files))
    packages = told.environment.get("packages")
    installed = {**told.environment, **packages} if isinstance(packages, dict) else dict(told.environment)
    installed.pop("packages", None)
    if installed:
        names = [f"{name} {values.value(value)}" for name, value in installed.items()]
        text = ", ".join(name[:LONGEST_NAME] for name in names[:MOST])
        more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
        yield f"  ENVIRONMENT\n{filled(text + more, ' ' * 4)}"


def _told(period: Period) -> str:
    came, left = period
    why = f" ({came.reason})" if came.reason else ""
    text = f"{moment(came.time)[:16]} brought by {came.person}{why}"
    if left is None:
        return f"{text}, and is there"
    by = f" for {left.version}" if left.version is not None else ""
    why = f" ({left.reason})" if left.reason else ""
    return f"{text}; {moment(left.time)[:16]} taken out by {left.person}{by}{why}"


def _next(row: Row) -> str:
    version = row.release.version
    if row.release.yanked is not None:
        return "gitml model list"
    if row.is_in_production:
        return f"gitml model trace {version}"
    return f"gitml model promote {version}"


def _versus(row: Row, name: str) -> str:
    if name not in row.versus:
        return ""
    delta, word = row.versus[name]
    return word if word == "same" else f"{values.delta(delta, values.figures([number(row.metrics[name])]))} {word}"


def _figure(value: Any) -> str:
    found = number(value)
    return "" if found is None else values.metric(found, values.figures([found]))


def _cut(text: str, width: int = LONGEST_NAME) -> str:
    return values.cut(printable(text), width)


def _more(count: int) -> str:
    return f"\n  and {count - MOST} more: --json" if count > MOST else ""
