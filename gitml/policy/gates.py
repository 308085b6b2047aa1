"""The gates: what a model's metrics must be before it is released or promoted.

Figures are compared as they are written, in decimal: 0.72 less a tolerance of 0.005 is 0.715, which in binary it is
not. What is no finite number passes no gate.
"""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Literal, NamedTuple

from gitml.conventions.shell import printable
from gitml.policy.rules import Violation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gitml.config import Config, Gate

RULE = "gates"

EXACT = 1000
"""Digits with which the difference of any two floats is exact."""

Bound = Literal["min", "max", "tolerance"]
Verdict = Literal["passed", "failed", "not compared"]


class GateResult(NamedTuple):
    """What one bound of a gate says of a model.

    Attributes
    ----------
    metric
        The metric's name.
    bound
        Which of the gate's bounds it is, by its key in gitml.toml.
    figure
        The model's figure; None where it has none or it is no finite number.
    limit
        What the figure may just be; None where it is not compared.
    source
        Where the limit comes from.
    verdict
        What follows.
    why
        Why it failed or was not compared, in half a sentence; empty where it passed.
    """

    metric: str
    bound: Bound
    figure: float | None
    limit: float | None
    source: str
    verdict: Verdict
    why: str = ""


def gates(metrics: Mapping[str, float], production: Mapping[str, float] | None, config: Config) -> list[Violation]:
    """Judge a model by the project's gates.

    Parameters
    ----------
    metrics
        The model's metrics, nested ones with dots.
    production
        Those of the model in production on the same test data; None where nothing is in production.
    config
        The project's configuration.

    Returns
    -------
    violations
        One for each bound that is not kept, and one for each metric that is missing or no finite number.
    """
    level = config.level(RULE)
    if level == "off":
        return []
    found: dict[str, Violation] = {}
    for result in results(metrics, production, config):
        if result.verdict == "failed":
            key = f"{result.bound if result.figure is not None else ''} {result.metric}"
            found.setdefault(key, Violation(RULE, level, result.why, f"{result.source}."))
    return list(found.values())


def results(metrics: Mapping[str, float], production: Mapping[str, float] | None, config: Config) -> list[GateResult]:
    """Return what each bound of each gate says, in the order of gitml.toml.

    Parameters
    ----------
    metrics, production, config
        As for `gates`. A gate that is turned off or to a warning is shown like any other.
    """
    return [
        result
        for gate in config.gates
        for result in (
            *_bound(gate, "min", gate.least, metrics),
            *_bound(gate, "max", gate.most, metrics),
            *_regression(gate, metrics, production),
        )
    ]


def _bound(gate: Gate, bound: Bound, limit: float | None, metrics: Mapping[str, float]) -> list[GateResult]:
    if limit is None:
        return []
    name = printable(gate.metric)
    source = f"gitml.toml says {bound} = {limit!r} in [gates.{name}]"
    figure = _finite(metrics.get(gate.metric))
    if figure is None:
        why = _lacks(gate.metric, metrics)
        return [GateResult(gate.metric, bound, None, limit, source, "failed", why)]
    is_kept = _exact(figure) >= _exact(limit) if bound == "min" else _exact(figure) <= _exact(limit)
    side = "below" if bound == "min" else "above"
    why = "" if is_kept else f"{name} {figure!r} is {side} {limit!r}"
    return [GateResult(gate.metric, bound, figure, limit, source, "passed" if is_kept else "failed", why)]


def _regression(gate: Gate, metrics: Mapping[str, float], production: Mapping[str, float] | None) -> list[GateResult]:
    if gate.tolerance is None:
        return []
    name = printable(gate.metric)
    source = f"gitml.toml says tolerance = {gate.tolerance!r} in [gates.{name}], where {gate.direction} is better"
    figure = _finite(metrics.get(gate.metric))
    before = None if production is None else _finite(production.get(gate.metric))
    limit = None if before is None else _limit(gate, before)
    if figure is None:
        why = _lacks(gate.metric, metrics)
        return [GateResult(gate.metric, "tolerance", None, limit, source, "failed", why)]
    if before is None or limit is None:
        why = "nothing is in production" if production is None else f"production: {_lacks(gate.metric, production)}"
        return [GateResult(gate.metric, "tolerance", figure, None, source, "not compared", why)]
    with localcontext(prec=EXACT):
        worse = _exact(before) - _exact(figure) if gate.direction == "higher" else _exact(figure) - _exact(before)
        is_kept = worse <= _exact(gate.tolerance)
    why = "" if is_kept else f"{name} {figure!r} is {float(worse):.6g} worse than production's {before!r}"
    return [GateResult(gate.metric, "tolerance", figure, limit, source, "passed" if is_kept else "failed", why)]


def _limit(gate: Gate, before: float) -> float:
    tolerance = _exact(gate.tolerance or 0)
    with localcontext(prec=EXACT):
        return float(_exact(before) - tolerance if gate.direction == "higher" else _exact(before) + tolerance)


def _finite(value: Any) -> float | None:
    """Return a figure that can be compared; not NaN, of which no comparison is true, so that "not worse" would be."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None


def _lacks(metric: str, metrics: Mapping[str, float]) -> str:
    name = printable(metric)
    if metric not in metrics:
        return f"there is no {name} among the metrics"
    return f"{name} is {printable(str(metrics[metric]))[:40]}, which is no finite number"


def _exact(value: float) -> Decimal:
    """Return the decimal number that was written, not the binary one beside it."""
    return Decimal(value if isinstance(value, int) else repr(float(value)))
