"""Trees that are built by a private index."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitml.errors import GitFailed
from gitml.git.index import IndexIsLocked, advance, differences, finish, refresh_index
from gitml.git.objects import list_tree
from gitml.git.repository import CannotWrite
from gitml.git.transaction import RefMoved
from gitml.git.trees import Blob, IsNoFile, Known, MergeIsOpen, PathIsRefused, snapshot, tree_with

from .conftest import Repo

ODD = ["caf\udce9", "tab\there", 'quo"te\\', "line\nend", "späce ü", " leading", "-dash", "a*[b]?", "日本"]


def files_of(repo: Repo, tree: str) -> dict[str, tuple[str, str]]:
    return {
        entry.path: (entry.mode, repo.run("git", "cat-file", "blob", entry.oid).out)
        for entry in list_tree(tree, repo.path)
    }


def index_of(repo: Repo, at: str = ".") -> str:
    return repo.run("git", "ls-files", "--stage", "--debug", at=at).out


def as_git_would(repo: Repo) -> str:
    """What `git add --all` and `git write-tree` give, in an index of their own."""
    index = {"GIT_INDEX_FILE": str(repo.path.parent / "as-git-would")}
    (repo.path.parent / "as-git-would").unlink(missing_ok=True)
    if (repo.path / ".git" / "index").exists():
        subprocess.run(["cp", "-p", repo.path / ".git" / "index", index["GIT_INDEX_FILE"]], check=True)
    assert repo.run("git", "add", "--all", **index).code == 0
    return repo.run("git", "write-tree", **index).out.strip()


def untracked(repo: Repo) -> list[str]:
    return repo.run("git", "ls-files", "-z", "--others", "--exclude-standard").out.split("\0")[:-1]


def test_a_tree_is_the_base_with_changes(repo: Repo) -> None:
    repo.commit(a="1", b="2", **{"d/e": "3"})
    base = repo.git("rev-parse", "HEAD")
    before = index_of(repo)
    changes = {"a": Blob("100755", b"new"), "b": None, "d": Blob("120000", b"a"), "x/y/z": Blob("100644", b"")}
    assert files_of(repo, tree_with(base, changes, repo.path)) == {
        "a": ("100755", "new"),
        "d": ("120000", "a"),
        "x/y/z": ("100644", ""),
    }
    assert index_of(repo) == before
    assert repo.run("git", "status", "--porcelain").out == ""
    assert list((repo.path / ".git" / "gitml" / "tmp").iterdir()) == []


def test_a_file_becomes_a_folder_in_any_order(repo: Repo) -> None:
    repo.commit(a="1")
    base = repo.git("rev-parse", "HEAD^{tree}")
    for changes in ({"a": None, "a/b": Blob("100644", b"x")}, {"a/b": Blob("100644", b"x"), "a": None}):
        assert files_of(repo, tree_with(base, changes, repo.path)) == {"a/b": ("100644", "x")}


def test_a_known_blob_is_taken_as_it_is(repo: Repo) -> None:
    repo.commit(a="same")
    oid = repo.git("rev-parse", "HEAD:a")
    made = tree_with(
        None, {"b": Known("100644", oid), "sub": Known("160000", repo.git("rev-parse", "HEAD"))}, repo.path
    )
    assert {entry.path: entry.mode for entry in list_tree(made, repo.path)} == {"b": "100644", "sub": "160000"}
    assert repo.git("rev-parse", f"{made}:b") == oid


def test_no_changes_and_no_base(repo: Repo) -> None:
    repo.commit(a="1")
    assert tree_with(None, {}, repo.path) == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    assert tree_with(repo.git("rev-parse", "HEAD"), {}, repo.path) == repo.git("rev-parse", "HEAD^{tree}")
    assert tree_with(repo.git("rev-parse", "HEAD"), {"none": None}, repo.path) == repo.git("rev-parse", "HEAD^{tree}")


def test_names_of_any_bytes(repo: Repo) -> None:
    changes = {name: Blob("100644", name.encode("utf-8", "surrogateescape")) for name in ODD}
    assert files_of(repo, tree_with(None, changes, repo.path)) == {name: ("100644", name) for name in ODD}


def test_a_repository_in_a_folder_with_an_odd_name(tmp_path: Path) -> None:
    path = tmp_path / 'odd "\\ \n name'
    path.mkdir()
    odd = Repo(path)
    odd.git("init", "--quiet")
    made = tree_with(None, {"a": Blob("100644", b"1"), "b": Blob("100644", b"2")}, path)
    assert files_of(odd, made) == {"a": ("100644", "1"), "b": ("100644", "2")}


@pytest.mark.parametrize("path", [".git/config", "../x", "a/../b", "/etc/x", "a//b", "", ".GIT/x"])
def test_a_path_that_git_refuses(repo: Repo, path: str) -> None:
    with pytest.raises(PathIsRefused, match="cannot be committed"):
        tree_with(None, {"fine": Blob("100644", b""), path: Blob("100644", b"x")}, repo.path)


def test_a_path_inside_a_file_is_a_mistake(repo: Repo) -> None:
    with pytest.raises(ValueError, match="'a/b/c' is inside a path that is a file"):
        tree_with(None, {"a": Blob("100644", b""), "a/b/c": Blob("100644", b"")}, repo.path)


def test_a_name_is_no_base(repo: Repo) -> None:
    with pytest.raises(ValueError, match="'main' is no full object id"):
        tree_with("main", {}, repo.path)


def test_sha256(tmp_path: Path) -> None:
    new = Repo(tmp_path / "new")
    new.path.mkdir()
    new.git("init", "--quiet", "--object-format=sha256")
    new.commit(a="1", b="2")
    made = tree_with(new.git("rev-parse", "HEAD"), {"a": None, "c": Blob("100644", b"3")}, new.path)
    assert len(made) == 64
    assert files_of(new, made) == {"b": ("100644", "2"), "c": ("100644", "3")}
    new.write("b", "changed")
    assert snapshot(new.path) == as_git_would(new)


def test_in_a_bare_repository(repo: Repo, tmp_path: Path) -> None:
    repo.commit(a="1")
    bare = tmp_path / "bare.git"
    repo.git("clone", "--quiet", "--bare", str(repo.path), str(bare))
    made = tree_with(repo.git("rev-parse", "HEAD"), {"b": Blob("100644", b"2")}, bare)
    assert files_of(Repo(bare), made) == {"a": ("100644", "1"), "b": ("100644", "2")}


def test_a_snapshot_is_what_is_tracked_and_what_is_named(repo: Repo) -> None:
    repo.commit(a="1", b="2", c="3")
    repo.write("a", "changed")
    (repo.path / "b").unlink()
    repo.write("new", "untracked")
    repo.write("wanted", "untracked")
    repo.write("staged", "first")
    repo.git("add", "staged")
    repo.write("staged", "second")
    before = index_of(repo)
    assert files_of(repo, snapshot(repo.path, ["wanted"])) == {
        "a": ("100644", "changed"),
        "c": ("100644", "3"),
        "staged": ("100644", "second"),
        "wanted": ("100644", "untracked"),
    }
    assert index_of(repo) == before


def test_a_snapshot_in_a_linked_worktree(repo: Repo, tmp_path: Path) -> None:
    repo.commit(a="1")
    repo.git("worktree", "add", "--quiet", str(tmp_path / "other"), "-b", "other")
    other = Repo(tmp_path / "other")
    other.write("a", "there")
    assert files_of(repo, snapshot(other.path)) == {"a": ("100644", "there")}
    assert files_of(repo, snapshot(repo.path)) == {"a": ("100644", "1")}


def test_a_snapshot_before_anything_was_staged(tmp_path: Path) -> None:
    empty = Repo(tmp_path / "empty")
    empty.path.mkdir()
    empty.git("init", "--quiet")
    empty.write("a", "1")
    assert files_of(empty, snapshot(empty.path)) == {}
    assert files_of(empty, snapshot(empty.path, ["a"])) == {"a": ("100644", "1")}
    assert not (empty.path / ".git" / "index").exists()


def test_a_snapshot_runs_filters_and_line_ends(repo: Repo) -> None:
    repo.write(".gitattributes", "*.txt text\n*.up filter=upper\n")
    repo.git("config", "filter.upper.clean", "tr a-z A-Z")
    repo.commit(**{"a.txt": "one\n", "b.up": "x"})
    repo.write("a.txt", "one\r\ntwo\r\n")
    repo.write("b.up", "shout")
    repo.write("c.up", "new")
    made = files_of(repo, snapshot(repo.path, ["c.up"]))
    assert (made["a.txt"][1], made["b.up"][1], made["c.up"][1]) == ("one\ntwo\n", "SHOUT", "NEW")


def test_a_snapshot_leaves_sparse_and_assumed_files_as_the_index_has_them(repo: Repo) -> None:
    repo.commit(**{"in/a": "1", "out/b": "2", "kept": "3", "top": "4"})
    repo.git("sparse-checkout", "set", "in")
    repo.git("update-index", "--assume-unchanged", "kept")
    repo.write("kept", "not to be seen")
    repo.write("in/a", "changed")
    assert not (repo.path / "out").exists()
    assert {path: text for path, (_, text) in files_of(repo, snapshot(repo.path)).items()} == {
        "in/a": "changed",
        "kept": "3",
        "out/b": "2",
        "top": "4",
    }


@pytest.mark.parametrize("setting", ["core.splitIndex", "core.untrackedCache", "index.sparse"])
def test_a_snapshot_with_an_odd_index(repo: Repo, setting: str) -> None:
    repo.git("config", setting, "true")
    repo.commit(a="1", b="2")
    repo.write("a", "changed")
    before = index_of(repo)
    assert snapshot(repo.path) == as_git_would(repo)
    assert index_of(repo) == before
    assert repo.run("git", "fsck", "--strict").code == 0


def test_a_snapshot_follows_names_of_any_bytes_and_links(repo: Repo) -> None:
    for name in ODD:
        repo.write(name, "x")
    os.symlink("nowhere", repo.path / "link")
    assert snapshot(repo.path, [*ODD, "link"]) == as_git_would(repo)


def test_a_snapshot_takes_an_ignored_file_that_is_named(repo: Repo) -> None:
    repo.commit(**{".gitignore": "*.log\n"})
    repo.write("a.log", "x")
    assert files_of(repo, snapshot(repo.path, ["a.log"]))["a.log"] == ("100644", "x")


def test_a_snapshot_refuses_folders_conflicts_and_what_vanished(repo: Repo) -> None:
    repo.write("d/x", "1")
    with pytest.raises(IsNoFile, match="'d' is a folder, not a file"):
        snapshot(repo.path, ["d"])
    with pytest.raises(GitFailed, match="update-index"):
        snapshot(repo.path, ["vanished"])
    repo.commit(a="1")
    repo.git("branch", "other")
    repo.commit(a="2")
    repo.git("switch", "--quiet", "other")
    repo.commit(a="3")
    repo.run("git", "merge", "main")
    with pytest.raises(MergeIsOpen, match="a merge left conflicts in a") as caught:
        snapshot(repo.path)
    assert caught.value.paths == ("a",)


def test_a_file_written_in_the_same_instant_as_the_index_is_seen(repo: Repo) -> None:
    """git's racy check needs the index's own time: PITFALLS knows 6 wrong commits of 553 by a plain copy."""
    missed = 0
    for round in range(20):
        repo.write("m", f"{round:04}")
        repo.git("add", "m")
        repo.write("m", f"{round:03}x")
        time.sleep(0.012)
        missed += files_of(repo, snapshot(repo.path))["m"][1] != f"{round:03}x"
    assert missed == 0


def test_what_killed_commands_left_is_removed_after_a_day(repo: Repo) -> None:
    shelf = repo.path / ".git" / "gitml" / "tmp"
    for name, age in (("old", 90_000), ("young", 60)):
        repo.write(f".git/gitml/tmp/{name}/index", "x")
        os.utime(shelf / name, (time.time() - age,) * 2)
    snapshot(repo.path)
    assert [left.name for left in shelf.iterdir()] == ["young"]


def test_a_repository_that_cannot_be_written(repo: Repo) -> None:
    repo.write(".git/gitml", "a file")
    with pytest.raises(CannotWrite) as caught:
        snapshot(repo.path)
    assert caught.value.what == f"{repo.path}/.git/gitml/tmp cannot be written"


def test_a_full_disk_is_refused_and_nothing_is_cut(repo: Repo) -> None:
    repo.commit(a="1")
    before = index_of(repo)
    code = (
        "import sys; from pathlib import Path; from gitml.git.trees import *; from gitml.errors import GitmlError\n"
        "import random\n"
        "try: tree_with(None, {'big': Blob('100644', random.Random(0).randbytes(300_000))}, Path(sys.argv[1]))\n"
        "except GitmlError as error: sys.exit('refused: ' + error.what)"
    )
    script = f'ulimit -f 100; trap "" XFSZ; exec "{os.environ["PATH"].split(os.pathsep)[0]}/python" -c "$1" "$2"'
    done = repo.run("bash", "-c", script, "-", code, str(repo.path), PYTHONPATH=str(Path(__file__).parents[2]))
    assert (done.code, done.err[:8]) == (1, "refused:")
    assert index_of(repo) == before
    assert repo.run("git", "fsck", "--full", "--strict").code == 0
    assert list((repo.path / ".git" / "gitml" / "tmp").iterdir()) == []


NAMES = st.sampled_from(["a", "b", "d/a", "d/b", "d/e/f", "e", "caf\udce9", "späce", "x.txt", "-o"])
CONTENTS = st.one_of(st.none(), st.sampled_from([b"", b"1", b"2", b"one\r\ntwo\n", b"\0\xff"]))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    committed=st.dictionaries(NAMES, CONTENTS.filter(lambda one: one is not None)),
    staged=st.dictionaries(NAMES, CONTENTS),
    changed=st.dictionaries(NAMES, CONTENTS),
    is_converting=st.booleans(),
)
def test_a_snapshot_is_what_git_would_commit(
    tmp_path_factory: pytest.TempPathFactory,
    committed: dict[str, bytes],
    staged: dict[str, bytes | None],
    changed: dict[str, bytes | None],
    is_converting: bool,
) -> None:
    path = tmp_path_factory.mktemp("some") / "repo"
    path.mkdir()
    some = Repo(path)
    some.git("init", "--quiet")
    if is_converting:
        some.write(".gitattributes", "*.txt text\nb text=auto\n")
    some.git("add", "--all")
    apply(some, committed)
    some.git("add", "--all")
    some.git("commit", "--quiet", "--allow-empty", "-m", "infra: x")
    apply(some, staged)
    some.git("add", "--all")
    base = some.git("write-tree")
    apply(some, changed)
    before = index_of(some)
    made = snapshot(path, untracked(some))
    assert made == as_git_would(some)
    assert index_of(some) == before
    # The same tree, built from what is different, without any working tree.
    changes = {
        one.path: None if one.new[0] == "0" else Known(one.new[0], one.new[1]) for one in differences(base, made, path)
    }
    assert tree_with(base, changes, path) == made
    assert some.run("git", "fsck", "--strict").code == 0


def apply(repo: Repo, files: dict[str, bytes | None]) -> None:
    for name, content in files.items():
        if content is None:
            (repo.path / name).unlink(missing_ok=True)
        else:
            repo.write(name, content)


def move_branch(repo: Repo, tree: str) -> tuple[str, str]:
    """Commit by plumbing on the branch that is checked out; return the old and the new commit."""
    old = repo.git("rev-parse", "HEAD")
    new = repo.git("commit-tree", tree, "-p", old, "-m", "experiment: run")
    repo.git("update-ref", "HEAD", new, old)
    return old, new


def test_the_index_follows_a_commit_made_by_plumbing(repo: Repo) -> None:
    repo.commit(a="1", b="2", c="3", d="4", **{"f/x": "5"})
    repo.write("a", "changed")
    (repo.path / "b").unlink()
    repo.write("new", "new")
    (repo.path / "f" / "x").unlink()
    (repo.path / "f").rmdir()
    repo.write("f", "now a file")
    repo.write("c", "by the user, later")
    repo.git("add", "c")
    repo.write("d", "not staged")
    tree = tree_with(
        repo.git("rev-parse", "HEAD"),
        {"a": Blob("100644", b"changed"), "b": None, "new": Blob("100644", b"new"), "c": Blob("100644", b"by the run"),
         "f": Blob("100644", b"now a file")},
        repo.path,
    )  # fmt: skip
    old, new = move_branch(repo, tree)
    assert repo.run("git", "status", "--porcelain").out.count("\n") > 5
    assert refresh_index(repo.path, old, new) == ["c"]
    assert repo.run("git", "status", "--porcelain").out == "M  c\n M d\n"
    assert refresh_index(repo.path, old, new) == ["c"]
    assert refresh_index(repo.path, new, new) == []


def test_the_index_follows_in_some_paths_only(repo: Repo) -> None:
    repo.commit(a="1", b="2")
    tree = tree_with(repo.git("rev-parse", "HEAD"), {"a": Blob("100644", b"x"), "b": Blob("100644", b"y")}, repo.path)
    old, new = move_branch(repo, tree)
    assert refresh_index(repo.path, old, new, ["a"]) == []
    assert repo.git("rev-parse", ":a", ":b").split() == [
        repo.git("rev-parse", f"{new}:a"),
        repo.git("rev-parse", f"{old}:b"),
    ]


def test_an_entry_in_conflict_is_kept(repo: Repo) -> None:
    repo.commit(a="1")
    oid = repo.git("rev-parse", "HEAD:a")
    old, new = move_branch(repo, tree_with(None, {"a": Blob("100644", b"x")}, repo.path))
    entries = f"0 {'0' * 40}\ta\n100644 {oid} 1\ta\n100644 {oid} 2\ta\n"
    assert repo.run("git", "update-index", "--index-info", stdin=entries).code == 0
    assert refresh_index(repo.path, old, new) == ["a"]


def test_an_index_that_another_git_has(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitml.git.index.PATIENCE", 0.1)
    repo.commit(a="1")
    old, new = move_branch(repo, tree_with(None, {"a": Blob("100644", b"x")}, repo.path))
    lock = repo.write(".git/index.lock", "")
    with pytest.raises(IndexIsLocked) as caught:
        refresh_index(repo.path, old, new)
    assert caught.value.lock == lock
    os.utime(lock, (time.time() - 60,) * 2)
    assert refresh_index(repo.path, old, new) == []
    assert repo.run("git", "diff", "--cached", "--stat").out == ""


def test_a_branch_and_its_index_advance_together(repo: Repo) -> None:
    repo.commit(a="1", b="2")
    old = repo.git("rev-parse", "HEAD")
    repo.write("a", "changed")
    tree = snapshot(repo.path)
    new = repo.git("commit-tree", tree, "-p", old, "-m", "x")
    assert advance(repo.path, "refs/heads/main", new, old, "exp run") == []
    assert (repo.git("rev-parse", "main"), repo.run("git", "status", "--porcelain").out) == (new, "")
    with pytest.raises(RefMoved):
        advance(repo.path, "refs/heads/main", new, old, "exp run")
    finish(repo.path)
    assert not (repo.path / ".git" / "gitml-index").exists()


@pytest.mark.parametrize("killed", ["before", "after", "long ago"])
def test_an_advance_that_was_killed_is_finished(repo: Repo, killed: str) -> None:
    repo.commit(a="1")
    repo.write("a", "changed")
    old = repo.git("rev-parse", "HEAD")
    new = repo.git("commit-tree", snapshot(repo.path), "-p", old, "-m", "x")
    repo.write(".git/gitml-index", f"refs/heads/main\n{old}\n{new}\n")
    if killed == "after":
        repo.git("update-ref", "HEAD", new)
    elif killed == "long ago":
        repo.git("commit", "--quiet", "--allow-empty", "-m", "another")
    finish(repo.path)
    finish(repo.path)
    assert repo.run("git", "status", "--porcelain").out == ("" if killed == "after" else " M a\n")
    assert not (repo.path / ".git" / "gitml-index").exists()


def test_an_advance_that_cannot_be_noted_moves_nothing(repo: Repo) -> None:
    (repo.path / ".git" / "gitml-index").mkdir()
    old = repo.git("rev-parse", "HEAD")
    new = repo.git("commit-tree", f"{old}^{{tree}}", "-p", old, "-m", "x")
    with pytest.raises(CannotWrite):
        advance(repo.path, "refs/heads/main", new, old, "exp run")
    assert repo.git("rev-parse", "HEAD") == old


CONFLICTING = st.sampled_from(["a", "b", "d", "d/a", "d/a/b", "e/f"])


def consistent(files: dict[str, bytes]) -> bool:
    return not any(other.startswith(f"{path}/") for path in files for other in files)


@settings(max_examples=60, deadline=None)
@given(
    trees=st.tuples(
        *[st.dictionaries(CONFLICTING, st.sampled_from([b"1", b"2", b"3"]), max_size=4).filter(consistent)] * 3
    ),
    is_sha256=st.booleans(),
)
def test_the_index_follows_where_it_was_the_old_commits(trees: tuple[dict[str, bytes], ...], is_sha256: bool) -> None:
    """Entries like the old commit's become the new one's; all others are as the user staged them."""
    old, new, index = trees
    with tempfile.TemporaryDirectory() as folder:
        some = Repo(Path(folder))
        some.git("init", "--quiet", f"--object-format={'sha256' if is_sha256 else 'sha1'}")
        ids = [
            tree_with(None, {path: Blob("100644", text) for path, text in tree.items()}, some.path) for tree in trees
        ]
        some.git("read-tree", ids[2])
        kept = refresh_index(some.path, ids[0], ids[1])
        now = {path: text.encode() for path, (_, text) in files_of(some, some.git("write-tree")).items()}
        for path in {*old, *new, *index}:
            if path in kept or index.get(path) != old.get(path):
                assert now.get(path) == index.get(path)
            else:
                assert now.get(path) == new.get(path)
        assert set(kept) <= {*old, *new}
        if index == old:
            assert (now, kept) == (new, [])
