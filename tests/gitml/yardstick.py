"""What work costs in work that one knows, so that neither a slow machine nor a busy one changes the figure."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable


def processor_seconds() -> float:
    """Return the processor time of this process and of its children that have ended; waiting is not in it."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def million_loops() -> None:
    """Do what takes 10 to 30 ms."""
    for _ in range(1_000_000):
        pass


def bare_python() -> None:
    """Start Python for nothing, which takes 8 to 15 ms."""
    subprocess.run([sys.executable, "-c", "pass"], check=True)


def cost(work: Callable[[], object], unit: Callable[[], object] = million_loops, rounds: int = 5) -> float:
    """Return how many units of processor time a piece of work takes: the least of some rounds."""
    return min(_seconds(work) / _seconds(unit) for _ in range(rounds))


def _seconds(work: Callable[[], object]) -> float:
    began = processor_seconds()
    work()
    return processor_seconds() - began
