"""A table of one's own: what the pipeline's inspection says of it, and how it comes under DVC."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from gitml.errors import WrongUsage
from gitml.pipeline import own_stages
from gitml.scaffold import own
from gitml.scaffold.answers import Setting

FOLDER = "data/raw"
_ODD = re.compile(r"[^\w.-]+")
_LONGEST = 100
_ENDINGS = frozenset(("csv", "tsv", "txt", "gz", "zip", "parquet"))


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
    name = _ODD.sub("-", table.name).strip("-.")
    if name.casefold() in _ENDINGS:  # nothing else is left of it, and the ending tells how it is read
        name = f"table.{name}"
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
    StagesSayNo
        It cannot be read, or there is nothing to learn in it.
    NoPipeline
        pandas and the others are not installed.
    """
    check_is_file(table)
    words = ["--target", target] if target else []
    told = own_stages.ask("inspection", [str(table.resolve()), *words], own.folder(), is_ours=True)
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
