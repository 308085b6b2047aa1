"""Doing what mends a finding, one at a time and never two of us at once."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from gitml.doctor.finding import Finding, Fix
from gitml.errors import BrokenEnvironment, GitmlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 10.0
"""Seconds to wait for another ``gitml doctor --fix``."""


class AnotherIsAtWork(BrokenEnvironment):
    """A second ``gitml doctor --fix`` waits for the first, and not for ever."""

    def __init__(self) -> None:
        super().__init__(
            "another gitml doctor --fix is at work in this repository",
            f"It did not end in {PATIENCE:.0f} seconds.",
            ("gitml doctor",),
        )


class Outcome(NamedTuple):
    """What came of a fix.

    Attributes
    ----------
    check
        The finding's.
    says
        The fix's.
    hindrance
        Why it was left undone; empty where it was done.
    """

    check: str
    says: str
    hindrance: str = ""


def planned(findings: list[Finding]) -> list[tuple[str, Fix]]:
    """Return the fixes of all that is not well, with the checks that they are for."""
    return [(finding.check, fix) for finding in findings if finding.state != "ok" for fix in finding.fixes]


def carry_out(findings: list[Finding]) -> list[Outcome]:
    """Do all that is planned; what cannot be done stops nothing else."""
    outcomes = []
    for check, fix in planned(findings):
        try:
            fix.do()
        except GitmlError as error:
            outcomes.append(Outcome(check, fix.says, error.what))
        except OSError as error:
            outcomes.append(Outcome(check, fix.says, error.strerror or str(error)))
        else:
            outcomes.append(Outcome(check, fix.says))
    return outcomes


@contextmanager
def alone(common_dir: Path | None) -> Iterator[None]:
    """Keep other processes that mend the repository waiting; the kernel lets them go on when this one ends.

    Raises
    ------
    AnotherIsAtWork
        Another one has not ended in time.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    try:
        folder = common_dir / "gitml" if common_dir is not None else None
        if folder is None:
            raise FileNotFoundError
        folder.mkdir(exist_ok=True)
        file = (folder / "doctor.lock").open("a+b")
    except OSError:  # no repository, or one that nobody can change
        yield
        return
    with file:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise AnotherIsAtWork from None
                time.sleep(0.05)
        yield
