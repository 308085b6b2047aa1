"""Changing parameters by name: ``lr=3e-4`` finds ``train.mlp.lr``, and nothing else in params.yaml changes."""

from __future__ import annotations

import json
import posixpath
from typing import Any, NamedTuple

from gitml.errors import WrongUsage
from gitml.pipeline import params, yaml12

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


_MARK = b"\xef\xbb\xbf"
"""The byte order mark that some editors put before a text."""


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


def nobody(name: str) -> bool:
    """Say that no parameter may change along with another one."""
    return False


def anybody(name: str) -> bool:
    """Say that any parameter may change along: what was asked for has been judged already."""
    return True


def apply(path: str, content: bytes, values: Mapping[str, Value], may_follow: Callable[[str], bool] = nobody) -> bytes:
    """Return a parameter file with some values changed; of YAML and TOML every other byte is kept.

    Parameters
    ----------
    path
        Where it is; its suffix says the language.
    content
        Its bytes.
    values
        The new values by their dotted names, which are all there already.
    may_follow
        Which other parameters may change, too, because a YAML anchor gives them the same value.

    Raises
    ------
    WrongParameter
        It is code, or cannot be read; or another parameter would change that may not.
    """
    suffix = posixpath.splitext(path)[1].lower()
    try:
        if suffix == ".json":
            return _apply_json(content, values)
        if suffix == ".toml":
            return _apply_toml(content, values)
        if suffix == ".py":
            raise WrongParameter(f"{path} is code", "gitml changes YAML, JSON and TOML; edit it by hand.")
        return _apply_yaml(content, values, may_follow)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise WrongParameter(f"{path} cannot be changed", f"{error}.") from None


def written(content: bytes, name: str) -> str | None:
    """Return how a YAML file writes a value, ``3e-4``; None where it has none, or not on one line of its own."""
    try:
        text = content.decode()
        start, end, before = _span(text, name)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None
    piece = text[start:end]
    return None if before or not piece or "\n" in piece or piece[0] in "&*!" else piece


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
        is_block = not _is_same(_or_none(f"a: {written}"), {"a": value})  # "b: 1" is no value on one line
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


def _apply_yaml(content: bytes, values: Mapping[str, Value], may_follow: Callable[[str], bool]) -> bytes:
    """Replace the text of each value where it stands, and see that the file then says just that."""
    if content.startswith(_MARK):
        return _MARK + _apply_yaml(content.removeprefix(_MARK), values, may_follow)
    text = content.decode()
    expected = _apart(yaml12.load(content))
    for name, new in values.items():
        start, end, before = _span(text, name)
        text = text[:start] + before + new.text + text[end:]
        holder, key = _holder(expected, name)
        holder[key] = new.value
    changed = text.encode()
    others = _differences(yaml12.load(changed), expected)
    wrong = [name for name in others if name in values or not may_follow(name)]
    if wrong:
        names, also = ", ".join(values), ", ".join(wrong[:3])
        raise ValueError(
            f"{names} cannot be written where it stands: {also} would change with it, by a YAML anchor, or it is "
            "quoted oddly"
        )
    return changed


def _differences(now: Any, expected: Any) -> list[str]:
    """Return the dotted names whose values are not as expected; the top, where it is no mapping."""
    if _is_same(now, expected):
        return []
    if not isinstance(now, dict) or not isinstance(expected, dict):
        return ["the file"]
    one, other = flatten(now), flatten(expected)
    return [name for name in dict.fromkeys([*one, *other]) if not _is_same(one.get(name), other.get(name))] or [
        "the file"
    ]


def _span(text: str, name: str) -> tuple[int, int, str]:
    """Return where the value of a dotted name begins and ends in a YAML text, and what its new text begins with."""
    import yaml

    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    node: Any = yaml12.compose(text)
    rest, key = name, node
    while rest:
        key, node, rest = _step(node, rest)
    is_block = isinstance(node, yaml.CollectionNode) and not node.flow_style
    last = _last_of(node)
    first = key.end_mark if is_block else node.start_mark
    start = starts[first.line] + first.column
    end = starts[last.end_mark.line] + last.end_mark.column
    if is_block or start == end:  # an empty value has no place of its own
        return starts[key.end_mark.line] + key.end_mark.column, max(end, _after_colon(text, key, starts)), ": "
    return start, start + len(text[start:end].rstrip()), ""  # a literal block ends with its line ends


def _after_colon(text: str, key: Any, starts: list[int]) -> int:
    return text.index(":", starts[key.end_mark.line] + key.end_mark.column) + 1


def _step(node: Any, rest: str) -> tuple[Any, Any, str]:
    """Return the key and value nodes of the first part of a dotted name, the longest key first, and what is left."""
    parts = rest.split(".")
    pairs = node.value if isinstance(node.value, list) else []
    for end in range(len(parts), 0, -1):
        for key, value in (pair for pair in pairs if isinstance(pair, tuple)):
            if getattr(key, "value", None) == ".".join(parts[:end]):
                return key, value, ".".join(parts[end:])
    raise KeyError(f"{rest} is not in it")


def _last_of(node: Any) -> Any:
    """Return the node that ends last in a block; of a flow collection or a scalar that is itself."""
    while isinstance(node.value, list) and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _apart(value: Any) -> Any:
    """Return a copy in which an anchor and its aliases are values of their own."""
    if isinstance(value, dict):
        return {key: _apart(inner) for key, inner in value.items()}
    return [_apart(inner) for inner in value] if isinstance(value, list) else value


def _is_same(one: Any, other: Any) -> bool:
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


def _apply_json(content: bytes, values: Mapping[str, Value]) -> bytes:
    import re

    data = json.loads(content)
    for name, new in values.items():
        holder, key = _holder(data, name)
        holder[key] = new.value
    indent = re.search(rb"\n([ \t]+)", content)
    text = json.dumps(data, indent=indent[1].decode() if indent is not None else None, ensure_ascii=False)
    return text.encode() + (b"\n" if content.endswith(b"\n") else b"")


def _apply_toml(content: bytes, values: Mapping[str, Value]) -> bytes:
    import tomlkit

    data = tomlkit.parse(content.decode())
    for name, new in values.items():
        holder, key = _holder(data, name)
        holder[key] = new.value
    return tomlkit.dumps(data).encode()


def _holder(data: Any, name: str) -> tuple[Any, Any]:
    """Return the mapping in which a dotted name has its value, and the key; keys may have dots themselves."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        for key in _keys(data, ".".join(parts[:end])):
            if end == len(parts):
                return data, key
            try:
                return _holder(data[key], ".".join(parts[end:]))
            except KeyError:
                continue
    raise KeyError(f"{name} is not in it")


def _keys(data: Any, text: str) -> list[Any]:
    return [key for key in data if str(key) == text] if isinstance(data, dict) else []


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
