"""Tiny DVC projects whose stages are lines of shell, each made once and copied."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import Repo

PARAMS = """\
# what the model is made of
train:
  lr: 1e-3   # too high?
  depth: 3
seed: 7
unused: 1
"""

PIPELINE = """\
stages:
  data:
    cmd: sh stages/data.sh
    deps: [stages/data.sh]
    outs: [data]
  train:
    cmd: sh stages/train.sh
    deps: [data, stages/train.sh]
    params: [train, seed]
    outs: [models/model]
    metrics:
    - results/train/metrics.json:
        cache: false
    plots:
    - results/train/plots:
        cache: false
"""

DATA = "mkdir -p data\necho 1 2 3 > data/rows\n"

TRAIN = """\
mkdir -p models/model results/train/plots
lr=$(sed -n 's/^  lr: *\\([^ ]*\\).*/\\1/p' params.yaml)
echo "$lr" > models/model/weights
printf '{"roc_auc": %s}\\n' "$(awk -v lr="$lr" 'BEGIN { printf "%.4f", 0.7 + lr }')" > results/train/metrics.json
echo "step,loss" > results/train/plots/loss.csv
"""

HOLD = "if [ -e ../hold ]; then touch ../begun; while [ -e ../hold ]; do sleep 0.02; done; fi\n"
"""A line of a stage that waits while there is ../hold, and says by ../begun that it does."""

FILES = {
    ".gitignore": "/notes\n",
    ".dvcignore": "__pycache__\n",
    "params.yaml": PARAMS,
    "dvc.yaml": PIPELINE,
    "stages/data.sh": DATA,
    "stages/train.sh": TRAIN,
}


class Project(Repo):
    """A repository with a pipeline; nothing in it was run yet."""

    def files(self) -> dict[str, str]:
        """Return every file outside of .git and DVC's own, by its path."""
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes().decode("utf-8", "surrogateescape")
            for path in sorted(self.path.rglob("*"))
            if path.is_file() and ".git" not in path.relative_to(self.path).parts[:1] and ".dvc" not in path.parts
        }

    def status(self) -> str:
        return self.run("git", "status", "--porcelain", "-uall").out

    def listed(self, revision: str) -> list[str]:
        """Return the names of a commit's files."""
        return self.git("ls-tree", "-r", "--name-only", revision).split("\n")

    def shows(self, path: str, revision: str = "HEAD") -> str:
        return self.run("git", "show", f"{revision}:{path}").out

    def refs(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split("\n")

    def is_sound(self) -> bool:
        return self.run("git", "fsck", "--strict").code == 0

    def change(self, path: str, old: str, new: str) -> None:
        file = self.path / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def start_gitml(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start the command line as a process of its own."""
        import os

        return subprocess.Popen(
            [sys.executable, "-m", "gitml", *words],
            cwd=self.path,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def hold(self) -> None:
        """Let the next stage that looks for it wait."""
        (self.path.parent / "begun").unlink(missing_ok=True)
        (self.path.parent / "hold").touch()

    def wait_until_held(self) -> None:
        until = time.monotonic() + 120
        while not (self.path.parent / "begun").exists():
            assert time.monotonic() < until, "the stage never began"
            time.sleep(0.02)

    def let_go(self) -> None:
        (self.path.parent / "hold").unlink(missing_ok=True)


_MADE: dict[bool, Path] = {}


@pytest.fixture
def fresh(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that was committed on main, and never run."""
    return _copy(False, tmp_path, tmp_path_factory)


@pytest.fixture
def project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on main with its first results."""
    return _copy(True, tmp_path, tmp_path_factory)


def _copy(is_run: bool, tmp_path: Path, factory: pytest.TempPathFactory) -> Project:
    if is_run not in _MADE:
        _MADE[is_run] = _make(factory.mktemp("template"), is_run)
    path = tmp_path / "flights"
    shutil.copytree(_MADE[is_run], path, symlinks=True)
    return Project(path)


def _make(folder: Path, is_run: bool) -> Path:
    made = Project(folder / "flights")
    made.path.mkdir()
    made.git("init", "--quiet")
    made.write(".dvc/config", "")
    made.write(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
    made.commit("infra: start", **FILES)
    if is_run:
        done = made.run(sys.executable, "-m", "dvc", "repro", "--quiet")
        assert done.code == 0, done.err
        made.commit("experiment: first results")
    return made.path
