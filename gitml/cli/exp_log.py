"""``gitml exp log``."""

from __future__ import annotations

import time

import click

from gitml.cli.exp_show import columns
from gitml.cli.terminal import printable
from gitml.experiments import history, listing, naming, shown, store
from gitml.experiments.store import Entry


@click.command("log", epilog="\b\nExample:\n  gitml exp log lower-lr\n  gitml exp log lower-lr --all --json")
@click.argument("name", default="HEAD")
@click.option("--all", "has_all", is_flag=True, help="Commits that no run made, too.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON list, one object a run.")
def command(name: str, has_all: bool, as_json: bool) -> None:
    """Show the runs of one experiment, newest first.

    Each with its metric, the difference to the run before it, and what it changed. Without NAME, of what
    is checked out.
    """
    place = store.locate()
    config = store.read_config(place)
    found = store.read(place=place, metric=config.metric.name if config.metric is not None else "")
    entry = naming.find(name, found)
    commits = history.commits_of(entry, found)
    shown_ones = [one for one in commits if has_all or history.is_run(one)]
    if as_json:
        print("[" + ",\n".join(one.as_json() for one in shown_ones) + "]")
        return
    if not shown_ones:
        more = f"; gitml exp log {entry.name} --all shows its {len(commits)} commits" if commits else ""
        print(printable(f"{entry.name} has no runs yet{more}"))
        return
    metric = listing.default_metric(shown_ones, config)
    print(_table(shown_ones, metric))


def _table(entries: list[Entry], metric: str) -> str:
    now = time.time()
    figures = [one.figure(metric) if metric else None for one in entries]
    decimals = shown.figures(figures)
    runs = [one.run() for one in entries]
    head = metric.rpartition(":")[2].rpartition(".")[2].upper() or "METRIC"
    rows = [["COMMIT", head, "VS BEFORE", "AGE", "SUBJECT"]]
    for place, run in enumerate(runs):
        value = figures[place]
        before = figures[place + 1] if place + 1 < len(runs) else None
        is_same = place + 1 < len(runs) and runs[place + 1].test_data == run.test_data
        delta = "" if value is None or before is None else shown.delta(value - before, decimals)
        cells = [
            "" if value is None else shown.metric(value, decimals),
            delta if is_same or not delta else "other data",
        ]
        rows.append([run.commit[:7], *cells, shown.age(now - run.time), shown.cut(_subject(run.subject), 40)])
    return columns(rows, (1, 2, 3))


def _subject(text: str) -> str:
    return text.removeprefix("experiment: ")
