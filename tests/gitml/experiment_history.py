"""Histories of experiments, written by ``git fast-import`` from files such as DVC leaves."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

START = 1_790_000_000
"""Seconds since 1970 of the first commit; each later one is an hour younger."""

DVC_YAML = """
stages:
  prepare:
    cmd: python prepare.py
    deps: [raw.csv, prepare.py]
    outs: [data/train.csv, data/test.csv]
  train:
    cmd: python train.py --lr ${train.lr}
    deps: [data/train.csv, train.py]
    params: [train]
    outs: [model.bin]
    metrics:
      - results/train.json: {cache: false}
  evaluate:
    cmd: python evaluate.py
    deps: [data/test.csv, model.bin, evaluate.py]
    metrics:
      - results/evaluate.json: {cache: false}
"""

PARAMS = "seed: 7\ntrain:\n  model: mlp\n  lr: 1e-3\n  width: 128\n"


class History:
    """Commits that are written all at once.

    Parameters
    ----------
    folder
        A repository.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stream: list[bytes] = []
        self._marks = 0

    def commit(
        self,
        ref: str,
        message: str,
        files: dict[str, str | bytes | None],
        parent: int | str = "",
        author: str = "Ada",
        other_parent: int = 0,
    ) -> int:
        """Add a commit and let a ref point to it; the number that is returned may be another's parent."""
        self._marks += 1
        words = message.encode()
        who = f"{author} <{author.lower().split()[0]}@example.com> {START + 3600 * self._marks} +0000"
        head = f"commit {ref}\nmark :{self._marks}\nauthor {who}\ncommitter {who}\ndata {len(words)}\n"
        self._stream += [head.encode(), words, b"\n"]
        if parent:
            self._stream.append(f"from {parent if isinstance(parent, str) else f':{parent}'}\n".encode())
        if other_parent:
            self._stream.append(f"merge :{other_parent}\n".encode())
        for path, content in files.items():
            if content is None:
                self._stream.append(f"D {path}\n".encode())
                continue
            raw = content.encode() if isinstance(content, str) else content
            self._stream += [b"M 100644 inline " + os.fsencode(path), f"\ndata {len(raw)}\n".encode(), raw, b"\n"]
        return self._marks

    def tag(self, name: str, of: int) -> None:
        """Add an annotated tag."""
        self._stream.append(f"tag {name}\nfrom :{of}\ntagger Ada <ada@example.com> {START} +0000\ndata 1\nx\n".encode())

    def write(self) -> None:
        """Write all of it; what is checked out follows."""
        subprocess.run(
            ["git", "fast-import", "--quiet", "--force"], cwd=self.folder, input=b"".join(self._stream), check=True
        )
        self._stream = []


def metrics(**values: object) -> str:
    """Return a metrics file."""
    return json.dumps({key.replace("__", "."): value for key, value in values.items()}, indent=2)


def lock(test: str = "1" * 32, model: str = "2" * 32) -> str:
    """Return a dvc.lock of this pipeline."""
    sums = {"raw.csv": "a" * 32, "data/train.csv": "b" * 32, "data/test.csv": test, "model.bin": model}
    stages = {
        "prepare": (["raw.csv"], ["data/test.csv", "data/train.csv"]),
        "train": (["data/train.csv"], ["model.bin"]),
    }
    stages["evaluate"] = (["data/test.csv", "model.bin"], [])
    lines = ["schema: '2.0'", "stages:"]
    for name, (deps, outs) in stages.items():
        lines += [f"  {name}:", f"    cmd: python {name}.py"]
        for key, paths in (("deps", deps), ("outs", outs)):
            lines += [f"    {key}:"] if paths else []
            for path in paths:
                lines += [f"    - path: {path}", "      hash: md5", f"      md5: {sums[path]}", "      size: 3"]
    return "\n".join(lines) + "\n"


def run(lr: str = "1e-3", width: int = 128, auc: object = 0.71, test: str = "1" * 32, loss: float = 0.5) -> dict:
    """Return what a run leaves."""
    return {
        "params.yaml": PARAMS.replace("1e-3", lr).replace("128", str(width)),
        "results/train.json": metrics(loss=0.4, roc_auc=0.8),
        "results/evaluate.json": metrics(roc_auc=auc, log_loss=loss),
        "dvc.lock": lock(test, f"{width:032x}"),
    }


def report(title: str, verdict: str = "pending", hypothesis: str = "It helps.") -> str:
    """Return a report."""
    return f"---\nid: x\nstatus: finished\nverdict: {verdict}\n---\n# {title}\n\n## Hypothesis\n\n{hypothesis}\n"


def team(folder: Path) -> History:
    """Write a project of several people: a better, a worse, a sweep, one on other data, one without a result."""
    history = History(folder)
    code = {"dvc.yaml": DVC_YAML, "prepare.py": "1\n", "train.py": "1\n", "evaluate.py": "1\n", ".dvc/config": ""}
    main = history.commit("refs/heads/main", "infra: start", {**code, **run()}, parent="refs/heads/main^0")
    lower = history.commit(
        "refs/heads/experiments/lower-lr",
        "experiment: train.lr 1e-3 -> 3e-4\n\nParams: train.lr 1e-3 -> 3e-4\nMetrics: roc_auc 0.7133\nRun-Id: 01A\n",
        {**run("3e-4", auc=0.7151), "reports/lower-lr/README.md": report("Lower lr", hypothesis="1e-3 overshoots.")},
        parent=main,
    )
    history.commit(
        "refs/heads/experiments/wide-net",
        "experiment: wider\n\nRun-Id: 01B\n",
        {**run(width=512, auc=0.7187), "train.py": "2\n3\n"},
        parent=main,
        author="Bo Li",
    )
    point = history.commit(
        "refs/heads/experiments/lr-sweep", "experiment: lr 1e-2\n\nRun-Id: 01C\n", run("1e-2", auc=0.69), parent=main
    )
    history.commit(
        "refs/heads/experiments/lr-sweep",
        "experiment: lr 1e-4\n\nRun-Id: 01D\n",
        run("1e-4", 64, auc=0.7162),
        parent=point,
    )
    history.commit(
        "refs/heads/experiments/old-weather",
        "experiment: weather of last year\n\nRun-Id: 01E\n",
        run(auc=0.7401, test="9" * 32),
        parent=main,
        author="Cy",
    )
    history.commit("refs/heads/experiments/no-run", "experiment: an idea\n", {"train.py": "4\n"}, parent=main)
    history.commit("refs/heads/models/model-v1", "model: release\n", run("3e-4", auc=0.7151), parent=lower)
    gone = history.commit("refs/heads/gone", "experiment: too deep\n\nRun-Id: 01F\n", run("1", auc=0.5), parent=main)
    history.tag("exp/too-deep", gone)
    history.write()
    subprocess.run(["git", "branch", "-qD", "gone"], cwd=folder, check=True)
    subprocess.run(["git", "reset", "-q", "--hard"], cwd=folder, check=True)
    return history
