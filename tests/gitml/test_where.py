"""The language of --where, held against a model of it."""

from __future__ import annotations

import operator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitml.errors import WrongUsage
from gitml.experiments.value_names import UnknownName, find_name
from gitml.experiments.where import (
    DEEPEST,
    Both,
    Comparison,
    Either,
    Expression,
    Not,
    WrongFilter,
    fits,
    names_in,
    parse,
    renamed,
)

NAMES = ["roc_auc", "train.lr", "train.model", "on", "gone"]
VALUES: dict[str, Any] = {"roc_auc": 0.71, "train.lr": 1e-3, "train.model": "mlp", "on": True}
OPERATORS = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip

words = st.sampled_from(["mlp", "tree", "1e-3x", "a-b", "ä"])
comparisons = st.builds(
    Comparison,
    st.sampled_from(NAMES),
    st.sampled_from(list(OPERATORS)),
    st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(), words, st.booleans()),
)
expressions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(Both, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Either, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


def written(expression: Expression) -> str:
    """Write an expression with all its parentheses."""
    if isinstance(expression, Comparison):
        value = expression.value
        text = str(value).lower() if isinstance(value, bool) else repr(value) if not isinstance(value, str) else value
        return f"{expression.name} {expression.operator} {text}"
    if isinstance(expression, Not):
        return f"not ({written(expression.of)})"
    word = " and " if isinstance(expression, Both) else " or "
    return word.join(f"({written(part)})" for part in expression.of)


def model(expression: Expression) -> bool:
    """Say what an expression means, in other words than the tool's."""
    if isinstance(expression, Not):
        return not model(expression.of)
    if isinstance(expression, Both):
        return min(map(model, expression.of))
    if isinstance(expression, Either):
        return max(map(model, expression.of))
    if expression.name not in VALUES:
        return False
    found, wanted = VALUES[expression.name], expression.value
    kinds = {type(found) is bool, type(wanted) is bool}, {type(found) is str, type(wanted) is str}
    if max(map(len, kinds)) == 2:
        return expression.operator == "!="
    if type(found) is bool and expression.operator not in ("==", "!="):
        return False
    return bool(OPERATORS[expression.operator](found, wanted))


@given(expressions)
def test_what_is_written_is_read_and_means_what_the_model_says(expression: Expression) -> None:
    assert parse(written(expression)) == expression
    assert fits(expression, VALUES) == model(expression)


@given(
    st.text()
    | st.lists(st.sampled_from(["(", ")", "not", "and", "or", "lr", "<", "==", "=", "!", "1", "'", '"'])).map(" ".join)
)
def test_any_text_is_read_or_refused_with_its_own_error(text: str) -> None:
    try:
        found = parse(text)
    except WrongFilter as error:
        assert 0 <= error.place <= len(text)
        assert "\n" not in error.what
        return
    assert isinstance(fits(found, VALUES), bool)
    assert set(names_in(renamed(found, {name: "x" for name in names_in(found)}))) == {"x"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a>.7", Comparison("a", ">", 0.7)),
        ("a == 1e-3", Comparison("a", "==", 0.001)),
        ("a == -3", Comparison("a", "==", -3)),
        ("a == 'and'", Comparison("a", "==", "and")),
        ('"a b" != "x y"', Comparison("a b", "!=", "x y")),
        ("a == null", Comparison("a", "==", None)),
        ("not a == 1 and b == 2", Both((Not(Comparison("a", "==", 1)), Comparison("b", "==", 2)))),
        (
            "a<1 or b<2 and c<3",
            Either((Comparison("a", "<", 1), Both((Comparison("b", "<", 2), Comparison("c", "<", 3))))),
        ),
        ("m.json:auc >= 0", Comparison("m.json:auc", ">=", 0)),
    ],
)
def test_how_it_is_read(text: str, expected: Expression) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "place", "fault"),
    [
        ("", 0, "expected a name"),
        ("a", 1, "expected ==, !=, <, <=, > or >="),
        ("a = 1", 2, "write == for equal"),
        ("a ==", 4, "expected a value"),
        ("a == 1 b == 2", 7, "expected and, or, or the end"),
        ("(a == 1", 7, "expected )"),
        ("a == 'x", 5, "a quote that does not end"),
        ("a ! 1", 2, "! means nothing here"),
        ("and == 1", 0, "expected a name"),
        ("not " * (DEEPEST + 2) + "a == 1", 4 * (DEEPEST + 1), f"nested deeper than {DEEPEST} levels"),
        ("a" * 10_001, 10_000, "it is too long"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, place: int, fault: str) -> None:
    with pytest.raises(WrongFilter) as caught:
        parse(text)
    assert caught.value.place == place
    assert caught.value.what == f"--where cannot be understood at letter {place + 1}: {fault}"


@pytest.mark.parametrize(
    ("values", "text", "expected"),
    [
        ({"a": [1]}, "a == 1", False),
        ({"a": [1]}, "a != 1", True),
        ({"a": None}, "a == null", True),
        ({"a": None}, "a < 1", False),
        ({"a": "5"}, "a == 5", True),
        ({"a": "5"}, "a < 6", False),
        ({"a": 10**400}, "a > 1e300", True),
        ({}, "a != 1", False),
        ({}, "not a == 1", True),
    ],
)
def test_values_of_every_kind(values: dict[str, Any], text: str, expected: bool) -> None:
    assert fits(parse(text), values) is expected


def test_a_name_is_itself_or_the_only_end() -> None:
    known = ["train.mlp.lr", "train.hgb.lr", "lr_decay", "m.json:auc", "seed"]
    assert find_name("seed", known) == "seed"
    assert find_name("mlp.lr", known) == "train.mlp.lr"
    assert find_name("auc", known) == "m.json:auc"
    with pytest.raises(UnknownName) as caught:
        find_name("lr", known)
    assert caught.value.candidates == ("train.mlp.lr", "train.hgb.lr")
    with pytest.raises(UnknownName) as caught:
        find_name("lr_decai", known)
    assert (caught.value.why, caught.value.exit_code) == ("Did you mean lr_decay?", WrongUsage.exit_code)


def test_names_with_the_same_values_everywhere_are_one() -> None:
    known = ["train.ensemble.mlp.lr", "train.mlp.lr"]
    same = [{"train.ensemble.mlp.lr": 1, "train.mlp.lr": 1}]
    assert find_name("lr", known, same) == "train.mlp.lr"
    with pytest.raises(UnknownName):
        find_name("lr", known, [*same, {"train.ensemble.mlp.lr": 2, "train.mlp.lr": 1}])
