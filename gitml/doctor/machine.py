"""Whether the programs on this machine are new enough."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from gitml.doctor.finding import Finding, seen_from

OLDEST_PYTHON = (3, 11)
OLDEST_GIT = (2, 38)
"""The first git with ``merge-tree --write-tree``, by which a merge is tried without a working tree."""

OLDEST_DVC = (3, 50)
OLDEST_GTO = (1, 7)
TORCH = "2.13.0"
"""The version that constraints.txt pins; others pull in gigabytes of CUDA packages on a fresh Linux machine."""


def python(version: tuple[int, ...]) -> Finding:
    """Judge the Python that runs gitml."""
    text = ".".join(map(str, version))
    if version[:2] >= OLDEST_PYTHON:
        return Finding("python", "ok", text)
    return Finding(
        "python",
        "broken",
        f"{text} is too old",
        "gitml needs Python 3.11 or newer.",
        ("install it, then make a new environment: https://www.python.org/downloads",),
    )


def git(text: str, version: tuple[int, int]) -> Finding:
    """Judge the git in PATH by its version, as text and as numbers."""
    if version >= OLDEST_GIT:
        return Finding("git", "ok", text)
    return Finding(
        "git",
        "broken",
        f"{text} is too old",
        "gitml merges without touching your files, which git can do since 2.38.",
        ("install git 2.38 or newer: https://git-scm.com/downloads",),
    )


def dvc(version: str | None, interpreter: str) -> Finding:
    """Judge the installed DVC."""
    if version is not None and _first_two(version) >= OLDEST_DVC:
        return Finding("dvc", "ok", version)
    says = "not installed" if version is None else f"{version} is too old"
    why = "gitml runs the pipeline with DVC 3.50 or newer."
    return Finding("dvc", "broken", says, why, (f"{interpreter} -m pip install 'dvc>=3.50'",))


def gto(version: str | None, interpreter: str) -> list[Finding]:
    """Judge the installed GTO, which nobody needs: nothing is said where it is absent or right."""
    if version is None or _first_two(version) >= OLDEST_GTO:
        return []
    why = "gitml's tags are read by GTO 1.7 or newer; an older gto show may misread them."
    return [Finding("gto", "warning", f"{version} is too old", why, (f"{interpreter} -m pip install 'gto>=1.7'",))]


def torch(version: str | None, interpreter: str) -> Finding:
    """Judge the installed torch against the pinned one; a local suffix such as ``+cpu`` does not count."""
    if version is None:
        return Finding("torch", "ok", "not installed; only the pipeline needs it")
    if version.partition("+")[0] == TORCH:
        return Finding("torch", "ok", version)
    why = f"The pipeline is tested with {TORCH}; another version may train another model."
    return Finding(
        "torch", "warning", f"{version}, not {TORCH}", why, (f"{interpreter} -m pip install torch=={TORCH}",)
    )


def interpreter(here: Path) -> str:
    """Return the Python that runs gitml as it is typed in `here`."""
    path = Path(sys.executable)
    return seen_from(here, path) if path.is_relative_to(here) else shlex.quote(str(path))


def _first_two(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split(".")[:2] if number.isdigit())
