"""Which files of a commit hold its metrics and its parameters, and what they say."""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from gitml.pipeline import flat
from gitml.pipeline.definition import DEFAULT_PARAMS, LOGGED, Stage
from gitml.pipeline.flat import Flat, ParamsReader
from gitml.pipeline.project import Project, projects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gitml.pipeline.snapshot import Snapshot

LARGEST = 4 * 2**20
"""Bytes of a metrics or parameter file that is read."""

_LOGGED = 1_000_000
"""A place behind the last stage of any pipeline."""

SUFFIXES = (".json", ".yaml", ".yml", ".toml")
"""Names of the files that count in a folder of metrics."""


class Input(NamedTuple):
    """What a stage reads, as far as it may be data.

    Attributes
    ----------
    name
        As dvc.yaml and dvc.lock have it.
    path
        In the commit; empty for what is outside.
    depth
        How many stages made it, one after another; 0 for what no stage makes.
    is_kept
        Whether DVC keeps it. What neither DVC keeps nor git has is data from outside.
    """

    name: str
    path: str
    depth: int
    is_kept: bool


class MetricsFile(NamedTuple):
    """A file, or a folder of files, of metrics.

    Attributes
    ----------
    path
        In the commit.
    stage
        The stage that writes it, as ``dvc.lock`` names it; empty where it is only named.
    lock
        The dvc.lock that has the stage, in the commit.
    depth
        The place of the stage in the pipeline, from 1; 0 where nothing says who writes it.
    inputs
        What the stage reads besides code.
    """

    path: str
    stage: str = ""
    lock: str = ""
    depth: int = 0
    inputs: tuple[Input, ...] = ()


class Declared(NamedTuple):
    """What the dvc.yaml files of a commit declare.

    Attributes
    ----------
    metrics
        The last of the pipeline first: where a name stands in several files, the first of them is meant.
    params
        Paths in the commit; they may be absent.
    unclear
        What cannot be resolved, as ``path: why``.
    """

    metrics: tuple[MetricsFile, ...] = ()
    params: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()


class Results(NamedTuple):
    """What the files say.

    Attributes
    ----------
    metrics, params
        Values by dotted names. A name that several files have is that of the first; of the others it stands
        behind ``path:``.
    unreadable
        Why a file cannot be read, by path.
    """

    metrics: Flat
    params: Flat
    unreadable: dict[str, str]


def declare(snapshot: Snapshot) -> Declared:
    """Return what a commit declares: the metrics of its stages, templates resolved, and of the top level."""
    metrics: dict[str, MetricsFile] = {}
    params: dict[str, None] = {}
    unclear: list[str] = []
    for project in projects(snapshot):
        depths = _Depths(project)
        for pipeline in project.pipelines:
            definition = pipeline.definition
            folder = posixpath.dirname(definition.path)
            lock = posixpath.join(folder, "dvc.lock")
            params[posixpath.join(folder, DEFAULT_PARAMS)] = None
            params |= dict.fromkeys(_inside(project, folder, definition.params))
            unclear += [f"{definition.path}: {opaque.why}" for opaque in definition.opaque]
            for stage in definition.stages:
                params |= dict.fromkeys(_inside(project, stage.folder, (file.path for file in stage.params)))
                for path in _inside(project, stage.folder, (out.path for out in stage.outs if out.is_metric)):
                    # what was logged is what the commit is about; the pipeline's own figures are older
                    depth = _LOGGED if stage.is_frozen and stage.name == LOGGED else depths.of_stage(stage)
                    metrics[path] = MetricsFile(path, stage.name, lock, depth, depths.inputs(stage))
            for path in _inside(project, folder, definition.metrics):
                maker = depths.stages.get(path)
                stage_name = maker.name if maker is not None else ""
                depth = depths.of_stage(maker) if maker is not None else 0
                inputs = depths.inputs(maker) if maker is not None else ()
                metrics.setdefault(path, MetricsFile(path, stage_name, lock if maker else "", depth, inputs))
        unclear += [f"{finding.name}: {finding.why}" for finding in project.findings if finding.what == "file"]
    order = sorted(reversed(metrics.values()), key=lambda file: -file.depth)
    return Declared(tuple(order), tuple(params), tuple(dict.fromkeys(unclear)))


