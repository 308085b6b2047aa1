"""What a run writes into its report: values to Markdown, and nothing else."""

from __future__ import annotations

from typing import NamedTuple

from gitml.conventions.shell import command
from gitml.reports.comparison import Comparison, MetricChange
from gitml.reports.markdown import block, change, code, figure, plain, size, table

MOST_METRICS = 20
"""Metrics of one table; a metrics file may have a thousand nested ones."""

MOST_LINES = 30
"""Lines of a table of parameters, files or stages."""


class ValueChange(NamedTuple):
    """A parameter, or a data file's hash, before and now; None where it was or is not there."""

    name: str
    before: str | None
    now: str | None


class FileChange(NamedTuple):
    """A file of code that differs, with lines added and deleted; None for a binary one."""

    path: str
    added: int | None
    deleted: int | None


class Picture(NamedTuple):
    """A plot beside the report: the words for who cannot see it, and its file's name."""

    title: str
    file: str


class Stage(NamedTuple):
    """A stage of the pipeline: its name and command."""

    name: str
    command: str


class DataFile(NamedTuple):
    """A file or folder that the pipeline read: its path, hash and bytes, as dvc.lock has them."""

    path: str
    hash: str
    bytes: int | None = None


class Results(NamedTuple):
    """What the section Results is made of.

    Attributes
    ----------
    comparisons
        The run against its parent and against main; once where the two are the same commit.
    since
        What parameters, code and data are compared with, for example ``parent``.
    params, code, data
        What differs from that.
    pictures
        The plots.
    environment
        Names and versions of what the run used.
    reproduce
        The commands that give the same figures again, as lines of a shell.
    notes
        What could not be shown, and why; one sentence each.
    """

    comparisons: tuple[Comparison, ...] = ()
    since: str = "parent"
    params: tuple[ValueChange, ...] = ()
    code: tuple[FileChange, ...] = ()
    data: tuple[ValueChange, ...] = ()
    pictures: tuple[Picture, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    reproduce: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Methodology(NamedTuple):
    """What the facts of the section Methodology are made of.

    Attributes
    ----------
    model
        The chosen model; empty where nothing says.
    seeds
        Names of the parameters that are seeds, and their values.
    data
        What the pipeline read that no stage made.
    stages
        The stages in the order in which they run.
    """

    model: str = ""
    seeds: tuple[tuple[str, str], ...] = ()
    data: tuple[DataFile, ...] = ()
    stages: tuple[Stage, ...] = ()


def results(values: Results) -> str:
    """Return the Markdown of the section Results."""
    parts = [_comparison(comparison) for comparison in values.comparisons]
    parts.append(_changed_values("Parameters", "parameter", values.params, values.since))
    parts.append(_changed_files(values.code, values.since))
    parts.append(_changed_values("Data", "path", values.data, values.since))
    if values.pictures:
        pictures = [f"![{plain(picture.title)}](<{_link(picture.file)}>)" for picture in values.pictures]
        parts.append("\n\n".join(("### Plots", *pictures)))
    if values.environment:
        parts.append(f"### Environment\n\n{' · '.join(f'{code(name)} {code(it)}' for name, it in values.environment)}")
    if values.reproduce:
        parts.append(f"### How to reproduce\n\n{block(values.reproduce, 'sh')}")
    parts += [f"> {plain(note)}" for note in values.notes]
    return "\n\n".join(filter(None, parts))


def methodology(values: Methodology) -> str:
    """Return the Markdown of the facts in the section Methodology."""
    facts = []
    if values.model:
        facts.append(f"- Model: {code(values.model)}")
    if values.seeds:
        facts.append(f"- Seeds: {', '.join(f'{code(name)} = {code(it)}' for name, it in values.seeds)}")
    for file in values.data:
        weight = f", {size(file.bytes)}" if file.bytes is not None else ""
        facts.append(f"- Data: {code(file.path)} {code(file.hash)}{weight}")
    rows = [(code(stage.name), code(stage.command)) for stage in values.stages]
    stages = _cut(table(("stage", "command"), rows[:MOST_LINES]), len(rows), "stages") if rows else ""
    return "\n\n".join(filter(None, ("\n".join(facts), stages)))


def reproduce(slug: str, is_on_remote: bool, remote: str = "origin") -> tuple[str, ...]:
    """Return the commands that give a run's figures again in a clone.

    Parameters
    ----------
    slug
        The experiment's name.
    is_on_remote
        Whether the branch and its data are expected on the remote.
    remote
        The remote's name.
    """
    branch = f"experiments/{slug}"
    fetch = (command(("git", "fetch", remote, branch)),) if is_on_remote else ()
    switch = command(("git", "switch", "--detach", f"{remote}/{branch}" if is_on_remote else branch))
    pull = ("dvc pull --allow-missing",) if is_on_remote else ()
    return (*fetch, switch, *pull, "dvc repro --force", "dvc metrics diff HEAD")


def _comparison(comparison: Comparison) -> str:
    shown = comparison.changes[:MOST_METRICS]
    other = f"{code(comparison.name)} at " if comparison.name else ""
    caption = f"### Against {plain(comparison.role)}\n\n{other}{code(comparison.commit[:10])}"
    if comparison.note:
        caption += f". No intervals: {plain(comparison.note)}."
    head = ("metric", "now", plain(comparison.role), "change", "95 % interval", "")
    lines = table(head, map(_metric, shown), range(1, 5))
    return f"{caption}\n\n{_cut(lines, len(comparison.changes), 'metrics', MOST_METRICS)}"


def _metric(one: MetricChange) -> tuple[str, ...]:
    difference = interval = ""
    if one.now is not None and one.before is not None:
        beside = max(abs(one.now), abs(one.before))
        difference = change(one.now - one.before, beside)
        if one.interval is not None:
            interval = f"[{change(one.interval.low, beside)}, {change(one.interval.high, beside)}]"
    return (code(one.name), figure(one.now), figure(one.before), difference, interval, one.word)


def _changed_values(title: str, what: str, values: tuple[ValueChange, ...], since: str) -> str:
    if not values:
        return f"### {title}\n\nAs in the {plain(since)}."
    rows = [tuple("–" if it is None else code(it) for it in (one.name, one.before, one.now)) for one in values]
    lines = table((what, plain(since), "now"), rows[:MOST_LINES])
    return f"### {title}\n\n{_cut(lines, len(rows), 'changes')}"


def _changed_files(files: tuple[FileChange, ...], since: str) -> str:
    if not files:
        return f"### Code\n\nAs in the {plain(since)}."
    added, deleted = (sum(getattr(file, side) or 0 for file in files) for side in ("added", "deleted"))
    count = f"{len(files)} file{'s' if len(files) > 1 else ''}"
    rows = [(code(file.path), _count("+", file.added), _count("-", file.deleted)) for file in files]
    lines = table(("file", "added", "deleted"), rows[:MOST_LINES], (1, 2))
    said = f"{count} changed since the {plain(since)}, {added:,} lines added, {deleted:,} deleted."
    return f"### Code\n\n{said}\n\n{_cut(lines, len(rows), 'files')}"


def _count(sign: str, lines: int | None) -> str:
    return "binary" if lines is None else f"{sign}{lines:,}"


def _cut(lines: str, count: int, what: str, most: int = MOST_LINES) -> str:
    return lines if count <= most else f"{lines}\n\nand {count - most:,} more {what}."


def _link(path: str) -> str:
    from urllib.parse import quote

    return quote(path.encode("utf-8", "surrogateescape"), safe="/")
