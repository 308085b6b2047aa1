"""What runs right now, in every working tree and slot of a repository."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gitml.experiments import progress
from gitml.experiments.before import FOLDER as BEFORE
from gitml.experiments.before import LOCK
from gitml.experiments.progress import State
from gitml.git.lock import is_held
from gitml.git.repository import OWN_FOLDER
from gitml.git.worktree import FOLDER as SLOTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Running(NamedTuple):
    """A run that is under way.

    Attributes
    ----------
    place
        ``here``, the name of another working tree, or of a slot.
    state
        How far it is.
    """

    place: str
    state: State


def running(git_dir: Path, common_dir: Path) -> list[Running]:
    """Return the runs that are under way; what killed ones left behind does not count.

    Parameters
    ----------
    git_dir
        What belongs to this working tree.
    common_dir
        What all working trees share.
    """
    found = []
    for place, folder, lock in _places(git_dir, common_dir):
        state = progress.read_state(folder) if lock.exists() and is_held(lock) else None
        if state is not None:
            found.append(Running(place, state))
    return found


def is_killed(git_dir: Path) -> bool:
    """Say whether a killed command of this working tree waits to be finished by the next one."""
    own = git_dir / OWN_FOLDER
    return (own / BEFORE / "journal.json").exists() and not is_held(own / LOCK)


def _places(git_dir: Path, common_dir: Path) -> Iterator[tuple[str, Path, Path]]:
    """Yield name, folder with the state, and lock of each place where a run can be."""
    own = git_dir / OWN_FOLDER
    yield "here", own, own / LOCK
    others = [("main worktree", common_dir), *((one.name, one) for one in sorted((common_dir / "worktrees").glob("*")))]
    for name, folder in others:
        if folder != git_dir:
            yield name, folder / OWN_FOLDER, folder / OWN_FOLDER / LOCK
    shelf = common_dir / OWN_FOLDER / SLOTS
    for state in sorted(shelf.glob("slot-*.state")):
        yield state.stem, state, shelf / f"{state.stem}.lock"
