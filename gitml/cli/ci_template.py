"""``gitml ci template``."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from gitml.cli.terminal import filled, printable
from gitml.conventions.branches import MAIN
from gitml.errors import BrokenEnvironment
from gitml.git import repository, server
from gitml.scaffold import ci
from gitml.scaffold.ci import Change, Forge

if TYPE_CHECKING:
    from pathlib import Path

_EXAMPLE = """\b
Example:
  gitml ci template github
  gitml ci template gitlab --dry-run
  gitml ci template github --gitml git+https://HOST/OWNER/gitml@COMMIT"""

_VERBS = {"write": ("write", "wrote"), "rewrite": ("rewrite", "rewrote"), "keep": ("keep", "kept")}
_PATHS: dict[Forge, str] = {"github": ".github/workflows/gitml*.yml", "gitlab": ".gitlab/gitml.yml"}
_NOTES: dict[Forge, str] = {
    "github": "The check counts once the settings require the check `gitml` on main and production/*, and its "
    "workflows are on the default branch.",
    "gitlab": "A merge request brings its own .gitlab-ci.yml. Let Settings, CI/CD, CI/CD configuration file name "
    ".gitlab/gitml.yml@GROUP/PROJECT:{main}, once it is there.",
}


@click.command("template", epilog=_EXAMPLE)
@click.argument("forge", type=click.Choice(list(ci.FILES)))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--force", is_flag=True, help="Overwrite files that differ; the difference is shown.")
@click.option("--python", metavar="VERSION", default=ci.PYTHON, show_default=True, help="The Python of CI.")
@click.option(
    "--gitml",
    "pin",
    metavar="WHICH",
    default="",
    help="The gitml of CI: a version, a commit, or git+https://…@COMMIT. Default: the one that runs.",
)
def command(forge: str, dry_run: bool, force: bool, python: str, pin: str) -> None:
    """Write CI's files for GitHub or GitLab: check, comment, record, reproduce.

    Judging is done by an installed gitml at one commit, from the main branch's files. A file that is there and
    differs is left alone, and the difference shown.
    """
    kind = cast("Forge", forge)
    root, main = _top(), _main()
    changes = ci.plan(ci.templates(kind, ci.requirement(pin, kind), python, main), root)
    for change in changes:
        if change.difference:
            print("\n".join(map(printable, change.difference.split("\n"))))
    differing = [change.path for change in changes if change.does == "rewrite"]
    if differing and not force and not dry_run:
        raise ci.WouldOverwrite(differing, kind)
    if not dry_run:
        ci.carry_out(changes, root)
    _say(changes, dry_run)
    print(f"note  {filled(_NOTES[kind].format(main=main), ' ' * 6)[6:]}")
    print(f"next  {_next(kind, changes, dry_run, force)}")


def _top() -> Path:
    root = repository.find().root
    if root is None:
        raise BrokenEnvironment("there is no working tree here", "CI's files are files in one.", ("cd a clone",))
    return root


def _main() -> str:
    """Return the name of the branch whose rules count, as far as this clone knows."""
    names = server.remotes()
    remote = "origin" if "origin" in names else next(iter(names), "")
    if not remote:
        return MAIN
    return server.default_branch(server.refs_seen_from_clone(remote), f"refs/remotes/{remote}/HEAD")


def _say(changes: list[Change], is_dry: bool) -> None:
    for change in changes:
        future, past = _VERBS[change.does]
        print(f"would {future} {change.path}" if is_dry else f"{past} {change.path}")


def _next(forge: Forge, changes: list[Change], is_dry: bool, is_forced: bool) -> str:
    if is_dry:
        needs_force = not is_forced and any(change.does == "rewrite" for change in changes)
        return f"gitml ci template {forge}{' --force' if needs_force or is_forced else ''}"
    if all(change.does == "keep" for change in changes):
        return "gitml ci check"
    return f'git add {_PATHS[forge]} && git commit -m "infra: CI judges by gitml"'
