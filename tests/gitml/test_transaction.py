"""Commits by plumbing, and refs that move by compare-and-swap."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gitml.errors import GitFailed
from gitml.git import leftovers
from gitml.git.transaction import (
    Author,
    CannotSign,
    NoIdentity,
    RefInTheWay,
    RefIsLocked,
    RefMoved,
    commit_tree,
    compare_and_swap,
    delete,
    value_of,
)
from gitml.git.trees import Blob, tree_with

from .conftest import ROOT, Repo
from .kills import Moments

BRANCH = "refs/heads/experiments/lr"
NONE = "0" * 40


@pytest.fixture
def two(repo: Repo) -> tuple[str, str]:
    """The ids of two commits."""
    repo.commit("infra: one", a="1")
    first = repo.git("rev-parse", "HEAD")
    repo.commit("infra: two", a="2")
    return first, repo.git("rev-parse", "HEAD")


def python(repo: Repo, code: str, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        cwd=repo.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def aged(file: Path, seconds: float = 60) -> Path:
    os.utime(file, (time.time() - seconds,) * 2)
    return file


def test_a_commit_is_what_was_asked(repo: Repo) -> None:
    parent = repo.git("rev-parse", "HEAD")
    tree = tree_with(None, {"a": Blob("100644", b"1")}, repo.path)
    message = "experiment: größer\n\n# no comment\n\nParams: lr 1 -> 2\n"
    made = commit_tree(tree, [parent, parent], message, Author("Bo", "bo@example.com"), "1700000000 +0100", repo.path)
    assert repo.git("cat-file", "commit", made) == (
        f"tree {tree}\nparent {parent}\nauthor Bo <bo@example.com> 1700000000 +0100\n"
        f"committer Ada <ada@example.com> 1700000000 +0100\n\n{message}".rstrip()
    )
    assert repo.git("rev-parse", "HEAD") == parent


def test_a_commit_by_whom_git_knows_in_utf8(repo: Repo) -> None:
    repo.git("config", "i18n.commitEncoding", "ISO-8859-1")
    tree = tree_with(None, {}, repo.path)
    made = commit_tree(tree, [], "experiment: größer", at=repo.path)
    raw = repo.run("git", "cat-file", "commit", made).out
    assert "encoding" not in raw
    assert raw.endswith("\n\nexperiment: größer\n")
    assert repo.git("log", "-1", "--format=%an %ae %P", made) == "Ada ada@example.com"


def test_nobody_knows_who_commits(repo: Repo, home: Path) -> None:
    (home / ".gitconfig").write_text("")
    tree = tree_with(None, {}, repo.path)
    with pytest.raises(NoIdentity) as caught:
        commit_tree(tree, [], "infra: x", at=repo.path)
    assert caught.value.exit_code == 3
    assert caught.value.mend == (
        'git config --global user.name "Your Name"',
        "git config --global user.email you@example.com",
    )


def test_a_commit_is_signed_where_git_was_told_to(repo: Repo, home: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / "key"], check=True)
    repo.git("config", "commit.gpgSign", "yes")
    repo.git("config", "gpg.format", "ssh")
    tree = tree_with(None, {}, repo.path)
    with pytest.raises(CannotSign, match="git could not sign the commit"):
        commit_tree(tree, [], "infra: x", at=repo.path)
    repo.git("config", "user.signingKey", str(home / "key"))
    (home / "allowed").write_text(f"ada@example.com {(home / 'key.pub').read_text()}")
    repo.git("config", "gpg.ssh.allowedSignersFile", str(home / "allowed"))
    made = commit_tree(tree, [], "infra: x", at=repo.path)
    assert repo.run("git", "verify-commit", made).code == 0


def test_a_tree_that_does_not_exist(repo: Repo) -> None:
    with pytest.raises(GitFailed, match="commit-tree"):
        commit_tree("1" * 40, [], "infra: x", at=repo.path)
    with pytest.raises(ValueError, match="'--help' is no full object id"):
        commit_tree("--help", [], "infra: x", at=repo.path)


def test_a_ref_is_made_moved_and_deleted(repo: Repo, two: tuple[str, str]) -> None:
    first, second = two
    compare_and_swap(BRANCH, first, None, "exp start:\n  lr", repo.path)
    compare_and_swap(BRANCH, second, first, "exp run", repo.path)
    assert value_of(BRANCH, repo.path) == second
    assert repo.git("reflog", "show", "--format=%gs", BRANCH) == "exp run\nexp start: lr"
    delete(BRANCH, second, at=repo.path)
    assert value_of(BRANCH, repo.path) is None


def test_a_ref_that_somebody_else_moved(repo: Repo, two: tuple[str, str]) -> None:
    first, second = two
    repo.git("update-ref", "-m", "commit: by hand", BRANCH, second)
    cases: list[tuple[str | None, str]] = [
        (None, f"experiments/lr exists already, at {second[:10]}"),
        (first, f"experiments/lr is at {second[:10]} now; it was at {first[:10]}"),
    ]
    for old, what in cases:
        with pytest.raises(RefMoved) as caught:
            compare_and_swap(BRANCH, first, old, "x", repo.path)
        assert (caught.value.what, caught.value.now, caught.value.expected) == (what, second, old)
        assert caught.value.why.startswith("Ada moved it ")
        assert caught.value.why.endswith("ago (commit: by hand). Nothing was changed.")
    with pytest.raises(RefMoved):
        delete(BRANCH, first, at=repo.path)
    repo.git("update-ref", "-d", BRANCH)
    with pytest.raises(RefMoved) as caught:
        compare_and_swap(BRANCH, second, first, "x", repo.path)
    assert caught.value.what == f"experiments/lr was deleted; it was at {first[:10]}"
    assert caught.value.why == "Another command was first. Nothing was changed."


@pytest.mark.parametrize(
    ("there", "wanted", "kind"),
    [
        ("refs/heads/experiments", BRANCH, "branch"),
        ("refs/heads/experiments/lr/deep", BRANCH, "branch"),
        ("refs/tags/exp", "refs/tags/exp/lr", "tag"),
    ],
)
def test_a_name_that_is_the_beginning_of_another(
    repo: Repo, two: tuple[str, str], there: str, wanted: str, kind: str
) -> None:
    for is_packed in (False, True):
        repo.git("update-ref", there, two[0])
        repo.git("update-ref", f"{wanted}-sibling" if there.startswith(wanted) else f"{there}-sibling", two[0])
        if is_packed:
            repo.git("pack-refs", "--all")
        with pytest.raises(RefInTheWay) as caught:
            compare_and_swap(wanted, two[0], None, "x", repo.path)
        assert caught.value.other == there
        assert f"while there is a {kind} " in caught.value.what
    subprocess.run(caught.value.mend[0], shell=True, cwd=repo.path, check=True)  # noqa: S602
    if not there.startswith(wanted):
        compare_and_swap(wanted, two[0], None, "x", repo.path)


def test_a_lock_that_a_killed_git_left_is_cleared(repo: Repo, two: tuple[str, str]) -> None:
    lock = aged(repo.write(f".git/{BRANCH}.lock", ""))
    compare_and_swap(BRANCH, two[0], None, "x", repo.path)
    assert value_of(BRANCH, repo.path) == two[0]
    assert not lock.exists()
    repo.git("pack-refs", "--all")
    aged(repo.write(".git/packed-refs.lock", ""))
    delete(BRANCH, two[0], at=repo.path)
    assert value_of(BRANCH, repo.path) is None


def test_a_young_lock_is_waited_for(repo: Repo, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitml.git.transaction.PATIENCE", 0.2)
    lock = repo.write(f".git/{BRANCH}.lock", "")
    with pytest.raises(RefIsLocked) as caught:
        compare_and_swap(BRANCH, two[0], None, "x", repo.path)
    assert caught.value.lock == lock
    assert caught.value.exit_code == 3
    assert lock.exists()
    assert value_of(BRANCH, repo.path) is None


def test_a_lock_that_somebody_has_open_is_left(repo: Repo) -> None:
    lock = aged(repo.write(".git/x.lock", ""))
    with lock.open() as file, subprocess.Popen(["sleep", "60"], stdin=file) as holder:
        assert not leftovers.clear_if_abandoned(lock)
        holder.kill()
    assert leftovers.clear_if_abandoned(lock)
    assert not lock.exists()
    assert leftovers.clear_if_abandoned(lock)


def test_a_lock_while_a_git_runs_that_is_older_is_left(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "ABANDONED_AFTER", 0.0)
    with subprocess.Popen(["git", "cat-file", "--batch"], cwd=repo.path, stdin=subprocess.PIPE) as running:
        time.sleep(0.05)
        lock = repo.write(".git/x.lock", "")
        assert not leftovers.clear_if_abandoned(lock)
        # It ended, and its parent has not asked for its status yet: it holds nothing.
        running.kill()
        os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOWAIT)
        assert "Z" in Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2]
        aged(lock, 5)
        assert leftovers.clear_if_abandoned(lock)


def test_where_processes_cannot_be_seen_nothing_is_cleared(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = aged(repo.write(".git/x.lock", ""))
    for place in (tmp_path / "none", tmp_path):
        monkeypatch.setattr(leftovers, "_PROCESSES", place)
        assert not leftovers.clear_if_abandoned(lock)
    repo.write("proc/1/comm", "init")
    repo.write("proc/self/mounts", f"host:/x {repo.path} nfs4 rw 0 0\n/dev/sda / ext4 rw 0 0\n")
    monkeypatch.setattr(leftovers, "_PROCESSES", repo.path / "proc")
    assert not leftovers.clear_if_abandoned(lock)
    repo.write("proc/self/mounts", "/dev/sda / ext4 rw 0 0\n")
    assert leftovers.clear_if_abandoned(lock)


def test_a_folder_named_like_a_lock_is_left(repo: Repo) -> None:
    lock = repo.path / ".git" / "x.lock"
    lock.mkdir()
    assert not leftovers.clear_if_abandoned(aged(lock))
    assert lock.is_dir()


@pytest.mark.parametrize("name", ["main", "--all", "refs/heads/a b", "refs/heads/a\nb", "refs/heads/*", "HEAD"])
def test_only_full_names_and_ids_reach_git(repo: Repo, two: tuple[str, str], name: str) -> None:
    with pytest.raises(ValueError, match="is no full name of a ref"):
        compare_and_swap(name, two[0], None, "x", repo.path)
    with pytest.raises(ValueError, match="is no full object id"):
        compare_and_swap(BRANCH, "main", None, "x", repo.path)


def test_what_git_refuses_for_another_reason(repo: Repo, two: tuple[str, str]) -> None:
    with pytest.raises(GitFailed, match="update-ref"):
        compare_and_swap(BRANCH, "1" * 40, None, "x", repo.path)


def test_a_bare_sha256_repository(tmp_path: Path) -> None:
    bare = Repo(tmp_path / "bare.git")
    bare.path.mkdir()
    bare.git("init", "--quiet", "--bare", "--object-format=sha256")
    made = commit_tree(tree_with(None, {}, bare.path), [], "infra: x", at=bare.path)
    compare_and_swap(BRANCH, made, None, "x", bare.path)
    with pytest.raises(RefMoved) as caught:
        compare_and_swap(BRANCH, made, None, "x", bare.path)
    assert caught.value.now == made
    assert len(made) == 64


RACE = """
import sys
from pathlib import Path
from gitml.git.transaction import RefMoved, commit_tree, compare_and_swap
from gitml.git.trees import Blob, tree_with
made = commit_tree(tree_with(None, {"me": Blob("100644", sys.argv[1].encode())}), [], "infra: " + sys.argv[1])
print(made, flush=True)
sys.stdin.readline()
try:
    compare_and_swap("refs/heads/experiments/lr", made, None, "race")
