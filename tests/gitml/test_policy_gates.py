"""A model passes its gates by figures that mean one thing only, or not at all."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitml.config import DEFAULTS, Config, Gate, parse
from gitml.policy.gates import GateResult, gates, results
from gitml.policy.report import report_complete
from gitml.policy.rules import Violation
from gitml.reports import document

CONFIG = parse(
    b"""
[gates.roc_auc]
min = 0.715
tolerance = 0.005
[gates."slices.night.log_loss"]
max = 0.6
tolerance = 0
direction = "lower"
"""
)
NAN = float("nan")


def test_every_bound_says_figure_limit_source_and_verdict() -> None:
    metrics = {"roc_auc": 0.7151, "slices.night.log_loss": 0.61}
    production = {"roc_auc": 0.72, "slices.night.log_loss": 0.62}
    assert results(metrics, production, CONFIG) == [
        GateResult("roc_auc", "min", 0.7151, 0.715, "gitml.toml says min = 0.715 in [gates.roc_auc]", "passed"),
        GateResult(
            "roc_auc",
            "tolerance",
            0.7151,
            0.715,
            "gitml.toml says tolerance = 0.005 in [gates.roc_auc], where higher is better",
            "passed",
        ),
        GateResult(
            "slices.night.log_loss",
            "max",
            0.61,
            0.6,
            "gitml.toml says max = 0.6 in [gates.slices.night.log_loss]",
            "failed",
            "slices.night.log_loss 0.61 is above 0.6",
        ),
        GateResult(
            "slices.night.log_loss",
            "tolerance",
            0.61,
            0.62,
            "gitml.toml says tolerance = 0 in [gates.slices.night.log_loss], where lower is better",
            "passed",
        ),
    ]
    assert gates(metrics, production, CONFIG) == [
        Violation(
            "gates",
            "error",
            "slices.night.log_loss 0.61 is above 0.6",
            "gitml.toml says max = 0.6 in [gates.slices.night.log_loss].",
        )
    ]


def test_worse_than_production_says_by_how_much() -> None:
    found = gates(
        {"roc_auc": 0.7161, "slices.night.log_loss": 0.5}, {"roc_auc": 0.7233, "slices.night.log_loss": 0.5}, CONFIG
    )
    assert found == [
        Violation(
            "gates",
            "error",
            "roc_auc 0.7161 is 0.0072 worse than production's 0.7233",
            "gitml.toml says tolerance = 0.005 in [gates.roc_auc], where higher is better.",
        )
    ]


@pytest.mark.parametrize(
    ("gate", "figure", "before", "verdict"),
    [
        (Gate("m", least=0.715), 0.715, None, "passed"),
        (Gate("m", least=0.715), 0.7150000001, None, "passed"),
        (Gate("m", least=0.715), 0.7149999999, None, "failed"),
        (Gate("m", least=0.7150000001), 0.715, None, "failed"),
        (Gate("m", most=0.715), 0.7150000001, None, "failed"),
        (Gate("m", most=0.715), 0.715, None, "passed"),
        (Gate("m", least=1), 1.0, None, "passed"),
        (Gate("m", least=0), -0.0, None, "passed"),
        (Gate("m", least=2**63), 2**63 - 1, None, "failed"),
        # In binary, 0.72 - 0.705 is more than 0.015, and 0.3 - 0.1 less than 0.2.
        (Gate("m", tolerance=0.015), 0.705, 0.72, "passed"),
        (Gate("m", tolerance=0.015), 0.7049999, 0.72, "failed"),
        (Gate("m", tolerance=0.2, direction="lower"), 0.3, 0.1, "passed"),
        (Gate("m", tolerance=0.2, direction="lower"), 0.30000001, 0.1, "failed"),
        (Gate("m", tolerance=0), 0.9, 0.5, "passed"),
        (Gate("m", tolerance=0, direction="lower"), 0.1, 0.5, "passed"),
        (Gate("m", tolerance=0), 1e-300, 1e300, "failed"),
        (Gate("m", tolerance=1e300), 0.0, 1e300, "passed"),
    ],
)
def test_figures_at_the_bound(gate: Gate, figure: float, before: float | None, verdict: str) -> None:
    production = None if before is None else {"m": before}
    assert [result.verdict for result in results({"m": figure}, production, Config(gates=(gate,)))] == [verdict]


@pytest.mark.parametrize(
    ("metrics", "says"),
    [
        ({}, "there is no m among the metrics"),
        ({"M": 1.0}, "there is no m among the metrics"),
        ({"m": NAN}, "m is nan, which is no finite number"),
        ({"m": -math.inf}, "m is -inf, which is no finite number"),
        ({"m": None}, "m is None, which is no finite number"),
        ({"m": True}, "m is True, which is no finite number"),
        ({"m": "0.9\x1b[2K"}, "m is 0.9\\x1b[2K, which is no finite number"),
        ({"m": 10**400}, f"m is {10**39}, which is no finite number"),
    ],
)
@pytest.mark.parametrize("production", [None, {}, {"m": 0.5}, {"m": NAN}])
def test_a_metric_that_is_no_number_fails_once(metrics: Any, says: str, production: Any) -> None:
    config = Config(gates=(Gate("m", least=0.1, most=0.9, tolerance=0.1),))
    assert [violation.what for violation in gates(metrics, production, config)] == [says]
    assert {result.verdict for result in results(metrics, production, config)} == {"failed"}


@pytest.mark.parametrize(
    ("production", "why"),
    [
        (None, "nothing is in production"),
        ({}, "production: there is no m among the metrics"),
        ({"m": NAN}, "production: m is nan, which is no finite number"),
    ],
)
def test_without_a_figure_of_production_there_is_nothing_to_compare(production: Any, why: str) -> None:
    config = Config(gates=(Gate("m", tolerance=0.1),))
    source = "gitml.toml says tolerance = 0.1 in [gates.m], where higher is better"
    assert results({"m": 0.5}, production, config) == [
        GateResult("m", "tolerance", 0.5, None, source, "not compared", why)
    ]
    assert gates({"m": 0.5}, production, config) == []


def test_gates_are_turned_down_or_off_by_their_rule() -> None:
    gate = (Gate("m", least=1),)
    warned = Config(gates=gate, rules=(("gates", "warn"),))
    assert [violation.severity for violation in gates({"m": 0}, None, warned)] == ["warn"]
    assert gates({"m": 0}, None, Config(gates=gate, rules=(("gates", "off"),))) == []
    assert gates({}, None, DEFAULTS) == []


FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.floats(), FLOATS, FLOATS, st.floats(min_value=0, allow_infinity=False), st.sampled_from(["higher", "lower"]))
def test_no_gate_is_passed_by_what_does_not_keep_it(
    figure: float, limit: float, before: float, tolerance: float, direction: Any
) -> None:
    config = Config(gates=(Gate("m", limit, None, tolerance, direction),))
    least, regression = results({"m": figure}, {"m": before}, config)
    if not math.isfinite(figure):
        assert (least.verdict, regression.verdict) == ("failed", "failed")
        return
    exact = [Fraction(repr(value)) for value in (figure, before, tolerance)]
    worse = exact[1] - exact[0] if direction == "higher" else exact[0] - exact[1]
    assert least.verdict == ("passed" if figure >= limit else "failed")
    assert regression.verdict == ("passed" if worse <= exact[2] else "failed")


def test_a_release_without_report_is_told_how_to_write_one() -> None:
    assert report_complete("lower-lr", None, DEFAULTS) == [
        Violation(
            "report-complete",
            "error",
            "lower-lr has no report",
            "reports/lower-lr/README.md is not in the commit.",
            ("gitml report edit lower-lr",),
            "reports/lower-lr/README.md",
        )
    ]


def test_every_empty_section_is_named() -> None:
    text = document.new("lr", created="2026-11-25", author="Ada", parent="main", objective="Faster.", hypothesis="x")
    text = document.fill(text, methodology="x", results="x")
    why = "A section needs words of its own; the template's prompts, headings and comments are none."
    says = "the report of lr is not finished: Conclusions and Next steps are empty"
    expected = Violation("report-complete", "error", says, why, ("gitml report edit lr",), "reports/lr/README.md")
    assert report_complete("lr", text, DEFAULTS) == [expected]
    text = document.answer(text, "Conclusions", "It is faster.")
    (found,) = report_complete("lr", text, DEFAULTS)
    assert found.what == "the report of lr is not finished: Next steps is empty"
    text = document.answer(text, "Next steps", "Stop.")
    assert report_complete("lr", text, DEFAULTS) == []
    (found,) = report_complete("lr", "", DEFAULTS)
    assert found.what == (
        "the report of lr is not finished: "
        "Objective, Hypothesis, Methodology, Results, Conclusions and Next steps are empty"
    )


def test_the_rule_on_reports_is_turned_down_or_off() -> None:
    warned = report_complete("lr", None, Config(rules=(("report-complete", "warn"),)))
    assert [violation.severity for violation in warned] == ["warn"]
    assert report_complete("lr", None, Config(rules=(("report-complete", "off"),))) == []


def test_a_hostile_name_is_shown_and_quoted() -> None:
    (found,) = report_complete("$(x)\x1b[2K", None, DEFAULTS)
    assert found.what == "$(x)\\x1b[2K has no report"
    assert found.mend == ("gitml report edit '$(x)\x1b[2K'",)
