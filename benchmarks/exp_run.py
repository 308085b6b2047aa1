"""What `gitml exp run` adds to a bare `dvc repro`: where nothing changed, and for the smoke preset of the pipeline.

``python -m benchmarks.exp_run [ROUNDS]`` makes projects in a temporary folder, takes turns, and prints the seconds on
the clock. For the preset each round has new seeds, so that stages run; the same values are run by both. "Outside of
DVC" is what one and the same run takes beside its own ``dvc repro``, which is steadier on a machine with other work.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

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


class Taken(NamedTuple):
    """Seconds of each round: gitml, what of that was outside of DVC, and DVC alone."""

    ours: list[float]
    outside: list[float]
    bare: list[float]

    def add(self, words: list[str], ours: Path, bare: Path, home: Path) -> None:
        """Run both once; the parameters that gitml set are DVC's, too."""
        begin = time.perf_counter()
        told = json.loads(run([GITML, "exp", "run", "--json", *words], ours, home))
        self.ours.append(time.perf_counter() - begin)
        self.outside.append(self.ours[-1] - told["seconds"])
        if ours != bare:
            (bare / "params.yaml").write_bytes((ours / "params.yaml").read_bytes())
        begin = time.perf_counter()
        run(DVC, bare, home)
        self.bare.append(time.perf_counter() - begin)


def without_a_change(place: Path, rounds: int) -> Taken:
    """Return the seconds of both where nothing is to be done."""
    folder, home = place / "tiny", place / "home"
    folder.mkdir()
    (folder / "dvc.yaml").write_text(TINY)
    (folder / "params.yaml").write_text("lr: 1\n")
    committed(folder, home)
    run([GITML, "exp", "run", "-n", "one"], folder, home)
    taken = Taken([], [], [])
    for _ in range(rounds):
        taken.add([], folder, folder, home)
    return taken


def the_preset(place: Path, rounds: int) -> Taken:
    """Return the seconds of both for the preset, each time with another seed."""
    home = place / "home"
    ours, bare = place / "ours", place / "bare"
    for folder in (ours, bare):
        lay_down("smoke", folder)
        committed(folder, home)
    run([GITML, "exp", "run", "-n", "one"], ours, home)
    run(DVC, bare, home)
    taken = Taken([], [], [])
    for number in range(rounds):
        taken.add(["-S", f"base.seed={100 + number}"], ours, bare, home)
    return taken


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    os.environ.setdefault("VIRTUAL_ENV", sys.prefix)
    print(f"{'s, median':10}{'gitml exp run':>15}{'dvc repro':>12}{'more':>8}{'outside of DVC':>17}   more at most 0.5")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name, way, times in (("no change", without_a_change, 2 * rounds + 1), ("smoke", the_preset, rounds)):
            taken = way(Path(folder), times)
            more = median(one - other for one, other in zip(taken.ours, taken.bare, strict=True))
            outside = median(taken.outside)
            print(
                f"{name:10}{median(taken.ours):15.2f}{median(taken.bare):12.2f}{more:+8.2f}{outside:17.2f}", flush=True
            )


if __name__ == "__main__":
    main()
