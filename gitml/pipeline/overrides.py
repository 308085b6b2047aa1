"""Parameters by name: what ``lr=3e-4`` says, and that it means ``train.mlp.lr``."""

from __future__ import annotations

import json
import posixpath
from typing import Any, NamedTuple

from gitml.errors import WrongUsage
from gitml.pipeline import params, yaml12

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class WrongParameter(WrongUsage):
    """A parameter that somebody wants to set cannot be set."""


class Known(NamedTuple):
    """One parameter of the pipeline.

    Attributes
    ----------
    file
        The parameter file, from the top of the repository.
    name
        Its dotted name in the file.
    value
        What it is now.
    is_used
        Whether a stage depends on it.
    """

    file: str
    name: str
    value: Any
    is_used: bool


class Override(NamedTuple):
    """A parameter and the value that it gets."""

    file: str
    name: str
    old: Any
    new: Any

    def __str__(self) -> str:
        """Return ``train.mlp.lr 0.001 -> 0.0003``."""
        return f"{self.name} {shown(self.old)} -> {shown(self.new)}"


class Value(NamedTuple):
    """A value and how it is written: ``3e-4`` stays ``3e-4``."""

    value: Any
    text: str

    @classmethod
    def of(cls, value: Any) -> Value:
        """Return a value as YAML's flow style, which is JSON's, writes it."""
        return cls(value, _flow(value))


def parse(text: str) -> tuple[str, list[Value]]:
    """Return the name that an option ``-S NAME=VALUE[,VALUE…]`` sets, and its values.

    A value is read as YAML 1.2, as DVC would: ``3e-4``, ``true``, ``null``, ``[1, 2]``, ``"a, b"``. A comma
    outside of brackets and quotes separates values, for sweeps.

    Raises
    ------
    WrongParameter
        It has no name, no value, or a value that is no YAML.
    """
    name, separator, rest = text.partition("=")
    name = name.strip()
    if not separator or not name or name.startswith("."):
        raise WrongParameter(
            f"{text!r} sets nothing", "A parameter is set as NAME=VALUE.", ("gitml exp run -S lr=3e-4",)
        )
    return name, [_value(piece, text) for piece in _pieces(rest)]


def find(name: str, known: Sequence[Known]) -> Known:
    """Return the parameter that a name means: the whole dotted name, or an end of it that fits only one.

    Where an end fits several, those that no stage depends on do not count.

    Raises
    ------
    WrongParameter
        None, or more than one, is meant; or no stage depends on it, so that it would change nothing.
    """
    file, _, inner = name.rpartition(":")
    among = [one for one in known if not file or one.file == file]
    fits = [one for one in among if one.name == inner] or [one for one in among if one.name.endswith(f".{inner}")]
    used = [one for one in fits if one.is_used]
    if len(used) == 1:
        return used[0]
    if len(used) > 1:
        names = ", ".join(one.name for one in used[:5])
        raise WrongParameter(f"{name!r} may mean several parameters", f"{names}.", (f"-S {used[0].name}=…",))
    if fits:
        raise WrongParameter(
            f"no stage depends on {fits[0].name}",
            "Setting it would change nothing: the chosen model does not use it, or dvc.yaml does not name it.",
            ("dvc params diff --all", f"grep -n params: -A9 {_dvc_yaml(fits[0].file)}"),
        )
    from difflib import get_close_matches

    ends = {end: one.name for one in known for end in (one.name.rpartition(".")[2], one.name)}
    near = get_close_matches(inner, ends, n=1)
    why = f"Did you mean {ends[near[0]]}?" if near else ""
    raise WrongParameter(f"there is no parameter {name!r}", why, (f"-S {ends[near[0]]}=…",) if near else ())


def flatten(value: Any, name: str = "") -> dict[str, Any]:
    """Return the values of a parameter file by dotted names; lists are values, and so are empty mappings."""
    if isinstance(value, dict) and (value or not name):
        found: dict[str, Any] = {}
        for key, inner in value.items():
            found |= flatten(inner, f"{name}.{key}" if name else str(key))
        return found
    return {name: value}


def shown(value: Any) -> str:
    """Return a value as YAML writes it, on one line."""
    if isinstance(value, str):
        return value if value and value.isprintable() else json.dumps(value)
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return json.dumps(value, default=str)


def _pieces(text: str) -> list[str]:
    """Return what stands between the commas outside of brackets and quotes."""
    pieces, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "[{":
            depth += 1
        elif letter in "]}":
            depth -= 1
        elif letter == "," and depth == 0:
            pieces.append("")
            continue
        pieces[-1] += letter
    return pieces


def _value(piece: str, text: str) -> Value:
    written = piece.strip() or "null"
    try:
        value = yaml12.load(written.encode())
        is_block = not is_same(_or_none(f"a: {written}"), {"a": value})  # "b: 1" is no value on one line
        return Value(value, _flow(value) if is_block else written)
    except (yaml12.NotYaml, ValueError, TypeError) as error:
        raise WrongParameter(
            f"{text!r} has a value that is no YAML", f"{error}.", ("quote it: NAME='\"a: b\"'",)
        ) from None


def _or_none(text: str) -> Any:
    try:
        return yaml12.load(text.encode())
    except yaml12.NotYaml:
        return None


def is_same(one: Any, other: Any) -> bool:
    """Say whether two values are equal and of one type: 1, 1.0 and True are three, and NaN is itself."""
    return repr(one) == repr(other)


def _flow(value: Any) -> str:
    """Return a value in YAML 1.2's flow style, so that it is read back as it is."""
    if isinstance(value, float) and value == value and abs(value) != float("inf"):
        return repr(value)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    # JSON leaves letters as they are that YAML has only as escapes
    text = "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in text)
    bare = text[1:-1]
    is_word = isinstance(value, str) and bare.isidentifier() and bare.isascii()
    return bare if is_word and yaml12.load(bare.encode()) == value else text


def _dvc_yaml(file: str) -> str:
    return posixpath.join(posixpath.dirname(file), "dvc.yaml")


def known_in(file: str, content: bytes, used: Sequence[str]) -> list[Known]:
    """Return the parameters of one file.

    Parameters
    ----------
    file
        Where it is.
    content
        Its bytes.
    used
        The dotted names in it that stages depend on; an empty one for the whole file.

    Raises
    ------
    params.NotParams
        It cannot be read.
    """
    values = flatten(params.read(file, content))
    return [
        Known(file, name, value, any(not one or name == one or name.startswith(f"{one}.") for one in used))
        for name, value in values.items()
        if name
    ]
