"""How long the pipeline takes from nothing, and what DVC adds to the four scripts.

Two copies of the project are run in turn: one by ``dvc repro`` with an empty cache, one by the four stage
commands of dvc.yaml, one after the other. Then ``dvc repro`` again, when there is nothing to do, beside a
project of one stage that does nothing, so that what remains is DVC's own start.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stages.presets import lay_down

STAGES = ("data", "features", "train", "evaluate")
ROUNDS = 2


def timed(command: list[str], folder: Path) -> tuple[float, float]:
    """Run a command and return its wall time in seconds and the peak memory of its largest process in MiB."""
    environment = {**os.environ, "VIRTUAL_ENV": sys.prefix, "DVC_NO_ANALYTICS": "1"}
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed in {folder}")
    return time.perf_counter() - begin, usage.ru_maxrss / 1024


def dvc(*arguments: str) -> list[str]:
    """Return the command that runs DVC in this environment."""
    return [sys.executable, "-m", "dvc", *arguments]


def main() -> None:
    """Run and print the figures."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    repro, scripts, ratios, noops, bare = [], [], [], [], []
    with tempfile.TemporaryDirectory() as temporary:
        for turn in range(ROUNDS):
            with_dvc, without = Path(temporary, f"dvc{turn}"), Path(temporary, f"scripts{turn}")
            lay_down(None, with_dvc)
            lay_down(None, without)
            repro.append(timed(dvc("repro", "-q"), with_dvc)[0])
            runs = {stage: timed(["sh", "stages/python", "-m", f"stages.{stage}"], without) for stage in STAGES}
            scripts.append(sum(seconds for seconds, _ in runs.values()))
            ratios.append(repro[-1] / scripts[-1])
        empty = Path(temporary, "empty")
        (empty / ".dvc").mkdir(parents=True)
        (empty / ".dvc" / "config").write_text("[core]\n    no_scm = true\n")
        (empty / "dvc.yaml").write_text("stages:\n  nothing:\n    cmd: 'true'\n    deps: [dep]\n")
        (empty / "dep").touch()
        timed(dvc("repro", "-q"), empty)
        for _ in range(5):
            noops.append(timed(dvc("repro", "-q"), with_dvc)[0])
            bare.append(timed(dvc("repro", "-q"), empty)[0])
    for stage, (seconds, memory) in runs.items():
        print(f"  {stage:<10}{seconds:8.1f} s  {memory:8.0f} MiB peak")
    print(f"four scripts            {statistics.median(scripts):8.1f} s")
    print(
        f"dvc repro from nothing  {statistics.median(repro):8.1f} s  {statistics.median(ratios):.2f} times the scripts"
    )
    ours = statistics.median(noops) - statistics.median(bare)
    print(f"dvc repro, no change    {statistics.median(noops):8.2f} s  {ours:+.2f} s to a project of one empty stage")


if __name__ == "__main__":
    main()
