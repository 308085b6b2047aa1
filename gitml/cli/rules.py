"""``gitml rules``."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import click

from gitml import config
from gitml.cli.terminal import filled
from gitml.config import Config
from gitml.errors import BrokenEnvironment, GitFailed
from gitml.git import repository
from gitml.git.files import replace_file
from gitml.git.refs import resolve
from gitml.policy.adoption import enforce as enforced
from gitml.policy.book import BOOK, PLACES, level_at

_MARKS = {"error": "x", "warn": "warn", "off": "-"}


@click.group(
    "rules", invoke_without_command=True, epilog="\b\nExample:\n  gitml rules\n  gitml rules enforce --dry-run"
)
@click.option("--json", "as_json", is_flag=True, help="Write a JSON list, one object a rule.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Show the rule book; turn an adopted repository's warnings into errors.

    The levels are those of this working copy's gitml.toml. On a server and in `gitml ci check` only the
    gitml.toml of its main branch counts.
    """
    if context.invoked_subcommand is None:
        print(_as_json(_config()) if as_json else _as_text(_config()))


@command.command("enforce", epilog="\b\nExample:\n  gitml rules enforce --since HEAD~3")
@click.option("--since", default="HEAD", metavar="COMMIT", help="Judge only what comes after this commit.")
@click.option("--dry-run", is_flag=True, help="Show the difference, and write nothing.")
def enforce(since: str, dry_run: bool) -> None:
    """Turn warnings into errors, from this commit on.

    Writes gitml.toml: each rule that warns becomes an error, and commits up to COMMIT are not judged any
    more. It counts on the server once it is on its main branch.
    """
    top = _top()
    file = top / config.FILE
    old = file.read_text(encoding="utf-8") if file.exists() else ""
    found = enforced(old, config.read(str(top)), resolve(since))
    difference = difflib.unified_diff(
        old.splitlines(keepends=True), found.text.splitlines(keepends=True), config.FILE, config.FILE
    )
    print("".join(difference), end="")
    if not dry_run:
        replace_file(file, found.text.encode(), repository.shelf(top))
        became = f"{', '.join(found.rules)} became errors" if found.rules else "no rule was a warning"
        print(f"{became}; commits up to {since} are not judged")
    print("next  " + ("gitml rules enforce" if dry_run else 'git commit -m "infra: enforce the rules" gitml.toml'))


def _top() -> Path:
    root = repository.find().root
    if root is None:
        raise BrokenEnvironment("there is no working tree here", "gitml.toml is a file in one.", ("cd a clone",))
    return root


def _config() -> Config:
    try:
        return config.read(str(_top()))
    except GitFailed:
        return Config()


def _as_json(current: Config) -> str:
    rows = [
        {
            "id": rule.id,
            "says": rule.says,
            "level": current.level(rule.id),
            "places": {place: level_at(rule, place, current) for place in PLACES},
        }
        for rule in BOOK
    ]
    return json.dumps(rows, indent=2)


def _as_text(current: Config) -> str:
    lines = [f"{'RULE':16} {'LEVEL':6} " + " ".join(f"{place:>11}" for place in PLACES)]
    for rule in BOOK:
        marks = " ".join(f"{_MARKS[level_at(rule, place, current)]:>11}" for place in PLACES)
        lines += [f"{rule.id:16} {current.level(rule.id):6} {marks}", filled(rule.says, "    ")]
    lines.append(f'\nnext  {config.FILE} sets a level:  [rules]  {BOOK[0].id} = "warn"')
    return "\n".join(lines)
