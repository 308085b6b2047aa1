"""`gitml init --remove`: everything is as it was before, byte for byte, and what somebody edited since is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.cli.init_adopt import NobodyToAsk, remove
from gitml.scaffold import blocks, changes, ci, removal

from .adopted_projects import PIN, Init, init, shelf, theirs, whole
from .conftest import Done, Repo

__all__ = ["init", "shelf", "theirs"]

Gitml = Callable[..., Done]


@pytest.fixture
def take_out(capsys: pytest.CaptureFixture[str]) -> Init:
    def run(at: Path, **given: object) -> str:
        remove(at, **{"is_yes": True, **given})  # type: ignore[arg-type]
        return capsys.readouterr().out

    return run


def own_hooks(repo: Repo) -> None:
    repo.write(".git/hooks/commit-msg", "#!/bin/sh\nexit 0\n").chmod(0o755)
    repo.write(".git/hooks/pre-push", "not executable\n").chmod(0o644)
    (repo.path / ".git/hooks/pre-commit").symlink_to("../../nowhere")


def framework(repo: Repo) -> None:
    repo.write(".pre-commit-config.yaml", "repos: []\n")
    done = repo.run(sys.executable, "-m", "pre_commit", "install", "--hook-type", "commit-msg")
    assert done.code == 0, done.err


def husky(repo: Repo) -> None:
    repo.write(".husky/commit-msg", "#!/bin/sh\necho husky\n").chmod(0o755)
    repo.git("config", "core.hooksPath", ".husky")
    repo.commit("chore: husky")


def no_hooks_folder(repo: Repo) -> None:
    subprocess.run(["rm", "-r", str(repo.path / ".git/hooks")], check=True)


def their_own_lines(repo: Repo) -> None:
    repo.with_dvc()
    repo.write(".gitattributes", b"* text=auto\r\n*.png binary")
    repo.write(".dvcignore", b"")
    repo.write("sub/.dvc/config", "")
    repo.write("sub/.dvcignore", b"# \xff latin\n*.log")
    repo.commit("chore: lines")


def a_dirty_tree(repo: Repo) -> None:
    repo.with_dvc().commit("chore: dvc")
    repo.write("staged.txt", "x\n")
    repo.git("add", "staged.txt")
    repo.write("staged.txt", "y\n")
    repo.write("untracked.txt", "z\n")
    repo.write(".gitattributes", "*.x -diff\n").chmod(0o600)


def trunk(repo: Repo) -> None:
    repo.git("branch", "-m", "main", "trunk")


def their_own_config(repo: Repo) -> None:
    trunk(repo)
    file = repo.path / ".git/config"
    file.write_text(file.read_text() + "# mine\n[gitml]\n\t# about gitml\n")


CASES = (own_hooks, framework, husky, no_hooks_folder, their_own_lines, a_dirty_tree, trunk, their_own_config)


class TestEverythingIsAsBefore:
    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
    def test_in(self, init: Init, take_out: Init, repo: Repo, case: Callable[[Repo], None]) -> None:
        case(repo)
        before = whole(repo)
        init(repo.path)
        assert whole(repo) != before
        take_out(repo.path)
        assert whole(repo) == before
        assert take_out(repo.path) == "nothing of gitml is here\nnext  git status\n"
        assert whole(repo) == before

    def test_where_gitml_never_was(self, take_out: Init, repo: Repo) -> None:
        assert take_out(repo.path) == "nothing of gitml is here\nnext  git status\n"
        assert not (repo.path / ".git/gitml").exists()

    @pytest.mark.parametrize(
        "given", [{"forge": "github", "pin": PIN}, {"forge": "gitlab", "pin": PIN}, {"has_dvc": True}]
    )
    def test_with(self, init: Init, take_out: Init, repo: Repo, given: dict[str, object]) -> None:
        before = whole(repo)
        init(repo.path, **given)
        take_out(repo.path)
        assert whole(repo) == before

    def test_in_a_project_of_dvc_with_experiments(self, init: Init, take_out: Init, theirs: Repo) -> None:
        before = whole(theirs)
        init(theirs.path, experiments=("all",))
        assert len(theirs.git("for-each-ref", "refs/heads").splitlines()) == 4
        said = take_out(theirs.path)
        assert "deleted experiments/first: dvc exp keeps it as first\n" in said
        assert whole(theirs) == before
        assert theirs.run("dvc", "exp", "list", "--name-only").out.split() == ["Wider_Net", "first", "kept-as-is"]

    def test_before_the_first_commit(self, init: Init, take_out: Init, tmp_path: Path) -> None:
        repo = Repo(tmp_path / "new")
        repo.path.mkdir()
        repo.git("init", "--quiet", "--initial-branch=master")
        before = {name: value for name, value in whole(repo).items()}
        init(repo.path, has_dvc=True)
        take_out(repo.path)
        assert whole(repo) == before

    def test_in_a_linked_worktree(self, init: Init, take_out: Init, repo: Repo) -> None:
        repo.git("worktree", "add", "--quiet", "../linked", "-b", "infra/x")
        linked = Repo(repo.path.parent / "linked")
        before = whole(repo), whole(linked)
        init(linked.path)
        take_out(linked.path)
        assert (whole(repo), whole(linked)) == before


class TestInAnotherClone:
    def test_after_it_was_committed(self, init: Init, take_out: Init, repo: Repo) -> None:
        their_own_lines(repo)
        before = repo.git("rev-parse", "HEAD^{tree}")
        said = init(repo.path, forge="github", pin=PIN)
        repo.run(
            "sh", "-c", said.splitlines()[-1 if "rules" not in said.splitlines()[-1] else -2].removeprefix("next  ")
        )
        assert repo.git("status", "--porcelain") == ""
        repo.git("clone", "--quiet", ".", "../colleague")
        colleague = Repo(repo.path.parent / "colleague")
        said = take_out(colleague.path)
        colleague.run("sh", "-c", said.splitlines()[-1].removeprefix("next  "))
        assert colleague.git("status", "--porcelain") == ""
        assert colleague.git("rev-parse", "HEAD^{tree}") == before
        assert colleague.git("log", "-1", "--format=%s") == "infra: take gitml out"

    def test_where_git_changes_line_ends(self, init: Init, take_out: Init, repo: Repo) -> None:
        repo.with_dvc().commit("infra: dvc")
        repo.run("sh", "-c", init(repo.path).splitlines()[-1].removeprefix("next  "))
        for name in ("gitml.toml", ".gitattributes", "reports/README.md", ".dvcignore"):
            path = repo.path / name
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        take_out(repo.path)
        assert not any(
            (repo.path / name).exists() for name in ("gitml.toml", ".gitattributes", "reports", ".dvcignore")
        )


class TestWhatWasEditedIsKept:
    def test_gitml_toml(self, init: Init, gitml: Gitml, take_out: Init, theirs: Repo) -> None:
        init(theirs.path)
        assert gitml("rules", "enforce", at=theirs.path).code == 0
        said = take_out(theirs.path)
        assert (
            "note  gitml.toml is kept\n      It was edited since gitml wrote it.\n        git rm -- gitml.toml\n"
            in said
        )
        assert (theirs.path / "gitml.toml").exists()
        assert not (theirs.path / ".gitattributes").exists()

    def test_lines_between_the_marks(self, init: Init, take_out: Init, theirs: Repo) -> None:
        init(theirs.path)
        path = theirs.path / ".gitattributes"
        edited = path.read_bytes().replace(b"* -text", b"*.csv -text")
        path.write_bytes(edited)
        assert "note  .gitattributes is kept: it was edited\n" in take_out(theirs.path)
        assert path.read_bytes() == edited
        assert init(theirs.path).count(".gitattributes") == 1  # only in the command that adds it
        assert path.read_bytes() == edited

    def test_lines_around_the_marks(self, init: Init, take_out: Init, theirs: Repo) -> None:
        theirs.write(".gitattributes", "*.a -diff")
        init(theirs.path)
        path = theirs.path / ".gitattributes"
        path.write_bytes(b"*.b -diff\n" + path.read_bytes() + b"*.c -diff\n")
        take_out(theirs.path)
        assert path.read_bytes() == b"*.b -diff\n*.a -diff\n*.c -diff\n"

    def test_lines_of_an_older_gitml(self, init: Init, take_out: Init, theirs: Repo) -> None:
        old = blocks.with_lines(b"*.a -diff\n", [b"# as it was once", b"*.old -text"])
        theirs.write(".gitattributes", old)
        init(theirs.path)
        content = (theirs.path / ".gitattributes").read_bytes()
        assert (b"*.old" in content, content.count(b"# gitml init: end")) == (False, 1)
        theirs.write(".gitattributes", old)
        take_out(theirs.path)
        assert (theirs.path / ".gitattributes").read_bytes() == b"*.a -diff\n"

    def test_an_experiment_that_went_on_or_is_checked_out(self, init: Init, take_out: Init, theirs: Repo) -> None:
        init(theirs.path, experiments=("all",))
        theirs.git("stash", "--quiet", "--include-untracked")
        theirs.git("switch", "--quiet", "experiments/first")
        theirs.git("commit", "--quiet", "--allow-empty", "-m", "experiment: on")
        theirs.git("switch", "--quiet", "experiments/wider_net")
        said = take_out(theirs.path)
        assert "note  2 branches of experiments and models stay\n" in said
        kept = theirs.git("for-each-ref", "--format=%(refname:short)", "refs/heads/experiments").split()
        assert kept == ["experiments/first", "experiments/wider_net"]

    def test_one_that_dvc_keeps_no_more(self, init: Init, take_out: Init, theirs: Repo) -> None:
        init(theirs.path, experiments=("first",))
        theirs.git("update-ref", "-d", theirs.git("for-each-ref", "--format=%(refname)", "refs/exps/*/*/first"))
        take_out(theirs.path)
        assert theirs.git("rev-parse", "--verify", "refs/heads/experiments/first")

    def test_ci_files(self, init: Init, take_out: Init, repo: Repo) -> None:
        init(repo.path, forge="github", pin=PIN)
        path = repo.path / ".github/workflows/gitml.yml"
        path.write_text(path.read_text() + "# mine\n")
        said = take_out(repo.path)
        assert "note  .github/workflows/gitml.yml is kept\n" in said
        assert [one.name for one in path.parent.iterdir()] == ["gitml.yml"]

    def test_dvc_that_is_in_use(self, init: Init, take_out: Init, repo: Repo) -> None:
        init(repo.path, has_dvc=True)
        repo.write("data.csv", "a\n")
        assert repo.run("dvc", "add", "--quiet", "data.csv").code == 0
        take_out(repo.path)
        assert (repo.path / ".dvc/config").exists()
        assert (repo.path / "data.csv.dvc").exists()

    def test_a_setting_that_somebody_changed(self, init: Init, take_out: Init, repo: Repo) -> None:
        trunk(repo)
        init(repo.path)
        repo.git("config", "gitml.main", "experiments/x")
        take_out(repo.path)
        assert repo.git("config", "gitml.main") == "experiments/x"

    def test_a_hook_that_was_put_over_gitmls(self, init: Init, take_out: Init, repo: Repo) -> None:
        init(repo.path)
        repo.write(".git/hooks/commit-msg", "#!/bin/sh\n").chmod(0o755)
        take_out(repo.path)
        assert (repo.path / ".git/hooks/commit-msg").read_text() == "#!/bin/sh\n"


class TestTheCommand:
    def test_a_dry_run(self, init: Init, take_out: Init, theirs: Repo) -> None:
        init(theirs.path, experiments=("first",))
        before = whole(theirs)
        said = take_out(theirs.path, is_yes=False, is_dry_run=True)
        assert whole(theirs) == before
        assert "would change .dvcignore\n" in said
        assert "\n  -__pycache__\n" in said
        assert "would delete experiments/first: dvc exp keeps it as first\n" in said
        assert "would unset git config gitml.main\n" in said
        assert said.endswith("next  gitml init --remove\n")

    def test_as_json(self, init: Init, take_out: Init, theirs: Repo) -> None:
        init(theirs.path, experiments=("first",))
        data = json.loads(take_out(theirs.path, as_json=True))
        assert data["is_done"] is True
        assert {one["path"]: one["does"] for one in data["files"]} == {
            ".gitattributes": "remove",
            ".dvcignore": "rewrite",
            "reports/README.md": "remove",
            "gitml.toml": "remove",
        }
        assert [one["branch"] for one in data["branches"]] == ["experiments/first"]
        assert data["settings"] == ["gitml.main"]

    def test_nobody_to_ask(self, init: Init, repo: Repo) -> None:
        init(repo.path)
        before = whole(repo)
        with pytest.raises(NobodyToAsk) as raised:
            remove(repo.path)
        assert raised.value.mend[0] == "gitml init --remove --yes"
        assert whole(repo) == before

    def test_undo_brings_the_branches_back(self, init: Init, take_out: Init, gitml: Gitml, theirs: Repo) -> None:
        init(theirs.path, experiments=("all",))
        before = theirs.git("for-each-ref", "refs/heads")
        take_out(theirs.path)
        done = gitml("undo", at=theirs.path)
        assert done.code == 0, done.err
        assert theirs.git("for-each-ref", "refs/heads") == before

    def test_what_is_edited_while_it_is_asked(self, init: Init, repo: Repo) -> None:
        init(repo.path)
        shown = removal.plan(repo.path)
        path = repo.path / "reports/README.md"
        path.write_text("mine now\n")
        removal.carry_out(shown)
        assert path.read_text() == "mine now\n"

    def test_lines_that_are_added_while_it_is_asked(self, init: Init, theirs: Repo) -> None:
        init(theirs.path)
        shown = removal.plan(theirs.path)
        theirs.write(".dvcignore", (theirs.path / ".dvcignore").read_bytes() + b"*.new\n")
        before = whole(theirs)
        with pytest.raises(changes.ChangedMeanwhile):
            removal.carry_out(shown)
        assert whole(theirs) == before

    def test_killed_and_again(self, init: Init, repo: Repo, tmp_path: Path) -> None:
        own_hooks(repo)
        trunk(repo)
        repo.with_dvc()
        repo.commit("feat: dvc")
        before = whole(repo)
        init(repo.path, forge="gitlab", pin=PIN)
        survived = 0
        for number in range(9):
            copy = Repo(tmp_path / f"copy{number}")
            subprocess.run(["cp", "-a", str(repo.path), str(copy.path)], check=True)
            killed = run(copy, KILL.format(number=number))
            survived += killed.returncode == 0
            again = run(copy, "")
            assert again.returncode == 0, again.stderr
            assert whole(copy) == before
        assert survived < 9


KILL = """
import os, signal, pathlib
left = [{number}]
def counted(real):
    def call(*words, **given):
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return real(*words, **given)
    return call
