"""A project, for scripts and notebooks: ``gitml.open(".").experiments()``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitml.errors import BrokenEnvironment
from gitml.experiments import store
from gitml.experiments.rows import Run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd  # type: ignore[import-untyped]

    from gitml.experiments.notebook import Experiment


class PandasIsMissing(BrokenEnvironment):
    """There is no pandas to make a table with."""

    def __init__(self) -> None:
        super().__init__("pandas is not installed", "The table of experiments is a DataFrame.", ("pip install pandas",))


class Project:
    """A repository of experiments.

    Parameters
    ----------
    folder
        Anywhere in it.

    Raises
    ------
    GitFailed
        It is in no repository.
    """

    def __init__(self, folder: str | Path = ".") -> None:
        self.folder = Path(folder)
        self.place = store.locate(self.folder)

    def runs(self, has_all: bool = False) -> list[Run]:
        """Return a value for main and for every experiment; with `has_all`, finished ones and models too."""
        kinds = ("main", "experiment", "finished", "model") if has_all else ("main", "experiment")
        return [entry.run() for entry in store.read(self.folder, self.place).of(*kinds)]

    def experiments(self, has_all: bool = False) -> pd.DataFrame:
        """Return the experiments as a table.

        Parameters
        ----------
        has_all
            Whether finished experiments and models are in it too.

        Returns
        -------
        table
            One row a run, main's first; the index is the commit's id. The first columns are ``name``,
            ``kind``, ``author``, ``time`` (UTC), ``subject``, ``hypothesis``, ``verdict``, ``runs``,
            ``test_data``, ``is_pushed``; then the metrics; then the params. A name that is both is the
            metric's, and the param is ``params.NAME``. Columns of whole numbers that have gaps are ``Int64``.

        Raises
        ------
        PandasIsMissing
            It cannot be made.
        """
        try:
            import pandas as pd
        except ImportError:
            raise PandasIsMissing from None
        order = ("main", "experiment", "finished", "model")
        runs = sorted(self.runs(has_all), key=lambda run: (order.index(run.kind), run.name))
        index = pd.Index([run.commit for run in runs], name="commit", dtype="object")
        columns = {name: pd.Series(values, index=index, dtype=kind) for name, kind, values in _facts(runs)}
        columns["time"] = pd.Series(pd.to_datetime([run.time for run in runs], unit="s", utc=True), index=index)
        for name, values in _figures(runs, set(columns)).items():
            columns[name] = pd.Series(values, index=index, dtype=_kind(values))
        return pd.DataFrame(columns, index=index)

    def start_experiment(
        self,
        name: str,
        config: Mapping[str, Any] | None = None,
        hypothesis: str = "",
        include: Sequence[str] = (),
        notebook: str | Path | None = None,
    ) -> Experiment:
        """Return a run of this script or notebook, to be used in a ``with`` block: it is committed at its end.

        Parameters
        ----------
        name
            The experiment: a new one begins here, or the one that is checked out goes on.
        config
            Parameters, nested or by dotted names. Those that stages depend on are set in params.yaml.
        hypothesis
            What is expected, and why; it goes into the report.
        include
            Further untracked files of the run, from the top of the repository.
        notebook
            The notebook or script that runs, where it is not found by itself.

        Returns
        -------
        run
            With ``log_params``, ``log_metrics``, ``log_model``, and ``commit`` at the end.
        """
        from gitml.experiments.notebook import Experiment

        return Experiment(self.folder, name, config, hypothesis, tuple(include), notebook)


def open(folder: str | Path = ".") -> Project:
    """Return the project around a folder.

    Raises
    ------
    GitFailed
        There is no repository.
    """
    return Project(folder)


def _facts(runs: list[Run]) -> list[tuple[str, str, list[Any]]]:
    """Return name, type and values of the columns that say what each run is."""
    return [
        ("name", "str", [run.name for run in runs]),
        ("kind", "str", [run.kind for run in runs]),
        ("author", "str", [run.author for run in runs]),
        ("time", "Int64", [run.time for run in runs]),
        ("subject", "str", [run.subject for run in runs]),
        ("hypothesis", "str", [run.hypothesis for run in runs]),
        ("verdict", "str", [run.report.get("verdict", "") for run in runs]),
        ("runs", "int64", [run.runs for run in runs]),
        ("test_data", "str", [run.test_data for run in runs]),
        ("is_pushed", "boolean", [run.is_pushed for run in runs]),
    ]


def _figures(runs: list[Run], taken: set[str]) -> dict[str, list[Any]]:
    """Return the values of every metric and param, a list a name."""
    columns: dict[str, list[Any]] = {}
    metrics = dict.fromkeys(name for run in runs for name in run.metrics)
    for name in metrics:
        columns[f"metrics.{name}" if name in taken else name] = [run.metrics.get(name) for run in runs]
    for name in dict.fromkeys(name for run in runs for name in run.params):
        is_taken = name in taken or name in metrics
        columns[f"params.{name}" if is_taken else name] = [run.params.get(name) for run in runs]
    return columns


def _kind(values: list[Any]) -> str:
    """Return the type of a column that holds all of its values and nothing else."""
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known):
        return "boolean" if len(known) < len(values) else "bool"
    if not known or not all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        return "str" if known and all(isinstance(value, str) for value in known) else "object"
    if all(isinstance(value, int) and -(2**63) <= value < 2**63 for value in known):
        return "Int64" if len(known) < len(values) else "int64"
    return "float64" if all(abs(value) < 2**1023 for value in known) else "object"
