"""pre-receive on a real bare repository: what --no-verify let through is refused here."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.hooks import pre_receive
from gitml.policy.refs import RefUpdate

from .conftest import ROOT, Done, Registry, Repo, Server, finished_report

Gitml = Callable[..., Done]
REPORT = "reports/lr/README.md"


def refusal(done: Done) -> list[str]:
    """What the server said, without git's own words."""
    assert done.code == 1, done
    return [line.removeprefix("remote: ").rstrip() for line in done.err.splitlines() if line.startswith("remote: ")]


def joined(done: Done) -> str:
    return " ".join(line.strip() for line in refusal(done))


def push(repo: Repo, *updates: str) -> Done:
    return repo.run("git", "push", "--no-verify", "origin", *updates)


class TestNames:
    def test_a_wrong_one(self, server: Server) -> None:
        repo = server.clone()
        assert refusal(push(repo, "HEAD:refs/heads/experiments/Foo")) == [
            "gitml: push refused (branch-name)",
            "  experiments/Foo",
            '    "experiments/Foo" is not the name of a branch here',
            "      A branch is main, experiments/<slug>, models/<model>-v<N>,",
            "      promote/<model>-v<N>, production/production-<model>, infra/*,",
            "      data/*, revert-*, dependabot/*.",
            "Mend:",
            "  git branch -m experiments/Foo experiments/foo",
        ]
        assert server.tip("experiments/Foo") == ""

    @pytest.mark.parametrize(
        "name",
        [
            "experiments/$(touch$IFS)x",
            "experiments/<script>",
            "experiments/e\u202exe",
            "x'\"`y`",
            "experiments/" + "x" * 200,
        ],
    )
    def test_one_that_is_made_to_hurt(self, server: Server, name: str) -> None:
        said = refusal(push(server.clone(), f"HEAD:refs/heads/{name}"))
        assert said[0] == "gitml: push refused (branch-name)"
        assert "\u202e" not in "".join(said)
        assert not (server.path / "x").exists()

    def test_one_that_is_a_path_in_its_tree(self, server: Server) -> None:
        repo = server.clone()
        repo.commit("infra: x", **{"experiments/lr/notes": "1"})
        assert refusal(push(repo, "HEAD:refs/heads/experiments/lr"))[2] == (
            '    "experiments/lr" is also a file or folder in its own tree'
        )
        assert push(repo, "HEAD:refs/heads/experiments/lr2").code == 0

    def test_one_that_was_there_before_is_told_and_goes_on(self, server: Server) -> None:
        server.git("branch", "Old", "main")
        repo = server.clone()
        repo.commit()
        done = push(repo, "HEAD:refs/heads/Old")
        assert done.code == 0
        assert "gitml: warning (branch-name)" in done.err

    def test_a_branch_can_be_deleted(self, server: Server) -> None:
        server.git("branch", "experiments/x", "main")
        assert push(server.clone(), ":refs/heads/experiments/x").code == 0

    def test_a_pattern_of_the_projects_own(self, server: Server) -> None:
        repo = server.clone()
        repo.commit("infra: names", **{"gitml.toml": '[branches]\nextra = ["team-*"]\n'})
        assert push(repo, "HEAD:main").code == 0
        assert push(repo, "HEAD:team-a").code == 0
        assert push(repo, "HEAD:infra/x").code == 1


