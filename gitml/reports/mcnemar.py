"""McNemar's test: whether two classifiers that judged the same rows are right equally often.

Only the rows that one of them gets right and the other wrong tell them apart; if neither is better, each such row is
as good as a coin ("The McNemar test for binary matched-pairs data: mid-p and asymptotic are better than exact
conditional", 2013). It takes rows as independent, which rows of one day or one customer are not.
"""

from __future__ import annotations

from math import exp, lgamma, log
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gitml.reports.intervals import Predictions

_NEGLIGIBLE = 1e-17
"""Share of a sum below which its further, ever smaller terms change no digit."""


class McNemar(NamedTuple):
    """The test's result.

    Attributes
    ----------
    only_now, only_before
        Rows that only this model gets right, and rows that only the other does.
    exact, mid_p
        Two-sided p-values: how often chance alone parts the rows at least as unevenly. The second counts what is
        just as uneven by half, and is less cautious.
    """

    only_now: int
    only_before: int
    exact: float
    mid_p: float


def of_counts(only_now: int, only_before: int) -> McNemar:
    """Return the test of two numbers of rows.

    >>> [round(p, 4) for p in of_counts(1, 7)[2:]]
    [0.0703, 0.0391]
    """
    count, fewer = only_now + only_before, min(only_now, only_before)
    if count == 0:
        return McNemar(0, 0, 1.0, 1.0)
    just_so = exp(lgamma(count + 1) - lgamma(fewer + 1) - lgamma(count - fewer + 1) - count * log(2))
    tail, term = 0.0, just_so
    for place in range(fewer, -1, -1):
        tail += term
        term *= place / (count - place + 1)
        if term <= tail * _NEGLIGIBLE:
            break
    if only_now == only_before:
        return McNemar(only_now, only_before, 1.0, 1 - just_so / 2)
    return McNemar(only_now, only_before, min(1.0, 2 * tail), 2 * tail - just_so)


def of_predictions(now: Predictions, before: Predictions) -> McNemar | None:
    """Return the test of two classifiers by their more probable classes; None for a regression.

    Parameters
    ----------
    now, before
        What they said of the same rows, in the same order.
    """
    if now.kind == "regression":
        return None
    is_right, was_right = (one.values.argmax(axis=1) == one.target for one in (now, before))
    return of_counts(int((is_right & ~was_right).sum()), int((was_right & ~is_right).sum()))
