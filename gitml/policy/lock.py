"""The rules that hold dvc.lock against the commit that it is in."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from gitml.conventions.shell import printable, quoted
from gitml.policy.rules import Severity, Violation

if TYPE_CHECKING:
    from gitml.config import Config
    from gitml.pipeline.findings import Finding, Verdict

MOST_NAMED = 3
"""Reasons of one stage that are named; the rest are counted."""


def lock_forged(verdict: Verdict, config: Config) -> list[Violation]:
    """Judge whether what git keeps of a run is what the run wrote.

    Parameters
    ----------
    verdict
        What was found in the commit.
    config
        The project's configuration.

    Returns
    -------
    violations
        One for each out that differs from what ``dvc.lock`` says.
    """
    level = config.level("lock-forged")
    if level == "off":
        return []
    return [_forged(finding, level) for finding in verdict.of("forged")]


def lock_stale(verdict: Verdict, config: Config, is_released: bool) -> list[Violation]:
    """Judge whether the commit's results are those of its code, data and parameters.

    Parameters
    ----------
    verdict
        What was found in the commit.
    config
        The project's configuration.
    is_released
        Whether the commit is for a ``models/*``, ``promote/*`` or production branch, or accepts an
        experiment. Elsewhere a stale stage is a part of working, and is told and no more.

    Returns
    -------
    violations
        One for each stage that would run again, and for each file that cannot be read.
    """
    level = config.level("lock-stale")
    if level == "off":
        return []
    severity: Severity = level if is_released else "warn"
    stale = verdict.of("stale")
    broken = [_broken(finding, severity) for finding in stale if not finding.stage]
    stages = groupby((finding for finding in stale if finding.stage), key=lambda finding: finding.stage)
    return broken + [_stale(stage, list(findings), severity) for stage, findings in stages]


def metric_covered(verdict: Verdict, config: Config) -> list[Violation]:
    """Judge whether every metrics file that a dvc.yaml names is the out of a stage.

    Parameters
    ----------
    verdict
        What was found in the commit.
    config
        The project's configuration.

    Returns
    -------
    violations
        One for each file that no stage writes: nobody would see a change by hand.
    """
    level = config.level("metric-covered")
    if level == "off":
        return []
    return [_uncovered(finding, level) for finding in verdict.of("uncovered")]


def reason(finding: Finding) -> str:
    """Return in a few words what is not as in dvc.lock."""
    name = printable(finding.name)
    if finding.what == "stage":
        return finding.why
    if finding.what == "cmd":
        return "its command changed"
    if finding.what == "param":
        detail = f" ({printable(finding.why)})" if finding.why else ""
        verb = {"deleted": "is gone", "new": "is not in dvc.lock"}.get(finding.change, "changed")
        return f"{name} {verb}{detail}"
    verb = {"deleted": "is not in the commit", "new": "is not in dvc.lock"}.get(finding.change, "changed")
    return f"{name} {verb}" + (f": {printable(finding.why)}" if finding.why else "")


def _forged(finding: Finding, severity: Severity) -> Violation:
    return Violation(
        "lock-forged",
        severity,
        f"{printable(finding.name)} is not what {printable(finding.stage)} wrote",
        "Its bytes differ from the md5 in dvc.lock. It was edited, merged, or not committed with its run.",
        (f"dvc repro {quoted(finding.stage)}", f"git add -- {quoted(finding.name)} {quoted(_lock_of(finding.stage))}"),
    )


def _stale(stage: str, findings: list[Finding], severity: Severity) -> Violation:
    named = [reason(finding) for finding in findings[:MOST_NAMED]]
    if len(findings) > MOST_NAMED:
        named.append(f"and {len(findings) - MOST_NAMED} more")
    says = f"{printable(stage)} would run again"
    return Violation("lock-stale", severity, says, "; ".join(named) + ".", (f"dvc repro {quoted(stage)}",))


def _broken(finding: Finding, severity: Severity) -> Violation:
    name = quoted(finding.name)
    mend = (f"git checkout HEAD~1 -- {name}", "dvc repro") if finding.name.endswith(".lock") else ()
    says = f"{printable(finding.name)} cannot be read"
    return Violation("lock-stale", severity, says, f"{printable(finding.why)}.", mend)


def _lock_of(stage: str) -> str:
    path, colon, _ = stage.rpartition(":")
    return f"{path.removesuffix('dvc.yaml')}dvc.lock" if colon else "dvc.lock"


def _uncovered(finding: Finding, severity: Severity) -> Violation:
    return Violation(
        "metric-covered",
        severity,
        f"{printable(finding.name)} is the out of no stage",
        "dvc.yaml names it at its top level only, so dvc.lock has no hash of it and nobody sees an edit. "
        "Declare it in the stage that writes it, under metrics: with cache: false.",
    )