class TestMessages:
    def test_every_new_commit_is_judged(self, server: Server) -> None:
        repo = server.clone()
        first = repo.commit("try one")
        repo.commit("infra: right")
        last = repo.commit("try two")
        oids = [repo.git("rev-parse", "--short=10", name) for name in (first, last)]
        assert refusal(push(repo, "HEAD:experiments/x")) == [
            "gitml: push refused (commit-prefix)",
            "  experiments/x",
            f'    {oids[0]} "try one" has no prefix',
            f'    {oids[1]} "try two" has no prefix',
            "      A first line begins with one of experiment:, model:, data:, infra:",
            "Mend:",
            f"  git rebase --interactive {oids[0]}^   # reword it",
            '  git commit --amend -m "experiment: try two"',
        ]

    def test_merges_reverts_and_fixups_pass(self, server: Server) -> None:
        repo = server.clone()
        repo.git("switch", "--quiet", "--create", "experiments/x")
        repo.commit("experiment: one", a="1")
        repo.git("revert", "--no-edit", "HEAD")
        repo.commit("fixup! experiment: one", a="2")
        repo.git("switch", "--quiet", "main")
        repo.commit("infra: two", b="1")
        repo.git("merge", "--quiet", "--no-ff", "-m", "whatever I say", "experiments/x")
        assert push(repo, "HEAD:main").code == 0

    def test_a_tag_does_not_hide_a_commit(self, server: Server) -> None:
        """What is reachable from a tag, or from a ref of another kind, was judged by nobody."""
        repo = server.clone()
        repo.commit("wrong")
        assert push(repo, "HEAD:refs/tags/x", "HEAD:refs/odd/y").code == 0
        assert refusal(push(repo, "HEAD:experiments/x"))[0] == "gitml: push refused (commit-prefix)"

    def test_what_a_branch_has_is_not_judged_again(self, server: Server) -> None:
        old = server.clone("old")
        old.commit("from before")
        server.run("git", "fetch", str(old.path), "HEAD:refs/heads/experiments/old")
        repo = server.clone("new")
        repo.git("switch", "--quiet", "--create", "experiments/new", "origin/experiments/old")
        repo.commit("experiment: new")
        assert push(repo, "HEAD").code == 0

    def test_a_message_that_is_no_text_and_one_in_latin_1(self, server: Server) -> None:
        repo = server.clone()
        repo.git("config", "i18n.commitEncoding", "latin-1")
        repo.write("m", "infra: caf\xe9".encode("latin-1"))
        repo.git("commit", "--quiet", "--allow-empty", "-F", "m")
        repo.git("config", "--unset", "i18n.commitEncoding")
        tree = repo.git("rev-parse", "HEAD^{tree}")
        raw = f"tree {tree}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\n".encode() + b"infra: \xff\xfe\n"
        assert push(repo, "HEAD:main").code == 0
        oid = repo.run("git", "hash-object", "-t", "commit", "-w", "--stdin", stdin=raw).out.strip()
        assert push(repo, f"{oid}:refs/heads/experiments/y").code == 0

    def test_a_message_of_many_megabytes(self, server: Server) -> None:
        repo = server.clone()
        repo.write("m", "infra: x\n\n" + "y" * 3 * 2**20)
        repo.git("commit", "--quiet", "--allow-empty", "-F", "m")
        said = refusal(push(repo, "HEAD:main"))
        assert said[0] == "gitml: push refused (commit-prefix)"

    def test_an_empty_message(self, server: Server) -> None:
        repo = server.clone()
        repo.git("commit", "--quiet", "--allow-empty", "--allow-empty-message", "-m", "")
        assert "the message is empty" in joined(push(repo, "HEAD:main"))

    def test_from_an_adopted_commit_on(self, server: Server) -> None:
        old = server.clone("old")
        old.commit("from before")
        since = old.git("rev-parse", "HEAD")
        repo = server.clone()
        repo.commit("infra: adopt", **{"gitml.toml": f'[adoption]\nsince = "{since}"\n'})
        assert push(repo, "HEAD:main").code == 0
        old.commit("experiment: new")
        assert push(old, "HEAD:experiments/old").code == 0


