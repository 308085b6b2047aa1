"""CI's files: how they come into a project, that they are valid, and what they would do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitml.errors import WrongUsage
from gitml.scaffold import ci

from .conftest import Done, Repo, Server

Gitml = Callable[..., Done]

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PIN = f"git+https://example.org/ada/gitml@{COMMIT}"
WORKFLOWS = (
    ".github/workflows/gitml.yml",
    ".github/workflows/gitml-record.yml",
    ".github/workflows/gitml-reproduce.yml",
)


def written(forge: ci.Forge) -> dict[str, str]:
    return ci.templates(forge, f"gitml @ {PIN}")


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every job of every workflow of GitHub, by its name."""
    for text in written("github").values():
        for job in yaml.safe_load(text)["jobs"].values():
            yield job["name"], job


JOBS = dict(jobs())
GITLAB: dict[str, Any] = yaml.safe_load(written("gitlab")[".gitlab/gitml.yml"])


class TestCommand:
    def test_github(self, gitml: Gitml, repo: Repo) -> None:
        done = gitml("ci", "template", "github", "--gitml", PIN, at=repo.path)
        assert done == (
            0,
            "".join(f"wrote {path}\n" for path in WORKFLOWS)
            + "note  The check counts once the settings require the check `gitml` on main and\n"
            "      production/*, and its workflows are on the default branch.\n"
            'next  git add .github/workflows/gitml*.yml && git commit -m "infra: CI judges by gitml"\n',
            "",
        )
        assert {path: (repo.path / path).read_text() for path in WORKFLOWS} == written("github")
        repo.run("bash", "-c", done.out.splitlines()[-1].removeprefix("next  "))
        assert repo.git("show", "--format=", "--name-only").split() == sorted(WORKFLOWS)

    def test_gitlab(self, gitml: Gitml, repo: Repo) -> None:
        done = gitml("ci", "template", "gitlab", "--gitml", PIN, "--python", "3.12", at=repo.path)
        assert (done.code, done.err) == (0, "")
        assert ".gitlab/gitml.yml@GROUP/PROJECT:main" in done.out
        assert "image: python:3.12 #" in (repo.path / ".gitlab/gitml.yml").read_text()

    def test_from_a_subfolder_and_again(self, gitml: Gitml, repo: Repo) -> None:
        (repo.path / "stages").mkdir()
        gitml("ci", "template", "gitlab", "--gitml", PIN, at=repo.path / "stages")
        done = gitml("ci", "template", "gitlab", "--gitml", PIN, at=repo.path)
        assert (done.code, done.out.splitlines()[0], done.out.splitlines()[-1]) == (
            0,
            "kept .gitlab/gitml.yml",
            "next  gitml ci check",
        )

    def test_what_somebody_changed_is_shown_and_kept(self, gitml: Gitml, repo: Repo) -> None:
        changed = written("github")[WORKFLOWS[0]].replace("timeout-minutes: 10", "timeout-minutes: 5\x1b[2J")
        repo.write(WORKFLOWS[0], changed)
        done = gitml("ci", "template", "github", "--gitml", PIN, at=repo.path)
        assert done.code == 1
        assert "-    timeout-minutes: 5\\x1b[2J\n+    timeout-minutes: 10\n" in done.out
        assert done.err == (
            "gitml: .github/workflows/gitml.yml differs from what gitml would write\n"
            "  It may have been changed by hand, so nothing was written.\n"
            "Mend:\n  gitml ci template github --force\n"
        )
        assert (repo.path / WORKFLOWS[0]).read_text() == changed
        assert not (repo.path / WORKFLOWS[1]).exists()
        forced = gitml("ci", "template", "github", "--gitml", PIN, "--force", at=repo.path)
        assert (forced.code, "+    timeout-minutes: 10\n" in forced.out) == (0, True)
        assert f"rewrote {WORKFLOWS[0]}\nwrote {WORKFLOWS[1]}\n" in forced.out
        assert (repo.path / WORKFLOWS[0]).read_text() == written("github")[WORKFLOWS[0]]

    @pytest.mark.parametrize("words", [(), ("--force",)])
    def test_dry_run(self, gitml: Gitml, repo: Repo, words: tuple[str, ...]) -> None:
        repo.write(".gitlab/gitml.yml", b"\xff\n")
        done = gitml("ci", "template", "gitlab", "--gitml", PIN, "--dry-run", *words, at=repo.path)
        assert done.code == 0
        assert "-\\xff\n" in done.out
        assert "would rewrite .gitlab/gitml.yml\n" in done.out
        assert done.out.endswith("next  gitml ci template gitlab --force\n")
        assert (repo.path / ".gitlab/gitml.yml").read_bytes() == b"\xff\n"

    @pytest.mark.parametrize("place", [".gitlab", ".gitlab/gitml.yml"])
    def test_a_link_is_not_followed(self, gitml: Gitml, repo: Repo, tmp_path: Path, place: str) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (repo.path / place).parent.mkdir(exist_ok=True)
        (repo.path / place).symlink_to(elsewhere if place == ".gitlab" else elsewhere / "new")
        done = gitml("ci", "template", "gitlab", "--gitml", PIN, "--force", at=repo.path)
        assert (done.code, done.err.splitlines()[0]) == (
            3,
            f"gitml: {place} is no plain file or folder of this repository",
        )
        assert list(elsewhere.iterdir()) == []

    @pytest.mark.parametrize("place", [".gitlab", ".gitlab/gitml.yml/x"])
    def test_something_else_in_the_way(self, gitml: Gitml, repo: Repo, place: str) -> None:
        repo.write(place, "")
        assert gitml("ci", "template", "gitlab", "--gitml", PIN, at=repo.path).code == 3

    def test_without_a_working_tree(self, gitml: Gitml, server: Server) -> None:
        assert gitml("ci", "template", "gitlab", "--gitml", PIN, at=server.path).code == 3

    def test_the_main_branch_is_the_servers(self, gitml: Gitml, server: Server) -> None:
        server.git("branch", "-m", "main", "trunk")
        clone = server.clone()
        assert "GROUP/PROJECT:trunk" in gitml("ci", "template", "gitlab", "--gitml", PIN, at=clone.path).out
        assert '$CI_COMMIT_BRANCH == "trunk"' in (clone.path / ".gitlab/gitml.yml").read_text()

    @pytest.mark.parametrize("main", ["$(id)", "a'b", "x y", "*", "-x", "näher", "a\nb"])
    def test_a_main_branch_that_ci_would_misread(self, main: str) -> None:
        with pytest.raises(WrongUsage):
            ci.templates("github", "gitml==1", main=main)

    @pytest.mark.parametrize("python", ["3.10", "3", "2.7", "3.11; rm", "3.11\n", "latest", "3.9.1"])
    def test_a_python_that_gitml_cannot_use(self, gitml: Gitml, repo: Repo, python: str) -> None:
        done = gitml("ci", "template", "github", "--gitml", PIN, "--python", python, at=repo.path)
        assert (done.code, (repo.path / ".github").exists()) == (2, False)

    def test_every_placeholder_is_filled(self) -> None:
        for forge in ci.FILES:
            for text in written(forge).values():
                assert re.findall(r"@[A-Z_]+@|@[a-z-]+\.sh@", text) == []

    def test_a_pin_that_looks_like_a_placeholder_stays(self) -> None:
        assert "GITML: 'gitml @ @MAIN@'" in ci.templates("github", "gitml @ @MAIN@")[WORKFLOWS[0]]


