"""Released models in real git, with their predictions in a real DVC cache, written by hand so that each takes no time.

`Releases` stands for what `gitml model release` leaves: a tree with a pipeline, its lock, its results, its report and
its provenance.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .conftest import Repo, finished_report

ROWS, DAYS = 3000, 40

DVC_YAML = """\
stages:
  evaluate:
    cmd: sh stages/evaluate.sh
    deps: [stages/evaluate.sh, data/raw.csv]
    params: [train.lr]
    outs:
    - results/predictions.parquet
    - results/analysis: {cache: false}
    - results/plots: {cache: false}
    metrics:
    - results/metrics.json: {cache: false}
"""

SLICES = "slice,rows,loss,excess\n"


def predictions(model: int, rows: int = ROWS, days: int = DAYS, noise: float = 1.0) -> pa.Table:
    """Return what a model says of two classes; a smaller noise makes a better one."""
    world, own = np.random.default_rng(1), np.random.default_rng(100 + model)
    day = np.sort(world.integers(0, days, rows))
    target = (world.random(rows) < 0.3).astype(np.int64)
    score = 1 / (1 + np.exp(1 - 2 * target - day / days - noise * own.normal(size=rows)))
    return pa.table(
        {
            "__row__": np.arange(rows),
            "__block__": [f"2013-01-{number:02}" for number in day],
            "target": target,
            "probability_no": 1 - score,
            "probability_yes": score,
        }
    )


def scores(table: pa.Table) -> dict[str, float]:
    """Return the metrics of predictions, as scikit-learn has them."""
    from sklearn import metrics

    target, score = (table.column(name).to_numpy() for name in ("target", "probability_yes"))
    return {
        "roc_auc": round(metrics.roc_auc_score(target, score), 6),
        "accuracy": round(metrics.accuracy_score(target, score > 0.5), 6),
        "log_loss": round(metrics.log_loss(target, score), 6),
        "brier": round(float(((score - target) ** 2).mean()), 6),
        "ece": 0.0123,
    }


class Releases:
    """A repository in which models are released.

    Parameters
    ----------
    repo
        An empty one.
    folder
        The folder with the pipeline; empty for the top.
    """

    def __init__(self, repo: Repo, folder: str = "") -> None:
        self.repo = repo
        self.folder = folder
        repo.with_dvc().commit()
        self.main = repo.git("rev-parse", "HEAD")
        self.cache = repo.path / ".dvc/cache"

    def release(
        self,
        number: int,
        table: pa.Table | None = None,
        metrics: dict[str, Any] | str | None = None,
        data: str = "a" * 32,
        lr: Any = 0.1,
        slug: str = "lr",
        **files: str,
    ) -> str:
        """Release a model as model-v<number> and return its commit."""
        repo, here = self.repo, f"{self.folder}/" if self.folder else ""
        repo.git("switch", "--quiet", "--detach", self.main)
        source = self.repo.git("rev-parse", "HEAD")
        figures = metrics if metrics is not None else {**scores(table), "test_data": "d1"} if table is not None else {}
        written = {
            f"{here}dvc.yaml": DVC_YAML,
            f"{here}params.yaml": f"train: {{lr: {json.dumps(lr)}}}\n",
            f"{here}stages/evaluate.sh": f"echo {lr}\n",
            f"{here}results/metrics.json": figures if isinstance(figures, str) else json.dumps(figures),
            f"{here}dvc.lock": lock(table, data),
            f"reports/{slug}/README.md": finished_report(slug),
            "provenance.json": json.dumps({"experiment": slug, "commit": source}),
            **{
                f"{here if name.startswith(('results/', 'stages/')) else ''}{name}": text
                for name, text in files.items()
            },
        }
        if table is not None:
            self.keep(table)
        repo.commit(f"model: release model-v{number}", **written)
        commit = repo.git("rev-parse", "HEAD")
        repo.git("branch", f"models/model-v{number}")
        return commit

    def keep(self, table: pa.Table) -> Path:
        """Put predictions into DVC's cache."""
        content = parquet(table)
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        file = self.cache / "files/md5" / md5[:2] / md5[2:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file


def parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def lock(table: pa.Table | None, data: str) -> str:
    out = ""
    if table is not None:
        md5 = hashlib.md5(parquet(table), usedforsecurity=False).hexdigest()
        out = f"    outs:\n    - path: results/predictions.parquet\n      hash: md5\n      md5: {md5}\n"
    return (
        "schema: '2.0'\nstages:\n  evaluate:\n    cmd: sh stages/evaluate.sh\n    deps:\n"
        f"    - path: data/raw.csv\n      hash: md5\n      md5: {data}\n      size: 10\n{out}"
    )
