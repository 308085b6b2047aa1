"""What the rules and gates say no to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitml.errors import GitmlError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitml.policy.check import Judged
    from gitml.policy.gates import GateResult


class Refused(GitmlError):
    """A rule or gate says no; nothing was changed.

    Attributes
    ----------
    judged
        What was found, warnings as well.
    gates
        What each bound of each gate says.
    """

    def __init__(self, what: str, judged: Sequence[Judged], results: Sequence[GateResult] = ()) -> None:
        errors = [one.violation for one in judged if one.violation.severity == "error"]
        lines = [f"{one.what} ({one.rule}). {one.why}".strip() for one in errors]
        mends = tuple(dict.fromkeys(mend for one in errors for mend in one.mend))
        super().__init__(what, "\n".join([*lines, "Nothing was changed."]), mends)
        self.judged = tuple(judged)
        self.gates = tuple(results)
