"""The kernel's lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gitml.git import lock
from gitml.git.lock import Holder, Locked, hold, read_holder, try_to_take
from gitml.git.processes import is_running
from gitml.git.repository import CannotWrite

from .conftest import ROOT, Repo

HOLD = """
import os, subprocess, sys, time
from gitml.git.lock import hold
with hold(is_inheritable=True) as held:
    if "child" in sys.argv:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[held.descriptor])
        print(child.pid, flush=True)
    elif "stranger" in sys.argv:
        print(subprocess.Popen(["sleep", "60"]).pid, flush=True)
    else:
        print("held", flush=True)
    time.sleep(60)
"""


def holder_process(repo: Repo, *words: str) -> tuple[subprocess.Popen[bytes], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, *words],
        cwd=repo.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().decode().strip()


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_one_at_a_time_and_it_says_who(repo: Repo) -> None:
    process, _ = holder_process(repo, "exp", "run")
    told: list[Holder | None] = []
    path = repo.path / ".git" / "gitml" / "lock"
    try:
        with pytest.raises(Locked) as caught, hold(repo.path, 0.2, told.append):
            raise AssertionError
        holder = Holder(process.pid, "-c exp run", True)
        assert (caught.value.holder, told) == (holder, [holder])
        assert caught.value.what == f"process {process.pid} (-c exp run) is at work in this repository"
        assert caught.value.mend == (f"ps -fp {process.pid}",)
        assert lock.is_held(path)
    finally:
        kill(process)
    # The kernel has given it back.
    assert not lock.is_held(path)
    with hold(repo.path, 0):
        assert read_holder(path) == Holder(os.getpid(), lock.shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]), True)


def test_who_waits_gets_it(repo: Repo) -> None:
    process, _ = holder_process(repo)
    waited_for = []

    def end(holder: Holder | None) -> None:
        waited_for.append(holder)
        kill(process)

    with hold(repo.path, 120, end):
        assert [holder.pid for holder in waited_for if holder] == [process.pid]


@pytest.mark.parametrize("who", ["child", "stranger"])
def test_a_child_that_inherited_it_keeps_it(repo: Repo, who: str) -> None:
    process, child = holder_process(repo, who)
    try:
        process.send_signal(signal.SIGKILL)
        process.wait()
        if who == "stranger":
            with hold(repo.path, 0):
                return
        with pytest.raises(Locked) as caught, hold(repo.path, 0.1):
            raise AssertionError
        assert caught.value.what == (
            f"what was started by process {process.pid} (-c child), which ended, is at work in this repository"
        )
    finally:
        os.kill(int(child), signal.SIGKILL)
        process.communicate()
    with hold(repo.path, 2):
        pass


def test_giving_back_does_not_take_it_from_a_child(repo: Repo) -> None:
    path = repo.write(".git/gitml/x", "")
    held = try_to_take(path, is_inheritable=True)
    assert held is not None
    assert os.get_inheritable(held.descriptor)
    child = subprocess.Popen(["sleep", "60"], pass_fds=[held.descriptor])
    held.give_back()
    assert try_to_take(path) is None
    child.kill()
    child.wait()
    again = try_to_take(path)
    assert again is not None
    assert not os.get_inheritable(again.descriptor)
    again.give_back()


def test_it_is_shared_by_linked_worktrees_and_bare_repositories_have_one(repo: Repo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "other"))
    with hold(repo.path), pytest.raises(Locked), hold(tmp_path / "other", 0):
        raise AssertionError
    repo.git("clone", "--quiet", "--bare", str(repo.path), str(tmp_path / "bare.git"))
    with hold(tmp_path / "bare.git") as held:
        assert held.path == tmp_path / "bare.git" / "gitml" / "lock"


def test_an_error_inside_gives_it_back(repo: Repo) -> None:
    with pytest.raises(KeyError), hold(repo.path):
        raise KeyError
    with hold(repo.path, 0):
        pass


def test_a_repository_that_cannot_be_written(repo: Repo) -> None:
    repo.write(".git/gitml", "a file")
    with pytest.raises(CannotWrite) as caught, hold(repo.path):
        raise AssertionError
    assert caught.value.exit_code == 3
    (repo.path / ".git" / "gitml").unlink()
    (repo.path / ".git" / "gitml" / "lock").mkdir(parents=True)
    with pytest.raises(CannotWrite, match="lock cannot be written"), hold(repo.path):
        raise AssertionError


def test_a_file_system_that_is_read_only(repo: Repo, tmp_path: Path) -> None:
    mount = ["mount", "--bind", "-o", "ro", str(repo.path), str(repo.path)]
    code = "from gitml.git.lock import hold\nwith hold(): pass"
    script = f'{" ".join(mount)} && cd {repo.path} && exec "{sys.executable}" -c "{code}"'
    done = repo.run("unshare", "--mount", "--map-root-user", "bash", "-c", script, PYTHONPATH=str(ROOT))
    if "unshare" in done.err or "mount:" in done.err:
        pytest.skip(f"no mount is possible here: {done.err.strip()}")
    assert done.err.strip().splitlines()[-1].endswith(f"CannotWrite: {repo.path}/.git/gitml cannot be written")


@pytest.mark.parametrize("text", ["", "x\ny\n", "\udcff", "-1\nx", "99999999999999999999\nx"])
def test_a_file_that_says_nothing_of_use(repo: Repo, text: str) -> None:
    path = repo.write("lock", text.encode("utf-8", "surrogateescape"))
    found = read_holder(path)
    assert found is None or not found.is_running
    assert read_holder(repo.path / "none") is None
    assert not lock.is_held(repo.path / "none")


def test_on_a_full_disk_it_holds_and_says_nobody(repo: Repo) -> None:
    code = "from gitml.git.lock import *\nwith hold() as held: print(try_to_take(held.path), read_holder(held.path))"
    script = f'ulimit -f 0; trap "" XFSZ; exec "{sys.executable}" -c "$1" | cat'
    done = repo.run("bash", "-c", script, "-", code, PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1")
    assert done == (0, "None None\n", "")


def test_somebody_elses_process_is_running() -> None:
    # Signal 0 to process 1: allowed to root, refused to all others, and it runs in both cases.
    assert is_running(1)
    assert not is_running(0)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_zombie_has_no_lock(repo: Repo) -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"], stdin=subprocess.DEVNULL)
    path = repo.write("lock", f"{process.pid}\ngitml exp run\n".encode())
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has asked for it
    assert read_holder(path) == Holder(process.pid, "gitml exp run", False)
    process.wait()
