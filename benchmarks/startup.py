"""What a start of gitml costs, beside bare Python and DVC, all in one run.

``python -m benchmarks.startup [ROUNDS]`` runs each command once per round, in turn, so that a machine that is busy for
a moment is busy for all of them, and prints the median and its ratio to bare Python.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median


def commands() -> dict[str, list[str]]:
    """Return the commands to run, by what they are called in the table."""
    scripts = Path(sys.executable).parent
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "gitml --help": [str(scripts / "gitml"), "--help"],
        "gitml --version": [str(scripts / "gitml"), "--version"],
        "gitml doctor --help": [str(scripts / "gitml"), "doctor", "--help"],
        "gitml doctor": [str(scripts / "gitml"), "doctor"],
        "dvc --help": [str(scripts / "dvc"), "--help"],
    }


def measure(rounds: int) -> dict[str, float]:
    """Return each command's median wall time in milliseconds over `rounds`, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in commands()}
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    for _ in range(rounds + 1):
        for name, command in commands().items():
            start = time.perf_counter()
            subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            seconds[name].append(time.perf_counter() - start)
    return {name: 1000 * median(times[1:]) for name, times in seconds.items()}


def main() -> None:
    """Print the table."""
    milliseconds = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
    bare = milliseconds["python -c pass"]
    print(f"{'command':20} {'ms':>8} {'ratio':>7}")
    for name, took in milliseconds.items():
        print(f"{name:20} {took:8.1f} {took / bare:7.2f}")


if __name__ == "__main__":
    main()
