"""What can go wrong between gitml and a forge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitml.errors import BrokenEnvironment, GitmlError

if TYPE_CHECKING:
    from gitml.forges.base import Kind

WAYS_IN: dict[Kind, tuple[str, ...]] = {
    "github": ("gh auth login --hostname {host}", "export GITHUB_TOKEN=…"),
    "gitlab": ("glab auth login --hostname {host}", "export GITLAB_TOKEN=…"),
    "gitea": ("export GITEA_TOKEN=…",),
}
"""How one gets a token, by forge."""


class NoToken(BrokenEnvironment):
    """There is nothing to show to the forge.

    Attributes
    ----------
    kind
        Which forge it is.
    page
        Where a person opens the pull request; empty where it is not about one.
    """

    def __init__(self, kind: Kind, host: str, withheld: str = "", page: str = "") -> None:
        why = "Looked for: GITML_FORGE_TOKEN, the forge's own variables, its command line, git's credentials."
        if withheld:
            why += f" {withheld} is set, but nothing says that it is for {host}, so it was not sent there."
        mend = [f"export GITML_FORGE_URL=https://{host}"] if withheld else []
        mend += [line.format(host=host) for line in WAYS_IN[kind]]
        super().__init__(f"there is no token for {host}", why, (*mend, *([f"open {page}"] if page else [])))
        self.page = page
        self.kind = kind


class UnsafeToken(BrokenEnvironment):
    """A token would travel where others can read it, or is none."""


class ForgeUnreachable(BrokenEnvironment):
    """The forge did not answer."""

    def __init__(self, host: str, why: str, mend: tuple[str, ...] = ()) -> None:
        super().__init__(f"{host} could not be reached", f"{why} The same command again goes on.", mend)


class NotKnownIfDone(ForgeUnreachable):
    """The forge did not answer, and may have done what it was asked; nothing was asked twice."""


class RateLimited(BrokenEnvironment):
    """The forge wants no more questions for a while.

    Attributes
    ----------
    seconds
        For how long.
    """

    def __init__(self, host: str, seconds: float, until: str) -> None:
        super().__init__(
            f"{host} takes no more requests until {until}",
            "The rate limit of this account is used up.",
            ("run the same command again then",),
        )
        self.seconds = seconds


class OddAnswer(BrokenEnvironment):
    """The forge's answer is not what its documentation says."""

    def __init__(self, host: str, fault: str) -> None:
        super().__init__(
            f"the answer of {host} cannot be read",
            f"{fault}. Something between here and there may have answered in its place, or it is no such forge.",
            ("gitml forge verify --help",),
        )


class NotAllowed(BrokenEnvironment):
    """The forge does not let this account do or see that.

    Attributes
    ----------
    status
        401, 403 or 404: forges hide what is private behind a 404.
    said
        The forge's words.
    """

    def __init__(self, what: str, why: str, mend: tuple[str, ...], status: int, said: str) -> None:
        super().__init__(what, why, mend)
        self.status = status
        self.said = said


class ForgeSaysNo(GitmlError):
    """The forge understood, and refuses.

    Attributes
    ----------
    status
        400, 405, 409, 422 and the like.
    said
        The forge's words.
    """

    def __init__(self, what: str, why: str, mend: tuple[str, ...], status: int, said: str) -> None:
        super().__init__(what, why, mend)
        self.status = status
        self.said = said
