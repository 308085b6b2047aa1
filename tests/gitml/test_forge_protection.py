"""`gitml forge protect` and `verify`: what is set, what is refused afterwards, what cannot be known."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gitml.forges import audit
from gitml.forges.base import Change, Finding, Protection
from gitml.forges.github_rules import has_ref, rulesets
from gitml.forges.problems import NotAllowed

from .conftest import Done, Registry, Server
from .forge_gitea import GiteaServer
from .forge_github import GitHubServer
from .forge_gitlab import GitLabServer
from .forge_repository import MergeRefused
from .forge_server import ForgeServer
from .test_forge_requests import BASE, KINDS, connected, promoted, pushed

Gitml = Callable[..., Done]
WANTED = Protection()


@pytest.fixture(params=KINDS)
def forge_server(request: pytest.FixtureRequest) -> ForgeServer:
    return request.getfixturevalue(f"{request.param}_server")


def done(changes: list[Change]) -> list[tuple[str, str]]:
    return [(change.where, change.what) for change in changes if not change.cannot]


def states(findings: list[Finding], *of: str) -> set[tuple[str, str]]:
    return {(one.where, one.what) for one in findings if one.state in of}


def given(ruleset: Any, number: int) -> Any:
    """Return the parameters of a ruleset's rule."""
    return ruleset["rules"][number]["parameters"]


class TestEverywhere:
    def test_protect_makes_verify_content_and_changes_nothing_again(self, forge_server: ForgeServer) -> None:
        forge = connected(forge_server)
        before = forge.verify(WANTED)
        assert {("main", "force push"), (WANTED.production, "pull request required")} <= states(before, "wrong")
        assert done(forge.protect(WANTED)) != []
        assert states(forge.verify(WANTED), "wrong", "unknown") == set()
        assert done(forge.protect(WANTED)) == []

    def test_a_dry_run_says_the_same_and_sets_nothing(self, forge_server: ForgeServer) -> None:
        forge = connected(forge_server)
        before = forge.verify(WANTED)
        planned = forge.protect(WANTED, dry_run=True)
        assert {one.method for one in forge_server.requests} == {"GET"}
        assert forge.verify(WANTED) == before
        assert forge.protect(WANTED) == planned

    def test_more_approvals_are_wrong_until_set(self, forge_server: ForgeServer) -> None:
        forge = connected(forge_server)
        forge.protect(WANTED)
        stricter = Protection(approvals=2)
        assert {what for _, what in states(forge.verify(stricter), "wrong")} == {"approvals"}
        assert done(forge.protect(stricter)) != []
        assert states(forge.verify(stricter), "wrong") == set()
        assert done(forge.protect(WANTED)) == [], "what is stricter stays"

    def test_somebody_who_is_no_administrator(self, forge_server: ForgeServer) -> None:
        forge = connected(forge_server, forge_server.account("bo"))
        with pytest.raises(NotAllowed, match="does not allow that"):
            forge.protect(WANTED)
        findings = forge.verify(WANTED)
        assert states(findings, "unknown") != set()
        assert all(one.found == audit.NOT_TOLD for one in findings if one.state == "unknown")

    def test_a_main_branch_that_is_not_there_is_said(self, forge_server: ForgeServer) -> None:
        forge = connected(forge_server)
        wanted = Protection(main="trunk")
        changes = forge.protect(wanted)
        assert [bool(one.cannot) for one in changes if one.what == "default_branch"] == [True]

    def test_what_is_protected_is_refused_to_pushes(self, forge_server: ForgeServer) -> None:
        registry, opening, _ = promoted(forge_server)
        connected(forge_server).protect(WANTED)
        release = registry.repo.git("rev-parse", "refs/tags/model@v1.0.0^{commit}")
        second = registry.promotion(release, 1, opening)
        for refspec in (
            f"{second}:refs/heads/{BASE}",
            f"+{registry.store(registry.EMPTY)}:refs/heads/{BASE}",
            f":refs/heads/{BASE}",
            ":refs/heads/models/model-v1",
            "+HEAD:refs/heads/models/model-v1",
        ):
            refused = registry.push(refspec)
            assert (refused.code, "remote: " in refused.err) == (1, True), refspec
        assert forge_server.repository.tip(BASE) == opening
        if forge_server.api != "/api/v1":
            assert registry.push(":refs/tags/model@v1.0.0").code == 1

    def test_a_merge_needs_approval_check_and_the_newest_base(self, forge_server: ForgeServer) -> None:
        registry, opening, promotion = promoted(forge_server)
        forge = connected(forge_server)
        forge.protect(WANTED)
        assert forge.open("promote/model-v1", BASE, "model: promote model-v1", "").number == 1
        with pytest.raises(MergeRefused, match="approving review"):
            forge_server.merge(1)
        forge_server.approve(1, "bo")
        with pytest.raises(MergeRefused, match="status check"):
            forge_server.merge(1)
        forge_server.report(promotion, "failure")
        with pytest.raises(MergeRefused, match="status check"):
            forge_server.merge(1)
        forge_server.report(promotion)
        with pytest.raises(MergeRefused, match="not allowed"):
            forge_server.merge(1, "rebase")
        release = registry.release(2)
        other = registry.promotion(release, 2, opening)
        registry.push(f"{other}:refs/heads/promote/model-v2")
        forge_server.merge(1)
        forge.open("promote/model-v2", BASE, "model: promote model-v2", "")
        forge_server.approve(2, "bo")
        forge_server.report(other)
        with pytest.raises(MergeRefused, match="out of date"):
            forge_server.merge(2)

    def test_a_lost_answer_while_protecting(self, forge_server: ForgeServer, pauses: list[float]) -> None:
        forge = connected(forge_server)
        for is_done in (True, False):
            forge_server.fail_next(502, method="POST", is_done=is_done)
        forge.protect(WANTED)
        assert states(forge.verify(WANTED), "wrong") == set()


