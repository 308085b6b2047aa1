"""The points of a sweep: a grid of values, a sample of it, or the same values with several seeds."""

from __future__ import annotations

import itertools
import os
import random
from typing import TYPE_CHECKING

from gitml.errors import WrongUsage
from gitml.pipeline.overrides import Value, find, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitml.experiments.setting import Sets
    from gitml.pipeline.overrides import Known

Axis = tuple[str, tuple[Value, ...]]
"""What somebody wrote for a parameter's name, and the values that it takes."""

MOST = 10_000
"""Points of one sweep."""

THREADS = ("threads", "num_threads", "n_threads", "n_jobs")
"""Parameters that say how many cores a run takes."""


class WrongSweep(WrongUsage):
    """A sweep has no points, or too many."""


def grid(axes: Sequence[Axis]) -> list[Sets]:
    """Return every combination of values, the last parameter's going round first.

    Raises
    ------
    WrongSweep
        There are none, or more than `MOST`; or a parameter stands there twice.
    """
    names = [name for name, _ in axes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise WrongSweep(f"{twice} stands there twice", "Give its values once, with commas between them.")
    count = 1
    for _, values in axes:
        count *= len(values)
    if not axes:
        raise WrongSweep(
            "a sweep needs values to go through", "Nothing is set.", ("gitml exp sweep -n NAME -S lr=1e-4,1e-3,1e-2",)
        )
    if count > MOST:
        raise WrongSweep(
            f"{count:,} points are too many", f"{MOST:,} are the most of one sweep.", ("gitml exp sweep --random 100",)
        )
    return [tuple(zip(names, values, strict=True)) for values in itertools.product(*(values for _, values in axes))]


def sample(points: Sequence[Sets], count: int, seed: int) -> list[Sets]:
    """Return some of the points, each at most once, in their order; the same seed gives the same."""
    places = sorted(random.Random(seed).sample(range(len(points)), min(count, len(points))))
    return [points[place] for place in places]


def replicates(sets: Sets, known: Sequence[Known], name: str, count: int) -> list[Sets]:
    """Return the same values with several seeds: the one that is set, and those that follow it.

    Parameters
    ----------
    sets
        The values.
    known
        All parameters, with their values after `sets`.
    name
        What somebody wrote for the seed's name.
    count
        How many.

    Raises
    ------
    WrongParameter
        The name means none, or several.
    WrongSweep
        The seed is no whole number.
    """
    one = find(name, known)
    if not isinstance(one.value, int) or isinstance(one.value, bool):
        raise WrongSweep(
            f"{one.name} is {shown(one.value)}, and a seed is a whole number", "", ("gitml exp run --seed-param NAME",)
        )
    others = tuple(pair for pair in sets if not (one.name == pair[0] or one.name.endswith(f".{pair[0]}")))
    return [(*others, (f"{one.file}:{one.name}", Value.of(one.value + place))) for place in range(count)]


def at_once(known: Sequence[Known]) -> int:
    """Return how many runs fit this machine: its cores by the threads of one run, where a parameter says those."""
    told = [one.value for one in known if one.is_used and one.name.rpartition(".")[2] in THREADS]
    threads = [value for value in told if isinstance(value, int) and not isinstance(value, bool) and value > 0]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // max(threads)) if threads else 1
