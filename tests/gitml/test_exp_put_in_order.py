"""What a killed run left is finished, or put back, by whatever command comes next."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.experiments import at_work
from gitml.git import oplog

from .conftest import Done
from .killed_runs import dirty, killed
from .tiny_projects import Project, project

__all__ = ["dirty", "project"]

Gitml = Callable[..., Done]

LEFT = {
    "put back": ("set:after", "snapshot", "run:before", "run:after", "collect:after", "store:after", "commit:before")
}
LEFT["finished"] = ("commit:after", "switch:before", "switch:after", "refresh:after", "log:before", "log:after")
AT = {how: (step,) for how, step in (("put back", "run:after"), ("finished", "commit:after"))}
"""For commands that take long; one that does not is run after a kill at every step."""


_MADE: list[Path] = []


@pytest.fixture
def two(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with experiments `one`, which is checked out, and `other`, one commit each; its main went on."""
    if not _MADE:
        for slug, change in (("other", "seed=8"), ("one", "depth=4")):
            switch(project, "main")
            done = project.run(sys.executable, "-m", "gitml", "exp", "run", "-n", slug, "-S", change)
            assert done.code == 0, done.err
        project.git("switch", "--quiet", "main")
        project.commit("infra: words", words="x\n")
        switch(project, "experiments/one")
        _MADE.append(tmp_path_factory.mktemp("two") / "flights")
        shutil.copytree(project.path, _MADE[0], symlinks=True)
    again(project, _MADE[0])
    return project


def switch(project: Project, branch: str) -> None:
    project.git("switch", "--quiet", branch)
    assert project.run(sys.executable, "-m", "dvc", "checkout", "-q").code == 0


def again(project: Project, copy: Path) -> None:
    shutil.rmtree(project.path)
    shutil.copytree(copy, project.path, symlinks=True)


COMMANDS = {
    "finish": ("exp", "finish", "one", "--reject"),
    "combine": ("exp", "combine", "one", "other", "-n", "both", "--switch"),
    "update": ("exp", "update"),
    "sweep": ("exp", "sweep", "-n", "widths", "-S", "depth=5,6", "-j", "1"),
    "apart": ("exp", "run", "--worktree", "-n", "apart", "-S", "depth=9"),
    "edit": ("report", "edit"),
    "refresh": ("report", "refresh"),
    "undo": ("undo",),
    "doctor": ("doctor", "--fix"),
}


