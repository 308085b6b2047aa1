"""gitml data push, fetch and status on real git and real DVC."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from gitml.conventions.shell import quoted

from .conftest import ROOT, Done, Repo
from .dvc_store import CONFIG, DataRepo, keep, md5_of, objects_in
from .kills import strike_when, with_group

Gitml = Callable[..., Done]


@pytest.fixture
def data(repo: Repo) -> DataRepo:
    """Two commits with data: `main`, and `experiments/lr` which has more of it."""
    made = DataRepo(repo.path).init()
    made.track("raw", {"a": "1", "b c": "22", "ü": "333"})
    made.commit("data: raw")
    made.git("checkout", "-q", "-b", "experiments/lr")
    made.track("model.onnx", "m" * 2_500_000)
    made.commit("experiment: lr")
    made.git("checkout", "-q", "main")
    return made


def of_main(data: DataRepo) -> set[str]:
    return {each.md5 for each in data.needs("main")}


def of_lr(data: DataRepo) -> set[str]:
    return {each.md5 for each in data.needs("experiments/lr")}


class TestPush:
    def test_head(self, data: DataRepo, gitml: Gitml) -> None:
        assert gitml("data", "push", at=data.path) == Done(
            0, "pushed 4 files, 196 bytes of HEAD to storage\nnext  git push\n", ""
        )
        assert objects_in(data.remote) == of_main(data)
        assert gitml("data", "push", at=data.path) == Done(0, "everything is in storage already\nnext  git push\n", "")

    def test_another_branch_from_a_subfolder(self, data: DataRepo, gitml: Gitml) -> None:
        data.write("sub/x", "")
        done = gitml("data", "push", "experiments/lr", at=data.path / "sub")
        assert done == Done(0, "pushed 5 files, 2.5 MB of experiments/lr to storage\nnext  git push\n", "")
        assert objects_in(data.remote) == of_lr(data)

    def test_only_what_the_remote_lacks(self, data: DataRepo, gitml: Gitml) -> None:
        gitml("data", "push", at=data.path)
        done = gitml("data", "push", "main", "experiments/lr", at=data.path)
        assert done.out == "pushed 1 file, 2.5 MB of main and experiments/lr to storage\nnext  git push\n"

    @pytest.mark.parametrize("name", ["tag", "id", "short", "full", "parent"])
    def test_a_commit_by_any_name(self, data: DataRepo, gitml: Gitml, name: str) -> None:
        data.git("tag", "-a", "-m", "x", "v1", "main")
        oid = data.git("rev-parse", "main")
        ref = {"tag": "v1", "id": oid, "short": oid[:8], "full": "refs/heads/main", "parent": "experiments/lr~1"}[name]
        assert gitml("data", "push", "--dry-run", ref, at=data.path).out == (
            f"would push 4 files, 196 bytes of {ref} to storage\nnext  gitml data push {quoted(ref)}\n"
        )
        assert not data.remote.exists()

    @pytest.mark.parametrize("ref", ["nothing", "main:raw.dvc", "", "a..b", "main\n", "$(x)"])
    def test_what_is_no_commit(self, data: DataRepo, gitml: Gitml, ref: str) -> None:
        done = gitml("data", "push", ref, at=data.path)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("gitml: there is no branch, tag or commit ")

    def test_an_option_of_gits(self, data: DataRepo, gitml: Gitml) -> None:
        done = gitml("data", "push", "--", "--upload-pack=touch x", at=data.path)
        assert (done.code, done.out) == (2, "")
        assert "cannot be the name of a branch" in done.err

    def test_json(self, data: DataRepo, gitml: Gitml) -> None:
        done = gitml("data", "push", "--json", "experiments/lr", at=data.path)
        said = json.loads(done.out)
        assert [(each["path"], each["size"]) for each in said.pop("pushed")] == [
            ("model.onnx", 2_500_000),
            ("raw", 190),
            ("raw/a", 1),
            ("raw/b c", 2),
            ("raw/ü", 3),
        ]
        assert said == {
            "commits": [{"name": "experiments/lr", "oid": data.git("rev-parse", "experiments/lr")}],
            "remotes": ["storage"],
            "dry_run": False,
            "nowhere": [],
        }

    def test_what_is_nowhere(self, data: DataRepo, gitml: Gitml) -> None:
        file = data.cache / "files/md5" / md5_of("22")[:2] / md5_of("22")[2:]
        file.unlink()
        assert gitml("data", "push", at=data.path) == Done(
            1,
            "pushed 2 files, 4 bytes of HEAD to storage\n"
            "note  1 file of HEAD is neither here nor in storage: raw/b c\n"
            "next  gitml data push, where they were made\n",
            "",
        )

    def test_nothing_of_dvcs(self, repo: Repo, gitml: Gitml) -> None:
        assert gitml("data", "push", at=repo.path) == Done(0, "DVC keeps nothing of HEAD\nnext  git push\n", "")

    def test_no_commit_yet(self, tmp_path: Path, gitml: Gitml) -> None:
        subprocess.run(["git", "init", "-q", "new"], cwd=tmp_path, check=True)
        assert gitml("data", "push", at=tmp_path / "new") == Done(
            2, "", "gitml: there is no commit yet\n  Data belongs to a commit.\nMend:\n  git commit\n"
        )

    def test_a_bare_repository(self, data: DataRepo, gitml: Gitml) -> None:
        data.git("clone", "-q", "--bare", ".", "../bare")
        done = gitml("data", "push", at=data.path.parent / "bare")
        assert (done.code, done.out) == (3, "")
        assert done.err.startswith("gitml: there are no files to work on here, so DVC has no cache\n")

    def test_to_another_remote(self, data: DataRepo, gitml: Gitml) -> None:
        data.init(f"{CONFIG}['remote \"disk\"']\n    url = ../../disk\n")
        done = gitml("data", "push", "--remote", "disk", at=data.path)
        assert done.out == "pushed 4 files, 196 bytes of HEAD to disk\nnext  git push\n"
        assert objects_in(data.path.parent / "disk") == of_main(data)

    def test_a_linked_worktree_with_a_shared_cache(self, data: DataRepo, gitml: Gitml) -> None:
        data.git("worktree", "add", "-q", "../linked", "experiments/lr")
        linked = data.path.parent / "linked"
        (linked / ".dvc" / "config.local").write_text(f"[cache]\n    dir = {data.cache}\n")
        assert gitml("data", "push", at=linked).out == "pushed 5 files, 2.5 MB of HEAD to storage\nnext  git push\n"
        assert objects_in(data.remote) == of_lr(data)

    def test_the_layout_of_before_dvc_3(self, data: DataRepo, gitml: Gitml) -> None:
        data.track("old", {"x": "old"}, is_old=True)
        data.commit("data: old")
        gitml("data", "push", at=data.path)
        md5 = md5_of("old")
        assert (data.remote / md5[:2] / md5[2:]).read_text() == "old"
        assert gitml("data", "push", at=data.path).out.startswith("everything is in storage already")

    def test_while_dvc_is_at_work(self, data: DataRepo, gitml: Gitml) -> None:
        """A push reads commits, so it need not wait for a run that holds the project."""
        data.write(".dvc/tmp/rwlock", '{"write": {"/x": {"pid": 1, "cmd": "dvc repro"}}}')
        assert gitml("data", "push", at=data.path).code == 0

    def test_an_old_commit_goes_to_todays_remote(self, data: DataRepo, gitml: Gitml) -> None:
        """DVC's own push of a revision takes the remote's address from that revision."""
        data.init(CONFIG.replace("../../remote", "../../moved"))
        data.commit("infra: the remote moved")
        gitml("data", "push", "HEAD~1", at=data.path)
        assert objects_in(data.path.parent / "moved") == of_main(data)
        assert not data.remote.exists()

    def test_a_file_that_a_whole_folder_lacks_is_sent_again(self, data: DataRepo, gitml: Gitml) -> None:
        """DVC's own push believes that whoever has a folder's list has its files."""
        gitml("data", "push", at=data.path)
        (data.remote / "files/md5" / md5_of("22")[:2] / md5_of("22")[2:]).unlink()
        assert gitml("data", "push", at=data.path).out.startswith("pushed 1 file, 2 bytes of HEAD to storage\n")

    def test_a_remote_that_cannot_be_written(self, data: DataRepo, gitml: Gitml) -> None:
        data.remote.write_text("not a folder")
        done = gitml("data", "push", at=data.path)
        assert (done.code, done.out) == (3, "")
        assert done.err.startswith("gitml: the DVC remote storage cannot be used\n  [Errno")
        assert "Traceback" not in done.err


class TestFetch:
    @pytest.fixture
    def clone(self, data: DataRepo, gitml: Gitml) -> DataRepo:
        """A colleague's clone, with an empty cache; all data is in the remote."""
        gitml("data", "push", "experiments/lr", at=data.path)
        data.git("clone", "-q", ".", "../clone")
        return DataRepo(data.path.parent / "clone")

    def test_head_comes_into_the_working_tree(self, clone: DataRepo, gitml: Gitml) -> None:
        assert gitml("data", "fetch", at=clone.path) == Done(
            0,
            "fetched 4 files, 196 bytes of HEAD from storage\n"
            "checked out 1 of DVC's files and folders\n"
            "next  dvc repro\n",
            "",
        )
        assert {file.name: file.read_text() for file in (clone.path / "raw").iterdir()} == {
            "a": "1",
            "b c": "22",
            "ü": "333",
        }
        assert gitml("data", "fetch", at=clone.path).out == "everything is here already\nnext  dvc repro\n"

    def test_another_branch_comes_into_the_cache(self, clone: DataRepo, gitml: Gitml) -> None:
        done = gitml("data", "fetch", "origin/experiments/lr", at=clone.path)
        assert done.out == "fetched 5 files, 2.5 MB of origin/experiments/lr from storage\nnext  dvc repro\n"
        assert not (clone.path / "raw").exists()

    def test_dry_run(self, clone: DataRepo, gitml: Gitml) -> None:
        assert gitml("data", "fetch", "--dry-run", at=clone.path).out == (
            "would fetch 4 files, 196 bytes of HEAD from storage\nnext  gitml data fetch\n"
        )
        assert not clone.cache.exists()

    def test_what_is_nowhere(self, clone: DataRepo, gitml: Gitml) -> None:
        (clone.remote / "files/md5" / md5_of("22")[:2] / md5_of("22")[2:]).unlink()
        done = gitml("data", "fetch", "--json", at=clone.path)
        assert (done.code, [each["path"] for each in json.loads(done.out)["nowhere"]]) == (1, ["raw/b c"])

    def test_a_file_changed_here_is_not_overwritten(self, clone: DataRepo, gitml: Gitml) -> None:
        clone.write("raw/a", "mine")
        done = gitml("data", "fetch", at=clone.path)
        assert (done.code, clone.path.joinpath("raw/a").read_text()) == (3, "mine")
        assert done.err.startswith("gitml: files that were changed here are saved nowhere else\n")
        assert "dvc checkout --force" in done.err

    def test_while_a_stage_runs(self, clone: DataRepo, gitml: Gitml) -> None:
        clone.write(".dvc/tmp/rwlock", '{"write": {"/x": {"pid": 1, "cmd": "dvc repro"}}}')
        done = gitml("data", "fetch", at=clone.path)
        assert (done.code, done.err.partition("\n")[0]) == (3, "gitml: another DVC is at work in this project")
        assert objects_in(clone.cache) == of_main(clone)


