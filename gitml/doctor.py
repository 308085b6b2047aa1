"""What is wrong with this machine and this repository, and the commands that mend it."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Literal, NamedTuple

from gitml.errors import FolderIsGone, GitFailed, GitIsMissing
from gitml.git import repository as git_repository
from gitml.git.repository import Head, Repository
from gitml.pipeline import environment as pipeline
from gitml.pipeline.findings import Verdict
from gitml.policy.lock import reason

OLDEST_PYTHON = (3, 11)
OLDEST_GIT = (2, 38)
"""The first git with ``merge-tree --write-tree``, by which a merge is tried without a working tree."""

OLDEST_DVC = (3, 50)
TORCH = "2.13.0"
"""The version that constraints.txt pins; others pull in gigabytes of CUDA packages on a fresh Linux machine."""

State = Literal["ok", "warning", "broken"]


class Finding(NamedTuple):
    """The outcome of one check.

    Attributes
    ----------
    check
        What was looked at, in one word.
    state
        ``broken``: gitml cannot work. ``warning``: something will be missed later.
    says
        What was found, in one line.
    why
        Why it matters; empty where all is well.
    mend
        The commands that mend it, one a line, to be run in the current folder.
    """

    check: str
    state: State
    says: str
    why: str = ""
    mend: tuple[str, ...] = ()


def diagnose(folder: Path | None = None) -> list[Finding]:
    """Look at the machine and at the repository around `folder`, or around the current one.

    Raises
    ------
    FolderIsGone
        The current folder does not exist any more.
    """
    try:
        here = Path.cwd() if folder is None else folder.resolve()
    except FileNotFoundError:
        raise FolderIsGone from None
    interpreter = _interpreter(here)
    findings = [python(sys.version_info[:3])]
    try:
        findings.append(git(*git_repository.version()))
        found = _look_for_repository(here, folder)
    except GitIsMissing as missing:
        findings.append(Finding("git", "broken", missing.what, missing.why, missing.mend))
        found = None
    if isinstance(found, Finding):
        findings.append(found)
    elif found is not None:
        findings.append(repository(found, here))
        findings.append(head(git_repository.head(found, folder)))
        findings.append(identity(git_repository.has_identity(folder)))
    dvc_version = pipeline.installed("dvc")
    findings.append(dvc(dvc_version, interpreter))
    if isinstance(found, Repository) and found.root is not None:
        findings += _project(here, found.root, folder, dvc_version is not None)
    findings.append(torch(pipeline.installed("torch"), interpreter))
    return findings


def is_anything_broken(findings: list[Finding]) -> bool:
    """Say whether gitml cannot work here."""
    return any(finding.state == "broken" for finding in findings)


def python(version: tuple[int, ...]) -> Finding:
    """Judge the Python that runs gitml."""
    text = ".".join(map(str, version))
    if version[:2] >= OLDEST_PYTHON:
        return Finding("python", "ok", text)
    return Finding(
        "python",
        "broken",
        f"{text} is too old",
        "gitml needs Python 3.11 or newer.",
        ("install it, then make a new environment: https://www.python.org/downloads",),
    )


def git(text: str, version: tuple[int, int]) -> Finding:
    """Judge the git in PATH by its version, as text and as numbers."""
    if version >= OLDEST_GIT:
        return Finding("git", "ok", text)
    return Finding(
        "git",
        "broken",
        f"{text} is too old",
        "gitml merges without touching your files, which git can do since 2.38.",
        ("install git 2.38 or newer: https://git-scm.com/downloads",),
    )


def no_repository(git_says: str, is_hidden: bool, git_dir: str | None) -> Finding:
    """Explain why git found no repository.

    Parameters
    ----------
    git_says
        What git wrote to stderr.
    is_hidden
        Whether this folder or one above it has a ``.git`` all the same, which git refuses.
    git_dir
        The environment's GIT_DIR, which git obeys before it looks around.
    """
    if git_dir is not None:
        says = "GIT_DIR names a folder that is no repository"
        return Finding("repository", "broken", says, f"It is set to {git_dir}.", ("unset GIT_DIR",))
    if not is_hidden:
        return Finding("repository", "broken", "not inside a git repository", "", ("git init",))
    lines = [line.strip() for line in git_says.splitlines()]
    mend = tuple(line for line in lines if line.startswith("git config "))
    why = lines[0] if lines else "It gives no reason."
    return Finding(
        "repository", "broken", "git refuses the repository around this folder", why, mend or ("git status",)
    )


def repository(found: Repository, here: Path) -> Finding:
    """Judge where we are: a working tree, a linked one, a bare repository."""
    if found.root is not None and found.is_linked_worktree:
        main = found.common_dir.parent if found.common_dir.name == ".git" else found.common_dir
        return Finding("repository", "ok", f"{found.root.name}, a linked worktree of {main.name}")
    if found.root is not None:
        return Finding("repository", "ok", found.root.name)
    if not found.is_bare:
        says = "this is the inside of a .git folder"
        return Finding(
            "repository",
            "warning",
            says,
            "There are no files to work on here.",
            ("cd " + _from(here, found.common_dir.parent),),
        )
    name = found.common_dir.name.removesuffix(".git") or found.common_dir.parent.name
    clone = found.common_dir.parent / (name if name != found.common_dir.name else f"{name}-work")
    return Finding(
        "repository",
        "warning",
        f"{found.common_dir.name} is bare",
        "It has no files to work on: experiments need a clone of it.",
        (shlex.join(["git", "clone", str(found.common_dir), os.path.relpath(clone, here)]),),
    )


def head(found: Head) -> Finding:
    """Judge what is checked out."""
    if found.commit is None:
        return Finding(
            "head",
            "warning",
            f"{found.branch or 'HEAD'} has no commit yet",
            "An experiment starts from a commit.",
            ('git commit --allow-empty -m "infra: start"',),
        )
    if found.branch is not None:
        return Finding("head", "ok", f"{found.branch} at {found.commit}")
    if found.unfinished is not None:
        mend = {"rebase": ("git rebase --continue", "git rebase --abort"), "bisect": ("git bisect reset",)}
        says = f"a {found.unfinished} is under way at {found.commit}"
        why = "HEAD is on no branch until it ends." + (" One of:" if found.unfinished == "rebase" else "")
        return Finding("head", "warning", says, why, mend[found.unfinished])
    return Finding(
        "head",
        "warning",
        f"detached at {found.commit}",
        "A commit made now would be on no branch and be lost.",
        (f"git switch -c experiments/from-{found.commit}",),
    )


def identity(is_told: bool) -> Finding:
    """Judge whether git knows who commits."""
    if is_told:
        return Finding("identity", "ok", "git knows who commits")
    return Finding(
        "identity",
        "broken",
        "git does not know who commits",
        "Every run is a commit, and a commit names its author.",
        ('git config --global user.name "Your Name"', "git config --global user.email you@example.com"),
    )


def dvc(version: str | None, interpreter: str) -> Finding:
    """Judge the installed DVC."""
    if version is not None and _first_two(version) >= OLDEST_DVC:
        return Finding("dvc", "ok", version)
    says = "not installed" if version is None else f"{version} is too old"
    why = "gitml runs the pipeline with DVC 3.50 or newer."
    return Finding("dvc", "broken", says, why, (f"{interpreter} -m pip install 'dvc>=3.50'",))


def project(root: Path | None, top: Path, here: Path) -> Finding:
    """Judge whether the repository has a DVC project; its root is `root`, the repository's is `top`."""
    if root is not None:
        return Finding("project", "ok", "a DVC project" if root == top else f"a DVC project in {_from(top, root)}")
    initialise = "dvc init" if here == top else f"cd {_from(here, top)} && dvc init"
    return Finding("project", "broken", "DVC is not initialised here", "There is no .dvc folder.", (initialise,))


