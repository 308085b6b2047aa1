"""Refs of a remote that move together, and only from where they are known to be."""

from __future__ import annotations

import re
from shlex import quote
from typing import Literal, NamedTuple

from gitml.errors import BrokenEnvironment, GitmlError
from gitml.git.command import Answer, ask, failure, git, without_secrets
from gitml.git.trees import OBJECT_ID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Outcome = Literal["created", "moved", "deleted", "up to date"]
"""``up to date``: the remote had this very object before. Whoever raced for the name did not win by this push."""

_ENGLISH = {"LANGUAGE": "C"}
"""Messages in English, without a change of the character set that hooks run under."""

_OUTCOMES: dict[str, Outcome] = {"*": "created", " ": "moved", "+": "moved", "-": "deleted", "=": "up to date"}


class Update(NamedTuple):
    """What is asked of one ref of the remote.

    Attributes
    ----------
    new
        Full id of what it shall point at; None to delete it.
    old
        Full id of what it is known to point at; None where it must not exist yet.
    """

    new: str | None
    old: str | None


class NoSuchRemote(BrokenEnvironment):
    """There is no remote of this name."""

    def __init__(self, remote: str, names: list[str]) -> None:
        there = f"There is {', '.join(names)}." if names else "This repository has no remote at all."
        super().__init__(
            f"there is no remote {without_secrets(remote)!r}",
            there,
            _command_to_add(remote),
        )
        self.remote = remote


class RemoteUnreachable(BrokenEnvironment):
    """The remote did not answer, or let nobody in; what it did before that is not known."""

    def __init__(self, remote: str, git_says: str) -> None:
        super().__init__(
            f"the remote {without_secrets(remote)} could not be reached",
            f"{git_says}\nThe same command again finishes what was begun.",
            (f"git ls-remote {quote(without_secrets(remote))}",),
        )
        self.remote = remote
        self.git_says = git_says


class RemoteMoved(GitmlError):
    """Somebody else made, moved or deleted a ref of the remote first; nothing was changed.

    Attributes
    ----------
    now
        What the refs point at now that are not where they were expected; None for none.
    """

    def __init__(self, remote: str, now: Mapping[str, str | None]) -> None:
        told = [
            f"{_short(ref)} is {f'at {oid[:10]}' if oid else 'not there'} on {remote} now."
            for ref, oid in sorted(now.items())
        ]
        names = ", ".join(_short(ref) for ref in sorted(now))
        super().__init__(
            f"somebody else was first: {names} on {remote}",
            " ".join([*told, "Nothing was pushed."]),
            (f"git fetch {quote(remote)}", "run the same command again"),
        )
        self.remote = remote
        self.now = dict(now)


class RefusedByRemote(GitmlError):
    """The remote's hook or settings said no; nothing was changed.

    Attributes
    ----------
    reasons
        For each refused ref the remote's word for it.
    said
        What its hook wrote.
    """

    def __init__(self, remote: str, reasons: Mapping[str, str], said: str) -> None:
        lines = [f"{_short(ref)}: {reason}" for ref, reason in sorted(reasons.items())]
        super().__init__(
            f"{remote} refused {', '.join(map(_short, sorted(reasons)))}",
            "\n".join([*lines, *said.splitlines(), "Nothing was pushed."]),
        )
        self.remote = remote
        self.reasons = dict(reasons)
        self.said = said


class RefusedHere(GitmlError):
    """The pre-push hook of the clone said no; nothing was sent."""

    def __init__(self, said: str) -> None:
        super().__init__("the pre-push hook refused the push", f"{said}\nNothing was pushed.")
        self.said = said


def push_atomically(
    remote: str, updates: Mapping[str, Update], at: Path | None = None, options: Sequence[str] = ()
) -> dict[str, Outcome]:
    """Move all these refs of a remote, or none.

    Parameters
    ----------
    remote
        Its name, or a URL.
    updates
        What is asked, by the ref's full name.
    at
        As for `gitml.git.command.git`.
    options
        What is said to the server along with it (``git push -o``); nothing, where it listens to none.

    Returns
    -------
    dict
        What became of each ref.

    Raises
    ------
    RemoteMoved
        A ref is not where it was expected.
    RefusedByRemote, RefusedHere
        A hook, or a setting of the remote, said no.
    NoSuchRemote, RemoteUnreachable
        There is nobody to ask.
    """
    _check(updates)
    if not updates:
        return {}
    _check_remote(remote, at)
    words = ["push", "--porcelain", "--atomic", "--no-follow-tags"]
    words += [f"--force-with-lease={ref}:{update.old or ''}" for ref, update in updates.items()]
    refspecs = [f"{update.new or ''}:{ref}" for ref, update in updates.items()]
    said = [word for option in options for word in ("-o", option)]
    answer = ask(*words, *said, "--", operands=[remote, *refspecs], variables=_ENGLISH, at=at)
    if options and answer.code == 128 and "does not support push options" in answer.err:
        answer = ask(*words, "--", operands=[remote, *refspecs], variables=_ENGLISH, at=at)
    flags, reasons = _parse(answer.out)
    if answer.code == 0 and flags.keys() >= updates.keys():
        return {ref: _OUTCOMES[flags[ref]] for ref in updates}
    raise _explanation(remote, updates, answer, reasons, at)


