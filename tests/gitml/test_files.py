"""Writing in a working tree: whole or not at all, and without names there that are not the user's."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.git import files
from gitml.git.files import replace_by_link, replace_by_symlink, replace_file
from gitml.git.repository import shelf

from .conftest import Done, Repo
from .experiment_projects import answer_report
from .experiment_projects import project as an_experiment
from .killed_runs import RUN, dirty, outcome
from .tiny_projects import Project, project

__all__ = ["dirty", "project"]

OUTSIDE = "import os; os.chdir({at!r})\n"

KILL_AT = """
import os, signal
replace = os.replace
def kill(new, file):
    if str(file).endswith({name!r}):
        os.kill(os.getpid(), signal.SIGKILL)
    replace(new, file)
os.replace = kill
"""

WATCH = """
import os, sys
def note(event, told):
    made = []
    if event in ("os.rename", "os.link", "os.symlink"):
        made = [told[0] if event == "os.rename" else told[1]]
    elif event == "open" and told[2] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
        made = [told[0]]
    for name in made:
        if not isinstance(name, int):
            os.write(noted, os.path.abspath(os.fsencode(name)) + b"\\n")
noted = os.open({log!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.set_inheritable(noted, False)
sys.addaudithook(note)
"""


def left_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755])
def test_a_file_keeps_its_mode_and_nothing_lies_beside_it(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "tree" / ("x" * 250)
    file.parent.mkdir()
    file.write_bytes(b"old")
    file.chmod(mode)
    replace_file(file, b"new", tmp_path / "shelf")
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"new", mode)
    assert (left_in(file.parent), left_in(tmp_path / "shelf")) == ([file.name], [])


@pytest.mark.parametrize(("mode", "is_executable", "after"), [(0o644, True, 0o755), (0o755, False, 0o644)])
def test_one_that_can_be_run(tmp_path: Path, mode: int, is_executable: bool, after: int) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    file.chmod(mode)
    replace_file(file, b"new", tmp_path, is_executable)
    assert stat.S_IMODE(file.stat().st_mode) == after


def test_a_link_is_followed_or_takes_the_place_of_one(tmp_path: Path) -> None:
    file = tmp_path / "link"
    file.symlink_to("to")
    replace_file(file, b"new", tmp_path / "shelf")
    assert (os.readlink(file), (tmp_path / "to").read_bytes()) == ("to", b"new")
    replace_by_symlink(file, "elsewhere", tmp_path / "shelf")
    assert (os.readlink(file), left_in(tmp_path / "shelf")) == ("elsewhere", [])
    replace_by_symlink(tmp_path / "to", "there", tmp_path / "shelf")
    assert os.readlink(tmp_path / "to") == "there"


def test_what_was_kept_comes_back_as_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"old")
    for _ in range(2):  # the second time it is the same file already
        replace_by_link(tmp_path / "file", tmp_path / "kept", tmp_path / "shelf")
        assert (tmp_path / "file").samefile(tmp_path / "kept")
        assert left_in(tmp_path / "shelf") == []


def test_from_another_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, file = tmp_path / "shelf", tmp_path / "file"
    replace, link = os.replace, os.link

    def far(call: Callable) -> Callable:
        def refuse(source: Path, to: Path) -> None:
            if shelf in (Path(source).parent, Path(to).parent):
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            call(source, to)

        return refuse

    monkeypatch.setattr(files.os, "replace", far(replace))
    monkeypatch.setattr(files.os, "link", far(link))
    replace_file(file, b"new", shelf)
    assert file.read_bytes() == b"new"
    (tmp_path / "kept").write_bytes(b"old")
    replace_by_link(file, tmp_path / "kept", shelf)
    assert file.read_bytes() == b"old"
    replace_by_symlink(file, "there", shelf)
    assert os.readlink(file) == "there"
    assert (left_in(shelf), left_in(tmp_path)) == ([], ["file", "home", "kept", "shelf"])


def test_what_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "folder" / "in").mkdir(parents=True)
    with pytest.raises(OSError):
        replace_file(tmp_path / "folder", b"new", tmp_path / "shelf")
    with pytest.raises(OSError):
        replace_by_symlink(tmp_path / "none" / "file", "x", tmp_path / "shelf")
    assert left_in(tmp_path / "shelf") == []


def test_what_a_kill_leaves_on_the_shelf_goes_after_a_day(repo: Repo, gitml: Callable[..., Done]) -> None:
    from gitml.git.trees import snapshot

    left = shelf(repo.path) / "1.abcdefgh.tmp"
    for age, is_there in ((60, True), (90_000, False)):
        left.write_bytes(b"x")
        os.utime(left, (left.stat().st_mtime - age,) * 2)
        snapshot(repo.path)
        assert left.exists() is is_there


@pytest.mark.slow
@pytest.mark.parametrize("name", ["README.md", "params.yaml"])
def test_a_kill_while_a_file_is_written_leaves_nothing_that_the_next_run_commits(
    dirty: Project, gitml_process: Callable[..., Done], name: str
) -> None:
    copy = dirty.path.parent / "copy"
    shutil.copytree(dirty.path, copy, symlinks=True)
    assert dirty.run(sys.executable, "-m", "gitml", *RUN).code == 0
    expected, listed = outcome(dirty), dirty.listed("experiments/lr")
    shutil.rmtree(dirty.path)
    shutil.copytree(copy, dirty.path, symlinks=True)
    known = dirty.files().keys() | {"dvc.lock"}
    at = OUTSIDE.format(at=str(dirty.path))
    assert gitml_process(*RUN, before=at + KILL_AT.format(name=name)).code == -signal.SIGKILL
    assert dirty.files().keys() - known <= {"reports/lr/README.md"}
    done = gitml_process(*RUN, before=at)
    assert done.code == 0, done.err
    assert outcome(dirty) == expected
    assert dirty.listed("experiments/lr") == listed


@pytest.mark.slow
def test_no_command_writes_under_a_name_of_its_own_in_the_working_tree(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, gitml_process: Callable[..., Done]
) -> None:
    """By Python's own record of every file that is opened for writing, linked, or given another name."""
    repo = an_experiment(tmp_path, tmp_path_factory.mktemp("template"))
    log = tmp_path / "written"
    at = OUTSIDE.format(at=str(repo.path))
    watch = at + WATCH.format(log=str(log))

    def gitml(*words: str) -> None:
        done = gitml_process(*words, before=watch)
        assert done.code == 0, done

    gitml("exp", "run", "-S", "lr=3")
    assert gitml_process("exp", "run", "-S", "lr=4", before=at, GITML_CRASH_AT="collect").code == -signal.SIGKILL
    gitml("exp", "run", "-S", "lr=5")
    gitml("report", "refresh")
    repo.git("add", "--all")
    repo.commit("experiment: report")
    repo.git("switch", "--quiet", "main")
    repo.commit("infra: more", more="x\n")
    repo.git("switch", "--quiet", "experiments/lr")
    gitml("exp", "update")
    answer_report(repo)
    repo.commit("experiment: words")
    gitml("exp", "finish", "--accept")
    gitml("rules", "enforce")
    repo.git("config", "core.hooksPath", ".hooks")
    gitml("hooks", "install")
    written = [Path(line) for line in log.read_text().split("\n")[:-1]]
    assert any(file.is_relative_to(repo.path / ".git") for file in written)
    inside = {file.relative_to(repo.path) for file in written if file.is_relative_to(repo.path)}
    assert sorted(file for file in inside if file.parts[0] not in (".git", ".dvc")) == []
