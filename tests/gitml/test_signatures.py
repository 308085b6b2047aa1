"""Signed tags: `git verify-tag` accepts what is made, and what it accepts wrongly is refused. With real ssh-keygen."""

from __future__ import annotations

import os
import pty
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitml.errors import GitmlError
from gitml.git import signing
from gitml.git.objects import Objects
from gitml.git.signatures import (
    BadSignature,
    NotSigned,
    Signed,
    SshKeygenIsMissing,
    verify_content,
    verify_tag,
)
from gitml.git.signing import CannotSign, sign_tag
from gitml.git.tags import tag_object

from .conftest import ROOT, Repo

TAG = "model@v4.0.0"
ADA = "ada@example.com"


def make_key(folder: Path, name: str = "ada", kind: str = "ed25519", passphrase: str = "") -> Path:
    file = folder / name
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", name, "-f", file], check=True, capture_output=True
    )
    return file


def public(key: Path) -> str:
    """Return a public key without its comment."""
    return " ".join(key.with_name(f"{key.name}.pub").read_text().split()[:2])


def fingerprint(key: Path) -> str:
    done = subprocess.run(["ssh-keygen", "-lf", f"{key}.pub"], check=True, capture_output=True, text=True)
    return done.stdout.split()[1]


class Signer(Repo):
    """A repository that signs with Ada's key."""

    def uses(self, key: Path | str) -> None:
        self.git("config", "gpg.format", "ssh")
        self.git("config", "user.signingkey", str(key))

    @property
    def tip(self) -> str:
        return self.git("rev-parse", "HEAD")

    def sign(self, name: str = TAG, message: str = "model: release") -> str:
        return sign_tag(name, self.tip, message, self.path)

    def verify(self, oid: str, signers: str, ref: str = TAG, target: str = "", is_new: bool = False) -> Signed:
        return verify_tag(oid, ref, target or self.tip, signers.encode(), self.path, is_new=is_new)

    def content(self, oid: str) -> bytes:
        with Objects(self.path) as objects:
            return objects.read(oid, kind="tag") or b""

    def store(self, content: bytes) -> str:
        done = self.run("git", "hash-object", "-t", "tag", "-w", "--stdin", "--literally", stdin=content)
        return done.out.strip()

    def why_not(self, oid: str, signers: str, ref: str = TAG, target: str = "", is_new: bool = False) -> str:
        with pytest.raises(BadSignature) as caught:
            self.verify(oid, signers, ref, target, is_new)
        assert caught.value.exit_code == 1
        assert caught.value.what == f"the signature of the tag {ref.removeprefix('refs/tags/')} does not count"
        return caught.value.why


@pytest.fixture
def key(home: Path) -> Path:
    return make_key(home)


@pytest.fixture
def signer(repo: Repo, key: Path) -> Signer:
    made = Signer(repo.path)
    made.uses(key)
    return made


@pytest.fixture
def signers(key: Path) -> str:
    return f"{ADA} {public(key)}\n"


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """An ssh-agent of the test's own; call it to give it a key."""
    with subprocess.Popen(["ssh-agent", "-D", "-a", tmp_path / "agent"], stdout=subprocess.DEVNULL) as running:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        until = time.monotonic() + 20
        while not (tmp_path / "agent").exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        yield lambda key: subprocess.run(["ssh-add", "-q", key], check=True, capture_output=True) and None
        running.terminate()


