"""What guards a branch or a tag on a forge, and whether that is what gitml needs; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml.forges.base import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitml.forges.base import Protection

METHODS = ("merge", "squash", "fast-forward")
"""Ways of merging that leave production's tree that of the model; a rebase is refused there."""

NOT_TOLD = "not told"


class Guard(NamedTuple):
    """What holds for a branch that moves by pull request; None where the forge does not tell.

    Attributes
    ----------
    needs_pull_request
        Whether nobody can push to it.
    approvals
        How many are needed.
    drops_stale
        Whether an approval ends with the next push.
    checks
        Names of those that must pass.
    is_strict
        Whether the pull request's branch must have all of the base.
    can_force, can_delete
        Whether anybody can.
    bypass
        Who need not care; empty for nobody.
    methods
        How a pull request may be merged: ``merge``, ``squash``, ``rebase``, ``fast-forward``.
    has_queue
        Whether a merge queue or train puts pull requests together.
    """

    needs_pull_request: bool | None = None
    approvals: int | None = None
    drops_stale: bool | None = None
    checks: tuple[str, ...] | None = None
    is_strict: bool | None = None
    can_force: bool | None = None
    can_delete: bool | None = None
    bypass: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    has_queue: bool | None = None


class Seal(NamedTuple):
    """What holds for a branch or tag that is made once; None where the forge does not tell.

    Attributes
    ----------
    can_update, can_force, can_delete
        Whether anybody can.
    bypass
        Who need not care; empty for nobody.
    """

    can_update: bool | None = None
    can_force: bool | None = None
    can_delete: bool | None = None
    bypass: tuple[str, ...] | None = None


OPEN = Guard(False, 0, False, (), False, True, True, (), None, False)
"""A branch that nothing guards."""

UNSEALED = Seal(True, True, True, ())
"""A branch or tag that nothing seals."""


def moved(where: str, guard: Guard, wanted: Protection, mend: str, *, is_production: bool) -> list[Finding]:
    """Judge a branch that moves by pull request only."""
    found = [
        is_so(where, "pull request required", guard.needs_pull_request, True, mend),
        _at_least(where, "approvals", guard.approvals, wanted.approvals, mend),
        is_so(where, "a push ends approvals", guard.drops_stale, True, mend),
        _has(where, "required check", guard.checks, wanted.check, mend),
        is_so(where, "up-to-date branch required", guard.is_strict, True, mend),
        is_so(where, "force push", guard.can_force, False, mend),
        is_so(where, "deletion", guard.can_delete, False, mend),
        _nobody(where, guard.bypass, mend),
        is_so(where, "merge queue", guard.has_queue, False, mend),
    ]
    return [*found, _methods(where, guard.methods, mend)] if is_production else found


def sealed(where: str, seal: Seal, mend: str) -> list[Finding]:
    """Judge a branch or a tag that is made once."""
    return [
        is_so(where, "update", seal.can_update, False, mend),
        is_so(where, "force push", seal.can_force, False, mend),
        is_so(where, "deletion", seal.can_delete, False, mend),
        _nobody(where, seal.bypass, mend),
    ]


def is_so(where: str, what: str, value: bool | None, wanted: bool, mend: str) -> Finding:
    """Judge what is on or off."""
    return judged(where, what, None if value is None else value is wanted, _word(value), _word(wanted), mend)


def judged(where: str, what: str, is_right: bool | None, found: str, wanted: str, mend: str) -> Finding:
    """Return a finding; `is_right` is None where nobody can know."""
    if is_right is None:
        return Finding(where, what, "unknown", found, wanted, mend)
    return Finding(where, what, "ok" if is_right else "wrong", found, wanted, "" if is_right else mend)


def strictest(guards: Iterable[Guard]) -> Guard:
    """Return what holds where several rules guard one branch, each of which must be kept."""
    found = OPEN
    for guard in guards:
        found = Guard(
            _either(found.needs_pull_request, guard.needs_pull_request),
            max(found.approvals or 0, guard.approvals or 0),
            _either(found.drops_stale, guard.drops_stale),
            tuple(dict.fromkeys((*(found.checks or ()), *(guard.checks or ())))),
            _either(found.is_strict, guard.is_strict),
            _both(found.can_force, guard.can_force),
            _both(found.can_delete, guard.can_delete),
            (),
            _shared(found.methods, guard.methods),
            _either(found.has_queue, guard.has_queue),
        )
    return found


def _either(one: bool | None, other: bool | None) -> bool | None:
    return True if one or other else (False if one is False and other is False else None)


def _both(one: bool | None, other: bool | None) -> bool | None:
    return False if one is False or other is False else (True if one and other else None)


def _shared(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if one is None or other is None:
        return one if other is None else other
    return tuple(method for method in one if method in other)


def _word(value: bool | None) -> str:
    return NOT_TOLD if value is None else ("yes" if value else "no")


def _at_least(where: str, what: str, value: int | None, wanted: int, mend: str) -> Finding:
    is_right = None if value is None else value >= wanted
    return judged(where, what, is_right, NOT_TOLD if value is None else str(value), f"{wanted} or more", mend)


def _has(where: str, what: str, names: tuple[str, ...] | None, wanted: str, mend: str) -> Finding:
    is_right = None if names is None else wanted in names
    return judged(where, what, is_right, NOT_TOLD if names is None else ", ".join(names) or "none", wanted, mend)


def _nobody(where: str, people: tuple[str, ...] | None, mend: str) -> Finding:
    found = NOT_TOLD if people is None else ", ".join(people) or "nobody"
    return judged(where, "who need not care", None if people is None else not people, found, "nobody", mend)


def _methods(where: str, methods: tuple[str, ...] | None, mend: str) -> Finding:
    is_right = None if methods is None else bool(methods) and set(methods) <= set(METHODS)
    found = NOT_TOLD if methods is None else ", ".join(methods) or "none"
    return judged(where, "merge methods", is_right, found, "some of " + ", ".join(METHODS), mend)
