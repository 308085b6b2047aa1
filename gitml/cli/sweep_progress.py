"""A sweep while it runs: a line a point that is done, and on a terminal one more for each that runs."""

from __future__ import annotations

import threading
import time
from typing import IO

from gitml.cli.run_progress import line, seconds
from gitml.cli.terminal import has_colours, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from gitml.experiments.progress import State

EVERY = 0.1
"""Seconds between two drawings."""


class Board:
    """Where a sweep is shown while it runs.

    Parameters
    ----------
    stream
        Where it is written, so that stdout has nothing but the result.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._is_live = stream.isatty() and has_colours(stream)
        self._lock = threading.Lock()
        self._running: dict[int, str] = {}
        self._began: dict[int, float] = {}
        self._drawn = 0
        self._last = 0.0
        self.count = 0
        self.ended = 0

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._wipe()
            self._running.clear()

    def note(self, line: str) -> None:
        """Say something that stays."""
        with self._lock:
            self._say(line)

    def begin(self, count: int, at_once: int) -> None:
        """Say how many points there are."""
        self.count = count
        self.note(f"{count} point{'s' * (count != 1)}" + (f", {at_once} at a time" if count > 1 else ""))

    def show(self, place: int, name: str, state: State) -> None:
        """Show how far a point is; any thread may call it."""
        with self._lock:
            self._began.setdefault(place, state.began)
            self._running[place] = f"  … {name:28} {line(state) if state.running else ''}".rstrip()
            if self._is_live and time.monotonic() - self._last > EVERY:
                self._draw()

    def end(self, place: int, name: str, words: str, is_done: bool) -> None:
        """Say what became of a point."""
        with self._lock:
            self.ended += 1
            self._running.pop(place, None)
            began = self._began.get(place)
            took = f"   {seconds(time.time() - began)}" if began is not None else ""
            self._say(f"  {'✓' if is_done else '✗'} {name:28} {words}{took}   {self.ended}/{self.count}")
            if self._is_live:
                self._draw()

    def _say(self, text: str) -> None:
        self._wipe()
        print(printable(text), file=self._stream, flush=True)

    def _draw(self) -> None:
        self._wipe()
        for place in sorted(self._running):
            self._stream.write(f"{printable(self._running[place])[:78]}\n")
        self._drawn = len(self._running)
        self._last = time.monotonic()
        self._stream.flush()

    def _wipe(self) -> None:
        if self._drawn:
            self._stream.write(f"\x1b[{self._drawn}A\x1b[J")
            self._drawn = 0
