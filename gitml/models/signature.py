"""signature.json: what goes into a model and what comes out, as the train stage wrote it beside the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gitml.pipeline import strict

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "signature.json"
GRAPHS = {"onnx": "model.onnx", "skops": "model.skops"}
"""The model's own file, by the format that its signature says."""

MOST = 10_000
"""Features, and classes, of one model."""

Kind = Literal["binary", "multiclass", "regression"]


class Feature(NamedTuple):
    """One input.

    Attributes
    ----------
    name
        The name of the column, and of the graph's input.
    is_numeric
        Whether it is a number, and not a text.
    levels
        The texts that were seen in training; empty for a number.
    """

    name: str
    is_numeric: bool
    levels: frozenset[str] = frozenset()


class Signature(NamedTuple):
    """What goes in and what comes out.

    Attributes
    ----------
    kind
        ``binary``, ``multiclass`` or ``regression``.
    target
        What is predicted.
    classes
        Labels, in the order of the probabilities; a binary task's second one is the positive. None for a regression.
    features
        The inputs.
    format
        ``onnx`` or ``skops``.
    threshold
        Binary only: from which probability on a row is called positive.
    """

    kind: Kind
    target: str
    classes: tuple[str, ...]
    features: tuple[Feature, ...]
    format: str
    threshold: float


class NotASignature(ValueError):
    """A signature.json cannot be understood; the message says why, in half a sentence."""


def parse(content: bytes) -> Signature:
    """Return what a signature.json says.

    Raises
    ------
    NotASignature
        It says something else, or what no model can be.
    """
    try:
        said: Any = strict.loads(content)
    except strict.NotStrict as wrong:
        raise NotASignature(str(wrong)) from None
    task = said.get("task") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(task, dict):
        raise NotASignature("it has no task")
    kind = task.get("kind")
    if kind not in ("binary", "multiclass", "regression"):
        raise NotASignature(f"its task is {str(kind)[:20]!r}")
    if said.get("format") not in GRAPHS:
        raise NotASignature(f"its format is {str(said.get('format'))[:20]!r}")
    return Signature(
        kind,
        _text(task.get("target"), "the target"),
        _classes(kind, task.get("classes")),
        _features(said.get("features")),
        said["format"],
        _threshold(kind, said.get("threshold")),
    )


def _classes(kind: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MOST:
        raise NotASignature(f"it has no list of classes, or more than {MOST:,}")
    classes = tuple(_text(name, "a class") for name in value)
    wanted = {"binary": len(classes) == 2, "multiclass": len(classes) > 1, "regression": not classes}
    if not wanted[kind] or len(set(classes)) != len(classes):
        raise NotASignature(f"a {kind} task cannot have its {len(classes)} classes")
    return classes


def _features(value: Any) -> tuple[Feature, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= MOST:
        raise NotASignature(f"it has no features, or more than {MOST:,}")
    features = tuple(_feature(item) for item in value)
    if len({feature.name for feature in features}) != len(features):
        raise NotASignature("two features have one name")
    return features


def _feature(item: Any) -> Feature:
    if not isinstance(item, dict) or item.get("type") not in ("numeric", "categorical"):
        raise NotASignature("a feature is neither numeric nor categorical")
    levels: Any = item.get("levels", [])
    if not isinstance(levels, list) or not all(isinstance(level, str) for level in levels):
        raise NotASignature("the levels of a feature are no list of texts")
    return Feature(_text(item.get("name"), "a feature's name"), item["type"] == "numeric", frozenset(levels))


def _threshold(kind: str, value: Any) -> float:
    if kind != "binary" or value is None:
        return 0.5
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise NotASignature("its threshold is no probability")
    return float(value)


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 1000:
        raise NotASignature(f"{what} is no text, or longer than any name")
    return value


def compare(signature: Signature, inputs: Mapping[str, str]) -> str:
    """Say how a graph's inputs differ from the features; an empty text where they do not.

    Parameters
    ----------
    inputs
        The type of each input by its name, as onnxruntime writes it: ``tensor(float)``.
    """
    names = {feature.name for feature in signature.features}
    if odd := sorted(names ^ inputs.keys()):
        more = f" and {len(odd) - 3} more" if len(odd) > 3 else ""
        return f"only one of them has the input {', '.join(odd[:3])}{more}"
    for feature in signature.features:
        wanted = "tensor(float)" if feature.is_numeric else "tensor(string)"
        if inputs[feature.name] != wanted:
            return f"{feature.name} is a {wanted} for the one, and a {inputs[feature.name]} for the other"
    return ""
