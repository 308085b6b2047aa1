"""What is to be done with each column so that the pipeline takes the table: kept, dropped, or taken as text."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from stages.errors import InputError
from stages.features import OUTPUTS
from stages.inspection_names import names_something, words
from stages.inspection_reading import Source
from stages.validation import FEW, MOSTLY, OTHER_DATE, STAND_INS, check_columns, lookalikes

Type = Literal["number", "integer", "text", "boolean", "datetime", "empty"]

NEARLY_ALL = 0.9
"""Texts of which this share occur once name the rows, and say nothing about rows to come."""

SOME = 20
"""Fewer rows do not show that a column names them."""

MANY_LEVELS = 50_000
"""Up to so many different texts `validation.max_levels` is raised, where they occur often enough."""

OFTEN = 5
"""Rows a text needs on average, so that something can be learned about it."""

LONG = 60
"""Texts of more letters on average are sentences."""

COUNTED = 300_000
"""Of a longer column of numbers the different ones are counted in so many rows."""

MONTHS = r"(?:jan|feb|mar|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-zäé]*\.?"
WORDED_DATE = (
    rf"(?i:(?:[a-z]{{2,9}},? )?"
    rf"(?:\d{{1,2}}\.?[ -]{MONTHS}[ ,-]+\d{{2,4}}|{MONTHS} \d{{1,2}},? \d{{4}}|{MONTHS}[ -]\d{{2,4}}).*)"
)
SHORT_DATE = r"\d{4}-\d{2}|\d{4}-?Q[1-4]|\d{4}-?W\d{2}|\d{8}T\d{4,6}Z?|\d{4}-\d{1,2}-\d{1,2}(?:[T ]\d{1,2}(?::\d.*)?)?"
DATE = re.compile(f"(?:{OTHER_DATE})|(?:{WORDED_DATE})|(?:{SHORT_DATE})")
"""Dates in forms that the pipeline does not read."""

WITH_POINTS = r"[+-]?\d{1,3}(?:[. ]\d{3})*(?:,\d+)?"
"""Numbers with points between the thousands."""

DATE_WORDS = frozenset(
    {"date", "time", "timestamp", "datetime", "ts", "epoch", "day", "created", "at", "datum", "unix"}
)


@dataclass(frozen=True)
class Verdict:
    """What is to be done with a column.

    Attributes
    ----------
    name, type
        The column, and what its values are.
    missing
        Share of the rows without a value.
    different
        How many different values there are; of a long column of numbers those of some rows.
    drop
        Why the column is left out; empty if it is not.
    text
        Why its values are texts although they look like numbers; empty if they are not.
    levels
        To how many the most different texts must be raised for it; 0 if that is not needed.
    note
        What a person may want to mend, a sentence; empty if nothing.
    """

    name: str
    type: Type
    missing: float
    different: int
    drop: str = ""
    text: str = ""
    levels: int = 0
    note: str = ""


def judge(source: Source, name: str, max_levels: int) -> Verdict:
    """Say what is to be done with a column that is not the target."""
    values = source.frame[name]
    kind, different = type_of(values), count_different(values)
    found = Verdict(name, kind, float(values.isna().mean()), different)
    coded = source.dialect is not None and name in source.dialect.codes
    if name in OUTPUTS:
        return _dropped(found, "a model's output has that name: rename it to use it")
    if different == 0:
        return _dropped(found, "no value in any row")
    if different == 1 and not found.missing:
        return _dropped(found, f"always {_shown(values.iloc[0])}")
    if kind == "text":
        return _judge_text(source, found, values, coded, max_levels)
    if kind == "integer" and _names_rows(values, name):
        return _dropped(found, "another value in each row: it names the row")
    broken = _refusal(source, values)
    if broken:
        return _dropped(found, broken, note=_to_mend(name, broken))
    return replace(found, note=_number_that_is_a_date(values, name))


def judge_target(source: Source, name: str) -> Verdict:
    """Say what kind of column the target is, and refuse numbers with something else among them.

    Raises
    ------
    InputError
        Nearly all its values are numbers, or are numbers with something written around them.
    """
    values = source.frame[name]
    found = Verdict(name, type_of(values), float(values.isna().mean()), count_different(values))
    coded = source.dialect is not None and name in source.dialect.codes
    if found.type == "text" and found.different > FEW and not coded:
        frame = values.to_frame()
        check_columns(frame, source.path, len(frame) + 2)
        for said in lookalikes(frame):
            raise InputError(
                f"{source.path}: the target {said.removeprefix('column ')}.", "Write them so, or name another target."
            )
    return replace(found, text="digits of which some begin with a zero" if coded else "")


def type_of(values: pd.Series) -> Type:
    """Return what a tidy column holds."""
    if values.isna().all():
        return "empty"
    if pd.api.types.is_bool_dtype(values):
        return "boolean"
    if pd.api.types.is_datetime64_any_dtype(values):
        return "datetime"
    if pd.api.types.is_numeric_dtype(values):
        return "integer" if pd.api.types.is_integer_dtype(values) else "number"
    return "text"


def count_different(values: pd.Series) -> int:
    """Count the different values; the different numbers of a long column in evenly spaced rows only."""
    if len(values) > COUNTED and values.dtype.kind in "fM":
        values = values.iloc[:: -(-len(values) // COUNTED)]
    return int(values.nunique())


def made_twice(types: dict[str, Type], features: Collection[str]) -> dict[str, str]:
    """Return the columns that have the name of a feature made from a date, and that date's column.

    Parameters
    ----------
    types
        The types of the columns that are kept.
    features
        Those of them that become features.
    """
    parts = ("month", "weekday", "hour", "year", "days_before")
    dates = [name for name, kind in types.items() if kind == "datetime"]
    made = {f"{date}_{part}": date for date in dates for part in parts}
    return {name: made[name] for name in features if name in made}


def _judge_text(source: Source, found: Verdict, values: pd.Series, coded: bool, max_levels: int) -> Verdict:
    known = values.dropna()
    name, different, rows = found.name, found.different, len(known)
    text = "digits of which some begin with a zero: codes, no numbers" if coded else ""
    # of more different texts some say what they are, and that there are too many is known
    looked = values if different <= COUNTED else values.iloc[:: -(-len(values) // COUNTED)]
    unique = pd.Series(looked.dropna().unique(), dtype="str")
    if not coded:
        broken = _refusal(source, looked)
        if broken and different <= FEW:
            return replace(found, text=f"categories: {broken}")
        if broken:
            return _dropped(found, broken, note=_to_mend(name, broken))
        dated = unique.str.fullmatch(DATE.pattern)
        if different > FEW and dated.mean() >= MOSTLY:
            return _dates(found, _shown(unique[dated].iloc[0]))
    told = "" if coded else _adorned(looked, unique)
    if told and different > min(max_levels, max(FEW, rows // OFTEN)):
        return _dropped(found, "numbers with something around them, which are not read", note=told)
    if rows >= SOME and different > NEARLY_ALL * rows:
        return _dropped(found, "another value in each row" if different == rows else "another value in nearly each row")
    length = float(unique.head(1000).str.len().mean())
    if different > FEW and length > LONG:
        return _dropped(found, f"free text of about {length:.0f} letters, whose words are not read")
    if different <= max_levels:
        return replace(found, text=text, note=told)
    if different <= min(MANY_LEVELS, rows // OFTEN):
        return replace(found, text=text, note=told, levels=different)
    return _dropped(found, f"{different:,} different texts in {rows:,} rows")


def _dates(found: Verdict, example: str) -> Verdict:
    return _dropped(
        found,
        f"dates such as {example}, a form that is not read",
        note=f"column '{found.name}' holds dates such as {example}: written as ISO 8601, such as 2024-03-01, they "
        "would give month, weekday and hour, and could order the rows (data.time_column); then take it out of "
        "data.drop",
    )


def _adorned(values: pd.Series, unique: pd.Series) -> str:
    """Say of numbers with something around them, or points between thousands, how they would have to be written."""
    told = next(iter(lookalikes(values.to_frame())), "")
    if told or len(unique) <= FEW or unique.str.fullmatch(WITH_POINTS).mean() < MOSTLY:
        return told
    return (
        f"column '{values.name}' is taken as text, but its values, such as {_shown(unique.iloc[0])}, look like "
        "numbers: written plainly, such as 1234.5, they would be compared by size"
    )


def _to_mend(name: str, broken: str) -> str:
    return f"column '{name}', {broken}; mend it and take it out of data.drop"


def _names_rows(values: pd.Series, name: str) -> bool:
    """Whether whole numbers name the rows: each occurs once, and they are called so or count through."""
    if len(values) < SOME:
        return False
    span = int(values.max()) - int(values.min()) + 1
    called = names_something(name)
    if not called and span != len(values):
        return False
    different = values.nunique()
    return bool(different == len(values) or (called and different > NEARLY_ALL * len(values)))


def _refusal(source: Source, values: pd.Series) -> str:
    """Return why the pipeline would refuse the column, whatever its number of levels; empty if it would not."""
    try:
        check_columns(values.to_frame(), source.path, len(values) + 2)
    except InputError as error:
        said = error.what.removeprefix(f"{source.path}, column '{values.name}', ").rstrip(".")
        quoted = re.search(r"'(.*)' is not a", said)
        if quoted and quoted[1].strip().casefold() in STAND_INS:
            said += ", where a missing value needs an empty cell"
        return said
    return ""


def _number_that_is_a_date(values: pd.Series, name: str) -> str:
    """Say of numbers that are dates how they would have to be written."""
    if not set(words(name)) & DATE_WORDS or pd.api.types.is_bool_dtype(values):
        return ""
    if not pd.api.types.is_numeric_dtype(values):
        return ""
    some = values.dropna().head(1000)
    if not (some % 1 == 0).all():
        return ""
    days = pd.to_datetime(some.astype("int64").astype("str"), format="%Y%m%d", errors="coerce")
    written = bool((days.notna() & days.dt.year.between(1900, 2100)).all())
    since_1970 = any(some.between(5e8 * unit, 2.5e9 * unit).all() for unit in (1, 1e3, 1e6, 1e9))
    if not written and not since_1970:
        return ""
    return (
        f"column '{name}' holds dates as numbers such as {int(some.iloc[0])}, and is taken as a number: written as "
        "ISO 8601, such as 2024-03-01, it would give month, weekday and hour, and could order the rows"
    )


def _shown(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float | np.floating) else " ".join(str(value).split())
    return f"'{text if len(text) <= 30 else text[:29] + '…'}'"


def _dropped(found: Verdict, reason: str, note: str = "") -> Verdict:
    return replace(found, drop=reason, note=note)
