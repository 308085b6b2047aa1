"""Pull requests on each forge: found, opened, changed, commented, approved, merged for real."""

from __future__ import annotations

import os

import pytest

from gitml.forges.base import Forge, PullRequest
from gitml.forges.connect import connect
from gitml.forges.problems import ForgeSaysNo, NotAllowed, NotKnownIfDone

from .conftest import Registry, Repo
from .forge_repository import MergeRefused
from .forge_server import ForgeServer

KINDS = ("github", "gitlab", "gitea")
BASE = "production/production-model"


@pytest.fixture(params=KINDS)
def forge_server(request: pytest.FixtureRequest) -> ForgeServer:
    return request.getfixturevalue(f"{request.param}_server")


@pytest.fixture
def forge(forge_server: ForgeServer) -> Forge:
    return connected(forge_server)


def connected(server: ForgeServer, token: str = "") -> Forge:
    """Return the forge as somebody with a token sees it."""
    made = connect(server.remote_url, environ={**os.environ, "GITML_FORGE_TOKEN": token or server.token})
    assert made is not None
    return made


def pushed(server: ForgeServer, branch: str = "experiments/lr", **files: str) -> Repo:
    """Push a branch with one commit more than main."""
    repo = server.clone(branch.replace("/", "-"))
    repo.git("switch", "--quiet", "--create", branch)
    repo.commit("experiment: try", **(files or {"lr": branch}))
    repo.git("push", "--quiet", "origin", branch)
    return repo


def promoted(server: ForgeServer) -> tuple[Registry, str, str]:
    """Release model-v1 and push its promotion; return the registry, production's tip and the promotion."""
    registry = Registry(server.clone("registry"))
    opening = registry.open()
    release = registry.release(1)
    promotion = registry.promotion(release, 1, opening)
    done = registry.push(f"{promotion}:refs/heads/promote/model-v1")
    assert done.code == 0, done.err
    return registry, opening, promotion


class TestOpen:
    def test_a_pull_request_as_it_is_everywhere(self, forge_server: ForgeServer, forge: Forge) -> None:
        repo = pushed(forge_server)
        assert forge.find("experiments/lr", "main") is None
        made = forge.open("experiments/lr", "main", "experiment: try", "Because.\n\n- so")
        assert made == PullRequest(
            1,
            made.url,
            "open",
            "experiments/lr",
            "main",
            repo.git("rev-parse", "HEAD"),
            "experiment: try",
            "Because.\n\n- so",
            (),
            "ada",
            "",
        )
        assert made.url.startswith(forge_server.url) and made.url.endswith("/1")
        assert forge.state(1) == forge.find("experiments/lr", "main") == made
        assert forge.list_open("main") == [made]
        assert forge.list_open("other") == []

    def test_one_that_is_open_gets_the_new_words(self, forge_server: ForgeServer, forge: Forge) -> None:
        pushed(forge_server)
        forge.open("experiments/lr", "main", "one", "1")
        assert forge.open("experiments/lr", "main", "two", "2")[:9:6] == (1, "two")
        assert forge.state(1).body == "2"
        before = len(forge_server.requests)
        assert forge.open("experiments/lr", "main", "two", "2").number == 1
        assert {one.method for one in forge_server.requests[before:]} == {"GET"}

    def test_one_that_somebody_opened_just_now(self, forge_server: ForgeServer, forge: Forge) -> None:
        """Between the look and the question another machine was faster: the forge calls it a duplicate."""
        pushed(forge_server)
        answer = forge_server.answer

        def race(asked: object) -> object:
            if asked.method == "POST":  # type: ignore[attr-defined]
                forge_server.answer = answer  # type: ignore[method-assign]
                forge_server.add("experiments/lr", "main", "theirs", "", "bo")
            return answer(asked)  # type: ignore[arg-type]

        forge_server.answer = race  # type: ignore[method-assign,assignment]
        made = forge.open("experiments/lr", "main", "ours", "x")
        assert (made.number, made.title, made.author, len(forge_server.pulls)) == (1, "ours", "bo", 1)

    def test_only_some_words_are_changed(self, forge_server: ForgeServer, forge: Forge) -> None:
        pushed(forge_server)
        forge.open("experiments/lr", "main", "one", "1")
        assert forge.update(1, title="two")[6:8] == ("two", "1")
        assert forge.update(1, body="2")[6:8] == ("two", "2")
        assert forge.update(1, title=" of\nseveral\tlines ").title == "of several lines"

    def test_the_newest_of_several(self, forge_server: ForgeServer, forge: Forge) -> None:
        pushed(forge_server)
        for _ in range(3):
            number = forge.open("experiments/lr", "main", "t", "").number
            if number < 3:
                forge_server.pulls[number].state = "closed"
        assert forge.find("experiments/lr", "main").number == 3  # type: ignore[union-attr]
        assert forge.find("experiments/lr", "main", "closed").number == 2  # type: ignore[union-attr]
        assert forge.find("experiments/lr", "main", "all").number == 3  # type: ignore[union-attr]
        assert forge.find("experiments/lr", "main", "merged") is None

    def test_a_fork_may_call_its_branch_the_same(self, forge_server: ForgeServer, forge: Forge) -> None:
        pushed(forge_server)
        forge_server.add("experiments/lr", "main", "theirs", "", "mallory", is_from_fork=True)
        assert forge.find("experiments/lr", "main") is None
        assert forge.list_open("main") == []

    def test_hundreds_of_them(self, forge_server: ForgeServer, forge: Forge) -> None:
        pushed(forge_server)
        for number in range(105):
            forge_server.add("experiments/lr", "main", f"{number}", "", "bo")
        forge_server.refresh = lambda: None  # type: ignore[method-assign]
        assert [one.number for one in forge.list_open("main")] == list(range(105, 0, -1))
        pages = [one for one in forge_server.requests if "page" in one.query]
        assert len(pages) == (2 if forge.name == "gitea" else 1)

    def test_a_head_that_was_never_pushed(self, forge_server: ForgeServer, forge: Forge) -> None:
        with pytest.raises((ForgeSaysNo, NotAllowed)) as refused:
            forge.open("experiments/none", "main", "t", "")
        assert forge_server.pulls == {}
        assert refused.value.mend

    def test_a_branch_without_a_commit_of_its_own(self, forge_server: ForgeServer, forge: Forge) -> None:
        if forge.name == "gitlab":  # which opens an empty one
            return
        forge_server.repository.git("branch", "experiments/same", "main")
        with pytest.raises(ForgeSaysNo) as refused:
            forge.open("experiments/same", "main", "t", "")
        assert refused.value.status == 422
        assert "between" in refused.value.why

    def test_odd_names(self, forge_server: ForgeServer, forge: Forge) -> None:
        head = "infra/a+b@c=d#e"
        pushed(forge_server, head)
        assert forge.open(head, "main", "t", "").head == head
        assert forge.find(head, "main") is not None