except RefMoved as error:
    assert error.now is not None and error.now != made, error.now
    sys.exit(7)
"""


def test_of_eight_who_race_for_a_name_one_wins(repo: Repo) -> None:
    racers = []
    for number in range(8):
        racers.append(
            subprocess.Popen(
                [sys.executable, "-c", RACE, str(number)],
                cwd=repo.path,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
    made = [racer.stdout.readline().decode().strip() for racer in racers if racer.stdout]
    for racer in racers:
        racer.communicate(b"\n")
    codes = [racer.returncode for racer in racers]
    assert sorted(codes) == [0] + [7] * 7
    assert value_of(BRANCH, repo.path) == made[codes.index(0)]


KILLED = """
from pathlib import Path
from gitml.git.index import advance, finish
from gitml.git.lock import hold
from gitml.git.transaction import commit_tree, value_of
from gitml.git.trees import snapshot
here, ref = Path.cwd(), "refs/heads/main"
with hold():
    finish(here)
    old = value_of(ref)
    tree = snapshot(here, ["new"])
    new = commit_tree(tree, [old], "experiment: run")
    advance(here, ref, new, old, "exp run")
"""


@pytest.mark.slow
def test_killed_anywhere_nothing_is_lost_and_the_same_again_finishes(repo: Repo) -> None:
    """100 kills of a command that commits what the working tree has."""
    repo.commit(a="0", b="0", staged="0")
    assert python(repo, KILLED.replace('["new"]', "[]")).communicate() == (b"", b"")
    moments = Moments(4)
    for round in range(100):
        before = repo.git("rev-parse", "main")
        text = f"round {round}"
        repo.write("a", text)
        repo.write("new", text)
        repo.write("staged", f"{text}, staged")
        repo.git("add", "staged")
        process = python(repo, KILLED)
        ((_, err),) = moments.strike(process)
        assert b"Error" not in err, err
        assert [(repo.path / name).read_text() for name in ("a", "new", "staged")] == [text, text, f"{text}, staged"]
        assert repo.git("merge-base", before, "main") == before
        again = python(repo, KILLED)
        _, err = again.communicate()
        assert again.returncode == 0, err
        assert [repo.git("show", f"main:{name}") for name in ("a", "new", "staged")] == [text, text, f"{text}, staged"]
        if round % 10 == 9:
            fsck = repo.run("git", "fsck", "--strict", "--no-dangling")
            assert (fsck.code, fsck.out) == (0, "")
    assert moments.hits > 0
    # What was staged when the index had another value still is: nothing, since all was committed.
    assert repo.run("git", "status", "--porcelain").out == ""
    assert not (repo.path / ".git" / "gitml-index").exists()
    assert not list((repo.path / ".git").rglob("*.lock"))


FULL = """
set -e
mount -t tmpfs -o size=3m none "$1"
cd "$1"
git init --quiet && echo 1 > a && echo 1 > b && git add . && git commit --quiet -m "infra: x"
echo 2 > a && head -c 200000 /dev/urandom > new
cp -p .git/index /dev/shm/index.$$ && git rev-parse main > /dev/shm/main.$$
head -c 10m /dev/zero > filler 2> /dev/null || true
"$2" -c "$3" 2> /dev/shm/err.$$ && echo done
cmp .git/index /dev/shm/index.$$ && git rev-parse main | cmp - /dev/shm/main.$$
echo 2 | cmp - a && stat --format=%s new && git fsck --strict --no-dangling && ls .git/gitml/tmp
tail -1 /dev/shm/err.$$
rm -f filler /dev/shm/*.$$
"$2" -c "$3" && git status --porcelain && git fsck --strict
"""


def test_on_a_full_disk_nothing_is_changed_and_with_room_again_it_works(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    script = FULL.replace('"$2" -c "$3" 2>', '! "$2" -c "$3" 2>').replace(" && echo done", "")
    done = repo.run(
        *("unshare", "--mount", "--map-root-user", "bash", "-c", script, "-", str(tmp_path / "full")),
        *(sys.executable, KILLED),
        PYTHONPATH=str(ROOT),
        PYTHONDONTWRITEBYTECODE="1",
    )
    if "unshare:" in done.err or "mount:" in done.err:
        pytest.skip(f"no file system can be mounted here: {done.err.strip()}")
    assert (done.code, done.err) == (0, "")
    size, error = done.out.splitlines()
    assert size == "200000"
    assert error.startswith(("gitml.git.repository.CannotWrite: ", "gitml.errors.GitFailed: "))


def test_a_tag_that_looks_like_a_branch_is_none(repo: Repo, two: tuple[str, str]) -> None:
    repo.git("update-ref", f"refs/tags/{BRANCH}", two[1])
    assert value_of(BRANCH, repo.path) is None
    compare_and_swap(BRANCH, two[0], None, "x", repo.path)
    assert value_of(BRANCH, repo.path) == two[0]
