"""What a person reads of violations: what is wrong, why, and the commands that mend it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitml.policy.rules import Violation


WIDTH = 80


def explain(violations: Sequence[Violation], refused: str) -> str:
    """Return the lines for violations of one severity.

    Parameters
    ----------
    violations
        At least one.
    refused
        What is not done because of them, as ``commit refused``; or ``warning``.
    """
    rules = _once(violation.rule for violation in violations)
    lines = [f"gitml: {refused} ({', '.join(rules)})"]
    for rule in rules:
        broken = [violation for violation in violations if violation.rule == rule]
        for why in _once(violation.why for violation in broken):
            lines += [f"  {violation.what}" for violation in broken if violation.why == why]
            lines += _filled(why)
    mend = _once(command for violation in violations for command in violation.mend)
    return "\n".join([*lines, "Mend:", *(f"  {command}" for command in mend)] if mend else lines)


def _filled(why: str) -> list[str]:
    """Return sentences as lines that fit a terminal; no path or word is cut."""
    import textwrap

    lines = textwrap.wrap(why, WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return [f"    {line}" for line in lines]


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
