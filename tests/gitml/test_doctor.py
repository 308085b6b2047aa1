"""`gitml doctor`: what it finds, and that what it names mends it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml import doctor
from gitml.doctor import Finding
from gitml.pipeline.environment import Hold

from .conftest import Repo

HEALTHY = """\
python      ok        VERSION
git         ok        VERSION
repository  ok        flights
head        ok        main at COMMIT
identity    ok        git knows who commits
git remote  ok        none yet: all of it is on this machine
hooks       ok        pre-commit and 4 more installed
names       ok        1 branch, no clash
locks       ok        none is left
gitml.toml  ok        none: the defaults count
dvc         ok        VERSION
project     ok        a DVC project
remote      ok        storage
rwlock      ok        free
dvc.lock    ok        none yet: nothing was run
torch       ok        VERSION

Nothing to mend.
"""

LOST = "Data and models stay on this machine: a colleague's clone has none."


def _steady(text: str) -> str:
    """Return `text` without what differs from machine to machine and from commit to commit."""
    text = re.sub(r"^((?:python|git|dvc|torch) +ok +).*$", r"\1VERSION", text, flags=re.MULTILINE)
    return re.sub(r"\b[0-9a-f]{7}\b", "COMMIT", text)


def _ailing(*replaced: tuple[str, str], summary: str, fixable: int = 0) -> str:
    """Return `HEALTHY` with some of its lines replaced, and another last line."""
    last = f"{summary}. The commands that mend them stand below each."
    last += f"\ngitml doctor --fix mends {fixable} of them." * (fixable > 0)
    text = HEALTHY.replace("Nothing to mend.", last)
    for line, others in replaced:
        assert f"{line}\n" in text
        text = text.replace(f"{line}\n", others)
    return text


def test_all_is_well(gitml: Callable, well: Repo) -> None:
    done = gitml("doctor", at=well.path)
    assert (done.code, _steady(done.out), done.err) == (0, HEALTHY, "")


def test_from_a_subfolder_all_is_as_well(gitml: Callable, well: Repo) -> None:
    well.write("src/deep/x.py", "")
    assert _steady(gitml("doctor", at=well.path / "src" / "deep").out) == HEALTHY


def test_a_linked_worktree_is_named_with_its_repository(gitml: Callable, well: Repo) -> None:
    well.git("worktree", "add", "--quiet", "-b", "experiments/lr", "../lr")
    well.write("../lr/.dvc/config.local", f"[cache]\n    dir = {well.path}/.dvc/cache\n")
    expected = HEALTHY
    for line, other in {
        "repository  ok        flights\n": "repository  ok        lr, a linked worktree of flights\n",
        "main at": "experiments/lr at",
        "1 branch,": "2 branches,",
        "ok        storage\n": "ok        storage\ncache       ok        shared by 2 worktrees\n",
    }.items():
        assert line in expected
        expected = expected.replace(line, other)
    assert _steady(gitml("doctor", at=well.path.parent / "lr").out) == expected


def test_a_project_below_the_top_is_found(gitml: Callable, repo: Repo) -> None:
    Repo(repo.path / "ml").with_dvc()
    assert "project     ok        a DVC project in ml\n" in gitml("doctor", at=repo.path / "ml").out
    assert "project     broken    DVC is not initialised here\n" in gitml("doctor", at=repo.path).out


def test_outside_a_repository(gitml: Callable, tmp_path: Path) -> None:
    done = gitml("doctor", at=tmp_path)
    assert (done.code, _steady(done.out)) == (
        3,
        """\
python      ok        VERSION
git         ok        VERSION
repository  broken    not inside a git repository
                        git init
dvc         ok        VERSION
torch       ok        VERSION

1 broken, 0 warnings. The commands that mend them stand below each.
""",
    )


def test_a_new_repository_with_nobody_in_it(gitml: Callable, tmp_path: Path, home: Path) -> None:
    (home / ".gitconfig").unlink()
    subprocess.run(["git", "init", "--quiet", "-b", "main", tmp_path / "new"], check=True)
    done = gitml("doctor", at=tmp_path / "new")
    assert (done.code, _steady(done.out)) == (
        3,
        """\
python      ok        VERSION
git         ok        VERSION
repository  ok        new
head        warning   main has no commit yet
                      An experiment starts from a commit.
                        git commit --allow-empty -m "infra: start"
identity    broken    git does not know who commits
                      Every run is a commit, and a commit names its author.
                        git config --global user.name "Your Name"
                        git config --global user.email you@example.com
git remote  ok        none yet: all of it is on this machine
hooks       warning   gitml's hooks are not installed in this clone
                      A wrong message, name or file is then found on the server
                      only, or not at all.
                        gitml hooks install
