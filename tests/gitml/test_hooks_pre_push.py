"""pre-push on real git: a refused push sends nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitml.hooks import install as installation
from gitml.hooks import pre_push
from gitml.policy.refs import RefUpdate

from .conftest import Done, Registry, Repo, Server
from .test_hooks_pre_receive import locked


@pytest.fixture
def desk(server: Server) -> Repo:
    """A clone with gitml's hooks of a server that has none."""
    (server.path / "hooks/pre-receive").unlink()
    return with_hooks(server.clone())


def with_hooks(repo: Repo) -> Repo:
    place = installation.find(repo.path)
    installation.carry_out(installation.plan_install(place), place)
    return repo


def push(repo: Repo, *words: str, at: str = ".") -> Done:
    return repo.run("git", "push", "--quiet", *words, at=at)


def refused(done: Done) -> str:
    """The rules by which it was refused."""
    assert done.code == 1, done
    first = done.err.splitlines()[0]
    assert first.startswith("gitml: push refused ("), done.err
    return first.removeprefix("gitml: push refused (").removesuffix(")")


def test_a_wrong_name_is_refused_before_anything_is_sent(server: Server, desk: Repo) -> None:
    done = push(desk, "origin", "HEAD:experiments/Foo")
    assert done.err == (
        "gitml: push refused (branch-name)\n"
        "  experiments/Foo\n"
        '    "experiments/Foo" is not the name of a branch here\n'
        "      A branch is main, experiments/<slug>, models/<model>-v<N>,\n"
        "      promote/<model>-v<N>, production/production-<model>, infra/*,\n"
        "      data/*, revert-*, dependabot/*.\n"
        "Mend:\n"
        "  git branch -m experiments/Foo experiments/foo\n"
        f"error: failed to push some refs to '{server.path}'\n"
    )
    assert server.git("for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_the_remote_name_is_what_is_judged(server: Server, desk: Repo) -> None:
    desk.git("switch", "--quiet", "--create", "My-Own-Name")
    assert push(desk, "origin", "HEAD:experiments/foo").code == 0
    assert refused(push(desk, "origin", "HEAD")) == "branch-name"


def test_all_that_is_new_to_the_remote(desk: Repo) -> None:
    desk.run("git", "commit", "--no-verify", "--allow-empty", "-m", "wrong")
    desk.commit("infra: right")
    assert refused(push(desk, "origin", "HEAD~0:main")) == "commit-prefix"
    assert push(desk, "origin", "HEAD~2:refs/heads/experiments/old").code == 0


def test_what_the_remote_has_is_not_judged(server: Server, desk: Repo) -> None:
    other = server.clone("other")
    other.commit("wrong")
    push(other, "origin", "HEAD:main")
    desk.git("pull", "--quiet")
    desk.commit("infra: right")
    assert push(desk, "origin", "main").code == 0


def test_deletion_force_and_tags(desk: Repo) -> None:
    push(desk, "origin", "HEAD:experiments/x")
    desk.commit("experiment: one")
    assert push(desk, "--force", "origin", "HEAD:experiments/x").code == 0
    assert push(desk, "origin", ":experiments/x").code == 0
    desk.git("tag", "model@v1.0.0")
    assert refused(push(desk, "origin", "model@v1.0.0")) == "immutable-model"
    desk.git("tag", "mine")
    assert push(desk, "origin", "mine").code == 0


def test_nothing_to_push(desk: Repo) -> None:
    assert push(desk, "origin", "main").code == 0


def test_a_release_is_not_moved(server: Server) -> None:
    registry = Registry(with_hooks(server.clone()))
    registry.release(1)
    assert refused(push(registry.repo, "--force", "origin", "main:models/model-v1")) == "immutable-model"
    assert refused(push(registry.repo, "origin", ":models/model-v1")) == "immutable-model"


def test_a_promotion_and_production(server: Server) -> None:
    registry = Registry(with_hooks(server.clone()))
    opening = registry.open()
    one = registry.release(1)
    assert refused(push(registry.repo, "origin", "main:promote/model-v1")) == "promote-shape"
    promotion = registry.promotion(one, 1, opening)
    assert push(registry.repo, "origin", f"{promotion}:refs/heads/promote/model-v1").code == 0
    wrong = registry.store(registry.tree(a="1"), opening)
    assert refused(push(registry.repo, "origin", f"{wrong}:production/production-model")) == "production-tree"
    assert push(registry.repo, "origin", f"{promotion}:production/production-model").code == 0


def test_a_stale_lock_is_told_and_a_forged_one_refused(desk: Repo) -> None:
    desk.git("switch", "--quiet", "--create", "experiments/x")
    for name, content in locked(train="2").items():
        desk.write(name, content)
    desk.git("add", "--all")
    desk.git("commit", "--quiet", "--no-verify", "-m", "experiment: run")
    done = push(desk, "origin", "HEAD")
    assert (done.code, done.err.splitlines()[:3]) == (
        0,
        ["gitml: warning (lock-stale)", "  experiments/x", "    train would run again"],
    )
    desk.write("metrics.json", "{}")
    desk.git("commit", "--quiet", "--no-verify", "-am", "experiment: better")
    assert refused(push(desk, "origin", "HEAD")) == "lock-forged"


def test_an_url_instead_of_a_remote(server: Server, desk: Repo) -> None:
    desk.run("git", "commit", "--no-verify", "--allow-empty", "-m", "wrong")
    assert refused(push(desk, str(server.path), "HEAD:main")) == "commit-prefix"
    desk.git("commit", "--quiet", "--amend", "--allow-empty", "-m", "infra: right")
    assert push(desk, str(server.path), "HEAD:main").code == 0


def test_from_a_linked_worktree_and_a_subfolder(desk: Repo) -> None:
    desk.git("worktree", "add", "--quiet", "../tree", "-b", "experiments/tree")
    assert refused(push(desk, "origin", "HEAD:Wrong", at="../tree")) == "branch-name"
    desk.write("a/b/c", "1")
    assert refused(push(desk, "origin", "HEAD:Wrong", at="a/b")) == "branch-name"


def test_a_gitml_toml_that_cannot_be_read(desk: Repo) -> None:
    desk.write("gitml.toml", "nope")
    done = push(desk, "origin", "HEAD:experiments/x")
    assert done.code == 0
    assert done.err.startswith("gitml: the push was judged by the built-in rules: gitml.toml line 1: ")


def test_a_shallow_clone(server: Server) -> None:
    other = server.clone("other")
    for number in range(3):
        other.commit(f"infra: {number}")
    push(other, "--no-verify", "origin", "main")
    server.run("git", "clone", "--quiet", "--depth=1", f"file://{server.path}", "../shallow")
    shallow = with_hooks(Repo(server.path.parent / "shallow"))
    shallow.commit("infra: new")
    assert push(shallow, "origin", "HEAD:main").code == 0
    shallow.run("git", "commit", "--no-verify", "--allow-empty", "-m", "wrong")
    assert refused(push(shallow, "origin", "HEAD:main")) == "commit-prefix"


def test_where_gitml_is_gone_work_goes_on(desk: Repo) -> None:
    script = desk.path / ".git/hooks/pre-push"
    script.write_text(script.read_text().replace("__main__.py", "gone.py"))
    done = push(desk, "origin", "HEAD:Wrong")
    assert (done.code, done.err.splitlines()[0]) == (0, "gitml: the push was not checked")


def test_the_hook_that_was_there_reads_the_same(server: Server, tmp_path: Path) -> None:
    repo = server.clone()
    hook = repo.write(".git/hooks/pre-push", f'#!/bin/sh\necho "$@" > {tmp_path}/words\ncat > {tmp_path}/lines\n')
    hook.chmod(0o755)
    with_hooks(repo)
    assert refused(push(repo, "origin", "HEAD:Wrong", "HEAD:experiments/x")) == "branch-name"
    assert (tmp_path / "words").read_text() == f"origin {server.path}\n"
    oid = repo.git("rev-parse", "HEAD")
    assert (tmp_path / "lines").read_text() == "".join(
        f"HEAD {oid} refs/heads/{name} {'0' * 40}\n" for name in ("Wrong", "experiments/x")
    )


def test_lines() -> None:
    zero, one, two = "0" * 40, "1" * 40, "2" * 40
    lines = f"HEAD~1 {one} refs/heads/x {two}\n(delete) {zero} refs/heads/y {one}\nodd\n\n"
    lines += f"refs/heads/z {one} refs/z {zero}\n"
    assert pre_push.updates_in(lines.encode()) == [
        RefUpdate("refs/heads/x", two, one),
        RefUpdate("refs/heads/y", one, None),
        RefUpdate("refs/z", None, one),
    ]
    assert pre_push.run(b"", "origin", "/srv/x")
