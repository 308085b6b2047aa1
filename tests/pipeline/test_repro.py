"""The pipeline as a user of DVC meets it."""

import shutil

import pytest
from ruamel.yaml import YAML


def ran(project, *arguments):
    """Return the stages that `dvc repro` ran."""
    output = project.dvc("repro", *arguments).stdout
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


@pytest.fixture
def copy(smoke, tmp_path):
    """A copy of the smoke project, cache included, to change."""
    shutil.copytree(smoke.folder, tmp_path / "copy", symlinks=True)
    return type(smoke)(tmp_path / "copy")


def test_everything_that_was_promised_is_there(smoke):
    for path in (
        "data/processed/train.parquet",
        "data/features/features.json",
        "data/schema.yaml",
        "models/model/model.onnx",
        "models/model/signature.json",
        "models/model/environment.json",
        "results/data/exploration.html",
        "results/data/exploration.md",
        "results/evaluate/metrics.json",
        "results/evaluate/predictions.parquet",
        "results/evaluate/suggestions.md",
        "results/train/live/plots/metrics/validation/loss.tsv",
    ):
        assert (smoke.folder / path).stat().st_size > 0, path


def test_what_did_not_change_does_not_run_again(copy):
    assert ran(copy) == []


@pytest.mark.slow
def test_a_parameter_of_a_model_that_is_not_chosen_changes_nothing(copy):
    copy.edit("params.yaml", "    lr: 1e-3", "    lr: 2e-3")
    assert ran(copy) == []


@pytest.mark.slow
def test_a_parameter_of_the_chosen_model_runs_train_and_evaluate(copy):
    before = copy.json("results/evaluate/metrics.json")
    copy.edit("params.yaml", "    learning_rate: 0.06", "    learning_rate: 0.2")
    assert ran(copy) == ["train", "evaluate"]
    assert copy.json("results/evaluate/metrics.json") != before
    copy.edit("params.yaml", "    learning_rate: 0.2", "    learning_rate: 0.06")
    assert ran(copy) == ["evaluate"]  # DVC's run-cache has the model
    assert copy.json("results/evaluate/metrics.json") == before


@pytest.mark.slow
def test_a_file_that_python_leaves_beside_the_code_changes_nothing(copy):
    cached = copy.folder / "stages/models/__pycache__"
    assert cached.is_dir(), "the stages ran with bytecode written"
    (cached / "other.cpython-311.pyc").write_bytes(b"x")
    assert ran(copy) == []
    assert copy.dvc("status").stdout.strip() == "Data and pipelines are up to date."


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(smoke, lay):
    again = lay("smoke")
    again.dvc("repro")
    first, second = (YAML(typ="safe").load(project.read("dvc.lock")) for project in (smoke, again))
    assert first == second


@pytest.mark.slow
def test_a_failed_run_leaves_nothing_half_written_and_can_be_repeated(copy):
    copy.edit("params.yaml", "model: hist_gradient_boosting   #", "model: logistik   #")
    failed = copy.dvc("repro", check=False)
    assert failed.returncode != 0
    copy.edit("params.yaml", "model: logistik   #", "model: logistic   #")
    assert ran(copy) == ["train", "evaluate"]
    assert not [
        path for path in copy.folder.rglob(".*.*") if path.is_dir() and path.name.startswith((".model.", ".live."))
    ]


def test_dvc_shows_metrics_plots_and_the_graph(copy):
    assert "results/evaluate/metrics.json" in copy.dvc("metrics", "show").stdout
    assert "evaluate" in copy.dvc("dag").stdout
    shown = copy.dvc("plots", "show")
    page = (copy.folder / "dvc_plots/index.html").read_text(encoding="utf-8")
    for title in ("ROC", "Precision", "Calibration", "Learning curve", "Confusion"):
        assert title in page, shown.stderr
    assert "WARNING" not in shown.stderr


def test_git_tells_what_changed(copy):
    copy.run("git", "init", "-q")
    copy.edit(".dvc/config", "no_scm = true", "no_scm = false")
    copy.run("git", "add", "dvc.yaml", "dvc.lock", "params.yaml", "results/evaluate/metrics.json", ".dvc/config")
    copy.run("git", "commit", "-qm", "data: first run")
    copy.edit("params.yaml", "    learning_rate: 0.06", "    learning_rate: 0.3")
    copy.dvc("repro")
    assert "learning_rate" in copy.dvc("params", "diff").stdout
    assert "roc_auc" in copy.dvc("metrics", "diff").stdout


def test_the_registry_sees_the_model(copy):
    copy.run("git", "init", "-q")
    copy.edit(".dvc/config", "no_scm = true", "no_scm = false")
    copy.run("git", "add", "dvc.yaml", "params.yaml", "dvc.lock")
    copy.run("git", "commit", "-qm", "model: first")
    copy.run("git", "tag", "-a", "model@v1.0.0", "-m", "first")
    shown = copy.run("gto", "show", "model").stdout
    assert "model@v1.0.0" in shown
