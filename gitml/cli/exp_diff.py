"""``gitml exp diff``."""

from __future__ import annotations

import json

import click

from gitml.cli.exp_show import columns
from gitml.cli.terminal import printable
from gitml.experiments import compare, naming, shown, store
from gitml.experiments.compare import CodeChange, Difference
from gitml.experiments.rows import Run, number

MOST_FILES = 20


@click.command("diff", epilog="\b\nExample:\n  gitml exp diff lower-lr wide-net\n  gitml exp diff v3 v4 --json")
@click.argument("old")
@click.argument("new", required=False)
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(old: str, new: str | None, as_json: bool) -> None:
    """Show what differs between two experiments.

    Their params, their metrics, and the lines of code. Each may be an experiment, a model as v4, or any
    revision. Without NEW, OLD is held against main.
    """
    found = store.read()
    if new is None:
        old, new = found.main.name if found.main is not None else "main", old
    first, second = naming.find(old, found).run(), naming.find(new, found).run()
    difference = compare.compare(first, second)
    print(_as_json(first, second, difference) if as_json else _as_text(first, second, difference))


def _as_json(old: Run, new: Run, difference: Difference) -> str:
    return json.dumps(
        {
            "old": {"name": old.name, "commit": old.commit, "test_data": old.test_data},
            "new": {"name": new.name, "commit": new.commit, "test_data": new.test_data},
            "is_same_data": difference.is_same_data,
            "params": difference.params,
            "metrics": difference.metrics,
            "code": [change._asdict() for change in difference.code],
        },
        indent=2,
    )


def _as_text(old: Run, new: Run, difference: Difference) -> str:
    blocks = [printable(f"{old.name} {old.commit[:7]} → {new.name} {new.commit[:7]}")]
    if difference.is_same_data is False:
        blocks[0] += "\nmeasured on other test data: the metrics cannot be compared"
    params = shown.aliases_left_out(difference.params)
    if params:
        rows = [["PARAM", "OLD", "NEW"]]
        rows += [[name, shown.value(pair[0]), shown.value(pair[1])] for name, pair in params.items()]
        blocks.append(columns(rows, ()))
    metrics = [
        (name, pair) for name, pair in difference.metrics.items() if not all(one is None for one in map(number, pair))
    ]
    if metrics:
        rows = [["METRIC", "OLD", "NEW", "CHANGE"], *(_metric(name, pair) for name, pair in metrics)]
        blocks.append(columns(rows, range(1, 4)))
    if difference.code:
        blocks.append("\n".join(_code(difference.code)))
    if len(blocks) == 1:
        blocks.append("nothing differs")
    return "\n\n".join(blocks)


def _metric(name: str, pair: list[object]) -> list[str]:
    figures = [number(one) for one in pair]
    decimals = shown.figures(figures)
    change = compare.delta(pair)
    cells = ["" if one is None else shown.metric(one, decimals) for one in figures]
    return [name, *cells, "" if change is None else shown.delta(change, decimals)]


def _code(code: tuple[CodeChange, ...]) -> list[str]:
    lines = [f"  {_lines(change):12} {printable(change.path)}" for change in code[:MOST_FILES]]
    if len(code) > MOST_FILES:
        lines.append(f"  and {len(code) - MOST_FILES} more files")
    return lines


def _lines(change: CodeChange) -> str:
    return "binary" if change.added is None else f"+{change.added} -{change.removed}"
