"""params.yaml of a new project: the template's, with what a table needs, and the reasons as comments."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

from gitml.pipeline import param_files, yaml12
from gitml.pipeline.overrides import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitml.scaffold.answers import Setting

WIDTH = 118


def with_settings(params: bytes, settings: Sequence[Setting]) -> bytes:
    """Return params.yaml with some values set, each below its reason.

    Parameters
    ----------
    params
        The template's.
    settings
        What the table needs; names that the template does not have are passed over.

    Raises
    ------
    WrongParameter
        A value cannot be written where it stands.
    """
    template = yaml12.load(params)
    known = [one for one in settings if _has(template, one.name)]
    values = {one.name: Value(one.value, written(one.value)) for one in known}
    text = param_files.apply("params.yaml", params, values, param_files.anybody).decode()
    lines = text.splitlines()
    places = {one.name: _line(text, one.name) for one in known if one.reason}
    for one in sorted((one for one in known if one.reason), key=lambda one: places[one.name], reverse=True):
        place = places[one.name]
        indent = " " * (len(lines[place]) - len(lines[place].lstrip()))
        reason = " ".join(one.reason.split())
        lines[place:place] = textwrap.wrap(
            reason, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ", break_long_words=False
        )
    return ("\n".join(lines) + "\n").encode()


def written(value: Any) -> str:
    """Return a value as YAML of one line: JSON is, but for what a person would write bare."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(key)}: {written(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, str) and _is_bare(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _is_bare(text: str) -> bool:
    """Say whether a text is the same without quotes, in YAML 1.1 as well; a letter first leaves no numbers."""
    plain = text.isascii() and text[:1].isalpha() and text.replace("_", "").replace("/", "").replace(".", "").isalnum()
    return plain and text.casefold() not in {"yes", "no", "on", "off", "true", "false", "null", "y", "n", "nan", "inf"}


def _has(template: Any, name: str) -> bool:
    for part in name.split("."):
        if not isinstance(template, dict) or part not in template:
            return False
        template = template[part]
    return True


def _line(text: str, name: str) -> int:
    """Return the number of the line on which the key of a dotted name stands, from 0."""
    node: Any = yaml12.compose(text)
    line = 0
    for part in name.split("."):
        key, node = next(pair for pair in node.value if pair[0].value == part)
        line = key.start_mark.line
    return line
