"""What it costs to hold dvc.lock against a commit, beside ``dvc status`` on the same project, all in one run.

``python -m benchmarks.lock_check [ROUNDS]`` makes a project of 1,000 dependencies in git and runs each command once a
round, in turn. ``dvc status`` is also shown when it has hashed everything before, which spares it all the reading.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

DEPENDENCIES = 1_000
STAGES = 10
ROOT = Path(__file__).resolve().parents[1]
JUDGE = "from gitml.pipeline.verify import judge; verdict = judge(); assert verdict.stages and not verdict.of('stale')"


def lay_down(folder: Path) -> None:
    """Write, run and commit a project of ten stages with a hundred dependencies each."""
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config").write_text("")
    (folder / ".gitignore").write_text("/.dvc/tmp\n/.dvc/cache\n")
    stages = []
    for stage in range(STAGES):
        names = [f"src/{stage}/module_{number}.py" for number in range(DEPENDENCIES // STAGES)]
        (folder / "src" / str(stage)).mkdir(parents=True)
        for name in names:
            (folder / name).write_text(f"# {name}\n" * 100)
        deps = "".join(f"    - {name}\n" for name in names)
        metrics = f"    metrics:\n    - m{stage}.json:\n        cache: false\n"
        stages.append(f"  s{stage}:\n    cmd: echo {{}} > m{stage}.json\n    deps:\n{deps}{metrics}")
    (folder / "dvc.yaml").write_text("stages:\n" + "".join(stages))
    run(["git", "init", "--quiet"], folder)
    run([sys.executable, "-m", "dvc", "repro", "--quiet"], folder)
    run(["git", "add", "--all"], folder)
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    run(["git", *identity, "commit", "--quiet", "-m", "infra: start"], folder)


def run(command: list[str], folder: Path) -> float:
    """Run a command and return its wall time in milliseconds."""
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "PYTHONPATH": str(ROOT)}
    environment["DVC_SITE_CACHE_DIR"] = str(folder / ".dvc" / "tmp" / "site")
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return 1000 * (time.perf_counter() - start)


def inside(folder: Path, rounds: int) -> float:
    """Return the median time in milliseconds of the check in a process that is running already."""
    from gitml.pipeline.verify import judge

    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        judge("HEAD", folder)
        times.append(1000 * (time.perf_counter() - start))
    return median(times[1:])


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "the check": [sys.executable, "-c", JUDGE],
        "dvc status": [sys.executable, "-m", "dvc", "status", "--quiet"],
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        lay_down(folder)
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds + 1):
            for name, command in commands.items():
                taken[name].append(run(command, folder))
        print(f"{DEPENDENCIES} dependencies in {STAGES} stages, whole processes")
        theirs = median(taken["dvc status"][1:])
        for name, times in taken.items():
            print(f"  {name:28} {median(times[1:]):8.1f} ms  {median(times[1:]) / theirs:6.2f} of dvc status")
        print(f"  {'the check, in one process':28} {inside(folder, rounds):8.1f} ms")
    print(f"this project's HEAD, in one process {inside(ROOT, rounds):8.1f} ms")


if __name__ == "__main__":
    main()