class TestComment:
    def test_ours_is_written_once_and_rewritten(self, forge_server: ForgeServer, forge: Forge) -> None:
        pushed(forge_server)
        forge.open("experiments/lr", "main", "t", "")
        first = forge.comment(1, "**better**", "evidence")
        assert first.startswith(f"{forge_server.url}/") and "#" in first
        assert forge.comment(1, "worse", "evidence") == first
        assert forge.comment(1, "worse", "evidence") == first
        assert forge.comment(1, "other", "other") != first
        assert [one.body for one in forge_server.pulls[1].comments] == [
            "<!-- gitml: evidence -->\nworse",
            "<!-- gitml: other -->\nother",
        ]

    def test_somebody_elses_is_left_alone(self, forge_server: ForgeServer, forge: Forge) -> None:
        pushed(forge_server)
        forge.open("experiments/lr", "main", "t", "")
        forge_server.say(1, "mallory", "<!-- gitml: evidence -->\nall is well")
        forge_server.say(1, "ada", "I quote\n<!-- gitml: evidence -->")
        for number in range(120):
            forge_server.say(1, "bo", f"{number}")
        forge.comment(1, "true", "evidence")
        forge.comment(1, "truer", "evidence")
        bodies = [one.body for one in forge_server.pulls[1].comments]
        assert (bodies[0][-4:], bodies[1][:7], bodies[-1]) == ("well", "I quote", "<!-- gitml: evidence -->\ntruer")
        assert len(bodies) == 123

    @pytest.mark.parametrize("marker", ["", "a-->b", "a--b", "a\nb", "<b>", "-a"])
    def test_a_marker_that_would_break_out(self, forge_server: ForgeServer, forge: Forge, marker: str) -> None:
        with pytest.raises(Exception, match="cannot mark a comment"):
            forge.comment(1, "x", marker)

    def test_a_text_that_is_too_long_is_cut_after_a_line(self, github_server: ForgeServer) -> None:
        forge = connected(github_server)
        pushed(github_server)
        forge.open("experiments/lr", "main", "t" * 300, "word\n" * 20_000)
        assert len(github_server.pulls[1].title) == 255
        body = github_server.pulls[1].body
        assert 65_000 < len(body) <= 65_536
        assert body.endswith("word\n\n\n(cut here: it was longer than the forge takes)\n")
        forge.comment(1, "```\n" + "word\n" * 20_000 + "```\n", "evidence")
        comment = github_server.pulls[1].comments[0].body
        assert len(comment) <= 65_536
        assert comment.count("```") == 2


class TestApprovals:
    def test_only_who_approves_the_present_head(self, forge_server: ForgeServer, forge: Forge) -> None:
        repo = pushed(forge_server)
        forge.open("experiments/lr", "main", "t", "")
        for login in ("bo", "cy", "ada"):
            forge_server.approve(1, login)
        assert forge.state(1).approvals == ("bo", "cy")
        repo.commit("experiment: more", more="1")
        repo.git("push", "--quiet", "origin", "experiments/lr")
        assert forge.state(1).approvals == ()
        forge_server.approve(1, "cy")
        assert forge.find("experiments/lr", "main").approvals == ("cy",)  # type: ignore[union-attr]
        assert forge.list_open("main")[0].approvals == ("cy",)

    def test_the_last_word_counts(self, forge_server: ForgeServer, forge: Forge) -> None:
        pushed(forge_server)
        forge.open("experiments/lr", "main", "t", "")
        forge_server.approve(1, "bo")
        forge_server.approve(1, "bo", verdict="comment")
        assert forge.state(1).approvals == ("bo",)
        forge_server.approve(1, "bo", verdict="dismiss")
        assert forge.state(1).approvals == ()
        if forge.name != "gitlab":
            forge_server.approve(1, "bo")
            forge_server.approve(1, "bo", verdict="reject")
            assert forge.state(1).approvals == ()
            forge_server.approve(1, "mallory", is_insider=False)
            assert forge.state(1).approvals == ()


