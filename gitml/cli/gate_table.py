"""What the gates say, as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitml.policy.gates import GateResult

_MARKS = {"passed": "✓", "failed": "✗", "not compared": "·"}
_ASKS = {"min": "at least", "max": "at most", "tolerance": "not worse than"}


def gate_lines(gates: Iterable[GateResult]) -> list[str]:
    """Return a line for each bound: mark, metric, figure, bound, and why where it is not kept."""
    rows = []
    for gate in gates:
        figure = f"{gate.figure:.6g}" if gate.figure is not None else "-"
        bound = f"{_ASKS[gate.bound]} {gate.limit:.6g}" if gate.limit is not None else ""
        rows.append((_MARKS[gate.verdict], gate.metric, figure, bound, gate.why))
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        f"{mark} {metric:{widths[1]}}  {figure:>{widths[2]}}  {bound:{widths[3]}}  {why}".rstrip()
        for mark, metric, figure, bound, why in rows
    ]


def gates_as_data(gates: Iterable[GateResult]) -> list[dict[str, Any]]:
    """Return the same for scripts."""
    return [gate._asdict() for gate in gates]
