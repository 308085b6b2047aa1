"""``gitml model verify``: what holds, what does not, and what comes out again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from gitml.pipeline.digest import fingerprint

from .conftest import Done, Repo
from .teams import CONFIG, Team, released, team

__all__ = ["team"]

Gitml = Callable[..., Done]


WEIGHTS = b"3e-3\n"


def test_all_that_a_release_says(team: Team, gitml: Gitml) -> None:
    released(team, gitml, "lower")
    done = gitml("model", "verify", "v1", at=team.ada.path)
    assert done.code == 0, done
    names = [line.split()[1] for line in done.out.splitlines() if line.startswith("✓")]
    assert names == ["tag", "provenance", "commit", "files", "lock", "model", "data", "params", "metrics", "bytes"]
    assert done.out.endswith("next  gitml model verify model-v1 --reproduce\n")
    told = json.loads(gitml("model", "verify", "v1", "--json", at=team.ada.path).out)
    assert (told["holds"], told["reproduction"]) == (True, None)


def test_it_comes_out_again(team: Team, gitml: Gitml) -> None:
    released(team, gitml, "lower")
    done = gitml("model", "verify", "v1", "--reproduce", at=team.ada.path)
    assert done.code == 0, done
    assert "✓ reproduced  1 figures in" in done.out
    assert "the model's bytes are the same, too" in done.out
    told = json.loads(gitml("model", "verify", "v1", "--reproduce", "--json", at=team.ada.path).out)
    assert told["reproduction"]["ok"] is True
    assert told["reproduction"]["computed"] == {"roc_auc": 0.703}
    assert team.ada.status() == ""


def test_a_forged_metric_with_a_forged_lock(team: Team, gitml: Gitml) -> None:
    """Every hash agrees, and every rule: only to run it again tells."""
    ada = team.ada
    ada.git("switch", "--quiet", "experiments/lower")
    old, new = b'{"roc_auc": 0.7030}\n', b'{"roc_auc": 0.7930}\n'
    lock = (ada.path / "dvc.lock").read_text()
    forged = lock.replace(fingerprint(old).md5, fingerprint(new).md5)
    assert forged != lock
    ada.commit("experiment: better", **{"dvc.lock": forged, "results/train/metrics.json": new.decode()})
    assert gitml("model", "release", at=ada.path).code == 0
    assert gitml("model", "verify", "v1", at=ada.path).code == 0
    done = gitml("model", "verify", "v1", "--reproduce", at=ada.path)
    assert done.code == 1
    assert "✗ reproduced" in done.out
    assert "model-v1 does not come out again" in done.err
    assert "roc_auc is 0.793 there, and came out 0.703" in done.err
    assert 'gitml model yank model-v1 --reason "…"' in done.err


def test_an_object_that_was_replaced_in_its_place(team: Team, gitml: Gitml) -> None:
    released(team, gitml, "lower")
    for file in (team.ada.path / ".dvc/cache/files").rglob("*"):
        if file.is_file() and file.read_bytes() == WEIGHTS:
            file.chmod(0o644)
            file.write_bytes(b"9e-9\n")
            file.chmod(0o444)
    done = gitml("model", "verify", "v1", "--reproduce", at=team.ada.path)
    assert done.code == 1
    assert "✗ bytes" in done.out and "reproduced" not in done.out
    assert "model-v1 is not what it says: bytes" in done.err


def test_in_a_clone_without_files_and_without_a_cache(team: Team, gitml: Gitml) -> None:
    released(team, gitml, "lower")
    subprocess.run(
        ["git", "clone", "--quiet", "--bare", str(team.server.path), str(team.folder / "bare.git")], check=True
    )
    # A remote that is relative to a working tree cannot be found from here; main's own says where it is.
    team.ada.git("switch", "--quiet", "main")
    text = (team.ada.path / ".dvc/config").read_text().replace("../../storage", str(team.storage))
    team.ada.commit("infra: where data is", **{".dvc/config": text})
    team.ada.git("push", "--quiet", "origin", "main")
    done = gitml("model", "verify", "v1", at=team.folder / "bare.git")
    assert done.code == 0, done
    assert "✓ bytes       1 file, 5 bytes, hashed now" in done.out


def test_a_tag_that_lies_elsewhere(team: Team, gitml: Gitml) -> None:
    released(team, gitml, "lower")
    server = Repo(team.server.path)
    other = server.git("rev-parse", "main")
    server.git("-c", "user.name=Eve", "-c", "user.email=e@example.com", "tag", "-f", "-m", "x", "model@v1.0.0", other)
    team.ada.git("update-ref", "-d", "refs/tags/model@v1.0.0")
    done = gitml("model", "verify", "v1", at=team.ada.path)
    assert (done.code, "✗ tag" in done.out) == (1, True)


@pytest.mark.parametrize("is_asked", [False, True])
def test_a_signature(team: Team, gitml: Gitml, is_asked: bool) -> None:
    line = team.signer(team.ada, "ada")
    released(team, gitml, "lower")
    team.law(CONFIG + f"[approvals]\nsigned_releases = {str(is_asked).lower()}\n", allowed_signers=line)
    done = gitml("model", "verify", "v1", at=team.ada.path)
    assert (done.code, "signature" in done.out) == (int(is_asked), is_asked)
    if is_asked:
        assert gitml("model", "release", "higher", at=team.ada.path).code == 0
        done = gitml("model", "verify", "v2", at=team.ada.path)
        assert done.code == 0, done
        assert "✓ signature   ada@example.com, SHA256:" in done.out


def test_no_such_release(team: Team, gitml: Gitml) -> None:
    assert gitml("model", "verify", "v1", at=team.ada.path).code == 2