class TestGitHub:
    def test_the_settings_and_four_rulesets(self, github_server: GitHubServer) -> None:
        changes = connected(github_server).protect(Protection(app=15368))
        assert changes[0] == Change("repository", "allow_update_branch", "true", "false")
        assert [one["name"] for one in github_server.rulesets.values()] == [
            "gitml: main",
            "gitml: production",
            "gitml: models",
            "gitml: model tags",
        ]
        production = list(github_server.rulesets.values())[1]
        assert production["bypass_actors"] == []
        assert production["conditions"] == {"ref_name": {"include": ["refs/heads/production/*"], "exclude": []}}
        rules = {rule["type"]: rule.get("parameters") for rule in production["rules"]}
        assert list(rules) == ["deletion", "non_fast_forward", "pull_request", "required_status_checks"]
        assert rules["pull_request"]["allowed_merge_methods"] == ["merge", "squash"]
        checks = rules["required_status_checks"]
        assert checks["required_status_checks"] == [{"context": "gitml", "integration_id": 15368}]
        assert checks["strict_required_status_checks_policy"] is True

    @pytest.mark.parametrize(
        ("weaken", "what"),
        [
            (lambda one: one.update(enforcement="disabled"), "deletion"),
            (lambda one: one.update(enforcement="evaluate"), "deletion"),
            (lambda one: one.update(bypass_actors=[{"actor_type": "Team", "actor_id": 3}]), "who need not care"),
            (lambda one: one["conditions"]["ref_name"].update(exclude=["refs/heads/production/*"]), "deletion"),
            (lambda one: one["rules"].append({"type": "merge_queue", "parameters": {}}), "merge queue"),
            (lambda one: one["rules"].pop(0), "deletion"),
            (lambda one: one["rules"].pop(1), "force push"),
            (
                lambda one: one["rules"][2]["parameters"].update(dismiss_stale_reviews_on_push=False),
                "a push ends approvals",
            ),
            (lambda one: one["rules"][2]["parameters"].update(allowed_merge_methods=["rebase"]), "merge methods"),
            (
                lambda one: one["rules"][3]["parameters"].update(required_status_checks=[{"context": "x"}]),
                "required check",
            ),
            (
                lambda one: one["rules"][3]["parameters"].update(strict_required_status_checks_policy=False),
                "up-to-date branch required",
            ),
        ],
    )
    def test_what_somebody_weakened_is_found_and_mended(
        self, github_server: GitHubServer, weaken: Callable[[Any], object], what: str
    ) -> None:
        forge = connected(github_server)
        forge.protect(WANTED)
        weaken(list(github_server.rulesets.values())[1])
        assert (WANTED.production, what) in states(forge.verify(WANTED), "wrong")
        assert done(forge.protect(WANTED)) == [("refs/heads/production/*", "ruleset 'gitml: production'")]
        assert states(forge.verify(WANTED), "wrong") == set()

    def test_rules_beside_ours_stay(self, github_server: GitHubServer) -> None:
        forge = connected(github_server)
        forge.protect(WANTED)
        production = list(github_server.rulesets.values())[1]
        production["rules"].append({"type": "required_signatures"})
        production["rules"][2]["parameters"]["require_code_owner_review"] = True
        production["rules"][2]["parameters"]["allowed_merge_methods"] = ["squash"]
        production["rules"][3]["parameters"]["required_status_checks"].append({"context": "lint"})
        production["bypass_actors"] = [{"actor_type": "OrganizationAdmin", "actor_id": None}]
        forge.protect(WANTED)
        rules = {rule["type"]: rule.get("parameters") for rule in list(github_server.rulesets.values())[1]["rules"]}
        assert "required_signatures" in rules
        assert rules["pull_request"]["require_code_owner_review"] is True
        assert rules["pull_request"]["allowed_merge_methods"] == ["squash"]
        names = [one["context"] for one in rules["required_status_checks"]["required_status_checks"]]
        assert names == ["gitml", "lint"]

    def test_who_is_spared_by_one_ruleset_is_held_by_another(self, github_server: GitHubServer) -> None:
        forge = connected(github_server)
        forge.protect(WANTED)
        spared = {**list(github_server.rulesets.values())[1], "id": 99, "name": "theirs"}
        spared["bypass_actors"] = [{"actor_type": "Team", "actor_id": 3}]
        github_server.rulesets[99] = spared
        assert states(forge.verify(WANTED), "wrong") == set()
        del github_server.rulesets[2]
        wrong = [one for one in forge.verify(WANTED) if one.state == "wrong"]
        assert [(one.what, one.found) for one in wrong] == [("who need not care", "Team 3")]

    def test_a_workflow_that_is_required_by_the_organisation(self, github_server: GitHubServer) -> None:
        forge = connected(github_server)
        what = ("main", "the check comes from main's workflow")
        assert what in states(forge.verify(WANTED), "unavailable")
        conditions = {"ref_name": {"include": ["~ALL"], "exclude": []}}
        github_server.rulesets[50] = {
            "id": 50, "name": "org", "target": "branch", "enforcement": "active", "conditions": conditions,
            "rules": [{"type": "workflows", "parameters": {"workflows": []}}],
        }  # fmt: skip
        assert what in states(forge.verify(WANTED), "ok")

    def test_without_rulesets_branch_protection_is_the_second_choice(self, github_server: GitHubServer) -> None:
        github_server.has_rulesets = False
        Registry(github_server.clone("registry")).open()
        forge = connected(github_server)
        changes = forge.protect(WANTED)
        assert [one.where for one in changes if one.what == "branch protection"] == ["main", BASE]
        assert {one.where for one in changes if one.cannot} == {"production/*", "models/*", "*@v*, *#*"}
        assert github_server.protections["main"]["enforce_admins"] is True
        assert github_server.protections["main"]["required_status_checks"] == {"strict": True, "contexts": ["gitml"]}
        assert done(forge.protect(WANTED)) == []
        wrong = states(forge.verify(WANTED), "wrong")
        assert {one for one in wrong if one[0] in ("main", "production/*")} == {("production/*", "merge methods")}
        assert {where for where, _ in wrong} == {"production/*", "models/*", "*@v*", "*#*"}

    def test_a_classic_protection_counts_where_there_is_no_rule(self, github_server: GitHubServer) -> None:
        github_server.has_rulesets = False
        forge = connected(github_server)
        forge.protect(WANTED)
        github_server.has_rulesets = True
        wrong = {(where, what) for where, what in states(forge.verify(WANTED), "wrong") if where == "main"}
        assert wrong == set()
        github_server.protections["main"]["enforce_admins"] = False
        assert ("main", "who need not care") in states(forge.verify(WANTED), "wrong")

    def test_a_tier_that_protects_nothing(self, github_server: GitHubServer) -> None:
        github_server.is_free_and_private = True
        forge = connected(github_server)
        changes = forge.protect(WANTED)
        assert [one.what for one in changes if not one.cannot] == ["allow_update_branch"]
        assert any("Upgrade to GitHub Pro" in one.cannot for one in changes)
        with pytest.raises(NotAllowed, match="does not allow that"):
            forge.verify(WANTED)

    def test_a_repository_that_merges_by_rebase_only(self, github_server: GitHubServer) -> None:
        github_server.settings.update(allow_merge_commit=False, allow_squash_merge=False)
        forge = connected(github_server)
        assert (WANTED.production, "merge methods") in states(forge.verify(WANTED), "wrong")
        forge.protect(WANTED)
        assert github_server.settings["allow_squash_merge"] is True
        assert states(forge.verify(WANTED), "wrong") == set()

    @pytest.mark.parametrize(
        ("pattern", "ref", "fits"),
        [
            ("refs/heads/production/*", "refs/heads/production/production-model", True),
            ("refs/heads/production/*", "refs/heads/production/a/b", False),
            ("refs/heads/**/*", "refs/heads/main", True),
            ("refs/heads/**/*", "refs/heads/a/b/c", True),
            ("~ALL", "refs/heads/x", True),
            ("refs/heads/mai?", "refs/heads/main", True),
            ("refs/heads/main", "refs/heads/main2", False),
            ("refs/tags/*@v*", "refs/tags/model@v1.0.0", True),
            ("refs/tags/**/*#*", "refs/tags/sub/model#production#1", True),
        ],
    )
    def test_patterns(self, pattern: str, ref: str, fits: bool) -> None:
        ruleset = {"enforcement": "active", "conditions": {"ref_name": {"include": [pattern], "exclude": []}}}
        assert has_ref(ruleset, ref) is fits
        assert all("refs/" in one for made in rulesets(WANTED) for one in made["conditions"]["ref_name"]["include"])


