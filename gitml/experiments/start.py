"""Beginning an experiment before its first run: a branch with a report, for who writes first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from gitml.conventions import commits
from gitml.errors import GitmlError
from gitml.experiments import desk as desks
from gitml.experiments import reporting, run
from gitml.experiments.desk import FOLDER
from gitml.git import oplog, trees
from gitml.git.command import ask, git
from gitml.git.files import replace_file
from gitml.git.index import refresh_index
from gitml.git.oplog import Move
from gitml.git.plan import Plan, Step
from gitml.git.refs import resolve
from gitml.git.transaction import commit_tree, compare_and_swap, value_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gitml.config import Config


class Beginning(NamedTuple):
    """What an experiment begins with.

    Attributes
    ----------
    slug
        Its name.
    objective, hypothesis
        What a person says already; may be empty.
    base
        Where it begins, as somebody names a commit; None for what is checked out.
    """

    slug: str
    objective: str = ""
    hypothesis: str = ""
    base: str | None = None


class TreeIsChanged(GitmlError):
    """Files are changed, and another commit is to be checked out."""

    def __init__(self, base: str) -> None:
        super().__init__(
            f"{base} is not what is checked out, and files here are changed",
            "Beginning there would have to take your changes along, or lose them.",
            ("git stash   # or commit them", "gitml exp start NAME   # begins here"),
        )


class Session:
    """One beginning, step by step."""

    def __init__(self, beginning: Beginning, at: Path | None = None) -> None:
        self.desk = desks.find(at)
        desks.check_ready(self.desk, at)
        self.slug = desks.checked_slug(beginning.slug)
        self.ref = f"refs/heads/{FOLDER}{self.slug}"
        if value_of(self.ref, self.desk.root) is not None:
            raise run.NameIsTaken(self.slug)
        self.beginning = beginning
        self.base = self.desk.commit if beginning.base is None else resolve(beginning.base, self.desk.root)
        if self.base != self.desk.commit and self._is_changed():
            raise TreeIsChanged(beginning.base or "")
        self.commit = ""
        self._report = b""

    def plan(self) -> Plan:
        """Return what will be done."""
        branch = f"{FOLDER}{self.slug}"
        steps = [
            Step("store", f"write {reporting.path(self.slug)}, and make the commit", self._store),
            Step("commit", f"begin {branch} at {self.base[:10]}", self._swap),
            Step("switch", f"be on {branch}", self._switch),
            Step("log", "write down what was done, for gitml undo", self._log),
        ]
        return Plan("exp start", steps, 1)

    def _is_changed(self) -> bool:
        return ask("diff", "--quiet", "HEAD", "--", at=self.desk.root).code != 0

    def _store(self) -> None:
        parent = self.beginning.base or self.desk.branch or self.base[:10]
        self._report = reporting.begin(
            self.desk, self.slug, parent, self.beginning.objective, self.beginning.hypothesis
        )
        changes: dict[str, trees.Change] = {reporting.path(self.slug): trees.Blob("100644", self._report)}
        tree = trees.tree_with(self.base, changes, self.desk.root)
        self.commit = commit_tree(tree, [self.base], subject(f"start {self.slug}", self.desk.config), at=self.desk.root)

    def _swap(self) -> None:
        compare_and_swap(self.ref, self.commit, None, f"gitml exp start: {self.slug}", self.desk.root)

    def _switch(self) -> None:
        root = self.desk.root
        if self.base != self.desk.commit:
            git("switch", "--quiet", "--no-guess", operands=[f"{FOLDER}{self.slug}"], at=root)
            return
        git("symbolic-ref", "-m", f"gitml exp start: {self.slug}", "HEAD", self.ref, at=root)
        file = root / reporting.path(self.slug)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(file, self._report)
        refresh_index(root, self.base, self.commit)

    def _log(self) -> None:
        before = f"refs/heads/{self.desk.branch}" if self.desk.branch else self.desk.commit
        oplog.record(sys.argv[1:], [Move(self.ref, None, self.commit)], (before, self.ref), at=self.desk.root)


def subject(text: str, config: Config) -> str:
    """Return a message of one line with the prefix of experiments, where the project has it."""
    names = [prefix.name for prefix in config.prefixes]
    prefix = "experiment" if "experiment" in names else commits.likely_prefix("", config.prefixes)
    return f"{prefix}: {text}\n"
