"""Evidence of two models that the real pipeline made, with its own predictions, slices and calibration."""

from __future__ import annotations

import shutil

from gitml.config import Config, Gate, Metric
from gitml.models.evidence import as_markdown, gather

from ..conftest import Project
from .conftest import Repo


def released(repo: Repo, project: Project, name: str) -> str:
    """Commit what git has of a project that has run, and return the commit."""
    for path in repo.path.iterdir():
        if path.name not in (".git", ".dvc"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    ignored = shutil.ignore_patterns("__pycache__", "tmp", ".git")
    shutil.copytree(project.folder, repo.path, dirs_exist_ok=True, ignore=ignored, symlinks=True)
    repo.commit(f"model: release {name}")
    return repo.git("rev-parse", "HEAD")


def test_a(repo: Repo, smoke: Project, lay, tmp_path) -> None:
    v1 = released(repo, smoke, "model-v1")
    other = tmp_path / "other"
    shutil.copytree(smoke.folder, other, symlinks=True)
    second = Project(other)
    print(second.read("params.yaml")[-1500:])
    print(repo.run("du", "-sh", ".").out, repo.git("ls-files"))
    found = gather(v1, v1, Config(metric=Metric("roc_auc")), repo.path, names=("model-v1", "model-v0"))
    print(as_markdown(found))
    assert 0