class TestGitLab:
    def test_settings_branches_tags_and_approvals(self, gitlab_server: GitLabServer) -> None:
        changes = connected(gitlab_server).protect(WANTED)
        assert {
            key: gitlab_server.settings[key] for key in ("merge_method", "only_allow_merge_if_pipeline_succeeds")
        } == {
            "merge_method": "rebase_merge",
            "only_allow_merge_if_pipeline_succeeds": True,
        }
        levels = {
            name: [one[f"{who}_access_levels"][0]["access_level"] for who in ("push", "merge")]
            for name, one in gitlab_server.branches.items()
        }
        assert levels == {"main": [0, 30], "production/*": [0, 30], "models/*": [30, 0]}
        assert list(gitlab_server.tags) == ["*@v*", "*#*"]
        assert [one["approvals_required"] for one in gitlab_server.rules.values()] == [1]
        cannot = {(one.where, one.what) for one in changes if one.cannot}
        assert ("models/*", "update") in cannot
        assert ("production/*", "a new model's branch") in cannot

    def test_a_new_models_branch_is_refused_as_it_says(self, gitlab_server: GitLabServer) -> None:
        connected(gitlab_server).protect(WANTED)
        registry = Registry(gitlab_server.clone("registry"))
        opening = registry.store(registry.EMPTY, message="infra: open production")
        assert registry.push(f"{opening}:refs/heads/{BASE}").code == 1

    def test_the_free_tier_says_what_it_lacks(self, gitlab_server: GitLabServer) -> None:
        gitlab_server.is_premium = False
        forge = connected(gitlab_server)
        changes = forge.protect(WANTED)
        assert [one.cannot for one in changes if one.what == "approvals"] == [
            "GitLab Premium or Ultimate has it, the free tier has not."
        ]
        findings = forge.verify(WANTED)
        assert states(findings, "wrong", "unknown") == set()
        assert ("main", "approvals") in states(findings, "unavailable")

    @pytest.mark.parametrize(
        ("weaken", "what"),
        [
            (lambda one: one.settings.update(merge_method="merge"), "up-to-date branch required"),
            (lambda one: one.settings.update(allow_merge_on_skipped_pipeline=True), "required check"),
            (lambda one: one.settings.update(merge_trains_enabled=True), "merge queue"),
            (lambda one: one.branches["production/*"].update(allow_force_push=True), "force push"),
            (lambda one: one.branches.pop("production/*"), "deletion"),
            (
                lambda one: one.branches["production/*"]["push_access_levels"].append(
                    {"access_level": 40, "access_level_description": "Deploy key", "deploy_key_id": 1}
                ),
                "who need not care",
            ),
            (lambda one: one.approval_settings.update(reset_approvals_on_push=False), "a push ends approvals"),
            (lambda one: one.rules.clear(), "approvals"),
        ],
    )
    def test_what_somebody_weakened_is_found_and_mended(
        self, gitlab_server: GitLabServer, weaken: Callable[[Any], object], what: str
    ) -> None:
        forge = connected(gitlab_server)
        forge.protect(WANTED)
        weaken(gitlab_server)
        assert (WANTED.production, what) in states(forge.verify(WANTED), "wrong")
        forge.protect(WANTED)
        assert states(forge.verify(WANTED), "wrong") == set()

    def test_another_pattern_that_lets_people_push(self, gitlab_server: GitLabServer) -> None:
        """Of several rules for one branch GitLab takes the most permissive."""
        forge = connected(gitlab_server)
        forge.protect(WANTED)
        gitlab_server.branches["prod*"] = {**gitlab_server.branches["models/*"], "name": "prod*"}
        found = {one.what: one for one in forge.verify(WANTED) if one.where == WANTED.production}
        assert found["pull request required"].state == found["who need not care"].state == "wrong"
        assert found["who need not care"].found == "Developers + Maintainers"

    def test_a_tag_that_is_not_protected(self, gitlab_server: GitLabServer) -> None:
        forge = connected(gitlab_server)
        forge.protect(WANTED)
        del gitlab_server.tags["*#*"]
        assert states(forge.verify(WANTED), "wrong") == {("*#*", what) for what in ("update", "force push", "deletion")}

    def test_an_approval_rule_for_one_branch_only(self, gitlab_server: GitLabServer) -> None:
        forge = connected(gitlab_server)
        forge.protect(WANTED)
        gitlab_server.rules.clear()
        gitlab_server.rules[1] = {"approvals_required": 3, "protected_branches": [{"name": "main"}], "id": 1}
        assert ("main", "approvals") in states(forge.verify(WANTED), "ok")
        assert (WANTED.production, "approvals") in states(forge.verify(WANTED), "wrong")

    def test_a_pipeline_of_another_project_cannot_be_edited(self, gitlab_server: GitLabServer) -> None:
        what = ("main", "the check comes from main's pipeline")
        assert what in states(connected(gitlab_server).verify(WANTED), "unavailable")
        gitlab_server.settings["ci_config_path"] = ".gitlab-ci.yml@ada/rules"
        assert what in states(connected(gitlab_server).verify(WANTED), "ok")

    def test_fast_forward_is_kept(self, gitlab_server: GitLabServer) -> None:
        gitlab_server.settings["merge_method"] = "ff"
        forge = connected(gitlab_server)
        forge.protect(WANTED)
        assert gitlab_server.settings["merge_method"] == "ff"
        found = [one for one in forge.verify(WANTED) if one.what == "merge methods"]
        assert [(one.state, one.found) for one in found] == [("ok", "fast-forward, squash")]


