"""What is found when a commit's dvc.lock is held against the rest of the commit."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["forged", "stale", "uncovered", "unverifiable"]
What = Literal["out", "dep", "param", "cmd", "stage", "metric", "file"]


class Finding(NamedTuple):
    """One thing that is not as dvc.lock says, or that cannot be judged.

    Attributes
    ----------
    kind
        ``forged``: git has other bytes than the stage wrote. ``stale``: the stage would run again.
        ``uncovered``: a metrics file that no stage writes. ``unverifiable``: no statement is made.
    stage
        As DVC addresses it, ``train`` or ``sub/dvc.yaml:train``; empty where it is about no stage.
    what
        What kind of thing differs.
    name
        The path in the commit, or the parameter as ``params.yaml:train.lr``.
    change
        ``modified``, ``deleted``, ``new`` (not in dvc.lock), ``unreadable`` or ``unclear``.
    why
        More, as half a sentence; may be empty.
    """

    kind: Kind
    stage: str
    what: What
    name: str
    change: str
    why: str = ""


class Verdict(NamedTuple):
    """All that was found in one commit.

    Attributes
    ----------
    findings
        In the order of the files and of their stages.
    stages
        How many stages were judged.
    """

    findings: tuple[Finding, ...]
    stages: int

    def of(self, kind: Kind) -> tuple[Finding, ...]:
        """Return the findings of one kind."""
        return tuple(finding for finding in self.findings if finding.kind == kind)
