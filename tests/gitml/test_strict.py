"""JSON that a gate may compare, and the JSON that it may not."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitml.pipeline.strict import DEEPEST, LARGEST, NotStrict, loads

from .yardstick import cost

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"auc": NaN}', "NaN is no JSON"),
        (b'{"auc": Infinity}', "Infinity is no JSON"),
        (b"[-Infinity]", "-Infinity is no JSON"),
        (b'{"auc": 1e999}', "the number 1e999 is too large"),
        (b'{"auc": -1e400}', "the number -1e400 is too large"),
        (b'{"n": 18446744073709551616}', "the integer 18446744073709551616 does not fit into 64 bits"),
        (b'{"n": -9223372036854775809}', "the integer -9223372036854775809 does not fit into 64 bits"),
        (b"1" * 5000, f"the integer {'1' * 40}… does not fit into 64 bits"),
        (b'{"auc": 0.9, "auc": 0.1}', 'the key "auc" stands twice in one object'),
        (b'{"a": {"b": 1, "\\u0062": 2}}', 'the key "b" stands twice in one object'),
        (b'{"\\n": 1, "\\n": 2}', 'the key "\\n" stands twice in one object'),
        (b"\xef\xbb\xbf{}", "it begins with a byte order mark"),
        (b"\xff{}", "it is no UTF-8"),
        ('{"é": 1}'.encode("latin-1"), "it is no UTF-8"),
        (b"", "it is empty"),
        (b" \r\n\t", "it is empty"),
        (b"{}\n{}", "extra data, line 2"),
        (b'{"a": 1,}', "expecting property name enclosed in double quotes, line 1"),
        (b"{'a': 1}", "expecting property name enclosed in double quotes, line 1"),
        (b'{\n"a": // no\n1}', "expecting value, line 2"),
        (b'"a\nb"', "invalid control character at, line 1"),
        (b'{"a": "\\ud800"}', "it has half a surrogate pair"),
        (b'{"\\uDfFf": 1}', "it has half a surrogate pair"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), f"it is nested deeper than {DEEPEST} levels"),
        (b'{"a":' * 100_000, f"it is nested deeper than {DEEPEST} levels"),
        (b" " * (LARGEST + 1), "it is larger than 16 MiB"),
    ],
)
def test_what_is_refused_is_told(content: bytes, says: str) -> None:
    with pytest.raises(NotStrict) as caught:
        loads(content)
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b'{"roc_auc": 0.7151, "n": 3}', {"roc_auc": 0.7151, "n": 3}),
        (b"18446744073709551615", 2**64 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"1e-400", 0.0),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"' + b"[{" * 500 + b'\\""', "[{" * 500 + '"'),
        (b'{"a": {"x": 1}, "b": {"x": 2}}', {"a": {"x": 1}, "b": {"x": 2}}),
        (b"[" * DEEPEST + b"]" * DEEPEST, None),
        (b"[" + b"[]," * 500 + b"[]]", [[]] * 501),
    ],
)
def test_what_is_read(content: bytes, value: Any) -> None:
    read = loads(content)
    assert value is None or read == value


@given(VALUES)
def test_every_finite_value_is_read_as_it_was_written(value: Any) -> None:
    assert loads(json.dumps(value).encode()) == value


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        value = loads(content)
    except NotStrict:
        return
    assert value == json.loads(content)
    assert not isinstance(value, float) or math.isfinite(value)


def _is_refused(content: bytes) -> None:
    with pytest.raises(NotStrict):
        loads(content)


def test_a_hostile_megabyte_takes_no_time() -> None:
    for content in (b'["' + b'\\"' * 2**20, b"[" * 101 + b'"\\' * 2**20, b'{"a":' * 99 + b'"' * 2**20):
        price = cost(lambda content=content: _is_refused(content))
        assert price < 20
