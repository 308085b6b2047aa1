"""What `gitml exp run` adds to a bare `dvc repro`: where nothing changed, and for the smoke preset of the pipeline.

``python -m benchmarks.exp_run [ROUNDS]`` makes projects in a temporary folder, takes turns, and prints the seconds on
the clock. For the preset each round has new seeds, so that stages run; the same values are run by both.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.sweep import run
from stages.presets import lay_down

GITML = str(Path(sys.executable).parent / "gitml")
DVC = [sys.executable, "-m", "dvc", "repro", "--quiet"]
TINY = """stages:
  nothing:
    cmd: >-
      echo '{"loss": 1}' > m.json
    params: [lr]
    metrics:
    - m.json:
        cache: false
"""


def committed(folder: Path, home: Path) -> None:
    """Make a repository of a folder."""
    home.mkdir(exist_ok=True)
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Ada\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n"
    )
    run(["git", "init", "--quiet"], folder, home)
    if not (folder / ".dvc").is_dir():
        run([sys.executable, "-m", "dvc", "init", "--quiet"], folder, home)
    run(["git", "add", "--all"], folder, home)
    run(["git", "commit", "--quiet", "-m", "infra: start"], folder, home)


def timed(words: list[str], folder: Path, home: Path) -> float:
    """Return the seconds of a command."""
    begin = time.perf_counter()
    run(words, folder, home)
    return time.perf_counter() - begin


def without_a_change(place: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Return the seconds of both where nothing is to be done."""
    folder, home = place / "tiny", place / "home"
    folder.mkdir()
    (folder / "dvc.yaml").write_text(TINY)
    (folder / "params.yaml").write_text("lr: 1\n")
    committed(folder, home)
    run([GITML, "exp", "run", "-n", "one"], folder, home)
    pairs = [(timed([GITML, "exp", "run"], folder, home), timed(DVC, folder, home)) for _ in range(rounds)]
    return [one for one, _ in pairs], [other for _, other in pairs]


def the_preset(place: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Return the seconds of both for the preset, each time with another seed."""
    home = place / "home"
    ours, bare = place / "ours", place / "bare"
    for folder in (ours, bare):
        lay_down("smoke", folder)
        committed(folder, home)
    run([GITML, "exp", "run", "-n", "one"], ours, home)
    run(DVC, bare, home)
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        taken[0].append(timed([GITML, "exp", "run", "-S", f"base.seed={100 + number}"], ours, home))
        params = bare / "params.yaml"
        text = subprocess.run(
            ["git", "show", "experiments/one:params.yaml"], cwd=ours, capture_output=True, check=True
        ).stdout
        params.write_bytes(text)
        taken[1].append(timed(DVC, bare, home))
    return taken


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    os.environ.setdefault("VIRTUAL_ENV", sys.prefix)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name, way, times in (("no change", without_a_change, 2 * rounds + 1), ("smoke", the_preset, rounds)):
            ours, bare = way(Path(folder), times)
            more = median(one - other for one, other in zip(ours, bare, strict=True))
            print(
                f"{name:10} gitml exp run {median(ours):7.2f} s   dvc repro {median(bare):7.2f} s   {more:+.2f} s, +0.5"
            )


if __name__ == "__main__":
    main()
