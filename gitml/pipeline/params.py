"""Parameter files as DVC reads them: YAML, JSON, TOML and Python, and its dotted names into them."""

from __future__ import annotations

import posixpath
from typing import Any, NamedTuple

from gitml.pipeline import yaml12

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Sequence

LARGEST_CODE = 2**20
"""Bytes of a Python file that is parsed."""


class NotParams(ValueError):
    """A parameter file cannot be read; the message says why, in half a sentence."""


class Ambiguous(ValueError):
    """A name means more than one value, or is a pattern, which DVC may read and this does not."""


class Drift(NamedTuple):
    """A parameter that is not as in ``dvc.lock``.

    Attributes
    ----------
    name
        The dotted name in its file.
    change
        ``modified``; ``deleted`` from the file; ``new``: not in ``dvc.lock``; ``unclear``: cannot be judged.
    locked, now
        The values; None where there is none.
    """

    name: str
    change: str
    locked: Any = None
    now: Any = None


def read(path: str, content: bytes) -> Any:
    """Return the value of a parameter file; its suffix says the language, YAML where it says nothing.

    Raises
    ------
    NotParams
        It cannot be read.
    """
    suffix = posixpath.splitext(path)[1].lower()
    try:
        if suffix == ".py":
            return _read_python(content)
        if suffix == ".json":
            return _read_json(content)
        if suffix == ".toml":
            import tomllib

            return tomllib.loads(_text(content))
        value = yaml12.load(content)
    except NotParams:
        raise
    except (ValueError, RecursionError, MemoryError, OverflowError, TypeError) as error:
        raise NotParams(str(error).partition("\n")[0] or "it is nested too deeply") from None
    return value or {}


def select(config: Any, name: str) -> Any:
    """Return what a dotted name means, as dpath with its separator ``.`` would.

    Raises
    ------
    KeyError
        There is no such value.
    Ambiguous
        The name is a pattern, or a number that fits a key and its text.
    """
    if any(letter in name for letter in "*?["):
        raise Ambiguous(name)
    for segment in name.lstrip(".").split("."):
        config = _step(config, segment, name)
    return config


def drift(config: Any, names: Sequence[str], locked: Any) -> list[Drift]:
    """Compare a parameter file with what ``dvc.lock`` says of it.

    Parameters
    ----------
    config
        The file's value.
    names
        The dotted names that the stage depends on; none for the whole file.
    locked
        What ``dvc.lock`` has for the file: values by name; None for nothing.
    """
    values = locked if isinstance(locked, dict) else {}
    if not names:
        if not isinstance(config, dict):
            return [Drift("", "unclear")]
        now: dict[str, Any] = config
        names = list(dict.fromkeys((*config, *values)))
    else:
        now = {}
        for name in names:
            try:
                now[name] = select(config, name)
            except KeyError:
                continue
            except Ambiguous:
                now[name] = Ambiguous
    return [found for name in names if (found := _drift(name, now, values)) is not None]


def _drift(name: str, now: dict[str, Any], locked: dict[str, Any]) -> Drift | None:
    if name not in now:
        return Drift(name, "deleted", locked.get(name))
    value = now[name]
    if value is Ambiguous:
        return Drift(name, "unclear")
    if name not in locked:
        return Drift(name, "new", None, value)
    try:
        if _is_same(value, locked[name]):
            return None
        change = "unclear" if _has_time(value) or _has_time(locked[name]) else "modified"
    except RecursionError:
        change = "unclear"
    return Drift(name, change, locked[name], value)


def _is_same(now: Any, locked: Any) -> bool:
    """Compare as Python does, which DVC does, except that NaN equals NaN and a tuple its list."""
    if isinstance(now, dict) and isinstance(locked, dict):
        return now.keys() == locked.keys() and all(_is_same(value, locked[key]) for key, value in now.items())
    if isinstance(now, list | tuple) and isinstance(locked, list | tuple):
        return len(now) == len(locked) and all(map(_is_same, now, locked))
    return bool(now == locked) or (now != now and locked != locked)


def _has_time(value: Any) -> bool:
    """Say whether a date or time is in it: those do not survive DVC's way through YAML unchanged."""
    if isinstance(value, dict):
        return any(map(_has_time, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_time, value))
    return not isinstance(value, str | int | float | bool | set | None)


def _step(config: Any, segment: str, name: str) -> Any:
    if isinstance(config, dict):
        if segment in config and all(isinstance(key, str) for key in config):
            return config[segment]
        found = [value for key, value in config.items() if str(key) == segment or _is_number(key, segment)]
    elif isinstance(config, list | tuple):
        found = [value for place, value in enumerate(config) if segment in (str(place), str(place - len(config)))]
    else:
        found = []
    if len(found) > 1:
        raise Ambiguous(name)
    if not found:
        raise KeyError(name)
    return found[0]


def _is_number(key: Any, segment: str) -> bool:
    try:
        return isinstance(key, int) and key == int(segment)
    except ValueError:
        return False


def _text(content: bytes) -> str:
    if len(content) > yaml12.LARGEST:
        raise NotParams(f"it is larger than {yaml12.LARGEST // 2**20} MiB")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise NotParams("it is no UTF-8") from None


def _read_json(content: bytes) -> Any:
    import json

    return json.loads(_text(content)) or {}


def _read_python(content: bytes) -> dict[str, Any]:
    import ast
    import warnings

    if len(content) > LARGEST_CODE:
        raise NotParams(f"it is larger than {LARGEST_CODE // 2**20} MiB")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its string escapes
        try:
            tree = ast.parse(_text(content))
        except SyntaxError:
            raise NotParams("it is no Python") from None
        return _assignments(tree.body)


def _assignments(body: list[ast.stmt], of_self: bool = False) -> dict[str, Any]:
    """Return what DVC sees in Python: literals at the top, in classes, and given to ``self`` in ``__init__``."""
    import ast

    values: dict[str, Any] = {}
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            values[statement.name] = _assignments(statement.body)
        elif isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            values.update(_assignments(statement.body, of_self=True))
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets: list[ast.expr] = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            name = _assigned_name(targets, of_self)
            if name is None or statement.value is None:
                continue
            try:
                values[name] = ast.literal_eval(statement.value)
            except (ValueError, TypeError, SyntaxError):
                continue
    return values


def _assigned_name(targets: list[ast.expr], of_self: bool) -> str | None:
    import ast

    if len(targets) != 1:
        return None
    target = targets[0]
    if isinstance(target, ast.Name) and not of_self:
        return target.id
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        return target.attr
    return None
