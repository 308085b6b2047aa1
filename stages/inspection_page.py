"""What an inspection found, as JSON and as text."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from stages import files
from stages.task import Kind


@dataclass(frozen=True)
class Inspection:
    """What was found; the docstring of `stages.inspection` says what each field is."""

    source: str
    rows: int
    rows_inspected: int
    columns: tuple[Mapping[str, Any], ...]
    targets: tuple[str, ...]
    target: str | None
    task: Kind | None
    params: Mapping[str, Any]
    reasons: Mapping[str, str]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        value = asdict(self)
        return files.rounded({name: list(item) if isinstance(item, tuple) else item for name, item in value.items()})


def page(found: Inspection) -> str:
    """Return the inspection as text, 80 columns wide."""
    dropped = sum(one["role"] == "dropped" for one in found.columns)
    read = "" if found.rows == found.rows_inspected else f" ({found.rows_inspected:,} of them read)"
    lines = [f"{found.source}: {found.rows:,} rows{read}, {len(found.columns)} columns, {dropped} of them dropped"]
    if found.target is None:
        lines += ["", f"Which column is to be predicted? Likely: {', '.join(found.targets) or 'none'}."]
    else:
        lines.append(f"Predicting '{found.target}' ({found.task})")
    if found.params:
        lines += ["", "For params.yaml:"]
    for name, value in found.params.items():
        lines.append("  " + textwrap.shorten(f"{name}: {json.dumps(value, ensure_ascii=False)}", 78, placeholder=" …"))
        if name in found.reasons:
            lines += _wrapped(found.reasons[name], "      ")
    if found.notes:
        lines += ["", "To know:"]
        for note in found.notes:
            lines += _wrapped(note, "    ", "  - ")
    return "\n".join(lines)


def _wrapped(text: str, indent: str, first: str | None = None) -> list[str]:
    return textwrap.wrap(text, 80, initial_indent=first or indent, subsequent_indent=indent, break_on_hyphens=False)
