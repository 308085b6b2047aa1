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

_ELSEWHERE = {"120000": "symbolic link", "160000": "submodule"}


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
    try:
        content = read(commit, objects) if commit is not None else None
        return (Config() if content is None else config.parse(content)), ""
    except WrongConfig as wrong:
        return Config(), f"gitml: the built-in rules count here: {wrong.what}"


def readable_config(commit: str, objects: Objects, mode: str = "") -> Violation | None:
    """Judge whether a commit's gitml.toml can be read, if it has one.

    Parameters
    ----------
    commit, objects
        As for `law`.
    mode
        git's mode of it, where it is known: a link would be one text here and another in a working tree.
    """
    try:
        if mode in _ELSEWHERE:
            raise WrongConfig(0, f"it is a {_ELSEWHERE[mode]}", "It is read from git, where only its own text is.")
        config.parse(read(commit, objects) or b"")
    except WrongConfig as wrong:
        return Violation(RULE, "error", wrong.what, wrong.why, (), config.FILE, wrong.line)
    return None


def read(commit: str, objects: Objects) -> bytes | None:
    """Return the bytes of a commit's gitml.toml; None where it has none.

    Raises
    ------
    WrongConfig
        It is no file, or too large: it is not as if it were not there.
    """
    kind, size = objects.describe_file(commit, config.FILE)
    if kind == "tree":
        raise WrongConfig(0, "it is a folder")
    if size > config.LARGEST:
        raise WrongConfig(0, f"larger than {config.LARGEST} bytes")
    return objects.read_file(commit, config.FILE, config.LARGEST)
