"""`gitml init` in a repository that is there already: what it adds, what it leaves, and that work goes on there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitml import config
from gitml.cli.init_adopt import NobodyToAsk, adopt
from gitml.conventions import branches
from gitml.errors import GitmlError
from gitml.scaffold import adoption, adoption_rules, adoption_toml, changes
from gitml.scaffold.adoption_survey import NotHere, survey
from gitml.scaffold.ci import NoPin
from gitml.scaffold.dvc_experiments import NoSuchExperiment

from .adopted_projects import PIN, Init, init, shelf, theirs, whole
from .conftest import Done, Repo
from .experiment_projects import answer_report

__all__ = ["init", "shelf", "theirs"]

Gitml = Callable[..., Done]
HOOKS = ("pre-commit", "prepare-commit-msg", "commit-msg", "post-checkout", "pre-push")


def told(repo: Repo) -> config.Config:
    return config.read(str(repo.path))


def next_of(said: str) -> str:
    return next(line for line in said.splitlines() if line.startswith("next  ")).removeprefix("next  ")


class TestPlainGit:
    def test_what_is_added(self, init: Init, repo: Repo) -> None:
        said = init(repo.path)
        hooks = "".join(f"wrote {name} in .git/hooks\n" for name in HOOKS)
        assert said == (
            f"wrote reports/README.md\nwrote gitml.toml\n{hooks}"
            'next  git add -- reports/README.md gitml.toml && git commit -m "infra: adopt gitml"\n'
        )
        assert repo.git("log", "--format=%s") == "infra: start"
        assert repo.git("diff", "--cached", "--name-only") == ""
        since = repo.git("rev-parse", "HEAD")
        assert told(repo) == config.Config(since=since)
        repo.run("sh", "-c", next_of(said))
        assert repo.git("status", "--porcelain") == ""
        assert repo.git("log", "-1", "--format=%s") == "infra: adopt gitml"

    def test_again_changes_nothing(self, init: Init, repo: Repo) -> None:
        said = init(repo.path)
        before = whole(repo)
        again = init(repo.path)
        assert again == f"gitml is in this repository already\nnext  {next_of(said)}\n"
        assert whole(repo) == before
        repo.run("sh", "-c", next_of(said))
        assert init(repo.path) == "gitml is in this repository already\nnext  gitml rules\n"

    def test_a_dry_run_shows_every_byte_and_writes_none(self, init: Init, repo: Repo) -> None:
        before = whole(repo)
        said = init(repo.path, is_yes=False, is_dry_run=True)
        assert whole(repo) == before
        assert not (repo.path / ".git/gitml").exists()
        since = repo.git("rev-parse", "HEAD")
        assert said.startswith("a git repository, main branch main\nwould write reports/README.md\n  # Reports\n")
        assert f'  since = "{since}"' in said
        assert "note  there is no DVC here\n" in said
        assert said.endswith("next  gitml init\n")

    def test_as_json(self, init: Init, repo: Repo) -> None:
        data = json.loads(init(repo.path, is_yes=False, is_dry_run=True, as_json=True))
        assert {one["path"]: one["does"] for one in data["files"]} == {
            "reports/README.md": "write",
            "gitml.toml": "write",
        }
        assert [one["name"] for one in data["hooks"]] == list(HOOKS)
        assert (data["is_done"], data["main"], data["dvc"], data["experiments"]) == (False, "main", False, [])
        assert data["notes"][0]["says"] == "there is no DVC here"
        done = json.loads(init(repo.path, as_json=True))
        assert done["is_done"] is True
        assert done["next"][0].startswith("git add -- reports/README.md gitml.toml && ")

    def test_nobody_to_ask(self, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        before = whole(repo)
        with pytest.raises(NobodyToAsk) as raised:
            adopt(repo.path)
        assert raised.value.mend == ("gitml init --yes", "gitml init --dry-run")
        assert whole(repo) == before

    def test_no_is_an_answer(self, repo: Repo, tmp_path: Path) -> None:
        before = whole(repo)
        assert "nothing was changed" in on_a_terminal(repo, "n\n")
        assert whole(repo) == before
        assert "wrote gitml.toml" in on_a_terminal(repo, "\n")

    def test_begins_dvc_where_it_is_asked_for(self, init: Init, repo: Repo) -> None:
        repo.write("staged.txt", "mine\n")
        repo.git("add", "staged.txt")
        said = init(repo.path, has_dvc=True)
        assert said.startswith("did dvc init\nwrote .gitattributes\nchanged .dvcignore\n  --- .dvcignore\n")
        assert repo.git("diff", "--cached", "--name-only") == "staged.txt"
        assert (repo.path / ".dvc/config").exists()
        repo.run("sh", "-c", next_of(said))
        assert repo.git("status", "--porcelain") == "A  staged.txt"
        assert "next  gitml rules\n" in init(repo.path, has_dvc=True)

    @pytest.mark.parametrize("forge", ["github", "gitlab"])
    def test_ci(self, init: Init, repo: Repo, forge: str) -> None:
        said = init(repo.path, forge=forge, pin=PIN)
        assert f"wrote .{forge}/" in said
        changed = repo.path / (".gitlab/gitml.yml" if forge == "gitlab" else ".github/workflows/gitml.yml")
        changed.write_text("# mine\n")
        assert "differs from what gitml would write" in init(
            repo.path, forge=forge, pin=PIN, is_yes=False, is_dry_run=True
        )
        init(repo.path, forge=forge, pin=PIN)
        assert changed.read_text() == "# mine\n"

    def test_ci_of_a_gitml_that_nobody_can_name(self, repo: Repo) -> None:
        before = whole(repo)
        with pytest.raises(NoPin):
            adopt(repo.path, forge="github", pin="main", is_yes=True)
        assert whole(repo) == before


class TestTheirPipeline:
    def test_runs_as_it_is_and_experiments_go_on(self, init: Init, gitml: Gitml, theirs: Repo) -> None:
        """Templates, foreach, metrics at the top level, master: nothing is rewritten, and runs are right."""
        tracked = {name: (theirs.path / name).read_bytes() for name in theirs.git("ls-files").splitlines()}
        said = init(theirs.path, experiments=("all",))
        same = {name: (theirs.path / name).read_bytes() for name in tracked}
        assert {name for name in tracked if same[name] != tracked[name]} == {".dvcignore"}
        assert same[".dvcignore"].startswith(tracked[".dvcignore"])
        theirs.run("sh", "-c", next_of(said))
        assert theirs.git("log", "-1", "--format=%s") == "infra: adopt gitml"
        listed = json.loads(gitml("exp", "list", "--json", at=theirs.path).out)["experiments"]
        values = {one["name"]: (one["value"], one["changed"]) for one in listed}
        assert values == {
            "first": (0.52, {"lr": [1, 2]}),
            "kept-as-is": (0.53, {"lr": [1, 3]}),
            "wider_net": (0.53, {"lr": [1, 3]}),
            "master": (0.51, {}),
        }
        for lr, auc in ((7, 0.57), (1, 0.51)):  # the second is in DVC's run-cache, which has no metrics
            done = gitml("exp", "run", "-n", f"lr-{lr}", "-S", f"lr={lr}", "--force", at=theirs.path)
            assert done.code == 0, done.err
            assert json.loads(theirs.git("show", "HEAD:results/metrics.json"))["auc"] == auc
            assert theirs.git("status", "--porcelain") == ""
            assert f"0,0.5\n1,0.5{lr}" in theirs.git("show", "HEAD:results/curve.csv")
        assert "  master" in gitml("exp", "list", at=theirs.path).out

    def test_what_it_decides(self, init: Init, theirs: Repo) -> None:
        init(theirs.path)
        text = (theirs.path / "gitml.toml").read_text()
        found = told(theirs)
        assert found.metric is None
        assert '# name = "auc"\n# name = "loss"\n# direction = "higher"' in text
        assert found.branches[-1] == "master"
        assert dict(found.rules) == {"commit-prefix": "warn", "metric-covered": "warn"}
        assert found.since == theirs.git("rev-parse", "HEAD")
        assert '# prefixes = ["fix", "feat", "experiment", "model", "data", "infra"]' in text
        assert theirs.git("config", "gitml.main") == "master"
        uncommented = text.replace("# [commits]\n# prefixes", "[commits]\nprefixes")
        assert [one.name for one in config.parse(uncommented.encode()).prefixes][:2] == ["fix", "feat"]

    def test_one_metric_is_chosen(self, init: Init, theirs: Repo) -> None:
        theirs.write("results/metrics.json", '{"test": {"log_loss": 0.3}, "by": "ada"}\n')
        theirs.commit("fix: one metric")
        init(theirs.path)
        assert told(theirs).metric == config.Metric("test.log_loss", "lower")

    def test_an_experiment_is_accepted_into_master(self, init: Init, gitml: Gitml, theirs: Repo) -> None:
        theirs.run("sh", "-c", next_of(init(theirs.path)))
        assert gitml("exp", "run", "-n", "lr", "-S", "lr=4", "-m", "More.", at=theirs.path).code == 0
        answer_report(theirs)
        theirs.commit("experiment: what was learned")
        assert "1 run\n" in gitml("status", at=theirs.path).out
        assert "is up to date with master" in gitml("exp", "update", at=theirs.path).out
        done = gitml("exp", "finish", "--accept", at=theirs.path)
        assert done.code == 0, done.err
        assert f"master  {theirs.git('rev-parse', '--short=7', 'master')}\n" in done.out
        assert theirs.git("log", "-1", "--format=%s", "master") == "Merge experiment lr"
        assert done.out.endswith("next    git log -1 master\n")

    def test_line_ends_of_theirs_are_left_alone(self, init: Init, theirs: Repo) -> None:
        theirs.write(".gitattributes", b"*.sh text eol=lf\r\n* text=auto\r\n*.bat text eol=crlf")
        theirs.write("a b [1].sh", "echo\n")
        text = (theirs.path / "dvc.yaml").read_text().replace("deps: [train.sh,", 'deps: [train.sh, "a b [1].sh",')
        theirs.write("dvc.yaml", text)
        theirs.commit("fix: attributes")
        init(theirs.path)
        content = (theirs.path / ".gitattributes").read_bytes()
        assert content.startswith(b"*.sh text eol=lf\r\n* text=auto\r\n*.bat text eol=crlf\r\n# gitml init: ")
        assert (
            b"\r\n".join([b'"/a b \\\\[1].sh" -text', b"/train.sh -text", b"dvc.lock -text linguist-generated", b""])
            in content
        )
        asked = ("train.sh", "a b [1].sh", "dvc.lock", "run.bat", "other.sh")
        said = theirs.git("check-attr", "text", "--", *asked).splitlines()
        assert [line.rpartition(" ")[2] for line in said] == ["unset", "unset", "unset", "set", "auto"]

    def test_without_line_ends_of_theirs_all_bytes_are_kept(self, init: Init, theirs: Repo) -> None:
        init(theirs.path)
        assert theirs.git("check-attr", "text", "--", "x.txt").endswith(": unset")

    def test_a_clone_with_other_settings_changes_no_choice(self, init: Init, theirs: Repo, home: Path) -> None:
        theirs.run("sh", "-c", next_of(init(theirs.path)))
        theirs.git("config", "--global", "core.autocrlf", "input")
        init(theirs.path)
        assert theirs.git("status", "--porcelain") == ""

    def test_a_hashed_file_that_differs_is_a_warning(self, init: Init, theirs: Repo) -> None:
        theirs.write("train.sh", "# changed\n")
        theirs.commit("fix: changed")
        init(theirs.path)
        assert told(theirs).level("lock-stale") == "warn"
        lines = [line.split() for line in (theirs.path / "gitml.toml").read_text().splitlines()]
        assert ["lock-stale", "=", '"warn"', "#", "train:", "train.sh", "changed"] in lines


class TestTheirRules:
    def test_what_files_break(self, init: Init, repo: Repo) -> None:
        key = "AKIA" + "ABCDEFGHIJKLMNOP"
        repo.write("old key.py", f'aws = "{key}"\n')
        repo.write(
            "look.ipynb",
            json.dumps(
                {
                    "cells": [
                        {
                            "cell_type": "code",
                            "source": [],
                            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["x"]}],
                            "execution_count": 1,
                            "metadata": {},
                        }
                    ],
                    "metadata": {},
                    "nbformat": 4,
                    "nbformat_minor": 5,
                }
            ),
        )
        repo.write("big.bin", b"\0" * (6 * 2**20))
        repo.commit("infra: files")
        init(repo.path)
        assert dict(told(repo).rules) == {"no-large-file": "warn", "clean-notebook": "warn", "no-secret": "warn"}
        text = (repo.path / "gitml.toml").read_text()
        assert "# old key.py line 1\n" in text
        assert key not in text

    def test_old_commits_are_not_judged_and_new_ones_only_warned_about(
        self, init: Init, gitml: Gitml, repo: Repo
    ) -> None:
        repo.git("commit", "--quiet", "--allow-empty", "-m", "[FLY-1] start over")
        said = init(repo.path)
        repo.run("sh", "-c", next_of(said))
        done = repo.run("git", "commit", "--allow-empty", "-m", "[FLY-2] go on")
        assert done.code == 0
        assert "gitml: warning (commit-prefix)" in done.err
        repo.git("clone", "--quiet", "--bare", ".", "../server.git")
        repo.git("remote", "add", "origin", "../server.git")
        repo.git("fetch", "--quiet", "origin")
        pushed = repo.run("git", "push", "origin", "main:experiments/x")
        assert pushed.code == 0, pushed.err

    @pytest.mark.parametrize(
        ("names", "extra", "odd"),
        [
            (["main", "experiments/lr", "infra/x"], (), ()),
            (["develop", "feature/a", "feature/b", "gh-pages"], ("develop", "feature/*", "gh-pages"), ()),
            (["FLY-1-x", "FLY-22"], ("FLY-*",), ()),
            (
                ["experiments/Foo", "experiments", "ünï", "a$(b)"],
                (),
                ("a$(b)", "experiments", "experiments/Foo", "ünï"),
            ),
        ],
    )
    def test_patterns(self, names: list[str], extra: tuple[str, ...], odd: tuple[str, ...]) -> None:
        found = adoption_rules.patterns(names, "main")
        assert (found.extra, found.odd) == (extra, odd)

    def test_very_many_kinds_of_names_are_a_warning(self, init: Init, repo: Repo) -> None:
        for number in range(20):
            repo.git("branch", f"own{number}x")
        init(repo.path)
        assert told(repo).level("branch-name") == "warn"
        assert told(repo).branches == config.DEFAULTS.branches

    @given(st.lists(st.text(max_size=12) | st.from_regex(r"(models|m|a|FLY)[/-][a-z0-9*/.-]{0,9}"), max_size=8))
    def test_patterns_can_always_be_read(self, names: list[str]) -> None:
        right = [name for name in names if branches.is_branch_for_git(name)]
        found = adoption_rules.patterns(right, "main")
        text = f"[branches]\nextra = {json.dumps(found.extra)}\n"
        extra = config.parse(text.encode()).branches
        assert all(name in found.odd or branches.is_right(name, (*branches.EXTRA, *extra)) for name in right)

    def test_thousands_of_names_take_no_time(self) -> None:
        found = adoption_rules.patterns([f"own{number}x" for number in range(20_000)], "main")
        assert len(found.extra) > adoption_rules.MOST_PATTERNS

    @pytest.mark.parametrize(
        ("subjects", "prefixes", "shown"),
        [
            (["feat: a", "fix(api)!: b", "feat: c"], ("feat",), "infra"),
            (["feat: a", "chore: b"], ("feat", "chore"), "chore"),
            (["a", "b", "feat: c"], (), "infra"),
            ([], (), "infra"),
        ],
    )
    def test_style(self, repo: Repo, subjects: list[str], prefixes: tuple[str, ...], shown: str) -> None:
        repo.git("checkout", "--quiet", "--orphan", "other")
        for subject in [*subjects, *subjects]:
            repo.git("commit", "--quiet", "--allow-empty", "-m", subject)
        found = survey(repo.path)
        style = adoption_rules.style(found.commits)
        assert set(prefixes) <= set(style.prefixes)
        assert adoption_toml.shown_prefix(style, ["commit-prefix"]) == shown

    @pytest.mark.parametrize(
        ("name", "better"),
        [
            ("test.log_loss", "lower"),
            ("val/roc_auc", "higher"),
            ("rows", ""),
            ("m.json:val_f1", "higher"),
            ("train-loss", "lower"),
        ],
    )
    def test_direction(self, name: str, better: str) -> None:
        assert adoption_toml.direction(name) == better


class TestTheirHooks:
    def test_own_hooks_run_first(self, init: Init, repo: Repo) -> None:
        hook = repo.write(".git/hooks/commit-msg", '#!/bin/sh\necho theirs >&2\ngrep -q "" "$1"\n')
        hook.chmod(0o755)
        assert "kept the commit-msg that was there as commit-msg.before-gitml; it runs first" in init(repo.path)
        done = repo.run("git", "commit", "--allow-empty", "-m", "try")
        assert (done.code, done.err.splitlines()[0]) == (1, "theirs")

    def test_husky(self, init: Init, repo: Repo) -> None:
        repo.write(".husky/_/commit-msg", '#!/usr/bin/env sh\nsh "$(dirname "$0")/../${0##*/}" "$@"\n').chmod(0o755)
        repo.write(".husky/commit-msg", "echo theirs >&2\n")
        repo.write(".husky/_/.gitignore", "*\n")
        repo.git("config", "core.hooksPath", ".husky/_")
        repo.commit("infra: husky")
        assert "wrote commit-msg in .husky/_" in init(repo.path)
        done = repo.run("git", "commit", "--allow-empty", "-m", "try")
        assert (done.code, done.err.splitlines()[0]) == (1, "theirs")
        assert repo.git("status", "--porcelain", ".husky") == ""

    def test_the_pre_commit_framework(self, init: Init, repo: Repo) -> None:
        repo.write(".pre-commit-config.yaml", "repos: []\n")
        repo.commit("infra: framework")
        said = init(repo.path, is_yes=False, is_dry_run=True)
        assert "note  hooks are managed by the pre-commit framework here\n" in said
        init(repo.path)
        assert repo.run("git", "commit", "--allow-empty", "-m", "try").code == 1

    def test_hooks_for_every_repository_are_left_alone(self, init: Init, repo: Repo, tmp_path: Path) -> None:
        repo.git("config", "--global", "core.hooksPath", str(tmp_path / "hooks"))
        said = init(repo.path, is_yes=False, is_dry_run=True)
        assert "note  no hooks are installed:" in said
        assert "wrote gitml.toml" in init(repo.path)
        assert not (tmp_path / "hooks").exists()


class TestTheirExperiments:
    def test_are_shown_and_left_where_they_are(self, init: Init, theirs: Repo) -> None:
        before = theirs.git("for-each-ref")
        said = init(theirs.path, is_yes=False, is_dry_run=True)
        base = theirs.git("rev-parse", "--short=7", "HEAD")
        assert (
            f"DVC EXP     BASELINE   AUC  BRANCH\n"
            f"Wider_Net   {base}   0.53  experiments/wider_net\n"
            f"first       {base}   0.52  experiments/first\n"
            f"kept-as-is  {base}   0.53  experiments/kept-as-is\n"
            "  Wider_Net: no branch can be called so\n"
        ) in said
        assert init(theirs.path).endswith(
            "next  gitml init --experiments all   # branches of 3 experiments of dvc exp\n"
        )
        assert theirs.git("for-each-ref") == before

    def test_become_branches_that_keep_the_rules(self, init: Init, gitml: Gitml, theirs: Repo) -> None:
        before = theirs.git("for-each-ref", "refs/exps")
        said = init(theirs.path, experiments=("first", "Wider_Net"))
        assert "made experiments/wider_net of Wider_Net\nmade experiments/first of first\n" in said
        assert theirs.git("for-each-ref", "refs/exps") == before
        origin = theirs.git("for-each-ref", "--format=%(objectname)", "refs/exps/*/*/first")
        tip = "experiments/first"
        assert theirs.git("rev-parse", f"{tip}^{{tree}}") == theirs.git("rev-parse", f"{origin}^{{tree}}")
        assert theirs.git("rev-parse", f"{tip}^") == theirs.git("rev-parse", "master")
        same = "--format=%an %ae %ad"
        assert theirs.git("log", "-1", same, tip) == theirs.git("log", "-1", same, origin)
        lines = theirs.message(tip).splitlines()
        assert lines[0] == "experiment: lr 1 -> 2"
        assert {"Metrics: auc 0.51 -> 0.52 (+0.01)", "Dvc-Experiment: first", f"Dvc-Commit: {origin}"} < set(lines)
        again = theirs.git("for-each-ref")
        assert "made experiments" not in init(theirs.path, experiments=("first", "Wider_Net"))
        assert theirs.git("for-each-ref") == again
        assert theirs.run("dvc", "exp", "apply", "first").code == 0
        theirs.git("checkout", "--quiet", ".")
        done = gitml("exp", "run", "-n", "twin", "-S", "lr=2", at=theirs.path)
        assert (done.code, "experiments/first has this run already" in done.err) == (1, True)

    def test_names_that_are_taken(self, init: Init, theirs: Repo) -> None:
        theirs.git("branch", "experiments/first")
        theirs.write("experiments/wider_net/notes.md", "x\n")
        said = init(theirs.path, is_yes=False, is_dry_run=True)
        assert "experiments/first-2\n" in said
        assert "  first: experiments/first is another experiment\n" in said
        init(theirs.path, experiments=("first",))
        assert theirs.git("rev-parse", "experiments/first") == theirs.git("rev-parse", "master")
        assert theirs.git("log", "-1", "--format=%s", "experiments/first-2") == "experiment: lr 1 -> 2"

    def test_dvcs_scratch_is_no_part_of_it(self, init: Init, theirs: Repo) -> None:
        origin = theirs.git("for-each-ref", "--format=%(objectname)", "refs/exps/*/*/first")
        theirs.git("worktree", "add", "--quiet", "--detach", "../scratch", origin)
        theirs.write("../scratch/.dvc/tmp/repro.dat", "scratch\n")
        theirs.git("-C", "../scratch", "add", "--force", ".dvc/tmp/repro.dat")
        theirs.git("-C", "../scratch", "commit", "--quiet", "--amend", "--no-edit")
        with_scratch = theirs.git("-C", "../scratch", "rev-parse", "HEAD")
        theirs.git("update-ref", theirs.git("for-each-ref", "--format=%(refname)", "refs/exps/*/*/first"), with_scratch)
        init(theirs.path, experiments=("first",))
        assert theirs.git("rev-parse", "experiments/first^{tree}") == theirs.git("rev-parse", f"{origin}^{{tree}}")

    def test_one_that_is_not_there(self, theirs: Repo) -> None:
        before = whole(theirs)
        with pytest.raises(NoSuchExperiment) as raised:
            adopt(theirs.path, experiments=("frist",), is_yes=True)
        assert raised.value.why == "Did you mean first?"
        assert whole(theirs) == before

    def test_a_branch_that_blocks_them(self, init: Init, theirs: Repo) -> None:
        theirs.git("branch", "experiments")
        said = init(theirs.path, is_yes=False, is_dry_run=True)
        assert "note  the branch experiments blocks experiments/*\n" in said
        assert "        git branch -m experiments experiments/experiments\n" in said
        with pytest.raises(GitmlError) as raised:
            adopt(theirs.path, experiments=("first",), is_yes=True)
        assert raised.value.what == "experiments/first cannot be made while there is a branch experiments"

    def test_are_asked_about(self, theirs: Repo) -> None:
        screen = on_a_terminal(theirs, "y\nWider_Net, first\n")
        assert "Which of dvc exp's experiments become branches?" in screen
        assert "made experiments/wider_net of Wider_Net" in screen
        names = theirs.git("for-each-ref", "--format=%(refname:short)", "refs/heads/experiments").split()
        assert names == ["experiments/first", "experiments/wider_net"]

    def test_undo_takes_them_back(self, init: Init, gitml: Gitml, theirs: Repo) -> None:
        init(theirs.path, experiments=("all",))
        assert gitml("undo", at=theirs.path).code == 0
        assert theirs.git("for-each-ref", "refs/heads/experiments") == ""


class TestPlaces:
    def test_no_repository(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(NotHere) as raised:
            adopt(tmp_path / "empty", is_yes=True)
        assert (raised.value.exit_code, raised.value.mend) == (2, ("git init", "gitml init"))

    def test_a_bare_repository(self, repo: Repo) -> None:
        repo.git("clone", "--quiet", "--bare", ".", "../bare.git")
        with pytest.raises(NotHere) as raised:
            adopt(repo.path.parent / "bare.git", is_yes=True)
        assert raised.value.what == "a bare repository has no files to add gitml to"

    def test_no_commit_yet(self, init: Init, tmp_path: Path) -> None:
        repo = Repo(tmp_path / "new")
        repo.path.mkdir()
        repo.git("init", "--quiet", "--initial-branch=trunk")
        said = init(repo.path)
        assert told(repo).since == ""
        assert "trunk" in told(repo).branches
        repo.run("sh", "-c", next_of(said))
        assert repo.git("status", "--porcelain") == ""

    def test_from_a_subfolder_of_a_linked_worktree_with_a_detached_head(self, init: Init, repo: Repo) -> None:
        repo.commit("infra: code", **{"src/a.py": "x\n"})
        repo.git("worktree", "add", "--quiet", "--detach", "../linked")
        linked = Repo(repo.path.parent / "linked")
        assert "note  HEAD is detached\n" in init(linked.path / "src", is_yes=False, is_dry_run=True)
        init(linked.path / "src")
        assert sorted(linked.git("ls-files", "--others").splitlines()) == ["gitml.toml", "reports/README.md"]
        assert repo.git("status", "--porcelain") == ""

    def test_names_with_spaces_and_bytes_that_are_no_text(self, init: Init, tmp_path: Path) -> None:
        repo = Repo(tmp_path / "mein ünï projekt")
        repo.path.mkdir()
        repo.git("init", "--quiet")
        repo.with_dvc()
        odd = os.fsencode(repo.path) + b"/\xff odd.txt"
        Path(os.fsdecode(odd)).write_bytes(b"x\n")
        repo.write("dvc.yaml", 'stages:\n  a:\n    cmd: "true"\n    deps: [\'weird "q".txt\']\n')
        repo.write('weird "q".txt', "x\n")
        repo.commit("infra: odd")
        repo.git("config", "core.autocrlf", "input")
        init(repo.path)
        assert repo.git("check-attr", "text", "--", 'weird "q".txt').endswith("unset")

    def test_what_is_staged_stays_staged(self, init: Init, repo: Repo) -> None:
        repo.write("mine.txt", "staged\n")
        repo.git("add", "mine.txt")
        repo.write("mine.txt", "and changed\n")
        said = init(repo.path)
        repo.run("sh", "-c", next_of(said))
        assert repo.git("show", "--format=", "--name-only").splitlines() == ["gitml.toml", "reports/README.md"]
        assert repo.git("status", "--porcelain") == "AM mine.txt"

    def test_ignored_files_are_said_and_added_by_force(self, init: Init, repo: Repo) -> None:
        repo.commit("infra: ignore", **{".gitignore": "reports/\n*.toml\n"})
        said = init(repo.path, is_yes=False, is_dry_run=True)
        assert "note  gitml.toml is ignored by git\n" in said
        repo.run("sh", "-c", next_of(init(repo.path)))
        assert {"gitml.toml", "reports/README.md"} < set(repo.git("ls-files").splitlines())

    def test_a_sparse_checkout(self, init: Init, theirs: Repo) -> None:
        theirs.write(".gitattributes", "*.bin binary\n")
        theirs.write("src/a.py", "x\n")
        theirs.commit("fix: attributes")
        theirs.git("sparse-checkout", "set", "--no-cone", "/*", "!/.gitattributes", "!/reports/")
        said = init(theirs.path, is_yes=False, is_dry_run=True)
        assert "note  .gitattributes is in git and not in this working tree, so it is left alone\n" in said
        theirs.run("sh", "-c", next_of(init(theirs.path)))
        assert "gitml.toml" in theirs.git("ls-files")
        assert theirs.git("show", "HEAD:.gitattributes") == "*.bin binary"

    def test_a_shallow_clone(self, init: Init, repo: Repo) -> None:
        repo.commit("infra: more")
        repo.git("clone", "--quiet", "--depth=1", repo.path.as_uri(), "../shallow")
        shallow = Repo(repo.path.parent / "shallow")
        assert "note  this clone is shallow\n" in init(shallow.path, is_yes=False, is_dry_run=True)
        init(shallow.path)
        assert told(shallow).since == shallow.git("rev-parse", "HEAD")

    def test_without_an_identity(self, init: Init, repo: Repo, home: Path) -> None:
        (home / ".gitconfig").write_text("")
        assert "note  git does not know who commits\n" in init(repo.path, is_yes=False, is_dry_run=True)
        assert "wrote gitml.toml" in init(repo.path)

    def test_a_clone_whose_remote_is_on_trunk(self, init: Init, repo: Repo) -> None:
        repo.git("branch", "-m", "main", "trunk")
        repo.git("clone", "--quiet", ".", "../clone")
        clone = Repo(repo.path.parent / "clone")
        init(clone.path)
        assert clone.run("git", "config", "gitml.main").code == 1
        assert survey(clone.path).main == "trunk"

    def test_paths_that_take_the_names_of_branches(self, init: Init, repo: Repo) -> None:
        repo.commit("infra: x", **{"experiments/lr/a.txt": "x\n", "models/net-v1": "x\n", "models/readme.md": "x\n"})
        said = init(repo.path, is_yes=False, is_dry_run=True)
        assert "note  experiments/lr, models/net-v1: a path here, and the name of a branch of\n" in said

    def test_their_own_gitml_toml_and_reports_are_kept(self, init: Init, repo: Repo) -> None:
        repo.commit("infra: x", **{"gitml.toml": '[rules]\nlock-stale = "off"\n', "reports/README.md": "mine\n"})
        said = init(repo.path)
        assert "gitml.toml" not in said
        assert (repo.path / "reports/README.md").read_text() == "mine\n"

    def test_a_broken_gitml_toml_is_told_with_its_line(self, repo: Repo) -> None:
        repo.write("gitml.toml", "[rules]\nlock-stale = off\n")
        before = whole(repo)
        with pytest.raises(config.WrongConfig) as raised:
            adopt(repo.path, is_yes=True)
        assert raised.value.line == 2
        assert whole(repo) == before

    @pytest.mark.parametrize("path", ["gitml.toml", "reports", "reports/README.md"])
    def test_a_link_is_not_followed(self, repo: Repo, tmp_path: Path, path: str) -> None:
        place = repo.path / path
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(changes.NotAPlaceForFiles):
            adopt(repo.path, is_yes=True)
        assert not (tmp_path / "elsewhere").exists()

    def test_submodules_are_no_matter(self, init: Init, repo: Repo) -> None:
        repo.git("clone", "--quiet", ".", "../other")
        repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../other", "sub")
        repo.commit("infra: a submodule")
        init(repo.path)
        inside = Repo(repo.path / "sub")
        init(inside.path)
        assert (inside.path / "gitml.toml").exists()


class TestTrouble:
    def test_what_is_edited_while_it_is_asked_is_not_written_over(self, repo: Repo) -> None:
        repo.with_dvc()
        repo.write(".gitattributes", "*.bin binary\n")
        wish = adoption.Wish()
        shown = adoption.plan(wish, repo.path)
        repo.write(".gitattributes", "*.bin binary\n*.dat binary\n")
        before = whole(repo)
        with pytest.raises(changes.ChangedMeanwhile) as raised:
            adoption.carry_out(shown, wish)
        assert raised.value.what == ".gitattributes changed since it was shown"
        assert whole(repo) == before

    def test_a_file_that_is_too_large(self, repo: Repo) -> None:
        repo.with_dvc()
        repo.write(".gitattributes", b"# x\n" * 2**18 + b"y")
        with pytest.raises(changes.TooLargeToChange):
            adopt(repo.path, is_yes=True)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_read_only(self, repo: Repo) -> None:
        repo.path.chmod(0o555)
        try:
            with pytest.raises(changes.CannotWriteFile):
                adopt(repo.path, is_yes=True)
        finally:
            repo.path.chmod(0o755)

    def test_two_at_once(self, repo: Repo) -> None:
        repo.with_dvc()
        both = [started(repo) for _ in range(2)]
        ended = [one.communicate(timeout=60) for one in both]
        assert [one.returncode for one in both] == [0, 0], ended
        first = whole(repo)
        alone(repo)
        assert whole(repo) == first

    def test_two_at_once_make_one_branch_an_experiment(self, theirs: Repo) -> None:
        both = [started(theirs, words="experiments=('all',), ") for _ in range(2)]
        ended = [one.communicate(timeout=60) for one in both]
        assert [one.returncode for one in both] == [0, 0], ended
        names = theirs.git("for-each-ref", "--format=%(refname:short)", "refs/heads/experiments").split()
        assert names == ["experiments/first", "experiments/kept-as-is", "experiments/wider_net"]

    def test_killed_between_two_branches_and_again(self, init: Init, theirs: Repo) -> None:
        kill = """
