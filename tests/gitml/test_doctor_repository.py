"""`gitml doctor` on the repository: what is unfinished, closed, cut off, or set wrong."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitml.doctor import Finding, machine, repository
from gitml.git import repository as git_repository

from .conftest import Repo
from .doctor_findings import seen, shell, state


@pytest.fixture
def forked(repo: Repo) -> Repo:
    """A branch `other` that does not merge with main."""
    repo.commit(x="0")
    repo.git("branch", "other")
    repo.commit(x="1")
    repo.git("checkout", "--quiet", "other")
    repo.commit(x="2")
    repo.git("checkout", "--quiet", "main")
    return repo


class TestUnfinished:
    def _head(self, repo: Repo, says: str, why: str, *mend: str) -> None:
        commit = repo.git("rev-parse", "--short", "HEAD")
        assert seen(repo.path, "head") == [Finding("head", "warning", f"{says} at {commit}", why, mend)]
        shell(repo.path, mend[-1])
        assert state(repo.path, "head") == ["ok"]

    @pytest.mark.parametrize("command", ["merge", "cherry-pick", "revert"])
    def test_on_a_branch(self, forked: Repo, command: str) -> None:
        assert forked.run("git", command, {"revert": "HEAD~1"}.get(command, "other")).code == 1
        mend = (f"git {command} --continue", f"git {command} --abort")
        self._head(forked, f"a {command} is under way on main", "Finish it or drop it. One of:", *mend)

    @pytest.mark.parametrize("command", ["cherry-pick", "revert"])
    def test_between_two_of_several_commits(self, forked: Repo, command: str) -> None:
        wanted = ["other", "other~1"] if command == "cherry-pick" else ["HEAD~1", "HEAD"]
        assert forked.run("git", command, *wanted).code == 1
        forked.write("x", "3")
        forked.git("commit", "--quiet", "-a", "-m", "infra: resolved")
        mend = (f"git {command} --continue", f"git {command} --abort")
        commit = forked.git("rev-parse", "--short", "HEAD")
        says = f"a {command} is under way on main at {commit}"
        assert seen(forked.path, "head") == [Finding("head", "warning", says, "Finish it or drop it. One of:", mend)]

    def test_a_rebase(self, forked: Repo) -> None:
        assert forked.run("git", "rebase", "other").code == 1
        why = "HEAD is on no branch until it ends. One of:"
        self._head(forked, "a rebase is under way", why, "git rebase --continue", "git rebase --abort")

    def test_a_mailed_patch(self, forked: Repo) -> None:
        patch = forked.run("git", "format-patch", "--stdout", "-1", "other").out
        assert forked.run("git", "am", stdin=patch).code == 128
        why = "Finish it or drop it. One of:"
        self._head(forked, "an am is under way on main", why, "git am --continue", "git am --abort")

    def test_a_bisect_before_its_first_step(self, forked: Repo) -> None:
        forked.git("bisect", "start")
        self._head(forked, "a bisect is under way on main", "It ends when it is reset.", "git bisect reset")


class TestDamage:
    def test_a_commit_that_is_missing(self, repo: Repo) -> None:
        for path in sorted((repo.path / ".git/objects").rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        why = "It was lost, on a full disk or with a killed machine, or it was never copied here."
        assert seen(repo.path, "head") == [
            Finding("head", "broken", "the commit of main is missing", why, ("git fsck", "git reflog"))
        ]

    @pytest.mark.parametrize("content", [b"", b"x", b"DIRC", b"\0" * 999])
    def test_an_index_that_was_cut(self, repo: Repo, content: bytes) -> None:
        repo.commit(x="1")
        repo.write("x", "2")
        repo.write(".git/index", content)
        finding = Finding(
            "index",
            "broken",
            ".git/index is cut or damaged",
            "git cannot tell what is staged, and refuses to go on. "
            "Your files stay as they are; what was staged is lost.",
            ("mv .git/index .git/index.broken", "git reset --quiet"),
        )
        assert seen(repo.path, "index") == [finding]
        shell(repo.path, *finding.mend)
        assert seen(repo.path, "index") == []
        assert repo.run("git", "status", "--porcelain").out == " M x\n"

    @pytest.mark.parametrize("has_log", [True, False])
    def test_refs_that_were_cut(self, repo: Repo, has_log: bool) -> None:
        repo.git("branch", "experiments/lr")
        commit = repo.git("rev-parse", "HEAD")
        for name in ("lr", "other"):
            repo.write(f".git/refs/heads/experiments/{name}", "")
        log = ".git/logs/refs/heads/experiments/lr"
        if not has_log:
            (repo.path / log).unlink()
        why = "git was stopped while it wrote it."
        more = " The last line of its log has the commit that it had."
        (finding,) = seen(repo.path, "refs")
        assert finding == Finding(
            "refs",
            "broken",
            "refs/heads/experiments/lr and 1 more: an empty file, not a commit",
            why + more if has_log else why,
            (f"tail -1 {log}", "rm .git/refs/heads/experiments/lr")
            if has_log
            else ("rm .git/refs/heads/experiments/lr",),
        )
        if has_log:
            assert repo.run("sh", "-c", finding.mend[0]).out.split()[1] == commit
        shell(repo.path, finding.mend[-1], "rm .git/refs/heads/experiments/other")
        assert seen(repo.path, "refs") == []

    def test_packed_refs_that_are_none(self, gitml: Callable, repo: Repo) -> None:
        repo.write(".git/packed-refs", "garbage\n")
        assert seen(repo.path, "repository") == [
            Finding(
                "repository",
                "broken",
                "git cannot read its own files",
                "fatal: unexpected line in .git/packed-refs: garbage",
                ("git fsck",),
            )
        ]
        assert gitml("doctor", "--fix", at=repo.path).code == 3

    @pytest.mark.parametrize(("file", "content"), [("config", "[bad"), ("HEAD", "garbage")])
    def test_what_git_refuses(self, repo: Repo, file: str, content: str) -> None:
        repo.write(f".git/{file}", content)
        (finding,) = seen(repo.path, "repository")
        assert (finding.state, finding.says) == ("broken", "git refuses the repository around this folder")

    def test_a_repository_with_files_that_is_said_to_be_bare(self, repo: Repo) -> None:
        repo.commit(x="1")
        repo.git("config", "core.bare", "true")
        finding = Finding(
            "repository",
            "broken",
            "core.bare is set, and there are files all the same",
            "git takes it for a server's, and refuses to work on the files.",
            ("git config core.bare false",),
        )
        assert seen(repo.path, "repository") == [finding]
        shell(repo.path, *finding.mend)
        assert seen(repo.path, "repository") == [Finding("repository", "ok", "flights")]


class TestHistory:
    def test_a_shallow_clone(self, repo: Repo) -> None:
        repo.commit()
        repo.git("clone", "--quiet", "--depth=1", f"file://{repo.path}", "../cut")
        cut = repo.path.parent / "cut"
        assert seen(cut, "history") == [
            Finding(
                "history",
                "warning",
                "a shallow clone",
                "What came before is not here, so comparisons, merges and the checks of a range can be wrong or fail.",
                ("git fetch --unshallow",),
            )
        ]
        shell(cut, "git fetch --unshallow")
        assert seen(cut, "history") == []

    def test_an_empty_list_of_edges(self, repo: Repo) -> None:
        repo.write(".git/shallow", "")
        assert seen(repo.path, "history") == []


def test_the_remotes_are_named(repo: Repo) -> None:
    assert seen(repo.path, "git remote") == [Finding("git remote", "ok", "none yet: all of it is on this machine")]
    repo.git("remote", "add", "origin", "https://ada:s3cret@example.org/x.git")  # pragma: allowlist secret
    repo.git("remote", "add", "my.fork", "../fork")
    assert seen(repo.path, "git remote") == [Finding("git remote", "ok", "origin and 1 more")]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to be somebody else")
class TestPermission:
    @pytest.fixture
    def as_nobody(self, home: Path) -> Iterator[Path]:
        """A folder that everybody may read, and no right to write into it."""
        folder = Path(tempfile.mkdtemp())
        folder.chmod(0o755)
        os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(0)
            shutil.rmtree(folder)

    def test_the_repository_of_somebody_else(self, as_nobody: Path) -> None:
        os.seteuid(0)
        made = Repo(as_nobody)
        made.git("init", "--quiet")
        made.commit()
        os.seteuid(65534)
        found = git_repository.Repository(as_nobody, as_nobody / ".git", as_nobody / ".git", False)
        assert repository.permission(found, as_nobody) == [
            Finding(
                "permission",
                "broken",
                ".git and 2 more cannot be written to",
                "It belongs to user 0, and you are user 65534: nothing can be committed.",
                ('sudo chown -R "$(id -u)" .git',),
            )
        ]

    def test_one_s_own(self, repo: Repo) -> None:
        assert seen(repo.path, "permission") == []


def test_a_file_system_that_is_mounted_read_only() -> None:
    closed = next((path for path in map(Path, ("/sys", "/proc/sys")) if _is_read_only(path)), None)
    if closed is None:
        pytest.skip("needs a file system that is mounted read-only")
    found = git_repository.Repository(None, closed, closed, True)
    assert repository.permission(found, Path("/")) == [
        Finding(
            "permission",
            "broken",
            f"{str(closed)[1:]} cannot be written to",
            "Its file system is mounted read-only: nothing can be committed.",
            (f"df {str(closed)[1:]}",),
        )
    ]


def _is_read_only(path: Path) -> bool:
    return path.is_dir() and bool(os.statvfs(path).f_flag & os.ST_RDONLY)


@pytest.mark.parametrize("version", [None, "1.7.0", "1.10.1", "2.0"])
def test_a_right_gto_is_not_mentioned(version: str | None) -> None:
    assert machine.gto(version, "python") == []


def test_an_old_gto_is() -> None:
    assert machine.gto("1.6.2", ".venv/bin/python") == [
        Finding(
            "gto",
            "warning",
            "1.6.2 is too old",
            "gitml's tags are read by GTO 1.7 or newer; an older gto show may misread them.",
            (".venv/bin/python -m pip install 'gto>=1.7'",),
        )
    ]


class TestConfiguration:
    @pytest.mark.parametrize(
        ("content", "says", "why", "place"),
        [
            (b"[rules]\nno-such = 1\n", "line 2: 'rules.no-such' is unknown", "Did you mean no-secret?", "+2 "),
            (b"a = \n", "line 1: invalid value", "", "+1 "),
            (b"\xff", "line 1: not UTF-8", "", "+1 "),
            (b"x" * (2**20 + 1), "larger than 1048576 bytes", "", ""),
        ],
    )
    def test_a_wrong_one(self, repo: Repo, content: bytes, says: str, why: str, place: str) -> None:
        repo.write("gitml.toml", content)
        (repo.path / "src").mkdir()
        (finding,) = seen(repo.path / "src", "gitml.toml")
        assert finding.says == says
        assert finding._replace(says="", why="") == Finding(
            "gitml.toml", "broken", "", "", (f'"${{EDITOR:-vi}}" {place}../gitml.toml',)
        )
        assert finding.why.startswith(why)

    def test_a_right_one(self, repo: Repo) -> None:
        repo.write("gitml.toml", '[rules]\nbranch-name = "warn"\n')
        assert seen(repo.path, "gitml.toml") == [Finding("gitml.toml", "ok", "readable")]

    def test_a_folder_of_its_name(self, repo: Repo) -> None:
        repo.write("gitml.toml/x", "")
        (finding,) = seen(repo.path, "gitml.toml")
        assert (finding.state, finding.says, finding.why) == ("broken", "cannot be read", "Is a directory.")


class TestLineEnds:
    LOCK = "schema: '2.0'\nstages:\n  s:\n    cmd: x\n    deps:\n    - path: a.csv\n      md5: x\n"

    @pytest.fixture
    def rewritten(self, repo: Repo) -> Repo:
        repo.with_dvc().commit(**{"dvc.lock": self.LOCK, "a.csv": "1\n", "other.txt": "2\n"})
        repo.git("config", "core.autocrlf", "true")
        return repo

    def test_a_file_that_dvc_hashes(self, rewritten: Repo) -> None:
        assert seen(rewritten.path, "line ends") == [
            Finding(
                "line ends",
                "warning",
                "core.autocrlf rewrites a.csv and 1 more",
                "DVC hashes the bytes, so a file with other line ends is another file, and its stages run again.",
                (
                    "git config core.autocrlf input",
                    "printf '* text=auto eol=lf\\n' >> .gitattributes   # for everybody",
                ),
            )
        ]

    @pytest.mark.parametrize("command", [0, 1])
    def test_each_of_the_commands_mends(self, rewritten: Repo, command: int) -> None:
        (finding,) = seen(rewritten.path, "line ends")
        shell(rewritten.path, finding.mend[command])
        assert seen(rewritten.path, "line ends") == []

    def test_attributes_of_a_folder_count(self, rewritten: Repo) -> None:
        rewritten.write(".gitattributes", "*.csv -text\ndvc.lock eol=lf\n")
        assert seen(rewritten.path, "line ends") == []

    def test_nothing_that_git_has_is_hashed(self, repo: Repo) -> None:
        repo.with_dvc().commit(**{"x.txt": "1\n"})
        repo.git("config", "core.autocrlf", "true")
        assert seen(repo.path, "line ends") == []

    def test_a_dependency_outside_of_the_repository(self, rewritten: Repo) -> None:
        rewritten.write("dvc.lock", self.LOCK.replace("a.csv", "../../elsewhere.csv"))
        assert [finding.says for finding in seen(rewritten.path, "line ends")] == ["core.autocrlf rewrites dvc.lock"]
