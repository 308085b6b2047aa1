"""YAML 1.2 as DVC reads it, at the speed of PyYAML's C parser, and safe on what a stranger wrote.

DVC reads with ruamel.yaml, which follows YAML 1.2; PyYAML follows 1.1, where ``1e-3`` is a string, ``010`` is 8,
``yes`` is true and ``1:30`` is 90. Here PyYAML's parser is given ruamel's resolvers.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

LARGEST = 16 * 2**20
"""Bytes of a file that is parsed."""

DEEPEST = 100
"""Levels of nesting; PyYAML's composer is recursive C and crashes the process at about 30,000."""

LARGEST_ODD = 2**18
"""Letters of a file that is read again by ruamel.yaml when PyYAML refuses it; that takes a second."""

MOST_VALUES = 2_000_000
"""Values after every alias is replaced by what it stands for."""

# A file without these cannot be nested deeper than about DEEPEST, or than the square root of its size.
_DENSE = re.compile(rb"[ \t?:-]{%d}" % DEEPEST)

_INTEGER = re.compile(r"[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+")
_FLOAT = re.compile(
    r"""[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?(?:[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)
    |[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?
    |[-+]?\.(?:inf|Inf|INF)
    |\.(?:nan|NaN|NAN)""",
    re.VERBOSE,
)


class NotYaml(ValueError):
    """The bytes are no YAML that is read here; the message says why, in half a sentence."""


class NotYaml12(NotYaml):
    """They are YAML of another version, or too large: DVC may read them."""


_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """PyYAML's safe loader with YAML 1.2's scalars and unique keys."""

    # No paths are resolved here, so what PyYAML does about them for every value is left out.
    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        pass

    def ascend_resolver(self) -> None:
        pass

    def resolve(self, kind: Any, value: str, implicit: Any) -> Any:
        if kind is not yaml.ScalarNode:
            return self.DEFAULT_MAPPING_TAG if kind is yaml.MappingNode else self.DEFAULT_SEQUENCE_TAG
        if implicit[0]:
            for tag, regex in self.yaml_implicit_resolvers.get(value[:1], ()):
                if regex.match(value):
                    return tag
        return self.DEFAULT_SCALAR_TAG

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        own = [key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        if len(node.value) - len(own) > 1:
            raise NotYaml("a mapping has two merge keys")
        if len(own) == len(node.value):
            mapping: dict[Any, Any] = yaml.constructor.BaseConstructor.construct_mapping(self, node, deep=deep)
        else:
            mapping = super().construct_mapping(node, deep=deep)
        if len(own) != len(mapping):
            keys = {_hashable(self.construct_object(key, deep=True)) for key in own}
            if len(keys) != len(own):
                raise NotYaml("a key stands twice in one mapping")
        return mapping

    def construct_int(self, node: yaml.ScalarNode) -> int:
        text = str(self.construct_scalar(node)).replace("_", "")
        sign = -1 if text.startswith("-") else 1
        text = text.lstrip("+-")
        base = {"0b": 2, "0x": 16, "0o": 8}.get(text[:2], 10)
        return sign * int(text[2:] if base != 10 else text, base)

    def construct_float(self, node: yaml.ScalarNode) -> float:
        text = str(self.construct_scalar(node)).replace("_", "").lower()
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))


def _hashable(key: Any) -> Any:
    try:
        hash(key)
    except TypeError:
        raise NotYaml("a key is no scalar") from None
    return key


def _resolve_like_ruamel() -> None:
    alike = tuple(f"tag:yaml.org,2002:{name}" for name in ("merge", "null", "timestamp", "value"))
    kept = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag in alike]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    _Loader.yaml_implicit_resolvers = {first: resolvers for first, resolvers in kept.items() if resolvers}
    for kind, pattern, first in (
        ("bool", re.compile("true|True|TRUE|false|False|FALSE"), "tTfF"),
        ("float", _FLOAT, "-+0123456789."),
        ("int", _INTEGER, "-+0123456789"),
    ):
        whole = re.compile(f"(?:{pattern.pattern})$", pattern.flags)
        for letter in first:
            # Before the timestamp, in ruamel's order.
            resolvers = _Loader.yaml_implicit_resolvers.setdefault(letter, [])
            place = sum(1 for tag, _ in resolvers if tag.rpartition(":")[2] in ("bool", "float", "int"))
            resolvers.insert(place, (f"tag:yaml.org,2002:{kind}", whole))
    _Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_int)
    _Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_float)


_resolve_like_ruamel()


def load(content: bytes, largest: int = LARGEST) -> Any:
    """Return the value of a YAML file; None for an empty one.

    Parameters
    ----------
    content
        The file's bytes.
    largest
        Bytes above which it is not parsed.

    Raises
    ------
    NotYaml
        It is no YAML, has a key twice, is nested too deeply, or grows too large when its aliases are replaced.
    NotYaml12
        It asks for another version of YAML by ``%YAML``, or is larger than `largest`.
    """
    if len(content) > largest:
        raise NotYaml12(f"it is larger than {largest // 2**20} MiB")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise NotYaml("it is no UTF-8") from None
    if content.startswith(b"%") or b"\n%" in content:
        raise NotYaml12("it has a % directive")
    try:
        if content.count(b"[") + content.count(b"{") > DEEPEST or _DENSE.search(content) is not None:
            _refuse_deep(text)
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except NotYaml:
        raise
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError, AttributeError, TypeError) as error:
        value = _ask_ruamel(text, _reason(error))
    if b"*" in content and count_values(value) > MOST_VALUES:
        raise NotYaml("its aliases stand for too many values")
    return value


def compose(text: str) -> yaml.Node | None:
    """Return the nodes of a file that `load` reads, with their places in it; None for an empty one.

    Raises
    ------
    NotYaml
        PyYAML refuses it, though `load` may have read it.
    """
    try:
        return yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise NotYaml(_reason(error)) from None


def _ask_ruamel(text: str, reason: str) -> Any:
    """Read by DVC's own reader what libyaml refuses; they differ on odd corners such as ``- :``."""
    if len(text) > LARGEST_ODD:
        raise NotYaml(reason)
    from ruamel.yaml import YAML

    try:
        return YAML(typ="safe", pure=True).load(text)
    except Exception:  # ruamel raises more than its own errors
        raise NotYaml(reason) from None


def _reason(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it is no YAML"
    return f"{problem}, line {mark.line + 1}" if mark is not None else str(problem)


def _refuse_deep(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Base):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise NotYaml(f"it is nested deeper than {DEEPEST} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def count_values(value: Any) -> int:
    """Return how many values `value` holds when every alias counts as often as it stands there.

    Raises
    ------
    NotYaml
        It holds itself, or is nested deeper than 100 levels.
    """
    return _count(value, {}, DEEPEST)


def _count(value: Any, known: dict[int, int], levels: int) -> int:
    if not isinstance(value, dict | list | set | tuple):
        return 1
    if levels == 0:
        raise NotYaml(f"it is nested deeper than {DEEPEST} levels, or an alias holds itself")
    found = known.get(id(value))
    if found is None:
        inner = (*value.keys(), *value.values()) if isinstance(value, dict) else tuple(value)
        found = known[id(value)] = 1 + sum(_count(each, known, levels - 1) for each in inner)
    return found
