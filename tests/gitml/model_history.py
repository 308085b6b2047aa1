"""Releases, promotions and roll-backs as they lie in git, made by git alone: nothing of gitml's makes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from gitml.conventions.moments import moment
from gitml.conventions.versions import ModelVersion
from gitml.models.provenance import CARD, FILE, ModelFile, Provenance, Source, render
from tests.gitml.conftest import Repo, finished_report

START = 1_760_000_000
HOUR = 3_600
DATA = b"carrier,late\nUA,1\n"
EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
ENVIRONMENT = {"python": "3.11.7", "packages": {"onnx": "1.18.0", "torch": "2.13.0"}}

PIPELINE = """\
stages:
  train:
    cmd: python train.py
    deps: [data/flights.csv, train.py]
    params: [train.lr]
    outs: [models/model/model.onnx, models/model/environment.json]
  evaluate:
    cmd: python evaluate.py
    deps: [models/model/model.onnx]
    metrics: [{results/metrics.json: {cache: false}}]
artifacts:
  model: {path: models/model/model.onnx, type: model}
"""


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def onnx(slug: str) -> bytes:
    """Return the bytes of an experiment's model."""
    return f"the weights of {slug}".encode()


class Models:
    """A repository whose models are made an hour after each other."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self.time = START
        self.commits: dict[str, str] = {}
        self.told: dict[str, Provenance] = {}
        self.files: dict[str, dict[str, bytes]] = {}

    # What git itself does.

    def tree(self, files: Mapping[str, bytes]) -> str:
        lines = []
        for path, content in files.items():
            blob = self.repo.run("git", "hash-object", "-w", "--stdin", stdin=content).out.strip()
            lines.append(f"100644 {blob}\t{path}")
        index = {"GIT_INDEX_FILE": str(self.repo.path.parent / "of-a-test")}
        self.repo.run("git", "read-tree", "--empty", **index)
        self.repo.run("git", "update-index", "--add", "--index-info", stdin="\n".join(lines) + "\n", **index)
        return self.repo.run("git", "write-tree", **index).out.strip()

    def commit(self, tree: str, message: str, *parents: str, by: str = "Ada") -> str:
        words = [word for parent in parents for word in ("-p", parent)]
        done = self.repo.run("git", "commit-tree", tree, *words, stdin=message, **self.ident(by))
        assert done.code == 0, done.err
        return done.out.strip()

    def ref(self, name: str, oid: str) -> None:
        self.repo.git("update-ref", name, oid)

    def tag(self, name: str, commit: str, message: str, by: str = "Ada") -> None:
        done = self.repo.run("git", "tag", "--annotate", "-F", "-", name, commit, stdin=message, **self.ident(by))
        assert done.code == 0, done.err

    def ident(self, by: str) -> dict[str, str]:
        date, mail = f"{self.time} +0000", f"{by.lower()}@example.com"
        return {
            "GIT_AUTHOR_NAME": by, "GIT_AUTHOR_EMAIL": mail, "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_NAME": by, "GIT_COMMITTER_EMAIL": mail, "GIT_COMMITTER_DATE": date,
        }  # fmt: skip

    # What a team does.

    def experiment(
        self,
        slug: str,
        lr: float = 1e-3,
        by: str = "Bo",
        files: Mapping[str, bytes] | None = None,
        predictions: bytes = b"",
        **metrics: Any,
    ) -> str:
        """Commit a run that trained a model, and return the commit."""
        self.time += HOUR
        figures = {"roc_auc": 0.7, "test_data": "of-2013", **metrics}
        made = json.dumps(figures, indent=2).encode()
        train = b"print('train')\n"
        environment = json.dumps(ENVIRONMENT).encode()
        outs = {"models/model/environment.json": environment, "models/model/model.onnx": onnx(slug)}
        lock: dict[str, Any] = {
            "schema": "2.0",
            "stages": {
                "train": {
                    "cmd": "python train.py",
                    "deps": [_entry("data/flights.csv", DATA), _entry("train.py", train)],
                    "params": {"params.yaml": {"train.lr": lr}},
                    "outs": [_entry(path, content) for path, content in outs.items()],
                },
                "evaluate": {
                    "cmd": "python evaluate.py",
                    "deps": [_entry("models/model/model.onnx", onnx(slug))],
                    "outs": [_entry("results/metrics.json", made)],
                },
            },
        }
        pipeline = PIPELINE
        if predictions:
            lock["stages"]["evaluate"]["outs"].append(_entry("results/predictions.parquet", predictions))
            pipeline = PIPELINE.replace("    metrics:", "    outs: [results/predictions.parquet]\n    metrics:")
        self.files[slug] = {
            ".dvc/config": b"",
            "dvc.yaml": pipeline.encode(),
            "dvc.lock": yaml.safe_dump(lock, sort_keys=False).encode(),
            "params.yaml": yaml.safe_dump({"train": {"lr": lr}}).encode(),
            "results/metrics.json": made,
            "train.py": train,
            f"reports/{slug}/README.md": finished_report(slug).encode(),
            **(files or {}),
        }
        parents = [self.commits["main"]] if "main" in self.commits else []
        self.commits[slug] = self.commit(self.tree(self.files[slug]), f"experiment: try {slug}\n", *parents, by=by)
        self.ref(f"refs/heads/experiments/{slug}", self.commits[slug])
        return self.commits[slug]

    def provenance(self, number: int, slug: str, model: str = "model") -> Provenance:
        """Return what an honest release of an experiment says of itself."""
        files = self.files[slug]
        figures = json.loads(files["results/metrics.json"])
        return Provenance(
            ModelVersion(model, number),
            slug,
            self.commits[slug],
            {"dvc.lock": hashlib.sha256(files["dvc.lock"]).hexdigest()},
            (
                _file("models/model/environment.json", json.dumps(ENVIRONMENT).encode()),
                _file("models/model/model.onnx", onnx(slug)),
            ),
            (Source("data/flights.csv", md5(DATA)),),
            {"train.lr": yaml.safe_load(files["params.yaml"])["train"]["lr"]},
            figures,
            ENVIRONMENT,
            "Ada <ada@example.com>",
            moment(self.time),
        )

    def release(
        self,
        number: int,
        slug: str,
        model: str = "model",
        by: str = "Ada",
        has_tag: bool = True,
        change: Callable[[Provenance], Provenance] = lambda told: told,
        files: Mapping[str, bytes | None] | None = None,
        parents: tuple[str, ...] | None = None,
    ) -> str:
        """Release an experiment as models/<model>-v<number> with its tag, and return the commit.

        `change` makes it say something else than the truth; `files` are other files, None for one that is left out.
        """
        self.time += HOUR
        version = ModelVersion(model, number)
        told = change(self.provenance(number, slug, model))
        self.told[str(version)] = told
        own = {FILE: render(told), CARD: f"# {version}\n\nA card.\n".encode()}
        changed = {**self.files[slug], **own, **(files or {})}
        tree = self.tree({path: content for path, content in changed.items() if content is not None})
        message = f"model: release {version}\n\nModel: {version}\n"
        commit = self.commit(tree, message, *(parents if parents is not None else (self.commits[slug],)), by=by)
        self.commits[str(version)] = commit
        self.ref(f"refs/heads/{version.branch}", commit)
        if has_tag:
            self.tag(version.tag, commit, f"release {version} of {slug}", by)
        return commit

    def promote(self, number: int, model: str = "model", by: str = "Cy", reason: str = "") -> str:
        """Bring a release to production, which is opened where it is not there, with GTO's tag; return the commit."""
        self.time += HOUR
        ref = f"refs/heads/production/production-{model}"
        tip = self.repo.run("git", "rev-parse", "--quiet", "--verify", ref).out.strip()
        tip = tip or self.commit(EMPTY, "infra: open production\n", by=by)
        version = ModelVersion(model, number)
        release = self.commits[str(version)]
        why = f"Reason: {reason}\n" if reason else ""
        message = f"model: promote {version}\n\nModel: {version}\nModel-Commit: {release}\n{why}"
        commit = self.commit(f"{release}^{{tree}}", message, tip, by=by)
        self.ref(ref, commit)
        tags = self.repo.git("tag", "--list", f"{model}#production#*").splitlines()
        self.tag(f"{model}#production#{len(tags) + 1}", release, f"{version} is in production", by)
        return commit

    def yank(self, number: int, reason: str, model: str = "model", by: str = "Di") -> None:
        self.time += HOUR
        version = ModelVersion(model, number)
        self.tag(f"{version.tag}!", self.commits[str(version)], reason, by)


def _entry(path: str, content: bytes) -> dict[str, Any]:
    return {"path": path, "hash": "md5", "md5": md5(content), "size": len(content)}


def _file(path: str, content: bytes) -> ModelFile:
    return ModelFile(path, md5(content), hashlib.sha256(content).hexdigest(), len(content))
