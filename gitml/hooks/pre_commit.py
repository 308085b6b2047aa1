"""pre-commit: what is staged is looked at before it is in the history."""

from __future__ import annotations

import sys

from gitml import config
from gitml.errors import GitFailed
from gitml.git.objects import Objects
from gitml.hooks import staged
from gitml.policy import contents
from gitml.policy.contents import NewFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitml.config import Config
    from gitml.git.objects import Entry
    from gitml.hooks.staged import Staged
    from gitml.pipeline.findings import Finding
    from gitml.policy.rules import Violation


def run() -> bool:
    """Judge what is staged, say on stderr what is wrong, and return whether the commit may be made."""
    found = staged.find()
    if not found.entries:
        return True
    try:
        project = config.read()
    except config.WrongConfig as wrong:
        print(f"gitml: what is staged was not checked: {wrong.what}", file=sys.stderr)
        return True
    violations = judge(found, project)
    refused = [violation for violation in violations if violation.severity == "error"]
    warned = [violation for violation in violations if violation.severity == "warn"]
    if warned or refused:
        from gitml.policy.refusal import explain
    if warned:
        print(explain(warned, "warning"), file=sys.stderr)
    if refused:
        print(explain(refused, "commit refused"), file=sys.stderr)
    return not refused


def judge(found: Staged, project: Config) -> list[Violation]:
    """Return what is wrong with what is staged."""
    with Objects() as objects:
        violations = contents.judge(_files(found.entries, objects, project), project)
        rules = [rule for rule in ("lock-forged", "metric-covered") if project.level(rule) != "off"]
        if rules and staged.can_matter_to_locks(found, objects):
            violations += _judge_locks(found, objects, project)
    return violations


def _files(entries: tuple[Entry, ...], objects: Objects, project: Config) -> Iterator[NewFile]:
    """Return the staged files with their bytes, one in memory at a time."""
    described = objects.describe(entry.oid for entry in entries)
    for entry in entries:
        kind, size = described.get(entry.oid, ("missing", 0))
        if kind == "blob":
            is_read = contents.is_worth_reading(entry.path, size, project)
            yield NewFile(entry.path, size, objects.read(entry.oid) if is_read else None)


def _judge_locks(found: Staged, objects: Objects, project: Config) -> list[Violation]:
    from gitml.pipeline.findings import Verdict
    from gitml.pipeline.snapshot import Snapshot
    from gitml.pipeline.verify import judge_snapshot
    from gitml.policy.lock import lock_forged, metric_covered

    verdict = judge_snapshot(Snapshot(staged.snapshot_entries(found.added), objects))
    findings = [finding for finding in verdict.findings if finding.kind in ("forged", "uncovered")]
    if findings:
        known = _known(found)
        edited = {entry.path for entry in found.entries}
        findings = [one for one in findings if one not in known or (one.kind == "forged" and one.name in edited)]
    verdict = Verdict(tuple(findings), verdict.stages)
    return [*lock_forged(verdict, project), *metric_covered(verdict, project)]


def _known(found: Staged) -> set[Finding]:
    """Return what is wrong in a parent already, and so is not this commit's fault."""
    from gitml.pipeline.verify import judge as judge_tree

    known: set[Finding] = set()
    for parent in ("HEAD", *found.merged):
        try:
            known.update(judge_tree(parent).findings)
        except GitFailed:  # there is no commit yet
            continue
    return known
