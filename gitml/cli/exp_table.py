"""The list of experiments as a table: of eighty columns, in Markdown, in CSV."""

from __future__ import annotations

import json
from typing import Any

from gitml.cli.cells import for_spreadsheet, in_columns, short_people
from gitml.cli.terminal import WIDTH, printable
from gitml.experiments import shown
from gitml.experiments.listing import List, Row

LONGEST_NAME, LONGEST_AUTHOR = 24, 10
SHORTEST_CHANGE = 12

Table = list[list[str]]


def as_text(made: List, now: float) -> str:
    """Return the table for a terminal.

    Parameters
    ----------
    made
        The list.
    now
        Seconds since 1970.
    """
    heads, rows = _cells(made, now)
    if "CHANGED" in heads:
        others = sum(max(len(head), *(len(row[head]) for row in rows)) for head in heads if head != "CHANGED")
        room = max(SHORTEST_CHANGE, WIDTH - 2 * (len(heads) - 1) - 2 - others)
        names = _short_names(made)
        for row, one in zip(rows, made.rows, strict=True):
            row["CHANGED"] = _changes(one, names, room)
    marks = ["  ", *("* " if row.entry.ref.is_checked_out else "  " for row in made.rows)]
    lines = in_columns(heads, rows, _right_aligned(made))
    return "\n".join(f"{mark}{line}".rstrip() for mark, line in zip(marks, lines, strict=True))


def as_markdown(made: List, now: float) -> str:
    """Return the table in Markdown."""
    heads, rows = _cells(made, now)
    names = _short_names(made)
    right = _right_aligned(made)
    for row, one in zip(rows, made.rows, strict=True):
        if "CHANGED" in row:
            row["CHANGED"] = _changes(one, names, 10_000)
    lines = [heads, ["---:" if head in right else "---" for head in heads]]
    lines += [[_escaped(row[head]) for head in heads] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_csv(made: List) -> str:
    """Return what differs between the rows, and what each is, as CSV with a line of names."""
    import csv
    from io import StringIO

    runs = [row.entry.run() for row in made.rows]
    params = _differing([run.params for run in runs])
    metrics = _differing([run.metrics for run in runs])
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["name", "rank", "commit", "author", "time", "runs", "test_data", *metrics, *params])
    for row, run in zip(made.rows, runs, strict=True):
        own = [run.name, row.rank, run.commit, run.author, run.time, run.runs, run.test_data]
        values = [*(run.metrics.get(name) for name in metrics), *(run.params.get(name) for name in params)]
        writer.writerow([for_spreadsheet(value) for value in (*own, *values)])
    return file.getvalue()


def _cells(made: List, now: float) -> tuple[list[str], list[dict[str, str]]]:
    """Return the heads of the columns that differ, and the rows; CHANGED is filled in when its room is known."""
    ranking = made.ranking
    head = ranking.name.rpartition(":")[2].rpartition(".")[2].upper() if ranking.name else ""
    decimals = shown.figures(row.value if ranking.is_metric else None for row in made.rows)
    told = [json.loads(f"{{{row.entry.record.head}}}") for row in made.rows]
    authors = short_people([one["author"] for one in told])
    rows = []
    for row, one, author in zip(made.rows, told, authors, strict=True):
        cells = {"EXPERIMENT": _name(row)}
        if ranking.name and head not in ("NAME", "AUTHOR", "TIME", "RUNS"):
            value = shown.metric(row.value, decimals) if ranking.is_metric and row.value is not None else ""
            cells[head] = value or ("" if row.value is None else printable(shown.value(row.value)))
        cells["VS MAIN"] = _versus(row, decimals)
        cells["CHANGED"] = "x" if row.entry.line.changed != "{}" else ""
        cells["BY"] = "" if row.entry.kind == "main" else shown.cut(printable(author), LONGEST_AUTHOR)
        cells["AGE"] = "" if row.entry.kind == "main" else shown.age(now - one["time"])
        rows.append(cells)
    heads = [key for key in (rows[0] if rows else ()) if key in ("EXPERIMENT", head) or any(row[key] for row in rows)]
    if len({row["BY"] for row in rows if row["BY"]}) < 2 and "BY" in heads:
        heads.remove("BY")
    return heads, rows


def _right_aligned(made: List) -> set[str]:
    name = made.ranking.name.rpartition(":")[2].rpartition(".")[2].upper()
    return {name, "AGE"} if made.ranking.is_metric else {"AGE"}


def _name(row: Row) -> str:
    runs = row.entry.line.runs
    suffix = f" ({runs})" if runs > 1 else ""
    return shown.cut(printable(row.entry.name), LONGEST_NAME - len(suffix)) + suffix


def _versus(row: Row, decimals: int) -> str:
    if row.entry.kind == "main":
        return ""
    if row.delta is None:
        return {"other data": "other data", "no result": "no result"}.get(row.group, "")
    if row.delta == 0:
        return "same" if row.entry.line.runs else "no run yet"
    return f"{shown.delta(row.delta, decimals)} {row.word}".rstrip()


def _changes(row: Row, names: dict[str, str], room: int) -> str:
    """Return what a run changed, as fully as there is room."""
    changed = shown.aliases_left_out(json.loads(row.entry.line.changed))
    short = [printable(names.get(name, name)) for name in changed]
    whole = ", ".join(printable(shown.change(name, pair)) for name, pair in zip(short, changed.values(), strict=True))
    if len(whole) <= room:
        return whole
    for count in range(len(short), 0, -1):
        text = ", ".join(short[:count]) + (f" +{len(short) - count}" if count < len(short) else "")
        if len(text) <= room:
            return text
    return shown.cut(short[0], room)


def _short_names(made: List) -> dict[str, str]:
    names: dict[str, None] = {}
    for text in {row.entry.line.changed for row in made.rows}:
        names |= dict.fromkeys(shown.aliases_left_out(json.loads(text)))
    return shown.short_names(list(names))


def _differing(values: list[dict[str, Any]]) -> list[str]:
    names = dict.fromkeys(name for one in values for name in one)
    return [name for name in names if len({json.dumps(one.get(name)) for one in values}) > 1 or len(values) == 1]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
