"""The scripts of CI's files, as the runner gets them, on a real remote: what they answer, and what they never run."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitml.scaffold import ci

from . import ci_runs
from .ci_runs import TOKEN, Hub, Run, opened
from .conftest import Registry, Repo, Server
from .test_ci_templates import GITLAB, JOBS, WORKFLOWS

pytestmark = pytest.mark.slow


@pytest.fixture
def hub(server: Server) -> Iterator[Hub]:
    (server.path / "hooks/pre-receive").unlink()  # as on a hosted forge
    flights = server.path.rename(server.path.parent / "flights.git")
    users = {"x-access-token": TOKEN, "gitlab-ci-token": TOKEN, "gitml": "of-the-project"}
    with ci_runs.served(flights, users) as made:
        yield made


@pytest.fixture
def clone(hub: Hub) -> Repo:
    subprocess.run(["git", "clone", "--quiet", str(hub.path), "clone"], cwd=hub.path.parent, check=True)
    return Repo(hub.path.parent / "clone")


class Stranger:
    """Somebody who opens pull requests that would leave a trace wherever one of their files is run."""

    def __init__(self, clone: Repo, trace: Path) -> None:
        self.clone = clone
        self.trace = trace
        self.main = "main"

    def push(self, branch: str, message: str, **files: str) -> str:
        """Push a commit with traps as pull request 7, and return its id."""
        python = f"open({str(self.trace)!r}, 'a').write(__file__)\n"
        shell = f"touch {self.trace}"
        traps = {name: python for name in ("sitecustomize.py", "usercustomize.py", "conftest.py", "yaml.py", "pip.py")}
        traps |= {"gitml/__init__.py": python, "gitml/cli/main.py": python, "click/__init__.py": python}
        traps |= {
            "Makefile": f"all:\n\t{shell}\n",
            ".gitattributes": "* filter=evil diff=evil\n",
            ".gitconfig": f'[filter "evil"]\n\tsmudge = {shell}\n[core]\n\tfsmonitor = {shell}\n',
            ".githooks/post-checkout": f"#!/bin/sh\n{shell}\n",
            ".gitmodules": f'[submodule "x"]\n\tpath = x\n\turl = ext::{shell}\n\tupdate = !{shell}\n',
            ".github/workflows/gitml.yml": f"on: pull_request_target\njobs: {{gitml: {{steps: [{{run: {shell}}}]}}}}\n",
            ".gitlab-ci.yml": f"gitml:\n  script: {shell}\n",
            "pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = 'conftest'\nbackend-path = ['.']\n",
            ".dvc/config": f"[core]\n    remote = x\n['remote \"x\"']\n    url = {self.trace}-storage\n",
            "dvc.yaml": f"stages:\n  t:\n    cmd: {shell}\n    outs: [out]\n",
        }
        self.clone.git("switch", "--quiet", "--create", "work", f"origin/{self.main}")
        self.clone.commit(message, **traps, **files)
        self.clone.run("git", "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}", "HEAD:refs/pull/7/head")
        self.clone.run("git", "push", "--quiet", "origin", "HEAD:refs/merge-requests/7/head")
        return self.clone.git("rev-parse", "HEAD")


@pytest.fixture
def stranger(clone: Repo, tmp_path: Path) -> Stranger:
    return Stranger(clone, tmp_path / "trace")


def check(hub: Hub, event: dict[str, Any], name: str = "run") -> Run:
    return ci_runs.on_github(JOBS["gitml"], hub, event, hub.path.parent / name)


def rules(run: Run) -> list[str]:
    """The rules that said no, in GitHub's annotations."""
    return re.findall(r"^::error .*?title=([\w-]+)::", run.out, re.MULTILINE)


