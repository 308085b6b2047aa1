"""The one place that runs git."""

from __future__ import annotations

import os
import re
import shlex
import subprocess

from gitml.errors import GitFailed, GitIsMissing, LooksLikeAnOption

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OF_ONE_REPOSITORY = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_PARAMETERS",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)
"""What ``git rev-parse --local-env-vars`` lists: set inside a hook, and wrong for any other repository."""

_SECRET = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def git(*words: str, operands: Sequence[str] = (), at: Path | None = None) -> str:
    """Run git and return what it wrote to stdout, without the last line end.

    Parameters
    ----------
    words
        The subcommand and its options, all of them our own.
    operands
        What came from outside: revisions, refs, paths. They follow the words.
    at
        A folder in another repository than the current one. The environment that a hook sets for the
        current repository is then dropped. None for the current folder, with the environment as it is.

    Raises
    ------
    LooksLikeAnOption
        An operand begins with a dash.
    GitIsMissing
        There is no git to run.
    GitFailed
        git's exit status is not 0.
    """
    for operand in operands:
        if operand.startswith("-"):
            raise LooksLikeAnOption(operand)
    line = ["git", *(() if at is None else ("-C", str(at))), *words, *operands]
    environment = None if at is None else environment_for_another_repository(os.environ)
    try:
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False)
    except (FileNotFoundError, PermissionError):
        raise GitIsMissing from None
    if done.returncode != 0:
        raise GitFailed(
            without_secrets(shlex.join(line[1:])),
            done.returncode,
            without_secrets(os.fsdecode(done.stderr).strip()),
        )
    return os.fsdecode(done.stdout).removesuffix("\n")


def start(*words: str, at: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a git that is spoken to by its stdin and stdout; what it says on stderr is not kept.

    Parameters
    ----------
    words, at
        As for `git`; no operands, because what is asked comes by stdin.

    Raises
    ------
    GitIsMissing
        There is no git to run.
    """
    line = ["git", *(() if at is None else ("-C", str(at))), *words]
    environment = None if at is None else environment_for_another_repository(os.environ)
    try:
        return subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
    except (FileNotFoundError, PermissionError):
        raise GitIsMissing from None


def environment_for_another_repository(environment: os._Environ[str]) -> dict[str, str]:
    """Return `environment` without what belongs to the current repository only."""
    return {name: value for name, value in environment.items() if name not in OF_ONE_REPOSITORY}


def without_secrets(text: str) -> str:
    """Return `text` with the user and password of every URL replaced by ``***``.

    >>> without_secrets("fetch https://ada:s3cret@example.org/x.git")  # pragma: allowlist secret
    'fetch https://***@example.org/x.git'
    """
    return _SECRET.sub("***", text)