class TestPin:
    def test_an_address_with_a_commit(self) -> None:
        assert ci.requirement(PIN, "github") == f"gitml @ {PIN}"
        assert ci.requirement(f"{PIN[:-40]}{'a' * 64}", "github").endswith("a" * 64)

    def test_a_version(self) -> None:
        assert ci.requirement("1.2.0rc1", "github") == "gitml==1.2.0rc1"

    @pytest.mark.parametrize(
        "asked",
        [
            "main",
            "v1",
            "gitml>=1",
            "https://example.org/gitml@" + COMMIT,
            PIN[:-1],
            PIN.replace(COMMIT, "main"),
            PIN.replace("https", "http"),
            PIN.replace("example", "ada:secret@example"),  # pragma: allowlist secret
            PIN.replace("ada", "$(id)"),
            PIN.replace("ada", "a'b"),
            PIN + "\nx",
            PIN + "#egg=x",
        ],
    )
    def test_what_can_change_or_do_harm(self, gitml: Gitml, repo: Repo, asked: str) -> None:
        done = gitml("ci", "template", "github", "--gitml", asked, at=repo.path)
        assert (done.code, (repo.path / ".github").exists()) == (2, False)
        assert done.err.startswith("gitml: CI needs one gitml that never changes by itself\n")

    def test_a_commit_of_what_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        url = "https://ada:s@example.org/ada/gitml"  # pragma: allowlist secret
        told = {"url": url, "vcs_info": {"vcs": "git", "commit_id": COMMIT}}
        monkeypatch.setattr(ci, "direct_url", lambda: json.dumps(told))
        assert ci.requirement("", "github") == f"gitml @ {PIN}"
        assert ci.requirement("a" * 40, "github") == f"gitml @ git+https://example.org/ada/gitml@{'a' * 40}"

    def test_a_version_of_what_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ci, "direct_url", lambda: None)
        assert re.fullmatch(r"gitml==[\d.]+", ci.requirement("", "github"))
        with pytest.raises(ci.NoPin, match="never changes"):
            ci.requirement(COMMIT, "github")

    @pytest.mark.parametrize(
        "told", ['{"url": "file:///x", "dir_info": {"editable": true}}', "[]", "no json", '{"url": 1, "vcs_info": 2}']
    )
    def test_what_came_from_a_folder(self, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
        monkeypatch.setattr(ci, "direct_url", lambda: told)
        with pytest.raises(ci.NoPin) as raised:
            ci.requirement("", "gitlab")
        assert raised.value.mend[0].startswith("gitml ci template gitlab --gitml git+https://")

    def test_what_was_never_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def none(name: str) -> None:
            raise metadata.PackageNotFoundError(name)

        monkeypatch.setattr(metadata, "distribution", none)
        with pytest.raises(ci.NoPin):
            ci.requirement("", "github")
        assert ci.requirement("1.2", "github") == "gitml==1.2"

    def test_what_pip_really_writes_is_understood(self) -> None:
        """The tests run an editable install, or one without a record."""
        direct = ci.direct_url()
        assert direct is None or ci._origin(direct, "1") == ("", "", "")


class TestValid:
    """The forges' own schemas, and actionlint, which knows types and expressions."""

    def schema(self, name: str, file: Path) -> Done:
        line = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", name, str(file)]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        return Done(done.returncode, done.stdout, done.stderr)

    def actionlint(self, repo: Repo) -> Done:
        return repo.run("actionlint", "-no-color", "-shellcheck=", "-pyflakes=")

    @pytest.fixture
    def laid(self, repo: Repo) -> Repo:
        for forge in ci.FILES:
            ci.carry_out(ci.plan(written(forge), repo.path), repo.path)
        return repo

    @pytest.mark.parametrize("path", WORKFLOWS)
    def test_githubs_schema(self, laid: Repo, path: str) -> None:
        file = laid.path / path
        assert self.schema("vendor.github-workflows", file).code == 0
        file.write_text(file.read_text().replace("timeout-minutes", "timeout"))
        assert self.schema("vendor.github-workflows", file).code == 1

    def test_gitlabs_schema(self, laid: Repo) -> None:
        file = laid.path / ".gitlab/gitml.yml"
        assert self.schema("vendor.gitlab-ci", file).code == 0
        file.write_text(file.read_text().replace("interruptible: true", "interruptible: [1]"))
        assert self.schema("vendor.gitlab-ci", file).code == 1

    def test_actionlint(self, laid: Repo) -> None:
        assert self.actionlint(laid) == (0, "", "")

    def test_actionlint_sees_what_it_should(self, laid: Repo) -> None:
        file = laid.path / WORKFLOWS[0]
        file.write_text(file.read_text().replace("gitml ci comment", "echo '${{ github.event.pull_request.title }}'"))
        done = self.actionlint(laid)
        assert (done.code, "potentially untrusted" in done.out) == (1, True)

    @pytest.mark.parametrize("forge", ci.FILES)
    def test_every_script_is_bash(self, forge: ci.Forge, repo: Repo) -> None:
        scripts = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]
        if forge == "gitlab":
            scripts = ["\n".join([*job.get("before_script", []), *job.get("script", [])]) for job in GITLAB.values()]
        for script in scripts:
            assert repo.run("bash", "-n", stdin=script) == (0, "", "")