class TestStatus:
    def test_what_is_where(self, data: DataRepo, gitml: Gitml) -> None:
        gitml("data", "push", at=data.path)
        (data.cache / "files/md5" / md5_of("22")[:2] / md5_of("22")[2:]).unlink()
        assert gitml("data", "status", "main", "experiments/lr", at=data.path) == Done(
            0,
            "main  4 files, 196 bytes\n"
            "  here      lacks 1 file, 2 bytes: raw/b c\n"
            "  storage   all\n"
            "experiments/lr  5 files, 2.5 MB\n"
            "  here      lacks 1 file, 2 bytes: raw/b c\n"
            "  storage   lacks 1 file, 2.5 MB: model.onnx\n"
            "next  gitml data push experiments/lr\n",
            "",
        )
        gitml("data", "push", "experiments/lr", at=data.path)
        assert gitml("data", "status", at=data.path).out.endswith("next  gitml data fetch\n")

    def test_a_remote_that_cannot_be_asked(self, data: DataRepo, gitml: Gitml) -> None:
        data.init("")
        assert gitml("data", "status", at=data.path) == Done(
            3,
            "HEAD  4 files, 196 bytes\n"
            "  here      all\n"
            "  remote    there is no default DVC remote\n"
            "            Data and models stay on this machine: a colleague's clone has none.\n"
            "next  dvc remote add -d storage s3://your-bucket/dvc\n",
            "",
        )

    def test_json(self, data: DataRepo, gitml: Gitml) -> None:
        done = gitml("data", "status", "--json", at=data.path)
        (said,) = json.loads(done.out)
        assert [each["path"] for each in said.pop("not_there")] == ["raw", "raw/a", "raw/b c", "raw/ü"]
        assert said == {
            "ref": "HEAD",
            "commit": data.git("rev-parse", "HEAD"),
            "files": 4,
            "remotes": ["storage"],
            "not_here": [],
            "fault": None,
        }

    def test_names_that_a_terminal_would_obey(self, data: DataRepo, gitml: Gitml) -> None:
        md5 = keep(data.cache / "files/md5", "x")
        path = '"a\\n\\e[31mb"'
        data.write("odd.dvc", f"outs:\n- md5: {md5}\n  size: 1\n  hash: md5\n  path: {path}\n")
        data.commit("data: odd")
        keep(data.remote / "files/md5", "1")
        assert "odd" not in gitml("data", "status", at=data.path).out
        assert "\x1b" not in gitml("data", "status", at=data.path).out
        assert "a\\n\\x1b[31mb" in gitml("data", "status", at=data.path).out

    def test_nothing_of_dvcs(self, repo: Repo, gitml: Gitml) -> None:
        assert gitml("data", "status", at=repo.path).out == "HEAD  nothing that DVC keeps\nnext  git push\n"


