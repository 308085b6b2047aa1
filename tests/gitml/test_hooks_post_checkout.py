"""post-checkout on real git and real DVC: DVC's files follow, and nothing about them fails a checkout."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gitml.hooks import install as installation
from gitml.hooks import post_checkout

from .conftest import ROOT, Done, Repo
from .dvc_store import CONFIG, DataRepo, md5_of

BUSY = '{"write": {"/x": {"pid": 1, "cmd": "dvc repro"}}}'


@pytest.fixture
def data(repo: Repo) -> DataRepo:
    """On main with raw/ and no model; experiments/lr has another raw/ and a model. The hooks are installed."""
    made = DataRepo(repo.path).init()
    made.track("raw", {"a": "1", "b c": "22"})
    made.commit("data: raw")
    made.git("checkout", "-q", "-b", "experiments/lr")
    made.track("raw", {"a": "other"})
    made.track("model.onnx", "model")
    made.commit("experiment: lr")
    made.git("checkout", "-q", "main")
    shutil.rmtree(made.path / "raw")
    (made.path / "model.onnx").unlink()
    place = installation.find(made.path)
    installation.carry_out(installation.plan_install(place), place)
    return made


def files(data: DataRepo, *names: str) -> dict[str, str]:
    """Return what of DVC's is in the working tree."""
    return {
        str(file.relative_to(data.path)): file.read_text()
        for name in names or ("raw", "model.onnx")
        for file in [data.path / name, *sorted((data.path / name).rglob("*"))]
        if file.is_file()
    }


LR = {"raw/a": "other", "model.onnx": "model"}


def test_dvcs_files_follow_there_and_back(data: DataRepo) -> None:
    assert data.run("git", "checkout", "experiments/lr") == Done(0, "", "Switched to branch 'experiments/lr'\n")
    assert files(data) == LR
    assert data.run("git", "switch", "main") == Done(0, "", "Switched to branch 'main'\n")
    assert files(data) == {"raw/a": "1", "raw/b c": "22"}
    assert data.git("status", "--short") == ""


def test_what_is_not_in_the_cache_is_counted(data: DataRepo) -> None:
    shutil.rmtree(data.cache)
    assert data.run("git", "checkout", "experiments/lr") == Done(
        0,
        "",
        "Switched to branch 'experiments/lr'\ngitml: 2 files of this commit are not here: gitml data fetch\n",
    )
    assert files(data) == {}


def test_one_file_is_not_in_the_cache(data: DataRepo) -> None:
    (data.cache / "files/md5" / md5_of("model")[:2] / md5_of("model")[2:]).unlink()
    done = data.run("git", "checkout", "experiments/lr")
    assert (done.code, done.err.splitlines()[1:]) == (0, ["gitml: 1 file of this commit is not here: gitml data fetch"])
    assert files(data) == {"raw/a": "other"}


def test_what_was_changed_here_is_kept(data: DataRepo) -> None:
    data.write("raw/a", "mine")
    assert data.run("git", "checkout", "experiments/lr") == Done(
        0,
        "",
        "Switched to branch 'experiments/lr'\n"
        "gitml: DVC's files stay as they were: files that were changed here are saved nowhere else "
        "(afterwards: dvc checkout)\n",
    )
    assert files(data) == {"raw/a": "mine"}


@pytest.mark.parametrize("state", ["held", "locked"])
def test_while_dvc_is_at_work(data: DataRepo, state: str) -> None:
    data.write(".dvc/tmp/rwlock", BUSY if state == "held" else "{}")
    holder = None
    if state == "locked":
        code = (
            "import sys, time, zc.lockfile; l = zc.lockfile.LockFile(sys.argv[1]); print(1, flush=True); time.sleep(60)"
        )
        holder = subprocess.Popen(
            [sys.executable, "-c", code, str(data.path / ".dvc/tmp/lock")], stdout=subprocess.PIPE
        )
        assert holder.stdout is not None
        holder.stdout.readline()
    try:
        done = data.run("git", "checkout", "experiments/lr")
    finally:
        if holder is not None:
            holder.kill()
            holder.communicate()
    assert (done.code, done.err.splitlines()[1:]) == (
        0,
        [
            "gitml: DVC's files stay as they were: another DVC is at work in this project (afterwards: dvc checkout)",
        ],
    )
    assert files(data) == {}


class TestNothingIsDone:
    """Each would be seen by files that appear."""

    def test_where_nothing_of_dvcs_differs(self, data: DataRepo) -> None:
        data.git("branch", "other")
        data.commit("infra: change", code="x")
        data.git("checkout", "other")
        assert files(data) == {}

    def test_for_a_new_branch(self, data: DataRepo) -> None:
        data.git("checkout", "-b", "experiments/new")
        assert files(data) == {}

    def test_for_a_file(self, data: DataRepo) -> None:
        data.git("checkout", "experiments/lr", "--", "raw.dvc")
        assert files(data) == {}

    def test_for_a_new_worktree(self, data: DataRepo) -> None:
        done = data.run("git", "worktree", "add", "../linked", "experiments/lr")
        assert done.code == 0
        assert "gitml:" not in done.err
        assert not (data.path.parent / "linked/raw").exists()

    def test_during_a_rebase(self, data: DataRepo) -> None:
        data.git("checkout", "experiments/lr")
        data.track("other", "data of main")
        data.git("checkout", "-q", "--detach", "main")
        data.git("switch", "-q", "-c", "experiments/other")
        data.track("other", "data")
        data.commit("data: other")
        data.git("-c", "core.hooksPath=/dev/null", "checkout", "-q", "experiments/lr")
        for name in ("raw", "other"):
            shutil.rmtree(data.path / name, ignore_errors=True)
        done = data.run("git", "rebase", "experiments/other")
        assert done.code == 0, done
        assert "gitml:" not in done.err
        assert "raw/a" not in files(data)

    def test_during_a_bisection(self, data: DataRepo) -> None:
        data.git("bisect", "start")
        done = data.run("git", "checkout", "experiments/lr")
        assert (done.code, done.err) == (0, "Switched to branch 'experiments/lr'\n")
        assert files(data) == {}

    def test_where_there_is_no_project(self, repo: Repo) -> None:
        place = installation.find(repo.path)
        installation.carry_out(installation.plan_install(place), place)
        repo.git("branch", "other")
        repo.commit("infra: change", **{"x.dvc": "outs: []\n"})
        assert repo.run("git", "checkout", "other") == Done(0, "", "Switched to branch 'other'\n")


