"""Where each branch left main, and how many runs it has made since."""

from __future__ import annotations

from typing import NamedTuple

from gitml.experiments.rows import parse_commit
from gitml.git.command import start
from gitml.git.objects import Objects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_LARGEST = 2**20


class Origin(NamedTuple):
    """How a commit came from main.

    Attributes
    ----------
    fork
        The first commit of main's own line below it; empty where none is reached.
    runs
        How many commits since then were made by runs.
    """

    fork: str
    runs: int


def trace(
    tips: Iterable[str], main: str, objects: Objects, is_run: Mapping[str, bool], at: Path | None = None
) -> tuple[dict[str, Origin], bool]:
    """Follow first parents from each tip down to main's own line, which is its first parents.

    What was merged into main is not on that line, so a merged experiment keeps its runs.

    Parameters
    ----------
    tips
        Object ids of commits.
    main
        That of main's tip; empty where there is no main.
    objects
        Where commits are read.
    is_run
        For commits that are known, whether a run made them.
    at
        As for `gitml.git.command.git`.

    Returns
    -------
    origins
        By tip.
    is_whole
        Whether no commit was missing on the way.
    """
    tips = list(dict.fromkeys(tips))
    parents, is_whole = first_parents(tips, main, at)
    unknown = [oid for oid in parents if oid not in is_run]
    read = objects.read_each(unknown, lambda raw: parse_commit(raw).is_run, _LARGEST, "commit")
    known: dict[str, Origin] = {}
    for tip in tips:
        path = []
        oid = tip
        while oid in parents and oid not in known:
            path.append(oid)
            oid = parents[oid]
        origin = known.get(oid, Origin(oid, 0))
        for one in reversed(path):
            has_run = is_run[one] if one in is_run else read.get(one, False)
            origin = known[one] = Origin(origin.fork, origin.runs + has_run)
        known.setdefault(tip, origin)
    return {tip: known[tip] for tip in tips}, is_whole


def first_parents(tips: Iterable[str], main: str, at: Path | None = None) -> tuple[dict[str, str], bool]:
    """Return the first parent of every commit between the tips and main's own line; empty for a root.

    At the edge of a shallow clone a commit has no parent either. Commits that are missing are left out, and
    False is returned beside the others.
    """
    # --exclude-first-parent-only is new in git 2.36.
    walk = start(
        "rev-list", "--first-parent", "--exclude-first-parent-only", "--parents", "--ignore-missing", "--stdin", at=at
    )
    asked = "".join(f"{tip}\n" for tip in tips) + (f"^{main}\n" if main else "")
    listed, _ = walk.communicate(asked.encode())
    if walk.returncode != 0:
        return _walk_what_is_there(tips, main, at), False
    parents = {}
    for line in listed.decode().splitlines():
        oid, _, others = line.partition(" ")
        parents[oid] = others.partition(" ")[0]
    return parents, True


def _walk_what_is_there(tips: Iterable[str], main: str, at: Path | None) -> dict[str, str]:
    """Return the same where commits are missing, which stops git: one broken branch must not hide the others."""
    with Objects(at) as objects:
        line: dict[str, str] = {}
        while main and main not in line:
            line |= _parents_of([main], objects)
            main = line.setdefault(main, "")
        parents: dict[str, str] = {}
        wanted = set(tips) - line.keys()
        while wanted:
            found = _parents_of(wanted, objects)
            parents |= found
            wanted = {oid for oid in found.values() if oid and oid not in parents and oid not in line}
    return parents


def _parents_of(oids: Iterable[str], objects: Objects) -> dict[str, str]:
    return objects.read_each(oids, lambda raw: next(iter(parse_commit(raw).parents), ""), _LARGEST, "commit")


def behind(pairs: Mapping[str, str], at: Path | None = None) -> set[str]:
    """Return which of the first commits contain the second, by first parents or by a merge.

    Parameters
    ----------
    pairs
        A local tip and the remote's.
    """
    walk = start("rev-list", "--parents", "--ignore-missing", "--boundary", "--stdin", at=at)
    found = set()
    lines = [*pairs, *(f"^{remote}" for remote in pairs.values())]
    listed, _ = walk.communicate("".join(f"{line}\n" for line in lines).encode())
    parents: dict[str, list[str]] = {}
    for line in listed.decode().splitlines():
        oid, *others = line.removeprefix("-").split(" ")
        parents[oid] = others
    for local, remote in pairs.items():
        seen, queue = {local}, [local]
        while queue and remote not in seen:
            more = [oid for oid in parents.get(queue.pop(), ()) if oid not in seen]
            seen.update(more)
            queue += more
        if remote in seen:
            found.add(local)
    return found
