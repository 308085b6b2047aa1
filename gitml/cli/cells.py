"""What stands in the cells of tables: people's names, and what a spreadsheet or a page must not obey."""

from __future__ import annotations

import json
from typing import Any

from gitml.cli.terminal import printable


def short_people(names: list[str]) -> list[str]:
    """Return first names in small letters where each belongs to one person only.

    >>> short_people(["Ada Byron", "Bo", "Ada King"])
    ['Ada Byron', 'bo', 'Ada King']
    """
    firsts: dict[str, set[str]] = {}
    for name in names:
        firsts.setdefault(name.partition(" ")[0].lower(), set()).add(name)
    return [first if len(firsts[first := name.partition(" ")[0].lower()]) == 1 else name for name in names]


def for_spreadsheet(value: Any) -> Any:
    """Return a value as a cell of CSV that no spreadsheet takes for a formula."""
    if isinstance(value, str):
        text = printable(value)
        return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
    return json.dumps(value) if isinstance(value, list | dict | bool) else "" if value is None else value


def in_columns(heads: list[str], rows: list[dict[str, str]], right: set[str], gap: str = "  ") -> list[str]:
    """Return lines of cells, the first with the heads; those of `right` are aligned to the right."""
    lines = [{head: head for head in heads}, *rows]
    widths = {head: max(len(line[head]) for line in lines) for head in heads}
    return [
        gap.join(
            line[head].rjust(widths[head]) if head in right else line[head].ljust(widths[head]) for head in heads
        ).rstrip()
        for line in lines
    ]
