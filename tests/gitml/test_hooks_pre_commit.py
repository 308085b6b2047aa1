"""pre-commit on real git: what is staged is judged, whatever else is there, and nothing is changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from hashlib import md5
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitml.hooks import install as installation
from gitml.hooks import packages, pre_commit
from gitml.hooks.staged import may_be_out, outs_of
from gitml.policy import contents

from .conftest import ROOT, Repo
from .yardstick import bare_python, cost

TOKEN = "AKIA" + "QZ7XW3ER5TY2UIOP"
SECRET_WHY = """\
    Whoever can read the repository can use it, now and in every clone: let the
    code read it from the environment, and revoke it if it was ever pushed. What
    is no secret is marked on its line with the comment pragma: allowlist
    secret.
"""
DIRTY = json.dumps(
    {"cells": [{"cell_type": "code", "source": "", "metadata": {}, "outputs": [], "execution_count": 7}]}
)


def commit(repo: Repo, *words: str, at: str = ".", **environment: str) -> tuple[int, str]:
    done = repo.run("git", "commit", "--quiet", "-m", "infra: x", *words, at=at, **environment)
    return done.code, done.err


def stage(repo: Repo, **files: str) -> None:
    for name, content in files.items():
        repo.write(name.replace("__", "."), content)
    repo.git("add", "--all")


def state(repo: Repo) -> tuple[str, ...]:
    """What a hook must not change: the index, the files, the objects, the refs."""
    folder = Path(repo.git("rev-parse", "--absolute-git-dir"))
    objects = sorted(str(path) for path in (folder / "objects").rglob("*") if path.is_file())
    return (
        repo.git("ls-files", "--stage"),
        repo.git("status", "--porcelain"),
        "\n".join(objects),
        repo.git("show-ref"),
    )


class TestRefused:
    def test_a_secret(self, hooked: Repo) -> None:
        stage(hooked, key__py=f"import os\nkey = '{TOKEN}'\n")
        assert commit(hooked) == (
            1,
            "gitml: commit refused (no-secret)\n"
            "  key.py line 2: AWS Access Key\n"
            f"{SECRET_WHY}"
            "Mend:\n"
            "  git add -- key.py   # once it is out of the file\n",
        )
        assert hooked.message() == "infra: start\n"

    def test_everything_at_once(self, hooked: Repo) -> None:
        hooked.write("gitml.toml", "[files]\nlargest = 1000\n")
        stage(hooked, eda__ipynb=DIRTY, big__csv="1,2\n" * 251, b__py=TOKEN, a__py=TOKEN)
        assert commit(hooked) == (
            1,
            "gitml: commit refused (no-secret, no-large-file, clean-notebook)\n"
            "  a.py line 1: AWS Access Key\n"
            "  b.py line 1: AWS Access Key\n"
            f"{SECRET_WHY}"
            "  big.csv has 1,004 bytes\n"
            "    git keeps at most 1,000 bytes a file here; DVC keeps the rest. Let a file be\n"
            "    larger with [files] large in gitml.toml.\n"
            "  eda.ipynb was not cleaned: cell 1 has an execution count\n"
            "    What a notebook printed can hold data and secrets, and makes every diff\n"
            "    unreadable. A cell that must keep its output has the tag keep_output.\n"
            "Mend:\n"
            "  git add -- a.py   # once it is out of the file\n"
            "  git add -- b.py   # once it is out of the file\n"
            "  git rm --cached -- big.csv\n"
            "  dvc add big.csv\n"
            "  git add -- big.csv.dvc .gitignore\n"
            "  nbstripout eda.ipynb\n"
            "  git add -- eda.ipynb\n",
        )

    def test_the_commands_that_mend_do_so(self, hooked: Repo) -> None:
        hooked.with_dvc().write("gitml.toml", "[files]\nlargest = 1000\n")
        stage(
            hooked,
            big__csv="1,2\n" * 251,
            eda__ipynb=json.dumps({**json.loads(DIRTY), "metadata": {}, "nbformat": 4, "nbformat_minor": 4}),
        )
        code, says = commit(hooked)
        assert code == 1
        for line in says.partition("Mend:\n")[2].splitlines():
            assert hooked.run("sh", "-c", line).code == 0, line
        assert commit(hooked) == (0, "")
        assert hooked.git("ls-files", "big.csv", "big.csv.dvc", "eda.ipynb") == "big.csv.dvc\neda.ipynb"

    def test_what_is_staged_counts_and_not_what_lies_there(self, hooked: Repo) -> None:
        stage(hooked, a__py=TOKEN)
        hooked.write("a.py", "clean\n")
        assert commit(hooked)[0] == 1
        hooked.git("add", "a.py")
        hooked.write("a.py", TOKEN)
        hooked.write("untracked.py", TOKEN)
        assert commit(hooked) == (0, "")

    def test_commit_with_all_and_with_paths(self, hooked: Repo) -> None:
        hooked.commit(a="1\n", b="1\n")
        hooked.write("a", TOKEN)
        assert commit(hooked, "--all")[0] == 1
        hooked.write("b", "2\n")
        assert commit(hooked, "b") == (0, "")
        assert commit(hooked, "--", "a")[0] == 1
        assert commit(hooked, "--include", "a")[0] == 1

    def test_amend(self, hooked: Repo) -> None:
        stage(hooked, a=TOKEN)
        assert commit(hooked, "--amend")[0] == 1
        stage(hooked, a="1\n")
        assert commit(hooked, "--amend") == (0, "")

    def test_the_first_commit(self, tmp_path: Path) -> None:
        (tmp_path / "new").mkdir()
        new = Repo(tmp_path / "new")
        new.git("init", "--quiet")
        place = installation.find(new.path)
        installation.carry_out(installation.plan_install(place), place)
        stage(new, a=TOKEN)
        assert commit(new)[0] == 1
        stage(new, a="1\n")
        assert commit(new) == (0, "")

    def test_in_a_folder_a_worktree_and_a_sha256_repository(self, hooked: Repo, tmp_path: Path) -> None:
        hooked.commit(**{"sub/b": "1\n"})
        stage(hooked, **{"sub/a": TOKEN})
        hooked.git("config", "diff.relative", "true")
        assert "  sub/a line 1: AWS Access Key\n" in commit(hooked, at="sub")[1]
        hooked.git("worktree", "add", "--quiet", str(tmp_path / "linked"), "experiments/lr")
        linked = Repo(tmp_path / "linked")
        stage(linked, a=TOKEN)
        assert commit(linked)[0] == 1
        (tmp_path / "sha256").mkdir()
        other = Repo(tmp_path / "sha256")
        other.git("init", "--quiet", "--object-format=sha256")
        place = installation.find(other.path)
        installation.carry_out(installation.plan_install(place), place)
        stage(other, a=TOKEN)
        assert commit(other)[0] == 1

    @pytest.mark.parametrize(
        "name", [b"a b", b'q"q', b"it's", b"$(x)", b"-x", b"new\nline", b"t\tab", b"\xff\xe9", "ü\u202e".encode()]
    )
    def test_odd_names(self, hooked: Repo, name: bytes) -> None:
        (hooked.path / os.fsdecode(name)).write_text(TOKEN)
        hooked.git("add", "--all")
        code, says = commit(hooked)
        assert (code, says.count("AWS Access Key"), says.isascii()) == (1, 1, True)
        (hooked.path / os.fsdecode(name)).write_text("clean\n")
        assert hooked.run("bash", "-c", says.splitlines()[-1]).code == 0
        assert commit(hooked) == (0, "")

    def test_no_verify_goes_by(self, hooked: Repo) -> None:
        stage(hooked, a=TOKEN)
        assert commit(hooked, "--no-verify") == (0, "")


class TestLetPass:
    def test_what_has_no_bytes_of_its_own(self, hooked: Repo) -> None:
        (hooked.path / "link").symlink_to(TOKEN)
        hooked.git("add", "--all")
        hooked.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
        assert commit(hooked) == (0, "")

    def test_deleting_a_file_with_a_secret_and_moving_one_without(self, hooked: Repo) -> None:
        stage(hooked, a=TOKEN, b="1\n")
        commit(hooked, "--no-verify")
        hooked.git("rm", "--quiet", "a")
        hooked.git("mv", "b", "c")
        assert commit(hooked) == (0, "")

    def test_a_file_that_was_only_announced(self, hooked: Repo) -> None:
        hooked.write("later", TOKEN)
        hooked.git("add", "--intent-to-add", "later")
        stage_one = hooked.write("now", "1\n")
        hooked.git("add", stage_one.name)
        assert commit(hooked) == (0, "")
        assert hooked.git("ls-tree", "--name-only", "HEAD") == "now"

    def test_nothing_is_staged(self, hooked: Repo) -> None:
        assert commit(hooked, "--allow-empty") == (0, "")

    def test_a_wrong_gitml_toml(self, hooked: Repo) -> None:
        hooked.write("gitml.toml", "[files]\nlargest = 0\n")
        stage(hooked, a=TOKEN)
        code, says = commit(hooked)
        assert code == 0
        assert says.splitlines()[0] == "gitml: what is staged was not checked: gitml.toml line 2: largest is a size"

    def test_warnings_are_told(self, hooked: Repo) -> None:
        hooked.write("gitml.toml", '[rules]\nno-secret = "warn"\nclean-notebook = "off"\n')
        stage(hooked, a=TOKEN, **{"x.ipynb": DIRTY})
        code, says = commit(hooked)
        assert (code, says.splitlines()[:2]) == (0, ["gitml: warning (no-secret)", "  a line 1: AWS Access Key"])
        assert "ipynb" not in says

    def test_a_fault_of_ours_stops_nobody(self, hooked: Repo) -> None:
        stage(hooked, a=TOKEN)
        hook = hooked.path / ".git/hooks/pre-commit"
        hook.write_text(hook.read_text().replace('"$main" pre-commit', '"$main" pre-commit; (exit 3)'))
        code, says = commit(hooked)
        assert (code, says.splitlines()[-1]) == (0, "gitml: what is staged was not checked: the check itself failed")

    def test_an_unmerged_index_is_gits_to_refuse(self, hooked: Repo) -> None:
        conflict(hooked)
        code, says = commit(hooked)
        assert (code, "gitml" in says) == (128, False)


def conflict(repo: Repo) -> None:
    """Leave a merge of a branch, which has a token in another file, unfinished in `shared`."""
    repo.commit(shared="0\n")
    repo.git("switch", "--quiet", "-c", "infra/theirs")
    repo.write("shared", "theirs\n")
    repo.write("theirs.py", TOKEN)
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "--no-verify", "-m", "infra: theirs")
    repo.git("switch", "--quiet", "main")
    repo.commit(shared="ours\n")
    assert repo.run("git", "merge", "infra/theirs").code == 1


class TestMerge:
    def test_what_the_other_branch_brings_is_not_mine(self, hooked: Repo) -> None:
        conflict(hooked)
        stage(hooked, shared="both\n")
        assert commit(hooked) == (0, "")
        assert hooked.git("rev-list", "--parents", "-1", "HEAD").count(" ") == 2

    @pytest.mark.parametrize(("name", "says"), [("shared", "shared"), ("theirs.py", "theirs.py"), ("new", "new")])
    def test_what_i_write_while_merging_is(self, hooked: Repo, name: str, says: str) -> None:
        conflict(hooked)
        stage(hooked, shared="both\n")
        stage(hooked, **{name: f"# mine\n{TOKEN}\n"})
        code, told = commit(hooked)
        assert (code, told.splitlines()[1]) == (1, f"  {says} line 2: AWS Access Key")

    def test_in_a_linked_worktree(self, hooked: Repo, tmp_path: Path) -> None:
        hooked.git("worktree", "add", "--quiet", "-b", "infra/linked", str(tmp_path / "linked"))
        linked = Repo(tmp_path / "linked")
        linked.commit(shared="0\n")
        linked.git("switch", "--quiet", "-c", "infra/theirs")
        (linked.path / "theirs.py").write_text(TOKEN)
        (linked.path / "shared").write_text("1\n")
        linked.git("add", "--all")
        linked.git("commit", "--quiet", "--no-verify", "-m", "infra: theirs")
        linked.git("switch", "--quiet", "infra/linked")
        linked.commit(shared="2\n")
        assert linked.run("git", "merge", "infra/theirs").code == 1
        stage(linked, shared="3\n")
        assert commit(linked) == (0, "")


def lock(**outs: str) -> str:
    """A dvc.lock of one stage that wrote these files."""
    lines = "".join(
        f"    - path: {path}\n      hash: md5\n      md5: {md5(content.encode()).hexdigest()}\n      size: 1\n"
        for path, content in outs.items()
    )
    return f"schema: '2.0'\nstages:\n  train:\n    cmd: sh train.sh\n    outs:\n{lines}"


DEFINITION = "stages:\n  train:\n    cmd: sh train.sh\n    metrics:\n    - metrics.json:\n        cache: false\n"
FORGED = (
    "gitml: commit refused (lock-forged)\n"
    "  metrics.json is not what train wrote\n"
    "    Its bytes differ from the md5 in dvc.lock. It was edited, merged, or not\n"
    "    committed with its run.\n"
    "Mend:\n"
    "  dvc repro train\n"
    "  git add -- metrics.json dvc.lock\n"
)


class TestLocks:
    @pytest.fixture
    def project(self, hooked: Repo) -> Repo:
        """A project whose metrics are as they were written."""
        stage(hooked, **{"dvc.yaml": DEFINITION, "dvc.lock": lock(**{"metrics.json": "1\n"}), "metrics.json": "1\n"})
        assert commit(hooked) == (0, "")
        return hooked

    def test_a_metric_that_was_edited(self, project: Repo) -> None:
        stage(project, **{"metrics.json": "2\n"})
        assert commit(project) == (1, FORGED)
        before = state(project)
        assert project.run(".git/hooks/pre-commit").err == FORGED
        assert state(project) == before

    def test_a_run_is_committed(self, project: Repo) -> None:
        stage(project, **{"metrics.json": "2\n", "dvc.lock": lock(**{"metrics.json": "2\n"})})
        assert commit(project) == (0, "")

    def test_a_lock_without_its_metric(self, project: Repo) -> None:
        stage(project, **{"dvc.lock": lock(**{"metrics.json": "2\n"})})
        assert commit(project) == (1, FORGED)

    def test_a_metric_that_no_stage_writes(self, project: Repo) -> None:
        stage(project, **{"dvc.yaml": f"{DEFINITION}metrics:\n- other.json\n", "other.json": "1\n"})
        code, says = commit(project)
        assert (code, says.splitlines()[:2]) == (
            1,
            ["gitml: commit refused (metric-covered)", "  other.json is the out of no stage"],
        )

    def test_other_files_do_not_matter_to_it(self, project: Repo) -> None:
        stage(project, **{"metrics.json": "2\n"})
        commit(project, "--no-verify")
        stage(project, code="1\n")
        assert commit(project) == (0, "")

    def test_levels(self, project: Repo) -> None:
        project.write("gitml.toml", '[rules]\nlock-forged = "off"\nmetric-covered = "off"\n')
        stage(project, **{"metrics.json": "2\n"})
        assert commit(project) == (0, "")

    def test_an_out_that_was_only_announced_is_not_in_the_commit(self, project: Repo) -> None:
        both = DEFINITION + "    - more.json:\n        cache: false\n"
        project.write("more.json", "1\n")
        project.git("add", "--intent-to-add", "more.json")
        project.write("dvc.yaml", both)
        project.write("dvc.lock", lock(**{"metrics.json": "1\n", "more.json": "1\n"}))
        project.git("add", "dvc.yaml", "dvc.lock")
        assert commit(project) == (0, "")

    def test_with_a_lock_that_dvc_itself_wrote(self, hooked: Repo) -> None:
        hooked.with_dvc().write("sub/dvc.yaml", DEFINITION.replace("sh train.sh", "echo 1 > metrics.json"))
        done = hooked.run(sys.executable, "-m", "dvc", "repro", "--quiet", "sub/dvc.yaml")
        assert done.code == 0, done.err
        hooked.git("add", "--all")
        assert commit(hooked) == (0, "")
        stage(hooked, **{"sub/metrics.json": "2\n"})
        code, says = commit(hooked)
        assert (code, says.splitlines()[1]) == (1, "  sub/metrics.json is not what sub/dvc.yaml:train wrote")


REAL = """\
schema: '2.0'
stages:
  prepare:
    cmd: sh x.sh
    deps:
    - path: raw
      hash: md5
      md5: d1.dir
      size: 8
      nfiles: 2
    outs:
    - path: data/ready
      hash: md5
      md5: d2.dir
      size: 8
      nfiles: 2
  train:
    cmd:
    - sh a.sh
    - echo outs
    params:
      params.yaml:
        train:
          lr: 0.1
    outs:
    - path: ../up/metrics.json
      hash: md5
      md5: d3
      size: 8
