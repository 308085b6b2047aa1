"""The plots of a commit become SVG on white, the same bytes for the same data."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitml.pipeline import yaml12
from gitml.reports import pictures, plots
from gitml.reports.pictures import draw, specification
from gitml.reports.plots import NoPlot, Plot, Point, Source, declared, points, rows
from gitml.reports.render import Picture

ROOT = Path(__file__).parents[2]

DEFINITION = b"""
stages:
  train:
    cmd: x
    plots:
      - live:
          cache: false
      - loss.json: {x: step, y: loss, template: linear}
      - roc.csv
  other: 3
plots:
  - ROC:
      x: fpr
      y:
        roc.csv: [tpr, chance]
      title: ROC curve
      x_label: false alarms
      template: simple
  - Confusion:
      x: {classes.csv: actual}
      y: {classes.csv: predicted}
      template: confusion
  - 7
  - 8: {x: a}
  - bars.tsv: {x: length, y: name, template: bar_horizontal_sorted}
  - plain.csv
"""
FILES = {
    "roc.csv": b"\xef\xbb\xbffpr,tpr,chance\r\n0,0,0\r\n0.5,0.8,0.5\r\n1,1,1\r\n",
    "classes.csv": b"actual,predicted\nno,no\nno,yes\nyes,yes\nyes,yes\n",
    "bars.tsv": b"name\tlength\n<b>&\t1\nlong\t3\n",
    "plain.csv": b"a,b\n1,2\n2,3\n",
    "live/a/loss.tsv": b"step\tloss\n1\t0.5\n2\t0.4\n",
    "live/picture.PNG": b"",
    "live/notes.txt": b"",
    "loss.json": b'{"train": {"loss": [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.4}]}}',
}


def texts(svg: bytes) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("}text")]


def test_what_a_dvc_yaml_names() -> None:
    assert declared(yaml12.load(DEFINITION), "sub") == (
        Plot(
            "ROC",
            "ROC curve",
            "simple",
            (Source("sub/roc.csv", "fpr", "tpr"), Source("sub/roc.csv", "fpr", "chance")),
            "false alarms",
        ),
        Plot("Confusion", "Confusion", "confusion", (Source("sub/classes.csv", "actual", "predicted"),)),
        Plot("bars.tsv", "bars.tsv", "bar_horizontal_sorted", (Source("sub/bars.tsv", "length", "name"),)),
        Plot("plain.csv", "plain.csv", "", (Source("sub/plain.csv", "", ""),)),
        Plot("live", "live", "", (Source("sub/live", "", ""),)),
        Plot("loss.json", "loss.json", "linear", (Source("sub/loss.json", "step", "loss"),)),
    )


@pytest.mark.parametrize("definition", [None, 3, [], {"plots": 3, "stages": []}, {"plots": [{"a": {"y": {3: "b"}}}]}])
def test_no_plots_in_what_is_no_dvc_yaml(definition: Any) -> None:
    assert declared(definition) == ()


def test_every_kind_is_drawn() -> None:
    drawing = draw(declared(yaml12.load(DEFINITION)), FILES)
    assert drawing.notes == ()
    assert drawing.pictures == (
        Picture("ROC curve", "roc.svg"),
        Picture("Confusion", "confusion.svg"),
        Picture("bars.tsv", "bars-tsv.svg"),
        Picture("plain.csv", "plain-csv.svg"),
        Picture("live/a/loss.tsv", "live-a-loss-tsv.svg"),
        Picture("live/picture.PNG", "../../live/picture.PNG"),
        Picture("loss.json", "loss-json.svg"),
    )
    assert all(b'fill="white"' in svg.partition(b"<g")[0] for svg in drawing.files.values())
    assert {"ROC curve", "false alarms", "tpr", "chance"} <= set(texts(drawing.files["roc.svg"]))
    assert [text for text in texts(drawing.files["bars-tsv.svg"]) if not re.match("[0-9.]+$", text)] == [
        "length",
        "long",
        "<b>&",
        "bars.tsv",
    ]
    cells = [text for text in texts(drawing.files["confusion.svg"]) if text in "0123"]
    assert sorted(cells)[:4] == ["0", "1", "1", "2"]


def test_the_same_data_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib\n"
        "from gitml.pipeline import yaml12\n"
        "from gitml.reports import pictures, plots\n"
        f"drawn = pictures.draw(plots.declared(yaml12.load({DEFINITION!r})), {FILES!r})\n"
        "print({name: hashlib.sha256(svg).hexdigest() for name, svg in drawn.files.items()})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    drawing = draw(declared(yaml12.load(DEFINITION)), FILES)
    assert done.stdout == f"{ {name: hashlib.sha256(svg).hexdigest() for name, svg in drawing.files.items()} }\n"
    assert draw(declared(yaml12.load(DEFINITION)), FILES) == drawing


def test_ids_count_from_the_first_in_each_picture() -> None:
    svg = '<g clip-path="url(#clip7)"/><clipPath id="clip7"/><a id="gradient_3" fill="url(#gradient_3)"/>id="clip7x"'
    assert pictures._renumbered(svg) == (
        '<g clip-path="url(#clip0)"/><clipPath id="clip0"/><a id="gradient_1" fill="url(#gradient_1)"/>id="clip7x"'
    )


def test_without_vl_convert_the_report_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    assert draw(declared(yaml12.load(DEFINITION)), FILES) == pictures.Drawing(
        (), {}, ("There are no pictures: vl-convert is not installed (it comes with the extra gitml[reports]).",)
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "a.csv is not in the commit"),
        (b"x,z\n1,2\n2,3\n", "a.csv has no column y"),
        (b"y\n1\n2\n", "a.csv has no column x"),
        (b"x,y\n1,a\n2,b\n", "y is no number"),
        (b"\xff", "a.csv cannot be read: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (b'x,y\n"1', "a.csv cannot be read: unexpected end of data"),
        (b"x" * (8 * 2**20 + 1), "a.csv is larger than 8 MiB"),
    ],
)
def test_what_cannot_be_drawn_says_why(content: bytes | None, why: str) -> None:
    plot = Plot("A", "A\x1b", "", (Source("a.csv", "x", "y"),))
    drawing = draw((plot,), {} if content is None else {"a.csv": content})
    assert drawing == pictures.Drawing((), {}, (f"A\\x1b is not drawn: {why}.",))


@pytest.mark.parametrize(
    ("path", "content", "found"),
    [
        ("a.json", b'[{"x": 1}]', [{"x": 1}]),
        ("a.json", b'{"n": 1, "deep": {"rows": [{"x": 1}]}}', [{"x": 1}]),
        ("a.yaml", b"rows:\n- x: 1e-3\n", [{"x": 0.001}]),
        ("a.json", b"[]", "a.json has no list of rows"),
        ("a.json", b'[{"x": NaN}]', "a.json cannot be read: NaN is no JSON"),
        ("a.yaml", b"[", "a.yaml cannot be read: did not find expected node content, line 2"),
    ],
)
def test_json_and_yaml(path: str, content: bytes, found: Any) -> None:
    if isinstance(found, list):
        assert rows(path, content) == found
        return
    with pytest.raises(NoPlot) as caught:
        rows(path, content)
    assert str(caught.value).partition(", line")[0] == found.partition(", line")[0]


def test_rows_without_a_figure_are_left_out_and_series_told_apart() -> None:
    plot = Plot("p", "p", "", (Source("a/l.csv", "x", "y"), Source("b/l.csv", "x", "y")))
    table = [{"x": "1", "y": "nan"}, {"x": "2", "y": ""}, {"x": "3", "y": "1e3"}, {"x": "inf", "y": "1"}]
    assert points(plot, {"a/l.csv": table, "b/l.csv": [{"x": "k", "y": True}, {"x": "l", "y": 10**400}]}) == [
        Point(3.0, 1000.0, "a"),
        Point("k", "True", "b"),
        Point("l", str(10**400), "b"),
    ]
    same = Plot("p", "p", "", (Source("a/k.csv", "", "y"), Source("a/l.csv", "", "y")))
    assert points(same, {"a/k.csv": [], "a/l.csv": [{"y": 1}]}) == [Point(0.0, 1.0, "a/l.csv y")]
    two = Plot("p", "p", "", (Source("a/l.csv", "", "y"), Source("b/l.csv", "", "y"), Source("b/l.csv", "", "z")))
    table = [{"y": 1, "z": 2}]
    assert {point.series for point in points(two, {"a/l.csv": table, "b/l.csv": table})} == {
        "a y",
        "b y",
        "b z",
    }


def test_many_points_are_thinned_and_both_ends_kept() -> None:
    plot = Plot("p", "p", "", (Source("a.csv", "x", "y"),))
    spec = specification(plot, [Point(float(number), 1.0, "y") for number in range(10_001)])
    values = spec["data"]["values"]
    assert (len(values), values[0]["x"], values[-1]["x"]) == (911, 0.0, 10_000.0)


def test_scatter_shares_and_words_on_the_axis() -> None:
    scatter = Plot("p", "p", "scatter", (Source("a.csv", "x", "y"),))
    spec = specification(scatter, [Point("mo", 1.0, "y"), Point("tu", 2.0, "y")])
    assert (spec["mark"]["type"], spec["encoding"]["x"]["type"]) == ("circle", "ordinal")
    shares = scatter._replace(template="confusion_normalized")
    spec = specification(shares, [Point(0.0, 0.0, ""), Point(0.0, 1.0, ""), Point(0.0, 0.0, "")])
    assert spec["data"]["values"] == [
        {"x": "0", "y": "0", "n": 0.667},
        {"x": "0", "y": "1", "n": 0.333},
        {"x": "1", "y": "0", "n": 0},
        {"x": "1", "y": "1", "n": 0},
    ]
    with pytest.raises(NoPlot, match="more than 25 classes"):
        specification(shares, [Point(float(number), 0.0, "") for number in range(30)])
    bars = scatter._replace(template="bar_horizontal")
    with pytest.raises(NoPlot, match="x is no number"):
        specification(bars, [Point("a", 0.0, ""), Point("b", 0.0, "")])
    assert [
        value["y"] for value in specification(bars, [Point(1.0, "a", ""), Point(2.0, "b", "")])["data"]["values"]
    ] == [
        "a",
        "b",
    ]


def test_plots_with_one_name_do_not_take_each_others_file() -> None:
    plot = Plot("É!", "p", "", (Source("plain.csv", "a", "b"),))
    assert [picture.file for picture in draw((plot, plot, plot), FILES).pictures] == [
        "plot.svg",
        "plot-2.svg",
        "plot-3.svg",
    ]


NASTY = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20) | st.sampled_from(
    ["<script>x</script>", "]]>", "a.b[0]", "datum.x", "\u202e", "\x00", "https://a.b/c.csv", '"', "\\", "__proto__"]
)


@settings(max_examples=40, deadline=None)
@given(NASTY, NASTY, st.sampled_from(["", "scatter", "confusion", "bar_horizontal"]))
def test_what_others_named_is_text_in_a_picture(name: str, other: str, template: str) -> None:
    plot = Plot(name, name, template, (Source("a.csv", other, name),), other, name)
    found = [Point(1.0, 2.0, name), Point(2.0, 1.0, other)]
    if template in pictures.BARS:
        found = [Point(1.0, name, name), Point(2.0, other, name)]
    svg = pictures._svg(specification(plot, found))
    tags = {element.tag.partition("}")[2] for element in ElementTree.fromstring(svg).iter()}
    assert tags <= {"svg", "rect", "g", "path", "line", "text", "defs", "clipPath", "linearGradient", "stop"}
    assert not re.search(rb"href=|[\x00-\x09\x0b-\x1f]", svg)


def test_the_plots_of_this_repository_are_drawn() -> None:
    definition = yaml12.load((ROOT / "dvc.yaml").read_bytes())
    names = {source.path for plot in declared(definition) for source in plot.sources}
    drawing = draw(plots.declared(definition), {name: (ROOT / name).read_bytes() for name in names})
    assert drawing.notes == ()
    assert list(drawing.files) == [
        "learning-curve.svg",
        "roc-curve.svg",
        "precision-and-recall.svg",
        "calibration.svg",
        "confusion.svg",
        "worst-slices.svg",
        "importance.svg",
    ]
