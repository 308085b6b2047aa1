"""The rules that judge names and messages; hooks, pull-request checks and servers ask the same functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from gitml.conventions import branches, commits
from gitml.conventions.shell import quoted

if TYPE_CHECKING:
    from collections.abc import Collection

    from gitml.config import Config

Severity = Literal["error", "warn"]


class Violation(NamedTuple):
    """One thing that a rule does not allow.

    Attributes
    ----------
    rule
        The rule's id in the rule book; it never changes.
    severity
        What the configuration makes of it: ``error`` refuses, ``warn`` is told and no more.
    what
        What is wrong, in one line.
    why
        What would be right, as sentences.
    mend
        The commands that mend it, one a line; empty where only a person can.
    path
        The file that it is about, from the top of the repository; empty where it is about none.
    line
        The line of that file, from 1; 0 where it is about none.
    """

    rule: str
    severity: Severity
    what: str
    why: str = ""
    mend: tuple[str, ...] = ()
    path: str = ""
    line: int = 0


def branch_name(name: str, config: Config, paths: Collection[str] = ()) -> Violation | None:
    """Judge the name of a branch.

    Parameters
    ----------
    name
        The short name, without ``refs/heads/``.
    config
        The project's configuration.
    paths
        The files and folders of the branch's tree that are named like a branch. ``git log NAME`` dies
        where a name is both.
    """
    severity = severity_of(config, "branch-name")
    if severity is None:
        return None
    right = branches.suggestion(name)
    if not branches.is_right(name, config.branches):
        known = ["main", "experiments/<slug>", "models/<model>-v<N>", "promote/<model>-v<N>"]
        why = f"A branch is {', '.join([*known, 'production/production-<model>', *config.branches])}."
        mend = (f"git branch -m {quoted(name)} {right}",) if right is not None else ()
        return Violation("branch-name", severity, f"{commits.shown(name)} is not the name of a branch here", why, mend)
    if name in paths:
        why = "git log, diff and reset cannot tell the two apart, and git checkout fails."
        return Violation(
            "branch-name", severity, f"{commits.shown(name)} is also a file or folder in its own tree", why
        )
    return None


def tag_name(name: str, config: Config) -> Violation | None:
    """Judge the short name of a tag: git reads a tag before a branch of the same name."""
    severity = severity_of(config, "branch-name")
    if severity is None or branches.parse(name) is None:
        return None
    why = "git log, diff and reset would take the tag where the branch is meant."
    return Violation("branch-name", severity, f"{commits.shown(name)} is the name of a branch, and not of a tag", why)


def commit_prefix(subject: str, config: Config, parents: int = 1, branch: str = "") -> Violation | None:
    """Judge the first line of a commit message, or the title of a pull request.

    Parameters
    ----------
    subject
        The first line.
    config
        The project's configuration.
    parents
        How many parents the commit has. With two or more it is a merge, whatever its message says.
    branch
        The branch that it is for, as far as it is known: a hint for the line that would be right.
    """
    severity = severity_of(config, "commit-prefix")
    if severity is None or parents > 1:
        return None
    fault = commits.find_fault(subject, config.prefixes, commits.likely_prefix(branch, config.prefixes))
    if fault is None:
        return None
    names = ", ".join(f"{prefix.name}:" for prefix in config.prefixes)
    mend = (f"git commit --amend -m {quoted(fault.mended)}",) if fault.mended else ()
    return Violation("commit-prefix", severity, fault.says, f"A first line begins with one of {names}", mend)


def severity_of(config: Config, rule: str) -> Severity | None:
    """Return what the configuration makes of a broken rule; None where the rule is off."""
    level = config.level(rule)
    return None if level == "off" else level