names       ok        0 branches, no clash
locks       ok        none is left
gitml.toml  ok        none: the defaults count
dvc         ok        VERSION
project     broken    DVC is not initialised here
                      There is no .dvc folder.
                        dvc init
torch       ok        VERSION

2 broken, 2 warnings. The commands that mend them stand below each.
gitml doctor --fix mends 1 of them.
""",
    )


def test_an_identity_in_the_environment_counts(
    gitml: Callable, well: Repo, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".gitconfig").unlink()
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")
    assert _steady(gitml("doctor", at=well.path).out) == HEALTHY


def test_a_bare_repository_is_said(gitml: Callable, repo: Repo) -> None:
    repo.git("clone", "--quiet", "--bare", ".", "../server.git")
    done = gitml("doctor", at=repo.path.parent / "server.git")
    assert (done.code, _steady(done.out).replace(str(repo.path.parent), "/srv")) == (
        0,
        """\
python      ok        VERSION
git         ok        VERSION
repository  warning   server.git is bare
                      It has no files to work on: experiments need a clone of
                      it.
                        git clone /srv/server.git ../server
head        ok        main at COMMIT
identity    ok        git knows who commits
git remote  ok        origin
hooks       warning   pre-receive is not installed in this repository
                      A wrong message, name or file is then found on the server
                      only, or not at all.
                        gitml hooks install --server
names       ok        1 branch, no clash
locks       ok        none is left
dvc         ok        VERSION
torch       ok        VERSION

0 broken, 2 warnings. The commands that mend them stand below each.
""",
    )


def test_the_inside_of_dot_git_is_said(gitml: Callable, repo: Repo) -> None:
    out = gitml("doctor", at=repo.path / ".git" / "refs").out
    assert (
        "repository  warning   this is the inside of a .git folder\n"
        "                      There are no files to work on here.\n"
        "                        cd ../..\n"
    ) in out


def test_a_detached_head(gitml: Callable, well: Repo) -> None:
    well.git("checkout", "--quiet", "--detach")
    head = (
        "head        warning   detached at COMMIT\n"
        "                      A commit made now would be on no branch and be lost.\n"
        "                        git switch -c experiments/from-COMMIT\n"
    )
    expected = _ailing(("head        ok        main at COMMIT", head), summary="0 broken, 1 warning")
    done = gitml("doctor", at=well.path)
    assert (done.code, _steady(done.out)) == (0, expected)


def test_what_a_killed_run_leaves(gitml: Callable, well: Repo) -> None:
    well.write(".dvc/tmp/rwlock", '{"write": {"/x": {"pid": 1')
    well.write("dvc.lock", "")
    expected = _ailing(
        (
            "rwlock      ok        free",
            "rwlock      broken    .dvc/tmp/rwlock is corrupt\n"
            "                      A run was killed while it wrote the file; DVC refuses to\n"
            "                      run until it is gone.\n"
            "                        rm .dvc/tmp/rwlock\n",
        ),
        (
            "dvc.lock    ok        none yet: nothing was run",
            "dvc.lock    broken    dvc.lock is empty\n"
            "                      A run was killed, or a merge stopped, while it was\n"
            "                      written. DVC cannot tell what was produced.\n"
            "                        rm dvc.lock\n"
            "                        dvc repro\n",
        ),
        summary="2 broken, 0 warnings",
        fixable=2,
    )
    done = gitml("doctor", at=well.path)
    assert (done.code, _steady(done.out)) == (3, expected)


def test_a_lock_of_dead_processes_is_a_warning(gitml: Callable, repo: Repo) -> None:
    repo.with_dvc().commit()
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    _hold(repo, dead.pid)
    out = gitml("doctor", at=repo.path).out
    assert (
        f"""\
