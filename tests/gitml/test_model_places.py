"""What a clone has of a remote's models: tags that moved, branches that are old, a history that was cut."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from gitml.conventions.shell import command
from gitml.models import registry

from .conftest import Done, Repo
from .teams import PRODUCTION, Team, deployed, released, team

__all__ = ["team"]

Gitml = Callable[..., Done]


class TestTags:
    def test_a_foreign_tag_that_moved_stops_nothing(self, team: Team, gitml: Gitml) -> None:
        for name in ("nightly@2024", "Fixes#12", "Sub/Model@v1.0.0"):
            team.ada.git("tag", "-m", "mine", name)
            team.server.git("tag", "-m", "theirs", name, "main")
        team.server.git("tag", "elsewhere@2025", "main")
        released(team, gitml, "lower")
        deployed(team, gitml, "v1")
        assert gitml("ci", "record", at=team.ada.path).code == 0
        assert team.ada.git("tag", "--list", "elsewhere*") == "", "it is none of gitml's"

    def test_an_approval_that_was_withdrawn_and_given_anew(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        gitml("model", "promote", "v1", at=team.ada.path)
        commit = team.server.git("rev-parse", "promote/model-v1")
        tag = f"approve/model-v1/{commit[:12]}/ben"
        for word in ("first", "second"):
            team.server.git("tag", "--force", "-m", word, tag, commit)
            done = gitml("model", "promote", "v1", at=team.ada.path)
            assert done.code == 0, done.err
        assert team.ada.git("rev-parse", tag) == team.server.git("rev-parse", tag)
        team.ada.git("tag", "-m", "stale", f"approve/model-v1/{commit[:12]}/cy", "main")
        deployed(team, gitml, "v1")

    def test_a_tag_where_approvals_have_their_folder(self, team: Team, gitml: Gitml) -> None:
        """It would stand in the way of each of them in whatever clone had fetched it."""
        released(team, gitml, "lower")
        team.server.git("tag", "approve/model-v1", "main")
        gitml("model", "promote", "v1", at=team.ada.path)
        team.server.git("tag", "--delete", "approve/model-v1")
        commit = team.server.git("rev-parse", "promote/model-v1")
        team.server.git("tag", "-m", "fine", f"approve/model-v1/{commit[:12]}/ben", commit)
        deployed(team, gitml, "v1")

    def test_a_tag_of_the_registry_that_is_another_one_here(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        team.ada.git("tag", "--force", "-m", "by hand", "model@v1.0.0", "main")
        done = gitml("model", "promote", "v1", at=team.ada.path)
        assert (done.code, "the tag model@v1.0.0 here is not that of origin" in done.err) == (3, True)

    def test_a_number_that_a_plain_tag_has_taken_is_left_out(self, team: Team, gitml: Gitml) -> None:
        team.server.git("tag", "model@v1.0.0", "main")
        done = gitml("model", "release", "lower", at=team.ada.path)
        assert (done.code, "✓ model-v2 released of lower" in done.out) == (0, True), done
        assert "was taken by somebody else" not in done.err


class TestBranches:
    def test_ones_own_old_branch_of_production_is_not_production(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower", "higher")
        deployed(team, gitml, "v1")
        team.ada.git("fetch", "--quiet")
        team.ada.git("branch", "--quiet", PRODUCTION, f"origin/{PRODUCTION}")
        deployed(team, gitml, "v2")
        team.ada.git("fetch", "--quiet")
        traced = gitml("model", "trace", "production", at=team.ada.path)
        assert "has the tree of model-v2" in traced.out
        listed = gitml("model", "list", at=team.ada.path).out.splitlines()
        assert [line.split()[0] for line in listed if "production now" in line] == ["model-v2"], listed

    def test_of_several_remotes_origin_is_asked_first(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower", "higher")
        deployed(team, gitml, "v1")
        team.ada.git("remote", "add", "aaa", str(team.server.path))
        team.ada.git("fetch", "--quiet", "--all")
        old = team.server.tip(PRODUCTION)
        deployed(team, gitml, "v2")
        team.ada.git("fetch", "--quiet", "origin")
        ours = registry.read(at=team.ada.path).production("model")
        assert ours == team.server.tip(PRODUCTION) and ours != old
        team.ada.git("remote", "remove", "origin")
        assert registry.read(at=team.ada.path).production("model") == old

    def test_without_a_remote_ones_own_are_read(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        team.ada.git("remote", "remove", "origin")
        rows = json.loads(gitml("model", "list", "--json", at=team.ada.path).out)["models"]
        assert [row["name"] for row in rows] == ["model-v1"]


class TestHistoryThatWasCut:
    def test_the_way_back_is_found_all_the_same(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower", "higher")
        deployed(team, gitml, "v1")
        deployed(team, gitml, "v2")
        url = f"file://{team.server.path}"
        team.ada.git("clone", "--quiet", "--depth", "1", "--no-single-branch", url, "../cut")
        cut = Repo(team.folder / "cut")
        assert cut.git("rev-list", "--count", f"origin/{PRODUCTION}") == "1"
        done = gitml("model", "rollback", "--to", "v1", "--reason", "x", "--now", at=cut.path)
        assert done.code == 0, done.err
        assert team.production()[-1] == "model: roll back to model-v1"

    def test_where_it_cannot_be_had_that_is_said(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        url = f"file://{team.server.path}"
        team.ada.git("clone", "--quiet", "--depth", "1", "--no-single-branch", url, "../cut")
        cut = Repo(team.folder / "cut")
        cut.git("config", "remote.origin.fetch", "+refs/heads/gone:refs/remotes/origin/gone")
        done = gitml("model", "promote", "v1", at=cut.path)
        assert (done.code, "has not enough history" in done.err) == (3, True), done


class TestWhichRemote:
    @pytest.mark.parametrize(
        "words",
        [
            ("model", "promote", "v4"),
            ("model", "promote", "v4", "--merge", "--model", "churn"),
            ("model", "rollback", "--to", "v1", "--reason", "wrong on Sundays"),
            ("model", "rollback", "--reason", "wrong on Sundays", "--now"),
            ("model", "release", "lower", "--experiment", "lower", "--repackage", "--data-remote", "storage"),
            ("model", "release", "--model", "churn"),
            ("model", "yank", "v4", "--reason", "wrong labels"),
            ("model", "verify", "v4"),
            ("ci", "comment", "--branch", "promote/model-v4"),
            ("ci", "record"),
        ],
    )
    def test_of_several_one_is_named_in_the_same_command(
        self, team: Team, gitml: Gitml, words: tuple[str, ...]
    ) -> None:
        team.ada.git("remote", "rename", "origin", "here")
        team.ada.git("remote", "add", "there", str(team.server.path))
        done = gitml(*words, at=team.ada.path)
        assert (done.code, "there are several remotes" in done.err) == (3, True)
        assert done.err.splitlines()[-1].strip() == f"{command(['gitml', *words])} --remote here"

    @pytest.mark.parametrize(
        ("named", "mend"),
        [
            ("../server.git", "git remote add server ../server.git"),
            # pragma: allowlist nextline secret
            ("https://ada:pass@example.com/x", "git remote add server https://***@example.com/x"),
            ("-x", "git remote -v"),
            ("upstream", "git remote add upstream https://example.com/team/project.git"),
        ],
    )
    def test_what_is_no_remote(self, team: Team, gitml: Gitml, named: str, mend: str) -> None:
        done = gitml("model", "promote", "v1", f"--remote={named}", at=team.ada.path)
        assert (done.code, "there is no remote" in done.err, "ada:pass" in done.err) == (3, True, False)
        assert done.err.splitlines()[-1].strip().replace("'", "") == mend


@pytest.mark.parametrize(
    "words", [("model", "release"), ("model", "rollback"), ("model", "promote"), ("ci", "comment")]
)
def test_help_fits_the_screen(team: Team, gitml: Gitml, words: tuple[str, ...]) -> None:
    done = gitml(*words, "--help", at=team.ada.path)
    assert max(map(len, done.out.splitlines())) <= 80
