"""Making annotated tags that are signed with the user's SSH key, before any ref knows them."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from gitml.errors import BrokenEnvironment
from gitml.git.command import ask, git
from gitml.git.repository import settings
from gitml.git.signatures import ARMOUR, NAMESPACE, SshKeygenIsMissing, signature_start
from gitml.git.trees import OBJECT_ID

PATIENCE = 20.0
"""Seconds that a signature may take where nobody can be asked."""


class CannotSign(BrokenEnvironment):
    """No signature could be made; no tag was."""

    def __init__(self, why: str, mend: tuple[str, ...] = ()) -> None:
        setting = ("git config gpg.format ssh", "git config user.signingkey ~/.ssh/id_ed25519.pub")
        super().__init__("the tag could not be signed", why, mend or setting)


def sign_tag(name: str, commit: str, message: str, at: Path | None = None, *, may_ask: bool = False) -> str:
    """Write an annotated tag signed with the user's SSH key, and return its id.

    No ref is made: ``refs/tags/<name>`` is to be made by a push, or by `gitml.git.transaction.compare_and_swap`.
    The key is the one of ``user.signingkey`` (a file, a public key that the agent has, or ``key::`` and the key
    itself), else what ``gpg.ssh.defaultKeyCommand`` prints.

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
    may_ask
        Whether somebody sits at a terminal and can type a passphrase. If not, a key that needs one is refused
        at once: a hook or CI must not wait for ever.

    Raises
    ------
    CannotSign
        No SSH key is set, or it cannot be used.
    SshKeygenIsMissing
        OpenSSH is not installed.
    """
    if not OBJECT_ID.fullmatch(commit):
        raise ValueError(f"{commit!r} is no full object id")
    if name.startswith("-") or ask("check-ref-format", operands=[f"refs/tags/{name}"]).code != 0:
        raise ValueError(f"{name!r} cannot be the name of a tag")
    tagger = ask("-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT", at=at)
    if tagger.code != 0:
        raise CannotSign("git was not told who tags.", ("git config user.name NAME", "git config user.email ADDRESS"))
    text = message.rstrip("\n") + "\n"
    payload = f"object {commit}\ntype commit\ntag {name}\ntagger {tagger.out.strip()}\n\n{text}".encode(
        "utf-8", "surrogateescape"
    )
    if signature_start(payload) is not None:
        raise CannotSign("The message has a line that begins a signature.", ("use another message",))
    signature = _signed(payload, settings(at), at, may_ask)
    return git("mktag", stdin=payload + signature, at=at)


def _signed(payload: bytes, known: dict[str, str], at: Path | None, may_ask: bool) -> bytes:
    """Return the signature of a payload by the key that git's settings name."""
    if known.get("gpg.format") != "ssh":
        raise CannotSign("git is not set to sign with SSH keys, and no other signatures are checked here.")
    key = known.get("user.signingkey") or _default_key(known.get("gpg.ssh.defaultkeycommand", ""), at)
    if not key:
        raise CannotSign("git was not told which key to sign with.")
    program = os.path.expanduser(known.get("gpg.ssh.program") or "ssh-keygen")
    with TemporaryDirectory(prefix="gitml-") as folder:
        file, literal = Path(folder) / "tag", _literal(key)
        file.write_bytes(payload)
        if literal is not None:
            named = Path(folder) / "key.pub"
            named.write_text(f"{literal}\n", encoding="utf-8")
        else:
            named = (at or Path()) / os.path.expanduser(key)
        _run_signer([program, "-Y", "sign", "-n", NAMESPACE, "-f", str(named.absolute()), str(file)], key, may_ask)
        try:
            signature = Path(folder, "tag.sig").read_bytes().replace(b"\r", b"")
        except OSError:
            signature = b""
    if ARMOUR.fullmatch(signature) is None:
        raise CannotSign(f"{program} wrote no SSH signature.")
    return signature


def _run_signer(line: list[str], key: str, may_ask: bool) -> None:
    # In a session of its own it has no terminal to ask on, and waits for nobody.
    environment = os.environ if may_ask else {**os.environ, "SSH_ASKPASS_REQUIRE": "never"}
    try:
        done = subprocess.run(
            line,
            stdin=None if may_ask else subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            check=False,
            timeout=None if may_ask else PATIENCE,
            start_new_session=not may_ask,
        )
    except (FileNotFoundError, PermissionError):
        raise SshKeygenIsMissing(line[0]) from None
    except subprocess.TimeoutExpired:
        raise CannotSign(
            f"The key {key} was not unlocked or confirmed within {PATIENCE:g} seconds.", ("ssh-add -l",)
        ) from None
    if done.returncode != 0:
        says = os.fsdecode(done.stderr).strip().splitlines()
        last = says[-1].removeprefix("Enter passphrase: ") if says else "It says nothing."
        is_locked = "passphrase" in last
        why = f"{line[0]} says: {last}"
        raise CannotSign(why, ("ssh-add   # once; then the agent signs", "ssh-add -l") if is_locked else ())


def _literal(key: str) -> str | None:
    """Return the public key that a setting spells out; None where it names a file."""
    if key.startswith("key::"):
        return key.removeprefix("key::")
    return key if key.startswith("ssh-") else None


def _default_key(command: str, at: Path | None) -> str:
    """Return the first key that the user's own command prints, as git takes it; empty where it prints none."""
    if not command:
        return ""
    try:
        done = subprocess.run(
            shlex.split(command), cwd=at, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=PATIENCE
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    first = os.fsdecode(done.stdout).partition("\n")[0].strip()
    return first if done.returncode == 0 and _literal(first) is not None else ""
