"""``gitml data update``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from gitml.cli.terminal import has_colours, painted, printable

_NOTHING_NEW = "{} has just these bytes already"


@click.command(
    "update",
    epilog='\b\nExample:\n  gitml data update churn-march.csv -m "the shops of March"\n'
    "  gitml data update new.csv --to data/raw/churn.csv\n  gitml data update new.csv --dry-run",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", metavar="PATH", default="", help="The table that it takes the place of; found by default.")
@click.option("-m", "--message", metavar="TEXT", default="", help="What you say about it, for the commit.")
@click.option("-f", "--force", is_flag=True, help="Take it although it breaks data/schema.yaml.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def update(file: Path, to: str, message: str, force: bool, dry_run: bool, as_json: bool) -> None:
    """Let a newer table take the place of one that DVC keeps, in one `data:` commit.

    It is compared with the one before, and held to data/schema.yaml: what breaks that is refused, and all of
    it is named. Your own FILE stays. Exits with 1 where the schema is broken.
    """
    from gitml.experiments import data_update
    from gitml.git.plan import describe

    session = data_update.Session(file, to, message, force)
    if session.page and not as_json:
        print("\n".join(map(printable, session.page.splitlines())))
    if dry_run:
        lines = describe(session.plan()) if session.is_new else []
        if as_json:
            print(json.dumps({"plan": lines, "comparison": session.comparison}, indent=2, ensure_ascii=False))
        else:
            print("\n".join(printable(f"would {line}") for line in lines) or _NOTHING_NEW.format(session.kept.path))
        return
    done = session.carry_out()
    if as_json:
        print(json.dumps(done._asdict(), indent=2, ensure_ascii=False))
        return
    if done.commit:
        mark = painted("✓", "ok", has_colours(sys.stdout))
        print(f"{mark} {printable(f'{done.commit[:7]} on {done.branch}   {done.subject}')}")
    else:
        print(printable(_NOTHING_NEW.format(done.path)))
    is_main = done.branch == session.desk.main
    print("next  " + ('gitml exp run -n new-data -m "what the new rows change"' if is_main else "gitml exp run"))
