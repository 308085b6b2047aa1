"""What a new project is: all that its files are made of, besides gitml's version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Mapping


_ANYTHING = re.compile(".*")
_WHICH = r"==[\w.]+| @ (git\+https|file)://[^\s\"'\\]+"
_MAY_BE = {
    "table": re.compile(r"(data/raw/[\w.-]+)?"),
    "task": re.compile("binary|multiclass|regression"),
    "forge": re.compile("(github|gitlab|gitea)?"),
    "remote": re.compile('[^"]*'),
    "extra": re.compile("[a-z0-9]*"),
    "gitml": re.compile(rf"(gitml(\[[a-z,]+\])?({_WHICH})?)?"),
    "pinned": re.compile(rf"(gitml({_WHICH}))?"),
}
"""What answers can be: a repository's file may say anything, and they become files that are run."""


class Setting(NamedTuple):
    """A value of params.yaml that is not its default, or has a reason of its own.

    Attributes
    ----------
    name
        By dots: ``data.drop``.
    value
        What JSON can hold.
    reason
        Stands as a comment beside it; may be empty.
    """

    name: str
    value: Any
    reason: str = ""


class Answers(NamedTuple):
    """What somebody chose.

    Attributes
    ----------
    name
        The project's, as its README has it.
    table
        The path of an own table in the project, ``data/raw/churn.csv``; empty for the example.
    task
        ``binary``, ``multiclass`` or ``regression``.
    settings
        What the table needs in params.yaml.
    forge
        ``github``, ``gitlab``, ``gitea``, or empty for none.
    has_ci
        Whether CI's files are laid down.
    remote
        The URL of the DVC remote, as .dvc/config has it.
    extra
        The part of DVC that the remote needs, ``s3``; empty where it needs none.
    gitml
        What pip installs, with extras: ``gitml[pipeline,reports]==0.1.0``.
    pinned
        The same for CI, as `gitml.scaffold.ci.requirement` gives it; empty without CI.
    """

    name: str
    table: str = ""
    task: str = "binary"
    settings: tuple[Setting, ...] = ()
    forge: str = ""
    has_ci: bool = False
    remote: str = ""
    extra: str = ""
    gitml: str = ""
    pinned: str = ""

    @property
    def is_example(self) -> bool:
        """Whether the project learns from the data that comes along."""
        return not self.table

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**self._asdict(), "settings": [list(one) for one in self.settings]}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Answers:
        """Build from what `to_json` gave; what is missing is as by default, and what is unknown is passed over.

        Raises
        ------
        ValueError
            It is something else.
        """
        values: dict[str, Any] = {name: told[name] for name in cls._fields if name in told}
        for name, value in values.items():
            kind: type = bool if name == "has_ci" else list if name == "settings" else str
            if not isinstance(value, kind):
                raise ValueError(f"{name} is no {kind.__name__}")
            if isinstance(value, str) and not (value.isprintable() and _MAY_BE.get(name, _ANYTHING).fullmatch(value)):
                raise ValueError(f"{name} is nothing that gitml writes")
        pairs = cast("list[Any]", values.pop("settings", []))
        if not all(isinstance(one, list) and len(one) == 3 and isinstance(one[0], str) for one in pairs):
            raise ValueError("settings are no settings")
        return cls(**{"name": "", **values}, settings=tuple(Setting(one[0], one[1], str(one[2])) for one in pairs))
