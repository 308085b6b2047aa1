"""The experiment that a new project suggests: it changes what the model that was chosen depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitml.pipeline import yaml12

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitml.scaffold.answers import Setting

_IDEAS = {
    "logistic": ("C=0.1", "stronger regularization"),
    "hist_gradient_boosting": ("learning_rate=0.03", "smaller steps find more"),
}
_OTHERS = ("seed=7", "how far the seed alone moves it")


def of_settings(settings: Iterable[Setting]) -> str:
    """Return the command for a project with some settings; the template's model is gradient boosting."""
    model = next((str(one.value) for one in settings if one.name == "train.model"), "hist_gradient_boosting")
    return _command(model)


def of_params(content: bytes) -> str:
    """Return the command for a project with this params.yaml."""
    try:
        told: Any = yaml12.load(content)
        return _command(str(told["train"]["model"]))
    except (yaml12.NotYaml, KeyError, TypeError):
        return 'gitml exp run -n first-idea -m "what you expect, and why"'


def _command(model: str) -> str:
    change, why = _IDEAS.get(model, _OTHERS)
    return f'gitml exp run -n first-idea -S {change} -m "{why}"'
