"""Reading a CSV file with Arrow, in several threads, to the same columns that pandas reads."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stages.inspection_dialect import Dialect
from stages.task import BLOCK, ROW

MISSING = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
"""What pandas reads as missing."""

BLOCK_SIZE = 8 << 20


def read_csv_fast(parts: list[Any], dialect: Dialect, quoted: bool) -> pd.DataFrame | None:
    """Read CSV; None where Arrow does not take what pandas takes.

    Parameters
    ----------
    parts
        The path of the file, or its bytes, or those of some parts, each with the first line.
    quoted
        Whether there is a quote in it, so that a field may go on in the next line.
    """
    import pyarrow as pa

    # of several, one may begin inside a quoted field, whose lines then have too few fields
    whole = len(parts) == 1
    try:
        tables = [_as_texts(part, dialect, _read(part, dialect, quoted, whole), quoted, whole) for part in parts]
        table = pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeDecodeError, LookupError):
        return None
    names = table.column_names
    if len(set(names)) < len(names) or not all(name.strip() for name in names) or {ROW, BLOCK} & set(names):
        return None
    tables.clear()
    pa.default_memory_pool().release_unused()
    return table.to_pandas(date_as_object=False, split_blocks=True, self_destruct=True)


def as_pandas_reads(table: Any) -> Any:
    """Make texts of times of the day, which pandas does not know, and numbers of decimals."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_time(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
        elif pa.types.is_decimal(field.type) or pa.types.is_null(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.float64()))
    return table


def _read(part: Any, dialect: Dialect, quoted: bool, whole: bool, texts: tuple[str, ...] = ()) -> Any:
    """Read a part as an Arrow table; if `texts` are named, only these columns, as they are written."""
    import pyarrow as pa
    from pyarrow import csv

    return csv.read_csv(
        part if isinstance(part, str) else pa.BufferReader(pa.py_buffer(part)),
        csv.ReadOptions(encoding=dialect.encoding, block_size=BLOCK_SIZE),
        csv.ParseOptions(
            delimiter=dialect.delimiter,
            newlines_in_values=quoted and whole,
            invalid_row_handler=None if whole else lambda row: "skip",
        ),
        csv.ConvertOptions(
            decimal_point=dialect.decimal,
            column_types=dict.fromkeys((*dialect.codes, *texts), pa.string()),
            include_columns=list(texts) or None,
            null_values=MISSING,
            strings_can_be_null=True,
            true_values=["True", "TRUE", "true"],
            false_values=["False", "FALSE", "false"],
        ),
    )


def _as_texts(part: Any, dialect: Dialect, table: Any, quoted: bool, whole: bool) -> Any:
    """Return the table with times of the day, such as 12:30, as they are written in the part."""
    import pyarrow as pa

    clocks = tuple(field.name for field in table.schema if pa.types.is_time(field.type))
    if clocks and len(set(table.column_names)) == len(table.column_names):
        written = _read(part, dialect, quoted, whole, clocks)
        for name in clocks:
            place = table.column_names.index(name)
            table = table.set_column(place, name, written.column(name))
    return as_pandas_reads(table)
