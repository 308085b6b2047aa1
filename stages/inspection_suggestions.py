"""What params.yaml should say of a table, gathered path by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Suggestions:
    """What params.yaml should say, by dotted path, and why; only paths that it has, and values that it lacks."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self.values: dict[str, Any] = {}
        self.reasons: dict[str, str] = {}

    def data(self, name: str, value: Any, reason: str) -> None:
        """Set a value of the data section, which is told whole."""
        self._set(f"data.{name}", value, reason)

    def put(self, path: str, value: Any, reason: str) -> None:
        """Set another value, if params.yaml has it and says otherwise."""
        at: Any = self.given
        for name in path.split("."):
            if not isinstance(at, Mapping) or name not in at:
                return
            at = at[name]
        self.values.pop(path, None)
        self.reasons.pop(path, None)
        if at != value:
            self._set(path, value, reason)

    def ordered(self) -> dict[str, Any]:
        """Return the values in the order of params.yaml."""
        order = {path: place for place, path in enumerate(_paths(self.given))}
        return dict(sorted(self.values.items(), key=lambda item: order.get(item[0], len(order))))

    def _set(self, path: str, value: Any, reason: str) -> None:
        self.values[path] = value
        if reason:
            self.reasons[path] = reason


def _paths(value: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Yield the dotted path of every value and of every section, in the order of the file."""
    for name, inner in value.items():
        yield f"{above}{name}"
        if isinstance(inner, Mapping):
            yield from _paths(inner, f"{above}{name}.")