class TestCheckOnGitHub:
    """The scripts of the check's job, as the runner gets them, on a real remote."""

    def test_a_right_one(self, hub: Hub, stranger: Stranger) -> None:
        head = stranger.push("experiments/lr", "experiment: lr")
        run = check(hub, opened(7, head, "experiments/lr", "experiment: lr"))
        assert (run.code, rules(run)) == (0, []), run.scripts
        main = stranger.clone.git("rev-parse", "--short=10", "origin/main")
        assert f"1 new commit, {head[:10]}: every rule agrees, by the gitml.toml of {main}" in run.out
        assert not stranger.trace.exists()

    def test_the_traps_would_snap(self, stranger: Stranger) -> None:
        stranger.push("experiments/lr", "experiment: lr")
        stranger.clone.run(sys.executable, "-m", "pip")
        assert stranger.trace.exists()

    def test_nothing_is_checked_out_and_no_token_is_left(self, hub: Hub, stranger: Stranger) -> None:
        head = stranger.push("experiments/lr", "experiment: lr")
        run = check(hub, opened(7, head, "experiments/lr", "experiment: lr"))
        assert [file.name for file in (run.folder / "objects").iterdir()] == [".git"]
        assert TOKEN.encode() not in run.everything()
        assert base64_of(TOKEN) not in run.everything()
        assert {name for name, _ in hub.seen} == {"x-access-token"}
        assert not {what for _, what in hub.seen} & {"git-receive-pack", "info/refs?service=git-receive-pack"}

    def test_what_nobody_looks_at_is_not_fetched(self, hub: Hub, stranger: Stranger) -> None:
        old = stranger.clone.commit("infra: a big file", big=os.urandom(2**16).hex())
        stranger.clone.git("rm", "--quiet", "big")
        stranger.clone.commit("infra: gone again")
        stranger.clone.git("push", "--quiet", "origin", "main")
        head = stranger.push("experiments/lr", "experiment: lr")
        run = check(hub, opened(7, head, "experiments/lr", "experiment: lr"))
        there = Repo(run.folder / "objects").run(
            "git", "rev-list", "--objects", "--missing=print", "--no-object-names", old, GIT_NO_LAZY_FETCH="1"
        )
        assert (run.code, f"?{stranger.clone.git('rev-parse', f'{old}:big')}" in there.out.split()) == (0, True)

    def test_one_that_weakens_its_own_gates(self, hub: Hub, stranger: Stranger) -> None:
        weak = '[rules]\ncommit-prefix = "off"\nno-secret = "off"\n'
        head = stranger.push("experiments/lr", "no prefix", **{"gitml.toml": weak})
        run = check(hub, opened(7, head, "experiments/lr", "experiment: lr"))
        assert (run.code, rules(run)) == (1, ["commit-prefix"])
        assert not stranger.trace.exists()

    @pytest.mark.parametrize(
        "title", ["$(touch {trace})", "`touch {trace}`", "'; touch {trace}; '", "x\n::error title=mine::x"]
    )
    def test_a_title_is_no_command(self, hub: Hub, stranger: Stranger, title: str) -> None:
        title = "experiment: " + title.format(trace=stranger.trace)
        head = stranger.push("experiments/lr", "experiment: lr")
        run = check(hub, opened(7, head, "experiments/lr", title))
        assert (run.code, rules(run)) == (0, [])
        assert not stranger.trace.exists()

    def test_a_wrong_title_is_no_annotation(self, hub: Hub, stranger: Stranger) -> None:
        head = stranger.push("experiments/lr", "experiment: lr")
        run = check(hub, opened(7, head, "experiments/lr", "x\n::set-env name=PATH::/x\n::error title=mine::x"))
        assert (run.code, rules(run)) == (1, ["commit-prefix"])
        assert not re.search(r"^::set-env", run.out, re.MULTILINE)

    def test_a_branch_is_no_command(self, hub: Hub, stranger: Stranger) -> None:
        branch = f"experiments/$(touch${{IFS}}{stranger.trace.name})`touch$IFS$9x`';x"
        head = stranger.push(branch, "experiment: lr")
        assert hub.run("git", "rev-parse", "--verify", f"refs/heads/{branch}").code == 0
        run = check(hub, opened(7, head, branch, "experiment: lr"))
        assert (run.code, rules(run)) == (1, ["branch-name"])
        assert not stranger.trace.exists()
        assert not list(hub.path.parent.rglob(stranger.trace.name))

    def test_a_branch_named_head_does_not_become_main(self, hub: Hub, stranger: Stranger) -> None:
        head = stranger.push("experiments/lr", "no prefix", **{"gitml.toml": '[rules]\ncommit-prefix = "off"\n'})
        hub.git("update-ref", "refs/heads/HEAD", head)
        run = check(hub, opened(7, head, "experiments/lr", "experiment: lr"))
        assert (run.code, rules(run)) == (1, ["commit-prefix"])

    def test_a_branch_named_main_counts_for_nothing_where_main_is_called_trunk(
        self, hub: Hub, stranger: Stranger
    ) -> None:
        hub.git("branch", "-m", "main", "trunk")
        stranger.clone.git("fetch", "--quiet", "--prune")
        stranger.main = "trunk"
        head = stranger.push("main", "no prefix", **{"gitml.toml": '[rules]\ncommit-prefix = "off"\n'})
        text = ci.templates("github", "gitml==1", main="trunk")[WORKFLOWS[0]]
        main = yaml.safe_load(text)["env"]["MAIN"]
        event = opened(7, head, "main", "no prefix", "trunk")
        run = ci_runs.on_github(JOBS["gitml"], hub, event, hub.path.parent / "run", main)
        assert (run.code, set(rules(run))) == (1, {"commit-prefix"}), run.scripts

    def test_a_forks(self, hub: Hub, stranger: Stranger) -> None:
        head = stranger.push("experiments/lr", "no prefix")
        hub.git("update-ref", "-d", "refs/heads/experiments/lr")  # it is in the fork only
        run = check(hub, opened(7, head, "main", "experiment: lr", of="bo/flights"))
        assert (run.code, rules(run)) == (1, ["commit-prefix"])
        assert not stranger.trace.exists()

    def test_one_that_was_pushed_over_meanwhile_is_not_judged_as_another(self, hub: Hub, stranger: Stranger) -> None:
        stranger.push("experiments/lr", "experiment: lr")
        run = check(hub, opened(7, "1" * 40, "experiments/lr", "experiment: lr"))
        assert run.code == 2

    @pytest.mark.parametrize("step", ["Fetch", "Judge"])
    def test_without_a_token_it_is_red(self, hub: Hub, stranger: Stranger, step: str) -> None:
        head = stranger.push("experiments/lr", "experiment: lr")
        job = {"steps": [{**one, "env": {**one.get("env", {})}} for one in JOBS["gitml"]["steps"]]}
        for one in job["steps"]:
            if one.get("name", "").startswith(step):
                one["env"]["GIT_TOKEN"] = "wrong"
        event = opened(7, head, "experiments/lr", "experiment: lr")
        assert ci_runs.on_github(job, hub, event, hub.path.parent / "run").code != 0


