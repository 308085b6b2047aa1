"""Changing values in parameter files, where they stand: nothing else in params.yaml changes."""

from __future__ import annotations

import json
import posixpath
from typing import Any

from gitml.pipeline import yaml12
from gitml.pipeline.overrides import Value, WrongParameter, flatten, is_same

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


_MARK = b"\xef\xbb\xbf"
"""The byte order mark that some editors put before a text."""


def nobody(name: str) -> bool:
    """Say that no parameter may change along with another one."""
    return False


def anybody(name: str) -> bool:
    """Say that any parameter may change along: what was asked for has been judged already."""
    return True


def apply(path: str, content: bytes, values: Mapping[str, Value], may_follow: Callable[[str], bool] = nobody) -> bytes:
    """Return a parameter file with some values changed; of YAML and TOML every other byte is kept.

    Parameters
    ----------
    path
        Where it is; its suffix says the language.
    content
        Its bytes.
    values
        The new values by their dotted names, which are all there already.
    may_follow
        Which other parameters may change, too, because a YAML anchor gives them the same value.

    Raises
    ------
    WrongParameter
        It is code, or cannot be read; or another parameter would change that may not.
    """
    suffix = posixpath.splitext(path)[1].lower()
    try:
        if suffix == ".json":
            return _apply_json(content, values)
        if suffix == ".toml":
            return _apply_toml(content, values)
        if suffix == ".py":
            raise WrongParameter(f"{path} is code", "gitml changes YAML, JSON and TOML; edit it by hand.")
        return _apply_yaml(content, values, may_follow)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise WrongParameter(f"{path} cannot be changed", f"{error}.") from None


def written(content: bytes, name: str) -> str | None:
    """Return how a YAML file writes a value, ``3e-4``; None where it has none, or not on one line of its own."""
    try:
        text = content.decode()
        start, end, before = _span(text, name)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None
    piece = text[start:end]
    return None if before or not piece or "\n" in piece or piece[0] in "&*!" else piece


def _apply_yaml(content: bytes, values: Mapping[str, Value], may_follow: Callable[[str], bool]) -> bytes:
    """Replace the text of each value where it stands, and see that the file then says just that."""
    if content.startswith(_MARK):
        return _MARK + _apply_yaml(content.removeprefix(_MARK), values, may_follow)
    text = content.decode()
    expected = _apart(yaml12.load(content))
    for name, new in values.items():
        start, end, before = _span(text, name)
        text = text[:start] + before + new.text + text[end:]
        holder, key = _holder(expected, name)
        holder[key] = new.value
    changed = text.encode()
    others = _differences(yaml12.load(changed), expected)
    wrong = [name for name in others if name in values or not may_follow(name)]
    if wrong:
        names, also = ", ".join(values), ", ".join(wrong[:3])
        raise ValueError(
            f"{names} cannot be written where it stands: {also} would change with it, by a YAML anchor, or it is "
            "quoted oddly"
        )
    return changed


def _differences(now: Any, expected: Any) -> list[str]:
    """Return the dotted names whose values are not as expected; the top, where it is no mapping."""
    if is_same(now, expected):
        return []
    if not isinstance(now, dict) or not isinstance(expected, dict):
        return ["the file"]
    one, other = flatten(now), flatten(expected)
    return [name for name in dict.fromkeys([*one, *other]) if not is_same(one.get(name), other.get(name))] or [
        "the file"
    ]


def _span(text: str, name: str) -> tuple[int, int, str]:
    """Return where the value of a dotted name begins and ends in a YAML text, and what its new text begins with."""
    import yaml

    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    node: Any = yaml12.compose(text)
    rest, key = name, node
    while rest:
        key, node, rest = _step(node, rest)
    is_block = isinstance(node, yaml.CollectionNode) and not node.flow_style
    last = _last_of(node)
    first = key.end_mark if is_block else node.start_mark
    start = starts[first.line] + first.column
    end = starts[last.end_mark.line] + last.end_mark.column
    if is_block or start == end:  # an empty value has no place of its own
        return starts[key.end_mark.line] + key.end_mark.column, max(end, _after_colon(text, key, starts)), ": "
    return start, start + len(text[start:end].rstrip()), ""  # a literal block ends with its line ends


def _after_colon(text: str, key: Any, starts: list[int]) -> int:
    return text.index(":", starts[key.end_mark.line] + key.end_mark.column) + 1


def _step(node: Any, rest: str) -> tuple[Any, Any, str]:
    """Return the key and value nodes of the first part of a dotted name, the longest key first, and what is left."""
    parts = rest.split(".")
    pairs = node.value if isinstance(node.value, list) else []
    for end in range(len(parts), 0, -1):
        for key, value in (pair for pair in pairs if isinstance(pair, tuple)):
            if getattr(key, "value", None) == ".".join(parts[:end]):
                return key, value, ".".join(parts[end:])
    raise KeyError(f"{rest} is not in it")


def _last_of(node: Any) -> Any:
    """Return the node that ends last in a block; of a flow collection or a scalar that is itself."""
    while isinstance(node.value, list) and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _apart(value: Any) -> Any:
    """Return a copy in which an anchor and its aliases are values of their own."""
    if isinstance(value, dict):
        return {key: _apart(inner) for key, inner in value.items()}
    return [_apart(inner) for inner in value] if isinstance(value, list) else value


def _apply_json(content: bytes, values: Mapping[str, Value]) -> bytes:
    import re

    data = json.loads(content)
    for name, new in values.items():
        holder, key = _holder(data, name)
        holder[key] = new.value
    indent = re.search(rb"\n([ \t]+)", content)
    text = json.dumps(data, indent=indent[1].decode() if indent is not None else None, ensure_ascii=False)
    return text.encode() + (b"\n" if content.endswith(b"\n") else b"")


def _apply_toml(content: bytes, values: Mapping[str, Value]) -> bytes:
    import tomlkit

    data = tomlkit.parse(content.decode())
    for name, new in values.items():
        holder, key = _holder(data, name)
        holder[key] = new.value
    return tomlkit.dumps(data).encode()


def _holder(data: Any, name: str) -> tuple[Any, Any]:
    """Return the mapping in which a dotted name has its value, and the key; keys may have dots themselves."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        for key in _keys(data, ".".join(parts[:end])):
            if end == len(parts):
                return data, key
            try:
                return _holder(data[key], ".".join(parts[end:]))
            except KeyError:
                continue
    raise KeyError(f"{name} is not in it")


def _keys(data: Any, text: str) -> list[Any]:
    return [key for key in data if str(key) == text] if isinstance(data, dict) else []
