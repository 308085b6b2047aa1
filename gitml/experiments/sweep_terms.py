"""What a sweep is asked for, what it tells while it runs, and what it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from gitml.errors import GitmlError
from gitml.experiments.desk import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from gitml.experiments.points import Axis
    from gitml.experiments.progress import State
    from gitml.experiments.ranking import Point, Ranked, Spread

SEED = "seed"


class Request(NamedTuple):
    """What somebody asks for.

    Attributes
    ----------
    slug
        The experiment; None for the one that is checked out.
    axes
        Parameters with the values that each takes.
    sample, sample_seed
        How many points of the grid are taken, and by which seed; None for all.
    seeds
        How often one point is run, each time with another seed; None for a grid.
    seed_param
        The parameter that is the seed.
    hypothesis
        What they expect; may be empty.
    include
        Further untracked files that belong to the runs.
    at_once
        How many points run at a time; None for what the machine has room for, where that is known, else 1.
    is_forced
        Whether to run what other experiments ran before.
    """

    slug: str | None = None
    axes: tuple[Axis, ...] = ()
    sample: int | None = None
    sample_seed: int = 0
    seeds: int | None = None
    seed_param: str = SEED
    hypothesis: str = ""
    include: tuple[str, ...] = ()
    at_once: int | None = None
    is_forced: bool = False


class Failed(NamedTuple):
    """A point that has no result: what was set, the last line that it wrote, and the file with all of them."""

    label: str
    line: str
    log: Path


class Finished(NamedTuple):
    """What a sweep came to.

    Attributes
    ----------
    slug
        The experiment.
    commit
        Full id of the branch's tip; None where nothing was new.
    ranked
        The points, the best first.
    failed
        Those without a result.
    best
        The point whose tree the tip has: the best one; of several seeds the first.
    spread
        The metrics over the seeds; empty for a grid.
    ran, reused
        How many points were run, and how many were there already.
    edited, kept_staged
        As for `gitml.experiments.run_terms.Finished`.
    report, missing
        Where the report is, and the sections that a person still owes.
    """

    slug: str
    commit: str | None
    ranked: Ranked
    failed: tuple[Failed, ...]
    best: Point
    spread: tuple[Spread, ...]
    ran: int
    reused: int
    edited: tuple[str, ...]
    kept_staged: tuple[str, ...]
    report: str
    missing: tuple[str, ...]


class Audience(Protocol):
    """Who is told how far a sweep is."""

    def note(self, line: str) -> None:
        """Take a line that a person should know."""

    def begin(self, count: int, at_once: int) -> None:
        """Take how many points will run, and how many at a time."""

    def show(self, place: int, name: str, state: State) -> None:
        """Take how far a point is; called by several threads."""

    def end(self, place: int, name: str, words: str, is_done: bool) -> None:
        """Take what became of a point."""


class AllFailed(GitmlError):
    """No point of a sweep has a result."""

    def __init__(self, slug: str, failed: tuple[Failed, ...]) -> None:
        lines = [f"{one.label}: {one.line}" for one in failed[:5]]
        more = len(failed) - len(lines)
        super().__init__(
            f"all {len(failed)} points of {slug} failed" if len(failed) > 1 else f"the only point of {slug} failed",
            "\n".join([*lines, *([f"and {more} more"] if more else [])]),
            (f"less {failed[0].log}",),
        )
        self.failed = failed


class OtherCode(GitmlError):
    """The branch has a sweep of other code, commands or data."""

    def __init__(self, slug: str) -> None:
        super().__init__(
            f"{FOLDER}{slug} is a sweep of other code or data than you have here",
            "Its points and these cannot be ranked together.",
            (f"gitml exp sweep -n {slug}-2", f"git switch {FOLDER}{slug}   # its own code"),
        )
