"""What a person reads when a rule says no, or warns."""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions.shell import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitml.policy.check import Judged
    from gitml.policy.rules import Severity, Violation

WIDTH = 72
"""Columns: a server's words come behind ``remote: ``."""

MOST = 20
"""What is shown of one ref; the rest is counted."""


class Refusal(NamedTuple):
    """What was found, and what it means.

    Attributes
    ----------
    judged
        All of it.
    """

    judged: tuple[Judged, ...]

    @property
    def is_final(self) -> bool:
        """Whether anything refuses, and not only warns."""
        return any(one.violation.severity == "error" for one in self.judged)

    def text(self, what: str) -> str:
        """Return what is shown: nothing where nothing was found.

        Parameters
        ----------
        what
            What is refused, in one word: ``push``, ``pull request``.
        """
        blocks = []
        if self.is_final:
            blocks.append(_block(f"{what} refused", [one for one in self.judged if one.violation.severity == "error"]))
        warnings = [one for one in self.judged if one.violation.severity == "warn"]
        if warnings:
            blocks.append(_block("warning", warnings))
        return "\n".join(blocks)


def _block(title: str, judged: Sequence[Judged]) -> str:
    rules = dict.fromkeys(one.violation.rule for one in judged)
    lines = [f"gitml: {title} ({', '.join(rules)})"]
    mends: list[str] = []
    for ref, group in groupby(judged, key=lambda one: one.ref):
        violations = [one.violation for one in group]
        lines.append(f"  {printable(short(ref))}")
        for violation in violations[:MOST]:
            lines += _filled(violation.what, "    ") + _filled(violation.why, "      ")
            mends += violation.mend
        if len(violations) > MOST:
            lines.append(f"    and {len(violations) - MOST} more")
    if mends:
        lines += ["Mend:", *(f"  {printable(mend)}" for mend in dict.fromkeys(mends))]
    return "\n".join(lines)


def short(ref: str) -> str:
    """Return a ref as people write it."""
    for prefix in ("refs/heads/", "refs/tags/"):
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return ref


def _filled(text: str, indent: str) -> list[str]:
    if not text:
        return []
    return textwrap.wrap(
        printable(text),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def counted(judged: Sequence[Judged]) -> dict[Severity, int]:
    """Return how many of each severity there are."""
    found: dict[Severity, int] = {"error": 0, "warn": 0}
    for one in judged:
        found[one.violation.severity] += 1
    return found


def as_data(ref: str, violation: Violation) -> dict[str, object]:
    """Return a violation for JSON."""
    return {"ref": ref, **violation._asdict(), "mend": list(violation.mend)}
