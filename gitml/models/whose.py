"""Which releases have a file, found by its bytes and whatever it is called."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from gitml.errors import BrokenEnvironment
from gitml.models import claims
from gitml.pipeline import lockfile, yaml12

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitml.git.objects import Objects
    from gitml.models.claims import Claim
    from gitml.models.registry import Registry, Release

BLOCK = 2**20
LOCK = "dvc.lock"

_PREDICTION = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""A ULID or a UUID."""

_PLAIN_PATH = re.compile(r"[^\s:]+")


class Sums(NamedTuple):
    """The sums of a file's bytes."""

    sha256: str
    md5: str


class Found(NamedTuple):
    """A release that has a file.

    Attributes
    ----------
    release
        The release.
    path
        Where it has it.
    by
        ``model`` where its provenance.json names it as a file of the model, with its sha256 or md5; ``lock``
        where its dvc.lock has the md5.
    """

    release: Release
    path: str
    by: str


class NothingIsServed(BrokenEnvironment):
    """What somebody gave looks like the id of a prediction, and there is no log of predictions."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text} looks like the id of a prediction, and nothing is served here yet: no prediction log",
            "Only a log of predictions says which release made which one. A release, or a file, can be traced.",
            ("gitml model trace production",),
        )


class CannotBeRead(BrokenEnvironment):
    """A file cannot be read."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file} cannot be read", f"{reason}.", ("gitml model trace production",))


def is_like_a_prediction(text: str) -> bool:
    """Say whether a text looks like the id of a prediction.

    >>> is_like_a_prediction("01J9ZQ5T7Y8X6W4V3R2Q1P0N9M"), is_like_a_prediction("model-v4")
    (True, False)
    """
    return _PREDICTION.fullmatch(text) is not None


def sums(file: Path) -> Sums:
    """Return the sums of a file, whatever its size.

    Raises
    ------
    CannotBeRead
        It is a folder, or cannot be opened.
    """
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    try:
        with open(file, "rb") as opened:
            while block := opened.read(BLOCK):
                sha256.update(block)
                md5.update(block)
    except OSError as error:
        raise CannotBeRead(file, error.strerror or str(error)) from None
    return Sums(sha256.hexdigest(), md5.hexdigest())


def releases_with(file: Sums, known: Registry, objects: Objects, at: Path | None = None) -> list[Found]:
    """Return every release that has a file with these sums, in the order of the registry.

    A sha256 that a release names decides; an md5 alone is believed where the release has no sha256 of the file.
    """
    said = claims.read_each(known.releases.values(), objects, at)
    found = []
    for release in known.releases.values():
        claim = said[release.commit]
        one = _in_model(file, claim) or next(_in_locks(file, release, claim, objects), None)
        if one is not None:
            found.append(Found(release, *one))
    return found


def _in_model(file: Sums, claim: Claim) -> tuple[str, str] | None:
    for each in claim.told.model if claim.told is not None else ():
        if (each.sha256 == file.sha256) if each.sha256 else (each.md5 == file.md5):
            return each.path, "model"
    return None


def _in_locks(file: Sums, release: Release, claim: Claim, objects: Objects) -> Iterator[tuple[str, str]]:
    """Yield the paths that a release's dvc.lock files have with this md5."""
    for lock in dict.fromkeys([LOCK, *(claim.told.lock if claim.told is not None else ())]):
        content = objects.read_file(release.commit, lock, yaml12.LARGEST) if _PLAIN_PATH.fullmatch(lock) else None
        if content is None or file.md5.encode() not in content:
            continue
        try:
            stages = lockfile.read(content).values()
        except (lockfile.NotALock, lockfile.LockOfDvc1, yaml12.NotYaml):
            continue
        folder = lock.removesuffix(LOCK)
        denied = {each.path for each in claim.told.model if each.sha256} if claim.told is not None else set()
        for stage in stages:
            for name, recorded in (*stage.outs.items(), *stage.deps.items()):
                if recorded.md5 == file.md5 and f"{folder}{name}" not in denied:
                    yield f"{folder}{name}", "lock"
