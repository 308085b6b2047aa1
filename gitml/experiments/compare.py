"""Two runs side by side: their params, their metrics, the code between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from gitml.experiments.rows import Run, diff, number
from gitml.git.command import git
from gitml.git.objects import Objects, list_tree
from gitml.pipeline import metrics
from gitml.pipeline.project import projects
from gitml.pipeline.snapshot import Snapshot


class CodeChange(NamedTuple):
    """How many lines of a file changed.

    Attributes
    ----------
    path
        In the commits.
    added, removed
        Lines; None in a file that is no text.
    """

    path: str
    added: int | None
    removed: int | None


class Difference(NamedTuple):
    """What differs between two runs.

    Attributes
    ----------
    params, metrics
        Pairs of old and new value by name; None for one that is not there.
    code
        Files that people write; not params, results, reports and locks.
    is_same_data
        Whether both were measured on the same test data; None where that is not known of one.
    """

    params: dict[str, list[Any]]
    metrics: dict[str, list[Any]]
    code: tuple[CodeChange, ...]
    is_same_data: bool | None


def compare(old: Run, new: Run, at: Path | None = None) -> Difference:
    """Return what differs between two runs.

    Raises
    ------
    GitFailed
        A commit is not here.
    """
    is_known = bool(old.test_data and new.test_data)
    return Difference(
        diff(old.params, new.params),
        diff(old.metrics, new.metrics),
        code_changes(old.commit, new.commit, at),
        old.test_data == new.test_data if is_known else None,
    )


def code_changes(old: str, new: str, at: Path | None = None) -> tuple[CodeChange, ...]:
    """Return which files that people write differ between two commits, and by how many lines.

    Parameters
    ----------
    old, new
        Full object ids.
    at
        As for `gitml.git.command.git`.
    """
    listed = git("diff-tree", "-r", "-z", "--numstat", "--no-renames", operands=[old, new], at=at)
    made = _made(old, at) | _made(new, at)
    changes = []
    for line in listed.split("\0")[:-1]:
        added, removed, path = line.split("\t", 2)
        if not _is_under(path, made):
            is_text = added != "-"
            changes.append(CodeChange(path, int(added) if is_text else None, int(removed) if is_text else None))
    return tuple(changes)


def delta(pair: list[Any]) -> float | None:
    """Return by how much a metric rose; None where it is no number in both."""
    old, new = number(pair[0]), number(pair[1])
    return None if old is None or new is None else new - old


def _made(commit: str, at: Path | None) -> frozenset[str]:
    """Return what nobody writes by hand, and what is compared otherwise: outs, locks, params, reports."""
    with Objects(at) as objects:
        snapshot = Snapshot(list_tree(commit, at), objects)
        found = {"reports"}
        for project in projects(snapshot):
            found.update(project.makers)
            for pipeline in project.pipelines:
                found.add(pipeline.definition.path.removesuffix("dvc.yaml") + "dvc.lock")
        declared = metrics.declare(snapshot)
    return frozenset((*found, *declared.params, *(file.path for file in declared.metrics)))


def _is_under(path: str, folders: frozenset[str]) -> bool:
    parts = path.split("/")
    return any("/".join(parts[:count]) in folders for count in range(1, len(parts) + 1))
