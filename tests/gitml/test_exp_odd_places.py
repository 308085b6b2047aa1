"""exp run --worktree and exp sweep where things are not as usual: a subfolder, a linked working tree, odd names."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Done, Repo
from .tiny_project import Tiny

Gitml = Callable[..., Done]


@pytest.fixture
def tiny(repo: Repo) -> Tiny:
    return Tiny(repo.path).init()


def test_a_project_below_the_top_in_a_linked_and_detached_tree(tiny: Tiny, gitml: Gitml, tmp_path: Path) -> None:
    for name in (".dvc", "dvc.yaml", "params.yaml", "train.sh"):
        (tiny.path / "sub").mkdir(exist_ok=True)
        tiny.git("mv", name, f"sub/{name}")
    odd = os.fsdecode(b"sub/n\xf6n-\xff.txt")
    (tiny.path / odd).write_text("1\n")
    tiny.commit("infra: into a folder")
    linked = Tiny(tmp_path / "linked")
    tiny.git("worktree", "add", "--quiet", "--detach", str(linked.path))
    (linked.path / odd).write_text("2\n")
    (linked.path / "sub/deeper").mkdir()
    before = linked.state()
    done = gitml("exp", "run", "--worktree", "-n", "one", "-S", "width=256", at=linked.path / "sub/deeper")
    assert done.code == 0, done.err
    assert json.loads(tiny.show("experiments/one", "sub/results/metrics.json"))["roc_auc"] == 0.256
    done = gitml("exp", "sweep", "-n", "two", "-S", "width=256,512", "--json", at=linked.path / "sub/deeper")
    told = json.loads(done.out)
    assert (told["ran"], told["reused"]) == (1, 1)
    assert tiny.run("git", "show", f"experiments/two:{odd}").out == "2\n"
    assert linked.state() == before
    assert tiny.git("status", "--porcelain") == ""


@pytest.mark.parametrize("words", [("run", "--worktree", "-n", "a"), ("sweep", "-n", "a", "-S", "width=1,2")])
def test_what_stands_in_the_way_is_said_at_once(tiny: Tiny, gitml: Gitml, home: Path, words: tuple[str, ...]) -> None:
    tiny.git("branch", "experiments")
    done = gitml("exp", *words, at=tiny.path)
    assert (done.code, done.err.split("\n")[0]) == (
        3,
        "gitml: a branch is called experiments, so no experiments/<name> can be made",
    )
    tiny.git("branch", "-D", "experiments")
    (home / ".gitconfig").write_text("")
    done = gitml("exp", *words, at=tiny.path)
    assert (done.code, done.err.split("\n")[0]) == (3, "gitml: git does not know who commits")
    assert tiny.refs("refs/heads") == ["refs/heads/main"]


def test_a_shallow_clone_runs_too(tiny: Tiny, gitml: Gitml, tmp_path: Path) -> None:
    clone = Tiny(tmp_path / "clone")
    tiny.git("clone", "--quiet", "--depth=1", f"file://{tiny.path}", str(clone.path))
    done = gitml("exp", "sweep", "-n", "two", "-S", "width=256,512", at=clone.path)
    assert done.code == 0, done.err
    done = gitml("exp", "sweep", "-n", "two", "-S", "width=256,512", at=clone.path)
    assert "nothing was committed" in done.out
