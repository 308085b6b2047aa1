"""Entries of linked worktrees whose folders are gone."""

from __future__ import annotations

import os
from pathlib import Path

from gitml.doctor.clone import Clone
from gitml.doctor.finding import Finding, Fix, and_more, seen_from
from gitml.git import worktrees as git_worktrees
from gitml.git.worktrees import Worktree


def worktrees(clone: Clone) -> list[Finding]:
    """Judge whether each linked worktree still has its folder; nothing where all have."""
    gone = [tree for tree in clone.worktrees if tree.is_gone]
    if not gone:
        return []
    says = f"the folder of {and_more([tree.path.name for tree in gone])} is gone"
    kept = [tree for tree in gone if not _loses_nothing(tree)]
    why = "Its branch counts as checked out there, and cannot be checked out here."
    if kept:
        why = f"{kept[0].path.name} was on no branch, or its disk is not mounted: look before its entry goes."
    fixes = tuple(_fix(clone, tree) for tree in gone if _loses_nothing(tree))
    return [Finding("worktrees", "warning", says, why, ("git worktree prune",), fixes)]


def _loses_nothing(tree: Worktree) -> bool:
    """Say whether a branch keeps the commits, and the disk is there on which the folder was."""
    return tree.branch is not None and os.path.isdir(tree.path.parent)


def _fix(clone: Clone, tree: Worktree) -> Fix:
    def remove() -> None:
        _remove(tree.path, clone.folder)

    return Fix(f"forget the worktree {seen_from(clone.here, tree.path)}", remove)


def _remove(path: Path, folder: Path | None) -> None:
    now = next((tree for tree in git_worktrees.worktrees(folder) if tree.path == path), None)
    if now is not None and now.is_gone and _loses_nothing(now):
        git_worktrees.remove_entry(path, folder)
