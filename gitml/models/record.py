"""After a merge: GTO's tag for each deployment that has none, and open promotions built anew where production moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions import tags, trailers
from gitml.conventions.versions import ModelVersion
from gitml.errors import GitmlError
from gitml.git import repository
from gitml.git.objects import Objects
from gitml.git.push import RemoteMoved, Update
from gitml.git.transaction import NoIdentity
from gitml.models import deployment, past, promotion, registry, tagging, upstream
from gitml.models.promotion import InProduction
from gitml.policy.refs import TAGS

if TYPE_CHECKING:
    from pathlib import Path

    from gitml.models.promotion import Promotion
    from gitml.models.registry import Deployment, Registry
    from gitml.models.upstream import Upstream

PATIENCE = 16
"""How often it is tried where somebody else records at the same time."""


class Assigned(NamedTuple):
    """A tag that was made: its short name, the release, and the full id of production's commit."""

    tag: str
    version: ModelVersion
    deployment: str


class Recorded(NamedTuple):
    """What was done.

    Attributes
    ----------
    assigned
        The tags that were made, oldest deployment first.
    rebuilt
        The promotions that stand on production's tip again.
    kept
        Those that stood there already.
    stuck
        The releases whose open promotion no rule lets through, or cannot be built anew, with the reason.
    """

    assigned: tuple[Assigned, ...]
    rebuilt: tuple[Promotion, ...]
    kept: tuple[Promotion, ...]
    stuck: tuple[tuple[ModelVersion, str], ...]


def record(remote: str = "", at: Path | None = None, is_dry: bool = False) -> Recorded:
    """Bring the registry and the open promotions of a remote up to what is in production. It can be repeated.

    Parameters
    ----------
    remote
        The git remote; empty for origin, or the only one.
    at
        As for `gitml.git.command.git`.
    is_dry
        Whether nothing is pushed.

    Raises
    ------
    RemoteMoved
        Others did the same at the same time, again and again.
    """
    if not repository.has_identity(at):
        raise NoIdentity
    name = upstream.choose(remote, "gitml ci record", at)
    for left in reversed(range(PATIENCE)):
        seen = upstream.look(name, at)
        assigned, wanted = _assignments(seen, at)
        rebuilt, kept, stuck = _promotions(seen, at)
        for one in rebuilt:
            wanted |= one.updates
        if not is_dry:
            try:
                deployment.deploy(name, wanted, at)
            except RemoteMoved:
                if left:
                    continue
                raise
        return Recorded(tuple(assigned), tuple(rebuilt), tuple(kept), tuple(stuck))
    raise AssertionError("the last try returns or raises")


def _assignments(seen: Upstream, at: Path | None) -> tuple[list[Assigned], dict[str, Update]]:
    names = [ref.removeprefix(TAGS) for ref in seen.refs if ref.startswith(TAGS)]
    assigned: list[Assigned] = []
    wanted: dict[str, Update] = {}
    for model in seen.registry.models():
        done = recorded_deployments(model, seen.registry, at)
        for one in _unrecorded(past.history(model, seen.registry, at), done):
            assert one.version is not None
            tag = tagging.assignment(one.version, names)
            release = seen.registry.releases[one.version]
            oid = tagging.assignment_tag(tag, one.version, release.commit, one.commit, at)
            names.append(str(tag))
            wanted[f"{TAGS}{tag}"] = Update(oid, None)
            assigned.append(Assigned(str(tag), one.version, one.commit))
    return assigned, wanted


def _unrecorded(past: list[Deployment], done: set[str]) -> list[Deployment]:
    """Return the deployments that have no tag, the oldest first."""
    return [one for one in reversed(past) if one.version is not None and one.commit not in done]


def recorded_deployments(model: str, known: Registry, at: Path | None = None) -> set[str]:
    """Return the full ids of production's commits that have a tag of GTO's."""
    oids = []
    for name, mark in known.marks.items():
        tag = tags.parse(name)
        is_ours = tag is not None and tag.action == "assign" and tag.stage == registry.PRODUCTION
        if tag is not None and is_ours and tag.artifact == model:
            oids.append(mark.oid)
    with Objects(at) as objects:
        read = objects.read_each(oids, _deployment_in, kind="tag")
    return {oid for oid in read.values() if oid}


def _deployment_in(content: bytes) -> str:
    message = content.partition(b"\n\n")[2].decode("utf-8", "replace")
    return next((one.value for one in trailers.parse(message) if one.key == "Deployment"), "")


def _promotions(
    seen: Upstream, at: Path | None
) -> tuple[list[Promotion], list[Promotion], list[tuple[ModelVersion, str]]]:
    rebuilt: list[Promotion] = []
    kept: list[Promotion] = []
    stuck: list[tuple[ModelVersion, str]] = []
    for name, commit in sorted(upstream.open_promotions(seen).items(), key=lambda one: (one[0].name, one[0].number)):
        if past.is_merged(commit, seen.registry.production(name.name), at):
            continue  # forges leave the branch there
        version = ModelVersion(name.name, name.number)
        found = seen.registry.releases.get(version)
        try:
            if found is None:
                raise registry.NoSuchModel(str(version), seen.registry.releases)
            made = promotion.prepare(found, seen, at=at)
            promotion.judge(made, seen, at)
            (rebuilt if made.updates else kept).append(made)
        except InProduction:
            continue
        except GitmlError as error:
            stuck.append((version, f"{error.what}. {error.why}".strip()))
    return rebuilt, kept, stuck
