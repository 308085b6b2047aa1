"""A first look at a table of one's own: what params.yaml should say of it, and why.

Run it from a project's root as ``python -m stages.inspection FILE [--target COLUMN] [--json]``. Nothing is written.
With ``--json`` it prints, and will go on printing, one object::

    {
      "source": "data/raw/churn.csv",     the file, as it was named
      "rows": 12000,                      in the file; an estimate where not all were read
      "rows_inspected": 12000,            those that were read
      "columns": [{                       in the table's order
        "name": "plan",
        "type": "text",                   number, integer, text, boolean, datetime or empty
        "missing": 0.01,                  share of the rows, 0 to 1
        "different": 3,                   values; those of a long column of numbers in some rows only
        "role": "input",                  target, time, group, input or dropped
        "reason": ""                      why it is dropped, or its values are texts; empty if neither
      }],
      "targets": ["churned"],             what may be the target, the best guess first; five at most
      "target": "churned",                what was asked for; null without --target
      "task": "binary",                   binary, multiclass or regression; null without --target
      "params": {                         what params.yaml should say, by dotted path; a value replaces the whole of
        "data.source": "...",             what stands there, a mapping too. All of data; of the rest what differs from
        "data.target": "churned",         the params.yaml of this folder, and of csv at least; without --target only csv
        "data.positive": "yes",
        "data.time_column": null,
        "data.group_column": "customer",
        "data.drop": ["id"]
      },
      "reasons": {"data.drop": "id: another value in each row"},   a line for each of params that needs one
      "notes": ["column 'when' holds dates such as ..."]            what a person should know or mend, a sentence each
    }

Paths that may be in params: data.*, task, csv.delimiter, csv.encoding, csv.decimal, csv.text, validation.max_levels,
split.method, split.validation, split.test, split.whole, split.rows, features.drop, evaluate.floor, evaluate.min_slice,
train.model, train.logistic.min_frequency. A mistake in the table is told on stderr, with exit code 1.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from stages import errors, params
from stages.data import DataParams, Table, ValidationParams, check_table
from stages.data import divide as divide_rows
from stages.errors import InputError, did_you_mean
from stages.inspection_columns import Verdict, judge, judge_target, made_twice
from stages.inspection_page import Inspection, page
from stages.inspection_reading import Source, read_source
from stages.inspection_roles import leaks, likely_group, likely_time
from stages.inspection_split import Division, demands, divide
from stages.inspection_suggestions import Suggestions
from stages.inspection_target import about_classes, kind_of, likely_targets, positive_label
from stages.quality import assess
from stages.sources import CsvParams
from stages.splits import SplitParams
from stages.target import drop_unlabelled, encode_target, labels, resolve_task
from stages.task import Task
from stages.validation import listed

PROVED = 200_000
"""What is suggested is tried on so many rows."""

JUDGED = 50_000
"""The data's quality is told from so many rows."""

GOOD = 0.8
"""The quality that the tests of a project ask for."""


def inspect(path: str, target: str | None, given: Mapping[str, Any]) -> Inspection:
    """Look at a table.

    Parameters
    ----------
    path
        A CSV or Parquet file.
    target
        The column to predict; None to have some proposed.
    given
        params.yaml, from which suggestions differ.

    Raises
    ------
    InputError
        The table cannot be read, or nothing can be learned from it.
    """
    source = read_source(path)
    names = [str(name) for name in source.frame.columns]
    if target is not None and target not in names:
        raise InputError(
            f"{path} has no column '{target}'.{did_you_mean(target, names)}", f"Its columns are: {listed(names)}."
        )
    validation = params.section(given, "validation", ValidationParams)
    verdicts = {name: judge(source, name, validation.max_levels) for name in names if name != target}
    if target is not None:
        verdicts[target] = judge_target(source, target)
    columns = [verdicts[name] for name in names]
    targets = likely_targets(columns, len(source.frame))
    if target is None:
        found = Suggestions(given)
        _describe_csv(found, source, columns)
        notes = [source.dialect.note] if source.dialect and source.dialect.note else []
        return _inspection(source, columns, targets, None, None, found, notes)
    return _with_target(source, columns, targets, target, given)


