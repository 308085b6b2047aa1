"""pre-push and ci check where clones, remotes and forges are odd."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.hooks import pre_push
from gitml.policy.refs import RefUpdate

from .conftest import Done, Registry, Repo, Server
from .test_ci_check import rules
from .test_hooks_pre_push import push, refused, with_hooks

Gitml = Callable[..., Done]


@pytest.fixture
def forge(server: Server) -> Server:
    """A server without hooks of its own."""
    (server.path / "hooks/pre-receive").unlink()
    return server


@pytest.fixture
def desk(forge: Server) -> Repo:
    return with_hooks(forge.clone())


def wrong(repo: Repo) -> None:
    repo.run("git", "commit", "--no-verify", "--allow-empty", "-m", "wrong")


class TestPush:
    @pytest.mark.parametrize(
        "words", [["--mirror"], ["--all"], ["--tags", "HEAD:main"], ["--follow-tags", "HEAD:main"]]
    )
    def test_many_refs_at_once(self, desk: Repo, words: list[str]) -> None:
        wrong(desk)
        desk.git("tag", "-a", "-m", "x", "v1")
        options = [word for word in words if word.startswith("-")]
        assert refused(push(desk, *options, "origin", *words[len(options) :])) == "commit-prefix"

    @pytest.mark.parametrize("remote", ["a/b", "$(id>x)", "a'b", "ünï", "a;b", "-"])
    def test_a_remote_with_an_odd_name(self, forge: Server, desk: Repo, remote: str) -> None:
        forge.git("branch", "models/model-v1", "main")
        desk.run("git", "remote", "add", "--", remote, str(forge.path))
        desk.run("git", "fetch", "--quiet", "--", remote)
        assert push(desk, "--", remote, "HEAD:experiments/x").code == 0
        assert refused(push(desk, "--", remote, "HEAD:promote/model-v1")) == "promote-shape"
        wrong(desk)
        assert refused(push(desk, "--", remote, "HEAD:main")) == "commit-prefix"
        assert not (desk.path / "x").exists()

    def test_a_remote_that_was_never_fetched(self, forge: Server, desk: Repo) -> None:
        """What another remote has is no fault of whoever pushes it on."""
        wrong(desk)
        push(desk, "--no-verify", "origin", "HEAD:main")
        desk.git("remote", "add", "backup", "../backup.git")
        desk.run("git", "init", "--quiet", "--bare", "../backup.git")
        desk.commit("infra: right")
        assert push(desk, "backup", "HEAD:main").code == 0

    def test_what_git_says_of_the_remote_is_known(self, forge: Server, desk: Repo) -> None:
        wrong(desk)
        push(desk, "--no-verify", "origin", "HEAD:main")
        desk.git("remote", "remove", "origin")
        desk.commit("infra: right")
        assert push(desk, str(forge.path), "HEAD:main").code == 0

    def test_an_url_with_a_password_is_never_shown(self, desk: Repo, capfd: pytest.CaptureFixture[str]) -> None:
        url = "https://ada:hunter2secret@nowhere.invalid/x.git"  # pragma: allowlist secret
        oid = desk.git("rev-parse", "HEAD")
        done = desk.run(".git/hooks/pre-push", url, url, stdin=f"HEAD {oid} refs/heads/Wrong {'0' * 40}\n")
        assert (done.code, "hunter2secret" in done.out + done.err) == (1, False)

    def test_a_short_name_for_an_url(self, forge: Server, desk: Repo) -> None:
        desk.git("config", f"url.{forge.path}.insteadOf", "gh:x")
        assert push(desk, "gh:x", "HEAD:experiments/x").code == 0

    def test_from_a_bare_and_a_detached_one(self, forge: Server, desk: Repo) -> None:
        desk.git("switch", "--quiet", "--detach")
        wrong(desk)
        assert refused(push(desk, "origin", "HEAD:main")) == "commit-prefix"
        desk.run("git", "clone", "--quiet", "--bare", ".", "../bare.git")
        bare = Repo(desk.path.parent / "bare.git")
        (bare.path / "hooks/pre-push").write_bytes((desk.path / ".git/hooks/pre-push").read_bytes())
        (bare.path / "hooks/pre-push").chmod(0o755)
        assert refused(push(bare, str(forge.path), "main:Wrong")) == "branch-name"

    def test_words_for_a_commit_with_spaces(self, desk: Repo) -> None:
        desk.commit("infra: right")
        wrong(desk)
        desk.run("git", "update-ref", "refs/heads/other", "HEAD")
        assert refused(push(desk, "origin", "HEAD@{0 seconds ago}:refs/heads/experiments/x")) == "commit-prefix"
        assert refused(push(desk, "origin", ":/wrong:refs/heads/experiments/x")) == "commit-prefix"

    @pytest.mark.parametrize("letter", ["\u2028", "\x85", "\u202e", "'", "$(x)", "\xa0"])
    def test_a_letter_that_python_takes_for_a_line_end(self, desk: Repo, letter: str) -> None:
        assert refused(push(desk, "origin", f"HEAD:refs/heads/experiments/a{letter}b")) == "branch-name"
        line = f"HEAD {'1' * 40} refs/heads/a{letter}b {'0' * 40}\n"
        assert pre_push.updates_in(line.encode()) == [RefUpdate(f"refs/heads/a{letter}b", None, "1" * 40)]

    def test_by_sha_256(self, forge: Server, tmp_path: Path) -> None:
        forge.git("init", "--quiet", "--bare", "--object-format=sha256", "../other.git")
        forge.git("init", "--quiet", "--object-format=sha256", "../tree")
        repo = with_hooks(Repo(tmp_path / "tree"))
        repo.commit("infra: start")
        repo.git("remote", "add", "origin", "../other.git")
        assert push(repo, "origin", "HEAD:main").code == 0
        wrong(repo)
        assert refused(push(repo, "origin", "HEAD:main")) == "commit-prefix"


def event(file: Path, monkeypatch: pytest.MonkeyPatch, head: str, **said: str) -> None:
    repository = {"full_name": "ada/flights"}
    other = {"full_name": said.get("fork", "ada/flights")}
    told = {
        "title": said.get("title", "experiment: x"),
        "base": {"ref": said.get("base", "main"), "repo": repository},
        "head": {"ref": said.get("ref", "experiments/x"), "sha": head, "repo": other},
    }
    file.write_text(json.dumps({"pull_request": told}))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(file))


class TestPullRequest:
    @pytest.mark.parametrize(
        "name", ["main", "models/model-v1", "promote/model-v1", "production/production-model", "Odd"]
    )
    def test_a_fork_may_name_its_branches_as_it_likes(
        self, gitml: Gitml, desk: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        desk.commit("experiment: x", a="1")
        event(tmp_path / "event", monkeypatch, desk.git("rev-parse", "HEAD"), ref=name, fork="bo/flights")
        assert rules(gitml("ci", "check", "--json", at=desk.path)) == []
        event(tmp_path / "event", monkeypatch, "HEAD", ref=name, fork="bo/flights", base="production/production-model")
        desk.git("update-ref", "refs/remotes/origin/production/production-model", "origin/main")
        assert rules(gitml("ci", "check", "--json", at=desk.path)) == [("production-tree", "error")]

    @pytest.mark.parametrize("title", ["x\n::set-output name=a::b", "\x1b[31mred", "::error::x", "%0A::x", "x\u202ey"])
    def test_a_title_that_is_made_to_hurt(
        self, gitml: Gitml, desk: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, title: str
    ) -> None:
        desk.git("switch", "--quiet", "--create", "experiments/x")
        desk.commit("experiment: x", a="1")
        event(tmp_path / "event", monkeypatch, desk.git("rev-parse", "HEAD"), title=title)
        done = gitml("ci", "check", "--format", "github", at=desk.path)
        assert done.code == 1
        commands = [line for line in done.out.splitlines() if line.startswith("::")]
        assert [command.partition(" ")[0].partition("::")[0] for command in commands] == [""] * 3
        assert commands[0].startswith("::error title=commit-prefix::the pull request's title")
        assert commands[1].startswith("::stop-commands::")
        assert done.out.splitlines()[-1] == commands[2]
        assert "\x1b" not in done.out and "\u202e" not in done.out

    @pytest.mark.parametrize("base", ["infra/a;b", "infra/$(x)", "infra/ü", "infra/a'b"])
    def test_a_base_with_an_odd_name(
        self, gitml: Gitml, desk: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str
    ) -> None:
        desk.git("update-ref", f"refs/remotes/origin/{base}", "HEAD")
        desk.git("switch", "--quiet", "--create", "experiments/x")
        desk.commit("experiment: x", a="1")
        event(tmp_path / "event", monkeypatch, desk.git("rev-parse", "HEAD"), base=base)
        assert json.loads(gitml("ci", "check", "--json", at=desk.path).out)["commits"] == 1

    def test_a_remote_with_a_slash(self, gitml: Gitml, forge: Server, desk: Repo) -> None:
        desk.git("remote", "rename", "origin", "team/one")
        desk.git("switch", "--quiet", "--create", "experiments/x")
        wrong(desk)
        done = gitml("ci", "check", "--json", "--base", "team/one/main", at=desk.path)
        assert (rules(done), json.loads(done.out)["rules_of"]) == (
            [("commit-prefix", "error")],
            desk.git("rev-parse", "team/one/main"),
        )

    def test_without_a_remote(self, gitml: Gitml, repo: Repo) -> None:
        done = gitml("ci", "check", at=repo.path)
        assert (done.code, done.err.splitlines()[0]) == (3, "gitml: origin/main is not in this clone")

    def test_a_merge_base_is_not_enough_of_a_history(self, gitml: Gitml, forge: Server) -> None:
        """A branch that merged main just now has its merge base at hand, and old commits out of sight."""
        other = forge.clone("other")
        other.git("switch", "--quiet", "--create", "experiments/x")
        wrong(other)
        for number in range(3):
            other.commit(f"experiment: {number}")
        other.git("switch", "--quiet", "main")
        other.commit("infra: main goes on", b="1")
        other.git("switch", "--quiet", "experiments/x")
        other.git("merge", "--quiet", "-m", "merge", "main")
        other.git("push", "--quiet", "origin", "main", "experiments/x")
        words = ["--no-single-branch", "--depth=3", "--branch=experiments/x", f"file://{forge.path}", "../shallow"]
        forge.run("git", "clone", "--quiet", *words)
        shallow = Repo(forge.path.parent / "shallow")
        assert shallow.run("git", "merge-base", "HEAD", "origin/main").code == 0
        done = gitml("ci", "check", "--json", at=shallow.path)
        assert (rules(done), json.loads(done.out)["commits"]) == ([("commit-prefix", "error")], 5)

    def test_a_replaced_commit(self, gitml: Gitml, forge: Server, desk: Repo) -> None:
        desk.git("switch", "--quiet", "--create", "experiments/x")
        wrong(desk)
        right = desk.git("commit-tree", "HEAD^{tree}", "-p", "origin/main", "-m", "infra: right")
        desk.git("replace", "HEAD", right)
        assert rules(gitml("ci", "check", "--json", at=desk.path)) == [("commit-prefix", "error")]

    def test_the_way_back(self, gitml: Gitml, forge: Server) -> None:
        registry = Registry(forge.clone("registry"))
        opening, one, two = registry.open(), registry.release(1), registry.release(2)
        tip = registry.store(f"{two}^{{tree}}", registry.store(f"{one}^{{tree}}", opening))
        registry.push(f"{tip}:refs/heads/production/production-model")
        strict = registry.repo.commit("infra: x", **{"gitml.toml": "[gates.auc]\nmin = 0.9\n"})
        assert registry.push("HEAD:main").code == 0, strict
        registry.repo.git("fetch", "--quiet")
        for number, release, says in ((1, one, []), (2, two, [])):
            promotion = registry.promotion(release, number, tip)
            words = ("--base", "origin/production/production-model", "--head", promotion)
            done = gitml("ci", "check", "--json", *words, "--branch", f"promote/model-v{number}", at=registry.repo.path)
            assert rules(done) == says

    def test_a_clone_without_blobs_asks_for_them_once(self, gitml: Gitml, forge: Server) -> None:
        other = forge.clone("other")
        other.git("switch", "--quiet", "--create", "experiments/x")
        for number in range(8):
            other.commit("experiment: x", a=f"{number}")
        other.git("push", "--quiet", "origin", "experiments/x")
        forge.git("config", "uploadpack.allowFilter", "true")
        words = ("--filter=blob:none", "--no-checkout", "--branch=experiments/x", f"file://{forge.path}", "../partial")
        forge.run("git", "clone", "--quiet", *words)
        partial = Repo(forge.path.parent / "partial")
        before = len(list(partial.path.glob(".git/objects/pack/*.promisor")))
        assert rules(gitml("ci", "check", "--json", at=partial.path)) == []
        assert len(list(partial.path.glob(".git/objects/pack/*.promisor"))) == before + 1
