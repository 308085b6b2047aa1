"""All that is told of a released model beside the one in production, as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gitml.models.evidence_analysis import Bin, Slices
    from gitml.models.evidence_changes import Changes
    from gitml.models.evidence_gates import Gates
    from gitml.models.evidence_origin import Origin
    from gitml.models.evidence_verdict import Verdict
    from gitml.reports.comparison import Comparison
    from gitml.reports.mcnemar import McNemar


class Evidence(NamedTuple):
    """A released model beside the one in production.

    Attributes
    ----------
    challenger, champion
        Where both come from; the second is None where nothing is in production.
    verdict
        Which is better.
    gates
        What the gates and the rule on reports say.
    comparison
        Metric by metric; without a champion each is new.
    mcnemar
        The test on the classes of both; None for a regression, and where the predictions are not here.
    slices, calibration
        Which rows the challenger is worst on; how far its probabilities are off, and the champion's.
    changes
        What differs besides.
    report
        The folder with the experiment's report; empty where it is not known.
    pictures
        Images in it, from the top of the repository.
    notes
        What could not be read or shown, one sentence each.
    """

    challenger: Origin
    champion: Origin | None
    verdict: Verdict
    gates: Gates
    comparison: Comparison
    mcnemar: McNemar | None
    slices: Slices
    calibration: tuple[tuple[Bin, ...], tuple[Bin, ...]]
    changes: Changes
    report: str
    pictures: tuple[str, ...]
    notes: tuple[str, ...]
