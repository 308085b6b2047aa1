"""Holding a table against its schema, with pandera; every break is told at once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from stages.errors import InputError, did_you_mean
from stages.schema import ColumnRule, ColumnType, Schema, repeats
from stages.schema_file import SCHEMA_FILE

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

Check = Literal["type", "range", "values"]
CHECKS: tuple[Check, ...] = ("type", "range", "values")

EXAMPLES = 3
MOST_TOLD = 10
"""So many breaks are told; the rest is counted."""


def enforce(frame: pd.DataFrame, schema: Schema, source: str, left_out: Collection[str] = ()) -> None:
    """Refuse a table that breaks its schema.

    Parameters
    ----------
    frame
        The table; its index is the 0-based row in the source.
    schema
        What it must be like.
    source
        Its file, for the error.
    left_out
        Columns that the pipeline drops: neither required nor looked at.

    Raises
    ------
    InputError
        Names every column that breaks its rule, in how many rows, with three examples.
    """
    from pandera.errors import SchemaErrors

    judged = frame.drop(columns=[name for name in left_out if name in frame.columns])
    rules = {rule.name: rule for rule in schema.columns if rule.name not in left_out}
    try:
        _pandera_schema(schema, rules).validate(judged, lazy=True, inplace=True)
    except SchemaErrors as errors:
        breaks = _told(errors.schema_errors, judged, schema, rules)
    else:
        return
    more = f"; and {len(breaks) - MOST_TOLD} more" if len(breaks) > MOST_TOLD else ""
    places = "1 place" if len(breaks) == 1 else f"{len(breaks)} places"
    raise InputError(
        f"{source} breaks {SCHEMA_FILE} in {places}: {'; '.join(breaks[:MOST_TOLD])}{more}.",
        f"Correct the table, or, if it is right, edit {SCHEMA_FILE}, or delete it: the next run writes a new one.",
    )


def _pandera_schema(schema: Schema, rules: dict[str, ColumnRule]) -> DataFrameSchema:
    """Turn our compact rules into a pandera schema: a type, a range or list, and a missing share a column.

    Each check answers yes or no for its whole column: given a million wrong values pandera formats them all,
    which takes it ten seconds; the rows are looked up afterwards, for the columns that broke.
    """
    import pandera.pandas as pa

    def column(rule: ColumnRule) -> pa.Column:
        def has_no(check: Check) -> pa.Check:
            return pa.Check(lambda values: not _wrong(values, check, rule).any(), name=check, ignore_na=False)

        checks = [has_no("type"), pa.Check(lambda values: _gaps_allowed(values, rule), name="missing", ignore_na=False)]
        if rule.low is not None or rule.high is not None:
            checks.append(has_no("range"))
        if rule.type == "category":
            checks.append(has_no("values"))
        return pa.Column(None, checks, nullable=True)

    return pa.DataFrameSchema(
        {name: column(rule) for name, rule in rules.items()},
        checks=[pa.Check(lambda table: bool(repeats(table).mean() <= schema.duplicates), name="duplicates")],
        strict=True,
    )


def _gaps_allowed(values: pd.Series, rule: ColumnRule) -> bool:
    return bool(values.isna().mean() <= rule.missing)


def _wrong(values: pd.Series, check: Check, rule: ColumnRule) -> pd.Series:
    """Say of each value that is not missing whether it breaks one part of the rule; indexed like them."""
    known = values.dropna()
    if check == "type":
        return ~_has_type(known, rule.type)
    if check == "values":
        return ~_as_text(known).isin(rule.values)
    numbers = _numbers(known)  # what is no number at all is the type's affair
    wrong = pd.Series(False, index=known.index)
    if rule.low is not None:
        wrong |= numbers < rule.low
    if rule.high is not None:
        wrong |= numbers > rule.high
    return wrong


def _has_type(known: pd.Series, kind: ColumnType) -> pd.Series:
    judges: dict[ColumnType, Callable[[pd.Series], pd.Series]] = {
        "number": lambda values: _numbers(values).notna(),
        "integer": lambda values: _numbers(values) % 1 == 0,
        "boolean": lambda values: _as_text(values).str.casefold().isin(["true", "false"]),
        "datetime": lambda values: _times(values).notna(),
        "empty": lambda values: pd.Series(False, index=values.index),
        "text": _is_text,
        "category": _is_text,
    }
    return judges[kind](known)


def _is_text(values: pd.Series) -> pd.Series:
    textual = not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values))
    return pd.Series(textual or pd.api.types.is_bool_dtype(values), index=values.index)


def _numbers(values: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return pd.Series(float("nan"), index=values.index)
    return values if pd.api.types.is_numeric_dtype(values) else pd.to_numeric(values, errors="coerce")


def _times(values: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(values):
        return pd.Series(pd.NaT, index=values.index)
    return pd.to_datetime(values, format="ISO8601", utc=True, errors="coerce")


def _as_text(values: pd.Series) -> pd.Series:
    return values if isinstance(values.dtype, pd.StringDtype) else values.astype("str")


def _told(errors: list[Any], frame: pd.DataFrame, schema: Schema, rules: dict[str, ColumnRule]) -> list[str]:
    """Put pandera's errors into words: what is gone or new first, then columns in the table's order."""
    extra = [str(name) for name in frame.columns if name not in rules]
    told = [f"column '{name}' is gone{_renamed(name, extra)}" for name in rules if name not in frame.columns]
    told += [f"column '{name}' is not in it" for name in extra]
    broken = {(getattr(error.schema, "name", None), getattr(error.check, "name", None)) for error in errors}
    for name, rule in rules.items():
        for check in CHECKS:
            if (name, check) in broken and not (check == "values" and (name, "type") in broken):
                told.append(_wrong_values(frame[name], check, rule))
        if (name, "missing") in broken:
            told.append(_gaps(frame[name], rule))
    if any(check == "duplicates" for _, check in broken):
        told.append(_repeated(frame, schema.duplicates))
    return told


def _renamed(name: str, extra: list[str]) -> str:
    hint = did_you_mean(name, extra)
    return f" (renamed? there is a new{hint.removeprefix(' Did you mean').removesuffix('?')})" if hint else ""


def _wrong_values(values: pd.Series, check: Check, rule: ColumnRule) -> str:
    if check == "type":
        expected = f"no {rule.type}" if rule.type != "empty" else "there where all were missing"
    else:
        expected = f"outside {_bounds(rule)}" if check == "range" else "that are not listed"
    wrong = _wrong(values, check, rule)
    cases = values.loc[wrong.index[wrong]]
    examples = ", ".join(f"{_shown(cases[place])} in row {_row(place)}" for place in _first(cases))
    count = f"{len(cases):,} value{'s' if len(cases) != 1 else ''}"
    return f"column '{rule.name}' has {count} {expected} ({examples})"


def _first(cases: pd.Series) -> list[Any]:
    """Return where the first three cases are: three different values where there are so many."""
    different = list(cases.index[~cases.duplicated()][:EXAMPLES])
    more = [place for place in cases.index[:EXAMPLES] if place not in different]
    return sorted(different + more[: EXAMPLES - len(different)])


def _gaps(values: pd.Series, rule: ColumnRule) -> str:
    missing = values.isna()
    rows = ", ".join(_row(place) for place in values.index[missing][:EXAMPLES])
    return (
        f"column '{rule.name}' has no value in {missing.sum():,} of {len(values):,} rows, "
        f"{missing.mean():.1%} where {rule.missing:.1%} are allowed (rows {rows})"
    )


def _repeated(frame: pd.DataFrame, allowed: float) -> str:
    repeated = repeats(frame)
    rows = ", ".join(_row(place) for place in frame.index[repeated][:EXAMPLES])
    return (
        f"{repeated.sum():,} of {len(frame):,} rows repeat an earlier row, "
        f"{repeated.mean():.1%} where {allowed:.1%} are allowed (rows {rows})"
    )


def _bounds(rule: ColumnRule) -> str:
    return f"{_figure(rule.low)} to {_figure(rule.high)}"


def _figure(value: float | None) -> str:
    if value is None:
        return "no bound"
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.6g}"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return _figure(value)
    text = str(value)
    return f"'{text if len(text) <= 40 else text[:37] + '…'}'" if isinstance(value, str) else text


def _row(place: Any) -> str:
    return f"{int(place) + 1}"
