"""Where somebody stands: what is checked out, what its last run came to, what runs, and what to do next."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gitml import config
from gitml.conventions import branches
from gitml.conventions.laid_down import STAMP
from gitml.errors import BrokenEnvironment, GitFailed
from gitml.experiments import at_work
from gitml.experiments.commit import is_number
from gitml.git import repository, server, trees
from gitml.git.command import ask, git
from gitml.git.objects import Objects, list_tree
from gitml.pipeline import metrics, verify
from gitml.pipeline.environment import project_root
from gitml.pipeline.snapshot import Snapshot
from gitml.reports import document
from gitml.reports.comparison import compare

if TYPE_CHECKING:
    from gitml.config import Config
    from gitml.experiments.at_work import Running
    from gitml.git.repository import Repository

_REQUEST = re.compile(r"\(([#!]\d+)\)|^Merge pull request (#\d+)", re.MULTILINE)
_FIELDS = "%H%x1f%ct%x1f%(trailers:key=Run-Id,valueonly,separator=%x20)%x1e"


class LastRun(NamedTuple):
    """The last run of an experiment.

    Attributes
    ----------
    commit
        Its full id.
    time
        Seconds since 1970.
    metric
        The figure's name; empty where it has none.
    figure, before
        Of the run and of its parent; None where there is none.
    word
        What the difference means; empty where there is none.
    """

    commit: str
    time: int
    metric: str = ""
    figure: float | None = None
    before: float | None = None
    word: str = ""


class Production(NamedTuple):
    """The model that a production branch has.

    Attributes
    ----------
    model
        ``model-v3``; the branch's own name where no release is known.
    metric, figure
        As in `LastRun`.
    since
        Seconds since 1970.
    request
        The pull request that brought it, ``#41``; empty where none is named.
    """

    model: str
    metric: str
    figure: float | None
    since: int
    request: str


class Status(NamedTuple):
    """Where somebody stands.

    Attributes
    ----------
    checked_out
        A branch, or a short commit id where HEAD is detached; empty in a bare repository and before the first commit.
    slug
        The experiment; empty where none is checked out.
    experiments
        How many branches of experiments there are.
    runs, not_pushed
        Runs on the experiment since main, and those that no remote has; None without a remote.
    last
        The last of them.
    missing
        Sections of the report that a person owes; None where there is no report.
    stale
        Stages that would run again, and what makes them.
    running
        What runs right now.
    production
        What is in production.
    problem
        What stands in the way of a run, in half a sentence; empty where nothing does.
    next
        The command that helps most.
    """

    checked_out: str
    slug: str = ""
    experiments: int = 0
    runs: int = 0
    not_pushed: int | None = None
    last: LastRun | None = None
    missing: tuple[str, ...] | None = None
    stale: tuple[tuple[str, str], ...] = ()
    running: tuple[Running, ...] = ()
    production: tuple[Production, ...] = ()
    problem: str = ""
    next: str = ""


class NoRepository(BrokenEnvironment):
    """There is no repository to tell of."""

    def __init__(self, why: str) -> None:
        super().__init__("there is no git repository here", why, ("git init",))


def read(at: Path | None = None) -> Status:
    """Return where somebody stands.

    Raises
    ------
    NoRepository
        There is no repository.
    """
    try:
        where = repository.find(at)
    except GitFailed as failed:
        raise NoRepository(failed.stderr) from None
    settings = config.read(str(where.root)) if where.root is not None else config.DEFAULTS
    count = len(git("for-each-ref", "--format=.", "refs/heads/experiments/", at=at))
    production = tuple(_production(settings, at))
    running = tuple(at_work.running(where.git_dir, where.common_dir))
    head = repository.head(where, at)
    told = Status("", experiments=(count + 1) // 2, running=running, production=production)
    if where.root is None:
        return told._replace(problem="this repository is bare", next=f"git clone {where.common_dir}")
    if head.commit is None:
        told = told._replace(checked_out=head.branch or "")
        if not (where.root / STAMP).is_file():
            return told._replace(problem="there is no commit yet", next="gitml init")
        if (where.root / "dvc.lock").is_file():
            return told._replace(problem="the first run is not committed yet", next="make run")
        return told._replace(problem="the first run, which is the first commit, is still to come", next="make run")
    name = branches.parse(head.branch or "")
    slug = name.name if name is not None and name.kind == "experiment" else ""
    told = told._replace(checked_out=head.branch or head.commit, slug=slug)
    if slug:
        told = _experiment(told, where.root, settings, at)
    told = _pipeline(told, where, head.unfinished or "", at)
    if slug and not told.problem and told.last is None and told.missing == ():  # it is in main already
        return told._replace(next=f"git switch {server.main_here(at)}")
    return told._replace(next=_next(told, where, head.unfinished or ""))


def _experiment(told: Status, root: Path, settings: Config, at: Path | None) -> Status:
    """Return the status with what is known of the experiment that is checked out."""
    main = f"refs/heads/{server.main_here(at)}"
    has_main = ask("rev-parse", "--quiet", "--verify", main, at=at).code == 0
    since = ["--not", main] if has_main else []
    listed = git("log", f"--format={_FIELDS}", "HEAD", *since, "--", at=at)
    runs = [one.strip("\n").split("\x1f") for one in listed.split("\x1e") if one.strip("\n")]
    runs = [one for one in runs if one[2].strip()]
    not_pushed = None
    if git("remote", at=at):
        unknown = set(git("rev-list", "HEAD", "--not", "--remotes", *since[1:], at=at).split())
        not_pushed = sum(one[0] in unknown for one in runs)
    last = _last_run(runs[0][0], int(runs[0][1]), settings, at) if runs else None
    report = root / document.path(told.slug)
    missing = None
    if report.is_file() and report.stat().st_size <= metrics.LARGEST:
        missing = document.missing(document.decoded(report.read_bytes()))
    return told._replace(runs=len(runs), not_pushed=not_pushed, last=last, missing=missing)


def _last_run(commit: str, time: int, settings: Config, at: Path | None) -> LastRun:
    parent = ask("rev-parse", "--quiet", "--verify", f"{commit}^1", at=at).out.strip()
    with Objects(at) as objects:
        now, before = ({} if not one else _figures(one, objects, at) for one in (commit, parent))
    metric = _ranking(now, settings)
    if not metric:
        return LastRun(commit, time)
    change = next(one for one in compare(now, before, {}, settings) if one.name == metric)
    word = change.word if change.word not in ("new", "gone") else ""
    return LastRun(commit, time, metric, change.now, change.before, word)


def _figures(commit: str, objects: Objects, at: Path | None) -> dict[str, float]:
    found = metrics.read(Snapshot(list_tree(commit, at), objects)).metrics
    return {name: value for name, value in found.items() if is_number(value)}


def _ranking(figures: dict[str, float], settings: Config) -> str:
    if settings.metric is not None and settings.metric.name in figures:
        return settings.metric.name
    return next(iter(figures), "")


def _pipeline(told: Status, where: Repository, unfinished: str, at: Path | None) -> Status:
    """Return the status with the stages that would run again, by the files as they are now."""
    assert where.root is not None
    if unfinished:
        return told._replace(problem=f"a {unfinished} is under way")
    if at_work.is_killed(where.git_dir):
        return told._replace(problem="a command was killed, and the next one finishes it or puts it back")
    here = Path.cwd() if at is None else Path(at).resolve()
    if project_root(here, where.root) is None:
        return told._replace(problem="there is no DVC project here")
    try:
        tree = trees.snapshot(where.root)
    except (trees.MergeIsOpen, BrokenEnvironment) as error:
        return told._replace(problem=error.what)
    with Objects(where.root) as objects:
        snapshot = Snapshot(list_tree(tree, where.root), objects)
        if not any(path.rpartition("/")[2] == "dvc.yaml" for path in snapshot.files):
            return told._replace(problem="git knows no dvc.yaml, so there is nothing to run")
        findings = verify.judge_snapshot(snapshot).of("stale")
    stale: dict[str, dict[str, None]] = {}
    for one in findings:
        reason = "never run" if one.what == "stage" else f"{one.name} {one.change}"
        stale.setdefault(one.stage, {})[reason] = None
    return told._replace(stale=tuple((stage, ", ".join(reasons)) for stage, reasons in stale.items()))


def _next(told: Status, where: Repository, unfinished: str) -> str:
    """Return the command that helps most."""
    if unfinished:
        return "git bisect reset" if unfinished == "bisect" else f"git {unfinished} --continue"
    if any(one.place == "here" for one in told.running):
        return "gitml exp list"
    if at_work.is_killed(where.git_dir):
        return f"gitml exp run{'' if told.slug else ' -n NAME'}"
    if told.problem:
        is_dvc = "DVC" in told.problem
        return "dvc init" if is_dvc else "dvc stage add --help" if "dvc.yaml" in told.problem else "git status"
    if not told.slug:
        return 'gitml exp run -n NAME -m "what you expect, and why"'
    if told.last is None or told.stale:
        return "gitml exp run"
    if told.missing:
        return "gitml report edit"
    return "gitml exp push" if told.not_pushed else "gitml exp finish"


def _production(settings: Config, at: Path | None) -> list[Production]:
    """Return what each production branch has; a local branch counts before a remote's."""
    patterns = ("refs/heads/production/", "refs/remotes/*/production/*")
    listed = git("for-each-ref", "--format=%(refname)%00%(tree)%00%(committerdate:unix)", *patterns, at=at)
    tips: dict[str, list[str]] = {}
    for line in filter(None, listed.split("\n")):
        full, tree, when = line.split("\0")
        branch = full[full.index("production/") :]
        tips.setdefault(branch, [full, tree, when])
    if not tips:
        return []
    models = "refs/heads/models/", "refs/remotes/*/models/*"
    names: dict[str, str] = {}
    for line in filter(None, git("for-each-ref", "--format=%(tree) %(refname)", *models, at=at).split("\n")):
        tree, _, full = line.partition(" ")
        names.setdefault(tree, full[full.index("models/") + len("models/") :])
    found = []
    for branch, (full, tree, when) in sorted(tips.items()):
        name = branches.parse(branch)
        if name is None or not git("ls-tree", "--name-only", operands=[tree], at=at):
            continue  # the commit that opens it: nothing is in production yet
        with Objects(at) as objects:
            figures = _figures(tree, objects, at)
        request = _REQUEST.search(git("log", "-1", "--format=%B", "--end-of-options", full, "--", at=at))
        metric = _ranking(figures, settings)
        number = next(filter(None, request.groups())) if request is not None else ""
        found.append(Production(names.get(tree, branch), metric, figures.get(metric), int(when), number))
    return found
