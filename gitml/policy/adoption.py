"""Turning an adopted repository's warnings into errors, from one commit on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml import config

if TYPE_CHECKING:
    from gitml.config import Config


class Enforcement(NamedTuple):
    """What ``gitml rules enforce`` changes in gitml.toml.

    Attributes
    ----------
    text
        The whole new file.
    rules
        The rules that were warnings and become errors.
    """

    text: str
    rules: tuple[str, ...]


def enforce(text: str, current: Config, since: str) -> Enforcement:
    """Return a gitml.toml in which every warning is an error, and history up to `since` is not judged.

    Parameters
    ----------
    text
        The gitml.toml; empty where there is none. Comments, order and spaces of it are kept.
    current
        What it says.
    since
        The full id of a commit.
    """
    import tomlkit

    document = tomlkit.parse(text)
    warned = tuple(rule for rule in config.RULES if current.level(rule) == "warn")
    levels = document.setdefault("rules", tomlkit.table()) if warned else {}
    for rule in warned:
        levels[rule] = "error"
    document.setdefault("adoption", tomlkit.table())["since"] = since
    return Enforcement(tomlkit.dumps(document), warned)
