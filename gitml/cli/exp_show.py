"""``gitml exp show``."""

from __future__ import annotations

import json
import time

import click

from gitml.cli.terminal import filled, printable
from gitml.experiments import naming, shown, store
from gitml.experiments.rows import Run, diff, number
from gitml.experiments.store import Entry


@click.command(
    "show", epilog="\b\nExample:\n  gitml exp show lower-lr\n  gitml exp show v4 --json\n  gitml exp show HEAD~1"
)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(name: str | None, as_json: bool) -> None:
    """Show one experiment: params, metrics, runs, report.

    NAME is an experiment, or the only one that begins or ends so; a model as v4 or model-v4; or any revision.
    Without it, all experiments are listed. Params are held against the commit of main that the experiment
    was started from, metrics against that and against main.
    """
    if name is None:
        from gitml.cli.exp_list import show

        show(form="json" if as_json else "")
        return
    found = store.read()
    entry = naming.find(name, found)
    parent = _parent(entry)
    main = found.main if found.main is not None and found.main.record.commit != entry.record.commit else None
    print(_as_json(entry, parent, main) if as_json else _as_text(entry, parent, main))


def _parent(entry: Entry) -> Entry | None:
    """Return the commit of main that an experiment was started from; on main's own line, the one before."""
    fork = entry.line.fork
    if fork == entry.record.commit:
        before = naming.commit_of(f"{fork}^1")
        fork = before or ""
    return store.read_commit(fork) if fork else None


def _as_json(entry: Entry, parent: Entry | None, main: Entry | None) -> str:
    run = entry.run()
    against = {
        name: None if other is None else _against(other.run(), run)
        for name, other in (("against_parent", parent), ("against_main", main))
    }
    return f"{entry.as_json()[:-1]}, {json.dumps(against)[1:]}"


def _against(other: Run, run: Run) -> dict[str, object]:
    return {
        "commit": other.commit,
        "is_same_data": other.test_data == run.test_data,
        "params": diff(other.params, run.params),
        "metrics": diff(other.metrics, run.metrics),
    }


def _as_text(entry: Entry, parent: Entry | None, main: Entry | None) -> str:
    run = entry.run()
    blocks = ["\n".join(_facts(run))]
    base = parent.run() if parent is not None else None
    params = shown.aliases_left_out(diff(base.params, run.params)) if base is not None else {}
    if params:
        rows = [["PARAM", "PARENT", "NOW"]]
        rows += [[name, shown.value(pair[0]), shown.value(pair[1])] for name, pair in params.items()]
        blocks.append(columns(rows, ()))
    metrics = _metrics(run, base, main.run() if main is not None else None)
    if len(metrics) > 1:
        blocks.append(columns(metrics, range(1, len(metrics[0]))))
    return "\n\n".join(blocks)


def _facts(run: Run) -> list[str]:
    pushed = {True: f"pushed to {run.remote}", False: "not pushed", None: ""}[run.is_pushed]
    first = [run.name, run.commit[:7], run.author, shown.age(time.time() - run.time), pushed]
    facts = {
        "subject": run.subject,
        "hypothesis": run.hypothesis,
        "runs": str(run.runs) if run.runs else "",
        "verdict": run.report.get("verdict", ""),
        "report": run.report.get("path", ""),
        "test data": run.test_data,
    }
    lines = [printable("  ".join(word for word in first if word))]
    lines += [f"  {name:11}{filled(text, ' ' * 13)[13:]}" for name, text in facts.items() if text]
    unreadable = [f"{path}: {why}" for path, why in run.unreadable.items()]
    return lines + [f"  {'unreadable':11}{filled(text, ' ' * 13)[13:]}" for text in unreadable]


def _metrics(run: Run, base: Run | None, main: Run | None) -> list[list[str]]:
    """Return a table of the numbers that differ from the parent's, or of all where there is no parent."""
    others = {
        "PARENT": base,
        "MAIN": main if main is not None and (base is None or main.commit != base.commit) else None,
    }
    known = {head: other for head, other in others.items() if other is not None and other.metrics}
    changed = diff(base.metrics, run.metrics) if base is not None and base.metrics else run.metrics
    names = [name for name in run.metrics if name in changed and number(run.metrics[name]) is not None]
    table = [["METRIC", *known, "NOW", *(f"VS {head}" for head in known)]]
    for name in names:
        now = number(run.metrics[name])
        before = [number(other.metrics.get(name)) for other in known.values()]
        decimals = shown.figures([now, *before])
        row = [name, *(_figure(one, decimals) for one in before), _figure(now, decimals)]
        for other, one in zip(known.values(), before, strict=True):
            is_other = other.test_data != run.test_data
            delta = "" if one is None or now is None else shown.delta(now - one, decimals)
            row.append("other data" if is_other and delta else delta)
        table.append(row)
    return table


def _figure(value: float | None, decimals: int) -> str:
    return "" if value is None else shown.metric(value, decimals)


def columns(rows: list[list[str]], right: range | tuple[int, ...]) -> str:
    """Return rows of cells in columns, of which some are aligned to the right."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    lines = []
    for row in cells:
        padded = (
            cell.rjust(widths[place]) if place in right else cell.ljust(widths[place]) for place, cell in enumerate(row)
        )
        lines.append(("  " + "  ".join(padded)).rstrip())
    return "\n".join(lines)
