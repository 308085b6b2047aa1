"""gitml under the real pre-commit framework: each hook does at its stage what it does when git calls it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitml.errors import WrongUsage
from gitml.hooks import framework, post_checkout, pre_push
from gitml.hooks.framework import Called, pushed_line

from .conftest import ROOT, Done, Repo
from .test_hooks_pre_commit import TOKEN, stage

MANIFEST: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
STAGES = ["pre-commit", "prepare-commit-msg", "commit-msg", "post-checkout", "pre-push"]


@pytest.fixture
def framed(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A repository whose hooks are the framework's, which calls the entries of the manifest.

    The framework would build an environment from the network; here the command is this environment's.
    """
    command = repo.write("../bin/gitml", f'#!/bin/sh\nexec "{sys.executable}" -m gitml "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent.resolve()), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "pre-commit"))
    hooks = [{**hook, "language": "system"} for hook in MANIFEST]
    config = {"default_install_hook_types": STAGES, "repos": [{"repo": "local", "hooks": hooks}]}
    repo.commit(**{".pre-commit-config.yaml": yaml.safe_dump(config)})
    repo.git("branch", "experiments/lr")
    done = repo.run("pre-commit", "install")
    assert done.code == 0, done.out + done.err
    return repo


def commit(repo: Repo, *words: str, **environment: str) -> tuple[int, str]:
    done = repo.run("git", "commit", "--allow-empty", *words, **environment)
    return done.code, done.out + done.err


class TestManifest:
    def test_the_framework_takes_it(self, repo: Repo) -> None:
        assert repo.run("pre-commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")) == Done(0, "", "")

    def test_one_hook_for_each_of_ours(self) -> None:
        assert [(hook["id"], hook["stages"], hook["entry"]) for hook in MANIFEST] == [
            (f"gitml-{name}", [name], f"gitml hooks run {name}") for name in STAGES
        ]
        assert {hook["language"] for hook in MANIFEST} == {"python"}
        assert [hook["id"] for hook in MANIFEST if hook["pass_filenames"]] == [
            "gitml-prepare-commit-msg",
            "gitml-commit-msg",
        ]


class TestCommit:
    def test_a_message_without_prefix(self, framed: Repo) -> None:
        code, says = commit(framed, "-m", "try lr")
        mend = 'git commit --allow-empty -m "experiment: try lr"'
        assert code == 1
        assert '  "try lr" needs one of, on main:\n    experiment:  trying an idea' in says
        assert f"Your message is kept in .git/gitml/message. Mend:\n  {mend}\n" in says
        assert framed.run("sh", "-c", mend).code == 0
        assert framed.message() == "experiment: try lr\n"

    def test_the_prefix_is_put_in_on_an_experiment_and_told(self, framed: Repo) -> None:
        framed.git("switch", "--quiet", "experiments/lr")
        code, says = commit(framed, "-m", "try lr")
        assert (code, framed.message()) == (0, "experiment: try lr\n")
        assert 'gitml: on experiments/lr the message is now "experiment: try lr"\n' in says

    def test_the_editor_opens_with_the_prefix(self, framed: Repo) -> None:
        framed.git("switch", "--quiet", "experiments/lr")
        framed.commit("infra: params", **{"params.yaml": "lr: 0.1\n"})
        stage(framed, **{"params.yaml": "lr: 0.2\n"})
        code, says = commit(framed, GIT_EDITOR=framed.editor('sed -i "1s/$/more/" "$1"'))
        assert (code, framed.message()) == (0, "experiment: more\n"), says
        assert framed.opened.startswith("experiment: \n\n# Parameters that this commit changes (params.yaml):\n")
        assert "#   lr 0.1 -> 0.2\n" in framed.opened

    def test_what_is_staged_is_judged(self, framed: Repo) -> None:
        stage(framed, key__py=TOKEN)
        code, says = commit(framed, "-m", "infra: x")
        assert code == 1
        assert "gitml: commit refused (no-secret)\n  key.py line 1: AWS Access Key\n" in says

    def test_what_is_committed_with_all_is_judged(self, framed: Repo) -> None:
        framed.commit(a="1\n")
        framed.write("a", TOKEN)
        code, says = commit(framed, "--all", "-m", "infra: x")
        assert (code, "  a line 1: AWS Access Key\n" in says) == (1, True)

    def test_warnings_are_told(self, framed: Repo) -> None:
        framed.write("gitml.toml", '[rules]\nno-secret = "warn"\n')
        stage(framed, key__py=TOKEN)
        code, says = commit(framed, "-m", "infra: x")
        assert (code, "gitml: warning (no-secret)\n" in says) == (0, True)

    def test_a_right_commit(self, framed: Repo) -> None:
        stage(framed, a="1\n")
        code, says = commit(framed, "-m", "infra: x")
        assert (code, says.count("Passed"), framed.message()) == (0, 3, "infra: x\n")