import os, signal, gitml.scaffold.dvc_experiments as room
made = [0]
def swap(*words, _real=room.compare_and_swap):
    made[0] += 1
    if made[0] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    _real(*words)
room.compare_and_swap = swap
"""
        killed = started(theirs, kill, "experiments=('all',), ")
        killed.communicate(timeout=60)
        assert killed.returncode == -9
        assert len(theirs.git("for-each-ref", "refs/heads/experiments").splitlines()) == 1
        assert init(theirs.path, experiments=("all",)).count("made experiments/") == 2

    def test_killed_and_again(self, repo: Repo, tmp_path: Path) -> None:
        """Killed after each file that is written: the same command again comes to the same end."""
        repo.with_dvc().commit("feat: dvc")
        copies = [Repo(tmp_path / f"copy{number}") for number in range(9)]
        for copy in copies:
            subprocess.run(["cp", "-a", str(repo.path), str(copy.path)], check=True)
        alone(copies[0])
        wanted = whole(copies[0])
        survived = 0
        for number, copy in enumerate(copies[1:], 1):
            killed = started(copy, before=KILL.format(number=number))
            killed.communicate(timeout=60)
            survived += killed.returncode == 0
            alone(copy)
            found = whole(copy)
            assert found == wanted
        assert survived < 8


KILL = """
import os, signal, gitml.scaffold.changes, gitml.hooks.install, gitml.scaffold.adoption_record
left = [{number}]
for room in (gitml.scaffold.changes, gitml.hooks.install, gitml.scaffold.adoption_record):
    def replace(*words, _real=room.replace_file, **given):
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return _real(*words, **given)
    room.replace_file = replace
"""


def started(repo: Repo, before: str = "", words: str = "") -> subprocess.Popen[str]:
    code = f"{before}\nfrom gitml.cli.init_adopt import adopt\nadopt({words}is_yes=True)"
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=repo.path,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def alone(repo: Repo) -> None:
    done = started(repo)
    out, err = done.communicate(timeout=60)
    assert done.returncode == 0, out + err


def on_a_terminal(repo: Repo, answer: str) -> str:
    """Run it on a terminal of its own, and return what is on the screen."""
    import pty

    code = "from gitml.cli.init_adopt import adopt; adopt()"
    root = Path(__file__).parents[2]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(repo.path)
        os.environ["PYTHONPATH"] = str(root)
        os.execv(sys.executable, [sys.executable, "-c", code])
    os.write(terminal, answer.encode())
    screen = b""
    while True:
        try:
            block = os.read(terminal, 4096)
        except OSError:
            break
        if not block:
            break
        screen += block
    os.waitpid(pid, 0)
    os.close(terminal)
    return screen.decode()
