"""JSON read strictly: what a gate compares must mean one thing only.

Python's reader takes NaN and Infinity, which are no JSON, reads ``1e999`` as infinity, and of a key that stands twice
it keeps the last.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

LARGEST = 16 * 2**20
"""Bytes of a file that is parsed."""

DEEPEST = 100
"""Levels of nesting."""

MOST_SHOWN = 40
"""Letters of a key or number that an error shows."""

# A string, closed or not, or a bracket outside of strings; possessive, so that no text takes more than linear time.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{\]}]', re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89abAB-Fc-f]")


class NotStrict(ValueError):
    """The bytes are no JSON that is read here; the message says why, in half a sentence."""


def loads(content: bytes) -> Any:
    """Return the value of a JSON file.

    Parameters
    ----------
    content
        The file's bytes.

    Returns
    -------
    value
        As `json.loads` gives it. Every float in it is finite, every integer fits into 64 bits.

    Raises
    ------
    NotStrict
        It is no JSON of RFC 8259 in UTF-8; it has NaN or Infinity, a key twice in one object, a number that is
        too large, half a surrogate pair; it is larger than 16 MiB or nested deeper than 100 levels.
    """
    if len(content) > LARGEST:
        raise NotStrict(f"it is larger than {LARGEST // 2**20} MiB")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise NotStrict("it is no UTF-8") from None
    if not text.strip(" \t\r\n"):
        raise NotStrict("it is empty")
    if text.startswith("\ufeff"):
        raise NotStrict("it begins with a byte order mark")
    if content.count(b"[") + content.count(b"{") > DEEPEST:
        _refuse_deep(text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise NotStrict(f"{error.msg[0].lower()}{error.msg[1:]}, line {error.lineno}") from None
    if _SURROGATE.search(content) is not None:
        _refuse_half_pairs(value)
    return value


def _refuse_deep(text: str) -> None:
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        if found[0] in ("[", "{"):
            depth += 1
            if depth > DEEPEST:
                raise NotStrict(f"it is nested deeper than {DEEPEST} levels")
        elif found[0] in ("]", "}"):
            depth -= 1


def _refuse_half_pairs(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise NotStrict("it has half a surrogate pair") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise NotStrict(f"the key {_shown(json.dumps(key))} stands twice in one object")
            seen.add(key)
    return value


def _integer(text: str) -> int:
    if len(text) > 20 or not -(2**63) <= int(text) < 2**64:
        raise NotStrict(f"the integer {_shown(text)} does not fit into 64 bits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotStrict(f"the number {_shown(text)} is too large")
    return value


def _constant(text: str) -> NoReturn:
    raise NotStrict(f"{text} is no JSON")


def _shown(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_float, parse_constant=_constant, strict=True
)
