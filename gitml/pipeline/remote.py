"""Whether the remotes have the data of commits, and bringing it there and back."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gitml.conventions.amounts import files_in_words
from gitml.errors import BrokenEnvironment
from gitml.git import repository
from gitml.git.objects import Objects, list_tree
from gitml.pipeline import dvc
from gitml.pipeline.data import needed
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.storage import DataObject, Storage, names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

READ_AHEAD = ("dvc.yaml", "dvc.lock", "params.yaml", ".dvc", ".dvcignore", ".dvc/config")
PATIENCE = 60.0
"""Seconds that a remote is given to say what it has, where somebody waits for something else."""


class Plan(NamedTuple):
    """What is to be pushed or fetched.

    Attributes
    ----------
    objects
        What is sent, with its size where that is known.
    nowhere
        What is at neither end.
    remotes
        Names of the remotes.
    """

    objects: tuple[DataObject, ...]
    nowhere: tuple[DataObject, ...]
    remotes: tuple[str, ...]


class TransferFailed(BrokenEnvironment):
    """Some objects could not be sent; what was sent is there."""

    def __init__(self, verb: str, failed: int, done: int, why: str, again: str) -> None:
        rest = f" {done} more {'is' if done == 1 else 'are'} there now." if done else ""
        says = f"{why.rstrip('.') or 'DVC gave no reason'}.{rest}"
        super().__init__(f"{files_in_words(failed)} could not be {verb}", says, (f"gitml data {again}",))


def lacking(tree: str, at: Path | None = None, remote: str = "", storage: Storage | None = None) -> list[DataObject]:
    """Return what the remote lacks of the data of a commit; nothing where it has no DVC project.

    Parameters
    ----------
    tree
        Anything that names a commit or a tree, our own or a full id.
    at
        As for `gitml.git.command.git`.
    remote
        Ask this remote instead of the default one.
    storage
        Where the objects are; None for what the working tree says.

    Raises
    ------
    BrokenEnvironment
        It cannot be found out: no remote, it does not answer, or its part of DVC is not installed.
    """
    if storage is None:
        storage = Storage(repository.find(at).root)
    return storage.measured(storage.missing(objects_of([tree], storage, at), remote, PATIENCE), remote)


def objects_of(trees: Iterable[str], storage: Storage, at: Path | None = None) -> list[DataObject]:
    """Return the objects that commits need, each once.

    Parameters
    ----------
    trees, at
        As for `lacking`.
    storage
        Where the objects are. It learns the settings of what is not checked out, so go on with the same one.
    """
    found: dict[tuple[str, bool, str, str], DataObject] = {}
    with Objects(at) as objects:
        for tree in trees:
            snapshot = Snapshot(list_tree(tree, at), objects)
            snapshot.read_ahead(path for path in snapshot.files if path.endswith(READ_AHEAD))
            for each in needed(snapshot, storage):
                found.setdefault(each.key, each)
    return list(found.values())


def plan_push(objects: Sequence[DataObject], storage: Storage, remote: str = "") -> Plan:
    """Return what is to be pushed of the objects.

    Raises
    ------
    BrokenEnvironment
        What the remote has cannot be found out.
    """
    lacks = storage.missing(objects, remote)
    gone = set(storage.absent(lacks))
    return Plan(
        tuple(storage.measured(each for each in lacks if each not in gone)),
        tuple(each for each in lacks if each in gone),
        tuple(dict.fromkeys(name for _, name, _ in storage.by_remote(objects, remote))),
    )


def plan_fetch(objects: Sequence[DataObject], storage: Storage, remote: str = "") -> Plan:
    """Return what is to be fetched of the objects.

    Raises
    ------
    BrokenEnvironment
        What the remote has cannot be found out.
    """
    away = storage.absent(objects)
    asked = [(name, each) for _, name, group in storage.by_remote(away, remote) for each in group]
    gone = set(storage.missing(away, remote))
    return Plan(
        tuple(storage.measured((each for _, each in asked if each not in gone), remote)),
        tuple(each for _, each in asked if each in gone),
        tuple(dict.fromkeys(name for name, _ in asked)),
    )


def push(plan: Plan, storage: Storage, remote: str = "") -> list[DataObject]:
    """Send what a plan says from the cache to the remotes, with DVC's bars on stderr.

    A folder's list is sent after its files, and only where each of them is there: who has the list may count
    on them.

    Returns
    -------
    objects
        What was sent.

    Raises
    ------
    TransferFailed
        Some objects did not arrive; what did is there, and the same again sends the rest.
    BrokenEnvironment
        Nothing could be sent.
    """
    done: set[tuple[str, bool]] = set()
    # DVC is told of the files that are nowhere too, so that it keeps back the lists that name them.
    for known, name, group in storage.by_remote((*plan.objects, *plan.nowhere), remote) if plan.objects else ():
        moved = dvc.push(known, name, names(group))
        _refuse(len(moved.failed), "pushed", len(moved.done), moved.why)
        done |= moved.done
    return [each for each in plan.objects if (each.md5, each.is_exact) in done]


def fetch(plan: Plan, storage: Storage, remote: str = "") -> list[DataObject]:
    """Bring what a plan says from the remotes into the cache; as `push`."""
    done: set[tuple[str, bool]] = set()
    for known, name, group in storage.by_remote(plan.objects, remote):
        moved = dvc.fetch(known, name, names(group))
        _refuse(len(moved.failed), "fetched", len(moved.done), moved.why)
        done |= moved.done
    return [each for each in plan.objects if (each.md5, each.is_exact) in done]


def _refuse(failed: int, verb: str, done: int, why: str) -> None:
    if failed:
        raise TransferFailed(verb, failed, done, why, "push" if verb == "pushed" else "fetch")