class TestModels:
    def test_a_release(self, server: Server, registry: Registry) -> None:
        commit = registry.release(1)
        assert server.tip("models/model-v1") == commit

    @pytest.mark.parametrize(
        ("update", "done"),
        [("+main:refs/heads/models/model-v1", "moved"), (":refs/heads/models/model-v1", "deleted")],
    )
    def test_it_never_moves(self, server: Server, registry: Registry, update: str, done: str) -> None:
        commit = registry.release(1)
        assert refusal(push(registry.repo, update))[:3] == [
            "gitml: push refused (immutable-model)",
            "  models/model-v1",
            f"    models/model-v1 is released and cannot be {done}",
        ]
        assert server.tip("models/model-v1") == commit

    @pytest.mark.parametrize("update", ["+HEAD:refs/tags/model@v1.0.0", ":refs/tags/model@v1.0.0"])
    def test_nor_does_its_tag(self, registry: Registry, update: str) -> None:
        registry.release(1)
        assert refusal(push(registry.repo, update))[0] == "gitml: push refused (immutable-model)"

    @pytest.mark.parametrize(
        ("tag", "why"),
        [
            ("model@v2.0.0", "There is no branch models/model-v2; the two are pushed together."),
            ("model@v1.2.3", "The release N of a model is tagged model@vN.0.0."),
            (
                "model#production#1",
                "A stage is given to the tip of a branch models/model-v<N>, and to no other commit.",
            ),
        ],
    )
    def test_a_tag_that_marks_no_release(self, registry: Registry, tag: str, why: str) -> None:
        registry.release(1)
        registry.repo.git("tag", "-a", "-m", "x", tag, "main")
        said = joined(push(registry.repo, f"refs/tags/{tag}"))
        assert f"the tag {tag} does not mark a release {why}" in said

    def test_a_tag_on_another_commit_than_the_branch(self, registry: Registry) -> None:
        commit = registry.store(registry.tree(a="1"), registry.repo.git("rev-parse", "main"))
        registry.repo.git("tag", "-a", "-m", "x", "model@v1.0.0", "main")
        done = registry.push(f"{commit}:refs/heads/models/model-v1", "refs/tags/model@v1.0.0")
        assert "It is not on the tip of models/model-v1." in joined(done)

    def test_a_light_tag(self, registry: Registry) -> None:
        registry.repo.git("tag", "model@deprecated", "main")
        assert "annotated tags only" in joined(push(registry.repo, "refs/tags/model@deprecated"))

    def test_production_is_assigned_to_what_is_there(self, registry: Registry) -> None:
        opening = registry.open()
        one, two = registry.release(1), registry.release(2)
        promotion = registry.promotion(one, 1, opening)
        assert push(registry.repo, f"{promotion}:refs/heads/production/production-model").code == 0
        registry.repo.git("tag", "-a", "-m", "x", "model#production#1", one)
        registry.repo.git("tag", "-a", "-m", "x", "model#production#2", two)
        registry.repo.git("tag", "-a", "-m", "x", "model#staging#3", two)
        assert push(registry.repo, "refs/tags/model#production#1", "refs/tags/model#staging#3").code == 0
        said = joined(push(registry.repo, "refs/tags/model#production#2"))
        assert "production/production-model does not have this model, and never had." in said

    def test_tags_of_others_are_free(self, registry: Registry) -> None:
        registry.repo.git("tag", "v1.0", "main")
        registry.repo.git("tag", "sub=Dataset@v1.0.0", "main")
        assert push(registry.repo, "--tags").code == 0


