"""How long `gitml ci check` takes for a promotion, in a clone without blobs and in one of depth 1.

python -m benchmarks.ci_check
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROUNDS = 5
BOUND = 1.5
"""Seconds that a check may take on a fresh clone without blobs."""


def main() -> None:
    """Print the times."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        head = _repository(place)
        partial = _check(place, head, "--filter=blob:none")
        shallow = _check(place, head, "--depth=1", "--no-single-branch")
    print(f"gitml ci check of a promotion, the median of {ROUNDS} fresh clones each:")
    print(f"  --filter=blob:none  {partial:.2f} s   {partial / BOUND:.2f} of the bound of {BOUND} s")
    print(f"  --depth=1           {shallow:.2f} s   the history is fetched first")


def _repository(place: Path) -> str:
    """Make a server with 200 experiments, 20 releases and an open promotion; return the promotion's commit."""
    server = place / "server.git"
    _git(place, "init", "--quiet", "--bare", "--initial-branch=main", str(server))
    _git(server, "config", "uploadpack.allowFilter", "true")
    lines = [*_commit("refs/heads/main", 1, "", {"a": "1\n", "gitml.toml": "[rules]\nreport-complete = 'off'\n"})]
    mark = 1
    for number in range(200):
        mark += 1
        lines += _commit(
            f"refs/heads/experiments/e{number}", mark, "refs/heads/main", {"params.yaml": f"lr: {number}\n"}
        )
    for number in range(1, 21):
        mark += 1
        told = f'{{"model": "model", "version": {number}, "experiment": "e{number}"}}\n'
        lines += _commit(f"refs/heads/models/model-v{number}", mark, f":{number + 1}", {"provenance.json": told})
    subprocess.run(["git", "fast-import", "--quiet"], cwd=server, input="".join(lines).encode(), check=True)
    empty = _git(server, "hash-object", "-t", "tree", "-w", "--stdin")
    production = _git(server, "commit-tree", empty, "-m", "model: open production/production-model")
    for number in range(1, 20):
        production = _promotion(server, number, production)
    _git(server, "update-ref", "refs/heads/production/production-model", production)
    head = _promotion(server, 20, production)
    _git(server, "update-ref", "refs/heads/promote/model-v20", head)
    return head


def _promotion(server: Path, number: int, parent: str) -> str:
    release = _git(server, "rev-parse", f"models/model-v{number}")
    message = f"model: promote model-v{number}\n\nModel: model-v{number}\nModel-Commit: {release}\n"
    return _git(server, "commit-tree", f"{release}^{{tree}}", "-p", parent, "-m", message)


def _commit(ref: str, mark: int, parent: str, files: dict[str, str]) -> list[str]:
    message = "infra: start" if not parent else "experiment: try"
    lines = [f"commit {ref}\nmark :{mark}\ncommitter Ada <ada@example.com> {1700000000 + mark} +0000\n"]
    lines += [f"data {len(message)}\n{message}\n", *([f"from {parent}\n"] if parent else [])]
    for name, content in files.items():
        lines.append(f"M 100644 inline {name}\ndata {len(content)}\n{content}\n")
    return lines


def _check(place: Path, head: str, *how: str) -> float:
    """Return the seconds of a check in a fresh clone."""
    times = []
    for number in range(ROUNDS):
        clone = place / f"clone{''.join(how)}{number}"
        _git(place, "clone", "--quiet", "--no-checkout", *how, f"file://{place}/server.git", str(clone))
        words = ("--base", "origin/production/production-model", "--head", head, "--branch", "promote/model-v20")
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "gitml", "ci", "check", *words],
            cwd=clone,
            capture_output=True,
            text=True,
            check=False,
        )
        times.append(time.perf_counter() - began)
        if done.returncode != 0:
            sys.exit(f"the check said no, so there is nothing to measure:\n{done.stdout}{done.stderr}")
    return median(times)


def _git(at: Path, *words: str) -> str:
    person = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"), ("DATE", "1700000000 +0000"))
    }
    done = subprocess.run(
        ["git", *words],
        cwd=at,
        env={**os.environ, **person},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


if __name__ == "__main__":
    main()
