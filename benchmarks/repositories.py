"""Repositories with thousands of experiments, made by ``git fast-import`` from files such as DVC leaves."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START = 1_760_000_000
"""When main's commit was written, in seconds since 1970."""

FILES = ("params.yaml", "dvc.yaml", "dvc.lock", "results/data/metrics.json", "results/train/metrics.json")


def run(words: list[str], folder: Path, stdin: bytes = b"") -> bytes:
    """Run a command and return what it wrote."""
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(words, cwd=folder, env=environment, input=stdin, check=True, capture_output=True).stdout


def lay_down(folder: Path, branches: int, has_lock: bool = True) -> None:
    """Make a repository of this project with `branches` experiments.

    Parameters
    ----------
    folder
        Is made.
    branches
        Each changes a parameter, its metrics, its lock, and has a report.
    has_lock
        Whether each has a dvc.lock of its own.
    """
    folder.mkdir(parents=True)
    run(["git", "init", "--quiet", "--initial-branch=main"], folder)
    run(["git", "fast-import", "--quiet", "--date-format=raw"], folder, history(branches, has_lock))
    run(["git", "reset", "--quiet", "--hard"], folder)
    run(["git", "pack-refs", "--all"], folder)


def history(branches: int, has_lock: bool) -> bytes:
    """Return the stream that ``git fast-import`` reads."""
    tracked = run(["git", "ls-files", "-z"], ROOT).decode().split("\0")[:-1]
    files = {path: (ROOT / path).read_bytes() for path in tracked if _belongs(path)}
    parts = [_commit("main", START, "infra: start", files, "")]
    for number in range(branches):
        slug = f"idea-{number:05}"
        changes = experiment(files, slug, number, has_lock)
        message = f"experiment: try {slug}\n\nParams: train.mlp.lr 1e-3 -> {_lr(number)}\nRun-Id: 01J{number:06}\n"
        parts.append(_commit(f"experiments/{slug}", START + 60 * number, message, changes, "refs/heads/main"))
    return b"".join(parts)


def experiment(files: dict[str, bytes], slug: str, number: int, has_lock: bool) -> dict[str, bytes]:
    """Return the files that an experiment changes."""
    figures = json.loads(files["results/evaluate/metrics.json"])
    figures["roc_auc"] = round(0.7 + (number * 7919 % 10_000) / 200_000, 6)
    figures["f1"] = round(0.4 + number % 1_000 / 10_000, 6)
    trained = json.loads(files["results/train/metrics.json"])
    trained["steps"] = 100 + number
    changes = {
        "params.yaml": files["params.yaml"].replace(b"lr: 1e-3", b"lr: " + _lr(number).encode()),
        "results/evaluate/metrics.json": json.dumps(figures, indent=2).encode(),
        "results/train/metrics.json": json.dumps(trained, indent=2).encode(),
        f"reports/{slug}/README.md": _REPORT.format(slug=slug, number=number).encode(),
    }
    if has_lock:
        lock = files["dvc.lock"]
        for path in ("results/evaluate/metrics.json", "results/train/metrics.json"):
            old, new = (hashlib.md5(one[path], usedforsecurity=False).hexdigest() for one in (files, changes))
            lock = lock.replace(old.encode(), new.encode())
        changes["dvc.lock"] = lock.replace(b"lr: 0.001", b"lr: " + _lr(number).encode())
    return changes


def _belongs(path: str) -> bool:
    is_named = path in ("params.yaml", "dvc.yaml", "dvc.lock", ".gitattributes", ".gitignore", ".dvcignore")
    return (
        is_named or path.startswith((".dvc/", "stages/", "results/", "data/", "models/")) or path == "constraints.txt"
    )


def _lr(number: int) -> str:
    return f"{1 + number % 97}e-{3 + number % 3}"


def _commit(branch: str, time: int, message: str, files: dict[str, bytes], parent: str) -> bytes:
    words = message.encode()
    lines = [
        f"commit refs/heads/{branch}\nauthor Ada <ada@example.com> {time} +0000\n".encode(),
        f"committer Ada <ada@example.com> {time} +0000\ndata {len(words)}\n".encode() + words + b"\n",
        f"from {parent}\n".encode() if parent else b"",
    ]
    for path, content in files.items():
        lines.append(f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n")
    return b"".join(lines)


_REPORT = """---
id: {slug}
status: finished
verdict: pending
---
# Idea {number}

## Objective

Better ranking.

## Hypothesis

Another learning rate is better than {number}.
"""
