"""gitml exp sweep on real git and real DVC."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Done, Repo
from .tiny_project import PARAMS, Tiny, began, wait_for

Gitml = Callable[..., Done]
STEPS = ("points", "run", "rank", "store", "commit", "follow", "log", "forget")
SWEEP = ("exp", "sweep", "-n", "widths", "-S", "width=128,256,512", "-j", "2")


@pytest.fixture
def tiny(repo: Repo) -> Tiny:
    return Tiny(repo.path).init()


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    folder = tmp_path / "gate"
    folder.mkdir()
    return folder


def results(tiny: Tiny, branch: str = "widths") -> list[tuple[str, str, str]]:
    """Return subject, tree without the report, and what it says of its parameters, of each commit since main."""
    found = []
    for commit in tiny.git("rev-list", "--reverse", f"main..experiments/{branch}").split("\n"):
        listed = [line for line in tiny.git("ls-tree", "-r", commit).split("\n") if "\treports/" not in line]
        found.append(
            (tiny.git("log", "-1", "--format=%s", commit), "\n".join(listed), tiny.show(commit, "params.yaml"))
        )
    return found


def figures(tiny: Tiny, revision: str) -> float:
    return float(json.loads(tiny.show(revision, "results/metrics.json"))["roc_auc"])


def test_a_grid_is_one_branch_with_a_commit_a_point(tiny: Tiny, gitml: Gitml) -> None:
    tiny.write("README.md", "in all of them\n")
    before = tiny.state()
    words = ("-S", "lr=1e-3,bad", "-S", "width=128,256", "-j", "2", "-m", "wider is better")
    done = gitml("exp", "sweep", "-n", "both", *words, at=tiny.path)
    assert done.code == 0, done.err
    assert tiny.state() == before
    tip = tiny.tip("both")
    best, other = tiny.git("rev-parse", "--short=7", f"{tip}~1"), tiny.git("rev-parse", "--short=7", f"{tip}~2")
    log = next(line for line in done.out.split("\n") if line.startswith("log "))
    assert done.out.split("\n") == [
        f"✓ {tip[:7]} on experiments/both   2 points",
        "   POINT                ROC_AUC  COMMIT",
        f"1  lr 0.001, width 256   0.2560  {best}",
        f"2  lr 0.001, width 128   0.1280  {other}",
        "failed  lr bad, width 128: lr is bad",
        "failed  lr bad, width 256: lr is bad",
        log,
        "report  reports/both/README.md: Conclusions and Next steps are yours",
        f"next    gitml exp start NAME --from {best}",
        "",
    ]
    assert "lr is bad" in Path(log.split("  ", 1)[1].strip()).read_text()
    assert done.err.startswith("4 points, 2 at a time\n") and done.err.endswith("   4/4\n")
    assert tiny.subjects("main..experiments/both") == [
        "lr 0.001, width 128",
        "lr 0.001, width 256",
        "2 points, best lr 0.001, width 256",
    ]
    base = tiny.git("rev-parse", "main")
    assert tiny.message(tip).rstrip().split("\n")[1:] == [
        "",
        "wider is better",
        "",
        "Params: width 128 -> 256",
        "Metrics: roc_auc 0.256",
        "Metrics: loss 1.5",
        f"Best: {tiny.git('rev-parse', tip + '~1')}",
        f"Sweep-Base: {base}",
    ]
    assert [figures(tiny, f"{tip}~{back}") for back in (2, 1, 0)] == [0.128, 0.256, 0.256]
    assert tiny.show(f"{tip}~2", "README.md") == "in all of them\n"
    report = tiny.show(tip, "reports/both/README.md")
    assert "Ranked by `roc_auc`, the highest first." in report and "wider is better" in report
    assert "| 1 | `0.001` | `256` | 0.2560 | 1.5000 |" in report
    assert "| `lr bad, width 128` | lr is bad |" in report
    assert tiny.refs("refs/gitml/sweep") == []


def test_the_best_can_be_gone_on_from_and_the_sweep_undone(tiny: Tiny, gitml: Gitml) -> None:
    assert gitml(*SWEEP, at=tiny.path).code == 0
    best = tiny.git("log", "-1", "--format=%(trailers:key=Best,valueonly,separator=)", "experiments/widths")
    assert gitml("exp", "start", "best", "--from", best[:10], at=tiny.path).code == 0
    assert (tiny.path / "params.yaml").read_text() == PARAMS.replace("128", "512")
    tiny.git("switch", "--quiet", "main")
    for _ in range(2):
        assert gitml("undo", at=tiny.path).code == 0
    assert tiny.refs("refs/heads/experiments") == []


def test_a_killed_sweep_that_is_run_again_runs_only_what_is_left(tiny: Tiny, gate: Path, gitml: Gitml) -> None:
    running = tiny.start(*SWEEP, GATE=str(gate))
    (gate / "go-256").touch()
    wait_for(lambda: began(gate) == ["0.001-128", "0.001-256", "0.001-512"])
    wait_for(lambda: tiny.refs("refs/gitml/sweep"))
    running.kill()
    running.communicate()
    assert tiny.tip("widths") == ""
    assert len(tiny.refs("refs/gitml/sweep")) == 1
    (gate / "go").touch()
    done = gitml(*SWEEP, "--json", at=tiny.path)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["ran"], told["reused"]) == (2, 1)
    assert [point["metrics"]["roc_auc"] for point in told["points"]] == [0.512, 0.256, 0.128]
    assert tiny.subjects("main..experiments/widths") == [
        "width 128",
        "width 256",
        "width 512",
        "3 points, best width 512",
    ]
    assert tiny.refs("refs/gitml/sweep") == []


def test_ctrl_c_keeps_what_is_done(tiny: Tiny, gate: Path) -> None:
    running = tiny.start(*SWEEP[:-1], "1", GATE=str(gate))
    (gate / "go-128").touch()
    wait_for(lambda: began(gate) == ["0.001-128", "0.001-256"])
    wait_for(lambda: tiny.refs("refs/gitml/sweep"))
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "\n1 of 3 points are kept; the same command goes on\n" in err.decode()
    assert tiny.tip("widths") == ""
    (gate / "go").touch()
    done = tiny.gitml(*SWEEP, GATE=str(gate))
    assert done.code == 0, done.err
    assert len(tiny.subjects("main..experiments/widths")) == 4


def test_the_same_again_is_nothing_new_and_more_values_are_added(tiny: Tiny, gitml: Gitml) -> None:
    assert gitml(*SWEEP, at=tiny.path).code == 0
    tip = tiny.tip("widths")
    done = gitml(*SWEEP, at=tiny.path)
    assert done.out.startswith("experiments/widths has these 3 points already; nothing was committed\n")
    assert tiny.tip("widths") == tip
    done = gitml("exp", "sweep", "-n", "widths", "-S", "width=64,256", "--json", at=tiny.path)
    told = json.loads(done.out)
    assert (told["ran"], told["reused"], told["best"]) == (1, 1, tiny.git("rev-parse", "experiments/widths~1"))
    assert [point["params"] for point in told["points"]] == [{"width": width} for width in (64, 512, 256, 128)]
    assert tiny.subjects(f"{tip}..experiments/widths") == ["width 64", "4 points, best width 64"]


def test_words_in_the_report_stay_when_more_is_added(tiny: Tiny, gitml: Gitml) -> None:
    assert gitml("exp", "sweep", "-n", "widths", "-S", "width=128", at=tiny.path).code == 0
    tiny.git("switch", "--quiet", "experiments/widths")
    report = tiny.path / "reports/widths/README.md"
    report.write_text(report.read_text() + "\nWords of mine.\n")
    tiny.commit("experiment: words")
    tiny.git("switch", "--quiet", "main")
    done = gitml("exp", "sweep", "-n", "widths", "-S", "width=128", at=tiny.path)
    assert done.code == 1 and done.err.startswith("gitml: experiments/widths exists already\n")
    tiny.git("switch", "--quiet", "experiments/widths")
    assert gitml("exp", "sweep", "-S", "width=128,256", at=tiny.path).code == 0
    assert "Words of mine." in report.read_text() and "| 1 | `256` |" in report.read_text()
    assert tiny.git("status", "--porcelain") == ""
    tiny.git("switch", "--quiet", "main")
    assert gitml("exp", "sweep", "-n", "widths", "-S", "width=128,256,64", at=tiny.path).code == 0
    assert "Words of mine." in tiny.show("experiments/widths", "reports/widths/README.md")


def test_what_another_experiment_ran_is_not_run_again(tiny: Tiny, gitml: Gitml) -> None:
    assert gitml("exp", "run", "--worktree", "-n", "wide", "-S", "width=256", at=tiny.path).code == 0
    tiny.write("README.md", "newer words\n")
    told = json.loads(gitml(*SWEEP, "--json", at=tiny.path).out)
    assert (told["ran"], told["reused"]) == (2, 1)
    point = next(one["commit"] for one in told["points"] if one["params"] == {"width": 256})
    run = tiny.tip("wide")
    assert f"It has the results of {run[:10]}" in tiny.message(point)
    for path in ("dvc.lock", "results/metrics.json", "params.yaml", ".gitignore"):
        assert tiny.show(point, path) == tiny.show(run, path)
    assert tiny.show(point, "README.md") == "newer words\n"
    told = json.loads(gitml("exp", "sweep", "-n", "again", "-S", "width=256", "--force", "--json", at=tiny.path).out)
    assert (told["ran"], told["reused"]) == (1, 0)


def test_two_values_that_mean_the_same_are_one_point(tiny: Tiny, gitml: Gitml) -> None:
    told = json.loads(gitml("exp", "sweep", "-n", "lrs", "-S", "lr=1e-3,0.001", "--json", at=tiny.path).out)
    assert len(told["points"]) == 1


def test_other_code_is_another_sweep(tiny: Tiny, gitml: Gitml) -> None:
    assert gitml("exp", "sweep", "-n", "widths", "-S", "width=128", at=tiny.path).code == 0
    tip = tiny.tip("widths")
    code = (tiny.path / "train.sh").read_text() + "# changed\n"
    tiny.write("train.sh", code)
    done = gitml("exp", "sweep", "-n", "widths", "-S", "width=128,256", at=tiny.path)
    assert done.code == 1
    assert done.err.split("\n")[0] == "gitml: experiments/widths is a sweep of other code or data than you have here"
    assert tiny.tip("widths") == tip
    tiny.git("checkout", "--quiet", "train.sh")
    tiny.git("switch", "--quiet", "experiments/widths")
    tiny.write("train.sh", code)
    assert gitml("exp", "sweep", "-S", "width=128,256", at=tiny.path).code == 0
    assert tiny.subjects(f"{tip}..experiments/widths") == ["width 128", "width 256", "2 points, best width 256"]
    trailer = "--format=%(trailers:key=Sweep-Base,valueonly,separator=)"
    assert tiny.git("log", "-1", trailer, "experiments/widths") == tip


def test_files_that_nobody_edited_follow_a_sweep_on_the_branch_that_is_checked_out(tiny: Tiny, gate: Path) -> None:
    assert tiny.gitml("exp", "start", "widths", "--objective", "Wider.").code == 0
    running = tiny.start("exp", "sweep", "-S", "width=64,256", GATE=str(gate))
    wait_for(lambda: began(gate))
    tiny.write("params.yaml", PARAMS + "# mine\n")
    report = tiny.path / "reports/widths/README.md"
    report.write_text(report.read_text() + "\nWords of mine.\n")
    (gate / "go").touch()
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert b"edited meanwhile, and left as you have it: params.yaml\n" in out
    assert tiny.git("status", "--porcelain").split("\n") == ["M params.yaml", " M reports/widths/README.md"]
    assert "Words of mine." in report.read_text() and "| 1 | `64` |" in report.read_text()
    assert (tiny.path / "params.yaml").read_text() == PARAMS + "# mine\n"
    assert tiny.show("experiments/widths", "params.yaml") == PARAMS.replace("128", "64")


def test_nothing_is_made_where_all_points_fail(tiny: Tiny, gitml: Gitml) -> None:
    before, refs = tiny.state(), tiny.refs("refs/")
    done = gitml("exp", "sweep", "-n", "bad", "-S", "lr=bad", "-S", "width=1,2", at=tiny.path)
    assert done.code == 1
    assert done.err.split("gitml: ")[1].split("\n")[:4] == [
        "all 2 points of bad failed",
        "  lr bad, width 1: lr is bad" if "lr bad, width 1" in done.err else "  width 1: lr is bad",
        "  lr bad, width 2: lr is bad" if "lr bad, width 2" in done.err else "  width 2: lr is bad",
        "Mend:",
    ]
    assert tiny.state() == before and tiny.refs("refs/") == refs


def test_a_point_that_failed_is_run_by_the_same_command_again(tiny: Tiny, gitml: Gitml, gate: Path) -> None:
    stage = (tiny.path / "train.sh").read_text()
    tiny.commit(**{"train.sh": stage + f'[ "$width" != 256 ] || [ -e {gate}/mended ]\n'})
    assert gitml(*SWEEP, at=tiny.path).code == 0
    assert len(tiny.subjects("main..experiments/widths")) == 3
    (gate / "mended").touch()
    told = json.loads(gitml(*SWEEP, "--json", at=tiny.path).out)
    assert (told["ran"], told["reused"], told["failed"]) == (1, 2, [])
    assert tiny.subjects("main..experiments/widths")[3:] == ["width 256", "3 points, best width 512"]


def test_a_sample_of_the_grid(tiny: Tiny, gitml: Gitml) -> None:
    words = ("exp", "sweep", "-n", "some", "-S", "lr=1,2,3,4", "-S", "width=128,256", "--random", "3", "--dry-run")
    done = gitml(*words, at=tiny.path)
    points = [line for line in done.out.split("\n") if line.startswith("would run lr")]
    assert len(points) == 3 and len(set(points)) == 3
    assert gitml(*words, at=tiny.path).out == done.out
    assert gitml(*words, "--seed", "1", at=tiny.path).out != done.out
    assert tiny.tip("some") == ""


def test_a_dry_run_says_it_all(tiny: Tiny, gitml: Gitml) -> None:
    done = gitml(*SWEEP, "--dry-run", "--json", at=tiny.path)
    assert json.loads(done.out) == [
        "keep your files as they are now, and ask the rules about 3 points, 2 at a time",
        "dvc repro of each, in working trees of their own; done ones are kept",
        "rank what they gave",
        "write reports/widths/README.md, and make a commit a point",
        "commit on experiments/widths",
        "let files that nobody edited follow, where experiments/widths is checked out",
        "write down what was done, for gitml undo",
        "forget what was kept on the way",
        "run width 128",
        "run width 256",
        "run width 512",
    ]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("-n", "a"), "a sweep needs values to go through"),
        (("-n", "a", "-S", "width=1", "-S", "width=2"), "width stands there twice"),
        (("-n", "a", "-S", "nope=1"), "there is no parameter 'nope'"),
        (("-n", "A b", "-S", "width=1"), "'A b' cannot name an experiment"),
        (("-S", "width=1"), "you are on main, and a run is committed on experiments/<name>"),
        (("-n", "taken", "-S", "width=1"), "experiments/taken exists already"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(
    tiny: Tiny, gitml: Gitml, words: tuple[str, ...], what: str
) -> None:
    tiny.git("branch", "experiments/taken")
    refs = tiny.refs("refs/")
    done = gitml("exp", "sweep", *words, at=tiny.path)
    assert done.err.split("\n")[0] == f"gitml: {what}"
    assert done.code in (1, 2) and tiny.refs("refs/") == refs


def test_rules_are_asked_before_anything_runs(tiny: Tiny, gitml: Gitml) -> None:
    tiny.write("gitml.toml", "[files]\nlargest = 100\n")
    tiny.write("train.sh", (tiny.path / "train.sh").read_text() + "# long\n" * 99)
    tiny.git("add", "gitml.toml")
    done = gitml(*SWEEP, at=tiny.path)
    assert done.code != 0 and "points" not in done.err.split("gitml:")[0]
    assert tiny.tip("widths") == ""


def test_one_of_eight_sweeps_gets_a_name_and_seven_say_so(tiny: Tiny, gate: Path) -> None:
    all_ = [tiny.start(*SWEEP, GATE=str(gate)) for _ in range(8)]
    wait_for(lambda: sum(one.poll() is not None for one in all_) == 7)
    (gate / "go").touch()
    told = [one.communicate(timeout=120)[1].decode() for one in all_]
    assert sorted(one.returncode for one in all_) == [0, 1, 1, 1, 1, 1, 1, 1]
    assert sum("experiments/widths is about to be made by another command" in one for one in told) == 7
    assert len(tiny.subjects("main..experiments/widths")) == 4


def test_a_branch_that_moved_meanwhile_is_gone_on_from_by_the_same_command(tiny: Tiny, gate: Path) -> None:
    tiny.git("switch", "--quiet", "--create", "experiments/widths")
    running = tiny.start("exp", "sweep", "-S", "width=64,256", "-j", "2", GATE=str(gate))
    wait_for(lambda: len(began(gate)) == 2)
    tiny.commit("experiment: by hand", **{"README.md": "by hand\n"})
    (gate / "go").touch()
    _, err = running.communicate(timeout=120)
    assert running.returncode == 1 and b"experiments/widths is at" in err
    assert len(tiny.refs("refs/gitml/sweep")) == 2
    done = tiny.gitml("exp", "sweep", "-S", "width=64,256", "--json")
    assert json.loads(done.out)["reused"] == 2
    assert tiny.subjects("main..experiments/widths")[0] == "by hand"
    assert tiny.show("experiments/widths", "README.md") == "by hand\n"


@pytest.fixture
def expected(tiny: Tiny) -> list[tuple[str, str, str]]:
    """What the sweep comes to when nobody kills it."""
    assert tiny.gitml(*SWEEP).code == 0
    told = results(tiny)
    assert tiny.gitml("undo").code == 0
    return told


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_and_run_again_it_is_the_same(
    tiny: Tiny, expected: list[tuple[str, str, str]], step: str, when: str
) -> None:
    before = tiny.state()
    assert tiny.gitml(*SWEEP, GITML_CRASH_AT=f"exp sweep:{step}:{when}").code == -signal.SIGKILL
    assert tiny.git("fsck", "--no-dangling") == ""
    assert tiny.gitml(*SWEEP).code == 0
    assert results(tiny) == expected
    assert tiny.refs("refs/gitml/sweep") == [] and tiny.state() == before
    assert tiny.gitml("undo").code == 0
    assert tiny.tip("widths") == ""
