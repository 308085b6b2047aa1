"""Kills at any moment of a command, however fast the machine is, and however its speed changes meanwhile."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable

Kill = Callable[[subprocess.Popen], None]


def alone(process: subprocess.Popen) -> None:
    """Kill a process; what it has started runs on."""
    process.kill()


def with_group(process: subprocess.Popen, how: signal.Signals = signal.SIGKILL) -> None:
    """Kill a process that leads a group of its own, and all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, how)


class Moments:
    """When the next command is killed: anywhere in its run, by how long those before it ran.

    The estimate grows while kills hit, so that late moments come, and a command that ends before its kill says
    how long it takes now.
    """

    def __init__(self, seed: int, whole: float = 0.5) -> None:
        self.hits = 0
        self._chance = random.Random(seed)
        self._whole = whole

    def strike(self, *processes: subprocess.Popen, kill: Kill = alone) -> list[tuple[object, object]]:
        """Kill processes that were started just now at the next moment; return what each has said."""
        began = time.monotonic()
        until = began + self._chance.random() * self._whole
        are_hit = [_outlives(process, until) for process in processes]
        took = time.monotonic() - began
        for process, is_hit in zip(processes, are_hit, strict=True):
            if is_hit:
                kill(process)
        self.hits += sum(are_hit)
        self._whole = max(1.2 * self._whole, took) if any(are_hit) else took
        return [process.communicate() for process in processes]


def _outlives(process: subprocess.Popen, until: float) -> bool:
    try:
        process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return True
    return False


def strike_when(is_so: Callable[[], object], process: subprocess.Popen, kill: Kill = alone) -> bool:
    """Kill a process once something can be seen; return whether it had not ended by itself before."""
    while not is_so():
        if process.poll() is not None:
            return False
        time.sleep(0.001)
    kill(process)
    return True
