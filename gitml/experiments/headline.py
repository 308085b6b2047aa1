"""What a list shows of a report: its title, its verdict, its hypothesis."""

from __future__ import annotations

import re

LARGEST = 2**20
"""Bytes of a report that is looked into."""

_FRONT = re.compile(r"---[ \t]*\r?\n(.*?\r?\n)---[ \t]*(?:\r?\n|$)", re.DOTALL)
_FIELD = re.compile(r"^(status|verdict):[ \t]+([\"']?)([\w][\w .,-]*?)\2[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_TITLE = re.compile(r"^# +(.+?) *#*\r?$", re.MULTILINE)
_HYPOTHESIS = re.compile(r"^## +Hypothesis[ \t]*\r?\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def read(content: bytes) -> dict[str, str]:
    r"""Return ``title``, ``status``, ``verdict`` and ``hypothesis`` of a report, as far as it has them.

    >>> read(b"---\nverdict: accepted\n---\n# Lower lr\n\n## Hypothesis\n\n1e-3 overshoots.\n")
    {'title': 'Lower lr', 'verdict': 'accepted', 'hypothesis': '1e-3 overshoots.'}
    """
    text = content.decode("utf-8", "replace")
    front = _FRONT.match(text)
    body = text[front.end() :] if front is not None else text
    found: dict[str, str] = {}
    if title := _TITLE.search(body):
        found["title"] = title[1]
    for name, _, value in _FIELD.findall(front[1]) if front is not None else ():
        if value not in ("null", "none"):
            found[name] = value
    if section := _HYPOTHESIS.search(body):
        paragraphs = _COMMENT.sub("", section[1]).replace("\r\n", "\n").strip().split("\n\n")
        if paragraphs[0]:
            found["hypothesis"] = " ".join(paragraphs[0].split())
    return found
