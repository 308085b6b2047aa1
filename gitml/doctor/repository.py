"""Whether there is a repository to work in, what is checked out in it, and who commits."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from gitml.doctor.clone import Clone
from gitml.doctor.finding import Finding, and_more, seen_from, shortened
from gitml.errors import GitFailed
from gitml.git import repository as git_repository
from gitml.git.repository import Head, Repository


def look_for(here: Path, folder: Path | None) -> Repository | Finding:
    """Return the repository around `folder`, or around the current one; else why there is none."""
    try:
        return git_repository.find(folder)
    except GitFailed as failed:
        is_hidden = any((candidate / ".git").exists() for candidate in (here, *here.parents))
        return none(failed.stderr, is_hidden, os.environ.get("GIT_DIR") if folder is None else None)


def none(git_says: str, is_hidden: bool, git_dir: str | None) -> Finding:
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


def place(found: Repository, here: Path) -> Finding:
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
            ("cd " + seen_from(here, found.common_dir.parent),),
        )
    if found.common_dir.name == ".git" and (found.common_dir / "index").exists():
        says = "core.bare is set, and there are files all the same"
        why = "git takes it for a server's, and refuses to work on the files."
        return Finding("repository", "broken", says, why, ("git config core.bare false",))
    name = found.common_dir.name.removesuffix(".git") or found.common_dir.parent.name
    clone = found.common_dir.parent / (name if name != found.common_dir.name else f"{name}-work")
    return Finding(
        "repository",
        "warning",
        f"{found.common_dir.name} is bare",
        "It has no files to work on: experiments need a clone of it.",
        (shlex.join(["git", "clone", str(found.common_dir), os.path.relpath(clone, here)]),),
    )


def permission(found: Repository, here: Path) -> list[Finding]:
    """Judge whether git can write into its own folders; nothing where it can."""
    common = found.common_dir
    folders = (common, common / "objects", common / "refs", found.git_dir)
    closed = [folder for folder in dict.fromkeys(folders) if folder.is_dir() and not may_write(folder)]
    if not closed:
        return []
    shown = seen_from(here, closed[0])
    says = f"{and_more([seen_from(here, folder) for folder in closed])} cannot be written to"
    if _is_read_only(closed[0]):
        why = "Its file system is mounted read-only: nothing can be committed."
        return [Finding("permission", "broken", says, why, (f"df {shown}",))]
    why = f"It belongs to user {closed[0].stat().st_uid}, and you are user {os.geteuid()}: nothing can be committed."
    return [Finding("permission", "broken", says, why, (f'sudo chown -R "$(id -u)" {seen_from(here, common)}',))]


def may_write(folder: Path) -> bool:
    """Say whether files can be made in a folder."""
    can_ask = os.access in os.supports_effective_ids
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=can_ask)


def head(found: Head, is_lost: bool = False) -> Finding:
    """Judge what is checked out, and whether something waits to be finished.

    Parameters
    ----------
    found
        What is checked out.
    is_lost
        Whether there is an id of a commit, and no such commit.
    """
    if is_lost:
        says = f"the commit of {shortened(found.branch or 'HEAD')} is missing"
        why = "It was lost, on a full disk or with a killed machine, or it was never copied here."
        return Finding("head", "broken", says, why, ("git fsck", "git reflog"))
    if found.commit is None:
        return Finding(
            "head",
            "warning",
            f"{found.branch or 'HEAD'} has no commit yet",
            "An experiment starts from a commit.",
            ('git commit --allow-empty -m "infra: start"',),
        )
    where = f"at {found.commit}" if found.branch is None else f"on {shortened(found.branch)} at {found.commit}"
    if found.unfinished == "bisect":
        why = "HEAD is on no branch until it ends." if found.branch is None else "It ends when it is reset."
        return Finding("head", "warning", f"a bisect is under way {where}", why, ("git bisect reset",))
    if found.unfinished is not None:
        why = "HEAD is on no branch until it ends. One of:" if found.branch is None else "Finish it or drop it. One of:"
        mend = tuple(f"git {found.unfinished} --{how}" for how in ("continue", "abort"))
        article = "an" if found.unfinished == "am" else "a"
        return Finding("head", "warning", f"{article} {found.unfinished} is under way {where}", why, mend)
    if found.branch is not None:
        return Finding("head", "ok", f"{shortened(found.branch)} at {found.commit}")
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


def origin(clone: Clone) -> Finding:
    """Say which remote repositories there are; none is right for a new project."""
    names = [
        name.removeprefix("remote.").removesuffix(".url")
        for name in clone.settings
        if name.startswith("remote.") and name.endswith(".url")
    ]
    return Finding("git remote", "ok", and_more(names) if names else "none yet: all of it is on this machine")


def history(clone: Clone) -> list[Finding]:
    """Judge whether the history is whole; nothing where it is."""
    try:
        edge = (clone.repository.common_dir / "shallow").read_bytes().split()
    except OSError:
        return []
    if not edge:
        return []
    why = "What came before is not here, so comparisons, merges and the checks of a range can be wrong or fail."
    return [Finding("history", "warning", "a shallow clone", why, ("git fetch --unshallow",))]


def _is_read_only(folder: Path) -> bool:
    return bool(hasattr(os, "statvfs") and os.statvfs(folder).f_flag & os.ST_RDONLY)
