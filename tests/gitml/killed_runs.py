"""A run that is killed, and what must be the same as without a kill."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from .tiny_projects import Project

RUN = ("exp", "run", "-n", "lr", "-S", "lr=3e-4", "-m", "1e-3 overshoots")


def outcome(project: Project) -> tuple[object, ...]:
    """Return what must be the same with and without a kill."""
    message = re.sub(r"Run-Id: \S+", "", project.message("experiments/lr"))
    undo = project.run(sys.executable, "-m", "gitml", "undo", "--dry-run")
    return (
        project.refs(),
        project.git("rev-parse", "experiments/lr^{tree}", "experiments/lr^", "main"),
        project.git("symbolic-ref", "HEAD"),
        project.status(),
        project.files(),
        message,
        re.sub(r"[0-9a-f]{7,40}|[0-9A-Z]{26}|(?<=undo  )gitml.*", "…", undo.out),
    )


def killed(project: Project, words: tuple[str, ...], at: str) -> None:
    done = project.run(sys.executable, "-m", "gitml", *words, GITML_CRASH_AT=at)
    assert done.code == -signal.SIGKILL, done


@pytest.fixture
def dirty(project: Project) -> Project:
    """A project with changes of all kinds that have nothing to do with a run."""
    project.commit("infra: more", **{"f/a": "a\n", "f/b": "b\n"})
    project.write("f/a", "staged\n")
    project.git("add", "f/a")
    project.write("f/a", "partly\n")
    project.write("f/new", "new\n")
    return project


def children_in(folder: Path) -> list[int]:
    """Return the processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_there = os.readlink(process / "cwd") == str(folder)
            is_zombie = (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        if is_there and not is_zombie:
            found.append(int(process.name))
    return found
