"""A run while it runs: a few lines that are drawn over on a terminal, and one line a change elsewhere."""

from __future__ import annotations

import time
from typing import IO

from gitml.cli.terminal import has_colours, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from gitml.experiments.progress import State

_MARKS = {"unchanged": "✓", "cached": "✓", "done": "✓"}
_WORDS = {"unchanged": "unchanged", "cached": "from the cache", "done": ""}
_WHEEL = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
EVERY = 15.0
"""Seconds between two lines about one stage where there is no terminal."""


class Screen:
    """Where a run is shown while it runs.

    Parameters
    ----------
    stream
        Where it is written, so that stdout has nothing but the result.

    Attributes
    ----------
    name
        The experiment, where several may run at once; empty where that is no question.
    """

    def __init__(self, stream: IO[str]) -> None:
        self.name = ""
        self._stream = stream
        self._is_live = stream.isatty() and has_colours(stream)
        self._said = 0
        self._last = 0.0
        self._drawn = False

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wipe()

    def note(self, line: str) -> None:
        """Say something that stays."""
        self._wipe()
        print(printable(line), file=self._stream, flush=True)

    def show(self, state: State) -> None:
        """Show how far a run is."""
        for stage, does in state.events[self._said :]:
            if does != "runs":
                self.note(
                    f"  {self._lead}{_MARKS[does]} {stage:16} "
                    f"{_WORDS[does] or seconds(time.time() - self._began)}".rstrip()
                )
            self._began = time.time() if does == "runs" else state.stage_began
        self._said = len(state.events)
        if not state.running:
            return
        if self._is_live:
            self._draw(f"  {self._lead}{_WHEEL[int(time.time() * 10) % len(_WHEEL)]} {line(state)}")
        elif time.time() - max(self._last, state.stage_began) > EVERY:
            self._last = time.time()
            print(f"    {self._lead}{line(state)}", file=self._stream, flush=True)

    _began = 0.0

    @property
    def _lead(self) -> str:
        return f"{self.name}: " if self.name else ""

    def _draw(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{printable(text)[:78]}")
        self._stream.flush()
        self._drawn = True

    def _wipe(self) -> None:
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False


def line(state: State) -> str:
    """Return what is known of the stage under way: ``train   step 24   val roc_auc 0.7098   0:41, 0:26 left``."""
    parts = [f"{state.running:16}"]
    if state.live is not None:
        name, figure = next(iter(state.live.figures.items()), ("", 0.0))
        parts.append(f"step {state.live.step}" + (f"   {name} {figure:.4f}" if name else ""))
    passed = seconds(time.time() - state.stage_began)
    parts.append(passed + (f", {seconds(state.left)} left" if state.left is not None else ""))
    return "   ".join(parts)


def seconds(passed: float) -> str:
    """Return a time as minutes and seconds, ``1:17``; with hours from one on."""
    whole = int(passed)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
