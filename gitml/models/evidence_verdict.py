"""Whether a model is better than the one in production, in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from gitml.reports.comparison import direction
from gitml.reports.markdown import change, figure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gitml.config import Config
    from gitml.reports.comparison import MetricChange

Outcome = Literal[
    "better", "worse", "within noise", "higher", "lower", "same", "other data", "first model", "not compared"
]


BY_INTERVAL: dict[Outcome, str] = {
    "better": "is better than",
    "worse": "is worse than",
    "within noise": "is within noise of",
    "same": "predicts the same as",
}
"""What is said of a difference that has an interval."""


class Verdict(NamedTuple):
    """What is said of a model first of all.

    Attributes
    ----------
    outcome
        The word for it; "better" and "worse" by a paired interval only.
    change
        The metric that decides; None where none does.
    rows
        Test rows that both models were scored on; None where that is not known.
    why
        Why the two are not compared, or have no interval, in half a sentence; empty where they have.
    """

    outcome: Outcome
    change: MetricChange | None = None
    rows: int | None = None
    why: str = ""


def decide(
    changes: Sequence[MetricChange], config: Config, rows: int | None, why: str, false: Mapping[str, str]
) -> Verdict:
    """Return the verdict on two models that were measured on the same test data.

    The metric of gitml.toml decides; where nobody chose one, the first that both have and whose direction is known.

    Parameters
    ----------
    changes
        How their metrics differ.
    config
        The configuration that counts.
    rows
        Test rows that both were scored on, where that is known.
    why
        Why there are no intervals; empty where there are.
    false
        What is wrong with a figure, by metric.
    """
    chosen = config.metric.name if config.metric is not None else None
    one = next((one for one in changes if (one.name == chosen if chosen is not None else _is_known(one, config))), None)
    if one is None or one.now is None or one.before is None:
        missing = f"they do not both have {chosen}" if chosen is not None else "they have no metric in common"
        return Verdict("not compared", None, rows, missing)
    outcome: Outcome = "not compared" if one.word == "new" or one.word == "gone" else one.word
    if one.interval is None:
        why = false.get(one.name) or why or "the predictions do not tell it"
    return Verdict(outcome, one, rows, why)


def sentence(
    verdict: Verdict, challenger: str, champion: str, name: Callable[[str], str], text: Callable[[str], str]
) -> str:
    """Return the verdict as a sentence.

    Parameters
    ----------
    verdict
        What is said.
    challenger, champion
        What the models are called; the second is empty where nothing is in production.
    name, text
        How a name, and what a repository says, is written.
    """
    new, old, outcome = text(challenger), f"{text(champion)} in production", verdict.outcome
    if outcome == "first model":
        return f"{new} is the first model: there is nothing in production to compare with."
    if outcome == "other data":
        return f"{new} cannot be compared with {old}: other test data."
    one = verdict.change
    if one is None or one.now is None or one.before is None:
        return f"{new} cannot be compared with {old}: {text(verdict.why)}."
    if one.interval is None or outcome not in BY_INTERVAL:
        what = "the same {} as" if outcome == "same" else f"a {outcome} {{}} than"
        unsure = "" if outcome == "same" else f", with no interval to tell it from chance ({text(verdict.why)})"
        return f"{new} has {what.format(name(one.name))} {old}: {figure(one.now)} against {figure(one.before)}{unsure}."
    beside = max(abs(one.now), abs(one.before))
    low, high = change(one.interval.low, beside), change(one.interval.high, beside)
    where = f"on the same {verdict.rows:,} test rows" if verdict.rows is not None else "on the same test rows"
    return (
        f"{new} {BY_INTERVAL[outcome]} {old}: {name(one.name)} {figure(one.now)}, "
        f"{change(one.now - one.before, beside)} [{low}, {high}] {where}."
    )


def _is_known(one: MetricChange, config: Config) -> bool:
    return one.now is not None and one.before is not None and direction(one.name, config) is not None
