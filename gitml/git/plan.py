"""Commands of several steps, as data: the same list is carried out, printed by --dry-run, and killed by tests."""

from __future__ import annotations

import os
import signal
from typing import NamedTuple

from gitml.errors import GitmlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CRASH_AT = "GITML_CRASH_AT"
"""A test's aid: ``[<command>:]<step>[:before|:after]`` kills the process there as ``kill -9`` would; without a
word it is before. ``exp run:commit:after`` dies right after the commit point."""


class Step(NamedTuple):
    """One step.

    Attributes
    ----------
    name
        One word, unique in its plan.
    says
        What it does, as a person reads it: "commit on experiments/lower-lr".
    do
        Does it.
    """

    name: str
    says: str
    do: Callable[[], None]


class Plan(NamedTuple):
    """What a command does, in this order.

    Attributes
    ----------
    command
        Its words: ``exp run``.
    steps
        Those before the commit point leave nothing that counts; those behind it can be repeated.
    commit_point
        Place of the one step that changes everything that matters; None where no step does.
    """

    command: str
    steps: Sequence[Step]
    commit_point: int | None = None


class FollowUpFailed(GitmlError):
    """The command did what matters, and a step behind that failed."""

    def __init__(self, command: str, step: Step, error: GitmlError) -> None:
        super().__init__(
            f"gitml {command} is done, but a last step failed: {error.what}",
            f"It was to {step.says}. {error.why}".strip(),
            (*error.mend, f"gitml {command}   # again: it does only what is left"),
        )
        self.exit_code = error.exit_code
        self.step = step.name
        self.error = error


def describe(plan: Plan) -> list[str]:
    """Return what a plan would do, a line a step."""
    return [step.says for step in plan.steps]


def carry_out(plan: Plan, on_step: Callable[[Step], None] | None = None) -> None:
    """Do a plan's steps in their order.

    Parameters
    ----------
    plan
        The steps.
    on_step
        Called before each one.

    Raises
    ------
    FollowUpFailed
        A step behind the commit point failed. Errors of the others are raised as they are.
    """
    crash = os.environ.get(CRASH_AT, "")
    for place, step in enumerate(plan.steps):
        if on_step is not None:
            on_step(step)
        _crash_if(crash, plan.command, step.name, "before")
        try:
            step.do()
        except GitmlError as error:
            if plan.commit_point is None or place <= plan.commit_point:
                raise
            raise FollowUpFailed(plan.command, step, error) from error
        _crash_if(crash, plan.command, step.name, "after")


def _crash_if(crash: str, command: str, step: str, when: str) -> None:
    if not crash:
        return
    named, colon, word = crash.rpartition(":")
    if not colon or word not in ("before", "after"):
        named, word = crash, "before"
    if word == when and named in (step, f"{command}:{step}"):
        os.kill(os.getpid(), signal.SIGKILL)
