"""The evaluate stage on a small exported model, from files to files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper
from sklearn.metrics import roc_auc_score

from stages import evaluate
from stages.errors import InputError
from stages.findings import fingerprint
from stages.task import BLOCK, ROW, Feature, Task

BINARY = Task("binary", "late", ("no", "yes"), time_column="day")
THREE = Task("multiclass", "kind", ("a", "b", "c"))
NUMBER = Task("regression", "price")
FEATURES = (Feature("hour", "numeric", "hour"), Feature("origin", "categorical", "origin", levels=("EWR", "JFK")))
SIZES = {"train": 400, "validation": 200, "test": 300}
PARAMS = """
base: {seed: 42, threads: 1}
evaluate: {bootstrap: 50, importance_rows: 200, min_slice: 20, floor: {metric: roc_auc, at_least: 0.6}}
"""


def graph(task: Task) -> onnx.ModelProto:
    """`hour` plus 1 at EWR; for classes the softmax of 0 and that (and its double)."""
    score = [
        helper.make_node(
            "LabelEncoder",
            ["origin"],
            ["shift"],
            domain="ai.onnx.ml",
            keys_strings=["EWR"],
            values_floats=[1.0],
            default_float=0.0,
        ),
        helper.make_node("Add", ["hour", "shift"], ["score"]),
    ]
    if task.kind == "regression":
        nodes, width, output = [helper.make_node("Identity", ["score"], ["prediction"])], 1, "prediction"
    else:
        width, output = len(task.classes), "probabilities"
        nodes = [
            helper.make_node("MatMul", ["score", "slopes"], ["logits"]),
            helper.make_node("Softmax", ["logits"], [output], axis=1),
        ]
    slopes = helper.make_tensor("slopes", TensorProto.FLOAT, [1, width], [float(place) for place in range(width)])
    inputs = [
        helper.make_tensor_value_info("hour", TensorProto.FLOAT, [None, 1]),
        helper.make_tensor_value_info("origin", TensorProto.STRING, [None, 1]),
    ]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, width])]
    made = helper.make_graph([*score, *nodes], "small", inputs, outputs, [slopes])
    return helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)], ir_version=8
    )


def fold(task: Task, rows: int, first: int) -> pd.DataFrame:
    """Rows of which the model is right, on thirty days."""
    generator = np.random.default_rng(first)
    hour = generator.normal(size=rows).astype(np.float32)
    origin = generator.choice(["EWR", "JFK", ""], rows)
    score = hour + (origin == "EWR")
    odds = np.exp(np.outer(score, np.arange(len(task.classes))))
    if task.kind == "regression":
        target = score + generator.normal(size=rows)
    else:
        target = (odds.cumsum(axis=1) > generator.random((rows, 1)) * odds.sum(axis=1, keepdims=True)).argmax(axis=1)
    day = np.arange(rows) % 30
    return pd.DataFrame(
        {
            "hour": hour,
            "origin": origin,
            task.target: target.astype(np.float64 if task.kind == "regression" else np.int64),
            ROW: np.arange(first, first + rows),
            BLOCK: [f"2013-01-{number:02}" for number in day],
        }
    )


def lay_down(folder: Path, task: Task) -> None:
    """Write what the features and train stages would."""
    (folder / "params.yaml").write_text(PARAMS)
    (folder / "data/features").mkdir(parents=True)
    first = 0
    for name, rows in SIZES.items():
        fold(task, rows, first).to_parquet(folder / f"data/features/{name}.parquet", index=False)
        first += rows
    described = {"task": task.to_json(), "features": [feature.to_json() for feature in FEATURES]}
    (folder / "data/features/features.json").write_text(json.dumps(described))
    (folder / "models/model").mkdir(parents=True)
    (folder / "models/model/model.onnx").write_bytes(graph(task).SerializeToString())
    threshold = 0.4 if task.kind == "binary" else None
    output = "prediction" if task.kind == "regression" else "probabilities"
    signature = {**described, "output": output, "format": "onnx", "threshold": threshold, "model": "logistic"}
    (folder / "models/model/signature.json").write_text(json.dumps(signature))
    (folder / "results/train").mkdir(parents=True)
    (folder / "results/train/metrics.json").write_text(json.dumps({"train": {}, "validation": {}, "steps": 0}))


def written(folder: Path) -> dict[str, bytes]:
    results = folder / "results/evaluate"
    return {str(path.relative_to(results)): path.read_bytes() for path in sorted(results.rglob("*")) if path.is_file()}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    lay_down(tmp_path, BINARY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_every_file(project):
    evaluate.main()
    assert set(written(project)) == {
        "metrics.json",
        "predictions.parquet",
        "suggestions.md",
        *(f"analysis/{name}" for name in ("drift.csv", "errors.md", "importance.csv", "slices.csv")),
        *(f"plots/{name}.csv" for name in ("calibration", "confusion", "importance", "precision_recall")),
        *(f"plots/{name}.csv" for name in ("residuals", "roc", "score_by_slice")),
    }


def test_the_metrics_are_those_of_the_model_on_test_rows(project):
    evaluate.main()
    metrics = json.loads((project / "results/evaluate/metrics.json").read_text())
    test = fold(BINARY, 300, 600)
    score = test["hour"] + (test["origin"] == "EWR")
    assert metrics["roc_auc"] == pytest.approx(roc_auc_score(test["late"], score), abs=1e-6)
    assert metrics["interval"]["roc_auc"]["low"] < metrics["roc_auc"] < metrics["interval"]["roc_auc"]["high"]
    assert (metrics["rows"], metrics["blocks"], metrics["threshold"]) == (300, 30, 0.4)
    assert 0 < metrics["skill"] < 1
    assert metrics["validation"]["roc_auc"] != metrics["roc_auc"]


def test_the_predictions_are_there_row_by_row(project):
    evaluate.main()
    table = pd.read_parquet(project / "results/evaluate/predictions.parquet")
    assert table.columns.tolist() == [ROW, BLOCK, "target", "probability_no", "probability_yes"]
    assert table[ROW].tolist() == list(range(600, 900))
    assert table["probability_yes"].dtype == np.float32
    test = fold(BINARY, 300, 600)
    score = test["hour"] + (test["origin"] == "EWR")
    assert table["probability_yes"].to_numpy() == pytest.approx(1 / (1 + np.exp(-score.to_numpy())), abs=1e-6)


def test_the_same_inputs_give_the_same_bytes(project):
    evaluate.main()
    before = written(project)
    evaluate.main()
    assert written(project) == before


def test_one_line_is_printed(project, capsys):
    evaluate.main()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("roc_auc 0.")
    assert "on 300 test rows in 30 blocks; validation 0." in line


@pytest.mark.parametrize(("task", "headline"), [(THREE, "roc_auc"), (NUMBER, "rmse")], ids=["multiclass", "regression"])
def test_other_tasks_work_with_the_floor_of_the_default_one(tmp_path, monkeypatch, capsys, task, headline):
    lay_down(tmp_path, task)
    monkeypatch.chdir(tmp_path)
    evaluate.main()
    assert capsys.readouterr().out.startswith(f"{headline} ")
    columns = pd.read_parquet(tmp_path / "results/evaluate/predictions.parquet").columns.tolist()
    assert columns[3:] == [f"probability_{label}" for label in task.classes] if task.classes else ["prediction"]


def test_features_have_no_part_in_the_name_of_the_test_data_and_targets_have():
    rows, blocks, y = np.array([3, 4]), pd.Series(["x", "y"]), np.array([0, 1])
    name = fingerprint(BINARY, rows, blocks, y)
    assert len(name) == 16
    assert name == fingerprint(BINARY, rows.copy(), blocks.copy(), y.copy())
    others = [
        fingerprint(BINARY, rows + 1, blocks, y),
        fingerprint(BINARY, rows, blocks, 1 - y),
        fingerprint(BINARY, rows, blocks + "z", y),
        fingerprint(Task("binary", "late", ("n", "y")), rows, blocks, y),
    ]
    assert len({name, *others}) == 5


def test_learning_curves_of_train_are_read(project):
    for part, losses in {"train": [5, 4, 3, 2], "validation": [9, 7, 6, 5]}.items():
        folder = project / "results/train/live/plots/metrics" / part
        folder.mkdir(parents=True)
        pd.DataFrame({"step": range(4), "loss": losses}).to_csv(folder / "loss.tsv", sep="\t", index=False)
    evaluate.main()
    assert "Still learning when it stopped" in (project / "results/evaluate/suggestions.md").read_text()


def refused(project: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        evaluate.main()
    assert not (project / "results/evaluate").exists()
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("roc_auc,", "rocauc,", "evaluate.floor.metric is 'rocauc'. Did you mean 'roc_auc'?"),
        ("bootstrap: 50", "bootstrap: -1", "evaluate.bootstrap is -1."),
        ("min_slice: 20", "min_slice: 0", "evaluate.min_slice is 0."),
        ("at_least: 0.6", "least: 0.6", "evaluate.floor.least is not a parameter. Did you mean 'at_least'?"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(project, old, new, what):
    (project / "params.yaml").write_text(PARAMS.replace(old, new))
    assert what in refused(project).what


@pytest.mark.parametrize(
    "path", ["data/features/test.parquet", "data/features/features.json", "results/train/metrics.json"]
)
def test_a_missing_file_is_named(project, path):
    (project / path).unlink()
    error = refused(project)
    assert error.what == f"{path} does not exist."
    assert "dvc repro" in error.mend


def test_a_model_of_other_features_is_refused(project):
    path = project / "data/features/features.json"
    value = json.loads(path.read_text())
    value["features"][1]["name"] = "airport"
    path.write_text(json.dumps(value))
    assert "the features differ in airport, origin" in refused(project).what


def test_a_prediction_that_is_no_number_names_its_row(project):
    path = project / "data/features/test.parquet"
    frame = pd.read_parquet(path)
    frame.loc[[6, 9], "hour"] = np.nan
    frame.to_parquet(path, index=False)
    assert "for 2 rows of data/features/test.parquet, first for row 7" in refused(project).what


def test_a_floor_from_above_is_for_metrics_of_which_less_is_better(tmp_path, monkeypatch, capsys):
    lay_down(tmp_path, NUMBER)
    (tmp_path / "params.yaml").write_text(PARAMS.replace("roc_auc, at_least: 0.6", "mae, at_most: 3"))
    monkeypatch.chdir(tmp_path)
    evaluate.main()
    assert capsys.readouterr().out.startswith("mae ")


def test_no_training_code_is_imported(project):
    code = "import sys, stages.evaluate as stage; stage.main(); print(*sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(root)}, cwd=project
    )
    imported = done.stdout.splitlines()[-1].split()
    assert "stages.evaluate" in imported, done.stderr
    heavy = {"sklearn", "torch", "scipy", "stages.train", "stages.export", "stages.models"}
    assert heavy.isdisjoint({name.split(".")[0] for name in imported} | set(imported))
