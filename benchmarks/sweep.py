"""A sweep of eight points, two at a time, beside the same eight `dvc repro` by hand and beside DVC's own queue.

``python -m benchmarks.sweep [ROUNDS]`` makes projects in a temporary folder, takes turns, and prints the seconds on the
clock. The stage sleeps a second. "By hand" has eight working trees that are prepared already, with one cache, and
starts ``dvc repro`` in two of them at a time; nothing is committed there. DVC's queue is ``dvc exp run --queue`` eight
times and ``dvc queue start -j 2``, until all tasks ended.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

RATES = ("1e-4", "1e-3", "1e-2", "1e-1")
WIDTHS = ("128", "256")
POINTS = [(rate, width) for rate in RATES for width in WIDTHS]
JOBS = 2
SECONDS = 1.0

PIPELINE = f"""stages:
  train:
    cmd: >-
      sleep {SECONDS:g} && mkdir -p model results && cat params.yaml > model/weights
      && echo '{{"loss": 1}}' > results/m.json
    params: [lr, width]
    outs:
    - model
    metrics:
    - results/m.json:
        cache: false
"""


def run(words: list[str], folder: Path, home: Path) -> str:
    """Run a command, and return what it wrote."""
    environment = {
        **os.environ,
        "HOME": str(home),
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(home / "site"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} failed in {folder}:\n{done.stderr}")
    return done.stdout


def lay_down(folder: Path, home: Path) -> None:
    """Make a project of one stage."""
    folder.mkdir(parents=True)
    home.mkdir(exist_ok=True)
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Ada\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n"
    )
    run(["git", "init", "--quiet"], folder, home)
    run([sys.executable, "-m", "dvc", "init", "--quiet"], folder, home)
    (folder / "dvc.yaml").write_text(PIPELINE)
    (folder / "params.yaml").write_text("lr: 1e-5\nwidth: 64\n")
    (folder / ".gitignore").write_text("/model\n")
    run(["git", "add", "--all"], folder, home)
    run(["git", "commit", "--quiet", "-m", "infra: start"], folder, home)


def by_sweep(place: Path) -> float:
    """Return the seconds of ``gitml exp sweep``."""
    folder, home = place / "sweep", place / "home"
    lay_down(folder, home)
    words = ["-S", f"lr={','.join(RATES)}", "-S", f"width={','.join(WIDTHS)}", "-j", str(JOBS), "--json"]
    begin = time.perf_counter()
    out = run([str(Path(sys.executable).parent / "gitml"), "exp", "sweep", "-n", "all", *words], folder, home)
    taken = time.perf_counter() - begin
    if json.loads(out)["ran"] != len(POINTS):
        raise SystemExit("not all points were run")
    return taken


def by_hand(place: Path) -> float:
    """Return the seconds of ``dvc repro`` in prepared working trees."""
    folder, home = place / "hand", place / "home"
    lay_down(folder, home)
    trees = []
    for number, (rate, width) in enumerate(POINTS):
        tree = place / f"hand-{number}"
        run(["git", "worktree", "add", "--quiet", "--detach", str(tree)], folder, home)
        (tree / ".dvc" / "config.local").write_text(f"[cache]\n    dir = {folder}/.dvc/cache\n")
        (tree / "params.yaml").write_text(f"lr: {rate}\nwidth: {width}\n")
        trees.append(tree)
    begin = time.perf_counter()
    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(lambda tree: run([sys.executable, "-m", "dvc", "repro", "--quiet"], tree, home), trees))
    return time.perf_counter() - begin


def by_queue(place: Path) -> float:
    """Return the seconds of DVC's own queue of experiments."""
    folder, home = place / "queue", place / "home"
    lay_down(folder, home)
    dvc = [sys.executable, "-m", "dvc"]
    begin = time.perf_counter()
    for rate, width in POINTS:
        run([*dvc, "exp", "run", "--queue", "--quiet", "-S", f"lr={rate}", "-S", f"width={width}"], folder, home)
    run([*dvc, "queue", "start", "--quiet", "-j", str(JOBS)], folder, home)
    while True:
        time.sleep(0.2)
        told = run([*dvc, "queue", "status"], folder, home)
        if "Failed" in told:
            raise SystemExit(told)
        if told.count("Success") == len(POINTS):
            break
    taken = time.perf_counter() - begin
    run([*dvc, "queue", "stop", "--kill"], folder, home)
    return taken


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    ways = {"gitml exp sweep": by_sweep, "dvc repro by hand": by_hand, "dvc queue": by_queue}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                taken[name].append(way(Path(folder)))
    middle = {name: median(times) for name, times in taken.items()}
    for name, seconds in middle.items():
        print(f"{name:20}{seconds:8.2f} s   {' '.join(f'{one:.2f}' for one in taken[name])}")
    sweep = middle["gitml exp sweep"]
    print(f"{sweep / middle['dvc repro by hand']:.2f} times by hand, at most 1.25")
    print(f"{middle['dvc queue'] / sweep:.2f} times faster than the queue, at least 2")


if __name__ == "__main__":
    main()
