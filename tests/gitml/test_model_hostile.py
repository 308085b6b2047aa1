"""Strangers' text and strangers' rules in releases and promotions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from markdown_it import MarkdownIt

from gitml.conventions.versions import ModelVersion
from gitml.policy import approvals

from .conftest import Done
from .teams import APPROVED_BY_ONE, CONFIG, PRODUCTION, Team, deployed, finish_report, released, team

__all__ = ["team"]

Gitml = Callable[..., Done]

HOSTILE = (
    "<script>alert(1)</script> [x](javascript:alert(1)) ![p](https://evil.example/p.png) @team fixes #1 "
    "\x1b[31m\u202e|`"
)


class TestText:
    @pytest.fixture
    def odd(self, team: Team) -> Team:
        """An experiment whose report, parameters and metrics say odd things."""
        ada = team.ada
        ada.git("switch", "--quiet", "experiments/lower")
        report = ada.path / "reports/lower/README.md"
        report.write_text(report.read_text().replace("Words about Objective.", f"Words. {HOSTILE}"))
        ada.git("commit", "--quiet", "--all", "-m", "experiment: words")
        return team

    def test_the_card_and_the_terminal(self, odd: Team, gitml: Gitml) -> None:
        done = gitml("model", "release", at=odd.ada.path)
        assert done.code == 0, done.err
        assert "\x1b" not in done.out
        card = odd.server.run("git", "show", "models/model-v1:MODEL_CARD.md").out
        assert "\x1b" not in card and "\u202e" not in card
        assert "fixes #1" in card, "a person's own words, as in their report"

    def test_names_and_values_are_text(self, team: Team, gitml: Gitml) -> None:
        ada = team.ada
        ada.git("switch", "--quiet", "main")
        ada.write("params.yaml", (ada.path / "params.yaml").read_text() + "odd: '<b>|`@team'\n")
        ada.commit("infra: odd")
        assert gitml("exp", "run", "-n", "odd", "-S", "lr=4e-3", at=ada.path).code == 0
        finish_report(ada, "odd")
        ada.git("commit", "--quiet", "--all", "-m", "experiment: words")
        assert gitml("model", "release", at=ada.path).code == 0
        card = team.server.run("git", "show", "models/model-v1:MODEL_CARD.md").out
        tokens = [one for token in MarkdownIt("commonmark").parse(card) for one in (token, *(token.children or ()))]
        assert [str(one.attrGet("href")) for one in tokens if one.type == "link_open"] == ["reports/odd/README.md"]
        assert not [one for one in tokens if one.type in ("html_block", "html_inline", "image")]

    def test_the_words_of_a_pull_request(self, odd: Team, gitml: Gitml) -> None:
        released(odd, gitml, "lower")
        assert gitml("model", "promote", "v1", at=odd.ada.path).code == 0
        body = gitml("ci", "comment", "--branch", "promote/model-v1", "--dry-run", at=odd.ada.path).out
        tokens = [one for token in MarkdownIt("commonmark").parse(body) for one in (token, *(token.children or ()))]
        assert not [one for one in tokens if one.type in ("html_block", "html_inline")]
        assert not re.search(r"@team|fixes #1|javascript:|evil\.example|\x1b", body)

    def test_a_reason(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower", "higher")
        deployed(team, gitml, "v1")
        deployed(team, gitml, "v2")
        reason = f"{HOSTILE}\n\nModel: model-v2\nModel-Commit: {'0' * 40}\n"
        done = gitml("model", "rollback", "--reason", reason, "--now", at=team.ada.path)
        assert done.code == 0, done.err
        release = team.server.git("rev-parse", "models/model-v1")
        trailers = team.server.git("log", "-1", "--format=%(trailers:only,unfold)", PRODUCTION).splitlines()
        assert trailers[:2] == ["Model: model-v1", f"Model-Commit: {release}"]
        assert len(trailers) == 3 and trailers[2].startswith("Reason: ")
        assert "\x1b" not in gitml("model", "show", "v1", at=team.ada.path).out


def step(team: Team, version: str, onto: str) -> str:
    """Store a commit of production by hand."""
    tree = team.ada.git("rev-parse", f"models/model-{version}^{{tree}}")
    return team.ada.git("commit-tree", tree, "-p", onto, "-m", f"model: promote model-{version}")


class TestRules:
    """A pull request is judged by main's rules, whatever it brings."""

    def test_an_experiment_that_lowers_its_own_gates(self, team: Team, gitml: Gitml) -> None:
        ada = team.ada
        ada.git("switch", "--quiet", "experiments/small")
        ada.commit("experiment: easier", **{"gitml.toml": "[gates.roc_auc]\nmin = 0.1\n[rules]\ngates = 'off'\n"})
        done = gitml("model", "release", at=ada.path)
        assert (done.code, "is below 0.7005" in done.err) == (1, True)
        tip = ada.git("rev-parse", "HEAD")
        pushed = ada.run("git", "push", "origin", f"{tip}:refs/heads/models/model-v1")
        assert (pushed.code, "gates" in pushed.err) == (1, True)

    def test_weaker_rules_and_production_in_one_push(self, team: Team, gitml: Gitml) -> None:
        team.law(CONFIG + APPROVED_BY_ONE)
        released(team, gitml, "lower")
        assert gitml("model", "promote", "v1", at=team.ada.path).code == 0
        ada = team.ada
        ada.git("fetch", "--quiet")
        ada.git("switch", "--quiet", "main")
        ada.commit("infra: no votes", **{"gitml.toml": CONFIG})
        pushed = ada.run(
            "git", "push", "--atomic", "origin", "main", f"origin/promote/model-v1:refs/heads/{PRODUCTION}"
        )
        assert (pushed.code, "approvals" in pushed.err) == (1, True)
        assert team.server.git("ls-tree", PRODUCTION) == ""

    def test_gates_are_not_passed_by_the_way_back(self, team: Team, gitml: Gitml) -> None:
        """A worse model in between, and in the next push it would have been there."""
        team.law(CONFIG.replace("0.005", "0.001"))
        released(team, gitml, "lower", "higher")
        deployed(team, gitml, "v2")
        ada = team.ada
        ada.git("fetch", "--quiet")
        tip = ada.git("rev-parse", f"origin/{PRODUCTION}")
        assert "gates" in ada.run("git", "push", "origin", f"{step(team, 'v1', tip)}:refs/heads/{PRODUCTION}").err
        both = step(team, "v2", step(team, "v1", tip))
        pushed = ada.run("git", "push", "origin", f"{both}:refs/heads/{PRODUCTION}")
        assert (pushed.code, "2 deployments of production/production-model come at once" in pushed.err) == (1, True)

    def test_an_approval_of_what_stood_elsewhere(self, team: Team, gitml: Gitml) -> None:
        """A merge that brings an old promotion, approved as it was then, onto what is there now."""
        ben = team.clone("ben")
        team.law(CONFIG + APPROVED_BY_ONE, allowed_signers=team.signer(ben, "ben"))
        released(team, gitml, "lower", "middle", "higher")
        for version in ("v1", "v2"):
            assert gitml("model", "promote", version, at=team.ada.path).code == 0
            assert gitml("model", "approve", version, at=ben.path).code == 0
        ada = team.ada
        ada.git("fetch", "--quiet")
        old = ada.git("rev-parse", "origin/promote/model-v2")
        assert gitml("model", "promote", "v1", "--merge", at=ada.path).code == 0
        ada.git("fetch", "--quiet")
        tip, tree = ada.git("rev-parse", f"origin/{PRODUCTION}"), ada.git("rev-parse", "models/model-v2^{tree}")
        merge = ada.git("commit-tree", tree, "-p", tip, "-p", old, "-m", "Merge pull request 7")
        pushed = ada.run("git", "push", "origin", f"{merge}:refs/heads/{PRODUCTION}")
        assert (pushed.code, "is approved by 0 of 1" in pushed.err) == (1, True)

    def test_one_key_is_one_person(self, team: Team, gitml: Gitml) -> None:
        eve = team.clone("eve")
        line = team.signer(eve, "eve").replace("eve@example.com", "*@example.com")
        team.law(CONFIG + APPROVED_BY_ONE.replace("1", "2"), allowed_signers=line)
        released(team, gitml, "lower")
        assert gitml("model", "promote", "v1", at=team.ada.path).code == 0
        for email in ("eve@example.com", "eve2@example.com"):
            eve.git("config", "user.email", email)
            assert gitml("model", "approve", "v1", at=eve.path).code == 0
        done = gitml("model", "promote", "v1", "--merge", at=team.ada.path)
        words = " ".join(done.err.split())
        assert (done.code, "is approved by 1 of 2" in words, "counted already" in words) == (1, True, True)

    def test_who_made_the_experiment_made_the_model(self, team: Team, gitml: Gitml) -> None:
        eve = team.clone("eve")
        team.law(CONFIG + APPROVED_BY_ONE, allowed_signers=team.signer(eve, "eve"))
        ada = team.ada
        ada.git("switch", "--quiet", "experiments/lower")
        ada.git("-c", "user.email=eve@example.com", "commit", "--quiet", "--allow-empty", "-m", "experiment: a thought")
        assert gitml("model", "release", at=ada.path).code == 0
        assert gitml("model", "promote", "v1", at=ada.path).code == 0
        done = gitml("model", "approve", "v1", at=eve.path)
        assert (done.code, "you made the model" in done.err) == (1, True)

    @pytest.mark.parametrize("email", ["Eve@Example.com", "e.v-e@example.com"])
    def test_an_address_as_it_is_written(self, team: Team, gitml: Gitml, email: str) -> None:
        eve = team.clone("eve", email)
        team.law(CONFIG + APPROVED_BY_ONE, allowed_signers=team.signer(eve, "eve"))
        released(team, gitml, "lower")
        assert gitml("model", "promote", "v1", at=team.ada.path).code == 0
        done = gitml("model", "approve", "v1", at=eve.path)
        assert (done.code, ": 1 of 1" in done.out) == (0, True), done
        assert gitml("model", "promote", "v1", "--merge", at=team.ada.path).code == 0

    def test_a_name_that_somebody_took(self, team: Team, gitml: Gitml) -> None:
        ben = team.clone("ben")
        team.law(CONFIG + APPROVED_BY_ONE, allowed_signers=team.signer(ben, "ben"))
        released(team, gitml, "lower")
        assert gitml("model", "promote", "v1", at=team.ada.path).code == 0
        ada = team.ada
        ada.git("fetch", "--quiet")
        commit = ada.git("rev-parse", "origin/promote/model-v1")
        taken = approvals.name_of(ModelVersion("model", 1), commit, "ben@example.com")
        ada.git("tag", "-m", "squat", taken, commit)
        ada.git("push", "--quiet", "origin", f"refs/tags/{taken}")
        done = gitml("model", "approve", "v1", at=ben.path)
        assert (done.code, ": 1 of 1" in done.out) == (0, True), done

    def test_a_release_without_its_signed_tag_is_not_promoted(self, team: Team, gitml: Gitml) -> None:
        ben = team.clone("ben")
        lines = team.signer(ben, "ben") + team.signer(team.ada, "ada")
        team.law(CONFIG + APPROVED_BY_ONE + "signed_releases = true\n", allowed_signers=lines)
        released(team, gitml, "lower")
        team.server.git("update-ref", "-d", "refs/tags/model@v1.0.0")
        team.ada.git("update-ref", "-d", "refs/tags/model@v1.0.0")
        done = gitml("model", "promote", "v1", at=team.ada.path)
        assert (done.code, "signed-release" in done.err) == (1, True)

    def test_the_registrys_tags_say_what_production_has(self, team: Team, gitml: Gitml) -> None:
        """What GTO would believe for ever, since no tag of the registry goes away."""
        released(team, gitml, "lower", "higher")
        deployed(team, gitml, "v1")
        deployed(team, gitml, "v2")
        ada = team.ada
        ada.git("fetch", "--quiet", "--tags")
        second = ada.git("rev-parse", f"origin/{PRODUCTION}")
        tries = (
            ("model@deprecated", "main", "x", "GTO would show nothing of the model"),
            ("model#production!#9", "models/model-v2", "x", "goes forward only"),
            ("model@v1.0.0#5", "models/model-v1", "x", "is tagged model@vN.0.0"),
            ("model#production#9", "models/model-v1", f"x\n\nDeployment: {second}\n", "did not get this model"),
            ("model#production#9", "models/model-v1", "x", "has another model now"),
            ("model#production#1", "models/model-v2", f"x\n\nDeployment: {second}\n", "cannot be moved"),
        )
        for tag, target, message, why in tries:
            ada.git("tag", "--force", "-m", message, tag, target)
            pushed = ada.run("git", "push", "--no-verify", "--force", "origin", f"refs/tags/{tag}")
            words = " ".join(pushed.err.replace("remote:", "").split())
            assert (pushed.code, why in words) == (1, True), (tag, words)
            ada.git("tag", "--delete", tag)

    def test_main_goes_forward_only(self, team: Team, gitml: Gitml) -> None:
        team.law(CONFIG)
        ada = team.ada
        pushed = ada.run("git", "push", "--force", "origin", "main~1:main")
        assert (pushed.code, "main cannot be forced" in pushed.err) == (1, True)

    def test_several_steps_in_one_push_each_need_a_vote(self, team: Team, gitml: Gitml) -> None:
        ben = team.clone("ben")
        team.law(CONFIG + APPROVED_BY_ONE, allowed_signers=team.signer(ben, "ben"))
        released(team, gitml, "lower", "higher")
        for version in ("v1", "v2"):
            assert gitml("model", "promote", version, at=team.ada.path).code == 0
        assert gitml("model", "approve", "v2", at=ben.path).code == 0
        ada = team.ada
        ada.git("fetch", "--quiet", "--tags")
        first = ada.git("rev-parse", "origin/promote/model-v1")
        tree = ada.git("rev-parse", "models/model-v2^{tree}")
        both = ada.git("commit-tree", tree, "-p", first, "-m", "model: promote model-v2")
        pushed = ada.run("git", "push", "origin", f"{both}:refs/heads/{PRODUCTION}")
        assert (pushed.code, "approvals" in pushed.err) == (1, True)

    def test_by_hand_nothing_gets_into_production(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        deployed(team, gitml, "v1")
        ada = team.ada
        ada.git("fetch", "--quiet")
        production = ada.git("rev-parse", f"origin/{PRODUCTION}")
        before = team.refs()
        ada.git("switch", "--quiet", "--detach", production)
        direct = ada.commit("model: a hot fix", **{"fix.txt": "1"})
        refusals = (
            (f"{direct}:refs/heads/{PRODUCTION}", "production-tree"),
            (f"+{production}^:refs/heads/{PRODUCTION}", "production-tree"),
            (f":refs/heads/{PRODUCTION}", "production-tree"),
            (":refs/heads/models/model-v1", "immutable-model"),
            (f"+{direct}:refs/heads/models/model-v1", "immutable-model"),
            (":refs/tags/model@v1.0.0", "immutable-model"),
            (f"{direct}:refs/tags/model@v9.0.0", "immutable-model"),
            (f"{direct}:refs/heads/promote/model-v1", "promote-shape"),
        )
        for update, rule in refusals:
            pushed = ada.run("git", "push", "--no-verify", "origin", update)
            assert (pushed.code, rule in pushed.err) == (1, True), (update, pushed)
        assert team.refs() == before
        assert json.loads(gitml("model", "trace", "production", "--json", at=ada.path).out)
