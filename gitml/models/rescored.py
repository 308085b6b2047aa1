"""Whether the figures by which a release compared itself with production come out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml.experiments import desk as desks
from gitml.experiments import rescore
from gitml.git.objects import Objects
from gitml.models import artifact, provenance
from gitml.models.agreement import Difference

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gitml.conventions.versions import ModelVersion
    from gitml.models.agreement import Tolerance
    from gitml.models.registry import Registry, Release
    from gitml.pipeline.storage import Storage


class Claimed(NamedTuple):
    """What a release says of the model that was in production, on its own test data; and from which commit."""

    version: ModelVersion
    metrics: Mapping[str, float]
    reference: str


def claimed(release: Release, at: Path | None = None) -> Claimed | None:
    """Return what a release says; None where it was measured on the same test data, or says nothing that is read."""
    with Objects(at) as objects:
        content = objects.read_file(release.commit, provenance.FILE, provenance.LARGEST)
    try:
        told = provenance.parse(content or b"")
    except provenance.NotProvenance:
        return None
    return Claimed(*told.rescored, told.commit) if told.rescored is not None else None


def again(
    claim: Claimed, known: Registry, storage: Storage, tolerance: Tolerance, at: Path | None = None
) -> list[Difference]:
    """Measure the older model once more by the release's evaluation, and return what comes out otherwise.

    Raises
    ------
    GitmlError
        It cannot be measured here: there is no working tree, the model is not at hand, or the evaluation fails.
    """
    desk = desks.find(at)
    old = known.releases.get(claim.version)
    if old is None:
        return [Difference(name, value, None) for name, value in claim.metrics.items()]
    artifact.fetch_missing(old.commit, at, storage, claim.version.model)
    found = rescore.measure(desk, old.commit, claim.reference)
    return [
        Difference(name, value, found.get(name))
        for name, value in claim.metrics.items()
        if name not in found or not tolerance.allows(value, found[name])
    ]