class TestProduction:
    def test_opened_and_promoted_and_back(self, server: Server, registry: Registry) -> None:
        tip = registry.open()
        one, two = registry.release(1), registry.release(2)
        for number, release in ((1, one), (2, two), (1, one)):
            promotion = registry.promotion(release, number, tip)
            assert push(registry.repo, f"+{promotion}:refs/heads/promote/model-v{number}").code == 0
            tip = registry.store(f"{release}^{{tree}}", tip, promotion, message="model: merge")
            assert push(registry.repo, f"{tip}:refs/heads/production/production-model").code == 0
        assert server.tip("production/production-model") == tip

    def test_it_begins_with_the_empty_tree(self, registry: Registry) -> None:
        one = registry.store(registry.tree(a="1"))
        said = refusal(push(registry.repo, f"{one}:refs/heads/production/production-model"))
        assert "    production/production-model does not begin with one commit of the" in said

    @pytest.mark.parametrize("way", ["edited", "spliced", "of another model"])
    def test_a_tree_that_is_no_models(self, registry: Registry, way: str) -> None:
        tip = registry.open()
        registry.release(1)
        if way == "of another model":
            tree = registry.repo.git("rev-parse", f"{registry.release(1, 'churn')}^{{tree}}")
        else:
            tree = registry.tree(model="model 1", extra="x") if way == "edited" else registry.tree(a="1", b="2")
        commit = registry.store(tree, tip, message="model: hotfix")
        said = refusal(push(registry.repo, f"{commit}:refs/heads/production/production-model"))
        short = registry.repo.git("rev-parse", "--short=10", commit)
        assert said[0].startswith("gitml: push refused (production-tree")
        assert f'    {short} "model: hotfix" has not the files of a released model' in said

    def test_it_is_never_forced_nor_deleted(self, registry: Registry) -> None:
        tip = registry.open()
        one = registry.release(1)
        ref = "refs/heads/production/production-model"
        first = registry.promotion(one, 1, tip)
        assert push(registry.repo, f"{first}:{ref}").code == 0
        assert "cannot be forced" in joined(push(registry.repo, f"+{tip}:{ref}"))
        beside = registry.store(f"{one}^{{tree}}", tip, first, message="model: turned round")
        assert "cannot be forced" in joined(push(registry.repo, f"+{beside}:{ref}"))
        assert "cannot be deleted" in joined(push(registry.repo, f":{ref}"))

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ("parent", "whose only parent is the tip"),
            ("tree", "Its files are not those of models/model-v1"),
            ("model", "no trailer Model: model-v1."),
            ("commit", "no trailer Model-Commit:"),
        ],
    )
    def test_a_promotion_that_is_none(self, registry: Registry, change: str, why: str) -> None:
        opening = registry.open()
        one = registry.release(1)
        production = registry.repo.git("rev-parse", "main") if change == "parent" else opening
        tree = registry.tree(a="b") if change == "tree" else f"{one}^{{tree}}"
        model = "model-v2" if change == "model" else "model-v1"
        message = f"model: promote\n\nModel: {model}\nModel-Commit: {opening if change == 'commit' else one}\n"
        promotion = registry.store(tree, production, message=message)
        said = " ".join(
            line.strip() for line in refusal(push(registry.repo, f"{promotion}:refs/heads/promote/model-v1"))
        )
        assert "promote/model-v1 is not the promotion of model-v1" in said
        assert why in said

    def test_a_promotion_before_there_is_anything(self, registry: Registry) -> None:
        said = joined(push(registry.repo, "HEAD:refs/heads/promote/model-v1"))
        assert "There is no branch models/model-v1" in said
        registry.release(1)
        said = joined(push(registry.repo, "HEAD:refs/heads/promote/model-v1"))
        assert "There is no branch production/production-model yet" in said


LOCKED = {
    "dvc.yaml": "stages:\n  train:\n    cmd: python train.py\n    deps: [train.py]\n"
    "    metrics:\n      - metrics.json: {cache: false}\n",
    "dvc.lock": "schema: '2.0'\nstages:\n  train:\n    cmd: python train.py\n    deps:\n    - path: train.py\n"
    "      hash: md5\n      md5: c4ca4238a0b923820dcc509a6f75849b\n      size: 1\n    outs:\n    - path: metrics.json\n"
    "      hash: md5\n      md5: d7f2f2b5ef9c42d60e2d1ce5dbe1a5a6\n      size: 14\n",
    "train.py": "1",
    "metrics.json": '{"auc": 0.71}\n',
}
"""A run, its lock with the md5 of each file but for the metric's, which is filled in."""


