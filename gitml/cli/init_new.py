"""``gitml init`` for a new project: its questions, and what it prints."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from gitml.cli.terminal import filled, has_colours, painted, printable
from gitml.conventions.shell import inside, quoted
from gitml.errors import WrongUsage
from gitml.git import plan
from gitml.scaffold import first_idea, requirement, stamp, storage, table
from gitml.scaffold.answers import Answers, Setting
from gitml.scaffold.new import Session

if TYPE_CHECKING:
    from pathlib import Path

    from gitml.scaffold.new import Laid
    from gitml.scaffold.site import Site
    from gitml.scaffold.table import Inspected

_WITH_CI = ("github", "gitlab")
_MOST = 8
"""Columns that are offered as targets."""


class Asked(NamedTuple):
    """What the command line says.

    Attributes
    ----------
    data, target
        The table and its target; None and empty for none.
    forge
        None where nobody said; ``none`` for none.
    has_ci
        None where nobody said.
    remote, pin
        As given; may be empty.
    is_asking
        Whether somebody is there to be asked for the rest.
    """

    data: Path | None
    target: str
    forge: str | None
    has_ci: bool | None
    remote: str
    pin: str
    is_asking: bool


def lay_down(site: Site, asked: Asked, is_dry_run: bool, is_json: bool) -> None:
    """Lay down a project in a folder without a repository, or go on with one that was begun."""
    begun = stamp.read(site.folder)
    if site.kind == "laid down":
        raise WrongUsage(
            f"{site.folder} was laid down by gitml init already",
            "",
            ("gitml init --upgrade   # merges what this gitml would lay down", "gitml hooks install   # in a clone"),
        )
    inspected: Inspected | None = None
    if begun is not None:
        answers = begun.answers
    else:
        data, inspected = _table(asked)
        asked = asked._replace(data=data)
        answers = _answers(site, asked, inspected)
    session = Session(site, answers, asked.data)
    if is_dry_run:
        lines = plan.describe(session.plan())
        print(json.dumps(lines, indent=2) if is_json else "\n".join(printable(f"would {line}") for line in lines))
        return
    laid = session.carry_out()
    if is_json:
        print(json.dumps(_told(laid, answers, inspected), indent=2, ensure_ascii=False))
    else:
        _say(laid, answers, inspected)


def _table(asked: Asked) -> tuple[Path | None, Inspected | None]:
    """Return the table to learn from, looked at; None for the example."""
    from pathlib import Path

    data = asked.data
    if data is None and asked.is_asking:
        answer = click.prompt(
            "Learn from the example (flights of 2013), or the path of your own table", default="example", err=True
        )
        data = None if answer.strip() in ("", "example") else Path(answer.strip()).expanduser()
    if data is None:
        return None, None
    table.check_is_file(data)
    print(printable(f"looking at {data} …"), file=sys.stderr)
    if asked.target:
        return data, table.inspect(data, asked.target)
    first = table.inspect(data)
    if not asked.is_asking:
        raise _no_target(data, first)
    print("What shall be predicted?", file=sys.stderr)
    for number, name in enumerate(first.targets[:_MOST], 1):
        print(printable(f"  {number}  {name}"), file=sys.stderr)
    answer = click.prompt("A number or the name of a column", default="1", err=True)
    known = dict(zip(map(str, range(1, _MOST + 1)), first.targets, strict=False))
    return data, table.inspect(data, known.get(answer.strip(), answer))


def _no_target(data: Path, first: Inspected) -> WrongUsage:
    best = first.targets[0] if first.targets else "COLUMN"
    near = ", ".join(first.targets[:_MOST])
    return WrongUsage(
        "it is not said which column to predict",
        f"It may be {near}." if near else "",
        (f"gitml init FOLDER --data {quoted(str(data))} --target {quoted(best)}",),
    )


def _answers(site: Site, asked: Asked, inspected: Inspected | None) -> Answers:
    forge = asked.forge
    if forge is None and asked.is_asking:
        kinds = click.Choice(["github", "gitlab", "gitea", "none"])
        forge = str(click.prompt("Where will pull requests be", default="none", type=kinds, err=True))
    forge = "" if forge in (None, "none") else forge
    pinned = requirement.pinned(asked.pin, forge)
    has_ci = asked.has_ci
    if has_ci and forge not in _WITH_CI:
        raise WrongUsage(
            "there are CI files for GitHub and GitLab only", "", ("gitml init FOLDER --forge github --ci",)
        )
    if has_ci and not pinned:
        requirement.pinned("nowhere", forge)  # which says what to name
    if has_ci is None:
        has_ci = forge in _WITH_CI and bool(pinned)
        if has_ci and asked.is_asking:
            has_ci = click.confirm("Lay down the files of CI", default=True, err=True)
    url, extra = storage.checked(asked.remote) if asked.remote else (storage.beside(site.folder), "")
    path = table.name_in_project(asked.data) if asked.data is not None else ""
    settings = (Setting("data.source", path), *inspected.settings) if inspected is not None else ()
    return Answers(
        site.folder.name,
        path,
        inspected.task if inspected is not None else "binary",
        settings,
        forge,
        has_ci,
        url,
        extra,
        requirement.for_project(pinned),
        pinned if has_ci else "",
    )


def _next(laid: Laid, answers: Answers) -> list[str]:
    from pathlib import Path

    here = Path.cwd()
    to = [f"cd {quoted(inside(_from(here, laid.folder)))}"] if laid.folder != here else []
    return [*to, "make run", first_idea.of_settings(answers.settings), *([] if to else ["gitml exp list"])]


def _from(here: Path, folder: Path) -> str:
    return str(folder.relative_to(here)) if folder.is_relative_to(here) else str(folder)


def _notes(laid: Laid, answers: Answers, inspected: Inspected | None) -> list[str]:
    notes = list(inspected.notes) if inspected is not None else []
    if answers.gitml.endswith(tuple("]")):
        notes.append("requirements.txt names gitml without a version: which one this is, is not known.")
    elif "file://" in answers.gitml:
        notes.append(
            "gitml was installed from a folder of this machine, and requirements.txt names it. Before others clone "
            "the project, write there where they find it: gitml @ git+https://…@COMMIT."
        )
    if answers.forge in _WITH_CI and not answers.has_ci and not answers.pinned:
        notes.append(f"CI's files were left out; gitml ci template {answers.forge} writes them.")
    if answers.extra and not storage.is_installed(answers.extra):
        notes.append(
            f"the remote needs dvc[{answers.extra}], which is not installed beside gitml: "
            f"python -m pip install 'dvc[{answers.extra}]'. make run installs it in the project."
        )
    if not laid.has_identity:
        notes.append('git does not know who commits yet: git config --global user.name "Your Name", and user.email.')
    return notes


def _say(laid: Laid, answers: Answers, inspected: Inspected | None) -> None:
    done = painted("✓", "ok", has_colours(sys.stdout))
    print(printable(f"{laid.folder.name}").join((f"{done} ", f"   {laid.files} files, hooks installed")))
    if inspected is None:
        print(
            "  data      flights that left New York in 2013: which arrive late"
            if answers.is_example
            else f"  data      {printable(answers.table)}"
        )
    else:
        print(printable(f"  data      {answers.table}: {inspected.rows:,} rows, {inspected.columns} columns"))
        print(printable(f"  task      {inspected.target}: {inspected.task}"))
        for one in inspected.settings:
            if one.reason and one.name not in ("data.target",):
                print(filled(f"{one.name}: {one.reason}", " " * 12))
    print(printable(f"  remote    {answers.remote}"))
    for note in _notes(laid, answers, inspected):
        print("note  " + filled(note, " " * 6)[6:])
    first, *others = _next(laid, answers)
    print(printable(f"next  {first}"))
    for line in others:
        print(printable(f"      {line}"))


def _told(laid: Laid, answers: Answers, inspected: Inspected | None) -> dict[str, object]:
    return {
        "folder": str(laid.folder),
        "files": laid.files,
        **{key: value for key, value in answers.to_json().items() if key not in ("settings", "pinned")},
        "rows": inspected.rows if inspected is not None else None,
        "target": inspected.target if inspected is not None else None,
        "settings": [one._asdict() for one in answers.settings],
        "notes": _notes(laid, answers, inspected),
        "next": _next(laid, answers),
    }
