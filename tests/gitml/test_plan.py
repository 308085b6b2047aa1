"""Commands of several steps."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from gitml.errors import BrokenEnvironment, GitmlError
from gitml.git.plan import FollowUpFailed, Plan, Step, carry_out, describe

from .conftest import ROOT

PLAN = """
from gitml.git.plan import Plan, Step, carry_out
steps = [Step(name, name, lambda name=name: print(name, flush=True)) for name in ("build", "commit", "tell")]
carry_out(Plan("exp run", steps, 1))
"""


def test_steps_run_in_their_order() -> None:
    done: list[str] = []
    plan = Plan("exp run", [Step(name, f"do {name}", lambda name=name: done.append(name)) for name in "abc"], 1)
    assert describe(plan) == ["do a", "do b", "do c"]
    carry_out(plan, lambda step: done.append(f"on {step.name}"))
    assert done == ["on a", "a", "on b", "b", "on c", "c"]


@pytest.mark.parametrize("error", [GitmlError("no", "Because.", ("mend",)), BrokenEnvironment("broken")])
def test_an_error_behind_the_commit_point_says_that_all_that_matters_is_done(error: GitmlError) -> None:
    def fail() -> None:
        raise error

    done: list[str] = []
    before = Plan("exp run", [Step("a", "do a", fail), Step("b", "do b", lambda: done.append("b"))], 0)
    with pytest.raises(type(error)) as first:
        carry_out(before)
    assert first.value is error
    assert done == []
    behind = Plan("exp run", [Step("b", "do b", lambda: done.append("b")), Step("c", "push it", fail)], 0)
    with pytest.raises(FollowUpFailed) as caught:
        carry_out(behind)
    assert caught.value.exit_code == error.exit_code
    assert caught.value.what == f"gitml exp run is done, but a last step failed: {error.what}"
    assert caught.value.why == f"It was to push it. {error.why}".strip()
    assert caught.value.mend == (*error.mend, "gitml exp run   # again: it does only what is left")
    with pytest.raises(type(error)):
        carry_out(Plan("exp run", behind.steps))


@pytest.mark.parametrize(
    ("where", "printed"),
    [
        ("build", ""),
        ("commit", "build"),
        ("commit:before", "build"),
        ("commit:after", "build commit"),
        ("exp run:tell", "build commit"),
        ("exp run:build:after", "build"),
        ("exp start:build", "build commit tell"),
        ("none", "build commit tell"),
    ],
)
def test_a_process_can_be_killed_at_a_step(where: str, printed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PLAN],
        env={**os.environ, "PYTHONPATH": str(ROOT), "GITML_CRASH_AT": where},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == printed.split()
    assert done.returncode == (0 if "tell" in printed else -signal.SIGKILL)