class TestPush:
    """What pre-push gets, told by a stand-in for its body that another piece of gitml brings."""

    def line(self, repo: Repo, *words: str, **environment: str) -> str:
        done = repo.run("git", "push", *words, **environment)
        assert done.code == 0, done.out + done.err
        return (repo.path.parent / "line").read_text()

    @pytest.fixture
    def pushing(self, framed: Repo, tmp_path: Path) -> Repo:
        """A repository with a remote that has main; what pre-push is called with is kept in a file."""
        told = tmp_path / "line"
        spy = (
            "import sys; from gitml.hooks import pre_push; from gitml.cli.main import main\n"
            f"def run(*words): open({str(told)!r}, 'w').write(repr(words)); return True\n"
            "pre_push.run = run\nsys.exit(main(sys.argv[1:]))"
        )
        (tmp_path / "spy.py").write_text(spy)
        (tmp_path / "bin/gitml").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{tmp_path}/spy.py" "$@"\n')
        framed.git("init", "--quiet", "--bare", str(tmp_path / "remote"))
        framed.git("remote", "add", "origin", str(tmp_path / "remote"))
        framed.git("push", "--quiet", "--no-verify", "origin", "main")
        return framed

    def test_a_branch_that_the_remote_has(self, pushing: Repo, tmp_path: Path) -> None:
        old = pushing.git("rev-parse", "HEAD")
        pushing.git("commit", "--quiet", "--no-verify", "--allow-empty", "-m", "infra: x")
        new = pushing.git("rev-parse", "HEAD")
        line = f"refs/heads/main {new} refs/heads/main {old}\n".encode()
        assert self.line(pushing, "origin", "main") == repr((line, "origin", str(tmp_path / "remote")))

    def test_a_new_branch(self, pushing: Repo, tmp_path: Path) -> None:
        pushing.git("commit", "--quiet", "--no-verify", "--allow-empty", "-m", "infra: x")
        new = pushing.git("rev-parse", "HEAD")
        line = f"HEAD {new} refs/heads/infra/x {'0' * 40}\n".encode()
        assert self.line(pushing, "origin", "HEAD:refs/heads/infra/x") == repr(
            (line, "origin", str(tmp_path / "remote"))
        )

    def test_the_whole_history(self, pushing: Repo, tmp_path: Path) -> None:
        pushing.git("init", "--quiet", "--bare", str(tmp_path / "other"))
        pushing.git("remote", "add", "other", str(tmp_path / "other"))
        new = pushing.git("rev-parse", "HEAD")
        line = f"refs/heads/main {new} refs/heads/main {'0' * 40}\n".encode()
        assert self.line(pushing, "other", "main") == repr((line, "other", str(tmp_path / "other")))

    def test_by_address(self, pushing: Repo, tmp_path: Path) -> None:
        old = pushing.git("rev-parse", "HEAD")
        pushing.git("commit", "--quiet", "--no-verify", "--allow-empty", "-m", "infra: x")
        new = pushing.git("rev-parse", "HEAD")
        remote = str(tmp_path / "remote")
        line = f"refs/heads/main {new} refs/heads/main {old}\n".encode()
        assert self.line(pushing, remote, "main") == repr((line, remote, remote))

    def test_a_no_is_final(self, pushing: Repo, tmp_path: Path) -> None:
        spy = (tmp_path / "spy.py").read_text().replace("return True", "return False")
        (tmp_path / "spy.py").write_text(spy)
        pushing.git("commit", "--quiet", "--no-verify", "--allow-empty", "-m", "infra: x")
        assert pushing.run("git", "push", "origin", "main").code == 1

    def test_an_annotated_tag(self, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        repo.git("tag", "-a", "-m", "x", "model@v1.0.0")
        tag, commit_id = repo.git("rev-parse", "model@v1.0.0"), repo.git("rev-parse", "HEAD")
        ref = "refs/tags/model@v1.0.0"
        monkeypatch.chdir(repo.path)

        def old(begins: str) -> str:
            said = {"LOCAL_BRANCH": ref, "REMOTE_BRANCH": ref, "TO_REF": tag, "FROM_REF": begins}
            line = pushed_line(Called((), {f"PRE_COMMIT_{name}": value for name, value in said.items()}))
            return line.decode().split()[3]

        assert (old(commit_id), old(tag)) == ("0" * 40, tag)

    def test_nothing_where_the_framework_says_nothing(self) -> None:
        assert pushed_line(Called((), {})) == b""


class TestCheckout:
    def test_it_is_called_for_branches_that_differ(self, framed: Repo, tmp_path: Path) -> None:
        told = tmp_path / "told"
        (tmp_path / "spy.py").write_text(
            "import sys; from gitml.hooks import post_checkout; from gitml.cli.main import main\n"
            f"def run(*words): open({str(told)!r}, 'a').write(repr(words))\n"
            "post_checkout.run = run\nsys.exit(main(sys.argv[1:]))"
        )
        (tmp_path / "bin/gitml").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{tmp_path}/spy.py" "$@"\n')
        old = framed.git("rev-parse", "HEAD")
        framed.git("commit", "--quiet", "--no-verify", "--allow-empty", "-m", "infra: x")
        new = framed.git("rev-parse", "HEAD")
        framed.git("checkout", "--", ".pre-commit-config.yaml")
        framed.git("checkout", "--quiet", "-b", "infra/same")
        framed.git("checkout", "--quiet", "experiments/lr")
        assert told.read_text() == repr((new, old))


class TestRun:
    """``gitml hooks run`` where no framework is around it."""

    def test_a_no_is_exit_status_1(self, repo: Repo, gitml: Callable[..., Done]) -> None:
        stage(repo, a=TOKEN)
        done = gitml("hooks", "run", "pre-commit", at=repo.path)
        assert (done.code, done.out, done.err.splitlines()[0]) == (1, "", "gitml: commit refused (no-secret)")

    def test_a_message_that_is_right_or_wrong(self, repo: Repo, gitml: Callable[..., Done]) -> None:
        repo.write("message", "infra: x\n")
        assert gitml("hooks", "run", "commit-msg", "message", at=repo.path) == Done(0, "", "")
        repo.write("message", "x\n")
        assert gitml("hooks", "run", "commit-msg", "message", at=repo.path).code == 1

    @pytest.mark.parametrize("hook", ["pre-commit", "pre-push", "post-checkout", "prepare-commit-msg"])
    def test_without_anything_to_do(self, repo: Repo, gitml: Callable[..., Done], hook: str) -> None:
        assert gitml("hooks", "run", hook, at=repo.path) == Done(0, "", "")

    def test_outside_of_a_repository_it_stops_nobody(self, tmp_path: Path, gitml: Callable[..., Done]) -> None:
        done = gitml("hooks", "run", "commit-msg", "message", at=tmp_path)
        assert (done.code, done.err) == (
            0,
            "gitml: commit-msg was not done: git rev-parse --git-dir failed (exit status 128)\n",
        )

    def test_a_fault_of_ours_stops_nobody(self, repo: Repo, gitml: Callable[..., Done]) -> None:
        done = gitml("hooks", "run", "commit-msg", "no such file", at=repo.path)
        assert done.code == 0
        assert done.err.startswith("gitml: commit-msg was not done: FileNotFoundError: ")

    def test_the_fault_is_shown_to_who_asks(self, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GITML_DEBUG", "1")
        monkeypatch.chdir(repo.path)
        with pytest.raises(FileNotFoundError):
            framework.run("commit-msg", ["no such file"])

    @pytest.mark.parametrize("files", [(), ("a", "b")])
    def test_one_message_is_needed(self, repo: Repo, gitml: Callable[..., Done], files: tuple[str, ...]) -> None:
        done = gitml("hooks", "run", "commit-msg", *files, at=repo.path)
        assert done.code == 2
        assert done.err.splitlines()[0] == f"gitml: one file with the message is needed, not {len(files)}"

    def test_an_unknown_hook(self, repo: Repo, gitml: Callable[..., Done]) -> None:
        assert gitml("hooks", "run", "post-merge", at=repo.path).code == 2

    def test_bodies_are_called_in_process(self, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(repo.path)
        head = repo.git("rev-parse", "HEAD")
        said = {"FROM_REF": "1" * 40, "TO_REF": head, "CHECKOUT_TYPE": "1"}
        said |= {"LOCAL_BRANCH": "refs/heads/main", "REMOTE_BRANCH": "refs/heads/main", "REMOTE_NAME": "origin"}
        for name, value in said.items():
            monkeypatch.setenv(f"PRE_COMMIT_{name}", value)
        calls: list[tuple[object, ...]] = []
        monkeypatch.setattr(post_checkout, "run", lambda *words: calls.append(words))
        monkeypatch.setattr(pre_push, "run", lambda *words: calls.append(words) or False)
        assert framework.run("post-checkout", []) is True
        assert framework.run("pre-push", []) is False
        line = f"refs/heads/main {head} refs/heads/main {'1' * 40}\n".encode()
        assert calls == [("1" * 40, head), (line, "origin", "")]
        with pytest.raises(WrongUsage):
            framework.run("commit-msg", [])
