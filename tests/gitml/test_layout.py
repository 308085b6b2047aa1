"""What a run reads and writes, as dvc.yaml declares it; and its message, and whether it was tried."""

from __future__ import annotations

import re

import pytest

from gitml.config import DEFAULTS
from gitml.experiments import message, tried
from gitml.experiments.message import Change, changes
from gitml.git.objects import Objects, list_tree
from gitml.pipeline.layout import Inputs, Layout, inputs, known_params, layout, project_at
from gitml.pipeline.snapshot import Snapshot

from .conftest import Repo

PIPELINE = """\
vars:
- names.yaml
stages:
  prepare:
    wdir: src
    cmd: python prepare.py ${kind}
    deps: [prepare.py, ../data/raw]
    outs: ["../data/${kind}"]
  train:
    foreach: [a, b]
    do:
      cmd: python src/train.py ${item}
      deps: ["data/${kind}", src/train.py]
      params: [lr, other.toml: [x.y], whole.json: ]
      outs: ["models/${item}"]
      metrics:
      - results/${item}.json: {cache: false}
      plots:
      - results/plots/${item}: {cache: false}
"""


def made(repo: Repo, **changed: str) -> tuple[Layout, Inputs, list[tuple[str, str, object, bool]]]:
    repo.with_dvc()
    files = {
        "dvc.yaml": PIPELINE,
        "names.yaml": "kind: flights\n",
        "params.yaml": "lr: 0.1\nunused: 2\n",
        "other.toml": "[x]\ny = 1\nz = 2\n",
        "whole.json": '{"p": {"q": true}}',
        "src/prepare.py": "1",
        "src/train.py": "1",
        "data/raw/one": "1",
        "data/raw/two": "1",
    }
    repo.commit("infra: pipeline", **{**files, **changed})
    with Objects(repo.path) as objects:
        snapshot = Snapshot(list_tree("HEAD", repo.path), objects)
        project = project_at(snapshot, "")
        assert project is not None
        found = layout(project)
        known = [(one.file, one.name, one.value, one.is_used) for one in known_params(snapshot, found)]
        return found, inputs(snapshot, project, found), known


def test_paths_of_a_templated_pipeline(repo: Repo) -> None:
    found, _, known = made(repo)
    assert found == Layout(
        "",
        ("results/a.json", "results/plots/a", "results/b.json", "results/plots/b"),
        ("data/flights", "models/a", "models/b"),
        ("dvc.lock",),
        ("src/prepare.py", "data/raw", "src/train.py"),
        {"params.yaml": ("lr", "lr"), "other.toml": ("x.y", "x.y"), "whole.json": ("", "")},
        3,
    )
    assert found.written == (*found.kept, "dvc.lock", "data/.gitignore", "models/.gitignore")
    assert [found.reads(path) for path in ("data/raw/new", "src/new.py", "data/flights/x")] == [True, False, False]
    assert not found.has_other_folders
    assert sorted(known, key=str) == [
        ("other.toml", "x.y", 1, True),
        ("other.toml", "x.z", 2, False),
        ("params.yaml", "lr", 0.1, True),
        ("params.yaml", "unused", 2, False),
        ("whole.json", "p.q", True, True),
    ]


def test_what_only_the_top_level_names_is_a_result_and_uncovered(repo: Repo) -> None:
    """A file that a stage makes, or that lies around or inside an out, is not."""
    top = """\
metrics: [results/own.json, results/a.json, "${kind}.json"]
plots:
- results/curve.csv: {x: step}
- results/plots
- Both:
    y: {left.csv: auc, right.csv: [auc]}
- models/a/inside.csv
- ../outside.csv
- "${unknown}.csv"
"""
    found = made(repo, **{"dvc.yaml": PIPELINE + top})[0]
    assert found.uncovered == ("results/own.json", "flights.json", "results/curve.csv", "left.csv", "right.csv")
    assert found.kept[-5:] == found.uncovered
    assert set(found.uncovered) < set(found.written)


@pytest.mark.parametrize(
    ("name", "content", "is_code", "is_param"),
    [
        ("src/train.py", "2", True, False),
        ("data/raw/one", "2", True, False),
        ("data/raw/three", "1", True, False),
        ("params.yaml", "lr: 0.2\nunused: 2\n", False, True),
        ("params.yaml", "# why\nunused: 3\nlr: 0.1\n", False, False),
        ("whole.json", '{"p": {"q": false}}', False, True),
        ("src/unread.py", "2", False, False),
        ("names.yaml", "kind: trains\n", True, False),
    ],
)
def test_sums_differ_where_results_may(repo: Repo, name: str, content: str, is_code: bool, is_param: bool) -> None:
    before = made(repo)[1]
    after = made(repo, **{name: content})[1]
    assert (before.code != after.code, before.params != after.params) == (is_code, is_param)
    assert re.fullmatch("[0-9a-f]{12}-[0-9a-f]{12}", str(after))


def test_a_message_tells_what_was_changed_and_is_parsed_by_git(repo: Repo) -> None:
    params = [Change(f"train.layer{number}.width", number, number + 1) for number in range(9)]
    figures = [Change("auc", 0.7, 0.8), Change("n", None, 3), Change("ok", True, False), *map(figure, range(9))]
    text = message.write("ID", Inputs("c", "p"), params, figures, "Wider.\n\nAnd\x07 deeper.", DEFAULTS)
    lines = text.split("\n")
    assert lines[0] == "experiment: train.layer0.width 0 -> 1 and 8 more"
    assert lines[1:6] == ["", "Wider.", "", "And\x07 deeper.", ""]
    assert lines[6] == "Params: train.layer0.width 0 -> 1"
    assert lines[15:18] == ["Metrics: auc 0.7 -> 0.8 (+0.1)", "Metrics: n 3", "Metrics: ok true -> false"]
    assert lines[-3:] == ["Run-Id: ID", "Inputs: c-p", ""] and text.count("Metrics: ") == message.MOST_METRICS
    done = repo.run("git", "interpret-trailers", "--parse", stdin=text)
    assert done.out.split("\n")[0] == "Params: train.layer0.width 0 -> 1"


def figure(number: int) -> Change:
    return Change(f"m{number}", None, number)


def test_subjects() -> None:
    def subject(params: list[Change], hypothesis: str = "", given: str = "") -> str:
        return message.write("I", Inputs("c", "p"), params, [], hypothesis, DEFAULTS, given).partition("\n")[0]

    assert subject([]) == "experiment: run"
    assert subject([], "why\nmore") == "experiment: why"
    assert subject([Change("a", 1, 2)], "why") == "experiment: a 1 -> 2"
    assert subject([], "why", "point 3") == "experiment: point 3"
    long = subject([Change("a", "x" * 50, "y" * 50)])
    assert len(long) == message.LONGEST and long.endswith("…")
    assert changes({"a": 1, "b": 2, "c": 1}, {"a": 1, "b": 2.0, "d": None}) == [
        Change("b", 2, 2.0),
        Change("d", None, None),
    ]


@pytest.mark.parametrize(
    ("one", "other", "is_near"),
    [
        (1e-3, 1.04e-3, True),
        (1e-3, 1.06e-3, False),
        (0, 0, True),
        (0, 1e-9, False),
        (True, True, True),
        (True, 1, False),
        ("a", "a", True),
        ("a", "b", False),
        (1, None, False),
        (1, "1", False),
        (None, None, True),
    ],
)
def test_values_that_are_nearly_the_same(one: object, other: object, is_near: bool) -> None:
    assert tried._is_near(one, other) == is_near
