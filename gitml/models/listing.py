"""The list of released models: which rows, what each is beside production, and where it has been."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gitml.conventions import branches
from gitml.conventions.moments import seconds
from gitml.conventions.released import TEST_DATA
from gitml.experiments.rows import number
from gitml.git.objects import Objects
from gitml.models import claims, registry
from gitml.models.claims import Claim

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from gitml.config import Config
    from gitml.models.registry import Deployment, Registry, Release

Word = Literal["higher", "lower", "same"]
"""What a difference is without an interval, which would say whether it means anything."""


class Period(NamedTuple):
    """A time for which a model was in production.

    Attributes
    ----------
    came
        The commit that brought it.
    left
        The commit that brought another; None while it is there.
    """

    came: Deployment
    left: Deployment | None


class Row(NamedTuple):
    """One release.

    Attributes
    ----------
    release
        What its refs say.
    claim
        What its own files say.
    time
        When it was released, in seconds since 1970; 0 where nothing says it.
    person
        Who released it, by name; empty where nothing says it.
    periods
        When it was in production, the newest first.
    versus
        For each metric by how much it differs from production's, and the word for it; nothing for production
        itself, and where the two cannot be compared.
    is_same_data
        Whether it was measured on the data of the model in production, else of the newest release; None where
        one of the two has no metrics.
    """

    release: Release
    claim: Claim
    time: int
    person: str
    periods: tuple[Period, ...]
    versus: Mapping[str, tuple[float, Word]]
    is_same_data: bool | None

    @property
    def is_in_production(self) -> bool:
        """Whether production has its tree now."""
        return bool(self.periods) and self.periods[0].left is None

    @property
    def metrics(self) -> Mapping[str, Any]:
        """What it says that it measured; empty where that cannot be read."""
        return self.claim.told.metrics if self.claim.told is not None else {}


class List(NamedTuple):
    """A list, ready to be shown.

    Attributes
    ----------
    rows
        The newest first.
    metrics
        The metrics that are shown, the project's first.
    hidden
        How many yanked releases are left out.
    strangers
        The models whose production has a tree that no release here has.
    """

    rows: tuple[Row, ...]
    metrics: tuple[str, ...]
    hidden: int
    strangers: tuple[str, ...]


def build(known: Registry, config: Config, model: str = "", has_all: bool = False, at: Path | None = None) -> List:
    """Return the list of releases.

    Parameters
    ----------
    known
        What there is.
    config
        The project's configuration: its metric, and the metrics of its gates.
    model
        Only this model; empty for all.
    has_all
        Whether yanked releases are listed, too.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    GitFailed
        A commit of production is not in this clone.
    """
    releases = [one for one in known.releases.values() if model in ("", one.version.model)]
    with Objects(at) as objects:
        said = claims.read_each(releases, objects, at)
    histories = registry.histories(known, at)
    rows = _newest_first([_row(one, said[one.commit], histories.get(one.version.model, [])) for one in releases])
    rows = _held_against_production(rows)
    shown = tuple(row for row in rows if has_all or row.release.yanked is None or row.is_in_production)
    return List(shown, _metrics(shown, config), len(rows) - len(shown), _strangers(rows, histories, model))


def periods(tree: str, history: Sequence[Deployment]) -> tuple[Period, ...]:
    """Return when production had a tree, the newest first.

    Parameters
    ----------
    tree
        Its full id.
    history
        Production's, the newest first.
    """
    found: list[Period] = []
    for place, one in enumerate(history):
        if one.tree != tree:
            continue
        after = history[place - 1] if place else None
        if after is not None and after.tree == tree:
            found[-1] = Period(one, found[-1].left)
        else:
            found.append(Period(one, after))
    return tuple(found)


def released(release: Release, claim: Claim) -> tuple[int, str]:
    """Return when, in seconds since 1970, and by whom a model was released: as its tag says, else its own files."""
    if release.tag is not None:
        return release.tag.time, release.tag.person
    if claim.told is None:
        return 0, ""
    return seconds(claim.told.time), claim.told.person.partition(" <")[0]


def versus(now: float, production: float) -> tuple[float, Word]:
    """Return by how much a figure differs from production's, and the word for it."""
    delta = now - production
    return delta, "higher" if delta > 0 else "lower" if delta < 0 else "same"


def _row(release: Release, claim: Claim, history: Sequence[Deployment]) -> Row:
    time, person = released(release, claim)
    been = periods(claim.commit.tree, history) if claim.commit is not None and claim.commit.has_files else ()
    return Row(release, claim, time, person, been, {}, None)


def _newest_first(rows: list[Row]) -> list[Row]:
    """Sort by time; of one model the higher number is newer, whatever the clocks of their makers said."""
    latest: dict[str, int] = {}
    order: dict[str, tuple[int, str, int]] = {}
    for row in rows:  # in the order of their numbers
        model, number = row.release.version.model, row.release.version.number
        latest[model] = max(latest.get(model, 0), row.time)
        order[str(row.release.version)] = (latest[model], model, number)
    return sorted(rows, key=lambda row: order[str(row.release.version)], reverse=True)


def _held_against_production(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with what tells each from its model's production."""
    production = {row.release.version.model: row for row in reversed(rows) if row.is_in_production}
    newest = {row.release.version.model: row for row in reversed(rows) if row.metrics}
    made = []
    for row in rows:
        model = row.release.version.model
        own = production.get(model)
        base = own if own is not None and own.metrics else newest.get(model)
        if base is None or not row.metrics:
            made.append(row)
            continue
        is_same = row.metrics.get(TEST_DATA) == base.metrics.get(TEST_DATA)
        has_another = is_same and own is not None and not row.is_in_production
        made.append(row._replace(is_same_data=is_same, versus=_differences(row, base) if has_another else {}))
    return made


def _differences(row: Row, production: Row) -> dict[str, tuple[float, Word]]:
    found = {}
    for name, value in row.metrics.items():
        now, before = number(value), number(production.metrics.get(name))
        if now is not None and before is not None:
            found[name] = versus(now, before)
    return found


def _metrics(rows: Sequence[Row], config: Config) -> tuple[str, ...]:
    """Return the metrics of the table: the project's, else the pipeline's first; then gates' that differ."""
    names = [config.metric.name] if config.metric is not None else []
    names += [] if names else _first_figures(rows)
    names += [gate.metric for gate in config.gates]
    found = {name: [number(row.metrics.get(name)) for row in rows] for name in dict.fromkeys(names)}
    known = {name: set(values) for name, values in found.items() if any(one is not None for one in values)}
    return tuple(name for place, (name, values) in enumerate(known.items()) if place == 0 or len(values) > 1)


def _first_figures(rows: Iterable[Row]) -> list[str]:
    """Return the first number of each model's newest release: metrics stand there with the last stage's first."""
    found: dict[str, str] = {}
    for row in rows:
        name = next((name for name, value in row.metrics.items() if number(value) is not None), None)
        if name is not None:
            found.setdefault(row.release.version.model, name)
    return list(dict.fromkeys(found.values()))


def _strangers(rows: Sequence[Row], histories: Mapping[str, Sequence[Deployment]], model: str) -> tuple[str, ...]:
    known = {row.release.version.model for row in rows if row.is_in_production}
    return tuple(
        name
        for name, history in histories.items()
        if name not in known and model in ("", name) and branches.is_model(name) and _has_files(history)
    )


def _has_files(history: Sequence[Deployment]) -> bool:
    from gitml.git.history import EMPTY_TREES

    return bool(history) and history[0].tree not in EMPTY_TREES