def backdated(monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", f"{day}T12:00:00Z")


class TestSigning:
    def test_git_accepts_the_tag_and_no_ref_is_made(
        self, signer: Signer, signers: str, key: Path, tmp_path: Path
    ) -> None:
        oid = signer.sign(message="model: release\n\nA body.")
        assert signer.git("tag", "--list") == ""
        assert signer.verify(oid, signers) == Signed(ADA, fingerprint(key), "Ada", signer.verify(oid, signers).time)
        (tmp_path / "allowed").write_text(signers)
        signer.git("config", "gpg.ssh.allowedSignersFile", str(tmp_path / "allowed"))
        signer.git("update-ref", f"refs/tags/{TAG}", oid)
        done = signer.run("git", "verify-tag", TAG)
        assert done.code == 0, done.err
        assert f'Good "git" signature for {ADA}' in done.err
        assert signer.git("tag", "--list", "--format=%(contents:subject)|%(contents:body)") == "model: release|A body."
        assert signer.run("git", "fsck", "--strict").code == 0

    def test_what_git_itself_signs_is_accepted(self, signer: Signer, signers: str, key: Path) -> None:
        signer.git("tag", "--sign", "--message", "release\n\n-----BEGIN nothing", TAG)
        signed = signer.verify(signer.git("rev-parse", f"refs/tags/{TAG}"), signers, f"refs/tags/{TAG}")
        assert (signed.principal, signed.key_fingerprint, signed.tagger) == (ADA, fingerprint(key), "Ada")

    @pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
    def test_other_kinds_of_keys(self, kind: str, signer: Signer, home: Path) -> None:
        key = make_key(home, kind, kind)
        signer.uses(f"~/{kind}.pub")
        signed = signer.verify(signer.sign(), f"*@example.com {public(key)}\n")
        assert signed.key_fingerprint == fingerprint(key)

    @pytest.mark.parametrize("form", ["key::{}", "{}"])
    def test_a_key_that_only_the_agent_has(
        self, form: str, signer: Signer, home: Path, agent: Callable[[Path], None]
    ) -> None:
        key = make_key(home, "away", passphrase="")
        agent(key)
        key.unlink()
        signer.uses(form.format(public(key)))
        assert signer.verify(signer.sign(), f"{ADA} {public(key)}").key_fingerprint == fingerprint(key)
        signer.uses(f"{key}.pub")
        assert signer.verify(signer.sign(), f"{ADA} {public(key)}").key_fingerprint == fingerprint(key)

    def test_a_key_that_a_command_names(self, signer: Signer, key: Path, signers: str) -> None:
        signer.git("config", "--unset", "user.signingkey")
        signer.git("config", "gpg.ssh.defaultKeyCommand", f"cat '{key}.pub'")
        with pytest.raises(CannotSign, match="could not be signed"):  # the agent does not have it
            signer.sign()
        signer.git("config", "gpg.ssh.defaultKeyCommand", "false")
        with pytest.raises(CannotSign) as caught:
            signer.sign()
        assert caught.value.why == "git was not told which key to sign with."

    def test_a_passphrase_is_never_waited_for(self, signer: Signer, home: Path) -> None:
        signer.uses(make_key(home, "locked", passphrase="a secret of many words"))
        code = (
            "import sys; from pathlib import Path; from gitml.git.signing import *\n"
            "try: sign_tag('x', sys.argv[1], 'm', Path('.'))\n"
            "except CannotSign as error: print(error.why); print(*error.mend, sep='\\n')\n"
        )
        # with a terminal on which ssh-keygen would ask
        master, slave = pty.openpty()
        done = subprocess.run(
            [sys.executable, "-c", code, signer.tip],
            cwd=signer.path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "SSH_ASKPASS": "/bin/cat", "DISPLAY": ":0"},
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=slave,
            timeout=20,
            check=True,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: os.close(os.open(os.ttyname(slave), os.O_RDWR)),
        )
        os.close(master)
        os.close(slave)
        assert "incorrect passphrase" in done.stdout
        assert done.stdout.endswith("ssh-add   # once; then the agent signs\nssh-add -l\n")

    def test_at_a_terminal_it_is_asked_for(self, signer: Signer, home: Path) -> None:
        key = make_key(home, "locked", passphrase="a secret of many words")
        signer.uses(key)
        code = (
            "import sys; from pathlib import Path; from gitml.git.signing import *\n"
            f"print(sign_tag({TAG!r}, sys.argv[1], 'm', Path('.'), may_ask=True), file=open('oid', 'w'))\n"
        )
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(signer.path)
            os.environ["PYTHONPATH"] = str(ROOT)
            os.execv(sys.executable, [sys.executable, "-c", code, signer.tip])
        seen = b""
        while b"passphrase" not in seen:
            seen += os.read(terminal, 1000)
        os.write(terminal, b"a secret of many words\n")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        os.close(terminal)
        oid = (signer.path / "oid").read_text().strip()
        assert signer.verify(oid, f"{ADA} {public(key)}").principal == ADA

    @pytest.mark.parametrize(
        ("setting", "value", "why"),
        [
            ("gpg.format", "openpgp", "git is not set to sign with SSH keys, and no other"),
            ("user.signingkey", "", "git was not told which key to sign with."),
            ("user.signingkey", "/nowhere/key", "ssh-keygen says: Couldn't load public key /nowhere/key"),
            ("user.signingkey", "key::ssh-ed25519 AAAA", "ssh-keygen says: "),
            ("gpg.ssh.program", "true", "true wrote no SSH signature."),
        ],
    )
    def test_what_cannot_be_signed_makes_no_tag(self, setting: str, value: str, why: str, signer: Signer) -> None:
        signer.git("config", setting, value)
        before = signer.git("count-objects")
        with pytest.raises(CannotSign) as caught:
            signer.sign()
        assert caught.value.why.startswith(why)
        assert caught.value.mend == (
            "git config gpg.format ssh",
            "git config user.signingkey ~/.ssh/id_ed25519.pub",
        )
        assert caught.value.exit_code == 3
        assert signer.git("count-objects") == before

    def test_without_openssh(self, signer: Signer, signers: str, monkeypatch: pytest.MonkeyPatch) -> None:
        oid = signer.sign()
        content, tip = signer.content(oid), signer.tip
        signer.git("config", "gpg.ssh.program", "/nowhere/ssh-keygen")
        with pytest.raises(SshKeygenIsMissing, match="/nowhere/ssh-keygen could not be run"):
            signer.sign()
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(SshKeygenIsMissing, match="ssh-keygen could not be run"):
            verify_content(content, TAG, tip, signers.encode())

    def test_without_an_identity(self, signer: Signer, home: Path) -> None:
        (home / ".gitconfig").write_text("")
        with pytest.raises(CannotSign) as caught:
            signer.sign()
        assert caught.value.why == "git was not told who tags."

    def test_a_signer_that_hangs_is_given_up(
        self, signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program = tmp_path / "slow"
        program.write_text("#!/bin/sh\nexec sleep 60\n")
        program.chmod(0o755)
        signer.git("config", "gpg.ssh.program", str(program))
        monkeypatch.setattr(signing, "PATIENCE", 0.2)
        with pytest.raises(CannotSign, match="could not be signed") as caught:
            signer.sign()
        assert "was not unlocked or confirmed within 0.2 seconds" in caught.value.why

    def test_names_and_messages_that_would_make_another_tag(self, signer: Signer) -> None:
        for name in ("-x", "a b", "a\nobject", "", "x.lock"):
            with pytest.raises((ValueError, GitmlError)):
                sign_tag(name, signer.tip, "m", signer.path)
        with pytest.raises(ValueError, match="no full object id"):
            sign_tag("x", "HEAD", "m", signer.path)
        with pytest.raises(CannotSign, match="could not be signed"):
            sign_tag("x", signer.tip, "m\n-----BEGIN PGP SIGNATURE-----\n", signer.path)


class TestVerifying:
    def test_a_tag_without_a_signature(self, signer: Signer, signers: str) -> None:
        oid = tag_object(TAG, signer.tip, "release", signer.path)
        with pytest.raises(NotSigned) as caught:
            signer.verify(oid, signers)
        assert caught.value.what == f"the tag {TAG} is not signed"

    def test_nobody_is_in_the_list(self, signer: Signer, key: Path) -> None:
        assert f"{fingerprint(key)} is no key by which {ADA} may sign for git on 20" in signer.why_not(
            signer.sign(), ""
        )

    def test_the_tagger_is_not_the_signer(self, signer: Signer, signers: str, home: Path, key: Path) -> None:
        bo = make_key(home, "bo")
        everybody = f"{signers}bo@example.com {public(bo)}\n"
        signer.uses(bo)  # and the tagger is still Ada
        oid = signer.sign()
        signer.git("update-ref", f"refs/tags/{TAG}", oid)
        signer.write("../allowed", everybody)
        assert signer.run("git", "-c", "gpg.ssh.allowedSignersFile=../allowed", "verify-tag", TAG).code == 0
        assert signer.why_not(oid, everybody) == (
            f"Its tagger is {ADA}, and it was signed with {fingerprint(bo)}, the key of bo@example.com."
        )

    def test_another_name_and_another_commit(self, signer: Signer, signers: str) -> None:
        oid, old = signer.sign(), signer.tip
        assert signer.why_not(oid, signers, "refs/tags/model@v5.0.0") == (
            f"It was signed as the tag {TAG}, and was put under another name."
        )
        signer.commit("infra: more")
        assert signer.why_not(oid, signers) == f"It marks the commit {old[:10]}, and not {signer.tip[:10]}."

    def test_a_tag_of_something_else(self, signer: Signer, signers: str) -> None:
        signer.git("tag", "--sign", "--message", "m", TAG, "HEAD^{tree}")
        oid, tree = signer.git("rev-parse", f"refs/tags/{TAG}"), signer.git("rev-parse", "HEAD^{tree}")
        assert signer.why_not(oid, signers, target=tree) == f"It marks the tree {tree[:10]}, and not {tree[:10]}."

    @pytest.mark.parametrize(
        ("old", "new"), [(b"model: release", b"model: another"), (b"tagger Ada", b"tagger Eve"), (b" +0000", b" +0100")]
    )
    def test_a_text_that_was_changed(self, old: bytes, new: bytes, signer: Signer, signers: str) -> None:
        content = signer.content(signer.sign())
        assert content.count(old) == 1
        why = signer.why_not(signer.store(content.replace(old, new)), signers)
        assert why.startswith("It does not fit the text: ")

    def test_a_signature_from_another_tag(self, signer: Signer, signers: str) -> None:
        first, second = (signer.content(signer.sign(message=text)) for text in ("one", "two"))
        place = first.index(b"-----BEGIN"), second.index(b"-----BEGIN")
        assert signer.why_not(signer.store(first[: place[0]] + second[place[1] :]), signers).startswith("It does not")

    def test_a_signature_for_something_else_than_git(self, signer: Signer, signers: str, key: Path) -> None:
        payload = signer.content(tag_object(TAG, signer.tip, "m", signer.path))
        done = signer.run("ssh-keygen", "-Y", "sign", "-n", "file", "-f", str(key), stdin=payload)
        why = signer.why_not(signer.store(payload + done.out.encode()), signers)
        assert why.startswith("It does not fit the text: ")

    @pytest.mark.parametrize(
        "change",
        [
            lambda content: content + b"and more\n",
            lambda content: content.replace(b"\n\n", b"\nmore header\n\n", 1),
            lambda content: content.replace(b"tagger Ada <", b"tagger <eve@example.com> Ada <"),
            lambda content: content.replace(b"ada@example.com", b"ada@example.com\0"),
            lambda content: content.replace(b"ada@example.com", b""),
            lambda content: content.replace(b"ada@example.com", b"a da@example.com"),
            lambda content: re.sub(rb"> \d+ ", b"> 999999999999 ", content),
            lambda content: re.sub(rb"> \d+ ", b"> -1 ", content),
            lambda content: content.partition(b"-----END")[0],
            lambda content: b"tag x\n" + content,
        ],
    )
    def test_what_is_not_built_as_git_builds_it(
        self, change: Callable[[bytes], bytes], signer: Signer, signers: str
    ) -> None:
        content = signer.content(signer.sign())
        assert change(content) != content
        assert signer.why_not(signer.store(change(content)), signers).startswith(
            ("It is not built as git builds", "Its tagger has no")
        )

    @pytest.mark.slow
    def test_no_change_of_any_byte_gets_through(self, signer: Signer, signers: str) -> None:
        """What is accepted has the text that was signed; the armour around it may be broken in other places."""
        content, tip, chance = signer.content(signer.sign()), signer.tip, random.Random(7)
        text = content.partition(b"-----BEGIN")[0]
        refused = 0
        for _ in range(500):
            place, byte = chance.randrange(len(content)), bytes([chance.randrange(256)])
            change = chance.choice((byte, b"", content[place : place + 1] + byte, content[:40]))
            changed = content[:place] + change + content[place + 1 :]
            try:
                verify_content(changed, TAG, tip, signers.encode())
                assert changed.partition(b"-----BEGIN")[0] == text
            except (BadSignature, NotSigned):
                refused += 1
        assert refused > 400

    def test_only_ssh_is_checked_here(self, signer: Signer, signers: str) -> None:
        content = signer.content(tag_object(TAG, signer.tip, "m", signer.path))
        for kind, name in (("PGP SIGNATURE", "OpenPGP"), ("PGP MESSAGE", "OpenPGP"), ("SIGNED MESSAGE", "X.509")):
            oid = signer.store(content + f"-----BEGIN {kind}-----\n\niQ==\n-----END {kind}-----\n".encode())
            assert signer.why_not(oid, signers) == (
                f"It is signed with {name}, and only SSH signatures are checked here."
            )

    def test_a_real_openpgp_signature(self, signer: Signer, signers: str, home: Path) -> None:
        (home / "gnupg").mkdir(mode=0o700)
        environment = {"GNUPGHOME": str(home / "gnupg")}
        made = signer.run(
            *("gpg", "--batch", "--passphrase", "", "--quick-gen-key", f"Ada <{ADA}>", "ed25519"), **environment
        )
        assert made.code == 0, made.err
        words = ("-c", "gpg.format=openpgp", "-c", f"user.signingkey={ADA}", "tag", "--sign", "--message", "m", TAG)
        assert signer.run("git", *words, **environment).code == 0
        signer.run("gpgconf", "--kill", "all", **environment)
        assert "OpenPGP" in signer.why_not(signer.git("rev-parse", f"refs/tags/{TAG}"), signers)

    def test_nothing_of_anybodys_configuration_is_believed(
        self, signer: Signer, signers: str, home: Path, tmp_path: Path
    ) -> None:
        eve = make_key(home, "eve")
        signer.uses(eve)
        oid = signer.sign()
        (tmp_path / "allowed").write_text(f"* {public(eve)}\n")
        liar = tmp_path / "liar"
        liar.write_text(
            f"#!/bin/sh\ncat > /dev/null\necho 'Good \"git\" signature for {ADA} with ED25519 key SHA256:x'\n"
        )
        liar.chmod(0o755)
        signer.git("config", "gpg.ssh.allowedSignersFile", str(tmp_path / "allowed"))
        signer.git("config", "gpg.ssh.program", str(liar))
        assert signer.run("git", "verify-tag", oid).code == 0
        assert "is no key by which" in signer.why_not(oid, signers)

    def test_there_is_no_such_tag(self, signer: Signer, signers: str) -> None:
        assert signer.why_not(signer.tip, signers).startswith("There is no such tag here")
        assert signer.why_not("1" * 40, signers).startswith("There is no such tag here")
        assert "larger than" in signer.why_not(signer.sign(), signers * 20_000)


class TestTheList:
    def test_times_between_which_a_key_is_valid(
        self, signer: Signer, key: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        backdated(monkeypatch, "2024-06-01")
        oid = signer.sign()

        def allowed(times: str) -> bool:
            try:
                return signer.verify(oid, f"{ADA} {times} {public(key)}\n").principal == ADA
            except BadSignature as error:
                assert f"is no key by which {ADA} may sign for git on 2024-06-01" in error.why
                return False

        assert allowed('valid-after="20240101",valid-before="20250101"')
        assert not allowed('valid-after="20240701"')
        assert not allowed('valid-before="20240501"')

    @pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
    def test_times_are_utc_everywhere(
        self, zone: str, signer: Signer, key: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TZ", zone)
        backdated(monkeypatch, "2024-06-01")
        oid = signer.sign()
        assert signer.verify(oid, f'{ADA} valid-after="20240601115959" {public(key)}\n')
        assert "2024-06-01" in signer.why_not(oid, f'{ADA} valid-after="20240601120001" {public(key)}\n')

    def test_a_clock_that_was_set_back_helps_nobody_who_pushes_now(
        self, signer: Signer, key: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        backdated(monkeypatch, "2024-06-01")
        oid = signer.sign()
        until_2025 = f'{ADA} valid-before="20250101" {public(key)}\n'
        assert signer.verify(oid, until_2025).principal == ADA
        assert "is no key by which" in signer.why_not(oid, until_2025, is_new=True)
        assert signer.verify(oid, f"{ADA} {public(key)}\n", is_new=True).principal == ADA

    def test_what_a_key_is_for(self, signer: Signer, key: Path) -> None:
        oid = signer.sign()
        assert signer.verify(oid, f'{ADA} namespaces="file,git" {public(key)}\n')
        assert "may sign for git" in signer.why_not(oid, f'{ADA} namespaces="file" {public(key)}\n')

    def test_patterns_of_names(self, signer: Signer, key: Path) -> None:
        oid = signer.sign()
        assert signer.verify(oid, f"bo@example.com,*@example.com {public(key)}\n").principal == ADA
        signer.why_not(oid, f"*@example.com,!{ADA} {public(key)}\n")
        signer.why_not(oid, f"ADA@example.com {public(key)}\n")

    def test_comments_and_rubbish_in_it(self, signer: Signer, signers: str) -> None:
        oid = signer.sign()
        assert signer.verify(oid, f"# who may\n\n{signers}")
        signer.why_not(oid, f"# {signers}")
        signer.why_not(oid, "\0\xff" * 100)

    def test_certificates_of_an_authority(self, signer: Signer, key: Path, home: Path) -> None:
        authority = make_key(home, "authority")

        def certify(principals: str, times: str = "always:forever") -> str:
            subprocess.run(
                ["ssh-keygen", "-q", "-s", authority, "-I", "id", "-n", principals, "-V", times, f"{key}.pub"],
                check=True,
                capture_output=True,
            )
            signer.uses(home / "ada-cert.pub")
            return signer.sign()

        theirs = f"*@example.com cert-authority {public(authority)}\n"
        oid = certify(ADA)
        assert signer.verify(oid, theirs) == Signed(ADA, fingerprint(key), "Ada", signer.verify(oid, theirs).time)
        signer.why_not(oid, f"*@example.com {public(authority)}\n")
        signer.why_not(oid, f"*@elsewhere.org cert-authority {public(authority)}\n")
        signer.why_not(certify("bo@example.com"), theirs)
        signer.why_not(certify(ADA, "20200101:20210101"), theirs)

    def test_git_of_a_hook(self, signer: Signer, signers: str, monkeypatch: pytest.MonkeyPatch) -> None:
        oid, tip = signer.sign(), signer.tip
        monkeypatch.chdir(signer.path)
        monkeypatch.setenv("GIT_DIR", ".git")
        assert verify_tag(oid, TAG, tip, signers.encode()).principal == ADA
