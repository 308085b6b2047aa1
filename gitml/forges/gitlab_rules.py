"""What GitLab's settings, protected branches and approval rules mean; pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gitml.forges import audit
from gitml.forges.answer import Table, number, rows, text, text_or_nothing, truth
from gitml.forges.audit import Guard, Seal

if TYPE_CHECKING:
    from gitml.forges.base import Protection

NO_ONE, DEVELOPERS = 0, 30
"""Access levels."""

UP_TO_DATE = ("rebase_merge", "ff")
"""Merge methods that need a branch which has all of its base."""


def levels(row: Table) -> tuple[int | None, int | None, bool]:
    """Return who may push and merge, where each is one level, and whether by force."""
    found = []
    for key in ("push_access_levels", "merge_access_levels"):
        people = rows(row.get(key) or [], key)
        only = people[0] if len(people) == 1 else {}
        is_plain = all(only.get(who) is None for who in ("user_id", "group_id", "deploy_key_id"))
        found.append(number(only, "access_level") if only and is_plain else None)
    return found[0], found[1], truth(row, "allow_force_push") is True


def guard(
    settings: Table,
    branches: list[Table] | None,
    approvals: tuple[Table, list[Table]] | None,
    branch: str,
    wanted: Protection,
) -> Guard:
    """Return what holds for a branch: of several protected patterns GitLab takes the most permissive.

    Parameters
    ----------
    settings
        The project's.
    branches
        Its protected branches; None where this account is not told.
    approvals
        Settings and rules of approvals; None where the tier has none.
    branch
        Short name.
    wanted
        Names the check, which is the whole pipeline here.
    """
    method = text_or_nothing(settings, "merge_method")
    succeeds = truth(settings, "only_allow_merge_if_pipeline_succeeds")
    skips = truth(settings, "allow_merge_on_skipped_pipeline")
    passes = succeeds is True and skips is not True
    held = Guard(
        approvals=None if approvals is None else required(approvals[1], branch),
        drops_stale=None if approvals is None else approvals[0].get("reset_approvals_on_push") is True,
        checks=None if succeeds is None else ((wanted.check,) if passes else ()),
        is_strict=method in UP_TO_DATE if method else None,
        methods=_methods(method, text_or_nothing(settings, "squash_option")),
        has_queue=truth(settings, "merge_trains_enabled") is True,
    )
    if branches is None:
        return held
    fitting = [row for row in branches if _fits(branch, text(row, "name"))]
    if not fitting:
        return held._replace(needs_pull_request=False, can_force=True, can_delete=True, bypass=())
    pushers = [level for row in fitting for level in rows(row.get("push_access_levels") or [], "push_access_levels")]
    spared = tuple(_named(level) for level in pushers if level.get("access_level") != NO_ONE)
    can_force = any(truth(row, "allow_force_push") for row in fitting)
    return held._replace(needs_pull_request=not spared, can_force=can_force, can_delete=None, bypass=spared)


def _named(level: Table) -> str:
    return text_or_nothing(level, "access_level_description") or f"level {level.get('access_level')}"


def _methods(method: str, squash: str) -> tuple[str, ...] | None:
    if not method:
        return None
    own = "fast-forward" if method == "ff" else "merge"
    return (own, "squash") if squash != "never" else (own,)


def required(rules: list[Table], branch: str) -> int:
    """Return how many approvals a branch needs, by its strictest rule."""
    counts = [0]
    for rule in rules:
        only = [text(one, "name") for one in rows(rule.get("protected_branches") or [], "protected_branches")]
        if not only or any(_fits(branch, name) for name in only):
            counts.append(number(rule, "approvals_required"))
    return max(counts)


def _fits(branch: str, pattern: str) -> bool:
    """Say whether GitLab's pattern fits: ``*`` stands for any letters, also ``/``."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), branch, re.DOTALL) is not None


def seal(branches: list[Table] | None, branch: str) -> Seal:
    """Return what holds for a branch that is made once; `branches` is None where this account is not told."""
    if branches is None:
        return Seal()
    fitting = [row for row in branches if _fits(branch, text(row, "name"))]
    if not fitting:
        return audit.UNSEALED
    can_push = any(
        level.get("access_level") != NO_ONE
        for row in fitting
        for level in rows(row.get("push_access_levels") or [], "push_access_levels")
    )
    return Seal(can_push, any(truth(row, "allow_force_push") for row in fitting), None, ())


def tag_seal(tags: list[Table] | None, tag: str) -> Seal:
    """Return what holds for a tag; `tags` is None where this account is not told."""
    if tags is None:
        return Seal()
    is_protected = any(_fits(tag, text(row, "name")) for row in tags)
    return Seal(False, False, None, ()) if is_protected else audit.UNSEALED
