"""The train stage: fit the chosen model, and export it with everything that a prediction needs."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from stages import errors, export, files, models, params
from stages.artifact import Artifact, Signature
from stages.errors import InputError
from stages.metrics import choose_threshold, score
from stages.models.base import Fold, Setting
from stages.params import Base
from stages.task import Feature, Task

FEATURES = Path("data/features")
MODEL = Path("models/model")
LIVE = Path("results/train/live")
METRICS = Path("results/train/metrics.json")

SCORED = 50_000
"""Training rows that the training score is computed on, at most; always the same ones."""

QUIET = 5.0
"""Seconds from one line of progress to the next where stderr is no terminal."""


@dataclass(frozen=True)
class TrainParams:
    """The section ``train`` of params.yaml; the section of the chosen model is read by that model."""

    model: str
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    logistic: dict[str, Any] = field(default_factory=dict)
    random_forest: dict[str, Any] = field(default_factory=dict)
    hist_gradient_boosting: dict[str, Any] = field(default_factory=dict)
    mlp: dict[str, Any] = field(default_factory=dict)
    ensemble: dict[str, Any] = field(default_factory=dict)


def main() -> None:
    """Read data/features, and write models/model and results/train."""
    # Threads of libgomp that wait spin for a moment only: on a busy machine long spinning makes a fit take twice as
    # long, and no spinning at all does so on a quiet one. To be set before libgomp is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    given = params.load()
    base = params.section(given, "base", Base)
    wanted = params.section(given, "train", TrainParams)
    model = models.find(wanted.model)
    chosen = model.read(getattr(wanted, wanted.model), f"train.{wanted.model}")
    task, features = read_features()
    train, validation = (read_fold(fold, task, features) for fold in ("train", "validation"))
    check_classes(task, train)
    setting = Setting(task, features, base.seed, base.threads, device_for(wanted, chosen))
    with files.replacing(MODEL) as folder, curves(LIVE) as curve:
        metrics = fit_and_export(folder, model, chosen, train, validation, setting, curve)
        files.write_json(METRICS, metrics)
    shown = ", ".join(f"{name} {value:.4g}" for name, value in list(metrics["validation"].items())[:4])
    print(f"{wanted.model}: {metrics['steps']} steps, validation {shown}")


def fit_and_export(
    folder: Path, model: models.Model, chosen: Any, train: Fold, validation: Fold, setting: Setting, curve: Curve
) -> dict[str, Any]:
    """Fit the model, write it into `folder`, and return the metrics of what was written.

    Parameters
    ----------
    folder
        Where the model goes; it must not exist.
    chosen
        The model's checked params.
    """
    from threadpoolctl import threadpool_limits

    task = setting.task
    with threadpool_limits(setting.threads):
        fitted = model.fit(chosen, train, validation, setting, curve.log)
        wanted = Signature(task, setting.features, "onnx", None, model.name)
        written = export.write(folder, fitted, wanted, export.Environment(setting.device, setting.threads))
        artifact, apart = export.check(folder, fitted, validation, setting.threads)
        if task.kind == "binary":
            threshold = choose_threshold(validation.y, artifact.predict(validation.X))
            written = replace(written, threshold=files.rounded(threshold))
            export.write_signature(folder, written)
            artifact = replace(artifact, signature=written)
        some = np.sort(np.random.default_rng(setting.seed).permutation(len(train.y))[:SCORED])
        metrics: dict[str, Any] = {
            "train": _score(artifact, Fold(train.X.iloc[some], train.y[some])),
            "validation": _score(artifact, validation),
            "export_difference": apart,
            "train_rows": len(some),
            "steps": curve.steps,
            "best_step": curve.best_step,
        }
    if written.threshold is not None:
        metrics["threshold"] = written.threshold
    weights = getattr(fitted, "weights", None)
    if weights is not None:
        metrics["weights"] = dict(weights)
    return files.rounded(metrics)


def read_features() -> tuple[Task, tuple[Feature, ...]]:
    """Return the task and the feature list that the features stage wrote."""
    place = FEATURES / "features.json"
    if not place.is_file():
        raise InputError(f"{place} does not exist.", "Run `dvc repro features` first.")
    listing = files.read_json(place)
    return Task.from_json(listing["task"]), tuple(Feature.from_json(feature) for feature in listing["features"])


def read_fold(name: str, task: Task, features: tuple[Feature, ...]) -> Fold:
    """Read one fold of data/features."""
    frame = pd.read_parquet(FEATURES / f"{name}.parquet", columns=[*(f.name for f in features), task.target])
    types = {feature.name: np.float32 if feature.type == "numeric" else object for feature in features}
    y = frame.pop(task.target).to_numpy()
    return Fold(frame.astype(types), y.astype(np.float64 if task.kind == "regression" else np.int64))


def check_classes(task: Task, train: Fold) -> None:
    """Refuse training rows that lack a class.

    Raises
    ------
    InputError
        A class of the task has no training row.
    """
    present = set(np.unique(train.y).tolist())
    for code, label in enumerate(task.classes):
        if code not in present:
            raise InputError(
                f"No training row has {task.target} = '{label}', so no model can learn it.",
                "Split otherwise (split in params.yaml), or put that class together with another in the data.",
            )


def device_for(wanted: TrainParams, chosen: Any) -> str:
    """Return the device that training will use: cpu for models that know no other."""
    names = {wanted.model, *getattr(chosen, "members", ())}
    if not names & models.ON_DEVICE:
        return "cpu"
    if wanted.device != "auto":
        return wanted.device
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


class Curve:
    """The learning curve while it grows: for DVCLive, and for who watches.

    Parameters
    ----------
    live
        Where the figures go.

    Attributes
    ----------
    steps
        The last step so far.
    """

    def __init__(self, live: Any) -> None:
        from tqdm import tqdm

        self._live = live
        self._bar = tqdm(desc="train", unit=" steps", leave=False, disable=None, bar_format="{desc} [{elapsed}]")
        self._said = time.monotonic()
        self._best = (np.inf, 0)
        self.steps = 0

    @property
    def best_step(self) -> int:
        """The step of the lowest validation loss, which is what a model that stops early keeps; 0 before the first."""
        return self._best[1]

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Write down the figures of a step; see `stages.models.base.Log`."""
        self._live.step = step
        for name, value in figures.items():
            self._live.log_metric(name, files.rounded(float(value)))
        self._live.next_step()
        if "validation/loss" in figures:
            self.steps = step
            self._best = min(self._best, (figures["validation/loss"], step))
        said = f"train: step {step}, " + ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
        if not self._bar.disable:
            self._bar.set_description_str(said)
        elif time.monotonic() - self._said > QUIET:
            self._said = time.monotonic()
            print(said, file=sys.stderr)

    def close(self) -> None:
        """Take the progress bar away."""
        self._bar.close()


@contextmanager
def curves(folder: Path) -> Iterator[Curve]:
    """Keep the learning curve in a DVCLive folder, which is removed if the block fails."""
    # DVCLive would report to a server that the user's DVC settings name; the figures belong to git alone.
    before = os.environ.get("DVC_STUDIO_OFFLINE")
    os.environ["DVC_STUDIO_OFFLINE"] = "true"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        from dvclive import Live

        class Figures(Live):
            def _init_dvc(self) -> None:
                """Ask git for nothing: DVCLive wants HEAD's commit, and a new project has none."""

        with Figures(dir=str(folder), save_dvc_exp=False, dvcyaml=None, report=None) as live:
            curve = Curve(live)
            try:
                yield curve
            finally:
                curve.close()
        # the last step's figures, which results/train/metrics.json has of the model that was kept
        (folder / "metrics.json").unlink()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        if before is None:
            del os.environ["DVC_STUDIO_OFFLINE"]
        else:
            os.environ["DVC_STUDIO_OFFLINE"] = before


def _score(artifact: Artifact, fold: Fold) -> dict[str, float]:
    return score(artifact.task, fold.y, artifact.predict(fold.X), artifact.threshold)


if __name__ == "__main__":
    errors.run(main)
