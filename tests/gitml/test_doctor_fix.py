"""`gitml doctor --fix`: what it mends, what it leaves, and what happens when it is not alone or not let finish."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml import doctor
from gitml.doctor import Finding, Outcome, mending
from gitml.doctor.finding import Fix
from gitml.git.lock import hold
from gitml.git.worktree import acquire

from .conftest import ROOT, Repo
from .doctor_findings import mends, seen, state
from .kills import Moments

LOCK = "schema: '2.0'\nstages: {}\n"


@pytest.fixture
def ill(repo: Repo) -> Repo:
    """No hooks, a left lock of git's, a corrupt rwlock and a broken dvc.lock."""
    repo.with_dvc().commit(**{"dvc.lock": LOCK})
    repo.write("dvc.lock", "stages: [")
    repo.write(".dvc/tmp/rwlock", "{")
    os.utime(repo.write(".git/index.lock", ""), (time.time() - 999,) * 2)
    return repo


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("lock", "index")
    }


def test_what_it_says(gitml: Callable, ill: Repo) -> None:
    done = gitml("doctor", "--fix", at=ill.path)
    assert (done.code, done.err) == (0, "")
    said, _, report = done.out.partition("\n\n")
    assert said.splitlines() == [
        "done      install gitml's hooks",
        "done      remove .git/index.lock",
        "done      remove .dvc/tmp/rwlock",
        "done      put HEAD's dvc.lock back; the broken one is kept as dvc.lock.broken",
    ]
    assert report.endswith("\n\nNothing to mend.\n")
    assert (ill.path / "dvc.lock").read_text() == LOCK
    assert (ill.path / "dvc.lock.broken").read_text() == "stages: ["
    assert ill.git("status", "--porcelain") == "?? dvc.lock.broken"


def test_again_it_does_nothing(gitml: Callable, ill: Repo) -> None:
    gitml("doctor", "--fix", at=ill.path)
    before = _files(ill.path)
    done = gitml("doctor", "--fix", at=ill.path)
    assert done.out.startswith("nothing that --fix could mend\n\npython ")
    assert _files(ill.path) == before


def test_a_dry_run_changes_nothing(gitml: Callable, ill: Repo) -> None:
    before = _files(ill.path)
    done = gitml("doctor", "--fix", "--dry-run", at=ill.path)
    assert done.code == 3
    said, _, report = done.out.partition("\n\n")
    assert said.splitlines() == [
        "would     install gitml's hooks",
        "would     remove .git/index.lock",
        "would     remove .dvc/tmp/rwlock",
        "would     put HEAD's dvc.lock back; the broken one is kept as dvc.lock.broken",
    ]
    assert report.endswith(
        "\n\n3 broken, 1 warning. The commands that mend them stand below each.\ngitml doctor --fix mends 4 of them.\n"
    )
    assert _files(ill.path) == before
    assert not (ill.path / ".git/gitml").exists()


def test_a_dry_run_of_nothing(gitml: Callable, well: Repo) -> None:
    assert gitml("doctor", "--fix", "--dry-run", at=well.path).out.startswith("nothing that --fix could mend\n\n")


def test_a_dry_run_alone_is_a_mistake(gitml: Callable, repo: Repo) -> None:
    assert gitml("doctor", "--dry-run", at=repo.path) == (
        2,
        "",
        "gitml: --dry-run goes with --fix\n  gitml doctor alone changes nothing\nMend:\n  gitml doctor --help\n",
    )


def test_json_is_the_second_look(gitml: Callable, ill: Repo) -> None:
    before = {
        finding["check"]: finding["fixable"] for finding in json.loads(gitml("doctor", "--json", at=ill.path).out)
    }
    assert [check for check, is_fixable in before.items() if is_fixable] == ["hooks", "locks", "rwlock", "dvc.lock"]
    done = gitml("doctor", "--fix", "--json", at=ill.path)
    assert {finding["state"] for finding in json.loads(done.out)} == {"ok"}
    assert done.err.splitlines()[1] == "done      remove .git/index.lock"


def test_what_is_broken_still(gitml: Callable, ill: Repo, home: Path) -> None:
    (home / ".gitconfig").unlink()
    done = gitml("doctor", "--fix", at=ill.path)
    assert done.code == 3
    assert done.out.startswith("done      install gitml's hooks\n")
    assert done.out.endswith("\n1 broken, 0 warnings. The commands that mend them stand below each.\n")


def test_outside_a_repository_there_is_nothing(gitml: Callable, tmp_path: Path) -> None:
    done = gitml("doctor", "--fix", at=tmp_path)
    assert (done.code, done.out.partition("\n")[0]) == (3, "nothing that --fix could mend")