class TestGitHub:
    def test_the_required_check_always_runs(self) -> None:
        """A job that is skipped counts as passed, and a workflow with a filter is never reported."""
        job = JOBS["gitml"]
        assert set(job) == {"name", "runs-on", "timeout-minutes", "permissions", "steps"}
        assert all("if" not in step and "continue-on-error" not in step for step in job["steps"])
        on = yaml.safe_load(written("github")[WORKFLOWS[0]])[True]
        assert on == {"pull_request_target": {"types": ["opened", "synchronize", "reopened", "edited"]}}

    def test_its_name_is_nobody_elses(self) -> None:
        names = [job["name"] for text in written("github").values() for job in yaml.safe_load(text)["jobs"].values()]
        assert sorted(names) == ["gitml", "gitml comment", "gitml record", "gitml reproduce"]

    def test_permissions_are_the_least(self) -> None:
        assert {name: job["permissions"] for name, job in JOBS.items()} == {
            "gitml": {"contents": "read"},
            "gitml comment": {"contents": "read", "pull-requests": "write"},
            "gitml record": {"contents": "write"},
            "gitml reproduce": {"contents": "read"},
        }
        for text in written("github").values():
            assert yaml.safe_load(text)["permissions"] == {}

    def test_no_workflow_is_started_by_the_pull_requests_own_copy(self) -> None:
        starts = {path: set(yaml.safe_load(text)[True]) for path, text in written("github").items()}
        assert starts == {
            WORKFLOWS[0]: {"pull_request_target"},
            WORKFLOWS[1]: {"push", "pull_request_target", "schedule", "workflow_dispatch"},
            WORKFLOWS[2]: {"push", "workflow_dispatch"},
        }
        assert yaml.safe_load(written("github")[WORKFLOWS[1]])[True]["push"] == {"branches": ["main"]}
        assert JOBS["gitml record"]["if"].startswith("github.ref == 'refs/heads/main'")

    def test_only_record_holds_what_may_push(self) -> None:
        for name, job in JOBS.items():
            assert ("GITML_TOKEN" in str(job)) == (name == "gitml record")
            assert ("environment" in job) == (name == "gitml record")
            assert ("secrets." in str(job)) == (name in ("gitml record", "gitml reproduce"))

    def test_two_records_wait_for_each_other(self) -> None:
        record = yaml.safe_load(written("github")[WORKFLOWS[1]])
        assert record["concurrency"] == {"group": "gitml-record", "cancel-in-progress": False}

    @pytest.mark.parametrize("name", JOBS)
    def test_every_job_keeps_the_rules(self, name: str) -> None:
        job = JOBS[name]
        assert job["timeout-minutes"] <= 360
        used = [step["uses"] for step in job["steps"] if "uses" in step]
        assert all(re.fullmatch(r"actions/setup-python@[0-9a-f]{40}", one) for one in used)
        assert all(step["with"] == {"python-version": "3.11"} for step in job["steps"] if "uses" in step)  # no cache
        for step in job["steps"]:
            if "run" in step:
                assert "${{" not in step["run"]
                assert step["run"].startswith("set -euo pipefail\n")

    def test_a_releases_code_sees_no_token(self) -> None:
        steps = {step["name"]: step for step in JOBS["gitml reproduce"]["steps"] if "run" in step}
        holding = [name for name, step in steps.items() if "GIT_TOKEN" in step.get("env", {})]
        running = [name for name, step in steps.items() if "reproducer" in step["run"]]
        assert holding == ["Fetch branches and tags"]
        assert list(steps)[-len(running) :] == running
        for name in running:
            as_user = steps[name]["run"].partition("sudo --user=reproducer")[2]
            assert as_user.startswith(" --set-home env --ignore-environment ")
            assert "TOKEN" not in as_user


