"""What is new in a table that takes the place of another, and whether it keeps the schema.

Run it from a project's root as ``python -m stages.comparison [OLD] NEW [--json]``. Nothing is written. Both tables are
read as params.yaml says. Where OLD is not given or does not exist, NEW is described by itself. With ``--json`` it
prints, and will go on printing, one object::

    {
      "old": "data/raw/churn.csv",        null where there is none
      "new": "churn-march.csv",
      "rows": {"old": 12000, "new": 12500,
               "added": 620, "removed": 120},        whole rows, where all columns are in both and have
                                                     the same type; null otherwise
      "columns": {"added": ["region"], "removed": [], "retyped": [{"name": "age", "old": "integer", "new": "text"}]},
      "changes": [{                       columns of both tables that differ, the most changed first
        "name": "plan", "type": "text",
        "distance": 0.31,                 of the distributions: 0 the same, 1 nothing in common
        "noise": 0.02,                    what chance does to it with so many rows
        "missing": {"old": 0.0, "new": 0.1},
        "range": null,                    of a number or date: {"old": [low, high], "new": [low, high]}, null if empty
        "levels": {"new": ["gold"], "new_count": 1, "gone": [], "gone_count": 0}      of a text; ten at most are named
      }],
      "target": {"name": "churned",       null where params.yaml names none of the columns
                 "old": {"yes": 0.26, "no": 0.74},   shares of the classes, or of a number mean, std, min, max
                 "new": {"yes": 0.31, "no": 0.69}},
      "time": {"column": "at", "old": ["2024-01-01T00:00:00", "2024-02-29T00:00:00"], "new": [...]},      or null
      "schema": {"file": "data/schema.yaml",         null where there is none
                 "applies": true,         false where it describes another table
                 "breaches": ["column 'age' has 3 values outside 0 to 95 (400 in row 7)"]},
      "refused": null,                    why the data stage would not take NEW, besides the schema
      "page": "..."                       the same as text, as it is printed without --json
    }

Exit code: 0, or 1 where the schema is broken or the data stage would refuse NEW; both are told all the same.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from stages import comparison_columns, errors, files, params
from stages.comparison_page import page
from stages.comparison_schema import breaches
from stages.data import DataParams, ValidationParams, check_table, read_schema
from stages.errors import InputError
from stages.flights import FlightsParams
from stages.inspection_reading import read_described
from stages.schema import Schema, applies
from stages.schema_file import SCHEMA_FILE
from stages.sources import CsvParams, read_table, recognise_dates
from stages.validation import tidy


def compare(
    old: tuple[str, pd.DataFrame] | None,
    new: tuple[str, pd.DataFrame],
    given: Mapping[str, Any],
    schema: Schema | None,
) -> dict[str, Any]:
    """Compare two tables.

    Parameters
    ----------
    old, new
        Each table's file and rows, tidy and with dates.
    given
        params.yaml.
    schema
        What the new one is held to, if there is one.

    Returns
    -------
    dict
        As the module says.
    """
    data = params.section(given, "data", DataParams)
    path, frame = new
    held = schema is not None and applies(schema, data.source, [name for name in frame if name not in data.drop])
    broken = breaches(frame, schema, path, data) if schema is not None and held else []
    before = None if old is None else old[1]
    found = {
        "old": None if old is None else old[0],
        "new": path,
        **comparison_columns.differences(before, frame, data),
        "schema": {"file": None if schema is None else SCHEMA_FILE, "applies": held, "breaches": broken},
        "refused": _refusal(frame, path, data, given),
    }
    return files.rounded(found)


def _refusal(frame: pd.DataFrame, path: str, data: DataParams, given: Mapping[str, Any]) -> str | None:
    """Return why the data stage would not take the table, whatever its schema; None if it would."""
    kind = params.choice(given, "task", ("auto", "binary", "multiclass", "regression"))
    validation = params.section(given, "validation", ValidationParams)
    codes = params.section(given, "csv", CsvParams).text
    try:
        check_table(frame, _at(data, path), validation, kind, None, codes)
    except InputError as error:
        return " ".join(str(error).split())
    return None


def _at(data: DataParams, path: str) -> DataParams:
    return DataParams(path, data.target, data.positive, data.time_column, data.group_column, data.drop)


def read(path: str, given: Mapping[str, Any]) -> pd.DataFrame:
    """Read a table as the data stage does; the flights, for which that makes a table, too."""
    csv = params.section(given, "csv", CsvParams)
    if path.endswith((".yaml", ".yml")):
        return recognise_dates(tidy(read_table(path, csv, params.section(given, "flights", FlightsParams))))
    return read_described(path, csv)


def main() -> None:
    """Print what differs between the tables named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m stages.comparison", description="Compare a table with its next.")
    parser.add_argument("old", nargs="?", help="the table that is replaced, if there is one")
    parser.add_argument("new", help="the table that takes its place")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    given = params.load()
    if not Path(chosen.new).is_file():
        raise InputError(f"{chosen.new} does not exist.", "Give the path of the new table.")
    new = Path(chosen.new).as_posix()
    old = Path(chosen.old).as_posix() if chosen.old and Path(chosen.old).is_file() else None
    before = None if old is None else (old, read(old, given))
    found = compare(before, (new, read(new, given)), given, read_schema())
    told = {**found, "page": page(found)}
    print(json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) if chosen.json else told["page"])
    if found["schema"]["breaches"] or found["refused"]:
        sys.exit(1)


if __name__ == "__main__":
    errors.run(main)
