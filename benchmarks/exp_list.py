"""What it takes to read thousands of experiments, beside DVC and a bare script, all in one run.

``python -m benchmarks.exp_list [BRANCHES ...] [--without-dvc] [--rounds N]`` makes repositories of this project with so
many experiment branches (1,000 and 10,000 where nothing is said) and prints the median wall time of whole processes,
run in turn. Cold: no index of ours, no cache of DVC's. The bare script reads the same blobs by ``for-each-ref`` and
one ``cat-file --batch`` and parses nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.repositories import lay_down

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = Path(sys.executable).parent

BARE = """
import subprocess
from pathlib import PurePath
refs = subprocess.run(
    ["git", "for-each-ref", "--format=%(refname)", "refs/heads/main", "refs/heads/experiments"],
    capture_output=True, text=True, check=True,
).stdout.split()
files = ["params.yaml", "dvc.yaml", "results/data/metrics.json", "results/train/metrics.json",
    "results/evaluate/metrics.json", "reports/{}/README.md"]
asked = "".join(f"{ref}:{file.format(PurePath(ref).name)}\\n" for ref in refs for file in files)
done = subprocess.run(["git", "cat-file", "--batch", "--buffer"], input=asked.encode(), capture_output=True, check=True)
assert done.stdout.count(b" blob ") >= 5 * len(refs)
"""


def forget(folder: Path) -> None:
    """Delete what ours and DVC keep between calls."""
    for kept in (folder / ".git" / "gitml", folder / ".dvc" / "tmp", folder.parent / "site"):
        shutil.rmtree(kept, ignore_errors=True)


def seconds(command: list[str], folder: Path) -> float:
    """Run a command and return its wall time; what it writes goes to a file, as into a pipe."""
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder.parent / "site")}
    with open(os.devnull, "wb") as nothing:
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, env=environment, stdout=nothing, stderr=nothing, check=True)
        return time.perf_counter() - start


def measure(folder: Path, rounds: int, has_dvc: bool) -> dict[str, float]:
    """Return the median seconds of each reader, cold and warm."""
    ours = [str(SCRIPTS / "gitml"), "exp", "list", "--json"]
    bare = [sys.executable, "-c", BARE]
    dvc = [str(SCRIPTS / "dvc"), "exp", "show", "-A", "--json"]
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        forget(folder)
        times.setdefault("gitml exp list --json, cold", []).append(seconds(ours, folder))
        times.setdefault("gitml exp list --json, warm", []).append(seconds(ours, folder))
        times.setdefault("gitml exp list, warm", []).append(seconds(ours[:-1], folder))
        times.setdefault("bare script, nothing parsed", []).append(seconds(bare, folder))
    if has_dvc:
        forget(folder)
        times["dvc exp show -A --json, cold"] = [seconds(dvc, folder)]
        times["dvc exp show -A --json, warm"] = [seconds(dvc, folder) for _ in range(rounds)]
    return {name: median(taken) for name, taken in times.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("branches", nargs="*", type=int, default=[1_000, 10_000])
    parser.add_argument("--without-dvc", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    columns: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as top:
        for branches in options.branches:
            folder = Path(top) / str(branches) / "project"
            lay_down(folder, branches)
            has_dvc = not options.without_dvc and branches <= 1_000
            columns[branches] = measure(folder, options.rounds, has_dvc)
    print(f"{'':30}" + "".join(f"{branches:>10,}" for branches in columns))
    for name in dict.fromkeys(name for column in columns.values() for name in column):
        cells = (f"{column[name]:10.3f}" if name in column else f"{'':10}" for column in columns.values())
        print(f"{name:30}" + "".join(cells))


if __name__ == "__main__":
    main()
