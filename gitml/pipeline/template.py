"""The ``${...}`` of dvc.yaml, resolved as DVC does."""

from __future__ import annotations

from typing import Any, NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_STAGES = 10_000
"""Stages that one foreach or matrix may stand for."""

LONGEST = 2**20
"""Letters of one resolved text."""


class Unresolved(ValueError):
    """Something cannot be resolved from the commit alone; the message says what, in half a sentence."""


class Selected(NamedTuple):
    """A value that a reference stands for, where DVC treats it otherwise than one written in dvc.yaml."""

    value: Any


class Style(NamedTuple):
    """How DVC writes a mapping into a command (``parsing`` in ``.dvc/config``).

    Attributes
    ----------
    says_no
        Whether False is written ``--no-NAME`` instead of nothing.
    repeats
        Whether a list is written with its option before every item.
    """

    says_no: bool = False
    repeats: bool = False


def resolve(source: Any, context: Mapping[str, Any], key: str | None = None, style: Style = Style()) -> Any:  # noqa: B008
    """Return `source` with its references replaced, in keys too.

    Parameters
    ----------
    source
        What dvc.yaml says.
    context
        What names mean.
    key
        The stage's key that it stands under; a mapping may be written into ``cmd`` only. None for the data
        of a foreach or matrix: there any value will do, and it comes as `Selected`.
    style
        How a mapping is written.

    Raises
    ------
    Unresolved
        A name has no meaning here, or one that cannot be written into a text.
    """
    if isinstance(source, dict):
        return {
            _hashable(resolve(name, context, key, style)): resolve(value, context, key, style)
            for name, value in source.items()
        }
    if isinstance(source, list):
        return [resolve(value, context, key, style) for value in source]
    return _resolve_text(source, context, key, style) if isinstance(source, str) else source


def has_reference(value: Any) -> bool:
    """Say whether a reference stands anywhere in `value`."""
    if isinstance(value, dict):
        return any(map(has_reference, value)) or any(map(has_reference, value.values()))
    if isinstance(value, list):
        return any(map(has_reference, value))
    return isinstance(value, str) and next(_references(value), None) is not None


def names_in(text: str) -> list[str]:
    """Return the dotted names in the references of a text.

    >>> names_in("${train.model}-${ grid[0].lr }")
    ['train.model', 'grid.0.lr']
    """
    inner = (text[start + 2 : stop - 1] for start, stop in _references(text))
    return [
        ".".join(segment.strip() for segment in name.replace("[", ".").replace("]", "").split(".")) for name in inner
    ]


def as_text(value: Any) -> str:
    """Return how a value is written into a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def merge(into: dict[str, Any], update: Mapping[Any, Any]) -> None:
    """Add `update`'s names to `into`, mapping into mapping; what DVC would refuse is refused.

    Raises
    ------
    Unresolved
        A name has another meaning already.
    """
    for name, value in update.items():
        if not isinstance(name, str):
            continue
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            into[name] = dict(into[name])
            merge(into[name], value)
        elif name in into:
            raise Unresolved(f"{name} is given twice")
        else:
            into[name] = value


def expand_foreach(data: Any, context: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the names of a foreach's stages after ``@``, and what ``item`` and ``key`` mean in each."""
    resolved = resolve(data, context)
    items = _unwrapped(resolved)
    if isinstance(items, dict):
        if isinstance(resolved, Selected):
            items = {name: value for name, value in items.items() if isinstance(name, str)}
        return {as_text(name): {"item": _deep(value), "key": as_text(name)} for name, value in items.items()}
    if not isinstance(items, list):
        raise Unresolved("its foreach is no list and no mapping")
    if len(items) > MOST_STAGES:
        raise Unresolved("its foreach stands for too many stages")
    if any(isinstance(_unwrapped(value), dict | list) for value in items):
        return {str(place): {"item": _deep(value)} for place, value in enumerate(items)}
    return {name: {"item": _deep(value)} for name, value in _named(items, isinstance(resolved, Selected), "")}


