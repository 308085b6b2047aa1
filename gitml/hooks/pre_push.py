"""pre-push: what a server would refuse is refused before anything is sent."""

from __future__ import annotations

import os
import re
import sys

from gitml import config
from gitml.config import Config, WrongConfig
from gitml.errors import GitmlError
from gitml.git import server
from gitml.git.history import History
from gitml.git.objects import Objects
from gitml.policy.check import check
from gitml.policy.facts import Ground
from gitml.policy.refs import BRANCHES, RefUpdate
from gitml.policy.refusal import Refusal

_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def run(lines: bytes, remote: str, url: str) -> bool:
    """Judge what is about to be pushed, and return whether it may be.

    Parameters
    ----------
    lines
        What git says on stdin: ``<local ref> <oid> <remote ref> <oid>``, a line a ref.
    remote
        The remote's name; its URL where it has none.
    url
        Its URL.
    """
    updates = updates_in(lines)
    if not updates:
        return True
    try:
        project = config.read()
    except WrongConfig as wrong:
        print(f"gitml: the push was judged by the built-in rules: {wrong.what}", file=sys.stderr)
        project = Config()
    try:
        with Objects() as objects:
            before, known = _seen(remote, updates, objects)
            ground = Ground("pre-push", before, known, project)
            refusal = Refusal(tuple(check(updates, ground, objects, History(objects))))
    except GitmlError as error:
        print(f"gitml: the push was not checked: {error.what}", file=sys.stderr)
        return True
    text = refusal.text("push")
    if text:
        print(text, file=sys.stderr)
    return not refusal.is_final


def _seen(remote: str, updates: list[RefUpdate], objects: Objects) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the branches that the remote had when it was asked last, and words for the commits that it has.

    Of a remote that has no name, or was never fetched, nothing is known but what git says of the pushed refs. What
    any other remote has was judged there, or is older than this clone.
    """
    seen = server.refs_seen_from_clone(remote) if server.is_remote(remote) else {}
    has_branches = any(ref.startswith(BRANCHES) for ref in seen)
    said = {update.ref: update.old for update in updates if update.old is not None}
    here = objects.describe(said.values())
    olds = [oid for oid in dict.fromkeys(said.values()) if here.get(oid, ("", 0))[0] == "commit"]
    return seen | said, (f"--remotes={remote}" if has_branches else "--remotes", *olds)


def updates_in(lines: bytes) -> list[RefUpdate]:
    """Return the updates that pre-push is told of; a line that git would not write is passed over."""
    found = []
    for line in os.fsdecode(lines).split("\n"):
        words = line.rsplit(" ", 3)  # the local ref may be any words for a commit, "HEAD@{1 day ago}"
        if len(words) == 4 and _OBJECT_ID.fullmatch(words[1]) and _OBJECT_ID.fullmatch(words[3]):
            found.append(RefUpdate(words[2], id_or_none(words[3]), id_or_none(words[1])))
    return found


def id_or_none(oid: str) -> str | None:
    """Return an id; None for the one of zeros, by which git says that there is no object."""
    return oid if oid.strip("0") else None
