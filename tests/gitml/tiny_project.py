"""A DVC project of one stage that takes no time: a line of shell makes a figure of three parameters."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from .conftest import ROOT, Done, Repo

STAGE = """set -e
read_param() { sed -n "s/^$1: \\([^ ]*\\).*/\\1/p" params.yaml; }
lr=$(read_param lr); width=$(read_param width); seed=$(read_param seed)
if [ -n "$GATE" ]; then
  touch "$GATE/began-$lr-$width"
  until [ -e "$GATE/go" ] || [ -e "$GATE/go-$width" ]; do sleep 0.02; done
fi
if [ "$lr" = bad ]; then echo "lr is bad" >&2; exit 3; fi
mkdir -p model results
echo "$lr $width $seed" > model/weights
echo "{\\"roc_auc\\": 0.$width, \\"loss\\": $seed.5}" > results/metrics.json
"""

PIPELINE = """stages:
  train:
    cmd: sh train.sh
    deps: [train.sh]
    params: [lr, width, seed]
    outs:
    - model
    metrics:
    - results/metrics.json:
        cache: false
"""

PARAMS = "lr: 0.001 # the rate\nwidth: 128\nseed: 1\n"


class Tiny(Repo):
    """A repository whose pipeline gives ``roc_auc`` 0.<width> and ``loss`` <seed>.5."""

    def init(self) -> Tiny:
        self.with_dvc()
        self.write("dvc.yaml", PIPELINE)
        self.write("params.yaml", PARAMS)
        self.write("train.sh", STAGE)
        self.write("README.md", "words\n")
        self.commit("infra: the pipeline")
        return self

    def tip(self, branch: str) -> str:
        """Return the id of an experiment's commit; empty where there is none."""
        return self.run("git", "rev-parse", "--quiet", "--verify", f"refs/heads/experiments/{branch}").out.strip()

    def subjects(self, revisions: str) -> list[str]:
        """Return the first lines of commits, oldest first, without what stands before the colon."""
        lines = self.git("log", "--reverse", "--format=%s", revisions).split("\n")
        return [line.removeprefix("experiment: ") for line in lines if line]

    def show(self, revision: str, path: str) -> str:
        return self.run("git", "show", f"{revision}:{path}").out

    def refs(self, prefix: str) -> list[str]:
        return [line for line in self.git("for-each-ref", "--format=%(refname)", prefix).split("\n") if line]

    def state(self) -> tuple[str, str, str, dict[str, bytes]]:
        """Return all that must stay as it is where a command leaves the tree alone."""
        names = self.run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z").out.split("\0")[:-1]
        files = {name: (self.path / name).read_bytes() for name in names if (self.path / name).is_file()}
        return (
            self.git("rev-parse", "--symbolic-full-name", "HEAD"),
            self.git("status", "--porcelain"),
            self.git("write-tree"),
            files,
        )

    def start(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start the command line as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-c", "import sys; from gitml.cli.main import main; sys.exit(main())", *words],
            cwd=self.path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def gitml(self, *words: str, **environment: str) -> Done:
        """Run the command line as a process of its own."""
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=120)
        return Done(process.returncode, out.decode(), err.decode())


def wait_for(is_so: Callable[[], object], seconds: float = 120.0) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it never came to be so"
        time.sleep(0.02)


def began(gate: Path) -> list[str]:
    """Return which runs wait at the gate."""
    return sorted(file.name.removeprefix("began-") for file in gate.glob("began-*"))
