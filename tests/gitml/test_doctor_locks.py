"""`gitml doctor` on what killed processes leave in .git: lock files, and entries of worktrees that are gone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitml import doctor
from gitml.doctor import Finding, Outcome, locks

from .conftest import Repo
from .doctor_findings import mends, seen, shell, state

NONE = Finding("locks", "ok", "none is left")
KILLED = "git was killed while it wrote, 2 min ago, and refuses to write there until the file is gone."


def _leave(repo: Repo, *names: str, seconds: float = 120) -> None:
    for name in names:
        os.utime(repo.write(name, ""), (time.time() - seconds,) * 2)


@pytest.fixture
def at_work(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A git that runs in the repository, and is taken for as old as the locks are."""
    monkeypatch.setattr(locks, "YOUNG", 0)
    with subprocess.Popen(["git", "update-ref", "--stdin"], cwd=repo.path, stdin=subprocess.PIPE) as process:
        _wait_for_git(process)
        yield process
        process.kill()


@pytest.mark.parametrize(
    "name",
    ["index.lock", "HEAD.lock", "refs/heads/experiments/x.lock", "packed-refs.lock", "shallow.lock", "config.lock"],
)
def test_a_left_lock(repo: Repo, name: str) -> None:
    _leave(repo, f".git/{name}")
    (repo.path / "src").mkdir()
    finding = Finding("locks", "broken", f"../.git/{name} is left from a killed git", KILLED, (f"rm ../.git/{name}",))
    assert seen(repo.path / "src", "locks") == [finding]
    assert mends(repo.path / "src", "locks") == [f"remove ../.git/{name}"]
    shell(repo.path / "src", *finding.mend)
    assert seen(repo.path, "locks") == [NONE]


def test_several_of_them_and_those_of_a_linked_worktree(repo: Repo) -> None:
    repo.git("worktree", "add", "--quiet", "-b", "experiments/lr", "../lr")
    _leave(repo, ".git/index.lock", ".git/worktrees/lr/HEAD.lock", ".git/worktrees/lr/refs/bisect/bad.lock")
    (finding,) = seen(repo.path, "locks")
    assert finding.says == ".git/index.lock and 2 more are left from a killed git"
    assert finding.mend == ("rm .git/index.lock .git/worktrees/lr/HEAD.lock .git/worktrees/lr/refs/bisect/bad.lock",)
    assert [outcome for outcome in doctor.mend(repo.path) if outcome.check == "locks"] == [
        Outcome("locks", "remove .git/index.lock"),
        Outcome("locks", "remove .git/worktrees/lr/HEAD.lock"),
        Outcome("locks", "remove .git/worktrees/lr/refs/bisect/bad.lock"),
    ]
    assert seen(repo.path, "locks") == [NONE]


def test_a_branch_can_be_committed_to_again(hooked: Repo) -> None:
    _leave(hooked, ".git/index.lock", ".git/refs/heads/main.lock")
    assert hooked.run("git", "commit", "--allow-empty", "-m", "infra: x").code == 128
    doctor.mend(hooked.path)
    hooked.commit("infra: x")


def test_a_young_one_is_somebody_s(repo: Repo) -> None:
    _leave(repo, ".git/index.lock", seconds=5)
    _leave(repo, ".git/HEAD.lock", seconds=-9999)
    assert seen(repo.path, "locks") == [NONE]


def test_a_branch_may_end_like_a_lock_of_git_s(repo: Repo) -> None:
    repo.git("branch", "experiments/index")
    assert seen(repo.path, "locks") == [NONE]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
