"""What the gates say of a release, as the rule book judges it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml.policy import gates, release
from gitml.policy.gates import GateResult
from gitml.policy.report import RULE as REPORT

if TYPE_CHECKING:
    from gitml.config import Config, Level
    from gitml.pipeline.snapshot import Snapshot


class Gates(NamedTuple):
    """The gates of a release.

    Attributes
    ----------
    level
        What happens where one fails.
    results
        What each bound says.
    refused
        What the rule refuses, one sentence each.
    report
        What is wrong with the experiment's report; empty where nothing is.
    """

    level: Level
    results: tuple[GateResult, ...]
    refused: tuple[str, ...]
    report: str

    @property
    def is_passed(self) -> bool:
        """Whether no gate refuses the model."""
        return not self.refused and all(result.verdict != "failed" for result in self.results)


def judge(now: Snapshot, before: Snapshot | None, config: Config) -> Gates:
    """Return what the gates say.

    Parameters
    ----------
    now, before
        The files of the release and of the model in production; None where there is none.
    config
        The configuration that counts.
    """
    results = release.gate_results(now, before, config, None)
    found = release.judge(now, before, config, None)
    report = next((one.what for one in found if one.rule == REPORT), "")
    refused = tuple(one.what for one in found if one.rule == gates.RULE)
    return Gates(config.level(gates.RULE), tuple(results), refused, report)
