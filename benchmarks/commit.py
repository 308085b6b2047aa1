"""What gitml's hooks add to ``git commit``, all in one run.

``python -m benchmarks.commit [ROUNDS]`` makes the same commits of one changed file in three repositories: without
hooks, with all of gitml's, and with the pre-commit framework and one hook that does nothing. Each case is run once
per round, in turn, so that a machine that is busy for a moment is busy for all of them. It prints the medians, and
the medians of what each commit took more than the same one without hooks in its round: on the clock, of which at most
100 ms are allowed on a machine at rest, and on a processor, which a busy machine changes less.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from hashlib import md5
from pathlib import Path
from statistics import median
from typing import NamedTuple

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


class Cost(NamedTuple):
    """What a commit took, in milliseconds: on the clock, and of all its processes on a processor."""

    wall: float
    cpu: float


def commit(place: Path, kind: str, number: int) -> Cost:
    """Make a commit, and return its cost; what is staged before does not count."""
    subprocess.run(["git", "add", "--", *change(place, kind, number)], cwd=place, check=True)
    line = ["git", "commit", "-q", "-m", "experiment: try lr"]
    start, spent = time.perf_counter(), _spent()
    done = subprocess.run(line, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    cost = Cost(1000 * (time.perf_counter() - start), 1000 * (_spent() - spent))
    if done.returncode:
        raise RuntimeError(f"{place.name}, {kind}: {done.stderr.decode()}")
    return cost


def _spent() -> float:
    """Return the seconds that processes which ended have been on a processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(rounds: int) -> dict[tuple[str, str], tuple[float, Cost]]:
    """Return, by kind and repository, the median time in ms, and the medians of what is more than without hooks."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PRE_COMMIT_HOME"] = f"{folder}/home"
        places = lay_down_all(Path(folder))
        costs: dict[tuple[str, str], list[Cost]] = {(kind, name): [] for kind in KINDS for name in places}
        for number in range(rounds + 1):
            for kind, name in costs:
                costs[kind, name].append(commit(places[name], kind, number))
    measured = {}
    for (kind, name), each in costs.items():
        pairs = list(zip(each[1:], costs[kind, "without hooks"][1:], strict=True))
        more = Cost(
            median(one.wall - bare.wall for one, bare in pairs), median(one.cpu - bare.cpu for one, bare in pairs)
        )
        measured[kind, name] = (median(one.wall for one in each[1:]), more)
    return measured


def main() -> None:
    """Print the table."""
    measured = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 31)
    print(f"{'git commit of a':30} {'hooks':20} {'ms':>7} {'more':>7} {'at most':>8} {'of it CPU':>10}")
    for (kind, name), (took, more) in measured.items():
        most = MOST if name == "gitml" else ""
        print(f"{kind:30} {name:20} {took:7.1f} {more.wall:7.1f} {most:>8} {more.cpu:10.1f}")


if __name__ == "__main__":
    main()