class TestGitea:
    def test_settings_and_protections(self, gitea_server: GiteaServer) -> None:
        changes = connected(gitea_server).protect(WANTED)
        assert gitea_server.settings["allow_rebase"] is False
        assert list(gitea_server.protections) == ["main", "production/*", "models/*"]
        production = gitea_server.protections["production/*"]
        assert (production["enable_push"], production["status_check_contexts"]) == (False, ["*gitml*"])
        assert production["block_admin_merge_override"] is True
        assert {one.where for one in changes if one.cannot} == {"models/*", "*@v*", "*#*", "repository", "main"}

    @pytest.mark.parametrize(
        ("weaken", "what"),
        [
            (lambda one: one.update(enable_push=True), "pull request required"),
            (lambda one: one.update(block_on_outdated_branch=False), "up-to-date branch required"),
            (lambda one: one.update(enable_status_check=False), "required check"),
            (lambda one: one.update(status_check_contexts=["lint"]), "required check"),
            (lambda one: one.update(block_admin_merge_override=False), "who need not care"),
            (lambda one: one.update(enable_force_push=True), "force push"),
            (lambda one: one.update(required_approvals=0), "approvals"),
        ],
    )
    def test_what_somebody_weakened_is_found_and_mended(
        self, gitea_server: GiteaServer, weaken: Callable[[Any], object], what: str
    ) -> None:
        forge = connected(gitea_server)
        forge.protect(WANTED)
        weaken(gitea_server.protections["production/*"])
        assert states(forge.verify(WANTED), "wrong") == {(WANTED.production, what)}
        forge.protect(WANTED)
        assert states(forge.verify(WANTED), "wrong") == set()

    def test_a_rule_of_the_branchs_own_name_counts_alone(self, gitea_server: GiteaServer) -> None:
        forge = connected(gitea_server)
        forge.protect(WANTED)
        named = {**gitea_server.protections["models/*"], "rule_name": BASE}
        gitea_server.protections[BASE] = named
        assert (WANTED.production, "pull request required") in states(forge.verify(WANTED), "wrong")


