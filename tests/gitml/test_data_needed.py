"""Which objects a commit needs, as the real DVC has it, and what is hostile in a lock or a folder's list."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitml.pipeline import settings
from gitml.pipeline.data import read_folder
from gitml.pipeline.remote import objects_of
from gitml.pipeline.storage import DataObject, Storage

from .conftest import Repo
from .dvc_store import CONFIG, DataRepo, keep, keep_folder, md5_of, objects_in


@pytest.fixture
def data(repo: Repo) -> DataRepo:
    return DataRepo(repo.path).init()


PIPELINE = """
stages:
  train:
    cmd: mkdir -p model deep && echo 1 > model/a.onnx && echo 2 > "model/b c.onnx" && echo 3 > deep/kept
      && echo 4 > git.txt && echo 5 > here.txt && echo 6 > second.txt && echo 7 > m.json
    deps: [raw]
    outs:
      - model
      - deep/kept
      - git.txt: {cache: false}
      - here.txt: {push: false}
      - second.txt: {remote: second}
    metrics: [m.json]
  each:
    foreach: [x, y]
    do:
      cmd: echo ${item} > each-${item}.txt
      outs: ["each-${item}.txt"]
  there:
    wdir: sub
    cmd: echo there > t.txt
    outs: [t.txt]
  empty:
    cmd: mkdir nothing
    outs: [nothing]
