"""A table of one's own: what the pipeline's inspection says of it, and how it comes under DVC."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from gitml.conventions.shell import quoted
from gitml.errors import BrokenEnvironment, GitmlError, WrongUsage
from gitml.git.command import environment_for_another_repository
from gitml.scaffold import own
from gitml.scaffold.answers import Setting

FOLDER = "data/raw"
_ODD = re.compile(r"[^\w.-]+")
_LONGEST = 100


class Inspected(NamedTuple):
    """What is known of a table.

    Attributes
    ----------
    rows
        How many it has.
    columns
        How many it has.
    task
        ``binary``, ``multiclass`` or ``regression``.
    target
        The column that is predicted.
    targets
        Columns that may be, the likeliest first.
    settings
        Values for params.yaml, but for ``data.source``.
    notes
        What a person should know, a sentence each.
    """

    rows: int
    columns: int
    task: str
    target: str
    targets: tuple[str, ...]
    settings: tuple[Setting, ...]
    notes: tuple[str, ...]


class CannotLearn(GitmlError):
    """The table cannot be learned from as it is."""

    def __init__(self, says: str, mend: str = "") -> None:
        what, _, why = says.partition("\n")
        super().__init__(what.strip().rstrip("."), why.strip(), (mend,) if mend else ())


class NoPipeline(BrokenEnvironment):
    """What the pipeline imports is not installed beside gitml."""

    def __init__(self, says: str) -> None:
        super().__init__(
            "a table cannot be read here",
            f"The pipeline's packages are not installed beside gitml ({says}).",
            (f"{quoted(sys.executable)} -m pip install 'gitml[pipeline]'",),
        )


class NoTable(WrongUsage):
    """There is no such file."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is no file",
            "--data names the table to learn from: CSV, CSV.gz, CSV.zip or Parquet.",
            ("gitml init my-project --data churn.csv --target churned",),
        )


def name_in_project(table: Path) -> str:
    """Return where a table is kept: in `FOLDER`, by its name, but for what a dvc.yaml or a shell trips over."""
    name = _ODD.sub("-", table.name).strip("-.") or "table.csv"
    return f"{FOLDER}/{name[-_LONGEST:].lstrip('-.')}"


def check_is_file(table: Path) -> None:
    """See that a table is a file.

    Raises
    ------
    NoTable
        It is none.
    """
    if not table.is_file():
        raise NoTable(table)


def inspect(table: Path, target: str = "") -> Inspected:
    """Return what the pipeline's own inspection says of a table.

    Parameters
    ----------
    table
        The file.
    target
        The column to predict; empty to be told which it may be.

    Raises
    ------
    NoTable
        It is no file.
    CannotLearn
        It cannot be read, or there is nothing to learn in it.
    NoPipeline
        pandas and the others are not installed.
    """
    check_is_file(table)
    words = ["--target", target] if target else []
    told = _run("stages.inspection", str(table.resolve()), *words)
    params, reasons = told["params"], told["reasons"]
    settings = tuple(
        Setting(name, value, str(reasons.get(name, ""))) for name, value in params.items() if name != "data.source"
    )
    return Inspected(
        int(told["rows"]),
        len(told["columns"]),
        str(told.get("task") or ""),
        str(params.get("data.target") or ""),
        tuple(map(str, told["targets"])),
        settings,
        tuple(map(str, told["notes"])),
    )


def _run(module: str, *words: str) -> dict[str, Any]:
    """Run a module of the pipeline as it is packed, and return the JSON that it writes."""
    environment = {**environment_for_another_repository(os.environ), "PYTHONDONTWRITEBYTECODE": "1"}
    line = [sys.executable, "-m", module, "--json", *words[:1], *words[1:]]
    done = subprocess.run(line, cwd=own.folder(), env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        told: dict[str, Any] = json.loads(done.stdout)
        return told
    says = done.stderr.strip()
    last = says.splitlines()[-1] if says else "it says nothing"
    if "ModuleNotFoundError" in last or "ImportError" in last:
        raise NoPipeline(last.partition(": ")[2] or last)
    raise CannotLearn(says.removeprefix("error: "))


def bring(table: Path, to: Path) -> None:
    """Copy a table into a project, whole or not at all; the user's own file stays.

    Raises
    ------
    OSError
        It cannot be read, or the disk is full.
    """
    if to.exists() and to.samefile(table):
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_name(f".{to.name}.{os.getpid()}.tmp")  # ignored by git and DVC, should a kill leave it
    try:
        shutil.copyfile(table, part)
        os.replace(part, to)
    finally:
        part.unlink(missing_ok=True)
