"""A run that a script or notebook makes by itself: ``with project.start_experiment("lower-lr") as run:``."""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitml.errors import GitmlError
from gitml.experiments import commit, landing, logged, progress, snapshot, source
from gitml.experiments import desk as desks
from gitml.experiments.before import Before, Landing, checked_out
from gitml.experiments.commit import Made, Produced
from gitml.experiments.desk import FOLDER, NotReady
from gitml.experiments.logged import Out, Series, WrongValue
from gitml.experiments.progress import Live, State
from gitml.experiments.run_terms import NameIsTaken, SomethingElseIsCheckedOut
from gitml.git import plan, trees
from gitml.git.files import replace_file
from gitml.git.objects import Objects, list_tree
from gitml.git.plan import Plan, Step
from gitml.git.repository import CannotWrite
from gitml.git.transaction import compare_and_swap, value_of
from gitml.pipeline import overrides, param_files
from gitml.pipeline.definition import LOGGED
from gitml.pipeline.ignore import is_inside
from gitml.pipeline.layout import LONGEST_SUM, Inputs, Layout, known_params, layout, project_at
from gitml.pipeline.overrides import Known, Value
from gitml.pipeline.repro import record
from gitml.pipeline.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from gitml.pipeline.project import Project

COMMAND = "start_experiment"
_NOTHING = Layout("", (), (), (), (), {}, 0)
_FILES = ("dvc.yaml", "dvc.lock", "metrics.json", "params.json", "plots", ".gitignore")


