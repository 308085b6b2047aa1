"""A tiny project of real DVC with one experiment, made once and copied."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from gitml.cli.main import main
from gitml.hooks import install as installation
from gitml.reports import document

from .conftest import Repo, Server

DVC_YAML = """\
stages:
  train:
    cmd: sh train.sh
    deps:
    - train.sh
    params:
    - lr
    outs:
    - models/model
    metrics:
    - results/metrics.json:
        cache: false
"""

TRAIN = """\
lr=$(sed -n 's/^lr: //p' params.yaml)
mkdir -p models results
echo "weights of $lr" > models/model
echo "{\\"accuracy\\": 0.$lr}" > results/metrics.json
"""

_made: dict[str, Path] = {}


def project(tmp_path: Path, shelf: Path) -> Repo:
    """Return a project whose main has one run with lr 1, and whose experiments/lr, checked out, one with lr 2."""
    if "template" not in _made:
        _made["template"] = shelf
        repo = Repo(shelf / "project")
        repo.path.mkdir()
        repo.git("init", "--quiet")
        repo.write(".dvc/config", "[core]\n    remote = storage\n['remote \"storage\"']\n    url = ../../storage\n")
        repo.write(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
        for name, content in {"dvc.yaml": DVC_YAML, "train.sh": TRAIN, "params.yaml": "lr: 1\n"}.items():
            repo.write(name, content)
        repo.write(".gitignore", "/models/model\n")
        repo.git("add", "--all")
        subprocess.run(["dvc", "repro", "--quiet"], cwd=repo.path, check=True, capture_output=True)
        repo.commit("experiment: the first run")
        before = Path.cwd()
        os.chdir(repo.path)
        try:
            assert main(["exp", "run", "-n", "lr", "-S", "lr=2", "-m", "More is better."]) == 0
        finally:
            os.chdir(before)
        (repo.path / ".git/gitml/operations").unlink()
    shutil.copytree(_made["template"] / "project", tmp_path / "project", symlinks=True)
    (tmp_path / "storage").mkdir()
    return Repo(tmp_path / "project")


def answer_report(repo: Repo, slug: str = "lr") -> Path:
    """Write what a person owes into the report of the experiment that is checked out, without a commit."""
    file = repo.path / document.path(slug)
    text = file.read_text()
    for section, words in (("Objective", "Better."), ("Conclusions", "It worked."), ("Next steps", "None.")):
        text = document.answer(text, section, words)
    file.write_text(text)
    return file


def shared(repo: Repo) -> tuple[Server, Repo]:
    """Return a server with gitml's pre-receive that has the project's main, and a colleague's clone of it.

    The project gets it as origin; both have the one DVC remote.
    """
    server = Server(repo.path.parent / "server.git")
    repo.git("clone", "--quiet", "--bare", "--single-branch", "--branch", "main", ".", str(server.path))
    server.git("config", "--unset-all", "remote.origin.url")
    place = installation.find_for(True, server.path)
    installation.carry_out(installation.plan_install(place), place)
    repo.git("remote", "add", "origin", str(server.path))
    repo.git("fetch", "--quiet", "origin")
    return server, server.clone()
