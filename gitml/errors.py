"""The errors that gitml means: each carries what happened, why, and the commands that mend it."""

from __future__ import annotations


class GitmlError(Exception):
    """Something that a person can mend.

    Parameters
    ----------
    what
        What happened, in one line without a full stop.
    why
        Why it is so, as sentences; may be empty.
    mend
        The commands that mend it, one a line.

    Attributes
    ----------
    exit_code
        1 where a rule or gate says no, 2 for wrong usage, 3 for a broken environment.
    """

    exit_code = 1

    def __init__(self, what: str, why: str = "", mend: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.mend = mend


class WrongUsage(GitmlError):
    """The command line cannot be understood."""

    exit_code = 2


class BrokenEnvironment(GitmlError):
    """The machine or the repository is not in a state to work with."""

    exit_code = 3


class LooksLikeAnOption(WrongUsage):
    """A name that somebody gave begins with a dash, and git would take it for an option."""

    def __init__(self, operand: str) -> None:
        super().__init__(
            f"{operand!r} cannot be the name of a branch, a tag or a file here",
            "It begins with a dash, so git would read it as an option.",
            (f"write a file as ./{operand}; a branch or tag cannot be named so",),
        )
        self.operand = operand


class FolderIsGone(BrokenEnvironment):
    """The current folder was deleted or moved under the shell."""

    def __init__(self) -> None:
        super().__init__(
            "the current folder does not exist any more",
            "It was deleted or moved while this shell was in it.",
            ("cd ..",),
        )


class GitIsMissing(BrokenEnvironment):
    """There is no git to run."""

    def __init__(self) -> None:
        super().__init__(
            "git could not be run",
            "gitml keeps everything in git, and no git is in PATH.",
            ("install git 2.38 or newer: https://git-scm.com/downloads",),
        )


class GitFailed(BrokenEnvironment):
    """git ended with an error that its caller did not expect.

    Parameters
    ----------
    command
        The words after ``git``, without secrets.
    code
        git's exit status.
    stderr
        What git said, without secrets.
    """

    def __init__(self, command: str, code: int, stderr: str) -> None:
        super().__init__(
            f"git {command} failed (exit status {code})", stderr or "git said nothing about it.", ("gitml doctor",)
        )
        self.command = command
        self.code = code
        self.stderr = stderr
