"""`gitml exp run` in place, by the contract: what is committed, and what happens to everybody's files."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable

import pytest

from .conftest import Done
from .tiny_projects import HOLD, Project, fresh, project

__all__ = ["fresh", "project"]

Gitml = Callable[..., Done]


def trailers(project: Project, commit: str = "HEAD") -> list[str]:
    """Return a commit's message without what differs from run to run."""
    text = project.message(commit)
    return re.sub(r"(Run-Id|Inputs): \S+", r"\1: …", text).rstrip().split("\n")


def test_a_run_begins_a_branch_with_code_parameters_results_and_report(project: Project, gitml: Gitml) -> None:
    base = project.git("rev-parse", "main")
    done = gitml("exp", "run", "-n", "lower-lr", "-S", "lr=3e-4", "-m", "1e-3 overshoots", at=project.path)
    commit = project.git("rev-parse", "experiments/lower-lr")
    assert (done.code, re.sub(r"\d:\d\d", "0:00", done.err)) == (
        0,
        "train.lr 0.001 -> 0.0003   on new branch experiments/lower-lr\n"
        "  ✓ data             unchanged\n"
        "  ✓ train            0:00\n",
    )
    assert re.sub(r"\d:\d\d", "0:00", done.out) == (
        f"✓ {commit[:7]} on experiments/lower-lr   0:00\n"
        "            now  parent  change\n"
        "roc_auc  0.7003  0.7010  -0.0007  lower\n"
        "report  reports/lower-lr/README.md: Conclusions and Next steps are yours\n"
        "next    gitml report edit, then gitml exp finish\n"
    )
    assert trailers(project) == [
        "experiment: train.lr 0.001 -> 0.0003",
        "",
        "1e-3 overshoots",
        "",
        "Params: train.lr 0.001 -> 0.0003",
        "Metrics: roc_auc 0.701 -> 0.7003 (-0.0007)",
        "Run-Id: …",
        "Inputs: …",
    ]
    assert project.git("symbolic-ref", "HEAD") == "refs/heads/experiments/lower-lr"
    assert project.git("rev-parse", "HEAD^", "main").split("\n") == [base, base]
    changed = project.git("diff", "--name-only", "main", "HEAD").split("\n")
    assert changed == ["dvc.lock", "params.yaml", "reports/lower-lr/README.md", "results/train/metrics.json"]
    assert project.shows("params.yaml") == project.shows("params.yaml", "main").replace("1e-3", "3e-4")
    assert "1e-3 overshoots" in project.shows("reports/lower-lr/README.md")
    assert project.status() == ""
    assert project.run(sys.executable, "-m", "dvc", "status", "--quiet").code == 0
    assert project.is_sound()


def test_a_run_goes_on_where_its_branch_is_checked_out(project: Project, gitml: Gitml) -> None:
    gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4", at=project.path)
    project.change("stages/train.sh", "0.7 +", "0.8 +")
    done = gitml("exp", "run", "--json", at=project.path)
    told = json.loads(done.out)
    assert told.pop("seconds") > 0
    assert told.pop("comparisons")[0]["changes"][0]["before"] == 0.7003
    assert told == {
        "experiment": "lr",
        "commit": project.git("rev-parse", "HEAD"),
        "is_new_branch": False,
        "params": [],
        "metrics": [{"name": "roc_auc", "old": 0.7003, "new": 0.8003}],
        "stages": [{"stage": "data", "does": "unchanged"}, {"stage": "train", "does": "done"}],
        "edited": [],
        "report": "reports/lr/README.md",
        "missing": ["Hypothesis", "Conclusions", "Next steps"],
    }
    assert project.git("rev-list", "--count", "main..HEAD") == "2"
    assert project.status() == ""
    again = gitml("exp", "run", at=project.path)
    assert again.code == 0
    assert again.out.startswith("experiments/lr has this run already; nothing was committed\n")
    assert project.git("rev-parse", "HEAD") == told["commit"]


