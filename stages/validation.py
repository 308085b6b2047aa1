"""What any table must be before anything is learned from it; each fault is told with its column and row."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

import numpy as np
import pandas as pd

from stages.errors import InputError, did_you_mean

MOSTLY = 0.95
"""A text column of which this share are numbers is a column of numbers with something wrong in it."""

LARGEST = float(np.finfo(np.float32).max)
"""The largest number that a feature can hold."""

ISO_DATE = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?"
"""How a date is written, as a regular expression."""

OTHER_DATE = r"(\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}|\d{4}[/.]\d{1,2}[/.]\d{1,2})([ T,].*)?"
"""How else people write dates."""

ADORNED = r"[\s$€£¥%,']"
"""What people write around the digits of a number and between them."""

FEW = 20
"""Texts with no more different values are good categories, whatever they look like."""

STAND_INS = frozenset({"?", "-", "--", ".", "n/a", "na", "#n/a", "nan", "null", "none", "nil", "missing", "(null)"})
"""Texts, in lower case, that people write where a value is missing."""


def tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """Bring every column to a plain dtype: number, bool, ``str`` (missing is NaN) or naive UTC datetime.

    White space alone counts as missing, and a column of numbers and blanks is one of numbers. Mixed objects
    and categories become text, nullable numbers plain ones, booleans with gaps the texts ``"True"`` and
    ``"False"``. A tidy table is given back as it is.
    """
    changed = {}
    for name in frame.columns:
        values = frame[name]
        plain = _plain(values)
        if plain is not values:
            changed[name] = plain
    return frame.assign(**changed) if changed else frame


def require_columns(frame: pd.DataFrame, names: Iterable[str], parameter: str, source: str) -> None:
    """Refuse a parameter that names a column which the table does not have.

    Raises
    ------
    InputError
        With the nearest column name.
    """
    for name in names:
        if name not in frame.columns:
            raise InputError(
                f"{source} has no column '{name}', which params.yaml names as {parameter}."
                f"{did_you_mean(name, frame.columns)}",
                f"Its columns are: {listed(frame.columns)}.",
            )


def check_columns(
    frame: pd.DataFrame,
    source: str,
    max_levels: int,
    keys: Collection[str] = (),
    as_text: Collection[str] = (),
) -> None:
    """Refuse columns that no model can use as they are.

    Parameters
    ----------
    frame
        A `tidy` table; its index is the 0-based row in the source.
    source
        Its file, for the error.
    max_levels
        A text column with more different values is refused.
    keys
        Columns that may have any number of different texts, because they group the rows.
    as_text
        Columns whose texts may look like numbers.

    Raises
    ------
    InputError
        A value is infinite or beyond float32, a column of numbers has a text in it, or a text column too many
        values.
    """
    for name in frame.columns:
        values = frame[name]
        if pd.api.types.is_float_dtype(values):
            _refuse_infinite(values, source)
        elif isinstance(values.dtype, pd.StringDtype):
            counts = values.value_counts()
            if name not in as_text:
                _refuse_mixed(values, counts, "number", source)
                _refuse_mixed(values, counts, "date", source)
            if len(counts) > max_levels and name not in keys:
                _refuse_levels(values, len(counts), max_levels, source)


def parse_time(frame: pd.DataFrame, column: str, source: str) -> pd.DataFrame:
    """Make the time column naive UTC datetimes.

    ISO 8601 is understood, with or without a time, a fraction or an offset; nothing is guessed, because
    02/03/2024 is a day in March to some and in February to others.

    Raises
    ------
    InputError
        A value does not parse or is missing; with its row.
    """
    values = frame[column]
    missing = values.isna()
    if missing.any():
        raise InputError(
            f"{source}, column '{column}' has no time in {missing.sum():,} of {len(values):,} rows, "
            f"the first in row {_row(missing)}.",
            "A time is needed to place a row: fill it in, take these rows out, or set data.time_column: null.",
        )
    mend = "Write times as ISO 8601, such as 2024-03-01 or 2024-03-01 14:30, or set data.time_column: null."
    if pd.api.types.is_numeric_dtype(values):
        raise InputError(f"{source}, column '{column}' holds numbers such as {values.iloc[0]}, not times.", mend)
    if pd.api.types.is_datetime64_any_dtype(values):
        times = values
    else:
        times = pd.to_datetime(values, format="ISO8601", utc=True, errors="coerce")
    unread = times.isna()
    if unread.any():
        raise InputError(
            f"{source}, column '{column}', row {_row(unread)}: '{values[unread].iloc[0]}' is not a time that can be "
            f"read ({unread.sum():,} of {len(values):,} rows are like it).",
            mend,
        )
    return frame.assign(**{column: times.dt.tz_convert(None) if times.dt.tz is not None else times})


def lookalikes(frame: pd.DataFrame, as_text: Collection[str] = ()) -> tuple[str, ...]:
    """Name the text columns that were meant as numbers or dates, a sentence each.

    Parameters
    ----------
    frame
        A `tidy` table.
    as_text
        Columns that are meant as texts.
    """
    found = []
    for name in frame.select_dtypes(include="str"):
        texts = pd.Series(frame[name].dropna().unique(), dtype="str")
        if name in as_text or len(texts) <= FEW:
            continue
        numbers = pd.to_numeric(texts.str.replace(ADORNED, "", regex=True), errors="coerce").notna().mean()
        if texts.str.fullmatch(OTHER_DATE).mean() >= MOSTLY:
            mend = "dates: written as ISO 8601, such as 2024-03-01, they would give their month, weekday and hour"
        elif numbers >= MOSTLY:
            mend = "numbers: written plainly, such as 1234.5, or with csv.decimal set, they would be compared by size"
        else:
            continue
        found.append(f"column '{name}' is taken as text, but its values, such as '{texts.iloc[0]}', look like {mend}")
    return tuple(found)


def drop_empty_columns(frame: pd.DataFrame, keep: Collection[str] = ()) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Leave out the columns in which every value is missing; also return their names."""
    empty = tuple(str(name) for name in frame.columns if name not in keep and frame[name].isna().all())
    return frame.drop(columns=list(empty)), empty


