"""Refs of a remote that move together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitml.errors import LooksLikeAnOption
from gitml.git.push import (
    NoSuchRemote,
    RefusedByRemote,
    RefusedHere,
    RemoteMoved,
    RemoteUnreachable,
    Update,
    push_atomically,
    read_remote,
)

from .conftest import ROOT, Repo

MODEL = "refs/heads/models/model-v1"
TAG = "refs/tags/model@v1.0.0"


@pytest.fixture
def bare(repo: Repo, tmp_path: Path) -> Repo:
    """The remote `origin` of `repo`, with main."""
    path = tmp_path / "bare.git"
    subprocess.run(["git", "init", "--quiet", "--bare", path], check=True)
    repo.git("remote", "add", "origin", str(path))
    repo.git("push", "--quiet", "origin", "main")
    return Repo(path)


def tag(repo: Repo) -> str:
    repo.git("tag", "-a", "-m", "release", "model@v1.0.0")
    return repo.git("rev-parse", TAG)


def hook(bare: Repo, script: str) -> None:
    bare.write("hooks/pre-receive", f"#!/bin/sh\n{script}\n").chmod(0o755)


def test_a_branch_and_a_tag_go_together(repo: Repo, bare: Repo) -> None:
    commit, tagged = repo.git("rev-parse", "HEAD"), tag(repo)
    updates = {MODEL: Update(commit, None), TAG: Update(tagged, None)}
    assert push_atomically("origin", updates, repo.path) == {MODEL: "created", TAG: "created"}
    assert read_remote("origin", [MODEL, TAG, "refs/heads/none"], repo.path) == {
        MODEL: commit,
        TAG: tagged,
        "refs/heads/none": None,
    }
    # Whoever pushes the same object again, from this clone or another, did not win.
    assert push_atomically("origin", updates, repo.path) == {MODEL: "up to date", TAG: "up to date"}
    repo.commit(a="1")
    after = repo.git("rev-parse", "HEAD")
    moved = push_atomically("origin", {MODEL: Update(after, commit), TAG: Update(None, tagged)}, repo.path)
    assert moved == {MODEL: "moved", TAG: "deleted"}
    assert push_atomically("origin", {MODEL: Update(commit, after)}, repo.path) == {MODEL: "moved"}
    assert push_atomically("origin", {}, repo.path) == {}


def test_all_or_none(repo: Repo, bare: Repo) -> None:
    commit = repo.git("rev-parse", "HEAD")
    tagged = tag(repo)
    repo.git("push", "--quiet", "origin", f"{commit}:{MODEL}")
    repo.commit(a="1")
    with pytest.raises(RemoteMoved) as caught:
        push_atomically(
            "origin", {MODEL: Update(repo.git("rev-parse", "HEAD"), None), TAG: Update(tagged, None)}, repo.path
        )
    assert caught.value.now == {MODEL: commit}
    assert caught.value.what == "somebody else was first: models/model-v1 on origin"
    assert caught.value.why == f"models/model-v1 is at {commit[:10]} on origin now. Nothing was pushed."
    assert caught.value.mend == ("git fetch origin", "run the same command again")
    assert read_remote("origin", [MODEL, TAG], repo.path) == {MODEL: commit, TAG: None}


def test_a_ref_that_is_gone(repo: Repo, bare: Repo) -> None:
    commit = repo.git("rev-parse", "HEAD")
    with pytest.raises(RemoteMoved) as caught:
        push_atomically("origin", {MODEL: Update(commit, commit)}, repo.path)
    assert caught.value.why == "models/model-v1 is not there on origin now. Nothing was pushed."


def test_what_the_servers_hook_says_is_kept(repo: Repo, bare: Repo) -> None:
    hook(bare, 'echo "gitml: refused (commit-prefix)"; echo; echo "  say why" >&2; exit 1')
    commit = repo.git("rev-parse", "HEAD")
    with pytest.raises(RefusedByRemote) as caught:
        push_atomically("origin", {MODEL: Update(commit, None), TAG: Update(commit, None)}, repo.path)
    assert caught.value.said == "gitml: refused (commit-prefix)\n\n  say why"
    assert caught.value.reasons == {MODEL: "pre-receive hook declined", TAG: "pre-receive hook declined"}
    assert caught.value.what == "origin refused models/model-v1, model@v1.0.0"
    assert caught.value.exit_code == 1


def test_what_the_servers_settings_say(repo: Repo, bare: Repo) -> None:
    bare.git("config", "receive.denyDeletes", "true")
    commit = repo.git("rev-parse", "HEAD")
    with pytest.raises(RefusedByRemote) as caught:
        push_atomically("origin", {"refs/heads/main": Update(None, commit)}, repo.path)
    assert caught.value.reasons == {"refs/heads/main": "deletion prohibited"}


def test_a_name_that_is_in_the_way_on_the_server(repo: Repo, bare: Repo) -> None:
    commit = repo.git("rev-parse", "HEAD")
    bare.git("update-ref", "refs/heads/models", commit)
    with pytest.raises(RefusedByRemote) as caught:
        push_atomically("origin", {MODEL: Update(commit, None)}, repo.path)
    assert list(caught.value.reasons) == [MODEL]


def test_the_own_pre_push_hook(repo: Repo, bare: Repo) -> None:
    repo.write(".git/hooks/pre-push", "#!/bin/sh\necho no, said the hook >&2\nexit 1\n").chmod(0o755)
    with pytest.raises(RefusedHere) as caught:
        push_atomically("origin", {MODEL: Update(repo.git("rev-parse", "HEAD"), None)}, repo.path)
    assert caught.value.said == "no, said the hook"
    assert read_remote("origin", [MODEL], repo.path) == {MODEL: None}


def test_no_remote_no_network_no_sense(repo: Repo, tmp_path: Path) -> None:
    commit = repo.git("rev-parse", "HEAD")
    updates = {MODEL: Update(commit, None)}
    with pytest.raises(NoSuchRemote, match="there is no remote 'origin'") as none:
        push_atomically("origin", updates, repo.path)
    assert none.value.why == "This repository has no remote at all."
    repo.git("remote", "add", "upstream", "http://ada:s3cret@localhost:1/x.git")  # pragma: allowlist secret
    with pytest.raises(NoSuchRemote) as other:
        push_atomically("origin", updates, repo.path)
    assert other.value.why == "There is upstream."
    for remote in ("upstream", str(tmp_path / "nothing.git")):
        with pytest.raises(RemoteUnreachable) as caught:
            push_atomically(remote, updates, repo.path)
        assert "s3cret" not in caught.value.why
        assert caught.value.why.endswith("\nThe same command again finishes what was begun.")
        with pytest.raises(RemoteUnreachable):
            read_remote(remote, [MODEL], repo.path)
    with pytest.raises(LooksLikeAnOption):
        push_atomically("--receive-pack=touch /tmp/x", updates, repo.path)
    for ref in ("main", "refs/heads/a:refs/heads/main", "refs/heads/*"):
        with pytest.raises(ValueError, match="is no full name of a ref"):
            push_atomically("upstream", {ref: Update(commit, None)}, repo.path)
    with pytest.raises(ValueError, match="'main' is no full object id"):
        push_atomically("upstream", {MODEL: Update("main", None)}, repo.path)


def test_tags_that_nobody_asked_for_stay_here(repo: Repo, bare: Repo) -> None:
    repo.git("config", "push.followTags", "true")
    tag(repo)
    push_atomically("origin", {MODEL: Update(repo.git("rev-parse", "HEAD"), None)}, repo.path)
    assert bare.git("tag", "--list") == ""


RACE = """
import sys
from pathlib import Path
from gitml.git.push import RemoteMoved, Update, push_atomically
from gitml.git.transaction import commit_tree
from gitml.git.trees import Blob, tree_with
made = commit_tree(tree_with(None, {"me": Blob("100644", sys.argv[1].encode())}), [], "model: " + sys.argv[1])
print(made, flush=True)
sys.stdin.readline()
try:
    done = push_atomically("origin", {"refs/heads/models/model-v1": Update(made, None)})
    assert done == {"refs/heads/models/model-v1": "created"}, done
except RemoteMoved as error:
    sys.exit(7)
"""


def test_of_six_clones_that_race_for_a_name_one_wins(repo: Repo, bare: Repo, tmp_path: Path) -> None:
    racers = []
    for number in range(6):
        clone = tmp_path / f"clone-{number}"
        repo.git("clone", "--quiet", str(bare.path), str(clone), "--branch", "main")
        racers.append(
            subprocess.Popen(
                [sys.executable, "-c", RACE, str(number)],
                cwd=clone,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
    made = [racer.stdout.readline().decode().strip() for racer in racers if racer.stdout]
    for racer in racers:
        racer.stdin.write(b"\n")  # type: ignore[union-attr]
        racer.stdin.flush()  # type: ignore[union-attr]
    for racer in racers:
        racer.communicate()
    codes = [racer.returncode for racer in racers]
    assert sorted(codes) == [0] + [7] * 5
    assert read_remote("origin", [MODEL], repo.path) == {MODEL: made[codes.index(0)]}
