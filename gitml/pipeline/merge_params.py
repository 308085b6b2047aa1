"""Merging parameter files by key: two people who change two neighbouring lines are in no conflict."""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.pipeline import overrides, param_files, params, yaml12, yaml_keys
from gitml.pipeline.overrides import Value, flatten, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Flat = dict[str, Any]
"""Values by dotted names."""


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()
"""Stands for the value of a key that a side does not have."""


class KeyConflict(NamedTuple):
    """A parameter that both sides changed, to different values; `ABSENT` where a side has it not."""

    file: str
    name: str
    base: Any
    ours: Any
    theirs: Any


class MergedValues(NamedTuple):
    """Parameters of both sides.

    Attributes
    ----------
    values
        All of them; of one in conflict what our side has, or theirs where ours has it not.
    conflicts
        Those that both sides changed to different values, by name.
    """

    values: Flat
    conflicts: tuple[str, ...]


class MergedParams(NamedTuple):
    """A parameter file of both sides.

    Attributes
    ----------
    content
        Its bytes; None where it cannot be written with just the merged values.
    conflicts
        The keys that both sides changed to different values.
    """

    content: bytes | None
    conflicts: tuple[KeyConflict, ...]


def merge_values(bases: Sequence[Flat], ours: Flat, theirs: Flat) -> MergedValues:
    """Merge parameters by their names, where a side that changed nothing gives way.

    Parameters
    ----------
    bases
        What both sides came from; several where histories were merged crosswise. A side changed a value where
        it is that of none of them.
    ours, theirs
        What they are now.

    >>> merge_values([{"lr": 0.1, "width": 2}], {"lr": 0.3, "width": 2}, {"lr": 0.1, "width": 4})
    MergedValues(values={'lr': 0.3, 'width': 4}, conflicts=())
    """
    values: Flat = {}
    conflicts = []
    for name in dict.fromkeys([*ours, *theirs]):
        one, other = ours.get(name, ABSENT), theirs.get(name, ABSENT)
        before = [repr(base.get(name, ABSENT)) for base in bases] or [repr(ABSENT)]
        is_ours_old, is_theirs_old = repr(one) in before, repr(other) in before
        if repr(one) == repr(other) or (is_theirs_old and not is_ours_old):
            value = one
        elif is_ours_old and not is_theirs_old:
            value = other
        else:
            conflicts.append(name)
            value = other if one is ABSENT else one
        if value is not ABSENT:
            values[name] = value
    return MergedValues(_without_hollow(values), tuple(conflicts))


def merge_params(
    path: str,
    bases: Sequence[bytes],
    ours: bytes,
    theirs: bytes,
    textual: bytes | None,
    merge_text: Callable[[bytes, bytes, bytes, bool], bytes | None],
) -> MergedParams:
    """Merge a parameter file by its keys, with the comments and the order of our side as far as they can be kept.

    Parameters
    ----------
    path
        Where it is; its suffix says the language.
    bases, ours, theirs
        Its contents; an empty one for a file that was not there.
    textual
        What git made of it line by line; None where git could not.
    merge_text
        Merges base, ours and theirs line by line, keeping all lines in conflict where the last word says so; None
        for a conflict.

    Raises
    ------
    gitml.pipeline.params.NotParams
        A side cannot be read.
    """
    flat = [read(path, content) for content in (*bases, ours, theirs)]
    merged = merge_values(flat[:-2], flat[-2], flat[-1])
    base = flat[0] if bases else {}
    conflicts = tuple(
        KeyConflict(path, name, base.get(name, ABSENT), flat[-2].get(name, ABSENT), flat[-1].get(name, ABSENT))
        for name in merged.conflicts
    )
    for content in _ways(path, bases[0] if bases else b"", ours, theirs, textual, merge_text, merged.values):
        if content is not None and _says(path, content, merged.values):
            return MergedParams(content, conflicts)
    return MergedParams(None, conflicts)


def read(path: str, content: bytes) -> Flat:
    """Return the values of a parameter file by dotted names; none for an empty one.

    Raises
    ------
    gitml.pipeline.params.NotParams
        It cannot be read.
    """
    value = params.read(path, content) if content.strip() else {}
    if not isinstance(value, dict):
        raise params.NotParams("it is no mapping")
    return {name: one for name, one in flatten(value).items() if name}


