"""The schema as a file: YAML that a person can read and edit."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Mapping
from typing import Any, get_args

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.errors import InputError, did_you_mean
from stages.schema import ColumnRule, ColumnType, Schema

SCHEMA_FILE = "data/schema.yaml"

HEAD = """\
# What the table looked like when the pipeline first read it. From then on `dvc repro` refuses a table that breaks it.
# It is yours to edit. To accept a table that has changed for good, correct the line that the error names, or delete
# this file: the next run writes a new one.
#
# source      the table it describes; for a table with other columns, from another source, a new schema is written
# duplicates  the largest share of rows that may repeat an earlier row
# columns     each is required, and no other is allowed
#   type      number, integer, text, category (only the values listed), boolean, datetime or empty
#   missing   the largest share of missing values
#   min, max  the range: what was seen, widened on each side by half of its span
"""


def to_yaml(schema: Schema) -> str:
    """Return the schema as commented YAML, a column a line; `from_yaml` reads it back unchanged."""
    lines = [
        f"source: {_scalar(schema.source)}",
        f"target: {_scalar(schema.target)}",
        f"duplicates: {_scalar(schema.duplicates)}",
        "columns:",
    ]
    for rule in schema.columns:
        pairs = [f"type: {rule.type}", f"missing: {_scalar(rule.missing)}"]
        bounds = (("min", rule.low), ("max", rule.high))
        pairs += [f"{key}: {_scalar(bound)}" for key, bound in bounds if bound is not None]
        line = f"  {_scalar(rule.name)}: {{{', '.join(pairs)}"
        lines.append(f"{line}, {_values(rule.values)}}}" if rule.values else f"{line}}}")
    return HEAD + "\n" + "\n".join(lines) + "\n"


def from_yaml(text: str, path: str = SCHEMA_FILE) -> Schema:
    """Read a schema that `to_yaml`, or a person, has written.

    Raises
    ------
    InputError
        The text is not YAML, or a key or value is not what a schema has; with the line.
    """
    try:
        value = YAML(typ="safe", pure=True).load(text)
        lines = _lines(YAML(typ="safe", pure=True).compose(text))
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        problem = str(getattr(error, "problem", None) or error).splitlines()[0]
        mend = "Correct that line, or delete the file: the next run writes a new one."
        raise InputError(f"{path}{where} is not valid YAML: {problem}.", mend) from None
    return _Reader(path, lines).schema(value)


class _Reader:
    """Builds a `Schema` from plain values, and knows on which line each of them stands."""

    def __init__(self, path: str, lines: Mapping[tuple[str, ...], int]) -> None:
        self.path = path
        self.lines = lines

    def schema(self, value: Any) -> Schema:
        self._keys(value, (), {"source", "target", "duplicates", "columns"}, required=True)
        columns = value["columns"]
        if not isinstance(columns, dict) or not columns:
            raise self._error(("columns",), "columns must name at least one column.")
        return Schema(
            source=self._text(value["source"], ("source",)),
            target=self._text(value["target"], ("target",)),
            duplicates=self._share(value["duplicates"], ("duplicates",)),
            columns=tuple(self._column(str(name), rule) for name, rule in columns.items()),
        )

    def _column(self, name: str, rule: Any) -> ColumnRule:
        at = ("columns", name)
        self._keys(rule, at, {"type", "missing", "min", "max", "values"})
        kind = rule.get("type")
        if kind not in get_args(ColumnType):
            known = ", ".join(get_args(ColumnType))
            hint = did_you_mean(kind, get_args(ColumnType))
            problem = f"the type of column '{name}' is {kind!r}, which is none of {known}.{hint}"
            raise self._error((*at, "type"), problem)
        values = rule.get("values", [])
        if not isinstance(values, list) or bool(values) != (kind == "category"):
            raise self._error(at, f"column '{name}': a category, and nothing else, lists its values.")
        low, high = (self._bound(rule.get(key), kind, (*at, key)) for key in ("min", "max"))
        if low is not None and high is not None and low > high:
            raise self._error(at, f"column '{name}': min {low:g} is above max {high:g}.")
        listed = tuple(sorted(self._text(item, (*at, "values")) for item in values))
        return ColumnRule(name, kind, self._share(rule.get("missing", 1.0), (*at, "missing")), low, high, listed)

    def _keys(self, value: Any, at: tuple[str, ...], known: set[str], required: bool = False) -> None:
        name = f"'{at[-1]}'" if at else "the file"
        if not isinstance(value, dict):
            raise self._error(at, f"{name} must be a mapping of {', '.join(sorted(known))}.")
        for key in value:
            if key not in known:
                raise self._error((*at, str(key)), f"'{key}' is not part of a schema.{did_you_mean(key, known)}")
        absent = sorted(known - set(value))
        if required and absent:
            raise self._error(at, f"{name} has no '{absent[0]}'.")

    def _text(self, value: Any, at: tuple[str, ...]) -> str:
        if not isinstance(value, str):
            raise self._error(at, f'{at[-1]} has {value!r}, which YAML does not read as text; write "{value}".')
        return value

    def _share(self, value: Any, at: tuple[str, ...]) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise self._error(at, f"{at[-1]} is {value!r}, not a share from 0 to 1.")
        return float(value)

    def _bound(self, value: Any, kind: str, at: tuple[str, ...]) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise self._error(at, f"{at[-1]} is {value!r}, not a number.")
        if kind not in ("number", "integer"):
            raise self._error(at, f"only a number or integer has a {at[-1]}, not a {kind}.")
        return float(value)

    def _error(self, at: tuple[str, ...], problem: str) -> InputError:
        while at and at not in self.lines:
            at = at[:-1]
        return InputError(
            f"{self.path} line {self.lines.get(at, 1)}: {problem}",
            "Correct that line, or delete the file: the next run writes a new one.",
        )


def _values(values: tuple[str, ...]) -> str:
    """Return a category's values as a YAML list, on lines of its own if it is long."""
    inline = f"values: [{', '.join(map(_scalar, values))}]"
    if len(inline) <= 60:
        return inline
    # a space inside a value is no place to break the line
    listed = ", ".join(_scalar(value).replace(" ", "\0") for value in values)
    wrapped = textwrap.fill(listed, 110, initial_indent="      ", subsequent_indent="      ",
                            break_long_words=False, break_on_hyphens=False)  # fmt: skip
    return "values: [\n" + wrapped.replace("\0", " ") + "]"