def remote(found: pipeline.Remote | None) -> Finding:
    """Judge whether data and models have a place to be pushed to."""
    if found is None:
        return Finding(
            "remote",
            "warning",
            "no default DVC remote",
            "Data and models stay on this machine: a colleague's clone has none.",
            ("dvc remote add -d storage s3://your-bucket/dvc",),
        )
    if found.has_url:
        return Finding("remote", "ok", found.name)
    return Finding(
        "remote",
        "warning",
        f"the default DVC remote {found.name} has no URL",
        "Data and models stay on this machine: a colleague's clone has none.",
        (f"dvc remote add -d {shlex.quote(found.name)} s3://your-bucket/dvc",),
    )


def hold(found: pipeline.Hold, file: str) -> Finding:
    """Judge ``.dvc/tmp/rwlock``, which is `file` as seen from here."""
    pids = ", ".join(map(str, found.pids))
    processes = f"process {pids}" if len(found.pids) == 1 else f"processes {pids}"
    remove = (f"rm {file}",)
    if found.state == "corrupt":
        why = "A run was killed while it wrote the file; DVC refuses to run until it is gone."
        return Finding("rwlock", "broken", f"{file} is corrupt", why, remove)
    if found.state == "abandoned":
        why = f"It names {processes}, which ended. DVC refuses to run once another program has that number."
        return Finding("rwlock", "warning", f"{file} is left from a killed run", why, remove)
    return Finding("rwlock", "ok", f"held by {processes}" if found.state == "held" else "free")


