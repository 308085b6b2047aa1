from __future__ import annotations
import json
from gitml.config import Config, Gate, Metric
from gitml.models.evidence import as_data, as_markdown, gather
from .conftest import Repo
from .evidence_projects import Releases, predictions

CONFIG = Config(
    metric=Metric("roc_auc"),
    gates=(Gate("roc_auc", least=0.6, tolerance=0.01), Gate("log_loss", most=0.3, direction="lower")),
)


def test_x(repo: Repo):
    made = Releases(repo)
    v3 = made.release(
        3,
        predictions(3),
        results__analysis__slices_csv="",
        **{
            "results/analysis/slices.csv": "slice,rows,loss,excess\na = 1,100,0.5,0.1\nb = 2,200,0.4,0.0\n",
            "results/plots/calibration.csv": "predicted,observed,rows\n0.1,0.12,100\n0.5,0.4,50\n",
        },
    )
    v4 = made.release(
        4,
        predictions(4, noise=0.8),
        lr=0.3,
        data="b" * 32,
        **{
            "results/analysis/slices.csv": "slice,rows,loss,excess\na = 1,100,0.55,0.1\nb = 2,200,0.3,-0.1\n",
            "results/plots/calibration.csv": "predicted,observed,rows\n0.1,0.12,100\n0.5,0.45,50\n",
            "reports/lr/roc.svg": "<svg/>",
        },
    )
    found = gather(v4, v3, CONFIG, repo.path, names=("model-v4", "model-v3"))
    print(
        as_markdown(
            found, image_base="https://example.com/o/r/blob/x/{path}?raw=true", marker="<!-- gitml:evidence -->"
        )
    )
    print(json.dumps(as_data(found), indent=1)[:3000])
    found = gather(v4, None, CONFIG, repo.path, names=("model-v4", ""))
    print(as_markdown(found))
    assert 0