def _scalar(value: str | float) -> str:
    """Return a YAML scalar that YAML 1.1 and 1.2 readers take for the same value."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else _number(value)
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_./ -]*[A-Za-z0-9_]|[A-Za-z]", value)
    spoken_for = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
    if plain and value.casefold() not in spoken_for:
        return value
    # not JSON's escapes: they halve a character beyond 16 bits, and YAML does not join the halves
    escaped = (_escape(letter) if letter in '"\\' or not letter.isprintable() else letter for letter in value)
    return f'"{"".join(escaped)}"'


def _escape(letter: str) -> str:
    return f"\\{letter}" if letter in '"\\' else f"\\U{ord(letter):08x}"


def _number(value: float) -> str:
    text = repr(value)
    return text if "e" not in text or "." in text else text.replace("e", ".0e")


def _lines(node: Any, at: tuple[str, ...] = ()) -> dict[tuple[str, ...], int]:
    """Map every path of keys in a composed YAML document to its 1-based line."""
    found: dict[tuple[str, ...], int] = {}
    if isinstance(getattr(node, "value", None), list):
        for pair in node.value:
            if isinstance(pair, tuple):
                path = (*at, str(pair[0].value))
                found[path] = pair[0].start_mark.line + 1
                found.update(_lines(pair[1], path))
    return found
