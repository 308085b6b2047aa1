"""The plots of a commit as SVG on white: the same bytes for the same data."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.reports import plots as declarations
from gitml.reports.markdown import visible
from gitml.reports.plots import IMAGES, TABLES, NoPlot, Plot, Point
from gitml.reports.render import Picture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VEGA_LITE = "5.20"
"""The version that draws, of those in vl-convert; a newer one would change every picture."""

MOST_POINTS = 1000
"""Points of one series; of more every n-th is drawn."""

MOST_BARS = 25
LONGEST_LABEL = 60

SCATTER = frozenset(("scatter", "scatter_jitter"))
CONFUSION = frozenset(("confusion", "confusion_normalized"))
BARS = frozenset(("bar_horizontal", "bar_horizontal_sorted"))

_WORD = re.compile(r"[a-z0-9]+")
_ID = re.compile(r'((?: id="|="url\(#)(?:gradient_|clip))(\d+)')
_SIZE = {"width": 380, "height": 260}


class Drawing(NamedTuple):
    """What was drawn of a commit's plots.

    Attributes
    ----------
    pictures
        What the report shows, in the order of dvc.yaml.
    files
        The bytes of those that were drawn, by their names beside the report.
    notes
        What could not be drawn, and why; one sentence each.
    """

    pictures: tuple[Picture, ...]
    files: Mapping[str, bytes]
    notes: tuple[str, ...]


def draw(plots: tuple[Plot, ...], files: Mapping[str, bytes], top: str = "../..") -> Drawing:
    """Draw the plots of a commit.

    Parameters
    ----------
    plots
        What `gitml.reports.plots.declared` found. One with fewer than two points is passed over: a stage whose
        outs are fixed writes such a file where the plot has no meaning.
    files
        The commit's plot files by path; a plot whose files are not among them is noted.
    top
        The way from the report to the top of the repository, for plots that are images already.
    """
    shown: list[Picture] = []
    drawn: dict[str, bytes] = {}
    notes: list[str] = []
    for plot in _expanded(plots, files):
        if plot.sources[0].path.lower().endswith(IMAGES):
            shown.append(Picture(plot.title, f"{top}/{plot.sources[0].path}"))
            continue
        try:
            points = _points(plot, files)
            if len(points) < 2:
                continue
            content = _svg(specification(plot, points))
        except NoPlot as error:
            notes.append(f"{visible(plot.title)} is not drawn: {visible(str(error))}.")
            continue
        except ImportError:
            notes.append("There are no pictures: vl-convert is not installed (it comes with the extra gitml[reports]).")
            break
        name = _file_name(plot.name, drawn)
        drawn[name] = content
        shown.append(Picture(plot.title, name))
    return Drawing(tuple(shown), drawn, tuple(notes))


def warm_up() -> None:
    """Draw nothing once: the first picture of a process takes ten times as long as the others.

    Raises
    ------
    ImportError
        vl-convert is not installed.
    """
    _svg({"data": {"values": []}, "mark": "point"})


def specification(plot: Plot, points: list[Point]) -> dict[str, Any]:
    """Return the Vega-Lite of a plot.

    Raises
    ------
    NoPlot
        There is text where numbers are needed, or too much for one picture.
    """
    first = plot.sources[0]
    x_title, y_title = (_label(text) for text in (plot.x_label or first.x or "row", plot.y_label or first.y))
    if plot.template in CONFUSION:
        body = _confusion(points, x_title, y_title, plot.template == "confusion_normalized")
    elif plot.template in BARS:
        body = _bars(points, x_title, plot.template == "bar_horizontal_sorted")
    else:
        body = _curve(points, x_title, y_title, plot.template in SCATTER)
    return {
        "$schema": f"https://vega.github.io/schema/vega-lite/v{VEGA_LITE.partition('.')[0]}.json",
        "background": "white",
        "padding": 8,
        # Vega reads names in a description as JavaScript, so that \\x1f would become the control itself.
        "config": {"aria": False},
        "title": _label(plot.title),
        **body,
    }


def _expanded(plots: tuple[Plot, ...], files: Mapping[str, bytes]) -> list[Plot]:
    """Replace a folder by the files in it that can be drawn."""
    found = []
    for plot in plots:
        folder = f"{plot.sources[0].path.rstrip('/')}/"
        inside = sorted(path for path in files if path.startswith(folder) and path.lower().endswith(TABLES + IMAGES))
        if plot.sources[0].path in files or not inside:
            found.append(plot)
        for path in inside:
            found.append(plot._replace(name=path, title=path, sources=(plot.sources[0]._replace(path=path),)))
    return found


def _points(plot: Plot, files: Mapping[str, bytes]) -> list[Point]:
    missing = [source.path for source in plot.sources if source.path not in files]
    if missing:
        raise NoPlot(f"{missing[0]} is not in the commit")
    paths = dict.fromkeys(source.path for source in plot.sources)
    return declarations.points(plot, {path: declarations.rows(path, files[path]) for path in paths})


def _curve(points: list[Point], x_title: str, y_title: str, is_scatter: bool) -> dict[str, Any]:
    if any(isinstance(point.y, str) for point in points):
        raise NoPlot(f"{y_title} is no number")
    is_number = not any(isinstance(point.x, str) for point in points)
    series = list(dict.fromkeys(point.series for point in points))
    values = []
    for name in series:
        own = [point for point in points if point.series == name]
        step = -(-len(own) // MOST_POINTS)
        kept = own[::step] if own[-1] in own[::step] else [*own[::step], own[-1]]
        values += [
            {"x": _value(point.x, is_number), "y": point.y, "s": _label(name), "i": place}
            for place, point in enumerate(kept)
        ]
    x = {**_quantity("x", x_title), "scale": {"zero": False}}
    if not is_number:
        x = {"field": "x", "type": "ordinal", "title": x_title, "sort": None}
    encoding: dict[str, Any] = {
        "x": x,
        "y": {**_quantity("y", y_title), "scale": {"zero": False}},
    }
    if len(series) > 1:
        encoding["color"] = {"field": "s", "type": "nominal", "title": None, "sort": None}
    if is_scatter:
        return {**_SIZE, "data": {"values": values}, "mark": {"type": "circle", "opacity": 0.5}, "encoding": encoding}
    return {**_SIZE, "data": {"values": values}, "mark": "line", "encoding": {**encoding, "order": {"field": "i"}}}


def _bars(points: list[Point], x_title: str, is_sorted: bool) -> dict[str, Any]:
    lengths = {_label(str(point.y)): point.x for point in points if not isinstance(point.x, str)}
    if not lengths:
        raise NoPlot(f"{x_title} is no number")
    bars = sorted(lengths.items(), key=lambda bar: bar[1], reverse=True) if is_sorted else list(lengths.items())
    values = [{"x": length, "y": name} for name, length in bars[:MOST_BARS]]
    return {
        "width": _SIZE["width"],
        "height": {"step": 16},
        "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "x": _quantity("x", x_title),
            "y": {"field": "y", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 320}},
        },
    }


def _confusion(points: list[Point], x_title: str, y_title: str, is_share: bool) -> dict[str, Any]:
    counts: dict[tuple[str, str], int] = {}
    totals: dict[str, int] = {}
    for point in points:
        x, y = _class(point.x), _class(point.y)
        counts[x, y] = counts.get((x, y), 0) + 1
        totals[x] = totals.get(x, 0) + 1
    classes = sorted({name for pair in counts for name in pair})
    if len(classes) > MOST_BARS:
        raise NoPlot(f"it has more than {MOST_BARS} classes")
    shares = {pair: round(count / totals[pair[0]], 3) for pair, count in counts.items()}
    shown = shares if is_share else counts
    values = [{"x": x, "y": y, "n": shown.get((x, y), 0)} for x in classes for y in classes]
    axes = {
        "x": {"field": "x", "type": "nominal", "title": x_title, "sort": classes, "axis": {"labelAngle": 0}},
        "y": {"field": "y", "type": "nominal", "title": y_title, "sort": classes},
    }
    shade = {"field": "n", "type": "quantitative", "title": None, "legend": None, "scale": {"scheme": "blues"}}
    middle = max(shown.values()) / 2
    text = {
        "text": {"field": "n", "type": "quantitative"},
        "color": {"condition": {"test": f"datum.n > {middle}", "value": "white"}, "value": "black"},
    }
    return {
        "width": _SIZE["height"],
        "height": _SIZE["height"],
        "data": {"values": values},
        "encoding": axes,
        "layer": [{"mark": "rect", "encoding": {"color": shade}}, {"mark": "text", "encoding": text}],
    }


def _quantity(field: str, title: str) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "title": title, "axis": {"tickCount": 6}}


def _class(value: float | str) -> str:
    return _label(value if isinstance(value, str) else f"{value:g}")


def _value(value: float | str, is_number: bool) -> float | str:
    return value if is_number else _label(str(value))


def _label(text: str) -> str:
    text = visible(text)
    return text if len(text) <= LONGEST_LABEL else f"{text[:LONGEST_LABEL]}…"


def _file_name(plot: str, taken: Mapping[str, bytes]) -> str:
    stem = "-".join(_WORD.findall(plot.lower()))[:40].strip("-") or "plot"
    name, number = f"{stem}.svg", 2
    while name in taken:
        name, number = f"{stem}-{number}.svg", number + 1
    return name


def _svg(spec: dict[str, Any]) -> bytes:
    import vl_convert

    return _drawn(json.dumps(spec), vl_convert.vegalite_to_svg)


@lru_cache(maxsize=64)
def _drawn(spec: str, convert: Callable[..., str]) -> bytes:
    try:
        svg = convert(spec, vl_version=VEGA_LITE, allowed_base_urls=[])
    except (ValueError, RuntimeError) as error:
        raise NoPlot(f"vl-convert says {str(error).strip().splitlines()[0]}") from None
    return _renumbered(svg).encode() + b"\n"


def _renumbered(svg: str) -> str:
    """Return a picture whose ids count from 0; vl-convert goes on counting from one picture to the next."""
    places = {number: place for place, number in enumerate(dict.fromkeys(number for _, number in _ID.findall(svg)))}
    return _ID.sub(lambda found: f"{found[1]}{places[found[2]]}", svg)
