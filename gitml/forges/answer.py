"""Reading what a forge answered: each field is there and is what it should be, or it is an odd answer."""

from __future__ import annotations

from typing import Any

Table = dict[str, Any]


class WrongField(ValueError):
    """A field is not what the forge's documentation says; the message is half a sentence."""


def table(value: object, what: str = "the answer") -> Table:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise WrongField(f"{what} is no JSON object")
    return value


def rows(value: object, what: str = "the answer") -> list[Table]:
    """Return a JSON list of objects."""
    if not isinstance(value, list):
        raise WrongField(f"{what} is no JSON list")
    return [table(row, f"an item of {what}") for row in value]


def inner(value: Table, key: str) -> Table:
    """Return the object at `key`; an empty one where there is none or null."""
    found = value.get(key)
    return {} if found is None else table(found, key)


def text(value: Table, key: str) -> str:
    """Return the string at `key`."""
    found = value.get(key)
    if not isinstance(found, str):
        raise WrongField(f"{key} is no text")
    return found


def text_or_nothing(value: Table, key: str) -> str:
    """Return the string at `key`; empty where there is none or null."""
    return "" if value.get(key) is None else text(value, key)


def number(value: Table, key: str) -> int:
    """Return the whole number at `key`."""
    found = value.get(key)
    if not isinstance(found, int) or isinstance(found, bool):
        raise WrongField(f"{key} is no number")
    return found


def truth(value: Table, key: str) -> bool | None:
    """Return the true or false at `key`; None where the forge does not tell."""
    found = value.get(key)
    if found is not None and not isinstance(found, bool):
        raise WrongField(f"{key} is neither true nor false")
    return found


def page(value: Table, key: str) -> str:
    """Return the URL of a page at `key`."""
    found = text(value, key)
    if not found.startswith(("https://", "http://")) or not found.isprintable() or " " in found:
        raise WrongField(f"{key} is no address of a page")
    return found


def texts(value: object, what: str = "the answer") -> tuple[str, ...]:
    """Return a list of strings; an empty one for null."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise WrongField(f"{what} is no list of texts")
    return tuple(value)


def commit(value: Table, key: str) -> str:
    """Return the full id of a commit at `key`; empty where there is none."""
    found = text_or_nothing(value, key)
    if found and (len(found) not in (40, 64) or not set(found) <= set("0123456789abcdef")):
        raise WrongField(f"{key} is no id of a commit")
    return found