def test_the_first_run_of_a_repository_needs_no_lock(fresh: Project, gitml: Gitml) -> None:
    done = gitml("exp", "run", "-n", "first", at=fresh.path)
    assert done.code == 0, done.err
    assert fresh.status() == ""
    assert set(fresh.listed("HEAD")) - set(fresh.listed("main")) == {
        "dvc.lock",
        "models/.gitignore",
        "reports/first/README.md",
        "results/train/metrics.json",
        "results/train/plots/loss.csv",
    }
    assert trailers(fresh)[0] == "experiment: train.lr 0.001, train.depth 3, seed 7" or trailers(fresh)[0] == (
        "experiment: run"
    )


def test_what_is_edited_while_it_runs_is_not_committed_and_is_named(project: Project, gitml: Gitml) -> None:
    project.write("stages/train.sh", HOLD + (project.path / "stages/train.sh").read_text())
    project.hold()
    process = project.start_gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4")
    project.wait_until_held()
    committed = (project.path / "stages/data.sh").read_text()
    project.change("stages/data.sh", "1 2 3", "4 5 6")
    project.change("params.yaml", "seed: 7", "seed: 8")
    project.write("reports/lr/README.md", "# mine\n\n## Objective\n\nWritten meanwhile.\n")
    project.write("stages/new.py", "new")
    project.let_go()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "edited meanwhile, and not in the commit: params.yaml, stages/data.sh\n" in out
    assert project.shows("stages/data.sh") == committed
    assert "seed: 7" in project.shows("params.yaml")
    assert project.status() == (" M params.yaml\n M reports/lr/README.md\n M stages/data.sh\n?? stages/new.py\n")
    assert "seed: 8" in (project.path / "params.yaml").read_text()
    assert "Written meanwhile." in (project.path / "reports/lr/README.md").read_text()
    assert "Written meanwhile." not in project.shows("reports/lr/README.md")


