"""Strangers' text and strangers' rules in releases and promotions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from markdown_it import MarkdownIt

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
