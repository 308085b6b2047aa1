"""Withdrawing a release: one tag, which GTO reads, too; nothing is deleted and nothing moves."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions.branches import DEFAULT_MODEL
from gitml.conventions.shell import quoted
from gitml.errors import GitmlError, WrongUsage
from gitml.git import oplog, repository
from gitml.git.oplog import Move
from gitml.git.plan import Plan, Step, carry_out
from gitml.git.push import RemoteMoved, Update, push_atomically
from gitml.git.tags import tag_object
from gitml.git.transaction import NoIdentity, compare_and_swap, value_of
from gitml.models import registry, upstream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gitml.conventions.versions import ModelVersion
    from gitml.models.registry import Mark

LONGEST_REASON = 500
"""Letters; what needs more belongs into an issue that the reason names."""


class Yanked(NamedTuple):
    """What came of it.

    Attributes
    ----------
    version
        The release.
    tag
        The short name of the tag that withdraws it.
    remote
        Where it is.
    reason, person
        Why and by whom it was withdrawn.
    is_new
        Whether this command did it; else it was withdrawn before.
    """

    version: ModelVersion
    tag: str
    remote: str
    reason: str
    person: str
    is_new: bool


class InProduction(GitmlError):
    """A release that is in production is not withdrawn."""

    def __init__(self, version: ModelVersion, remote: str) -> None:
        super().__init__(
            f"{version} is in production on {remote}, so it is not yanked",
            "Nobody could tell what is to be served instead. First another model has to be there. Nothing was changed.",
            (
                f'gitml model rollback --model {version.model} --reason "…" --now',
                f'gitml model yank {version} --reason "…"   # then',
            ),
        )


class TagIsTaken(GitmlError):
    """The name of the tag is taken by something that does not withdraw the release."""

    def __init__(self, tag: str, where: str) -> None:
        mend = f"git tag -d {quoted(tag)}   # if it is of no use" if where == "this clone" else ""
        super().__init__(
            f"there is a tag {tag} in {where}, and it does not mark the release",
            "It is on another commit, or no annotated tag of this name, so nobody believes it. Nothing was changed.",
            (mend or f"git ls-remote --tags {quoted(where)}   # whoever runs {where} can take it away",),
        )


class Session:
    """One withdrawal, of which everything is known before anything is pushed.

    Parameters
    ----------
    text
        The release, as people write it.
    reason
        Why, in a line.
    model
        The model that a bare ``v4`` is of.
    remote
        The git remote; empty for origin, or the only one.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    NoSuchModel
        There is no such release on the remote.
    InProduction
        It is in production there.
    TagIsTaken
        Something else has the name of its tag.
    BrokenEnvironment
        There is no remote, no identity, or nobody to ask.
    """

    def __init__(
        self, text: str, reason: str, model: str = DEFAULT_MODEL, remote: str = "", at: Path | None = None
    ) -> None:
        self._at = at
        self._reason = checked_reason(reason)
        if not repository.has_identity(at):
            raise NoIdentity
        words = ("gitml", "model", "yank", text, "--reason", self._reason)
        self.remote = upstream.choose(remote, upstream.typed(*words, model=model), at)
        seen = upstream.look(self.remote, at)
        self.release = registry.find(text, seen.registry, model)
        self.tag = f"{self.release.version.tag}!"
        self._ref = f"refs/tags/{self.tag}"
        self._before: Mark | None = self.release.yanked
        if self._before is not None:
            return
        if self._ref in seen.refs:
            raise TagIsTaken(self.tag, self.remote)
        now = registry.in_production(self.release.version.model, seen.registry, at)
        if now is not None and now.version == self.release.version:
            raise InProduction(now.version, self.remote)
        self._oid, self._is_here = self._object()

    @property
    def is_new(self) -> bool:
        """Whether it was not withdrawn before."""
        return self._before is None

    def plan(self) -> Plan:
        """Return what will be done, and is not done yet."""
        if not self.is_new:
            return Plan("model yank", ())
        steps = [Step("push", f"push the tag {self.tag} to {self.remote}", self._push)]
        if not self._is_here:
            steps.append(Step("tag", f"make the tag {self.tag} here", self._make))
        steps.append(Step("log", "write down what was done", self._log))
        return Plan("model yank", steps, 0)

    def carry_out(self, on_step: Callable[[Step], None] | None = None) -> Yanked:
        """Withdraw it; the same again changes nothing.

        Raises
        ------
        RemoteMoved, RefusedByRemote, RefusedHere, RemoteUnreachable
            It was not pushed, and nothing was changed.
        """
        carry_out(self.plan(), on_step)
        before = self._before
        reason, person = (before.subject, before.person) if before is not None else (self._reason, "")
        return Yanked(self.release.version, self.tag, self.remote, reason, person, before is None)

    def _object(self) -> tuple[str, bool]:
        """Return the tag's object, and whether it lies here under its name, as after `gto deregister`."""
        oid = value_of(self._ref, self._at)
        if oid is None:
            return tag_object(self.tag, self.release.commit, self._reason, self._at), False
        mark = registry.read(at=self._at).marks.get(self.tag)
        if mark is None or mark.commit != self.release.commit or mark.name != self.tag:
            raise TagIsTaken(self.tag, "this clone")
        self._reason = mark.subject
        return oid, True

    def _push(self) -> None:
        push_atomically(self.remote, {self._ref: Update(self._oid, None)}, self._at)

    def _make(self) -> None:
        compare_and_swap(self._ref, self._oid, None, f"gitml model yank: {self.release.version}", self._at)

    def _log(self) -> None:
        forward = ("gitml model release   # a better one; a yank is not taken back",)
        oplog.record(sys.argv[1:], [Move(self._ref, None, self._oid, True)], forward=forward, at=self._at)


def yank(
    text: str,
    reason: str,
    model: str = DEFAULT_MODEL,
    remote: str = "",
    at: Path | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> Yanked:
    """Withdraw a release, also where somebody else does so at the same time; parameters and errors as for `Session`."""
    try:
        return Session(text, reason, model, remote, at).carry_out(on_step)
    except RemoteMoved:
        again = Session(text, reason, model, remote, at)
        if again.is_new:
            raise
        return again.carry_out()


def checked_reason(reason: str) -> str:
    """Return the reason on one line.

    Raises
    ------
    WrongUsage
        It is empty, or too long for a line.
    """
    line = " ".join(reason.split())
    if not line or len(line) > LONGEST_REASON:
        what = "the reason is empty" if not line else f"the reason is longer than {LONGEST_REASON} letters"
        why = "It is all that anybody will know of it later, in one line."
        raise WrongUsage(what, why, ('gitml model yank v4 --reason "trained on wrong labels, #12"',))
    return line
