"""Runs that are killed, that race, and that find no room on the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Done
from .killed_runs import RUN, dirty, killed, outcome
from .tiny_projects import HOLD, Project, fresh, project

__all__ = ["dirty", "fresh", "project"]

Gitml = Callable[..., Done]

START = ("exp", "start", "lr", "--hypothesis", "1e-3 overshoots")
STEPS = ("set", "snapshot", "run", "collect", "store", "commit", "switch", "refresh", "log")


@pytest.mark.slow
@pytest.mark.parametrize("words", [RUN, START], ids=["run", "start"])
def test_the_same_command_after_a_kill_ends_as_without_one(dirty: Project, words: tuple[str, ...]) -> None:
    copy = dirty.path.parent / "copy"
    shutil.copytree(dirty.path, copy, symlinks=True)
    before = dirty.files()
    assert dirty.run(sys.executable, "-m", "gitml", *words).code == 0
    expected = outcome(dirty)
    steps = STEPS if words is RUN else ("store", "commit", "switch", "log")
    for at in [f"{step}:{when}" for step in steps for when in ("before", "after")]:
        shutil.rmtree(dirty.path)
        shutil.copytree(copy, dirty.path, symlinks=True)
        killed(dirty, words, at)
        assert dirty.is_sound()
        assert dirty.git("rev-parse", "main") == dirty.git(
            "rev-parse", "experiments/lr^" if "lr" in dirty.refs() else "main"
        )
        own = {
            name: text
            for name, text in before.items()
            if not name.startswith(("results", "models", "params", "dvc.lock"))
        }
        assert {name: text for name, text in dirty.files().items() if name in own} == own, at
        done = dirty.run(sys.executable, "-m", "gitml", *words)
        assert done.code == 0, (at, done)
        assert outcome(dirty) == expected, at
        assert dirty.is_sound()
        assert not (dirty.path / ".git/gitml/before").exists()


def test_any_command_after_a_kill_puts_the_parameters_back(project: Project, gitml: Gitml) -> None:
    before = project.files()
    killed(project, RUN, "run")
    assert "3e-4" in (project.path / "params.yaml").read_text()
    done = gitml("exp", "run", "-n", "other", "--dry-run", at=project.path)
    assert "3e-4" in (project.path / "params.yaml").read_text(), "a dry run changes nothing"
    done = gitml("exp", "start", "other", at=project.path)
    assert done.code == 0, done.err
    assert {**before, "reports/other/README.md": ""} == {**project.files(), "reports/other/README.md": ""}


def test_a_kill_while_a_stage_runs_is_repaired(project: Project, gitml: Gitml) -> None:
    project.write("stages/train.sh", HOLD + (project.path / "stages/train.sh").read_text())
    project.hold()
    process = project.start_gitml(*RUN)
    project.wait_until_held()
    process.kill()
    process.communicate()
    done = gitml("exp", "run", "-n", "other", at=project.path)
    assert (done.code, done.err.partition("\n")[0]) == (1, "gitml: a run is under way in this working tree")
    project.let_go()  # the pipeline goes on, and ends
    until = time.monotonic() + 120
    while gitml("exp", "start", "x", "--dry-run", at=project.path).code != 0:
        assert time.monotonic() < until
        time.sleep(0.1)
    done = gitml(*RUN, at=project.path)
    assert done.code == 0, done.err
    assert project.shows("results/train/metrics.json") == '{"roc_auc": 0.7003}\n'
    assert project.status() == ""


@pytest.mark.slow
@pytest.mark.parametrize("has_worktrees", [False, True])
def test_of_eight_that_want_one_name_one_gets_it(project: Project, has_worktrees: bool) -> None:
    project.change("stages/train.sh", "mkdir", f"{HOLD}mkdir")
    project.commit("infra: takes a while")
    places = [project]
    for number in range(7 if has_worktrees else 0):
        project.git("worktree", "add", "--quiet", "--detach", f"../w{number}")
        places.append(Project(project.path.parent / f"w{number}"))
    before = [place.files() for place in places]
    project.hold()
    processes = [places[number % len(places)].start_gitml("exp", "run", "-n", "lr") for number in range(8)]
    until = time.monotonic() + 120
    while sum(process.poll() is None for process in processes) > 1:
        assert time.monotonic() < until
        time.sleep(0.02)
    project.let_go()
    told = [process.communicate(timeout=120) for process in processes]
    assert sorted(process.returncode for process in processes) == [0] + [1] * 7, told
    losers = [err for (_, err), process in zip(told, processes, strict=True) if process.returncode]
    words = ("is about to be made by another command", "exists already") if has_worktrees else ("a run is under way",)
    assert all(any(word in err for word in words) for err in losers), losers
    for place, files, process in zip(places, before, processes, strict=False):
        if process.returncode and has_worktrees:
            assert (place.files(), place.status()) == (files, "")
    assert project.git("rev-list", "--count", "main..experiments/lr") == "1"
    assert project.is_sound()


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder]).returncode:
        pytest.skip("a file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.slow
def test_a_full_disk_is_refused_and_truncates_nothing(project: Project, small_disk: Path, gitml: Gitml) -> None:
    place = small_disk / "flights"
    shutil.copytree(project.path, place, symlinks=True)
    full = Project(place)
    filler = small_disk / "filler"
    before = full.files()
    main = full.git("rev-parse", "main")
    for room in (0, 4, 16, 40, 60, 100, 150, 250, 400):
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        filler.write_bytes(b"\0" * max(0, free - room * 1024))
        done = full.run(sys.executable, "-m", "gitml", *RUN)
        if done.code == 0:
            break
        assert done.code in (1, 3), (room, done)
        assert "is a bug" not in done.err and "Traceback" not in done.err, (room, done.err)
        files = full.files()
        assert files.keys() >= before.keys(), room
        assert {name for name in before if files[name] != before[name]} <= {"params.yaml"}, room
        assert full.git("rev-parse", "main") == main
        filler.unlink()
        full.run("rm", "-rf", ".dvc/tmp")
    filler.unlink(missing_ok=True)
    done = full.run(sys.executable, "-m", "gitml", *RUN)
    assert done.code == 0, done
    assert full.is_sound()
    assert full.status() == ""