def _with_target(
    source: Source, columns: list[Verdict], targets: tuple[str, ...], target: str, given: Mapping[str, Any]
) -> Inspection:
    found = Suggestions(given)
    notes = [source.dialect.note] if source.dialect and source.dialect.note else []
    _describe_csv(found, source, columns)
    seed = params.section(given, "base", params.Base).seed
    validation = params.section(given, "validation", ValidationParams)
    frame, unlabelled = drop_unlabelled(source.frame, target)
    if unlabelled:
        notes.append(f"{unlabelled:,} rows without a value of '{target}' will be left out")
    kind, why = kind_of(frame[target])
    task = resolve_task(frame, target, None, kind, source.path)
    found.put("task", kind, why)
    counts = labels(frame[target]).value_counts() if task.classes else pd.Series(dtype="int64")
    if task.kind == "binary":
        positive, why = positive_label(task, counts.to_dict())
        task = replace(task, classes=(*(label for label in task.classes if label != positive), positive))
        found.data("positive", positive, why)
    else:
        found.data("positive", None, "")
    notes += about_classes(task, counts, frame[target])
    some = frame.sample(PROVED, random_state=seed).sort_index() if len(frame) > PROVED else frame
    encoded = some.assign(**{target: encode_target(some[target], task)})
    task = replace(task, time_column=likely_time([one for one in columns if one.name != target]))
    columns, suspects = _without_leaks(encoded, task, columns, validation.leak_auc, seed)
    columns = _without_clashes(columns, task)
    group, told = likely_group(frame, columns, task, seed)
    notes += told
    task = replace(task, group_column=group)
    division = divide(encoded, task, params.section(given, "split", SplitParams), seed)
    _describe_division(found, task, division, notes)
    roles = {division.task.time_column, division.task.group_column, target}
    columns = [replace(one, drop="", levels=0) if one.name in roles else one for one in columns]
    dropped = [one for one in columns if one.drop]
    if len(dropped) + len(roles - {None}) == len(columns) and not division.task.time_column:
        raise InputError(
            f"{source.path} has no column from which '{target}' could be predicted"
            f"{''.join(f'; {one.name}: {one.drop}' for one in dropped[:5])}.",
            "Give a table with more columns.",
        )
    found.data("drop", [one.name for one in dropped], "; ".join(f"{one.name}: {one.drop}" for one in dropped))
    _describe_csv(found, source, columns)
    levels = max((one.levels for one in columns), default=0)
    if levels:
        wide = [
            f"'{one.name}' has {one.levels:,} different texts, often enough to learn from"
            for one in columns
            if one.levels
        ]
        found.put("validation.max_levels", -(-levels * 3 // 2 // 1000) * 1000, "; ".join(wide))
    found.put("features.drop", [], "nothing that was said of another table")
    asked, reasons = demands(encoded, division, source.rows, dict(given))
    for name, value in asked.items():
        found.put(name, value, reasons[name])
    found.data("source", source.path, "")
    found.data("target", target, "")
    notes += [told for name, told in suspects.items() if name not in roles]
    notes += [one.note for one in columns if one.note and one.name not in roles]
    table = _prove(some, source, found, kind)
    notes += _about_quality(table, division, seed)
    return _inspection(source, columns, targets, division.task, target, found, notes)


def _describe_csv(found: Suggestions, source: Source, columns: list[Verdict]) -> None:
    coded = [one for one in columns if one.text and not one.drop]
    found.put("csv.text", [one.name for one in coded], "; ".join(f"{one.name}: {one.text}" for one in coded))
    if source.dialect is not None:
        found.put("csv.delimiter", source.dialect.delimiter, "between the fields of the file")
        found.put("csv.encoding", source.dialect.encoding, "all of the file can be read so")
        found.put("csv.decimal", source.dialect.decimal, "in the file's numbers")


def _without_leaks(
    frame: pd.DataFrame, task: Task, columns: list[Verdict], bound: float, seed: int
) -> tuple[list[Verdict], dict[str, str]]:
    """Drop the columns that have seen the answer; also return a sentence on each that may have, the surest first."""
    # when a row came to be is known
    inputs = [one.name for one in columns if not one.drop and one.name not in (task.target, task.time_column)]
    blatant, suspected = leaks(frame, task, inputs, bound, seed)
    told = {
        name: f"column '{name}' alone predicts '{task.target}' with AUC {auc:.3f}: is it known in time?"
        for name, auc in sorted(suspected.items(), key=lambda item: (-item[1], item[0]))
    }
    return [replace(one, drop=blatant[one.name], note="") if one.name in blatant else one for one in columns], told


def _without_clashes(columns: list[Verdict], task: Task) -> list[Verdict]:
    """Drop the columns that have the name of a feature that is made from a date."""
    kept = {one.name: one.type for one in columns if not one.drop and one.name != task.target}
    twice = made_twice(kept, list(kept))
    return [
        replace(one, drop=f"'{twice[one.name]}' gives a feature of that name: rename it to use it")
        if one.name in twice
        else one
        for one in columns
    ]


def _describe_division(found: Suggestions, wanted: Task, division: Division, notes: list[str]) -> None:
    task = division.task
    for name, why in division.rejected.items():
        notes.append(f"{why}; so it does not divide them (data.{name}_column is null)")
    found.data(
        "time_column", task.time_column,
        "dates without a gap: learned from the past, judged on what came after" if task.time_column else "",
    )  # fmt: skip
    found.data(
        "group_column", task.group_column,
        "several rows a value, alike among themselves: all of one in the same fold" if task.group_column else "",
    )  # fmt: skip
    found.put("split.method", "auto", "by time or group column if there is one")
    found.put("split.validation", division.split.validation, division.why)
    found.put("split.test", division.split.test, division.why)
    if task.time_column:
        found.put("split.whole", division.split.whole, "the table is too short for whole months")
    found.put("split.rows", None, "all rows")
    if not division.complete:
        notes.append(
            f"some class of '{task.target}' is too rare to be in every fold: tests/model/test_data.py will say so"
        )


def _prove(frame: pd.DataFrame, source: Source, found: Suggestions, kind: Any) -> Table:
    """Check the table as the data stage will, with what is suggested, and return it."""
    section = {name.removeprefix("data."): value for name, value in found.values.items() if name.startswith("data.")}
    data = DataParams(**{**section, "drop": tuple(section["drop"])})
    given = params.section(found.given, "validation", ValidationParams)
    levels = found.values.get("validation.max_levels", given.max_levels)
    codes = found.values.get("csv.text", params.section(found.given, "csv", CsvParams).text)
    return check_table(frame, data, replace(given, max_levels=levels), kind, None, codes)


def _about_quality(table: Table, division: Division, seed: int) -> list[str]:
    """Say where the data's quality will be too low for the project's tests."""
    rows = table.frame
    some = replace(table, frame=rows.sample(JUDGED, random_state=seed).sort_index() if len(rows) > JUDGED else rows)
    try:
        splits = divide_rows(some, division.split, seed)
    except InputError:  # a rare class is not in the sample
        return []
    quality = assess(some.frame, splits["train"], splits["test"], table.task)
    if quality.score >= GOOD:
        return []
    weakest = min(quality.parts().items(), key=lambda item: item[1])
    return [
        f"the data's quality is about {quality.score:.2f}, and tests/model/test_data.py asks for {GOOD}; its weakest "
        f"part is {weakest[0]} ({weakest[1]:.2f}), see docs/data-quality.md"
    ]


def _inspection(
    source: Source,
    columns: list[Verdict],
    targets: tuple[str, ...],
    task: Task | None,
    target: str | None,
    found: Suggestions,
    notes: list[str],
) -> Inspection:
    roles = {} if task is None else {task.time_column: "time", task.group_column: "group", target: "target"}
    listing = tuple(
        {
            "name": one.name,
            "type": one.type,
            "missing": one.missing,
            "different": one.different,
            "role": roles.get(one.name, "dropped" if one.drop else "input"),
            "reason": one.drop or one.text,
        }
        for one in columns
    )
    kind = task.kind if task else None
    values = found.ordered()
    reasons = {name: found.reasons[name] for name in values if name in found.reasons}
    return Inspection(
        source.path, source.rows, len(source.frame), listing, targets, target, kind, values, reasons, tuple(notes)
    )


def main() -> None:
    """Print what was found of the table named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m stages.inspection", description="Look at a table of one's own.")
    parser.add_argument("file", help="a .csv, .csv.gz, .csv.zip or .parquet file")
    parser.add_argument("--target", help="the column to predict; without it some are proposed")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    found = inspect(Path(chosen.file).as_posix(), chosen.target, params.load())
    if chosen.json:
        print(json.dumps(found.to_json(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print(page(found))


if __name__ == "__main__":
    errors.run(main)
