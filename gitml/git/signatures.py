"""Annotated tags signed with SSH keys, checked against a list that is given; `gitml.git.signing` makes them.

git's own check is happy when the tagger is not the signer, and when the tag lies under another ref's name. Here
signer, name and target must all be the ones that are meant, and nothing of anybody's configuration is believed.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from gitml.conventions.shell import command as shell_command
from gitml.errors import BrokenEnvironment, GitmlError
from gitml.git.objects import Objects

LARGEST = 2**20
"""Bytes of a tag, or of a list of signers, that is read."""

PATIENCE = 20.0
"""Seconds that a check may take."""

NAMESPACE = "git"
"""What git's own signatures are made for, so that one of a file or a mail is none of a tag."""

_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----", b"-----END SSH SIGNATURE-----"
_OTHERS = {
    b"-----BEGIN PGP SIGNATURE-----": "OpenPGP",
    b"-----BEGIN PGP MESSAGE-----": "OpenPGP",
    b"-----BEGIN SIGNED MESSAGE-----": "X.509",
}
ARMOUR = re.compile(rb"%s\n(?:[A-Za-z0-9+/=]+\n)+%s\n*" % (_BEGIN, _END))
"""A whole signature, with nothing behind it."""

_FIRST_LINES = re.compile(
    rb"object (?P<object>[0-9a-f]{40}(?:[0-9a-f]{24})?)\n"
    rb"type (?P<type>[a-z]+)\n"
    rb"tag (?P<tag>[^\n]+)\n"
    rb"tagger (?P<name>[^<>\n]*)<(?P<email>[^<>\n]*)> (?P<time>[0-9]{1,12}) [-+][0-9]{4}\n"
    rb"\n"
)
_PRINCIPAL = re.compile(r"[!-~]{1,254}")
_LAST_SECOND = 253_402_300_799
_GOOD = re.compile(r'Good "git" signature (?:for .* )?with \S+ key (SHA256:[A-Za-z0-9+/]+)')


class Signed(NamedTuple):
    """Who signed a tag.

    Attributes
    ----------
    principal
        The signer, as the list of signers names them: the tagger's address.
    key_fingerprint
        ``SHA256:…`` of their key; of the key that is certified, where it was a certificate.
    tagger
        Their name.
    time
        When, in seconds since 1970, as they say themselves.
    """

    principal: str
    key_fingerprint: str
    tagger: str
    time: int


class SshKeygenIsMissing(BrokenEnvironment):
    """There is no ssh-keygen to sign or to check with."""

    def __init__(self, program: str = "ssh-keygen") -> None:
        super().__init__(
            f"{program} could not be run",
            "Signatures are made and checked by OpenSSH, and it is not in PATH.",
            ("install OpenSSH 8.8 or newer: https://www.openssh.com/portable.html",),
        )


class NotSigned(GitmlError):
    """A tag has no signature."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the tag {name} is not signed",
            "This project has a list of who may sign, so a tag without a signature counts for nothing.",
            ("git config gpg.format ssh", "git config user.signingkey ~/.ssh/id_ed25519.pub"),
        )


class BadSignature(GitmlError):
    """A tag has a signature that does not make it what it seems to be."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"the signature of the tag {name} does not count",
            why,
            (shell_command(("git", "cat-file", "tag", f"refs/tags/{name}")),),
        )


class _Tag(NamedTuple):
    """A tag that was taken apart; `time` in seconds since 1970, `payload` is what was signed."""

    target: str
    kind: str
    name: str
    tagger: str
    email: str
    time: int
    payload: bytes
    signature: bytes


def verify_tag(
    oid: str,
    ref_name: str,
    target: str,
    allowed_signers: bytes,
    at: Path | None = None,
    *,
    is_new: bool = False,
) -> Signed:
    """Return who signed a tag, after every check that makes it what it seems to be.

    Parameters
    ----------
    oid
        Full id of the tag object.
    ref_name
        The ref that it lies under, with or without ``refs/tags/``.
    target
        Full id of the commit that it must mark.
    allowed_signers
        The bytes of OpenSSH's list of who may sign. Times in it are UTC, whatever the machine's zone.
    at
        As for `gitml.git.command.git`.
    is_new
        Whether it is being pushed now. Then the key must be valid now, too, not only when the tagger says: a
        clock can be set back.

    Raises
    ------
    NotSigned
        It has no signature.
    BadSignature
        It is signed otherwise than with SSH; its text was changed; its tagger is not the signer, or not in the
        list, or their key is not valid at its time or not for git; it says another name, or marks another commit.
    SshKeygenIsMissing
        Nothing could be checked.
    """
    with Objects(at) as objects:
        content = objects.read(oid, LARGEST, "tag")
    if content is None:
        raise BadSignature(_short(ref_name), "There is no such tag here, or it is larger than any tag.")
    return verify_content(content, ref_name, target, allowed_signers, is_new=is_new)


