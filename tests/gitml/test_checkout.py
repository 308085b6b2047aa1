"""A working tree that follows its branch."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.git.checkout import follow, in_the_way
from gitml.git.merge import GitIsTooOld, HistoryIsShallow, NotRelated, Textual, is_ancestor, merge_bases, merge_trees
from gitml.git.tags import tag_object
from gitml.git.transaction import NoIdentity

from .conftest import Repo


@pytest.fixture
def moved(repo: Repo) -> tuple[Repo, str, str]:
    """A repository whose main was moved by plumbing: files of each kind come, change and go."""
    repo.write("run.sh", "old\n").chmod(0o755)
    repo.commit(**{"same": "1", "changed": "1\n", "gone/deep/file": "1", "file": "1", "folder/a": "1", "mode": "1"})
    (repo.path / "link").symlink_to("same")
    old = repo.git("rev-parse", repo.commit())
    repo.write("run.sh", "new\n")
    repo.git("rm", "--quiet", "-r", "gone", "file", "folder")
    (repo.path / "link").unlink()
    (repo.path / "link").symlink_to("changed")
    (repo.path / "mode").chmod(0o755)
    repo.write(".gitattributes", "*.txt text eol=crlf\n")
    new = repo.commit(changed="2\n", **{"file/now/folder": "2", "folder": "now a file", "new/ä.txt": "a\nb\n"})
    new = repo.git("rev-parse", new)
    repo.git("reset", "--quiet", "--hard", old)
    assert in_the_way(repo.path, old, new) == []
    repo.git("update-ref", "refs/heads/main", new)
    return repo, old, new


def files(repo: Repo) -> dict[str, tuple[str, int]]:
    listed = [
        path for path in repo.path.rglob("*") if ".git" not in path.parts and (path.is_symlink() or path.is_file())
    ]
    return {
        path.relative_to(repo.path).as_posix(): (
            os.readlink(path) if path.is_symlink() else path.read_bytes().decode(),
            path.lstat().st_mode & 0o111,
        )
        for path in listed
    }


def test_files_of_each_kind_follow(moved: tuple[Repo, str, str]) -> None:
    repo, old, new = moved
    assert follow(repo.path, old, new) == []
    assert repo.run("git", "status", "--porcelain").out == ""
    followed = files(repo)
    assert followed["new/ä.txt"][0] == "a\r\nb\r\n"
    assert (followed["folder"][0], followed["file/now/folder"][0]) == ("now a file", "2")
    assert not (repo.path / "gone").exists()
    repo.git("reset", "--quiet", "--hard", new)
    assert files(repo) == followed
    assert follow(repo.path, old, new) == []
    assert files(repo) == followed


def test_what_somebody_changed_meanwhile_is_kept_and_named(moved: tuple[Repo, str, str]) -> None:
    repo, old, new = moved
    repo.write("changed", "mine\n")
    repo.write("gone/deep/file", "mine")
    repo.write("new/ä.txt", "mine")
    assert follow(repo.path, old, new) == ["changed", "gone/deep/file", "new/ä.txt"]
    assert (repo.path / "changed").read_text() == "mine\n"
    assert (repo.path / "gone/deep/file").read_text() == "mine"
    assert (repo.path / "new/ä.txt").read_text() == "mine"
    assert (repo.path / "run.sh").read_text() == "new\n"


def test_a_file_where_a_folder_belongs_is_kept(moved: tuple[Repo, str, str]) -> None:
    repo, old, new = moved
    repo.write("new", "mine")
    assert follow(repo.path, old, new) == ["new/ä.txt"]
    assert (repo.path / "new").read_text() == "mine"


def test_a_mode_that_a_kill_left_behind_follows(moved: tuple[Repo, str, str]) -> None:
    repo, old, new = moved
    assert follow(repo.path, old, old) == []
    (repo.path / "mode").chmod(0o644)
    (repo.path / "changed").write_text("2\n")
    assert follow(repo.path, old, new) == []
    assert files(repo)["mode"][1] == 0o111
    assert repo.run("git", "status", "--porcelain").out == ""


def test_a_submodule_is_left_to_git(repo: Repo) -> None:
    old = repo.git("rev-parse", "HEAD")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{old},sub")
    (repo.path / "sub").mkdir()
    repo.git("commit", "--quiet", "-m", "infra: sub")
    new = repo.git("rev-parse", "HEAD")
    repo.git("reset", "--quiet", "--hard", old)
    repo.git("update-ref", "refs/heads/main", new)
    assert follow(repo.path, old, new) == []
    assert repo.git("ls-files", "--stage", "sub") == f"160000 {old} 0\tsub"


def test_what_was_followed_and_changed_back_is_not_followed_again(moved: tuple[Repo, str, str]) -> None:
    repo, old, new = moved
    follow(repo.path, old, new)
    repo.write("changed", "1\n")
    assert follow(repo.path, old, new) == []
    assert (repo.path / "changed").read_text() == "1\n"


def test_what_is_in_the_way_is_named(repo: Repo) -> None:
    old = repo.git("rev-parse", repo.commit(a="1", b="1", **{".gitignore": "ignored\n"}))
    repo.commit(a="2", ignored="2", untracked="2", **{"folder/new": "2", "file/new": "2"})
    repo.git("add", "--force", "ignored")
    new = repo.git("rev-parse", repo.commit())
    repo.git("reset", "--quiet", "--hard", old)
    assert in_the_way(repo.path, old, new) == []
    repo.write("b", "mine")
    repo.write("ignored", "mine")
    repo.write("file", "mine")
    (repo.path / "folder/new").mkdir(parents=True)
    assert in_the_way(repo.path, old, new) == ["b", "file/new", "ignored"]  # an empty folder is not
    repo.write("folder/new/mine", "")
    assert in_the_way(repo.path, old, new) == ["b", "file/new", "folder/new", "ignored"]


@pytest.mark.slow
def test_killed_between_files_the_same_again_finishes(moved: tuple[Repo, str, str], gitml_process: Callable) -> None:
    repo, old, new = moved
    for count in range(8):
        repo.git("reset", "--quiet", "--hard", old)
        repo.git("update-ref", "refs/heads/main", new)
        code = (
            "import os, signal\nfrom pathlib import Path\nfrom gitml.git import checkout\n"
            f"left = [{count}]\nreal = checkout._follow_file\n"
            "def dying(*given):\n"
            "    if left[0] == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
            "    left[0] -= 1\n    return real(*given)\n"
            f"checkout._follow_file = dying\ncheckout.follow(Path({str(repo.path)!r}), {old!r}, {new!r})\n"
        )
        assert gitml_process("--version", before=code).code == -signal.SIGKILL
        assert follow(repo.path, old, new) == []
        assert repo.run("git", "status", "--porcelain").out == ""


def test_merging_without_a_working_tree(repo: Repo) -> None:
    base = repo.git("rev-parse", repo.commit(a="1\n", b="1\n"))
    ours = repo.git("rev-parse", repo.commit(a="2\n"))
    repo.git("reset", "--quiet", "--hard", base)
    theirs = repo.git("rev-parse", repo.commit(b="2\n"))
    merged = merge_trees(ours, theirs, repo.path)
    assert merged.conflicts == ()
    assert repo.git("show", f"{merged.tree}:a", f"{merged.tree}:b") == "2\n2"
    other = repo.git("rev-parse", repo.commit(**{"a": "3\n", "b": "2\n"}))
    assert merge_trees(ours, other, repo.path) == Textual(merge_trees(ours, other, repo.path).tree, ("a",))
    assert (is_ancestor(base, ours, repo.path), is_ancestor(ours, theirs, repo.path)) == (True, False)
    alone = repo.git("commit-tree", "-m", "x", f"{ours}^{{tree}}")
    with pytest.raises(NotRelated, match="no commit in common"):
        merge_bases(ours, alone, repo.path)
    with pytest.raises(ValueError, match="no full object id"):
        merge_trees("main", ours, repo.path)


def test_a_shallow_clone_and_an_old_git_are_named(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit(a="1\n")
    repo.git("switch", "--quiet", "-c", "experiments/lr")
    repo.commit(a="2\n")
    repo.git("switch", "--quiet", "main")
    repo.commit(a="3\n")
    repo.git("clone", "--quiet", "--depth", "1", "--no-single-branch", f"file://{repo.path}", str(tmp_path / "shallow"))
    shallow = Repo(tmp_path / "shallow")
    ours, theirs = shallow.git("rev-parse", "main", "origin/experiments/lr").split()
    with pytest.raises(HistoryIsShallow) as caught:
        merge_bases(ours, theirs, shallow.path)
    assert caught.value.mend == ("git fetch --unshallow",)
    old = tmp_path / "bin/git"
    old.parent.mkdir()
    real = repo.run("sh", "-c", "command -v git").out.strip()
    old.write_text(
        '#!/bin/sh\ncase "$*" in *merge-tree*) exit 129;; *version) echo git version 2.30.2;; '
        f'*) exec {real} "$@";; esac\n'
    )
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(old.parent), prepend=os.pathsep)
    ours, theirs = repo.git("rev-parse", "main", "experiments/lr").split()
    with pytest.raises(GitIsTooOld, match=r"git 2\.30\.2 cannot merge"):
        merge_trees(ours, theirs, repo.path)


def test_a_tag_object_is_what_git_itself_writes(repo: Repo, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-02T03:04:05+0100")
    tip = repo.git("rev-parse", "HEAD")
    repo.git("tag", "-a", "-m", "Ends here.\n\nReally, ü.", "exp/lr", tip)
    assert tag_object("exp/lr", tip, "Ends here.\n\nReally, ü.", repo.path) == repo.git("rev-parse", "exp/lr")
    with pytest.raises(ValueError, match="no full object id"):
        tag_object("exp/lr", "main", "x", repo.path)
    (home / ".gitconfig").write_text("")
    with pytest.raises(NoIdentity):
        tag_object("exp/lr", tip, "x", repo.path)