def read_remote(remote: str, refs: list[str], at: Path | None = None) -> dict[str, str | None]:
    """Return what some refs of a remote point at now; None for those that it has not.

    Raises
    ------
    NoSuchRemote, RemoteUnreachable
        There is nobody to ask.
    """
    there = list_remote(remote, refs, at)
    return {ref: there.get(ref) for ref in refs}


def list_remote(remote: str, patterns: list[str], at: Path | None = None) -> dict[str, str]:
    """Return the refs of a remote that fit patterns such as ``refs/heads/experiments/*``, and what they point at.

    Raises
    ------
    NoSuchRemote, RemoteUnreachable
        There is nobody to ask.
    """
    _check_remote(remote, at)
    answer = ask("ls-remote", "--quiet", "--", operands=[remote, *patterns], variables=_ENGLISH, at=at)
    if answer.code != 0:
        raise RemoteUnreachable(remote, _said_by_git(answer.err))
    return {ref: oid for oid, _, ref in (line.partition("\t") for line in answer.out.splitlines())}


def fetch(remote: str, refspecs: list[str], at: Path | None = None) -> None:
    """Bring refs of a remote here, and nothing beside them.

    Parameters
    ----------
    remote
        Its name.
    refspecs
        Of full names: ``+refs/heads/x:refs/remotes/origin/x``.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    NoSuchRemote, RemoteUnreachable
        There is nobody to ask.
    """
    _check_remote(remote, at)
    words = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--")
    answer = ask(*words, operands=[remote, *refspecs], variables=_ENGLISH, at=at)
    if answer.code != 0:
        raise RemoteUnreachable(remote, _said_by_git(answer.err))


def _check(updates: Mapping[str, Update]) -> None:
    for ref, update in updates.items():
        if not ref.startswith("refs/") or re.search(r"[:\s*?\[\\^~]", ref):
            raise ValueError(f"{ref!r} is no full name of a ref")
        for oid in update:
            if oid is not None and not OBJECT_ID.fullmatch(oid):
                raise ValueError(f"{oid!r} is no full object id")


def _check_remote(remote: str, at: Path | None) -> None:
    names = git("remote", at=at).split()
    if remote not in names and not re.search(r"[/:\\]", remote):
        raise NoSuchRemote(remote, names)


def _parse(porcelain: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return for each ref git's flag, and why where it was refused."""
    flags, reasons = {}, {}
    for line in porcelain.splitlines():
        words = line.split("\t")
        if len(words) == 3 and len(words[0]) == 1:
            flag, refspec, summary = words
            ref = refspec.partition(":")[2]
            flags[ref] = flag
            if flag == "!":
                reasons[ref] = summary
    return flags, reasons


def _explanation(
    remote: str, updates: Mapping[str, Update], answer: Answer, reasons: dict[str, str], at: Path | None
) -> GitmlError:
    said = "\n".join(re.findall(r"^remote: ?(.*?)\s*$", answer.err, re.MULTILINE)).strip()
    refused = {ref: reason for ref, reason in reasons.items() if "atomic" not in reason}
    if reasons:
        if refused and all("hook declined" in reason for reason in refused.values()):
            return RefusedByRemote(remote, _plain(refused), said)
        # The server's words for a lost race are many; what it has now is one answer.
        now = read_remote(remote, list(updates), at)
        moved = {ref: oid for ref, oid in now.items() if oid != updates[ref].old}
        return RemoteMoved(remote, moved) if moved else RefusedByRemote(remote, _plain(refused or reasons), said)
    if answer.code == 1:
        return RefusedHere(_said_by_hook(answer.err))
    if answer.code == 128:
        return RemoteUnreachable(remote, _said_by_git(answer.err))
    return failure(answer, "push", without_secrets(remote), *updates, at=at)


def _plain(reasons: Mapping[str, str]) -> dict[str, str]:
    """Return the words in the last brackets of each reason."""
    return {ref: (re.findall(r"\(([^()]*)\)$", reason) or [reason])[0] for ref, reason in reasons.items()}


def _said_by_git(stderr: str) -> str:
    lines = [line.removeprefix("fatal: ").removeprefix("remote: ").strip() for line in stderr.splitlines()]
    return "\n".join(line for line in lines if line) or "git said nothing about it."


def _said_by_hook(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if not line.startswith("error: failed to push some refs")]
    return "\n".join(lines).strip() or "It said nothing about it."


def _command_to_add(remote: str) -> tuple[str, ...]:
    """Return what makes a remote of a name, or of a place that was written where a name is meant."""
    if remote.startswith("-"):
        return ("git remote -v",)
    if re.match(r"[./~\\]|.*:", remote):
        return (f"git remote add server {quote(without_secrets(remote))}",)
    return (f"git remote add {quote(remote)} https://example.com/team/project.git",)


def _short(ref: str) -> str:
    return re.sub(r"^refs/(heads|tags)/", "", ref)
