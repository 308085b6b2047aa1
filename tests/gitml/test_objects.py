"""Reading a commit through one `git cat-file` that stays open."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitml.errors import GitFailed, LooksLikeAnOption
from gitml.git.objects import Entry, Objects, list_tree

from .conftest import Repo


def _oid(repo: Repo, content: bytes) -> str:
    return (
        subprocess.run(
            ["git", "hash-object", "-w", "--stdin"], cwd=repo.path, input=content, check=True, capture_output=True
        )
        .stdout.decode()
        .strip()
    )


def test_a_tree_is_listed_whole(repo: Repo) -> None:
    repo.write("a/b c/é\n.txt", "1")
    repo.write("caf\udce9", "2")
    repo.write("run.sh", "3").chmod(0o755)
    (repo.path / "link").symlink_to("run.sh")
    repo.commit()
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    repo.git("commit", "--quiet", "-m", "infra: submodule")
    listed = list_tree("HEAD", repo.path)
    assert [(entry.mode, entry.path, entry.is_file) for entry in listed] == [
        ("100644", "a/b c/é\n.txt", True),
        ("100644", "caf\udce9", True),
        ("120000", "link", False),
        ("100755", "run.sh", True),
        ("160000", "sub", False),
    ]
    assert listed[4] == Entry("160000", "1" * 40, "sub")


def test_a_tree_is_listed_from_the_top_wherever_one_stands(repo: Repo) -> None:
    repo.commit(**{"a/x": "", "y": ""})
    assert [entry.path for entry in list_tree("HEAD", repo.path / "a")] == ["a/x", "y"]


def test_an_empty_tree_and_a_tree_id(repo: Repo) -> None:
    assert list_tree(repo.git("hash-object", "-t", "tree", "-w", "/dev/null"), repo.path) == []
    assert list_tree("HEAD", repo.path) == []


def test_what_names_no_tree(repo: Repo) -> None:
    with pytest.raises(GitFailed):
        list_tree("nowhere", repo.path)
    with pytest.raises(LooksLikeAnOption):
        list_tree("--help", repo.path)


def test_blobs_are_read(repo: Repo) -> None:
    contents = [b"", b"\n", b"a\x00\r\n\xff", b"x" * 300_000, b"missing\n"]
    oids = [_oid(repo, content) for content in contents]
    with Objects(repo.path) as objects:
        assert objects.read_each([*oids, oids[0]], bytes) == dict(zip(oids, contents, strict=True))
        assert [objects.read(oid) for oid in reversed(oids)] == contents[::-1]


def test_more_is_asked_than_a_pipe_holds(repo: Repo) -> None:
    oids = [_oid(repo, b"%d" % number * 400) for number in range(20)]
    with Objects(repo.path) as objects:
        for _ in range(3):
            assert objects.read_each(oids, len) == {oid: 400 * len(str(at)) for at, oid in enumerate(oids)}
        assert len(objects.read_each([*oids, *(f"{number:040x}" for number in range(20_000))], len)) == 20


def test_what_is_no_blob_is_left_out(repo: Repo) -> None:
    commit, tree, blob = repo.git("rev-parse", "HEAD"), repo.git("rev-parse", "HEAD^{tree}"), _oid(repo, b"x")
    with Objects(repo.path) as objects:
        asked = [commit, "0" * 40, tree, blob, "no id", f"{blob}\nflush", "HEAD", ""]
        assert objects.read_each(asked, bytes) == {blob: b"x"}


def test_what_is_too_large_is_left_out(repo: Repo) -> None:
    small, large = _oid(repo, b"x" * 10), _oid(repo, b"x" * 11)
    with Objects(repo.path) as objects:
        assert objects.read_each([large, small], len, largest=10) == {small: 10}


def test_objects_are_described_without_being_read(repo: Repo) -> None:
    small, large, tree = _oid(repo, b"x"), _oid(repo, b"x" * 5000), repo.git("rev-parse", "HEAD^{tree}")
    with Objects(repo.path) as objects:
        assert objects.describe([large, "0" * 40, tree, small, large, "HEAD"]) == {
            large: ("blob", 5000),
            tree: ("tree", 0),
            small: ("blob", 1),
        }
        assert objects.describe([]) == {}
        assert objects.read(small) == b"x"


def test_an_error_while_one_is_looked_at_spoils_nothing(repo: Repo) -> None:
    oids = [_oid(repo, content) for content in (b"1", b"22", b"333")]
    with Objects(repo.path) as objects:
        with pytest.raises(ValueError, match="22"):
            objects.read_each(oids, int_below_20)
        assert objects.read(oids[2]) == b"333"


def int_below_20(content: bytes) -> int:
    if int(content) > 20:
        raise ValueError(content.decode())
    return int(content)


def test_a_git_that_ends_is_said(repo: Repo, tmp_path: Path) -> None:
    with Objects(tmp_path) as objects, pytest.raises(GitFailed, match=r"git cat-file --batch-command failed"):
        objects.read("0" * 40)


def test_no_process_stays(repo: Repo) -> None:
    with Objects(repo.path) as objects:
        objects.read("0" * 40)
    assert objects._git.returncode == 0
    objects.close()


def test_sha256_repositories_are_read(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--object-format=sha256", tmp_path / "new"], check=True)
    new = Repo(tmp_path / "new")
    new.commit(x="1")
    (entry,) = list_tree("HEAD", new.path)
    with Objects(new.path) as objects:
        assert (len(entry.oid), objects.read(entry.oid)) == (64, b"1")
