"""The rules about who agrees: signed approvals of a promotion, and signed releases."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions.shell import printable
from gitml.git import signatures
from gitml.policy.refs import TAGS
from gitml.policy.rules import Violation, severity_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from gitml.config import Config
    from gitml.conventions.versions import ModelVersion
    from gitml.git.history import Commit, History
    from gitml.git.objects import Objects

APPROVALS = "approvals"
SIGNED = "signed-release"
LARGEST = 2**20
"""Bytes of a file of signers that is read."""

MOST = 1000
"""Approvals of one promotion, and commits of one release, that are looked at."""

_EMAIL = re.compile(r"<([^<>]*)>\s*$")


class Approval(NamedTuple):
    """Somebody's consent to one promotion as it is.

    Attributes
    ----------
    tag
        The short name of the tag that says so.
    signer
        Who signed it, as the file of signers calls them.
    fault
        Why it does not count; empty where it does.
    """

    tag: str
    signer: str
    fault: str = ""


def name_of(version: ModelVersion, commit: str, email: str) -> str:
    """Return the short name of the tag by which somebody approves a promotion: one for each person and commit."""
    who = re.sub(r"[^a-z0-9]+", "-", email.lower()).strip("-")[:40] or "somebody"
    sum_ = hashlib.sha256(email.lower().encode()).hexdigest()[:8]  # a.b@x.com and a-b@x.com are two
    return f"approve/{version}/{commit[:12]}/{who}-{sum_}"


def email_of(person: str) -> str:
    """Return the address in ``Ada <ada@example.com>``, in small letters."""
    found = _EMAIL.search(person)
    return found[1].lower() if found is not None else ""


def authors_of(commits: Iterable[Commit]) -> set[str]:
    """Return the addresses of the people who wrote commits: their own word is no second opinion."""
    return {email_of(commit.author) for commit in commits}


def makers(release: str, main: str | None, history: History) -> list[Commit]:
    """Return the commits of a release that main has not, and the one that was released: their authors made it.

    Parameters
    ----------
    release, main
        Full ids of the tip of its branch, and of main's; None where there is no main.
    history
        Where commits are read.
    """
    own = history.read(history.new(release, [main] if main is not None else [])[:MOST])
    return [*own, *history.read(own[0].parents[:1] if own else [])]


def read_signers(law: str | None, config: Config, objects: Objects) -> bytes:
    """Return main's file of signers; nothing where it has none, so that nobody counts.

    Parameters
    ----------
    law
        Full id of main's commit; None where there is no main.
    config
        What its gitml.toml says.
    objects
        Where it is read.
    """
    if law is None:
        return b""
    return objects.read_file(law, config.approvals.signers, LARGEST) or b""


def find(
    version: ModelVersion,
    commit: str,
    refs: Mapping[str, str],
    signers: bytes,
    authors: Collection[str],
    at: Path | None = None,
) -> list[Approval]:
    """Return the approvals of a promotion, those that do not count with the reason.

    Parameters
    ----------
    version, commit
        The release, and the full id of its promotion's commit.
    refs
        Full ids by the refs' full names.
    signers
        Who may sign.
    authors
        Addresses of the people whose own word does not count, in small letters.
    at
        As for `gitml.git.command.git`.
    """
    prefix = f"{TAGS}approve/{version}/{commit[:12]}/"
    found: list[Approval] = []
    seen: set[str] = set()
    for ref in sorted(ref for ref in refs if ref.startswith(prefix))[:MOST]:
        tag = ref.removeprefix(TAGS)
        try:
            signed = signatures.verify_tag(refs[ref], tag, commit, signers, at, is_new=True)
        except (signatures.NotSigned, signatures.BadSignature) as fault:
            found.append(Approval(tag, "", f"{fault.what}. {fault.why}"))
            continue
        who, key = signed.principal.lower(), signed.key_fingerprint
        is_known = who in seen or key in seen
        why = "they made the model or its promotion" if who in authors else "counted already" if is_known else ""
        seen |= {who, key}
        found.append(Approval(tag, signed.principal, why))
    return found


def count(found: list[Approval]) -> int:
    """Return how many of some approvals count."""
    return sum(not one.fault for one in found)


def approvals(found: list[Approval], version: ModelVersion, config: Config) -> Violation | None:
    """Judge whether enough people agree.

    Parameters
    ----------
    found
        The approvals of the promotion as it is.
    version
        The release.
    config
        The project's configuration.
    """
    severity = severity_of(config, APPROVALS)
    agreed = count(found)
    if severity is None or agreed >= config.approvals.needed:
        return None
    missing = config.approvals.needed - agreed
    says = f"{version} is approved by {agreed} of {config.approvals.needed}"
    others = "; ".join(f"{printable(one.tag)}: {printable(one.fault)}" for one in found if one.fault)
    why = f"{missing} more {'person has' if missing == 1 else 'people have'} to agree who did not make it. {others}"
    return Violation(APPROVALS, severity, says, why.strip(), (f"gitml model approve {version}   # they",))


def signed_release(
    oid: str,
    version: ModelVersion,
    commit: str,
    signers: bytes,
    config: Config,
    at: Path | None = None,
    *,
    is_new: bool = False,
) -> Violation | None:
    """Judge the tag of a release where it has to be signed.

    Parameters
    ----------
    oid
        Full id of the tag's object; empty where there is none.
    version, commit
        The release, and the full id of the tip of its branch.
    signers, at
        As for `find`.
    config
        The project's configuration.
    is_new
        Whether it is being pushed, so that the key must be valid today as well.
    """
    severity = severity_of(config, SIGNED)
    if severity is None or not config.approvals.signs_releases:
        return None
    try:
        signatures.verify_tag(oid, version.tag, commit, signers, at, is_new=is_new)
    except (signatures.NotSigned, signatures.BadSignature) as fault:
        why = f"{fault.why} gitml.toml asks for signed releases, by somebody in {config.approvals.signers}."
        return Violation(
            SIGNED, severity, fault.what, why, ("git config gpg.format ssh", "git config user.signingkey KEY")
        )
    return None