rwlock      warning   .dvc/tmp/rwlock is left from a killed run
                      It names process {dead.pid}, which ended."""
        in out
    )


def test_a_lock_of_a_running_process_is_right(gitml: Callable, well: Repo) -> None:
    _hold(well, os.getpid())
    out = _steady(gitml("doctor", at=well.path).out)
    assert out == HEALTHY.replace("ok        free", f"ok        held by process {os.getpid()}")


@pytest.mark.parametrize(
    ("config", "local", "expected"),
    [
        ("", "", ("warning", "no default DVC remote")),
        ("[core]\n    autostage = true\n", "", ("warning", "no default DVC remote")),
        ("[core]\nremote = s3\n", "", ("warning", "the default DVC remote s3 has no URL")),
        ("[core]\nremote = s3\n", "['remote \"s3\"']\n    url = s3://b/p\n", ("ok", "s3")),
        ("[core]\nremote = s3\n['remote \"s3\"']\nurl = s3://b/p\n", "[core]\nremote = no\n", ("warning", None)),
        ("not a config", "", ("warning", "no default DVC remote")),
    ],
)
def test_the_default_remote(repo: Repo, config: str, local: str, expected: tuple[str, str | None]) -> None:
    repo.write(".dvc/config", config)
    repo.write(".dvc/config.local", local)
    finding = _found(repo.path, "remote")
    assert finding.state == expected[0]
    assert expected[1] in (None, finding.says)


def test_a_remote_of_the_machine_counts(repo: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    repo.write(".dvc/config", "")
    (tmp_path / "config").write_text("[core]\n    remote = nas\n['remote \"nas\"']\n    url = ssh://nas/dvc\n")
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path))
    assert _found(repo.path, "remote") == Finding("remote", "ok", "nas")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "dvc.lock is empty"),
        (b"stages: [", "dvc.lock is not YAML"),
        (b"\xff\xfe\x00", "dvc.lock is not YAML"),
        (b"<<<<<<< HEAD\nstages: {}\n=======\n>>>>>>> x\n", "dvc.lock is not YAML"),
        (b"- a\n- b\n", "dvc.lock is without stages"),
        (b"stages:\n", "dvc.lock is without stages"),
        (b"schema: '2.0'\nstages: {}\n", "readable"),
    ],
)
def test_the_lock_file(repo: Repo, content: bytes, says: str) -> None:
    repo.with_dvc().write("dvc.lock", content)
    finding = _found(repo.path, "dvc.lock")
    assert (finding.state, finding.says) == ("ok" if says == "readable" else "broken", says)


def test_a_lock_file_that_is_a_folder(repo: Repo) -> None:
    repo.with_dvc().write("dvc.lock/x", "")
    assert _found(repo.path, "dvc.lock").says == "dvc.lock is not readable"


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"write": []}', '{"read": {"/x": {"pid": 1}}}', '{"write": {"/x": {}}}', "[" * 9999, "\0"],
)
def test_a_corrupt_rwlock(repo: Repo, content: str) -> None:
    repo.with_dvc().write(".dvc/tmp/rwlock", content)
    assert _found(repo.path, "rwlock").says == ".dvc/tmp/rwlock is corrupt"


def test_an_rwlock_with_nobody_in_it(repo: Repo) -> None:
    repo.with_dvc().write(".dvc/tmp/rwlock", '{"write": {}, "read": {}}')
    assert _found(repo.path, "rwlock") == Finding("rwlock", "ok", "free")


def test_json_says_the_same(gitml: Callable, repo: Repo) -> None:
    done = gitml("doctor", "--json", at=repo.path)
    findings = json.loads(done.out)
    assert done.code == 3
    assert [finding["check"] for finding in findings] == [
        "python",
        "git",
        "repository",
        "head",
        "identity",
        "git remote",
        "hooks",
        "names",
        "locks",
        "gitml.toml",
        "dvc",
        "project",
        "torch",
    ]
    assert [finding["fixable"] for finding in findings] == [False] * 6 + [True] + [False] * 6
    assert findings[11] == {
        "check": "project",
        "state": "broken",
        "says": "DVC is not initialised here",
        "why": "There is no .dvc folder.",
        "mend": ["dvc init"],
        "fixable": False,
    }


def test_no_git_at_all(gitml: Callable, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repo.path))
    done = gitml("doctor", at=repo.path)
    assert (done.code, _steady(done.out)) == (
        3,
        """\
python      ok        VERSION
git         broken    git could not be run
                      gitml keeps everything in git, and no git is in PATH.
                        install git 2.38 or newer: https://git-scm.com/downloads
dvc         ok        VERSION
torch       ok        VERSION

