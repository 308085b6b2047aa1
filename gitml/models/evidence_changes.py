"""What differs between two models besides their figures: parameters, code, and the data that they start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.conventions.released import OF_A_RELEASE
from gitml.experiments.compare import code_changes
from gitml.experiments.rows import diff
from gitml.experiments.shown import aliases_left_out
from gitml.pipeline.layout import layout
from gitml.pipeline.overrides import shown
from gitml.pipeline.project import projects
from gitml.pipeline.source_data import source_data
from gitml.reports.render import FileChange, ValueChange

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gitml.pipeline.snapshot import Snapshot

MOST_UNALIASED = 500
"""Changed parameters among which repetitions by YAML's aliases are looked for."""

LONGEST_VALUE = 2_000
"""Letters of a value that are kept."""


class Changes(NamedTuple):
    """What differs: parameters by name, files of code with their lines, source data with its md5."""

    params: tuple[ValueChange, ...] = ()
    code: tuple[FileChange, ...] = ()
    data: tuple[ValueChange, ...] = ()


def params(now: Mapping[str, Any], before: Mapping[str, Any]) -> tuple[ValueChange, ...]:
    """Return the parameters that differ; one that is not there is None."""
    changed = diff(dict(before), dict(now))
    if len(changed) <= MOST_UNALIASED:
        changed = aliases_left_out(changed)
    return tuple(ValueChange(name, _value(before, name), _value(now, name)) for name in changed)


def code(now: str, before: str, at: Path | None = None) -> tuple[FileChange, ...]:
    """Return the files that people write and that differ between two commits.

    Parameters
    ----------
    now, before
        Full ids of the commits.
    at
        As for `gitml.git.command.git`.
    """
    found = code_changes(before, now, at)
    return tuple(FileChange(one.path, one.added, one.removed) for one in found if one.path not in OF_A_RELEASE)


def data(now: Snapshot, before: Snapshot) -> tuple[ValueChange, ...]:
    """Return the source data whose md5 in dvc.lock differs."""
    new, old = _data(now), _data(before)
    return tuple(
        ValueChange(path, old.get(path), new.get(path))
        for path in dict.fromkeys([*old, *new])
        if old.get(path) != new.get(path)
    )


def _data(snapshot: Snapshot) -> dict[str, str]:
    found: dict[str, str] = {}
    for project in projects(snapshot):
        found |= source_data(snapshot, layout(project))
    return found


def _value(values: Mapping[str, Any], name: str) -> str | None:
    if name not in values:
        return None
    value = values[name]
    return shown(value[:LONGEST_VALUE] if isinstance(value, str) else value)[:LONGEST_VALUE]
