"""The list of experiments: which rows, in which order, and what is said of each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gitml.errors import WrongUsage
from gitml.experiments import where
from gitml.experiments.store import Entry, Store
from gitml.experiments.value_names import UnknownName, find_name
from gitml.experiments.words import MAIN, word_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gitml.config import Config

FIELDS = ("name", "author", "time", "runs")
"""What a list can also be sorted by, and filtered by, besides metrics and params."""

_LOWER = frozenset(
    ("loss", "error", "err", "mse", "rmse", "mae", "mape", "brier", "ece", "perplexity", "latency", "nll", "cer", "wer")
)
"""Parts of a metric's name of which less is better where nobody says otherwise."""

Word = Callable[[Entry, Entry], str]
"""Says of a run and main what their difference is: ``better``, ``worse`` or ``noise``; empty where nobody can tell."""


class Ranking(NamedTuple):
    """By what rows are sorted.

    Attributes
    ----------
    name
        A metric, a parameter or a field; empty where no run has any metric.
    is_metric
        Whether it is a metric, so that it is compared with main's.
    is_higher_better
        Whether the largest stands first.
    """

    name: str
    is_metric: bool
    is_higher_better: bool


class Row(NamedTuple):
    """One row of the list.

    Attributes
    ----------
    entry
        The run.
    value
        What it is sorted by; None where it has none.
    rank
        From 1; None where it has no value or cannot be compared.
    group
        ``ranked``; ``other data`` for what was measured on other test data than the ranked ones; ``no result``.
    delta
        The difference to main's value; None where there is none to compare with.
    word
        ``better``, ``worse`` or ``noise``, from paired intervals; empty without them.
    """

    entry: Entry
    value: Any
    rank: int | None
    group: str
    delta: float | None
    word: str


class List(NamedTuple):
    """A list, ready to be shown.

    Attributes
    ----------
    rows
        Best first; then what was measured on other data, data by data; then what has no result.
    test_data
        On which data the ranked ones were measured; empty where that is not known.
    """

    rows: tuple[Row, ...]
    ranking: Ranking
    test_data: str


def build(
    store: Store,
    config: Config,
    sort_by: str = "",
    expression: str = "",
    has_all: bool = False,
    word: Word | None = None,
) -> List:
    """Return the list of experiments.

    Parameters
    ----------
    store
        What there is.
    config
        The project's configuration: its metric, and which of gates' metrics is better low.
    sort_by
        A metric, a parameter or a field, or the unique end of one; empty for the project's metric.
    expression
        A filter in the language of `gitml.experiments.where`; empty for none. Main is always shown.
    has_all
        Whether finished experiments and models are listed too.
    word
        What to say of a difference; None for what the runs say themselves.

    Raises
    ------
    WrongUsage
        A name means nothing, or the expression makes no sense.
    """
    kinds = ("main", "experiment", "finished", "model") if has_all else ("main", "experiment")
    entries = store.of(*kinds)
    # before anything is read: a typing error is told at once
    parsed = where.parse(expression) if expression else None
    ranking = _ranking(entries, config, sort_by)
    if parsed is not None:
        entries = _filtered(entries, parsed)
    values = [_value(entry, ranking) for entry in entries]
    main = store.main
    test_data = _test_data(entries, values, main) if ranking.is_metric else ""
    if word is None and ranking.is_metric:
        word = word_of_run(ranking.name)
    rows = [_row(entry, value, ranking, test_data, main, word) for entry, value in zip(entries, values, strict=True)]
    rows.sort(key=lambda row: _order(row, ranking))
    return List(tuple(_ranked(rows)), ranking, test_data)


def word_of_run(metric: str) -> Word:
    """Return what says how a run compares with main: what the run itself found, if main is still there.

    A run compares its predictions with main's when it ends, and writes the words into its commit. The trailer is
    looked for in the text that is kept, so that nothing is parsed.
    """

    def word(entry: Entry, main: Entry) -> str:
        head = entry.record.head
        start = head.find(_TRAILER)
        if start < 0:
            return ""
        start += len(_TRAILER)
        said = word_in(head[start : head.index('"', start)], main.record.commit, metric.rpartition(":")[2])
        return said.removeprefix("within ")

    return word


_TRAILER = f'"{MAIN}": "'


def default_metric(entries: Sequence[Entry], config: Config) -> str:
    """Return the metric that ranks runs: the project's, else the first number of the file that is most runs' last.

    A run that lacks the last file of its pipeline, because it failed, does not change what the others are ranked by.
    """
    if config.metric is not None:
        return config.metric.name
    counted: Counter[tuple[str, str]] = Counter()
    for text, count in Counter(entry.record.leading for entry in entries).items():
        for file, name in json.loads(text)[:1]:
            counted[file, name] += count
    files = Counter({file: 0 for file, _ in counted})
    for (file, _), count in counted.items():
        files[file] += count
    if not files:
        return ""
    best = min(files, key=lambda file: (-files[file], file))
    return min((key for key in counted if key[0] == best), key=lambda key: (-counted[key], key))[1]


