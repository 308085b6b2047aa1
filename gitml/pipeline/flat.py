"""Parameters and metrics by flat names, and a fast way to read a thousand files that differ little."""

from __future__ import annotations

import posixpath
import re
from math import isfinite
from typing import Any, NamedTuple

from gitml.pipeline import params, strict, yaml12

Flat = dict[str, Any]
"""Values by dotted names."""

MOST_LINES_CHANGED = 32
"""Lines by which a file may differ from a known one and is still read by them alone."""

MOST_KNOWN = 8
"""Files that are remembered to compare others with."""

_LINE = re.compile(r"( *[A-Za-z_][\w-]*: +)([-+.]?[A-Za-z0-9][\w.+-]*)( +#.*| *)")
_AS_THEY_ARE = frozenset((str, int, bool, type(None)))
_BREAKS = re.compile("[\\r\\x85\\u2028\\u2029\\ufeff]")


class Unreadable(ValueError):
    """A file of parameters or metrics cannot be read; the message says why, in half a sentence."""


def flatten(value: Any, name: str) -> Flat:
    """Return the values of nested mappings by their dotted names; a list is one value.

    Parameters
    ----------
    value
        What a file says.
    name
        What to call a file that is one value.

    Raises
    ------
    Unreadable
        Two values have the same dotted name, or it is nested too deeply.

    >>> flatten({"train": {"lr": 0.1, "betas": [0.9, 0.99]}}, "params")
    {'train.lr': 0.1, 'train.betas': [0.9, 0.99]}
    """
    found: Flat = {}
    if not isinstance(value, dict):
        return {name: plain(value)}
    try:
        _flatten(value, "", found)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    return found


