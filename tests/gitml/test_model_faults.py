"""Releases, promotions and ways back that are killed at any time, race, and lose the network or the server."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Done, Server
from .teams import CONFIG, PRODUCTION, Team, deployed, released, team
from .tiny_projects import Project

__all__ = ["team"]

Gitml = Callable[..., Done]

KILLS = int(os.environ.get("KILLS", "5"))
"""Kills of each command."""

COMMANDS = {
    "release": (("model", "release", "middle"),),
    "promote": (("model", "promote", "v2"),),
    "merge": (("model", "promote", "v2", "--merge"),),
    "rollback": (("model", "rollback", "--to", "v1", "--reason", "x", "--now"),),
    "record": (("ci", "record"),),
}


def prepared(team: Team, gitml: Gitml, name: str) -> None:
    """Bring a team to where a command has something to do."""
    released(team, gitml, "lower", "higher")
    deployed(team, gitml, "v1")
    if name in ("merge", "rollback", "record"):
        assert gitml("model", "promote", "v2", at=team.ada.path).code == 0
    if name == "rollback":
        assert gitml("model", "promote", "v2", "--merge", at=team.ada.path).code == 0
    if name == "record":  # somebody merged by hand; another promotion is open
        released(team, gitml, "middle")
        team.law(CONFIG.replace("0.005", "0.1"))
        assert gitml("model", "promote", "v3", at=team.ada.path).code == 0
        team.ada.git("fetch", "--quiet")
        team.ada.git("push", "--quiet", "origin", f"origin/promote/model-v2:refs/heads/{PRODUCTION}")
        team.ada.git("push", "--quiet", "origin", "--delete", "promote/model-v2")


def outcome(team: Team) -> tuple[object, ...]:
    """What must be the same with and without a kill: the refs with what they hold, but no ids of commits and times."""
    told = []
    for ref, oid in sorted(team.refs().items()):
        kind = team.server.git("cat-file", "-t", oid)
        text = team.server.run("git", "cat-file", kind, oid).out
        message = re.sub(r"[0-9a-f]{7,40}|[0-9A-Z]{26}", "…", text.partition("\n\n")[2])
        files = team.server.git("ls-tree", "-r", "--name-only", f"{ref}^{{tree}}")
        told.append((ref, message, files))
    local = team.ada.git("for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags")
    return (told, local, team.ada.status(), team.ada.git("symbolic-ref", "HEAD"), team.production())


@pytest.mark.slow
@pytest.mark.parametrize("name", list(COMMANDS))
def test_killed_at_any_time_the_same_again_finishes(team: Team, gitml: Gitml, name: str) -> None:
    (words,) = COMMANDS[name]
    prepared(team, gitml, name)
    copy = team.folder.parent / "copy"
    shutil.copytree(team.folder, copy, symlinks=True)
    began = time.monotonic()
    done = team.ada.run(sys.executable, "-m", "gitml", *words)
    assert done.code == 0, done
    took = time.monotonic() - began
    expected = outcome(team)
    chance = random.Random(11)
    hits = 0
    for number in range(KILLS):
        shutil.rmtree(team.folder)
        shutil.copytree(copy, team.folder, symlinks=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "gitml", *words],
            cwd=team.ada.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        time.sleep(chance.uniform(0.2, 1.05) * took)
        # Alone, or with git, the server's receive-pack and its hook, which are its children here.
        if number % 2:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.communicate()
        hits += process.returncode != 0
        wait_for_children(team)
        assert team.is_sound(), number
        whole = {ref for ref in team.refs() if ref.startswith(("refs/heads/models/", "refs/tags/model@"))}
        assert len(whole) % 2 == 0, f"{number}: a branch without its tag, or a tag without its branch"
        again = team.ada.run(sys.executable, "-m", "gitml", *words)
        assert again.code == 0, (number, again)
        assert outcome(team) == expected, number
        assert team.is_sound() and team.ada.is_sound(), number
    assert hits > 0


def wait_for_children(team: Team) -> None:
    """Wait until no process works in the team's folders any more."""
    folders = (str(team.ada.path), str(team.server.path))
    for _ in range(400):
        left = [process for process in Path("/proc").glob("[0-9]*") if _works_in(process, folders)]
        if not left:
            return
        time.sleep(0.05)
    raise AssertionError([(process / "cmdline").read_bytes() for process in left])


