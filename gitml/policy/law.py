"""Whose gitml.toml counts: that of the server's default branch, as it was before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitml import config
from gitml.config import Config, WrongConfig
from gitml.policy.rules import Violation

if TYPE_CHECKING:
    from gitml.git.objects import Objects

RULE = "config"
"""The rule that no gitml.toml can switch off: that it can be read."""


def law(commit: str | None, objects: Objects) -> tuple[Config, str]:
    """Return the rules that count, and what is to be said about them.

    A broken gitml.toml does not get to where it counts. Where it did all the same, the built-in rules count,
    so that it can be mended.

    Parameters
    ----------
    commit
        Full id of the default branch's commit; None where there is no such branch yet.
    objects
        Where it is read.
    """
    content = read(commit, objects) if commit is not None else None
    try:
        return (Config() if content is None else config.parse(content)), ""
    except WrongConfig as wrong:
        return Config(), f"gitml: the built-in rules count here: {wrong.what}"


def readable_config(commit: str, objects: Objects) -> Violation | None:
    """Judge whether a commit's gitml.toml can be read, if it has one."""
    content = read(commit, objects)
    try:
        config.parse(content or b"")
    except WrongConfig as wrong:
        return Violation(RULE, "error", wrong.what, wrong.why, (), config.FILE, wrong.line)
    return None


def read(commit: str, objects: Objects) -> bytes | None:
    """Return the bytes of a commit's gitml.toml; None where it has none."""
    return objects.read_file(commit, config.FILE, config.LARGEST + 1)
