"""``gitml doctor``."""

from __future__ import annotations

import sys
from collections import Counter

import click

from gitml import doctor
from gitml.cli.terminal import filled, has_colours, painted, printable
from gitml.doctor.mending import planned

_INDENT = 22


@click.command("doctor", epilog="\b\nExample:\n  gitml doctor\n  gitml doctor --fix --dry-run\n  gitml doctor --json")
@click.option("--fix", is_flag=True, help="Mend what can be mended without losing anything, then look again.")
@click.option("--dry-run", is_flag=True, help="With --fix: say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON list, one object a check.")
@click.pass_context
def command(context: click.Context, fix: bool, dry_run: bool, as_json: bool) -> None:
    """Check this machine and this repository, and name what mends them.

    Looks at Python and git, the repository, what is checked out and who commits, hooks, the names of
    branches, files and tags, stale locks, gitml.toml, DVC, its remote, its cache and its files, and torch.
    Changes nothing without --fix. --fix installs hooks, removes what killed processes left, puts a broken
    dvc.lock aside and lets worktrees share a cache; it touches no other file of yours. Exits with 3 if
    something is broken, after --fix if something still is, else with 0.
    """
    if dry_run and not fix:
        raise click.UsageError("--dry-run goes with --fix. gitml doctor alone changes nothing.")
    if fix and not dry_run:
        _say([_done(outcome) for outcome in doctor.mend()] or ["nothing that --fix could mend"], as_json)
    findings = doctor.diagnose()
    if dry_run:
        _say([f"would     {step.says}" for _, step in planned(findings)] or ["nothing that --fix could mend"], as_json)
    print(_as_json(findings) if as_json else _as_text(findings, has_colours(sys.stdout)))
    if doctor.is_anything_broken(findings):
        context.exit(3)


def _done(outcome: doctor.Outcome) -> str:
    return f"not done  {outcome.says}: {outcome.hindrance}" if outcome.hindrance else f"done      {outcome.says}"


def _say(lines: list[str], is_json: bool) -> None:
    """Write what was done; not among the JSON."""
    for line in lines:
        print(printable(line), file=sys.stderr if is_json else sys.stdout)
    if not is_json:
        print()


def _as_json(findings: list[doctor.Finding]) -> str:
    import json

    return json.dumps([_as_object(finding) for finding in findings], indent=2)


def _as_object(finding: doctor.Finding) -> dict[str, object]:
    values = finding._asdict()
    fixes = values.pop("fixes")
    return {**values, "fixable": finding.state != "ok" and bool(fixes)}


def _as_text(findings: list[doctor.Finding], colours: bool) -> str:
    lines: list[str] = []
    for finding in findings:
        says = filled(finding.says, " " * _INDENT)[_INDENT:]
        state = painted(f"{finding.state:8}", finding.state, colours)
        lines.append(f"{finding.check:11} {state}  {says}")
        if finding.why:
            lines.append(filled(finding.why, " " * _INDENT))
        for mend in finding.mend:
            lines.append(" " * (_INDENT + 2) + painted(printable(mend), "command", colours))
    return "\n".join([*lines, "", _summary(findings)])


def _summary(findings: list[doctor.Finding]) -> str:
    count = Counter(finding.state for finding in findings)
    if count["broken"] + count["warning"] == 0:
        return "Nothing to mend."
    warnings = f"{count['warning']} warning{'s' * (count['warning'] != 1)}"
    number = sum(1 for finding in findings if finding.state != "ok" and finding.fixes)
    mended = f"\ngitml doctor --fix mends {number} of them." if number else ""
    return f"{count['broken']} broken, {warnings}. The commands that mend them stand below each.{mended}"
