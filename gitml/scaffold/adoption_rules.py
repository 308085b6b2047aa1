"""Which rules a repository's past would break: they begin as warnings, and each says why."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from gitml import config
from gitml.conventions import branches, commits
from gitml.conventions.shell import printable
from gitml.policy import contents
from gitml.policy.lock import reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitml.git.history import Commit
    from gitml.scaffold.adoption_survey import Contents, Survey

MOST_PATTERNS = 12
"""Further patterns of branches; with more the rule warns, because nobody would read them."""

_TOO_MANY = 4 * MOST_PATTERNS
_CONVENTIONAL = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,31})(\([^()]{1,64}\))?!?: \S")
_TICKET = re.compile(r"\[?[A-Z][A-Z0-9]+-\d+\]?[: ]")
_TICKET_BRANCH = re.compile(r"([A-Za-z][A-Za-z0-9]*-)\d")
_OF_GITML = ("experiments", "models", "promote", "production")


class Style(NamedTuple):
    """How first lines are written here.

    Attributes
    ----------
    prefixes
        The words before a colon, the most frequent first; empty where no such habit is seen.
    written, of
        In how many commits, of how many looked at.
    has_scopes
        Whether some have a scope, as in ``feat(api):``.
    tickets
        How many begin with a ticket, as in ``[FLY-12]``.
    """

    prefixes: tuple[str, ...]
    written: int
    of: int
    has_scopes: bool = False
    tickets: int = 0


class Patterns(NamedTuple):
    """What branch names of the past make of the rule about them.

    Attributes
    ----------
    extra
        Patterns that let them be.
    odd
        Names that no pattern can allow.
    """

    extra: tuple[str, ...]
    odd: tuple[str, ...]


def style(read: Sequence[Commit]) -> Style:
    """Return how the first lines of commits are written; merges and what git wrote itself are left out."""
    subjects = [one.subject for one in read if len(one.parents) < 2 and commits.exemption(one.subject) is None]
    found = [match for match in map(_CONVENTIONAL.match, subjects) if match is not None]
    tickets = sum(_TICKET.match(subject) is not None for subject in subjects)
    if 2 * len(found) <= len(subjects):
        return Style((), len(found), len(subjects), False, tickets)
    words = Counter(match[1] for match in found)
    names = tuple(word for word, count in words.most_common(12) if count > 1 or len(found) < 5)
    return Style(names, len(found), len(subjects), any(match[2] for match in found), tickets)


def patterns(names: Iterable[str], main: str) -> Patterns:
    """Return the patterns that let branches be that are there already.

    Parameters
    ----------
    names
        Short names.
    main
        That of the main branch.
    """
    extra: dict[str, None] = {} if main == branches.MAIN or not _can_be(main) else {main: None}
    odd: list[str] = []
    for name in sorted(set(names)):
        if branches.is_right(name, (*branches.EXTRA, *extra)):
            continue
        wanted = _pattern(name)
        if wanted is None:
            odd.append(name)
        elif len(extra) < _TOO_MANY:
            extra[wanted] = None
    return Patterns(tuple(extra), tuple(odd))


def _pattern(name: str) -> str | None:
    folder, slash, rest = name.partition("/")
    if folder in _OF_GITML or not _can_be(name):
        return None
    ticket = _TICKET_BRANCH.match(name)
    if slash and rest:
        return f"{folder}/*"
    return f"{ticket[1]}*" if ticket is not None else name


def _can_be(name: str) -> bool:
    return "*" not in name and branches.is_right(name, (name,))


def warnings(found: Survey, extra: Patterns) -> dict[str, str]:
    """Return the rules that begin as warnings, in the rule book's order, and why."""
    why = {
        **_of_names(extra),
        **_of_messages(found.commits),
        **_of_files(found.tree.contents),
    }
    verdict = found.tree.verdict
    if verdict is not None:
        for rule, kind in (("lock-forged", "forged"), ("metric-covered", "uncovered"), ("lock-stale", "stale")):
            broken = [finding for finding in verdict.findings if finding.kind == kind]
            if broken:
                first = broken[0]
                stage = f"{first.stage}: " if first.stage and kind == "stale" else ""
                says = f"{stage}{reason(first)}" if kind == "stale" else first.name
                why[rule] = _and_more(printable(says), len(broken))
    return {rule: why[rule] for rule in config.RULES if rule in why}


def _of_names(extra: Patterns) -> dict[str, str]:
    if extra.odd:
        return {"branch-name": _and_more(printable(extra.odd[0]), len(extra.odd))}
    if len(extra.extra) > MOST_PATTERNS:
        return {"branch-name": "names of more kinds than patterns that anybody would read"}
    return {}


def _of_messages(read: Sequence[Commit]) -> dict[str, str]:
    judged = [one for one in read if len(one.parents) < 2]
    wrong = [one for one in judged if commits.find_fault(one.subject) is not None]
    return {"commit-prefix": f"{len(wrong)} of the last {len(judged)} commits: no prefix of gitml's"} if wrong else {}


def _of_files(told: Contents) -> dict[str, str]:
    why: dict[str, str] = {}
    for rule in contents.RULES:
        broken = [one for one in told.violations if one.rule == rule]
        if broken:
            where = f" line {broken[0].line}" if broken[0].line else ""
            why[rule] = _and_more(f"{printable(broken[0].path)}{where}", len(broken))
        elif not told.is_whole and rule != "clean-notebook":
            why[rule] = "not all files were looked into"
    return why


def _and_more(first: str, count: int) -> str:
    shown = first if len(first) <= 60 else f"{first[:59]}…"
    return shown if count == 1 else f"{shown}, and {count - 1} more"
