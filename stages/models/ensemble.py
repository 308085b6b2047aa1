"""A weighted average of other models, merged into one graph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, compose, helper
from scipy.optimize import minimize

from stages import models
from stages.errors import InputError, did_you_mean
from stages.metrics import loss
from stages.models.base import Fitted, Fold, Log, NotExpressible, Setting
from stages.models.conversion import model

TRAIN_LOSS_ROWS = 20_000
"""So many training rows, always the same, give the training loss of the learning curve."""

MEMBERS = tuple(name for name in models.MODELS if name != models.ENSEMBLE)
"""Models that an ensemble can have as members."""


@dataclass(frozen=True)
class EnsembleParams:
    """The section ``train.ensemble`` of params.yaml.

    Attributes
    ----------
    weights
        ``fitted``, or a number for each member in their order; they are scaled to a sum of 1.
    members
        The params of each member, by its model's name.

    Raises
    ------
    InputError
        A member is no model, its params are wrong, or the weights do not fit the members.
    """

    weights: Literal["fitted"] | tuple[float, ...]
    members: dict[str, Any]

    def __post_init__(self) -> None:
        if not self.members:
            raise InputError("params.yaml: train.ensemble.members is empty.", f"Name some of: {', '.join(MEMBERS)}.")
        for name in self.members:
            if name not in MEMBERS:
                raise InputError(
                    f"params.yaml: train.ensemble.members.{name} is no member.{did_you_mean(name, MEMBERS)}",
                    f"Choose from: {', '.join(MEMBERS)}.",
                )
        self.member_params()
        if isinstance(self.weights, str):
            return
        if len(self.weights) != len(self.members):
            raise InputError(
                f"params.yaml: train.ensemble.weights has {len(self.weights)} numbers for {len(self.members)} members.",
                "Give one for each member, in their order, or write: fitted.",
            )
        if not all(0 <= weight < math.inf for weight in self.weights) or not sum(self.weights) > 0:
            raise InputError(
                f"params.yaml: train.ensemble.weights is {list(self.weights)}.",
                "Give numbers from 0 up, at least one of them above 0.",
            )

    def member_params(self) -> dict[str, Any]:
        """Return each member's checked params."""
        where = "train.ensemble.members"
        return {name: models.find(name, where).read(values, f"{where}.{name}") for name, values in self.members.items()}


@dataclass(frozen=True)
class Ensemble:
    """Fitted members and their weights; see `stages.models.base.Fitted`.

    Attributes
    ----------
    members
        Fitted models by name.
    graphs
        Each member's ONNX graph, by name.
    weights
        Each member's share, by name; together 1.
    """

    setting: Setting
    members: Mapping[str, Fitted]
    graphs: Mapping[str, onnx.ModelProto]
    weights: Mapping[str, float]

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return probabilities of shape (rows, classes), or for a regression values of shape (rows,)."""
        return sum(weight * self.members[name].predict(X) for name, weight in self.weights.items())  # type: ignore[return-value]

    def to_onnx(self) -> onnx.ModelProto:
        """Return one graph: the members' side by side on the same inputs, and the weighted sum."""
        return merged(self.graphs, self.weights)


def fit(params: EnsembleParams, train: Fold, validation: Fold, setting: Setting, log: Log) -> Ensemble:
    """Fit the members one after another, then their weights on the validation fold.

    Parameters
    ----------
    log
        Called by each member with its name before its figures, such as ``mlp/train/loss``, and in the end once for
        each number of members with ``train/loss`` (on some of the rows) and ``validation/loss`` of so many.

    Raises
    ------
    InputError
        A member cannot be expressed in ONNX, so the ensemble could not be saved as one graph.
    """
    some = np.random.default_rng(setting.seed).permutation(len(train.y))[:TRAIN_LOSS_ROWS]
    shown = Fold(train.X.iloc[some], train.y[some])
    members, graphs, learned, judged = {}, {}, [], []
    for name, member_params in params.member_params().items():
        member = models.find(name).fit(member_params, train, validation, setting, _under(name, log))
        try:
            graphs[name] = member.to_onnx()
        except NotExpressible as reason:
            raise InputError(
                f"params.yaml: train.ensemble.members.{name} cannot be part of one ONNX graph: {reason}.",
                "Change the params of that member, or leave it out.",
            ) from None
        members[name] = member
        learned.append(member.predict(shown.X))
        judged.append(member.predict(validation.X))
    for count in range(1, len(members) + 1):
        weights = _weights(params.weights, setting, validation.y, np.stack(judged[:count]))
        blends = {"train/loss": (shown.y, learned), "validation/loss": (validation.y, judged)}
        log(
            count,
            {
                name: loss(setting.task, y, np.tensordot(weights, np.stack(predictions[:count]), 1))
                for name, (y, predictions) in blends.items()
            },
        )
    shares = {name: float(weight) for name, weight in zip(members, weights, strict=True)}
    return Ensemble(setting, members, graphs, shares)


