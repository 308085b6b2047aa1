"""`gitml doctor` on where DVC keeps things: the remote of a team, the cache of worktrees, DVC's own locks."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml import doctor
from gitml.doctor import Finding, Outcome, storage
from gitml.pipeline.configuration import Configuration, Setting, with_cache
from gitml.pipeline.environment import Remote

from .conftest import Repo
from .doctor_findings import mends, seen, shell, state

ELSEWHERE = "It is looked for from each tree's own .dvc: a linked worktree, another clone and CI look elsewhere."
INSIDE = "It is lost with the folder, git clean may take it, and a colleague's clone has none."
ONCE = "Data is downloaded and kept once a worktree, and what one has produced another produces again."


def _set(repo: Repo, url: str) -> None:
    repo.write(".dvc/config", f"[core]\n    remote = nas\n['remote \"nas\"']\n    url = {url}\n")


WITH_SECRET = "https://ada:s3cret@x.org/y"  # pragma: allowlist secret


class TestRemote:
    @pytest.mark.parametrize("url", ["s3://b/p", "ssh://nas/x", "remote://other/x", WITH_SECRET])
    def test_one_that_is_no_path(self, repo: Repo, url: str) -> None:
        _set(repo, url)
        assert seen(repo.path, "remote") == [Finding("remote", "ok", "nas")]

    def test_a_folder(self, repo: Repo, tmp_path: Path) -> None:
        (tmp_path / "nas, #1").mkdir()
        for url in (f"'{tmp_path}/nas, #1'", f'"{tmp_path}/nas, #1"', f"file://{tmp_path}"):
            _set(repo, url)
            assert seen(repo.path, "remote") == [Finding("remote", "ok", "nas")]

    def test_one_of_the_home(self, repo: Repo, home: Path) -> None:
        _set(repo, "~/nas")
        assert seen(repo.path, "remote")[0].says == f"nas is {storage.shortened(f'{home}/nas')}, which is not there"
        (home / "nas").mkdir()
        assert seen(repo.path, "remote") == [Finding("remote", "ok", "nas")]

    def test_a_relative_one(self, repo: Repo, tmp_path: Path) -> None:
        (tmp_path / "nas").mkdir()
        _set(repo, "../../nas")
        mend = (f"dvc remote modify nas url {tmp_path}/nas",)
        says = "nas is ../../nas, which is relative"
        assert seen(repo.path, "remote") == [Finding("remote", "warning", says, ELSEWHERE, mend)]
        shell(repo.path, *mend)
        assert seen(repo.path, "remote") == [Finding("remote", "ok", "nas")]

    def test_one_inside_the_repository(self, repo: Repo) -> None:
        _set(repo, "../storage")
        mend = ("dvc remote modify nas url s3://your-bucket/dvc",)
        says = "nas is inside the repository: storage"
        assert seen(repo.path, "remote") == [Finding("remote", "warning", says, INSIDE, mend)]
        shell(repo.path, *mend)
        assert seen(repo.path, "remote") == [Finding("remote", "ok", "nas")]

    def test_one_that_is_not_there(self, repo: Repo) -> None:
        _set(repo, "/no/such/disk")
        assert seen(repo.path, "remote") == [
            Finding(
                "remote",
                "warning",
                "nas is /no/such/disk, which is not there",
                "A disk that is not mounted? DVC would make the folder, and push into it all the same.",
                ("mkdir -p /no/such/disk",),
            )
        ]
        assert mends(repo.path, "remote") == []

    def test_one_that_is_a_file(self, repo: Repo) -> None:
        _set(repo, "/dev/null")
        assert seen(repo.path, "remote") == [
            Finding(
                "remote",
                "broken",
                "nas is /dev/null, which is no folder",
                "Data and models stay on this machine: a colleague's clone has none.",
                ("dvc remote modify nas url NEW-FOLDER",),
            )
        ]

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to be somebody else")
    def test_one_of_somebody_else(self) -> None:
        folder = tempfile.mkdtemp()
        os.chmod(folder, 0o755)
        os.seteuid(65534)
        try:
            found = Remote("nas", Setting(folder, Path("/x/.dvc/config")))
            finding = storage.remote(found, Path("/x"), Path("/x"))
        finally:
            os.seteuid(0)
            os.rmdir(folder)
        why = "dvc pull works, dvc push does not: what you produce stays on this machine."
        says = f"nas is {folder}, which cannot be written to"
        assert finding == Finding("remote", "warning", says, why, (f"ls -ld {folder}",))

    def test_a_password_is_not_shown(self, repo: Repo, gitml: Callable) -> None:
        _set(repo, "https://ada:s3cret@nas/x")  # pragma: allowlist secret
        repo.git("remote", "add", "origin", "https://ada:s3cret@example.org/x.git")  # pragma: allowlist secret
        assert "s3cret" not in gitml("doctor", at=repo.path).out


class TestCache:
    @pytest.fixture
    def two(self, well: Repo) -> Repo:
        """A linked worktree beside the main one."""
        well.git("worktree", "add", "--quiet", "-b", "experiments/lr", "../lr tree")
        return well

    def test_one_worktree_has_one(self, well: Repo) -> None:
        assert seen(well.path, "cache") == []

    def test_each_has_its_own(self, two: Repo) -> None:
        mend = (f"cd '../lr tree' && dvc cache dir --local {two.path}/.dvc/cache",)
        finding = Finding("cache", "warning", "2 worktrees have 2 caches", ONCE, mend)
        assert seen(two.path, "cache") == [finding]
        assert mends(two.path, "cache") == [f"let '../lr tree' use the cache {two.path}/.dvc/cache"]
        shell(two.path, *mend)
        assert seen(two.path, "cache") == [Finding("cache", "ok", "shared by 2 worktrees")]

    def test_what_is_written_is_what_dvc_reads(self, two: Repo) -> None:
        tree = two.path.parent / "lr tree"
        two.write("../lr tree/.dvc/config.local", "# mine\n[core]\n    autostage = true")
        assert doctor.mend(two.path) == [Outcome("cache", f"let '../lr tree' use the cache {two.path}/.dvc/cache")]
        assert (tree / ".dvc/config.local").read_text() == (
            f"# mine\n[core]\n    autostage = true\n[cache]\n    dir = {two.path}/.dvc/cache\n"
        )
        said = subprocess.run(["dvc", "cache", "dir"], cwd=tree, check=True, capture_output=True, text=True).stdout
        assert said.strip() == f"{two.path}/.dvc/cache"
        assert two.run("git", "status", "--porcelain", at="../lr tree").out == ""
        assert seen(tree, "cache") == [Finding("cache", "ok", "shared by 2 worktrees")]

    def test_one_with_data_in_it_is_left(self, two: Repo) -> None:
        two.write("../lr tree/.dvc/cache/files/md5/ab/cd", "x")
        mend = (
            "mkdir -p .dvc/cache && cp -Rn '../lr tree/.dvc/cache'/. .dvc/cache/",
            f"cd '../lr tree' && dvc cache dir --local {two.path}/.dvc/cache",
        )
        assert seen(two.path, "cache") == [Finding("cache", "warning", "2 worktrees have 2 caches", ONCE, mend)]
        assert mends(two.path, "cache") == []
        shell(two.path, *mend)
        assert state(two.path, "cache") == ["ok"]
        assert (two.path / ".dvc/cache/files/md5/ab/cd").read_text() == "x"

    def test_one_that_somebody_chose_is_left(self, two: Repo) -> None:
        two.write("../lr tree/.dvc/config.local", "[cache]\n    dir = ../mine\n")
        assert state(two.path, "cache") == ["warning"]
        assert mends(two.path, "cache") == []

    def test_where_config_local_is_no_text(self, two: Repo) -> None:
        two.write("../lr tree/.dvc/config.local", b"\xff")
        assert mends(two.path, "cache") == []

    @pytest.mark.parametrize("ignored", ["", None])
    def test_where_git_would_see_config_local(self, two: Repo, ignored: str | None) -> None:
        file = two.path.parent / "lr tree/.dvc/.gitignore"
        file.unlink() if ignored is None else file.write_text(ignored)
        assert mends(two.path, "cache") == []

    def test_one_that_was_filled_since_it_was_looked_at(self, two: Repo) -> None:
        (finding,) = [finding for finding in doctor.diagnose(two.path) if finding.check == "cache"]
        two.write("../lr tree/.dvc/cache/files/md5/ab/cd", "x")
        with pytest.raises(doctor.NotMended, match="has a cache of its own by now"):
            finding.fixes[0].do()
        shutil.rmtree(two.path.parent / "lr tree/.dvc/cache")
        finding.fixes[0].do()
        finding.fixes[0].do()
        assert state(two.path, "cache") == ["ok"]

    def test_an_absolute_one_of_all(self, two: Repo, tmp_path: Path) -> None:
        two.git("config", "core.hooksPath", "/dev/null")
        with (two.path / ".dvc/config").open("a") as file:
            file.write(f"[cache]\n    dir = {tmp_path}/cache\n")
        two.commit()
        two.run("git", "merge", "--quiet", "main", at="../lr tree")
        assert seen(two.path, "cache") == [Finding("cache", "ok", "shared by 2 worktrees")]

    def test_the_worktrees_of_a_bare_repository(self, well: Repo) -> None:
        well.git("clone", "--quiet", "--bare", ".", "../server.git")
        for name in ("a", "b"):
            well.git("-C", "../server.git", "worktree", "add", "--quiet", "-b", f"experiments/{name}", f"../{name}")
        shared = well.path.parent / "a/.dvc/cache"
        assert mends(well.path.parent / "b", "cache") == [f"let this worktree use the cache {shared}"]
        doctor.mend(well.path.parent / "b")
        assert seen(well.path.parent / "a", "cache") == [Finding("cache", "ok", "shared by 2 worktrees")]

    def test_a_tree_without_dvc_and_one_that_is_gone(self, two: Repo) -> None:
        two.git("worktree", "add", "--quiet", "-b", "experiments/old", "../old")
        shutil.rmtree(two.path.parent / "old/.dvc")
        shutil.rmtree(two.path.parent / "lr tree")
        assert seen(two.path, "cache") == []


@pytest.mark.parametrize("text", ["", "[core]\n    x = 1\n", "[cache]", "[cache]\n    type = copy\n", "# [cache]\n"])
@pytest.mark.parametrize("folder", ["/a/b", "/a, b/#c", "/a'b", '/a"b'])
def test_a_cache_is_set_beside_all_other_settings(tmp_path: Path, text: str, folder: str) -> None:
    (tmp_path / ".dvc").mkdir()
    file = tmp_path / ".dvc/config.local"
    file.write_text(with_cache(text, Path(folder)))
    assert Configuration(tmp_path).cache == Path(folder)
    from configobj import ConfigObj

    read = ConfigObj(str(file))
    assert read["cache"]["dir"] == folder
    assert read.get("core", {"x": "1"}) == {"x": "1"}
    assert [line for line in text.splitlines() if line not in file.read_text().splitlines()] == []


class TestLocksOfDvc:
    def _leave(self, repo: Repo, name: str, seconds: float = 120) -> None:
        os.utime(repo.write(f".dvc/tmp/{name}", "x"), (time.time() - seconds,) * 2)

    def test_the_kernel_lets_them_go(self, well: Repo) -> None:
        self._leave(well, "lock")
        assert seen(well.path, "dvc locks") == []

    def test_their_being_there_holds_them(self, well: Repo) -> None:
        well.write(".dvc/config.local", "[core]\n    hardlink_lock = true\n")
        assert seen(well.path, "dvc locks") == []
        self._leave(well, "lock")
        self._leave(well, "rwlock.lock")
        finding = Finding(
            "dvc locks",
            "warning",
            ".dvc/tmp/lock and 1 more: held, or left from a killed run",
            "core.hardlink_lock is set, so nobody can tell. When no DVC is at work, on any machine that sees the file:",
            ("rm .dvc/tmp/lock .dvc/tmp/rwlock.lock",),
        )
        assert seen(well.path, "dvc locks") == [finding]
        assert doctor.mend(well.path) == []
        shell(well.path, *finding.mend)
        assert seen(well.path, "dvc locks") == []

    def test_a_young_one_is_held(self, well: Repo) -> None:
        well.write(".dvc/config.local", "[core]\n    hardlink_lock = true\n")
        self._leave(well, "lock", seconds=3)
        assert seen(well.path, "dvc locks") == []

    def test_an_rwlock_under_them(self, well: Repo) -> None:
        well.write(".dvc/config.local", "[core]\n    hardlink_lock = true\n")
        well.write(".dvc/tmp/rwlock", "{")
        self._leave(well, "rwlock.lock", seconds=3)
        says = "remove .dvc/tmp/rwlock"
        hindrance = "DVC is at work on .dvc/tmp/rwlock, or was killed while it was"
        assert doctor.mend(well.path) == [Outcome("rwlock", says, hindrance)]
        (well.path / ".dvc/tmp/rwlock.lock").unlink()
        assert doctor.mend(well.path) == [Outcome("rwlock", says)]
        assert os.listdir(well.path / ".dvc/tmp") == []