def _process(data: DataRepo, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "gitml", "data", *words],
        cwd=data.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _many(data: DataRepo, count: int, size: int) -> None:
    files = {str(number): f"{number} " * (size // len(f"{number} ")) for number in range(count)}
    data.track("many", files)
    data.commit("data: many")


def test_two_pushes_at_once(data: DataRepo) -> None:
    _many(data, 200, 10_000)
    both = [_process(data, "push"), _process(data, "push")]
    codes = [process.wait(120) for process in both]
    said = [process.communicate() for process in both]
    assert codes == [0, 0], said
    assert objects_in(data.remote) == of_main(data)
    for each in data.needs():
        if not each.md5.endswith(".dir"):
            assert md5_of(Path(each.below(data.remote)).read_text()) == each.md5


def _arrived(data: DataRepo) -> int:
    """Count the files in the remote, whole or not."""
    return sum(len(files) for _, _, files in os.walk(data.remote))


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_push_that_was_ended_goes_on(data: DataRepo, gitml: Gitml, how: signal.Signals) -> None:
    """At any moment: what is in the remote is whole, a list comes after its files, and the next push sends the rest."""
    _many(data, 2_000, 20_000)
    lists = {each.path: each.md5 for each in data.needs()}
    total = len(of_main(data))
    codes = []
    # By what can be seen, not by the clock: DVC has begun, and so much of what is left has arrived.
    begun = data.path / ".dvc" / "tmp"
    for part in (0, 0.001, 0.01, 0.1, 0.2, 0.4, 0.8, 1):
        shutil.rmtree(begun, ignore_errors=True)
        before = _arrived(data)
        enough = before + part * (total - before)
        process = _process(data, "push")
        strike_when(
            lambda enough=enough: begun.exists() and _arrived(data) >= enough, process, partial(with_group, how=how)
        )
        out, err = process.communicate(timeout=120)
        codes.append(process.returncode)
        assert codes[-1] in (0, -how, 130), (out, err)
        there = objects_in(data.remote)
        if lists["many"] in there:
            assert there >= {each.md5 for each in data.needs() if each.path.startswith("many/")}
        for each in data.needs():
            if each.md5 in there and not each.md5.endswith(".dir"):
                assert md5_of(Path(each.below(data.remote)).read_text()) == each.md5
    assert any(codes), codes
    assert gitml("data", "push", at=data.path).code == 0
    assert of_main(data) <= objects_in(data.remote)
