"""gitml ci check in real clones, as a CI run would have them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.forges import event
from gitml.forges.event import PullRequest

from .conftest import Done, Registry, Repo, Server
from .test_hooks_pre_receive import locked

Gitml = Callable[..., Done]


@pytest.fixture
def forge(server: Server) -> Server:
    """A server without hooks of its own, as a hosted forge is."""
    (server.path / "hooks/pre-receive").unlink()
    return server


@pytest.fixture
def clone(forge: Server) -> Repo:
    return forge.clone()


def rules(done: Done) -> list[tuple[str, str]]:
    """What was said, as rules and severities."""
    return [(one["rule"], one["severity"]) for one in json.loads(done.out)["violations"]]


def test_a_right_one(gitml: Gitml, clone: Repo) -> None:
    clone.git("switch", "--quiet", "--create", "experiments/lr")
    clone.commit("experiment: try lr")
    main, head = (clone.git("rev-parse", "--short=10", name) for name in ("origin/main", "HEAD"))
    said = f"1 new commit, {head}: every rule agrees, by the gitml.toml of {main}\n"
    assert gitml("ci", "check", "--base", "origin/main", at=clone.path) == (0, said, "")


def test_a_wrong_one_for_people(gitml: Gitml, clone: Repo) -> None:
    clone.git("switch", "--quiet", "--create", "experiments/lr")
    clone.commit("try lr")
    head = clone.git("rev-parse", "--short=10", "HEAD")
    done = gitml("ci", "check", "--title", "Lr", at=clone.path)
    assert done == (
        1,
        "gitml: pull request refused (commit-prefix)\n"
        "  experiments/lr\n"
        f'    {head} "try lr" has no prefix\n'
        "      A first line begins with one of experiment:, model:, data:, infra:\n"
        '    the pull request\'s title: "Lr" has no prefix\n'
        "      A squash makes it the first line of a commit. A first line begins\n"
        "      with one of experiment:, model:, data:, infra:\n"
        "Mend:\n"
        '  git commit --amend -m "experiment: try lr"\n',
        "",
    )


def test_as_json(gitml: Gitml, clone: Repo) -> None:
    clone.git("switch", "--quiet", "--create", "experiments/lr")
    clone.commit("try lr")
    found = json.loads(gitml("ci", "check", "--json", at=clone.path).out)
    violation = found.pop("violations")[0]
    head = clone.git("rev-parse", "HEAD")
    assert found == {
        "passes": False,
        "head": head,
        "rules_of": clone.git("rev-parse", "origin/main"),
        "commits": 1,
        "note": None,
    }
    assert violation == {
        "ref": "refs/heads/experiments/lr",
        "rule": "commit-prefix",
        "severity": "error",
        "what": f'{head[:10]} "try lr" has no prefix',
        "why": "A first line begins with one of experiment:, model:, data:, infra:",
        "mend": ['git commit --amend -m "experiment: try lr"'],
        "path": "",
        "line": 0,
    }


def test_as_annotations_that_a_pull_request_cannot_write_itself(gitml: Gitml, clone: Repo) -> None:
    clone.git("switch", "--quiet", "--create", "infra/x")
    clone.commit("a%0A::set-output name=x::y ::stop-commands::z", **{"gitml.toml": "\nnope = 1\n"})
    head = clone.git("rev-parse", "--short=10", "HEAD")
    done = gitml("ci", "check", "--format", "github", at=clone.path)
    lines = done.out.splitlines()
    assert lines[0].startswith(f'::error title=commit-prefix::{head} "a%250A::set-output name=x::y')
    assert lines[1].startswith("::error file=gitml.toml,line=2,title=config::gitml.toml line 2: 'nope' is unknown.")
    token = lines[2].removeprefix("::stop-commands::")
    assert len(token) == 32
    assert lines[-1] == f"::{token}::"
    assert done.code == 1


class TestWhoseRules:
    def test_mains_and_not_its_own(self, gitml: Gitml, clone: Repo) -> None:
        clone.git("switch", "--quiet", "--create", "infra/x")
        clone.commit("wrong", **{"gitml.toml": '[rules]\ncommit-prefix = "off"\n'})
        assert rules(gitml("ci", "check", "--json", at=clone.path)) == [("commit-prefix", "error")]
        clone.run("git", "push", "origin", "HEAD:main")
        clone.commit("wrong again")
        assert rules(gitml("ci", "check", "--json", at=clone.path)) == []

    def test_mains_for_a_pull_request_to_another_branch(self, gitml: Gitml, clone: Repo) -> None:
        clone.run("git", "push", "origin", "HEAD:experiments/base")
        clone.git("switch", "--quiet", "--create", "infra/x")
        clone.commit("wrong")
        clone.git("fetch", "--quiet")
        done = gitml("ci", "check", "--json", "--base", "origin/experiments/base", at=clone.path)
        assert rules(done) == [("commit-prefix", "error")]
        assert json.loads(done.out)["rules_of"] == clone.git("rev-parse", "origin/main")

    def test_the_remotes_head(self, gitml: Gitml, forge: Server) -> None:
        forge.git("branch", "-m", "main", "trunk")
        clone = forge.clone("of-trunk")
        clone.commit("infra: off", **{"gitml.toml": '[rules]\ncommit-prefix = "off"\n'})
        clone.run("git", "push", "origin", "HEAD:trunk")
        clone.git("switch", "--quiet", "--create", "infra/x")
        clone.commit("anything")
        assert gitml("ci", "check", "--base", "origin/trunk", at=clone.path).code == 0


class TestNew:
    def test_commits_that_stand_on_another_branch_are_judged_all_the_same(self, gitml: Gitml, clone: Repo) -> None:
        """A hosted forge takes any push: a branch there proves nothing."""
        clone.git("switch", "--quiet", "--create", "experiments/one")
        clone.commit("wrong")
        clone.run("git", "push", "origin", "HEAD", "HEAD:experiments/two")
        clone.git("fetch", "--quiet")
        assert rules(gitml("ci", "check", "--json", at=clone.path)) == [("commit-prefix", "error")]

    def test_what_was_released_is_not_judged_again(self, gitml: Gitml, forge: Server) -> None:
        registry = Registry(forge.clone("registry"))
        registry.release(1)
        registry.repo.git("switch", "--quiet", "--create", "experiments/next", "origin/models/model-v1")
        registry.repo.commit("experiment: more")
        assert json.loads(gitml("ci", "check", "--json", at=registry.repo.path).out)["commits"] == 1

    def test_a_forged_metric(self, gitml: Gitml, clone: Repo) -> None:
        clone.git("switch", "--quiet", "--create", "experiments/x")
        clone.commit("experiment: run", **locked("{}"))
        assert rules(gitml("ci", "check", "--json", at=clone.path)) == [("lock-forged", "error")]


class TestProduction:
    @pytest.fixture
    def registry(self, forge: Server) -> Registry:
        return Registry(forge.clone("registry"))

    def test_a_promotion(self, gitml: Gitml, registry: Registry) -> None:
        opening, one = registry.open(), registry.release(1)
        promotion = registry.promotion(one, 1, opening)
        registry.push(f"{promotion}:refs/heads/promote/model-v1")
        registry.repo.git("fetch", "--quiet")
        base = "origin/production/production-model"
        words = ("ci", "check", "--json", "--base", base, "--head", "origin/promote/model-v1")
        assert rules(gitml(*words, "--branch", "promote/model-v1", at=registry.repo.path)) == []
        assert rules(gitml(*words, "--branch", "experiments/x", at=registry.repo.path)) == [
            ("production-tree", "error")
        ]

    def test_two_from_one_tip(self, gitml: Gitml, registry: Registry) -> None:
        opening, one, two = registry.open(), registry.release(1), registry.release(2)
        first, second = registry.promotion(one, 1, opening), registry.promotion(two, 2, opening)
        registry.push(f"{first}:refs/heads/production/production-model", f"{second}:refs/heads/promote/model-v2")
        registry.repo.git("fetch", "--quiet")
        done = gitml(
            "ci", "check", "--json", "--base", "origin/production/production-model", "--head", second,
            "--branch", "promote/model-v2", at=registry.repo.path,
        )  # fmt: skip
        assert rules(done) == [("promote-shape", "error")]

    def test_nothing_is_merged_into_a_release(self, gitml: Gitml, registry: Registry) -> None:
        registry.release(1)
        registry.repo.git("fetch", "--quiet")
        registry.repo.git("switch", "--quiet", "--create", "experiments/x", "origin/models/model-v1")
        registry.repo.commit("experiment: x")
        done = gitml("ci", "check", "--json", "--base", "origin/models/model-v1", at=registry.repo.path)
        assert rules(done) == [("immutable-model", "error")]


LOCK = (
    "schema: '2.0'\nstages:\n  t:\n    cmd: x\n    outs:\n    - path: m\n      hash: md5\n"
    "      md5: c4ca4238a0b923820dcc509a6f75849b\n      size: 1\n"
)
TRAINED = {"dvc.yaml": "stages:\n  t:\n    cmd: x\n    outs: [m]\n", "dvc.lock": LOCK}
"""A stage that made the one file m, of which DVC keeps the byte 1."""


class TestData:
    def config(self, folder: Path) -> str:
        return f"[core]\n    remote = s\n['remote \"s\"']\n    url = {folder}\n"

    def test_what_mains_remote_lacks_is_told(self, gitml: Gitml, clone: Repo, tmp_path: Path) -> None:
        clone.commit("infra: remote", **{".dvc/config": self.config(tmp_path / "storage")})
        clone.run("git", "push", "origin", "HEAD:main")
        clone.git("switch", "--quiet", "--create", "experiments/x")
        clone.commit("experiment: x", **TRAINED)
        assert rules(gitml("ci", "check", "--json", at=clone.path)) == [("data-present", "warn")]
        object_ = tmp_path / "storage/files/md5/c4/ca4238a0b923820dcc509a6f75849b"
        object_.parent.mkdir(parents=True)
        object_.write_text("1")
        assert rules(gitml("ci", "check", "--json", at=clone.path)) == []

    def test_a_pull_request_does_not_choose_the_remote(self, gitml: Gitml, clone: Repo, tmp_path: Path) -> None:
        clone.commit("infra: remote", **{".dvc/config": self.config(tmp_path / "storage")})
        clone.run("git", "push", "origin", "HEAD:main")
        clone.git("switch", "--quiet", "--create", "experiments/x")
        own = tmp_path / "own/files/md5/c4/ca4238a0b923820dcc509a6f75849b"
        own.parent.mkdir(parents=True)
        own.write_text("1")
        clone.commit("experiment: x", **TRAINED, **{".dvc/config": self.config(tmp_path / "own")})
        clone.write(".dvc/config.local", self.config(tmp_path / "own"))
        assert rules(gitml("ci", "check", "--json", at=clone.path)) == [("data-present", "warn")]


class TestForges:
    def test_a_run_of_github(self, gitml: Gitml, clone: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        clone.git("switch", "--quiet", "--create", "experiments/Lr")
        clone.commit("experiment: try lr")
        head = clone.git("rev-parse", "HEAD")
        clone.git("switch", "--quiet", "--detach", "origin/main")
        clone.git("merge", "--quiet", "--no-ff", "-m", f"Merge {head} into main", head)
        told = {
            "pull_request": {
                "title": "experiment: lr",
                "base": {"ref": "main", "repo": {"full_name": "ada/flights"}},
                "head": {"ref": "experiments/Lr", "sha": head, "repo": {"full_name": "ada/flights"}},
            }
        }
        file = tmp_path / "event.json"
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(file))
        file.write_text(json.dumps(told))
        done = gitml("ci", "check", "--json", at=clone.path)
        assert rules(done) == [("branch-name", "error")]
        assert json.loads(done.out)["head"] == head
        told["pull_request"]["head"]["repo"] = {"full_name": "bo/flights"}  # type: ignore[index]
        told["pull_request"]["title"] = "Lr"
        file.write_text(json.dumps(told))
        assert rules(gitml("ci", "check", "--json", at=clone.path)) == [("commit-prefix", "error")]

    def test_a_run_of_gitlab(self) -> None:
        assert event.pull_request(
            {
                "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
                "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "experiments/lr",
                "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "",
                "CI_COMMIT_SHA": "1" * 40,
                "CI_MERGE_REQUEST_TITLE": "experiment: lr",
                "CI_MERGE_REQUEST_PROJECT_ID": "1",
                "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2",
            }
        ) == PullRequest("main", "experiments/lr", "1" * 40, "experiment: lr", True)

    @pytest.mark.parametrize(
        "content", ["", "[]", "{}", '{"pull_request": 1}', "[" * 100_000, '{"pull_request": {"base": 1, "title": 2}}']
    )
    def test_an_event_that_is_none(self, tmp_path: Path, content: str) -> None:
        file = tmp_path / "event.json"
        file.write_text(content)
        found = event.pull_request({"GITHUB_EVENT_PATH": str(file)})
        assert found in (None, PullRequest("", ""))
        assert event.pull_request({"GITHUB_EVENT_PATH": str(tmp_path / "none")}) is None
        assert event.pull_request({}) is None


class TestClones:
    def shallow(self, forge: Server) -> Repo:
        other = forge.clone("other")
        for number in range(3):
            other.commit(f"infra: {number}")
        other.git("push", "--quiet", "origin", "main", "HEAD~2:refs/heads/experiments/x")
        other.git("switch", "--quiet", "--create", "experiments/x", "HEAD~2")
        other.commit("wrong")
        other.git("push", "--quiet", "origin", "experiments/x")
        words = ["--no-single-branch", "--depth=1", "--branch=experiments/x", f"file://{forge.path}", "../shallow"]
        forge.run("git", "clone", "--quiet", *words)
        return Repo(forge.path.parent / "shallow")

    def test_a_shallow_one_is_deepened(self, gitml: Gitml, forge: Server) -> None:
        clone = self.shallow(forge)
        assert rules(gitml("ci", "check", "--json", at=clone.path)) == [("commit-prefix", "error")]

    def test_or_the_run_says_that_it_cannot_tell(self, gitml: Gitml, forge: Server) -> None:
        clone = self.shallow(forge)
        forge.path.rename(forge.path.parent / "gone")
        done = gitml("ci", "check", "--json", at=clone.path)
        assert (done.code, done.out, done.err.splitlines()[0], done.err.splitlines()[-1]) == (
            3,
            "",
            "gitml: this clone has not enough history to tell what is new",
            "  git fetch --unshallow",
        )

    def test_without_blobs(self, gitml: Gitml, forge: Server) -> None:
        forge.git("config", "uploadpack.allowFilter", "true")
        forge.run("git", "clone", "--quiet", "--filter=blob:none", f"file://{forge.path}", "../partial")
        clone = Repo(forge.path.parent / "partial")
        clone.git("switch", "--quiet", "--create", "experiments/x")
        clone.commit("experiment: run", **locked())
        assert rules(gitml("ci", "check", "--json", at=clone.path)) == []

    def test_without_the_base(self, gitml: Gitml, clone: Repo) -> None:
        done = gitml("ci", "check", "--base", "origin/nope", at=clone.path)
        assert (done.code, done.err.splitlines()[0]) == (3, "gitml: origin/nope is not in this clone")

    @pytest.mark.parametrize("base", ["main", "", "/x", "origin/"])
    def test_a_base_that_is_no_remotes_branch(self, gitml: Gitml, clone: Repo, base: str) -> None:
        assert gitml("ci", "check", "--base", base, at=clone.path).code == (2 if base else 0)

    @pytest.mark.parametrize("head", ["nope", "--all", "--output=x", "$(touch x)"])
    def test_a_head_that_is_no_commit(self, gitml: Gitml, clone: Repo, head: str) -> None:
        done = gitml("ci", "check", f"--head={head}", at=clone.path)
        says = "cannot be the name of a branch, a tag or a file here" if head[0] == "-" else "names no commit here"
        assert (done.code, done.err.splitlines()[0]) == (2, f"gitml: {head!r} {says}")
        assert not (clone.path / "x").exists()

    def test_detached_and_from_a_subfolder(self, gitml: Gitml, clone: Repo) -> None:
        clone.git("switch", "--quiet", "--detach")
        clone.commit("experiment: x", **{"a/b": "1"})
        done = gitml("ci", "check", "--json", "--branch", "experiments/x", at=clone.path / "a")
        assert (done.code, rules(done)) == (0, [])
