"""One row at a time: the exported graph against the scikit-learn pipeline that it was made from.

The default model is fitted on the flights' features (`dvc repro features` first) and exported; then the same
row is predicted in turns by the graph, by the artifact from a table of one row, and by the pipeline in memory.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter

# As the train stage does, before libgomp is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

from threadpoolctl import threadpool_limits

from stages import export, models, params
from stages.artifact import Signature, as_columns
from stages.models.base import Setting
from stages.train import read_features, read_fold

MODEL = "hist_gradient_boosting"

TURNS = 40

CALLS = 10
"""Calls in a turn: a server that answers row after row has its caches warm."""


def interleaved(calls: Mapping[str, Callable[[], object]], turns: int = TURNS) -> dict[str, float]:
    """Return each call's median seconds; they take turns, so that all of them meet the same noise."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(turns):
        for name, call in calls.items():
            for _ in range(CALLS):
                start = perf_counter()
                call()
                seconds[name].append(perf_counter() - start)
    return {name: median(measured) for name, measured in seconds.items()}


def main() -> None:
    """Run and print the figures."""
    given = params.load()
    base = params.section(given, "base", params.Base)
    task, features = read_features()
    train, validation = (read_fold(fold, task, features) for fold in ("train", "validation"))
    model = models.find(MODEL)
    chosen = model.read(given["train"][MODEL], f"train.{MODEL}")
    setting = Setting(task, features, base.seed, base.threads)
    with tempfile.TemporaryDirectory() as temporary, threadpool_limits(1):
        fitted = model.fit(chosen, train, validation, setting, lambda step, figures: None)
        folder = Path(temporary, "model")
        export.write(folder, fitted, Signature(task, features, "onnx", None, MODEL), export.Environment("cpu", 1))
        artifact, _ = export.check(folder, fitted, validation, threads=1)
        row = validation.X.iloc[:1]
        columns = as_columns(row, features)
        figures = interleaved(
            {
                "model.onnx": lambda: artifact.run(columns),
                "artifact, from a table of one row": lambda: artifact.predict(row),
                "scikit-learn pipeline": lambda: fitted.predict(row),
            }
        )
    slowest = figures["scikit-learn pipeline"]
    for name, seconds in figures.items():
        print(f"{name:<36}{seconds * 1e6:10.0f} µs{slowest / seconds:10.0f} x")


if __name__ == "__main__":
    main()
