"""DVC's own command line, for what needs no watching: it ends soon, or shows its bars on stderr."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from gitml.errors import BrokenEnvironment
from gitml.git.command import environment_for_another_repository, without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class DvcRefused(BrokenEnvironment):
    """DVC did not do what it was asked for."""

    def __init__(self, words: Sequence[str], says: str) -> None:
        last = [line for line in says.splitlines() if line.strip()][-3:]
        super().__init__(
            f"dvc {words[0]} failed", without_secrets("\n".join(last)) or "DVC says nothing about it.", ("dvc doctor",)
        )


def ask(root: Path, *words: str, operands: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run ``dvc`` in a project, where a failure is an answer, too; Ctrl-C does not reach it.

    Parameters
    ----------
    root
        The project's folder.
    words
        The command and its options, all of them our own.
    operands
        What came from outside: stages, paths.
    """
    # -P: no module of the project's top folder stands before those of DVC
    return subprocess.run(
        [sys.executable, "-P", "-m", "dvc", *words, "--", *operands],
        cwd=root,
        env={**environment_for_another_repository(os.environ), "DVC_NO_ANALYTICS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        start_new_session=True,
    )


def add(root: Path, path: str) -> None:
    """Let DVC keep a file: into its cache, a ``.dvc`` file beside it, and its name into the folder's .gitignore.

    Raises
    ------
    DvcRefused
        It did not.
    """
    done = ask(root, "add", "--quiet", operands=[path])
    if done.returncode != 0:
        raise DvcRefused(("add",), done.stderr)
