"""How values, differences and times are written in a narrow table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MINUTE, HOUR, DAY = 60, 3_600, 86_400
MONTH, YEAR = 30 * DAY, 365 * DAY


def age(seconds: float) -> str:
    """Return how long ago something was, in two or three letters.

    >>> age(8 * 60), age(3 * 86400)
    ('8m', '3d')
    """
    for unit, letter in ((YEAR, "y"), (MONTH, "mo"), (DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if seconds >= unit:
            return f"{int(seconds // unit)}{letter}"
    return "now"


def value(found: Any) -> str:
    """Return a parameter's value as short as it can be written without another meaning."""
    if found is None:
        return "null"
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, float):
        return number(found)
    if isinstance(found, list):
        return "[" + ",".join(map(value, found)) + "]"
    return str(found)


def number(found: float) -> str:
    """Return a number of at most six digits: 0.001 as ``1e-3``, 0.7133 as it is.

    >>> number(0.001), number(0.0003), number(0.7133), number(12.0)
    ('1e-3', '3e-4', '0.7133', '12')
    """
    text = f"{found:.6g}"
    if 0 < abs(found) < 0.01:
        text = f"{found:.5e}"
        mantissa, _, exponent = text.partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{int(exponent)}"
    return text.replace("e+0", "e").replace("e+", "e")


def figures(values: Iterable[float | None]) -> int:
    """Return how many decimals a column of metrics is written with: four, or none for whole numbers."""
    known = [one for one in values if one is not None]
    return 0 if known and all(float(one).is_integer() for one in known) else 4


def metric(found: float, decimals: int) -> str:
    """Return a metric with a column's decimals; very large and very small ones as powers of ten."""
    if found and (abs(found) >= 1e9 or (decimals and abs(found) < 10 ** (-decimals))):
        return f"{found:.3e}"
    return f"{found:.{decimals}f}"


def delta(found: float, decimals: int) -> str:
    """Return a difference with its sign."""
    if found and decimals and abs(found) < 10**-decimals:
        return f"{found:+.1e}"
    return f"{found:+.{decimals}f}"


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Return the shortest end of each name that no other has.

    >>> short_names(["train.mlp.lr", "train.hgb.lr", "base.seed"])
    {'train.mlp.lr': 'mlp.lr', 'train.hgb.lr': 'hgb.lr', 'base.seed': 'seed'}
    """
    ends: dict[str, int] = {}
    for name in names:
        for end in _ends(name):
            ends[end] = ends.get(end, 0) + 1
    return {name: next((end for end in _ends(name) if ends[end] == 1), name) for name in names}


def _ends(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[place:]) for place in range(len(parts) - 1, -1, -1)]


def aliases_left_out(changed: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Return changed params without those that repeat a shorter name's change, as YAML's aliases do.

    >>> aliases_left_out({"train.mlp.lr": [1, 2], "train.ensemble.members.mlp.lr": [1, 2]})
    {'train.mlp.lr': [1, 2]}
    """
    kept: dict[str, list[Any]] = {}
    for name in sorted(changed, key=lambda one: (one.count("."), one)):
        end = ".".join(name.split(".")[-2:])
        is_alias = any(other.split(".")[-2:] == end.split(".") and kept[other] == changed[name] for other in kept)
        if not (is_alias and "." in name):
            kept[name] = changed[name]
    return {name: pair for name, pair in changed.items() if name in kept}


def change(name: str, pair: Sequence[Any]) -> str:
    """Return one changed parameter: ``lr 1e-3→3e-4``."""
    old, new = pair
    return f"{name} {value(old)}→{value(new)}"


def cut(text: str, width: int) -> str:
    """Return `text` in at most `width` letters."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
