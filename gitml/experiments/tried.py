"""Whether somebody tried this already: the same inputs, or nearly the same parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.experiments import store
from gitml.git.command import git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gitml.experiments.rows import Run
    from gitml.pipeline.layout import Inputs

NEAR = 0.05
"""How far apart two numbers may be, relative to the larger one, to be nearly the same."""

MOST = 50
"""Runs of the same code that are compared, the newest first."""

_REFS = ("--branches=experiments/*", "--remotes=*/experiments/*", "--tags=exp/*")


class Tried(NamedTuple):
    """A run that was made before.

    Attributes
    ----------
    commit
        Its full id.
    name
        A branch or tag that has it.
    params, metrics
        Its values by dotted names.
    """

    commit: str
    name: str
    params: Mapping[str, Any]
    metrics: Mapping[str, Any]

    @classmethod
    def of(cls, run: Run, at: Path | None) -> Tried:
        """Name a run."""
        return cls(run.commit, _name(run.commit, at), run.params, run.metrics)


def same(inputs: Inputs, at: Path | None = None) -> Tried | None:
    """Return a run that was made of just these inputs, the newest; None where there is none."""
    return same_sums(str(inputs), at)


def same_sums(sums: str, at: Path | None = None) -> Tried | None:
    """Return a run of these inputs, given as its commit names them, the newest; None where there is none."""
    return next((Tried.of(run, at) for run in _with(f"Inputs: {sums}", 1, at)), None)


def near(inputs: Inputs, params: Mapping[str, Any], used: set[str], at: Path | None = None) -> Tried | None:
    """Return a run of the same code and data whose parameters are nearly these; None where there is none.

    Parameters
    ----------
    inputs
        What is to be run.
    params
        Its parameters.
    used
        Those that stages depend on; the others do not count.
    at
        As for `gitml.git.command.git`.
    """
    mine = {name: value for name, value in params.items() if name in used}
    for found in _with(f"Inputs: {inputs.code}-", MOST, at):
        if all(_is_near(value, found.params.get(name)) for name, value in mine.items()):
            return Tried.of(found, at)
    return None


def recorded(at: Path | None = None, *more: str) -> dict[str, str]:
    """Return the newest run of each inputs that any run was made of, by the inputs as a run's trailer has them.

    Parameters
    ----------
    at
        As for `gitml.git.command.git`.
    more
        Further refs that are looked through, as ``--glob=refs/…``.
    """
    form = "--format=%H %(trailers:key=Inputs,valueonly,separator=%x20)"
    found: dict[str, str] = {}
    for line in git("log", form, "--fixed-strings", "--grep=Inputs: ", *_REFS, *more, at=at).split("\n"):
        commit, _, inputs = line.partition(" ")
        if inputs:
            found.setdefault(inputs, commit)
    return found


def _with(trailer: str, most: int, at: Path | None) -> list[Run]:
    words = ("log", f"--max-count={most}", "--fixed-strings", f"--grep={trailer}", "--format=%H", *_REFS)
    commits = git(*words, at=at).split()
    return [entry.run() for entry in store.read_commits(commits, at=at)] if commits else []


def _name(commit: str, at: Path | None) -> str:
    """Return the shortest of the branches and tags that have a commit."""
    listed = git("for-each-ref", "--format=%(refname:short)", f"--contains={commit}", *_FOLDERS, at=at).split("\n")
    return min((name for name in listed if name), key=lambda name: (name.count("/"), len(name)), default=commit[:10])


_FOLDERS = ("refs/heads/experiments", "refs/remotes", "refs/tags/exp")


def _is_near(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool) or not isinstance(one, int | float):
        return repr(one) == repr(other)
    if not isinstance(other, int | float):
        return False
    return abs(one - other) <= NEAR * max(abs(one), abs(other))
