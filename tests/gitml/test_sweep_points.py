"""Which points a sweep has, how they are ranked, and how they are shown."""

from __future__ import annotations

import io
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitml.cli.sweep_progress import Board
from gitml.config import Config, Metric
from gitml.errors import WrongUsage
from gitml.experiments import points, table
from gitml.experiments.points import WrongSweep
from gitml.experiments.progress import State
from gitml.experiments.ranking import Point, Ranked, Spread, label, rank, spread, varied
from gitml.experiments.refs import Ref
from gitml.experiments.rows import Line, Record
from gitml.experiments.store import Entry
from gitml.pipeline.overrides import Known, Value, parse


def axes(*texts: str) -> list[points.Axis]:
    return [(name, tuple(values)) for name, values in map(parse, texts)]


def texts(grid: list[points.Sets]) -> list[str]:
    return [" ".join(f"{name}={value.text}" for name, value in sets) for sets in grid]


def test_a_grid_goes_round_by_its_last_parameter() -> None:
    assert texts(points.grid(axes("lr=1e-4,1e-3", "width=1,2", "model=mlp"))) == [
        "lr=1e-4 width=1 model=mlp",
        "lr=1e-4 width=2 model=mlp",
        "lr=1e-3 width=1 model=mlp",
        "lr=1e-3 width=2 model=mlp",
    ]


@pytest.mark.parametrize("given", [(), ("a=1", "a=2"), tuple(f"p{n}={','.join('123456')}" for n in range(6))])
def test_no_points_or_too_many_are_refused(given: tuple[str, ...]) -> None:
    with pytest.raises(WrongSweep):
        points.grid(axes(*given))


@given(st.integers(1, 30), st.integers(1, 40), st.integers())
def test_a_sample_is_part_of_the_grid_in_its_order(size: int, count: int, seed: int) -> None:
    grid = points.grid(axes(f"a={','.join(map(str, range(size)))}"))
    chosen = points.sample(grid, count, seed)
    assert chosen == points.sample(grid, count, seed)
    assert len(chosen) == min(count, size) == len(set(chosen))
    assert [grid.index(one) for one in chosen] == sorted(grid.index(one) for one in chosen)


def test_replicates_go_on_from_the_seed_that_is_set() -> None:
    known = [Known("params.yaml", "base.seed", 7, True), Known("params.yaml", "lr", 1, True)]
    sets = (("lr", Value(1, "1")), ("seed", Value(7, "7")))
    found = points.replicates(sets, known, "seed", 3)
    assert texts(found) == [f"lr=1 params.yaml:base.seed={seed}" for seed in (7, 8, 9)]


@pytest.mark.parametrize("value", ["x", 1.5, True, None])
def test_a_seed_is_a_whole_number(value: object) -> None:
    with pytest.raises(WrongSweep):
        points.replicates((), [Known("params.yaml", "seed", value, True)], "seed", 2)


def test_a_seed_that_is_not_there_is_named() -> None:
    with pytest.raises(WrongUsage):
        points.replicates((), [Known("params.yaml", "lr", 1, True)], "seed", 2)


def test_how_many_fit_the_machine() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    def fit(*values: object, is_used: bool = True) -> int:
        return points.at_once([Known("p", "train.threads", value, is_used) for value in values])

    assert fit() == 1
    assert fit(1) == cores
    assert fit(10_000) == 1
    assert fit(1, is_used=False) == fit("many") == fit(True) == fit(0) == 1


def entry(number: int, params: dict[str, object], metrics: dict[str, object], data: str = "d") -> Entry:
    head = json.dumps(
        {
            "author": "Ada",
            "email": "",
            "time": 0,
            "subject": "",
            "hypothesis": "",
            "trailers": {},
            "report": {},
            "test_data": data,
            "unreadable": {},
        }
    )[1:-1]
    body = json.dumps({"params": params, "metrics": metrics})[1:-1]
    commit = f"{number:040x}"
    leading = json.dumps([["m.json", next(iter(metrics))]] if metrics else [])
    return Entry(
        Ref("commit", commit[:10], "", commit, commit), Record(commit, leading, "", None, data, head, body), Line()
    )