class TestCommand:
    def test_protect_and_verify(self, gitml: Gitml, github_server: GitHubServer) -> None:
        repo = github_server.clone()
        planned = gitml("forge", "protect", "--dry-run", at=repo.path)
        assert planned.code == 0
        assert planned.out.startswith("would set   repository  allow_update_branch\n            true → false\n")
        assert planned.out.endswith("next  gitml forge protect\n")
        assert gitml("forge", "verify", at=repo.path).code == 1
        set_now = gitml("forge", "protect", at=repo.path)
        assert (set_now.code, set_now.out) == (
            0,
            planned.out.replace("would set ", "set       ").replace(
                "next  gitml forge protect", "next  gitml forge verify"
            ),
        )
        again = gitml("forge", "protect", at=repo.path)
        assert "everything that can be set is set already\nnext  gitml forge verify\n" in again.out
        right = gitml("forge", "verify", at=repo.path)
        assert right.code == 0
        assert "ok        production/*  approvals: 1\n" in right.out
        assert "no such   main  the check comes from main's workflow: not required\n" in right.out
        assert right.out.endswith("next  gitml model promote\n")

    def test_what_is_wrong_is_said_with_its_mend(self, gitml: Gitml, gitlab_server: GitLabServer) -> None:
        done = gitml("forge", "verify", "--approvals", "2", at=gitlab_server.clone().path)
        assert done.code == 1
        assert "wrong     production/*  approvals: 0, should be 2 or more\n" in done.out
        assert done.out.endswith("next  gitml forge protect\n")

    def test_what_is_not_told_is_3(self, gitml: Gitml, gitea_server: GiteaServer, monkeypatch: Any) -> None:
        connected(gitea_server).protect(WANTED)
        monkeypatch.setenv("GITML_FORGE_TOKEN", gitea_server.account("bo"))
        done = gitml("forge", "verify", at=gitea_server.clone().path)
        assert done.code == 3
        assert "not told  main  pull request required: not told, should be yes\n" in done.out

    def test_json(self, gitml: Gitml, github_server: GitHubServer) -> None:
        repo = github_server.clone()
        changes = json.loads(gitml("forge", "protect", "--json", at=repo.path).out)
        assert changes[0] == {
            "where": "repository",
            "what": "allow_update_branch",
            "was": "true",
            "becomes": "false",
            "cannot": "",
        }
        findings = json.loads(gitml("forge", "verify", "--json", "--check", "other", at=repo.path).out)
        assert {one["what"] for one in findings if one["state"] == "wrong"} == {"required check"}

    def test_a_remote_that_is_no_forge(self, gitml: Gitml, server: Server) -> None:
        done = gitml("forge", "verify", at=server.clone().path)
        assert (done.code, done.err.splitlines()[0]) == (3, "gitml: the remote origin leads to no forge that is known")

    def test_no_remote(self, gitml: Gitml, server: Server) -> None:
        done = gitml("forge", "verify", "--remote", "other", at=server.clone().path)
        assert (done.code, done.err.splitlines()[0]) == (3, "gitml: there is no remote 'other'")

    def test_words_of_a_forge_that_are_made_to_hurt(self, gitml: Gitml, github_server: GitHubServer) -> None:
        pushed(github_server)
        github_server.settings["default_branch"] = "\x1b[31mmain\u202e"
        done = gitml("forge", "verify", at=github_server.clone().path)
        assert "\x1b" not in done.out and "\u202e" not in done.out
        assert r"\x1b[31mmain\u202e" in done.out
