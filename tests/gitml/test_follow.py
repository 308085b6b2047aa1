"""Files that follow their branch: what somebody edited or put in the way is never written over."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitml.git import follow
from gitml.git.follow import Pending
from gitml.git.repository import CannotWrite

from .conftest import Repo


@pytest.fixture
def moved(repo: Repo) -> tuple[Repo, str, str]:
    """A branch that was moved by plumbing, with all kinds of changes; files and index are the old ones."""
    repo.commit(
        **{
            "a": "1\n",
            "gone": "1\n",
            "folder/gone": "1\n",
            "file": "1\n",
            "tree/x": "1\n",
            'ü\n"b"': "1\n",
            "run": "1\n",
        }
    )
    old = repo.git("rev-parse", "HEAD")
    repo.git("rm", "-q", "gone", "folder/gone", "file", "tree/x")
    repo.write("file/now", "2\n")
    repo.write("tree", "2\n")
    repo.write("run", "1\n").chmod(0o755)
    (repo.path / "link").symlink_to("a")
    repo.commit(**{"a": "2\n", 'ü\n"b"': "2\n", "new/b c": "2\n"})
    new = repo.git("rev-parse", "HEAD")
    repo.git("reset", "-q", "--hard", old)
    repo.git("update-ref", "refs/heads/main", new)
    return repo, old, new


def test_all_kinds_of_changes_follow_and_twice_is_once(moved: tuple[Repo, str, str]) -> None:
    repo, old, new = moved
    for _ in range(2):
        assert follow.follow(repo.path, old, new) == []
        assert repo.git("status", "--porcelain") == ""
    assert not (repo.path / "folder").exists() and (repo.path / "link").is_symlink()


@pytest.mark.parametrize("done", [("a",), ("new/b c", "gone"), ("file", "file/now", "tree/x", "tree")])
def test_what_was_done_before_a_kill_is_not_in_the_way(moved: tuple[Repo, str, str], done: tuple[str, ...]) -> None:
    repo, old, new = moved
    for path in done:
        shown = repo.run("git", "cat-file", "blob", f"{new}:{path}")
        if shown.code:
            (repo.path / path).unlink()
            if path == "tree/x":
                (repo.path / "tree").rmdir()
        elif not (repo.path / path).is_dir():
            repo.write(path, shown.out)
    assert follow.in_the_way(repo.path, old, new) == []
    assert follow.follow(repo.path, old, new) == [] and repo.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", ["a"]),
        ("gone", ["gone"]),
        ("new/b c", ["new/b c"]),
        ("new", ["new/b c"]),
        ("new/b c/mine", ["new/b c"]),
        ("tree/mine", ["tree"]),
        ('ü\n"b"', ['ü\n"b"']),
        ("elsewhere", []),
    ],
)
def test_what_is_in_the_way_is_kept(moved: tuple[Repo, str, str], path: str, expected: list[str]) -> None:
    repo, old, new = moved
    file = repo.write(path, "mine\n")
    assert follow.in_the_way(repo.path, old, new) == expected
    assert follow.follow(repo.path, old, new) == expected
    assert file.read_text() == "mine\n"


def test_a_sparse_checkout_stays_sparse(repo: Repo) -> None:
    repo.commit(**{"in/a": "1\n", "out/a": "1\n"})
    old = repo.git("rev-parse", "HEAD")
    repo.commit(**{"in/a": "2\n", "out/a": "2\n", "out/b": "2\n"})
    new = repo.git("rev-parse", "HEAD")
    repo.git("reset", "-q", "--hard", old)
    repo.git("sparse-checkout", "set", "in")
    repo.git("update-ref", "refs/heads/main", new)
    assert follow.follow(repo.path, old, new) == []
    assert repo.git("status", "--porcelain") == ""
    assert (repo.path / "in/a").read_text() == "2\n" and not (repo.path / "out").exists()


def test_a_promise_counts_only_after_the_move_and_until_it_is_fulfilled(repo: Repo) -> None:
    old = repo.git("rev-parse", "HEAD")
    new = repo.git("commit-tree", "-m", "infra: x", "-p", old, "HEAD^{tree}")
    told = Pending("refs/heads/main", old, new)
    assert follow.pending(repo.path) is None
    follow.promise(repo.path, told)
    assert follow.pending(repo.path) is None
    repo.git("update-ref", "refs/heads/main", new)
    assert follow.pending(repo.path) == told
    repo.git("switch", "-q", "-c", "other")
    assert follow.pending(repo.path) is None
    repo.git("switch", "-q", "main")
    follow.fulfilled(repo.path)
    assert follow.pending(repo.path) is None
    follow.promise(repo.path, told)
    next(repo.path.glob(".git/gitml/follow.json")).write_text("{")
    assert follow.pending(repo.path) is None


def test_a_full_or_closed_folder_promises_nothing(repo: Repo, tmp_path: Path) -> None:
    repo.write(".git/gitml", "a file\n")
    with pytest.raises(CannotWrite):
        follow.promise(repo.path, Pending("refs/heads/main", "a", "b"))