def locked(metric: str = '{"auc": 0.71}\n', train: str = "1") -> dict[str, str]:
    from hashlib import md5

    true = md5(LOCKED["metrics.json"].encode(), usedforsecurity=False).hexdigest()
    lock = LOCKED["dvc.lock"].replace("d7f2f2b5ef9c42d60e2d1ce5dbe1a5a6", true)
    return {**LOCKED, "dvc.lock": lock, "metrics.json": metric, "train.py": train, ".dvc/config": ""}


class TestLock:
    def test_an_honest_run(self, server: Server) -> None:
        repo = server.clone()
        repo.commit("experiment: run", **locked())
        assert "gitml" not in push(repo, "HEAD:experiments/x").err
        assert server.tip("experiments/x") == repo.git("rev-parse", "HEAD")

    def test_a_metric_edited_by_hand(self, server: Server) -> None:
        repo = server.clone()
        repo.commit("experiment: run", **locked('{"auc": 0.99}\n'))
        assert refusal(push(repo, "HEAD:experiments/x"))[:3] == [
            "gitml: push refused (lock-forged)",
            "  experiments/x",
            "    metrics.json is not what train wrote",
        ]

    def test_a_stale_run_is_told_on_an_experiment_and_refused_in_a_release(self, registry: Registry) -> None:
        repo = registry.repo
        repo.commit("experiment: run", **locked(train="2"))
        done = push(repo, "HEAD:experiments/x")
        assert done.code == 0
        assert "gitml: warning (lock-stale)" in done.err
        files = {"reports__lr__README.md": finished_report(), **locked(train="2")}
        release = registry.of_an_experiment(
            {name.replace("/", "__"): text for name, text in files.items()}, {"auc": 0.71}
        )
        said = refusal(push(repo, f"{release}:refs/heads/models/model-v1"))[0]
        assert said == "gitml: push refused (lock-stale)"

    def test_a_metric_that_no_stage_makes(self, server: Server) -> None:
        repo = server.clone()
        repo.commit("experiment: x", **{"dvc.yaml": "metrics: [m.json]\n", "m.json": "{}", ".dvc/config": ""})
        assert refusal(push(repo, "HEAD:experiments/x"))[0] == "gitml: push refused (metric-covered)"


GATED = """
[gates.auc]
min = 0.7
tolerance = 0.01
"""


