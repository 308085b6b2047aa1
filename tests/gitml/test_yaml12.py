"""YAML 1.2 as DVC's own reader reads it, and nothing that hurts."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from gitml.pipeline import yaml12
from gitml.pipeline.yaml12 import NotYaml, NotYaml12, load

SCALARS = """1e-3 010 yes 1:30 0o17 0x1F 1_000 .5e+1 .5e1 -.inf .nan ~ null true TRUE off 2020-01-01 1. +1 -0 0b11 __
    _1 = 1e5 1.e+3 0o 0.1.2 0b 0x -0x1 08 1e 1E400 - -- +.inf .Inf .NAN 0b_ 2020-1-1 12e03 685230.15 0.1e"""


def _theirs(document: str) -> Any:
    try:
        return YAML(typ="safe").load(document)
    except Exception:
        return NotYaml


def _ours(document: str) -> Any:
    try:
        return load(document.encode())
    except NotYaml:
        return NotYaml


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("scalar", SCALARS.split())
def test_a_scalar_is_what_dvc_reads(scalar: str) -> None:
    theirs, ours = _theirs(f"a: {scalar}\n"), _ours(f"a: {scalar}\n")
    if isinstance(theirs, dict) and isinstance(ours, dict):
        theirs, ours = theirs["a"], ours["a"]
    assert _is_same(ours, theirs), (ours, theirs)


@given(st.text("0123456789.eE+-_xob:~nyYtrueTFalsfo=<infNA Z", min_size=1, max_size=10))
@example("1e-3")
@example(":")
def test_every_scalar_is_what_dvc_reads(scalar: str) -> None:
    theirs, ours = _theirs(f"- {scalar}\n"), _ours(f"- {scalar}\n")
    if isinstance(theirs, list) and isinstance(ours, list):
        assert len(theirs) == len(ours)
        assert all(map(_is_same, ours, theirs)), (ours, theirs)
    else:
        assert ours == theirs or theirs is NotYaml


@given(st.binary(max_size=200))
def test_no_bytes_break_it(content: bytes) -> None:
    try:
        load(content)
    except NotYaml:
        return


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"", None),
        (b"# nothing\n", None),
        (b"\xef\xbb\xbfa: 1\n", {"a": 1}),
        (b"a: 2020-01-02\n", {"a": date(2020, 1, 2)}),
        (b"b: &x {c: 1}\na:\n  <<: *x\n  d: 2\n", {"b": {"c": 1}, "a": {"c": 1, "d": 2}}),
        (b"b: &x {c: 1}\na:\n  <<: *x\n  c: 2\n", {"b": {"c": 1}, "a": {"c": 2}}),
        (b"1: a\n'1': b\n", {1: "a", "1": "b"}),
        (b"a: !!set {x, y}\n", {"a": {"x", "y"}}),
    ],
)
def test_what_it_reads(content: bytes, value: object) -> None:
    assert load(content) == value


BOMB = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (name, name, b", ".join([b"*%c" % (name - 1)] * 9)) for name in range(ord("b"), ord("m"))
)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a: 1\na: 2\n", "a key stands twice in one mapping"),
        (b"a: {b: 1, 'b': 2}\n", "a key stands twice in one mapping"),
        (b"a: [\n", "did not find expected node content, line 2"),
        (b"\xff\xfe\x00", "it is no UTF-8"),
        (b"a: \x00", "it is no YAML"),
        (b"a: 1\n--- \nb: 2\n", "but found another document, line 2"),
        (b"!!python/object/apply:os.system ['true']\n", "could not determine a constructor"),
        (b"a: &a [*a]\n", "it is nested deeper than 100 levels, or an alias holds itself"),
        (b"a: *b\n", "found undefined alias, line 1"),
        (BOMB, "its aliases stand for too many values"),
        (b"[" * 100_000, "it is nested deeper than 100 levels"),
        (b"{a: " * 100_000, "it is nested deeper than 100 levels"),
        (b"- " * 100_000, "it is nested deeper than 100 levels"),
        (b"a:\r" + b"- " * 100_000, "it is nested deeper than 100 levels"),
        (b"".join(b" " * depth + b"a:\n" for depth in range(600)), "it is nested deeper than 100 levels"),
        (b"? " * 100_000, "it is nested deeper than 100 levels"),
    ],
)
def test_what_it_refuses(content: bytes, says: str) -> None:
    with pytest.raises(NotYaml) as caught:
        load(content)
    assert says in str(caught.value)
    assert type(caught.value) is NotYaml


@pytest.mark.parametrize("content", [b"%YAML 1.1\n---\na: yes\n", b"a: 1\n...\n%YAML 1.1\n---\n", b" " * 17 * 2**20])
def test_what_dvc_may_read_and_this_does_not(content: bytes) -> None:
    with pytest.raises(NotYaml12):
        load(content)


def test_many_brackets_are_not_deep() -> None:
    assert load(b"- [1]\n" * 1000) == [[1]] * 1000


def test_values_are_counted_with_their_aliases() -> None:
    assert yaml12.count_values(load(b"a: &a [1, 2]\nb: [*a, *a]\n")) == 1 + 2 + 3 + 7
