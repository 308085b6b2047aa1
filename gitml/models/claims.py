"""What releases say of themselves, read at once: a thousand of them in a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml.git import server
from gitml.git.history import LARGEST_COMMIT, Commit, parse
from gitml.git.objects import tree_entries
from gitml.models import provenance
from gitml.models.provenance import NotProvenance, Provenance

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gitml.git.objects import Objects
    from gitml.models.registry import Release

LARGEST_TREE = 2**24
"""Bytes of a tree that is read."""

MANY = 4
"""Files that are worth a fetch of their own where a clone left them out."""


class Claim(NamedTuple):
    """What a release says of itself; nothing of it is proved.

    Attributes
    ----------
    commit
        The release's commit; None where it is missing or no commit.
    told
        Its provenance.json; None where it cannot be read.
    fault
        Why not, in half a sentence; empty where it can.
    """

    commit: Commit | None
    told: Provenance | None
    fault: str = ""


def read(release: Release, objects: Objects, at: Path | None = None) -> Claim:
    """Return what one release says of itself; parameters as for `read_each`."""
    return read_each([release], objects, at)[release.commit]


def read_each(releases: Iterable[Release], objects: Objects, at: Path | None = None) -> dict[str, Claim]:
    """Return what releases say of themselves, by the full ids of their commits.

    Parameters
    ----------
    releases
        Those of `gitml.models.registry.read`.
    objects
        Where they are read.
    at
        As for `gitml.git.command.git`.
    """
    wanted = {release.commit: release for release in releases}
    raw = objects.read_each(wanted, bytes, LARGEST_COMMIT, "commit")
    commits = {oid: parse(oid, content) for oid, content in raw.items()}
    blobs = _blobs(commits.values(), objects)
    oids = {blob for mode, blob in blobs.values() if mode.startswith("100")}
    if len(oids) > MANY:
        server.fetch_ahead(oids, at)
    read = objects.read_each(sorted(oids), _parsed, provenance.LARGEST)
    return {
        oid: _claim(release, commits.get(oid), blobs.get(commits[oid].tree) if oid in commits else None, read)
        for oid, release in wanted.items()
    }


def _blobs(commits: Iterable[Commit], objects: Objects) -> dict[str, tuple[str, str]]:
    """Return mode and id of the provenance.json of each tree that has one."""
    trees = {commit.tree for commit in commits}
    like = next(iter(trees), "")

    def entry(raw: bytes) -> tuple[str, str] | None:
        return tree_entries(raw, like).get(provenance.FILE)

    found = objects.read_each(sorted(trees), entry, LARGEST_TREE, "tree")
    return {tree: one for tree, one in found.items() if one is not None}


def _parsed(content: bytes) -> Provenance | str:
    try:
        return provenance.parse(content)
    except NotProvenance as wrong:
        return str(wrong)


def _claim(
    release: Release, commit: Commit | None, entry: tuple[str, str] | None, read: dict[str, Provenance | str]
) -> Claim:
    if commit is None:
        return Claim(None, None, "its commit is not in this clone")
    if entry is None:
        return Claim(commit, None, f"it has no {provenance.FILE}")
    if not entry[0].startswith("100"):
        return Claim(commit, None, f"its {provenance.FILE} is no file")
    told = read.get(entry[1], "it is too large, or missing from the object store")
    if isinstance(told, str):
        return Claim(commit, None, f"its {provenance.FILE} cannot be read: {told}")
    if told.version != release.version:
        return Claim(commit, None, f"its {provenance.FILE} is that of {told.version}")
    return Claim(commit, told)
