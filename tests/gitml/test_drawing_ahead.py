"""Plots are drawn while the pipeline works, and not a second time for the report."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.experiments.drawing_ahead import DrawingAhead
from gitml.reports import pictures, plots

from .conftest import Done
from .tiny_projects import Project, project

__all__ = ["project"]

DEFINITION = b"plots:\n- loss.csv\n- a/steps.csv:\n    y: loss\n- gone.csv\n"
ROWS = "step,loss\n0,1\n1,0.5\n"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles of what is drawn, in order."""
    titles: list[str] = []
    draw = pictures.draw

    def note(found: tuple[plots.Plot, ...], files: dict[str, bytes], top: str = "../..") -> pictures.Drawing:
        titles.extend(plot.title for plot in found)
        return draw(found, files, top)

    monkeypatch.setattr(pictures, "draw", note)
    return titles


def look(ahead: DrawingAhead) -> None:
    ahead.look()
    assert ahead._thread is not None
    ahead._thread.join()


def test_what_was_written_since_is_drawn_once_it_is_whole(tmp_path: Path, drawn: list[str]) -> None:
    (tmp_path / "dvc.yaml").write_bytes(DEFINITION)
    (tmp_path / "a").mkdir()
    (tmp_path / "loss.csv").write_text(ROWS)
    os.utime(tmp_path / "loss.csv", (1, 1))
    ahead = DrawingAhead(tmp_path, ["dvc.yaml", "nowhere/dvc.yaml"])
    for _ in range(3):
        look(ahead)
    assert drawn == [], "loss.csv is of another run"
    (tmp_path / "a/steps.csv").write_text(ROWS)
    look(ahead)
    assert drawn == [], "somebody may be writing it"
    look(ahead)
    look(ahead)
    assert drawn == ["a/steps.csv"]
    (tmp_path / "loss.csv").write_text(ROWS + "2,0.2\n")
    look(ahead)
    (tmp_path / "loss.csv").write_text(ROWS + "2,0.25\n")
    look(ahead)
    assert drawn == ["a/steps.csv"]
    look(ahead)
    assert drawn == ["a/steps.csv", "loss.csv"]
    (tmp_path / "loss.csv").unlink()
    look(ahead)
    (tmp_path / "loss.csv/empty").mkdir(parents=True)
    look(ahead)
    look(ahead)
    assert drawn == ["a/steps.csv", "loss.csv"]


def test_the_same_picture_is_taken_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    import vl_convert

    calls = []
    convert = vl_convert.vegalite_to_svg
    monkeypatch.setattr(
        vl_convert, "vegalite_to_svg", lambda *words, **more: calls.append(1) or convert(*words, **more)
    )
    found = plots.declared({"plots": [{"memory.csv": {"y": "loss", "title": "only here"}}]})
    files = {"memory.csv": ROWS.encode()}
    first = pictures.draw(found, files)
    assert pictures.draw(found, files) == first
    assert len(calls) == 1
    assert pictures.draw(found, {"memory.csv": b"step,loss\n0,1\n1,0.75\n"}).files != first.files
    assert len(calls) == 2


def test_a_run_draws_while_a_later_stage_works(
    project: Project, gitml: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plot is drawn before the stage that waits for that ends; the report is the same as without it."""
    seen = project.path.parent / "drawn"
    begin = DrawingAhead._draw

    def note(self: DrawingAhead, due: list[plots.Plot]) -> None:
        begin(self, due)
        seen.touch()

    monkeypatch.setattr(DrawingAhead, "_draw", note)
    rows = "printf 'step,loss\\n0,1\\n1,%s\\n' \"$lr\" > results/train/plots/loss.csv\n"
    wait = "for i in $(seq 1500); do [ -e ../drawn ] && break; sleep 0.02; done\n"
    project.write("stages/train.sh", (project.path / "stages/train.sh").read_text() + rows + wait)
    done = gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4", at=project.path)
    assert done.code == 0, done.err
    assert seen.exists()
    ahead = project.shows("reports/lr/results-train-plots-loss-csv.svg")
    assert ahead.startswith("<svg")
    pictures._drawn.cache_clear()
    assert gitml("report", "refresh", "--dry-run", at=project.path).out.startswith("the report of lr is what run ")
