"""What gitml's hooks add to ``git commit``, all in one run.

``python -m benchmarks.commit [ROUNDS]`` makes the same commits of one changed file in three repositories: without
hooks, with all of gitml's, and with the pre-commit framework and one hook that does nothing. Each case is run once
per round, in turn, so that a machine that is busy for a moment is busy for all of them. It prints the medians, and
the median of what each commit took more than the same one without hooks in its round; at most 100 ms are allowed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from hashlib import md5
from pathlib import Path
from statistics import median

from benchmarks.commit_msg import lay_down

MOST = 100
"""Milliseconds that the hooks may add."""

KINDS = ("plain file", "python with a token-like word", "notebook", "metrics file with its lock")
TRIVIAL = """\
repos:
- repo: local
  hooks:
  - {id: nothing, name: nothing, entry: 'true', language: system, pass_filenames: false, always_run: true}
"""
DEFINITION = """\
stages:
  train:
    cmd: sh train.sh
    metrics:
    - metrics.json:
        cache: false
"""


def change(folder: Path, kind: str, number: int) -> list[str]:
    """Write what a commit of this kind changes, and return the files."""
    if kind == "plain file":
        texts = {"notes.md": f"note {number}\n" * 200}
    elif kind == "python with a token-like word":
        line = "def connect(url: str = 'https://example.org', *, api_key: str, token: str | None = None) -> None:\n"
        texts = {"client.py": f'"""Version {number}."""\n' + f"{line}    return SKIP_ALL_SECRETS, ACCESS\n\n\n" * 100}
    elif kind == "notebook":
        cells = [
            {"cell_type": "code", "metadata": {}, "source": [f"x = {number}\n"], "outputs": [], "execution_count": None}
        ]
        texts = {"eda.ipynb": json.dumps({"cells": cells * 50, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})}
    else:
        metrics = json.dumps({"roc_auc": number})
        digest = md5(metrics.encode(), usedforsecurity=False).hexdigest()
        out = f"    - path: metrics.json\n      hash: md5\n      md5: {digest}\n      size: {len(metrics)}\n"
        lock = f"schema: '2.0'\nstages:\n  train:\n    cmd: sh train.sh\n    outs:\n{out}"
        texts = {"dvc.yaml": DEFINITION, "metrics.json": metrics, "dvc.lock": lock}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return list(texts)


def lay_down_all(folder: Path) -> dict[str, Path]:
    """Make the repositories."""
    places = {
        "without hooks": lay_down(folder / "without", has_hooks=False),
        "gitml": lay_down(folder / "gitml"),
    }
    framework = shutil.which("pre-commit", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if framework is not None:
        place = places["pre-commit framework"] = lay_down(folder / "framework", has_hooks=False)
        (place / ".pre-commit-config.yaml").write_text(TRIVIAL, encoding="utf-8")
        subprocess.run([framework, "install"], cwd=place, check=True, capture_output=True)
        subprocess.run(["git", "add", "--all"], cwd=place, check=True)
    return places


def commit(place: Path, kind: str, number: int) -> float:
    """Make a commit, and return its wall time in seconds; what is staged before does not count."""
    subprocess.run(["git", "add", "--", *change(place, kind, number)], cwd=place, check=True)
    start = time.perf_counter()
    line = ["git", "commit", "-q", "-m", "experiment: try lr"]
    done = subprocess.run(line, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    took = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{place.name}, {kind}: {done.stderr.decode()}")
    return took


def measure(rounds: int) -> dict[tuple[str, str], tuple[float, float]]:
    """Return, by kind and repository, the medians of the time and of what it is more than without hooks, in ms."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PRE_COMMIT_HOME"] = f"{folder}/home"
        places = lay_down_all(Path(folder))
        seconds: dict[tuple[str, str], list[float]] = {(kind, name): [] for kind in KINDS for name in places}
        for number in range(rounds + 1):
            for kind, name in seconds:
                seconds[kind, name].append(commit(places[name], kind, number))
    measured = {}
    for (kind, name), times in seconds.items():
        bare = seconds[kind, "without hooks"]
        more = [1000 * (took - without) for took, without in zip(times[1:], bare[1:], strict=True)]
        measured[kind, name] = (1000 * median(times[1:]), median(more))
    return measured


def main() -> None:
    """Print the table."""
    measured = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 31)
    print(f"{'git commit of a':32} {'hooks':22} {'ms':>7} {'more':>7} {'at most':>8}")
    for (kind, name), (took, more) in measured.items():
        print(f"{kind:32} {name:22} {took:7.1f} {more:7.1f} {MOST if name == 'gitml' else '':>8}")


if __name__ == "__main__":
    main()
