"""Fields of a forge's answer: each is what it should be, or the answer is odd."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitml.forges import answer
from gitml.forges.answer import WrongField


@pytest.mark.parametrize(
    ("read", "value", "result"),
    [
        (answer.table, {}, {}),
        (answer.rows, [{"a": 1}], [{"a": 1}]),
        (lambda row: answer.inner(row, "a"), {"a": None}, {}),
        (lambda row: answer.inner(row, "a"), {"a": {"b": 1}}, {"b": 1}),
        (lambda row: answer.text(row, "a"), {"a": ""}, ""),
        (lambda row: answer.text_or_nothing(row, "a"), {}, ""),
        (lambda row: answer.number(row, "a"), {"a": 0}, 0),
        (lambda row: answer.truth(row, "a"), {"a": False}, False),
        (lambda row: answer.truth(row, "a"), {}, None),
        (lambda row: answer.page(row, "a"), {"a": "https://x/y"}, "https://x/y"),
        (answer.texts, None, ()),
        (answer.texts, ["a", "b"], ("a", "b")),
        (lambda row: answer.commit(row, "a"), {"a": "0" * 64}, "0" * 64),
        (lambda row: answer.commit(row, "a"), {"a": None}, ""),
    ],
)
def test_right(read: Callable[[object], object], value: object, result: object) -> None:
    assert read(value) == result


@pytest.mark.parametrize(
    ("read", "value", "says"),
    [
        (answer.table, [], "the answer is no JSON object"),
        (answer.rows, {}, "the answer is no JSON list"),
        (answer.rows, [1], "an item of the answer is no JSON object"),
        (lambda row: answer.inner(row, "a"), {"a": 1}, "a is no JSON object"),
        (lambda row: answer.text(row, "a"), {}, "a is no text"),
        (lambda row: answer.text_or_nothing(row, "a"), {"a": 1}, "a is no text"),
        (lambda row: answer.number(row, "a"), {"a": True}, "a is no number"),
        (lambda row: answer.number(row, "a"), {"a": 1.0}, "a is no number"),
        (lambda row: answer.truth(row, "a"), {"a": "true"}, "a is neither true nor false"),
        (lambda row: answer.page(row, "a"), {"a": "https://x/\x1b"}, "a is no address of a page"),
        (lambda row: answer.page(row, "a"), {"a": "https://x y"}, "a is no address of a page"),
        (answer.texts, ["a", 1], "the answer is no list of texts"),
        (answer.texts, "abc", "the answer is no list of texts"),
        (lambda row: answer.commit(row, "a"), {"a": "HEAD"}, "a is no id of a commit"),
        (lambda row: answer.commit(row, "a"), {"a": "G" * 40}, "a is no id of a commit"),
    ],
)
def test_wrong(read: Callable[[object], object], value: object, says: str) -> None:
    with pytest.raises(WrongField) as error:
        read(value)
    assert str(error.value) == says
