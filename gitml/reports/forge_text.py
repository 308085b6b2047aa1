"""What a text does on a forge beyond what Markdown says, and how it is kept from doing it.

GitHub, GitLab and Gitea look for mentions and issues in what Markdown shows as text, so `gitml.reports.markdown`
breaks those. GitLab looks for "closes #1" in the source, code and all, so the words that close an issue are broken
everywhere. A line of GitLab's that begins with a slash is a command, in a comment of HTML too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

Forge = Literal["github", "gitlab", "gitea"]

LARGEST = 65_000
"""Bytes of a body: GitHub takes 65,536 characters, GitLab 1,048,576."""

_JOINER = "\u2060"
"""A sign without width, at which no line is broken."""

_CLOSES = re.compile(
    r"\b(clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?|re-?open(?:s|ed|ing)?)"
    r"(?=:?\s)",
    re.IGNORECASE,
)

_COMMAND = re.compile(r"^(?=/)", re.MULTILINE)

_RAW: dict[Forge, str] = {
    "github": "{project}/blob/{commit}/{{path}}?raw=true",
    "gitlab": "{project}/-/raw/{commit}/{{path}}",
    "gitea": "{project}/raw/commit/{commit}/{{path}}",
}


def quiet(markdown: str) -> str:
    """Return Markdown in which no words close or reopen an issue, in code neither, and no line is a command."""
    return _COMMAND.sub(_JOINER, _CLOSES.sub(rf"\1{_JOINER}", markdown))


def image_base(forge: Forge, project: str, commit: str) -> str:
    """Return the address of a commit's files, with ``{path}`` in it, that shows an image to whoever may see the code.

    A relative address does not: GitHub leaves it as it is in a pull request's text, and GitLab and Gitea look for
    the file on the default branch.

    Parameters
    ----------
    forge
        Which forge it is.
    project
        The address of the project's page.
    commit
        Full id of the commit.
    """
    return _RAW[forge].format(project=project.rstrip("/").replace("{", "%7B").replace("}", "%7D"), commit=commit)


def image_url(base: str, path: str) -> str:
    """Return the address of a file: in place of ``{path}`` in `base`, else behind it.

    Raises
    ------
    ValueError
        `base` would end the link that it stands in.
    """
    if any(letter in base for letter in "<>\\\n\r\t "):
        raise ValueError(f"{base!r} is no address")
    quoted = quote(path.encode("utf-8", "surrogateescape"), safe="/")
    return base.replace("{path}", quoted) if "{path}" in base else f"{base.rstrip('/')}/{quoted}"


def fitted(first: str, sections: Iterable[str], last: str, largest: int = LARGEST) -> str:
    """Return a body of sections that is not too large for a forge; what has no room is left out, and that is said.

    Parameters
    ----------
    first, last
        What is always there.
    sections
        What is left out from the end, each below a heading of ours; empty ones count for nothing.
    largest
        Bytes in UTF-8.
    """
    kept = [section for section in sections if section]
    left_out: list[str] = []
    while True:
        note = f"*Left out, because a forge takes no longer text: {', '.join(left_out)}.*" if left_out else ""
        body = "\n\n".join(part for part in (first, *kept, note, last) if part)
        if not kept or len(body.encode("utf-8", "replace")) <= largest:
            return body
        left_out.insert(0, kept.pop().partition("\n")[0].lstrip("# "))