class TestAGitThatRuns:
    def test_may_hold_it(self, repo: Repo, at_work: subprocess.Popen[bytes]) -> None:
        _leave(repo, ".git/index.lock")
        assert seen(repo.path, "locks") == [Finding("locks", "ok", "held by a git that runs")]
        assert mends(repo.path, "locks") == []

    def test_started_since_it_was_looked_at(self, repo: Repo, at_work: subprocess.Popen[bytes]) -> None:
        _leave(repo, ".git/index.lock")
        locks.YOUNG = 30
        (finding,) = [finding for finding in doctor.diagnose(repo.path) if finding.check == "locks"]
        locks.YOUNG = 0
        with pytest.raises(doctor.NotMended, match="a git is at work, and .git/index.lock may be its"):
            finding.fixes[0].do()
        assert (repo.path / ".git/index.lock").exists()

    def test_too_young_for_it(self, repo: Repo, at_work: subprocess.Popen[bytes]) -> None:
        locks.YOUNG = 30
        _leave(repo, ".git/index.lock")
        assert state(repo.path, "locks") == ["broken"]

    @pytest.mark.parametrize("words", [["cat-file", "--batch"], ["-c", "x.y=z", "--no-pager", "cat-file", "--batch"]])
    def test_that_only_reads(self, repo: Repo, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
        monkeypatch.setattr(locks, "YOUNG", 0)
        _leave(repo, ".git/index.lock")
        with subprocess.Popen(["git", *words], cwd=repo.path, stdin=subprocess.PIPE) as process:
            _wait_for_git(process)
            assert state(repo.path, "locks") == ["broken"]
            process.kill()

    def test_with_an_editor_open(self, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        """`git commit -a` holds index.lock while somebody writes the message."""
        monkeypatch.setattr(locks, "YOUNG", 0)
        started = repo.path.parent / "started"
        editor = repo.editor(f'touch "{started}"; cat "{repo.path.parent}/pipe"')
        os.mkfifo(repo.path.parent / "pipe")
        repo.commit(x="1")
        repo.write("x", "2")
        with subprocess.Popen(
            ["git", "commit", "--quiet", "-a"], cwd=repo.path, env={**os.environ, "GIT_EDITOR": editor}
        ) as process:
            while not started.exists():
                time.sleep(0.01)
            os.utime(repo.path / ".git/index.lock", (time.time() - 999,) * 2)
            assert seen(repo.path, "locks") == [Finding("locks", "ok", "held by a git that runs")]
            (repo.path.parent / "pipe").write_text("x")
            assert process.wait() == 1  # nothing was written into the message

    def test_elsewhere(self, repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(locks, "YOUNG", 0)
        other = tmp_path / "other"
        subprocess.run(["git", "init", "--quiet", other], check=True)
        _leave(repo, ".git/index.lock")
        with subprocess.Popen(["git", "update-ref", "--stdin"], cwd=other, stdin=subprocess.PIPE) as process:
            assert state(repo.path, "locks") == ["broken"]
            process.kill()

    @pytest.mark.parametrize("how", ["option", "environment"])
    def test_told_where_by_other_means(
        self, repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
    ) -> None:
        monkeypatch.setattr(locks, "YOUNG", 0)
        _leave(repo, ".git/index.lock")
        words = [f"--git-dir={repo.path}/.git"] if how == "option" else []
        environment = {**os.environ, "GIT_DIR": f"{repo.path}/.git"} if how == "environment" else None
        with subprocess.Popen(
            ["git", *words, "update-ref", "--stdin"], cwd=tmp_path, env=environment, stdin=subprocess.PIPE
        ) as process:
            _wait_for_git(process)
            assert seen(repo.path, "locks") == [Finding("locks", "ok", "held by a git that runs")]
            process.kill()


def test_one_that_was_made_since_it_was_looked_at(repo: Repo) -> None:
    _leave(repo, ".git/index.lock")
    (finding,) = [finding for finding in doctor.diagnose(repo.path) if finding.check == "locks"]
    _leave(repo, ".git/index.lock", seconds=100)
    with pytest.raises(doctor.NotMended, match="is another one by now"):
        finding.fixes[0].do()
    (repo.path / ".git/index.lock").unlink()
    finding.fixes[0].do()


def test_where_nobody_lists_processes_only_very_old_ones(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_PROCESSES", tmp_path / "none")
    _leave(repo, ".git/index.lock")
    assert seen(repo.path, "locks") == [NONE]
    _leave(repo, ".git/index.lock", seconds=7200)
    assert state(repo.path, "locks") == ["broken"]


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["git", "commit"], "commit"),
        (["git", "-C", "log", "-c", "a=b", "--bare", "gc", "log"], "gc"),
        (["git", "--git-dir", "log", "commit"], "commit"),
        (["git", "-c"], ""),
        ([""], ""),
    ],
)
def test_the_command_of_a_git(words: list[str], command: str) -> None:
    assert locks.command_of(words) == command


class TestWorktrees:
    GONE = "Its branch counts as checked out there, and cannot be checked out here."

    @pytest.fixture
    def linked(self, repo: Repo) -> Repo:
        repo.git("worktree", "add", "--quiet", "-b", "experiments/lr", "../trees/lr")
        return repo

    def test_all_are_there(self, linked: Repo) -> None:
        assert seen(linked.path, "worktrees") == []

    def test_a_folder_that_was_deleted(self, linked: Repo) -> None:
        shutil.rmtree(linked.path.parent / "trees/lr")
        assert seen(linked.path, "worktrees") == [
            Finding("worktrees", "warning", "the folder of lr is gone", self.GONE, ("git worktree prune",))
        ]
        assert mends(linked.path, "worktrees") == ["forget the worktree ../trees/lr"]
        assert linked.run("git", "checkout", "experiments/lr").code == 128
        doctor.mend(linked.path)
        assert seen(linked.path, "worktrees") == []
        linked.git("checkout", "--quiet", "experiments/lr")

    @pytest.mark.parametrize("how", ["detached", "its disk is away"])
    def test_an_entry_that_may_be_needed(self, linked: Repo, how: str) -> None:
        tree = linked.path.parent / "trees/lr"
        if how == "detached":
            subprocess.run(["git", "checkout", "--quiet", "--detach"], cwd=tree, check=True)
            shutil.rmtree(tree)
        else:
            shutil.rmtree(tree.parent)
        why = "lr was on no branch, or its disk is not mounted: look before its entry goes."
        finding = Finding("worktrees", "warning", "the folder of lr is gone", why, ("git worktree prune",))
        assert seen(linked.path, "worktrees") == [finding]
        assert mends(linked.path, "worktrees") == []
        shell(linked.path, "git worktree prune")
        assert seen(linked.path, "worktrees") == []

    def test_a_locked_entry_is_meant(self, linked: Repo) -> None:
        linked.git("worktree", "lock", "../trees/lr")
        shutil.rmtree(linked.path.parent / "trees/lr")
        assert seen(linked.path, "worktrees") == []

    def test_a_folder_that_came_back(self, linked: Repo) -> None:
        tree = linked.path.parent / "trees/lr"
        tree.rename(tree.with_name("away"))
        (finding,) = [finding for finding in doctor.diagnose(linked.path) if finding.check == "worktrees"]
        tree.with_name("away").rename(tree)
        finding.fixes[0].do()
        assert (tree / ".git").exists()
        assert linked.git("worktree", "list", "--porcelain").count("worktree ") == 2

    def test_a_folder_with_an_odd_name(self, repo: Repo) -> None:
        repo.git("worktree", "add", "--quiet", "-b", "experiments/lr", "../-a\nb\u202e'$(x)")
        shutil.rmtree(repo.path.parent / "-a\nb\u202e'$(x)")
        assert state(repo.path, "worktrees") == ["warning"]
        doctor.mend(repo.path)
        assert seen(repo.path, "worktrees") == []


def _wait_for_git(process: subprocess.Popen[bytes]) -> None:
    while not (Path("/proc") / str(process.pid) / "comm").read_text().startswith("git"):
        time.sleep(0.01)


def test_the_end_of_a_git_that_was_killed(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zombie holds nothing."""
    monkeypatch.setattr(locks, "YOUNG", 0)
    _leave(repo, ".git/index.lock")
    process = subprocess.Popen(["git", "update-ref", "--stdin"], cwd=repo.path, stdin=subprocess.PIPE)
    if sys.platform == "linux":
        _wait_for_git(process)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert state(repo.path, "locks") == ["broken"]
    process.communicate()
