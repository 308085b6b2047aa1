"""The DVC projects of one commit: which dvc.yaml, dvc.lock and .dvc files count, and who makes what."""

from __future__ import annotations

import posixpath
from typing import Any, NamedTuple

from gitml.git.patterns import TooManyCrossings
from gitml.pipeline import definition, lockfile, params, yaml12
from gitml.pipeline.definition import Definition, inside
from gitml.pipeline.findings import Finding
from gitml.pipeline.ignore import Ignore, is_inside
from gitml.pipeline.lockfile import LockedStage, Recorded
from gitml.pipeline.template import Style, Unresolved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitml.pipeline.snapshot import Snapshot


class Maker(NamedTuple):
    """Who makes a file: a stage, or a .dvc file.

    Attributes
    ----------
    name
        The stage as DVC addresses it, or the .dvc file.
    recorded
        What it made last; None where that is not known.
    is_cached
        Whether DVC keeps it, not git.
    is_pushed
        Whether a remote is to have it.
    remote
        The only remote that it goes to; empty for the default one.
    """

    name: str
    recorded: Recorded | None
    is_cached: bool
    is_pushed: bool = True
    remote: str = ""


class Pipeline(NamedTuple):
    """One dvc.yaml with its lock; no stages of the lock where there is none."""

    definition: Definition
    locked: Mapping[str, LockedStage]
    is_lock_readable: bool

    def address(self, stage: str) -> str:
        """Return a stage's name as DVC prints it at the top of the repository."""
        return stage if self.definition.path == "dvc.yaml" else f"{self.definition.path}:{stage}"


