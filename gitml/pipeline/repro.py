"""Running the pipeline: ``dvc repro`` in a process group of its own, watched by the log that it writes."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from gitml.errors import GitmlError
from gitml.pipeline import dvc_command
from gitml.pipeline.waiting import WaitingDvc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Does = Literal["runs", "unchanged", "cached", "done"]

TICK = 0.1
"""Seconds between two looks at the log."""

PATIENCE = 10.0
"""Seconds that stages are given to end after Ctrl-C, before they are ended by force."""

SHORT_PATIENCE = 0.2
"""Seconds that are given to what still runs once DVC has ended: a process in the background hears no Ctrl-C."""

LAST_LINES = 15
"""Lines of the log that a failure shows."""

_RUNS = re.compile(r"Running stage '(.+)':")
_UNCHANGED = re.compile(r"Stage '(.+)' didn't change, skipping")
_CACHED = re.compile(r"Stage '(.+)' is cached - skipping run, checking out outputs")
_LOCKED = ("Updating lock file", "Generating lock file")


class StageEvent(NamedTuple):
    """What DVC says about a stage.

    Attributes
    ----------
    stage
        As DVC addresses it.
    does
        ``runs``: its command was started. ``unchanged``: nothing to do. ``cached``: DVC had run it before, and
        takes what it kept. ``done``: its outs are in dvc.lock.
    """

    stage: str
    does: Does


class Outcome(NamedTuple):
    """How a run of the pipeline ended.

    Attributes
    ----------
    code
        DVC's exit status.
    seconds
        How long it took.
    events
        What became of the stages, in order.
    log
        Where all that DVC and the stages wrote is kept.
    """

    code: int
    seconds: float
    events: tuple[StageEvent, ...]
    log: Path

    @property
    def is_done(self) -> bool:
        """Whether every stage is as it should be."""
        return self.code == 0

    @property
    def failed_stage(self) -> str:
        """The stage that was under way when DVC gave up; empty where there was none."""
        under_way = ""
        for event in self.events:
            under_way = event.stage if event.does == "runs" else "" if event.does == "done" else under_way
        return under_way


class RunFailed(GitmlError):
    """A stage, or DVC itself, ended with an error."""

    def __init__(self, outcome: Outcome, lines: Sequence[str]) -> None:
        who = f"the stage {outcome.failed_stage}" if outcome.failed_stage else "dvc repro"
        told = "\n".join(lines[-LAST_LINES:])
        super().__init__(
            f"{who} failed (exit status {outcome.code})",
            f"The last it wrote:\n{told}" if told else "It wrote nothing.",
            (f"less {outcome.log}",),
        )
        self.outcome = outcome


def repro(
    root: Path,
    log: Path,
    see: Callable[[Sequence[StageEvent]], None] = lambda events: None,
    inherited: Sequence[int] = (),
    targets: Sequence[str] = (),
    is_single: bool = False,
    is_all: bool = False,
    is_from_scratch: bool = False,
    environment: Mapping[str, str] = os.environ,
    has_run_cache: bool = True,
    waiting: WaitingDvc | None = None,
) -> Outcome:
    """Run ``dvc repro`` in a project, and return how it ended.

    Parameters
    ----------
    root
        The project's folder.
    log
        The file that gets all that is written; it is made anew.
    see
        Called about ten times a second with what became of the stages so far.
    inherited
        File descriptors that the pipeline's processes keep open: a kernel lock on one of them stays held while
        any of them runs, even if this process is killed.
    targets
        Stages, for not all of them.
    is_single
        Whether only the targets are run, and not what they depend on.
    is_all
        Whether the dvc.yaml files of folders below are run, too; DVC runs only the one in `root` by itself.
    is_from_scratch
        Whether every stage is run, whatever DVC believes of it, and nothing is taken from the run-cache.
    environment
        The variables that DVC and the stages see, but for those of one repository.
    has_run_cache
        Whether results of earlier runs may be taken instead of running a stage.
    waiting
        A DVC that was started in `root` and with this environment before; None to start one.

    Raises
    ------
    KeyboardInterrupt
        Ctrl-C; all that ran has ended.
    """
    options = [*(["--single-item"] if is_single else []), *(["--all-pipelines"] if is_all else [])]
    options += ["--force"] if is_from_scratch else []
    options += ["--no-run-cache"] if is_from_scratch or not has_run_cache else []
    words = ["repro", *options, *(["--", *targets] if targets else [])]
    start = time.monotonic()
    with log.open("wb") as written, log.open("rb") as read:
        process = (waiting or WaitingDvc(root, environment)).go(words, written, inherited)
        watch = _Watch()
        try:
            while process.poll() is None:
                watch.look(read.read())
                see(watch.events)
                _wait(process, TICK)
        except BaseException:
            end(process)
            watch.look(read.read())
            see(watch.events)
            raise
        watch.look(read.read())
        see(watch.events)
    return Outcome(process.returncode, time.monotonic() - start, tuple(watch.events), log)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started: politely, then by force."""
    for what, patience in ((signal.SIGINT, PATIENCE), (signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(process.pid, what)
            until = time.monotonic() + patience
            while (now := time.monotonic()) < until:
                if process.poll() is not None:  # DVC ended; as long as something that it started is left, the group is
                    until = min(until, now + SHORT_PATIENCE)
                os.killpg(process.pid, 0)
                time.sleep(0.02)
        except ProcessLookupError:
            process.wait()
            return
        except KeyboardInterrupt:  # pressed again: no more patience
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return


def begun(log: Path) -> tuple[str, ...]:
    """Return the stages whose outs a run may have touched before it was killed, by the log that it left."""
    try:
        content = log.read_bytes()
    except FileNotFoundError:
        return ()
    watch = _Watch()
    watch.look(content)
    return tuple(dict.fromkeys(event.stage for event in watch.events if event.does != "unchanged"))


def check_out(root: Path, stages: Sequence[str]) -> bool:
    """Bring back the outs of some stages as dvc.lock has them, as far as DVC kept them, and say whether all are there.

    Parameters
    ----------
    root
        The project's folder.
    stages
        As DVC addresses them.
    """
    return dvc_command.ask(root, "checkout", "--quiet", "--force", operands=stages).returncode == 0


def record(root: Path, stage: str) -> str:
    """Let DVC take the outs of a stage as they are: into its cache, and their sums into dvc.lock.

    Parameters
    ----------
    root
        The project's folder.
    stage
        As DVC addresses it.

    Returns
    -------
    str
        What DVC says against it; empty where it did.
    """
    done = dvc_command.ask(root, "commit", "--force", operands=[stage])
    return (done.stderr.strip() or "It says nothing.") if done.returncode else ""


def last_lines(log: Path, most: int = LAST_LINES) -> list[str]:
    """Return the end of a log, without blank lines and what a progress bar drew over itself."""
    try:
        text = log.read_bytes()[-(2**16) :].decode("utf-8", "replace")
    except OSError:
        return []
    lines = [line.rpartition("\r")[2].rstrip() for line in text.split("\n")]
    return [line for line in lines if line][-most:]


class _Watch:
    """Reads DVC's own lines out of a log that grows."""

    def __init__(self) -> None:
        self.events: list[StageEvent] = []
        self._rest = b""
        self._running = ""

    def look(self, more: bytes) -> None:
        """Take what was written since the last look."""
        *lines, self._rest = (self._rest + more).split(b"\n")
        self._rest = self._rest[-4096:]
        for raw in lines:
            self._line(raw.decode("utf-8", "replace").rstrip("\r"))

    def _line(self, line: str) -> None:
        for pattern, does in _PATTERNS:
            found = pattern.fullmatch(line)
            if found is not None:
                self.events.append(StageEvent(found[1], does))
                self._running = found[1] if does == "runs" else self._running
                return
        if self._running and line.startswith(_LOCKED):
            self.events.append(StageEvent(self._running, "done"))
            self._running = ""


_PATTERNS: tuple[tuple[re.Pattern[str], Does], ...] = ((_RUNS, "runs"), (_UNCHANGED, "unchanged"), (_CACHED, "cached"))


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for the end of a process, and hear of it at once where the system tells; else up to 50 ms later."""
    if sys.platform != "linux":
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return
    end_of = os.pidfd_open(process.pid)  # ours, and not waited for: its number is nobody else's
    try:
        looks = select.poll()
        looks.register(end_of, select.POLLIN)
        looks.poll(seconds * 1000)
    finally:
        os.close(end_of)
