"""``gitml doctor``."""

from __future__ import annotations

import sys
from collections import Counter

import click

from gitml import doctor
from gitml.cli.terminal import filled, has_colours, painted, printable

_INDENT = 22


@click.command("doctor", epilog="\b\nExample:\n  gitml doctor\n  gitml doctor --json")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON list, one object a check.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Check this machine and this repository, and name what mends them.

    Looks at Python, git, the repository and what is checked out, who commits, DVC, its remote and its
    files, and torch. Changes nothing. Exits with 3 if something is broken, else with 0.
    """
    findings = doctor.diagnose()
    print(_as_json(findings) if as_json else _as_text(findings, has_colours(sys.stdout)))
    if doctor.is_anything_broken(findings):
        context.exit(3)


def _as_json(findings: list[doctor.Finding]) -> str:
    import json

    return json.dumps([finding._asdict() for finding in findings], indent=2)


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
    return f"{count['broken']} broken, {warnings}. The commands that mend them stand below each."