class TestRelease:
    def test_without_provenance(self, registry: Registry) -> None:
        commit = registry.store(registry.tree(a="1"), registry.repo.git("rev-parse", "main"))
        assert refusal(push(registry.repo, f"{commit}:refs/heads/models/model-v1"))[:3] == [
            "gitml: push refused (provenance, report-complete)",
            "  models/model-v1",
            f"    provenance.json of {commit[:10]} does not say truly what is released",
        ]

    @pytest.mark.parametrize("provenance", ["", "[]", '{"experiment": "../x"}', '{"experiment": 1}', "{" * 5000])
    def test_a_provenance_that_says_nothing(self, registry: Registry, provenance: str) -> None:
        tree = registry.tree(**{"provenance.json": provenance})
        commit = registry.store(tree, registry.repo.git("rev-parse", "main"))
        said = joined(push(registry.repo, f"{commit}:refs/heads/models/model-v1"))
        assert "provenance.json does not say which experiment is released" in said

    def test_a_report_that_is_not_finished(self, registry: Registry) -> None:
        report = finished_report().replace("Words about Next steps.", "")
        tree = registry.tree(**{"provenance.json": '{"experiment": "lr"}', "reports__lr__README.md": report})
        commit = registry.store(tree, registry.repo.git("rev-parse", "main"))
        said = joined(push(registry.repo, f"{commit}:refs/heads/models/model-v1"))
        assert "the report of lr is not finished: Next steps is empty" in said

    @pytest.fixture
    def gated(self, server: Server) -> Registry:
        repo = server.clone("gated")
        repo.commit("infra: gates", **{"gitml.toml": GATED})
        assert push(repo, "HEAD:main").code == 0
        return Registry(repo)

    def release(self, gated: Registry, number: int, metrics: str) -> Done:
        told = {"reports__lr__README.md": finished_report()}
        stage = "stages:\n  t:\n    cmd: x\n    metrics: [{m.json: {cache: false}}]\n"
        from hashlib import md5

        lock = (
            "schema: '2.0'\nstages:\n  t:\n    cmd: x\n    outs:\n    - path: m.json\n      hash: md5\n"
            f"      md5: {md5(metrics.encode(), usedforsecurity=False).hexdigest()}\n"
        )
        files = {"dvc.yaml": stage, "dvc.lock": lock, "m.json": metrics, ".dvc__config": "", "n": str(number)}
        said = json.loads(metrics)
        commit = gated.of_an_experiment({**told, **files}, {} if "NaN" in metrics else said, number)
        done = push(gated.repo, f"{commit}:refs/heads/models/model-v{number}")
        gated.repo.git("update-ref", "refs/made/it", commit)
        return done

    def test_a_floor(self, gated: Registry) -> None:
        assert "auc 0.69 is below 0.7" in joined(self.release(gated, 1, '{"auc": 0.69}'))
        assert refusal(self.release(gated, 1, '{"auc": NaN}'))[0] == "gitml: push refused (gates)"
        assert refusal(self.release(gated, 1, "{}"))[0] == "gitml: push refused (gates)"
        assert self.release(gated, 1, '{"auc": 0.7}').code == 0

    def test_no_worse_than_production_and_the_way_back(self, server: Server, gated: Registry) -> None:
        opening = gated.open()
        tips = []
        for number, auc in ((1, 0.75), (2, 0.76)):
            assert self.release(gated, number, f'{{"auc": {auc}, "test_data": "a"}}').code == 0
            tips.append(gated.repo.git("rev-parse", "refs/made/it"))
            promotion = gated.promotion(tips[-1], number, opening)
            assert push(gated.repo, f"{promotion}:refs/heads/production/production-model").code == 0
            opening = promotion
        assert "gates" in refusal(self.release(gated, 3, '{"auc": 0.745, "test_data": "a"}'))[0]
        said = joined(self.release(gated, 3, '{"auc": 0.9, "test_data": "b"}'))
        assert "its test data are not those of the model in production" in said
        assert self.release(gated, 3, '{"auc": 0.7500, "test_data": "a"}').code == 0
        stricter = gated.repo.commit("infra: stricter", **{"gitml.toml": "[gates.auc]\nmin = 0.9\n"})
        assert push(gated.repo, "HEAD:main").code == 0, stricter
        third = gated.promotion(gated.repo.git("rev-parse", "refs/made/it"), 3, opening)
        assert "gates" in refusal(push(gated.repo, f"{third}:refs/heads/production/production-model"))[0]
        back = gated.promotion(tips[0], 1, opening)
        assert push(gated.repo, f"{back}:refs/heads/production/production-model").code == 0


