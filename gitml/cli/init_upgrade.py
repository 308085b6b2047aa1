"""``gitml init --upgrade``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from gitml.cli.init_adopt import NobodyToAsk
from gitml.cli.terminal import printable
from gitml.scaffold import upgrade as upgrades

if TYPE_CHECKING:
    from pathlib import Path

    from gitml.scaffold.upgrade import Upgrade

_SAYS = {
    "write": "new",
    "replace": "renewed; nobody had changed it",
    "merge": "merged with your changes",
    "conflict": "CONFLICT with your changes",
    "delete": "goes; nobody had changed it",
}


def upgrade(root: Path, is_yes: bool, is_dry_run: bool, is_json: bool) -> int:
    """Merge what this gitml would lay down, and return the exit status: 1 where conflicts are left.

    Raises
    ------
    NobodyToAsk
        There is no terminal, and nobody said yes; nothing was changed.
    """
    found = upgrades.plan(root)
    if not is_json:
        print(_text(found))
    is_done = False
    if not is_dry_run and (found.written or found.old != found.new):
        if not is_yes and found.written:
            if not (sys.stdin.isatty() and sys.stdout.isatty()):
                raise NobodyToAsk("gitml", "init", "--upgrade")
            if not click.confirm("Write this into the working tree?", default=True):
                print("nothing was changed")
                return 0
        upgrades.carry_out(found, root)
        is_done = True
    commands = upgrades.as_commands(found) if is_done or not found.written else ["gitml init --upgrade"]
    if is_json:
        print(json.dumps(_told(found, is_done, commands), indent=2, ensure_ascii=False))
    else:
        print(
            "\n".join(f"{'next  ' if place == 0 else '      '}{printable(one)}" for place, one in enumerate(commands))
        )
    return 1 if is_done and any(one.does == "conflict" for one in found.changes) else 0


def _text(found: Upgrade) -> str:
    versions = f"gitml {found.old}" + (f" -> {found.new}" if found.new != found.old else "")
    if not found.changes:
        return printable(f"{versions}: this project has all that gitml lays down")
    width = max(len(one.path) for one in found.changes)
    lines = [f"  {one.path:{width}}  {_SAYS.get(one.does) or f'stays: {one.why}'}" for one in found.changes]
    return "\n".join(map(printable, [versions, *lines]))


def _told(found: Upgrade, is_done: bool, commands: list[str]) -> dict[str, object]:
    return {
        "old": found.old,
        "new": found.new,
        "done": is_done,
        "files": [{"path": one.path, "does": one.does, "why": one.why} for one in found.changes],
        "next": commands,
    }
