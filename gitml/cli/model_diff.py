"""``gitml model diff``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from gitml.cli.exp_show import columns
from gitml.cli.model_list import checked_remote
from gitml.cli.terminal import filled, printable
from gitml.conventions.amounts import bytes_in_words
from gitml.conventions.branches import DEFAULT_MODEL
from gitml.experiments import shown, store
from gitml.experiments.compare import CodeChange
from gitml.git import repository
from gitml.models import difference, registry
from gitml.models.difference import Difference, Figure
from gitml.models.registry import Release
from gitml.pipeline.storage import Storage

MOST = 20
LONGEST_NAME, LONGEST_VALUE = 34, 18

Table = tuple[list[str], list[list[str]]]
"""Heads, and rows of cells."""


@click.command("diff", epilog="\b\nExample:\n  gitml model diff v3 v4\n  gitml model diff v3 v4 --md >> comment.md")
@click.argument("old")
@click.argument("new")
@click.option("--model", metavar="NAME", default=DEFAULT_MODEL, help="The model that a bare v4 is of.")
@click.option("--remote", metavar="NAME", help="As this remote was when it was fetched last.")
@click.option("--json", "form", flag_value="json", help="Write a JSON object with everything that differs.")
@click.option("--md", "form", flag_value="md", help="Write tables in Markdown.")
def command(old: str, new: str, model: str, remote: str | None, form: str | None) -> None:
    """Show what differs between two releases.

    Metrics with paired intervals where the predictions of both are in DVC's cache (gitml data fetch brings them),
    params, data, packages, code and the size of the model.
    """
    place = store.locate()
    known = registry.read(checked_remote(remote))
    first, second = registry.find(old, known, model), registry.find(new, known, model)
    top = repository.find().root
    found = difference.between(first, second, store.read_config(place), Storage(top) if top is not None else None)
    if form == "json":
        print(_as_json(first, second, found))
    else:
        print(_as_markdown(first, second, found) if form == "md" else _as_text(first, second, found))


def _as_json(old: Release, new: Release, found: Difference) -> str:
    told: dict[str, Any] = {
        "old": {"name": str(old.version), "commit": old.commit},
        "new": {"name": str(new.version), "commit": new.commit},
        "is_same_data": found.is_same_data,
        "note": found.note,
        "faults": found.faults,
        "metrics": [figure._asdict() for figure in found.metrics],
        "params": found.params,
        "data": found.data,
        "environment": found.environment,
        "files": found.files,
        "code": [change._asdict() for change in found.code],
    }
    return json.dumps(told, indent=2)


def _as_text(old: Release, new: Release, found: Difference) -> str:
    blocks = [f"{old.version} {old.commit[:7]} → {new.version} {new.commit[:7]}"]
    blocks += [filled(fault, "  ") for fault in found.faults]
    if not found.is_same_data:
        blocks[0] += "\nmeasured on other test data: the metrics cannot be compared"
    for heads, rows in _tables(found):
        right = range(1, 4) if heads[0] == "METRIC" else ()
        more = f"\n  and {len(rows) - MOST} more: --json" if len(rows) > MOST else ""
        blocks.append(columns([heads, *rows[:MOST]], right) + more)
    if len(blocks) == 1:
        blocks.append("nothing differs")
    elif found.note and found.is_same_data and found.metrics:
        blocks.append(filled(f"no intervals: {found.note}", "  "))
    return "\n\n".join(blocks)


def _as_markdown(old: Release, new: Release, found: Difference) -> str:
    from gitml.reports import markdown

    blocks = [f"{old.version} `{old.commit[:10]}` → {new.version} `{new.commit[:10]}`"]
    blocks += [markdown.plain(fault) for fault in found.faults]
    if not found.is_same_data:
        blocks.append("Measured on other test data: the metrics cannot be compared.")
    for heads, rows in _tables(found):
        right = range(1, 4) if heads[0] == "METRIC" else ()
        cells = [[markdown.code(row[0]), *(markdown.plain(cell) for cell in row[1:])] for row in rows]
        blocks.append(markdown.table(heads, cells, right))
    return "\n\n".join(blocks)


def _tables(found: Difference) -> Iterator[Table]:
    """Yield a table for each thing that differs."""
    figures = [figure for figure in found.metrics if figure.old != figure.new]
    if figures:
        heads = ["METRIC", "OLD", "NEW", "CHANGE", ""] if found.is_same_data else ["METRIC", "OLD", "NEW"]
        yield heads, [_metric(figure)[: len(heads)] for figure in figures]
    for head, pairs in (("PARAM", shown.aliases_left_out(found.params)), ("ENVIRONMENT", found.environment)):
        if pairs:
            yield [head, "OLD", "NEW"], [[_name(name), *map(_value, pair)] for name, pair in pairs.items()]
    if found.data:
        yield ["DATA", "OLD", "NEW"], [[_name(name), *map(_sum, pair)] for name, pair in found.data.items()]
    if found.files:
        yield ["FILE", "OLD", "NEW"], [[_name(name), *map(_size, pair)] for name, pair in found.files.items()]
    if found.code:
        yield ["CODE", "LINES"], [[shown.cut(printable(one.path), 60), _lines(one)] for one in found.code]


def _metric(figure: Figure) -> list[str]:
    decimals = shown.figures([figure.old, figure.new])
    cells = ["" if one is None else shown.metric(one, decimals) for one in (figure.old, figure.new)]
    change = "" if figure.old is None or figure.new is None else shown.delta(figure.new - figure.old, decimals)
    if figure.interval is not None:
        change += " [" + ", ".join(shown.delta(end, decimals) for end in figure.interval) + "]"
    return [shown.cut(printable(figure.name), 24), *cells, change, figure.word]


def _name(text: str) -> str:
    return shown.cut(printable(text), LONGEST_NAME)


def _value(value: Any) -> str:
    return shown.cut(printable(shown.value(value)), LONGEST_VALUE)


def _sum(md5: str | None) -> str:
    return "–" if md5 is None else printable(md5)[:10]


def _size(size: int | None) -> str:
    return "–" if size is None else bytes_in_words(size)


def _lines(change: CodeChange) -> str:
    return "binary" if change.added is None else f"+{change.added} -{change.removed}"