def verify_content(
    content: bytes, ref_name: str, target: str, allowed_signers: bytes, *, is_new: bool = False
) -> Signed:
    """Return who signed the tag whose bytes are given; all else as for `verify_tag`."""
    name = _short(ref_name)
    if len(allowed_signers) > LARGEST:
        raise BadSignature(name, f"The list of signers is larger than {LARGEST // 2**20} MiB.")
    tag = _take_apart(content, name)
    if tag.name != name:
        raise BadSignature(name, f"It was signed as the tag {tag.name}, and was put under another name.")
    if tag.kind != "commit" or tag.target != target:
        raise BadSignature(name, f"It marks the {tag.kind} {tag.target[:10]}, and not {target[:10]}.")
    with TemporaryDirectory(prefix="gitml-") as folder:
        (Path(folder) / "signature").write_bytes(tag.signature)
        (Path(folder) / "allowed_signers").write_bytes(allowed_signers)
        key = _key_that_signed(tag, Path(folder), tag.time, name)
        if is_new:
            _key_that_signed(tag, Path(folder), int(time.time()), name)
    return Signed(tag.email, key, tag.tagger, tag.time)


def _short(ref_name: str) -> str:
    return ref_name.removeprefix("refs/tags/")


def signature_start(content: bytes) -> tuple[int, bytes] | None:
    """Return where the last signature of a tag begins, as git finds it, and its first line."""
    found = None
    for first in (_BEGIN, *_OTHERS):
        start = len(content)
        while (start := content.rfind(first, 0, start)) > 0 and content[start - 1] != 10:
            continue
        if start >= 0 and (found is None or start > found[0]):
            found = start, first
    return found


def _take_apart(content: bytes, name: str) -> _Tag:
    start = signature_start(content)
    if start is None:
        raise NotSigned(name)
    place, first = start
    if first in _OTHERS:
        raise BadSignature(name, f"It is signed with {_OTHERS[first]}, and only SSH signatures are checked here.")
    payload, signature = content[:place], content[place:]
    lines = _FIRST_LINES.match(payload)
    if lines is None or b"\0" in payload or ARMOUR.fullmatch(signature) is None:
        raise BadSignature(name, "It is not built as git builds a signed tag.")
    said = {key: value.decode("utf-8", "surrogateescape") for key, value in lines.groupdict().items()}
    if _PRINCIPAL.fullmatch(said["email"]) is None or int(said["time"]) > _LAST_SECOND:
        raise BadSignature(name, "Its tagger has no address, or no time, by which a signer could be found.")
    return _Tag(
        said["object"],
        said["type"],
        said["tag"],
        said["name"].strip(),
        said["email"],
        int(said["time"]),
        payload,
        signature,
    )


def _key_that_signed(tag: _Tag, folder: Path, moment: int, name: str) -> str:
    """Return the fingerprint of the key by which the tagger signed, if it is valid at a moment."""
    code, out = _check(tag, folder, "verify", moment, ("-I", tag.email))
    good = _GOOD.fullmatch(out.strip()) if code == 0 else None
    if good is None:
        raise BadSignature(name, _why_not(tag, folder, moment))
    return good[1]


def _why_not(tag: _Tag, folder: Path, moment: int) -> str:
    """Say what is wrong with a signature that does not count."""
    code, out = _check(tag, folder, "check-novalidate", None)
    good = _GOOD.fullmatch(out.strip()) if code == 0 else None
    if good is None:
        return "It does not fit the text: the tag was changed after it was signed, or was signed for something else."
    code, out = _check(tag, folder, "find-principals", moment)
    others = " or ".join(out.split())
    if code == 0 and others and tag.email not in out.split():
        return f"Its tagger is {tag.email}, and it was signed with {good[1]}, the key of {others}."
    day = datetime.fromtimestamp(moment, UTC).date()
    return f"{good[1]} is no key by which {tag.email} may sign for git on {day}, as the list of signers has it."


def _check(tag: _Tag, folder: Path, what: str, moment: int | None, more: tuple[str, ...] = ()) -> tuple[int, str]:
    """Let ssh-keygen do one check; `moment` is the time for which keys must be valid, None for no list at all."""
    line = ["ssh-keygen", "-Y", what, "-s", str(folder / "signature"), *more]
    if what != "find-principals":
        line += ["-n", NAMESPACE]
    if moment is not None:
        stamp = datetime.fromtimestamp(moment, UTC).strftime("%Y%m%d%H%M%S")
        line += ["-f", str(folder / "allowed_signers"), "-O", f"verify-time={stamp.zfill(14)}"]
    # TZ: times without a zone, ours and those of the list, are UTC, so that every machine judges alike.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    try:
        done = subprocess.run(
            line, input=tag.payload, capture_output=True, env=environment, check=False, timeout=PATIENCE
        )
    except (FileNotFoundError, PermissionError):
        raise SshKeygenIsMissing from None
    except subprocess.TimeoutExpired:
        return 1, ""
    return done.returncode, os.fsdecode(done.stdout)
