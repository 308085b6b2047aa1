"""What it takes to list a thousand released models, beside GTO, in one run.

``python -m benchmarks.model_list [MODELS ...] [--without-gto] [--rounds N]`` makes repositories with so many releases
(1,000 and 10,000 where nothing is said; GTO is asked about the first) of ten models, a branch, an annotated tag and a
provenance.json each, one of each model in production. It prints the median wall time of whole processes, run in turn.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.exp_list import SCRIPTS, seconds
from benchmarks.repositories import START, run
from gitml.conventions.versions import ModelVersion
from gitml.models.provenance import ModelFile, Provenance, Source, render

NAMES = tuple(f"model-{letter}" for letter in "abcdefghij")
PARAMS = {f"train.mlp.option_{number}": number / 7 for number in range(60)}
PACKAGES = {f"package-{number}": f"{number}.2.1" for number in range(40)}


def lay_down(folder: Path, models: int) -> None:
    """Make a repository with so many releases."""
    folder.mkdir(parents=True)
    run(["git", "init", "--quiet", "--initial-branch=main"], folder)
    run(["git", "fast-import", "--quiet", "--date-format=raw"], folder, main_history())
    main = run(["git", "rev-parse", "main"], folder).decode().strip()
    run(["git", "fast-import", "--quiet", "--date-format=raw"], folder, history(models, main))
    run(["git", "pack-refs", "--all"], folder)


def main_history() -> bytes:
    """Return the stream for main."""
    return _commit("refs/heads/main", START, "infra: start", {"params.yaml": b"lr: 1\n"}, "")


def history(models: int, main: str) -> bytes:
    """Return the stream that ``git fast-import`` reads: releases from main, tags, and production."""
    parts, marks, last = [], 1, {}
    for number in range(models):
        version = ModelVersion(NAMES[number % len(NAMES)], 1 + number // len(NAMES))
        content = render(told(version, number, main))
        parts.append(
            _commit(
                f"refs/heads/{version.branch}",
                START + 60 * number,
                f"model: release {version}",
                {"provenance.json": content, "params.yaml": b"lr: %d\n" % number},
                main,
                marks,
            )
        )
        parts.append(_tag(version.tag, marks, START + 60 * number))
        last[version.model] = (marks, content, number)
        marks += 1
    for model, (mark, content, number) in last.items():
        ref = f"refs/heads/production/production-{model}"
        files = {"provenance.json": content, "params.yaml": b"lr: %d\n" % number}
        parts.append(_commit(ref, START + 60 * models, "model: promote", files, ""))
        parts.append(_tag(f"{model}#production#1", mark, START + 60 * models))
    return b"".join(parts)


def told(version: ModelVersion, number: int, main: str) -> Provenance:
    """Return what a release says of itself."""
    metrics = {"roc_auc": 0.7 + number % 1_000 / 10_000, "log_loss": 0.5, "f1": 0.4, "rows": 81_000}
    return Provenance(
        version,
        f"idea-{number:05}",
        main,
        {"dvc.lock": f"{number:064x}"},
        (ModelFile(f"models/{version.model}/model.onnx", f"{number:032x}", f"{number:064x}", 4_000_000),),
        (Source("data/flights.csv", f"{7:032x}"),),
        PARAMS,
        metrics,
        {"python": "3.11", "packages": PACKAGES},
        "Ada <ada@example.com>",
        "2026-11-02T10:00:00+00:00",
    )


def _commit(ref: str, time: int, message: str, files: dict[str, bytes], parent: str, mark: int = 0) -> bytes:
    text = message.encode()
    lines = [f"commit {ref}\n".encode(), b"mark :%d\n" % mark if mark else b""]
    lines += [f"author Ada <ada@example.com> {time} +0000\ncommitter Ada <ada@example.com> {time} +0000\n".encode()]
    lines += [b"data %d\n%s\n" % (len(text), text), f"from {parent}\n".encode() if parent else b""]
    for path, content in files.items():
        lines.append(f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n")
    return b"".join(lines)


def _tag(name: str, mark: int, time: int) -> bytes:
    return f"tag {name}\nfrom :{mark}\ntagger Ada <ada@example.com> {time} +0000\ndata 7\nrelease\n".encode()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", type=int, default=[1_000, 10_000])
    parser.add_argument("--without-gto", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ours = [str(SCRIPTS / "gitml"), "model", "list"]
    commands = {"gitml model list --json": [*ours, "--json"], "gitml model list": ours}
    columns: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as top:
        for models in options.models:
            folder = Path(top) / str(models) / "project"
            lay_down(folder, models)
            times: dict[str, list[float]] = {name: [] for name in commands}
            for _ in range(options.rounds):
                for name, words in commands.items():
                    times[name].append(seconds(words, folder))
            columns[models] = {name: median(taken) for name, taken in times.items()}
            if models == options.models[0] and not options.without_gto:
                columns[models]["gto show --json"] = seconds([str(SCRIPTS / "gto"), "show", "--json"], folder)
    first = columns[options.models[0]]
    print(f"{'':26}" + "".join(f"{models:>10,}" for models in columns))
    for name in first:
        print(f"{name:26}" + "".join(f"{column[name]:10.3f}" for column in columns.values() if name in column))
    if "gto show --json" in first:
        print(f"{'times faster than GTO':26}{first['gto show --json'] / first['gitml model list --json']:10.0f}")


if __name__ == "__main__":
    main()
