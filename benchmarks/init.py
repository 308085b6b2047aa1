"""How long `gitml init` takes, beside `git init` and `dvc init`, which lay down nothing.

``python -m benchmarks.init [ROUNDS]`` makes projects in a temporary folder and prints the seconds on the clock, and the
largest memory of the look at a table.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

GITML = str(Path(sys.executable).parent / "gitml")
DVC = [sys.executable, "-m", "dvc"]
SMALL, LARGE = 3_000, 3_000_000


def table(rows: int, file: Path) -> None:
    """Write a table of twenty columns of mixed types."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{place}": random.normal(size=rows).round(4) for place in range(14)})
    frame["at"] = pd.date_range("2020-01-01", periods=rows, freq="30s").strftime("%Y-%m-%d %H:%M:%S")
    for place, levels in enumerate((3, 40, 800)):
        frame[f"text{place}"] = random.choice([f"level {one}" for one in range(levels)], rows)
    frame["row"] = np.arange(rows)
    frame["bought"] = np.where(frame["x0"] + random.normal(size=rows) > 1, "yes", "no")
    frame.to_csv(file, index=False)


def seconds(words: list[str], at: Path) -> float:
    """Return how long a command takes."""
    begin = time.perf_counter()
    subprocess.run(words, cwd=at, check=True, capture_output=True)
    return time.perf_counter() - begin


def repeated(rounds: int, once: Callable[[], float]) -> float:
    """Return the median of some rounds."""
    return median(once() for _ in range(rounds))


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        os.environ |= {"HOME": folder, "DVC_NO_ANALYTICS": "1"}

        def laid(*words: str) -> float:
            shutil.rmtree(top / "p", ignore_errors=True)
            shutil.rmtree(top / "p-storage", ignore_errors=True)
            return seconds([GITML, "init", "p", "--yes", *words], top)

        def bare() -> float:
            shutil.rmtree(top / "p", ignore_errors=True)
            (top / "p").mkdir()
            return seconds(["git", "init", "--quiet"], top / "p") + seconds([*DVC, "init", "--quiet"], top / "p")

        print(f"{'git init and dvc init':40}{repeated(rounds, bare):8.2f} s")
        print(f"{'gitml init --yes':40}{repeated(rounds, laid):8.2f} s   at most 5")
        for rows, times in ((SMALL, rounds), (LARGE, 1)):
            table(rows, top / "t.csv")
            words = ("--data", "t.csv", "--target", "bought")
            taken = repeated(times, lambda words=words: laid(*words))
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
            print(f"{f'gitml init --data, {rows:,} rows of 20':40}{taken:8.2f} s   {peak:.1f} GiB")


if __name__ == "__main__":
    main()
