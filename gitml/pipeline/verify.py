"""Whether a commit's dvc.lock agrees with the rest of the commit: without DVC, data or a working tree."""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from gitml.git.objects import Entry, Objects, list_tree
from gitml.pipeline import params
from gitml.pipeline.definition import Out, ParamsFile, Stage
from gitml.pipeline.digest import EMPTY_FOLDER, folder_digest
from gitml.pipeline.findings import Finding, Kind, Verdict, What
from gitml.pipeline.ignore import is_inside
from gitml.pipeline.lockfile import LockedStage, Recorded
from gitml.pipeline.project import Pipeline, Project, projects
from gitml.pipeline.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READ_AHEAD = ("dvc.yaml", "dvc.lock", "params.yaml", ".dvc", ".dvcignore", ".gitattributes")


class _Outcome(NamedTuple):
    """How a path compares with what was recorded.

    Attributes
    ----------
    state
        ``same``, ``modified``, ``deleted``, ``incomplete`` (a folder with fewer files than recorded) or
        ``unclear``.
    why
        More, as half a sentence.
    """

    state: str
    why: str = ""


_SAME = _Outcome("same")


def judge(tree: str = "HEAD", at: Path | None = None) -> Verdict:
    """Hold the dvc.lock files of a commit against its other files.

    Parameters
    ----------
    tree
        Anything that names a commit or a tree; ``git write-tree`` names what is staged.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    GitFailed
        There is no such commit.
    """
    with Objects(at) as objects:
        return judge_snapshot(Snapshot(list_tree(tree, at), objects))


def judge_snapshot(snapshot: Snapshot) -> Verdict:
    """Hold the dvc.lock files of one commit against its other files."""
    snapshot.read_ahead(path for path in snapshot.files if path.endswith(READ_AHEAD))
    findings: list[Finding] = []
    stages = 0
    for project in projects(snapshot):
        judge_project = _Judge(project, snapshot)
        judge_project.hash_ahead()
        findings += project.findings
        for pipeline in project.pipelines:
            stages += len(pipeline.definition.stages)
            for stage in pipeline.definition.stages if pipeline.is_lock_readable else ():
                findings += judge_project.stage(pipeline, stage)
        for pipeline in project.pipelines:
            findings += judge_project.metrics(pipeline)
    return Verdict(tuple(dict.fromkeys(findings)), stages)