"""


class TestOuts:
    def test_of_a_lock(self) -> None:
        assert outs_of(REAL.replace("echo outs", "echo x").encode()) == {"/data/ready/", "/up/metrics.json/"}

    @pytest.mark.parametrize(
        "text",
        [
            REAL,  # a command that says outs
            "stages: {a: {outs: [{path: x}]}}",
            '{"stages": {"a": {"outs": [{"path": "x"}]}}}',
            lock(**{'"q"': "x"}),
            lock(**{"": "x"}),
            lock(x="x").replace("path: x", "path:\n        x"),
            lock(x="x").replace("path: x", "path: x\n        y"),
            lock(x="x").replace("path: x", "path: ü"),
            lock(x="x").replace("path: x", "? path\n      : x"),
        ],
    )
    def test_what_is_not_plain_to_see(self, text: str) -> None:
        assert outs_of(text.encode()) is None
        assert may_be_out(["a"], text.encode())

    def test_the_locks_of_this_project(self) -> None:
        import yaml

        raw = (ROOT / "dvc.lock").read_bytes()
        known = {out["path"] for stage in yaml.safe_load(raw)["stages"].values() for out in stage.get("outs", [])}
        assert outs_of(raw) == {f"/{path}/" for path in known}

    @pytest.mark.parametrize(
        ("path", "may"),
        [
            ("data/ready", True),
            ("data/ready/a.csv", True),
            ("sub/data/ready/a.csv", True),
            ("data/readyish", False),
            ("raw/a.csv", False),
            ("up/metrics.json", True),
        ],
    )
    def test_what_may_be_one(self, path: str, may: bool) -> None:
        assert may_be_out([path], REAL.replace("echo outs", "echo x").encode()) is may

    @given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1), unique=True))
    def test_no_out_is_missed_however_it_is_written(self, paths: list[str]) -> None:
        import yaml

        outs = [{"path": path, "hash": "md5", "md5": "x"} for path in paths]
        text = yaml.safe_dump({"schema": "2.0", "stages": {"a": {"cmd": "x", "outs": outs}}}, sort_keys=False)
        found = outs_of(text.encode())
        assert found is None or len(found) >= len({os.path.normpath(path).lstrip("./") for path in paths})

    @given(st.binary())
    def test_no_bytes_upset_it(self, raw: bytes) -> None:
        assert may_be_out(["a/b"], raw) in (True, False)


def test_it_starts_without_what_it_does_not_need(hooked: Repo) -> None:
    stage(hooked, a__py="import os\nprint('https://example.org/', os.environ['API_KEY'])\n")
    code = (
        "import sys; sys.argv = ['', 'pre-commit']; sys.path.append(sys.argv[0])\n"
        f"import runpy, os; os._exit = lambda status: print(sorted(sys.modules))\n"
        f"runpy.run_path({str(ROOT / 'gitml/hooks/__main__.py')!r}, run_name='__main__')"
    )
    out = subprocess.run([sys.executable, "-IS", "-c", code], cwd=hooked.path, capture_output=True, text=True).stdout
    assert "'gitml.policy.secrets'" in out
    unwanted = ["site", "json", "yaml", "tomllib", "detect_secrets", "requests", "dataclasses", "gitml.pipeline.verify"]
    assert [name for name in unwanted if f"'{name}'" in out] == []


def test_what_all_hooks_add_to_a_commit(hooked: Repo, tmp_path: Path) -> None:
    """In bare starts of Python, because a busy machine slows both; at rest it is 4, or 30 ms."""
    plain = Repo(tmp_path / "plain")
    hooked.git("clone", "--quiet", str(hooked.path), str(plain.path))
    prices: dict[str, list[float]] = {"hooked": [], "plain": []}
    for number in range(9):
        for name, repo in (("hooked", hooked), ("plain", plain)):
            stage(repo, notes=f"{number}\n")
            said = []
            prices[name].append(cost(lambda repo=repo, said=said: said.append(commit(repo)), bare_python, rounds=1))
            assert said == [(0, "")]
    assert min(prices["hooked"]) - min(prices["plain"]) <= 10


class TestBody:
    """The body of the hook in this process, as ``gitml hooks run`` calls it."""

    @pytest.fixture
    def run(
        self, repo: Repo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Callable[[], tuple[bool, str]]:
        monkeypatch.chdir(repo.path)

        def run() -> tuple[bool, str]:
            may_go_on = pre_commit.run()
            out, err = capsys.readouterr()
            assert out == ""
            return may_go_on, err

        return run

    def test_nothing_staged(self, run: Callable[[], tuple[bool, str]]) -> None:
        assert run() == (True, "")

    def test_a_wrong_gitml_toml(self, repo: Repo, run: Callable[[], tuple[bool, str]]) -> None:
        stage(repo, **{"gitml.toml": "x"})
        may_go_on, says = run()
        assert (may_go_on, says[:53]) == (True, "gitml: what is staged was not checked: gitml.toml lin")

    def test_a_forged_metric_and_a_warning(self, repo: Repo, run: Callable[[], tuple[bool, str]]) -> None:
        repo.write("gitml.toml", '[rules]\nno-secret = "warn"\n')
        stage(repo, **{"dvc.yaml": DEFINITION, "dvc.lock": lock(**{"metrics.json": "1\n"}), "metrics.json": "2\n"})
        stage(repo, a=TOKEN)
        mend = "Mend:\n  git add -- a   # once it is out of the file\n"
        warning = f"gitml: warning (no-secret)\n  a line 1: AWS Access Key\n{SECRET_WHY}{mend}"
        assert run() == (False, warning + FORGED)
        repo.git("commit", "--quiet", "-m", "infra: x")
        assert run() == (True, "")
        stage(repo, **{"metrics.json": "3\n"})
        assert run() == (False, FORGED)
        repo.git("reset", "--quiet", "--hard")
        stage(repo, other="1\n")
        assert run() == (True, "")

    def test_what_was_wrong_before_is_nobodys_fault(self, repo: Repo, run: Callable[[], tuple[bool, str]]) -> None:
        named = f"{DEFINITION}metrics:\n- other.json\n"
        files = {"dvc.yaml": named, "dvc.lock": lock(**{"metrics.json": "1\n"}), "metrics.json": "2\n"}
        stage(repo, **files, **{"other.json": "1\n"})
        assert run()[0] is False
        repo.git("commit", "--quiet", "-m", "infra: x")
        stage(repo, **{".gitattributes": "*.bin -text\n", "other.json": "2\n"})
        assert run() == (True, "")
        stage(repo, **{"metrics.json": "3\n"})
        assert run() == (False, FORGED)

    def test_the_first_commit(self, repo: Repo, run: Callable[[], tuple[bool, str]]) -> None:
        repo.git("update-ref", "-d", "HEAD")
        stage(repo, **{"dvc.yaml": DEFINITION, "dvc.lock": lock(**{"metrics.json": "1\n"}), "metrics.json": "2\n"})
        assert run() == (False, FORGED)

    def test_an_out_that_was_only_announced(self, repo: Repo, run: Callable[[], tuple[bool, str]]) -> None:
        stage(repo, **{"dvc.yaml": DEFINITION, "dvc.lock": lock(**{"metrics.json": "1\n"}), "empty": ""})
        repo.git("add", "--intent-to-add", str(repo.write("metrics.json", "1\n")))
        assert run() == (True, "")
        repo.git("add", str(repo.write("metrics.json", "")))
        assert run() == (False, FORGED)

    def test_a_merge(self, repo: Repo, run: Callable[[], tuple[bool, str]]) -> None:
        conflict(repo)
        stage(repo, shared="both\n")
        assert run() == (True, "")
        stage(repo, shared=TOKEN)
        assert run()[0] is False

    def test_a_file_that_is_too_large_to_be_read(self, repo: Repo, run: Callable[[], tuple[bool, str]]) -> None:
        repo.write("gitml.toml", '[files]\nlarge = ["*.bin"]\n')
        stage(repo, **{"x.bin": "0" * (contents.LARGEST_READ + 1) + TOKEN})
        assert run() == (True, "")

    def test_what_is_installed_is_found_when_missed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "path", list(sys.path))
        finder = packages.WhenMissed()
        assert finder.find_spec("msvcrt") is None
        spec = finder.find_spec("yaml")
        assert spec is not None and spec.name == "yaml"
        assert finder.find_spec("no_such_module") is None
