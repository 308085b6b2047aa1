"""How the figures of two runs differ, and the word for it.

"Better" and "worse" are said of a paired interval only. Without one the word is "higher" or "lower", which claims
nothing: on other test rows, or without the predictions, nobody can tell a better model from an easier test.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitml.config import Config, Direction

Word = Literal["better", "worse", "within noise", "higher", "lower", "same", "new", "gone", "other data"]

HIGHER = frozenset(("roc_auc", "average_precision", "accuracy", "f1", "precision", "recall", "r2", "skill"))
LOWER = frozenset(("log_loss", "brier", "ece", "rmse", "mae", "mse", "loss", "error"))


class Interval(NamedTuple):
    """The 95 % interval of a difference, now less before."""

    low: float
    high: float


class MetricChange(NamedTuple):
    """One metric of two runs.

    Attributes
    ----------
    name
        The metric's name, with dots where it is nested.
    now, before
        Its figures; None where a run has none.
    interval
        The paired interval of their difference; None where there is none.
    word
        What the difference means.
    """

    name: str
    now: float | None
    before: float | None
    interval: Interval | None
    word: Word


class Comparison(NamedTuple):
    """A run against another.

    Attributes
    ----------
    role
        What the other is to this run, for example ``parent``.
    name
        Its branch or tag; empty where it has none.
    commit
        Its commit's id.
    changes
        Metric by metric.
    note
        Why there are no intervals, in half a sentence; empty where there are.
    """

    role: str
    name: str
    commit: str
    changes: tuple[MetricChange, ...]
    note: str = ""


def compare(
    now: Mapping[str, float], before: Mapping[str, float], intervals: Mapping[str, Interval], config: Config
) -> tuple[MetricChange, ...]:
    """Return the difference of each metric that one of two runs has: the ranking metric first, then as `now` has them.

    Parameters
    ----------
    now, before
        Metrics by name.
    intervals
        Paired intervals by name, from `gitml.reports.intervals.paired`; empty where the two cannot be paired.
    config
        The project's configuration: which metric ranks, and which direction is better.
    """
    first = [config.metric.name] if config.metric is not None else []
    names = [name for name in dict.fromkeys([*first, *now, *before]) if name in now or name in before]
    return tuple(
        MetricChange(
            name,
            now.get(name),
            before.get(name),
            intervals.get(name),
            word(now.get(name), before.get(name), intervals.get(name), direction(name, config)),
        )
        for name in names
    )


def direction(name: str, config: Config) -> Direction | None:
    """Return which is better of a metric: by gitml.toml, else by what its last word is known for; None if unknown."""
    if config.metric is not None and config.metric.name == name:
        return config.metric.direction
    for gate in config.gates:
        if gate.metric == name:
            return gate.direction
    last = name.rpartition(".")[2]
    if last in HIGHER:
        return "higher"
    return "lower" if last in LOWER else None


def word(now: float | None, before: float | None, interval: Interval | None, better: Direction | None) -> Word:
    """Return the word for a difference.

    Parameters
    ----------
    now, before
        The figures; None where a run has none.
    interval
        The paired interval of `now` less `before`, if there is one.
    better
        Which direction is better; None where nobody knows, and then nothing is called better.
    """
    if before is None:
        return "new"
    if now is None:
        return "gone"
    if interval is not None and interval.low == interval.high == 0:
        return "same"
    if interval is not None and better is not None and math.isfinite(interval.low) and math.isfinite(interval.high):
        if interval.low > 0 or interval.high < 0:
            return "better" if (interval.low > 0) == (better == "higher") else "worse"
        return "within noise"
    if now > before:
        return "higher"
    return "lower" if now < before else "same"
