"""From a release to production on GitHub, GitLab and Gitea, whose stand-ins merge for real, behind pre-receive."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from markdown_it import MarkdownIt

from .conftest import Done, Repo, Server
from .forge_repository import MergeRefused
from .forge_server import ForgeServer
from .teams import CONFIG, PRODUCTION, Team, released, team

pytestmark = pytest.mark.slow

__all__ = ["team"]

Gitml = Callable[..., Done]


@pytest.fixture
def server(team: Team) -> Server:
    """The bare repository of the team is that of the forge."""
    return team.server


@pytest.fixture(params=["github", "gitlab", "gitea"])
def forge(request: pytest.FixtureRequest, team: Team) -> ForgeServer:
    found: ForgeServer = request.getfixturevalue(f"{request.param}_server")
    return connected(found, team)


@pytest.fixture
def hub(github_server: ForgeServer, team: Team) -> ForgeServer:
    return connected(github_server, team)


def connected(forge: ForgeServer, team: Team) -> ForgeServer:
    """Let the clone's remote be the forge, whose git goes to the bare repository."""
    team.ada.git("config", f"url.{team.server.path}.insteadOf", forge.remote_url)
    team.ada.git("config", "remote.origin.url", forge.remote_url)
    return forge


def promoted(team: Team, gitml: Gitml, version: str) -> int:
    """Promote a release, and return the number of its pull request."""
    done = gitml("model", "promote", version, "--json", at=team.ada.path)
    assert done.code == 0, done.err
    number: int = json.loads(done.out)["pull_request"]["number"]
    return number


