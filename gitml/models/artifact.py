"""The bytes of a model: where a commit's pipeline has them, and what they are."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from gitml.models.provenance import ModelFile
from gitml.pipeline.data import needed

if TYPE_CHECKING:
    from gitml.pipeline.snapshot import Snapshot
    from gitml.pipeline.storage import Storage


def describe(model: str, snapshot: Snapshot, storage: Storage) -> tuple[ModelFile, ...]:
    """Return the files of a commit's model, with their sums."""
    found = []
    for each in needed(snapshot, storage):
        cache = storage.settings(each.project).cache
        if each.path.startswith("models/") and not each.md5.endswith(".dir") and cache is not None:
            try:
                with open(each.below(cache), "rb") as file:
                    content = file.read()
            except OSError:
                continue
            found.append(ModelFile(each.path, each.md5, hashlib.sha256(content).hexdigest(), len(content)))
    return tuple(found)