def fitted_weights(setting: Setting, y: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Return the weights, none below 0 and together 1, whose average has the smallest loss.

    Parameters
    ----------
    y
        Class codes or numbers. Shape (rows,).
    predictions
        Of each member: shape (members, rows, classes), or (members, rows) for a regression.

    Notes
    -----
    Both losses are convex in the weights, so the minimum that SLSQP finds from equal weights is the minimum.
    """
    rows = np.arange(len(y))
    regression = setting.task.kind == "regression"
    # Of a probability only the one of what happened counts; in units of the spread, SLSQP's tolerances suit numbers.
    parts = (predictions - y) / (np.std(y) or 1.0) if regression else predictions[:, rows, y]

    def value(weights: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = weights @ parts
        if regression:
            return float((mixed**2).mean()), 2 * parts @ mixed / len(y)
        mixed = np.maximum(mixed, np.finfo(np.float64).eps)
        return float(-np.log(mixed).mean()), -(parts @ (1 / mixed)) / len(y)

    count = len(predictions)
    found = minimize(
        value,
        np.full(count, 1 / count),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * count,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-10},
    )
    return _shares(found.x)


def merged(graphs: Mapping[str, onnx.ModelProto], weights: Mapping[str, float]) -> onnx.ModelProto:
    """Return one graph that feeds the same inputs to all graphs and gives the weighted sum of their outputs.

    Parameters
    ----------
    graphs
        By name; all with the same inputs and output names, see `stages.models.base.Fitted.to_onnx`.
    weights
        By the same names.
    """
    first = next(iter(graphs.values())).graph
    inputs = [value.name for value in first.input]
    output = first.output[0].name
    nodes, constants, parts = [], [], []
    for name, whole in graphs.items():
        part = compose.add_prefix_graph(whole.graph, f"{name}/")
        shared = {f"{name}/{value}": value for value in inputs}
        for node in part.node:
            node.input[:] = [shared.get(value, value) for value in node.input]
        constants += [*part.initializer, helper.make_tensor(f"{name}/weight", TensorProto.FLOAT, [], [weights[name]])]
        weighted = helper.make_node("Mul", [f"{name}/{output}", f"{name}/weight"], [f"{name}/weighted"], f"{name}/Mul")
        nodes += [*part.node, weighted]
        parts.append(f"{name}/weighted")
    nodes.append(helper.make_node("Sum", parts, [output], "Sum"))
    return model(helper.make_graph(nodes, models.ENSEMBLE, first.input, first.output, constants))


def _weights(
    wanted: Literal["fitted"] | tuple[float, ...], setting: Setting, y: np.ndarray, predictions: np.ndarray
) -> np.ndarray:
    """Return the weights of the first members, as many as there are predictions."""
    if isinstance(wanted, str):
        return fitted_weights(setting, y, predictions)
    given = np.array(wanted[: len(predictions)])
    return _shares(given if given.sum() else np.ones_like(given))


def _shares(weights: np.ndarray) -> np.ndarray:
    """Scale to a sum of 1, and leave out what is not a thousandth."""
    weights = np.where(weights < 1e-3 * weights.sum(), 0, weights)
    return weights / weights.sum()


def _under(name: str, log: Log) -> Log:
    return lambda step, figures: log(step, {f"{name}/{figure}": value for figure, value in figures.items()})
