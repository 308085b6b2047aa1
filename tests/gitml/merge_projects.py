"""A tiny DVC project with two experiments, made once and copied: every run of DVC takes half a second."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from .conftest import Repo

PIPELINE = """\
stages:
  prepare:
    cmd: cp code/prepare made.txt && echo prepare >> ../runs
    deps: [code/prepare]
    params: [rows]
    outs:
    - made.txt
  train:
    cmd: >-
      echo train >> ../runs && python3 -c "import json, re;
      p = dict(re.findall('([a-z]+). ([0-9.]+)', open('params.yaml').read()));
      n = int(open('made.txt').read());
      json.dump({'auc': round(n / 100 + float(p['lr']) / 10 + float(p['width']) / 1000, 4)}, open('metrics.json', 'w'))"
    deps: [made.txt]
    params: [lr, width]
    metrics:
    - metrics.json:
        cache: false
"""


class Project(Repo):
    """Its stages write down that they ran: in the file ``runs`` beside it, and beside each slot."""

    def reproduced(self, message: str, **files: str) -> str:
        """Write files, run the pipeline, commit all, and return the full id of the commit."""
        for name, content in files.items():
            self.write(name, content)
        done = self.run("dvc", "repro", "-q")
        assert done.code == 0, done.err
        self.commit(message)
        return self.git("rev-parse", "HEAD")

    def params(self, rows: int = 10, lr: str = "1", width: str = "1") -> str:
        """Return a params.yaml."""
        return f"rows: {rows}\nlr: {lr}   # by hand\nwidth: {width}\n"

    @property
    def runs(self) -> list[str]:
        """What ran elsewhere than in the project itself."""
        files = self.path.glob(".git/gitml/worktrees/runs")
        return [line for file in files for line in file.read_text().split()]

    def state(self) -> dict[str, bytes]:
        """Return every file of the working tree and the index."""
        found = {}
        for folder, folders, files in os.walk(self.path):
            folders[:] = [name for name in folders if name not in (".git", "tmp", "cache")]
            for name in files:
                path = Path(folder, name)
                found[str(path.relative_to(self.path))] = path.read_bytes()
        return {**found, "index": self.git("ls-files", "--stage").encode()}

    def shown(self, revision: str, path: str) -> str:
        return self.run("git", "show", f"{revision}:{path}").out


def make(path: Path) -> Project:
    """Make it: main, and from it experiments/lr (checked out) and experiments/wide."""
    path.mkdir(parents=True)
    made = Project(path)
    made.git("init", "--quiet")
    made.with_dvc()
    made.write("dvc.yaml", PIPELINE)
    made.write("code/other", "1\n")
    made.write("reports/.gitkeep", "")
    made.reproduced("infra: project", **{"code/prepare": "50\n", "params.yaml": made.params()})
    made.git("switch", "-q", "-c", "experiments/wide")
    made.reproduced("experiment: wide", **{"params.yaml": made.params(width="20")})
    made.git("switch", "-q", "-c", "experiments/lr", "main")
    made.reproduced("experiment: lr", **{"params.yaml": made.params(lr="0.5")})
    return made


@pytest.fixture
def project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    kept = tmp_path_factory.getbasetemp() / "two-experiments"
    if not kept.exists():
        make(kept / "flights")
    shutil.copytree(kept / "flights", tmp_path / "flights", symlinks=True)
    return Project(tmp_path / "flights")
