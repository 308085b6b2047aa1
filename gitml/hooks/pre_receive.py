"""pre-receive: the law on one's own server."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter

from gitml.conventions.shell import printable
from gitml.git import server
from gitml.git.history import History
from gitml.git.objects import Objects, TooManyFiles
from gitml.hooks.pre_push import id_or_none
from gitml.policy.approvals import read_signers
from gitml.policy.check import check
from gitml.policy.facts import Ground
from gitml.policy.law import law
from gitml.policy.refs import BRANCHES, RefUpdate
from gitml.policy.refusal import Refusal

MOST_REFS = 1_000
"""Refs of one push."""

_LINE = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) (refs/.+)")


class NotAPush(ValueError):
    """What came by stdin is not what git says to pre-receive."""


def run(lines: bytes) -> bool:
    """Judge a push, and return whether it may be accepted.

    Parameters
    ----------
    lines
        What git says on stdin: ``<old oid> <new oid> <ref>``, a line a ref.

    Raises
    ------
    NotAPush
        It is not that.
    """
    updates = updates_in(lines)
    if not updates:
        return True
    if len(updates) > MOST_REFS:
        says = f"gitml: push refused: {len(updates)} refs at once, and {MOST_REFS} are looked at"
        print(f"{says}\nMend:\n  git push origin <some of them>", file=sys.stderr)
        return False
    twice = [ref for ref, times in Counter(update.ref for update in updates).items() if times > 1]
    if twice:
        print(f"gitml: push refused: {printable(twice[0])} is in it twice", file=sys.stderr)
        return False
    before = server.refs()
    lawful = BRANCHES + server.default_branch(before)
    try:
        with Objects() as objects:
            project, note = law(before.get(lawful), objects)
            signers = read_signers(before.get(lawful), project, objects)
            ground = Ground("server", before, ("--branches",), project, law=lawful, signers=signers)
            refusal = Refusal(tuple(check(updates, ground, objects, History(objects))))
    except TooManyFiles as error:
        print(f"gitml: push refused: {error.what}, and they are all looked at", file=sys.stderr)
        return False
    for text in (note, refusal.text("push")):
        if text:
            print(text, file=sys.stderr)
    return not refusal.is_final


def updates_in(lines: bytes) -> list[RefUpdate]:
    """Return the updates that pre-receive is told of.

    Raises
    ------
    NotAPush
        A line is not as git writes it.
    """
    found = []
    for line in os.fsdecode(lines).split("\n"):
        if line:
            words = _LINE.fullmatch(line)
            if words is None:
                raise NotAPush(line)
            found.append(RefUpdate(words[3], id_or_none(words[1]), id_or_none(words[2])))
    return found
