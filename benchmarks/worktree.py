"""What a working tree for a run costs: a slot of the pool, used again, beside `git worktree add` and `remove`.

``python -m benchmarks.worktree [ROUNDS]`` makes repositories in a temporary folder, takes turns, and prints medians in
milliseconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from gitml.git.trees import Blob, snapshot, tree_with
from gitml.git.worktree import acquire


def make_repository(root: Path, files: int) -> list[str]:
    """Make a repository of `files` small files and two commits that differ in ten; return their ids."""
    git(root, "init", "--quiet")
    git(root, "config", "user.name", "Ada")
    git(root, "config", "user.email", "ada@example.com")
    commits = []
    for text in ("one", "two"):
        for number in range(files if text == "one" else 10):
            file = root / f"folder-{number % 50}" / f"{number}.txt"
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"{text} {number}\n")
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "-m", f"infra: {text}")
        commits.append(git(root, "rev-parse", "HEAD"))
    (root / "out").write_bytes(os.urandom(2**20))
    return commits


def git(root: Path, *words: str) -> str:
    """Run git, and return what it says."""
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def ways(root: Path, commits: list[str]) -> dict[str, Callable[[int], None]]:
    """Return what is measured, by its name in the table; each gets the number of the round."""
    base = git(root, "rev-parse", "HEAD^{tree}")

    def add_and_remove(round: int) -> None:
        place = str(root.parent / f"{root.name}-added")
        git(root, "worktree", "add", "--quiet", "--detach", place, commits[round % 2])
        git(root, "worktree", "remove", "--force", place)

    def use_a_slot(round: int) -> None:
        with acquire(commits[round % 2], ["out"], root):
            pass

    def build_a_tree(round: int) -> None:
        tree_with(base, {"report": Blob("100644", f"{round}".encode())}, root)

    return {
        "worktree add, remove": add_and_remove,
        "slot, used again": use_a_slot,
        "snapshot": lambda _: (snapshot(root), None)[1],
        "tree_with one blob": build_a_tree,
    }


def measure(root: Path, files: int, rounds: int) -> dict[str, float]:
    """Return the median of each way in milliseconds, after one round that does not count."""
    taken: dict[str, list[float]] = {}
    measured = ways(root, make_repository(root, files))
    for round in range(rounds + 1):
        for name, do in measured.items():
            start = time.perf_counter()
            do(round)
            taken.setdefault(name, []).append(time.perf_counter() - start)
    return {name: 1000 * median(times[1:]) for name, times in taken.items()}


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    sizes = (100, 1_000, 5_000)
    columns = []
    with tempfile.TemporaryDirectory() as folder:
        for files in sizes:
            root = Path(folder) / str(files)
            root.mkdir()
            columns.append(measure(root, files, rounds))
    print(f"{'ms, median':22}" + "".join(f"{files:>8} files" for files in sizes))
    for name in columns[0]:
        print(f"{name:22}" + "".join(f"{column[name]:14.1f}" for column in columns))


if __name__ == "__main__":
    main()