class TestLockFile:
    def test_one_that_was_never_committed_is_put_aside(self, well: Repo) -> None:
        well.write("dvc.lock", "{")
        assert mends(well.path, "dvc.lock") == ["put dvc.lock aside as dvc.lock.broken"]
        doctor.mend(well.path)
        assert state(well.path, "dvc.lock") == ["ok"]
        assert (well.path / "dvc.lock.broken").read_text() == "{"

    def test_what_was_put_aside_before_is_kept(self, well: Repo) -> None:
        for content in ("{", "[", "{"):
            well.write("dvc.lock", content)
            doctor.mend(well.path)
        assert (well.path / "dvc.lock.broken").read_text() == "{"
        assert (well.path / "dvc.lock.broken-2").read_text() == "["
        assert not (well.path / "dvc.lock.broken-3").exists()

    def test_in_the_middle_of_a_merge_it_is_left(self, repo: Repo) -> None:
        repo.with_dvc().commit(**{"dvc.lock": LOCK})
        repo.git("branch", "experiments/lr")
        repo.commit(**{"dvc.lock": f"{LOCK}a: 1\n"})
        repo.git("checkout", "--quiet", "experiments/lr")
        repo.commit(**{"dvc.lock": f"{LOCK}a: 2\n"})
        assert repo.run("git", "merge", "main").code == 1
        assert state(repo.path, "dvc.lock") == ["broken"]
        assert mends(repo.path, "dvc.lock") == []

    def test_while_a_run_is_under_way_it_is_left(self, well: Repo) -> None:
        well.write("dvc.lock", "{")
        well.write(
            ".dvc/tmp/rwlock", json.dumps({"write": {"/x": {"pid": os.getpid(), "cmd": "dvc repro"}}, "read": {}})
        )
        says = "put dvc.lock aside as dvc.lock.broken"
        assert doctor.mend(well.path) == [Outcome("dvc.lock", says, "a run is under way, and may be writing dvc.lock")]
        assert (well.path / "dvc.lock").read_text() == "{"

    def test_one_that_is_broken_in_head_too(self, gitml: Callable, repo: Repo) -> None:
        repo.with_dvc().commit(**{"dvc.lock": "{"})
        out = gitml("doctor", "--fix", at=repo.path).out
        assert (
            "not done  put HEAD's dvc.lock back; the broken one is kept as dvc.lock.broken: "
            "dvc.lock is broken in HEAD, too\n"
        ) in out
        assert not (repo.path / "dvc.lock.broken").exists()

    def test_one_that_was_mended_meanwhile(self, well: Repo) -> None:
        well.write("dvc.lock", "{")
        (finding,) = [finding for finding in doctor.diagnose(well.path) if finding.check == "dvc.lock"]
        well.write("dvc.lock", LOCK)
        finding.fixes[0].do()
        assert not (well.path / "dvc.lock.broken").exists()

    def test_a_link_is_left(self, well: Repo, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").write_text("{")
        (well.path / "dvc.lock").symlink_to(tmp_path / "elsewhere")
        assert state(well.path, "dvc.lock") == ["broken"]
        assert mends(well.path, "dvc.lock") == []

    def test_a_folder_is_left(self, well: Repo) -> None:
        well.write("dvc.lock/x", "")
        assert mends(well.path, "dvc.lock") == []


class TestRwlock:
    def test_one_of_processes_that_ended(self, gitml: Callable, well: Repo) -> None:
        file = well.write(".dvc/tmp/rwlock", json.dumps({"write": {"/x": {"pid": 2**30, "cmd": "dvc repro"}}}))
        done = gitml("doctor", "--fix", at=well.path)
        assert done.out.startswith("done      remove .dvc/tmp/rwlock\n\n")
        assert not file.exists()

    def test_while_dvc_changes_it(self, well: Repo) -> None:
        well.write(".dvc/tmp/rwlock", "{")
        with (well.path / ".dvc/tmp/rwlock.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            assert doctor.mend(well.path) == [
                Outcome("rwlock", "remove .dvc/tmp/rwlock", "DVC is at work on .dvc/tmp/rwlock")
            ]
        assert doctor.mend(well.path) == [Outcome("rwlock", "remove .dvc/tmp/rwlock")]
        assert state(well.path, "rwlock") == ["ok"]

    def test_one_that_became_whole_meanwhile(self, well: Repo) -> None:
        file = well.write(".dvc/tmp/rwlock", "{")
        (finding,) = [finding for finding in doctor.diagnose(well.path) if finding.check == "rwlock"]
        file.write_text(json.dumps({"write": {"/x": {"pid": os.getpid(), "cmd": "dvc repro"}}}))
        finding.fixes[0].do()
        assert file.exists()

    def test_dvc_runs_again(self, ill: Repo) -> None:
        ill.write("dvc.yaml", "stages:\n  s:\n    cmd: echo 1 > out\n    outs: [out]\n")
        assert ill.run("dvc", "repro").code == 255
        doctor.mend(ill.path)
        assert ill.run("dvc", "repro").code == 0


def test_what_a_killed_gitml_left(well: Repo) -> None:
    names = (".dvc/.config.local.abcdefgh.tmp", ".dvc.lock.abcdefgh.tmp", ".dvc.lock.broken.a_3defgh.tmp")
    for name in names:
        well.write(name, "x")
    assert seen(well.path, "leftovers") == []
    for name in names:
        os.utime(well.path / name, (time.time() - 99,) * 2)
    says = ".dvc/.config.local.abcdefgh.tmp and 2 more: left from a killed gitml"
    mend = f"rm {' '.join(names)}"
    assert seen(well.path, "leftovers") == [Finding("leftovers", "warning", says, "Nobody reads it.", (mend,))]
    assert doctor.mend(well.path) == [Outcome("leftovers", f"remove {name}") for name in names]
    assert seen(well.path, "leftovers") == []
    assert not any((well.path / name).exists() for name in names)


class TestNotAlone:
    def test_two_at_once(self, ill: Repo) -> None:
        line = [sys.executable, "-m", "gitml", "doctor", "--fix"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        both = [subprocess.Popen(line, cwd=ill.path, env=environment, stdout=subprocess.PIPE) for _ in range(3)]
        said = [process.communicate()[0].decode() for process in both]
        assert [process.returncode for process in both] == [0, 0, 0]
        assert sum(text.count("done      remove .dvc/tmp/rwlock") for text in said) == 1
        assert not any("not done" in text for text in said)
        assert sorted(path.name for path in ill.path.glob("dvc.lock*")) == ["dvc.lock", "dvc.lock.broken"]

    def test_another_that_does_not_end(self, gitml: Callable, ill: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mending, "PATIENCE", 0.2)
        with hold(ill.path):
            done = gitml("doctor", "--fix", at=ill.path)
        assert (done.code, done.out) == (3, "")
        assert done.err.startswith(f"gitml: process {os.getpid()} (")
        assert (ill.path / ".git/index.lock").exists()

    def test_where_git_s_folder_takes_no_lock(self, ill: Repo) -> None:
        ill.write(".git/gitml", "a file")
        assert [outcome.hindrance for outcome in doctor.mend(ill.path)] == [""] * 4


def test_one_that_cannot_be_done_stops_no_other() -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    def wordless() -> None:
        raise OSError("odd")

    done: list[int] = []
    fixes = (Fix("a", full), Fix("b", wordless), Fix("c", lambda: done.append(1)))
    outcomes = mending.carry_out([Finding("x", "broken", "says", fixes=fixes), Finding("y", "ok", "", fixes=fixes)])
    assert outcomes == [Outcome("x", "a", "No space left on device"), Outcome("x", "b", "odd"), Outcome("x", "c")]
    assert done == [1]


def test_an_interrupted_one_says_so(ill: Repo, gitml: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupted)
        done = gitml("doctor", "--fix", at=ill.path)
        assert (done.code, done.err) == (130, "\ngitml: interrupted\n")
    assert [path for path in ill.path.rglob("*.tmp") if path.is_file()] == []
    assert gitml("doctor", "--fix", at=ill.path).code == 0


def test_gitml_s_own_slots_are_left(well: Repo) -> None:
    """A slot has no hooks, is never pruned, and is cleaned by who takes it."""
    well.git("config", "core.hooksPath", ".hooks")
    with acquire(well.git("rev-parse", "HEAD"), at=well.path) as slot:
        os.utime(well.write(f".git/worktrees/{slot.name}/index.lock", ""), (time.time() - 999,) * 2)
    before = _files(well.path)
    assert [finding.says for finding in seen(well.path, "hooks")] == [
        "gitml's hooks are not installed in this clone",
        "commit-msg and 4 more in .git/hooks are never run",
    ]
    assert seen(well.path, "cache") == []
    assert doctor.mend(well.path) == []
    shutil.rmtree(slot.path)
    assert seen(well.path, "worktrees") == []
    assert doctor.mend(well.path) == []
    assert before.keys() - _files(well.path).keys() <= {name for name in before if slot.name in name}


@pytest.mark.slow
def test_a_killed_one_is_finished_by_the_next(ill: Repo, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "gitml", "doctor", "--fix"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    moments = Moments(5)
    for _ in range(20):
        ill.write("dvc.lock", "stages: [")
        ill.write(".dvc/tmp/rwlock", "{")
        os.utime(ill.write(".git/index.lock", ""), (time.time() - 999,) * 2)
        subprocess.run([sys.executable, "-m", "gitml", "hooks", "uninstall"], cwd=ill.path, env=environment, check=True)
        process = subprocess.Popen(line, cwd=ill.path, env=environment, stdout=subprocess.DEVNULL)
        moments.strike(process)
        assert (ill.path / "dvc.lock").read_text() in ("stages: [", LOCK)
        done = subprocess.run(line, cwd=ill.path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        assert (ill.path / "dvc.lock").read_text() == LOCK
        assert (ill.path / "dvc.lock.broken").read_text() == "stages: ["
        assert [finding.state for finding in seen(ill.path, "hooks")] == ["ok"]
    assert moments.hits > 0
