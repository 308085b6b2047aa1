"""What --dry-run says of a command that would move models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gitml.cli.gate_table import gate_lines
from gitml.cli.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitml.policy.gates import GateResult

NOTHING = "nothing is left to do"


def planned(steps: Sequence[str], gates: Iterable[GateResult] = (), as_json: bool = False) -> str:
    """Return what would be done, behind what the gates say; as JSON, the list of the steps.

    Parameters
    ----------
    steps
        As `gitml.git.plan.describe` has them.
    gates
        What was asked.
    as_json
        Whether a script reads it.
    """
    if as_json:
        return json.dumps(list(steps), indent=2)
    plan = [f"would {step}" for step in steps] or [NOTHING]
    return "\n".join(map(printable, [*gate_lines(gates), *plan]))
