"""Reading a table that nobody has described yet: small ones as the pipeline does, large ones faster and in parts."""

from __future__ import annotations

import gzip
import math
import mmap
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stages.errors import InputError
from stages.flights import FlightsParams
from stages.inspection_arrow import as_pandas_reads, read_csv_fast
from stages.inspection_dialect import Bytes, Dialect, sniff
from stages.sources import CsvParams, read_table, recognise_dates
from stages.task import BLOCK, ROW
from stages.validation import ISO_DATE, tidy

LARGE = 48 << 20
"""A CSV file of more bytes is read by several threads, and only if that fails as the pipeline does."""

MOST_BYTES = 640 << 20
"""Of a CSV file of more bytes only evenly spaced parts are read, and of a packed one the beginning."""

PARTS = 32

FAST_CELLS = 5_000_000
"""A Parquet file of more cells is read without Python's own dates and decimals."""

MOST_CELLS = 100_000_000
"""Of a Parquet file of more cells only evenly spaced row groups are read."""

LOOK = 200
"""So many texts say whether a column may be one of dates, before all of them are looked at."""


@dataclass(frozen=True)
class Source:
    """A table as it was read.

    Attributes
    ----------
    path
        Its file, as it was named.
    frame
        Its rows, `tidy` and with dates; index 0 to n - 1.
    rows
        How many there are in the file; an estimate where not all were read.
    dialect
        How the CSV file is written; None for Parquet.
    """

    path: str
    frame: pd.DataFrame
    rows: int
    dialect: Dialect | None


def read_source(path: str) -> Source:
    """Read the table at `path`, whatever its separator, encoding and decimal mark.

    Raises
    ------
    InputError
        What `read_table` refuses, and a first line that is no header.
    """
    name = path.lower()
    if name.endswith((".yaml", ".yml")):
        raise InputError(f"{path} is no table.", "Give a .csv, .csv.gz, .csv.zip or .parquet file.")
    if not Path(path).is_file():
        folder = "is a folder" if Path(path).is_dir() else "does not exist"
        raise InputError(f"{path} {folder}.", "Give the path of a .csv, .csv.gz, .csv.zip or .parquet file.")
    if name.endswith(".parquet"):
        frame, rows = _parquet(path, MOST_CELLS)
        return Source(path, _plain(frame), rows, None)
    content = _content(path) if name.endswith((".csv", ".gz", ".zip", ".tsv", ".txt")) else b""
    if not len(content):
        # nothing to be sniffed: this says why
        read_table(path, CsvParams(), FlightsParams())
    dialect = sniff(content, path)
    frame, rows = _csv(path, content, dialect)
    return Source(path, _plain(frame), rows, dialect)


def read_described(path: str, described: CsvParams) -> pd.DataFrame:
    """Read the whole table at `path` as the data stage does, in less time and memory if it is large.

    Parameters
    ----------
    described
        How a CSV file is written.

    Raises
    ------
    InputError
        What `read_table` refuses.
    """
    frame = None
    if path.lower().endswith(".parquet"):
        frame = _parquet(path, math.inf)[0]
    elif path.lower().endswith((".csv", ".tsv", ".txt")) and Path(path).is_file() and Path(path).stat().st_size > LARGE:
        dialect = Dialect(described.encoding, described.delimiter, described.decimal, described.text, "")
        frame = read_csv_fast([path], dialect, quoted=True)
        # one column: read_table says which separator it is
        frame = None if frame is not None and frame.shape[1] == 1 else frame
    if frame is None:
        frame = read_table(path, described, FlightsParams())
    return _plain(frame)


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the tidy table, its dates recognised; only columns that may be dates are looked at whole."""
    table = tidy(frame)
    dated = [
        name
        for name in table.select_dtypes(include="str")
        if table[name].dropna().head(LOOK).str.fullmatch(ISO_DATE).all()
    ]
    found = recognise_dates(table[dated])
    changed = {name: found[name] for name in dated if found[name].dtype != table[name].dtype}
    return table.assign(**changed) if changed else table


def _content(path: str) -> Bytes:
    """Return the bytes of a CSV file, unpacked; nothing where that is not possible."""
    try:
        if path.lower().endswith(".gz"):
            with gzip.open(path) as packed:
                return packed.read()
        if path.lower().endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                names = [name for name in archive.namelist() if not name.endswith("/") and "__MACOSX" not in name]
                return archive.read(names[0]) if len(names) == 1 else b""
        if not Path(path).stat().st_size:
            return b""
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile):
        return b""


def _csv(path: str, content: Bytes, dialect: Dialect) -> tuple[pd.DataFrame, int]:
    if len(content) > LARGE:
        parts = [content] if len(content) <= MOST_BYTES else _parts(content)
        quoted = content.find(b'"') >= 0
        if isinstance(content, mmap.mmap):
            content.madvise(mmap.MADV_DONTNEED)  # its pages would count as memory in use
        files = [path] if isinstance(content, mmap.mmap) and len(parts) == 1 else parts
        frame = read_csv_fast(files, dialect, quoted)
        if frame is not None:
            share = sum(map(len, parts)) / len(content)
            return frame, len(frame) if share == 1 else round(len(frame) / share)
    described = CsvParams(dialect.delimiter, dialect.encoding, dialect.decimal, dialect.codes)
    frame = read_table(path, described, FlightsParams())
    return frame, len(frame)


def _parts(content: Bytes) -> list[bytes]:
    """Return evenly spaced parts of a file, each with its first line, and whole lines below it."""
    length = MOST_BYTES // PARTS
    head = bytes(content[: length // 16])
    header = head[: head.find(b"\n") + 1]
    parts = []
    for part in range(PARTS):
        start = (len(content) - length) * part // (PARTS - 1)
        lines = bytes(content[start : start + length])
        begin = 0 if start == 0 else lines.find(b"\n") + 1
        end = lines.rfind(b"\n") + 1
        parts.append(lines[begin:end] if start == 0 else header + lines[begin:end])
    return parts


def _parquet(path: str, most_cells: float) -> tuple[pd.DataFrame, int]:
    """Read a Parquet file, or evenly spaced row groups of one with more cells."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            rows, columns, groups = file.metadata.num_rows, len(file.schema_arrow), file.num_row_groups
            odd = any(pa.types.is_nested(field.type) or pa.types.is_binary(field.type) for field in file.schema_arrow)
            wanted = max(1, math.floor(groups * min(most_cells / max(rows * columns, 1), 1)))
            chosen = sorted({(groups - 1) * part // max(wanted - 1, 1) for part in range(min(wanted, groups))})
            if rows * columns > FAST_CELLS and not odd:
                table = as_pandas_reads(file.read_row_groups(chosen).replace_schema_metadata())
                names = set(table.column_names)
                if len(names) == columns and not {ROW, BLOCK, ""} & names:
                    return table.to_pandas(date_as_object=False, split_blocks=True, self_destruct=True), rows
    except (pa.ArrowInvalid, OSError):
        pass  # which read_table puts into words
    frame = read_table(path, CsvParams(), FlightsParams())
    return frame, len(frame)
