"""`gitml doctor` on names: what blocks, what is ambiguous, what another machine cannot tell apart."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitml.conventions import branches
from gitml.conventions.shell import can_be_typed
from gitml.doctor import Finding
from gitml.doctor import names as names_room
from gitml.doctor.finding import typed
from gitml.doctor.names import Names

from .conftest import Repo
from .doctor_findings import seen, shell, state

BOTH = "git log, diff and checkout of that name stop: it is both a revision and a file name."
TWIN = "On macOS and Windows one of them hides the other, and the next pull goes wrong."
WRONG = "A push of it is refused: experiments/<name>, models/<model>-v<N>, main, and what gitml.toml adds."


def _branch(repo: Repo, *names: bytes | str) -> None:
    """Make branches, also such as no ``git branch`` would."""
    head = repo.git("rev-parse", "HEAD").encode()
    raw = [name if isinstance(name, bytes) else name.encode() for name in names]
    lines = b"".join(b"create refs/heads/%b\0%b\0" % (name, head) for name in raw)
    subprocess.run(["git", "update-ref", "-z", "--stdin"], input=lines, cwd=repo.path, check=True)


def test_no_clash(repo: Repo) -> None:
    _branch(repo, "experiments/lr", "models/model-v1", "production/production-model", "infra/x")
    repo.git("tag", "model@v1.0.0")
    assert seen(repo.path, "names") == [Finding("names", "ok", "5 branches, no clash")]


@pytest.mark.parametrize("name", ["experiments", "models", "promote", "production"])
def test_a_branch_in_the_place_of_a_folder(repo: Repo, name: str) -> None:
    _branch(repo, name)
    mend = (f"git branch -m {name} experiments/{name}",)
    assert seen(repo.path, "names") == [
        Finding(
            "names",
            "broken",
            f"the branch {name} blocks {name}/*",
            f"git keeps branches as files, so there can be no {name}/x beside it.",
            mend,
        )
    ]
    shell(repo.path, *mend)
    assert state(repo.path, "names") == ["ok"]


def test_a_branch_of_a_remote_in_the_place_of_a_folder(repo: Repo) -> None:
    repo.git("remote", "add", "team/server", "../server.git")
    head = repo.git("rev-parse", "HEAD")
    repo.git("update-ref", "refs/remotes/team/server/experiments", head)
    assert seen(repo.path, "names") == [
        Finding(
            "names",
            "warning",
            "the branch experiments blocks experiments/*",
            "One is in this clone and one on a remote: neither side can take the other's.",
            ("git push origin --delete refs/heads/experiments   # after its owner agreed",),
        )
    ]


def test_a_branch_here_in_the_place_of_a_folder_there(repo: Repo) -> None:
    repo.git("update-ref", "refs/remotes/origin/experiments/lr/deep", "HEAD")
    _branch(repo, "experiments/lr")
    assert seen(repo.path, "names") == [
        Finding(
            "names",
            "warning",
            "the branch experiments/lr blocks experiments/lr/deep",
            "One is in this clone and one on a remote: neither side can take the other's.",
            ("git branch -m -- experiments/lr experiments/experiments-lr",),
        )
    ]
    shell(repo.path, "git branch -m -- experiments/lr experiments/experiments-lr")
    assert state(repo.path, "names") == ["ok"]


def test_one_finding_for_all_that_a_branch_blocks(repo: Repo) -> None:
    _branch(repo, "experiments", "infra/x")
    repo.git("pack-refs", "--all")
    for name in ("experiments/a", "infra/x/b", "infra/x/c", "infra/x/c/d"):
        repo.run("git", "update-ref", f"refs/remotes/{'two' if name.endswith('d') else 'origin'}/{name}", "HEAD")
    assert [finding.says for finding in seen(repo.path, "names")] == [
        "the branch experiments blocks experiments/*",
        "the branch infra/x blocks infra/x/b and 2 more",
        "the branch infra/x/c blocks infra/x/c/d",
    ]


def test_a_tag_of_a_branch_s_name(repo: Repo) -> None:
    _branch(repo, "infra/x")
    repo.git("tag", "main")
    repo.git("tag", "infra/x")
    repo.git("tag", "infra/x-tag")
    (finding,) = seen(repo.path, "names")
    assert finding == Finding(
        "names",
        "warning",
        "infra/x and 1 more: a branch and a tag",
        "git takes the tag, with a warning at most. Give the tag another name:",
        (
            "git update-ref refs/tags/infra/x-tag-2 refs/tags/infra/x && git update-ref -d refs/tags/infra/x",
            "git update-ref refs/tags/main-tag refs/tags/main && git update-ref -d refs/tags/main",
        ),
    )
    shell(repo.path, *finding.mend)
    assert state(repo.path, "names") == ["ok"]
    assert repo.git("tag").split() == ["infra/x-tag", "infra/x-tag-2", "main-tag"]


class TestABranchNamedLikeAFile:
    def _finding(self, name: str, new: str) -> Finding:
        says = f"{name}: a branch and a file or folder"
        return Finding("names", "warning", says, BOTH, (f"git branch -m -- {name} {new}",))

    def test_of_head(self, repo: Repo) -> None:
        repo.commit(**{"infra/x/README.md": "x"})
        _branch(repo, "infra/x")
        (repo.path / "infra/x/README.md").unlink()
        (repo.path / "infra/x").rmdir()
        assert seen(repo.path, "names") == [self._finding("infra/x", "experiments/infra-x")]
        repo.git("checkout", "--quiet", "--", "infra")
        assert repo.run("git", "log", "infra/x").code == 128
        shell(repo.path, "git branch -m -- infra/x experiments/infra-x")
        assert state(repo.path, "names") == ["ok"]

    def test_of_the_working_tree_only(self, repo: Repo) -> None:
        repo.write("experiments/lr", "x")
        _branch(repo, "experiments/lr")
        assert seen(repo.path, "names") == [self._finding("experiments/lr", "experiments/experiments-lr")]

    def test_of_its_own_tree_only(self, repo: Repo) -> None:
        repo.git("checkout", "--quiet", "-b", "experiments/lr")
        repo.commit(**{"experiments/lr/x": ""})
        repo.git("checkout", "--quiet", "main")
        assert seen(repo.path, "names") == [self._finding("experiments/lr", "experiments/experiments-lr")]

    def test_a_partial_clone_fetches_nothing(self, repo: Repo) -> None:
        repo.git("checkout", "--quiet", "-b", "experiments/lr")
        repo.commit(**{"experiments/lr/x": ""})
        repo.git("checkout", "--quiet", "main")
        repo.git("config", "core.repositoryFormatVersion", "1")
        repo.git("config", "extensions.partialClone", "origin")
        assert state(repo.path, "names") == ["ok"]


class TestTwins:
    def test_two_branches(self, repo: Repo) -> None:
        _branch(repo, "experiments/lr", "infra/lr", "infra/LR", "infra/Lr")
        twins = [finding for finding in seen(repo.path, "names") if "case" in finding.says]
        assert twins == [
            Finding(
                "names",
                "warning",
                "infra/LR and infra/Lr: branches that differ by case only",
                TWIN,
                ("git branch -m -- infra/LR experiments/infra-lr",),
            )
        ]

    def test_one_here_and_one_on_a_remote(self, repo: Repo) -> None:
        _branch(repo, "experiments/lr")
        repo.git("update-ref", "refs/remotes/origin/experiments/LR", "HEAD")
        (finding,) = seen(repo.path, "names")
        assert finding.says == "experiments/LR and experiments/lr: branches that differ by case only"
        assert finding.mend == ("git branch -m -- experiments/lr experiments/experiments-lr",)
        repo.git("branch", "-D", "experiments/lr")
        repo.git("update-ref", "refs/remotes/fork/experiments/lr", "HEAD")
        assert seen(repo.path, "names") == [finding._replace(mend=())]

    def test_one_name_in_two_writings_of_its_accent(self) -> None:
        (finding,) = names_room.twin_branches(Names(("caf\u00e9",), ("cafe\u0301", "tea"), ()))
        assert finding.says == "cafe\u0301 and caf\u00e9: branches that differ by case only"

    def test_two_files_and_two_folders(self, repo: Repo) -> None:
        repo.commit(**{"Data/x": "", "data/x": "", "README": "", "readme": ""})
        assert seen(repo.path, "names") == [
            Finding(
                "names",
                "warning",
                "Data and data: files that differ by case only",
                f"{TWIN} There is 1 more of the kind.",
                ("git mv -- Data Data-2",),
            )
        ]
        shell(repo.path, "git mv -- Data Data-2", "git mv -- README README-2")
        repo.commit()
        assert state(repo.path, "names") == ["ok"]

    def test_one_name_on_two_remotes_is_no_twin(self, repo: Repo) -> None:
        for remote in ("origin", "fork"):
            repo.git("update-ref", f"refs/remotes/{remote}/main", "HEAD")
        repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
        assert state(repo.path, "names") == ["ok"]


class TestWrongNames:
    def test_the_right_one_is_named(self, repo: Repo) -> None:
        _branch(repo, "feature/lr", "Foo", "models/v4", "prod", "foo", "x/Foo")
        (finding,) = [finding for finding in seen(repo.path, "names") if finding.why == WRONG]
        assert finding == Finding(
            "names",
            "warning",
            "Foo and 5 more: not how a branch is named here",
            WRONG,
            (
                "git branch -m -- Foo experiments/foo",
                "git branch -m -- feature/lr experiments/lr",
                "git branch -m -- foo experiments/foo-2",
                "git branch -m -- models/v4 models/model-v4",
                "git branch -m -- prod production/production-model",
            ),
        )
        shell(repo.path, *finding.mend)
        (finding,) = seen(repo.path, "names")
        assert finding.mend == ("git branch -m -- x/Foo experiments/x-foo",)

    def test_master_is_main_where_there_is_none(self, repo: Repo) -> None:
        repo.git("branch", "-m", "main", "master")
        (finding,) = seen(repo.path, "names")
        assert finding.mend == ("git branch -m -- master main",)
        shell(repo.path, *finding.mend)
        _branch(repo, "master")
        (finding,) = seen(repo.path, "names")
        assert finding.mend == ("git branch -m -- master experiments/master",)

    def test_what_gitml_toml_allows_is_right(self, repo: Repo) -> None:
        _branch(repo, "release-4")
        assert state(repo.path, "names") == ["warning"]
        repo.write("gitml.toml", '[branches]\nextra = ["release-*"]\n')
        assert state(repo.path, "names") == ["ok"]
        repo.write("gitml.toml", '[rules]\nbranch-name = "off"\n')
        assert state(repo.path, "names") == ["ok"]

    @pytest.mark.parametrize(
        "name",
        [
            b"experiments/$(touch pwned)x".replace(b" ", b"$IFS"),
            b"experiments/`x`",
            b"a'b\"c",
            b"-x",
            b"a;b|c&d",
            b"<x>",
        ],
    )
    def test_a_name_that_a_shell_would_run(self, repo: Repo, name: bytes) -> None:
        self._is_renamed(repo, name)

    @pytest.mark.parametrize(
        "name",
        ["a\u202eb", b"\xff\xfe", "a%d\u200b", "\u0661\u0662", "'\u202e'", "e\u0301\u00a0x", "x/" * 120 + "y" * 60],
    )
    def test_a_name_that_cannot_be_typed(self, repo: Repo, name: bytes | str) -> None:
        self._is_renamed(repo, name if isinstance(name, bytes) else name.encode())

    def _is_renamed(self, repo: Repo, name: bytes) -> None:
        repo.git("pack-refs", "--all")
        _branch(repo, name)
        (finding,) = seen(repo.path, "names")
        assert finding.state == "warning"
        assert len(finding.says) < 120
        shell(repo.path, *finding.mend)
        assert seen(repo.path, "names") == [Finding("names", "ok", "2 branches, no clash")]
        assert os.listdir(repo.path) == [".git"]

    def test_nothing_of_a_hostile_name_reaches_the_terminal(self, gitml: Callable, repo: Repo) -> None:
        _branch(repo, "evil\u202egnp", b"\xff\xfe", "\u009b31m")
        out = gitml("doctor", at=repo.path).out
        assert all(letter.isprintable() or letter == "\n" for letter in out)
        assert "evil\\u202egnp and 2 more: not how a branch is named here" in out
        assert "git branch -m -- \"$(printf 'evil\\342\\200\\256gnp')\" experiments/evil-gnp" in out
        assert json.loads(gitml("doctor", "--json", at=repo.path).out)


def test_names_are_sorted_by_the_longest_remote() -> None:
    refs = ["refs/heads/main", "refs/remotes/a/b/x", "refs/remotes/a/c", "refs/remotes/gone/y", "refs/tags/t"]
    settings = {"remote.a.url": "", "remote.a/b.url": "", "remote.pushdefault": "a"}
    assert names_room.read(refs, settings) == Names(("main",), ("x", "c", "y"), ("t",))


def test_what_is_typed_is_what_a_shell_reads() -> None:
    for name in ("main", "a b", "$(x)", "a'b", "\udcff%s\\n", "\u202e'\"", "-x", "é"):
        said = subprocess.run(["sh", "-c", f"printf %s {typed(name)}"], capture_output=True, check=True).stdout
        assert os.fsdecode(said) == name


def test_before_the_first_commit(repo: Repo) -> None:
    repo.git("update-ref", "-d", "HEAD")
    assert seen(repo.path, "names") == [Finding("names", "ok", "0 branches, no clash")]


LETTERS = st.characters(exclude_characters="\0\n", exclude_categories=["Cs"])
BYTES = st.binary(min_size=1, max_size=40).map(lambda raw: raw.replace(b"\0", b"0").replace(b"\n", b"n"))
NAME = st.text(LETTERS, min_size=1, max_size=40) | BYTES.map(os.fsdecode)


@given(st.lists(NAME, min_size=1, max_size=200))
@settings(max_examples=20, deadline=None)
def test_any_name_can_be_typed(names: list[str]) -> None:
    line = "printf '%s\\n' " + " ".join(map(typed, names))
    said = subprocess.run(["sh", "-c", line], capture_output=True, check=True).stdout
    assert os.fsdecode(said).split("\n")[:-1] == names


@given(st.lists(NAME, max_size=9), st.lists(NAME, max_size=9), st.lists(NAME, max_size=4))
@settings(max_examples=300, deadline=None)
def test_no_names_are_too_odd(local: list[str], remote: list[str], tags: list[str]) -> None:
    """No check raises, and what a branch should be named is right and free."""
    local = list(dict.fromkeys(local))
    found = Names(tuple(local), tuple(remote), tuple(tags))
    findings = [
        *names_room.blocking(found),
        *names_room.ambiguous(found),
        *names_room.named_like_files(found, set(local[:3])),
        *names_room.twin_branches(found),
        *names_room.twin_files(remote, Path("/x"), Path("/x")),
        *names_room.wrong(found, branches.EXTRA),
    ]
    for finding in findings:
        assert finding.state != "ok"
        for mend in finding.mend:
            assert can_be_typed(mend)
            if mend.startswith("git branch -m"):
                new = mend.rpartition(" ")[2]
                assert branches.parse(new) is not None
                assert new not in (*local, *remote)