class _Judge:
    """Compares what is recorded in one project with what its commit has."""

    def __init__(self, project: Project, snapshot: Snapshot) -> None:
        self._project = project
        self._snapshot = snapshot
        self._folders: dict[tuple[str, bool], str | _Outcome] = {}

    def hash_ahead(self) -> None:
        """Hash every blob that will be compared, in one go."""
        wanted: list[Entry] = []
        for path in self._compared_paths():
            entry = self._snapshot.files.get(path)
            wanted += [entry] if entry is not None else self._seen_below(path)
        self._snapshot.hash_ahead(wanted)

    def _compared_paths(self) -> set[str]:
        paths: set[str | None] = set()
        for pipeline in self._project.pipelines:
            for stage in pipeline.definition.stages:
                locked = pipeline.locked.get(stage.name)
                if locked is None:
                    continue
                deps = () if stage.is_frozen else stage.deps
                paths |= {self._project.path(stage.folder, name) for name in deps if name in locked.deps}
                paths |= {self._project.path(stage.folder, out.path) for out in stage.outs if out.path in locked.outs}
        return {path for path in paths if path is not None}

    def stage(self, pipeline: Pipeline, stage: Stage) -> Iterator[Finding]:
        """Judge one stage."""
        address = pipeline.address(stage.name)
        locked = pipeline.locked.get(stage.name)
        if locked is None:
            if stage.deps or stage.params or stage.outs:
                why = "it was never run, or its run was not committed"
                yield Finding("stale", address, "stage", address, "new", why)
            return
        if locked.cmd != stage.cmd:
            yield Finding("stale", address, "cmd", address, "modified")
        if not stage.is_frozen:
            for name in stage.deps:
                yield from self._dep(address, stage, name, locked)
            for file in stage.params:
                yield from self._params(address, stage, file, locked)
        for out in stage.outs:
            yield from self._out(address, stage, out, locked)

    def metrics(self, pipeline: Pipeline) -> Iterator[Finding]:
        """Judge what a dvc.yaml names under ``metrics`` at its top level."""
        folder = posixpath.dirname(pipeline.definition.path)
        for name in pipeline.definition.metrics:
            path = self._project.path(folder, name)
            if path is None:
                continue
            for file in self._named(path):
                if file in self._project.makers or self._project.maker_around(file) is not None:
                    continue
                if self._project.has_opaque:
                    why = "a stage that is not understood may write it"
                    yield Finding("unverifiable", "", "metric", file, "unclear", why)
                else:
                    why = f"{pipeline.definition.path} names it, and no stage writes it"
                    yield Finding("uncovered", "", "metric", file, "new", why)

    def _named(self, path: str) -> list[str]:
        """Return the files of the commit that a path means: itself, or what is below it."""
        if path in self._snapshot.files:
            return [path]
        return [entry.path for entry in self._snapshot.below(path)] if path else []

    def _dep(self, address: str, stage: Stage, name: str, locked: LockedStage) -> Iterator[Finding]:
        path = self._project.path(stage.folder, name)
        if path is None:
            yield Finding("unverifiable", address, "dep", name, "unclear", "it is outside of the project")
            return
        recorded = locked.deps.get(name)
        if recorded is None:
            yield Finding("stale", address, "dep", path, "new")
            return
        outcome = self._compare(path, recorded)
        if outcome.state == "incomplete":
            outcome = _Outcome("modified", outcome.why)
        yield from _reported("stale", address, "dep", path, outcome)

    def _out(self, address: str, stage: Stage, out: Out, locked: LockedStage) -> Iterator[Finding]:
        path = self._project.path(stage.folder, out.path)
        if path is None:
            yield Finding("unverifiable", address, "out", out.path, "unclear", "it is outside of the project")
            return
        recorded = locked.outs.get(out.path)
        if recorded is None:
            yield Finding("stale", address, "out", path, "new")
            return
        kind = self._snapshot.kind(path)
        if kind == "absent":
            if not out.is_cached and recorded.md5 != EMPTY_FOLDER:
                yield Finding("stale", address, "out", path, "deleted", "git has it not, and DVC does not keep it")
            return
        if out.is_cached and kind == "folder" and len(self._seen_below(path)) != recorded.files:
            return  # DVC keeps it; git has a .gitkeep of it
        outcome = self._compare(path, recorded)
        is_forged = outcome.state == "modified"
        if outcome.state == "incomplete":
            outcome = _Outcome("modified", outcome.why)
        yield from _reported("forged" if is_forged else "stale", address, "out", path, outcome)

    def _params(self, address: str, stage: Stage, file: ParamsFile, locked: LockedStage) -> Iterator[Finding]:
        path = self._project.path(stage.folder, file.path)
        why = "it is outside of the project" if path is None else self._why_no_params(path)
        if path is None or why is not None:
            yield Finding("unverifiable", address, "param", path or file.path, "unclear", why or "")
            return
        if path not in self._snapshot.files:
            yield Finding("stale", address, "param", path, "deleted")
            return
        if locked.params.get(file.path) is None:
            yield Finding("stale", address, "param", path, "new")
            return
        try:
            drifts = params.drift(self._snapshot.params(path), file.names, locked.params.get(file.path))
        except params.NotParams as error:
            yield Finding("unverifiable", address, "param", path, "unclear", str(error))
            return
        for found in drifts:
            kind: Kind = "unverifiable" if found.change == "unclear" else "stale"
            name = f"{path}:{found.name}" if found.name else path
            why = f"{_short(found.locked)} -> {_short(found.now)}" if found.change == "modified" else ""
            yield Finding(kind, address, "param", name, found.change, why)

    def _why_no_params(self, path: str) -> str | None:
        """Say why a parameter file is not in the commit although it need not be missing."""
        kind = self._snapshot.kind(path)
        if kind == "file":
            entry = self._snapshot.files[path]
            sums = self._snapshot.fingerprint(entry)
            if sums is not None and sums.is_lfs_pointer:
                return "git keeps it in LFS"
            return self._snapshot.why_not_its_bytes(entry)
        if kind != "absent":
            return "it is a folder, a link or a submodule"
        if path in self._project.makers or self._project.maker_around(path) is not None:
            return "a stage writes it, and git has it not"
        return "a stage that is not understood may write it" if self._project.has_opaque else None

    def _compare(self, path: str, recorded: Recorded) -> _Outcome:
        """Compare what is at `path`, or what its maker recorded, with what was recorded of it."""
        if recorded.md5 is None:
            return _Outcome("unclear", "dvc.lock has no md5 of it")
        kind = self._snapshot.kind(path)
        if kind == "elsewhere":
            return _Outcome("unclear", "it is, or is behind, a symbolic link or submodule")
        if kind == "file":
            return self._compare_file(self._snapshot.files[path], recorded)
        maker = self._project.makers.get(path)
        if maker is not None and maker.is_cached:
            return _compare_records(maker.name, maker.recorded, recorded)
        if kind == "folder" or self._project.made_below(path):
            return self._compare_folder(path, recorded)
        if recorded.md5 == EMPTY_FOLDER:
            return _SAME
        around = self._project.maker_around(path)
        if around is not None and around.is_cached:
            return _Outcome("unclear", f"it is in what {around.name} makes")
        if maker is not None or around is not None:
            return _Outcome("deleted")
        if self._project.has_opaque:
            return _Outcome("unclear", "a stage that is not understood may write it")
        return _Outcome("deleted")

    def _compare_file(self, entry: Entry, recorded: Recorded) -> _Outcome:
        found = self._snapshot.fingerprint(entry)
        if found is not None and found.of(recorded.is_exact) == recorded.md5:
            return _SAME
        sums = self._file_sums(entry)
        if isinstance(sums, _Outcome):
            return sums
        windows = self._snapshot.md5_on_windows([entry])
        return _SAME if windows.get(entry.oid) == recorded.md5 else _Outcome("modified")

    def _file_sums(self, entry: Entry) -> tuple[str, str] | _Outcome:
        why = self._snapshot.why_not_its_bytes(entry)
        if why is not None:
            return _Outcome("unclear", f"{entry.path} is {why}")
        sums = self._snapshot.fingerprint(entry)
        if sums is None:
            return _Outcome("unclear", f"{entry.path} is too large, or missing from the object store")
        if sums.is_lfs_pointer:
            return _Outcome("unclear", f"git keeps {entry.path} in LFS")
        return sums.md5, sums.of_lf

    def _compare_folder(self, folder: str, recorded: Recorded) -> _Outcome:
        entries = self._seen_below(folder)
        found = self._folder_files(folder, entries, recorded.is_exact)
        if isinstance(found, _Outcome):
            return found
        if recorded.md5 == folder_digest(found):
            return _SAME
        windows = self._snapshot.md5_on_windows(entries)
        if windows:
            start = len(folder) + 1 if folder else 0
            there = {entry.path[start:]: windows[entry.oid] for entry in entries if entry.oid in windows}
            if recorded.md5 == folder_digest({**found, **there}):
                return _SAME
        if recorded.is_folder and recorded.files is not None and len(found) < recorded.files:
            return _Outcome(
                "incomplete",
                f"dvc.lock counts {recorded.files} files, the commit has {len(found)}; "
                "what git ignores there belongs into .dvcignore",
            )
        return _Outcome("modified")

    def _seen_below(self, folder: str) -> list[Entry]:
        """Return what DVC sees in a folder of the commit."""
        ignore = self._project.ignore
        entries = self._snapshot.below(folder)
        return entries if ignore is None else [entry for entry in entries if not ignore.is_ignored(entry.path)]

    def _folder_files(self, folder: str, entries: list[Entry], is_exact: bool) -> dict[str, str] | _Outcome:
        """Return the md5 of each file in a folder by its path from there, those that DVC keeps included."""
        if self._project.ignore is None:
            return _Outcome("unclear", "a .dvcignore is not understood")
        start = len(folder) + 1 if folder else 0
        files: dict[str, str] = {}
        for entry in entries:
            if posixpath.basename(entry.path) == ".dvcignore":
                return _Outcome("unclear", f"it has {entry.path} in it")
            sums = self._file_sums(entry)
            if isinstance(sums, _Outcome):
                return sums
            files[entry.path[start:]] = sums[0] if is_exact else sums[1]
        for path, maker in self._project.made_below(folder).items():
            if not maker.is_cached or path[start:] in files:
                continue
            record = maker.recorded
            if record is None or record.md5 is None or record.is_folder or record.is_exact != is_exact:
                return _Outcome("unclear", f"{path}, which {maker.name} makes, is in it")
            if any(is_inside(entry.path, path) for entry in entries):
                return _Outcome("unclear", f"{path} is a file for DVC and a folder for git")
            files[path[start:]] = record.md5
        around = self._project.makers.get(folder) or self._project.maker_around(folder)
        if around is not None and around.is_cached:
            return _Outcome("unclear", f"it is in what {around.name} makes")
        return files


def _compare_records(maker: str, made: Recorded | None, read: Recorded) -> _Outcome:
    if made is None or made.md5 is None:
        return _Outcome("unclear", f"it is not known what {maker} made")
    if made.is_exact != read.is_exact:
        return _Outcome("unclear", f"{maker} recorded it by another kind of md5")
    return _SAME if made.md5 == read.md5 else _Outcome("modified", f"{maker} made another one")


def _reported(kind: Kind, address: str, what: What, path: str, outcome: _Outcome) -> Iterator[Finding]:
    if outcome.state == "unclear":
        yield Finding("unverifiable", address, what, path, "unclear", outcome.why)
    elif outcome.state != "same":
        yield Finding(kind, address, what, path, outcome.state, outcome.why)


def _short(value: object) -> str:
    text = repr(value)[:60]
    return text if len(text) < 60 else f"{text[:57]}..."
