"""provenance.json: what a release says about where it comes from, at the top of its tree and nowhere else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.conventions import branches, released, versions
from gitml.conventions.versions import ModelVersion
from gitml.git.trees import OBJECT_ID
from gitml.pipeline import strict

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = released.PROVENANCE
CARD = released.CARD
OF_A_RELEASE = released.OF_A_RELEASE
"""What the top of a release's tree has, and no other tree."""

SCHEMA = 1
LARGEST = 4 * 2**20
"""Bytes of a provenance.json that is read."""


class ModelFile(NamedTuple):
    """One file of the released model.

    Attributes
    ----------
    path
        From the top of the repository.
    md5, sha256
        Of its bytes; DVC knows the first, everybody else the second. `sha256` is empty where nobody had the bytes.
    size
        In bytes.
    """

    path: str
    md5: str
    sha256: str
    size: int


class Source(NamedTuple):
    """Data that no stage of the pipeline makes: its path, and DVC's md5 of it."""

    path: str
    md5: str


class Provenance(NamedTuple):
    """Where a release comes from.

    Attributes
    ----------
    version
        The release.
    experiment
        The slug of the experiment; empty where it was released from another commit.
    commit
        Full id of the commit that was released: the parent of the release.
    lock
        The path of each dvc.lock and the sha256 of its bytes.
    model
        The files of the model.
    data
        What the pipeline read and no stage made.
    params, metrics
        As the commit has them, by dotted names.
    environment
        What the train stage wrote about the machine and its packages; empty where it wrote nothing.
    person, time
        Who released it, as ``name <email>``, and when (ISO 8601, UTC).
    repackaged
        The release whose model is in it unchanged, where only the files around it are new; else None.
    rescored
        The release that was in production, and its metrics on the test data of this one, where it was measured on
        others; else None.
    """

    version: ModelVersion
    experiment: str
    commit: str
    lock: Mapping[str, str]
    model: tuple[ModelFile, ...]
    data: tuple[Source, ...]
    params: Mapping[str, Any]
    metrics: Mapping[str, Any]
    environment: Mapping[str, Any]
    person: str
    time: str
    repackaged: ModelVersion | None = None
    rescored: tuple[ModelVersion, Mapping[str, float]] | None = None


class NotProvenance(ValueError):
    """A provenance.json cannot be understood; the message says why, in half a sentence."""


def render(provenance: Provenance) -> bytes:
    """Return the bytes of a provenance.json, the same for the same values."""
    told = {
        "schema": SCHEMA,
        "model": provenance.version.model,
        "version": provenance.version.number,
        "experiment": provenance.experiment,
        "commit": provenance.commit,
        "released": {"by": provenance.person, "at": provenance.time},
        "repackaged": None if provenance.repackaged is None else str(provenance.repackaged),
        "rescored": _as_told(provenance.rescored),
        "lock": dict(provenance.lock),
        "files": [file._asdict() for file in provenance.model],
        "data": [source._asdict() for source in provenance.data],
        "metrics": dict(provenance.metrics),
        "params": dict(provenance.params),
        "environment": dict(provenance.environment),
    }
    return (json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8", "backslashreplace")


def parse(content: bytes) -> Provenance:
    """Return what a provenance.json says.

    Raises
    ------
    NotProvenance
        It says something else, or not all of it.

    Notes
    -----
    Nothing in it is proved by this: `gitml.models.verify` compares it with the tree that it lies in.
    """
    try:
        said: Any = strict.loads(content)
    except strict.NotStrict as wrong:
        raise NotProvenance(str(wrong)) from None
    if not isinstance(said, dict):
        raise NotProvenance("it is no object")
    if said.get("schema") != SCHEMA:
        raise NotProvenance(f"its schema is {str(said.get('schema'))[:20]}, and {SCHEMA} is known here")
    made = _mapping(said, "released")
    return Provenance(
        _version(said),
        _slug(said),
        _oid(said),
        {path: _text(sum_, "a sum in lock") for path, sum_ in _mapping(said, "lock").items()},
        tuple(_file(item) for item in _list(said, "files")),
        tuple(
            Source(_text(_get(item, "path"), "path"), _text(_get(item, "md5"), "md5")) for item in _list(said, "data")
        ),
        _mapping(said, "params"),
        _mapping(said, "metrics"),
        _mapping(said, "environment"),
        _text(made.get("by"), "released.by"),
        _text(made.get("at"), "released.at"),
        _repackaged(said),
        _rescored(said),
    )


def _version(said: dict[str, Any]) -> ModelVersion:
    model, number = _text(said.get("model"), "model"), said.get("version")
    if not branches.is_model(model) or not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise NotProvenance("it names no release")
    return ModelVersion(model, number)


def _slug(said: dict[str, Any]) -> str:
    slug = _text(said.get("experiment"), "experiment")
    if slug and not branches.is_slug(slug):
        raise NotProvenance("its experiment cannot be the name of one")
    return slug


def _oid(said: dict[str, Any]) -> str:
    oid = _text(said.get("commit"), "commit")
    if OBJECT_ID.fullmatch(oid) is None:
        raise NotProvenance("its commit is no full id")
    return oid


def _repackaged(said: dict[str, Any]) -> ModelVersion | None:
    text = said.get("repackaged")
    if text is None:
        return None
    found = versions.parse(_text(text, "repackaged"))
    if found is None:
        raise NotProvenance("repackaged names no release")
    return found


def _as_told(rescored: tuple[ModelVersion, Mapping[str, float]] | None) -> dict[str, Any] | None:
    return None if rescored is None else {"model": str(rescored[0]), "metrics": dict(rescored[1])}


def _rescored(said: dict[str, Any]) -> tuple[ModelVersion, Mapping[str, float]] | None:
    if said.get("rescored") is None:
        return None
    told = _mapping(said, "rescored")
    found = versions.parse(_text(told.get("model"), "rescored.model"))
    if found is None:
        raise NotProvenance("rescored names no release")
    return found, {name: value for name, value in _mapping(told, "metrics").items() if isinstance(value, int | float)}


def _file(item: Any) -> ModelFile:
    size = _get(item, "size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise NotProvenance("a file has no size")
    path, md5, sha256 = (_text(_get(item, key), key) for key in ("path", "md5", "sha256"))
    return ModelFile(path, md5, sha256, size)


def _get(item: Any, key: str) -> Any:
    if not isinstance(item, dict) or key not in item:
        raise NotProvenance(f"an entry has no {key}")
    return item[key]


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise NotProvenance(f"{name} is no text")
    return value


def _mapping(said: dict[str, Any], key: str) -> dict[str, Any]:
    value = said.get(key)
    if not isinstance(value, dict):
        raise NotProvenance(f"{key} is no object")
    return value


def _list(said: dict[str, Any], key: str) -> list[Any]:
    value = said.get(key)
    if not isinstance(value, list):
        raise NotProvenance(f"{key} is no list")
    return value