class Project:
    """One DVC project of a commit: what lies below one folder with a ``.dvc``.

    Attributes
    ----------
    root
        Its folder in the commit; empty for the top.
    pipelines
        Its dvc.yaml files.
    makers
        Who makes which path of the commit.
    findings
        What was found while they were read.
    ignore
        What DVC does not see; None where that is not understood.
    has_opaque
        Whether something may make files that `makers` does not know.
    """

    def __init__(self, root: str, snapshot: Snapshot, inner_roots: list[str]) -> None:
        self.root = root
        self.pipelines: list[Pipeline] = []
        self.makers: dict[str, Maker] = {}
        self.findings: list[Finding] = []
        self.has_opaque = False
        self._snapshot = snapshot
        self.ignore = self._read_ignore(inner_roots)
        files = sorted(self._own_files(inner_roots), key=lambda path: (path.count("/"), path))
        for path in files:
            if posixpath.basename(path) == "dvc.yaml" and not self._is_output(path):
                self._add_pipeline(path)
        for path in files:
            if posixpath.basename(path) != "dvc.yaml" and not self._is_output(path):
                self._add_tracked(path)

    def path(self, stage_folder: str, name: str) -> str | None:
        """Return where a stage's path leads; None for what is outside of the project."""
        found = None if "://" in name else inside(stage_folder, name)
        return found if found is not None and is_inside(found, self.root) else None

    def maker_around(self, path: str) -> Maker | None:
        """Return who makes a folder that `path` is in."""
        folder = posixpath.dirname(path)
        while folder:
            if folder in self.makers:
                return self.makers[folder]
            folder = posixpath.dirname(folder)
        return None

    def made_below(self, folder: str) -> dict[str, Maker]:
        """Return who makes what in a folder."""
        return {path: maker for path, maker in self.makers.items() if path != folder and is_inside(path, folder)}

    def _read_ignore(self, inner_roots: list[str]) -> Ignore | None:
        files = {
            path: self._snapshot.read(path) or b""
            for path in self._snapshot.files
            if path.endswith(".dvcignore") and posixpath.basename(path) == ".dvcignore"
        }
        try:
            return Ignore(self.root, files, inner_roots)
        except TooManyCrossings:
            return None

    def _own_files(self, inner_roots: list[str]) -> list[str]:
        return [
            path
            for path, entry in self._snapshot.files.items()
            if (path.endswith(".dvc") or posixpath.basename(path) == "dvc.yaml")
            and entry.is_file
            and is_inside(path, self.root)
            and not any(is_inside(path, inner) for inner in inner_roots)
            and not (self.ignore is not None and self.ignore.is_ignored(path))
        ]

    def _is_output(self, path: str) -> bool:
        """Say whether a file lies in a folder that a stage makes, where DVC looks for no pipelines."""
        return self.maker_around(path) is not None

    def _add_pipeline(self, path: str) -> None:
        try:
            content = self._snapshot.read(path)
            if content is None:
                raise yaml12.NotYaml12("it is too large")
            found = definition.read(path, content, self._load, self._style)
        except definition.NotADefinition as error:
            self._report(Finding("stale", "", "file", path, "unreadable", str(error)))
            return
        except yaml12.NotYaml12 as error:
            self._report(Finding("unverifiable", "", "file", path, "unclear", str(error)))
            return
        locked = self._read_lock(posixpath.join(posixpath.dirname(path), "dvc.lock"))
        pipeline = Pipeline(found, locked or {}, locked is not None)
        self.pipelines.append(pipeline)
        for opaque in found.opaque:
            self.has_opaque = True
            where = pipeline.address(opaque.name) if opaque.name else ""
            self.findings.append(
                Finding("unverifiable", where, "stage" if where else "file", path, "unclear", opaque.why)
            )
        for stage in found.stages:
            entry = pipeline.locked.get(stage.name)
            for out in stage.outs:
                target = self.path(stage.folder, out.path)
                if target is not None:
                    recorded = entry.outs.get(out.path) if entry is not None else None
                    self.makers[target] = Maker(
                        pipeline.address(stage.name), recorded, out.is_cached, out.is_pushed, out.remote
                    )

    def _read_lock(self, path: str) -> Mapping[str, LockedStage] | None:
        entry = self._snapshot.files.get(path)
        if entry is None:
            return {}
        content = self._snapshot.read(path)
        try:
            if content is None:
                raise yaml12.NotYaml12("it is too large, or no file")
            return lockfile.read(content)
        except lockfile.NotALock as error:
            self.findings.append(Finding("stale", "", "file", path, "unreadable", str(error)))
        except (lockfile.LockOfDvc1, yaml12.NotYaml12) as error:
            self.findings.append(Finding("unverifiable", "", "file", path, "unclear", str(error)))
        return None

    def _add_tracked(self, path: str) -> None:
        content = self._snapshot.read(path)
        tracked = lockfile.read_tracked(path, content) if content is not None else None
        if tracked is None:
            self.has_opaque = True
            return
        for target, (recorded, is_cached, is_pushed, remote) in tracked.items():
            if is_inside(target, self.root):
                self.makers.setdefault(target, Maker(path, recorded, is_cached, is_pushed, remote))

    def _report(self, finding: Finding) -> None:
        self.has_opaque = True
        self.findings.append(finding)

    def _load(self, path: str) -> Any:
        kind = self._snapshot.kind(path)
        if kind == "absent" or not is_inside(path, self.root):
            return None
        if kind != "file" or self._snapshot.why_not_its_bytes(self._snapshot.files[path]) is not None:
            raise Unresolved(f"{path} is no plain file")
        try:
            return self._snapshot.params(path)
        except params.NotParams as error:
            raise Unresolved(f"{path}: {error}") from None

    def _style(self) -> Style:
        from gitml.pipeline.configuration import parse  # rarely needed, and slow to import

        config = parse(self._snapshot.read(posixpath.join(self.root, ".dvc", "config")) or b"")
        return Style(
            config.get("parsing", "bool", fallback=None) == "boolean_optional",
            config.get("parsing", "list", fallback=None) == "append",
        )


def projects(snapshot: Snapshot) -> list[Project]:
    """Return the DVC projects of a commit; one at the top where no folder has a ``.dvc``. They are read once."""
    return snapshot.once("projects", lambda: _projects(snapshot))


def _projects(snapshot: Snapshot) -> list[Project]:
    roots = set()
    for path in snapshot.files:
        if path.startswith(".dvc/"):
            roots.add("")
        elif "/.dvc/" in path:
            roots.add(path[: path.index("/.dvc/")])
    ordered = sorted(roots or {""})
    return [
        Project(root, snapshot, [inner for inner in ordered if inner != root and is_inside(inner, root)])
        for root in ordered
    ]
