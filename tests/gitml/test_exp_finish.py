"""Ending an experiment."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.git import oplog
from gitml.git.oplog import not_undone
from gitml.git.refs import list_refs

from .conftest import ROOT, Repo
from .experiment_projects import answer_report, project

REPORT = "reports/lr/README.md"


@pytest.fixture
def made(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]) -> Repo:
    repo = project(tmp_path, tmp_path_factory.mktemp("template"))
    capsys.readouterr()
    return repo


def refs(repo: Repo) -> dict[str, str]:
    return {ref.short: ref.peeled for ref in list_refs("refs/heads/", "refs/tags/", at=repo.path)}


def status(repo: Repo, at: str = ".") -> str:
    return repo.run("git", "status", "--porcelain", at=at).out


def is_sound(repo: Repo) -> bool:
    done = repo.run("git", "fsck", "--strict")
    return done.code == 0 and "missing" not in done.out + done.err


def test_accepted_it_is_in_main_and_its_runs_are_pinned(made: Repo, gitml: Callable) -> None:
    answer_report(made)
    main, tip = made.git("rev-parse", "main", "experiments/lr").split()
    done = gitml("exp", "finish", "--accept", at=made.path)
    assert done.code == 0, done.err
    after = refs(made)
    assert set(after) == {"main", "experiments/lr", "exp/lr"}
    assert after["exp/lr"] == after["experiments/lr"]
    assert made.git("rev-parse", "main^1", "main^2").split() == [main, after["exp/lr"]]
    assert made.git("rev-parse", "experiments/lr^") == tip
    assert made.message("main") == "Merge experiment lr\n"
    assert made.message("experiments/lr") == "experiment: finish lr: accepted\n"
    assert made.git("diff", "--name-only", tip, "experiments/lr") == REPORT
    assert "status: finished\n" in made.git("show", f"main:{REPORT}")
    assert "verdict: accepted\n" in made.git("show", f"main:{REPORT}")
    assert "It worked." in made.git("show", f"exp/lr:{REPORT}")
    assert made.git("cat-file", "-t", "refs/tags/exp/lr") == "tag"
    assert status(made) == ""
    assert made.git("symbolic-ref", "HEAD") == "refs/heads/experiments/lr"
    assert done.out == (
        "✓ experiments/lr is accepted; its runs and report are kept by exp/lr\n"
        f"main    {after['main'][:7]}\n"
        "next    git log -1 main\n"
    )
    assert is_sound(made)


def test_what_it_will_do_is_said_and_a_dry_run_does_nothing(made: Repo, gitml: Callable) -> None:
    answer_report(made)
    before, was = refs(made), status(made)
    done = gitml("exp", "finish", "--accept", "--dry-run", at=made.path)
    assert done == (
        0,
        "would merge experiments/lr into main, as accepted\n"
        "would pin its runs and its report under exp/lr\n"
        "would commit the verdict on experiments/lr: accepted\n"
        "would let the report follow in its working tree\n"
        "would write down what was done, for gitml undo\n",
        "",
    )
    assert (refs(made), status(made)) == (before, was)


def test_undo_takes_it_back(made: Repo, gitml: Callable) -> None:
    answer_report(made)
    before = refs(made)
    assert gitml("exp", "finish", "--accept", at=made.path).code == 0
    done = gitml("undo", at=made.path)
    assert done.code == 0, done.err
    assert refs(made) == before
    assert status(made) == f" M {REPORT}\n"
    again = gitml("exp", "finish", "--accept", at=made.path)
    assert again.code == 0, again.err
    assert set(refs(made)) == {"main", "experiments/lr", "exp/lr"}
    assert len(not_undone(oplog.read(made.path))) == 1


def test_rejected_main_stays_and_the_branch_goes_only_when_asked(made: Repo, gitml: Callable) -> None:
    main, tip = made.git("rev-parse", "main", "experiments/lr").split()
    done = gitml("exp", "finish", "lr", "--reject", "--json", at=made.path)
    after = refs(made)
    assert json.loads(done.out) == {
        "experiment": "lr",
        "verdict": "rejected",
        "tag": "exp/lr",
        "commit": after["exp/lr"],
        "merge": None,
        "is_new": True,
        "is_deleted": False,
        "is_pushed": False,
        "uncommitted": [],
        "left": [],
    }
    assert after["main"] == main
    assert made.git("rev-parse", "exp/lr^") == tip
    refused = gitml("exp", "finish", "lr", "--reject", "--delete", at=made.path)
    assert refused.code == 1
    assert f"experiments/lr is checked out in {made.path}, so it cannot be deleted" in refused.err
    made.git("switch", "--quiet", "main")
    deleted = gitml("exp", "finish", "lr", "--reject", "--delete", at=made.path)
    assert deleted.out.splitlines()[1] == "deleted experiments/lr"
    assert refs(made) == {"main": main, "exp/lr": after["exp/lr"]}
    again = gitml("exp", "finish", "lr", "--reject", "--delete", at=made.path)
    assert again.out.splitlines()[0] == "experiments/lr is rejected already, and kept by exp/lr"
    other = gitml("exp", "finish", "lr", "--accept", at=made.path)
    assert other.code == 1
    assert "git branch experiments/lr exp/lr" in other.err
    assert gitml("undo", at=made.path).code == 0
    assert refs(made)["experiments/lr"] == after["exp/lr"]
    assert gitml("undo", at=made.path).code == 0
    assert refs(made) == {"main": main, "experiments/lr": tip}


def test_an_unfinished_report_and_a_stale_lock_refuse(made: Repo, gitml: Callable) -> None:
    before = refs(made)
    done = gitml("exp", "finish", "--accept", at=made.path)
    assert done.code == 1
    assert done.err == (
        "gitml: experiments/lr cannot be accepted (report-complete)\n"
        "  the report of lr is not finished: Conclusions and Next steps are empty. A\n"
        "  section needs words of its own; the template's prompts, headings and comments\n"
        "  are none.\n"
        "Mend:\n"
        "  gitml report edit lr\n"
    )
    answer_report(made)
    made.write("params.yaml", "lr: 3\n")
    made.write("results/metrics.json", '{"accuracy": 0.99}\n')
    made.git("commit", "--quiet", "-m", "experiment: by hand", "params.yaml", "results/metrics.json")
    done = gitml("exp", "finish", "--accept", "--dry-run", at=made.path)
    assert done.code == 1
    assert "cannot be accepted (lock-forged, lock-stale)" in done.err
    assert "results/metrics.json is not what train wrote" in done.err
    assert "train would run again" in done.err
    assert {**refs(made), "experiments/lr": ""} == {**before, "experiments/lr": ""}


def test_what_is_stale_only_when_merged_refuses_and_names_update(made: Repo, gitml: Callable) -> None:
    answer_report(made)
    made.git("stash", "--quiet")
    made.git("switch", "--quiet", "main")
    made.commit("infra: another way", **{"train.sh": made.path.joinpath("train.sh").read_text() + "true\n"})
    made.git("switch", "--quiet", "experiments/lr")
    made.git("stash", "pop", "--quiet")
    done = gitml("exp", "finish", "--accept", at=made.path)
    assert done.code == 1
    assert "merged with main, train would run again" in done.err
    assert done.err.endswith("Mend:\n  gitml exp update\n")


def test_a_conflict_is_refused(made: Repo, gitml: Callable) -> None:
    answer_report(made)
    made.git("worktree", "add", "--quiet", "../main", "main")
    made.write("../main/params.yaml", "lr: 7\n")
    made.run("git", "commit", "--quiet", "-a", "-m", "infra: seven", at="../main")
    before = refs(made)
    done = gitml("exp", "finish", "--accept", at=made.path)
    assert done.code == 1
    assert done.err.startswith("gitml: experiments/lr does not merge into main: params.yaml changed in both\n")
    assert "gitml exp update" in done.err
    assert refs(made) == before


def test_main_follows_where_it_is_checked_out_and_clean(made: Repo, gitml: Callable) -> None:
    answer_report(made)
    made.git("worktree", "add", "--quiet", "../main", "main")
    made.write("../main/train.sh", "changed\n")
    before = refs(made)
    done = gitml("exp", "finish", "--accept", at=made.path)
    assert done.code == 1
    assert "and files there are changed: train.sh" in done.err
    made.run("git", "restore", "train.sh", at="../main")
    made.write(f"../main/{REPORT}", "mine")
    done = gitml("exp", "finish", "--accept", at=made.path)
    assert f"and files there are changed: {REPORT}" in done.err
    assert refs(made) == before
    (made.path / "../main" / REPORT).unlink()
    done = gitml("exp", "finish", "--accept", at=made.path)
    assert done.code == 0, done.err
    assert status(made, "../main") == ""
    assert (made.path / "../main/params.yaml").read_text() == "lr: 2\n"


@pytest.mark.parametrize("where", ["subfolder", "worktree", "detached", "main"])
def test_it_works_from_anywhere(made: Repo, gitml: Callable, where: str) -> None:
    answer_report(made)
    at, named = made.path, ["lr"]
    if where == "subfolder":
        at, named = made.path / "results", []
    elif where == "worktree":
        made.git("worktree", "add", "--quiet", "--detach", "../other", "main")
        at = made.path.parent / "other"
    else:
        made.git("commit", "--quiet", "-a", "-m", "experiment: report")
        made.git("switch", "--quiet", *(["--detach"] if where == "detached" else ["main"]))
    done = gitml("exp", "finish", *named, "--accept", at=at)
    assert done.code == 0, done.err
    assert refs(made)["exp/lr"] == made.git("rev-parse", "main^2")
    assert status(made) == ""
    if where == "main":
        assert (made.path / "params.yaml").read_text() == "lr: 2\n"


def test_a_dirty_tree_keeps_its_changes_and_they_are_named(made: Repo, gitml: Callable) -> None:
    answer_report(made)
    made.git("add", REPORT)
    made.write("train.sh", "echo later\n")
    made.write("untracked", "x")
    made.write(REPORT, made.path.joinpath(REPORT).read_text() + "\nLast words.\n")
    made.write("reports/lr/plot.svg", "<svg/>")
    done = gitml("exp", "finish", "--reject", at=made.path)
    assert "changed here, and not in it: train.sh\n" in done.out
    assert status(made) == " M train.sh\n?? untracked\n"
    assert made.git("show", f"exp/lr:{REPORT}").endswith("Last words.")
    assert made.git("show", "exp/lr:reports/lr/plot.svg") == "<svg/>"
    assert made.git("show", "exp/lr:train.sh") == made.git("show", "main:train.sh")


def test_a_later_end_gets_a_tag_of_its_own(made: Repo, gitml: Callable) -> None:
    assert gitml("exp", "finish", "--reject", at=made.path).code == 0
    first = refs(made)["exp/lr"]
    same = gitml("exp", "finish", "--reject", at=made.path)
    assert same.out.splitlines()[0] == "experiments/lr is rejected already, and kept by exp/lr"
    answer_report(made)
    done = gitml("exp", "finish", "--accept", at=made.path)
    assert done.code == 0, done.err
    after = refs(made)
    assert after["exp/lr"] == first
    assert after["exp/lr@2"] == after["experiments/lr"] == made.git("rev-parse", "main^2")
    back = gitml("exp", "finish", "--reject", at=made.path)
    assert back.code == 1
    assert "lr was accepted, and is in main" in back.err
    made.git("switch", "--quiet", "main")
    made.git("branch", "--delete", "--force", "experiments/lr")
    shown = json.loads(gitml("exp", "show", "lr", "--json", at=made.path).out)
    assert (shown["commit"], shown["report"]["verdict"]) == (after["exp/lr@2"], "accepted")


def test_the_tag_of_another_experiment_is_none_of_ones_own(made: Repo, gitml: Callable) -> None:
    made.git("branch", "experiments/lr-2", "experiments/lr")
    made.git("tag", "-a", "-m", "other", "exp/lr-2", "main")
    assert gitml("exp", "finish", "--reject", at=made.path).code == 0
    assert set(refs(made)) == {"main", "experiments/lr", "experiments/lr-2", "exp/lr", "exp/lr-2"}


def test_without_an_answer_it_is_wrong_usage(made: Repo, gitml: Callable) -> None:
    done = gitml("exp", "finish", at=made.path)
    assert done == (
        2,
        "",
        "gitml: --accept or --reject is needed\n"
        "  There is no terminal here to ask on.\n"
        "Mend:\n"
        "  gitml exp finish --accept\n"
        "  gitml exp finish --reject\n",
    )
    assert gitml("exp", "finish", "--reject", "--pull-request", at=made.path).code == 2
    unknown = gitml("exp", "finish", "lt", "--reject", at=made.path)
    assert unknown.code == 2
    assert "there is no experiment 'lt'" in unknown.err
    made.git("switch", "--quiet", "main")
    assert "you are on main, which is no experiment" in gitml("exp", "finish", "--reject", at=made.path).err


STEPS = ["merge", "tag", "branch", "report", "files", "log"]


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_same_again_ends_in_the_same_state(
    made: Repo, gitml_process: Callable, step: str, when: str
) -> None:
    answer_report(made)
    made.write("train.sh", "echo later\n")
    made.git("worktree", "add", "--quiet", "../main", "main")
    main, tip = made.git("rev-parse", "main", "experiments/lr").split()
    there = f"import os; os.chdir({str(made.path)!r})"
    killed = gitml_process("exp", "finish", "--accept", before=there, GITML_CRASH_AT=f"exp finish:{step}:{when}")
    assert killed.code == -signal.SIGKILL
    assert is_sound(made)
    again = gitml_process("exp", "finish", "--accept", before=there)
    assert again.code == 0, again.err
    after = refs(made)
    assert set(after) == {"main", "experiments/lr", "exp/lr"}
    assert after["exp/lr"] == after["experiments/lr"] == made.git("rev-parse", "main^2")
    assert made.git("rev-parse", "main^1", "experiments/lr^").split() == [main, tip]
    assert (status(made), status(made, "../main")) == (" M train.sh\n", "")
    assert is_sound(made)
    (operation,) = not_undone(oplog.read(made.path))
    assert {move.ref for move in operation.moves} == {
        f"refs/{name}" for name in ("heads/main", "heads/experiments/lr", "tags/exp/lr")
    }
    undone = gitml_process("undo", before=there)
    assert undone.code == 0, undone.err
    assert refs(made) == {"main": main, "experiments/lr": tip}


@pytest.mark.slow
@pytest.mark.parametrize("step", ["tag:before", "tag:after", "branch:after", "log:before", "log:after", "delete:after"])
def test_killed_while_it_is_rejected_and_deleted(made: Repo, gitml_process: Callable, step: str) -> None:
    made.git("switch", "--quiet", "main")
    main, tip = made.git("rev-parse", "main", "experiments/lr").split()
    there = f"import os; os.chdir({str(made.path)!r})"
    words = ("exp", "finish", "lr", "--reject", "--delete")
    assert gitml_process(*words, before=there, GITML_CRASH_AT=f"exp finish:{step}").code == -signal.SIGKILL
    again = gitml_process(*words, before=there)
    assert again.code == 0, again.err
    assert set(refs(made)) == {"main", "exp/lr"}
    assert made.git("rev-parse", "exp/lr^") == tip
    assert is_sound(made)
    assert len(not_undone(oplog.read(made.path))) == 1
    assert gitml_process("undo", before=there).code == 0
    assert refs(made) == {"main": main, "experiments/lr": tip}


def on_a_terminal(repo: Repo, words: list[str], typed: str) -> tuple[int, str]:
    """Run the command line on a pseudo-terminal, and return its status and all that it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(repo.path)
        os.environ["PYTHONPATH"] = str(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "gitml", *words])
    os.write(terminal, typed.encode())
    shown = b""
    while True:
        try:
            got = os.read(terminal, 4096)
        except OSError:
            break
        if not got:
            break
        shown += got
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode().replace("\r\n", "\n")


