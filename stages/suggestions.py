"""What to try next and why, read off the figures of one evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from stages.evidence import Evidence, loss_of

GAP = 0.15
"""A training loss so much below validation's (as a share of it) is called overfitting."""

SHIFT = 0.05
"""A test loss so much above validation's (as a share of it) is called a shift, if chance does not explain it."""

DRIFTED = 0.1
"""Jensen-Shannon distance from which on a column is called drifted."""

LITTLE = 0.005
"""A feature whose shuffling may cost nothing, and surely less than this share of the loss, is called useless."""

FEW_BLOCKS = 20
"""Fewer blocks than these make intervals that are too narrow to trust."""


@dataclass(frozen=True)
class Suggestion:
    """One thing to try.

    Attributes
    ----------
    what
        What stands out, a few words.
    why
        The figures that say so.
    how
        What to change, naming parameters in params.yaml.
    stake
        Rough share of the test loss that it is about, by which suggestions are ranked.
    """

    what: str
    why: str
    how: str
    stake: float


def suggest(evidence: Evidence) -> list[Suggestion]:
    """Return what the figures suggest, the most promising first; empty if nothing stands out."""
    found = [suggestion for rule in RULES if (suggestion := rule(evidence))]
    return sorted(found, key=lambda suggestion: -suggestion.stake)


def render(suggestions: list[Suggestion]) -> str:
    """Return the suggestions as a markdown page."""
    lines = ["# What to try next", ""]
    if not suggestions:
        lines += [
            "Nothing stands out: no overfitting, no drift that matters, no slice far worse than the rest, no useless",
            "feature, and probabilities that can be believed. More or better columns are the likeliest way up.",
        ]
    else:
        lines += [
            "Written by the evaluate stage from its own figures, the most promising first. Change one thing at a",
            "time in `params.yaml`, then `dvc repro`, and compare the intervals, not the last digit. A choice made",
            "on test figures makes the next test score look too good: confirm it on validation.",
        ]
    for place, suggestion in enumerate(suggestions, 1):
        lines += ["", f"## {place}. {suggestion.what}", "", suggestion.why, "", f"**Try:** {suggestion.how}"]
    return "\n".join(lines) + "\n"


def _no_skill(evidence: Evidence) -> Suggestion | None:
    if evidence.skill >= 0.02:
        return None
    constant = "the training mean" if evidence.task.kind == "regression" else "the classes' training shares"
    return Suggestion(
        "The model knows hardly more than a constant",
        f"Its test loss is {loss_of(evidence.test):.4g}; always saying {constant} gets {evidence.baseline:.4g}.",
        f"Look at the target and the columns in `results/data/exploration.md` first; then {evidence.knobs.richer}.",
        1.0,
    )


def _one_feature(evidence: Evidence) -> Suggestion | None:
    rises = evidence.importance["loss_rise"].clip(lower=0)
    if len(rises) < 3 or rises.sum() <= 0 or rises.iloc[0] < 0.6 * rises.sum():
        return None
    name = evidence.importance["feature"].iloc[0]
    return Suggestion(
        f"One feature carries the model: `{name}`",
        f"Shuffled, it costs {rises.iloc[0]:.3g} of loss; all {len(rises) - 1} others together "
        f"{rises.iloc[1:].sum():.3g}.",
        f"Make sure that `{name}` is known at the moment of prediction. If not, it is a leak: add it to "
        "`features.drop`.",
        0.8 if evidence.skill > 0.5 else 0.1,
    )


def _overfit(evidence: Evidence) -> Suggestion | None:
    if not evidence.train:
        return None
    train, validation = loss_of(evidence.train), loss_of(evidence.validation)
    gap = (validation - train) / validation if validation > 0 else 0.0
    if gap <= GAP:
        return None
    return Suggestion(
        "The model knows the training rows too well",
        f"Loss on training rows {train:.4g}, on validation rows {validation:.4g}: {gap:.0%} less.",
        f"{_capital(evidence.knobs.simpler)}.",
        0.2 * gap,
    )


def _room(evidence: Evidence) -> Suggestion | None:
    if not evidence.train or not 0.02 <= evidence.skill < 0.5:
        return None
    train, validation = loss_of(evidence.train), loss_of(evidence.validation)
    if abs(validation - train) > 0.02 * validation:
        return None
    return Suggestion(
        "There may be room for a richer model",
        f"Loss on training rows {train:.4g} and on validation rows {validation:.4g} are nearly the same, and only "
        f"{evidence.skill:.0%} of the loss of a constant prediction is saved.",
        f"{_capital(evidence.knobs.richer)}.",
        0.03,
    )


