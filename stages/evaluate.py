"""The evaluate stage: score the exported model on rows it has never seen, and say where it fails and what to try."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages import errors, files, params
from stages.artifact import Artifact, open_model
from stages.errors import InputError, did_you_mean
from stages.findings import Findings, Fold, Settings, Trained, evaluate
from stages.metrics import METRICS
from stages.task import BLOCK, ROW, Feature, Task

FEATURES = Path("data/features")
MODEL = Path("models/model")
TRAINED = Path("results/train")
RESULTS = Path("results/evaluate")


@dataclass(frozen=True)
class Base:
    """Section `base` of params.yaml: the seed of everything drawn, and how many threads predict."""

    seed: int
    threads: int


def main() -> None:
    """Read what the features and train stages wrote, and write `results/evaluate`."""
    given = params.load()
    base = params.section(given, "base", Base)
    settings = params.section(given, "evaluate", Settings)
    check_settings(settings)
    trained = Trained(_read_json(TRAINED / "metrics.json"), _read_curve())
    task, features = _read_features()
    model = open_model(MODEL, base.threads)
    _check_model(model, task, features)
    folds = {name: _read_fold(name, task, features) for name in ("train", "validation", "test")}
    write(evaluate(task, features, model, trained, folds, settings, base.seed))


def write(findings: Findings) -> None:
    """Write `results/evaluate` and print the headline; the metrics come last, so that they stand for the rest."""
    with files.replacing(RESULTS / "plots") as folder:
        _write_tables(folder, findings.plots)
    with files.replacing(RESULTS / "analysis") as folder:
        _write_tables(folder, findings.tables)
        (folder / "errors.md").write_text(findings.errors_page, encoding="utf-8", newline="\n")
    with files.replacing(RESULTS / "predictions.parquet") as file:
        findings.predictions.to_parquet(file, index=False)
    files.write_text(RESULTS / "suggestions.md", findings.advice)
    files.write_json(RESULTS / "metrics.json", findings.metrics)
    print(findings.headline)


def check_settings(settings: Settings) -> None:
    """Raise `InputError` where a value of section `evaluate` makes no sense."""
    known = sorted({name for names in METRICS.values() for name in names})
    if settings.floor.metric not in known:
        raise InputError(
            f"params.yaml: evaluate.floor.metric is {settings.floor.metric!r}."
            f"{did_you_mean(settings.floor.metric, known)}",
            f"Choose one of: {', '.join(known)}.",
        )
    for name, least in (("bootstrap", 0), ("importance_rows", 1), ("min_slice", 1)):
        if getattr(settings, name) < least:
            raise InputError(
                f"params.yaml: evaluate.{name} is {getattr(settings, name)}.", f"It must be {least} or more."
            )


def _read_features() -> tuple[Task, tuple[Feature, ...]]:
    value = _read_json(FEATURES / "features.json")
    return Task.from_json(value["task"]), tuple(Feature.from_json(feature) for feature in value["features"])


def _read_fold(name: str, task: Task, features: tuple[Feature, ...]) -> Fold:
    path = FEATURES / f"{name}.parquet"
    if not path.is_file():
        raise _missing(path)
    frame = pd.read_parquet(path)
    target = frame[task.target].to_numpy(np.float64 if task.kind == "regression" else np.int64)
    return Fold(frame[[feature.name for feature in features]], target, frame[ROW].to_numpy(), frame[BLOCK])


def _check_model(model: Artifact, task: Task, features: tuple[Feature, ...]) -> None:
    differ = sorted({feature.name for feature in model.features} ^ {feature.name for feature in features})
    if differ or model.task != task:
        what = f"the features differ in {', '.join(differ[:5])}" if differ else "another target or other classes"
        raise InputError(f"{MODEL} was trained on other data than {FEATURES} holds: {what}.", "Run `dvc repro`.")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return files.read_json(path)
    except FileNotFoundError:
        raise _missing(path) from None


def _missing(path: Path) -> InputError:
    return InputError(f"{path} does not exist.", "Run `dvc repro`, which makes it.")


def _read_curve() -> pd.DataFrame:
    """Return the learning curve, step by step; empty for a model that learns at once."""
    paths = {part: TRAINED / "live/plots/metrics" / part / "loss.tsv" for part in ("train", "validation")}
    if not all(path.is_file() for path in paths.values()):
        return pd.DataFrame({"step": [], "train": [], "validation": []})
    train, validation = (
        pd.read_csv(path, sep="\t")[["step", "loss"]].rename(columns={"loss": part}) for part, path in paths.items()
    )
    return train.merge(validation, on="step").sort_values("step", ignore_index=True)


def _write_tables(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
    folder.mkdir()
    for name, table in tables.items():
        table.to_csv(folder / name, index=False, float_format="%.6g", lineterminator="\n")


if __name__ == "__main__":
    errors.run(main)
