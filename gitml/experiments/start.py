"""Beginning an experiment before its first run: a branch with a report, for who writes first."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gitml.conventions import commits
from gitml.conventions.released import OF_A_RELEASE
from gitml.errors import GitmlError
from gitml.experiments import desk as desks
from gitml.experiments import landing, reporting, run_terms
from gitml.experiments.before import Before, Landing
from gitml.experiments.desk import FOLDER
from gitml.git import trees
from gitml.git.command import ask
from gitml.git.plan import Plan, Step, carry_out
from gitml.git.refs import resolve
from gitml.git.transaction import commit_tree, compare_and_swap, value_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gitml.config import Config


COMMAND = "exp start"


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

    def __init__(self, beginning: Beginning, at: Path | None = None, is_dry_run: bool = False) -> None:
        self.desk = desks.find(at)
        done = landing.finish(self.desk) if not is_dry_run else None
        if done is not None:
            self.desk = desks.find(at)
        landing.check_alone(self.desk)
        desks.check_ready(self.desk, at)
        self.slug = desks.checked_slug(beginning.slug)
        self.ref = f"refs/heads/{FOLDER}{self.slug}"
        self.beginning = beginning
        self.commit = ""
        if done is not None and (done.command, done.slug) == (COMMAND, self.slug):
            self.commit = done.new
        elif value_of(self.ref, self.desk.root) is not None:
            raise run_terms.NameIsTaken(self.slug)
        self.base = self.desk.commit if beginning.base is None else resolve(beginning.base, self.desk.root)
        if self.base != self.desk.commit and self._is_changed():
            raise TreeIsChanged(beginning.base or "")
        self._head = self.desk.head
        self._before = Before(self.desk.root, self.desk.own_folder)
        self._is_report_ours = not (self.desk.root / reporting.path(self.slug)).exists()

    def plan(self) -> Plan:
        """Return what will be done."""
        branch = f"{FOLDER}{self.slug}"
        if self.commit:
            return Plan(COMMAND, [])
        steps = [
            Step("store", f"write {reporting.path(self.slug)}, and make the commit", self._store),
            Step("commit", f"begin {branch} at {self.base[:10]}", self._swap),
            Step("switch", f"be on {branch}", self._switch),
            Step("log", "write down what was done, for gitml undo", self._log),
        ]
        return Plan(COMMAND, steps, 1)

    def carry_out(self) -> None:
        """Begin; what was begun and killed is finished already.

        Raises
        ------
        AnotherRun
            A run is under way in this working tree.
        """
        with landing.alone(self.desk):
            carry_out(self.plan())
            self._before.forget()

    def _is_changed(self) -> bool:
        return ask("diff", "--quiet", "HEAD", "--", at=self.desk.root).code != 0

    def _store(self) -> None:
        parent = self.beginning.base or self.desk.branch or self.base[:10]
        report = reporting.begin(self.desk, self.slug, parent, self.beginning.objective, self.beginning.hypothesis)
        changes: dict[str, trees.Change] = dict.fromkeys(OF_A_RELEASE)  # an experiment on a model is none
        changes[reporting.path(self.slug)] = trees.Blob("100644", report)
        tree = trees.tree_with(self.base, changes, self.desk.root)
        self.commit = commit_tree(tree, [self.base], subject(f"start {self.slug}", self.desk.config), at=self.desk.root)

    def _landing(self) -> Landing:
        files = (reporting.path(self.slug),) if self._is_report_ours else ()
        return Landing(COMMAND, self.slug, self.ref, None, self.commit, self.base, self._head, files)

    def _swap(self) -> None:
        self._before.begin(self._head, self.desk.project)
        self._before.keep_landing(self._landing())
        compare_and_swap(self.ref, self.commit, None, f"gitml exp start: {self.slug}", self.desk.root)

    def _switch(self) -> None:
        landing.switch(self._landing(), self.desk.root)
        if self.base == self.desk.commit:
            landing.refresh(self._landing(), self.desk.root)

    def _log(self) -> None:
        landing.log(self._landing(), self.desk.root)


def subject(text: str, config: Config) -> str:
    """Return a message of one line with the prefix of experiments, where the project has it."""
    names = [prefix.name for prefix in config.prefixes]
    prefix = "experiment" if "experiment" in names else commits.likely_prefix("", config.prefixes)
    return f"{prefix}: {text}\n"
