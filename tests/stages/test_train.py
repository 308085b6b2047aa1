"""The train stage: from data/features to models/model and results/train, whole or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.artifact import open_model
from stages.errors import InputError
from stages.metrics import score
from stages.models.base import Fold
from stages.task import Feature, Task
from stages.train import check_classes

ROOT = Path(__file__).parents[2]

PARAMS = """
base: {{seed: 1, threads: 1}}
train:
  model: {model}
  device: auto
  logistic: &logistic {{C: 1.0, max_iter: {max_iter}, min_frequency: 1, spline_knots: {spline_knots}}}
  random_forest: {{trees: 25, min_samples_leaf: 5, max_features: 0.5}}
  hist_gradient_boosting: &boosting
    {{learning_rate: 0.1, max_iter: 40, max_leaf_nodes: 8, min_samples_leaf: 5, l2_regularization: 0.0,
     max_features: 0.7, patience: 2}}
  mlp: {{width: 8, depth: 1, dropout: 0.0, embedding: 2, periodic: 0, lr: 1e-2, weight_decay: 1e-4, batch_size: 64,
        max_epochs: 2, patience: 2}}
  ensemble: {{weights: fitted, members: {{logistic: *logistic, hist_gradient_boosting: *boosting}}}}
"""

TASKS = {
    "binary": Task("binary", "late", ("no", "yes")),
    "multiclass": Task("multiclass", "colour", ("red", "green", "blue")),
    "regression": Task("regression", "price"),
}
FEATURES = (Feature("hour", "numeric", "hour"), Feature("carrier", "categorical", "carrier", levels=("", "AA")))

Lay = Callable[..., Path]


@pytest.fixture
def lay(tmp_path: Path) -> Lay:
    """Lay down a folder with params.yaml and data/features."""

    def laid(
        model: str, kind: str = "binary", name: str = "project", max_iter: int = 30, spline_knots: int = 0
    ) -> Path:
        folder = tmp_path / name
        features = folder / "data" / "features"
        features.mkdir(parents=True)
        params = PARAMS.format(model=model, max_iter=max_iter, spline_knots=spline_knots)
        (folder / "params.yaml").write_text(params)
        listing = {"task": TASKS[kind].to_json(), "features": [feature.to_json() for feature in FEATURES]}
        (features / "features.json").write_text(json.dumps(listing))
        for seed, part in enumerate(("train", "validation")):
            table(kind, seed).to_parquet(features / f"{part}.parquet")
        return folder

    return laid


def table(kind: str, seed: int, rows: int = 200) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    hour, carrier = random.uniform(0, 24, rows).astype("float32"), random.choice(["AA", ""], rows)
    signal = (hour - 12) / 4 + (carrier == "AA") + random.normal(0, 1, rows)
    targets = {"binary": (signal > 0).astype("int64"), "multiclass": np.digitize(signal, [-1, 1]), "regression": signal}
    data = {"hour": hour, "carrier": carrier, TASKS[kind].target: targets[kind], "__row__": np.arange(rows)}
    return pd.DataFrame(data).assign(__block__="a")


def train(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the stage in a fresh process, with a DVC Studio token that must not be used."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DVC_STUDIO_TOKEN": "x",
        "DVC_STUDIO_URL": "http://127.0.0.1:9",
    }
    return subprocess.run(
        [sys.executable, "-m", "stages.train"], cwd=folder, env=environment, capture_output=True, text=True
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Return what the stage wrote, by path."""
    roots = [folder / "models", folder / "results"]
    return {
        str(file.relative_to(folder)): file.read_bytes() for root in roots for file in root.rglob("*") if file.is_file()
    }


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("hist_gradient_boosting", "binary"),
        pytest.param("ensemble", "multiclass", marks=pytest.mark.slow),
        pytest.param("random_forest", "regression", marks=pytest.mark.slow),
        pytest.param("mlp", "binary", marks=pytest.mark.slow),
    ],
)
def test_two_fresh_processes_write_the_same_bytes(lay: Lay, model: str, kind: str) -> None:
    one, two = lay(model, kind, "one"), lay(model, kind, "two")
    for folder in (one, two):
        done = train(folder)
        assert done.returncode == 0, done.stderr
    written = contents(one)
    assert written == contents(two)
    live = [f"results/train/live/plots/metrics/{part}/loss.tsv" for part in ("train", "validation")]
    assert {"models/model/model.onnx", "results/train/metrics.json", *live} <= set(written)
    assert written[live[1]].decode().splitlines()[0] == "step\tloss"


