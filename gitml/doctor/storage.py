"""Where DVC keeps data and models: the remote that a team shares, and the cache that worktrees share."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from gitml.doctor.clone import Clone
from gitml.doctor.finding import Finding, Fix, NotMended, go_to, seen_from, shortened, typed
from gitml.doctor.repository import may_write
from gitml.git.files import replace_file
from gitml.pipeline import environment as pipeline
from gitml.pipeline.configuration import Configuration, Setting, with_cache

_LOST = "Data and models stay on this machine: a colleague's clone has none."


def remote(found: pipeline.Remote | None, here: Path, top: Path) -> Finding:
    """Judge whether data and models have a place to be pushed to, and the same one from everywhere."""
    if found is None:
        mend = ("dvc remote add -d storage s3://your-bucket/dvc",)
        return Finding("remote", "warning", "no default DVC remote", _LOST, mend)
    name = shortened(found.name)
    if found.url is None:
        says = f"the default DVC remote {name} has no URL"
        return Finding(
            "remote", "warning", says, _LOST, (f"dvc remote add -d {typed(found.name)} s3://your-bucket/dvc",)
        )
    folder = _folder(found.url)
    if folder is None:
        return Finding("remote", "ok", found.name)
    modify = f"dvc remote modify {typed(found.name)} url"
    if folder.is_relative_to(top):
        says = f"{name} is inside the repository: {seen_from(here, folder)}"
        why = "It is lost with the folder, git clean may take it, and a colleague's clone has none."
        return Finding("remote", "warning", says, why, (f"{modify} s3://your-bucket/dvc",))
    if found.url.is_relative:
        says = f"{name} is {shortened(found.url.value)}, which is relative"
        why = "It is looked for from each tree's own .dvc: a linked worktree, another clone and CI look elsewhere."
        return Finding("remote", "warning", says, why, (f"{modify} {typed(str(folder))}",))
    return _reached(name, folder, modify)


def _reached(name: str, folder: Path, modify: str) -> Finding:
    shown = shortened(str(folder))
    if not os.path.lexists(folder):
        why = "A disk that is not mounted? DVC would make the folder, and push into it all the same."
        says = f"{name} is {shown}, which is not there"
        return Finding("remote", "warning", says, why, (f"mkdir -p {typed(str(folder))}",))
    if not os.path.isdir(folder):
        return Finding("remote", "broken", f"{name} is {shown}, which is no folder", _LOST, (f"{modify} NEW-FOLDER",))
    if not may_write(folder):
        why = "dvc pull works, dvc push does not: what you produce stays on this machine."
        return Finding("remote", "warning", f"{name} is {shown}, which cannot be written to", why, (f"ls -ld {shown}",))
    return Finding("remote", "ok", name)


def cache(clone: Clone, root: Path, top: Path) -> list[Finding]:
    """Judge whether all working trees use one cache; nothing where there is one tree."""
    inner = root.relative_to(top)
    trees = [tree.path / inner for tree in clone.worktrees if not tree.is_bare and not tree.is_gone]
    roots = [path for path in trees if os.path.isdir(path / ".dvc")]
    if len(roots) < 2:
        return []
    shared = Configuration(roots[0]).cache
    others = [path for path in roots if _real(Configuration(path).cache) != _real(shared)]
    if not others:
        return [Finding("cache", "ok", f"shared by {len(roots)} worktrees")]
    number = len(roots)
    says = f"{number} worktrees have {len({_real(Configuration(path).cache) for path in roots})} caches"
    why = "Data is downloaded and kept once a worktree, and what one has produced another produces again."
    mend: list[str] = []
    for path in others:
        own = Configuration(path).cache
        if not _is_empty(own):
            target = seen_from(clone.here, shared)
            mend.append(f"mkdir -p {target} && cp -Rn {seen_from(clone.here, own)}/. {target}/")
        mend.append(f"{go_to(clone.here, path)}dvc cache dir --local {typed(str(shared))}")
    fixes = tuple(_share(clone.here, path, shared) for path in others if _may_share(path))
    return [Finding("cache", "warning", says, why, tuple(mend), fixes)]


def _share(here: Path, root: Path, shared: Path) -> Fix:
    def write() -> None:
        if _real(Configuration(root).cache) == _real(shared):
            return
        if not _may_share(root):
            raise NotMended(f"{seen_from(here, root)} has a cache of its own by now")
        replace_file(root / ".dvc" / "config.local", with_cache(_local(root), shared).encode(), root / ".dvc" / "tmp")

    tree = "this worktree" if root == here else seen_from(here, root)
    return Fix(f"let {tree} use the cache {shlex.quote(str(shared))}", write)


def _may_share(root: Path) -> bool:
    """Say whether a tree's cache can be another one, with nothing out of sight by it.

    Not where it has data, where somebody chose it, and where git would see config.local.
    """
    config = Configuration(root)
    try:
        ignored = (root / ".dvc" / ".gitignore").read_text(encoding="utf-8").split()
        _local(root)
    except (OSError, UnicodeDecodeError):
        return False
    chosen = config.get("cache", "dir")
    is_chosen_here = chosen is not None and chosen.file == root / ".dvc" / "config.local"
    return not is_chosen_here and "/config.local" in ignored and _is_empty(config.cache)


def _local(root: Path) -> str:
    """Return the text of a project's config.local; empty where there is none."""
    try:
        return (root / ".dvc" / "config.local").read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _is_empty(folder: Path) -> bool:
    return not any(files for _, _, files in os.walk(folder))


def _folder(url: Setting) -> Path | None:
    """Return the folder of a remote on this machine, or in its file system; None for any other."""
    if url.value.startswith("file://"):
        return Path(os.path.abspath(url.value.removeprefix("file://")))
    return None if url.is_url else url.path


def _real(path: Path) -> str:
    return os.path.realpath(path)
