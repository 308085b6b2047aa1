"""Old models on today's test data: their exported files, put where today's evaluation looks for its model."""

from __future__ import annotations

import json
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gitml.errors import GitmlError
from gitml.experiments.commit import is_number
from gitml.git import repository, trees
from gitml.git.objects import Objects, list_tree
from gitml.git.transaction import commit_tree
from gitml.pipeline import dvc, metrics, settings, slot, yaml12
from gitml.pipeline.data import read_folder
from gitml.pipeline.layout import layout, project_at
from gitml.pipeline.repro import RunFailed, last_lines, repro
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.storage import DataObject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitml.experiments.desk import Desk
    from gitml.experiments.store import Entry, Store
    from gitml.pipeline.lockfile import Recorded
    from gitml.pipeline.project import Project

MODELS = ("model.onnx", "model.skops")
"""What a folder that is a model has in it: the exported graph, with its preprocessing."""

MARK = "†"
"""Stands behind the name of an experiment whose figures were measured again."""


class CannotRescore(GitmlError):
    """Nothing tells how a model is evaluated, or the model is not here."""


class Model(NamedTuple):
    """An exported model of a commit.

    Attributes
    ----------
    path
        Its folder, from the top of the repository.
    recorded
        What dvc.lock has of it.
    """

    path: str
    recorded: Recorded


def rescored(
    desk: Desk, found: Store, metric: str, tell: Callable[[str], None] = lambda line: None
) -> tuple[Store, dict[str, Mapping[str, float]]]:
    """Return what there is, with the experiments of other test data measured again on main's.

    Parameters
    ----------
    desk
        Where the pipeline is.
    found
        The experiments.
    metric
        The one that ranks.
    tell
        Called with a line about each.

    Returns
    -------
    store, metrics
        The rows, the name of each one that was measured again with a `MARK`; its new metrics by that name.

    Raises
    ------
    CannotRescore
        Main has no evaluation that reads a model.
    """
    main = found.main
    if main is None:
        raise CannotRescore("there is no main branch to measure by", "Its test data are those that count.")
    entries: list[Entry] = []
    again: dict[str, Mapping[str, float]] = {}
    for entry in found.entries:
        if entry.kind == "main" or not entry.record.test_data or entry.record.test_data == main.record.test_data:
            entries.append(entry)
            continue
        try:
            figures = measure(desk, entry.record.commit, main.record.commit)
        except GitmlError as error:
            tell(f"{entry.name} was not measured again: {error.what}")
            entries.append(entry)
            continue
        name = f"{entry.name}{MARK}"
        tell(f"{entry.name} measured again")
        again[name] = figures
        record = entry.record._replace(test_data=main.record.test_data, ranked=metric, figure=figures.get(metric))
        entries.append(entry._replace(ref=entry.ref._replace(name=name), record=record))
    return found._replace(entries=tuple(entries)), again


def measure(desk: Desk, commit: str, reference: str) -> dict[str, float]:
    """Return the metrics of a commit's model, by the evaluation and test data of another commit.

    The evaluation stage alone is run, in a slot of the pool; DVC's run-cache remembers it.

    Parameters
    ----------
    desk
        Where the pipeline is.
    commit
        Full id of the commit whose model is measured.
    reference
        Full id of the one whose stages and data are used.

    Raises
    ------
    CannotRescore
        One of them has no model that an evaluation reads, or the model is not in the cache.
    RunFailed
        The evaluation failed, for example because it has features that the model does not know.
    """
    cache = settings.read(desk.project_folder).cache
    with Objects(desk.root) as objects:
        old = Snapshot(list_tree(commit, desk.root), objects)
        new = Snapshot(list_tree(reference, desk.root), objects)
        theirs = _model(project_at(old, desk.project), cache)
        project = project_at(new, desk.project)
        mine = _model(project, cache)
        if project is None or mine is None or theirs is None:
            raise CannotRescore(
                f"{(reference if mine is None else commit)[:10]} has no exported model here",
                f"It is a folder with {' or '.join(MODELS)} that a stage makes and the evaluation reads.",
                ("gitml data fetch",),
            )
        stages = [
            (pipeline.address(stage.name), stage)
            for pipeline in project.pipelines
            for stage in pipeline.definition.stages
            if mine.path in [project.path(stage.folder, dep) for dep in stage.deps]
            and any(out.is_metric for out in stage.outs)
        ]
        if len(stages) != 1:
            raise CannotRescore(f"{len(stages)} stages of {reference[:10]} read {mine.path} and write metrics")
        address, stage = stages[0]
        lock = posixpath.join(posixpath.dirname(mine_lock(project, mine)), "dvc.lock")
        changed = _with_model(new.read(lock) or b"", mine, theirs, posixpath.dirname(lock))
        found = layout(project)
        kept = [project.path(stage.folder, out.path) for out in stage.outs if not out.is_cached]
    tree = trees.tree_with(reference, {lock: trees.Blob("100644", changed)}, desk.root)
    at = commit_tree(tree, [reference], f"experiment: {commit[:10]} on other data\n", at=desk.root)
    with slot.acquire(at, found.cached, desk.project, desk.root) as borrowed:
        folder = borrowed.path / desk.project
        dvc.checkout(settings.read(folder))
        log = borrowed.path.parent / f"{borrowed.name}.state" / "run.log"
        repository.make_folder(log.parent)
        outcome = repro(folder, log, inherited=(borrowed.lock.descriptor,), targets=(address,), is_single=True)
        if not outcome.is_done:
            raise RunFailed(outcome, last_lines(log))
        done = trees.tree_with_files(tree, borrowed.path, [path for path in kept if path])
    with Objects(desk.root) as objects:
        told = metrics.read(Snapshot(list_tree(done, desk.root), objects)).metrics
    return {name: value for name, value in told.items() if is_number(value)}


def mine_lock(project: Project, model: Model) -> str:
    """Return the dvc.yaml whose stage makes a model."""
    for pipeline in project.pipelines:
        for stage in pipeline.definition.stages:
            if model.path in [project.path(stage.folder, out.path) for out in stage.outs]:
                return pipeline.definition.path
    raise CannotRescore(f"no stage makes {model.path}")


def _model(project: Project | None, cache: Path | None) -> Model | None:
    """Return the folder with an exported model that a stage makes; None where there is none in the cache."""
    for path, maker in project.makers.items() if project is not None and cache is not None else ():
        recorded = maker.recorded
        if recorded is None or recorded.md5 is None or not recorded.is_folder or not maker.is_cached or cache is None:
            continue
        file = Path(DataObject(recorded.md5, path, is_exact=recorded.is_exact).below(cache))
        listed = read_folder(recorded.md5, file.read_bytes()) if file.is_file() else None
        if listed is not None and any(name in listed for name in MODELS):
            return Model(path, recorded)
    return None


def _with_model(lock: bytes, mine: Model, theirs: Model, folder: str) -> bytes:
    """Return a dvc.lock that says a stage made another model than it did."""
    data = yaml12.load(lock)
    for stage in data["stages"].values():
        for item in stage.get("outs") or ():
            if posixpath.normpath(posixpath.join(folder, item["path"])) == mine.path:
                item["md5"] = theirs.recorded.md5
                item.pop("size", None)
                item.pop("nfiles", None)
    return json.dumps(data, default=str).encode()  # YAML, too