def test_in_a_linked_worktree_with_a_shared_cache(data: DataRepo) -> None:
    data.git("worktree", "add", "-q", "../linked", "-b", "side", "main")
    linked = DataRepo(data.path.parent / "linked")
    linked.write(".dvc/config.local", f"[cache]\n    dir = {data.cache}\n")
    linked.git("checkout", "-q", "--detach", "experiments/lr")
    assert files(linked) == LR
    assert files(data) == {}


def test_from_a_subfolder_and_a_project_in_one(data: DataRepo) -> None:
    data.init(CONFIG, at="sub")
    data.write("sub/x.dvc", f"outs:\n- md5: {md5_of('1')}\n  size: 1\n  hash: md5\n  path: x\n")
    shutil.copytree(data.cache, data.path / "sub/.dvc/cache")
    data.write(".git/info/exclude", "/raw\n/model.onnx\n/sub/x\n")
    data.commit("data: sub")
    data.git("checkout", "-q", "-b", "experiments/sub", "HEAD~1")
    shutil.rmtree(data.path / "raw", ignore_errors=True)
    (data.path / "sub/deep").mkdir(parents=True)
    done = data.run("git", "checkout", "main", at="sub/deep")
    assert done == Done(0, "", "Switched to branch 'main'\n")
    assert files(data, "sub/x") == {"sub/x": "1"}
    assert files(data) == {}


def test_in_this_process(data: DataRepo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As the script calls it; the other tests do so by git."""
    main, other = (data.git("rev-parse", name) for name in ("main", "experiments/lr"))
    monkeypatch.chdir(data.path)
    data.git("-c", "core.hooksPath=/dev/null", "checkout", "-q", "experiments/lr")
    post_checkout.run(main, other)
    assert (files(data), capsys.readouterr().err) == (LR, "")
    shutil.rmtree(data.cache)
    data.git("-c", "core.hooksPath=/dev/null", "checkout", "-q", "main")
    post_checkout.run(other, main)
    assert capsys.readouterr().err == (
        "gitml: DVC's files stay as they were: files that were changed here are saved nowhere else "
        "(afterwards: dvc checkout)\n"
    )
    shutil.rmtree(data.path / "raw")
    post_checkout.run(other, main)
    assert capsys.readouterr().err == "gitml: 2 files of this commit are not here: gitml data fetch\n"
    data.git("bisect", "start")
    post_checkout.run(other, main)
    assert capsys.readouterr().err == ""


def test_ctrl_c_says_how_to_go_on(
    data: DataRepo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(old: str, new: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(post_checkout, "follow", interrupted)
    post_checkout.run("", "")
    assert capsys.readouterr().err == "gitml: interrupted (dvc checkout brings DVC's files)\n"


def test_dvc_is_missing(data: DataRepo, tmp_path: Path) -> None:
    """In an environment where DVC cannot be imported."""
    (tmp_path / "dvc").mkdir()
    (tmp_path / "dvc" / "__init__.py").write_text("raise ImportError")
    code = (
        "import os, sys; from gitml.hooks import post_checkout;"
        f"os.environ['PYTHONPATH'] = {str(tmp_path)!r}; post_checkout.run(*sys.argv[1:])"
    )
    ids = [data.git("rev-parse", "main"), data.git("rev-parse", "experiments/lr")]
    done = data.run(sys.executable, "-c", code, *ids, PYTHONPATH=str(ROOT))
    assert done == Done(
        0, "", "gitml: DVC's files stay as they were: DVC could not be run (afterwards: dvc checkout)\n"
    )


def test_ctrl_c(data: DataRepo) -> None:
    """The branch is changed; of DVC's files some may be, and one line says how to get the rest."""
    process = subprocess.Popen(
        ["git", "checkout", "experiments/lr"], cwd=data.path, stderr=subprocess.PIPE, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while data.git("symbolic-ref", "HEAD") != "refs/heads/experiments/lr" and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.15)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert err.decode().count("gitml:") <= 1
    assert b"Traceback" not in err
    assert data.git("status", "--short") == ""
    data.git("checkout", "-q", "main")
    data.git("checkout", "-q", "experiments/lr")
    assert files(data) == LR


def test_a_checkout_that_changes_nothing_of_dvcs_costs_no_python(data: DataRepo) -> None:
    data.git("branch", "other")
    data.commit("infra: change", code="x")
    python = installation.find(data.path).folder / "post-checkout"
    script = python.read_text()
    assert "git diff-tree --quiet" in script
    python.write_text(script.replace('"$python" -I "$main" post-checkout', "echo started >&2; :"))
    assert "started" not in data.run("git", "checkout", "other").err
    assert "started" in data.run("git", "checkout", "experiments/lr").err