def listed(names: Iterable[object], most: int = 12) -> str:
    """Return names as one line, the rest counted."""
    words = [str(name) for name in names]
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def _plain(values: pd.Series) -> pd.Series:
    """Return the column with a plain dtype: the same object if there is nothing to do."""
    dtype = values.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        return values.dt.tz_convert(None)
    if dtype == "float16":  # which neither an index nor a report takes
        return values.astype("float32")
    if isinstance(dtype, np.dtype) and dtype.kind in "biufM":
        return values
    if isinstance(dtype, np.dtype) and dtype.kind == "m":
        return values.dt.total_seconds()
    if isinstance(dtype, pd.StringDtype) and dtype.na_value is np.nan:
        blank = values.str.strip() == ""
        return _numbers_if_all_are(values.mask(blank)) if blank.any() else values
    if pd.api.types.is_bool_dtype(dtype) and not values.isna().any():
        return values.astype(bool)
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype):
        return values.astype("float64" if values.isna().any() else dtype.numpy_dtype)
    held = pd.api.types.infer_dtype(values, skipna=True)
    if held in ("decimal", "integer", "floating", "mixed-integer-float"):
        return values.astype("float64")
    if held in ("date", "datetime", "datetime64"):
        return pd.to_datetime(values, utc=True).dt.tz_convert(None)
    return _plain(values.astype("str").where(values.notna()).astype("str"))


def _numbers_if_all_are(texts: pd.Series) -> pd.Series:
    """Return numbers where every text is one: blanks had made a column of numbers one of texts."""
    numbers = pd.to_numeric(texts, errors="coerce")
    return numbers if numbers.notna().sum() == texts.notna().sum() > 0 else texts


def _refuse_infinite(values: pd.Series, source: str) -> None:
    infinite = np.isinf(values)
    if infinite.any():
        raise InputError(
            f"{source}, column '{values.name}', row {_row(infinite)}: the value is infinite "
            f"({infinite.sum():,} of {len(values):,} rows).",
            "Write a number, leave the cell empty where there is none, or add the column to data.drop.",
        )
    huge = values.abs() > LARGEST
    if huge.any():
        raise InputError(
            f"{source}, column '{values.name}', row {_row(huge)}: {values[huge].iloc[0]:.6g} is more than the models "
            f"can hold ({LARGEST:.1e}; {huge.sum():,} of {len(values):,} rows are like it).",
            "Correct it, give the column in another unit or as its logarithm, or add it to data.drop.",
        )


def _refuse_mixed(values: pd.Series, counts: pd.Series, kind: Literal["number", "date"], source: str) -> None:
    """Refuse texts of which nearly all are of a kind; `counts` says how often each text occurs.

    What stands for a missing value does not count.
    """
    texts = pd.Series(counts.index, dtype="str")
    readable = (pd.to_numeric(texts, errors="coerce").notna() if kind == "number" else _is_date(texts)).to_numpy()
    stands_in = texts.str.strip().str.casefold().isin(STAND_INS).to_numpy()
    good, known, total = counts[readable].sum(), counts[~stands_in].sum(), counts.sum()
    if not 0 < MOSTLY * known <= good < total:
        return
    odd = values.isin(counts.index[~readable])
    first = str(values[odd].iloc[0])
    if first.strip().casefold() in STAND_INS:
        mend = f"Leave the cell empty where a value is missing, instead of '{first}'."
    else:
        mend = f"Correct it, or, in params.yaml, add the column to data.drop, or to csv.text if its {kind}s are codes."
    raise InputError(
        f"{source}, column '{values.name}', row {_row(odd)}: '{first}' is not a {kind}, "
        f"but {good:,} of the column's {total:,} values are.",
        mend,
    )


def _is_date(texts: pd.Series) -> pd.Series:
    """Say of each text whether it is an ISO 8601 date or time."""
    written = texts.str.fullmatch(ISO_DATE)
    return written & pd.to_datetime(texts.where(written), format="ISO8601", utc=True, errors="coerce").notna()


def _refuse_levels(values: pd.Series, levels: int, max_levels: int, source: str) -> None:
    examples = ", ".join(f"'{str(value)[:40]}'" for value in values.dropna().unique()[:3])
    raise InputError(
        f"{source}, column '{values.name}' has {levels:,} different texts in {values.notna().sum():,} rows "
        f"({examples}, …), more than {max_levels:,}: it looks like an identifier or free text.",
        "Add it to data.drop, or raise validation.max_levels in params.yaml.",
    )


def _row(mask: pd.Series) -> int:
    """Return the 1-based data row of the first true value."""
    return int(mask.index[mask.to_numpy()][0]) + 1
