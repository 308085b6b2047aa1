"""The evidence for a promotion: a released model beside the one in production, from git's objects and DVC's cache.

It is the body of the pull request, so what cannot be known is said, and nothing is guessed.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.conventions.released import PROVENANCE, TEST_DATA
from gitml.conventions.shell import printable
from gitml.experiments.rows import number
from gitml.git import repository, server
from gitml.git.objects import Objects, list_tree
from gitml.models import evidence_analysis, evidence_changes, evidence_predictions
from gitml.models.evidence_changes import Changes
from gitml.models.evidence_gates import judge
from gitml.models.evidence_origin import origin
from gitml.models.evidence_predictions import Model, Paired
from gitml.models.evidence_text import as_markdown
from gitml.models.evidence_values import Evidence
from gitml.models.evidence_verdict import Verdict, decide, sentence
from gitml.pipeline import metrics
from gitml.pipeline.remote import READ_AHEAD
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.storage import Storage
from gitml.policy.release import experiment_of
from gitml.reports import document
from gitml.reports.comparison import Comparison, MetricChange, compare
from gitml.reports.plots import IMAGES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gitml.config import Config

__all__ = ["Evidence", "as_data", "as_markdown", "gather"]

PRODUCTION = "production"


class _Side(NamedTuple):
    name: str
    commit: str
    snapshot: Snapshot
    told: metrics.Results
    figures: Mapping[str, float]


def gather(
    challenger: str,
    champion: str | None,
    config: Config,
    at: Path | None = None,
    *,
    names: tuple[str, str],
    objects: Objects | None = None,
    storage: Storage | None = None,
    fetch: bool = False,
) -> Evidence:
    """Return the evidence for a promotion.

    Parameters
    ----------
    challenger, champion
        Full ids of the commits of the release and of the model in production; None, or a commit without files,
        where nothing is in production.
    config
        The configuration of the server's main branch.
    at
        As for `gitml.git.command.git`.
    names
        What the two are called, as ``model-v4`` and ``model-v3``.
    objects
        Where git's objects are read.
    storage
        Where DVC's objects are; None for what the working tree says. Where that is a stranger's, give one that
        trusts main's configuration only.
    fetch
        Whether stored predictions that are not in the cache are brought from the DVC remote.

    Raises
    ------
    GitFailed
        A commit is not here.
    BrokenEnvironment
        The repository cannot be used.
    """
    storage = Storage(repository.find(at).root) if storage is None else storage
    with nullcontext(objects) if objects is not None else Objects(at) as opened:
        trees = [Snapshot(list_tree(commit, at), opened) for commit in (challenger, champion) if commit is not None]
        _read_ahead(trees, at)
        now = _side(names[0], challenger, trees[0])
        before = _side(names[1], champion, trees[1]) if champion is not None and trees[1].files else None
        return _gathered(now, before, config, at, opened, storage, fetch)


def as_data(evidence: Evidence) -> dict[str, Any]:
    """Return evidence as values that JSON can write."""
    told: dict[str, Any] = _plain(evidence)
    champion = evidence.champion.name if evidence.champion is not None else ""
    told["sentence"] = sentence(evidence.verdict, evidence.challenger.name, champion, printable, printable)
    told["gates"]["is_passed"] = evidence.gates.is_passed
    told["calibration"] = {"challenger": told["calibration"][0], "champion": told["calibration"][1]}
    return told


def _gathered(
    now: _Side, before: _Side | None, config: Config, at: Path | None, objects: Objects, storage: Storage, fetch: bool
) -> Evidence:
    paired, verdict, comparison = _compared(now, before, config, storage, fetch)
    is_same_data = verdict.outcome != "other data"
    slices = evidence_analysis.slices(
        now.snapshot, before.snapshot if before is not None else None, _names(now, before), is_same_data
    )
    made = origin(now.name, now.commit, now.snapshot, objects)
    report = document.path(made.experiment) if made.experiment else ""
    report = report.removesuffix("/README.md") if report in now.snapshot.files else ""
    pictures = [entry.path for entry in now.snapshot.below(report) if entry.is_file] if report else []
    return Evidence(
        made,
        origin(before.name, before.commit, before.snapshot, objects) if before is not None else None,
        verdict,
        judge(now.snapshot, before.snapshot if before is not None else None, config),
        comparison,
        paired.mcnemar,
        slices,
        (
            evidence_analysis.calibration(now.snapshot),
            evidence_analysis.calibration(before.snapshot) if before is not None else (),
        ),
        _changes(now, before, at),
        report,
        tuple(path for path in pictures if path.lower().endswith(IMAGES)),
        (
            *_notes(now),
            *(_notes(before) if before is not None else ()),
            *(f"{told}: it was edited, or is defined otherwise." for told in paired.false.values()),
        ),
    )


def _compared(
    now: _Side, before: _Side | None, config: Config, storage: Storage, fetch: bool
) -> tuple[Paired, Verdict, Comparison]:
    if before is None:
        alone = compare(now.figures, {}, {}, config)
        return Paired(), Verdict("first model"), Comparison(PRODUCTION, "", "", alone)
    named = [side.told.metrics.get(TEST_DATA) for side in (now, before)]
    paired = Paired(why="they were measured on other test data", is_other_data=True)
    if named[0] == named[1]:
        models = [Model(side.name, side.snapshot, side.told.metrics) for side in (now, before)]
        paired = evidence_predictions.compare(models[0], models[1], storage, fetch)
    elif None in named:
        paired = paired._replace(why=f"only one of the two names its {TEST_DATA}")
    changes = compare(now.figures, before.figures, paired.intervals, config)
    if paired.is_other_data:
        apart = tuple(one._replace(word="other data") for one in changes)
        return paired, Verdict("other data", None, None, paired.why), _beside(before, apart, paired.why)
    is_known = named[0] is not None or paired.rows is not None
    unsure = "" if is_known else f"; neither names its {TEST_DATA}, so it may not be the same"
    why = f"{paired.why}{unsure}"
    return paired, decide(changes, config, paired.rows, why, paired.false), _beside(before, changes, why)


def _beside(before: _Side, changes: tuple[MetricChange, ...], why: str) -> Comparison:
    return Comparison(PRODUCTION, before.name, before.commit, changes, why)


def _changes(now: _Side, before: _Side | None, at: Path | None) -> Changes:
    if before is None:
        return Changes()
    return Changes(
        evidence_changes.params(now.told.params, before.told.params),
        evidence_changes.code(now.commit, before.commit, at),
        evidence_changes.data(now.snapshot, before.snapshot),
    )


def _side(name: str, commit: str, snapshot: Snapshot) -> _Side:
    told = metrics.read(snapshot)
    own = {f"interval.{name}.{end}" for name in told.metrics for end in ("low", "high")}
    figures = {name: value for name, value in told.metrics.items() if number(value) is not None and name not in own}
    return _Side(name, commit, snapshot, told, figures)


def _notes(side: _Side) -> list[str]:
    notes = [f"{side.name}: {path} cannot be read: {why}." for path, why in side.told.unreadable.items()]
    return notes if side.figures else [*notes, f"{side.name} has no metrics."]


def _names(now: _Side, before: _Side | None) -> tuple[str, str]:
    return now.name, before.name if before is not None else ""


def _read_ahead(trees: list[Snapshot], at: Path | None) -> None:
    """Fetch what is going to be read in two goes where a clone left blobs out, and read it in two."""
    known = [
        [path for path in tree.files if path.endswith((*READ_AHEAD, ".gitattributes")) or path == PROVENANCE]
        for tree in trees
    ]
    _read_all(trees, known, at)
    declared = [metrics.declare(tree) for tree in trees]
    wanted = [
        [
            entry.path
            for path in (*one.params, *(file.path for file in one.metrics), document.path(experiment_of(tree) or "-"))
            for entry in ([tree.files[path]] if path in tree.files else tree.below(path))
        ]
        + [path for path in tree.files if path.endswith((evidence_analysis.SLICES, evidence_analysis.CALIBRATION))]
        for tree, one in zip(trees, declared, strict=True)
    ]
    _read_all(trees, wanted, at)


def _read_all(trees: list[Snapshot], wanted: list[list[str]], at: Path | None) -> None:
    oids = {tree.files[path].oid for tree, paths in zip(trees, wanted, strict=True) for path in paths}
    if oids:
        server.fetch_ahead(sorted(oids), at)
    for tree, paths in zip(trees, wanted, strict=True):
        tree.read_ahead(paths)


def _plain(value: Any) -> Any:
    """Return values as JSON knows them: a value with names as a mapping."""
    if hasattr(value, "_asdict"):
        return {name: _plain(inner) for name, inner in value._asdict().items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value