"""


def dvc(repo: Repo, *words: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "dvc", *words], cwd=repo.path, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def real(repo: Repo) -> DataRepo:
    """A project that the real DVC ran and pushed."""
    made = DataRepo(repo.path).init(f"{CONFIG}['remote \"second\"']\n    url = ../../second\n")
    made.write("raw/ä b.csv", "1,2\n")
    made.write("raw/new\nline.csv", "30\n")
    made.write("sub/.gitkeep", "")
    made.write("dvc.yaml", PIPELINE)
    dvc(made, "add", "-q", "raw")
    dvc(made, "repro", "-q")
    made.commit("data: all")
    dvc(made, "push", "-q")
    return made


def test_it_is_what_dvc_pushes(real: DataRepo) -> None:
    needs = real.needs()
    assert {each.md5 for each in needs if not each.remote} == objects_in(real.remote)
    assert {each.md5 for each in needs if each.remote == "second"} == objects_in(real.path.parent / "second")
    assert {each.path for each in needs} == {
        "raw", "raw/ä b.csv", "raw/new\nline.csv", "model", "model/a.onnx", "model/b c.onnx", "deep/kept", "second.txt",
        "m.json", "each-x.txt", "each-y.txt", "sub/t.txt", "nothing",
    }  # fmt: skip
    sizes = {each.path: each.size for each in Storage(real.path).measured(needs)}
    assert (sizes["sub/t.txt"], sizes["raw/ä b.csv"], sizes["nothing"]) == (6, 4, 2)
    assert Storage(real.path).missing(needs) == []
    assert Storage(real.path).absent(needs) == []


def test_each_object_is_named_once(data: DataRepo) -> None:
    data.track("a", "same")
    data.track("b", {"x": "same", "y": "same"})
    data.commit("data: twins")
    assert [each.path for each in data.needs()] == ["a", "b"]


def test_a_commit_of_before_dvc_needs_nothing(repo: Repo) -> None:
    made = DataRepo(repo.path)
    assert made.needs() == []
    made.init().track("a", "1")
    made.commit("data: a")
    assert made.needs("HEAD~1") == []
    assert made.needs() == [DataObject(md5_of("1"), "a", 1)]


def test_the_layout_of_before_dvc_3(data: DataRepo) -> None:
    folder = data.track("raw", {"a": "1"}, is_old=True)
    data.commit("data: old")
    assert data.needs() == [
        DataObject(folder, "raw", 61, is_exact=False),
        DataObject(md5_of("1"), "raw/a", is_exact=False),
    ]
    store = Storage(data.path)
    assert store.absent(data.needs()) == []
    assert store.missing(data.needs()) == data.needs()
    keep(data.remote, "1")
    assert [each.path for each in store.missing(data.needs())] == ["raw"]


@pytest.mark.parametrize(
    "more",
    [
        "deps:\n- path: x\n  repo: {url: https://example.org/x.git, rev_lock: abc}\n",
        "deps:\n- path: s3://bucket/x\n  version_id: a1\n",
        "  push: false\n",
        "  cache: false\n",
        "  cloud:\n    storage: {etag: a, version_id: b}\n",
    ],
)
def test_what_comes_from_elsewhere_or_goes_nowhere_is_not_needed(data: DataRepo, more: str) -> None:
    data.track("a", "1", more)
    data.commit("data: a")
    assert data.needs() == []


def test_what_was_imported_from_a_url_is_needed(data: DataRepo) -> None:
    data.track("a", "1", "deps:\n- path: https://example.org/x\n  etag: a\nfrozen: true\n")
    data.commit("data: a")
    assert [each.path for each in data.needs()] == ["a"]


def test_a_bucket_that_numbers_versions_has_no_objects(data: DataRepo) -> None:
    data.init(CONFIG.replace("url = ../../remote", "url = s3://bucket\n    version_aware = true"))
    data.track("a", "1")
    data.commit("data: a")
    assert data.needs() == []


@pytest.mark.parametrize("md5", ["../../../../etc/passwd", "ABC", "0" * 31, "null", "12", "0" * 32 + ".dir.dir"])
def test_a_name_that_no_object_has_is_left_out(data: DataRepo, md5: str) -> None:
    data.write("a.dvc", f"outs:\n- md5: '{md5}'\n  hash: md5\n  path: a\n")
    data.commit("data: a")
    assert data.needs() == []


def test_a_stage_that_cannot_be_resolved_is_taken_from_the_lock(data: DataRepo) -> None:
    data.write("dvc.yaml", "stages:\n  s:\n    cmd: x ${gone}\n    outs: [a, kept-by-git]\n")
    md5 = md5_of("1")
    outs = "".join(
        f"    - path: {name}\n      hash: md5\n      md5: {md5}\n      size: 1\n" for name in ("a", "by-git")
    )
    data.write("dvc.lock", f"schema: '2.0'\nstages:\n  s:\n    cmd: x\n    outs:\n{outs}")
    data.commit("data: a", **{"by-git": "1"})
    assert data.needs() == [DataObject(md5, "a", 1)]


def test_an_orphan_in_the_lock_is_not_needed(data: DataRepo) -> None:
    data.write("dvc.yaml", "stages:\n  s: {cmd: x, outs: [a]}\n")
    entry = f"\n    cmd: x\n    outs:\n    - path: a\n      hash: md5\n      md5: {md5_of('1')}\n"
    data.write("dvc.lock", f"schema: '2.0'\nstages:\n  gone:{entry.replace('path: a', 'path: b')}  s:{entry}")
    data.commit("data: a")
    assert [each.path for each in data.needs()] == ["a"]


class TestFolders:
    def test_a_list_in_the_remote_only_is_read_there(self, data: DataRepo) -> None:
        data.track("raw", {"a": "1", "b": "22"})
        data.commit("data: raw")
        data.cache.rename(data.remote)
        assert [each.path for each in data.needs()] == ["raw", "raw/a", "raw/b"]
        assert [each.size for each in Storage(data.path).measured(data.needs())] == [122, 1, 2]

    def test_a_list_that_is_nowhere_stands_for_its_files(self, data: DataRepo) -> None:
        md5 = data.track("raw", {"a": "1", "b": "22"})
        data.commit("data: raw")
        data.cache.rename(data.path.parent / "gone")
        assert data.needs() == [DataObject(md5, "raw", 3, 2)]

    @pytest.mark.parametrize(
        "content",
        [b"", b"[", b"\xff", b"{}", b"[1]", b'[{"md5": 1}]', b'[{"md5": "x", "relpath": "a"}]', b"[" * 100_000, b"0"],
    )
    def test_a_damaged_list_is_as_none(self, data: DataRepo, content: bytes) -> None:
        md5 = data.track("raw", {"a": "1"})
        data.commit("data: raw")
        file = data.cache / "files/md5" / md5[:2] / md5[2:]
        file.chmod(0o644)
        file.write_bytes(content)
        assert data.needs() == [DataObject(md5, "raw", 1, 1)]

    def test_a_list_of_other_files_is_not_believed(self) -> None:
        listed = json.dumps([{"md5": md5_of("1"), "relpath": "a"}]).encode()
        assert read_folder("0" * 32 + ".dir", listed) is None

    def test_a_list_with_sizes_is_the_same_list(self, data: DataRepo) -> None:
        """DVC names a list by its md5s and paths, whatever stands beside them."""
        md5 = keep_folder(data.cache, {"a": "1"})
        listed = [{"size": 1, "md5": md5_of("1"), "relpath": "a"}]
        assert read_folder(md5, json.dumps(listed).encode()) == {"a": md5_of("1")}

    def test_a_list_may_not_name_what_is_no_object(self) -> None:
        listed = json.dumps([{"md5": "../../x", "relpath": "a"}])
        assert read_folder(md5_of(listed) + ".dir", listed.encode()) is None

    @given(st.binary() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps).map(str.encode))
    def test_no_bytes_break_it(self, content: bytes) -> None:
        md5 = hashlib.md5(content).hexdigest() + ".dir"
        assert read_folder(md5, content) in (None, {})


@given(
    st.lists(
        st.sampled_from(
            ["[core]", "['remote \"a\"']", "remote=a", "url=b", "dir=c", "[cache]", "[", "=", "'", "\0", "#"]
        )
        | st.text(),
        max_size=12,
    )
)
def test_no_configuration_breaks_it(lines: list[str]) -> None:
    known = settings.read(Path("/nowhere"), "\n".join(lines).encode(errors="surrogatepass"))
    assert known.cache is not None
    assert "\0" not in str(known.cache) + str(known.folder(known.default_remote))


class TestWhereTheCacheIs:
    @pytest.mark.parametrize("level", ["config", "config.local"])
    @pytest.mark.parametrize("name", ["../../shared", "../../sh # ared", "{}/shared", "~/shared"])
    def test_a_chosen_one(self, data: DataRepo, level: str, name: str, home: Path) -> None:
        data.track("raw", {"a": "1"})
        data.commit("data: raw")
        value = name.format(data.path.parent)
        place = home / "shared" if name.startswith("~") else (data.path / ".dvc" / value).resolve()
        data.cache.rename(place)
        file = data.path / ".dvc" / level
        before = file.read_text() if file.is_file() else ""
        file.write_text(f'{before}[cache]\n    dir = "{value}"\n')
        assert Storage(data.path).absent(data.needs()) == []
        assert len(data.needs()) == 2

    def test_the_machines(self, data: DataRepo, home: Path) -> None:
        data.track("raw", {"a": "1"})
        data.commit("data: raw")
        data.cache.rename(home / "cache")
        (home / "GLOBAL_CONFIG").mkdir()
        (home / "GLOBAL_CONFIG" / "config").write_text(f"[cache]\ndir = {home}/cache # here\n")
        assert Storage(data.path).absent(data.needs()) == []

    def test_a_linked_worktree_has_its_own_or_a_shared_one(self, data: DataRepo) -> None:
        data.track("raw", {"a": "1"})
        data.commit("data: raw")
        data.git("worktree", "add", "-q", "../linked")
        linked = DataRepo(data.path.parent / "linked")
        assert len(Storage(linked.path).absent(linked.needs())) == 1
        linked.write(".dvc/config.local", f"[cache]\n    dir = {data.cache}\n")
        assert Storage(linked.path).absent(linked.needs()) == []
        assert len(linked.needs()) == 2


def test_several_projects_have_their_own(data: DataRepo) -> None:
    data.track("raw", {"a": "1"})
    data.init(CONFIG.replace("../../remote", "../other"), at="sub/deep")
    data.write("sub/deep/x.dvc", f"outs:\n- md5: {md5_of('1')}\n  size: 1\n  hash: md5\n  path: x\n")
    data.commit("data: two")
    keep(data.path / "sub/deep/other/files/md5", "1")
    needs = data.needs()
    assert [(each.project, each.path) for each in needs] == [("", "raw"), ("", "raw/a"), ("sub/deep", "sub/deep/x")]
    assert [each.path for each in Storage(data.path).absent(needs)] == ["sub/deep/x"]
    assert [each.path for each in Storage(data.path).missing(needs)] == ["raw", "raw/a"]


def test_a_bare_repository_reads_the_commits_config(data: DataRepo) -> None:
    config = CONFIG.replace("../../remote", str(data.remote))
    data.init(config).track("raw", {"a": "1"})
    data.commit("data: raw")
    data.cache.rename(data.remote)
    data.git("clone", "-q", "--bare", ".", "../bare")
    bare = data.path.parent / "bare"
    store = Storage(None)
    needs = objects_of(["HEAD"], store, bare)
    assert [each.path for each in needs] == ["raw", "raw/a"]
    assert (store.missing(needs), len(store.absent(needs))) == ([], 2)
