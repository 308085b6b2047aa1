"""McNemar's test, held against published figures and against every way in which a coin can fall."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitml.reports.intervals import Predictions
from gitml.reports.mcnemar import of_counts, of_predictions


def by_enumeration(only_now: int, only_before: int) -> tuple[float, float]:
    """Let each row fall to either side, and count the outcomes that are at least, or just, as uneven."""
    count = only_now + only_before
    uneven = abs(only_now - only_before)
    outcomes = [abs(2 * sum(sides) - count) for sides in product((0, 1), repeat=count)]
    more, just = (sum(test(one) for one in outcomes) for test in (uneven.__lt__, uneven.__eq__))
    return (more + just) / len(outcomes), (more + just / 2) / len(outcomes)


def test_published_figures() -> None:
    # "The McNemar test for binary matched-pairs data", 2013: airway hyper-responsiveness before and after transplants
    assert [round(p, 4) for p in of_counts(1, 7)[2:]] == [0.0703, 0.0391]
    # Armitage and Berry, "Statistical Methods in Medical Research", 1994, page 127: two media for tubercle bacilli
    assert round(of_counts(12, 2).exact, 4) == 0.0129


@settings(deadline=None)
@given(st.integers(0, 9), st.integers(0, 9))
def test_every_way_a_coin_can_fall(only_now: int, only_before: int) -> None:
    found = of_counts(only_now, only_before)
    if only_now + only_before:
        assert (found.exact, found.mid_p) == pytest.approx(by_enumeration(only_now, only_before), rel=1e-9)
    else:
        assert (found.exact, found.mid_p) == (1, 1)


@settings(deadline=None)
@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_what_holds_for_any_number_of_rows(only_now: int, only_before: int) -> None:
    found, other = of_counts(only_now, only_before), of_counts(only_before, only_now)
    assert (found.exact, found.mid_p) == (other.exact, other.mid_p)
    assert 0 <= found.mid_p <= found.exact <= 1


def test_many_rows_agree_with_the_normal_curve() -> None:
    from statistics import NormalDist

    deviation = (10_003_000 - 10_000_000) / (10_003_000 + 10_000_000) ** 0.5
    assert of_counts(10_000_000, 10_003_000).mid_p == pytest.approx(2 * NormalDist().cdf(-deviation), rel=1e-3)


def test_the_more_probable_class_counts() -> None:
    target = np.array([0, 1, 2, 2])
    right = np.eye(3)[target]
    wrong = np.eye(3)[[1, 1, 1, 2]]
    one, other = (
        Predictions("multiclass", np.arange(4), np.arange(4), target, values, ("a", "b", "c"))
        for values in (right, wrong)
    )
    found = of_predictions(one, other)
    assert found is not None and (found.only_now, found.only_before) == (2, 0)
    assert of_predictions(one._replace(kind="regression"), other) is None