def test_points_are_ranked_on_the_same_data_only() -> None:
    entries = [
        entry(1, {"lr": 1}, {"roc_auc": 0.7}),
        entry(2, {"lr": 2}, {"roc_auc": 0.9}, "other"),
        entry(4, {"lr": 4}, {"roc_auc": 0.8}),
        entry(5, {"lr": 5}, {"roc_auc": 0.7}),
        entry(6, {"lr": 6}, {}),
        entry(7, {"lr": 7}, {"roc_auc": 0.0}),
    ]
    ranked = rank(entries, ["lr"], Config())
    assert (ranked.metric, ranked.is_higher_better) == ("roc_auc", True)
    assert [point.values["lr"] for point in ranked.points] == [4, 1, 5, 7, 2, 6]
    assert table.places(ranked) == ["1", "2", "2", "4", "other data", "no result"]


def test_the_project_s_metric_and_direction_rank() -> None:
    entries = [entry(1, {"lr": 1}, {"a": 1, "loss": 2.0}), entry(2, {"lr": 2}, {"a": 2, "loss": -1.0})]
    ranked = rank(entries, [], Config(metric=Metric("loss", "lower")))
    assert [point.figure for point in ranked.points] == [-1.0, 2.0]
    ranked = rank(entries, [], Config(metric=Metric("a", "higher")))
    assert [point.figure for point in ranked.points] == [2, 1]


def test_without_any_metric_nothing_is_ranked() -> None:
    ranked = rank([entry(1, {"lr": 1}, {}), entry(2, {"lr": 2}, {})], [], Config())
    assert ranked.metric == "" and [point.values["lr"] for point in ranked.points] == [1, 2]
    assert table.places(ranked) == ["no result", "no result"]
    assert "Ranked by" not in table.markdown(ranked, [], [])


def test_the_spread_over_seeds() -> None:
    def point(**metrics: object) -> Point:
        return Point("0" * 40, {}, metrics, None, "ranked")

    some = [point(auc=0.5, n=1, ok=True), point(auc=0.7, n=1, ok=True), point(auc=0.6, text="x")]
    auc, count = spread(some)
    assert (auc.name, auc.runs, auc.low, auc.high) == ("auc", 3, 0.5, 0.7)
    assert auc.mean == pytest.approx(0.6) and auc.sd == pytest.approx(0.1)
    assert count == Spread("n", 2, 1.0, 0.0, 1.0, 1.0)
    assert spread(some[:1])[0].sd is None


def test_the_parameters_that_tell_points_apart() -> None:
    assert varied([{"a": 1, "b": 1}, {"a": 2, "b": 1}], []) == ["a"]
    assert varied([{"a": 1, "b": 1}], ["b"]) == ["b"]
    assert varied([{"a": 1}, {"a": True}], []) == ["a"]
    assert label({"train.lr": 0.001, "train.mlp.width": 128}) == "lr 0.001, width 128"
    assert label({"a.lr": 1, "b.lr": 2}) == "a.lr 1, b.lr 2"
    assert label({"a": 1, "b": "x" * 99}, 20) == "a 1 and 1 more"


def test_markup_in_a_point_s_last_line_is_text() -> None:
    ranked = Ranked("m", False, (Point("0" * 40, {"p": "a|b"}, {"m": 1.0}, 1.0, "ranked"),))
    text = table.markdown(ranked, [("p `x`", "<script>|*b*")], ())
    assert "the lowest first" in text
    assert r"\<script\>\|\*b\*" in text and "`` p `x` ``" in text and "`a`&#124;`b`" in text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def state(slug: str = "a", began: float = 0.0) -> State:
    return State(slug, 1, began, began, (("train", "runs"),), 1)


def test_a_board_without_a_terminal_has_a_line_a_point() -> None:
    stream = io.StringIO()
    with Board(stream) as board:
        board.begin(2, 2)
        board.show(0, "lr 1", state())
        board.end(1, "lr 2", "is there already", True)
        board.end(0, "lr 1", "lr is\x1b[31m bad", False)
    first, second, third, _ = stream.getvalue().split("\n")
    assert first == "2 points, 2 at a time"
    assert second == f"  ✓ {'lr 2':28} is there already   1/2"
    assert third.startswith(f"  ✗ {'lr 1':28} lr is") and "\x1b" not in third and third.endswith("2/2")


def test_a_board_on_a_terminal_draws_a_line_for_each_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("gitml.cli.sweep_progress.EVERY", -1.0)
    stream = Terminal()
    with Board(stream) as board:
        board.begin(1, 1)
        board.show(0, "lr 1", state())
        board.show(1, "lr 2", state())
        board.note("a line")
    text = stream.getvalue()
    assert text.count("  … lr 1") == 2 and text.count("  … lr 2") == 1
    assert text.endswith("\x1b[2A\x1b[Ja line\n")
