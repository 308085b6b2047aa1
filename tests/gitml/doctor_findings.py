"""Words for the tests of the doctor's rooms."""

from __future__ import annotations

import subprocess
from pathlib import Path

from gitml import doctor
from gitml.doctor import Finding


def seen(folder: Path, check: str) -> list[Finding]:
    """Return what the doctor says of one check, without the functions that mend it."""
    return [finding._replace(fixes=()) for finding in doctor.diagnose(folder) if finding.check == check]


def state(folder: Path, check: str) -> list[str]:
    """Return the states of one check's findings."""
    return [finding.state for finding in doctor.diagnose(folder) if finding.check == check]


def mends(folder: Path, check: str) -> list[str]:
    """Return what ``--fix`` would do about one check."""
    return [
        fix.says
        for finding in doctor.diagnose(folder)
        if finding.check == check and finding.state != "ok"
        for fix in finding.fixes
    ]


def shell(folder: Path, *commands: str) -> None:
    """Run what a finding says."""
    for command in commands:
        subprocess.run(["sh", "-c", command], cwd=folder, check=True, capture_output=True)