def plain(value: Any) -> Any:
    """Return `value` as JSON can write it: dates and what is no number as text, in every list and mapping."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, dict):
        return {_text(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, set):
        return sorted(map(str, value))
    return str(value)


def read_metrics(path: str, content: bytes) -> Flat:
    """Return the metrics that a file has, as DVC sees them: numbers, truth values and texts, no lists.

    Raises
    ------
    Unreadable
        It is no JSON, YAML or TOML; has a key twice, or a value that is no finite number.
    """
    suffix = posixpath.splitext(path)[1].lower()
    try:
        if suffix in (".toml", ".py"):
            value = params.read(path, content)
        elif suffix == ".json":
            value = strict.loads(content)
        else:
            value = yaml12.load(content)
        if suffix != ".json":
            _refuse_infinite(value)
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error) or "it is nested too deeply") from None
    found = flatten({} if value is None else value, posixpath.basename(path))
    return {name: one for name, one in found.items() if isinstance(one, int | float | str)}


class ParamsReader:
    """Reads parameter files; one that differs from a known one in a few plain lines is read by those lines alone."""

    def __init__(self) -> None:
        self._known: list[_Known] = []
        self._scalars: dict[str, Any] = {}

    def read(self, path: str, content: bytes) -> Flat:
        """Return the parameters of a file.

        Raises
        ------
        Unreadable
            It cannot be read.
        """
        suffix = posixpath.splitext(path)[1].lower()
        is_yaml = suffix not in (".json", ".toml", ".py")
        lines = content.split(b"\n") if is_yaml else []
        if is_yaml:
            for known in self._known:
                found = self._by_lines(known, lines)
                if found is not None:
                    return found
        try:
            value = strict.loads(content) if suffix == ".json" else params.read(path, content)
            found = flatten(value or {}, posixpath.basename(path))
        except (ValueError, RecursionError) as error:
            raise Unreadable(str(error) or "it is nested too deeply") from None
        if is_yaml:
            self._remember(content, lines, found)
        return found

    def _by_lines(self, known: _Known, lines: list[bytes]) -> Flat | None:
        if len(lines) != len(known.lines):
            return None
        changed = [place for place, (old, new) in enumerate(zip(known.lines, lines, strict=True)) if old != new]
        if len(changed) > MOST_LINES_CHANGED:
            return None
        found = dict(known.flat)
        for place in changed:
            leaf = known.leaves.get(place)
            match = _LINE.fullmatch(lines[place].decode("utf-8", "replace")) if leaf is not None else None
            if leaf is None or match is None or match[1] != leaf.before:
                return None
            value = self._scalar(match[2])
            for name in leaf.names:
                found[name] = value
        return found

    def _scalar(self, text: str) -> Any:
        if text not in self._scalars:
            self._scalars[text] = plain(yaml12.load(text.encode()))
        return self._scalars[text]

    def _remember(self, content: bytes, lines: list[bytes], flat: Flat) -> None:
        leaves = _leaves(content, flat)
        if leaves:
            self._known = [_Known(lines, flat, leaves), *self._known[: MOST_KNOWN - 1]]


class _Leaf(NamedTuple):
    """A value that stands alone on its line, and all names by which aliases let it be reached."""

    before: str
    names: list[str]


class _Known(NamedTuple):
    lines: list[bytes]
    flat: Flat
    leaves: dict[int, _Leaf]


def _flatten(value: dict[Any, Any], prefix: str, found: Flat) -> None:
    for key, inner in value.items():
        name = prefix + (key if type(key) is str else _text(key))
        kind = type(inner)
        if kind is dict and inner:
            _flatten(inner, f"{name}.", found)
        elif name in found:
            raise Unreadable(f"two of its values are called {name}")
        else:
            found[name] = inner if kind in _AS_THEY_ARE or (kind is float and isfinite(inner)) else plain(inner)


def _text(key: Any) -> str:
    return key if isinstance(key, str) else "null" if key is None else str(key).lower() if key is True else str(key)


def _refuse_infinite(value: Any) -> None:
    if isinstance(value, dict):
        for inner in value.values():
            _refuse_infinite(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_infinite(inner)
    elif isinstance(value, float) and not isfinite(value):
        raise Unreadable(f"{value} is no number that can be compared")


def _leaves(content: bytes, flat: Flat) -> dict[int, _Leaf]:
    """Return the lines of a YAML file whose value can be replaced without a change of anything else."""
    text = content.decode("utf-8")
    if _BREAKS.search(text) or "<<" in text:
        return {}
    try:
        search = _Search(text.split("\n"))
        search.look_into(yaml12.compose(text), "")
    except yaml12.NotYaml:
        return {}
    return {
        place: leaf
        for place, leaf in search.leaves.items()
        if search.nodes[place] not in search.hidden and all(name in flat for name in leaf.names)
    }


class _Search:
    """Looks for plain values on lines of their own; what is seen elsewhere too, through an alias, is hidden."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.leaves: dict[int, _Leaf] = {}
        self.nodes: dict[int, int] = {}
        self.hidden: set[int] = set()

    def look_into(self, node: Any, prefix: str) -> None:
        if node is None or node.id != "mapping" or node.flow_style:
            self.hide(node)
            return
        for key, value in node.value:
            if not key.tag.endswith(":str"):
                self.hide(value)
            elif value.id == "mapping":
                self.look_into(value, f"{prefix}{key.value}.")
            elif value.id != "scalar" or not self.is_alone(key, value):
                self.hide(value)
            else:
                place = value.start_mark.line
                before = self.lines[place][: value.start_mark.column]
                self.leaves.setdefault(place, _Leaf(before, [])).names.append(f"{prefix}{key.value}")
                if self.nodes.setdefault(place, id(value)) != id(value):
                    self.hide(value)

    def is_alone(self, key: Any, value: Any) -> bool:
        """Say whether a line is a plain key and a plain value, and nothing of it stands on another line."""
        place = value.start_mark.line
        match = _LINE.fullmatch(self.lines[place])
        marks = (key.start_mark, key.end_mark, value.end_mark)
        return (
            match is not None
            and not value.style
            and all(mark.line == place for mark in marks)
            and match[2] == value.value
            and match[1].strip(" :") == key.value
            and len(match[1]) == value.start_mark.column
        )

    def hide(self, node: Any) -> None:
        if node is None:
            return
        self.hidden.add(id(node))
        for inner in node.value if node.id != "scalar" else ():
            for each in inner if isinstance(inner, tuple) else (inner,):
                self.hide(each)
