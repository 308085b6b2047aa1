"""Commands on experiments that are killed at any time: nothing is lost, and the same again ends as without a kill.

``KILLS=200 pytest -m slow tests/gitml/test_exp_kills.py`` kills each command so often.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from gitml.git import oplog
from gitml.git.oplog import not_undone

from .conftest import ROOT, Repo
from .experiment_projects import answer_report, shared
from .kills import Moments
from .tiny_projects import Project, project

__all__ = ["project"]

COMMANDS = {
    "run": ("exp", "run", "-n", "lr", "-S", "lr=3e-4", "-m", "1e-3 overshoots"),
    "start": ("exp", "start", "lr", "--hypothesis", "1e-3 overshoots"),
    "sweep": ("exp", "sweep", "-n", "depths", "-S", "depth=5,6,7", "-j", "2"),
    "combine": ("exp", "combine", "one", "other", "-n", "both"),
    "update": ("exp", "update"),
    "push": ("exp", "push", "one"),
    "fetch": ("exp", "fetch", "one"),
    "finish": ("exp", "finish", "one", "--accept"),
}
MADE_BY_STAGES = ("results", "models", "data", "dvc.lock")

_MADE: list[Path] = []


class World:
    """Ada's project with the experiments `one` and `other`, a server, the data's remote, and Ben's clone.

    Ada has `one` checked out; main and `one` on the server are ahead of it, and behind it.
    """

    def __init__(self, top: Path) -> None:
        self.top = top
        self.ada = Project(top / "flights")
        self.ben = Project(top / "clone")
        self.repos = (self.ada, self.ben, Repo(top / "server.git"), Repo(top / "main"))

    def at(self, command: str) -> Project:
        return self.ben if command == "fetch" else self.ada

    def outcome(self) -> dict[str, object]:
        """Return all that must be the same with and without a kill; times and what comes of them is left out."""
        told: dict[str, object] = {}
        for repo in self.repos:
            refs = repo.git("for-each-ref", "--format=%(refname)").split("\n")
            listed = {ref: repo.git("log", "-1", "--format=%B", ref) + repo.git("ls-tree", "-r", ref) for ref in refs}
            told[repo.path.name] = {ref: _timeless(text) for ref, text in listed.items()}
            told[f"{repo.path.name} counts"] = {ref: repo.git("rev-list", "--count", ref) for ref in refs}
            told[f"{repo.path.name} HEAD"] = repo.git("rev-parse", "--symbolic-full-name", "HEAD")
        for repo in (self.ada, self.ben):
            told[f"{repo.path.name} status"] = repo.status()
            told[f"{repo.path.name} files"] = {name: _timeless(text) for name, text in repo.files().items()}
            done = not_undone(oplog.read(repo.path))
            told[f"{repo.path.name} undo"] = [sorted(move.ref for move in one.moves) for one in done]
            told[f"{repo.path.name} left"] = [
                path.name for path in (repo.path / ".git/gitml").glob("*") if path.name in ("before", "follow.json")
            ]
        told["storage"] = sorted(path.name for path in (self.top / "storage").rglob("*") if path.is_file())
        return told


def _timeless(text: str) -> str:
    text = re.sub(r"[0-9a-f]{40} *[0-9-]*\treports/", "reports/", text)
    return re.sub(r"\b[0-9a-f]{7,40}\b|[0-9A-HJKMNP-TV-Z]{26}|\b[0-9.]+ s\b", "…", text)


class Before(NamedTuple):
    """What a kill may not lose."""

    refs: dict[str, str]
    files: dict[str, str]


def before(repo: Project) -> Before:
    lines = repo.git("for-each-ref", "--format=%(refname) %(objectname)").split("\n")
    return Before(dict(line.split(" ") for line in lines), repo.files())


def check_nothing_is_lost(world: World, repo: Project, was: Before, after: dict[str, str]) -> None:
    """Every ref is there and goes on from where it was; each file that no stage writes is the old or the new one."""
    for each in world.repos:
        fsck = each.run("git", "fsck", "--strict", "--no-dangling")
        assert (fsck.code, "missing" in fsck.out + fsck.err) == (0, False), fsck
    for ref, oid in was.refs.items():
        assert repo.run("git", "merge-base", "--is-ancestor", oid, ref).code == 0, ref
    now = repo.files()
    for name, text in was.files.items():
        if not name.startswith(MADE_BY_STAGES):
            assert now.get(name) in (text, after.get(name)) or name.startswith("reports/"), name
    assert [name for name in now if name.endswith((".tmp", ".before"))] == []


def those_in(folder: Path) -> list[int]:
    """Return the processes that work in a folder, or below it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            place = Path(os.readlink(process / "cwd"))
            is_zombie = (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        if place.is_relative_to(folder) and not is_zombie:
            found.append(int(process.name))
    return found


@pytest.fixture
def world(project: Project, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Where it was made, since a clone and a linked working tree know where the others are."""
    if not _MADE:
        _MADE.append(tmp_path_factory.mktemp("kills"))
        (_MADE[0] / "world").mkdir()
        shutil.move(project.path, _MADE[0] / "world" / "flights")
        _make(World(_MADE[0] / "world"))
        shutil.copytree(_MADE[0] / "world", _MADE[0] / "made", symlinks=True)
    put_back(_MADE[0] / "made", _MADE[0] / "world")
    return World(_MADE[0] / "world")


def put_back(kept: Path, top: Path) -> None:
    """Let all be as it is kept."""
    shutil.rmtree(top)
    shutil.copytree(kept, top, symlinks=True)


def _make(world: World) -> None:
    ada = world.ada

    def gitml(*words: str) -> None:
        done = ada.run(sys.executable, "-m", "gitml", *words)
        assert done.code == 0, done

    def switch(branch: str) -> None:
        ada.git("switch", "--quiet", branch)
        assert ada.run(sys.executable, "-m", "dvc", "checkout", "-q").code == 0

    ada.write(".dvc/config", "[core]\n    remote = storage\n['remote \"storage\"']\n    url = ../../storage\n")
    ada.commit("infra: remote", **{"f/a": "a\n", "f/b": "b\n"})
    shared(ada)
    gitml("exp", "run", "-n", "other", "-S", "seed=8")
    switch("main")
    gitml("exp", "run", "-n", "one", "-S", "depth=4", "-m", "Deeper is better.")
    gitml("exp", "push", "one")
    done = world.ben.run(sys.executable, "-m", "gitml", "exp", "fetch", "one")
    assert done.code == 0, done
    world.ben.git("switch", "--quiet", "experiments/one")
    world.ben.run(sys.executable, "-m", "dvc", "checkout", "-q")
    answer_report(ada, "one")
    gitml("exp", "run", "-S", "lr=2e-3")
    ada.git("worktree", "add", "--quiet", "../main", "main")
    main = Repo(world.top / "main")
    main.commit("infra: words", words="x\n")
    ada.write("f/new", "new\n")


def _prepare(world: World, command: str) -> None:
    """Let the working tree be such as the command allows, with changes that are none of its business."""
    ada = world.ada
    if command in ("run", "start", "sweep", "combine", "push"):
        ada.write("f/a", "staged\n")
        ada.git("add", "f/a")
        ada.write("f/a", "partly\n")
    if command == "fetch":
        done = ada.run(sys.executable, "-m", "gitml", "exp", "push", "one")
        assert done.code == 0, done


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("command", COMMANDS)
def test_killed_at_any_time_the_same_again_ends_as_without_a_kill(world: World, tmp_path: Path, command: str) -> None:
    line = [sys.executable, "-m", "gitml", *COMMANDS[command]]
    repo = world.at(command)
    _prepare(world, command)
    ready = tmp_path / "ready"
    shutil.copytree(world.top, ready, symlinks=True)
    was = before(repo)
    done = repo.run(*line)
    assert done.code == 0, done
    expected, after = world.outcome(), repo.files()
    moments = Moments(len(command), whole=2.0)
    for number in range(int(os.environ.get("KILLS", "3"))):
        put_back(ready, world.top)
        process = _start(repo, line)
        moments.strike(process, kill=lambda process, is_all=number % 2: _kill(process, world.top, is_all))
        _wait_for_orphans(world.top)
        check_nothing_is_lost(world, repo, was, after)
        done = repo.run(*line)
        is_over = command == "start" and "experiments/lr exists already" in done.err
        assert done.code == 0 or is_over, (number, done)
        assert world.outcome() == expected, number
        check_nothing_is_lost(world, repo, was, after)
        print(f"{command}: {moments.hits} kills of {number + 1}", flush=True)
    assert moments.hits > 0


def _start(repo: Project, line: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        line,
        cwd=repo.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _kill(process: subprocess.Popen[bytes], top: Path, is_all: int) -> None:
    """Kill a command alone, or with all that it has started."""
    process.send_signal(signal.SIGSTOP if is_all else signal.SIGKILL)
    for pid in those_in(top) if is_all else ():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.kill()


def _wait_for_orphans(top: Path) -> None:
    until = time.monotonic() + 120
    while those_in(top):
        assert time.monotonic() < until
        time.sleep(0.02)
