"""Which commit lost a metric: recorded figures are read first, and only what has none is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from gitml.errors import GitmlError, WrongUsage
from gitml.experiments import desk as desks
from gitml.experiments import elsewhere, naming, store
from gitml.experiments.compare import Difference, compare
from gitml.experiments.progress import State
from gitml.experiments.rows import number
from gitml.experiments.snapshot import NoPipeline
from gitml.git.command import git
from gitml.git.objects import Objects, list_tree
from gitml.pipeline import metrics
from gitml.pipeline.repro import RunFailed
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.verify import judge_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitml.experiments.rows import Run

From = Literal["recorded", "run", "failed", "absent"]
"""Where a figure comes from: the commit, a run of it now; or why there is none."""


class Limit(NamedTuple):
    """What is asked of a metric.

    Attributes
    ----------
    metric
        Its name, or an end of it.
    bound
        A figure on the wrong side of it is bad; just on it is good.
    is_floor
        Whether less than the bound is bad; else more is.
    """

    metric: str
    bound: float
    is_floor: bool

    def is_bad(self, figure: float) -> bool:
        """Say whether a figure is beyond the limit."""
        return figure < self.bound if self.is_floor else figure > self.bound

    def __str__(self) -> str:
        """Return ``roc_auc below 0.71``."""
        return f"{self.metric} {'below' if self.is_floor else 'above'} {self.bound:g}"


class Tested(NamedTuple):
    """One commit that was looked at.

    Attributes
    ----------
    commit
        Full id.
    subject
        The first line of its message.
    figure
        The metric; None where it has none even when it is run.
    comes_from
        Where that is from.
    """

    commit: str
    subject: str
    figure: float | None
    comes_from: From


class Found(NamedTuple):
    """The commit that lost it.

    Attributes
    ----------
    good, bad
        The last commit within the limit and the first one beyond it.
    between
        Commits between the two that have no figure, so that one of them may be to blame; oldest first.
    difference
        What differs between the two.
    tested
        All that were looked at, in the order in which they were.
    """

    good: Tested
    bad: Tested
    between: tuple[str, ...]
    difference: Difference
    tested: tuple[Tested, ...]


class NotARange(WrongUsage):
    """There is no line of commits from a good one to a bad one."""


class NoSuchMetric(WrongUsage):
    """A name means no metric here, or several."""


class WrongEnd(GitmlError):
    """The good commit is bad, or the bad one good, or one of them has no figure."""

    def __init__(self, tested: Tested, limit: Limit, is_good_end: bool) -> None:
        told = "has no figure" if tested.figure is None else f"is at {tested.figure:.6g}"
        meant = "good" if is_good_end else "bad"
        super().__init__(
            f"{tested.commit[:10]} should be {meant}, and its {limit.metric} {told}",
            f"Somewhere between a good and a bad commit is the one that lost it; bad is {limit}.",
            (f"gitml exp show {tested.commit[:10]}",),
        )
        self.tested = tested


class Session:
    """One search. No ref is moved, and nothing of the user's working tree is read or changed.

    Parameters
    ----------
    span
        ``good..bad``; each an experiment, a model, or any revision.
    limit
        What is asked of the metric.
    at
        A folder of the repository; None for the current one.
    tell
        Called with the state about ten times a second while a pipeline runs.
    note
        Called with a line for each commit that was looked at.
    """

    def __init__(
        self,
        span: str,
        limit: Limit,
        at: Path | None = None,
        tell: Callable[[State], None] = lambda state: None,
        note: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.desk = desks.find(at)
        self.limit = limit
        self._tell = tell
        self._note = note
        good, dots, bad = span.partition("..")
        if not dots or not good or bad.startswith("."):
            raise NotARange(
                f"{span!r} is no range", "It is good..bad: a commit that is fine, and one that is not.", _EXAMPLE
            )
        there = store.read(self.desk.root)
        ends = [naming.find(name, there, self.desk.root).record.commit for name in (good, bad or "HEAD")]
        self.line = first_parents(ends[0], ends[1], self.desk.root)
        self._runs = {entry.record.commit: entry.run() for entry in store.read_commits(self.line, at=self.desk.root)}
        self._name = full_name(limit.metric, list(self._runs.values()))
        self._known: dict[str, Tested] = {}
        self._stale: dict[str, bool] = {}

    def recorded(self, commit: str) -> Tested | None:
        """Return a commit with the figure that it has; None where it has none, or one of other inputs."""
        run = self._runs.get(commit)
        figure = number(run.metrics.get(self._name)) if run is not None else None
        if run is None or figure is None or self._is_stale(commit):
            return None
        return Tested(commit, run.subject.strip(), figure, "recorded")

    def plan(self) -> list[str]:
        """Return what is known before anything is run."""
        known = sum(1 for commit in self.line if self.recorded(commit) is not None)
        count = len(self.line) - 1
        return [
            f"search {count} commit{'s' * (count != 1)} for the first with {self.limit}",
            f"read the figures of {known}, and run of the other {len(self.line) - known} only what the search meets",
        ]

    def search(self) -> Found:
        """Return the commit that lost it.

        Raises
        ------
        WrongEnd
            The ends of the range are not what they should be.
        KeyboardInterrupt
            Ctrl-C. What was run is kept by DVC, so the same search goes on from there.
        """
        low, high = 0, len(self.line) - 1
        for end, is_good_end in ((low, True), (high, False)):
            found = self._test(end)
            if found.figure is None or self.limit.is_bad(found.figure) is is_good_end:
                raise WrongEnd(found, self.limit, is_good_end)
        skipped: set[int] = set()
        while (place := self._next(low, high, skipped)) is not None:
            figure = self._test(place).figure
            if figure is None:
                skipped.add(place)
            elif self.limit.is_bad(figure):
                high = place
            else:
                low = place
        good, bad = self._known[self.line[low]], self._known[self.line[high]]
        runs = [self._runs[one.commit] for one in (good, bad)]
        return Found(
            good,
            bad,
            tuple(self.line[low + 1 : high]),
            compare(runs[0], runs[1], self.desk.root),
            tuple(self._known.values()),
        )

    def _next(self, low: int, high: int, skipped: set[int]) -> int | None:
        """Return the place to look at next: in the middle of those that cost nothing, else of those that run."""
        places = [place for place in range(low + 1, high) if place not in skipped]
        free = [place for place in places if self._is_recorded(place)]
        among = free or places
        return min(among, key=lambda place: abs(2 * place - low - high)) if among else None

    def _is_recorded(self, place: int) -> bool:
        run = self._runs.get(self.line[place])
        has_figure = run is not None and number(run.metrics.get(self._name)) is not None
        return has_figure and not self._is_stale(self.line[place])

    def _test(self, place: int) -> Tested:
        commit = self.line[place]
        if commit not in self._known:
            found = self.recorded(commit) or self._run(commit)
            self._known[commit] = found
            told = f"{found.figure:.6g}" if found.figure is not None else "no figure"
            verdict = "" if found.figure is None else "  bad" if self.limit.is_bad(found.figure) else "  good"
            source = {"recorded": "", "run": "  (run now)", "failed": "  (its run failed)", "absent": "  (not written)"}
            self._note(f"{commit[:10]}  {told}{verdict}{source[found.comes_from]}  {found.subject}")
        return self._known[commit]

    def _run(self, commit: str) -> Tested:
        """Run a commit in a slot; DVC takes from its run-cache what it ran before."""
        run = self._runs.get(commit)
        subject = run.subject.strip() if run is not None else ""
        desk = self.desk._replace(commit=commit)
        try:
            done = elsewhere.produce(
                desk, commit[:10], git("rev-parse", f"{commit}^{{tree}}", at=desk.root), self._tell
            )
        except (RunFailed, NoPipeline):
            return Tested(commit, subject, None, "failed")
        with Objects(desk.root) as objects:
            found = metrics.read(Snapshot(list_tree(done.produced.tree, desk.root), objects)).metrics
        figure = number(found.get(self._name))
        return Tested(commit, subject, figure, "run" if figure is not None else "absent")

    def _is_stale(self, commit: str) -> bool:
        """Say whether a commit's figures may be of other inputs than it has, or edited by hand."""
        if commit not in self._stale:
            with Objects(self.desk.root) as objects:
                verdict = judge_snapshot(Snapshot(list_tree(commit, self.desk.root), objects))
            self._stale[commit] = bool(verdict.of("stale") or verdict.of("forged"))
        return self._stale[commit]