def _works_in(process: Path, folders: tuple[str, ...]) -> bool:
    try:
        if process.name == str(os.getpid()):  # the fixture `gitml` went there
            return False
        is_zombie = (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        return os.readlink(process / "cwd").startswith(folders) and not is_zombie
    except OSError:
        return False


@pytest.mark.slow
def test_eight_clones_race_for_the_next_number(team: Team) -> None:
    """Each gets a number of its own, and none is left out; ROUNDS=10 asks for more rounds."""
    slugs = ["lower", "middle", "higher"]
    clones = []
    for number in range(8):
        place = Project(team.folder / f"clone{number}")
        subprocess.run(["cp", "-a", str(team.ada.path), str(place.path)], check=True)
        place.git("config", "user.email", f"p{number}@example.com")
        clones.append(place)
    for round in range(int(os.environ.get("ROUNDS", "4"))):
        processes = []
        for number, clone in enumerate(clones):
            clone.git("switch", "--quiet", f"experiments/{slugs[number % 3]}")
            clone.commit(f"experiment: round {round} of {number}", **{f"notes-{number}.txt": str(round)})
            processes.append(clone.start_gitml("model", "release", "--json"))
        told = [process.communicate(timeout=240) for process in processes]
        assert [process.returncode for process in processes] == [0] * 8, told
        refs = team.refs()
        numbers = sorted(int(ref.rpartition("-v")[2]) for ref in refs if "/models/" in ref)
        assert numbers == list(range(1, 8 * (round + 1) + 1))
        assert sorted(ref for ref in refs if "@v" in ref) == sorted(f"refs/tags/model@v{n}.0.0" for n in numbers)
    assert team.is_sound()


def test_a_server_that_dies_in_the_middle_of_a_push(team: Team, gitml: Gitml) -> None:
    """Its hook is killed, and all that it started: nothing is taken; the same command again finishes."""
    hook = team.server.path / "hooks" / "pre-receive"
    kept = hook.read_text()
    hook.write_text("#!/bin/sh\nkill -9 $PPID\nsleep 1\n")
    hook.chmod(0o755)
    before = team.refs()
    done = gitml("model", "release", "lower", at=team.ada.path)
    assert done.code in (1, 3), done
    assert "is a bug" not in done.err
    assert team.refs() == before
    hook.write_text(kept)
    assert gitml("model", "release", "lower", at=team.ada.path).code == 0
    assert team.is_sound()


def test_the_network_is_cut_after_the_server_has_it(team: Team, gitml: Gitml) -> None:
    """The push arrived, and nobody heard so: the same command again says which release it is."""
    hook = team.server.path / "hooks" / "post-receive"
    hook.write_text('#!/bin/sh\nkill -9 "$(ps -o ppid= $PPID)" $PPID\n')
    hook.chmod(0o755)
    first = gitml("model", "release", "lower", at=team.ada.path)
    hook.unlink()
    assert "refs/heads/models/model-v1" in team.refs()
    again = gitml("model", "release", "lower", at=team.ada.path)
    assert (again.code, "is model-v1 already" in again.out) == (0, True), (first, again)
    assert [ref for ref in team.refs() if "/models/" in ref] == ["refs/heads/models/model-v1"]
    assert team.ada.git("rev-parse", "refs/tags/model@v1.0.0") == team.refs()["refs/tags/model@v1.0.0"]


def test_two_who_merge_at_once(team: Team, gitml: Gitml) -> None:
    released(team, gitml, "lower", "higher")
    for version in ("v1", "v2"):
        assert gitml("model", "promote", version, at=team.ada.path).code == 0
    ben = team.clone("ben")
    processes = [
        one.start_gitml("model", "promote", version, "--merge") for one, version in ((team.ada, "v1"), (ben, "v2"))
    ]
    told = [process.communicate(timeout=120) for process in processes]
    codes = [process.returncode for process in processes]
    assert sorted(codes) == [0, 1], told
    winner = ("v1", "v2")[codes.index(0)]
    assert team.tree(PRODUCTION) == team.tree(f"models/model-{winner}")
    assert len(team.production()) == 2
    assert [ref for ref in team.refs() if "#" in ref] == ["refs/tags/model#production#1"]


def test_a_remote_that_takes_nothing(team: Team, gitml: Gitml) -> None:
    hook = Server(team.server.path).path / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho we are closed >&2\nexit 1\n")
    hook.chmod(0o755)
    done = gitml("model", "release", "lower", at=team.ada.path)
    assert (done.code, "we are closed" in done.err) == (1, True)
    assert "refs/heads/models/model-v1" not in team.ada.git("for-each-ref", "--format=%(refname)")
