"""Which experiment, model or commit somebody means by a name."""

from __future__ import annotations

from pathlib import Path

from gitml.conventions import versions
from gitml.errors import GitFailed, WrongUsage
from gitml.experiments.refs import FOLDER
from gitml.experiments.store import Entry, Store, read_commits
from gitml.git.command import git

MOST_NAMED = 8
"""Candidates that an error lists."""


class UnknownExperiment(WrongUsage):
    """A name means no experiment, model or commit, or several."""


def find(name: str, store: Store, at: Path | None = None) -> Entry:
    """Return what `name` means.

    In this order: an experiment by its name or its branch, a model in any of its four ways, any revision that
    git knows, and the only experiment whose name begins, ends, or goes on so.

    Parameters
    ----------
    name
        What somebody wrote.
    store
        What there is.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    UnknownExperiment
        It means nothing, or more than one thing.
    LooksLikeAnOption
        It begins with a dash.
    """
    exact = [entry for entry in store.entries if name in _spellings(entry)]
    if exact:
        return exact[0]
    version = versions.parse(name)
    models = [entry for entry in store.of("model") if version is not None and entry.name == str(version)]
    if models:
        return models[0]
    commit = commit_of(name, at)
    if commit is not None:
        same = [entry for entry in store.entries if entry.record.commit == commit]
        found = sorted(same, key=lambda entry: not entry.ref.is_checked_out) or read_commits([commit], at=at)
        if found:
            return found[0]
    return _only(name, store)


def commit_of(name: str, at: Path | None = None) -> str | None:
    """Return the id of the commit that a revision names; None where it names none.

    Raises
    ------
    LooksLikeAnOption
        It begins with a dash.
    """
    if not name or "\n" in name or "\0" in name:
        return None
    try:
        return git("rev-parse", "--quiet", "--verify", "--end-of-options", operands=[f"{name}^{{commit}}"], at=at)
    except GitFailed:
        return None


def _spellings(entry: Entry) -> tuple[str, ...]:
    ref = entry.ref
    return (
        ref.name,
        ref.full,
        ref.full.removeprefix("refs/heads/").removeprefix("refs/remotes/"),
        f"{FOLDER}{ref.name}",
    )


def _only(name: str, store: Store) -> Entry:
    part = name.removeprefix(FOLDER)
    entries = store.of("experiment", "finished")
    for fits in (str.startswith, str.endswith, str.__contains__):
        found = [entry for entry in entries if part and fits(entry.name, part)]
        if len(found) == 1:
            return found[0]
        if found:
            names = [entry.name for entry in found]
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            raise UnknownExperiment(
                f"{name!r} may mean {len(names)} experiments",
                f"There are {', '.join(names[:MOST_NAMED])}{more}.",
                (f"gitml exp show {names[0]}",),
            )
    raise _unknown(name, [entry.name for entry in store.entries])


def _unknown(name: str, known: list[str]) -> UnknownExperiment:
    from difflib import get_close_matches

    near = get_close_matches(name.removeprefix(FOLDER), known, n=1)
    why = f"Did you mean {near[0]}?" if near else "It is no experiment, no model, and no revision that git knows."
    return UnknownExperiment(
        f"there is no experiment {name!r}", why, (f"gitml exp show {near[0]}" if near else "gitml exp list --all",)
    )
