"""The little language of ``--where``: ``roc_auc > .7 and train.model == mlp``.

::

    either     = both {"or" both}
    both       = one {"and" one}
    one        = "not" one | "(" either ")" | name operator value
    operator   = "==" | "!=" | "<" | "<=" | ">" | ">="
    value      = number | "text" | 'text' | word

A name is a dotted name, or the end of one if no other ends so. A word is text; ``true``, ``false`` and ``null`` are
what they are in YAML. Numbers compare with numbers, texts with texts; a run that lacks the name fits no comparison.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from gitml.errors import WrongUsage

DEEPEST = 50
"""Levels of parentheses and nots."""

LONGEST = 10_000
"""Letters of an expression."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<mark>[()]|==|!=|<=|>=|<|>|=)
    |"(?P<double>[^"]*)"|'(?P<single>[^']*)'
    |(?P<word>[^\s()=!<>"']+))""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_CONSTANTS = {"true": True, "false": False, "null": None}
_WORDS = ("and", "or", "not")


class WrongFilter(WrongUsage):
    """An expression cannot be understood.

    Parameters
    ----------
    text
        The expression.
    place
        The letter, from 0, where it stops making sense.
    fault
        What is wrong there.
    """

    def __init__(self, text: str, place: int, fault: str) -> None:
        start = max(0, place - 30)
        shown = ("…" if start else "") + text[start : place + 30]
        super().__init__(
            f"--where cannot be understood at letter {place + 1}: {fault}",
            f"It says {shown!r}.",
            ('gitml exp list --where "roc_auc > 0.7 and train.model == mlp"',),
        )
        self.place = place


class Comparison(NamedTuple):
    """A name held against a value."""

    name: str
    operator: str
    value: str | float | bool | None


class Not(NamedTuple):
    """The opposite."""

    of: Expression


class Both(NamedTuple):
    """All of them."""

    of: tuple[Expression, ...]


class Either(NamedTuple):
    """One of them at least."""

    of: tuple[Expression, ...]


Expression = Comparison | Not | Both | Either


def parse(text: str) -> Expression:
    """Return what an expression says.

    Raises
    ------
    WrongFilter
        It says nothing.

    >>> parse("lr < 1e-3 or not model == mlp")
    Either(of=(Comparison(name='lr', operator='<', value=0.001), Not(of=Comparison(name='model', operator='==', \
value='mlp'))))
    """
    if len(text) > LONGEST:
        raise WrongFilter(text, LONGEST, "it is too long")
    return _Parser(text).whole()


def names_in(expression: Expression) -> list[str]:
    """Return the names that are held against something, in their order."""
    if isinstance(expression, Comparison):
        return [expression.name]
    parts = (expression.of,) if isinstance(expression, Not) else expression.of
    return [name for part in parts for name in names_in(part)]


def renamed(expression: Expression, names: Mapping[str, str]) -> Expression:
    """Return the expression with each name replaced by the one that it stands for."""
    if isinstance(expression, Comparison):
        return expression._replace(name=names[expression.name])
    if isinstance(expression, Not):
        return Not(renamed(expression.of, names))
    return type(expression)(tuple(renamed(part, names) for part in expression.of))


def fits(expression: Expression, values: Mapping[str, Any]) -> bool:
    """Say whether a run's values fit."""
    if isinstance(expression, Comparison):
        return expression.name in values and _compares(values[expression.name], expression.operator, expression.value)
    if isinstance(expression, Not):
        return not fits(expression.of, values)
    if isinstance(expression, Both):
        return all(fits(part, values) for part in expression.of)
    return any(fits(part, values) for part in expression.of)


def _compares(found: Any, operator: str, wanted: str | float | bool | None) -> bool:
    if isinstance(found, bool) or isinstance(wanted, bool) or found is None or wanted is None:
        is_equal = found is wanted
        return {"==": is_equal, "!=": not is_equal}.get(operator, False)
    if isinstance(found, list | dict):
        return operator == "!="
    if isinstance(found, str) != isinstance(wanted, str):
        found, wanted = str(found), str(wanted)
        if operator not in ("==", "!="):
            return False
    return _OPERATORS[operator](found, wanted)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda one, other: bool(one == other),
    "!=": lambda one, other: bool(one != other),
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
}


class _Token(NamedTuple):
    kind: str
    text: str
    place: int


class _Parser:
    """Reads one expression from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(self._split())
        self.next = 0

    def whole(self) -> Expression:
        found = self.either(0)
        if self.peek().kind != "end":
            raise self.wrong("expected and, or, or the end")
        return found

    def either(self, depth: int) -> Expression:
        parts = [self.both(depth)]
        while self.takes("or"):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def both(self, depth: int) -> Expression:
        parts = [self.one(depth)]
        while self.takes("and"):
            parts.append(self.one(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def one(self, depth: int) -> Expression:
        if depth > DEEPEST:
            raise self.wrong(f"nested deeper than {DEEPEST} levels")
        if self.takes("not"):
            return Not(self.one(depth + 1))
        if self.takes("("):
            found = self.either(depth + 1)
            if not self.takes(")"):
                raise self.wrong("expected )")
            return found
        return self.comparison()

    def comparison(self) -> Comparison:
        name = self.peek()
        if name.kind not in ("word", "text") or not name.text or (name.kind == "word" and name.text in _WORDS):
            raise self.wrong("expected a name")
        self.next += 1
        operator = self.peek()
        if operator.kind != "mark" or operator.text not in _OPERATORS:
            is_single = operator.text == "="
            raise self.wrong("write == for equal" if is_single else "expected ==, !=, <, <=, > or >=")
        self.next += 1
        value = self.peek()
        if value.kind not in ("word", "text"):
            raise self.wrong("expected a value")
        self.next += 1
        return Comparison(name.text, operator.text, _value(value))

    def peek(self) -> _Token:
        return self.tokens[self.next]

    def takes(self, text: str) -> bool:
        token = self.peek()
        if token.text != text or token.kind not in ("mark", "word"):
            return False
        self.next += 1
        return True

    def wrong(self, fault: str) -> WrongFilter:
        return WrongFilter(self.text, self.peek().place, fault)

    def _split(self) -> Iterable[_Token]:
        place, end = 0, len(self.text.rstrip())
        while place < end:
            found = _TOKEN.match(self.text, place)
            if found is None:
                start = place + len(self.text[place:]) - len(self.text[place:].lstrip())
                letter = self.text[start]
                fault = "a quote that does not end" if letter in "\"'" else f"{letter} means nothing here"
                raise WrongFilter(self.text, start, fault)
            kind = found.lastgroup or ""
            yield _Token(kind if kind in ("mark", "word") else "text", found[kind], found.start(kind))
            place = found.end()
        yield _Token("end", "", len(self.text))


def _value(token: _Token) -> str | float | bool | None:
    if token.kind == "text":
        return token.text
    if token.text in _CONSTANTS:
        return _CONSTANTS[token.text]
    if not _NUMBER.fullmatch(token.text):
        return token.text
    is_whole = token.text.lstrip("+-").isdigit() and len(token.text) < 300
    return int(token.text) if is_whole else float(token.text)
