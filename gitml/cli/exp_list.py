"""``gitml exp list``."""

from __future__ import annotations

import json
import sys
import time

import click

from gitml.cli.terminal import printable
from gitml.experiments import listing, store
from gitml.experiments.listing import List, Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gitml.config import Config
    from gitml.experiments.store import Store

_FORMATS = ("json", "csv", "md")


@click.command(
    "list",
    epilog="\b\nExample:\n  gitml exp list\n  gitml exp list --sort-by f1 --all\n"
    '  gitml exp list --where "roc_auc > .7 and train.model == mlp" --md',
)
@click.option("--sort-by", metavar="NAME", help="Metric, parameter, or name, author, time, runs; best first.")
@click.option("--where", metavar="TEXT", help="Only what fits: names, ==, !=, <, <=, >, >=, and, or, not, ( ).")
@click.option("--all", "has_all", is_flag=True, help="Finished experiments and models too.")
@click.option("--rescore", is_flag=True, help="Measure models of other test data again, on main's.")
@click.option("--json", "form", flag_value="json", help="Write a JSON object with everything that is known.")
@click.option("--csv", "form", flag_value="csv", help="Write CSV: what differs, a row an experiment.")
@click.option("--md", "form", flag_value="md", help="Write the table in Markdown.")
def command(sort_by: str | None, where: str | None, has_all: bool, rescore: bool, form: str | None) -> None:
    """List all experiments, best first, against main.

    The metric is gitml.toml's, else the first one of the pipeline's last metrics file. Runs that were
    measured on other test data stand apart and have no rank. A star marks what is checked out, a dagger what
    --rescore measured again.
    """
    show(sort_by or "", where or "", has_all, form or "", rescore)


def show(sort_by: str = "", where: str = "", has_all: bool = False, form: str = "", is_rescored: bool = False) -> None:
    """Print the list.

    Raises
    ------
    WrongUsage
        A name or the expression means nothing.
    """
    place = store.locate()
    config = store.read_config(place)
    found = store.read(place=place, metric=config.metric.name if config.metric is not None else "")
    if not found.of("experiment", "finished", "model" if has_all else "finished"):
        error = listing.no_experiments(found)
        if error is not None:
            raise error
    if is_rescored:
        found = _rescored(found, config, sort_by)
    made = listing.build(found, config, sort_by, where, has_all)
    if form == "json":
        _write_json(made, found.unread)
    elif form == "csv":
        from gitml.cli.exp_table import as_csv

        sys.stdout.write(as_csv(made))
    elif form == "md":
        from gitml.cli.exp_table import as_markdown

        print(as_markdown(made, time.time()))
    else:
        _write_text(made, found.of("experiment") != [], bool(where))
    for name in found.unread:
        print(printable(f"note  {name} cannot be read: git fsck says what is missing"), file=sys.stderr)


def _rescored(found: Store, config: Config, sort_by: str) -> Store:
    from gitml.experiments import desk
    from gitml.experiments.rescore import rescored

    metric = listing.build(found, config, sort_by).ranking.name
    again, _ = rescored(desk.find(), found, metric, lambda line: print(printable(line), file=sys.stderr))
    return again


def _write_json(made: List, unread: tuple[str, ...]) -> None:
    """Write the rows from the texts that are kept, so that ten thousand of them are written in a moment."""
    ranking = made.ranking
    head = {
        "sorted_by": ranking.name,
        "direction": "higher" if ranking.is_higher_better else "lower",
        "test_data": made.test_data,
        "unread": unread,
    }
    write = sys.stdout.write
    write(f'{json.dumps(head)[:-1]}, "experiments": [')
    for place, row in enumerate(made.rows):
        write(",\n" if place else "\n")
        write(_row_as_json(row))
    write("\n]}\n")


def _row_as_json(row: Row) -> str:
    own = {"rank": row.rank, "group": row.group, "value": row.value, "vs_main": row.delta, "word": row.word}
    return f"{json.dumps(own)[:-1]}, {row.entry.as_json()[1:]}"


def _write_text(made: List, has_experiments: bool, is_filtered: bool) -> None:
    from gitml.cli.exp_table import as_text

    if made.rows:
        print(as_text(made, time.time()))
    for remote in store.unfetched_remotes():
        print(f"note  the experiments of {printable(remote)} are not fetched here: gitml exp fetch", file=sys.stderr)
    if not has_experiments:
        print("no experiments yet", file=sys.stderr)
        print('next  gitml exp run -n lower-lr -S lr=3e-4 -m "why it should help"', file=sys.stderr)
    elif is_filtered and all(row.entry.kind == "main" for row in made.rows):
        print("no experiment fits", file=sys.stderr)
