"""What is asked of a run, what it comes to, and why there may be none."""

from __future__ import annotations

from typing import NamedTuple

from gitml.errors import GitmlError
from gitml.experiments.commit import is_number
from gitml.experiments.desk import FOLDER
from gitml.experiments.message import Change
from gitml.experiments.setting import Sets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gitml.config import Config
    from gitml.experiments.tried import Tried
    from gitml.pipeline.repro import Outcome
    from gitml.reports.comparison import Comparison


class Request(NamedTuple):
    """What somebody asks for.

    Attributes
    ----------
    slug
        The experiment to begin; None for the one that is checked out.
    sets
        Parameters to change, as pairs of what somebody wrote for the name and the value.
    hypothesis
        What they expect, in a sentence or more; may be empty.
    include
        Further untracked files that belong to the run.
    is_forced
        Whether to run what was run before.
    """

    slug: str | None = None
    sets: Sets = ()
    hypothesis: str = ""
    include: tuple[str, ...] = ()
    is_forced: bool = False


class Finished(NamedTuple):
    """What a run came to.

    Attributes
    ----------
    slug
        The experiment.
    commit
        Full id of its commit; None where nothing was new.
    is_new
        Whether the branch was made by it.
    params, metrics
        What differs from the parent; of metrics all that there are.
    outcome
        How the pipeline ended.
    edited
        Files that were edited while it ran, and are not in the commit.
    kept_staged
        Files whose staged content was left as it was.
    report
        Where the report is.
    missing
        The sections that a person still owes.
    comparisons
        The run beside its parent, with intervals where both store their predictions.
    """

    slug: str
    commit: str | None
    is_new: bool
    params: tuple[Change, ...]
    metrics: tuple[Change, ...]
    outcome: Outcome
    edited: tuple[str, ...] = ()
    kept_staged: tuple[str, ...] = ()
    report: str = ""
    missing: tuple[str, ...] = ()
    comparisons: tuple[Comparison, ...] = ()


class NotOnAnExperiment(GitmlError):
    """A run has no branch to be committed on."""

    def __init__(self, branch: str | None) -> None:
        where = f"on {branch}" if branch is not None else "on no branch"
        super().__init__(
            f"you are {where}, and a run is committed on experiments/<name>",
            "Give it a name; the branch begins here, and your files stay as they are.",
            ('gitml exp run -n lower-lr -m "1e-3 overshoots"',),
        )


class NameIsTaken(GitmlError):
    """There is an experiment of this name already."""

    def __init__(self, slug: str) -> None:
        super().__init__(
            f"{FOLDER}{slug} exists already",
            "A run goes on where its branch is checked out; a new idea gets a new name.",
            (f"git switch {FOLDER}{slug} && gitml exp run", f"gitml exp run -n {slug}-2"),
        )


class AlreadyTried(GitmlError):
    """A run of just these inputs exists.

    Attributes
    ----------
    found
        The run.
    """

    def __init__(self, found: Tried, config: Config) -> None:
        super().__init__(
            f"{found.name} has this run already: {found.commit[:7]}, {told_metric(found, config)}",
            "Code, data and parameters are the same, so the result would be, too. Nothing was run.",
            (f"gitml exp show {found.name.removeprefix(FOLDER)}", "gitml exp run --force"),
        )
        self.found = found


class NothingNew(Exception):
    """The run gave what its branch has already."""


class SomethingElseIsCheckedOut(GitmlError):
    """HEAD was moved while the run ran."""

    def __init__(self, before: str, now: str) -> None:
        old, new = before.removeprefix("refs/heads/"), now.removeprefix("refs/heads/")
        super().__init__(
            f"{new or 'nothing'} is checked out, and it was {old} when the run began",
            "What the stages read and wrote may be of both. Nothing was committed, and no file was put back.",
            (f"git switch {old}   # then run again: stages that are done are not run again",),
        )


def told_metric(found: Tried, config: Config) -> str:
    """Return the figure by which a run is ranked, ``roc_auc 0.7151``."""
    names = [config.metric.name] if config.metric is not None else list(found.metrics)
    name = next((name for name in names if is_number(found.metrics.get(name))), None)
    return f"{name} {found.metrics[name]:.4f}" if name is not None else "without a metric"