def test_untracked_files_are_taken_only_where_something_covers_them(project: Project, gitml: Gitml) -> None:
    for name in ("stages/warm.py", "notes.txt", "extra/one.csv", "extra/two.txt", "reports/lr/draft.md", "odd \udce9"):
        project.write(name, "new")
    project.write("notes", "ignored")
    done = gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4", "--include", "extra/*.csv", at=project.path)
    assert "also commits 3 untracked files: extra/one.csv, reports/lr/draft.md, stages/warm.py\n" in done.err
    assert "leaves out extra/two.txt, notes.txt, odd \\udce9 (--include takes them)\n" in done.err
    added = project.run("git", "diff", "--name-only", "--diff-filter=A", "main", "HEAD").out.split("\n")
    assert added == ["extra/one.csv", "reports/lr/README.md", "reports/lr/draft.md", "stages/warm.py", ""]
    assert project.status() == '?? extra/two.txt\n?? notes.txt\n?? "odd \\351"\n'


def test_a_dirty_tree_is_the_run_and_other_staged_content_is_kept(project: Project, gitml: Gitml) -> None:
    project.commit("infra: more", **{f"f/{name}": f"{name}\n" * 20 for name in ("a", "b", "c", "d")})
    project.write("f/a", "staged")
    project.git("add", "f/a")
    project.write("f/a", "partly")
    (project.path / "f/b").unlink()
    project.git("mv", "f/c", "f/renamed")
    project.write("f/d", "changed")
    project.write("f/new", "new")
    project.git("add", "f/new")
    done = gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4", at=project.path)
    assert done.code == 0, done.err
    assert project.git("diff", "--name-status", "--no-renames", "main", "HEAD", "--", "f").split("\n") == [
        "M\tf/a",
        "D\tf/b",
        "D\tf/c",
        "M\tf/d",
        "A\tf/new",
        "A\tf/renamed",
    ]
    assert project.shows("f/a") == "partly"
    assert "still staged as you left it: f/a" in done.out
    assert project.run("git", "show", ":f/a").out == "staged"
    assert project.status() == "MM f/a\n"


@pytest.mark.parametrize("is_run", [True, False])
def test_after_a_failure_everything_is_as_before(is_run: bool, request: pytest.FixtureRequest, gitml: Gitml) -> None:
    project: Project = request.getfixturevalue("project" if is_run else "fresh")
    project.write("stages/train.sh", "rm -rf results models/model\nmkdir -p results/train/plots/x\nexit 7\n")
    project.commit("infra: a stage that fails")
    project.write("results/mine.txt", "mine")
    project.write("results/train/plots/loose.csv", "mine, too")
    before, refs = project.files(), project.git("for-each-ref")
    done = gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4", at=project.path)
    assert done.code == 1
    assert "gitml: the stage train failed (exit status" in done.err
    # what the stage does to files that it does not declare is its own affair; only results/mine.txt is such a one
    before.pop("results/mine.txt")
    after = project.files()
    if not is_run:
        for name in ("data/rows", ".gitignore"):
            after.pop(name, None), before.pop(name, None)
    assert after == before
    assert project.git("for-each-ref") == refs
    assert project.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert not (project.path / ".git/gitml/before").exists()


def test_results_that_nobody_has_committed_survive_a_failure(project: Project, gitml: Gitml) -> None:
    project.git("rm", "--quiet", "--cached", "dvc.lock", "results/train/metrics.json")
    project.git("commit", "--quiet", "-m", "infra: forget results")
    project.write("results/train/metrics.json", '{"roc_auc": 0.5}')
    project.change("stages/train.sh", "mkdir", "exit 1 #")
    before, status = project.files(), project.status()
    assert gitml("exp", "run", "-n", "lr", at=project.path).code == 1
    assert (project.files(), project.status()) == (before, status)


def test_a_parameter_that_was_edited_while_a_run_failed_keeps_the_edit(project: Project) -> None:
    project.write("stages/train.sh", HOLD + "exit 1\n")
    project.hold()
    process = project.start_gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4")
    project.wait_until_held()
    project.change("params.yaml", "unused: 1", "unused: 2")
    project.let_go()
    assert process.communicate(timeout=120)[0] == ""
    assert process.returncode == 1
    text = (project.path / "params.yaml").read_text()
    assert text == project.shows("params.yaml").replace("unused: 1", "unused: 2")


def test_a_parameter_line_that_was_edited_too_is_left_and_named(project: Project) -> None:
    project.write("stages/train.sh", HOLD + "exit 1\n")
    project.hold()
    process = project.start_gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4")
    project.wait_until_held()
    project.change("params.yaml", "3e-4", "5e-4")
    project.let_go()
    err = process.communicate(timeout=120)[1]
    assert "not put back, because it was edited meanwhile: params.yaml\n" in err
    assert "5e-4" in (project.path / "params.yaml").read_text()


def test_a_stage_that_writes_a_tracked_file_which_is_no_out(project: Project, gitml: Gitml) -> None:
    project.commit("infra: a log", **{"log.txt": "empty\n"})
    project.change("stages/train.sh", "mkdir", "echo ran > log.txt\nmkdir")
    done = gitml("exp", "run", "-n", "lr", at=project.path)
    assert "edited meanwhile, and not in the commit: log.txt\n" in done.out
    assert project.shows("log.txt") == "empty\n"
    assert project.status() == " M log.txt\n"


def test_a_dry_run_changes_nothing(project: Project, gitml: Gitml) -> None:
    before, refs = project.files(), project.git("for-each-ref")
    done = gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4", "--dry-run", at=project.path)
    assert done == Done(
        0,
        "would set train.lr 0.001 -> 0.0003\n"
        "would keep your files as they are now, and ask the rules\n"
        "would dvc repro\n"
        "would take what the stages wrote\n"
        "would write the results into reports/lr/README.md, and make the commit\n"
        "would commit on a new branch experiments/lr\n"
        "would be on experiments/lr\n"
        "would let git's index follow\n"
        "would write down what was done, for gitml undo\n",
        "",
    )
    assert (project.files(), project.git("for-each-ref")) == (before, refs)


def test_a_run_can_be_undone(project: Project, gitml: Gitml) -> None:
    gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4", at=project.path)
    files = project.files()
    assert gitml("undo", at=project.path).code == 0
    assert project.refs() == ["main"]
    assert project.files() == files


def test_a_hypothesis_of_a_run_is_in_the_file_too(project: Project, gitml: Callable) -> None:
    assert gitml("exp", "start", "lr", at=project.path).code == 0
    assert gitml("exp", "run", "-S", "lr=3e-4", "-m", "smaller steps find more", at=project.path).code == 0
    assert "smaller steps find more" in (project.path / "reports/lr/README.md").read_text()
    assert project.status() == ""
