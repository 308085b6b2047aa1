"""An experiment between this clone and a remote: its branch, moved only from where it is known to be."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote

from gitml.errors import GitmlError
from gitml.git.command import ask
from gitml.git.merge import is_ancestor
from gitml.git.push import Update, push_atomically, read_remote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitml.git.push import Outcome


class Diverged(GitmlError):
    """The remote's branch has commits that the local one lacks; nothing was pushed or changed."""

    def __init__(self, ref: str, remote: str, now: str) -> None:
        short = _short(ref)
        super().__init__(
            f"{short} on {remote} has commits that yours lacks (it is at {now[:10]})",
            "Somebody else goes on with it, or has taken the name for another idea. Nothing was changed.",
            (
                f"git fetch {quote(remote)} && git log --oneline {short}..{quote(remote)}/{short}",
                f"git branch -m {short} {short}-2   # if yours is another idea",
            ),
        )
        self.ref = ref
        self.now = now


class TagIsTaken(GitmlError):
    """The remote has another tag of this name; nothing was pushed."""

    def __init__(self, ref: str, remote: str) -> None:
        short = _short(ref)
        super().__init__(
            f"{remote} has another tag {short}",
            "Somebody else has finished an experiment of this name. A tag is never moved; nothing was pushed.",
            (f"git ls-remote {quote(remote)} {ref}",),
        )
        self.ref = ref


def push_refs(remote: str, refs: Mapping[str, str], at: Path | None = None) -> dict[str, Outcome]:
    """Push branches and tags together, none of which loses anything on the remote.

    Parameters
    ----------
    remote
        Its name.
    refs
        Full ids by the refs' full names.
    at
        As for `gitml.git.command.git`.

    Returns
    -------
    dict
        What became of each ref.

    Raises
    ------
    Diverged
        The remote's branch is not below the local one.
    TagIsTaken
        The remote has another tag of the name.
    GitmlError
        As for `gitml.git.push.push_atomically`.
    """
    now = read_remote(remote, list(refs), at)
    for ref, new in refs.items():
        old = now[ref]
        if old is None or old == new:
            continue
        if ref.startswith("refs/tags/"):
            raise TagIsTaken(ref, remote)
        if ask("cat-file", "-e", f"{old}^{{commit}}", at=at).code != 0 or not is_ancestor(old, new, at):
            raise Diverged(ref, remote, old)
    return push_atomically(remote, {ref: Update(new, now[ref]) for ref, new in refs.items()}, at)


def _short(ref: str) -> str:
    return re.sub(r"^refs/(heads|tags)/", "", ref)
