"""The tags by which GTO keeps a model registry, read and written as GTO 1.10 does."""

from __future__ import annotations

import re

from gitml.conventions.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    Action = Literal["register", "deregister", "assign", "unassign", "deprecate"]

_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9/_-]*[a-zA-Z0-9])?"
_IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
_VERSION = (
    r"v(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)"
    rf"(?:-{_IDENTIFIER}(?:\.{_IDENTIFIER})*)?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)
_TAG = re.compile(
    rf"(?P<artifact>(?:[a-zA-Z0-9_./-]+=)?{_NAME})"
    rf"(?:@(?P<deprecated>deprecated)|@(?P<version>{_VERSION})(?P<gone>!)?"
    rf"|#(?P<stage>{_NAME})(?P<off>!)?)(?:#(?P<counter>[1-9][0-9]*))?"
)


class GtoTag(Frozen):
    """What a tag says about an artifact.

    Attributes
    ----------
    action
        ``register`` and ``deregister`` a version, ``assign`` and ``unassign`` a stage, ``deprecate`` it all.
    artifact
        Its name, behind ``<folder>:`` where its dvc.yaml is not at the root.
    version
        With a leading ``v``; empty for stages and deprecation.
    stage
        Empty for versions and deprecation.
    counter
        One more than the highest of all the artifact's tags; 0 where the tag has none.
    """

    action: Action
    artifact: str
    version: str = ""
    stage: str = ""
    counter: int = 0

    def __str__(self) -> str:
        """Return the tag's short name."""
        what = {
            "register": f"@{self.version}",
            "deregister": f"@{self.version}!",
            "assign": f"#{self.stage}",
            "unassign": f"#{self.stage}!",
            "deprecate": "@deprecated",
        }[self.action]
        return self.artifact.replace(":", "=") + what + (f"#{self.counter}" if self.counter else "")


def parse(text: str) -> GtoTag | None:
    """Return what the short name of a tag says, or None where GTO would not read it.

    >>> parse("churn#production#3")
    GtoTag(action='assign', artifact='churn', version='', stage='production', counter=3)
    """
    found = _TAG.fullmatch(text)
    if found is None:
        return None
    action: Action = "deprecate"
    if found["version"]:
        action = "deregister" if found["gone"] else "register"
    elif found["stage"]:
        action = "unassign" if found["off"] else "assign"
    return GtoTag(
        action,
        found["artifact"].replace("=", ":"),
        found["version"] or "",
        found["stage"] or "",
        int(found["counter"] or 0),
    )


def next_counter(artifact: str, tags: Iterable[str]) -> int:
    """Return the counter of the artifact's next tag: one more than the highest over all of its tags."""
    found = (parse(tag) for tag in tags)
    return 1 + max((tag.counter for tag in found if tag is not None and tag.artifact == artifact), default=0)