class NotRunning(GitmlError):
    """Something is logged before the run began, behind its end, or from another process."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "this experiment is not running", why, ('with gitml.open(".").start_experiment("lower-lr") as run:',)
        )


class Experiment:
    """One run, committed at the end of its ``with`` block; nothing is committed where the block raises.

    Parameters
    ----------
    folder
        Anywhere in the repository.
    name
        The experiment: a new one, or the one that is checked out.
    config
        Parameters, nested or by dotted names. Those that stages of the project depend on are set in the project's
        own files.
    hypothesis
        What is expected, and why.
    include
        Further untracked files that belong to the run, from the top of the repository.
    notebook
        The script or notebook that runs, where it is not found by itself.

    Attributes
    ----------
    commit
        Full id of the run's commit; empty before the end.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        config: Mapping[str, Any] | None = None,
        hypothesis: str = "",
        include: tuple[str, ...] = (),
        notebook: str | Path | None = None,
    ) -> None:
        self.commit = ""
        self._folder = folder.resolve()
        self.slug = desks.checked_slug(name)
        self._params = logged.flat(config or {})
        self._hypothesis = hypothesis
        self._include = include
        self._given = Path(notebook).resolve() if notebook is not None else None
        self._series = Series()
        self._models: list[Out] = []
        self._guard = threading.Lock()
        self._pid = 0
        self._stack = ExitStack()

    def __enter__(self) -> Experiment:
        if self._pid or self.commit:
            raise NotRunning("It was begun before; each run is an experiment of its own.")
        self._desk = landing.arrive(self._folder)
        landing.check_alone(self._desk)
        desks.check_ready(self._desk, self._folder)
        self._ref = f"refs/heads/{FOLDER}{self.slug}"
        self._is_new = self._desk.slug != self.slug
        if self._is_new and value_of(self._ref, self._desk.root) is not None:
            raise NameIsTaken(self.slug)
        self._stack.enter_context(landing.alone(self._desk))
        try:
            self._begin()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if os.getpid() != self._pid:  # a process that was forked inside of the block
            return
        self._pid = 0
        with self._stack:
            (self._desk.own_folder / progress.STATE).unlink(missing_ok=True)
            if kind is not None:
                _say(f"nothing was committed on {FOLDER}{self.slug}, because of {kind.__name__}")
                return
            self._finish()
        _say(f"{self.commit[:7]} on {FOLDER}{self.slug}")

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Take parameters, nested or by dotted names; the last value of a name counts.

        Raises
        ------
        WrongValue
            One is none of numbers, strings, booleans, None and lists of them.
        """
        with self._running():
            self._params |= logged.flat(params)

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Take figures; the last of a name is the run's, and those with a step make a curve.

        Raises
        ------
        WrongValue
            A value is no number, or a name cannot be a file's.
        """
        with self._running():
            self._series.add(metrics, step)
            if time.time() - self._told >= progress.EVERY:
                self._tell()

    def log_model(self, path: str | Path, name: str = "model") -> None:
        """Take a file or folder as the run's model: DVC keeps it as it is at the end of the block.

        Parameters
        ----------
        path
            Where it is, from the current folder; inside the DVC project, and no stage's own.
        name
            What DVC and GTO call it.

        Raises
        ------
        WrongValue
            It is not there, is outside, or belongs to a stage or to git.
        """
        with self._running():
            place = Path(path).resolve()
            inside = self._desk.project_folder.resolve()
            if not place.exists() or place == inside or not place.is_relative_to(inside):
                raise WrongValue(f"{path} is no file or folder of the project", f"The project is {inside}.")
            out = place.relative_to(inside).as_posix()
            top = posixpath.join(self._desk.project, out)
            for taken in self._kept:
                if is_inside(top, taken) or is_inside(taken, top):
                    raise WrongValue(
                        f"{path} is kept already, by a stage, a .dvc file or git ({taken})",
                        "One file cannot belong to two runs. Save the model somewhere else.",
                        (f'run.log_model("models/{self.slug}", "{name}")',),
                    )
            self._models = [one for one in self._models if one.path != out and one.name != name] + [Out(out, name)]

    def _running(self) -> threading.Lock:
        if os.getpid() != self._pid:
            raise NotRunning("Its block has not begun, is over, or this is another process: log from the first one.")
        return self._guard

    def _begin(self) -> None:
        desk = self._desk
        self._head = desk.head
        self._before = Before(desk.root, desk.own_folder)
        self._source = source.find(desk.root, self._given)
        base = trees.snapshot(desk.root)
        with Objects(desk.root) as objects:
            files = Snapshot(list_tree(base, desk.root), objects)
            project = project_at(files, desk.project)
            found = layout(project) if project is not None else _NOTHING
            self._known = known_params(files, found)
        own = posixpath.join(desk.project, logged.FOLDER)
        made = project.makers.keys() - _made_in(project, own) if project is not None else ()
        self._kept = (*made, *(path for path in files.files if not is_inside(path, own)))
        untracked = snapshot.sort_untracked(desk, self.slug, found, self._include)
        taken = {*untracked.taken}
        if self._source is not None:
            taken.add(self._source.relative_to(desk.root.resolve()).as_posix())
        self._taken = tuple(path for path in sorted(taken) if path not in files.files)
        tree = self._with_source(trees.snapshot(desk.root, self._taken))
        refused = [one for one in snapshot.judge(desk, FOLDER + self.slug, tree) if one.severity == "error"]
        if refused:
            raise snapshot.RulesSayNo(refused)
        self._tree = tree
        self._pid, self._began = os.getpid(), time.time()
        self._tell()

    def _with_source(self, tree: str) -> str:
        """Return a tree with its notebooks as they are committed, the one that runs as it is now."""
        root = self._desk.root
        changed: dict[str, trees.Change] = {}
        if self._source is not None and self._source.suffix == source.SUFFIX:
            path = self._source.relative_to(root.resolve()).as_posix()
            changed[path] = trees.Blob("100644", source.stripped(path, self._source.read_bytes()))
        return trees.tree_with(tree, changed, root) if changed else tree

    def _tell(self) -> None:
        self._told = time.time()
        name = self._source.name if self._source is not None else "script"
        live = Live(self._series.step, dict(self._series.last)) if self._series.last else None
        state = State(self.slug, self._pid, self._began, self._began, ((name, "runs"),), 1, None, live)
        progress.write_state(self._desk.own_folder, state)

    def _finish(self) -> None:
        self._made: Made | None = None
        steps = [
            Step("write", f"write {logged.FOLDER}", self._write),
            Step("collect", "take what was logged", self._collect),
            Step("store", "write the report, and make the commit", self._store),
            Step("commit", f"commit on {FOLDER}{self.slug}", self._swap),
            Step("switch", f"be on {FOLDER}{self.slug}", lambda: landing.switch(self._landing(), self._desk.root)),
            Step("refresh", "let git's index follow", self._refresh),
            Step("log", "write down what was done, for gitml undo", self._log),
        ]
        try:
            if checked_out(self._desk.root) != self._head:
                raise SomethingElseIsCheckedOut(self._head, checked_out(self._desk.root))
            self._before.begin(self._head, self._desk.project)
            plan.carry_out(Plan(COMMAND, steps, 3))
        except plan.FollowUpFailed:
            raise
        except OSError as error:
            self._give_up()
            if isinstance(error, BrokenPipeError):  # of the terminal: whoever read it is gone
                raise
            raise CannotWrite(Path(error.filename or self._desk.root), error.strerror or str(error)) from None
        except BaseException:
            self._give_up()
            raise
        self._before.forget()

    def _give_up(self) -> None:
        if self._made is not None and value_of(self._ref, self._desk.root) == self._made.commit:
            return
        self._before.put_back()
        self._before.forget()

    # The steps, in their order.

    def _write(self) -> None:
        desk, folder = self._desk, self._desk.project_folder / logged.FOLDER
        self._before.keep_results([posixpath.join(desk.project, logged.FOLDER, name) for name in _FILES])
        self._values, own = self._sorted_params()
        parameter_files = [posixpath.relpath(file, desk.project or ".") for file in self._values]
        cmd = source.command(self._source, desk.project_folder)
        files = logged.files(cmd, own, self._series, self._models, parameter_files)
        for file, values in self._values.items():
            old = (desk.root / file).read_bytes()
            new = param_files.apply(file, old, values, param_files.anybody)
            self._before.keep_params(file, old, new)
            replace_file(desk.root / file, new, desk.shelf)
        for path in sorted(folder.glob("plots/**/*.tsv")):
            path.unlink()
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            replace_file(folder / name, content, desk.shelf)
        told = record(desk.project_folder, f"{logged.FOLDER}/dvc.yaml:{LOGGED}")
        if told:
            raise NotReady("DVC cannot keep what was logged", told, ("gitml doctor",))

    def _sorted_params(self) -> tuple[dict[str, dict[str, Value]], dict[str, Any]]:
        """Return the values for the project's own files, and the parameters that none of them has."""
        values: dict[str, dict[str, Value]] = {}
        own: dict[str, Any] = {}
        for name, value in self._params.items():
            one = _used(name, self._known)
            if one is None:
                own[name] = value
            elif repr(one.value) != repr(value):
                values.setdefault(one.file, {})[one.name] = Value.of(value)
        return values, own

    def _collect(self) -> None:
        desk = self._desk
        tree = self._with_source(self._tree)
        with Objects(desk.root) as objects:
            files = Snapshot(list_tree(tree, desk.root), objects)
            changed: dict[str, trees.Change] = {
                file: trees.Blob(
                    files.files[file].mode,
                    param_files.apply(file, files.read(file) or b"", values, param_files.anybody),
                )
                for file, values in self._values.items()
            }
        if changed:
            tree = trees.tree_with(tree, changed, desk.root)
        paths = [posixpath.join(desk.project, logged.FOLDER, name) for name in _FILES]
        ignores = [posixpath.join(desk.project, posixpath.dirname(one.path), ".gitignore") for one in self._models]
        done = trees.tree_with_files(tree, desk.root, [*paths, *ignores])
        refused = [one for one in snapshot.judge(desk, FOLDER + self.slug, done) if one.severity == "error"]
        if refused:
            raise snapshot.RulesSayNo(refused)
        with Objects(desk.root) as objects:
            project = project_at(Snapshot(list_tree(done, desk.root), objects), desk.project)
        assert project is not None
        sums = Inputs(_sum(tree), _sum(json.dumps(self._params, sort_keys=True, default=str)))
        self._produced = Produced(done, layout(project), sums)

    def _store(self) -> None:
        self._made = commit.make(
            self._desk, self.slug, [self._desk.commit], self._produced, hypothesis=self._hypothesis
        )
        self.commit = self._made.commit

    def _landing(self) -> Landing:
        assert self._made is not None
        old = None if self._is_new else self._desk.commit
        files = tuple(self._made.written.files)
        return Landing(COMMAND, self.slug, self._ref, old, self._made.commit, self._desk.commit, self._head, files)

    def _swap(self) -> None:
        made = self._landing()
        self._before.keep_landing(made)
        compare_and_swap(self._ref, made.new, made.old, f"gitml {COMMAND}: {self.slug}", self._desk.root)

    def _refresh(self) -> None:
        landing.refresh(self._landing(), self._desk.root)

    def _log(self) -> None:
        landing.log(self._landing(), self._desk.root, (COMMAND, self.slug))


def _used(name: str, known: list[Known]) -> Known | None:
    """Return the parameter of a stage that a name means; None where it means none.

    Raises
    ------
    WrongParameter
        It may mean several.
    """
    used = [one for one in known if one.is_used and not one.file.endswith(f"{logged.FOLDER}/params.json")]
    fits = [one for one in used if one.name == name or one.name.endswith(f".{name}")]
    return overrides.find(name, used) if fits else None


def _made_in(project: Project, folder: str) -> set[str | None]:
    """Return what the stages of one folder make."""
    stages = (stage for pipeline in project.pipelines for stage in pipeline.definition.stages)
    return {project.path(stage.folder, out.path) for stage in stages if stage.folder == folder for out in stage.outs}


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:LONGEST_SUM]


def _say(line: str) -> None:
    print(f"gitml: {line}", file=sys.stderr, flush=True)
