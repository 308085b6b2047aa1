"""Doing what mends a finding, one at a time and never two of us at once."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from gitml.doctor.finding import Finding, Fix
from gitml.errors import GitFailed, GitIsMissing, GitmlError
from gitml.git.lock import hold
from gitml.git.repository import CannotWrite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 10.0
"""Seconds to wait for another command of gitml."""


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
def alone(folder: Path | None) -> Iterator[None]:
    """Have the repository's lock, so that no other command of gitml changes it meanwhile.

    Where there is no repository, or one that nobody can write to, there is nothing to keep.

    Raises
    ------
    Locked
        Another command has it, and does not end in time.
    """
    with ExitStack() as stack:
        with suppress(CannotWrite, GitFailed, GitIsMissing):
            stack.enter_context(hold(folder, PATIENCE))
        yield
