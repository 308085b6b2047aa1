"""What is wrong with this machine and this repository, and what mends it."""

from __future__ import annotations

import sys
from pathlib import Path

from gitml.doctor import (
    damage,
    hooks,
    locks,
    mending,
    names,
    notebooks,
    project,
    repository,
    settings,
    storage,
    worktrees,
)
from gitml.doctor.clone import Clone, look
from gitml.doctor.finding import Finding, Fix, NotMended, State
from gitml.doctor.machine import OLDEST_DVC, OLDEST_GIT, OLDEST_PYTHON, TORCH, dvc, git, gto, interpreter, python, torch
from gitml.doctor.mending import Outcome
from gitml.doctor.project import hold, recorded
from gitml.errors import FolderIsGone, GitFailed, GitIsMissing
from gitml.git import repository as git_repository
from gitml.pipeline import environment as pipeline

__all__ = [
    "OLDEST_DVC",
    "OLDEST_GIT",
    "OLDEST_PYTHON",
    "TORCH",
    "Finding",
    "Fix",
    "NotMended",
    "Outcome",
    "State",
    "diagnose",
    "dvc",
    "git",
    "hold",
    "is_anything_broken",
    "mend",
    "python",
    "recorded",
    "torch",
]


def diagnose(folder: Path | None = None) -> list[Finding]:
    """Look at the machine and at the repository around `folder`, or around the current one.

    Raises
    ------
    FolderIsGone
        The current folder does not exist any more.
    """
    here = _here(folder)
    findings = [python(sys.version_info[:3])]
    clone = None
    try:
        findings.append(git(*git_repository.version()))
        found = repository.look_for(here, folder)
        if not isinstance(found, Finding):
            clone = look(found, here, folder)
    except GitIsMissing as missing:
        found = Finding("git", "broken", missing.what, missing.why, missing.mend)
    except GitFailed as failed:
        found = Finding("repository", "broken", "git cannot read its own files", failed.stderr, ("git fsck",))
    if isinstance(found, Finding):
        findings.append(found)
    config = None
    if clone is not None and clone.repository.root is not None:
        read, config = settings.project_config(clone.repository.root, here)
        clone = clone._replace(config=read)
    if clone is not None:
        findings += _of_git(clone)
    if config is not None:
        findings.append(config)
    typed = interpreter(here)
    dvc_version = pipeline.installed("dvc")
    findings.append(dvc(dvc_version, typed))
    if clone is not None and clone.repository.root is not None:
        findings += _of_dvc(clone, clone.repository.root, dvc_version is not None)
    findings += gto(pipeline.installed("gto"), typed)
    findings.append(torch(pipeline.installed("torch"), typed))
    return findings


def mend(folder: Path | None = None) -> list[Outcome]:
    """Mend what can be mended without losing anything, and say what came of it.

    Raises
    ------
    FolderIsGone
        The current folder does not exist any more.
    Locked
        Another command of gitml is at work in this repository.
    """
    _here(folder)
    with mending.alone(folder):
        return mending.carry_out(diagnose(folder))


def is_anything_broken(findings: list[Finding]) -> bool:
    """Say whether gitml cannot work here."""
    return any(finding.state == "broken" for finding in findings)


def _of_git(clone: Clone) -> list[Finding]:
    return [
        repository.place(clone.repository, clone.here),
        *repository.permission(clone.repository, clone.here),
        repository.head(clone.head, clone.head.commit is None and git_repository.has_head(clone.folder)),
        *damage.damage(clone),
        repository.identity(git_repository.has_identity(clone.folder)),
        repository.origin(clone),
        *repository.history(clone),
        *hooks.hooks(clone),
        *notebooks.notebooks(clone),
        *names.names(clone),
        locks.locks(clone),
        *worktrees.worktrees(clone),
    ]


def _of_dvc(clone: Clone, top: Path, has_dvc: bool) -> list[Finding]:
    root = pipeline.project_root(clone.here, top)
    findings = [project.project(root, top, clone.here)]
    if root is None:
        return findings
    if has_dvc:
        findings.append(storage.remote(pipeline.default_remote(root), clone.here, top))
        findings += storage.cache(clone, root, top)
    return [*findings, *project.state(clone, root, top), *settings.line_ends(clone, root, top)]


def _here(folder: Path | None) -> Path:
    try:
        return Path.cwd() if folder is None else folder.resolve()
    except FileNotFoundError:
        raise FolderIsGone from None
