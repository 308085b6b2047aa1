"""``gitml report``."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import click

from gitml.cli.terminal import printable
from gitml.errors import BrokenEnvironment, GitmlError, WrongUsage
from gitml.experiments import desk as desks
from gitml.experiments import landing
from gitml.experiments import report as reports
from gitml.experiments.desk import Desk
from gitml.experiments.ending import NoneIsCheckedOut
from gitml.experiments.report import Report
from gitml.git.command import ask
from gitml.reports import document

_NAME = click.argument("name", required=False)
_JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON.")


class NoReport(GitmlError):
    """An experiment has no report."""

    def __init__(self, report: Report) -> None:
        super().__init__(
            f"{report.slug} has no report",
            f"There is no {report.path}. A run begins it.",
            (f"gitml report edit {report.slug}",),
        )


class EditorFailed(BrokenEnvironment):
    """The editor could not be run, or ended with an error."""


@click.group(
    "report",
    epilog="\b\nExample:\n  gitml report show lower-lr\n  gitml report edit\n  gitml report check --all",
)
def command() -> None:
    """Show, edit, refresh and check the reports of experiments.

    NAME is an experiment; the one that is checked out, if left out.
    """


@command.command("show", epilog="\b\nExample:\n  gitml report show lower-lr | less\n  gitml report show --path")
@_NAME
@click.option("--path", "is_path", is_flag=True, help="Print where it is, and not what it says.")
@_JSON
def show(name: str | None, is_path: bool, as_json: bool) -> None:
    """Print a report: as it is in the working tree, else as its branch or its tag has it."""
    desk = desks.find()
    found = reports.find(desk, _slug(name, desk))
    if found.content is None:
        raise NoReport(found)
    place = os.path.relpath(found.file) if found.file is not None else f"{_short(found.ref)}:{found.path}"
    text = document.decoded(found.content)
    if as_json:
        told = document.parse(text)
        values = {
            "experiment": found.slug,
            "path": place,
            "fields": dict(told.fields),
            "missing": list(found.missing),
            "text": text.encode("utf-8", "replace").decode(),
        }
        print(json.dumps(values, indent=2, default=str))
    elif is_path:
        print(printable(place))
    elif sys.stdout.isatty():  # what a colleague wrote must not speak to the terminal
        print("\n".join(printable(line) for line in text.splitlines()))
    else:
        sys.stdout.write(text.encode("utf-8", "replace").decode())


@command.command("edit", epilog="\b\nExample:\n  gitml report edit\n  GIT_EDITOR='code --wait' gitml report edit")
@_NAME
def edit(name: str | None) -> None:
    """Open the report in your editor, and say what is still missing after that.

    The editor is git's: $GIT_EDITOR, core.editor, $VISUAL or $EDITOR. The experiment must be checked out, here
    or in another working tree. Nothing is committed: gitml exp run and exp finish do that.
    """
    desk = landing.arrive()
    slug = _slug(name, desk)
    file = reports.file_to_edit(desk, slug)
    editor = ask("var", "GIT_EDITOR", at=desk.root)
    if editor.code != 0:
        raise EditorFailed(
            "git knows no editor that works here",
            editor.err.strip(),
            ("git config --global core.editor nano", f"open {printable(os.path.relpath(file))} yourself"),
        )
    words = editor.out.strip()
    code = subprocess.run(["sh", "-c", f'{words} "$@"', words, str(file)], check=False).returncode
    if code != 0:
        raise EditorFailed(
            f"the editor ended with status {code}",
            f"It was {words}. The report is as the editor left it.",
            ("git config core.editor", "gitml report edit"),
        )
    missing = reports.find(desk, slug).missing
    print(_state(slug, missing))
    print(f"next  {'gitml report edit' if missing else 'gitml exp finish'}")


@command.command("refresh", epilog="\b\nExample:\n  gitml report refresh\n  gitml report refresh --dry-run")
@_NAME
@click.option("--dry-run", is_flag=True, help="Say which files would change, and change none.")
@_JSON
def refresh(name: str | None, dry_run: bool, as_json: bool) -> None:
    """Write what a run writes into the report again, from the committed results, without a run.

    Tables and plots are held against what main is now. Your own words stay. Nothing is committed.
    """
    desk = landing.arrive(is_dry_run=dry_run)
    slug = _slug(name, desk)
    done = reports.refresh(desk, slug, dry_run)
    if as_json:
        values = {"experiment": slug, "run": done.commit, "changed": list(done.changed), "missing": list(done.missing)}
        print(json.dumps(values, indent=2))
        return
    for path in done.changed:
        print(printable(f"{'would write' if dry_run else 'wrote'} {path}"))
    if not done.changed:
        print(f"the report of {slug} is what run {done.commit[:7]} says already")
    print(f"next  {'gitml report edit' if done.missing else 'gitml exp finish'}")


@command.command("check", epilog="\b\nExample:\n  gitml report check\n  gitml report check --all --json")
@_NAME
@click.option("--all", "has_all", is_flag=True, help="Check every experiment that has a branch here.")
@_JSON
@click.pass_context
def check(context: click.Context, name: str | None, has_all: bool, as_json: bool) -> None:
    """List the sections that are missing, are empty, or hold nothing but the template's prompt.

    Exits with 1 if there are any.
    """
    if has_all and name is not None:
        raise WrongUsage("--all and a name do not go together", "One report is checked, or all.")
    desk = desks.find()
    found = reports.find_all(desk) if has_all else [reports.find(desk, _slug(name, desk))]
    if as_json:
        values = [{"experiment": one.slug, "missing": list(one.missing)} for one in found]
        print(json.dumps(values if has_all else values[0], indent=2))
    else:
        for one in found:
            print(_state(one.slug, one.missing, one.content is not None))
        open_ones = [one.slug for one in found if one.missing]
        print(f"next  {f'gitml report edit {open_ones[0]}' if open_ones else 'gitml exp finish'}")
    if any(one.missing for one in found):
        context.exit(1)


def _slug(name: str | None, desk: Desk) -> str:
    if name is None and desk.slug is None:
        raise NoneIsCheckedOut(desk.branch, "report show lower-lr", "Name the one whose report is meant.")
    return desks.checked_slug(name or desk.slug or "")


def _state(slug: str, missing: tuple[str, ...], is_begun: bool = True) -> str:
    if not is_begun:
        return f"{slug}  has no report"
    listed = " and ".join(filter(None, (", ".join(missing[:-1]), *missing[-1:])))
    verb = "is" if len(missing) == 1 else "are"
    return f"{slug}  {listed} {verb} missing" if missing else f"{slug}  complete"


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/").removeprefix("refs/remotes/").removeprefix("refs/tags/")
