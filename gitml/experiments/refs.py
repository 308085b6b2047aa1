"""Which refs are experiments, and which of them is what one clone and its remotes share."""

from __future__ import annotations

from typing import NamedTuple

from gitml.conventions import branches, versions
from gitml.git.command import git
from gitml.git.server import main_here, told_main

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FOLDER = "experiments/"
HEADS = "refs/heads/"
REMOTES = "refs/remotes/"
FINISHED = "refs/tags/exp/"

PATTERNS = (
    "refs/heads/experiments",
    "refs/heads/models",
    "refs/remotes/**/experiments/**",
    "refs/remotes/**/models/*",
    "refs/tags/exp",
)
"""What is asked of ``git for-each-ref`` besides main; what does not fit the names here is left out after that."""


class Ref(NamedTuple):
    """A ref that is listed.

    Attributes
    ----------
    kind
        ``main``, ``experiment`` for a branch, ``finished`` for the tag of one that has none, ``model``.
    name
        The experiment's slug, ``model-v4`` or ``main``; behind ``<remote>/`` where a remote's has commits
        that the local one lacks.
    slug
        The name of its report's folder; empty for main and models.
    full
        As git names it, ``refs/heads/experiments/lower-lr``.
    oid
        What it points to: a commit or an annotated tag.
    is_checked_out
        Whether HEAD of this working tree is on it.
    remote
        The remote that has it; empty where none is known to have it.
    is_pushed
        Whether a remote is known to have this very commit; None where there are no remotes.
    """

    kind: str
    name: str
    slug: str
    full: str
    oid: str
    is_checked_out: bool = False
    remote: str = ""
    is_pushed: bool | None = None


class Listing(NamedTuple):
    """All refs of one moment.

    Attributes
    ----------
    refs
        Local ones, and those that only a remote has, in the order of their names.
    main
        The main branch's ref; None where there is none.
    pairs
        Local refs whose remote-tracking ref is another commit: the remote's, by the local full name.
    is_blocked
        Whether a branch is called ``experiments``, so that no experiment can be made.
    """

    refs: tuple[Ref, ...]
    main: Ref | None
    pairs: dict[str, Ref]
    is_blocked: bool


def list_refs(at: Path | None = None) -> Listing:
    """Read all refs of experiments, models and main, in two calls of git.

    Raises
    ------
    GitFailed
        There is no repository.
    """
    main = told_main(at) or branches.MAIN
    lines = _read(main, at)
    if not any(line.endswith(f"/{main}") for line in lines):
        main = main_here(at)  # seldom: there is no such branch, and a remote may name another
        lines = _read(main, at)
    return arrange(lines, main)


def _read(main: str, at: Path | None) -> list[str]:
    patterns = (f"{HEADS}{main}", f"{REMOTES}**/{main}", *PATTERNS)
    lines = git("for-each-ref", "--format=%(objectname) %(HEAD) %(refname)", *patterns, at=at).split("\n")
    return [line for line in lines if line]


def arrange(lines: Iterable[str], main: str = branches.MAIN) -> Listing:
    """Make one row of what is the same experiment here and on the remotes.

    Parameters
    ----------
    lines
        Object id, ``*`` or a space, and ref.
    main
        Short name of the main branch.
    """
    local: dict[tuple[str, str], Ref] = {}
    tracked: dict[tuple[str, str], list[Ref]] = {}
    is_blocked = has_remotes = False
    for line in lines:
        oid, mark, full = line[: line.index(" ")], line[line.index(" ") + 1], line[line.index(" ") + 3 :]
        is_blocked = is_blocked or full == "refs/heads/experiments"
        if full.startswith(REMOTES):
            has_remotes = True
            remote, found = _split_remote(full[len(REMOTES) :], main)
            if found is not None:
                ref = Ref(found.kind, f"{remote}/{found.name}", found.slug, full, oid, False, remote, True)
                tracked.setdefault((found.kind, found.name), []).append(ref)
        else:
            found = _local(full, oid, mark == "*", main)
            if found is not None and _is_later(found, local.get((found.kind, found.name))):
                local[found.kind, found.name] = found
    return _joined(local, tracked, has_remotes, is_blocked)


def _is_later(found: Ref, known: Ref | None) -> bool:
    """Say whether a tag is of a later end of the same experiment: exp/lr@2 after exp/lr, exp/lr@10 after that."""
    return known is None or (len(found.full), found.full) > (len(known.full), known.full)


def _joined(
    local: dict[tuple[str, str], Ref], tracked: dict[tuple[str, str], list[Ref]], has_remotes: bool, is_blocked: bool
) -> Listing:
    refs: list[Ref] = []
    pairs: dict[str, Ref] = {}
    for (kind, name), ref in local.items():
        if kind == "finished":
            if ("experiment", name) not in local and ("experiment", name) not in tracked:
                refs.append(ref)
            continue
        others = tracked.get((kind, name), [])
        same = next((other for other in others if other.oid == ref.oid), None)
        if same is None and others:
            pairs[ref.full] = others[0]
        is_pushed = same is not None if has_remotes else None
        refs.append(ref._replace(remote=(same or others[0]).remote if others else "", is_pushed=is_pushed))
    for (kind, name), others in tracked.items():
        if (kind, name) not in local:
            refs.append(others[0]._replace(name=name))
            seen = {others[0].oid}
            for other in others[1:]:
                if other.oid not in seen and kind == "experiment":
                    refs.append(other)
                    seen.add(other.oid)
    refs.sort(key=lambda ref: (ref.kind, ref.name))
    mains = (ref for ref in refs if ref.kind == "main")
    return Listing(tuple(refs), next(mains, None), pairs, is_blocked)


def _local(full: str, oid: str, is_checked_out: bool, main: str) -> Ref | None:
    if full.startswith(FINISHED):
        slug = full[len(FINISHED) :].partition("@")[0]
        return Ref("finished", slug, slug, full, oid)
    found = _named(full[len(HEADS) :], main) if full.startswith(HEADS) else None
    return None if found is None else Ref(found.kind, found.name, found.slug, full, oid, is_checked_out)


def _split_remote(short: str, main: str) -> tuple[str, Ref | None]:
    """Find the remote's name in ``up/stream/experiments/x``: it may have slashes itself."""
    for folder in (FOLDER, "models/"):
        remote, separator, rest = short.partition(f"/{folder}")
        if separator:
            return remote, _named(f"{folder}{rest}", main)
    if short.endswith(f"/{main}"):  # which may have a slash itself
        return short[: -len(main) - 1], _named(main, main)
    return "", None


def _named(short: str, main: str) -> Ref | None:
    if short.startswith(FOLDER):
        slug = short[len(FOLDER) :]
        return Ref("experiment", slug, slug, "", "") if slug else None
    if short.startswith("models/"):
        version = versions.parse(short)
        return Ref("model", str(version), "", "", "") if version is not None else None
    return Ref("main", main, "", "", "") if short == main else None
