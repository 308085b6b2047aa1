"""What a person sees after a run: the metrics, and where to look next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stages import errors, files
from stages.errors import InputError
from stages.metrics import figure

NEXT = (
    ("why and what next", "results/evaluate/suggestions.md"),
    ("the data", "results/data/exploration.md (and exploration.html, in a browser)"),
    ("the pictures", ".venv/bin/dvc plots show --open"),
    ("the pipeline", ".venv/bin/dvc dag"),
    ("change something", "edit params.yaml, then .venv/bin/dvc repro"),
    ("against before", ".venv/bin/dvc metrics diff; .venv/bin/dvc params diff"),
)


def table(metrics: Mapping[str, Any]) -> str:
    """Write the figures of results/evaluate/metrics.json as lines: name, value, 95 % interval."""
    intervals = metrics.get("interval", {})
    lines = []
    for name, value in metrics.items():
        if not isinstance(value, int | float):
            continue
        shown = f"{value:,}" if isinstance(value, int) else figure(value)
        bounds = intervals.get(name)
        spread = f"   [{figure(bounds['low'])}, {figure(bounds['high'])}]" if bounds else ""
        lines.append(f"  {name:<20}{shown:>12}{spread}")
    return "\n".join(lines)


def main() -> None:
    """Print the metrics of the last run."""
    try:
        metrics = files.read_json("results/evaluate/metrics.json")
    except FileNotFoundError:
        raise InputError("results/evaluate/metrics.json does not exist.", "Run: make run") from None
    print("On the test rows, with 95 % intervals:")
    print(table(metrics))
    print("\nWhere to look next")
    for what, where in NEXT:
        print(f"  {what:<20}{where}")


if __name__ == "__main__":
    errors.run(main)