def is_higher_better(metric: str, config: Config) -> bool:
    """Say whether more of a metric is better: as gitml.toml says, else by its name."""
    if config.metric is not None and metric == config.metric.name:
        return config.metric.direction == "higher"
    for gate in config.gates:
        if gate.metric == metric:
            return gate.direction == "higher"
    last = metric.rpartition(".")[2].rpartition(":")[2].lower()
    return _LOWER.isdisjoint(last.replace("-", "_").split("_"))


def values_of(entry: Entry) -> dict[str, Any]:
    """Return everything of a run that has a name: fields, params, and metrics, which win where names are the same."""
    run = entry.run()
    fields = {"name": run.name, "author": run.author, "time": run.time, "runs": run.runs, "kind": run.kind}
    fields |= {"subject": run.subject, "test_data": run.test_data, "commit": run.commit}
    fields |= {key: run.report[key] for key in ("status", "verdict") if key in run.report}
    return {**fields, **run.params, **run.metrics}


def _ranking(entries: Sequence[Entry], config: Config, sort_by: str) -> Ranking:
    if not sort_by:
        name = default_metric(entries, config)
        return Ranking(name, bool(name), is_higher_better(name, config))
    metrics: dict[str, None] = {}
    params: dict[str, None] = {}
    rows = []
    for entry in entries:
        body = json.loads(f"{{{entry.record.body}}}")
        if sort_by in body["metrics"]:
            return Ranking(sort_by, True, is_higher_better(sort_by, config))
        metrics |= dict.fromkeys(body["metrics"])
        params |= dict.fromkeys(body["params"])
        rows.append({**body["params"], **body["metrics"]})
    try:
        name = find_name(sort_by, metrics, rows)
    except UnknownName as error:
        if error.candidates:
            raise
        name = find_name(sort_by, [*FIELDS, *params, *metrics], rows)
    if name in metrics:
        return Ranking(name, True, is_higher_better(name, config))
    return Ranking(name, False, name in ("time", "runs"))


def _filtered(entries: Sequence[Entry], expression: where.Expression) -> list[Entry]:
    values = [values_of(entry) for entry in entries]
    known = dict.fromkeys(name for one in values for name in one)
    names = {name: find_name(name, known, values) for name in where.names_in(expression)}
    meant = where.renamed(expression, names)
    return [entry for entry, one in zip(entries, values, strict=True) if entry.kind == "main" or where.fits(meant, one)]


def _value(entry: Entry, ranking: Ranking) -> Any:
    if ranking.is_metric:
        return entry.figure(ranking.name)
    if not ranking.name:
        return None
    value = values_of(entry).get(ranking.name)
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else None


def _test_data(entries: Sequence[Entry], values: Sequence[Any], main: Entry | None) -> str:
    """Return the data on which rows are ranked: main's if main has a result, else what most rows have."""
    measured = [entry for entry, value in zip(entries, values, strict=True) if value is not None]
    if main is not None and main in measured:
        return main.record.test_data
    counted = Counter(entry.record.test_data for entry in measured)
    return min(counted, key=lambda one: (-counted[one], one), default="")


def _row(entry: Entry, value: Any, ranking: Ranking, test_data: str, main: Entry | None, word: Word | None) -> Row:
    if value is None:
        return Row(entry, None, None, "no result", None, "")
    if ranking.is_metric and entry.record.test_data != test_data:
        return Row(entry, value, None, "other data", None, "")
    if not ranking.is_metric or main is None or entry is main:
        return Row(entry, value, None, "ranked", None, "")
    base = main.figure(ranking.name)
    delta = None if base is None else value - base
    return Row(entry, value, None, "ranked", delta, word(entry, main) if word is not None and delta is not None else "")


def _order(row: Row, ranking: Ranking) -> tuple[Any, ...]:
    group = ("ranked", "other data", "no result").index(row.group)
    data = row.entry.record.test_data if row.group == "other data" else ""
    value = row.value
    if isinstance(value, str):
        return (group, data, 1, 0, value, row.entry.name)
    return (group, data, 0, 0 if value is None else -value if ranking.is_higher_better else value, "", row.entry.name)


def _ranked(rows: list[Row]) -> list[Row]:
    """Give each row its rank; those with the same value share one."""
    made: list[Row] = []
    for place, row in enumerate(rows):
        if row.group != "ranked":
            made.append(row)
        elif made and made[-1].value == row.value:
            made.append(row._replace(rank=made[-1].rank))
        else:
            made.append(row._replace(rank=place + 1))
    return made


def no_experiments(store: Store) -> WrongUsage | None:
    """Return what to say where there is nothing to list; None where there is."""
    if store.is_blocked:
        return WrongUsage(
            "a branch is called experiments, so no branch can be called experiments/<name>",
            "git keeps branches as files: a name cannot be a folder too.",
            ("git branch -m experiments another-name",),
        )
    return None
