"""What gitml asks of a place where pull requests live, whichever it is."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from gitml.conventions.branches import MAIN

Kind = Literal["github", "gitlab", "gitea"]
State = Literal["open", "merged", "closed"]
"""What may be asked for by `Forge.find` is one of these, or ``all``."""


class PullRequest(NamedTuple):
    """A pull request, or merge request, between two branches of one repository.

    What is in it was written by others: it is shown by `gitml.conventions.shell.printable` only.

    Attributes
    ----------
    number
        As people call it: GitLab's iid.
    url
        Its page.
    state
        ``open``, ``merged`` or ``closed``.
    head, base
        Short names of the branch that is to be merged and of the one that is to change.
    head_commit
        Full id of the head's commit.
    title, body
        Its words.
    approvals
        Logins of the reviewers whose last review approves the current head, without its author.
    author
        Login of whoever opened it.
    merge_commit
        Full id of the commit that came of it; empty where it is not merged.
    """

    number: int
    url: str
    state: State
    head: str
    base: str
    head_commit: str
    title: str
    body: str
    approvals: tuple[str, ...]
    author: str
    merge_commit: str


class Protection(NamedTuple):
    """What the branches and tags of a team need, wherever they are.

    Attributes
    ----------
    approvals
        How many people must approve a pull request.
    check
        Name of the check that must pass.
    main
        The default branch.
    production, models
        Patterns of the branches that move only by pull request, and of those that never move.
    tags
        Patterns of the tags that never move.
    model
        A model's name, with which the patterns are tried.
    app
        Id of the app that must report the check, on GitHub: 15368 is GitHub Actions. 0 for any.
    """

    approvals: int = 1
    check: str = "gitml"
    main: str = MAIN
    production: str = "production/*"
    models: str = "models/*"
    tags: tuple[str, ...] = ("*@v*", "*#*")
    model: str = "model"
    app: int = 0


class Change(NamedTuple):
    """One setting that `Forge.protect` sets, or cannot.

    Attributes
    ----------
    where
        The branch, the pattern, or ``repository``.
    what
        The setting, in words.
    was, becomes
        Its value before and after, in words.
    cannot
        Why it is not set; empty where it is.
    """

    where: str
    what: str
    was: str
    becomes: str
    cannot: str = ""


class Finding(NamedTuple):
    """What `Forge.verify` says about one setting.

    Attributes
    ----------
    where, what
        As of a `Change`.
    state
        ``ok``; ``wrong``; ``unknown``: the forge does not tell this account; ``unavailable``: it has no such
        setting, or not on this tier.
    found, wanted
        What it is and what it should be, in words.
    mend
        What mends it; empty where all is well.
    """

    where: str
    what: str
    state: Literal["ok", "wrong", "unknown", "unavailable"]
    found: str
    wanted: str
    mend: str = ""


class Forge(Protocol):
    """One repository on a forge.

    Every method may raise what is in `gitml.forges.problems`.
    """

    name: Kind

    def find(self, head: str, base: str, state: str = "open") -> PullRequest | None:
        """Return the newest pull request between two branches of this repository; forks do not count."""

    def open(self, head: str, base: str, title: str, body: str) -> PullRequest:
        """Open a pull request; one that is open already gets the title and the body."""

    def update(self, number: int, *, title: str | None = None, body: str | None = None) -> PullRequest:
        """Change the words of a pull request."""

    def comment(self, number: int, body: str, marker: str) -> str:
        """Write a comment, or rewrite ours that carries the marker, and return its URL.

        Parameters
        ----------
        number
            The pull request.
        body
            Markdown.
        marker
            Letters, digits and dashes that name the comment; they stand in an HTML comment, which nobody sees.
        """

    def state(self, number: int) -> PullRequest:
        """Return a pull request as it is now."""

    def list_open(self, base: str) -> list[PullRequest]:
        """Return the open pull requests into a branch from branches of this repository, newest first."""

    def protect(self, wanted: Protection, *, dry_run: bool = False) -> list[Change]:
        """Set what `wanted` needs, and return what was changed; what is so already is left alone.

        What the forge has no setting for comes back with a reason in `Change.cannot`.
        """

    def verify(self, wanted: Protection) -> list[Finding]:
        """Compare what is set with what `wanted` needs; changes nothing."""