def lock(state: pipeline.LockState, file: str, is_committed: bool) -> Finding:
    """Judge ``dvc.lock``, which is `file` as seen from here."""
    if state in ("readable", "absent"):
        return Finding("dvc.lock", "ok", state if state == "readable" else "none yet: nothing was run")
    mend = f"git checkout HEAD -- {file}" if is_committed else f"rm {file}"
    why = "A run was killed, or a merge stopped, while it was written. DVC cannot tell what was produced."
    return Finding("dvc.lock", "broken", f"{file} is {state}", why, (mend, "dvc repro"))


def recorded(verdict: Verdict) -> list[Finding]:
    """Judge what HEAD has of its stages' results against its ``dvc.lock``: two findings, none without stages."""
    findings = []
    forged, stale, uncovered = (verdict.of(kind) for kind in ("forged", "stale", "uncovered"))
    if forged:
        stages = list(dict.fromkeys(finding.stage for finding in forged))
        says = f"{_and_more([finding.name for finding in forged])} in HEAD: not what {_and_more(stages)} wrote"
        why = "The bytes differ from the md5 in dvc.lock: edited by hand, or not committed with their run."
        findings.append(Finding("lock", "warning", says, why, (shlex.join(["dvc", "repro", *stages]),)))
    elif stale:
        stages = list(dict.fromkeys(finding.stage or finding.name for finding in stale))
        says = f"{_and_more(stages)} would run again"
        why = "; ".join(map(reason, stale[:3])) + "."
        findings.append(Finding("lock", "warning", says, f"In HEAD {why}", ("dvc repro",)))
    elif verdict.stages:
        number = len(verdict.of("unverifiable"))
        unclear = f"; {number} {'entries' if number > 1 else 'entry'} only DVC can judge" if number else ""
        findings.append(Finding("lock", "ok", f"HEAD has what its stages wrote{unclear}"))
    if uncovered:
        says = f"{_and_more([finding.name for finding in uncovered])} in HEAD: the out of no stage"
        why = (
            "dvc.yaml names it at its top level only, so nobody sees an edit. Declare it in the stage that "
            "writes it, under metrics: with cache: false. Then:"
        )
        findings.append(Finding("metrics", "warning", says, why, ("dvc repro",)))
    return findings


def torch(version: str | None, interpreter: str) -> Finding:
    """Judge the installed torch against the pinned one; a local suffix such as ``+cpu`` does not count."""
    if version is None:
        return Finding("torch", "ok", "not installed; only the pipeline needs it")
    if version.partition("+")[0] == TORCH:
        return Finding("torch", "ok", version)
    why = f"The pipeline is tested with {TORCH}; another version may train another model."
    return Finding(
        "torch", "warning", f"{version}, not {TORCH}", why, (f"{interpreter} -m pip install torch=={TORCH}",)
    )


def _look_for_repository(here: Path, folder: Path | None) -> Repository | Finding:
    try:
        return git_repository.find(folder)
    except GitFailed as failed:
        is_hidden = any((candidate / ".git").exists() for candidate in (here, *here.parents))
        return no_repository(failed.stderr, is_hidden, os.environ.get("GIT_DIR") if folder is None else None)


def _project(here: Path, top: Path, folder: Path | None, has_dvc: bool) -> list[Finding]:
    root = pipeline.project_root(here, top)
    findings = [project(root, top, here)]
    if root is not None:
        if has_dvc:
            findings.append(remote(pipeline.default_remote(root)))
        findings.append(hold(pipeline.read_hold(root), _from(here, root / ".dvc" / "tmp" / "rwlock")))
        lock_file = root / "dvc.lock"
        is_committed = git_repository.is_committed(lock_file.relative_to(top), folder)
        findings.append(lock(pipeline.read_lock_state(root), _from(here, lock_file), is_committed))
        findings += _recorded(folder)
    return findings


def _recorded(folder: Path | None) -> list[Finding]:
    from gitml.pipeline.verify import judge

    try:
        return recorded(judge("HEAD", folder))
    except GitFailed:  # no commit yet
        return []


def _and_more(names: list[str]) -> str:
    """Return the first of `names`, and how many more there are."""
    distinct = list(dict.fromkeys(names))
    return distinct[0] + (f" and {len(distinct) - 1} more" if len(distinct) > 1 else "")


def _from(here: Path, path: Path) -> str:
    """Return `path` as it is typed from `here`."""
    return shlex.quote(os.path.relpath(path, here))


def _interpreter(here: Path) -> str:
    """Return the Python that runs gitml as it is typed from `here`."""
    path = Path(sys.executable)
    return _from(here, path) if path.is_relative_to(here) else shlex.quote(str(path))


def _first_two(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split(".")[:2] if number.isdigit())
