"""The data stage: read the source, check it, split it, and say what it looks like."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from stages import errors, files, params
from stages.enforce import enforce
from stages.errors import InputError
from stages.explore import Exploration, exploration_page
from stages.flights import FlightsParams
from stages.leaks import name_leaks, single_feature_auc
from stages.quality import Quality, assess
from stages.schema import Schema, applies, infer
from stages.schema_file import SCHEMA_FILE, from_yaml, to_yaml
from stages.sources import CsvParams, read_table, recognise_dates
from stages.splits import FOLDS, SplitParams, assign_folds, blocks, method_for, sample_rows
from stages.table_report import table_report_html
from stages.target import drop_unlabelled, encode_target, resolve_task, task_in_words
from stages.task import BLOCK, ROW, Kind, Task
from stages.validation import check_columns, drop_empty_columns, lookalikes, parse_time, require_columns, tidy


@dataclass(frozen=True)
class DataParams:
    """Which table, and what to predict: the ``data`` section of params.yaml."""

    source: str
    target: str
    positive: str | bool | int | float | None = None
    time_column: str | None = None
    group_column: str | None = None
    drop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for role in ("target", "time_column", "group_column"):
            column = getattr(self, role)
            if column in self.drop:
                raise InputError(
                    f"params.yaml: data.drop names '{column}', which is data.{role}.",
                    "Take it out of data.drop; features.drop keeps a column from the model.",
                )
            if role != "target" and column == self.target:
                raise InputError(
                    f"params.yaml: data.{role} is '{column}', which is data.target.",
                    "Name another column, or set it to null.",
                )


@dataclass(frozen=True)
class ValidationParams:
    """What a table is held to besides its schema: the ``validation`` section of params.yaml.

    Attributes
    ----------
    max_levels
        Most different texts in a column.
    leak_auc
        A column that alone reaches this AUC is named.
    """

    max_levels: int = 5000
    leak_auc: float = 0.85

    def __post_init__(self) -> None:
        if self.max_levels < 2:
            raise InputError(f"params.yaml: validation.max_levels is {self.max_levels}.", "It must be 2 or more.")
        if not 0.5 < self.leak_auc <= 1:
            raise InputError(
                f"params.yaml: validation.leak_auc is {self.leak_auc}.", "It must be above 0.5 and at most 1."
            )


@dataclass(frozen=True)
class Table:
    """A checked table, its target encoded.

    Attributes
    ----------
    frame, task, schema
        The rows, what is predicted from them, and what the table was held to.
    notes
        What was left out of the table, or may not be meant so, a sentence each.
    schema_is_new
        Whether the schema was inferred, although there was one: it describes another table.
    """

    frame: pd.DataFrame
    task: Task
    schema: Schema
    notes: tuple[str, ...]
    schema_is_new: bool


def check_table(
    frame: pd.DataFrame,
    data: DataParams,
    validation: ValidationParams,
    kind: Literal["auto"] | Kind,
    schema: Schema | None,
    codes: Collection[str] = (),
    name: str | None = None,
) -> Table:
    """Check a table as it was read, and work out the task.

    Parameters
    ----------
    frame
        A table as `read_table` gives it; its index is the 0-based row in the source.
    data, validation, kind
        The sections of params.yaml.
    schema
        What an earlier run wrote, if one did; a new one is inferred where it describes another table.
    codes
        Columns of texts that look like numbers.
    name
        What the schema calls the table, where its source alone does not say.

    Raises
    ------
    InputError
        The table cannot be learned from, or breaks the schema.
    """
    notes: list[str] = []
    source = data.source
    require_columns(frame, [data.target], "data.target", source)
    for role, column in (("time_column", data.time_column), ("group_column", data.group_column)):
        require_columns(frame, [column] if column else [], f"data.{role}", source)
    require_columns(frame, data.drop, "data.drop", source)
    require_columns(frame, codes, "csv.text", source)
    kept = frame.drop(columns=list(data.drop))
    roles = [name for name in (data.target, data.time_column, data.group_column) if name]
    kept, unlabelled = drop_unlabelled(kept, data.target)
    task = resolve_task(kept, data.target, data.positive, kind, source, data.time_column, data.group_column)
    if unlabelled:
        notes.append(f"{unlabelled:,} rows without a target were left out")
    keys = [data.group_column] if data.group_column else []
    as_text = {*codes, *([] if task.kind == "regression" else [data.target])}
    as_text |= {data.time_column} if data.time_column else set()
    check_columns(kept, source, validation.max_levels, keys=keys, as_text=as_text)
    if data.time_column:
        kept = parse_time(kept, data.time_column, source)
    held_to = schema if schema is not None and applies(schema, name or source, kept.columns) else None
    if held_to is not None:
        enforce(kept, held_to, source, left_out=data.drop)
    found = held_to or infer(kept, name or source, data.target)
    kept, empty = drop_empty_columns(kept, keep=roles)
    if empty:
        notes.append(f"columns without any value were left out: {', '.join(empty)}")
    notes += lookalikes(kept, {*as_text, *roles})
    encoded = kept.assign(**{data.target: encode_target(kept[data.target], task)})
    return Table(encoded, task, found, tuple(notes), schema is not None and held_to is None)


def divide(table: Table, split: SplitParams, seed: int) -> dict[str, pd.DataFrame]:
    """Return the rows of each fold, with the columns `ROW` and `BLOCK` that name them from here on."""
    frame = sample_rows(table.frame, split.rows, seed)
    folds = assign_folds(frame, table.task, split, seed)
    places = pd.DataFrame({ROW: frame.index.astype("int64"), BLOCK: blocks(frame, table.task)}, index=frame.index)
    # not assign(): pandas warns when it adds a column to a table of a hundred or more
    named = pd.concat([frame, places], axis=1)
    return {fold: named[folds == fold].reset_index(drop=True) for fold in FOLDS}


def read_schema() -> Schema | None:
    """Return the schema that an earlier run wrote, or a person, if there is one."""
    try:
        return from_yaml(Path(SCHEMA_FILE).read_text(encoding="utf-8"), SCHEMA_FILE)
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise InputError(f"{SCHEMA_FILE} is not UTF-8 ({error.reason}).", "Save it as UTF-8, or delete it.") from None


def figures(splits: Mapping[str, pd.DataFrame], task: Task, quality: Quality) -> dict[str, Any]:
    """Return the figures of results/data/metrics.json."""
    columns = len(splits["train"].columns) - 3  # the target, ROW and BLOCK are none
    rows = {fold: len(part) for fold, part in splits.items()}
    metrics: dict[str, Any] = {"rows": rows, "columns": columns, "quality": quality.to_json()}
    if task.kind == "binary":
        metrics["positive_share"] = {fold: float(part[task.target].mean()) for fold, part in splits.items()}
    return files.rounded(metrics)


def write(
    splits: Mapping[str, pd.DataFrame], task: Task, schema: Schema, page: str, report: str, metrics: Mapping[str, Any]
) -> None:
    """Write everything that the stage makes, once all of it has been computed."""
    with files.replacing("data/processed") as folder:
        folder.mkdir()
        for fold, part in splits.items():
            part.to_parquet(folder / f"{fold}.parquet", index=False)
        files.write_json(folder / "task.json", task.to_json())
    files.write_text(SCHEMA_FILE, to_yaml(schema))
    files.write_text("results/data/exploration.md", page)
    files.write_text("results/data/exploration.html", report)
    files.write_json("results/data/metrics.json", metrics)


def main() -> None:
    """Read the source named in params.yaml, write data/processed, the schema and the exploration."""
    given = params.load()
    base = params.section(given, "base", params.Base)
    data = params.section(given, "data", DataParams)
    validation = params.section(given, "validation", ValidationParams)
    split = params.section(given, "split", SplitParams)
    kind = params.choice(given, "task", ("auto", "binary", "multiclass", "regression"))
    csv = params.section(given, "csv", CsvParams)
    flights = params.section(given, "flights", FlightsParams)
    frame = read_table(data.source, csv, flights)
    # the flights come in two sets of columns, which one schema cannot describe
    name = data.source if flights.columns == "before_departure" else f"{data.source} ({flights.columns})"
    table = check_table(recognise_dates(tidy(frame)), data, validation, kind, read_schema(), csv.text, name)
    for note in table.notes:
        print(f"note: {note}", file=sys.stderr)
    if table.schema_is_new:
        print(f"note: {SCHEMA_FILE} described another table and is written anew", file=sys.stderr)
    if data.positive is None and table.task.kind == "binary":
        print(f"note: {task_in_words(table.task, data.positive)}", file=sys.stderr)
    task = table.task
    splits = divide(table, split, base.seed)
    everything = pd.concat(list(splits.values()), ignore_index=True).sort_values(ROW, ignore_index=True)
    plain = everything.drop(columns=[ROW, BLOCK])
    quality = assess(plain, splits["train"], splits["test"], task)
    inputs = [name for name in plain.columns if name not in {task.target, task.time_column, task.group_column}]
    aucs = single_feature_auc(splits["train"], task, inputs, base.seed)
    leaks = name_leaks(aucs, validation.leak_auc)
    for name, auc in leaks.items():
        print(
            f"warning: column '{name}' alone predicts '{task.target}' with AUC {auc:.3f}: is it known in time?",
            file=sys.stderr,
        )
    page = exploration_page(
        Exploration(
            data.source, plain, splits, task, quality, aucs, validation.leak_auc, method_for(split, task), table.notes
        )
    )
    shown = plain if task.kind == "regression" else plain.assign(**{task.target: _labels(plain[task.target], task)})
    report = table_report_html(shown, data.source, base.seed)
    metrics = figures(splits, task, quality) | {"possible_leaks": sorted(leaks)}
    write(splits, task, table.schema, page, report, metrics)
    sizes = ", ".join(f"{len(part):,} {fold}" for fold, part in splits.items())
    print(f"{sizes} rows; data quality {quality.score:.3f}")


def _labels(codes: pd.Series, task: Task) -> pd.Series:
    return pd.Series([task.classes[code] for code in codes], index=codes.index, dtype="str")


if __name__ == "__main__":
    errors.run(main)
