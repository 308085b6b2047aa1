"""The pool of working trees."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gitml.errors import GitFailed
from gitml.git import worktree
from gitml.git.worktree import SlotState, acquire, discard_free, slots
from gitml.pipeline import slot as dvc_slot

from .conftest import ROOT, Repo
from .kills import Moments, alone, with_group


def files_in(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".git"
    }


def tip(repo: Repo, **files: str) -> str:
    repo.commit(**files)
    return repo.git("rev-parse", "HEAD")


def test_a_slot_is_used_again_and_clean_of_all_but_what_is_kept(repo: Repo) -> None:
    first, second = tip(repo, a="1", b="1", **{".gitignore": "/data\n*.log\n"}), tip(repo, a="2")
    keep = ["data/raw", "odd [x]*", ".dvc"]
    with acquire(first, keep, repo.path) as slot:
        assert (slot.name, slot.is_new) == ("slot-0", True)
        assert files_in(slot.path) == {".gitignore": "/data\n*.log\n", "a": "1", "b": "1"}
        for name in ("data/raw/x", "data/other", "odd [x]*/y", "x.log", "sub/z", ".dvc/tmp/t", "odd x"):
            (slot.path / name).parent.mkdir(parents=True, exist_ok=True)
            (slot.path / name).write_text("left")
        (slot.path / "a").write_text("changed")
        (slot.path / "b").unlink()
        (slot.path / "nested").mkdir()
        Repo(slot.path / "nested").git("init", "--quiet")
        Repo(slot.path).git("add", "sub")
        path = slot.path
    with acquire(second, keep, repo.path) as slot:
        assert (slot.path, slot.is_new) == (path, False)
        assert files_in(slot.path) == {
            ".gitignore": "/data\n*.log\n",
            "a": "2",
            "b": "1",
            "data/raw/x": "left",
            "odd [x]*/y": "left",
            ".dvc/tmp/t": "left",
        }
        assert not (slot.path / "nested").exists()
        assert Repo(slot.path).git("rev-parse", "HEAD", "--abbrev-ref", "HEAD").split() == [second, "HEAD"]
    # Nothing of it shows in the user's own.
    assert repo.run("git", "status", "--porcelain").out == ""
    assert repo.git("rev-parse", "HEAD") == second
    assert repo.git("branch", "--list") == "* main"


def test_each_has_a_slot_of_its_own_and_others_see_who(repo: Repo) -> None:
    commit = tip(repo, a="1")
    with acquire(commit, at=repo.path) as one, acquire(commit, at=repo.path) as two:
        assert (one.name, two.name) == ("slot-0", "slot-1")
        assert [(state.name, state.is_held, state.commit) for state in slots(repo.path)] == [
            ("slot-0", True, commit),
            ("slot-1", True, commit),
        ]
        assert slots(repo.path)[0].holder.pid == os.getpid()  # type: ignore[union-attr]
        assert discard_free(repo.path) == []
    assert [state.is_held for state in slots(repo.path)] == [False, False]
    assert discard_free(repo.path) == ["slot-0", "slot-1"]
    assert repo.git("worktree", "list").count("\n") == 0
    assert [state.commit for state in slots(repo.path)] == [None, None]
    with acquire(commit, at=repo.path) as again:
        assert again.is_new


ORPHAN = """
import subprocess, time
from pathlib import Path
from gitml.git.worktree import acquire
import sys
import time
with acquire(sys.argv[1]) as slot:
    child = subprocess.Popen(["sleep", "60"], pass_fds=[slot.lock.descriptor], cwd=slot.path)
    print(child.pid, flush=True)
    time.sleep(60)