class TestRecordOnGitHub:
    @pytest.fixture
    def registry(self, clone: Repo) -> Registry:
        return Registry(clone)

    def merge_the_first_of_two(self, hub: Hub, registry: Registry) -> str:
        opening, one, two = registry.open(), registry.release(1), registry.release(2)
        first, second = registry.promotion(one, 1, opening), registry.promotion(two, 2, opening)
        registry.push(f"{first}:refs/heads/promote/model-v1", f"{second}:refs/heads/promote/model-v2")
        event = opened(3, first, "promote/model-v1", "model: promote model-v1", "production/production-model")
        hub.git("update-ref", "refs/pull/3/head", first)
        checked = check(hub, event, "check")
        assert (checked.code, rules(checked)) == (0, []), checked.scripts
        hub.git("update-ref", "refs/heads/production/production-model", first)
        return second

    def test_after_a_merge(self, hub: Hub, registry: Registry) -> None:
        second = self.merge_the_first_of_two(hub, registry)
        hub.seen.clear()
        run = ci_runs.on_github(JOBS["gitml record"], hub, {}, hub.path.parent / "record")
        assert run.code == 0, run.scripts
        assert run.out.startswith("tag model#production#1 for model-v1 ")
        assert hub.git("cat-file", "-t", "refs/tags/model#production#1") == "tag"
        rebuilt = hub.git("rev-parse", "promote/model-v2")
        assert (rebuilt != second, hub.git("rev-parse", f"{rebuilt}^")) == (
            True,
            hub.git("rev-parse", "production/production-model"),
        )
        assert ("x-access-token", "git-receive-pack") in hub.seen
        again = ci_runs.on_github(JOBS["gitml record"], hub, {}, hub.path.parent / "again")
        assert (again.code, again.out) == (0, "nothing to record\n")

    def test_its_own_token_is_what_pushes(self, hub: Hub, registry: Registry) -> None:
        self.merge_the_first_of_two(hub, registry)
        job = JOBS["gitml record"]
        run = ci_runs.on_github(job, hub, {}, hub.path.parent / "record", GITML_TOKEN="a wrong one")
        assert run.code == 3
        assert hub.run("git", "rev-parse", "--verify", "refs/tags/model#production#1").code != 0

    def test_the_second_is_refused_until_it_is_built_anew(self, hub: Hub, registry: Registry) -> None:
        second = self.merge_the_first_of_two(hub, registry)
        hub.git("update-ref", "refs/pull/4/head", second)
        event = opened(4, second, "promote/model-v2", "model: promote model-v2", "production/production-model")
        assert rules(check(hub, event, "stale")) == ["promote-shape"]


