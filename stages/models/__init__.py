"""The models by name. Each is imported only when it is asked for, so that a linear model never waits for torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from stages import params as parameters
from stages.errors import InputError, did_you_mean
from stages.models.base import Fitted

ENSEMBLE = "ensemble"

_WHERE = {
    "logistic": ("linear", "LinearParams", "fit"),
    "random_forest": ("trees", "ForestParams", "fit_forest"),
    "hist_gradient_boosting": ("trees", "BoostingParams", "fit_boosting"),
    "mlp": ("network", "NetworkParams", "fit"),
    ENSEMBLE: ("ensemble", "EnsembleParams", "fit"),
}

MODELS = tuple(_WHERE)
"""Names that ``train.model`` may have."""

ON_DEVICE = frozenset({"mlp"})
"""Models that can learn on an accelerator."""


@dataclass(frozen=True)
class Model:
    """One kind of model.

    Attributes
    ----------
    name
        What params.yaml calls it.
    params
        The frozen dataclass of its section.
    fit
        Takes params, train `Fold`, validation `Fold`, `Setting` and `Log`.
    """

    name: str
    params: type
    fit: Callable[..., Fitted]

    def read(self, values: Mapping[str, Any], path: str) -> Any:
        """Return its checked params from a section of params.yaml that is called `path`."""
        return parameters.parse(values, path, self.params)


def find(name: str, path: str = "train.model") -> Model:
    """Return the model of that name.

    Parameters
    ----------
    name
        One of `MODELS`.
    path
        Where params.yaml says it, for the error.

    Raises
    ------
    InputError
        There is no such model.
    """
    if name not in _WHERE:
        raise InputError(
            f"params.yaml: {path} is {name!r}, which is no model.{did_you_mean(name, MODELS)}",
            f"Choose one of: {', '.join(MODELS)}.",
        )
    module, shape, fit = _WHERE[name]
    home = import_module(f"stages.models.{module}")
    return Model(name, getattr(home, shape), getattr(home, fit))
