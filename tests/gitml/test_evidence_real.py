"""Evidence of two models that the real pipeline made: its own predictions, slices, calibration and metrics."""

from __future__ import annotations

import shutil
from pathlib import Path

from gitml.config import Config, Gate, Metric
from gitml.models.evidence import Evidence, as_markdown, gather

from ..conftest import ROOT, Project
from .conftest import Repo

CONFIG = Config(metric=Metric("roc_auc"), gates=(Gate("roc_auc", least=0.6, tolerance=0.2),))
IGNORED = shutil.ignore_patterns("__pycache__", "cache", "tmp", ".git", ".venv")


def released(repo: Repo, project: Project, name: str) -> str:
    """Commit what git has of a project that has run, keep its predictions in the cache, and return the commit."""
    for path in repo.path.iterdir():
        if path.name not in (".git", ".dvc"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(project.folder, repo.path, dirs_exist_ok=True, ignore=IGNORED, symlinks=True)
    shutil.copytree(project.folder / ".dvc/cache", repo.path / ".dvc/cache", dirs_exist_ok=True)
    repo.commit(f"model: release {name}")
    return repo.git("rev-parse", "HEAD")


def gathered(repo: Repo, new: str, old: str | None) -> Evidence:
    return gather(new, old, CONFIG, repo.path, names=("model-v2", "model-v1"))


def test_two_models_of_the_smoke_preset(repo: Repo, smoke: Project, tmp_path: Path) -> None:
    repo.with_dvc()
    old = released(repo, smoke, "model-v1")
    shutil.copytree(smoke.folder, tmp_path / "other", symlinks=True)
    other = Project(tmp_path / "other")
    other.edit("params.yaml", "max_iter: 40", "max_iter: 4")
    other.dvc("repro")
    new = released(repo, other, "model-v2")
    found = gathered(repo, new, old)
    # every figure of the real metrics file is what the real predictions give: none is called edited
    assert found.notes == ()
    by_name = {one.name: one for one in found.comparison.changes}
    paired = {"roc_auc", "average_precision", "accuracy", "f1", "log_loss", "brier"}
    assert {name for name, one in by_name.items() if one.interval is not None} == paired
    assert found.verdict.rows == by_name["rows"].now
    for name in paired:
        low, high = by_name[name].interval or (0, 0)
        assert low <= (by_name[name].now or 0) - (by_name[name].before or 0) <= high
    assert by_name["log_loss"].word == "worse"
    assert not any(name.startswith("interval.") for name in by_name)
    assert found.mcnemar is not None and found.mcnemar.only_now + found.mcnemar.only_before > 0
    assert found.slices.both > 0 and found.slices.why == ""
    assert all(len(bins) > 5 for bins in found.calibration)
    assert [(one.name, one.before, one.now) for one in found.changes.params] == [
        ("train.hist_gradient_boosting.max_iter", "40", "4")
    ]
    assert (found.changes.code, found.changes.data) == ((), ())
    assert [one.verdict for one in found.gates.results] == ["passed", "passed"]
    assert as_markdown(found).startswith("model-v2 is ")


def test_this_repositorys_own_results_beside_those_of_a_sample(repo: Repo, smoke: Project) -> None:
    repo.with_dvc()
    old = released(repo, smoke, "model-v1")
    for name in ("dvc.yaml", "dvc.lock", "params.yaml"):
        shutil.copy(ROOT / name, repo.path / name)
    shutil.rmtree(repo.path / "results")
    shutil.copytree(ROOT / "results", repo.path / "results", ignore=shutil.ignore_patterns("*.html", "*.parquet"))
    repo.commit("model: release model-v2")
    found = gathered(repo, repo.git("rev-parse", "HEAD"), old)
    assert found.verdict.outcome == "other data"
    assert {one.word for one in found.comparison.changes} == {"other data"}
    assert found.slices.worst and all(one.before is None for one in found.slices.worst)
    assert "smoke" not in as_markdown(found) and "other test data" in as_markdown(found).partition("\n")[0]