def read(snapshot: Snapshot) -> Results:
    """Return the metrics and parameters of one commit."""
    declared = declare(snapshot)
    reader = ParamsReader()
    unreadable: dict[str, str] = {}
    metrics: list[tuple[str, Flat | None]] = []
    params: list[tuple[str, Flat | None]] = []
    for file in declared.metrics:
        if snapshot.kind(file.path) in ("absent", "elsewhere"):
            unreadable[file.path] = "git does not have it"
            metrics.append((file.path, None))
            continue
        below = [] if file.path in snapshot.files else snapshot.below(file.path)
        for path in [entry.path for entry in below if entry.path.endswith(SUFFIXES)] if below else [file.path]:
            metrics.append(_values(path, snapshot.read(path), flat.read_metrics, unreadable))
    for path in declared.params:
        if snapshot.kind(path) != "absent":
            params.append(_values(path, snapshot.read(path), reader.read, unreadable))
    return Results(join(metrics), join(pair for pair in params if pair[1] is not None), unreadable)


def join(files: Iterable[tuple[str, Flat | None]]) -> Flat:
    """Return the values of several files by one name each.

    Parameters
    ----------
    files
        Each file's path and values. None for one that cannot be read: what it would have said is not known, so no
        name of a later file may be taken for its.

    >>> join([("b.json", {"auc": 0.7}), ("a.json", {"auc": 0.6, "rows": 3})])
    {'auc': 0.7, 'a.json:auc': 0.6, 'rows': 3}
    >>> join([("b.json", None), ("a.json", {"auc": 0.6})])
    {'a.json:auc': 0.6}
    """
    found: Flat = {}
    is_any_missing = False
    for path, values in files:
        if values is None:
            is_any_missing = True
        elif not is_any_missing and found.keys().isdisjoint(values):
            found.update(values)
        else:
            for name, value in values.items():
                found[f"{path}:{name}" if is_any_missing or name in found else name] = value
    return found


def _values(
    path: str, content: bytes | None, read: Callable[[str, bytes], Flat], unreadable: dict[str, str]
) -> tuple[str, Flat | None]:
    if content is None or len(content) > LARGEST:
        unreadable[path] = "it is too large, or no file"
        return path, None
    try:
        return path, read(path, content)
    except flat.Unreadable as error:
        unreadable[path] = str(error)
        return path, None


def _inside(project: Project, folder: str, names: Iterable[str]) -> list[str]:
    found = (project.path(folder, name) for name in names)
    return [path for path in found if path]


class _Depths:
    """How far down the pipeline of one project its stages and files are."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.stages: dict[str, Stage] = {}
        for pipeline in project.pipelines:
            for stage in pipeline.definition.stages:
                self.stages.update(
                    dict.fromkeys(_inside(project, stage.folder, (out.path for out in stage.outs)), stage)
                )
        self._known: dict[tuple[str, str], int] = {}

    def of_stage(self, stage: Stage) -> int:
        """Return the place of a stage: 1 for one that no other stage feeds. A circle counts once."""
        key = (stage.folder, stage.name)
        if key not in self._known:
            self._known[key] = 1
            self._known[key] = 1 + max((self._of(path) for path in self._deps(stage)), default=0)
        return self._known[key]

    def inputs(self, stage: Stage) -> tuple[Input, ...]:
        """Return what a stage reads and what may be data."""
        found = []
        for name in stage.deps:
            path = self._project.path(stage.folder, name) or ""
            maker = self._project.makers.get(path) or (self._project.maker_around(path) if path else None)
            is_kept = maker.is_cached if maker is not None else bool(path and self._project.made_below(path))
            if maker is None or is_kept:
                found.append(Input(name, path, self._of(path), is_kept))
        return tuple(found)

    def _deps(self, stage: Stage) -> list[str]:
        return _inside(self._project, stage.folder, stage.deps)

    def _of(self, path: str) -> int:
        while path:
            if path in self.stages:
                return self.of_stage(self.stages[path])
            path = posixpath.dirname(path)
        return 0
