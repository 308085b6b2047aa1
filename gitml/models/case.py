"""What a commit says of its results, and what its pipeline begins with: read before any of its code is run."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions.shell import command as shell_command
from gitml.errors import GitmlError
from gitml.models import source_data
from gitml.pipeline import flat, metrics
from gitml.pipeline.ignore import is_inside
from gitml.pipeline.layout import layout
from gitml.pipeline.metrics import LARGEST, SUFFIXES
from gitml.pipeline.project import projects
from gitml.pipeline.slot import LeadsElsewhere
from gitml.pipeline.storage import DataObject

if TYPE_CHECKING:
    from gitml.pipeline.flat import Flat
    from gitml.pipeline.metrics import MetricsFile
    from gitml.pipeline.project import Project
    from gitml.pipeline.snapshot import Snapshot


class Case(NamedTuple):
    """A commit that is to be reproduced.

    Attributes
    ----------
    roots
        The folders of its DVC projects, and whether each has pipelines in folders below.
    files
        Its files and folders of metrics that a stage should make again.
    recorded
        What those say that git has, by path.
    kept
        Those that DVC has.
    sources
        The data that the pipeline begins with.
    locks
        Its dvc.lock files.
    unverified
        Why some figures cannot be made again, a sentence each.
    """

    roots: tuple[tuple[str, bool], ...]
    files: tuple[str, ...]
    recorded: dict[str, Flat]
    kept: tuple[DataObject, ...]
    sources: tuple[DataObject, ...]
    locks: tuple[str, ...]
    unverified: tuple[str, ...]


class CannotReproduce(GitmlError):
    """A commit has no pipeline that could be run again."""

    def __init__(self, commit: str, why: str) -> None:
        show = shell_command(("git", "show", f"{commit[:10]}:dvc.yaml"))
        super().__init__(f"{commit[:10]} cannot be reproduced", why, (show,))


def read(snapshot: Snapshot, commit: str) -> Case:
    """Return what a commit says.

    Raises
    ------
    CannotReproduce
        It has no stages, or no metrics.
    LeadsElsewhere
        A folder of DVC's is a symbolic link, so that its cache would not be the empty one.
    """
    found = [project for project in projects(snapshot) if project.pipelines]
    if not any(pipeline.definition.stages for project in found for pipeline in project.pipelines):
        raise CannotReproduce(commit, "It has no stages in a dvc.yaml that could be run.")
    for project in found:
        _refuse_links(snapshot, project)
    declared = metrics.declare(snapshot)
    if not declared.metrics:
        raise CannotReproduce(commit, "Its stages declare no metrics that could be compared.")
    reader = _Reader(snapshot, found)
    for file in declared.metrics:
        reader.take(file)
    layouts = [(project, layout(project)) for project in found]
    frozen = {address for project in found for _, address in _frozen(project)}
    return Case(
        tuple((project.root, paths.has_other_folders) for project, paths in layouts),
        tuple(reader.files),
        reader.recorded,
        tuple(reader.kept),
        tuple(one for project in found for one in source_data.sources(project, frozen)),
        tuple(lock for _, paths in layouts for lock in paths.locks),
        (
            *reader.unverified,
            *(f"the stage {stage} is frozen: what it made was taken as it is" for stage in sorted(frozen)),
            *(f"{why} cannot be resolved" for why in declared.unclear),
        ),
    )


def _refuse_links(snapshot: Snapshot, project: Project) -> None:
    folder = posixpath.join(project.root, ".dvc")
    if snapshot.kind(folder) == "elsewhere":
        raise LeadsElsewhere(folder)
    for entry in snapshot.below(folder):
        if not entry.is_file:
            raise LeadsElsewhere(entry.path)


def _frozen(project: Project) -> list[tuple[tuple[str, str], str]]:
    """Return the stages that are not run: dvc.lock and name, and as DVC addresses them."""
    return [
        (
            (posixpath.join(posixpath.dirname(pipeline.definition.path), "dvc.lock"), stage.name),
            pipeline.address(stage.name),
        )
        for pipeline in project.pipelines
        for stage in pipeline.definition.stages
        if stage.is_frozen
    ]


class _Reader:
    """Sorts files of metrics: what can be made again, and what it should be then."""

    def __init__(self, snapshot: Snapshot, found: list[Project]) -> None:
        self.files: list[str] = []
        self.recorded: dict[str, Flat] = {}
        self.kept: list[DataObject] = []
        self.unverified: list[str] = []
        self._snapshot = snapshot
        self._projects = found
        self._frozen = {key for project in found for key, _ in _frozen(project)}
        self._read = {dep for project in found for dep in layout(project).deps}

    def take(self, file: MetricsFile) -> None:
        """Take one file or folder."""
        path, kind = file.path, self._snapshot.kind(file.path)
        if (file.lock, file.stage) in self._frozen:
            self.unverified.append(f"{path} is made by {file.stage}, which is frozen: it is not run")
        elif kind == "elsewhere":
            self.unverified.append(f"{path} is, or lies behind, a symbolic link")
        elif not file.stage and any(is_inside(path, dep) for dep in self._read):
            self.unverified.append(f"{path} is read by a stage, and made by none")
        else:
            self.files.append(path)
            if kind == "absent":
                self._take_kept(path)
            else:
                below = [path] if kind == "file" else [entry.path for entry in self._snapshot.below(path)]
                for one in below:
                    if kind == "file" or one.endswith(SUFFIXES):
                        self._take_content(one, self._snapshot.read(one))

    def _take_content(self, path: str, content: bytes | None) -> None:
        values = values_of(path, content)
        if values is None:
            self.unverified.append(f"{path} cannot be read as metrics")
        else:
            self.recorded[path] = values

    def _take_kept(self, path: str) -> None:
        makers = [project.makers[path] for project in self._projects if path in project.makers]
        for maker in makers:
            recorded = maker.recorded
            if recorded is None or recorded.md5 is None or recorded.is_folder or not maker.is_cached:
                self.unverified.append(f"{path} is declared, and the commit does not have it")
                continue
            root = next(project.root for project in self._projects if project.makers.get(path) is maker)
            self.kept.append(
                DataObject(recorded.md5, path, recorded.size, 1, maker.remote.lower(), recorded.is_exact, root)
            )
        if not makers:
            self.unverified.append(f"{path} is declared, and neither a stage makes it nor git has it")


def values_of(path: str, content: bytes | None) -> Flat | None:
    """Return the values of a file of metrics; None where it cannot be read."""
    if content is None or len(content) > LARGEST:
        return None
    try:
        return flat.read_metrics(path, content)
    except flat.Unreadable:
        return None
