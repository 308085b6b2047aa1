"""params.yaml, read the way DVC reads it (YAML 1.2) and checked against frozen values."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.errors import InputError, did_you_mean

T = TypeVar("T")

PARAMS_FILE = "params.yaml"


@dataclass(frozen=True)
class Base:
    """What every stage shares: the ``base`` section of params.yaml."""

    seed: int = 42
    threads: int = 2

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise InputError(f"params.yaml: base.seed is {self.seed}.", "It must lie between 0 and 4294967295.")
        if self.threads < 1:
            raise InputError(f"params.yaml: base.threads is {self.threads}.", "It must be 1 or more.")


def load(path: str | Path = PARAMS_FILE) -> dict[str, Any]:
    """Read a YAML mapping.

    DVC reads YAML 1.2, where ``1e-3`` is a number and ``yes`` is a word; so must the stages.

    Raises
    ------
    InputError
        The file is missing, is not YAML, or is not a mapping.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist.", "Run the stage from the folder that has it.") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 ({error.reason}).", "Save it as UTF-8.") from None
    try:
        value = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise InputError(f"{path}{where} is not valid YAML: {problem}.", "Correct that line.") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} holds no mapping of names to values.", "See params.yaml in the README.")
    return value


def section(params: Mapping[str, Any], path: str, shape: type[T]) -> T:
    """Read the section at a dotted `path` into the frozen dataclass `shape`.

    A field without a default must be there; a key that is no field is refused with the nearest name.
    A missing section is read as an empty one.

    Raises
    ------
    InputError
        A key is unknown or missing, or a value has the wrong type.
    """
    value: Any = params
    for name in path.split("."):
        value = value.get(name, {}) if isinstance(value, Mapping) else {}
    return parse(value if value is not None else {}, path, shape)


def choice(params: Mapping[str, Any], path: str, options: tuple[str, ...]) -> Any:
    """Read the word at the top-level `path`, the first option where there is none.

    Raises
    ------
    InputError
        The word is none of the options.
    """
    return _checked(params.get(path, options[0]), Literal[options], path)


def parse(value: Any, path: str, shape: type[T]) -> T:
    """Check `value` against the frozen dataclass `shape` and build it; see `section`."""
    assert is_dataclass(shape)
    if not isinstance(value, Mapping):
        raise InputError(
            f"params.yaml: {path} is {value!r}, not a section of names and values.", "Indent its keys below it."
        )
    hints = get_type_hints(shape)
    for key in value:
        if key not in hints:
            known = ", ".join(hints)
            raise InputError(
                f"params.yaml: {path}.{key} is not a parameter.{did_you_mean(key, hints)}", f"{path} takes: {known}."
            )
    for field in fields(shape):
        if field.name not in value and field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"params.yaml: {path}.{field.name} is missing.", "Add it.")
    checked = {key: _checked(item, hints[key], f"{path}.{key}") for key, item in value.items()}
    return shape(**checked)


def _checked(value: Any, hint: Any, path: str) -> Any:
    """Return `value` as `hint` wants it (an int where a float is asked becomes one), or say what is wrong."""
    origin = get_origin(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        return parse(value, path, hint)
    if origin in (Union, types.UnionType):
        return _one_of(value, hint, path)
    if origin is Literal:
        return _choice(value, get_args(hint), path)
    if origin is tuple and isinstance(value, list):
        inner = get_args(hint)[0]
        return tuple(_checked(item, inner, f"{path}[{place}]") for place, item in enumerate(value))
    if hint is float and type(value) in (int, float):
        return float(value)
    # type() and not isinstance(): true is no whole number here
    if hint is Any or type(value) is (origin or hint):
        return value
    raise InputError(f"params.yaml: {path} is {value!r}.", f"It must be {_words(hint)}.")


def _one_of(value: Any, hint: Any, path: str) -> Any:
    for option in get_args(hint):
        if option is type(None):
            if value is None:
                return None
            continue
        try:
            return _checked(value, option, path)
        except InputError:
            continue
    raise InputError(f"params.yaml: {path} is {value!r}.", f"It must be {_words(hint)}.")


def _choice(value: Any, options: tuple[Any, ...], path: str) -> Any:
    if value in options:
        return value
    words = ", ".join(map(str, options))
    raise InputError(f"params.yaml: {path} is {value!r}.{did_you_mean(value, options)}", f"Choose one of: {words}.")


def _words(hint: Any) -> str:
    """Name a type for the reader of an error."""
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", type(None): "null"}
    if hint in names:
        return names[hint]
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_words(option) for option in get_args(hint))
    if origin is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    if origin in (tuple, list):
        return "a list"
    return "a section of names and values"
