"""``gitml model promote``, ``approve``, ``rollback`` and ``gitml ci record``, without a forge."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest

from gitml.models import registry

from .conftest import Done
from .teams import APPROVED_BY_ONE, CONFIG, PRODUCTION, Team, deployed, released, team
from .tiny_projects import Project

__all__ = ["team"]

Gitml = Callable[..., Done]

HEAD = f"refs/heads/{PRODUCTION}"
APPROVED = CONFIG + APPROVED_BY_ONE


def assigned(team: Team) -> dict[str, str]:
    """Return GTO's assignment tags, and the model branch that each is on."""
    refs = team.refs()
    tips = {oid: ref.removeprefix("refs/heads/models/") for ref, oid in refs.items() if "/models/" in ref}
    return {
        ref.removeprefix("refs/tags/"): tips[team.server.git("rev-parse", f"{ref}^{{commit}}")]
        for ref in refs
        if "#" in ref
    }


class TestPromote:
    def test_the_first_one_opens_production(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        done = gitml("model", "promote", "v1", at=team.ada.path)
        assert done.code == 0, done.err
        assert "✓ promote/model-v1 opened" in done.out
        assert team.server.git("ls-tree", PRODUCTION) == ""
        assert team.server.git("rev-list", "--count", PRODUCTION) == "1"
        assert team.server.git("rev-parse", "promote/model-v1^") == team.server.git("rev-parse", PRODUCTION)
        assert team.tree("promote/model-v1") == team.tree("models/model-v1")
        release = team.server.git("rev-parse", "models/model-v1")
        assert team.server.message("promote/model-v1").removesuffix("\n") == (
            f"model: promote model-v1\n\nModel: model-v1\nModel-Commit: {release}"
        )

    def test_again_nothing_moves(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        gitml("model", "promote", "v1", at=team.ada.path)
        before = team.refs()
        done = gitml("model", "promote", "model@v1.0.0", at=team.ada.path)
        assert "is open already" in done.out
        assert team.refs() == before

    def test_merged_production_is_the_model(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        gitml("model", "promote", "v1", at=team.ada.path)
        done = gitml("model", "promote", "v1", "--merge", at=team.ada.path)
        assert done.code == 0, done.err
        assert "✓ production/production-model is model-v1 now" in done.out
        assert team.tree(PRODUCTION) == team.tree("models/model-v1")
        assert "refs/heads/promote/model-v1" not in team.refs()
        assert assigned(team) == {"model#production#1": "model-v1"}
        again = gitml("model", "promote", "v1", "--merge", at=team.ada.path)
        assert (again.code, "is in production already" in again.out) == (0, True)
        done = gitml("model", "promote", "v1", at=team.ada.path)
        assert done.out == "model-v1 is in production already\nnext  gitml model list\n"
        undone = gitml("undo", at=team.ada.path)
        assert undone.err.splitlines()[-2:] == [
            "Mend:",
            "  gitml model promote v<another>   # there is no way back before the first",
        ]

    def test_two_models_that_changed_the_same_files_follow_each_other(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower", "middle")
        deployed(team, gitml, "v1")
        deployed(team, gitml, "v2")
        assert team.tree(PRODUCTION) == team.tree("models/model-v2")
        assert team.production() == [
            "model: open production/production-model",
            "model: promote model-v1",
            "model: promote model-v2",
        ]

    def test_of_two_open_ones_the_second_is_built_anew(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower", "middle", "higher")
        deployed(team, gitml, "v1")
        for version in ("v2", "v3"):
            assert gitml("model", "promote", version, at=team.ada.path).code == 0
        assert gitml("model", "promote", "v2", "--merge", at=team.ada.path).code == 0
        refused = gitml("model", "promote", "v3", "--merge", at=team.ada.path)
        assert refused.code == 1
        assert "does not stand on what is in production now" in refused.err
        assert team.tree(PRODUCTION) == team.tree("models/model-v2")
        assert "built anew" in gitml("model", "promote", "v3", at=team.ada.path).out
        assert gitml("model", "promote", "v3", "--merge", at=team.ada.path).code == 0
        assert team.tree(PRODUCTION) == team.tree("models/model-v3")

    def test_a_stale_promotion_is_never_spliced_by_git(self, team: Team, gitml: Gitml) -> None:
        """Merged by hand all the same, the server refuses the tree that is neither model's."""
        released(team, gitml, "lower", "middle", "higher")
        deployed(team, gitml, "v1")
        for version in ("v2", "v3"):
            gitml("model", "promote", version, at=team.ada.path)
        gitml("model", "promote", "v2", "--merge", at=team.ada.path)
        ben = team.clone("ben")
        ben.git("switch", "--quiet", PRODUCTION)
        ben.run("git", "merge", "--quiet", "-X", "theirs", "--no-edit", "origin/promote/model-v3")
        ben.commit("model: merged by hand")
        done = ben.run("git", "push", "origin", "HEAD")
        assert done.code == 1 and "production-tree" in done.err
        ben.git("reset", "--quiet", "--hard", "origin/promote/model-v3")
        ben.run("git", "rebase", "--quiet", "-X", "theirs", f"origin/{PRODUCTION}")
        ben.git("add", "--all")
        ben.run("git", "-c", "core.editor=true", "rebase", "--continue")
        done = ben.run("git", "push", "--force", "origin", "HEAD:refs/heads/promote/model-v3")
        assert done.code == 1 and "promote-shape" in done.err

    @pytest.mark.parametrize("how", ["merge", "squash", "fast-forward"])
    def test_however_it_is_merged_the_tree_is_the_models(self, team: Team, gitml: Gitml, how: str) -> None:
        released(team, gitml, "lower", "middle")
        deployed(team, gitml, "v1")
        gitml("model", "promote", "v2", at=team.ada.path)
        ben = team.clone("ben")
        ben.git("switch", "--quiet", PRODUCTION)
        words = {"merge": ("--no-ff", "-m", "Merge pull request 7"), "squash": ("--squash",), "fast-forward": ()}[how]
        ben.git("merge", "--quiet", *words, "origin/promote/model-v2")
        if how == "squash":
            ben.git("commit", "--quiet", "-m", "model: promote model-v2 (#7)")
        done = ben.run("git", "push", "origin", "HEAD")
        assert done.code == 0, done.err
        assert team.tree(PRODUCTION) == team.tree("models/model-v2")
        done = gitml("ci", "record", at=ben.path)
        assert done.code == 0, done.err
        assert assigned(team) == {"model#production#1": "model-v1", "model#production#2": "model-v2"}
        assert gitml("ci", "record", at=team.ada.path).out == "nothing to record\n"

    def test_a_gate_that_is_new_since_the_release(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        team.law(CONFIG.replace("0.7005", "0.75"))
        before = team.refs()
        done = gitml("model", "promote", "v1", at=team.ada.path)
        assert done.code == 1
        assert "✗ roc_auc  0.703  at least 0.75" in done.err
        assert "model-v1 does not go to production" in done.err
        assert team.refs() == before

    def test_data_that_is_gone_from_the_remote(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        for file in list(team.storage.rglob("*")):
            if file.is_file() and file.read_bytes() == b"3e-3\n":
                file.unlink()
        done = gitml("model", "promote", "v1", at=team.ada.path)
        assert (done.code, "data-present" in done.err) == (1, True)

    def test_no_such_release(self, team: Team, gitml: Gitml) -> None:
        done = gitml("model", "promote", "v7", at=team.ada.path)
        assert (done.code, "'v7' is no released model" in done.err) == (2, True)
        assert gitml("model", "promote", "--", "-x", at=team.ada.path).code == 2

    def test_json_and_dry_run(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        before = team.refs()
        done = gitml("model", "promote", "v1", "--dry-run", at=team.ada.path)
        says = "open production/production-model with the empty tree, and push promote/model-v1"
        assert f"would {says}" in done.out
        (step,) = json.loads(gitml("model", "promote", "v1", "--dry-run", "--json", at=team.ada.path).out)[:1]
        assert step.startswith(says)
        assert team.refs() == before
        told = json.loads(gitml("model", "promote", "v1", "--json", at=team.ada.path).out)
        assert (told["model"], told["branch"], told["is_new"]) == ("model-v1", "promote/model-v1", True)
        assert told["commit"] == team.server.git("rev-parse", "promote/model-v1")
        done = gitml("model", "promote", "v1", "--merge", "--dry-run", at=team.ada.path)
        says = "move production/production-model to model-v1, tag it model#production#1"
        assert f"would {says}" in done.out
        done = gitml("model", "promote", "v1", "--merge", "--dry-run", "--json", at=team.ada.path)
        assert json.loads(done.out)[0].startswith(says)
        done = gitml("model", "promote", "v1", "--dry-run", at=team.ada.path)
        assert done.out.splitlines()[-1] == "nothing is left to do", "it is open"
        assert json.loads(gitml("model", "promote", "v1", "--dry-run", "--json", at=team.ada.path).out) == []
        told = json.loads(gitml("model", "promote", "v1", "--merge", "--json", at=team.ada.path).out)
        assert (told["model"], told["before"], told["tag"]) == ("model-v1", None, "model#production#1")

    def test_what_is_not_promoted_is_not_merged(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        done = gitml("model", "promote", "v1", "--merge", at=team.ada.path)
        assert (done.code, "the promotion of model-v1 is not open" in done.err) == (1, True)


class TestApprove:
    @pytest.fixture
    def ben(self, team: Team, gitml: Gitml) -> Project:
        """A colleague who may sign; model-v1 is released by Ada and waits for somebody."""
        ben = team.clone("ben")
        cy = Project(team.folder / "ada")
        signers = team.signer(ben, "ben") + team.signer(cy, "ada")
        team.law(APPROVED, allowed_signers=signers)
        released(team, gitml, "lower")
        assert gitml("model", "promote", "v1", at=team.ada.path).code == 0
        return ben

    def test_what_nobody_approved_is_not_merged(self, team: Team, gitml: Gitml, ben: Project) -> None:
        done = gitml("model", "promote", "v1", "--merge", at=team.ada.path)
        assert done.code == 1
        assert "model-v1 is approved by 0 of 1 (approvals)" in done.err
        team.ada.git("fetch", "--quiet")
        pushed = team.ada.run("git", "push", "origin", f"origin/promote/model-v1:{HEAD}")
        assert (pushed.code, "(approvals)" in pushed.err) == (1, True), "the server decides"
        assert team.server.git("ls-tree", PRODUCTION) == ""

    def test_approved_it_is_merged(self, team: Team, gitml: Gitml, ben: Project) -> None:
        done = gitml("model", "approve", "v1", at=ben.path)
        assert done.code == 0, done.err
        assert "you approved model-v1 as it is now" in done.out and ": 1 of 1" in done.out
        assert "you had approved" in gitml("model", "approve", "v1", at=ben.path).out
        done = gitml("model", "promote", "v1", "--merge", at=team.ada.path)
        assert done.code == 0, done.err
        assert "approved by ben@example.com" in done.out
        assert team.tree(PRODUCTION) == team.tree("models/model-v1")

    def test_whoever_made_it_cannot_approve_it(self, team: Team, gitml: Gitml, ben: Project) -> None:
        before = team.refs()
        done = gitml("model", "approve", "v1", at=team.ada.path)
        assert (done.code, "you made the model, or its promotion" in done.err) == (1, True)
        assert team.refs() == before

    def test_ones_own_signature_made_by_git_does_not_count(self, team: Team, gitml: Gitml, ben: Project) -> None:
        team.ada.git("fetch", "--quiet")
        commit = team.ada.git("rev-parse", "origin/promote/model-v1")
        tag = f"approve/model-v1/{commit[:12]}/somebody"
        team.ada.git("tag", "-s", "-m", "fine", tag, commit)
        team.ada.git("push", "--quiet", "origin", tag)
        pushed = team.ada.run("git", "push", "origin", f"{commit}:{HEAD}")
        words = " ".join(pushed.err.replace("remote:", "").split())
        assert (pushed.code, "they made the model or its promotion" in words) == (1, True), words

    @pytest.mark.parametrize("how", ["unsigned", "of another tag", "of another commit", "not in the list"])
    def test_what_only_looks_like_an_approval(self, team: Team, gitml: Gitml, ben: Project, how: str) -> None:
        ben.git("fetch", "--quiet")
        commit = ben.git("rev-parse", "origin/promote/model-v1")
        tag = f"approve/model-v1/{commit[:12]}/ben-example-com"
        if how == "unsigned":
            ben.git("tag", "-m", "fine", tag, commit)
        elif how == "of another tag":
            ben.git("tag", "-s", "-m", "fine", "another", commit)
            ben.git("update-ref", f"refs/tags/{tag}", ben.git("rev-parse", "another"))
        elif how == "of another commit":
            ben.git("tag", "-s", "-m", "fine", tag, "HEAD")
        else:
            team.signer(ben, "stolen")
            ben.git("tag", "-s", "-m", "fine", tag, commit)
        ben.git("push", "--quiet", "origin", f"refs/tags/{tag}")
        pushed = ben.run("git", "push", "origin", f"{commit}:{HEAD}")
        assert (pushed.code, "is approved by 0 of 1" in " ".join(pushed.err.split())) == (1, True)
        done = gitml("model", "promote", "v1", "--merge", at=team.ada.path)
        assert done.code == 1 and tag in done.err

    def test_an_approval_is_of_the_promotion_as_it_was(self, team: Team, gitml: Gitml, ben: Project) -> None:
        assert gitml("model", "approve", "v1", at=ben.path).code == 0
        released(team, gitml, "higher")
        gitml("model", "promote", "v2", at=team.ada.path)
        gitml("model", "approve", "v2", at=ben.path)
        assert gitml("model", "promote", "v2", "--merge", at=team.ada.path).code == 0
        team.law(APPROVED.replace("0.005", "0.1"))
        assert gitml("model", "promote", "v1", at=team.ada.path).code == 0
        done = gitml("model", "promote", "v1", "--merge", at=team.ada.path)
        assert (done.code, "is approved by 0 of 1" in done.err) == (1, True)

    def test_somebody_whom_main_does_not_name(self, team: Team, gitml: Gitml, ben: Project) -> None:
        eve = team.clone("eve")
        team.signer(eve, "eve")
        done = gitml("model", "approve", "v1", at=eve.path)
        assert (done.code, "does not name eve@example.com" in done.err) == (1, True)

    def test_a_pull_request_cannot_name_its_own_signers(self, team: Team, gitml: Gitml, ben: Project) -> None:
        eve = team.clone("eve")
        line = team.signer(eve, "eve")
        eve.git("switch", "--quiet", "-c", "infra/signers")
        eve.commit("infra: me too", allowed_signers=line)
        eve.git("push", "--quiet", "origin", "HEAD")
        done = gitml("model", "approve", "v1", at=eve.path)
        assert (done.code, "does not name eve@example.com" in done.err) == (1, True)

    def test_without_a_key(self, team: Team, gitml: Gitml, ben: Project) -> None:
        ben.git("config", "--unset", "user.signingkey")
        before = team.refs()
        done = gitml("model", "approve", "v1", at=ben.path)
        assert (done.code, "the tag could not be signed" in done.err) == (3, True)
        assert team.refs() == before

    def test_dry_run_and_json(self, team: Team, gitml: Gitml, ben: Project) -> None:
        before = team.refs()
        assert "would sign the tag approve/model-v1/" in gitml("model", "approve", "v1", "--dry-run", at=ben.path).out
        assert team.refs() == before
        told = json.loads(gitml("model", "approve", "v1", "--json", at=ben.path).out)
        assert (told["count"], told["needed"], told["is_new"]) == (1, 1, True)

    def test_signed_releases(self, team: Team, gitml: Gitml, ben: Project) -> None:
        team.law(APPROVED + "signed_releases = true\n")
        done = gitml("model", "release", "higher", at=team.ada.path)
        assert done.code == 0, done.err
        tag = team.server.git("cat-file", "tag", "model@v2.0.0")
        assert "-----BEGIN SSH SIGNATURE-----" in tag
        team.ada.git("config", "--unset", "gpg.format")
        assert gitml("model", "release", "middle", at=team.ada.path).code == 3
        commit = team.ada.git("rev-parse", "models/model-v2")
        team.ada.git("tag", "-m", "x", "model@v3.0.0", commit)
        pushed = team.ada.run(
            "git", "push", "--atomic", "origin", f"{commit}:refs/heads/models/model-v3", "model@v3.0.0"
        )
        assert (pushed.code, "signed-release" in pushed.err) == (1, True)


class TestRollBack:
    @pytest.fixture
    def two(self, team: Team, gitml: Gitml) -> Team:
        released(team, gitml, "lower", "higher")
        deployed(team, gitml, "v1")
        deployed(team, gitml, "v2")
        return team

    def test_to_what_was_there_before(self, two: Team, gitml: Gitml) -> None:
        done = gitml("model", "rollback", "--reason", "wrong on\nSundays", "--now", at=two.ada.path)
        assert done.code == 0, done.err
        assert "is model-v1 now, it was model-v2" in done.out
        assert two.tree(PRODUCTION) == two.tree("models/model-v1")
        assert two.production()[-1] == "model: roll back to model-v1"
        assert "Reason: wrong on Sundays" in two.server.message(PRODUCTION)
        assert assigned(two)["model#production#3"] == "model-v1"
        again = gitml("model", "rollback", "--to", "v1", "--reason", "x", "--now", at=two.ada.path)
        assert (again.code, "is in production already" in again.out) == (0, True)

    def test_nothing_new_stands_in_its_way(self, two: Team, gitml: Gitml) -> None:
        """A higher gate, a report that nobody finished, a people's vote: it is three in the morning."""
        two.law(APPROVED.replace("0.7005", "0.99"))
        done = gitml("model", "rollback", "--reason", "x", "--now", at=two.ada.path)
        assert done.code == 0, done.err
        assert two.tree(PRODUCTION) == two.tree("models/model-v1")

    def test_its_data_must_be_there(self, two: Team, gitml: Gitml) -> None:
        for file in list(two.storage.rglob("*")):
            if file.is_file() and file.read_bytes() == b"3e-3\n":
                file.unlink()
        before = two.refs()
        done = gitml("model", "rollback", "--reason", "x", "--now", at=two.ada.path)
        assert (done.code, "data-present" in done.err) == (1, True)
        assert two.refs() == before

    def test_what_was_never_there_is_promoted(self, two: Team, gitml: Gitml) -> None:
        released(two, gitml, "middle")
        done = gitml("model", "rollback", "--to", "v3", "--reason", "x", "--now", at=two.ada.path)
        assert done.code == 2
        assert "model-v3 was never in production" in done.err and "gitml model promote model-v3" in done.err

    def test_there_is_nothing_before_the_first(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        deployed(team, gitml, "v1")
        done = gitml("model", "rollback", "--reason", "x", "--now", at=team.ada.path)
        assert (done.code, "there is nothing to go back to" in done.err) == (2, True)

    def test_by_pull_request(self, two: Team, gitml: Gitml) -> None:
        two.law(APPROVED.replace("0.7005", "0.99"))
        done = gitml("model", "rollback", "--to", "v1", "--reason", "x", at=two.ada.path)
        assert done.code == 0, done.err
        assert "✓ promote/model-v1 opened" in done.out
        assert two.tree(PRODUCTION) == two.tree("models/model-v2")
        done = gitml("model", "promote", "v1", "--merge", at=two.ada.path)
        assert done.code == 0, done.err
        assert two.production()[-1] == "model: roll back to model-v1"

    def test_built_anew_it_keeps_its_reason(self, two: Team, gitml: Gitml) -> None:
        released(two, gitml, "middle")
        gitml("model", "rollback", "--to", "v1", "--reason", "wrong on \x1b[1mSundays", at=two.ada.path)
        stood = two.refs()["refs/heads/promote/model-v1"]
        assert "is open already" in gitml("model", "promote", "v1", at=two.ada.path).out
        assert two.refs()["refs/heads/promote/model-v1"] == stood
        gitml("model", "rollback", "--to", "v1", "--reason", "wrong on Sundays", at=two.ada.path)
        two.law(CONFIG.replace("tolerance = 0.005", ""))
        deployed(two, gitml, "v3")
        assert gitml("ci", "record", at=two.ada.path).out.startswith("build promote/model-v1 anew")
        message = two.server.message("promote/model-v1")
        assert message.startswith("model: roll back to model-v1\n") and "Reason: wrong on Sundays" in message
        assert "is open already" in gitml("model", "promote", "v1", at=two.ada.path).out
        assert gitml("model", "promote", "v1", "--merge", at=two.ada.path).code == 0
        assert two.production()[-1] == "model: roll back to model-v1"

    def test_the_reason_of_one_that_is_merged_is_of_the_past(self, two: Team, gitml: Gitml) -> None:
        """A forge leaves the branch there."""
        released(two, gitml, "middle")
        two.law(CONFIG.replace("tolerance = 0.005", ""))
        gitml("model", "rollback", "--to", "v1", "--reason", "wrong on Sundays", at=two.ada.path)
        two.server.git("update-ref", HEAD, "refs/heads/promote/model-v1")
        deployed(two, gitml, "v3")
        assert gitml("model", "promote", "v1", at=two.ada.path).code == 0
        assert "Reason" not in two.server.message("promote/model-v1")

    def test_back_and_forth(self, two: Team, gitml: Gitml) -> None:
        for version in ("v1", "v2", "v1"):
            done = gitml("model", "rollback", "--to", version, "--reason", "x", "--now", at=two.ada.path)
            assert done.code == 0, done.err
        assert two.tree(PRODUCTION) == two.tree("models/model-v1")
        known = registry.read("origin", two.ada.path)
        versions = [str(one.version) for one in registry.deployments(known.production("model"), two.ada.path)]
        assert versions == ["model-v1", "model-v2", "model-v1", "model-v2", "model-v1", "None"]

    def test_a_reason_is_asked_for(self, two: Team, gitml: Gitml) -> None:
        assert gitml("model", "rollback", "--now", at=two.ada.path).code == 2
        assert gitml("model", "rollback", "--reason", " ", "--now", at=two.ada.path).code == 2

    def test_dry_run(self, two: Team, gitml: Gitml) -> None:
        before = two.refs()
        for flags in (("--now",), ()):
            done = gitml("model", "rollback", "--reason", "x", *flags, "--dry-run", at=two.ada.path)
            assert done.code == 0 and done.out.startswith("would ")
            done = gitml("model", "rollback", "--reason", "x", *flags, "--dry-run", "--json", at=two.ada.path)
            assert all(line.startswith(("move", "push", "write")) for line in json.loads(done.out))
        done = gitml("model", "rollback", "--to", "v2", "--reason", "x", "--now", "--dry-run", at=two.ada.path)
        assert done.out == "nothing is left to do\n"
        assert two.refs() == before


class TestRecord:
    def test_open_promotions_are_built_anew(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower", "middle", "higher")
        deployed(team, gitml, "v1")
        for version in ("v2", "v3"):
            gitml("model", "promote", version, at=team.ada.path)
        gitml("model", "promote", "v2", "--merge", at=team.ada.path)
        before = team.refs()
        assert "would build promote/model-v3 anew" in gitml("ci", "record", "--dry-run", at=team.ada.path).out
        assert team.refs() == before
        told = json.loads(gitml("ci", "record", "--json", at=team.ada.path).out)
        assert [one["model"] for one in told["rebuilt"]] == ["model-v3"]
        assert team.server.git("rev-parse", "promote/model-v3^") == team.server.git("rev-parse", PRODUCTION)
        assert json.loads(gitml("ci", "record", "--json", at=team.ada.path).out)["kept"] == ["model-v3"]

    def test_one_that_no_longer_passes_stays_as_it_is(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower", "higher")
        gitml("model", "promote", "v1", at=team.ada.path)
        deployed(team, gitml, "v2")
        before = team.refs()
        done = gitml("ci", "record", at=team.ada.path)
        assert "model-v1 stays as it was" in done.out and "worse than production" in done.out
        assert team.refs() == before

    def test_one_that_stands_on_the_tip_and_was_withdrawn_is_stuck(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower", "higher")
        deployed(team, gitml, "v1")
        gitml("model", "promote", "v2", at=team.ada.path)
        assert json.loads(gitml("ci", "record", "--json", at=team.ada.path).out)["kept"] == ["model-v2"]
        assert gitml("model", "yank", "v2", "--reason", "wrong labels", at=team.ada.path).code == 0
        told = json.loads(gitml("ci", "record", "--json", at=team.ada.path).out)
        assert told["kept"] == [] and told["rebuilt"] == []
        (stuck,) = told["stuck"]
        assert stuck["model"] == "model-v2" and "model-v2 is yanked" in stuck["why"]


def kill_and_finish(team: Team, words: tuple[str, ...], at: str) -> bool:
    """Kill a command at a step, let the same command finish, and say whether the server had changed at the kill."""
    before = team.refs()
    killed = team.ada.run(sys.executable, "-m", "gitml", *words, GITML_CRASH_AT=at)
    assert killed.code == -9, killed
    has_changed = team.refs() != before
    again = team.ada.run(sys.executable, "-m", "gitml", *words)
    assert again.code == 0, again
    assert team.is_sound() and team.ada.is_sound()
    return has_changed


@pytest.mark.slow
@pytest.mark.parametrize("at", ["push:before", "push:after", "log:before", "log:after"])
def test_killed_at_any_step_the_same_again_finishes(team: Team, gitml: Gitml, at: str) -> None:
    released(team, gitml, "lower", "higher")
    for words in (
        ("model", "promote", "v1"),
        ("model", "promote", "v1", "--merge"),
        ("model", "promote", "v2"),
        ("model", "promote", "v2", "--merge"),
        ("model", "rollback", "--to", "v1", "--reason", "x", "--now"),
    ):
        assert kill_and_finish(team, words, at) == (at != "push:before")
    assert team.tree(PRODUCTION) == team.tree("models/model-v1")
    assert len(team.production()) == 4
    assert list(assigned(team).values()) == ["model-v1", "model-v2", "model-v1"]
