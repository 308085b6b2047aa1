"""The machine that trained a model, as the train stage described it, against another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitml.errors import GitmlError
from gitml.git.objects import Objects
from gitml.models import artifact, provenance
from gitml.pipeline import flat, strict
from gitml.pipeline.metrics import LARGEST

if TYPE_CHECKING:
    from pathlib import Path

    from gitml.pipeline.flat import Flat
    from gitml.pipeline.storage import Storage

FILE = "environment.json"
"""What the train stage writes beside the model: Python, packages, the sum of the constraints."""


def read(content: bytes | None) -> Flat:
    """Return what an environment.json says, by dotted names; nothing where it cannot be read."""
    try:
        value = strict.loads(content) if content is not None else {}
        return flat.flatten(value, "") if isinstance(value, dict) else {}
    except (strict.NotStrict, flat.Unreadable):
        return {}


def of_commit(commit: str, at: Path | None, storage: Storage, model: str) -> Flat:
    """Return what is recorded of the machine that trained a commit's model; nothing where that is not at hand.

    A release has it in its provenance.json; else it lies beside the model, which may not be on this machine.
    """
    with Objects(at) as objects:
        told = objects.read_file(commit, provenance.FILE, provenance.LARGEST)
    try:
        if told is not None:
            return flat.flatten(dict(provenance.parse(told).environment), "")
        files = artifact.files_of(commit, at, storage, model)
        own = next((file for file in files if file.path.endswith(f"/{FILE}")), None)
        return read(artifact.read_verified(own, storage, at, LARGEST)) if own is not None else {}
    except (GitmlError, provenance.NotProvenance, flat.Unreadable):
        return {}


def differences(there: Flat, here: Flat) -> tuple[tuple[str, Any, Any], ...]:
    """Return what differs, as triples of name, there and here; None where one of them has no such thing."""
    return tuple(
        (name, there.get(name), here.get(name)) for name in {**there, **here} if there.get(name) != here.get(name)
    )