class TestMerge:
    @pytest.mark.parametrize("how", ["merge", "squash", "rebase", "fast-forward"])
    def test_a_promotion_by_the_hook_of_the_server(self, forge_server: ForgeServer, forge: Forge, how: str) -> None:
        if forge.name == "github" and how == "fast-forward":
            with pytest.raises(MergeRefused):
                self.merged(forge_server, forge, how)
            return
        if forge.name == "gitlab":
            if how == "rebase":
                return  # which GitLab does by a button on the branch, not as a way of merging
            forge_server.settings["merge_method"] = "ff" if how == "fast-forward" else "rebase_merge"  # type: ignore[attr-defined]
        registry, found, merge = self.merged(forge_server, forge, how)
        assert found.state == "merged" and found.merge_commit == merge == forge_server.repository.tip(BASE)
        registry.repo.git("fetch", "--quiet")
        trees = [registry.repo.git("rev-parse", f"origin/{one}^{{tree}}") for one in (BASE, "models/model-v1")]
        assert trees[0] == trees[1]
        assert forge.find("promote/model-v1", BASE) is None
        assert forge.find("promote/model-v1", BASE, "merged") == found

    def merged(self, server: ForgeServer, forge: Forge, how: str) -> tuple[Registry, PullRequest, str]:
        registry, _, _ = promoted(server)
        number = forge.open("promote/model-v1", BASE, "model: promote model-v1", "Evidence.").number
        merge = server.merge(number, how)
        return registry, forge.state(number), merge

    def test_what_the_hook_declines_stays_open(self, forge_server: ForgeServer, forge: Forge) -> None:
        registry, opening, _ = promoted(forge_server)
        wrong = registry.store(registry.tree(model="forged"), opening, message="model: promote model-v1")
        registry.repo.git("push", "--quiet", "--force", "origin", f"{wrong}:refs/heads/infra/forged")
        forge.open("infra/forged", BASE, "model: promote", "")
        with pytest.raises(MergeRefused, match="production-tree"):
            forge_server.merge(1)
        assert forge.state(1).state == "open"
        assert forge_server.repository.tip(BASE) == opening

    def test_a_branch_that_is_gone(self, forge_server: ForgeServer, forge: Forge) -> None:
        repo = pushed(forge_server)
        forge.open("experiments/lr", "main", "t", "")
        repo.git("push", "--quiet", "origin", ":experiments/lr")
        assert forge.state(1).state == "closed"
        assert forge.find("experiments/lr", "main") is None
        assert forge.find("experiments/lr", "main", "closed").head == "experiments/lr"  # type: ignore[union-attr]

    def test_a_push_of_the_same_commit_to_the_base(self, forge_server: ForgeServer, forge: Forge) -> None:
        repo = pushed(forge_server)
        forge.open("experiments/lr", "main", "t", "")
        repo.git("push", "--quiet", "origin", "experiments/lr:main")
        assert forge.state(1)[2::8] == ("merged", repo.git("rev-parse", "HEAD"))


class TestOnce:
    """A question that makes something is not asked twice blindly."""

    @pytest.mark.parametrize("status", [0, 502, 503, 504])
    @pytest.mark.parametrize("is_done", [True, False])
    def test_open(
        self, forge_server: ForgeServer, forge: Forge, pauses: list[float], status: int, is_done: bool
    ) -> None:
        pushed(forge_server)
        forge_server.fail_next(status, method="POST", is_done=is_done)
        assert forge.open("experiments/lr", "main", "t", "b")[:3:2] == (1, "open")
        assert len(forge_server.pulls) == 1
        posts = [one for one in forge_server.requests if one.method == "POST"]
        assert (len(posts), len(pauses)) == (1 if is_done else 2, 1)

    def test_comment(self, forge_server: ForgeServer, forge: Forge, pauses: list[float]) -> None:
        pushed(forge_server)
        forge.open("experiments/lr", "main", "t", "b")
        forge_server.fail_next(502, method="POST", is_done=True)
        forge.comment(1, "x", "evidence")
        assert len(forge_server.pulls[1].comments) == 1

    def test_a_forge_that_never_says_whether_it_did(
        self, forge_server: ForgeServer, forge: Forge, pauses: list[float]
    ) -> None:
        pushed(forge_server)
        forge_server.fail_next(502, method="POST", times=99)
        with pytest.raises(NotKnownIfDone, match="could not be reached"):
            forge.open("experiments/lr", "main", "t", "b")
        assert len(pauses) == 3