pathlib.Path.unlink = counted(pathlib.Path.unlink)
os.replace = counted(os.replace)
"""


def run(repo: Repo, before: str) -> subprocess.CompletedProcess[str]:
    code = f"from gitml.cli.init_adopt import remove\n{before}\nremove(is_yes=True)"
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=repo.path, env=environment, capture_output=True, text=True, check=False
    )


class TestMarks:
    @pytest.mark.parametrize("old", [None, b"", b"x", b"x\n", b"x\r\ny", b"x\r\n", b"\n\n", b"\xff\x00", b"\r"])
    def test_lines_come_out_as_they_went_in(self, old: bytes | None) -> None:
        new = blocks.with_lines(old, [b"one", b"two \xff"])
        assert blocks.without_lines(new) == blocks.Found("as written", old)
        assert blocks.with_lines(new, [b"one", b"two \xff"]) == new
        longer = blocks.with_lines(new, [b"three"])
        assert blocks.without_lines(longer) == blocks.Found("as written", old)

    def test_a_mark_without_its_end(self) -> None:
        new = blocks.with_lines(None, [b"one"])
        assert blocks.without_lines(new.replace(b"# gitml init: end\n", b"")).state == "edited"

    def test_very_many_marks_take_no_time(self) -> None:
        content = b"# gitml init: 0123456789ab\n" * 30_000
        assert blocks.without_lines(content).state == "edited"

    @pytest.mark.parametrize("comment", [("# ", ""), ("<!-- ", " -->")])
    def test_a_seal(self, comment: tuple[str, str]) -> None:
        content = blocks.sealed("a\nb\n", comment)
        assert blocks.state_of(content) == "as written"
        assert blocks.state_of(content.replace(b"\n", b"\r\n")) == "as written"
        assert blocks.state_of(content.replace(b"b", b"c")) == "edited"
        assert blocks.state_of(content + b"more\n") == "edited"
        assert blocks.state_of(b"theirs\n") == "absent"

    @pytest.mark.parametrize("forge", ["github", "gitlab"])
    def test_ci_files_of_any_pin(self, forge: ci.Forge) -> None:
        for pin, python, main in (("gitml==1.0", "3.11", "main"), (f"gitml @ {PIN}", "3.12.4", "release/1.x")):
            for path, text in ci.templates(forge, pin, python, main).items():
                assert ci.is_ours(path, text.encode())
                assert not ci.is_ours(path, text.encode() + b"# mine\n")
                assert not ci.is_ours("x.yml", text.encode())