class TestPromote:
    def test_it_opens_the_pull_request(self, team: Team, forge: ForgeServer, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        done = gitml("model", "promote", "v1", at=team.ada.path)
        assert done.code == 0, done.err
        (pull,) = forge.pulls.values()
        assert (pull.head, pull.base, pull.title) == ("promote/model-v1", PRODUCTION, "model: promote model-v1")
        assert "is the first model" in pull.body or "nothing in production" in pull.body
        assert "roc_auc" in pull.body.replace("\\", "")
        assert f"  pull request {pull.number}: {forge.url}" in done.out
        again = gitml("model", "promote", "v1", at=team.ada.path)
        assert again.code == 0 and len(forge.pulls) == 1

    def test_its_plots_are_images_of_the_released_commit(self, team: Team, forge: ForgeServer, gitml: Gitml) -> None:
        ada = team.ada
        ada.git("switch", "--quiet", "experiments/lower")
        ada.commit("experiment: a picture", **{"reports/lower/roc.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>"})
        released(team, gitml, "lower")
        body = forge.pulls[promoted(team, gitml, "v1")].body
        commit = team.server.git("rev-parse", "models/model-v1")
        tokens = [one for token in MarkdownIt("commonmark").parse(body) for one in (token.children or ())]
        (image,) = [str(one.attrGet("src")) for one in tokens if one.type == "image"]
        assert image.startswith(f"{forge.remote_url.removesuffix('.git')}/")
        assert commit in image and image.partition("?")[0].endswith("reports/lower/roc.svg")

    @pytest.mark.parametrize("how", ["merge", "squash"])
    def test_merged_there_production_is_the_model(self, team: Team, hub: ForgeServer, gitml: Gitml, how: str) -> None:
        released(team, gitml, "lower", "middle")
        hub.merge(promoted(team, gitml, "v1"), how)
        assert team.tree(PRODUCTION) == team.tree("models/model-v1")
        second = promoted(team, gitml, "v2")
        assert "model-v2" in hub.pulls[second].body.splitlines()[0]
        assert "model-v1" in hub.pulls[second].body.splitlines()[0]
        hub.merge(second, how)
        assert team.tree(PRODUCTION) == team.tree("models/model-v2")
        told = json.loads(gitml("ci", "record", "--json", at=team.ada.path).out)
        assert [one["tag"] for one in told["assigned"]] == ["model#production#1", "model#production#2"]

    def test_the_second_of_two_is_the_same_pull_request_built_anew(
        self, team: Team, forge: ForgeServer, gitml: Gitml
    ) -> None:
        released(team, gitml, "lower", "middle", "higher")
        forge.merge(promoted(team, gitml, "v1"), "squash")
        first, second = promoted(team, gitml, "v2"), promoted(team, gitml, "v3")
        forge.merge(first, "merge")
        with pytest.raises(MergeRefused):
            forge.merge(second, "merge")
        before = forge.pulls[second].commit
        done = gitml("ci", "record", at=team.ada.path)
        assert done.code == 0, done.err
        assert "build promote/model-v3 anew" in done.out and f"pull request {second} says so" in done.out
        assert forge.pull(second).commit != before
        assert "model-v2" in forge.pulls[second].body.splitlines()[0]
        forge.merge(second, "merge")
        assert team.tree(PRODUCTION) == team.tree("models/model-v3")
        assert len(forge.pulls) == 3

    @pytest.mark.parametrize("ill", [1, 2])
    def test_where_the_forge_fails_for_some_the_others_are_updated(
        self, team: Team, hub: ForgeServer, gitml: Gitml, pauses: list[float], ill: int
    ) -> None:
        team.law(CONFIG.replace("tolerance = 0.005", "").replace("0.7005", "0.7"))
        released(team, gitml, "small", "lower", "middle", "higher")
        hub.merge(promoted(team, gitml, "v1"), "squash")
        first, *numbers = [promoted(team, gitml, version) for version in ("v2", "v3", "v4")]
        hub.merge(first, "merge")
        hub.fail_next(403, times=ill)
        done = gitml("ci", "record", at=team.ada.path)
        assert (done.code, "could not be" in done.err, "promote/model-v3" in done.err) == (3, True, True)
        names = ["model-v2" in hub.pulls[number].body.splitlines()[0] for number in numbers]
        assert names == [False, ill == 1]
        hub.failures.clear()
        assert gitml("ci", "record", at=team.ada.path).code == 0
        assert all("model-v2" in hub.pulls[number].body.splitlines()[0] for number in numbers)
        ticked = hub.pulls[numbers[0]].body = hub.pulls[numbers[0]].body.replace("- [ ] I read", "- [x] I read")
        assert gitml("ci", "record", at=team.ada.path).code == 0
        assert "- [x] I read" in ticked and hub.pulls[numbers[0]].body == ticked
        hub.fail_next(403, times=1)
        assert gitml("ci", "record", at=team.ada.path).code == 3

    def test_one_that_somebody_closed_is_not_opened_again(self, team: Team, hub: ForgeServer, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        hub.pulls[promoted(team, gitml, "v1")].state = "closed"
        assert gitml("ci", "record", at=team.ada.path).code == 0
        assert [pull.state for pull in hub.pulls.values()] == ["closed"]

    def test_without_a_token_what_is_recorded_already_is_left_alone(
        self, team: Team, hub: ForgeServer, gitml: Gitml, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        released(team, gitml, "lower")
        promoted(team, gitml, "v1")
        monkeypatch.delenv("GITML_FORGE_TOKEN")
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
        assert gitml("ci", "record", at=team.ada.path).code == 0

    def test_it_is_merged_there_and_not_here(self, team: Team, hub: ForgeServer, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        promoted(team, gitml, "v1")
        before = team.refs()
        done = gitml("model", "promote", "v1", "--merge", at=team.ada.path)
        assert (done.code, "is merged where its pull request is" in done.err) == (1, True)
        assert team.refs() == before
        team.law(CONFIG + '[forge]\nkind = "none"\n')
        assert gitml("model", "promote", "v1", "--merge", at=team.ada.path).code == 0

    def test_without_a_token_it_is_pushed_and_says_where_to_go_on(
        self, team: Team, hub: ForgeServer, gitml: Gitml, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        released(team, gitml, "lower")
        monkeypatch.delenv("GITML_FORGE_TOKEN")
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
        done = gitml("model", "promote", "v1", at=team.ada.path)
        assert done.code == 3
        assert "refs/heads/promote/model-v1" in team.refs()
        assert "✓ promote/model-v1 opened" in done.out
        assert "its pull request could not be opened: there is no token" in " ".join(done.err.split())
        assert "/compare/production/production-model...promote/model-v1" in done.err
        monkeypatch.setenv("GITML_FORGE_TOKEN", hub.token)
        assert gitml("model", "promote", "v1", at=team.ada.path).code == 0
        assert len(hub.pulls) == 1

    @pytest.mark.parametrize("is_listening", [True, False])
    def test_without_a_token_gitlab_opens_it_by_itself(
        self, team: Team, gitlab_server: ForgeServer, gitml: Gitml, monkeypatch: pytest.MonkeyPatch, is_listening: bool
    ) -> None:
        lab = connected(gitlab_server, team)
        released(team, gitml, "lower", "higher")
        lab.merge(promoted(team, gitml, "v1"))
        team.server.git("config", "receive.advertisePushOptions", str(is_listening).lower())
        monkeypatch.delenv("GITML_FORGE_TOKEN")
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
        done = gitml("model", "promote", "v2", at=team.ada.path)
        assert done.code == 3
        assert "refs/heads/promote/model-v2" in team.refs()
        assert "GitLab was asked with the push" in " ".join(done.err.split())
        opened = [pull.title for pull in lab.newest() if pull.state == "open"]
        assert opened == ["model: promote model-v2"] * is_listening

    def test_a_forge_that_says_no(self, team: Team, forge: ForgeServer, gitml: Gitml, pauses: list[float]) -> None:
        released(team, gitml, "lower")
        forge.fail_next(403, times=50)
        done = gitml("model", "promote", "v1", at=team.ada.path)
        assert done.code in (1, 3) and "could not be opened" in done.err
        assert forge.token not in done.out + done.err
        assert "refs/heads/promote/model-v1" in team.refs()
        forge.failures.clear()
        assert gitml("model", "promote", "v1", at=team.ada.path).code == 0
        assert len(forge.pulls) == 1

    def test_a_forge_that_is_ill_for_a_moment(
        self, team: Team, forge: ForgeServer, gitml: Gitml, pauses: list[float]
    ) -> None:
        released(team, gitml, "lower")
        forge.fail_next(502, times=2)
        done = gitml("model", "promote", "v1", at=team.ada.path)
        assert done.code == 0, done.err
        assert len(forge.pulls) == 1 and pauses

    def test_dry_run(self, team: Team, hub: ForgeServer, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        done = gitml("model", "promote", "v1", "--dry-run", at=team.ada.path)
        assert "would open its pull request, with the evidence" in done.out
        assert not hub.pulls

    def test_back_by_pull_request(self, team: Team, forge: ForgeServer, gitml: Gitml) -> None:
        released(team, gitml, "lower", "higher")
        for version in ("v1", "v2"):
            forge.merge(promoted(team, gitml, version), "merge")
        done = gitml("model", "rollback", "--reason", "worse on @all <b>weekends</b>", "--json", at=team.ada.path)
        assert done.code == 0, done.err
        number = json.loads(done.out)["pull_request"]["number"]
        pull = forge.pulls[number]
        assert pull.title == "model: roll back to model-v1"
        tokens = MarkdownIt("commonmark").parse(pull.body)
        assert not [one for one in tokens if one.type.startswith("html")]
        assert "@all" not in pull.body and "<b>" not in pull.body.replace("\\<", "")
        forge.merge(number, "merge")
        assert team.tree(PRODUCTION) == team.tree("models/model-v1")

    def test_a_way_back_that_is_built_anew_is_still_one(self, team: Team, hub: ForgeServer, gitml: Gitml) -> None:
        released(team, gitml, "lower", "higher", "middle")
        team.law(CONFIG.replace("tolerance = 0.005", ""))
        for version in ("v1", "v2"):
            hub.merge(promoted(team, gitml, version), "merge")
        gitml("model", "rollback", "--to", "v1", "--reason", "wrong on Sundays", at=team.ada.path)
        hub.merge(promoted(team, gitml, "v3"), "merge")
        assert gitml("ci", "record", at=team.ada.path).code == 0
        (pull,) = [pull for pull in hub.pulls.values() if pull.state == "open"]
        assert pull.title == "model: roll back to model-v1"
        assert pull.body.startswith("**Way back:** wrong on Sundays\n")
        assert "model-v3" in pull.body.splitlines()[2]
        done = gitml("ci", "comment", "--branch", "promote/model-v1", "--dry-run", at=team.ada.path)
        assert done.out.startswith("**Way back:** wrong on Sundays\n")


class TestComment:
    def test_one_comment_that_is_kept_up_to_date(
        self, team: Team, forge: ForgeServer, gitml: Gitml, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        released(team, gitml, "lower")
        number = promoted(team, gitml, "v1")
        words = ("ci", "comment", "--branch", "promote/model-v1")
        for _ in range(2):
            done = gitml(*words, at=team.ada.path)
            assert done.code == 0, done.err
            assert done.out.startswith(f"✓ {forge.url}")
        (comment,) = forge.pulls[number].comments
        assert "gitml-evidence" in comment.body and "model-v1" in comment.body
        told = json.loads(gitml(*words, "--json", at=team.ada.path).out)
        assert told["commented"] is True

    def test_in_ci_the_pull_request_is_known(
        self, team: Team, hub: ForgeServer, gitml: Gitml, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        released(team, gitml, "lower")
        number = promoted(team, gitml, "v1")
        event = team.folder / "event.json"
        repo = {"full_name": "ada/flights"}
        pull = {"head": {"ref": "promote/model-v1", "sha": "1" * 40, "repo": repo}, "title": "x"}
        event.write_text(json.dumps({"pull_request": {**pull, "base": {"ref": PRODUCTION, "repo": repo}}}))
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
        assert gitml("ci", "comment", at=team.ada.path).code == 0
        assert len(hub.pulls[number].comments) == 1
        fork = {**pull, "head": {**pull["head"], "repo": {"full_name": "eve/flights"}}}
        event.write_text(json.dumps({"pull_request": {**fork, "base": {"ref": PRODUCTION, "repo": repo}}}))
        done = gitml("ci", "comment", at=team.ada.path)
        assert (done.code, done.out) == (0, "no promotion, so there is nothing to compare\n")
        assert len(hub.pulls[number].comments) == 1

    def test_in_a_repository_of_objects_only(self, team: Team, hub: ForgeServer, gitml: Gitml) -> None:
        """As in the workflow: no working tree, no blobs, and the URL of the forge."""
        released(team, gitml, "lower")
        number = promoted(team, gitml, "v1")
        team.server.git("config", "uploadpack.allowFilter", "true")
        objects = Repo(team.folder / "objects")
        objects.path.mkdir()
        objects.git("init", "--quiet", "--bare")
        objects.git("config", f"url.file://{team.server.path}.insteadOf", hub.remote_url)
        objects.git("remote", "add", "origin", hub.remote_url)
        objects.git("fetch", "--quiet", "--filter=blob:none", "origin", "+refs/heads/*:refs/remotes/origin/*")
        done = gitml("ci", "comment", "--branch", "promote/model-v1", at=objects.path)
        assert done.code == 0, done.err
        (comment,) = hub.pulls[number].comments
        assert "model-v1" in comment.body
        assert gitml("ci", "record", at=objects.path).code == 0

    def test_what_is_no_promotion(self, team: Team, gitml: Gitml) -> None:
        done = gitml("ci", "comment", "--branch", "experiments/lower", at=team.ada.path)
        assert (done.code, "nothing to compare" in done.out) == (0, True)
        assert json.loads(gitml("ci", "comment", "--branch", "main", "--json", at=team.ada.path).out) == {
            "commented": False
        }
        assert gitml("ci", "comment", at=team.ada.path).code == 2

    def test_without_a_forge_it_can_be_read(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        assert gitml("model", "promote", "v1", at=team.ada.path).code == 0
        words = ("ci", "comment", "--branch", "promote/model-v1")
        done = gitml(*words, at=team.ada.path)
        assert (done.code, "has no pull requests" in done.err) == (3, True)
        done = gitml(*words, "--dry-run", at=team.ada.path)
        assert done.code == 0 and "model-v1" in done.out.splitlines()[0]
        told = json.loads(gitml(*words, "--dry-run", "--json", at=team.ada.path).out)
        assert told == {"commented": False, "body": done.out.removesuffix("\n")}

    def test_a_promotion_without_a_pull_request(self, team: Team, hub: ForgeServer, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        promoted(team, gitml, "v1")
        hub.pulls.clear()
        done = gitml("ci", "comment", "--branch", "promote/model-v1", at=team.ada.path)
        assert (done.code, "there is no open pull request of promote/model-v1" in done.err) == (3, True)
