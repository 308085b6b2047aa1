"""``gitml model yank``: a tag that stays, refused while it would hurt, and believed by every check."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from gitml.config import Config
from gitml.conventions.versions import ModelVersion
from gitml.git.history import Commit
from gitml.git.push import RemoteMoved
from gitml.models import yank
from gitml.policy import refs
from tests.gitml.conftest import Done, Registry, Repo, Server

Command = Callable[..., Done]
TAG = "model@v1.0.0!"


@pytest.fixture
def clone(registry: Registry) -> Repo:
    """A clone of a server that has two releases, of which the second is in production."""
    registry.release(1)
    second = registry.release(2)
    opening = registry.open()
    promoted = registry.promotion(second, 2, opening)
    assert registry.push(f"{promoted}:refs/heads/production/production-model").code == 0
    return registry.repo


def state(server: Server, clone: Repo) -> tuple[str, str]:
    """Return what the tag is on the server, and here; empty for nothing."""
    words = ("git", "rev-parse", "--quiet", "--verify", f"refs/tags/{TAG}")
    return server.run(*words).out.strip(), clone.run(*words).out.strip()


def said(done: Done) -> str:
    """Return what the server said, without its line ends."""
    return " ".join(done.err.replace("remote:", "").split())


def test_a_release_is_marked_on_the_server_and_here(server: Server, clone: Repo, gitml: Command) -> None:
    done = gitml("model", "yank", "v1", "--reason", "trained on\n wrong labels, #12", at=clone.path)
    assert done == Done(
        0,
        "✓ model-v1 is yanked on origin: trained on wrong labels, #12\nnext  gitml model list --all\n",
        "",
    )
    there, here = state(server, clone)
    assert there == here != ""
    told = server.git("cat-file", "tag", TAG).splitlines()
    assert told[0] == f"object {server.tip('models/model-v1')}"
    assert told[1:3] == ["type commit", f"tag {TAG}"]
    assert told[4:] == ["", "trained on wrong labels, #12"]
    listed = json.loads(gitml("model", "list", "--all", "--json", at=clone.path).out)["models"]
    assert [(row["name"], row["stage"]) for row in listed] == [("model-v2", "production"), ("model-v1", "yanked")]


def test_the_same_again_changes_nothing_and_says_who_did_it(server: Server, clone: Repo, gitml: Command) -> None:
    gitml("model", "yank", "v1", "--reason", "first", at=clone.path)
    before = state(server, clone)
    done = gitml("model", "yank", "v1", "--reason", "second", "--json", at=clone.path)
    assert done.code == 0
    assert json.loads(done.out) == {
        "version": "model-v1", "tag": TAG, "remote": "origin", "reason": "first", "person": "Ada", "is_new": False,
    }  # fmt: skip
    assert "was yanked before, by Ada: first" in gitml("model", "yank", "v1", "--reason", "x", at=clone.path).out
    assert state(server, clone) == before
    other = server.clone("other")
    assert gitml("model", "yank", "model@v1.0.0", "--reason", "x", at=other.path).code == 0
    assert state(server, other) == before


def test_a_dry_run_says_what_would_be_done_and_does_nothing(server: Server, clone: Repo, gitml: Command) -> None:
    done = gitml("model", "yank", "v1", "--reason", "x", "--dry-run", at=clone.path)
    assert done.out.splitlines() == [
        f"would push the tag {TAG} to origin",
        f"would make the tag {TAG} here",
        "would write down what was done",
    ]
    assert state(server, clone) == ("", "")
    assert len(json.loads(gitml("model", "yank", "v1", "--reason", "x", "--dry-run", "--json", at=clone.path).out)) == 3


def test_what_is_in_production_is_not_yanked_and_the_way_back_is_named(
    server: Server, clone: Repo, gitml: Command
) -> None:
    done = gitml("model", "yank", "v2", "--reason", "bad", at=clone.path)
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "gitml: model-v2 is in production on origin, so it is not yanked",
        "  Nobody could tell what is to be served instead. First another model has to be",
        "  there. Nothing was changed.",
        "Mend:",
        '  gitml model rollback --model model --reason "…" --now',
        '  gitml model yank model-v2 --reason "…"   # then',
    ]
    assert server.git("tag", "--list", "*!") == ""


def test_a_clone_that_does_not_know_of_a_promotion_asks_first(
    server: Server, clone: Repo, registry: Registry, gitml: Command
) -> None:
    stale = server.clone("stale")
    tip = server.tip("production/production-model")
    first = server.tip("models/model-v1")
    back = registry.promotion(first, 1, tip)
    assert registry.push(f"{back}:refs/heads/production/production-model").code == 0
    assert gitml("model", "yank", "v1", "--reason", "bad", at=stale.path).code == 1
    assert gitml("model", "yank", "v2", "--reason", "bad", at=stale.path).code == 0


@pytest.mark.parametrize("reason", ["", "  \n ", "x" * 501])
def test_a_reason_is_a_line(clone: Repo, gitml: Command, reason: str) -> None:
    assert gitml("model", "yank", "v1", "--reason", reason, at=clone.path).code == 2


def test_who_yanks_needs_a_remote_an_identity_and_a_release(
    clone: Repo, repo: Repo, gitml: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gitml("model", "yank", "v9", "--reason", "x", at=clone.path).code == 2
    assert gitml("model", "yank", "v1", "--reason", "x", at=repo.path).code == 3
    assert gitml("model", "yank", "v1", "--reason", "x", "--remote", "nobody", at=clone.path).code == 3
    clone.git("config", "--global", "--unset", "user.email")
    done = gitml("model", "yank", "v1", "--reason", "x", at=clone.path)
    assert (done.code, done.err.splitlines()[0]) == (3, "gitml: git does not know who commits")


def test_a_mark_that_gto_made_here_is_pushed_as_it_is(server: Server, clone: Repo, gitml: Command) -> None:
    clone.git("tag", "--annotate", "-m", "from gto", TAG, "origin/models/model-v1")
    here = state(server, clone)[1]
    done = gitml("model", "yank", "v1", "--reason", "mine", at=clone.path)
    assert done.out.splitlines()[0] == "✓ model-v1 is yanked on origin: from gto"
    assert state(server, clone) == (here, here)


def test_a_tag_here_or_there_that_marks_something_else_is_in_the_way(
    server: Server, clone: Repo, gitml: Command
) -> None:
    clone.git("tag", "--annotate", "-m", "squats", TAG, "origin/main")
    done = gitml("model", "yank", "v1", "--reason", "x", at=clone.path)
    assert done.code == 1
    assert done.err.splitlines()[0] == f"gitml: there is a tag {TAG} in this clone, and it does not mark the release"
    clone.git("tag", "--delete", TAG)
    server.git("tag", TAG, "main")
    done = gitml("model", "yank", "v1", "--reason", "x", at=clone.path)
    assert done.code == 1
    assert f"there is a tag {TAG} in origin" in done.err


@pytest.mark.parametrize("step", ["push", "tag", "log"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_anywhere_and_run_again_it_ends_the_same(server: Server, clone: Repo, step: str, when: str) -> None:
    words = (sys.executable, "-m", "gitml", "model", "yank", "v1", "--reason", "bad")
    killed = clone.run(*words, GITML_CRASH_AT=f"model yank:{step}:{when}")
    assert killed.code == -signal.SIGKILL
    there, here = state(server, clone)
    assert (there != "") == ((step, when) != ("push", "before"))
    assert here in ("", there)
    assert clone.run(*words).code == 0
    after = state(server, clone)
    assert after[0] == after[1] != ""
    assert there in ("", after[0])
    assert server.git("tag", "--list", "*!") == TAG


def test_two_at_once_are_one(server: Server, clone: Repo) -> None:
    other = server.clone("other")
    words = [sys.executable, "-m", "gitml", "model", "yank", "v1", "--reason"]
    running = [
        subprocess.Popen([*words, name], cwd=one.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for name, one in (("a", clone), ("b", other))
    ]
    said = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    there, here = state(server, clone)
    assert there == here == state(server, other)[1] != ""


def test_who_loses_the_race_sees_whose_reason_stands(
    server: Server, clone: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = server.clone("other")
    push = yank.push_atomically

    def late(remote: str, *rest: object) -> object:
        monkeypatch.setattr(yank, "push_atomically", push)
        yank.yank("v1", "theirs", at=other.path)
        return push(remote, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(yank, "push_atomically", late)
    done = yank.yank("v1", "mine", at=clone.path)
    assert (done.is_new, done.reason) == (False, "theirs")

    def moved(*_: object) -> object:
        raise RemoteMoved("origin", {"refs/tags/another": None})

    server.git("tag", "--delete", TAG)
    clone.git("tag", "--delete", TAG)
    monkeypatch.setattr(yank, "push_atomically", moved)
    with pytest.raises(RemoteMoved):
        yank.yank("v1", "mine", at=clone.path)


class TestRules:
    """What was yanked gets nowhere, by hand neither."""

    @pytest.fixture
    def yanked(self, server: Server, clone: Repo, gitml: Command) -> Repo:
        assert gitml("model", "yank", "v1", "--reason", "bad", at=clone.path).code == 0
        return clone

    def promotion(self, server: Server, registry: Registry, number: int) -> str:
        tip = server.tip("production/production-model")
        return registry.promotion(server.tip(f"models/model-v{number}"), number, tip)

    def test_its_promotion_is_refused(self, server: Server, registry: Registry, yanked: Repo) -> None:
        commit = self.promotion(server, registry, 1)
        done = registry.push(f"{commit}:refs/heads/promote/model-v1")
        assert done.code == 1
        assert "model-v1 is yanked" in done.err and "promote-shape" in done.err

    def test_it_is_no_way_forward_and_no_way_back(
        self, server: Server, registry: Registry, clone: Repo, gitml: Command
    ) -> None:
        branch = "refs/heads/production/production-model"
        assert registry.push(f"{self.promotion(server, registry, 1)}:{branch}").code == 0
        assert registry.push(f"{self.promotion(server, registry, 2)}:{branch}").code == 0
        assert gitml("model", "yank", "v1", "--reason", "bad", at=clone.path).code == 0
        done = registry.push(f"{self.promotion(server, registry, 1)}:{branch}")
        assert done.code == 1
        assert "brings model-v1, which is yanked" in said(done) and "production-tree" in said(done)
        both = registry.promotion(server.tip("models/model-v2"), 2, self.promotion(server, registry, 1))
        assert registry.push(f"{both}:{branch}").code == 1

    def test_the_tag_and_the_promotion_in_one_push(self, server: Server, registry: Registry, clone: Repo) -> None:
        clone.git("tag", "--annotate", "-m", "bad", TAG, "origin/models/model-v1")
        commit = self.promotion(server, registry, 1)
        done = registry.push(f"{commit}:refs/heads/production/production-model", f"refs/tags/{TAG}")
        assert done.code == 1
        assert "brings model-v1, which is yanked" in said(done)
        assert "model-v1 is in production and cannot be yanked" in said(done)

    def test_what_is_in_production_is_not_yanked_by_hand(self, server: Server, registry: Registry, clone: Repo) -> None:
        clone.git("tag", "--annotate", "-m", "bad", "model@v2.0.0!", "origin/models/model-v2")
        done = registry.push("refs/tags/model@v2.0.0!")
        assert done.code == 1
        assert "model-v2 is in production and cannot be yanked" in said(done)

    def test_a_tag_elsewhere_withdraws_nothing(self, server: Server, registry: Registry, clone: Repo) -> None:
        server.git("tag", "--annotate", "-m", "squats", TAG, "main")
        assert registry.push(f"{self.promotion(server, registry, 1)}:refs/heads/promote/model-v1").code == 0

    def test_ci_check_asks_the_remote_although_the_clone_has_no_tags(
        self, server: Server, registry: Registry, clone: Repo, gitml: Command
    ) -> None:
        commit = self.promotion(server, registry, 1)
        assert registry.push(f"{commit}:refs/heads/promote/model-v1").code == 0
        server.run("git", "clone", "--quiet", "--no-tags", str(server.path), "../ci")
        ci = Repo(server.path.parent / "ci")
        ci.git("switch", "--quiet", "--detach", "origin/promote/model-v1")
        words = ("ci", "check", "--base", "origin/production/production-model", "--branch", "promote/model-v1")
        before = gitml(*words, at=ci.path)
        assert "yanked" not in before.out + before.err
        assert gitml("model", "yank", "v1", "--reason", "bad", at=clone.path).code == 0
        done = gitml(*words, at=ci.path)
        assert done.code == 1
        assert "model-v1 is yanked" in done.out + done.err
        assert ci.git("tag", "--list") == ""


class TestTheRulesThemselves:
    """The same as values, without a repository."""

    release = refs.Tip("r" * 40, "t" * 40)
    commit = Commit("c" * 40, "t" * 40, ("p" * 40,), "Ada <ada@example.com>", "model: promote model-v1\n")

    def test_a_promotion(self) -> None:
        update = refs.RefUpdate("refs/heads/promote/model-v1", None, self.commit.oid)
        tip = refs.Tip("p" * 40, "u" * 40)
        found = refs.promote_shape(update, self.commit, tip, self.release, Config(), is_yanked=True)
        assert found is not None
        assert (found.rule, found.severity, found.what) == ("promote-shape", "error", "model-v1 is yanked")
        off = Config(rules=(("promote-shape", "off"),))
        assert refs.promote_shape(update, self.commit, tip, self.release, off, is_yanked=True) is None

    def test_production(self) -> None:
        update = refs.RefUpdate("refs/heads/production/production-model", "p" * 40, self.commit.oid)
        move = refs.Move([self.commit], True)
        trees = {self.commit.tree}
        assert refs.production_tree(update, move, trees, True, Config()) == []
        yanked = {self.commit.tree: ModelVersion("model", 1)}
        (found,) = refs.production_tree(update, move, trees, True, Config(), yanked)
        assert found.what == f'{"c" * 10} "model: promote model-v1" brings model-v1, which is yanked'

    def test_a_tag(self) -> None:
        update = refs.RefUpdate(f"refs/tags/{TAG}", None, "o" * 40)
        target = refs.Target(self.release.commit, True, TAG)
        releases = {"models/model-v1": self.release}
        assert refs.model_tag(update, target, releases, (), Config()) is None
        assert refs.model_tag(update, target, releases, (), Config(), "another tree") is None
        found = refs.model_tag(update, target, releases, (), Config(), self.release.tree)
        assert found is not None
        assert found.what == "model-v1 is in production and cannot be yanked"