class TestWhoseRules:
    def test_those_of_main_and_not_of_the_branch(self, server: Server) -> None:
        repo = server.clone()
        repo.git("switch", "--quiet", "--create", "experiments/x")
        repo.commit("wrong", **{"gitml.toml": '[rules]\ncommit-prefix = "off"\n'})
        assert refusal(push(repo, "HEAD"))[0] == "gitml: push refused (commit-prefix)"

    def test_main_at_its_old_value(self, server: Server) -> None:
        repo = server.clone()
        repo.commit("wrong", **{"gitml.toml": '[rules]\ncommit-prefix = "off"\n'})
        assert push(repo, "HEAD:main").code == 1
        repo.git("commit", "--quiet", "--amend", "-m", "infra: no prefixes")
        assert push(repo, "HEAD:main").code == 0
        repo.commit("anything")
        assert push(repo, "HEAD:main").code == 0

    def test_warnings_are_told(self, server: Server) -> None:
        repo = server.clone()
        repo.commit("infra: warn", **{"gitml.toml": '[rules]\ncommit-prefix = "warn"\n'})
        push(repo, "HEAD:main")
        repo.commit("anything")
        done = push(repo, "HEAD:main")
        assert done.code == 0
        assert "remote: gitml: warning (commit-prefix)" in done.err

    def test_the_branch_that_git_is_told(self, server: Server) -> None:
        server.git("branch", "infra/rules", "main")
        server.git("config", "gitml.main", "infra/rules")
        repo = server.clone()
        repo.commit("infra: off", **{"gitml.toml": '[rules]\ncommit-prefix = "off"\n'})
        assert push(repo, "HEAD:infra/rules").code == 0
        repo.commit("anything")
        assert push(repo, "HEAD:experiments/x").code == 0

    def test_a_gitml_toml_that_cannot_be_read_does_not_come_in(self, server: Server) -> None:
        repo = server.clone()
        repo.commit("infra: x", **{"gitml.toml": "[rules]\nnope = 1\n"})
        assert refusal(push(repo, "HEAD:main"))[:3] == [
            "gitml: push refused (config)",
            "  main",
            "    gitml.toml line 2: 'rules.nope' is unknown",
        ]

    def test_one_that_came_in_before_can_be_mended(self, server: Server) -> None:
        repo = server.clone()
        repo.commit("infra: x", **{"gitml.toml": "nope"})
        server.run("git", "fetch", str(repo.path), "+HEAD:refs/heads/main")
        repo.commit("anything", **{"gitml.toml": ""})
        done = push(repo, "HEAD:main")
        assert "gitml: the built-in rules count here: gitml.toml line 1" in done.err
        assert refusal(done)[1] == "gitml: push refused (commit-prefix)"
        repo.git("commit", "--quiet", "--amend", "-m", "infra: mended")
        assert push(repo, "HEAD:main").code == 0

    def test_an_empty_server(self, tmp_path: Path, gitml: Gitml, repo: Repo) -> None:
        repo.git("init", "--quiet", "--bare", "-b", "master", "../empty.git")
        assert gitml("hooks", "install", "--server", at=tmp_path / "empty.git").code == 0
        repo.git("remote", "add", "origin", "../empty.git")
        assert refusal(push(repo, "HEAD:Main"))[0] == "gitml: push refused (branch-name)"
        assert push(repo, "HEAD:main").code == 0


