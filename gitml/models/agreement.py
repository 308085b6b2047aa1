"""Whether the metrics that were recorded are the ones that come out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.pipeline import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitml.pipeline.flat import Flat


class Tolerance(NamedTuple):
    """How far a recomputed figure may be from the recorded one: another processor sums in another order.

    Attributes
    ----------
    absolute
        In the metric's own unit.
    relative
        As a share of the recorded figure; the two add up.
    """

    absolute: float = 1e-6
    relative: float = 1e-4

    def allows(self, recorded: Any, computed: Any) -> bool:
        """Say whether two values count as the same. Whole numbers, texts and truth values must be equal.

        >>> Tolerance().allows(0.71330, 0.71331), Tolerance().allows(0.7133, 0.7143), Tolerance().allows(3, 4)
        (True, False, False)
        """
        pair = (recorded, computed)
        if any(isinstance(value, bool | str) for value in pair) or all(isinstance(value, int) for value in pair):
            return type(recorded) is type(computed) and bool(recorded == computed)
        return bool(abs(recorded - computed) <= self.absolute + self.relative * abs(recorded))


class Difference(NamedTuple):
    """A metric that did not come out again.

    Attributes
    ----------
    name
        Dotted; behind ``path:`` where several files have it.
    recorded, computed
        What the commit says, and what came out; None where one of them has no such metric.
    """

    name: str
    recorded: Any
    computed: Any


def compare(recorded: Mapping[str, Flat], computed: Mapping[str, Flat], tolerance: Tolerance) -> tuple[Difference, ...]:
    """Return the metrics that differ by more than is allowed, and those that only one side has.

    Parameters
    ----------
    recorded, computed
        The values of each file of metrics by its path.
    tolerance
        What is allowed.
    """
    found = []
    for name, (path, key) in names(recorded, computed).items():
        old, new = (side.get(path, {}).get(key) for side in (recorded, computed))
        if old is None or new is None or not tolerance.allows(old, new):
            found.append(Difference(name, old, new))
    return tuple(found)


def names(*sides: Mapping[str, Flat]) -> dict[str, tuple[str, str]]:
    """Return how each metric of some files is called, and the file and key that it stands for."""
    paths = list(dict.fromkeys(path for side in sides for path in side))
    keys = {path: dict.fromkeys(key for side in sides for key in side.get(path, {})) for path in paths}
    joined = metrics.join((path, {key: (path, key) for key in keys[path]}) for path in paths)
    return dict(joined)