1 broken, 0 warnings. The commands that mend them stand below each.
""",
    )


def test_a_folder_that_was_deleted(gitml_process: Callable) -> None:
    leave = "import os\nos.mkdir('gone')\nos.chdir('gone')\nos.rmdir('../gone')"
    assert gitml_process("doctor", before=leave) == (
        3,
        "",
        "gitml: the current folder does not exist any more\n"
        "  It was deleted or moved while this shell was in it.\n"
        "Mend:\n"
        "  cd ..\n",
    )


def test_another_folder_than_the_current_one(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.with_dvc().commit()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    findings = {finding.check: finding for finding in doctor.diagnose(repo.path)}
    assert findings["repository"] == Finding("repository", "ok", "flights")


def test_too_old() -> None:
    assert doctor.python((3, 10, 13)).says == "3.10.13 is too old"
    assert doctor.git("2.37.9", (2, 37)).says == "2.37.9 is too old"
    assert doctor.dvc("3.49.0", "python").says == "3.49.0 is too old"
    assert doctor.dvc(None, ".venv/bin/python") == Finding(
        "dvc",
        "broken",
        "not installed",
        "gitml runs the pipeline with DVC 3.50 or newer.",
        (".venv/bin/python -m pip install 'dvc>=3.50'",),
    )


@pytest.mark.parametrize("version", ["2.13.0", "2.13.0+cpu", "2.13.0+cu126", None])
def test_the_pinned_torch_is_right(version: str | None) -> None:
    assert doctor.torch(version, "python").state == "ok"


@pytest.mark.parametrize("version", ["2.12.1", "2.13.1", "2.13.0.post1", "3.0"])
def test_another_torch_is_a_warning(version: str) -> None:
    finding = doctor.torch(version, "python")
    assert (finding.state, finding.mend) == ("warning", ("python -m pip install torch==2.13.0",))


def test_many_processes_are_many() -> None:
    assert doctor.hold(Hold("held", (7, 9)), "x").says == "held by processes 7, 9"


class TestTheNamedCommandMends:
    """After the first command that a finding names, the finding is gone."""

    def test_no_repository(self, tmp_path: Path) -> None:
        _mends("repository", "git init", at=tmp_path)

    def test_a_wrong_git_dir(self, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_DIR", "/nowhere")
        monkeypatch.chdir(repo.path)
        finding = next(finding for finding in doctor.diagnose() if finding.check == "repository")
        assert (finding.state, finding.mend) == ("broken", ("unset GIT_DIR",))

    def test_no_commit(self, tmp_path: Path) -> None:
        subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
        _mends("head", 'git commit --allow-empty -m "infra: start"', at=tmp_path)

    def test_nobody(self, repo: Repo, home: Path) -> None:
        (home / ".gitconfig").unlink()
        _mends(
            "identity",
            'git config --global user.name "Your Name"',
            "git config --global user.email you@example.com",
            at=repo.path,
        )

    def test_a_detached_head(self, repo: Repo) -> None:
        repo.git("checkout", "--quiet", "--detach")
        commit = repo.git("rev-parse", "--short", "HEAD")
        _mends("head", f"git switch -c experiments/from-{commit}", at=repo.path)

    def test_a_rebase_under_way(self, repo: Repo) -> None:
        repo.commit(x="0")
        repo.git("branch", "other")
        repo.commit(x="1")
        repo.git("checkout", "--quiet", "other")
        repo.commit(x="2")
        with pytest.raises(subprocess.CalledProcessError):
            repo.git("rebase", "main")
        assert _found(repo.path, "head").mend[0] == "git rebase --continue"
        repo.git("rebase", "--abort")
        assert _found(repo.path, "head").state == "ok"

    def test_a_bisection_under_way(self, repo: Repo) -> None:
        first = repo.git("rev-parse", "HEAD")
        for _ in range(3):
            repo.commit()
        repo.git("bisect", "start", "HEAD", first)
        _mends("head", "git bisect reset", at=repo.path)

    def test_no_dvc_project(self, repo: Repo) -> None:
        (repo.path / "src").mkdir()
        _mends("project", "cd .. && dvc init", at=repo.path / "src")
        _mends("remote", "dvc remote add -d storage s3://your-bucket/dvc", at=repo.path / "src")

    def test_a_corrupt_rwlock_seen_from_a_subfolder(self, repo: Repo) -> None:
        repo.with_dvc().write(".dvc/tmp/rwlock", "{")
        (repo.path / "src").mkdir()
        _mends("rwlock", "rm ../.dvc/tmp/rwlock", at=repo.path / "src")

    def test_a_cut_lock_file_that_was_committed(self, repo: Repo) -> None:
        Repo(repo.path / "my ml").with_dvc()
        repo.commit(**{"my ml/dvc.lock": "schema: '2.0'\nstages: {}\n"})
        repo.write("my ml/dvc.lock", "")
        _mends("dvc.lock", "git checkout HEAD -- dvc.lock", at=repo.path / "my ml")

    def test_a_cut_lock_file_that_was_not(self, repo: Repo) -> None:
        repo.with_dvc().write("dvc.lock", "{")
        _mends("dvc.lock", "rm dvc.lock", at=repo.path)

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to give a file away")
    def test_a_repository_of_somebody_else(self, repo: Repo) -> None:
        for path in (repo.path, repo.path / ".git"):
            os.chown(path, 12345, 12345)
        _mends("repository", f"git config --global --add safe.directory {repo.path}", at=repo.path)


def _hold(repo: Repo, pid: int) -> None:
    repo.write(".dvc/tmp/rwlock", json.dumps({"write": {}, "read": {"/x": [{"pid": pid, "cmd": "dvc repro"}]}}))


def _found(folder: Path, check: str) -> Finding:
    return next(finding for finding in doctor.diagnose(folder) if finding.check == check)


def _mends(check: str, *commands: str, at: Path) -> None:
    finding = _found(at, check)
    assert finding.state != "ok"
    assert finding.mend[: len(commands)] == commands
    for command in commands:
        subprocess.run(command, shell=True, cwd=at, check=True, capture_output=True)  # noqa: S602
    assert _found(at, check).state == "ok"