def test_the_metrics_are_those_of_the_shipped_model(lay: Lay) -> None:
    folder = lay("hist_gradient_boosting")
    done = train(folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("hist_gradient_boosting: ")
    metrics = json.loads((folder / "results/train/metrics.json").read_text())
    assert set(metrics) == {"train", "validation", "train_rows", "export_difference", "steps", "best_step", "threshold"}
    model = open_model(folder / "models/model")
    assert (model.features, model.task, model.threshold) == (FEATURES, TASKS["binary"], metrics["threshold"])
    for seed, part in enumerate(("train", "validation")):
        rows = table("binary", seed)
        found = score(model.task, rows.late.to_numpy(), model.predict(rows), model.threshold)
        assert metrics[part] == pytest.approx(found, rel=1e-5)
    curve = pd.read_csv(folder / "results/train/live/plots/metrics/validation/loss.tsv", sep="\t")
    assert metrics["best_step"] == curve.step[curve.loss.argmin()]
    assert metrics["steps"] == curve.step.iloc[-1]


def test_a_model_that_onnx_cannot_express_is_shipped_by_skops_the_same_each_time(lay: Lay) -> None:
    one, two = (lay("logistic", name=name, spline_knots=4) for name in ("one", "two"))
    for folder in (one, two):
        done = train(folder)
        assert done.returncode == 0, done.stderr
    assert "models/model/model.skops" in contents(one)
    assert contents(one) == contents(two)
    assert open_model(one / "models/model").predict(table("binary", 5)).shape == (200, 2)


def test_after_a_failure_the_old_model_is_there_and_nothing_half_written(lay: Lay) -> None:
    folder = lay("logistic")
    assert train(folder).returncode == 0
    before = contents(folder)
    broken = table("binary", 0).drop(columns="carrier").assign(carrier="")
    broken["hour"] = np.float32(np.nan)
    # Rows of which every number is missing: there is nothing to learn from.
    listing = {"task": TASKS["binary"].to_json(), "features": [FEATURES[0].to_json()]}
    (folder / "data/features/features.json").write_text(json.dumps(listing))
    broken.to_parquet(folder / "data/features/train.parquet")
    done = train(folder)
    assert done.returncode == 1
    assert done.stderr.startswith("error: No feature has a single value")
    after = {path: content for path, content in before.items() if "/live/" not in path}
    assert contents(folder) == after
    assert sorted(path.name for path in (folder / "models").iterdir()) == ["model"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("model: logistic", "model: logistc", "train.model is 'logistc', which is no model. Did you mean 'logistic'?"),
        ("max_iter: 30", "max_itr: 30", "train.logistic.max_itr is not a parameter. Did you mean 'max_iter'?"),
        ("C: 1.0", "C: -1.0", "train.logistic.C is -1.0. It must be above 0."),
        ("device: auto", "device: gpu", "train.device is 'gpu'."),
        ("device: auto", "devise: auto", "train.devise is not a parameter. Did you mean 'device'?"),
    ],
)
def test_a_mistake_in_params_is_one_paragraph(lay: Lay, old: str, new: str, message: str) -> None:
    folder = lay("logistic")
    params = folder / "params.yaml"
    params.write_text(params.read_text().replace(old, new))
    done = train(folder)
    assert done.returncode == 1
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert contents(folder) == {}


def test_features_that_were_not_made_are_named(lay: Lay) -> None:
    folder = lay("logistic")
    (folder / "data/features/features.json").unlink()
    assert "data/features/features.json does not exist. Run `dvc repro features` first." in train(folder).stderr


def test_a_class_without_training_rows_is_named() -> None:
    rows = Fold(pd.DataFrame({"hour": [1.0, 2.0]}), np.array([0, 2]))
    with pytest.raises(InputError, match="No training row has colour = 'green'"):
        check_classes(TASKS["multiclass"], rows)


def test_inside_a_git_repository_nothing_else_is_touched(lay: Lay) -> None:
    folder = lay("logistic")
    (folder / ".gitignore").write_text("models\nresults\n")
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@e.x", "commit", "-qm", "t"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=folder, check=True)
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@e.x", "commit", "-qm", "dvc"], cwd=folder, check=True
    )
    done = train(folder)
    assert done.returncode == 0, done.stderr
    assert subprocess.run(["git", "status", "--porcelain"], cwd=folder, capture_output=True, text=True).stdout == ""
    assert subprocess.run(["git", "for-each-ref", "refs/exps"], cwd=folder, capture_output=True, text=True).stdout == ""
