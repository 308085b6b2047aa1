"""Any order of start, run, edit, switch, combine, finish and undo: what must be there is there, and nothing is lost."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gitml.cli.main import main
from gitml.reports import document

from .tiny_project import Tiny

RATES = st.sampled_from(["0.001", "0.002", "0.003"])
WIDTHS = st.sampled_from(["128", "256"])
NAMES = st.sampled_from(["a", "b", "c"])


class Experiments(RuleBasedStateMachine):
    """One clone, and what its branches must say."""

    template: Path
    """A project in which a, b and main have a run each; a folder beside the others, so that paths stay short."""

    @initialize()
    def lay_down(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "project"
        shutil.copytree(self.template, path, symlinks=True)
        self.repo = Tiny(path)
        self.commits = set(self.branches().values())
        self.edited = 0

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def gitml(self, *words: str) -> int:
        """Run a command; a crash or a bug is no answer."""
        before = Path.cwd()
        os.chdir(self.repo.path)
        err = io.StringIO()
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
                code = main(words)
        finally:
            os.chdir(before)
        assert code in (0, 1, 2), (words, err.getvalue())
        self.said = err.getvalue()
        return code

    @property
    def current(self) -> str:
        """The experiment that is checked out; empty for none."""
        name = self.repo.run("git", "symbolic-ref", "--short", "HEAD").out.strip()
        return name.removeprefix("experiments/") if name.startswith("experiments/") else ""

    def branches(self) -> dict[str, str]:
        lines = self.repo.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads").split("\n")
        return dict(line.split() for line in lines)

    @rule(name=NAMES)
    def start(self, name: str) -> None:
        before = self.branches()
        code = self.gitml("exp", "start", name)
        assert code == (1 if f"experiments/{name}" in before else 0), self.said
        if code == 0:
            assert self.current == name
            assert self.repo.git("rev-parse", "HEAD^") in before.values()

    @precondition(lambda self: self.current)
    @rule(rate=RATES, width=WIDTHS)
    def run(self, rate: str, width: str) -> None:
        tip = self.repo.git("rev-parse", "HEAD")
        code = self.gitml("exp", "run", "-S", f"lr={rate}", "-S", f"width={width}")
        now = self.repo.git("rev-parse", "HEAD")
        if code == 0 and now != tip:
            assert self.repo.git("rev-parse", "HEAD^") == tip
            assert f"lr: {rate} # the rate\nwidth: {width}\n" in self.repo.show("HEAD", "params.yaml")
        elif code == 1:
            assert "has this run already" in self.said, self.said
            assert now == tip

    @rule()
    def edit_and_commit(self) -> None:
        self.edited += 1
        self.repo.write("README.md", f"words {self.edited}\n")
        self.repo.git("commit", "--quiet", "-m", "infra: words", "README.md")

    @rule(name=NAMES)
    def switch(self, name: str) -> None:
        if f"experiments/{name}" in self.branches():
            self.repo.git("switch", "--quiet", f"experiments/{name}")
            self.repo.run("dvc", "checkout", "--quiet")

    @rule()
    def switch_to_main(self) -> None:
        self.repo.git("switch", "--quiet", "main")
        self.repo.run("dvc", "checkout", "--quiet")

    @precondition(lambda self: {"experiments/a", "experiments/b"} <= self.branches().keys())
    @rule()
    def combine(self) -> None:
        before = self.branches()
        code = self.gitml("exp", "combine", "a", "b", "-n", "both", "-S", "lr=0.004", "-S", "width=512")
        if code == 0:
            parents = self.repo.git("rev-parse", "experiments/both^1", "experiments/both^2").split()
            assert parents == [before["experiments/a"], before["experiments/b"]]
        else:
            assert {**self.branches()} == before, self.said

    @precondition(lambda self: self.current)
    @rule(is_accepted=st.booleans())
    def finish(self, is_accepted: bool) -> None:
        slug, before = self.current, self.branches()
        file = self.repo.path / document.path(slug)
        if file.exists():
            text = file.read_text()
            for section in ("Objective", "Hypothesis", "Methodology", "Results", "Conclusions", "Next steps"):
                text = document.answer(text, section, f"Words about {section}.")
            file.write_text(text)
        code = self.gitml("exp", "finish", "--accept" if is_accepted else "--reject")
        after = self.branches()
        if code == 0 and is_accepted:
            ancestor = self.repo.run("git", "merge-base", "--is-ancestor", f"experiments/{slug}", "main")
            assert ancestor.code == 0
        else:
            assert after["main"] == before["main"]
        self.repo.git("checkout", "--quiet", "--", ".")

    @rule()
    def undo(self) -> None:
        before = self.branches()
        if self.gitml("undo") == 0:
            self.repo.git("reset", "--quiet", "--hard")  # files stay as they were; the next step wants those of HEAD
            self.repo.git("clean", "--quiet", "-fd", "reports")
            self.repo.run("dvc", "checkout", "--quiet", "--force")
        else:
            assert self.branches() == before, self.said

    @invariant()
    def nothing_is_lost(self) -> None:
        if not hasattr(self, "repo"):
            return
        self.commits |= set(self.branches().values())
        assert self.repo.run("git", "fsck", "--strict", "--no-dangling").code == 0
        reachable = set(self.repo.git("rev-list", "--all", "--reflog").split())
        assert self.commits <= reachable

    @invariant()
    def results_are_those_of_their_parameters(self) -> None:
        if not hasattr(self, "repo"):
            return
        for name in self.branches():
            lock = self.repo.show(name, "dvc.lock")
            if not lock:
                continue
            width = re.search(r"^ +width: (\d+)", lock, re.MULTILINE)
            assert width is not None
            assert f'"roc_auc": 0.{width[1]},' in self.repo.show(name, "results/metrics.json"), name

    @invariant()
    def the_index_is_heads(self) -> None:
        if hasattr(self, "repo"):
            assert self.repo.git("diff", "--cached", "--name-only") == ""


def make_template(path: Path, machine: Experiments) -> None:
    path.mkdir()
    machine.repo = Tiny(path)
    machine.repo.git("init", "--quiet")
    machine.repo.init()
    for name, rate, width in (("a", "0.002", "128"), ("b", "0.001", "256")):
        assert machine.gitml("exp", "run", "-n", name, "-S", f"lr={rate}", "-S", f"width={width}") == 0, machine.said
        machine.repo.git("switch", "--quiet", "main")
        machine.repo.run("dvc", "checkout", "--quiet")


@pytest.mark.slow
def test_any_order(home: Path, tmp_path: Path) -> None:
    """`home` gives git and DVC a home of their own."""
    Experiments.template = tmp_path / "template"
    make_template(Experiments.template, Experiments())
    run_state_machine_as_test(
        Experiments,
        settings=settings(
            max_examples=int(os.environ.get("EXAMPLES", "6")),
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
