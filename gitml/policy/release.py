"""The rules for what is released: its report is finished, and its metrics pass the gates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitml.conventions import branches
from gitml.conventions.released import PROVENANCE, TEST_DATA
from gitml.pipeline import metrics, strict
from gitml.policy import figures
from gitml.policy.gates import gates, results
from gitml.policy.report import report_complete
from gitml.policy.rules import Violation
from gitml.reports import document

if TYPE_CHECKING:
    from gitml.config import Config
    from gitml.pipeline.flat import Flat
    from gitml.pipeline.snapshot import Snapshot
    from gitml.policy.gates import GateResult

OTHER_DATA = "measured on other test data than production's"


def judge(released: Snapshot, production: Snapshot | None, config: Config, behind: int | None) -> list[Violation]:
    """Judge the tree of a release or promotion.

    Parameters
    ----------
    released
        Its files.
    production
        Those of the model in production; None where there is none.
    config
        The project's configuration.
    behind
        How many commits of main it lacks; None where that is not asked.
    """
    return [*_report(released, config), *_gates(released, production, config, behind)]


def experiment_of(released: Snapshot) -> str | None:
    """Return the slug of the experiment that a release says it comes from; None where it says none."""
    slug = _said(released).get("experiment")
    return slug if isinstance(slug, str) and branches.is_slug(slug) else None


def _report(released: Snapshot, config: Config) -> list[Violation]:
    level = config.level("report-complete")
    if level == "off":
        return []
    slug = experiment_of(released)
    if slug is None:
        says = f"{PROVENANCE} does not say which experiment is released"
        why = "So nobody knows which report to read. A release is made from an experiment."
        return [Violation("report-complete", level, says, why, ("gitml model release",), PROVENANCE)]
    content = released.read(document.path(slug))
    return report_complete(slug, document.decoded(content) if content is not None else None, config)


def gate_results(
    released: Snapshot, production: Snapshot | None, config: Config, behind: int | None
) -> list[GateResult]:
    """Return what each bound of each gate says of a release; parameters as for `judge`.

    A tolerance is compared only where both were measured on the same test data.
    """
    now, before = _metrics(released, production, behind)
    asked = _asked(config, behind)
    if before is None or _is_same_data(now, before):
        found = results(now, before, asked)
        if before is None or production is None or rescored(released, production) is None:
            return found
        return [
            one._replace(source=f"{one.source}; production's model measured again on the new test data")
            if one.bound == "tolerance"
            else one
            for one in found
        ]
    return [
        one._replace(verdict="failed", why=OTHER_DATA) if one.verdict == "not compared" else one
        for one in results(now, None, asked)
    ]


def _gates(released: Snapshot, production: Snapshot | None, config: Config, behind: int | None) -> list[Violation]:
    level = config.level("gates")
    if not config.gates or level == "off":
        return []
    now, before = _metrics(released, production, behind)
    config = _asked(config, behind)
    if before is None or _is_same_data(now, before):
        return gates(now, before, config)
    found = gates(now, None, config)
    if any(gate.tolerance is not None for gate in config.gates):
        says = "its test data are not those of the model in production"
        why = (
            f"So it cannot be told whether it is worse: {TEST_DATA} is {now.get(TEST_DATA)!r} here. A release measures "
            "production's model again on its own test data, where that model is at hand."
        )
        found.append(Violation("gates", level, says, why, ("gitml data fetch", "gitml model release")))
    return found


def rescored(released: Snapshot, production: Snapshot) -> dict[str, float] | None:
    """Return production's metrics on the test data of a release, as the release says; None where it says nothing.

    They are those of whoever released it, like all its metrics: only to run it again proves them.
    """
    said = _said(released).get("rescored")
    theirs = _said(production)
    name = f"{theirs.get('model')}-v{theirs.get('version')}"
    if not isinstance(said, dict) or said.get("model") != name or not isinstance(said.get("metrics"), dict):
        return None
    return {str(key): value for key, value in said["metrics"].items() if isinstance(value, int | float)}


def _said(snapshot: Snapshot) -> dict[str, Any]:
    content = snapshot.read(PROVENANCE)
    try:
        said: Any = strict.loads(content) if content is not None else None
    except strict.NotStrict:
        return {}
    return said if isinstance(said, dict) else {}


def _metrics(released: Snapshot, production: Snapshot | None, behind: int | None) -> tuple[Flat, Flat | None]:
    now, before = _figures(released), _figures(production) if production is not None else None
    if production is not None and before is not None and not _is_same_data(now, before):
        again = rescored(released, production)
        if again is not None:
            before = {**again, **figures.derived(production), TEST_DATA: now.get(TEST_DATA)}
    return ({**now, figures.BEHIND: behind} if behind is not None else now), before


def _figures(snapshot: Snapshot) -> Flat:
    """Return the metrics of a commit and what is derived of its files; no metrics file can say that otherwise."""
    said = {name: value for name, value in metrics.read(snapshot).metrics.items() if name not in figures.NAMES}
    return {**said, **figures.derived(snapshot)}


def _asked(config: Config, behind: int | None) -> Config:
    """Return the rules without a gate of what is not asked."""
    if behind is not None:
        return config
    return config.changed(gates=tuple(gate for gate in config.gates if gate.metric != figures.BEHIND))


def _is_same_data(now: Flat, before: Flat) -> bool:
    return bool(now.get(TEST_DATA) == before.get(TEST_DATA))
