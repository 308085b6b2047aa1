"""The YAML at the head of a report: read, and changed without touching what else stands in it."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from gitml.pipeline import yaml12

if TYPE_CHECKING:
    from typing import Any

    import yaml

Value = str | Sequence[str] | None
"""What a field is set to: text, a list of texts, or nothing."""

LARGEST = 2**16
"""Bytes of a front matter that is read."""

_BOM = "\ufeff"
_OPEN = re.compile(r"\ufeff?---[ \t]*\r?\n")
_CLOSE = re.compile(r"^(?:---|\.\.\.)[ \t]*\r?$\n?", re.MULTILINE)
_MARKER = re.compile(r"^ {0,3}<!--[ \t]*/?gitml:", re.MULTILINE)

_SURROGATE = re.compile("[\ud800-\udfff]")
_COMMENT = re.compile(r"(?:^|[ \t])#", re.MULTILINE)

# YAML 1.1's words are quoted too: a forge or a site generator may read so.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./+-]*(?: [A-Za-z0-9_./+-]+)*")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NOT_TEXT = frozenset(["y", "n", "yes", "no", "true", "false", "on", "off", "null", "nan", "inf"])


class FrontMatter(NamedTuple):
    """What stands above the report.

    Attributes
    ----------
    start, end
        Where its YAML begins and ends, between the two lines of dashes.
    body
        Where the Markdown begins.
    fields
        What it says; empty where there is none or it cannot be read.
    fault
        Why it cannot be read, in half a sentence; empty where it can.
    """

    start: int = 0
    end: int = 0
    body: int = 0
    fields: Mapping[str, Any] = {}
    fault: str = ""


def find(text: str) -> FrontMatter:
    """Return the front matter of a report; one that begins and ends at 0 where there is none."""
    opening = _OPEN.match(text)
    if opening is None:
        return FrontMatter()
    closing = _CLOSE.search(text, opening.end())
    if closing is None or _MARKER.search(text, opening.end(), closing.start()) is not None:
        return FrontMatter()
    start, end, body = opening.end(), closing.start(), closing.end()
    try:
        return FrontMatter(start, end, body, _read(text[start:end]))
    except yaml12.NotYaml as error:
        return FrontMatter(start, end, body, fault=str(error))


def change(text: str, fields: Mapping[str, Value], newline: str) -> str:
    """Return the report with fields of its front matter set.

    Every other byte stays, comments and the order of the keys too; a new key goes below the others. A report
    without front matter gets one. A front matter that cannot be read, or in which a field cannot be set without
    touching another, is left as it is.

    Parameters
    ----------
    text
        The report.
    fields
        What to set.
    newline
        The report's line end.
    """
    found = find(text)
    if not found.body:
        head = _BOM if text.startswith(_BOM) else ""
        lines = "".join(f"{key}: {_written(value)}".rstrip() + newline for key, value in fields.items())
        return f"{head}---{newline}{lines}---{newline}{newline}{text.removeprefix(head)}"
    differ = {key: value for key, value in fields.items() if not _is_same(found.fields, key, value)}
    if found.fault or not differ:
        return text
    old = text[found.start : found.end]
    new = _changed(old, differ, newline)
    try:
        if _read(new) != {**found.fields, **{key: _plain(value) for key, value in differ.items()}}:
            return text
    except yaml12.NotYaml:
        return text
    return text[: found.start] + new + text[found.end :]


def _read(text: str) -> dict[str, Any]:
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError:
        raise yaml12.NotYaml("it is no UTF-8") from None
    if len(content) > LARGEST:
        raise yaml12.NotYaml(f"it is larger than {LARGEST // 2**10} KiB")
    fields = yaml12.load(content)
    if fields is None:
        return {}
    if not isinstance(fields, dict) or not all(isinstance(key, str) for key in fields):
        raise yaml12.NotYaml("it is no mapping of names")
    return {key: value.isoformat() if isinstance(value, datetime.date) else value for key, value in fields.items()}


def _changed(text: str, fields: Mapping[str, Value], newline: str) -> str:
    try:
        places = _places(text)
    except yaml12.NotYaml:
        return text
    edits = [(*places[key], value) for key, value in fields.items() if key in places]
    for start, end, value in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        put = _written(value)
        if _COMMENT.search(text, start, end) is not None and (text[end - 1] in "]}" or "\n" in text[start:end]):
            continue
        gap = {":": " ", "\n": "  "}.get(text[start - 1 : start], "") if put else ""
        text = text[:start] + gap + put + text[end:]
    new = [f"{key}: {_written(value)}".rstrip() + newline for key, value in fields.items() if key not in places]
    return text + "".join(new)


def _places(text: str) -> dict[str, tuple[int, int]]:
    """Return where the value of each key stands."""
    root: Any = yaml12.compose(text)
    pairs = root.value if root is not None else []
    return {key.value: (value.start_mark.index, _end(text, value)) for key, value in pairs}


def _end(text: str, node: yaml.Node) -> int:
    """Return where a value ends; libyaml takes the comments below a block for a part of it."""
    end = node.end_mark
    while isinstance(node.value, list) and node.value and not getattr(node, "flow_style", False):
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
        end = node.end_mark
    start = node.start_mark.index
    return start + len(text[start : end.index].rstrip())


def _is_same(fields: Mapping[str, Any], key: str, value: Value) -> bool:
    return key in fields and bool(fields[key] == _plain(value))


def _plain(value: Value) -> Any:
    if value is None:
        return None
    return _clean(value) if isinstance(value, str) else [_clean(each) for each in value]


def _clean(text: str) -> str:
    """Return text without halves of surrogate pairs, which no file in UTF-8 can hold."""
    return _SURROGATE.sub("\ufffd", text)


def _written(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value if _is_day(value) else _scalar(value)
    return f"[{', '.join(map(_scalar, value))}]"


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.casefold() not in _NOT_TEXT:
        return text
    letters = json.dumps(_clean(text), ensure_ascii=False)
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in letters)


def _is_day(text: str) -> bool:
    if _DAY.fullmatch(text) is None:
        return False
    try:
        return bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False


def _escaped(letter: str) -> str:
    code = ord(letter)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
