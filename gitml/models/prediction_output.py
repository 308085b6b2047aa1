"""Predictions as they are written: CSV, JSON lines or Parquet, batch by batch."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol

from gitml.models.prediction import ExtraIsMissing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from gitml.models.prediction import Model

    Array = NDArray[Any]

Format = Literal["csv", "json", "parquet"]

_DIGITS = "%.9g"
"""What tells one float32 from the next."""


class Writer(Protocol):
    """Writes predictions in one format; `close` ends what was written, and leaves the stream open."""

    def write(self, values: Array) -> None:
        """Write some rows, as `Model.predict` gives them."""

    def close(self) -> None:
        """Write what belongs at the end."""


def writer(kind: Format, model: Model, stream: BinaryIO) -> Writer:
    """Return what writes a model's predictions in a format.

    Each row has ``prediction`` (the label by the model's threshold, or the number) and for every class its
    probability: in CSV and Parquet as ``probability_<class>``, in JSON below ``probabilities``.

    Raises
    ------
    ExtraIsMissing
        pyarrow is needed, and not installed.
    """
    kinds: dict[Format, type[_Csv | _Json | _Parquet]] = {"csv": _Csv, "json": _Json, "parquet": _Parquet}
    return kinds[kind](model, stream)


def columns(model: Model) -> list[str]:
    """Return the names of the columns."""
    return ["prediction", *(f"probability_{name}" for name in model.signature.classes)]


class _Csv:
    def __init__(self, model: Model, stream: BinaryIO) -> None:
        self._model, self._stream = model, stream
        self._write_rows([columns(model)])

    def write(self, values: Array) -> None:
        classes = self._model.signature.classes
        if not classes:
            self._write_rows([_DIGITS % value] for value in values.tolist())
            return
        called = self._model.labels(values).tolist()
        self._write_rows(
            [classes[place], *(_DIGITS % value for value in row)]
            for place, row in zip(called, values.tolist(), strict=True)
        )

    def close(self) -> None:
        self._stream.flush()

    def _write_rows(self, rows: Iterable[Sequence[str]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._stream.write(text.getvalue().encode("utf-8", "backslashreplace"))


class _Json:
    def __init__(self, model: Model, stream: BinaryIO) -> None:
        self._model, self._stream = model, stream

    def write(self, values: Array) -> None:
        classes = self._model.signature.classes
        lines = []
        called = self._model.labels(values).tolist() if classes else []
        for row, value in enumerate(values.tolist()):
            told: dict[str, Any] = {"prediction": classes[called[row]] if classes else float(_DIGITS % value)}
            if classes:
                told["probabilities"] = {name: float(_DIGITS % one) for name, one in zip(classes, value, strict=True)}
            lines.append(json.dumps(told) + "\n")
        self._stream.write("".join(lines).encode())

    def close(self) -> None:
        self._stream.flush()


class _Parquet:
    def __init__(self, model: Model, stream: BinaryIO) -> None:
        try:
            import pyarrow as pa  # type: ignore[import-untyped]
            import pyarrow.parquet as pq  # type: ignore[import-untyped]
        except ImportError as error:
            raise ExtraIsMissing(error.name or "pyarrow") from None
        self._model, self._stream = model, stream
        classes = model.signature.classes
        first = pa.field("prediction", pa.string() if classes else pa.float64())
        self._schema = pa.schema([first, *(pa.field(name, pa.float64()) for name in columns(model)[1:])])
        self._file = pq.ParquetWriter(stream, self._schema)

    def write(self, values: Array) -> None:
        import pyarrow as pa

        classes = self._model.signature.classes
        called = [classes[place] for place in self._model.labels(values).tolist()] if classes else values
        arrays = [pa.array(called), *(pa.array(values[:, place]) for place in range(len(classes)))]
        self._file.write_table(pa.table(arrays, schema=self._schema))

    def close(self) -> None:
        self._file.close()
