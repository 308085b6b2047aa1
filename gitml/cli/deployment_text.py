"""What is shown of a move of production."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gitml.cli.gate_table import gate_lines, gates_as_data
from gitml.cli.terminal import printable

if TYPE_CHECKING:
    from gitml.models.deployment import Deployed


def as_text(deployed: Deployed) -> str:
    """Return the lines for a person."""
    version = deployed.version
    if not deployed.is_new:
        return f"{version} is in production already ({deployed.commit[:7]})"
    was = f", it was {deployed.before}" if deployed.before is not None else ""
    agreed = [one.signer for one in deployed.approvals if not one.fault]
    lines = [
        *gate_lines(deployed.gates),
        f"✓ production/production-{version.model} is {version} now{was} ({deployed.commit[:7]})",
        *([f"  approved by {', '.join(agreed)}"] if agreed else []),
        f"  tag {deployed.tag}",
    ]
    if deployed.before is not None:
        lines.append(f'next  gitml model rollback --to {deployed.before} --reason "…" --now   # if it is bad')
    else:
        lines.append("next  gitml model list")
    return "\n".join(map(printable, lines))


def as_json(deployed: Deployed) -> str:
    """Return the same for scripts."""
    told = {
        "model": str(deployed.version),
        "before": None if deployed.before is None else str(deployed.before),
        "commit": deployed.commit,
        "tag": deployed.tag or None,
        "is_new": deployed.is_new,
        "approvals": [one._asdict() for one in deployed.approvals],
        "gates": gates_as_data(deployed.gates),
    }
    return json.dumps(told, indent=2)
