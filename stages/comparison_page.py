"""A comparison of two tables as text, 80 columns wide: only what differs, the most important first."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from stages.validation import listed

WIDTH = 80
MOST_COLUMNS = 20
MOST_BREACHES = 50


def page(found: Mapping[str, Any]) -> str:
    """Return the text of what `stages.comparison.compare` found."""
    lines = [_short(found["new"] if found["old"] is None else f"{found['old']} -> {found['new']}")]
    for part in (_refused, _schema, _columns, _rows, _target, _time, _changes):
        lines += part(found)
    if found["old"] is not None and len(lines) == 2:
        lines.append("  nothing else differs")
    return "\n".join(lines)


def _refused(found: Mapping[str, Any]) -> Iterator[str]:
    if found["refused"]:
        yield from _wrapped("refused", found["refused"])


def _schema(found: Mapping[str, Any]) -> Iterator[str]:
    schema = found["schema"]
    if schema["file"] and not schema["applies"]:
        yield from _wrapped("schema", f"{schema['file']} describes another table; a new one will be written")
    if schema["breaches"]:
        count = len(schema["breaches"])
        yield from _wrapped("schema", f"{schema['file']} is broken in {count} place{'s' if count > 1 else ''}:")
        for breach in schema["breaches"][:MOST_BREACHES]:
            yield from textwrap.wrap(breach, WIDTH, initial_indent="    - ", subsequent_indent="      ")
        if count > MOST_BREACHES:
            yield f"    and {count - MOST_BREACHES} more: --json names them all"


def _columns(found: Mapping[str, Any]) -> Iterator[str]:
    columns = found["columns"]
    for word in ("added", "removed"):
        if columns[word]:
            yield from _wrapped(word, f"{_counted(len(columns[word]), 'column')}: {listed(columns[word])}")
    if columns["retyped"]:
        changes = (f"{item['name']} ({item['old']} -> {item['new']})" for item in columns["retyped"])
        yield from _wrapped("retyped", listed(changes))


def _rows(found: Mapping[str, Any]) -> Iterator[str]:
    rows = found["rows"]
    if rows["old"] is None:
        yield f"  {'rows':<10}{rows['new']:,}"
        return
    text = f"{rows['old']:,} -> {rows['new']:,}"
    if rows["added"] is not None:
        same = rows["new"] - rows["added"]
        text += f"   {rows['added']:,} added, {rows['removed']:,} removed, {same:,} the same"
    yield f"  {'rows':<10}{text}"


def _target(found: Mapping[str, Any]) -> Iterator[str]:
    target = found["target"]
    if target is None:
        return
    old, new = target["old"], target["new"]
    if old == new:
        return
    shares = "mean" not in new

    def written(value: float | None) -> str:
        return "none" if value is None else f"{value:.1%}" if shares else f"{value:.4g}"

    def change(name: str) -> str:
        return f"{name} {written(new.get(name))}" if old is None else (
            f"{name} {written(old.get(name))} -> {written(new.get(name))}"
        )  # fmt: skip

    names = [*new, *(name for name in old or {} if name not in new)]
    yield from _wrapped("target", f"{target['name']}: {', '.join(map(change, names[:8]))}")


def _time(found: Mapping[str, Any]) -> Iterator[str]:
    time = found["time"]
    if time is None or time["old"] == time["new"]:
        return
    spans = [" to ".join(end[:16].replace("T00:00", "") for end in ends) for ends in (time["old"], time["new"]) if ends]
    yield from _wrapped("time", f"{time['column']}: {' -> '.join(spans)}")


def _changes(found: Mapping[str, Any]) -> Iterator[str]:
    changes = found["changes"]
    if not changes:
        return
    yield ""
    yield "Columns that differ (distance 0: the same, 1: nothing in common; by chance)"
    for item in changes[:MOST_COLUMNS]:
        yield _short(f"  {item['distance']:.2f} ({item['noise']:.2f})  {item['name']}")
        for text in _details(item):
            yield from textwrap.wrap(text, WIDTH, initial_indent=" " * 15, subsequent_indent=" " * 17)
    if len(changes) > MOST_COLUMNS:
        yield f"  and {len(changes) - MOST_COLUMNS} more: --json names them all"


def _details(item: Mapping[str, Any]) -> Iterator[str]:
    missing, limits, levels = item["missing"], item["range"], item["levels"]
    if missing["old"] != missing["new"]:
        yield f"missing {missing['old']:.1%} -> {missing['new']:.1%}"
    if limits and limits["old"] != limits["new"]:
        yield f"{_span(limits['old'])} -> {_span(limits['new'])}"
    for word in ("new", "gone"):
        if levels and levels[f"{word}_count"]:
            more = levels[f"{word}_count"] - len(levels[word])
            named = ", ".join(_short(level, 40) for level in levels[word])
            yield f"{word}: {named}{f' and {more:,} more' if more else ''}"


def _span(ends: list[Any]) -> str:
    return " to ".join(end[:16].replace("T00:00", "") if isinstance(end, str) else f"{end:.6g}" for end in ends)


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"  {label:<10}", subsequent_indent=" " * 12, break_on_hyphens=False
    )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _short(text: str, most: int = WIDTH) -> str:
    plain = " ".join(text.split()) if not text.startswith("  ") else text
    return plain if len(plain) <= most else plain[: most - 1] + "…"