def test_on_a_terminal_it_asks(made: Repo) -> None:
    code, shown = on_a_terminal(made, ["exp", "finish"], "perhaps\nreject\n")
    assert code == 0, shown
    assert "reject  pin its runs under a tag; main stays as it is\n" in shown
    assert "accept or reject: " in shown
    assert "Error: 'perhaps' is not one of 'accept', 'reject'." in shown
    assert "✓ experiments/lr is rejected; its runs and report are kept by exp/lr\n" in shown
    made.git("switch", "--quiet", "main")
    answer = on_a_terminal(made, ["exp", "finish", "lr"], "\x04")
    assert answer[0] == 130
    code, shown = on_a_terminal(made, ["exp", "finish", "lr", "--delete"], "reject\n")
    assert code == 0, shown
    assert set(refs(made)) == {"main", "exp/lr"}


def test_of_several_at_once_one_wins_and_the_others_say_so(made: Repo) -> None:
    answer_report(made)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "gitml", "exp", "finish", "--accept"]
    started = [
        subprocess.Popen(
            words, cwd=made.path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    said = [(process.communicate(timeout=120), process.returncode) for process in started]
    won = [out for (out, _), code in said if code == 0 and out.startswith("✓")]
    assert len(won) == 1
    for (out, err), code in said:
        assert out.startswith(("✓", "experiments/lr is accepted already")) if code == 0 else "was at" in err
    assert set(refs(made)) == {"main", "experiments/lr", "exp/lr"}
    assert made.git("rev-list", "--count", "--merges", "main") == "1"
    assert is_sound(made)


def test_without_identity_or_main_or_with_a_merge_under_way(made: Repo, gitml: Callable, home: Path) -> None:
    answer_report(made)
    made.git("commit", "--quiet", "-a", "-m", "experiment: report")
    before = refs(made)
    made.write(".git/MERGE_HEAD", made.git("rev-parse", "main") + "\n")
    done = gitml("exp", "finish", "--reject", at=made.path)
    assert (done.code, done.err.splitlines()[0]) == (1, "gitml: a merge is under way")
    (made.path / ".git/MERGE_HEAD").unlink()
    made.git("worktree", "add", "--quiet", "../main", "main")
    made.write(".git/worktrees/main/MERGE_HEAD", made.git("rev-parse", "main") + "\n")
    assert gitml("exp", "finish", "--accept", at=made.path).err.splitlines()[0] == "gitml: a merge is under way"
    made.git("worktree", "remove", "--force", "../main")
    config = (home / ".gitconfig").read_text()
    (home / ".gitconfig").write_text("")
    done = gitml("exp", "finish", "--accept", at=made.path)
    assert (done.code, done.err.splitlines()[0]) == (3, "gitml: git does not know who commits")
    (home / ".gitconfig").write_text(config)
    assert refs(made) == before
    made.git("branch", "-m", "main", "trunk")
    done = gitml("exp", "finish", "--accept", at=made.path)
    assert (done.code, done.err.splitlines()[0]) == (1, "gitml: there is no branch main here")
    assert gitml("exp", "finish", "--reject", at=made.path).code == 0


def test_while_a_run_is_under_way_it_waits_for_nobody(made: Repo, gitml: Callable) -> None:
    lock = made.write(".git/gitml/run.lock", "")
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = gitml("exp", "finish", "--reject", at=made.path)
    assert (done.code, done.err.splitlines()[0]) == (1, "gitml: a run is under way in this working tree")


def test_a_front_matter_that_cannot_be_read_refuses(made: Repo, gitml: Callable) -> None:
    file = made.path / REPORT
    file.write_text(file.read_text().replace("status: open", "status: [open"))
    done = gitml("exp", "finish", "--reject", at=made.path)
    assert (done.code, done.err.splitlines()[0]) == (
        1,
        "gitml: the verdict cannot be written into reports/lr/README.md",
    )
    file.unlink()
    assert gitml("exp", "finish", "--reject", at=made.path).code == 0
    assert "verdict: rejected" in made.git("show", f"exp/lr:{REPORT}")
    assert status(made) == ""


def test_what_lies_beside_the_report_is_judged(made: Repo, gitml: Callable) -> None:
    made.write("reports/lr/large.bin", b"x" * 30_000_000)
    done = gitml("exp", "finish", "--reject", at=made.path)
    assert done.code == 1
    assert done.err.startswith("gitml: experiments/lr cannot be accepted (no-large-file)\n")


def test_an_end_that_was_begun_otherwise_is_finished_first(
    made: Repo, gitml: Callable, gitml_process: Callable
) -> None:
    there = f"import os; os.chdir({str(made.path)!r})"
    killed = gitml_process("exp", "finish", "--reject", before=there, GITML_CRASH_AT="exp finish:tag:after")
    assert killed.code == -signal.SIGKILL
    answer_report(made)
    done = gitml("exp", "finish", "--accept", at=made.path)
    assert done.code == 1
    assert done.err.startswith("gitml: lr was about to be rejected, and that was not finished\n")
    assert gitml("exp", "finish", "lr", "--reject", at=made.path).code == 0
    assert "It worked." in (made.path / REPORT).read_text()
    assert "verdict: rejected" in (made.path / REPORT).read_text()


def test_an_experiment_begun_from_a_rejected_one_is_none_of_its_ends(made: Repo, gitml: Callable) -> None:
    assert gitml("exp", "finish", "--reject", at=made.path).code == 0
    made.git("switch", "--quiet", "-c", "experiments/wide")
    made.commit("experiment: wide", note="x")
    tip = made.git("rev-parse", "HEAD")
    merged = made.git("commit-tree", "-m", "Merge", "-p", "main", "-p", tip, f"{tip}^{{tree}}")
    made.git("update-ref", "refs/heads/main", merged)
    made.git("switch", "--quiet", "experiments/lr")
    answer_report(made)
    done = gitml("exp", "finish", "--accept", at=made.path)
    assert done.code == 0, done.err
    assert made.git("rev-parse", "main^1", "main^2").split() == [merged, refs(made)["exp/lr@2"]]


def test_file_names_that_are_no_utf_8(made: Repo, gitml: Callable) -> None:
    name = os.fsdecode(b"\xff\xfe")
    made.write(f"reports/lr/{name}.svg", "<svg/>")
    made.write(name, "other")
    made.git("add", name)
    made.git("worktree", "add", "--quiet", "../main", "main")
    answer_report(made)
    done = gitml("exp", "finish", "--accept", at=made.path)
    assert done.code == 0, done.err
    assert status(made) == 'A  "\\377\\376"\n'
    assert (made.path.parent / "main/reports/lr" / f"{name}.svg").read_text() == "<svg/>"
    assert status(made, "../main") == ""
