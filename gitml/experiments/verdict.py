"""What is recorded of the end of an experiment: the verdict in its report, the tags that pin its runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from gitml.experiments.desk import FOLDER
from gitml.git.command import git
from gitml.git.objects import Objects
from gitml.git.refs import list_refs
from gitml.reports import document

Verdict = Literal["accepted", "rejected"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

STATUS = "finished"
"""What the front matter's ``status`` says of an experiment that has a verdict."""

PINS = "refs/tags/exp/"

MOST_MERGES = 1000
"""Merges of main that are looked back on for the one of an experiment."""

_NUMBER = re.compile(r"@([2-9]|[1-9][0-9]{1,8})")


class Pin(NamedTuple):
    """A tag that keeps an experiment.

    Attributes
    ----------
    ref
        Its full name: ``refs/tags/exp/lower-lr``, and for a second end of the experiment
        ``refs/tags/exp/lower-lr@2``. No slug has an @, so that it is the tag of no other experiment.
    oid
        Full id of the tag object.
    commit
        Full id of what it pins.
    number
        1, 2 …
    """

    ref: str
    oid: str
    commit: str
    number: int

    @property
    def short(self) -> str:
        """The name as people write it."""
        return self.ref.removeprefix("refs/tags/")


class Merge(NamedTuple):
    """The commit of main that took an experiment in: full ids."""

    commit: str
    main_before: str
    experiment: str


def branch_of(slug: str) -> str:
    """Return the full name of an experiment's branch."""
    return f"refs/heads/{FOLDER}{slug}"


def number_of(name: str, slug: str) -> int | None:
    """Return the number of an experiment's tag, from ``exp/lower-lr@2``'s part behind ``exp/``; None for another's.

    >>> number_of("lower-lr", "lower-lr"), number_of("lower-lr@12", "lower-lr"), number_of("lower-lr-2", "lower-lr")
    (1, 12, None)
    """
    if name == slug:
        return 1
    found = _NUMBER.fullmatch(name.removeprefix(slug)) if name.startswith(slug) else None
    return int(found[1]) if found is not None else None


def pins(slug: str, at: Path | None = None) -> list[Pin]:
    """Return the tags of an experiment, oldest first."""
    found = []
    for ref in list_refs(f"{PINS}{slug}*", at=at):
        number = number_of(ref.name.removeprefix(PINS), slug)
        if number is not None:
            found.append(Pin(ref.name, ref.oid, ref.peeled, number))
    return sorted(found, key=lambda pin: pin.number)


def next_pin(slug: str, known: list[Pin]) -> str:
    """Return the full name of the tag that a next end of an experiment gets."""
    number = 1 + max((pin.number for pin in known), default=0)
    return f"{PINS}{slug}" + (f"@{number}" if number > 1 else "")


def recorded(commit: str, slug: str, objects: Objects) -> Verdict | None:
    """Return the verdict that a commit's report has; None while the experiment is open."""
    content = objects.read_file(commit, document.path(slug))
    fields = document.parse(document.decoded(content or b"")).fields
    verdict = fields.get("verdict")
    if fields.get("status") != STATUS:
        return None
    return next((one for one in VERDICTS if one == verdict), None)


def merge_of(tip: str, main: str, at: Path | None = None) -> Merge | None:
    """Return the merge of main by which `gitml exp finish` took in a commit, or a closing commit on top of it."""
    words = ("rev-list", "--first-parent", "--merges", "--parents", f"--max-count={MOST_MERGES}", main, "--not", tip)
    for line in reversed(git(*words, at=at).splitlines()):
        merge, before, *others = line.split(" ")
        for other in others:
            if other == tip or first_parent(other, at) == tip:
                return Merge(merge, before, other)
    return None


def first_parent(commit: str, at: Path | None = None) -> str | None:
    """Return the full id of a commit's first parent; None for a first commit."""
    return next(iter(git("rev-list", "--parents", "--max-count=1", commit, at=at).split(" ")[1:]), None)
