"""Beginning DVC in a repository, and saying whether it was ever used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from gitml.git.command import ask, environment_for_another_repository
from gitml.pipeline.dvc import DvcFailed

if TYPE_CHECKING:
    from pathlib import Path

FILES = (".dvc/config", ".dvc/.gitignore", ".dvcignore")
"""What ``dvc init`` writes, and stages."""


def initialize(root: Path) -> None:
    """Do ``dvc init`` in a working tree, and leave the index as it is.

    Raises
    ------
    DvcFailed
        DVC says no.
    """
    staged_before = set(_staged(root))
    line = [sys.executable, "-P", "-m", "dvc", "init", "--quiet"]
    environment = {**environment_for_another_repository(os.environ), "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(
        line, cwd=root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DvcFailed("dvc init failed", done.stderr.strip())
    new = [path for path in _staged(root) if path not in staged_before]
    if new:
        ask("rm", "--cached", "--quiet", "--", *new, at=root)


def _staged(root: Path) -> list[str]:
    answer = ask("ls-files", "-z", "--", *FILES, at=root)
    return [path for path in answer.out.split("\0") if path]


def is_unused(root: Path) -> bool:
    """Say whether DVC is as ``dvc init`` left it: no settings, no data, no stage, and nothing of it committed."""
    folder = root / ".dvc"
    if not folder.is_dir() or _content(folder / "config") or (folder / "config.local").exists():
        return False
    if any(path.is_file() for path in (folder / "cache").glob("**/*")) or _staged(root):
        return False
    listed = ask("ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", "*dvc.yaml", "*.dvc", at=root)
    return listed.code == 0 and not listed.out


def take_back(root: Path) -> None:
    """Undo `initialize` where DVC `is_unused`: what is left in ``.dvc`` is its scratch."""
    shutil.rmtree(root / ".dvc")
    ignored = root / ".dvcignore"
    if all(line.startswith(b"#") or not line.strip() for line in _content(ignored).split(b"\n")):
        ignored.unlink(missing_ok=True)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
