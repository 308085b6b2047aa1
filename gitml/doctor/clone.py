"""The repository that is looked at, and what several checks ask of it: each git is run once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from gitml.config import DEFAULTS, Config
from gitml.git import repository as git_repository
from gitml.git import worktrees as git_worktrees
from gitml.git.repository import OWN_FOLDER, Head, Repository
from gitml.git.worktrees import Worktree


class Clone(NamedTuple):
    """What is known of the repository before any check.

    Attributes
    ----------
    repository
        Where it keeps its things.
    here
        The folder from which paths are written, and commands are typed.
    folder
        The folder that was asked for; None for the current one, with what the environment says of it.
    head
        What is checked out.
    worktrees
        The working trees that people work in: not gitml's own slots.
    refs
        The full names of its branches, remote-tracking branches and tags.
    settings
        git's configuration.
    config
        What gitml.toml says; the defaults where it cannot be read.
    """

    repository: Repository
    here: Path
    folder: Path | None
    head: Head
    worktrees: tuple[Worktree, ...]
    refs: tuple[str, ...]
    settings: dict[str, str]
    config: Config = DEFAULTS

    @property
    def git_dirs(self) -> list[Path]:
        """The folders in which git keeps what belongs to a working tree, the common one first."""
        common = self.repository.common_dir
        try:
            linked = sorted(path for path in (common / "worktrees").iterdir() if path.is_dir())
        except OSError:
            linked = []
        return [common, *(path for path in linked if not _is_of_a_slot(path, common))]


def _is_slot(path: Path, common: Path) -> bool:
    """Say whether a working tree is one of gitml's pool, which it cleans itself under a lock of its own."""
    return path.is_relative_to(common / OWN_FOLDER)


def _is_of_a_slot(administration: Path, common: Path) -> bool:
    try:
        back = Path(os.fsdecode((administration / "gitdir").read_bytes()).strip())
    except OSError:
        return False
    return _is_slot(back, common)


def look(repository: Repository, here: Path, folder: Path | None) -> Clone:
    """Gather what is known of `repository`."""
    return Clone(
        repository,
        here,
        folder,
        git_repository.head(repository, folder),
        tuple(tree for tree in git_worktrees.worktrees(folder) if not _is_slot(tree.path, repository.common_dir)),
        tuple(git_repository.ref_names(folder)),
        git_repository.settings(folder),
    )
