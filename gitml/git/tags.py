"""Annotated tags that are built by plumbing; no ref knows them yet."""

from __future__ import annotations

from pathlib import Path

from gitml.git.command import ask, git
from gitml.git.transaction import NoIdentity
from gitml.git.trees import OBJECT_ID


def tag_object(name: str, commit: str, message: str, at: Path | None = None, not_before: int = 0) -> str:
    """Write an annotated tag and return its id; ``refs/tags/<name>`` is to be made by `compare_and_swap`.

    It is not signed, whatever tag.gpgSign says: git signs a tag only together with its ref.

    Parameters
    ----------
    name
        Short, without ``refs/tags/``.
    commit
        Full id of what is tagged.
    message
        The whole message.
    at
        As for `gitml.git.command.git`.
    not_before
        The earliest time that it may say it was made, in seconds since 1970: GTO orders tags by theirs.

    Raises
    ------
    NoIdentity
        git was not told who tags.
    """
    if not OBJECT_ID.fullmatch(commit):
        raise ValueError(f"{commit!r} is no full object id")
    tagger = ask("-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT", at=at)
    if tagger.code != 0:
        raise NoIdentity
    text = message.removesuffix("\n") + "\n"
    person, seconds, zone = tagger.out.strip().rsplit(" ", 2)
    line = f"{person} {max(int(seconds), not_before)} {zone}"
    content = f"object {commit}\ntype commit\ntag {name}\ntagger {line}\n\n{text}"
    return git("mktag", stdin=content.encode("utf-8", "surrogateescape"), at=at)
