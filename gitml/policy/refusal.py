"""What a person reads when a rule says no, or warns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions.shell import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
            blocks.append(_block(f"{what} refused", self._of("error"), WIDTH))
        warnings = self._of("warn")
        if warnings:
            blocks.append(_block("warning", warnings, WIDTH))
        return "\n".join(blocks)

    def _of(self, severity: Severity) -> dict[str, list[Violation]]:
        groups: dict[str, list[Violation]] = {}
        for ref, violation in self.judged:
            if violation.severity == severity:
                groups.setdefault(short(ref), []).append(violation)
        return groups


def explain(violations: Sequence[Violation], title: str, width: int = 80) -> str:
    """Return what is shown of violations that are about no ref; at least one, all of one severity."""
    return _block(title, {"": list(violations)}, width)


def _block(title: str, groups: Mapping[str, Sequence[Violation]], width: int) -> str:
    """Return the lines for violations by what they are about; an empty name for nothing that needs saying."""
    everything = [violation for violations in groups.values() for violation in violations]
    lines = [f"gitml: {title} ({', '.join(_once(one.rule for one in everything))})"]
    for name, violations in groups.items():
        indent = "    " if name else "  "
        lines += [f"  {printable(name)}"] if name else []
        lines += _said(violations[:MOST], indent, width)
        if len(violations) > MOST:
            lines.append(f"{indent}and {len(violations) - MOST} more")
    mends = _once(mend for violation in everything for mend in violation.mend)
    if mends:
        lines += ["Mend:", *(f"  {printable(mend)}" for mend in mends[:MOST])]
    return "\n".join(lines)


def _said(violations: Sequence[Violation], indent: str, width: int) -> list[str]:
    """Return the lines of violations, those with one reason together."""
    lines = []
    for rule, why in dict.fromkeys((one.rule, one.why) for one in violations):
        for one in violations:
            if (one.rule, one.why) == (rule, why):
                lines += _filled(one.what, indent, width)
        lines += _filled(why, f"{indent}  ", width)
    return lines


def short(ref: str) -> str:
    """Return a ref as people write it."""
    for prefix in ("refs/heads/", "refs/tags/"):
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return ref


def _filled(text: str, indent: str, width: int) -> list[str]:
    """Return text as lines that fit; no path or word is cut."""
    if not text:
        return []
    import textwrap

    text = printable(text)
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def as_data(ref: str, violation: Violation) -> dict[str, object]:
    """Return a violation for JSON."""
    return {"ref": ref, **violation._asdict(), "mend": list(violation.mend)}
