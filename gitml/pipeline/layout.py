"""What a run reads and writes, as the dvc.yaml files of a commit declare it."""

from __future__ import annotations

import hashlib
import json
import posixpath
from typing import Any, NamedTuple

from gitml.pipeline import overrides, params
from gitml.pipeline.ignore import is_inside
from gitml.pipeline.overrides import Known
from gitml.pipeline.project import Project, projects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gitml.pipeline.definition import Stage
    from gitml.pipeline.snapshot import Snapshot

LONGEST_SUM = 12
"""Hexadecimal digits of a sum that is shown."""


class Layout(NamedTuple):
    """The paths of one DVC project, from the top of the repository.

    Attributes
    ----------
    root
        The project's folder; empty for the top.
    kept
        Outs that git keeps: metrics, plots, small results.
    cached
        Outs that DVC keeps.
    locks
        Its dvc.lock files.
    deps
        What stages read and no stage makes: code and data.
    params
        The names that stages depend on, by parameter file; an empty name for the whole file.
    stages
        How many there are.
    uncovered
        Those of `kept` that are the out of no stage: metrics and plots that a dvc.yaml names at its top level only.
        DVC's run-cache does not bring them back, so that a run must not use it.
    """

    root: str
    kept: tuple[str, ...]
    cached: tuple[str, ...]
    locks: tuple[str, ...]
    deps: tuple[str, ...]
    params: dict[str, tuple[str, ...]]
    stages: int
    uncovered: tuple[str, ...] = ()

    @property
    def written(self) -> tuple[str, ...]:
        """What a run writes into git: results, locks, and the .gitignore files that DVC keeps beside its outs."""
        ignores = {posixpath.join(posixpath.dirname(out), ".gitignore") for out in self.cached}
        return (*self.kept, *self.locks, *sorted(ignores))

    @property
    def has_other_folders(self) -> bool:
        """Whether a dvc.yaml is in another folder than the project's own."""
        return any(posixpath.dirname(lock) != self.root for lock in self.locks)

    def reads(self, path: str) -> bool:
        """Say whether a stage depends on a file."""
        return any(is_inside(path, dep) for dep in self.deps)


class Inputs(NamedTuple):
    """What a run's results come from, as two sums: the same sums, the same results.

    Attributes
    ----------
    code
        Of code, data and commands.
    params
        Of the parameters that stages depend on.
    """

    code: str
    params: str

    def __str__(self) -> str:
        """Return ``<code>-<params>``."""
        return f"{self.code}-{self.params}"


def project_at(snapshot: Snapshot, root: str) -> Project | None:
    """Return the DVC project whose folder is `root`; None where the commit has none there."""
    return next((project for project in projects(snapshot) if project.root == root and project.pipelines), None)


def layout(project: Project) -> Layout:
    """Return the paths of a project."""
    kept: dict[str, None] = {}
    cached: dict[str, None] = {}
    deps: dict[str, None] = {}
    names: dict[str, tuple[str, ...]] = {}
    for stage in _stages(project):
        for out in stage.outs:
            path = project.path(stage.folder, out.path)
            if path is not None:
                (cached if out.is_cached else kept)[path] = None
        for file in stage.params:
            path = project.path(stage.folder, file.path)
            if path is not None:
                names[path] = names.get(path, ()) + (file.names or ("",))
        found = (project.path(stage.folder, dep) for dep in stage.deps)
        deps |= {path: None for path in found if path}
    locks = [posixpath.join(posixpath.dirname(one.definition.path), "dvc.lock") for one in project.pipelines]
    stages = sum(len(one.definition.stages) for one in project.pipelines)
    outs = kept | cached
    uncovered = _uncovered(project, outs)
    read = tuple(dep for dep in deps if not any(is_inside(dep, out) for out in outs))
    return Layout(project.root, (*kept, *uncovered), tuple(cached), tuple(locks), read, names, stages, uncovered)


def _uncovered(project: Project, outs: Iterable[str]) -> tuple[str, ...]:
    """Return the metrics and plots that are named, and that nobody makes as far as dvc.yaml says."""
    found: dict[str, None] = {}
    for pipeline in project.pipelines:
        folder = posixpath.dirname(pipeline.definition.path)
        for name in (*pipeline.definition.metrics, *pipeline.definition.plots):
            path = project.path(folder, name)
            if path and path not in project.makers and project.maker_around(path) is None:
                found[path] = None
    made = tuple(outs)
    return tuple(path for path in found if not any(is_inside(out, path) or is_inside(path, out) for out in made))


def known_params(snapshot: Snapshot, found: Layout) -> list[Known]:
    """Return every parameter of the files that stages depend on."""
    known = []
    for file, names in found.params.items():
        content = snapshot.read(file)
        if content is not None:
            try:
                known += overrides.known_in(file, content, names)
            except params.NotParams:
                continue
    return known


def inputs(snapshot: Snapshot, project: Project, found: Layout) -> Inputs:
    """Return the sums of what a commit's results come from; two commits with the same give the same results."""
    code = [[stage.name, stage.folder, stage.cmd] for stage in _stages(project)]
    code += [[path, *_sum_of(path, snapshot, project)] for path in sorted(found.deps)]
    values = [[one.file, one.name, repr(one.value)] for one in known_params(snapshot, found) if one.is_used]
    return Inputs(_sum(code), _sum(values))


def _sum_of(path: str, snapshot: Snapshot, project: Project) -> Iterator[str]:
    """Yield what tells one content of a dep from another: git's ids, or the md5 in its .dvc file."""
    maker = project.makers.get(path)
    if maker is not None and maker.recorded is not None:
        yield str(maker.recorded.md5)
    if path in snapshot.files:
        yield snapshot.files[path].oid
        return
    ignore = project.ignore
    for entry in snapshot.below(path):
        if ignore is None or not ignore.is_ignored(entry.path):
            yield f"{entry.path} {entry.oid}"
    for below, made in project.made_below(path).items():
        yield f"{below} {made.recorded.md5 if made.recorded is not None else ''}"


def _stages(project: Project) -> list[Stage]:
    return [stage for pipeline in project.pipelines for stage in pipeline.definition.stages]


def _sum(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:LONGEST_SUM]
