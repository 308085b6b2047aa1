"""A name that somebody is about to give to a branch: who comes second hears it before hours of training."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from gitml.errors import GitmlError
from gitml.experiments.desk import FOLDER
from gitml.git import lock, repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitml.experiments.desk import Desk

NAMES = "names"


class NameIsClaimed(GitmlError):
    """Another command runs, and will make the branch of this name."""

    def __init__(self, slug: str, holder: lock.Holder | None) -> None:
        super().__init__(
            f"{FOLDER}{slug} is about to be made by another command",
            f"It is {holder or 'at work in this repository'}. Nothing was run.",
            (f"gitml exp run --worktree -n {slug}-2", "gitml exp list   # once it is done"),
        )


@contextmanager
def claim(desk: Desk, slug: str) -> Iterator[None]:
    """Have an experiment's name for oneself; a killed command has it no longer.

    Raises
    ------
    NameIsClaimed
        Another command has it.
    """
    folder = desk.repository.common_dir / repository.OWN_FOLDER / NAMES
    repository.make_folder(folder)
    file = folder / f"{slug}.lock"
    held = lock.try_to_take(file)
    if held is None:
        raise NameIsClaimed(slug, lock.read_holder(file))
    try:
        yield
    finally:
        held.give_back()