def _shift(evidence: Evidence) -> Suggestion | None:
    validation, test = loss_of(evidence.validation), loss_of(evidence.test)
    name = "rmse" if evidence.task.kind == "regression" else "log_loss"
    low = evidence.intervals.get(name, (float("inf"), 0.0))[0]
    gap = (test - validation) / validation if validation > 0 else 0.0
    if gap <= SHIFT or evidence.validation[name] >= low:
        return None
    drifted = _drifted(evidence).head(3)["column"]
    blame = " Most drifted: " + ", ".join(f"`{column}`" for column in drifted) + "." if len(drifted) else ""
    return Suggestion(
        "Test rows are predicted worse than validation rows",
        f"Loss {validation:.4g} on validation and {test:.4g} on test rows, more than chance explains.{blame}",
        "See `results/evaluate/analysis/drift.csv`. Train on rows nearer to the test rows, or put columns whose "
        "meaning moves into `features.drop`.",
        0.5 * gap,
    )


def _drift(evidence: Evidence) -> Suggestion | None:
    drifted = _drifted(evidence)
    if drifted.empty:
        return None
    told = "; ".join(
        f"`{row.column}` distance {row.distance:.2f}"
        + (f", {row.unseen:.0%} of the test rows outside what training showed" if row.unseen >= 0.01 else "")
        for row in drifted.head(3).itertuples()
    )
    more = f" and {len(drifted) - 3} more" if len(drifted) > 3 else ""
    unseen = [row.column for row in drifted.itertuples() if row.unseen > 0.5]
    how = "Check that these columns mean the same in both; if one of them only tells the time, drop it: "
    return Suggestion(
        "Columns differ between training and test rows",
        f"{told}{more} (0: the same, 1: nothing in common).",
        f"{how}`features.drop: [{', '.join(unseen or drifted['column'].head(1))}]`.",
        0.1 if unseen else 0.02,
    )


def _drifted(evidence: Evidence) -> pd.DataFrame:
    table = evidence.drift
    return table[(table["type"] != "target") & (table["distance"] > (2 * table["noise"]).clip(lower=DRIFTED))]


def _wrong_slice(evidence: Evidence) -> Suggestion | None:
    ranked = evidence.slices.sort_values("gap_at_stake", ascending=False, kind="stable")
    if ranked.empty or not ranked["gap_at_stake"].iloc[0] > 0:
        return None
    worst = ranked.iloc[0]
    observed = worst["mean_prediction" if "mean_prediction" in ranked else "mean_confidence"] - worst["gap"]
    stake = worst["share"] * worst["gap"] ** 2
    if evidence.task.kind != "regression":
        # What a wrong probability costs in nats, to the second order.
        stake /= 2 * max(observed * (1 - observed), 0.01)
    return Suggestion(
        f"Biased where {_where(worst)}",
        f"On {worst['rows']:,} test rows ({worst['share']:.1%}) the model says {observed + worst['gap']:.3g} on "
        f"average, and {observed:.3g} happened: {worst['gap']:+.3g} "
        f"[{worst['gap_low']:+.3g}, {worst['gap_high']:+.3g}].",
        "Ask what is different about these rows and add a column that tells it, in `stages/features.py`; or "
        f"{evidence.knobs.richer}.",
        stake / max(loss_of(evidence.test), 1e-12),
    )


def _hard_slice(evidence: Evidence) -> Suggestion | None:
    if evidence.slices.empty or not evidence.slices["at_stake"].iloc[0] > 0:
        return None
    worst = evidence.slices.iloc[0]
    overall = loss_of(evidence.test)
    return Suggestion(
        f"Hardest where {_where(worst)}",
        f"Loss {worst['loss']:.4g} on {worst['rows']:,} test rows ({worst['share']:.1%}) against {overall:.4g} on all: "
        f"{worst['excess']:+.3g} [{worst['low']:+.3g}, {worst['high']:+.3g}]. Some rows are harder by nature.",
        "See the next ones in `results/evaluate/analysis/errors.md`; columns that explain these rows are worth most.",
        0.2 * worst["at_stake"] / max(overall, 1e-12),
    )


def _useless(evidence: Evidence) -> Suggestion | None:
    table = evidence.importance
    little = (table["low"] <= 0) & (table["high"] < LITTLE * loss_of(evidence.test))
    useless = table[little]["feature"].tolist()
    if not useless or len(useless) == len(evidence.importance):
        return None
    count = "One feature does" if len(useless) == 1 else f"{len(useless)} features do"
    return Suggestion(
        f"{count} nothing that can be seen",
        "Shuffled one at a time, each costs less than 0.5 % of the loss, and perhaps nothing. Two that say the same "
        "can hide each other, so look at the validation loss after dropping.",
        f"`features.drop: [{', '.join(useless)}]`: a smaller model, and fewer columns to keep alive.",
        0.005,
    )


