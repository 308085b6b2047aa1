"""Adding keys to a YAML text and taking keys out, line by line: every other line is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.pipeline import yaml12
from gitml.pipeline.overrides import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INDENT = 2
"""Columns by which what is new stands deeper than what it is in."""


class _Pair(NamedTuple):
    """A key of a block mapping.

    Attributes
    ----------
    first, end
        Its first line, and the first one behind its value; from 0.
    column
        Where the key begins.
    value
        Its node.
    is_alone
        Whether its mapping has no other key.
    """

    first: int
    end: int
    column: int
    value: Any
    is_alone: bool


def with_keys(text: str, gone: Sequence[str], new: Mapping[str, str]) -> str:
    r"""Return a YAML text without some keys, and with new ones at the ends of their mappings.

    Parameters
    ----------
    text
        Block mappings, each key on lines of its own.
    gone
        Dotted names to take out; a mapping that has no keys left goes, too.
    new
        Values as they are written on one line, by dotted names.

    Raises
    ------
    KeyError
        A name is not there.
    ValueError
        A key shares its line, or is inside of brackets.

    >>> with_keys("a:\n  b: 1\n  c: 2\n", ["a.b"], {"a.d": "3", "e.f": "x"})
    'a:\n  c: 2\n  d: 3\ne:\n  f: x\n'
    """
    text = text if text.endswith("\n") or not text else f"{text}\n"
    for name in gone:
        text = _without(text, name)
    for name, value in new.items():
        text = _with(text, name, value)
    return text


def _without(text: str, name: str) -> str:
    chain = _chain(text, name)
    if not chain or chain[-1] is None:
        raise KeyError(name)
    pairs = [pair for pair in chain if pair is not None]
    while len(pairs) > 1 and pairs[-1].is_alone:
        pairs.pop()
    lines = text.splitlines(keepends=True)
    return "".join(lines[: pairs[-1].first] + lines[pairs[-1].end :])


def _with(text: str, name: str, value: str) -> str:
    chain = _chain(text, name)
    pairs = [pair for pair in chain if pair is not None]
    left = name.split(".")[len(pairs) :]
    mapping = pairs[-1].value if pairs else yaml12.compose(text)
    there = _pairs(text, mapping) if mapping is not None else {}
    if not left or (pairs and not there):
        raise ValueError(f"{name} has no place")
    place = max((pair.end for pair in there.values()), default=len(text.splitlines()))
    column = min((pair.column for pair in there.values()), default=0)
    new = [f"{' ' * (column + INDENT * depth)}{Value.of(part).text}:" for depth, part in enumerate(left)]
    new[-1] += f" {value}"
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:place], *(f"{line}\n" for line in new), *lines[place:]])


def _chain(text: str, name: str) -> list[_Pair | None]:
    """Return the pairs that lead to a dotted name, and None at the end where the last of them are not there."""
    node: Any = yaml12.compose(text)
    chain: list[_Pair | None] = []
    for part in name.split("."):
        there = _pairs(text, node) if node is not None else {}
        if part not in there:
            return [*chain, None]
        chain.append(there[part])
        node = there[part].value
    return chain


def _pairs(text: str, node: Any) -> dict[str, _Pair]:
    """Return the keys of a block mapping; none of anything else."""
    if getattr(node, "id", "") != "mapping" or node.flow_style:
        return {}
    lines = text.split("\n")
    found = {}
    for key, value in node.value:
        mark = key.start_mark
        if lines[mark.line][: mark.column].strip():
            raise ValueError(f"{key.value} shares its line")
        found[str(key.value)] = _Pair(mark.line, _end(key, value), mark.column, value, len(node.value) == 1)
    return found


def _end(key: Any, value: Any) -> int:
    """Return the first line behind a value; an empty one ends where its key does."""
    last = value
    while isinstance(last.value, list) and last.value and not last.flow_style:
        inner = last.value[-1]
        last = inner[1] if isinstance(inner, tuple) else inner
    mark = max(last.end_mark, key.end_mark, key=lambda one: (one.line, one.column))
    return int(mark.line) + (1 if mark.column else 0)
