"""Which parameters of each model to turn, and which way, to make it do something else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Knobs:
    """What to do to a model, by purpose, in words that name parameters of params.yaml in backticks."""

    simpler: str
    richer: str
    longer: str
    gentler: str


KNOBS: dict[str, Knobs] = {
    "logistic": Knobs(
        simpler="lower `train.logistic.C`, or raise `train.logistic.min_frequency`",
        richer="raise `train.logistic.C`, set `train.logistic.spline_knots` to 5, or take "
        "`train.model: hist_gradient_boosting`",
        longer="raise `train.logistic.max_iter`",
        gentler="lower `train.logistic.C`",
    ),
    "random_forest": Knobs(
        simpler="raise `train.random_forest.min_samples_leaf`",
        richer="lower `train.random_forest.min_samples_leaf`, or raise `train.random_forest.max_features`",
        longer="raise `train.random_forest.trees`",
        gentler="raise `train.random_forest.min_samples_leaf`",
    ),
    "hist_gradient_boosting": Knobs(
        simpler="lower `train.hist_gradient_boosting.max_leaf_nodes`, or raise "
        "`train.hist_gradient_boosting.min_samples_leaf` or `train.hist_gradient_boosting.l2_regularization`",
        richer="raise `train.hist_gradient_boosting.max_leaf_nodes`, or take `train.model: ensemble`",
        longer="raise `train.hist_gradient_boosting.max_iter`",
        gentler="lower `train.hist_gradient_boosting.learning_rate`, and raise `train.hist_gradient_boosting.max_iter`",
    ),
    "mlp": Knobs(
        simpler="raise `train.mlp.dropout` or `train.mlp.weight_decay`, or lower `train.mlp.width`",
        richer="raise `train.mlp.width`, set `train.mlp.periodic` to 8, or take `train.model: ensemble`",
        longer="raise `train.mlp.max_epochs`",
        gentler="lower `train.mlp.lr`",
    ),
    "ensemble": Knobs(
        simpler="make the members under `train.ensemble.members` simpler, each by its own parameters",
        richer="add a different kind of member under `train.ensemble.members`",
        longer="raise the members' numbers of steps under `train.ensemble.members`",
        gentler="lower the members' learning rates under `train.ensemble.members`",
    ),
}
"""For each `train.model`; a name that is not here gets advice in general words."""

ANY = Knobs("make the model simpler", "make the model richer", "let it train longer", "lower its learning rate")
"""General words, for a model that is not in `KNOBS`."""


def knobs_of(model: str) -> Knobs:
    """Return the knobs of a `train.model`, or general words for one that is not known."""
    return KNOBS.get(model, ANY)
