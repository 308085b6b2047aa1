"""The one place that runs git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitml.errors import GitFailed, LooksLikeAnOption
from gitml.git.command import OF_ONE_REPOSITORY, git, without_secrets
from gitml.git.repository import find, version

from .conftest import Repo


def test_what_git_calls_its_local_variables_is_dropped_for_another_repository() -> None:
    listed = subprocess.run(["git", "rev-parse", "--local-env-vars"], check=True, capture_output=True, text=True).stdout
    assert set(listed.split()) <= OF_ONE_REPOSITORY


def test_a_hook_can_ask_another_repository(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    subprocess.run(["git", "init", "--quiet", other], check=True)
    monkeypatch.setenv("GIT_DIR", str(repo.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(repo.path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(repo.path / ".git" / "index.next"))
    monkeypatch.chdir(repo.path)
    assert find().root == repo.path
    assert find(other).root == other


@pytest.mark.parametrize("operand", ["--output=/tmp/x", "-O/bin/sh", "--upload-pack=touch x", "-"])
def test_a_name_is_never_taken_for_an_option(repo: Repo, operand: str) -> None:
    with pytest.raises(LooksLikeAnOption, match="cannot be the name of a branch"):
        git("log", "--oneline", operands=[operand], at=repo.path)


def test_an_operand_is_used(repo: Repo) -> None:
    assert git("log", "--format=%s", operands=["main"], at=repo.path) == "infra: start"


def test_a_failure_carries_the_command_the_code_and_what_git_said(repo: Repo) -> None:
    with pytest.raises(GitFailed) as caught:
        # pragma: allowlist nextline secret
        git("fetch", "--quiet", operands=["https://ada:s3cret@localhost:1/x.git"], at=repo.path)
    assert caught.value.command == f"-C {repo.path} fetch --quiet https://***@localhost:1/x.git"
    assert caught.value.code == 128
    assert "s3cret" not in caught.value.stderr
    assert caught.value.what == f"git {caught.value.command} failed (exit status 128)"


def test_a_silent_failure_says_so(repo: Repo) -> None:
    with pytest.raises(GitFailed) as caught:
        git("rev-parse", "--quiet", "--verify", "refs/heads/none", at=repo.path)
    assert caught.value.why == "git said nothing about it."


def test_a_name_that_is_no_utf8_survives(repo: Repo) -> None:
    repo.write("caf\udce9", "x")
    assert git("ls-files", "-z", "--others", at=repo.path) == "caf\udce9\0"


@given(user=st.text("abcXYZ123%._~-", min_size=1), token=st.text("abcXYZ123%._~-", min_size=1))
def test_no_secret_of_a_url_is_shown(user: str, token: str) -> None:
    text = f"fatal: could not read from https://{user}:{token}@example.org/x.git now"
    assert without_secrets(text) == "fatal: could not read from https://***@example.org/x.git now"


def test_a_name_with_an_at_sign_is_no_secret() -> None:
    assert (
        without_secrets("model@v4.0.0 at https://example.org/model@v4")
        == "model@v4.0.0 at https://example.org/model@v4"
    )


def test_gits_version_is_read() -> None:
    text, numbers = version()
    assert text.startswith(f"{numbers[0]}.{numbers[1]}")
