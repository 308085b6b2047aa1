"""``gitml exp combine``: experiments together on a new branch, run elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.git import oplog

from .conftest import Done, Repo
from .merge_projects import Project, project

__all__ = ["project"]

LINE = ("exp", "combine", "lr", "wide", "-n", "both")
REF = "refs/heads/experiments/both"


def parents(repo: Repo) -> list[str]:
    return repo.git("rev-list", "--parents", "-1", REF).split()[1:]


def test_both_ideas_are_run_together_and_nothing_here_changes(project: Project, gitml: Callable[..., Done]) -> None:
    project.git("switch", "-q", "--detach", "main")
    project.write("code/other", "edited\n")
    project.write("ü x", "mine\n")
    before = project.state()
    done = gitml(*LINE, "-m", "They add up.", "--json", at=project.path / "code")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert parents(project) == [project.git("rev-parse", f"experiments/{name}") for name in ("lr", "wide")]
    assert project.message(REF).startswith("experiment: combine lr and wide\n\nThey add up.\n")
    assert project.shown(REF, "params.yaml") == project.params(lr="0.5", width="20")
    assert json.loads(project.shown(REF, "metrics.json")) == {"auc": 0.57}
    assert told["metrics"] == [{"name": "auc", "old": 0.551, "new": 0.57}]
    assert told["params"] == [{"name": "width", "old": 1, "new": 20}]
    report = project.shown(REF, "reports/both/README.md")
    assert "parent: experiments/lr and experiments/wide\n" in report and "They add up." in report
    for name, figure in (("experiments/lr", "0.5510"), ("experiments/wide", "0.6200")):
        assert name in report and figure in report
    assert project.state() == before and project.git("rev-parse", "HEAD") == project.git("rev-parse", "main")
    assert project.runs == ["train"]
    assert project.run("git", "fsck", "--strict").code == 0
    again = gitml(*LINE, "-m", "They add up.", at=project.path)  # it is there, and what it needs is, too
    assert again.code == 0 and again.out.startswith(f"✓ {told['commit'][:7]} on experiments/both")
    assert len([one for one in oplog.read(project.path) if one.moves]) == 1
    assert gitml("undo", at=project.path).code == 0
    assert project.run("git", "rev-parse", "--verify", "-q", REF).code == 1


def test_a_dry_run_says_all_and_changes_nothing(project: Project, gitml: Callable[..., Done]) -> None:
    before, refs = project.state(), project.git("for-each-ref")
    assert gitml(*LINE, "--switch", "--dry-run", at=project.path).out == (
        "would merge experiments/lr and experiments/wide (width 1 -> 20)\n"
        "would run what is stale by dvc repro, in a working tree of its own\n"
        "would write the results into reports/both/README.md, and make the commit\n"
        "would begin experiments/both there, with all of them as parents\n"
        "would be on experiments/both\n"
        "would write down what was done, for gitml undo\n"
    )
    assert (project.state(), project.git("for-each-ref"), project.runs) == (before, refs, [])


def test_three_and_a_value_that_two_do_not_agree_on(project: Project, gitml: Callable[..., Done]) -> None:
    project.git("switch", "-q", "-c", "experiments/rows", "main")
    project.commit("experiment: rows", **{"params.yaml": project.params(rows=20, lr="0.9")})
    line = ("exp", "combine", "lr", "wide", "rows", "-n", "both")
    refs = project.git("for-each-ref")
    done = gitml(*line, at=project.path)
    assert done.code == 1 and done.err.startswith(
        "gitml: experiments/lr with experiments/wide and experiments/rows set lr to different values\n"
    )
    assert "  lr is 0.5 in experiments/lr with experiments/wide and 0.9 in experiments/rows;" in done.err
    assert done.err.endswith("Mend:\n  gitml exp combine lr wide rows -n both -S lr=0.9\n")
    assert project.git("for-each-ref") == refs
    done = gitml(*line, "-S", "lr=0.7", "--switch", at=project.path)
    assert done.code == 0, done.err
    assert len(parents(project)) == 3 and project.git("symbolic-ref", "HEAD") == REF
    assert (project.path / "params.yaml").read_text() == project.params(rows=20, lr="0.7", width="20")
    assert project.git("status", "--porcelain") == ""


def test_code_that_two_changed_is_named(project: Project, gitml: Callable[..., Done]) -> None:
    for name in ("lr", "wide"):
        project.git("switch", "-q", f"experiments/{name}")
        project.commit("experiment: code", **{"code/other": f"{name}\n"})
    done = gitml(*LINE, at=project.path)
    assert done.code == 1 and "changed the same lines of code/other" in done.err.replace("\n", " ")
    assert "  git switch -c experiments/NAME experiments/lr\n  git merge experiments/wide\n" in done.err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("lr", "-n", "both"), 2, "there is nothing to combine"),
        (("lr", "main", "-n", "both"), 1, "experiments/lr has all of main already"),
        (("lr", "lr", "-n", "both"), 1, "has all of experiments/lr already"),
        (("lr", "wide", "-n", "wide"), 1, "experiments/wide exists already"),
        (("lr", "wide", "-n", "B oth"), 2, "cannot name an experiment"),
        (("lr", "wibe", "-n", "both"), 2, "there is no experiment 'wibe'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    project: Project, gitml: Callable[..., Done], words: tuple[str, ...], code: int, says: str
) -> None:
    refs = project.git("for-each-ref")
    done = gitml("exp", "combine", *words, at=project.path)
    assert (done.code, done.out) == (code, "") and says in done.err, done.err
    assert project.git("for-each-ref") == refs


def test_a_changed_tree_is_only_refused_where_it_would_be_switched(
    project: Project, gitml: Callable[..., Done]
) -> None:
    project.write("code/other", "edited\n")
    done = gitml(*LINE, "--switch", at=project.path)
    assert done.code == 1 and done.err.startswith("gitml: files here are changed\n") and project.runs == []


def test_a_failing_stage_begins_no_branch(project: Project, gitml: Callable[..., Done]) -> None:
    project.git("switch", "-q", "experiments/wide")
    project.commit("experiment: broken", **{"code/prepare": "no number\n"})
    refs = project.git("for-each-ref")
    done = gitml(*LINE, at=project.path)
    assert done.code == 1 and "the stage train failed" in done.err and project.git("for-each-ref") == refs


def test_in_a_linked_worktree_and_from_another_clone(
    project: Project, gitml: Callable[..., Done], tmp_path: Path
) -> None:
    project.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"), "main")
    assert gitml(*LINE, at=tmp_path / "linked").code == 0
    project.git("clone", "-q", str(project.path), str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    assert gitml(*LINE[:-1], "clones", at=clone.path).code == 0
    trees = [
        one.git("rev-parse", f"experiments/{name}:metrics.json") for one, name in ((project, "both"), (clone, "clones"))
    ]
    assert trees[0] == trees[1]
    assert gitml(*LINE, at=clone.path).code == 0  # origin has it; here there is none yet


@pytest.mark.slow
def test_of_many_at_once_one_begins_the_branch(project: Project) -> None:
    line = [sys.executable, "-m", "gitml", *LINE]
    processes = [
        subprocess.Popen(line, cwd=project.path, stderr=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)
    ]
    ends = [(process.communicate()[1].decode(), process.returncode) for process in processes]
    assert sorted(code for _, code in ends) in ([0, 1, 1], [0, 0, 1], [0, 0, 0])
    assert all("experiments/both exists already" in err for err, code in ends if code)
    assert len(parents(project)) == 2
    assert project.run("git", "fsck", "--strict").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["merge", "run", "store", "commit", "switch", "log"])
def test_killed_at_a_step_and_run_again(project: Project, gitml: Callable[..., Done], step: str, when: str) -> None:
    before = project.state()
    line = (*LINE, "--switch")
    assert project.run("python", "-m", "gitml", *line, GITML_CRASH_AT=f"exp combine:{step}:{when}").code == -9
    is_made = (step, when) == ("commit", "after") or step in ("switch", "log")
    assert (project.run("git", "rev-parse", "-q", "--verify", REF).code == 0) is is_made
    if not is_made:
        assert project.state() == before
    tip = project.run("git", "rev-parse", "-q", "--verify", REF).out
    done = gitml(*line, at=project.path)
    assert done.code == 0, done.err
    assert not is_made or project.git("rev-parse", REF) == tip.strip()
    assert parents(project) == [project.git("rev-parse", f"experiments/{name}") for name in ("lr", "wide")]
    assert project.git("symbolic-ref", "HEAD") == REF and project.git("status", "--porcelain") == ""
    moves = [move for one in oplog.read(project.path) for move in one.moves]
    assert moves == [(REF, None, project.git("rev-parse", REF), False)]
    assert project.run("git", "fsck", "--strict").code == 0
