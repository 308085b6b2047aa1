"""Agreeing to a promotion, without a forge: a signed tag on its one commit, which says who, when, and to what."""

from __future__ import annotations

import sys
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions.branches import DEFAULT_MODEL
from gitml.errors import GitmlError
from gitml.git import oplog, repository, signatures, signing
from gitml.git.history import History
from gitml.git.objects import Objects
from gitml.git.oplog import Move
from gitml.git.plan import Plan, Step, carry_out
from gitml.git.push import Update, push_atomically
from gitml.git.transaction import NoIdentity
from gitml.models import deployment, promotion, registry, upstream
from gitml.models.deployment import NotOpen
from gitml.policy import approvals
from gitml.policy.refs import TAGS

if TYPE_CHECKING:
    from pathlib import Path

    from gitml.conventions.versions import ModelVersion
    from gitml.policy.approvals import Approval


class Approved(NamedTuple):
    """What came of it.

    Attributes
    ----------
    version, commit
        The release, and the full id of its promotion's commit.
    tag
        The short name of the tag that says so.
    is_new
        Whether this command made it.
    approvals
        All approvals of the promotion.
    needed
        How many are asked for.
    """

    version: ModelVersion
    commit: str
    tag: str
    is_new: bool
    approvals: tuple[Approval, ...]
    needed: int

    @property
    def agreed(self) -> int:
        """How many of them count."""
        return sum(not one.fault for one in self.approvals)


class WouldNotCount(GitmlError):
    """An approval by this person would not count; nothing was changed."""


class Session:
    """One approval.

    Parameters
    ----------
    text, model, remote, at
        As for `gitml.models.promotion.Session`.
    may_ask
        Whether somebody can type a passphrase.

    Raises
    ------
    NotOpen
        The promotion is not open, or production moved since it was made.
    WouldNotCount
        The person made the model or its promotion, or main does not name them as a signer.
    CannotSign
        git has no SSH key to sign with.
    """

    def __init__(
        self,
        text: str,
        model: str = DEFAULT_MODEL,
        remote: str = "",
        at: Path | None = None,
        *,
        may_ask: bool = False,
    ) -> None:
        if not repository.has_identity(at):
            raise NoIdentity
        self._at = at
        self._may_ask = may_ask
        self.remote = upstream.choose(remote, upstream.typed("gitml", "model", "approve", text, model=model), at)
        self.upstream = upstream.look(self.remote, at)
        found = registry.find(text, self.upstream.registry, model)
        self.version = found.version
        self.promotion = promotion.prepare(found, self.upstream, at=at)
        if self.promotion.before is None or self.promotion.commit != self.promotion.before:
            raise NotOpen(found.version, self.promotion.before is not None)
        self.email = approvals.email_of(upstream.person(at))
        self.tag, self.is_new = self._name()
        if self.is_new:
            self._check_it_would_count()

    def plan(self) -> Plan:
        """Return what will be done, and is not done yet."""
        if not self.is_new:
            return Plan("model approve", ())
        says = f"sign the tag {self.tag} on {self.promotion.commit[:7]}, and push it to {self.remote}"
        steps = (Step("push", says, self._push), Step("log", "write down what was done", self._log))
        return Plan("model approve", steps, 0)

    def carry_out(self) -> Approved:
        """Approve it."""
        carry_out(self.plan())
        seen = upstream.look(self.remote, self._at)
        found = deployment.approvals_of(self.promotion, seen, self._at)
        needed = seen.config.approvals.needed
        return Approved(self.version, self.promotion.commit, self.tag, self.is_new, tuple(found), needed)

    def _name(self) -> tuple[str, bool]:
        """Return the short name of the person's tag, and whether it is to be made: what others put there is none."""
        first = approvals.name_of(self.version, self.promotion.commit, self.email)
        for number in count(1):
            tag = first if number == 1 else f"{first}-{number}"
            oid = self.upstream.refs.get(f"{TAGS}{tag}")
            if oid is None:
                return tag, True
            try:
                signed = signatures.verify_tag(oid, tag, self.promotion.commit, self.upstream.signers, self._at)
            except (signatures.NotSigned, signatures.BadSignature):
                continue
            if signed.principal.lower() == self.email:
                return tag, False
        raise AssertionError("there is always a next number")

    def _check_it_would_count(self) -> None:
        with Objects(self._at) as objects:
            history = History(objects, self._at)
            made = approvals.makers(self.promotion.release.commit, self.upstream.main_commit, history)
            made += history.read([self.promotion.commit])
        if self.email in approvals.authors_of(made):
            raise WouldNotCount(
                f"you cannot approve {self.version}: you made the model, or its promotion",
                "An approval is a second pair of eyes. Nothing was changed.",
                (f"gitml model approve {self.version}   # a colleague does",),
            )

    def _push(self) -> None:
        text = f"approve {self.version}\n\nModel: {self.version}\nModel-Commit: {self.promotion.release.commit}\n"
        self._oid = signing.sign_tag(self.tag, self.promotion.commit, text, self._at, may_ask=self._may_ask)
        try:
            signatures.verify_tag(
                self._oid, self.tag, self.promotion.commit, self.upstream.signers, self._at, is_new=True
            )
        except signatures.BadSignature as fault:
            raise self._not_named(fault.why) from None
        push_atomically(self.remote, {f"{TAGS}{self.tag}": Update(self._oid, None)}, self._at)

    def _not_named(self, why: str) -> WouldNotCount:
        file = self.upstream.config.approvals.signers
        line = f'echo "{self.email} $(cat ~/.ssh/id_ed25519.pub)" >> {file}'
        return WouldNotCount(
            f"{file} of {self.remote}'s {self.upstream.main} does not name {self.email} with this key",
            f"{why} It says whose signature counts, and changes by a reviewed pull request. Nothing was changed.",
            (f"{line}   # then a pull request",),
        )

    def _log(self) -> None:
        withdraw = f"git push {self.remote} --delete refs/tags/{self.tag}"
        moves = [Move(f"{TAGS}{self.tag}", None, self._oid, True)]
        oplog.record(sys.argv[1:], moves, forward=(withdraw,), at=self._at)
