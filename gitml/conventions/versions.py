"""One released model, in the four ways that people write it."""

from __future__ import annotations

from gitml.conventions import branches
from gitml.conventions.branches import DEFAULT_MODEL, BranchName
from gitml.conventions.frozen import Frozen


class ModelVersion(Frozen):
    """A release of a model: the branch ``models/<model>-v<N>`` and the tag ``<model>@v<N>.0.0``."""

    model: str
    number: int

    @property
    def branch(self) -> str:
        """The branch that holds it."""
        return str(BranchName("model", self.model, self.number))

    @property
    def tag(self) -> str:
        """The tag that marks it, as GTO names it."""
        return f"{self.model}@v{self.number}.0.0"

    def __str__(self) -> str:
        """Return ``<model>-v<N>``."""
        return f"{self.model}-v{self.number}"


def parse(text: str, model: str = DEFAULT_MODEL) -> ModelVersion | None:
    """Return which version `text` names, or None where it names none.

    Parameters
    ----------
    text
        ``v4``, ``model-v4``, ``model@v4.0.0`` or ``models/model-v4``.
    model
        The model that is meant by a bare ``v4``.

    >>> parse("v4") == parse("model-v4") == parse("model@v4.0.0") == parse("models/model-v4")
    True
    """
    if "@" in text:
        name, _, version = text.partition("@")
        if not (version.startswith("v") and version.endswith(".0.0")):
            return None
        text = f"{name}-{version.removesuffix('.0.0')}"
    elif "/" in text:
        folder, _, text = text.partition("/")
        if folder != "models":
            return None
    elif text.startswith("v") and branches.number_in(text[1:]):
        text = f"{model}-{text}"
    found = branches.parse(f"models/{text}")
    return None if found is None else ModelVersion(found.name, found.number)
