"""What pip installs as gitml: in a new project, and in CI."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gitml.scaffold import ci

if TYPE_CHECKING:
    from gitml.scaffold.ci import Forge

EXTRAS = "[pipeline,reports]"


def pinned(asked: str, forge: str) -> str:
    """Return the line that installs one gitml and no other, without extras; empty where none is known.

    Parameters
    ----------
    asked
        As for `gitml.scaffold.ci.requirement`.
    forge
        Named in the command that mends an error.

    Raises
    ------
    NoPin
        What was asked for is none.
    """
    kind: Forge = "gitlab" if forge == "gitlab" else "github"
    try:
        return ci.requirement(asked, kind)
    except ci.NoPin:
        if asked:
            raise
        return ""


def for_project(line: str) -> str:
    """Return the line of a project's requirements.txt, with the extras that its pipeline needs.

    Parameters
    ----------
    line
        As `pinned` gives it; where it is empty, the folder is named that gitml was installed from.
    """
    if line:
        return line.replace("gitml", f"gitml{EXTRAS}", 1)
    folder = _folder()
    return f"gitml{EXTRAS} @ {folder}" if folder else f"gitml{EXTRAS}"


def _folder() -> str:
    """Return the ``file://`` URL that pip noted (PEP 610); empty where gitml came from elsewhere."""
    try:
        told: Any = json.loads(ci.direct_url() or "{}")
        url = str(told.get("url", ""))
    except (ValueError, AttributeError):
        return ""
    return url if urlsplit(url).scheme == "file" else ""
