"""Which refs there are, and what a person means by a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitml.errors import LooksLikeAnOption
from gitml.git.refs import NoSuchRevision, Ref, checked_out, head, list_refs, resolve

from .conftest import Repo


def test_refs_are_listed_by_one_process(repo: Repo) -> None:
    tip = repo.git("rev-parse", "HEAD")
    repo.git("branch", "experiments/lr")
    repo.git("tag", "light")
    repo.git("tag", "-a", "-m", "x", "model@v1.0.0")
    repo.git("tag", "-a", "-m", "x", "nested", "model@v1.0.0")
    blob = repo.run("git", "hash-object", "-w", "--stdin", stdin="x").out.strip()
    repo.git("update-ref", "refs/gitml/blob", blob)
    tag, nested = repo.git("rev-parse", "model@v1.0.0", "nested").split()
    assert list_refs(at=repo.path) == [
        Ref("refs/gitml/blob", blob, blob, "blob"),
        Ref("refs/heads/experiments/lr", tip, tip, "commit"),
        Ref("refs/heads/main", tip, tip, "commit"),
        Ref("refs/tags/light", tip, tip, "commit"),
        Ref("refs/tags/model@v1.0.0", tag, tip, "tag"),
        Ref("refs/tags/nested", nested, tip, "tag"),
    ]
    found = list_refs("refs/heads/experiments/", "refs/tags/light", at=repo.path)
    assert [ref.short for ref in found] == ["experiments/lr", "light"]
    assert list_refs("refs/heads/none/", at=repo.path) == []
    with pytest.raises(ValueError, match="'--shell' is no beginning"):
        list_refs("--shell", at=repo.path)


def test_a_branch_with_a_name_of_any_bytes(repo: Repo) -> None:
    repo.git("branch", "caf\udce9/$(x)")
    assert [ref.short for ref in list_refs("refs/heads/caf\udce9/", at=repo.path)] == ["caf\udce9/$(x)"]
    assert resolve("caf\udce9/$(x)", repo.path) == repo.git("rev-parse", "main")


def test_what_people_write_is_resolved(repo: Repo) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.commit(a="1")
    tip = repo.git("rev-parse", "HEAD")
    repo.git("tag", "-a", "-m", "x", "v1")
    for text in ("main", "HEAD", "v1", tip, tip[:8], "refs/heads/main", "@"):
        assert resolve(text, repo.path) == tip
    for text in ("HEAD~1", "main^", "main@{1}", first[:9]):
        assert resolve(text, repo.path) == first


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("lower-lr", "experiments/lower-lr"),
        ("lwer-lr", "experiments/lower-lr"),
        ("experiments/lower_lr", "experiments/lower-lr"),
        ("mian", "main"),
        ("zzz", None),
        ("", None),
        ("^main", "main"),
        ("main..HEAD", None),
        ("main:a", "main"),
        ("HEAD^{tree}", None),
        ("a\0b", None),
        ("$(touch x)", None),
        ("main\nmain", None),
    ],
)
def test_what_names_no_commit(repo: Repo, text: str, near: str | None) -> None:
    repo.git("branch", "experiments/lower-lr")
    with pytest.raises(NoSuchRevision) as caught:
        resolve(text, repo.path)
    assert caught.value.what == f"{text!r} names no commit here"
    assert caught.value.exit_code == 2
    if near is not None:
        assert (caught.value.near, caught.value.why) == (near, f"Did you mean {near}?")
        assert caught.value.mend == (f"git log -1 {near} --",)
    assert sorted(path.name for path in repo.path.iterdir()) == [".git"]


def test_an_option_is_no_revision(repo: Repo) -> None:
    with pytest.raises(LooksLikeAnOption):
        resolve("--git-dir", repo.path)


def test_an_empty_repository_has_no_commit(tmp_path: Path) -> None:
    empty = Repo(tmp_path / "empty")
    empty.path.mkdir()
    empty.git("init", "--quiet")
    with pytest.raises(NoSuchRevision) as caught:
        resolve("HEAD", empty.path)
    assert caught.value.near is None
    assert caught.value.why == "Needed a single revision"
    assert list_refs(at=empty.path) == []


def test_where_branches_are_checked_out(repo: Repo, tmp_path: Path) -> None:
    other = tmp_path / "with space\nand line"
    repo.git("worktree", "add", "--quiet", "-b", "experiments/lr", str(other))
    repo.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "detached"))
    assert checked_out(repo.path) == {"refs/heads/main": repo.path, "refs/heads/experiments/lr": other}


def test_what_head_is(repo: Repo) -> None:
    assert head(repo.path) == "refs/heads/main"
    repo.git("switch", "--quiet", "--detach")
    assert head(repo.path) == repo.git("rev-parse", "main")