def expand_matrix(data: Any, context: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the names of a matrix's stages after ``@``, and what ``item`` and ``key`` mean in each."""
    from itertools import product
    from math import prod

    resolved = resolve(data, context)
    if not isinstance(resolved, dict) or not all(isinstance(name, str) for name in resolved):
        raise Unresolved("its matrix is no mapping")
    axes: list[list[tuple[str, Any]]] = []
    for name, values in resolved.items():
        items = _unwrapped(values)
        if not isinstance(items, list):
            raise Unresolved("an axis of its matrix is no list")
        axes.append(_named(items, isinstance(values, Selected), name))
    if prod(map(len, axes)) > MOST_STAGES:
        raise Unresolved("its matrix stands for too many stages")
    stages = {}
    for point in product(*axes):
        key = "-".join(name for name, _ in point)
        item = dict(zip(resolved, (_deep(value) for _, value in point), strict=True))
        stages[key] = {"item": item, "key": key}
    return stages


def _named(items: list[Any], is_selected: bool, axis: str) -> list[tuple[str, Any]]:
    """Pair each item with its part of a stage's name: its text, or its place where it is a list or mapping."""
    named = []
    for place, item in enumerate(items):
        value = _unwrapped(item)
        if isinstance(value, dict | list):
            named.append((f"{axis}{place}", item))
        elif is_selected or isinstance(item, Selected):
            named.append((str(value), item))  # DVC's own node, written by str(): True, not true
        else:
            named.append((as_text(value), item))
    return named


def _resolve_text(source: str, context: Mapping[str, Any], key: str | None, style: Style) -> Any:
    places = list(_references(source))
    if places == [(0, len(source))]:
        value = select(context, source[2:-1])
        if key is None:
            return Selected(value)
        _refuse_unwritable(value, key)
        return value
    text, end = "", 0
    for start, stop in places:
        value = select(context, source[start + 2 : stop - 1])
        if key is not None:
            _refuse_unwritable(value, key)
        text += source[end:start] + (_as_options(value, style) if isinstance(value, dict) else as_text(value))
        end = stop
        if len(text) > LONGEST:
            raise Unresolved("a resolved text is too long")
    return (text + source[end:]).replace("\\${", "${")


def _references(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each ``${...}`` begins and ends: on one line, up to the first ``}``, no backslash before it."""
    place = 0
    while (start := text.find("${", place)) >= 0:
        stop = text.find("}", start)
        if stop < 0:
            return
        line_end = text.find("\n", start, stop)
        if line_end >= 0:
            place = line_end + 1
        elif start > 0 and text[start - 1] == "\\":
            place = start + 2
        else:
            yield start, stop + 1
            place = stop + 1


def select(context: Mapping[str, Any], name: str) -> Any:
    """Return what a reference's inner text means.

    Raises
    ------
    Unresolved
        Nothing.
    """
    value: Any = context
    for segment in name.replace("[", ".").replace("]", "").split("."):
        try:
            if isinstance(value, dict):
                value = value[segment.strip()]
            elif isinstance(value, list):
                value = value[int(segment)]
            else:
                raise LookupError
        except (LookupError, ValueError):
            raise Unresolved(f"${{{name}}} has no value in the commit") from None
    return value


def _refuse_unwritable(value: Any, key: str) -> None:
    if isinstance(value, list | tuple | set) or (isinstance(value, dict) and key != "cmd"):
        raise Unresolved("a list or mapping cannot stand in a text")


def _as_options(mapping: dict[Any, Any], style: Style) -> str:
    """Write a mapping as the options of a command, as DVC does."""
    from shlex import quote

    words: list[str] = []
    for name, value in _flat(mapping, ""):
        if isinstance(value, bool):
            words += [f"--{name}"] if value else [f"--no-{name}"] if style.says_no else []
        elif isinstance(value, str):
            words += [f"--{name} {quote(value)}"]
        elif isinstance(value, list):
            for place, item in enumerate(value):
                if isinstance(item, dict | list):
                    raise Unresolved("a list in a list cannot stand in a command")
                written = quote(item) if isinstance(item, str) else str(item)
                words += [f"--{name} {written}" if style.repeats or place == 0 else written]
        else:
            words += [f"--{name} {value}"]
    return " ".join(words)


def _flat(mapping: dict[Any, Any], prefix: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in mapping.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", value))
    return found


def _unwrapped(value: Any) -> Any:
    return value.value if isinstance(value, Selected) else value


def _deep(value: Any) -> Any:
    if isinstance(value, Selected):
        return value.value
    if isinstance(value, dict):
        return {name: _deep(inner) for name, inner in value.items()}
    return [_deep(inner) for inner in value] if isinstance(value, list) else value


def _hashable(value: Any) -> Any:
    if isinstance(value, Selected | dict | list):
        raise Unresolved("a key is no text")
    return value
