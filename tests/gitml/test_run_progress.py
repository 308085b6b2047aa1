"""A run on the screen while it runs."""

from __future__ import annotations

import io
import time

import pytest

from gitml.cli.run_progress import EVERY, Screen, line, seconds
from gitml.experiments.progress import Live, State


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def state(*events: tuple[str, str], **more: object) -> State:
    now = time.time()
    return State("lr", 1, now, now, events, 2)._replace(**more)


@pytest.mark.parametrize(("passed", "told"), [(0, "0:00"), (77.9, "1:17"), (3600, "1:00:00"), (7325, "2:02:05")])
def test_times(passed: float, told: str) -> None:
    assert seconds(passed) == told


def test_a_line_tells_stage_step_figure_and_time() -> None:
    assert line(state(("train", "runs"))) == "train              0:00"
    told = line(state(("train", "runs"), live=Live(24, {"val/auc": 0.7}), left=26.5))
    assert told == "train              step 24   val/auc 0.7000   0:00, 0:26 left"
    assert line(state(("train", "runs"), live=Live(3, {}))) == "train              step 3   0:00"


def test_a_terminal_is_drawn_over_and_keeps_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with Screen(stream) as screen:
        screen.show(state(("data", "unchanged"), ("train", "runs")))
        screen.show(state(("data", "unchanged"), ("train", "runs")))
    told = stream.getvalue()
    assert told.startswith("  ✓ data             unchanged\n\r\x1b[K  ")
    assert told.count("train") == 2 and told.endswith("\r\x1b[K")


def test_elsewhere_a_line_comes_now_and_then() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    screen.show(state(("train", "runs")))
    assert stream.getvalue() == ""
    old = state(("train", "runs"), stage_began=time.time() - EVERY - 5)
    screen.show(old)
    screen.show(old)
    assert stream.getvalue() == "    train              0:20\n"
    screen.show(state(("train", "runs"), ("train", "done"), ("evaluate", "cached")))
    assert stream.getvalue().endswith("  ✓ train            0:00\n  ✓ evaluate         from the cache\n")
