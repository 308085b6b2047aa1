"""The rule that the data of what is pushed is in the remote as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitml.conventions.amounts import amount_in_words
from gitml.conventions.shell import printable, quoted
from gitml.policy.rules import Severity, Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitml.config import Config
    from gitml.pipeline.storage import DataObject

MOST_NAMED = 3
"""Files that are named; the rest are counted."""


def data_present(
    missing: Sequence[DataObject], config: Config, is_released: bool, ref: str = "HEAD"
) -> list[Violation]:
    """Judge whether a colleague who gets the commit gets its data too.

    Parameters
    ----------
    missing
        The objects of the commit that its remote lacks.
    config
        The project's configuration.
    is_released
        Whether the commit is for a ``models/*``, ``promote/*`` or production branch. Elsewhere data may come
        later, and it is told and no more.
    ref
        The branch, tag or commit, as it is typed here.

    Returns
    -------
    violations
        One, or none.
    """
    level = config.level("data-present")
    if level == "off" or not missing:
        return []
    severity: Severity = level if is_released else "warn"
    count = sum(each.files for each in missing)
    named = ", ".join(printable(each.path) for each in missing[:MOST_NAMED])
    more = sum(each.files for each in missing[MOST_NAMED:])
    amount = amount_in_words(count, [each.size for each in missing])
    verb = "is" if count == 1 else "are"
    says = f"{amount} of {printable(ref)} {verb} not in the DVC remote"
    why = (
        f"{named}{f' and {more:,} more' if more else ''}. A clone could not check {'it' if count == 1 else 'them'} out."
    )
    return [Violation("data-present", severity, says, why, (f"gitml data push {quoted(ref)}",))]