_EXAMPLE = ("gitml exp bisect --metric roc_auc --below 0.71 main~20..main",)


def first_parents(good: str, bad: str, at: Path | None = None) -> list[str]:
    """Return the commits from a good one to a bad one along first parents, both ends with it, oldest first.

    Parameters
    ----------
    good, bad
        Full ids.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    NotARange
        The bad one does not come after the good one.
    """
    listed = git("rev-list", "--first-parent", bad, "--not", good, at=at).split()
    if good == bad or git("rev-list", "--count", good, "--not", bad, at=at) != "0":
        raise NotARange(
            f"{bad[:10]} does not come after {good[:10]}",
            "The good commit has to be a part of what the bad one is made of.",
            (f"gitml exp bisect … $(git merge-base {good[:10]} {bad[:10]})..{bad[:10]}",),
        )
    return [good, *reversed(listed)]


def full_name(metric: str, runs: Sequence[Run]) -> str:
    """Return the metric that a name means: a whole name, or an end of it that fits only one.

    Raises
    ------
    NoSuchMetric
        None, or more than one, is meant.
    """
    names = dict.fromkeys(name for run in runs for name, value in run.metrics.items() if number(value) is not None)
    if metric in names or not names:  # nothing was recorded: it will be seen
        return metric
    fits = [name for name in names if name.endswith((f".{metric}", f":{metric}"))]
    if len(fits) == 1:
        return fits[0]
    from difflib import get_close_matches

    near = fits or get_close_matches(metric, names, n=3)
    told = f"It may be {', '.join(near[:5])}." if near else f"There are {', '.join(list(names)[:5])}."
    what = f"{metric!r} may mean several metrics" if fits else f"there is no metric {metric!r}"
    raise NoSuchMetric(what, told, (f"gitml exp bisect --metric {(near or list(names))[0]} …",))
