"""Where a release comes from, found out from the commit that is released."""

from __future__ import annotations

import hashlib
import posixpath
import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.errors import GitmlError, WrongUsage
from gitml.experiments import naming, verdict
from gitml.experiments.desk import FOLDER
from gitml.git.command import git
from gitml.git.refs import list_refs, resolve
from gitml.models import artifact, upstream
from gitml.models.provenance import Provenance, Source
from gitml.pipeline import metrics, strict
from gitml.pipeline.project import projects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gitml.conventions.versions import ModelVersion
    from gitml.models.provenance import ModelFile
    from gitml.pipeline.snapshot import Snapshot
    from gitml.pipeline.storage import Storage

ENVIRONMENT = "environment.json"
"""The file of a model in which its train stage says on what it was trained."""

LARGEST_ENVIRONMENT = 2**20

_MERGE = re.compile(r"Merge experiment (\S+)")


class Origin(NamedTuple):
    """What is released.

    Attributes
    ----------
    commit
        Its full id.
    slug
        The experiment that it comes from.
    """

    commit: str
    slug: str


class NothingToRelease(WrongUsage):
    """It is not clear what is released, or of which experiment it is."""


class UnreadableMetrics(GitmlError):
    """The metrics of a commit cannot be read strictly, so nobody can tell what is released."""


def find(text: str | None, checked_out: str | None, slug: str = "", at: Path | None = None) -> Origin:
    """Return what somebody wants to release.

    Parameters
    ----------
    text
        An experiment by its name or branch, or any revision; None for the experiment that is checked out.
    checked_out
        The short name of the branch that is; None for none.
    slug
        The experiment whose report counts; empty to find it out.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    NothingToRelease
        There is no such experiment, or it is not clear which one a commit is of.
    """
    if text is None:
        if checked_out is None or not checked_out.startswith(FOLDER):
            where = f"on {checked_out}" if checked_out is not None else "on no branch"
            raise NothingToRelease(
                f"you are {where}, which is no experiment",
                "A release is made from an experiment.",
                ("gitml exp list", "gitml model release lower-lr"),
            )
        text = checked_out
    name = text.removeprefix(FOLDER)
    for ref in (f"refs/heads/{FOLDER}{name}", *_remote_refs(name, at), f"{verdict.PINS}{name}"):
        commit = naming.commit_of(ref, at)
        if commit is not None:
            return Origin(commit, slug or name.partition("@")[0])
    commit = resolve(text, at)
    return Origin(commit, slug or _slug_of(commit, text, at))


def _remote_refs(name: str, at: Path | None) -> list[str]:
    return [ref.name for ref in list_refs("refs/remotes/", at=at) if ref.name.endswith(f"/{FOLDER}{name}")]


def _slug_of(commit: str, text: str, at: Path | None) -> str:
    """Return the only experiment that a commit can be of."""
    subject = git("log", "--max-count=1", "--format=%s", commit, at=at)
    merged = _MERGE.fullmatch(subject)
    if merged is not None:
        return merged[1]
    listed = git(
        "for-each-ref", "--format=%(refname)", f"--contains={commit}", f"refs/heads/{FOLDER}", "refs/remotes/", at=at
    )
    slugs = {ref.rpartition(f"/{FOLDER}")[2] for ref in listed.splitlines() if f"/{FOLDER}" in ref}
    if len(slugs) == 1:
        return slugs.pop()
    told = f"It may be of {', '.join(sorted(slugs)[:5])}." if slugs else "No branch of an experiment has it."
    raise NothingToRelease(
        f"it is not clear which experiment {text} is of",
        f"{told} A release names the experiment whose report says why.",
        (f"gitml model release {text} --experiment NAME",),
    )


def describe(
    origin: Origin, version: ModelVersion, snapshot: Snapshot, storage: Storage, at: Path | None = None
) -> Provenance:
    """Return what a release says about where it comes from.

    Parameters
    ----------
    origin, version
        What is released, and as what.
    snapshot
        The files of the commit.
    storage
        Where its data is.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    UnreadableMetrics
        A metrics file has NaN, a key twice, or is no JSON.
    NoModel, NotHere, Altered
        It has no model, or not its bytes.
    """
    results = metrics.read(snapshot)
    declared = {file.path for file in metrics.declare(snapshot).metrics}
    for path, why in results.unreadable.items():
        if path in declared or any(path.startswith(f"{folder}/") for folder in declared):
            raise UnreadableMetrics(f"{path} cannot be read: {why}", "So nobody can tell what is released.", ())
    files = _model(origin, version.model, storage, at)
    return Provenance(
        version,
        origin.slug,
        origin.commit,
        dict(locks(snapshot)),
        files,
        tuple(sources(snapshot)),
        results.params,
        results.metrics,
        _environment(origin, version.model, storage, at),
        upstream.person(at),
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )


def locks(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Yield the path of each dvc.lock of a commit, and the sha256 of its bytes."""
    for path in sorted(snapshot.files):
        if posixpath.basename(path) == "dvc.lock":
            yield path, hashlib.sha256(snapshot.read(path) or b"").hexdigest()


def sources(snapshot: Snapshot) -> Iterator[Source]:
    """Yield what stages read that no stage makes and git has not."""
    found: dict[str, str] = {}
    for project in projects(snapshot):
        for path, maker in project.makers.items():
            if maker.name.endswith(".dvc") and maker.recorded is not None and maker.recorded.md5 is not None:
                found[path] = maker.recorded.md5
        for pipeline in project.pipelines:
            folder = posixpath.dirname(pipeline.definition.path)
            for stage in pipeline.locked.values():
                for name, recorded in stage.deps.items():
                    path = project.path(folder, name) or name
                    is_made = path in project.makers or project.maker_around(path) or project.made_below(path)
                    if not is_made and recorded.md5 is not None and snapshot.kind(path) == "absent":
                        found.setdefault(path, recorded.md5)
    for path in sorted(found):
        yield Source(path, found[path])


def _model(origin: Origin, model: str, storage: Storage, at: Path | None) -> tuple[ModelFile, ...]:
    """Return the model's files, their sums made from their bytes; what is not here is fetched for it."""
    try:
        return artifact.describe(origin.commit, at, storage, model)
    except artifact.NotHere:
        artifact.fetch_missing(origin.commit, at, storage, model)
        return artifact.describe(origin.commit, at, storage, model)


def _environment(origin: Origin, model: str, storage: Storage, at: Path | None) -> Mapping[str, Any]:
    """Return what the train stage wrote beside the model; nothing where it wrote nothing that can be read."""
    for file in artifact.files_of(origin.commit, at, storage, model):
        if posixpath.basename(file.path) == ENVIRONMENT and (file.size or 0) <= LARGEST_ENVIRONMENT:
            try:
                said = strict.loads(artifact.read_verified(file, storage, at, LARGEST_ENVIRONMENT))
            except strict.NotStrict:
                continue
            if isinstance(said, dict):
                return said
    return {}
