"""The rule that a release says truly where it comes from."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from gitml.conventions import versions
from gitml.conventions.released import OF_A_RELEASE, PROVENANCE
from gitml.conventions.shell import printable
from gitml.pipeline import metrics, strict
from gitml.policy.rules import Violation, severity_of

if TYPE_CHECKING:
    from gitml.config import Config
    from gitml.conventions.versions import ModelVersion
    from gitml.git.history import Commit
    from gitml.pipeline.snapshot import Snapshot

RULE = "provenance"

_MEND = ("gitml model release",)


def repackaged(released: Snapshot) -> ModelVersion | None:
    """Return the release whose model this one says to have unchanged; None where it says none."""
    text = _said(released).get("repackaged")
    return versions.parse(text) if isinstance(text, str) else None


def _said(released: Snapshot) -> dict[str, Any]:
    content = released.read(PROVENANCE)
    try:
        said: Any = strict.loads(content) if content is not None else None
    except strict.NotStrict:
        return {}
    return said if isinstance(said, dict) else {}


def version_of(released: Snapshot) -> ModelVersion | None:
    """Return the release that a tree says to be; None where it says none."""
    said = _said(released)
    model, number = said.get("model"), said.get("version")
    if not isinstance(model, str) or isinstance(number, bool) or not isinstance(number, int):
        return None
    return versions.parse(f"{model}-v{number}")


def has_model_of(released: Snapshot, other: Snapshot) -> bool:
    """Say whether two commits have the same models and results: the same pipeline, lock, parameters and metrics.

    What made them may differ: that is what is repackaged.
    """
    mine, theirs = _results(released), _results(other)
    return any(_is_lock(path) for path in mine) and mine == theirs


def _results(snapshot: Snapshot) -> dict[str, str]:
    declared = metrics.declare(snapshot)
    named = {file.path for file in declared.metrics}
    return {
        path: entry.oid
        for path, entry in snapshot.files.items()
        if _is_lock(path)
        or path.rpartition("/")[2] == "dvc.yaml"
        or path in declared.params
        or path in named
        or any(path.startswith(f"{folder}/") for folder in named)
    }


def provenance(
    tip: Commit,
    version: ModelVersion,
    released: Snapshot,
    parent: Snapshot | None,
    config: Config,
    other: Snapshot | None,
) -> list[Violation]:
    """Judge what a new release says of itself by what it is.

    Parameters
    ----------
    tip, version
        The commit of the release, and what its branch calls it.
    released, parent
        Its files, and those of its only parent; None where it has none, or several.
    other
        Those of the release that it says to repackage; None where it says none, or there is no such release.
    config
        The project's configuration.
    """
    severity = severity_of(config, RULE)
    if severity is None:
        return []
    why = _fault(tip, version, released, parent, other)
    if why is None:
        return []
    says = f"{PROVENANCE} of {tip.oid[:10]} does not say truly what is released"
    return [Violation(RULE, severity, says, why, _MEND, PROVENANCE)]


def _fault(
    tip: Commit, version: ModelVersion, released: Snapshot, parent: Snapshot | None, other: Snapshot | None
) -> str | None:
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
    if version_of(released) != version:
        return f"It says that it is another release than {version}."
    found = metrics.read(released)
    if said.get("metrics") != found.metrics or said.get("params", found.params) != found.params:
        return "Its metrics or parameters are not those of the files beside it."
    if not _has_sums(said.get("lock"), released):
        return "The sums of dvc.lock in it are not those of the files beside it."
    if said.get("repackaged") and (other is None or not has_model_of(released, other)):
        name = printable(str(said["repackaged"]))[:80]
        return f"It says that its model is that of {name}, and pipeline, lock or figures are others."
    return _extra(released, parent)


def _has_sums(said: Any, released: Snapshot) -> bool:
    locks = {path for path in released.files if _is_lock(path)}
    sums = {path: hashlib.sha256(released.read(path) or b"").hexdigest() for path in locks}
    return bool(said == sums)


def _is_lock(path: str) -> bool:
    return path == "dvc.lock" or path.endswith("/dvc.lock")


def _extra(released: Snapshot, parent: Snapshot) -> str | None:
    """Say which file a release has otherwise than the experiment that it is of."""
    paths = (released.files.keys() | parent.files.keys()) - set(OF_A_RELEASE)
    other = sorted(path for path in paths if released.files.get(path) != parent.files.get(path))
    return f"{other[0]} is not as in the commit that it names." if other else None
