"""Asking a project's own stages: modules that answer with one JSON object, run by the project's own Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from gitml.conventions.shell import quoted
from gitml.errors import BrokenEnvironment, GitmlError
from gitml.git.command import environment_for_another_repository

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_SHELL = "stages/python"
"""Finds the project's Python; a project that was laid down has it."""


class StagesSayNo(GitmlError):
    """The stages cannot do it: their own words."""

    def __init__(self, says: str) -> None:
        # One paragraph, broken into lines that are not ours: what is wrong is its first sentence.
        what, _, why = " ".join(says.split()).removeprefix("error: ").partition(". ")
        super().__init__(what.rstrip("."), why)


class NoPipeline(BrokenEnvironment):
    """What the stages import is not installed."""

    def __init__(self, says: str, python: str) -> None:
        super().__init__(
            "a table cannot be read here",
            f"What the pipeline imports is not installed ({says}).",
            (f"{quoted(python)} -m pip install 'gitml[pipeline]'",),
        )


def has(module: str, project: Path) -> bool:
    """Say whether a project's stages have a module, such as ``comparison``."""
    return (project / "stages" / f"{module}.py").is_file()


def ask(module: str, words: Sequence[str], project: Path, is_ours: bool = False) -> dict[str, Any]:
    """Run ``python -m stages.MODULE --json …`` in a project, and return its answer.

    Parameters
    ----------
    module
        Its name in ``stages``.
    words
        What follows; paths are seen from `project`.
    project
        The folder that has ``stages``.
    is_ours
        Whether it is gitml's own copy, which this Python runs; a project's is run by the Python of the project.

    Raises
    ------
    StagesSayNo
        It ended with an error, and no answer.
    NoPipeline
        Something is not installed.
    """
    shell = not is_ours and (project / _SHELL).is_file()
    python = ["sh", _SHELL] if shell else [sys.executable]
    environment = environment_for_another_repository(os.environ)
    if is_ours:
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(
        [*python, "-m", f"stages.{module}", "--json", *words],
        cwd=project,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    try:
        told = json.loads(done.stdout)
    except ValueError:
        told = None
    if isinstance(told, dict):
        return told
    says = done.stderr.strip()
    last = says.splitlines()[-1] if says else f"stages.{module} says nothing"
    if "ModuleNotFoundError" in last or "ImportError" in last:
        raise NoPipeline(last.partition(": ")[2] or last, sys.executable if not shell else "python")
    raise StagesSayNo(says if says.startswith("error: ") else last)
