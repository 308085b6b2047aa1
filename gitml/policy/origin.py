"""The rule that a release says truly where it comes from."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from gitml.conventions.released import OF_A_RELEASE, PROVENANCE
from gitml.pipeline import metrics, strict
from gitml.policy.rules import Violation, severity_of

if TYPE_CHECKING:
    from gitml.config import Config
    from gitml.git.history import Commit
    from gitml.pipeline.snapshot import Snapshot

RULE = "provenance"

_MEND = ("gitml model release",)


def provenance(tip: Commit, released: Snapshot, parent: Snapshot | None, config: Config) -> list[Violation]:
    """Judge what a new release says of itself by what it is.

    Parameters
    ----------
    tip
        The commit of the release.
    released, parent
        Its files, and those of its only parent; None where it has none, or several.
    config
        The project's configuration.
    """
    severity = severity_of(config, RULE)
    if severity is None:
        return []
    why = _fault(tip, released, parent)
    if why is None:
        return []
    says = f"{PROVENANCE} of {tip.oid[:10]} does not say truly what is released"
    return [Violation(RULE, severity, says, why, _MEND, PROVENANCE)]


def _fault(tip: Commit, released: Snapshot, parent: Snapshot | None) -> str | None:
    content = released.read(PROVENANCE)
    if content is None:
        return "It is not there."
    try:
        said: Any = strict.loads(content)
    except strict.NotStrict as fault:
        return f"It cannot be read: {fault}."
    if not isinstance(said, dict):
        return "It is no object."
    if parent is None or said.get("commit") != tip.parents[0]:
        return "A release is one commit on the one that it names."
    if said.get("metrics") != metrics.read(released).metrics:
        return "Its metrics are not those of the metrics files beside it."
    if not _has_sums(said.get("lock"), released):
        return "The sums of dvc.lock in it are not those of the files beside it."
    return None if said.get("repackaged") else _extra(released, parent)


def _has_sums(said: Any, released: Snapshot) -> bool:
    locks = {path for path in released.files if path == "dvc.lock" or path.endswith("/dvc.lock")}
    sums = {path: hashlib.sha256(released.read(path) or b"").hexdigest() for path in locks}
    return bool(said == sums)


def _extra(released: Snapshot, parent: Snapshot) -> str | None:
    """Say which file a release has otherwise than the experiment that it is of."""
    paths = (released.files.keys() | parent.files.keys()) - set(OF_A_RELEASE)
    other = sorted(path for path in paths if released.files.get(path) != parent.files.get(path))
    return f"{other[0]} is not as in the commit that it names." if other else None
