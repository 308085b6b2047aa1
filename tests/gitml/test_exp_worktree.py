"""gitml exp run --worktree on real git and real DVC."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Done, Repo
from .tiny_project import PARAMS, Tiny, began, wait_for

Gitml = Callable[..., Done]
STEPS = ("snapshot", "run", "collect", "store", "commit", "follow", "log")


@pytest.fixture
def tiny(repo: Repo) -> Tiny:
    return Tiny(repo.path).init()


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    folder = tmp_path / "gate"
    folder.mkdir()
    return folder


def test_a_new_experiment_leaves_the_tree_alone(tiny: Tiny, gitml: Gitml) -> None:
    tiny.write("README.md", "other words\n")
    tiny.write("stages/new.py", "x = 1\n")
    tiny.write("notes", "mine\n")
    before = tiny.state()
    done = gitml("exp", "run", "--worktree", "-n", "wide", "-S", "width=256", "-m", "wider is better", at=tiny.path)
    assert done.code == 0, done.err
    commit = tiny.tip("wide")
    assert done.out.split("\n")[0].startswith(f"✓ {commit[:7]} on experiments/wide")
    assert done.out.endswith("\nnext    gitml exp show wide\n")
    assert done.err.split("\n") == [
        "width 128 -> 256   on new branch experiments/wide",
        "also commits 1 untracked file: stages/new.py",
        "leaves out notes (--include takes them)",
        "  wide: ✓ train            0:00",
        "",
    ]
    assert tiny.state() == before
    assert tiny.show(commit, "params.yaml") == PARAMS.replace("128", "256")
    assert json.loads(tiny.show(commit, "results/metrics.json")) == {"roc_auc": 0.256, "loss": 1.5}
    assert tiny.show(commit, "README.md") == "other words\n"
    assert tiny.show(commit, "stages/new.py") == "x = 1\n"
    assert tiny.show(commit, "notes") == ""
    assert "wider is better" in tiny.show(commit, "reports/wide/README.md")
    assert tiny.subjects("main..experiments/wide") == ["width 128 -> 256"]
    assert gitml("undo", at=tiny.path).code == 0
    assert tiny.tip("wide") == ""
    assert tiny.state() == before


def test_a_dry_run_says_it_all_and_does_nothing(tiny: Tiny, gitml: Gitml) -> None:
    before = tiny.state()
    done = gitml("exp", "run", "--worktree", "-n", "wide", "-S", "width=256", "--dry-run", at=tiny.path)
    assert done.out.split("\n") == [
        "would keep your files as they are now; set width 128 -> 256; ask the rules",
        "would dvc repro in a working tree of its own",
        "would take what the stages wrote",
        "would write the results into reports/wide/README.md, and make the commit",
        "would commit on a new branch experiments/wide",
        "would let files that nobody edited follow, where experiments/wide is checked out",
        "would write down what was done, for gitml undo",
        "",
    ]
    assert tiny.tip("wide") == "" and tiny.state() == before


def test_files_of_the_branch_that_is_checked_out_follow(tiny: Tiny, gitml: Gitml, gate: Path) -> None:
    tiny.git("switch", "--quiet", "--create", "experiments/lr")
    tiny.write("README.md", "in the run\n")
    running = tiny.start("exp", "run", "--worktree", "-S", "width=256", GATE=str(gate))
    wait_for(lambda: began(gate))
    tiny.write("README.md", "edited meanwhile\n")
    tiny.write("reports/lr/README.md", "# Mine\n\n## Conclusions\n\nWritten while it ran.\n")
    (gate / "go").touch()
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert b"edited meanwhile, and not in the commit: README.md\n" in out
    assert tiny.git("status", "--porcelain").split("\n") == ["M README.md", " M reports/lr/README.md"]
    assert (tiny.path / "params.yaml").read_text() == PARAMS.replace("128", "256")
    assert json.loads((tiny.path / "results/metrics.json").read_text())["roc_auc"] == 0.256
    report = (tiny.path / "reports/lr/README.md").read_text()
    assert "Written while it ran." in report and "`roc_auc`" in report
    assert (tiny.path / "README.md").read_text() == "edited meanwhile\n"
    assert tiny.show("experiments/lr", "README.md") == "in the run\n"


def test_the_same_again_is_nothing_new(tiny: Tiny, gitml: Gitml) -> None:
    tiny.git("switch", "--quiet", "--create", "experiments/lr")
    assert gitml("exp", "run", "--worktree", at=tiny.path).code == 0
    tip = tiny.tip("lr")
    done = gitml("exp", "run", "--worktree", at=tiny.path)
    assert done.out.startswith("experiments/lr has this run already; nothing was committed\n")
    assert tiny.tip("lr") == tip


def test_two_at_once_on_one_branch_are_two_commits(tiny: Tiny, gate: Path) -> None:
    tiny.git("switch", "--quiet", "--create", "experiments/lr")
    words = ("exp", "run", "--worktree", "-S")
    both = [tiny.start(*words, f"width={width}", GATE=str(gate)) for width in (256, 512)]
    wait_for(lambda: began(gate) == ["0.001-256", "0.001-512"])
    (gate / "go").touch()
    for one in both:
        assert one.communicate(timeout=120)[0] and one.returncode == 0
    subjects = tiny.subjects("main..experiments/lr")
    assert subjects in (
        ["width 128 -> 256", "width 256 -> 512"],
        ["width 128 -> 512", "width 512 -> 256"],
    )
    assert tiny.git("status", "--porcelain") == ""
    for commit in ("experiments/lr", "experiments/lr~1"):
        width = tiny.show(commit, "params.yaml").split("\n")[1].removeprefix("width: ")
        assert json.loads(tiny.show(commit, "results/metrics.json"))["roc_auc"] == float(f"0.{width}")
    assert tiny.show("experiments/lr", "reports/lr/README.md").count("## Objective") == 1


def test_a_run_that_its_branch_cannot_take_is_kept(tiny: Tiny, gate: Path) -> None:
    tiny.git("switch", "--quiet", "--create", "experiments/lr")
    running = tiny.start("exp", "run", "--worktree", "-S", "width=256", GATE=str(gate))
    wait_for(lambda: began(gate))
    tiny.commit("experiment: by hand", **{"README.md": "by hand\n"})
    by_hand = tiny.tip("lr")
    (gate / "go").touch()
    _, err = running.communicate(timeout=120)
    (lost,) = tiny.refs("refs/gitml/lost")
    kept = tiny.git("rev-parse", lost)
    assert running.returncode == 1
    assert err.decode().split("gitml: ")[1].split("\n") == [
        "experiments/lr was moved while this ran, and cannot take the run",
        f"  It has {by_hand[:7]}, which no run made. The run is not lost: it is {kept[:10]}, kept",
        f"  as {lost}.",
        "Mend:",
        f"  git branch experiments/lr-2 {kept[:10]}",
        f"  git update-ref -d {lost}   # once it is not needed",
        "",
    ]
    assert tiny.tip("lr") == by_hand
    assert tiny.git("status", "--porcelain") == ""
    assert json.loads(tiny.show(kept, "results/metrics.json"))["roc_auc"] == 0.256


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("reset", "--quiet", "--hard", "HEAD~1"), "It was reset."),
        (("switch", "--quiet", "main"), "It was deleted."),
    ],
)
def test_a_branch_that_was_reset_or_deleted_takes_no_run(
    tiny: Tiny, gate: Path, words: tuple[str, ...], why: str
) -> None:
    tiny.git("switch", "--quiet", "--create", "experiments/lr")
    tiny.commit("experiment: one more", more="1")
    running = tiny.start("exp", "run", "--worktree", "-S", "width=256", GATE=str(gate))
    wait_for(lambda: began(gate))
    tiny.git(*words)
    if words[0] == "switch":
        tiny.git("branch", "--quiet", "-D", "experiments/lr")
    (gate / "go").touch()
    _, err = running.communicate(timeout=120)
    assert running.returncode == 1
    assert why in err.decode()
    assert len(tiny.refs("refs/gitml/lost")) == 1


def test_a_run_behind_a_run_of_other_code_is_kept(tiny: Tiny, gate: Path) -> None:
    tiny.git("switch", "--quiet", "--create", "experiments/lr")
    running = tiny.start("exp", "run", "--worktree", "-S", "width=256", GATE=str(gate))
    wait_for(lambda: began(gate))
    tiny.write("train.sh", (tiny.path / "train.sh").read_text() + "# changed\n")
    assert tiny.gitml("exp", "run", "--worktree", "-S", "width=512").code == 0
    (gate / "go").touch()
    _, err = running.communicate(timeout=120)
    assert "A run there has another train.sh." in err.decode()
    assert tiny.subjects("main..experiments/lr") == ["width 128 -> 512"]
    assert len(tiny.refs("refs/gitml/lost")) == 1


def test_words_that_two_people_wrote_into_one_report_are_not_merged(tiny: Tiny, gate: Path) -> None:
    tiny.git("switch", "--quiet", "--create", "experiments/lr")
    assert tiny.gitml("exp", "run", "--worktree").code == 0
    report = tiny.path / "reports/lr/README.md"
    begun = report.read_text()
    report.write_text(begun + "\nFrom the first.\n")
    running = tiny.start("exp", "run", "--worktree", "-S", "width=256", GATE=str(gate))
    wait_for(lambda: began(gate))
    report.write_text(begun + "\nFrom the second.\n")
    assert tiny.gitml("exp", "run", "--worktree", "-S", "width=512").code == 0
    (gate / "go").touch()
    _, err = running.communicate(timeout=120)
    assert "Both have other words in reports/lr/README.md." in err.decode()
    (lost,) = tiny.refs("refs/gitml/lost")
    assert "From the first." in tiny.show(lost, "reports/lr/README.md")
    assert "From the second." in report.read_text()


def test_one_of_eight_gets_a_name_and_seven_say_so(tiny: Tiny, gate: Path) -> None:
    words = ("exp", "run", "--worktree", "-n", "one", "-S")
    all_ = [tiny.start(*words, f"width={number}", GATE=str(gate)) for number in range(201, 209)]
    wait_for(lambda: sum(one.poll() is not None for one in all_) == 7)
    (gate / "go").touch()
    told = [one.communicate(timeout=120)[1].decode() for one in all_]
    assert sorted(one.returncode for one in all_) == [0, 1, 1, 1, 1, 1, 1, 1]
    assert sum("experiments/one is about to be made by another command" in one for one in told) == 7
    assert len(tiny.subjects("main..experiments/one")) == 1
    assert tiny.git("status", "--porcelain") == ""


def test_a_name_that_another_tool_took_meanwhile_loses_no_run(tiny: Tiny, gate: Path) -> None:
    running = tiny.start("exp", "run", "--worktree", "-n", "one", "-S", "width=256", GATE=str(gate))
    wait_for(lambda: began(gate))
    tiny.git("branch", "experiments/one")
    (gate / "go").touch()
    _, err = running.communicate(timeout=120)
    assert running.returncode == 1
    assert "Another command made it." in err.decode()
    (lost,) = tiny.refs("refs/gitml/lost")
    assert json.loads(tiny.show(lost, "results/metrics.json"))["roc_auc"] == 0.256
    assert tiny.gitml("exp", "run", "--worktree", "-n", "one").err.startswith("gitml: experiments/one exists already\n")


def test_a_stage_that_fails_changes_nothing(tiny: Tiny, gitml: Gitml) -> None:
    before, refs = tiny.state(), tiny.refs("refs/")
    done = gitml("exp", "run", "--worktree", "-n", "bad", "-S", "lr=bad", at=tiny.path)
    assert done.code == 1
    assert "the stage train failed" in done.err and "lr is bad" in done.err
    assert tiny.state() == before and tiny.refs("refs/") == refs


def test_ctrl_c_ends_it_and_changes_nothing(tiny: Tiny, gate: Path) -> None:
    before = tiny.state()
    running = tiny.start("exp", "run", "--worktree", "-n", "one", GATE=str(gate))
    wait_for(lambda: began(gate))
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=120)
    assert running.returncode == 130
    assert tiny.state() == before and tiny.tip("one") == ""


def test_results_are_the_commit_s_while_dvc_is_at_work_here(tiny: Tiny, gate: Path) -> None:
    """Of a file that a stage is about to write nobody knows whether it is whole."""
    tiny.git("switch", "--quiet", "--create", "experiments/lr")
    assert tiny.gitml("exp", "run", "--worktree").code == 0
    tiny.write("params.yaml", PARAMS.replace("128", "64"))
    here = tiny.start("exp", "run", GATE=str(gate))
    wait_for(lambda: began(gate))
    done = tiny.gitml("exp", "run", "--worktree", "-n", "beside", "-S", "lr=0.5")
    assert done.code == 0, done.err
    assert tiny.show("experiments/beside", "params.yaml") == PARAMS.replace("128", "64").replace("0.001", "0.5")
    assert "deleted" not in tiny.git("show", "--stat", "--summary", "experiments/beside")
    (gate / "go").touch()
    here.communicate(timeout=120)
    assert here.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_and_run_again_it_is_the_same(tiny: Tiny, step: str, when: str) -> None:
    tiny.git("switch", "--quiet", "--create", "experiments/lr")
    tiny.write("README.md", "in the run\n")
    words = ("exp", "run", "--worktree", "-S", "width=256")
    assert tiny.gitml(*words, GITML_CRASH_AT=f"exp run:{step}:{when}").code == -signal.SIGKILL
    assert tiny.git("fsck", "--no-dangling") == ""
    done = tiny.gitml(*words)
    assert done.code == 0, done.err
    assert tiny.git("status", "--porcelain") == ""
    assert tiny.subjects("main..experiments/lr") == ["width 128 -> 256"]
    assert tiny.show("experiments/lr", "README.md") == "in the run\n"
    assert (tiny.path / "params.yaml").read_text() == PARAMS.replace("128", "256")
