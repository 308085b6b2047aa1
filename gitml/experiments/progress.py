"""How far a run is: what its stages did, the last figures of the one under way, and how long the rest may take."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

from gitml.git.files import replace_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gitml.pipeline.repro import StageEvent

STATE = "run.json"
DURATIONS = "durations.json"
LIVE = "metrics.json"
LARGEST = 2**20
"""Bytes of a file of live figures that is read."""

EVERY = 1.0
"""Seconds between two writings of the state."""


LATE = 0.5
"""Seconds after a stage began at which it is seen at the latest; what it wrote by then is its own."""


class Live(NamedTuple):
    """The last figures that a stage wrote while it runs.

    Attributes
    ----------
    step
        Counted by the stage itself, from 0.
    figures
        Numbers by their names.
    """

    step: int
    figures: Mapping[str, float]


class State(NamedTuple):
    """A run as another terminal sees it.

    Attributes
    ----------
    slug
        The experiment.
    pid
        The process of gitml.
    began, stage_began
        Seconds since 1970.
    events
        What became of the stages so far, as pairs of stage and word.
    stages
        How many there are.
    left
        Seconds that the rest may take, by the last run; None where nothing is known.
    live
        The last figures of the stage under way.
    """

    slug: str
    pid: int
    began: float
    stage_began: float
    events: Sequence[tuple[str, str]]
    stages: int
    left: float | None = None
    live: Live | None = None

    @property
    def running(self) -> str:
        """The stage under way; empty between two."""
        return self.events[-1][0] if self.events and self.events[-1][1] == "runs" else ""


class Watch:
    """Follows a run, tells whoever asks, and leaves the state for other terminals.

    Parameters
    ----------
    slug
        The experiment.
    folder
        Where the state and the durations are kept.
    stages
        How many stages there are.
    live_folders
        Folders in which a stage may write figures while it runs.
    tell
        Called with the state about ten times a second.
    """

    def __init__(
        self,
        slug: str,
        folder: Path,
        stages: int,
        live_folders: Sequence[Path],
        tell: Callable[[State], None] = lambda state: None,
    ) -> None:
        self._folder = folder
        self._live_folders = live_folders
        self._tell = tell
        self._known = durations(folder)
        self._took: dict[str, float] = {}
        self._written = 0.0
        now = time.time()
        self.state = State(slug, os.getpid(), now, now, (), stages)

    def see(self, events: Sequence[StageEvent]) -> None:
        """Take what became of the stages so far."""
        now = time.time()
        told = tuple((event.stage, event.does) for event in events)
        if len(told) != len(self.state.events):
            if told and told[-1][1] == "done":
                self._took[told[-1][0]] = now - self.state.stage_began
            self.state = self.state._replace(stage_began=now)
        live = newest(self._live_folders, self.state.stage_began - LATE) if told and told[-1][1] == "runs" else None
        self.state = self.state._replace(events=told, live=live, left=self._left(told, now))
        self._tell(self.state)
        if now - self._written >= EVERY:
            self._written = now
            write_state(self._folder, self.state)

    def end(self) -> None:
        """Forget the state, and keep how long each stage took."""
        (self._folder / STATE).unlink(missing_ok=True)
        if self._took:
            try:
                replace_file(self._folder / DURATIONS, json.dumps({**self._known, **self._took}).encode(), self._folder)
            except OSError:
                return

    def _left(self, told: Sequence[tuple[str, str]], now: float) -> float | None:
        over = {stage for stage, does in told if does != "runs"}
        open_ = {stage: seconds for stage, seconds in self._known.items() if stage not in over}
        if not told or not open_ or told[-1][1] != "runs" or told[-1][0] not in open_:
            return None
        passed = now - self.state.stage_began
        return max(0.0, open_.pop(told[-1][0]) - passed) + sum(open_.values())


def durations(folder: Path) -> dict[str, float]:
    """Return how many seconds each stage took the last time it ran."""
    try:
        found = json.loads((folder / DURATIONS).read_bytes())
        return {str(stage): float(seconds) for stage, seconds in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def write_state(folder: Path, state: State) -> None:
    """Leave a run's state where other terminals look; on a full disk nobody sees it, and the run goes on."""
    try:
        replace_file(folder / STATE, json.dumps(state._asdict()).encode(), folder)
    except OSError:
        return


def read_state(folder: Path) -> State | None:
    """Return the state that a run left; None where there is none. It does not say whether the run still runs."""
    try:
        found = json.loads((folder / STATE).read_bytes())
        live = Live(int(found["live"][0]), dict(found["live"][1])) if found["live"] is not None else None
        events = tuple((str(stage), str(does)) for stage, does in found["events"])
        return State(**{**found, "events": events, "live": live})
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def newest(folders: Sequence[Path], since: float) -> Live | None:
    """Return the figures that were written last after a moment, by DVCLive or whoever writes as it does."""
    for folder in folders:
        try:
            file = folder / LIVE
            status = file.stat()
            if status.st_mtime < since or status.st_size > LARGEST:
                continue
            found: Any = json.loads(file.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(found, dict) and isinstance(found.get("step"), int):
            return Live(found["step"], _figures(found))
    return None


def _figures(found: dict[str, Any], name: str = "") -> dict[str, float]:
    figures: dict[str, float] = {}
    for key, value in found.items():
        inner = f"{name}/{key}" if name else str(key)
        if isinstance(value, dict):
            figures |= _figures(value, inner)
        elif isinstance(value, int | float) and not isinstance(value, bool) and inner != "step":
            figures[inner] = float(value)
    return figures
