"""Whether a release is what it says: each link of its chain, its bytes, and its signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitml.conventions.amounts import amount_in_words
from gitml.errors import GitmlError
from gitml.git import signatures
from gitml.git.objects import Objects
from gitml.models import artifact, provenance, trace
from gitml.models.trace import Link

if TYPE_CHECKING:
    from pathlib import Path

    from gitml.models.registry import Release
    from gitml.models.upstream import Upstream
    from gitml.pipeline.storage import Storage


def verify(release: Release, seen: Upstream, storage: Storage, at: Path | None = None) -> list[Link]:
    """Return all links of a release, each held against git, the bytes of its model, and main's list of signers.

    Parameters
    ----------
    release, seen
        The release, and the remote that it is on.
    storage
        Where its data is; what is not in the cache is fetched.
    at
        As for `gitml.git.command.git`.
    """
    with Objects(at) as objects:
        links = trace.links(release, seen.registry, objects, storage, at)
        content = objects.read_file(release.commit, provenance.FILE, provenance.LARGEST)
    links.append(_bytes(release, content or b"", storage, at))
    signature = _signature(release, seen, at)
    return [*links, *([signature] if signature is not None else [])]


def _bytes(release: Release, content: bytes, storage: Storage, at: Path | None) -> Link:
    """Hash the model's files once more: DVC believes an object that was replaced in its place."""
    name = str(release.version)
    try:
        told = provenance.parse(content)
        artifact.fetch_missing(release.commit, at, storage, release.version.model)
        files = artifact.files_of(release.commit, at, storage, release.version.model)
        files = artifact.as_released(files, told.model)
        wrong = artifact.faults(files, storage, at)
    except provenance.NotProvenance as fault:
        return Link("bytes", "the model's files", False, f"provenance.json cannot be read: {fault}.", name)
    except GitmlError as fault:
        return Link("bytes", "the model's files", False, f"{fault.what}. {fault.why}", name)
    says = f"{amount_in_words(len(files), [file.size for file in files])}, hashed now"
    why = " ".join(f"{one.what}. {one.why}" for one in wrong[:3])
    return Link("bytes", says, not wrong, why, name)


def _signature(release: Release, seen: Upstream, at: Path | None) -> Link | None:
    """Judge the signature of its tag; one that nobody asks for and nobody made is no link."""
    if release.tag is None:
        return None
    name, asked = str(release.version), seen.config.approvals.signs_releases
    try:
        signed = signatures.verify_tag(release.tag.oid, release.version.tag, release.commit, seen.signers, at)
    except signatures.NotSigned as fault:
        return Link("signature", "none", False, fault.why, name) if asked else None
    except signatures.BadSignature as fault:
        says = "one that does not count" if asked else "one that nobody asks for, and that does not count"
        return Link("signature", says, not asked, fault.why if asked else "", name)
    return Link("signature", f"{signed.principal}, {signed.key_fingerprint[:20]}…", True, "", name)
