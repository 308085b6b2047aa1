"""The one place that runs git."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from typing import NamedTuple

from gitml.errors import GitFailed, GitIsMissing, LooksLikeAnOption

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import IO, Any

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

_BLOCK = 2**20
_BUFFER = 2**17
"""Bytes that are taken from a git at once; with the usual 8 KiB a thousand files cost twice the system calls."""

_GIT = ("git", "--no-replace-objects")
"""What is read is what the id says: whoever may push refs/replace/* must not choose what a check sees."""

_SECRET = re.compile(r"(?<=://)[^/@\s]+(?=@)")


class Answer(NamedTuple):
    """What git answered.

    Attributes
    ----------
    code
        Its exit status.
    out, err
        What it wrote to stdout, and to stderr without secrets; what is no UTF-8 is kept as lone surrogates.
    """

    code: int
    out: str
    err: str


def git(
    *words: str,
    operands: Sequence[str] = (),
    at: Path | None = None,
    stdin: bytes = b"",
    variables: Mapping[str, str] | None = None,
    descriptors: Sequence[int] = (),
) -> str:
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
    stdin
        What git reads.
    variables
        Environment variables to set beside the others.
    descriptors
        Open files that git inherits: of a lock that must be held until git has ended, even where we are killed.

    Raises
    ------
    LooksLikeAnOption
        An operand begins with a dash.
    GitIsMissing
        There is no git to run.
    GitFailed
        git's exit status is not 0.
    """
    answer = ask(*words, operands=operands, at=at, stdin=stdin, variables=variables, descriptors=descriptors)
    if answer.code != 0:
        raise failure(answer, *words, *operands, at=at)
    return answer.out.removesuffix("\n")


def ask(
    *words: str,
    operands: Sequence[str] = (),
    at: Path | None = None,
    stdin: bytes = b"",
    variables: Mapping[str, str] | None = None,
    descriptors: Sequence[int] = (),
) -> Answer:
    """Run git where a failure is an answer, too; parameters and other errors as for `git`."""
    for operand in operands:
        if operand.startswith("-"):
            raise LooksLikeAnOption(operand)
    line = [*_GIT, *(() if at is None else ("-C", str(at))), *words, *operands]
    environment = None if at is None else environment_for_another_repository(os.environ)
    if variables:
        environment = {**(os.environ if environment is None else environment), **variables}
    given: dict[str, Any] = {"input": stdin} if stdin else {"stdin": subprocess.DEVNULL}
    try:
        done = subprocess.run(
            line, capture_output=True, env=environment, check=False, pass_fds=tuple(descriptors), **given
        )
    except (FileNotFoundError, PermissionError):
        raise GitIsMissing from None
    return Answer(done.returncode, os.fsdecode(done.stdout), without_secrets(os.fsdecode(done.stderr)))


def failure(answer: Answer, *line: str, at: Path | None = None) -> GitFailed:
    """Return the error for an answer that nobody expected; `line` is what followed ``git``."""
    told = shlex.join([*(() if at is None else ("-C", str(at))), *line])
    return GitFailed(without_secrets(told), answer.code, answer.err.strip())


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
    line = [*_GIT, *(() if at is None else ("-C", str(at))), *words]
    environment = None if at is None else environment_for_another_repository(os.environ)
    try:
        return subprocess.Popen(
            line,
            bufsize=_BUFFER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
    except (FileNotFoundError, PermissionError):
        raise GitIsMissing from None


def fields_of(
    *words: str, operands: Sequence[str] = (), at: Path | None = None, stdin: bytes = b"", most: int = 0
) -> Iterator[str]:
    """Yield what git writes between NULs, as it comes: however much it is, and whenever the caller has enough.

    Parameters
    ----------
    words, operands, at
        As for `git`.
    stdin
        What git reads, as much as a pipe holds: 64 KiB.
    most
        Bytes of memory that git may take for its answer, on Linux; 0 for any. With more it ends by a failure.

    Raises
    ------
    LooksLikeAnOption, GitIsMissing, GitFailed
        As for `git`.
    """
    for operand in operands:
        if operand.startswith("-"):
            raise LooksLikeAnOption(operand)
    line = [*_GIT, *(() if at is None else ("-C", str(at))), *words, *operands]
    environment = None if at is None else environment_for_another_repository(os.environ)
    given = subprocess.PIPE if stdin else subprocess.DEVNULL
    try:
        running = subprocess.Popen(
            line, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, bufsize=0
        )
    except (FileNotFoundError, PermissionError):
        raise GitIsMissing from None
    with running:
        try:
            if most:
                _limit(running.pid, most)
            if running.stdin is not None:
                running.stdin.write(stdin)
                running.stdin.close()
            yield from _between_nuls(running.stdout)
            said = running.stderr.read() if running.stderr is not None else b""
        except BaseException:
            running.kill()
            raise
    if running.returncode != 0:
        answer = Answer(running.returncode, "", without_secrets(os.fsdecode(said)))
        raise failure(answer, *words, *operands, at=at)


def _limit(process: int, most: int) -> None:
    import resource

    if hasattr(resource, "prlimit"):
        resource.prlimit(process, resource.RLIMIT_DATA, (most, most))


def _between_nuls(stream: IO[bytes] | None) -> Iterator[str]:
    assert stream is not None
    rest = b""
    while block := stream.read(_BLOCK):
        *fields, rest = (rest + block).split(b"\0")
        for field in fields:
            yield os.fsdecode(field)
    if rest:
        yield os.fsdecode(rest)


def environment_for_another_repository(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` without what belongs to the current repository only."""
    return {name: value for name, value in environment.items() if name not in OF_ONE_REPOSITORY}


def without_secrets(text: str) -> str:
    """Return `text` with the user and password of every URL replaced by ``***``.

    >>> without_secrets("fetch https://ada:s3cret@example.org/x.git")  # pragma: allowlist secret
    'fetch https://***@example.org/x.git'
    """
    return _SECRET.sub("***", text)