def told(value: Any) -> str:
    """Return a side's value as a person reads it."""
    return "not there" if value is ABSENT else shown(value)


def _without_hollow(values: Flat) -> Flat:
    """Leave out empty mappings that are not empty any more, because the other side put something in."""
    hollow = [name for name, value in values.items() if value == {} and isinstance(value, dict)]
    filled = {name for name in hollow if any(other.startswith(f"{name}.") for other in values)}
    return {name: value for name, value in values.items() if name not in filled}


def _ways(
    path: str,
    base: bytes,
    ours: bytes,
    theirs: bytes,
    textual: bytes | None,
    merge_text: Callable[[bytes, bytes, bytes, bool], bytes | None],
    values: Flat,
) -> Iterator[bytes | None]:
    """Yield contents that may say the merged values, the best first."""
    sources = (ours, theirs)
    yield textual
    yield _with(path, ours, values, sources)
    yield _with(path, theirs, values, sources)
    # With the same values on all sides, what is left to merge is which keys there are.
    one, two, three = (_with(path, each, values, sources) for each in (base, ours, theirs))
    if one is not None and two is not None and three is not None:
        for is_union in (False, True):
            yield merge_text(one, two, three, is_union)
    yield _written_anew(path, ours, values, sources)


def _with(path: str, content: bytes, values: Flat, sources: Sequence[bytes]) -> bytes | None:
    """Return a content in which the keys that it has say the merged values; None where that cannot be written."""
    try:
        now = read(path, content)
        changed = {
            name: _value(path, name, values[name], sources)
            for name, value in now.items()
            if name in values and repr(value) != repr(values[name])
        }
        return param_files.apply(path, content, changed) if changed else content
    except (params.NotParams, overrides.WrongParameter, ValueError, TypeError):  # of dates and NaN, which JSON lacks
        return None


def _value(path: str, name: str, value: Any, sources: Sequence[bytes]) -> Value:
    """Return a value as the side that has it writes it: ``3e-4`` stays ``3e-4``."""
    if posixpath.splitext(path)[1].lower() not in (".json", ".toml", ".py"):
        for source in sources:
            text = param_files.written(source, name)
            try:
                if text is not None and repr(yaml12.load(text.encode())) == repr(value):
                    return Value(value, text)
            except yaml12.NotYaml:
                continue
    return Value.of(value)


def _written_anew(path: str, ours: bytes, values: Flat, sources: Sequence[bytes]) -> bytes | None:
    """Return our file with keys added and removed, where merging by lines does not say it."""
    suffix = posixpath.splitext(path)[1].lower()
    content = _with(path, ours, values, sources)
    if suffix in (".toml", ".py") or content is None:
        return None
    try:
        now = read(path, content)
        gone = [name for name in now if name not in values]
        new = {name: value for name, value in values.items() if name not in now}
        if suffix == ".json":
            return _json_with(content, gone, new)
        texts = {name: _value(path, name, value, sources).text for name, value in new.items()}
        return yaml_keys.with_keys(content.decode(), gone, texts).encode()
    except (ValueError, KeyError, TypeError, AttributeError):  # keys with dots, aliases, what has lines of its own
        return None


def _json_with(content: bytes, gone: Sequence[str], new: Flat) -> bytes:
    data = json.loads(content or b"{}")
    for name in gone:
        _remove(data, name.split("."))
    for name, value in new.items():
        _put(data, name.split("."), value)
    indent = re.search(rb"\n([ \t]+)", content)
    text = json.dumps(data, indent=indent[1].decode() if indent is not None else None, ensure_ascii=False)
    return text.encode() + (b"\n" if content.endswith(b"\n") else b"")


def _remove(data: Any, parts: list[str]) -> None:
    first, *rest = parts
    if rest:
        _remove(data[first], rest)
    if not rest or not data[first]:
        del data[first]


def _put(data: Any, parts: list[str], value: Any) -> None:
    for part in parts[:-1]:
        data = data.setdefault(part, {})
    data[parts[-1]] = value


def _says(path: str, content: bytes, values: Mapping[str, Any]) -> bool:
    try:
        found = read(path, content)
    except params.NotParams:
        return False
    return found.keys() == values.keys() and all(repr(found[name]) == repr(one) for name, one in values.items())
