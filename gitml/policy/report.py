"""The rule that a model is released with a report that somebody finished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitml.conventions.shell import printable, quoted
from gitml.policy.rules import Violation
from gitml.reports import document

if TYPE_CHECKING:
    from gitml.config import Config

RULE = "report-complete"


def report_complete(slug: str, text: str | None, config: Config) -> list[Violation]:
    """Judge whether the report of an experiment says all that it should.

    Parameters
    ----------
    slug
        The experiment's name, without ``experiments/``.
    text
        Its report; None where the commit has none.
    config
        The project's configuration.

    Returns
    -------
    violations
        At most one, which names every section that is empty.
    """
    level = config.level(RULE)
    if level == "off":
        return []
    path = document.path(slug)
    mend = (f"gitml report edit {quoted(slug)}",)
    if text is None:
        says = f"{printable(slug)} has no report"
        return [Violation(RULE, level, says, f"{printable(path)} is not in the commit.", mend, path)]
    empty = document.missing(text)
    if not empty:
        return []
    says = (
        f"the report of {printable(slug)} is not finished: {_listed(empty)} {'is' if len(empty) == 1 else 'are'} empty"
    )
    why = "A section needs words of its own; the template's prompts, headings and comments are none."
    return [Violation(RULE, level, says, why, mend, path)]


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
