"""A working tree follows a branch that was moved under it, and no edit is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitml.git import branch_move
from gitml.git.branch_move import Followed
from gitml.git.transaction import RefMoved
from gitml.git.trees import Blob, Change, snapshot, tree_with

from .conftest import Repo

REF = "refs/heads/main"


def moved(repo: Repo, changes: dict[str, Change], known: str = "") -> str:
    """Move main to a commit with some changes, by plumbing."""
    old = repo.git("rev-parse", "main")
    new = repo.git("commit-tree", tree_with(old, changes, repo.path), "-p", old, "-m", "infra: move")
    branch_move.move(REF, new, old, known or old, "a test", repo.path)
    return new


def test_files_and_index_follow(repo: Repo) -> None:
    repo.commit(**{"a": "1\n", "gone": "x\n", "deep/b": "2\n"})
    link = Blob("120000", b"a")
    moved(repo, {"a": Blob("100755", b"new\n"), "gone": None, "deep/b": link, "n/e/w": Blob("100644", b"3")})
    assert branch_move.finish(repo.path) == Followed()
    assert repo.git("status", "--porcelain") == ""
    assert (repo.path / "a").read_bytes() == b"new\n"
    assert os.access(repo.path / "a", os.X_OK)
    assert os.readlink(repo.path / "deep/b") == "a"
    assert (repo.path / "n/e/w").read_text() == "3"
    assert not (repo.path / "gone").exists()
    moved(repo, {"deep/b": Blob("100644", b"file"), "a": Blob("100644", b"plain\n"), "n/e/w": link})
    assert branch_move.finish(repo.path) == Followed()
    assert repo.git("status", "--porcelain") == ""
    assert (repo.path / "deep/b").read_text() == "file"
    assert not os.access(repo.path / "a", os.X_OK)


def test_what_somebody_edited_stays(repo: Repo) -> None:
    repo.commit(**{name: "old\n" for name in ("edited", "deleted", "staged", "folder", "mode", "link", 'od"d\\ ü')})
    known = repo.git("rev-parse", "HEAD")
    changes: dict[str, Change] = {
        name: Blob("100644", b"new\n") for name in ("edited", "deleted", "staged", "folder", "mode", "link", 'od"d\\ ü')
    }
    repo.write("edited", "mine\n")
    repo.write("staged", "mine\n")
    repo.git("add", "staged")
    for name in ("deleted", "folder", "link"):
        (repo.path / name).unlink()
    repo.write("folder/inside", "mine\n")
    (repo.path / "link").symlink_to("edited")
    (repo.path / "mode").chmod(0o755)
    moved(repo, changes, known)
    assert branch_move.finish(repo.path) == Followed(("deleted", "edited", "folder", "link", "mode"), ("staged",))
    assert (repo.path / "edited").read_text() == "mine\n"
    assert (repo.path / "staged").read_text() == "mine\n"
    assert (repo.path / "folder/inside").read_text() == "mine\n"
    assert os.readlink(repo.path / "link") == "edited"
    assert (repo.path / 'od"d\\ ü').read_text() == "new\n"
    assert repo.git("show", ":staged") == "mine"


def test_an_edit_that_is_in_the_commit_follows(repo: Repo) -> None:
    repo.commit(params="a: 1\n")
    repo.write("params", "a: 1\nb: mine\n")
    moved(repo, {"params": Blob("100644", b"a: 2\nb: mine\n")}, snapshot(repo.path))
    assert branch_move.finish(repo.path) == Followed()
    assert (repo.path / "params").read_text() == "a: 2\nb: mine\n"
    assert repo.git("status", "--porcelain") == ""


def test_filters_are_git_s(repo: Repo) -> None:
    repo.commit(**{".gitattributes": "*.txt text eol=crlf\n"})
    repo.write("a.txt", b"1\r\n")
    repo.commit()
    moved(repo, {"a.txt": Blob("100644", b"2\n\n")})
    assert branch_move.finish(repo.path) == Followed()
    assert (repo.path / "a.txt").read_bytes() == b"2\r\n\r\n"
    repo.git("config", "filter.broken.clean", "false")
    repo.git("config", "filter.broken.required", "true")
    repo.commit(**{".gitattributes": "*.txt text eol=crlf\n*.bad filter=broken\n"})
    moved(repo, {"a.txt": Blob("100644", b"3\n"), "x.bad": Blob("100644", b"x")})
    moved(repo, {"a.txt": Blob("100644", b"4\n"), "x.bad": Blob("100644", b"y")})
    assert branch_move.finish(repo.path).edited == ("a.txt", "x.bad")
    assert (repo.path / "a.txt").read_bytes() == b"3\r\n"


def test_it_is_done_once_and_only_for_the_branch_that_is_checked_out(repo: Repo) -> None:
    repo.commit(a="1\n")
    moved(repo, {"a": Blob("100644", b"2\n")})
    repo.git("symbolic-ref", "HEAD", "refs/heads/other")
    assert branch_move.finish(repo.path) == Followed()
    assert (repo.path / "a").read_text() == "1\n"
    repo.git("symbolic-ref", "HEAD", REF)
    assert branch_move.finish(repo.path) == Followed()
    assert (repo.path / "a").read_text() == "1\n"


def test_the_next_move_ends_what_a_killed_one_left(repo: Repo) -> None:
    repo.commit(a="1\n", b="1\n")
    moved(repo, {"a": Blob("100644", b"2\n")})
    moved(repo, {"b": Blob("100644", b"2\n")})
    assert (repo.path / "a").read_text() == "2\n"
    assert branch_move.finish(repo.path) == Followed()
    assert (repo.path / "b").read_text() == "2\n"


def test_a_move_that_fails_changes_nothing(repo: Repo) -> None:
    repo.commit(a="1\n")
    old, other = repo.git("rev-parse", "HEAD"), repo.git("rev-parse", "HEAD~1")
    with pytest.raises(RefMoved):
        branch_move.move(REF, other, other, other, "a test", repo.path)
    assert branch_move.finish(repo.path) == Followed()
    assert repo.git("rev-parse", "HEAD") == old
    assert (repo.path / "a").read_text() == "1\n"


def test_another_working_tree_follows(repo: Repo, tmp_path: Path) -> None:
    repo.commit(a="1\n")
    repo.git("branch", "side")
    repo.git("worktree", "add", "--quiet", str(tmp_path / "side"), "side")
    old = repo.git("rev-parse", "side")
    new = repo.git("commit-tree", tree_with(old, {"a": Blob("100644", b"2\n")}, repo.path), "-p", old, "-m", "infra: x")
    branch_move.move("refs/heads/side", new, old, old, "a test", repo.path)
    branch_move.finish(tmp_path / "side")
    assert (tmp_path / "side/a").read_text() == "2\n"
    assert (repo.path / "a").read_text() == "1\n"
