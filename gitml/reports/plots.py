"""The plots that a dvc.yaml names, and the rows of their data files."""

from __future__ import annotations

import csv
import io
import math
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.pipeline import strict, yaml12
from gitml.reports.markdown import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 8 * 2**20
"""Bytes of a data file that is read."""

TABLES = (".csv", ".tsv", ".json", ".yaml", ".yml")
IMAGES = (".svg", ".png", ".jpg", ".jpeg", ".gif")


class NoPlot(ValueError):
    """A plot cannot be drawn; the message says why, in half a sentence."""


class Source(NamedTuple):
    """One series: a file, and the columns for x and y; empty for the row's number, and for the last column."""

    path: str
    x: str
    y: str


class Plot(NamedTuple):
    """One picture.

    Attributes
    ----------
    name
        Its name in dvc.yaml, or its file.
    title
        What stands above it.
    template
        DVC's name for its kind; empty for a line.
    sources
        Its series.
    x_label, y_label
        What stands at the axes; empty for the columns' names.
    """

    name: str
    title: str
    template: str
    sources: tuple[Source, ...]
    x_label: str = ""
    y_label: str = ""


class Point(NamedTuple):
    """One row of a series: its x, its y, and the series' name."""

    x: float | str
    y: float | str
    series: str


def declared(definition: Any, folder: str = "") -> tuple[Plot, ...]:
    """Return the plots of a dvc.yaml: those at its top level, and those of its stages that the first do not draw.

    Parameters
    ----------
    definition
        The dvc.yaml as it was read, its templates filled in. What is not as DVC wants it is passed over.
    folder
        The folder that it lies in, from the top of the repository; empty for the top.
    """
    if not isinstance(definition, dict):
        return ()
    top = tuple(plot for name, value in _entries(definition.get("plots")) for plot in _plots(name, value, folder))
    drawn = {source.path for plot in top for source in plot.sources}
    stages = definition.get("stages")
    outs = (_entries(stage.get("plots")) for stage in _values(stages) if isinstance(stage, dict))
    plots = (plot for entries in outs for name, value in entries for plot in _plots(name, value, folder))
    own = tuple(plot for plot in plots if not any(_covers(source.path, drawn) for source in plot.sources))
    return top + own


def rows(path: str, content: bytes) -> list[dict[str, Any]]:
    """Return the rows of a data file, by column.

    Raises
    ------
    NoPlot
        It is too large, or no table that DVC would draw.
    """
    if len(content) > LARGEST:
        raise NoPlot(f"{path} is larger than {LARGEST // 2**20} MiB")
    suffix = PurePosixPath(path).suffix.lower()
    try:
        if suffix in (".csv", ".tsv"):
            text = io.StringIO(content.decode("utf-8-sig"), newline="")
            return list(csv.DictReader(text, delimiter="\t" if suffix == ".tsv" else ",", strict=True))
        value = strict.loads(content) if suffix == ".json" else yaml12.load(content)
    except (strict.NotStrict, yaml12.NotYaml, csv.Error, UnicodeDecodeError) as error:
        raise NoPlot(f"{path} cannot be read: {error}") from None
    found = _first_list(value)
    if found is None:
        raise NoPlot(f"{path} has no list of rows")
    return found


def points(plot: Plot, files: dict[str, list[dict[str, Any]]]) -> list[Point]:
    """Return the points of a plot in the order of its files; rows without a figure are left out.

    Parameters
    ----------
    plot
        The plot.
    files
        The rows of its files, by path.

    Raises
    ------
    NoPlot
        A file has no such column.
    """
    names = _series_names(plot.sources)
    found: list[Point] = []
    for source, name in zip(plot.sources, names, strict=True):
        table = files[source.path]
        column = source.y or (list(table[0])[-1] if table else "")
        for wanted in filter(None, (source.x, column)):
            if table and wanted not in table[0]:
                raise NoPlot(f"{source.path} has no column {wanted}")
        xs = (
            _column([row.get(source.x) for row in table]) if source.x else [float(place) for place in range(len(table))]
        )
        ys = _column([row.get(column) for row in table])
        found += [Point(x, y, name) for x, y in zip(xs, ys, strict=True) if x is not None and y is not None]
    return found


def _values(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else []


def _entries(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what a list of plots names: a path, or a name with its settings."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            yield item, {}
        elif isinstance(item, dict):
            for name, settings in item.items():
                if isinstance(name, str):
                    yield name, settings if isinstance(settings, dict) else {}


def _plots(name: str, settings: dict[str, Any], folder: str) -> Iterator[Plot]:
    x, y = settings.get("x"), settings.get("y")
    # A mapping names files; without one the plot's name is the file.
    by_file = y if isinstance(y, dict) else {name: y}
    sources = tuple(
        Source(_joined(folder, path), _text(x.get(path) if isinstance(x, dict) else x), _text(column))
        for path, columns in by_file.items()
        if isinstance(path, str)
        for column in (columns if isinstance(columns, list) else [columns])
    )
    if sources:
        labels = _text(settings.get("x_label")), _text(settings.get("y_label"))
        yield Plot(name, _text(settings.get("title")) or name, _text(settings.get("template")), sources, *labels)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _joined(folder: str, path: str) -> str:
    return f"{folder}/{path}" if folder else path


def _covers(path: str, drawn: set[str]) -> bool:
    return path in drawn or any(other.startswith(f"{path.rstrip('/')}/") for other in drawn)


def _first_list(value: Any) -> list[dict[str, Any]] | None:
    """Return the first list of rows in a nested value, as DVC finds it."""
    if isinstance(value, list):
        return value if value and all(isinstance(row, dict) for row in value) else None
    found = (_first_list(inner) for inner in _values(value))
    return next((each for each in found if each is not None), None)


def _column(values: list[Any]) -> list[float | str | None]:
    """Return a column as numbers where all of it is, else as text; None for what is no finite number."""
    numbers: list[float | str | None] = []
    for value in values:
        try:
            number = float(value) if not isinstance(value, bool) and value not in (None, "") else math.nan
        except (TypeError, ValueError, OverflowError):
            return [visible(str(value)) for value in values]
        numbers.append(number if math.isfinite(number) else None)
    return numbers


def _series_names(sources: tuple[Source, ...]) -> list[str]:
    """Return the shortest names that tell the series apart: column, folder, both, path and column."""
    folders = [PurePosixPath(source.path).parent.name for source in sources]
    columns = [source.y or PurePosixPath(source.path).stem for source in sources]
    pairs = list(zip(folders, columns, strict=True))
    choices = [columns, folders, [f"{folder} {column}" for folder, column in pairs]]
    for names in choices:
        if len(set(names)) == len(names) and all(names):
            return [visible(name) for name in names]
    return [visible(f"{source.path} {source.y}") for source in sources]