class TestPush:
    def test_what_is_not_a_push_is_refused(self) -> None:
        with pytest.raises(pre_receive.NotAPush):
            pre_receive.run(b"nonsense\n")
        assert pre_receive.run(b"")

    def test_lines(self) -> None:
        zero, one = "0" * 40, "1" * 40
        assert pre_receive.updates_in(f"{zero} {one} refs/heads/a b\n{one} {zero} refs/x\n".encode()) == [
            RefUpdate("refs/heads/a b", None, one),
            RefUpdate("refs/x", one, None),
        ]

    def test_too_many_refs(self, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
        line = f"{'0' * 40} {'1' * 40} refs/heads/experiments/x"
        assert not pre_receive.run("".join(f"{line}{number}\n" for number in range(1001)).encode())
        assert capsys.readouterr().err.startswith("gitml: push refused: 1001 refs at once")

    def test_all_or_nothing(self, server: Server) -> None:
        repo = server.clone()
        assert push(repo, "HEAD:experiments/right", "HEAD:experiments/Wrong").code == 1
        assert server.tip("experiments/right") == ""

    def test_without_gitml_nothing_comes_in(self, server: Server) -> None:
        script = server.path / "hooks/pre-receive"
        script.write_text(script.read_text().replace("__main__.py", "gone.py"))
        assert refusal(push(server.clone(), "HEAD:experiments/x"))[0] == (
            "gitml: this push cannot be checked, so it is refused"
        )

    def test_a_bug_lets_nothing_in(self, server: Server, tmp_path: Path) -> None:
        script = server.path / "hooks/pre-receive"
        broken = tmp_path / "broken.py"
        broken.write_text("raise SystemExit(0 / 0)\n")
        script.write_text(script.read_text().replace(str(ROOT / "gitml/hooks/__main__.py"), str(broken)))
        assert refusal(push(server.clone(), "HEAD:experiments/x"))[-1] == (
            "gitml: this push cannot be checked, so it is refused: the check itself failed"
        )

    def test_another_hook_that_was_there_runs_first(self, server: Server, gitml: Gitml) -> None:
        script = server.path / "hooks/pre-receive"
        script.unlink()
        script.write_text('#!/bin/sh\ncat > "$GIT_DIR/seen"\nexit 0\n')
        script.chmod(0o755)
        assert gitml("hooks", "install", "--server", at=server.path).code == 0
        repo = server.clone()
        assert push(repo, "HEAD:experiments/x", "HEAD:experiments/y").code == 0
        assert len((server.path / "seen").read_text().splitlines()) == 2
        assert push(repo, "HEAD:Z").code == 1

    def test_its_no_is_final(self, server: Server, gitml: Gitml) -> None:
        script = server.path / "hooks/pre-receive"
        script.write_text("#!/bin/sh\ncat >/dev/null\nexit 1\n")
        script.chmod(0o755)
        gitml("hooks", "install", "--server", at=server.path)
        assert push(server.clone(), "HEAD:experiments/x").code == 1

    def test_names_of_files_that_are_no_text(self, server: Server) -> None:
        repo = server.clone()
        (repo.path / os.fsdecode(b"caf\xe9\n.ipynb")).write_bytes(b"{}")
        repo.commit("infra: odd")
        assert joined(push(repo, "HEAD:experiments/x")).startswith("gitml: push refused (clean-notebook)")

    def test_a_server_by_sha_256(self, tmp_path: Path, gitml: Gitml, repo: Repo) -> None:
        repo.git("init", "--quiet", "--bare", "--object-format=sha256", "../other.git")
        gitml("hooks", "install", "--server", at=tmp_path / "other.git")
        other = Repo(tmp_path / "tree")
        repo.git("init", "--quiet", "--object-format=sha256", "../tree")
        other.commit("infra: start")
        other.git("remote", "add", "origin", "../other.git")
        assert push(other, "HEAD:main").code == 0
        other.commit("wrong")
        assert push(other, "HEAD:main").code == 1


class TestInstallation:
    def test_again_does_nothing_and_out_again(self, tmp_path: Path, gitml: Gitml, repo: Repo) -> None:
        repo.git("clone", "--quiet", "--bare", ".", "../bare")
        at = tmp_path / "bare"
        before = sorted(os.listdir(at / "hooks"))
        assert gitml("hooks", "install", "--server", "--dry-run", at=at).out == (
            "would write pre-receive in hooks\nnext  gitml hooks install --server\n"
        )
        assert gitml("hooks", "install", "--server", at=at).out == (
            "wrote pre-receive in hooks\nnext  git push, from a clone\n"
        )
        assert gitml("hooks", "install", "--server", at=at).out == (
            "all hooks are in hooks already\nnext  git push, from a clone\n"
        )
        assert gitml("hooks", "status", at=at).out == (
            "in hooks\npre-receive         installed      runs gitml\nnext  git push, from a clone\n"
        )
        assert gitml("hooks", "uninstall", at=at).out == (
            "removed pre-receive from hooks\nnext  gitml hooks install --server\n"
        )
        assert sorted(os.listdir(at / "hooks")) == before

    def test_not_where_people_work(self, gitml: Gitml, repo: Repo) -> None:
        done = gitml("hooks", "install", "--server", at=repo.path)
        assert (done.code, done.err.splitlines()[0]) == (
            3,
            "gitml: this repository has files that people work on, so it is no server",
        )