class TestGitLab:
    JOBS = ("gitml", "gitml comment", "gitml record", "gitml reproduce")

    def test_nothing_is_checked_out_cached_or_inherited(self) -> None:
        base = GITLAB[".gitml"]
        assert set(GITLAB) == {".gitml", *self.JOBS}
        assert (base["variables"]["GIT_STRATEGY"], base["cache"], base["dependencies"]) == ("none", [], [])
        assert base["inherit"] == {"default": False, "variables": False}
        for name in self.JOBS:
            assert GITLAB[name]["extends"] == ".gitml"
            assert GITLAB[name].get("variables", {}) in ({}, {"FILTER": ""})

    def test_the_check_runs_on_every_merge_request_and_cannot_fail_in_silence(self) -> None:
        assert GITLAB["gitml"]["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}]
        assert "allow_failure" not in GITLAB["gitml"]

    def test_tokens_are_in_jobs_of_their_own(self) -> None:
        for name in self.JOBS:
            text = str(GITLAB[name])
            assert ("GITML_TOKEN" in text) == (name == "gitml record")
            assert ("GITML_COMMENT_TOKEN" in text) == (name == "gitml comment")
        assert GITLAB["gitml record"]["environment"]["name"] == "gitml"
        assert GITLAB["gitml record"]["resource_group"] == "gitml-record"

    def test_a_releases_code_sees_no_token(self) -> None:
        (script,) = GITLAB["gitml reproduce"]["script"]
        as_user = script.partition("setpriv --reuid=reproducer --regid=reproducer --clear-groups --no-new-privs")[2]
        assert as_user.startswith(" env --ignore-environment ")
        assert "TOKEN" not in as_user
