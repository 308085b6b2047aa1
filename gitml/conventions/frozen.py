"""Values that do not change, at the price of no import: a hook cannot afford dataclasses or typing."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, dataclass_transform
else:

    def dataclass_transform(**_: object) -> object:
        """Do what typing's own does at run time: nothing."""
        return lambda one: one


class _Slotted(type):
    """Makes a slot of every annotated name, and keeps the defaults."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _Slotted:
        """Make the class."""
        fields = tuple(namespace.get("__annotations__", ()))
        defaults = {field: namespace.pop(field) for field in fields if field in namespace}
        namespace.update(__slots__=fields, __match_args__=fields, _defaults=defaults)
        return super().__new__(mcs, name, bases, namespace)


@dataclass_transform(frozen_default=True, eq_default=True)
class Frozen(metaclass=_Slotted):
    """A value with named fields: equal by its fields, hashable, never changed.

    >>> class Point(Frozen):
    ...     x: int
    ...     y: int = 0
    >>> Point(1), Point(1) == Point(x=1, y=0)
    (Point(x=1, y=0), True)
    """

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = self.__match_args__  # type: ignore[attr-defined]
        if len(values) > len(fields):
            raise TypeError(f"{type(self).__name__} takes {len(fields)} values, not {len(values)}")
        given = {**self._defaults, **dict(zip(fields, values, strict=False)), **named}  # type: ignore[attr-defined]
        if given.keys() != set(fields):
            wrong = ", ".join(sorted(given.keys() ^ set(fields)))
            raise TypeError(f"{type(self).__name__} misses or does not know {wrong}")
        for field, value in given.items():
            object.__setattr__(self, field, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} does not change: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} does not change: {name}")

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, field) for field in self.__match_args__)  # type: ignore[attr-defined]

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        pairs = zip(self.__match_args__, self._values(), strict=True)  # type: ignore[attr-defined]
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"
