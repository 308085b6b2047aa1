"""The chain from a release to what it was made of, link by link, each held against git itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.conventions.moments import moment
from gitml.conventions.shell import printable
from gitml.git.command import git
from gitml.git.history import EMPTY_TREES, LARGEST_COMMIT, Commit, parse
from gitml.git.objects import list_tree
from gitml.models import artifact_proof, claims, origin, registry
from gitml.models.provenance import OF_A_RELEASE
from gitml.pipeline import metrics
from gitml.pipeline.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gitml.git.objects import Objects
    from gitml.models.claims import Claim
    from gitml.models.provenance import Provenance
    from gitml.models.registry import Registry, Release
    from gitml.pipeline.storage import Storage

MOST_NAMED = 3
DEEPEST = 20
"""How many repackagings of one model are followed back."""

SHOWN = 10
"""Letters of an id."""


class Link(NamedTuple):
    """One link of the chain.

    Attributes
    ----------
    name
        What it is about, in one word: ``tag``, ``lock``.
    says
        What is claimed.
    holds
        Whether that is so.
    why
        Why not, as a sentence; empty where it holds.
    release
        The release that it is about.
    """

    name: str
    says: str
    holds: bool
    why: str = ""
    release: str = ""


def links(
    release: Release, known: Registry, objects: Objects, storage: Storage | None = None, at: Path | None = None
) -> list[Link]:
    """Return the chain of a release: its tag, its commit, its files, lock, model, data, params and metrics.

    Nothing is believed that provenance.json says: each line is held against the commit, and what cannot be read
    does not hold.

    Parameters
    ----------
    release, known
        The release, and the registry that it is of.
    objects
        Where git's objects are read.
    storage
        Where the environment's file may be; None to leave it out.
    at
        As for `gitml.git.command.git`.
    """
    found: list[Link] = []
    followed: Release | None = release
    while followed is not None and len(found) < DEEPEST * 12:
        own = _Chain(followed, known, objects, storage, at)
        found += [link._replace(release=str(followed.version)) for link in own.links()]
        followed = own.repackaged
    return found


def production(model: str, known: Registry, at: Path | None = None) -> tuple[Link, Release | None]:
    """Return whether production has the tree of a release, and of which one.

    Raises
    ------
    GitFailed
        A commit is not in this clone.
    """
    tip = known.production(model)
    branch = f"production/production-{model}"
    if tip is None:
        return Link("production", branch, False, "There is no such branch: nothing was ever in production."), None
    release = registry.in_production(model, known, at)
    if release is None:
        tree = registry.trees_of([tip], at)[tip]
        why = (
            "It was opened, and nothing was promoted yet."
            if tree in EMPTY_TREES
            else f"Its tree {tree[:SHOWN]} is that of no release of {model} that is known here."
        )
        return Link("production", f"{branch} {tip[:SHOWN]}", False, why), None
    last = registry.deployments(tip, at, 1)[0]
    by = f"by {printable(last.person)}, {moment(last.time)[:10]}"
    says = f"{branch} {tip[:SHOWN]} {by}, has the tree of {release.version}"
    return Link("production", says, True, release=str(release.version)), release


class _Chain:
    """The links of one release."""

    def __init__(
        self, release: Release, known: Registry, objects: Objects, storage: Storage | None, at: Path | None
    ) -> None:
        self.release = release
        self.repackaged: Release | None = None
        self._known = known
        self._objects = objects
        self._storage = storage
        self._at = at
        self._claim = claims.read(release, objects, at)

    def links(self) -> Iterator[Link]:
        yield self._tag()
        claim, release = self._claim, self.release
        says = f"{release.version.branch} {release.commit[:SHOWN]} says where it is from"
        yield Link("provenance", says, claim.told is not None, f"{claim.fault[:1].upper()}{claim.fault[1:]}.")
        if claim.told is None or claim.commit is None:
            return
        yield from _source(claim.commit, claim.told, self._objects, self._at)
        snapshot = Snapshot(list_tree(release.commit, self._at), self._objects)
        yield _lock(claim.told, snapshot)
        yield _model(claim.told, snapshot)
        yield _data(claim.told, snapshot)
        yield from _results(claim.told, snapshot)
        if claim.told.environment:
            says, why = artifact_proof.environment(claim.told, self._storage)
            yield Link("environment", says, not why, why)
        if claim.told.repackaged is not None:
            yield self._repackaging(claim, snapshot)

    def _tag(self) -> Link:
        release = self.release
        name = release.version.tag
        mark = self._known.marks.get(name)
        if release.tag is not None:
            return Link("tag", f"{name} by {printable(release.tag.person)} is on its tip", True)
        if mark is None:
            is_light = f"refs/tags/{name}" in self._known.refs
            why = "It is no annotated tag." if is_light else "There is no such tag: was it fetched?"
        elif mark.commit != release.commit:
            why = f"It is on {mark.commit[:SHOWN]}, and the tip of {release.version.branch} is another commit."
        else:
            why = f"It is the object of another tag, {printable(mark.name)[:80]}, put under this name."
        return Link("tag", f"{name} is on its tip", False, why)

    def _repackaging(self, claim: Claim, snapshot: Snapshot) -> Link:
        told = claim.told
        assert told is not None and told.repackaged is not None
        version = told.repackaged
        says = f"the model of {version}, unchanged"
        original = self._known.releases.get(version)
        if original is None:
            return Link("repackaged", says, False, f"There is no release {version} here.")
        if version.model != told.version.model or version.number >= told.version.number:
            return Link("repackaged", says, False, f"{version} is no earlier release of {told.version.model}.")
        before = claims.read(original, self._objects, self._at)
        if before.told is None:
            return Link("repackaged", says, False, f"Of {version}: {before.fault}.")
        files = Snapshot(list_tree(original.commit, self._at), self._objects)
        paths = [file.path for file in told.model]
        now, then = (artifact_proof.recorded(paths, one) for one in (snapshot, files))
        if now != then or sorted(told.model) != sorted(before.told.model):
            return Link("repackaged", says, False, f"The files of its model are not those of {version}.")
        self.repackaged = original
        return Link("repackaged", says, True)


def _source(released: Commit, told: Provenance, objects: Objects, at: Path | None) -> Iterator[Link]:
    """Yield whether the release stands on the commit that it names, and has its files."""
    content = objects.read(told.commit, LARGEST_COMMIT, "commit")
    of = f"of {told.experiment} " if told.experiment else ""
    if released.parents != (told.commit,):
        parents = ", ".join(parent[:SHOWN] for parent in released.parents) or "none"
        why = f"The release's only parent is not this commit: it has {parents}."
        yield Link("commit", f"{told.commit[:SHOWN]} {of}was released", False, why)
        return
    if content is None:
        why = "It is not in this clone: git fetch --unshallow brings it."
        yield Link("commit", f"{told.commit[:SHOWN]} {of}was released", False, why)
        return
    commit = parse(told.commit, content)
    person = printable(commit.author.partition(" <")[0])
    yield Link("commit", f"{commit.oid[:SHOWN]} {of}by {person}: {printable(commit.subject)[:100]}", True)
    changed = git("diff-tree", "-r", "-z", "--name-only", "--no-renames", commit.oid, released.oid, at=at).split("\0")
    others = [path for path in changed if path and path not in OF_A_RELEASE]
    says = f"those of {commit.oid[:SHOWN]}, with {' and '.join(OF_A_RELEASE)} beside them"
    if others and told.repackaged is not None:  # whether its model is the same, its own link says
        yield Link("files", f"those of {commit.oid[:SHOWN]}, repackaged with another {_named(others)}", True)
        return
    yield Link("files", says, not others, f"These differ: {_named(others)}." if others else "")


def _lock(told: Provenance, snapshot: Snapshot) -> Link:
    found = dict(origin.locks(snapshot))
    wrong = sorted(path for path in {*found, *told.lock} if found.get(path) != told.lock.get(path))
    says = ", ".join(f"{printable(path)} sha256 {sum_[:SHOWN]}" for path, sum_ in sorted(found.items())[:MOST_NAMED])
    why = f"Its sum in provenance.json is another one: {_named(wrong)}." if wrong else ""
    return Link("lock", says or "no dvc.lock", not wrong, why)


def _model(told: Provenance, snapshot: Snapshot) -> Link:
    why = artifact_proof.why_not_recorded(told.model, snapshot)
    names = [f"{file.path} md5 {file.md5[:SHOWN]}" for file in told.model[:MOST_NAMED]]
    more = len(told.model) - MOST_NAMED
    says = ", ".join(map(printable, names)) + (f" and {more} more" if more > 0 else "")
    return Link("model", says or "DVC keeps no file below models/", not why, why)


def _data(told: Provenance, snapshot: Snapshot) -> Link:
    found, said = ({one.path: one.md5 for one in sources} for sources in (origin.sources(snapshot), told.data))
    wrong = sorted(path for path in {*found, *said} if found.get(path) != said.get(path))
    says = _named([f"{path} md5 {md5[:SHOWN]}" for path, md5 in found.items()])
    why = f"The commit and provenance.json do not agree on {_named(wrong)}." if wrong else ""
    return Link("data", says or "git has all that was read", not wrong, why)


def _results(told: Provenance, snapshot: Snapshot) -> Iterator[Link]:
    results = metrics.read(snapshot)
    for name, found, said in (("params", results.params, told.params), ("metrics", results.metrics, told.metrics)):
        wrong = sorted(key for key in {*found, *said} if not _is_same(found.get(key), said.get(key)))
        says = f"{len(said)} as the commit's own files have them"
        why = f"The files say something else of {_named(wrong)}." if wrong else ""
        yield Link(name, says, not wrong, why)


def _is_same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True, default=str) == json.dumps(other, sort_keys=True, default=str)


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(printable(name)[:100] for name in names[:MOST_NAMED])
    return f"{shown} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else shown
