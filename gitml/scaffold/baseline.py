"""The first commit of a new project: what was laid down, and the results of its first run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from gitml import config
from gitml.errors import GitmlError, WrongUsage
from gitml.experiments import message
from gitml.experiments.commit import is_number
from gitml.experiments.message import Change
from gitml.git import oplog, repository
from gitml.git.command import ask, failure, git
from gitml.git.objects import Objects, list_tree
from gitml.git.transaction import NoIdentity
from gitml.pipeline import metrics
from gitml.pipeline.layout import inputs, layout, project_at
from gitml.pipeline.snapshot import Snapshot
from gitml.scaffold import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LOCK = "dvc.lock"
_OF_A_RUN = (LOCK, "data", "models", "results")


class Baseline(NamedTuple):
    """The first commit.

    Attributes
    ----------
    commit
        Its full id.
    files
        How many files are in it.
    metric
        Name and figure of the metric that ranks runs; None where the run has none.
    left
        What else is in the folder, and was not put there by `gitml init` or a run.
    """

    commit: str
    files: int
    metric: tuple[str, float] | None
    left: tuple[str, ...] = ()


class NotLaidDown(WrongUsage):
    """There is no new project here."""

    def __init__(self) -> None:
        super().__init__(
            "there is no new project here",
            "A baseline is the first commit of what `gitml init` has laid down.",
            ("gitml init my-project",),
        )


class HasNotRun(GitmlError):
    """The pipeline has not run yet."""

    def __init__(self) -> None:
        super().__init__(
            "the pipeline has not run here yet",
            "The first commit is to hold the results of a run.",
            ("make run",),
        )


class Refused(GitmlError):
    """A hook, or git itself, did not let the commit through."""

    def __init__(self, says: str) -> None:
        super().__init__("the first commit was refused", says, ("gitml init --baseline   # again, when it is mended",))


def commit(root: Path) -> Baseline | None:
    """Make the first commit; None where there is one.

    Parameters
    ----------
    root
        The working tree's top folder.

    Raises
    ------
    NotLaidDown
        Nobody laid down a project here.
    HasNotRun
        There are no results.
    NoIdentity
        git was not told who commits.
    Refused
        A rule says no; the files are staged, and nothing is lost.
    """
    if repository.has_head(root):
        return None
    told = stamp.read(root)
    if told is None:
        raise NotLaidDown
    if not (root / LOCK).is_file():
        raise HasNotRun
    if not repository.has_identity(root):
        raise NoIdentity
    ours = {path.partition("/")[0] for path in (*told.files, stamp.FILE, *_OF_A_RUN)}
    there = [f"./{name}" for name in sorted(ours) if (root / name).exists()]
    git("--literal-pathspecs", "add", "--all", "--", operands=there, at=root)
    tree = git("write-tree", at=root)
    settings = config.read(str(root))
    with Objects(root) as objects:
        files = Snapshot(list_tree(tree, root), objects)
        found = metrics.read(files).metrics
        text = _message(files, found, settings)
        count = len(files.files)
    answer = ask("commit", "--quiet", "--file=-", stdin=text.encode("utf-8", "surrogateescape"), at=root)
    if answer.code != 0:
        if not repository.has_head(root):
            raise Refused(answer.err.strip())
        raise failure(answer, "commit", "--quiet", "--file=-", at=root)
    name = settings.metric.name if settings.metric is not None else ""
    figure = found.get(name)
    ranked = (name, float(figure)) if isinstance(figure, int | float) and is_number(figure) else None
    others = git("ls-files", "--others", "--exclude-standard", "--directory", "-z", at=root).split("\0")
    return Baseline(git("rev-parse", "HEAD", at=root), count, ranked, tuple(filter(None, others)))


def _message(files: Snapshot, found: Mapping[str, object], settings: config.Config) -> str:
    project = project_at(files, "")
    if project is None:
        raise HasNotRun
    figures = [Change(name, None, value) for name, value in found.items() if is_number(value)]
    sums = inputs(files, project, layout(project))
    return message.write(oplog.new_id(time.time()), sums, (), figures, "", settings, "baseline")