class TestReproduceOnGitHub:
    """Its first script; what follows makes a user, and so is not run here."""

    @pytest.mark.parametrize(
        "name",
        ["", "main", "models/", "../x-v1", "model-v0", "model-v1;id", "$(id)-v1", "--x-v1", "model-v1\nx", "A-v1"],
    )
    def test_what_is_no_release(self, hub: Hub, name: str) -> None:
        assert self.start(hub, name).code == 2

    @pytest.mark.parametrize("name", ["models/model-v12", "model-v12"])
    def test_a_release(self, hub: Hub, name: str) -> None:
        run = self.start(hub, name)
        assert (run.code, (run.folder / "release").read_text()) == (0, "model-v12")

    def start(self, hub: Hub, name: str) -> Run:
        step = {**JOBS["gitml reproduce"]["steps"][1], "env": {"RELEASE": name}}
        return ci_runs.on_github({"steps": [step]}, hub, {}, hub.path.parent / "run")

    def test_all_that_the_release_needs_is_fetched_before_its_code_runs(self, hub: Hub, clone: Repo) -> None:
        Registry(clone).release(1, **{"params.yaml": "lr: 1\n"})
        steps = {step.get("name"): step for step in JOBS["gitml reproduce"]["steps"]}
        run = ci_runs.on_github({"steps": [steps["Fetch branches and tags"]]}, hub, {}, hub.path.parent / "run")
        there = Repo(run.folder / "objects")
        assert "?" not in there.git("rev-list", "--objects", "--missing=print", "--all")
        as_user = next(step["run"] for name, step in steps.items() if name and name.startswith("Install gitml where"))
        (checkout,) = re.findall(r"git checkout .*", as_user.partition("sudo --user=reproducer")[2])
        assert there.run("bash", "-c", checkout, RELEASE="model-v1").code == 0
        assert (there.path / "params.yaml").read_text() == "lr: 1\n"
        assert TOKEN.encode() not in run.everything()


class TestOnGitLab:
    def variables(self, head: str, title: str = "experiment: lr") -> dict[str, str]:
        return {
            "CI_MERGE_REQUEST_IID": "7",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "experiments/lr",
            "CI_MERGE_REQUEST_TITLE": title,
            "CI_MERGE_REQUEST_PROJECT_ID": "1",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1",
            "CI_COMMIT_SHA": head,
        }

    def test_a_right_one(self, hub: Hub, stranger: Stranger) -> None:
        head = stranger.push("experiments/lr", "experiment: lr")
        run = ci_runs.on_gitlab(GITLAB, "gitml", hub, hub.path.parent / "run", **self.variables(head))
        assert run.code == 0, run.scripts
        assert f"1 new commit, {head[:10]}: every rule agrees" in run.out
        assert {name for name, _ in hub.seen} == {"gitlab-ci-token"}
        assert TOKEN.encode() not in run.everything()
        assert not stranger.trace.exists()

    def test_one_that_weakens_its_own_gates(self, hub: Hub, stranger: Stranger) -> None:
        head = stranger.push("experiments/lr", "no prefix", **{"gitml.toml": '[rules]\ncommit-prefix = "off"\n'})
        told = self.variables(head, f"$(touch {stranger.trace})")
        run = ci_runs.on_gitlab(GITLAB, "gitml", hub, hub.path.parent / "run", **told)
        assert run.code == 1
        assert f'{head[:10]} "no prefix" has no prefix' in run.out
        assert not stranger.trace.exists()

    @pytest.mark.parametrize(("token", "user"), [("", "gitlab-ci-token"), ("of-the-project", "gitml")])
    def test_record(self, hub: Hub, clone: Repo, token: str, user: str) -> None:
        registry = Registry(clone)
        opening, one = registry.open(), registry.release(1)
        hub.git("update-ref", "refs/heads/production/production-model", promoted(registry, one, opening))
        run = ci_runs.on_gitlab(GITLAB, "gitml record", hub, hub.path.parent / "run", GITML_TOKEN=token)
        assert (run.code, hub.git("tag", "--list", "*#*")) == (0, "model#production#1"), run.scripts
        assert (user, "git-receive-pack") in hub.seen

    def test_a_comment_without_a_token_says_so(self, hub: Hub, stranger: Stranger) -> None:
        head = stranger.push("experiments/lr", "experiment: lr")
        run = ci_runs.on_gitlab(GITLAB, "gitml comment", hub, hub.path.parent / "run", **self.variables(head))
        assert (run.code, run.out.startswith("there is no GITML_COMMENT_TOKEN")) == (0, True)


def promoted(registry: Registry, release: str, production: str) -> str:
    """Push the first promotion, and return its commit."""
    commit = registry.promotion(release, 1, production)
    assert registry.push(f"{commit}:refs/heads/promote/model-v1").code == 0
    return commit


def base64_of(token: str) -> bytes:
    return base64.b64encode(f"x-access-token:{token}".encode())
