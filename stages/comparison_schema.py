"""Every breach of the schema, a column at a time: the data stage tells the first ten."""

from __future__ import annotations

import re
from contextlib import suppress

import pandas as pd

from stages.data import DataParams
from stages.enforce import enforce
from stages.errors import InputError, did_you_mean
from stages.schema import Schema, repeats
from stages.schema_file import SCHEMA_FILE
from stages.validation import parse_time


def breaches(frame: pd.DataFrame, schema: Schema, path: str, data: DataParams) -> list[str]:
    """Return in what the table breaks the schema, a clause each: columns gone or new first.

    Parameters
    ----------
    frame
        The table, tidy and with dates; rows without a target, and the columns of ``data.drop``, do not count.
    path
        Its file.
    """
    judged = frame.drop(columns=[name for name in data.drop if name in frame.columns])
    if data.target in judged.columns:
        judged = judged[judged[data.target].notna()]
    if data.time_column is not None and data.time_column in judged.columns:
        with suppress(InputError):  # its type is a breach as well
            judged = parse_time(judged, data.time_column, path)
    rules = {rule.name: rule for rule in schema.columns if rule.name not in data.drop}
    extra = [str(name) for name in judged.columns if name not in rules]
    told = [f"column '{name}' is gone{_renamed(name, extra)}" for name in rules if name not in judged.columns]
    told += [f"column '{name}' is not in it" for name in extra]
    for name, rule in rules.items():
        if name in judged.columns and len(judged):
            told += _broken(judged[[name]], Schema(schema.source, schema.target, 1.0, (rule,)), path)
    share = float(repeats(judged).mean()) if len(judged) else 0.0
    if share > schema.duplicates:
        told.append(f"{share:.1%} of the rows repeat an earlier row, where {schema.duplicates:.1%} are allowed")
    return told


def _broken(column: pd.DataFrame, schema: Schema, path: str) -> list[str]:
    """Return in what a table of one column breaks the rule for it."""
    try:
        enforce(column, schema, path)
    except InputError as error:
        told = error.what.partition(f" breaks {SCHEMA_FILE} in ")[2].partition(": ")[2].removesuffix(".")
        return re.split(rf"; (?=column '{re.escape(schema.columns[0].name)}' has )", told)
    return []


def _renamed(name: str, extra: list[str]) -> str:
    near = did_you_mean(name, extra).removeprefix(" Did you mean ").removesuffix("?")
    return f" (renamed? there is a new {near})" if near else ""
