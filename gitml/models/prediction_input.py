"""The rows to predict: CSV, JSON lines or Parquet, batch by batch, so that a table of any length fits into memory."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
import tempfile
import zlib
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from gitml.models.prediction import ExtraIsMissing
from gitml.models.prediction_rows import BadRows, Batch, Table, batch_of
from gitml.pipeline import strict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gitml.models.signature import Feature

LONGEST_LINE = 2**24
"""Letters of one line."""

LARGEST_PIPED = 4 * 2**30
"""Bytes of a Parquet file that comes through a pipe: its table of contents is at its end, so it is kept meanwhile."""

_BLOCK = 2**20


@contextmanager
def opened(
    stream: BinaryIO, name: str, features: Sequence[Feature], most: int | None = None
) -> Iterator[Iterator[Batch]]:
    """Read a table whose format is told by its first bytes; one that is compressed by gzip as well.

    Parameters
    ----------
    stream
        The file, or a pipe.
    name
        How errors call it.
    features
        The columns that are read. Others are passed over; all must be there.
    most
        Rows that are read; None for all.

    Raises
    ------
    BadRows
        It is no such table: at once, or when its rows come to be read.
    ExtraIsMissing
        It is Parquet, and pyarrow is not installed.
    """
    table = Table(name, features, most)
    head = stream.read(4)
    whole: Any = io.BufferedReader(_Prefixed(head, stream), _BLOCK)
    try:
        if head == b"PAR1":
            with _seekable(stream, whole, name) as file:
                yield _parquet(table, file)
            return
        if head.startswith(b"\x1f\x8b"):
            whole = io.BufferedReader(gzip.GzipFile(fileobj=whole), _BLOCK)
            head = whole.peek(4)[:4]
        is_json = head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
        yield _batches(table, (_json if is_json else _csv)(table, whole), is_text=not is_json)
    except (gzip.BadGzipFile, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise BadRows(name, f"It is no UTF-8, or damaged: {error}.") from None


class _Prefixed(io.RawIOBase):
    """A stream of which the first bytes were read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._head[: len(buffer)] or self._rest.read(len(buffer))
        self._head = self._head[len(content) :]
        buffer[: len(content)] = content
        return len(content)


def _lines(table: Table, stream: BinaryIO) -> Iterator[str]:
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise BadRows(table.name, f"It has a line of more than {LONGEST_LINE:,} letters.")
        yield line


def _csv(table: Table, stream: BinaryIO) -> Iterator[list[Any]]:
    """Yield the features of each row, as texts."""
    rows = csv.reader(_lines(table, stream), strict=True)
    try:
        header = next((row for row in rows if row), None)
        if header is None:
            raise BadRows(table.name, "It is empty: a line of column names is needed, and rows below it.")
        table.check(header)
        places = [header.index(feature.name) for feature in table.features]
        number = 0
        for row in rows:
            if not row:
                continue
            number += 1
            if len(row) != len(header):
                raise BadRows(
                    table.name, f"Row {number:,} has {len(row)} fields, and the first line names {len(header)}."
                )
            yield [row[place] for place in places]
    except csv.Error as error:
        raise BadRows(table.name, f"It is no CSV at line {rows.line_num:,}: {error}.") from None


def _json(table: Table, stream: BinaryIO) -> Iterator[list[Any]]:
    """Yield the features of each row, as JSON has them."""
    number = 0
    for line in _lines(table, stream):
        if not line.strip():
            continue
        number += 1
        try:
            row = strict.loads(line.encode())
        except strict.NotStrict as wrong:
            raise BadRows(table.name, f"Line {number:,} is no JSON object: {wrong}.") from None
        if not isinstance(row, dict):
            raise BadRows(table.name, f"Line {number:,} is no JSON object.")
        if number == 1:
            table.check(list(row))
        try:
            yield [row[feature.name] for feature in table.features]
        except KeyError as lacking:
            raise BadRows(
                table.name, f"Row {number:,} has no {lacking.args[0]}; write null for a missing one."
            ) from None


def _batches(table: Table, rows: Iterable[list[Any]], is_text: bool) -> Iterator[Batch]:
    first = 1
    kept: list[list[Any]] = []
    for row in islice(rows, table.most):
        kept.append(row)
        if len(kept) == table.batch:
            yield batch_of(table, first, list(zip(*kept, strict=True)), is_text)
            first, kept = first + len(kept), []
    if kept or first == 1:
        yield batch_of(table, first, list(zip(*kept, strict=True)) or [()] * len(table.features), is_text)


@contextmanager
def _seekable(stream: BinaryIO, whole: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Lend a file in which one can go back: the stream itself, or a copy of what comes through a pipe."""
    if stream.seekable():
        stream.seek(0)
        yield stream
        return
    with tempfile.TemporaryFile(prefix="gitml-") as copy:
        shutil.copyfileobj(_Limited(whole, name), copy)
        copy.seek(0)
        yield copy


class _Limited:
    """A stream of which no more is read than `LARGEST_PIPED`."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream, self._name, self._left = stream, name, LARGEST_PIPED

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise BadRows(self._name, "It is too large to come through a pipe.", "give it as a file")
        return content


def _parquet(table: Table, file: BinaryIO) -> Iterator[Batch]:
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        import pyarrow.parquet as pq  # type: ignore[import-untyped]
    except ImportError as error:
        raise ExtraIsMissing(error.name or "pyarrow") from None
    try:
        whole = pq.ParquetFile(file)
        table.check(whole.schema_arrow.names)
        for feature in table.features:
            _refuse_type(table, feature, whole.schema_arrow.field(feature.name).type)
        first = 1
        names = [feature.name for feature in table.features]
        for part in whole.iter_batches(table.batch, columns=names):
            if table.most is not None:
                part = part.slice(0, table.most - first + 1)
            columns = [_values(part.column(feature.name), feature) for feature in table.features]
            yield batch_of(table, first, columns, is_text=False)
            first += part.num_rows
            if table.most is not None and first > table.most:
                return
        if first == 1:
            yield batch_of(table, 1, [()] * len(names), is_text=False)
    except (pa.ArrowException, OSError) as error:
        raise BadRows(table.name, f"It is no Parquet file, or damaged: {' '.join(str(error).split())[:200]}.") from None


def _refuse_type(table: Table, feature: Feature, kind: Any) -> None:
    import pyarrow as pa

    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    is_number = pa.types.is_integer(inner) or pa.types.is_floating(inner) or pa.types.is_boolean(inner)
    is_text = pa.types.is_string(inner) or pa.types.is_large_string(inner)
    if not (is_number or pa.types.is_null(inner) or (is_text and not feature.is_numeric)):
        wanted = "a number" if feature.is_numeric else "a text"
        raise BadRows(table.name, f"Its column {feature.name} holds {kind}, and the feature is {wanted}.")


def _values(column: Any, feature: Feature) -> Sequence[Any]:
    """Return a column's values, with None where one is missing; a number that is not one is missing, too."""
    values = column.to_pylist()
    if feature.is_numeric:
        return values  # type: ignore[no-any-return]
    return [None if isinstance(value, float) and value != value else value for value in values]