"""


def test_an_orphan_keeps_its_slot(repo: Repo) -> None:
    commit = tip(repo, a="1")
    driver = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, commit],
        cwd=repo.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    assert driver.stdout is not None
    orphan = int(driver.stdout.readline())
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    driver.stdout.close()
    with acquire(commit, at=repo.path) as slot:
        assert slot.name == "slot-1"
        assert slots(repo.path)[0] == SlotState(
            "slot-0", slot.path.parent / "slot-0", True, worktree.Holder(driver.pid, f"-c {commit}", False), commit
        )
    os.kill(orphan, signal.SIGKILL)
    for _ in range(100):
        with acquire(commit, at=repo.path) as slot:
            if slot.name == "slot-0":
                break
    assert slot.name == "slot-0"


def spoil(path: Path, admin: Path, tmp_path: Path, how: str) -> None:  # noqa: C901
    if how == "no .git":
        (path / ".git").unlink()
    elif how == "no administration":
        shutil.rmtree(admin)
    elif how == "no HEAD":
        (admin / "HEAD").write_text("")
    elif how == "half made":
        (admin / "HEAD").write_text("0" * 40 + "\n")
        (admin / "locked").write_text("initializing")
        (admin / "index").unlink()
    elif how == "corrupt index":
        (admin / "index").write_text("no index")
    elif how == "read-only":
        (path / "closed" / "in").mkdir(parents=True)
        (path / "closed").chmod(stat.S_IRUSR)
    elif how == "locks":
        for name in ("index.lock", "HEAD.lock"):
            (admin / name).write_text("")
    else:
        shutil.rmtree(path)
        if how == "empty":
            path.mkdir()
        elif how == "a file":
            path.write_text("x")
        elif how == "a link":
            (tmp_path / "elsewhere").mkdir()
            (tmp_path / "elsewhere" / "mine").write_text("x")
            path.symlink_to(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    "how",
    [
        "no .git",
        "no administration",
        "no HEAD",
        "half made",
        "corrupt index",
        "empty",
        "a file",
        "a link",
        "read-only",
        "gone",
        "locks",
    ],
)
def test_a_broken_slot_is_mended_or_made_again(repo: Repo, tmp_path: Path, how: str) -> None:
    commit = tip(repo, a="1")
    with acquire(commit, at=repo.path) as slot:
        path = slot.path
    spoil(path, repo.path / ".git" / "worktrees" / "slot-0", tmp_path, how)
    with acquire(commit, at=repo.path) as slot:
        assert slot.path == path
        assert files_in(path) == {"a": "1"}
        assert slot.is_new == (how not in ("locks", "read-only"))
    if how == "a link":
        assert (tmp_path / "elsewhere" / "mine").read_text() == "x"
    assert repo.git("worktree", "list").count("\n") == 1
    assert repo.run("git", "fsck", "--strict", "--no-dangling").out == ""


def test_a_copied_repository_leaves_the_slots_of_the_other_alone(repo: Repo, tmp_path: Path) -> None:
    first, second = tip(repo, a="1"), tip(repo, a="2")
    with acquire(first, at=repo.path) as slot:
        original = slot.path
    shutil.copytree(repo.path, tmp_path / "copy", symlinks=True)
    with acquire(second, at=tmp_path / "copy") as slot:
        assert slot.path == tmp_path / "copy" / ".git" / "gitml" / "worktrees" / "slot-0"
        assert files_in(slot.path) == {"a": "2"}
    assert Repo(original).git("rev-parse", "HEAD") == first
    assert Repo(original).run("git", "status", "--porcelain").out == ""


def test_a_commit_that_does_not_exist(repo: Repo) -> None:
    with pytest.raises(GitFailed), acquire("1" * 40, at=repo.path):
        raise AssertionError
    with pytest.raises(ValueError, match="'main' is no full object id"), acquire("main", at=repo.path):
        raise AssertionError
    assert [state.is_held for state in slots(repo.path)] == [False]
    with acquire(repo.git("rev-parse", "HEAD"), at=repo.path) as slot:
        assert slot.name == "slot-0"


def test_hooks_and_a_sparse_checkout_of_the_user_are_not_for_slots(repo: Repo) -> None:
    commit = tip(repo, **{"in/a": "1", "out/b": "2"})
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        repo.write(f".git/hooks/{name}", "#!/bin/sh\nexit 1\n").chmod(0o755)
    repo.git("-c", "core.hooksPath=/dev/null", "sparse-checkout", "set", "in")
    with acquire(commit, at=repo.path) as slot:
        assert files_in(slot.path) == {"in/a": "1", "out/b": "2"}
    assert not (repo.path / "out").exists()


@pytest.mark.parametrize("kind", ["bare", "linked", "sha256"])
def test_in_other_kinds_of_repositories(repo: Repo, tmp_path: Path, kind: str) -> None:
    at = tmp_path / kind
    if kind == "sha256":
        at.mkdir()
        Repo(at).git("init", "--quiet", "--object-format=sha256")
        commit = tip(Repo(at), a="1")
    else:
        commit = tip(repo, a="1")
        words = ["clone", "--bare"] if kind == "bare" else ["worktree", "add", "--detach"]
        repo.git(*words, "--quiet", *([str(repo.path)] if kind == "bare" else []), str(at))
    with acquire(commit, at=at) as slot:
        assert files_in(slot.path) == {"a": "1"}
        owner = repo.path / ".git" if kind == "linked" else at if kind == "bare" else at / ".git"
        assert slot.path == owner / "gitml" / "worktrees" / "slot-0"


def test_dvc_runs_in_a_slot_with_the_users_cache_and_remotes(repo: Repo) -> None:
    repo.with_dvc()
    repo.write(
        ".dvc/config",
        "[core]\n    remote = storage\n    analytics = false\n    site_cache_dir = /nowhere\n"
        "['remote \"storage\"']\n    url = ../../storage\n['remote \"far\"']\n    url = ssh://host/x\n",
    )
    repo.write(
        ".dvc/config.local",
        f"[core]\n    site_cache_dir = {repo.path.parent}/site\n"
        "['remote \"far\"']\n    keyfile = key%s\n    user = ada\n",
    )
    repo.write("dvc.yaml", "stages:\n  one:\n    cmd: cp in out\n    deps: [in]\n    outs: [out]\n")
    commit = tip(repo, **{"in": "data", ".gitignore": "/out\n"})
    with dvc_slot.acquire(commit, ["out"], at=repo.path) as slot:
        assert (slot.path / ".dvc" / "config.local").read_text() == (
            f"['remote \"storage\"']\n    url = {repo.path.parent}/storage\n"
            f"[core]\n    site_cache_dir = {repo.path.parent}/site\n"
            f"['remote \"far\"']\n    keyfile = {repo.path}/.dvc/key%s\n    user = ada\n"
            f"[cache]\n    dir = {repo.path}/.dvc/cache\n"
        )
        run = Repo(slot.path)
        done = run.run("dvc", "repro", "--quiet")
        assert (done.code, done.err) == (0, "")
        assert (slot.path / "out").read_text() == "data"
        assert len(list((repo.path / ".dvc" / "cache" / "files").rglob("*"))) > 1
        # What a killed run leaves.
        (slot.path / ".dvc" / "tmp").mkdir(exist_ok=True)
        (slot.path / ".dvc" / "tmp" / "rwlock").write_text('{"wri')
        (slot.path / "dvc.lock").write_text("schema: '2.0'\nstag")
    with dvc_slot.acquire(commit, ["out"], at=repo.path) as slot:
        assert not slot.is_new
        assert (slot.path / "out").read_text() == "data"
        assert not (slot.path / ".dvc" / "tmp" / "rwlock").exists()
        assert not (slot.path / "dvc.lock").exists()
        assert Repo(slot.path).run("dvc", "repro", "--quiet").code == 0
    assert repo.run("git", "status", "--porcelain").out == ""


@pytest.mark.parametrize(
    ("config", "local", "shared", "expected"),
    [
        ("", "", "", "{own}/cache"),
        ("[cache]\ndir = ../cache", "", "", "{repo}/cache"),
        ("[cache]\ndir = /srv/cache", "", "", "/srv/cache"),
        ("[cache]\ndir = ../cache", "[cache]\ndir = ../mine", "", "{repo}/mine"),
        ("", "", "[cache]\ndir = /srv/shared", None),
        ("[cache", "[cache]\nno value", "", "{own}/cache"),
    ],
)
def test_the_cache_is_the_users(
    repo: Repo, home: Path, config: str, local: str, shared: str, expected: str | None
) -> None:
    repo.write("sub/.dvc/config", config)
    repo.write("sub/.dvc/.gitignore", "/config.local\n")
    repo.write("sub/.dvc/config.local", local)
    (home / "GLOBAL_CONFIG").mkdir()
    (home / "GLOBAL_CONFIG" / "config").write_text(shared)
    commit = tip(repo)
    with dvc_slot.acquire(commit, project="sub", at=repo.path) as slot:
        written = (slot.path / "sub" / ".dvc" / "config.local").read_text()
        expects = expected and expected.format(own=repo.path / "sub" / ".dvc", repo=repo.path / "sub")
        assert written == (f"[cache]\n    dir = {expects}\n" if expects else "\n")


def test_a_project_without_dvc_and_a_bare_repository(repo: Repo, tmp_path: Path) -> None:
    with dvc_slot.acquire(tip(repo, a="1"), at=repo.path) as slot:
        assert files_in(slot.path) == {"a": "1"}
    repo.with_dvc()
    commit = tip(repo)
    repo.git("clone", "--quiet", "--bare", str(repo.path), str(tmp_path / "bare.git"))
    with dvc_slot.acquire(commit, at=tmp_path / "bare.git") as slot:
        assert (slot.path / ".dvc" / "config.local").read_text() == (
            f"[cache]\n    dir = {tmp_path}/bare.git/gitml/dvc/cache\n"
        )


KILLED = """
import subprocess, sys
from gitml.git.worktree import acquire
with acquire(sys.argv[1], ["kept"]) as slot:
    (slot.path / "kept").write_text("x")
    (slot.path / "a").write_text("spoiled")
    subprocess.run(["git", "add", "--all"], cwd=slot.path, pass_fds=[slot.lock.descriptor])
