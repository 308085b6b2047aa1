"""`gitml status`: where somebody stands, in every state of a repository."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Done, Registry, Repo
from .tiny_projects import HOLD, Project, fresh, project
from .yardstick import bare_python, cost

__all__ = ["fresh", "project"]

Gitml = Callable[..., Done]
NEW = 'gitml exp run -n NAME -m "what you expect, and why"'


def told(gitml: Gitml, at: Path) -> str:

    done = gitml("status", at=at)
    assert (done.code, done.err) == (0, ""), done.err
    return done.out


def test_outside_of_a_repository(gitml: Gitml, tmp_path: Path) -> None:
    done = gitml("status", at=tmp_path)
    assert done.code == 3
    assert done.err.startswith("gitml: there is no git repository here\n")


def test_before_there_is_anything(gitml: Gitml, tmp_path: Path) -> None:
    made = Repo(tmp_path / "new")
    made.path.mkdir()
    made.git("init", "--quiet")
    assert told(gitml, made.path) == (
        "main   0 experiments\n  problem     there is no commit yet\nnext          gitml init\n"
    )
    made.commit("infra: start")
    assert told(gitml, made.path) == (
        "main   0 experiments\n  problem     there is no DVC project here\nnext          dvc init\n"
    )
    made.with_dvc().commit("infra: dvc")
    assert told(gitml, made.path) == (
        "main   0 experiments\n"
        "  problem     git knows no dvc.yaml, so there is nothing to run\n"
        "next          dvc stage add --help\n"
    )
    made.git("clone", "--quiet", "--bare", ".", "../bare.git")
    assert told(gitml, made.path.parent / "bare.git") == (
        f"no branch   0 experiments\n  problem     this repository is bare\n"
        f"next          git clone {made.path.parent}/bare.git\n"
    )


def test_on_main_detached_and_in_the_middle_of_something(project: Project, gitml: Gitml) -> None:
    project.git("branch", "experiments/a")
    assert told(gitml, project.path) == f"main   1 experiment\nnext          {NEW}\n"
    project.change("stages/data.sh", "1 2 3", "4 5 6")
    project.change("params.yaml", "1e-3", "2e-3")
    assert told(gitml, project.path / "stages") == (
        "main   1 experiment\n"
        "  stale       data, train (stages/data.sh modified, params.yaml:train modified)\n"
        f"next          {NEW}\n"
    )
    project.git("switch", "--quiet", "--detach")
    assert told(gitml, project.path).startswith(f"{project.git('rev-parse', '--short', 'HEAD')}   1 experiment\n")
    (project.path / ".git/CHERRY_PICK_HEAD").write_text(project.git("rev-parse", "HEAD") + "\n")
    assert told(gitml, project.path).endswith(
        "  problem     a cherry-pick is under way\nnext          git cherry-pick --continue\n"
    )


def test_on_an_experiment_from_its_beginning_to_its_end(project: Project, gitml: Gitml) -> None:
    gitml("exp", "start", "lr", "--hypothesis", "why", at=project.path)
    assert told(gitml, project.path) == (
        "experiments/lr   0 runs\n"
        "  report      Objective, Methodology, Results, Conclusions and Next steps are empty\n"
        "next          gitml exp run\n"
    )
    gitml("exp", "run", "-S", "lr=3e-4", at=project.path)
    assert told(gitml, project.path) == (
        "experiments/lr   1 run\n"
        "  last run    roc_auc 0.7003, parent -0.0007 (lower)   just now\n"
        "  report      Objective, Conclusions and Next steps are empty\n"
        "next          gitml report edit\n"
    )
    project.git("clone", "--quiet", "--bare", ".", "../server.git")
    project.git("remote", "add", "origin", "../server.git")
    project.git("fetch", "--quiet", "origin")
    project.change("params.yaml", "3e-4", "5e-4")
    assert told(gitml, project.path).split("\n")[0] == "experiments/lr   1 run, all pushed"
    assert "  stale       train (params.yaml:train modified)\nnext          gitml exp run\n" in told(
        gitml, project.path
    )
    gitml("exp", "run", at=project.path)
    report = project.path / "reports/lr/README.md"
    report.write_text(re.sub("<!-- (What|Where|Would)[^>]*-->", "Words.", report.read_text()))
    assert told(gitml, project.path) == (
        "experiments/lr   2 runs, 1 not pushed\n"
        "  last run    roc_auc 0.7005, parent +0.0002 (higher)   just now\n"
        "  report      complete\n"
        "next          gitml exp push\n"
    )
    told_json = json.loads(gitml("status", "--json", at=project.path).out)
    assert told_json["last"] == {
        "commit": project.git("rev-parse", "HEAD"),
        "time": int(project.git("log", "-1", "--format=%ct")),
        "metric": "roc_auc",
        "figure": 0.7005,
        "before": 0.7003,
        "word": "higher",
    }
    assert told_json["next"] == "gitml exp push"
    project.git("push", "--quiet", "origin", "experiments/lr")
    assert told(gitml, project.path).endswith("next          gitml exp finish\n")
    project.git("branch", "--force", "main", "HEAD")
    assert told(gitml, project.path).endswith("next          git switch main\n")


def test_a_run_is_seen_from_another_terminal_and_worktree(project: Project, gitml: Gitml) -> None:
    live = 'echo \'{"step": 3, "roc_auc": 0.61}\' > results/train/metrics.json\n'
    project.change("stages/train.sh", "lr=$(", f"{live}{HOLD}sleep 0.3\nlr=$(")
    project.git("worktree", "add", "--quiet", "--detach", "../linked")
    project.hold()
    process = project.start_gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4")
    project.wait_until_held()
    until = time.monotonic() + 120
    while " train step 3 " not in told(gitml, project.path):
        assert time.monotonic() < until
        time.sleep(0.1)
    here, there = told(gitml, project.path), told(gitml, project.path.parent / "linked")
    found = json.loads(gitml("status", "--json", at=project.path).out)["running"]
    assert re.search(r"^running       lr   train step 3   roc_auc 0.6100   since \S+( \S+)?$", here, re.MULTILINE), here
    assert here.endswith("next          gitml exp list\n")
    assert re.search(r"^running       lr   train step 3 .*   in main worktree$", there, re.MULTILINE), there
    assert [(one["experiment"], one["place"], one["stage"], one["step"], one["figures"]) for one in found] == [
        ("lr", "here", "train", 3, {"roc_auc": 0.61})
    ]
    project.let_go()
    process.communicate(timeout=120)
    assert "running" not in told(gitml, project.path)


def test_a_killed_run_is_named_and_the_next_command_is_known(project: Project, gitml: Gitml) -> None:
    done = project.run(sys.executable, "-m", "gitml", "exp", "run", "-n", "lr", "-S", "lr=3e-4", GITML_CRASH_AT="run")
    assert done.code == -signal.SIGKILL
    assert told(gitml, project.path) == (
        "main   0 experiments\n"
        "  problem     a command was killed, and the next one finishes it or puts it back\n"
        "next          gitml exp run -n NAME\n"
    )


def test_conflicts_are_a_problem_and_no_bug(project: Project, gitml: Gitml) -> None:
    project.git("switch", "--quiet", "-c", "other")
    project.commit("infra: one", **{"a": "1"})
    project.git("switch", "--quiet", "main")
    project.commit("infra: two", **{"a": "2"})
    project.run("git", "merge", "other")
    assert "  problem     a merge is under way\nnext          git merge --continue\n" in told(gitml, project.path)
    (project.path / ".git/MERGE_HEAD").unlink()
    assert "  problem     a merge left conflicts in a\nnext          git status\n" in told(gitml, project.path)


def test_the_model_in_production_is_named(registry: Registry, gitml: Gitml) -> None:
    repo = registry.repo
    opened = registry.open()
    repo.git("fetch", "--quiet", "origin")
    assert "production" not in told(gitml, repo.path)
    files = {"dvc.yaml": "metrics: [m.json]\n", "m.json": '{"roc_auc": 0.7133}'}
    release = registry.store(registry.tree(**files))
    repo.git("update-ref", "refs/remotes/origin/models/model-v3", release)
    promotion = registry.store(
        f"{release}^{{tree}}",
        opened,
        message=f"model: promote model-v3 (#41)\n\nModel: model-v3\nModel-Commit: {release}\n",
    )
    repo.git("update-ref", "refs/remotes/origin/production/production-model", promotion)
    day = time.strftime("%d %b").lstrip("0")
    assert f"production    model v3   roc_auc 0.7133   since {day} (#41)\n" in told(gitml, repo.path)


@pytest.mark.slow
def test_it_is_quick_on_a_thousand_branches(project: Project) -> None:
    commit = project.git("rev-parse", "HEAD")
    lines = "".join(f"create refs/heads/experiments/e{number} {commit}\n" for number in range(1000))
    project.run("git", "update-ref", "--stdin", stdin=lines)
    project.git("switch", "--quiet", "experiments/e500")
    words = [sys.executable, "-m", "gitml", "status"]
    price = cost(lambda: subprocess.run(words, cwd=project.path, check=True, capture_output=True), bare_python)
    assert price < 60
