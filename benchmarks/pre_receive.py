"""What pre-receive adds to a push of 1,000 commits, beside the same push without it, all in one run.

``python -m benchmarks.pre_receive [ROUNDS]`` makes a server with the hook and one without, pushes the same commits to
both in turn, each time to a branch that is new, and prints the medians, what the hook itself took, and the most that
it may take.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
COMMITS = 1_000
MOST = 2.0
"""Seconds that the hook may take for a push of `COMMITS`."""


def lay_down(folder: Path) -> Path:
    """Make two servers, ``hooked`` and ``plain``, and a clone that has `COMMITS` commits more; return the clone."""
    clone = folder / "clone"
    git("init", "-q", "-b", "main", str(clone), at=folder)
    stream = b"".join(map(_commit, range(COMMITS + 1)))
    subprocess.run(["git", "fast-import", "--quiet"], cwd=clone, input=stream, check=True)
    for name in ("hooked", "plain"):
        git("init", "-q", "--bare", "-b", "main", f"{name}.git", at=folder)
        git("remote", "add", name, f"../{name}.git", at=clone)
        git("push", "-q", name, f"main~{COMMITS}:refs/heads/main", at=clone)
    install = [sys.executable, "-m", "gitml", "hooks", "install", "--server"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(install, cwd=folder / "hooked.git", env=environment, check=True, capture_output=True)
    return clone


def _commit(number: int) -> bytes:
    message = f"experiment: try {number}\n\nParams: train.lr {number} -> {number + 1}\n".encode()
    code = f"# step {number}\n".encode() + b"def train(rows):\n    return rows\n" * 40
    lines = [b"commit refs/heads/main", b"committer Ada <ada@example.com> %d +0000" % (1_700_000_000 + number)]
    lines += [b"data %d" % len(message), message, b"M 100644 inline stages/step_%d.py" % (number % 50)]
    return b"\n".join([*lines, b"data %d" % len(code), code, b""])


def git(*words: str, at: Path) -> None:
    """Run git."""
    subprocess.run(["git", *words], cwd=at, check=True, capture_output=True)


def measure(rounds: int) -> dict[str, float]:
    """Return the median wall time in seconds of a push with the hook and without, after a round that is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        clone = lay_down(Path(folder))
        seconds: dict[str, list[float]] = {"plain": [], "hooked": []}
        for number in range(rounds + 1):
            for name, times in seconds.items():
                start = time.perf_counter()
                git("push", "-q", name, f"main:refs/heads/experiments/x{number}", at=clone)
                times.append(time.perf_counter() - start)
                git("push", "-q", name, f":refs/heads/experiments/x{number}", at=clone)
    return {name: median(times[1:]) for name, times in seconds.items()}


def main() -> None:
    """Print the table."""
    took = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    print(f"{f'push of {COMMITS} commits':28} {'s':>7} {'at most':>8}")
    for name, seconds in took.items():
        print(f"{name:28} {seconds:7.2f}")
    print(f"{'what the hook takes':28} {took['hooked'] - took['plain']:7.2f} {MOST:8.2f}")


if __name__ == "__main__":
    main()