"""


def test_a_slot_that_was_half_made_when_git_was_killed_is_no_trouble_for_the_user(repo: Repo) -> None:
    commit = tip(repo, a="1")
    with acquire(commit, at=repo.path), acquire(commit, at=repo.path):
        pass
    repo.write(".git/worktrees/slot-1/HEAD", "0" * 40 + "\n")
    assert repo.run("git", "log", "--all").code == 128
    with acquire(commit, at=repo.path) as slot:
        assert slot.name == "slot-0"
        assert repo.run("git", "log", "--all").code == 0
    # While somebody makes it, it is theirs.
    held = worktree.try_to_take(slot.path.parent / "slot-1.lock")
    assert held is not None
    repo.write(".git/worktrees/slot-1/HEAD", "")
    discard_free(repo.path)
    assert (repo.path / ".git" / "worktrees" / "slot-1").exists()
    held.give_back()
    discard_free(repo.path)
    assert not (repo.path / ".git" / "worktrees" / "slot-1").exists()


def test_a_slot_is_thrown_away_with_folders_that_are_closed_and_links(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir(mode=0o500)
    with acquire(tip(repo, a="1"), at=repo.path) as slot:
        (slot.path / "closed" / "in").mkdir(parents=True)
        (slot.path / "closed").chmod(stat.S_IRUSR)
        (slot.path / "link").symlink_to(tmp_path / "outside")
    assert discard_free(repo.path) == ["slot-0"]
    assert not slot.path.exists()
    assert stat.S_IMODE((tmp_path / "outside").stat().st_mode) == 0o500


@pytest.mark.slow
def test_killed_anywhere_every_next_use_of_a_slot_works(repo: Repo) -> None:
    """100 kills, two at a time."""
    commits = [tip(repo, a=str(number), b=str(number)) for number in range(3)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    moments = Moments(7)
    for round in range(50):
        if round % 3 == 0:
            discard_free(repo.path)
        words = [sys.executable, "-c", KILLED, commits[round % 3]]
        running = [subprocess.Popen(words, cwd=repo.path, env=environment, stderr=subprocess.PIPE) for _ in range(2)]
        # Alone, so that its git runs on; or with all that it started.
        for _, error in moments.strike(*running, kill=alone if round % 2 else with_group):
            assert b"Error" not in error, error.decode()
        until = time.monotonic() + 60
        while any(state.is_held for state in slots(repo.path)) and time.monotonic() < until:
            time.sleep(0.02)
        with (
            acquire(commits[(round + 1) % 3], ["kept"], repo.path) as one,
            acquire(commits[round % 3], at=repo.path) as two,
        ):
            for slot, number in ((one, (round + 1) % 3), (two, round % 3)):
                text = str(number)
                assert {**files_in(slot.path), "kept": ""} == {"a": text, "b": text, "kept": ""}
                assert Repo(slot.path).run("git", "status", "--porcelain", "--untracked-files=no").out == ""
        assert repo.run("git", "status", "--porcelain").out == ""
    assert moments.hits > 0
    assert repo.run("git", "fsck", "--strict", "--no-dangling").out == ""
    assert repo.git("rev-parse", "HEAD") == commits[2]


def test_eight_who_start_at_once_have_a_slot_each(repo: Repo) -> None:
    commit = tip(repo, a="1")
    code = (
        "import sys\nfrom gitml.git.worktree import acquire\n"
        "with acquire(sys.argv[1]) as slot:\n"
        "    print(slot.name, (slot.path / 'a').read_text(), flush=True); sys.stdin.read()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, commit],
            cwd=repo.path,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    said = [process.stdout.readline() for process in running if process.stdout]
    assert sorted(said) == [f"slot-{number} 1\n" for number in range(8)]
    for process in running:
        process.communicate()
    assert [process.returncode for process in running] == [0] * 8


@pytest.mark.parametrize("link", [".dvc", ".dvc/tmp", "sub"])
def test_a_link_in_a_commit_leads_nowhere(repo: Repo, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    (outside / ".dvc").mkdir(parents=True)
    (outside / "rwlock").write_text("mine")
    repo.write("x", "")
    if "/" in link:
        (repo.path / ".dvc").mkdir()
    (repo.path / link).symlink_to(outside)
    commit = tip(repo)
    project = "sub" if link == "sub" else ""
    with (
        pytest.raises(dvc_slot.LeadsElsewhere, match=f"{link} is a symbolic link in this commit"),
        dvc_slot.acquire(commit, project=project, at=repo.path),
    ):
        raise AssertionError
    assert files_in(outside) == {"rwlock": "mine"}


def test_a_committed_config_local_that_is_a_link_is_not_written_through(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    repo.with_dvc()
    (repo.path / ".dvc" / "config.local").symlink_to(tmp_path / "mine")
    repo.git("add", "--force", ".dvc/config.local")
    with dvc_slot.acquire(tip(repo), at=repo.path) as slot:
        assert "dir = " in (slot.path / ".dvc" / "config.local").read_text()
    assert (tmp_path / "mine").read_text() == "mine"