def state(project: Project) -> tuple[object, ...]:
    """Return refs with their trees, what is checked out, and all files; reports name commits, which have times."""
    refs = project.git("for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags").split("\n")
    listed = {ref: project.git("ls-tree", "-r", ref).split("\n") for ref in refs}
    trees = {
        ref: [line.rpartition("\t")[2] if "\treports/" in line else line for line in lines]
        for ref, lines in listed.items()
    }
    counts = {ref: project.git("rev-list", "--count", ref) for ref in refs}
    files = {name: "" if name.startswith("reports/") else text for name, text in project.files().items()}
    return trees, counts, project.git("symbolic-ref", "HEAD"), project.status(), files


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_the_next_command_ends_as_if_nobody_had_killed_the_run(
    two: Project, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Where the run has no commit it is as if it had not been; else as if it had ended."""
    monkeypatch.setenv("GIT_EDITOR", "true")
    run = ("exp", "run", "-S", "lr=3e-4")
    words = COMMANDS[command]
    copy = two.path.parent / "copy"
    shutil.copytree(two.path, copy, symlinks=True)
    expected = {}
    for how in ("put back", "finished"):
        if how == "finished":
            assert two.run(sys.executable, "-m", "gitml", *run).code == 0
        done = two.run(sys.executable, "-m", "gitml", *words)
        assert done.code == 0, done
        expected[how] = state(two)
        again(two, copy)
    for how, at in [(how, at) for how, ats in (LEFT if command == "edit" else AT).items() for at in ats]:
        killed(two, run, at)
        is_left = at_work.is_killed(two.path / ".git")
        done = two.run(sys.executable, "-m", "gitml", *words)
        assert done.code == 0, (at, done)
        assert state(two) == expected[how], at
        assert is_left and not at_work.is_killed(two.path / ".git")
        assert not (two.path / ".git/gitml/before").exists()
        again(two, copy)


@pytest.mark.parametrize("command", [*COMMANDS, "put"])
def test_in_this_process(two: Project, gitml: Gitml, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """The same at one moment each, and a dry run before it changes nothing."""
    monkeypatch.setenv("GIT_EDITOR", "true")
    is_put_back = command in ("put", "edit", "update", "sweep")
    killed(two, ("exp", "run", "-S", "lr=3e-4"), "run:before" if is_put_back else "commit:after")
    words = COMMANDS.get(command, ("undo",))
    before = two.files(), two.status()
    if command not in ("edit", "apart", "doctor"):
        assert gitml(*words, "--dry-run", at=two.path).code in (0, 1)
        assert (two.files(), two.status()) == before
    done = gitml(*words, at=two.path)
    assert done.code == 0, done
    assert not at_work.is_killed(two.path / ".git")
    if command in ("put", "edit"):
        assert "lr: 1e-3 " in (two.path / "params.yaml").read_text()
    if command == "put":
        assert done.err.startswith("put back the files of a command that was killed\n")
        assert two.refs() == ["experiments/other", "main"]
    elif command == "undo":
        assert done.err.startswith("finished gitml exp run one, which was killed\n")
        assert two.message("experiments/one").startswith("experiment: train.depth 3 -> 4\n")
    elif not is_put_back and command != "combine":
        assert "train.lr 0.001 -> 0.0003" in two.git("log", "--format=%s", "experiments/one")


def test_the_doctor_says_what_was_killed(two: Project, gitml: Gitml) -> None:
    assert "killed" not in gitml("doctor", at=two.path).out
    for at, says, fix in (
        ("run:before", "a command of gitml was killed before its commit", "put parameters and results back"),
        ("commit:after", "gitml exp run one was killed behind its commit", "finish gitml exp run one"),
    ):
        killed(two, ("exp", "run", "-S", "lr=3e-4"), at)
        assert f"killed      warning   {says}\n" in gitml("doctor", at=two.path).out
        assert f"done      {fix}" in gitml("doctor", "--fix", at=two.path).out
        assert "killed" not in gitml("doctor", at=two.path).out
        assert two.status() == ""
    assert [move.ref for move in oplog.read(two.path)[-1].moves] == ["refs/heads/experiments/one"]


def test_a_run_that_was_killed_in_another_working_tree(two: Project, gitml: Gitml) -> None:
    two.git("worktree", "add", "--quiet", "../linked", "main")
    linked = Project(two.path.parent / "linked")
    done = two.run(sys.executable, "-m", "gitml", "exp", "run", "-S", "lr=3e-4", GITML_CRASH_AT="commit:after")
    assert done.code == -signal.SIGKILL
    done = gitml("exp", "finish", "one", "--reject", at=linked.path)
    assert done.code == 0, done.err
    assert not at_work.is_killed(two.path / ".git")
    assert two.status() == ""
    for words in (("report", "refresh", "other"), ("report", "edit", "other")):
        switch(two, "experiments/other")
        killed(two, ("exp", "run", "-S", "lr=4e-4"), "run:before")
        done = Done(*linked.run(sys.executable, "-m", "gitml", *words, GIT_EDITOR="true"))
        assert done.code == 0, done
        assert "lr: 1e-3 " in (two.path / "params.yaml").read_text()
        two.git("restore", ".")


def test_what_was_being_forgotten_is_forgotten(two: Project, gitml: Gitml) -> None:
    left = two.path / ".git/gitml/before"
    (left / "results").mkdir(parents=True)
    (left / "results/metrics.json").write_text("{}")
    done = gitml("exp", "start", "one", at=two.path)
    assert done.code != 0 and "experiments/one exists already" in done.err
    assert not left.exists()