def _calibration(evidence: Evidence) -> Suggestion | None:
    ece = evidence.test.get("ece", 0.0)
    if ece <= 0.03 or evidence.intervals.get("ece", (ece, ece))[0] <= 0.02:
        return None
    return Suggestion(
        "Probabilities are off",
        f"Confidence and outcome differ by {ece:.3f} on average (ECE; on validation rows "
        f"{evidence.validation.get('ece', 0):.3f}). A probability of 0.3 should come true three times in ten.",
        f"{_capital(evidence.knobs.gentler)}; see `results/evaluate/plots/calibration.csv`. If validation is much "
        "better than test, the rows have changed: train on newer ones.",
        ece**2 / 0.4 / max(loss_of(evidence.test), 1e-12),
    )


def _curve(evidence: Evidence) -> Suggestion | None:
    curve = evidence.curve
    if len(curve) < 4:
        return None
    losses = curve["validation"].reset_index(drop=True)
    best, last = int(losses.idxmin()), len(losses) - 1
    before = losses.iloc[: last - max(1, last // 4) + 1].min()
    gain = (before - losses.iloc[best]) / before if before > 0 else 0.0
    if best == last and gain > 0.002:
        return Suggestion(
            "Still learning when it stopped",
            f"The validation loss is lowest at the very last of {last + 1} steps ({losses.iloc[best]:.4g}); the last "
            f"quarter brought {gain:.1%}.",
            f"{_capital(evidence.knobs.longer)}.",
            gain,
        )
    waste = (losses.iloc[last] - losses.iloc[best]) / losses.iloc[best] if losses.iloc[best] > 0 else 0.0
    if best < last / 2 and waste > 0.01:
        return Suggestion(
            "Best long before the end",
            f"The validation loss is lowest at step {best + 1} of {last + 1} and then rises by {waste:.1%}.",
            f"{_capital(evidence.knobs.gentler)}, or {evidence.knobs.simpler}.",
            0.2 * waste,
        )
    return None


def _accuracy(evidence: Evidence) -> Suggestion | None:
    accuracy = evidence.test.get("accuracy")
    if accuracy is None or evidence.majority < 0.7 or accuracy - evidence.majority > 0.05:
        return None
    precision = evidence.test.get("average_precision")
    instead = f" Average precision is {precision:.3f}." if precision is not None else ""
    return Suggestion(
        "Accuracy says little here",
        f"It is {accuracy:.3f}, and always naming the most frequent class gets {evidence.majority:.3f}.{instead}",
        "Judge by ROC AUC, average precision or log loss (`evaluate.floor`), and decide with the threshold in "
        "`models/model/signature.json`, not with 0.5.",
        0.004,
    )


def _threshold(evidence: Evidence) -> Suggestion | None:
    validation, test = evidence.validation.get("f1"), evidence.test.get("f1")
    if evidence.task.kind != "binary" or validation is None or test is None or validation - test <= 0.05:
        return None
    return Suggestion(
        "The threshold does not carry over",
        f"F1 is {validation:.3f} on the validation rows it was chosen on and {test:.3f} on test rows.",
        "Raise `split.validation`, so that it is chosen on more rows, and see whether the share of positives moved.",
        0.01,
    )


def _few_blocks(evidence: Evidence) -> Suggestion | None:
    if evidence.blocks >= min(FEW_BLOCKS, evidence.rows):
        return None
    return Suggestion(
        "Intervals rest on few blocks",
        f"The {evidence.rows:,} test rows come in {evidence.blocks} blocks; intervals from fewer than {FEW_BLOCKS} "
        "are too narrow.",
        "Raise `split.test`, or read small differences with care.",
        0.001,
    )


def _where(worst: pd.Series) -> str:
    first = f"`{worst['column']} = {worst['value']}`"
    return first + (f" and `{worst['column_2']} = {worst['value_2']}`" if worst["column_2"] else "")


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


RULES: tuple[Callable[[Evidence], Suggestion | None], ...] = (
    *(_no_skill, _one_feature, _overfit, _room, _shift, _drift, _wrong_slice, _hard_slice),
    *(_useless, _calibration, _curve, _accuracy, _threshold, _few_blocks),
)
"""Each looks at one thing and says None where nothing stands out; equal stakes keep this order."""
