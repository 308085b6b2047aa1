"""What it takes to read thousands of experiments, beside DVC and a bare script, all in one run.

``python -m benchmarks.exp_list [BRANCHES ...] [--without-dvc] [--rounds N]`` makes repositories of this project with so
many experiment branches (1,000 and 10,000 where nothing is said) and prints the median wall time of whole processes,
run in turn. Cold: no index of ours, no cache of DVC's. The bare script reads the same blobs by ``for-each-ref`` and
one ``cat-file --batch`` and parses nothing. The script with GitPython walks the branches and parses their metrics.
MLflow has the same parameters and metrics as runs in SQLite, and reads them by ``search_runs``. It does not go together
with what the pipeline needs: ``--mlflow PYTHON`` names an environment that has it, else one is made beside this one.
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

GITPYTHON = """
import json
from git import Repo
repo, read = Repo("."), 0
for head in repo.heads:
    if head.name == "main" or head.name.startswith("experiments/"):
        tree = head.commit.tree
        for name in ("data", "train", "evaluate"):
            json.loads((tree / f"results/{name}/metrics.json").data_stream.read())
            read += 1
assert read == 3 * len(repo.heads)
"""

LOG_TO_MLFLOW = """
import json, re, sys, time
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
client = MlflowClient(sys.argv[1])
experiment, now = client.create_experiment("experiments"), int(time.time() * 1000)
named = lambda values: {re.sub(r"[^-A-Za-z0-9_./ ]", "_", name): value for name, value in values.items()}
for row in json.load(sys.stdin)["experiments"]:
    run = client.create_run(experiment, run_name=row["name"]).info.run_id
    params = [Param(name, str(value)) for name, value in named(row["params"]).items()]
    figures = {name: value for name, value in named(row["metrics"]).items() if isinstance(value, int | float)}
    metrics = [Metric(name, float(value), now, 0) for name, value in figures.items()]
    client.log_batch(run, metrics, params[:100])
    client.log_batch(run, params=params[100:])
"""

READ_FROM_MLFLOW = """
import sys
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
found = mlflow.search_runs(experiment_names=["experiments"], max_results=50_000, output_format="list")
assert len(found) >= int(sys.argv[2]) and all(run.data.metrics for run in found)
"""

MLFLOW = ("mlflow-skinny==3.17.2", "sqlalchemy", "alembic")
BOUNDS = (
    ("gitml exp list --json, cold", "dvc exp show -A --json, cold", 1 / 30),
    ("gitml exp list --json, warm", "dvc exp show -A --json, warm", 1 / 8),
    ("gitml exp list --json, warm", "bare script, nothing parsed", 1.0),
)
"""Of what, by what, and at most how much."""


def python_with_mlflow() -> Path:
    """Return the Python of an environment that has MLflow, which is made beside this one where it is not there."""
    environment = Path(sys.prefix) / "mlflow"
    python = environment / "bin" / "python"
    if not (environment / "made").exists():
        print(f"making {environment} for MLflow", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
        subprocess.run([python, "-m", "pip", "-q", "--disable-pip-version-check", "install", *MLFLOW], check=True)
        (environment / "made").touch()
    return python


def log_to_mlflow(python: Path, folder: Path) -> str:
    """Log what ours lists to a store of MLflow beside the repository, and return its address."""
    rows = subprocess.run(
        [str(SCRIPTS / "gitml"), "exp", "list", "--all", "--json"], cwd=folder, capture_output=True, check=True
    ).stdout
    store = f"sqlite:///{folder.parent}/mlflow.db"
    with open(os.devnull, "wb") as nothing:
        subprocess.run([python, "-c", LOG_TO_MLFLOW, store], input=rows, stdout=nothing, cwd=folder.parent, check=True)
    return store


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


def measure(folder: Path, rounds: int, has_dvc: bool, mlflow: Path | None) -> dict[str, float]:
    """Return the median seconds of each reader, cold and warm; MLflow's where its Python is given."""
    ours = [str(SCRIPTS / "gitml"), "exp", "list", "--json"]
    bare = [sys.executable, "-c", BARE]
    dvc = [str(SCRIPTS / "dvc"), "exp", "show", "-A", "--json"]
    walk = [sys.executable, "-c", GITPYTHON]
    search = [str(mlflow), "-c", READ_FROM_MLFLOW, log_to_mlflow(mlflow, folder), folder.parent.name] if mlflow else []
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        forget(folder)
        times.setdefault("gitml exp list --json, cold", []).append(seconds(ours, folder))
        times.setdefault("gitml exp list --json, warm", []).append(seconds(ours, folder))
        times.setdefault("gitml exp list, warm", []).append(seconds(ours[:-1], folder))
        times.setdefault("bare script, nothing parsed", []).append(seconds(bare, folder))
        times.setdefault("GitPython, metrics parsed", []).append(seconds(walk, folder))
        if mlflow is not None:
            times.setdefault("MLflow search_runs", []).append(seconds(search, folder.parent))
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
    parser.add_argument("--without-mlflow", action="store_true")
    parser.add_argument("--mlflow", type=Path, metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    mlflow = None if options.without_mlflow else options.mlflow or python_with_mlflow()
    columns: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as top:
        for branches in options.branches:
            folder = Path(top) / str(branches) / "project"
            lay_down(folder, branches)
            has_dvc = not options.without_dvc and branches <= 1_000
            has_mlflow = branches <= 1_000
            columns[branches] = measure(folder, options.rounds, has_dvc, mlflow if has_mlflow else None)
    print(f"{'':30}" + "".join(f"{branches:>10,}" for branches in columns))
    for name in dict.fromkeys(name for column in columns.values() for name in column):
        cells = (f"{column[name]:10.3f}" if name in column else f"{'':10}" for column in columns.values())
        print(f"{name:30}" + "".join(cells))
    for branches, column in columns.items():
        for ours, theirs, most in BOUNDS:
            if theirs in column:
                ratio = column[ours] / column[theirs]
                print(f"{branches:,}: {ours} / {theirs}: {ratio:.3f}, at most {most:.3f}")
        for other in ("GitPython, metrics parsed", "MLflow search_runs"):
            for ours in ("gitml exp list --json, cold", "gitml exp list --json, warm"):
                if other in column:
                    print(f"{branches:,}: {ours} / {other}: {column[ours] / column[other]:.3f}")


if __name__ == "__main__":
    main()
