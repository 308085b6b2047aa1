"""``gitml exp update``: main comes into the experiment, and what that makes stale is run elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.git import lock, oplog

from .conftest import Done, Repo
from .merge_projects import Project, project

__all__ = ["project"]

STEPS = ("merge", "run", "store", "look", "commit", "follow", "data", "log")


def main_moves(project: Project) -> str:
    """Let main get new data code, a new width, and a file; lr is checked out again after it."""
    project.git("switch", "-q", "main")
    content = project.params(width="4")
    commit = project.reproduced(
        "infra: better data", **{"code/prepare": "60\n", "params.yaml": content, "ü b.txt": "x\n"}
    )
    project.git("switch", "-q", "experiments/lr")
    assert project.run("dvc", "checkout", "-q").code == 0
    return commit


def test_main_comes_in_as_one_commit_whose_results_were_made_again(
    project: Project, gitml: Callable[..., Done]
) -> None:
    main, old = main_moves(project), project.git("rev-parse", "HEAD")
    (project.path / "code").mkdir(exist_ok=True)
    done = gitml("exp", "update", "--json", at=project.path / "code")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    new = project.git("rev-parse", "HEAD")
    assert project.git("rev-list", "--parents", "-1", "HEAD").split() == [new, old, main]
    assert project.git("symbolic-ref", "HEAD") == "refs/heads/experiments/lr"
    assert project.message().startswith("experiment: bring main in\n")
    assert project.shown("HEAD", "params.yaml") == project.params(lr="0.5", width="4")
    assert json.loads(project.shown("HEAD", "metrics.json")) == {"auc": 0.654}
    assert told["metrics"] == [{"name": "auc", "old": 0.551, "new": 0.654}]
    assert told["params"] == [{"name": "width", "old": 1, "new": 4}]
    assert told["experiment"] == "lr" and told["commit"] == new and told["report"] == "reports/lr/README.md"
    # prepare is main's run; only train was run, and not here
    assert [one["stage"] for one in told["stages"] if one["does"] == "done"] == ["train"]
    assert project.git("status", "--porcelain") == ""
    assert (project.path / "ü b.txt").read_text() == "x\n"
    assert (project.path / "made.txt").read_text() == "60\n"
    assert "0.6540" in project.shown("HEAD", "reports/lr/README.md")
    assert project.run("git", "fsck", "--strict").code == 0
    last = oplog.read(project.path)[-1]
    assert last.moves == (("refs/heads/experiments/lr", old, new, False),)
    assert gitml("exp", "update", at=project.path) == Done(
        0, "experiments/lr is up to date with main\nnext    gitml exp run\n", ""
    )
    assert gitml("undo", at=project.path).code == 0
    assert project.git("rev-parse", "experiments/lr") == old


def test_a_dry_run_says_all_and_changes_nothing(project: Project, gitml: Callable[..., Done]) -> None:
    main = main_moves(project)
    before, refs = project.state(), project.git("for-each-ref")
    assert gitml("exp", "update", "--dry-run", at=project.path).out == (
        f"would merge main ({main[:10]}) into experiments/lr: width 1 -> 4\n"
        "would run what is stale by dvc repro, in a working tree of its own\n"
        "would write the results into reports/lr/README.md, and make the commit\n"
        "would see that no file was edited meanwhile that would have to follow\n"
        "would commit on experiments/lr, with both as parents\n"
        "would let your files and git's index follow\n"
        "would let DVC put its outs in place\n"
        "would write down what was done, for gitml undo\n"
    )
    assert (project.state(), project.git("for-each-ref"), project.runs) == (before, refs, [])


def test_a_parameter_that_both_changed_is_named_and_set(project: Project, gitml: Callable[..., Done]) -> None:
    project.git("switch", "-q", "main")
    project.commit("infra: lr", **{"params.yaml": project.params(lr="2")})
    project.git("switch", "-q", "experiments/lr")
    before = project.state()
    done = gitml("exp", "update", at=project.path)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "gitml: experiments/lr and main set lr to different values\n"
        "  lr is 0.5 in experiments/lr and 2 in main; it was 1.\n"
        "  Say which value it should be; nothing was changed.\n"
        "Mend:\n"
        "  gitml exp update -S lr=2\n"
    )
    assert project.state() == before and project.runs == []
    assert gitml("exp", "update", "-S", "lr=3", at=project.path).code == 0
    assert project.shown("HEAD", "params.yaml") == project.params(lr="3")


def test_code_that_both_changed_is_named_and_merged_by_hand(project: Project, gitml: Callable[..., Done]) -> None:
    project.commit("experiment: code", **{"code/other": "2\n"})
    project.git("switch", "-q", "main")
    project.reproduced("infra: code", **{"code/other": "3\n", "params.yaml": project.params(rows=9, width="4")})
    project.git("switch", "-q", "experiments/lr")
    done = gitml("exp", "update", at=project.path)
    assert done.code == 1 and done.err.startswith(
        "gitml: experiments/lr and main changed the same lines of code/other\n"
    )
    mend = [line.strip() for line in done.err.partition("Mend:\n")[2].splitlines()]
    assert mend == [
        "git merge main",
        "git checkout --ours -- dvc.lock metrics.json && git add -- dvc.lock metrics.json",
        "git add FILE && git commit   # when the files say what you want",
        "gitml exp run",
    ]
    assert project.run("git", "merge", "main").code == 1
    assert project.run("sh", "-c", mend[1]).code == 0
    project.commit("infra: merge", **{"code/other": "5\n", "params.yaml": project.params(rows=9, lr="0.5", width="4")})
    assert gitml("exp", "run", at=project.path).code == 0
    assert json.loads(project.shown("HEAD", "metrics.json")) == {"auc": 0.554}


@pytest.mark.parametrize("change", ["edited", "staged", "in the way"])
def test_a_tree_that_is_not_clean_is_refused_at_once(project: Project, gitml: Callable[..., Done], change: str) -> None:
    main_moves(project)
    project.write("ü b.txt" if change == "in the way" else "code/other", "mine\n")
    if change == "staged":
        project.git("add", "code/other")
    before = project.state()
    done = gitml("exp", "update", at=project.path)
    assert done.code == 1 and done.err.startswith("gitml: files here are changed"), done.err
    assert ("ü b.txt" in done.err) is (change == "in the way")
    assert project.state() == before and project.runs == []


def test_other_untracked_files_do_not_matter(project: Project, gitml: Callable[..., Done]) -> None:
    main_moves(project)
    project.write("notes", "mine\n")
    assert gitml("exp", "update", at=project.path).code == 0
    assert project.git("status", "--porcelain") == "?? notes"


def test_a_failing_stage_leaves_everything_as_it_was(project: Project, gitml: Callable[..., Done]) -> None:
    project.git("switch", "-q", "main")
    project.commit("infra: broken", **{"code/prepare": "no number\n"})
    project.git("switch", "-q", "experiments/lr")
    before, refs = project.state(), project.git("for-each-ref")
    done = gitml("exp", "update", at=project.path)
    assert done.code == 1 and "the stage train failed" in done.err
    assert (project.state(), project.git("for-each-ref")) == (before, refs)


@pytest.mark.parametrize("where", ["main", "detached"])
def test_only_an_experiment_can_be_updated(project: Project, gitml: Callable[..., Done], where: str) -> None:
    project.git("switch", "-q", *(["main"] if where == "main" else ["--detach", "main"]))
    done = gitml("exp", "update", at=project.path)
    assert done.code == 1 and done.err.startswith(
        f"gitml: you are on {'main' if where == 'main' else 'no branch'}, and a run is committed on"
    )


def test_in_a_linked_worktree(project: Project, gitml: Callable[..., Done], tmp_path: Path) -> None:
    main_moves(project)
    project.git("worktree", "add", "-q", str(tmp_path / "linked"), "experiments/wide")
    linked = Repo(tmp_path / "linked")
    before = project.state()
    done = gitml("exp", "update", "-S", "width=20", at=linked.path)
    assert done.code == 0, done.err
    assert linked.git("status", "--porcelain") == "" and project.state() == before
    assert json.loads((linked.path / "metrics.json").read_text()) == {"auc": 0.72}


def test_a_clone_without_main_takes_origins(project: Project, gitml: Callable[..., Done], tmp_path: Path) -> None:
    main_moves(project)
    project.git("clone", "-q", "--branch", "experiments/lr", str(project.path), str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    done = gitml("exp", "update", "--dry-run", at=clone.path)
    assert done.code == 0 and done.out.startswith("would merge origin/main (")
    clone.git("branch", "main", "origin/main~1")
    done = gitml("exp", "update", at=clone.path)
    assert done.out == "experiments/lr is up to date with main\nnext    gitml exp run\n"
    assert done.err == "origin/main has commits that main has not (--from origin/main brings them in)\n"


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_and_run_again(project: Project, gitml: Callable[..., Done], step: str, when: str) -> None:
    main, old = main_moves(project), project.git("rev-parse", "HEAD")
    before = project.state()
    line = ("python", "-m", "gitml", "exp", "update")
    killed = project.run(*line, GITML_CRASH_AT=f"exp update:{step}:{when}")
    assert killed.code == -9
    is_moved = project.git("rev-parse", "HEAD") != old
    assert is_moved is ((step, when) == ("commit", "after") or step in ("follow", "data", "log"))
    if not is_moved:
        assert project.state() == before
    elif (step, when) != ("log", "after"):
        refused = gitml("exp", "run", at=project.path)  # it would take the update back
        assert refused.code == 3 and "gitml exp update" in refused.err
    done = gitml("exp", "update", at=project.path)
    assert done.code == 0, done.err
    new = project.git("rev-parse", "HEAD")
    assert project.git("rev-list", "--parents", "-1", "HEAD").split() == [new, old, main]
    assert project.git("status", "--porcelain") == "" and (project.path / "ü b.txt").exists()
    assert json.loads((project.path / "metrics.json").read_text()) == {"auc": 0.654}
    assert (project.path / "made.txt").read_text() == "60\n"
    moves = [move for one in oplog.read(project.path) for move in one.moves]
    assert moves == [("refs/heads/experiments/lr", old, new, False)]
    assert project.run("git", "fsck", "--strict").code == 0
    assert gitml("exp", "update", at=project.path).out.startswith("experiments/lr is up to date")


def with_data(project: Project) -> None:
    """Let main read data that a .dvc file tracks."""
    project.git("switch", "-q", "main")
    project.write("sub folder/raw.csv", "1\n")
    assert project.run("dvc", "add", "-q", "sub folder/raw.csv").code == 0
    pipeline = (project.path / "dvc.yaml").read_text().replace("[code/prepare]", "[code/prepare, sub folder]")
    project.reproduced("infra: data", **{"dvc.yaml": pipeline, "code/prepare": "60\n"})
    project.git("switch", "-q", "experiments/lr")


def test_data_that_dvc_tracks_is_there_where_it_runs_and_here(project: Project, gitml: Callable[..., Done]) -> None:
    with_data(project)
    (project.path / "sub folder/raw.csv").unlink()
    done = gitml("exp", "update", at=project.path)
    assert done.code == 0, done.err
    assert (project.path / "sub folder/raw.csv").read_text() == "1\n"
    assert project.run("dvc", "status", "-q").code == 0
    project.git("switch", "-q", "main")
    project.write("sub folder/raw.csv", "2\n")
    project.run("dvc", "add", "-q", "sub folder/raw.csv")
    project.reproduced("infra: other data")
    project.git("switch", "-q", "experiments/lr")
    assert gitml("exp", "update", at=project.path).code == 0
    assert (project.path / "sub folder/raw.csv").read_text() == "2\n"


def test_data_that_is_nowhere_is_named(project: Project, gitml: Callable[..., Done]) -> None:
    with_data(project)
    for file in (project.path / ".dvc/cache/files/md5").glob("b0/*"):  # of "1"
        file.unlink()
    refs = project.git("for-each-ref")
    done = gitml("exp", "update", at=project.path)
    assert done.code == 1 and "the data of sub folder/raw.csv.dvc cannot be put in place" in done.err, done.err
    assert project.git("for-each-ref") == refs


def test_one_command_at_a_time_moves_a_working_tree(project: Project, gitml: Callable[..., Done]) -> None:
    main_moves(project)
    (project.path / ".git/gitml").mkdir(exist_ok=True)
    held = lock.try_to_take(project.path / ".git/gitml/run.lock")
    assert held is not None
    done = gitml("exp", "update", at=project.path)
    held.give_back()
    assert done.code == 1 and "\ngitml: a run is under way in this working tree\n" in done.err


def test_without_an_identity_nothing_is_run(project: Project, gitml: Callable[..., Done], home: Path) -> None:
    main_moves(project)
    (home / ".gitconfig").unlink()
    done = gitml("exp", "update", at=project.path)
    assert done.code == 3 and done.err.startswith("gitml: git does not know who commits") and project.runs == []
    done = gitml("exp", "combine", "lr", "wide", "-n", "both", at=project.path)
    assert done.code == 3 and done.err.startswith("gitml: git does not know who commits") and project.runs == []


def test_a_file_that_is_edited_while_it_runs_stops_the_update(project: Project, gitml: Callable[..., Done]) -> None:
    main_moves(project)
    project.git("switch", "-q", "main")
    text = (
        (project.path / "dvc.yaml")
        .read_text()
        .replace("echo train >>", "echo x >> ../../../../code/other; echo train >>")
    )
    project.commit("infra: a stage that edits the user's file", **{"dvc.yaml": text})
    project.git("switch", "-q", "experiments/lr")
    old = project.git("rev-parse", "HEAD")
    done = gitml("exp", "update", at=project.path)
    assert done.code == 1 and "gitml: files here are changed\n" in done.err, done.err
    assert project.git("rev-parse", "HEAD") == old and (project.path / "code/other").read_text() == "1\nx\n"


def test_no_main_anywhere(project: Project, gitml: Callable[..., Done]) -> None:
    project.git("branch", "-m", "main", "trunk")
    done = gitml("exp", "update", at=project.path)
    assert done.code == 2 and "'main' names no commit here" in done.err
    assert gitml("exp", "update", "--from", "trunk", at=project.path).out.startswith(
        "experiments/lr is up to date with trunk"
    )


def test_two_clones_update_one_experiment_and_the_second_sees_the_first(
    project: Project, gitml: Callable[..., Done], tmp_path: Path
) -> None:
    main_moves(project)
    project.git("clone", "-q", "--bare", str(project.path), str(tmp_path / "server.git"))
    clones = []
    for name in ("ada", "bob"):
        project.git("clone", "-q", "--branch", "experiments/lr", str(tmp_path / "server.git"), str(tmp_path / name))
        clones.append(Repo(tmp_path / name))
        assert gitml("exp", "update", at=clones[-1].path).code == 0
    ada, bob = clones
    assert ada.git("rev-parse", "HEAD^{tree}:metrics.json") == bob.git("rev-parse", "HEAD^{tree}:metrics.json")
    ada.git("push", "-q")
    assert bob.run("git", "push", "-q").code == 1
    bob.git("fetch", "-q")
    done = gitml("exp", "update", "--from", "origin/experiments/lr", at=bob.path)
    assert done.code == 0, done.err
    bob.git("push", "-q")
    assert bob.git("status", "--porcelain") == ""
