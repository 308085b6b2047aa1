"""``gitml model diff``: two releases side by side."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from gitml.models.provenance import Source
from tests.gitml.conftest import Done, Repo
from tests.gitml.model_history import ENVIRONMENT, Models, md5

Command = Callable[..., Done]


@pytest.fixture
def models(repo: Repo) -> Models:
    made = Models(repo)
    made.experiment("lower-lr", 3e-4, roc_auc=0.7133, log_loss=0.5)
    made.release(1, "lower-lr")
    return made


def test_everything_that_differs(models: Models, gitml: Command) -> None:
    models.experiment("wide", 1e-4, roc_auc=0.7187, log_loss=0.5, files={"train.py": b"print('wide')\nmore()\n"})
    models.release(
        2, "wide",
        change=lambda told: told._replace(
            environment={**ENVIRONMENT, "packages": {"onnx": "1.19.0", "torch": "2.13.0"}},
            data=(*told.data, Source("data/weather.csv", "f" * 32)),
            model=(told.model[0], told.model[1]._replace(size=2_000_000)),
        ),
    )  # fmt: skip
    done = gitml("model", "diff", "v1", "v2", at=models.repo.path)
    assert (done.code, done.err) == (0, "")
    one, two = (models.commits[name][:7] for name in ("model-v1", "model-v2"))
    assert done.out.splitlines() == [
        f"model-v1 {one} → model-v2 {two}",
        "",
        "  METRIC      OLD     NEW   CHANGE",
        "  roc_auc  0.7133  0.7187  +0.0054  higher",
        "",
        "  PARAM     OLD   NEW",
        "  train.lr  3e-4  1e-4",
        "",
        "  ENVIRONMENT  OLD     NEW",
        "  onnx         1.18.0  1.19.0",
        "",
        "  DATA              OLD  NEW",
        "  data/weather.csv  –    ffffffffff",
        "",
        "  FILE                     OLD       NEW",
        "  models/model/model.onnx  23 bytes  2.0 MB",
        "",
        "  CODE      LINES",
        "  train.py  +2 -1",
        "",
        "  no intervals: model-v2 stores no predictions, or no cache of DVC's is here",
    ]
    told = json.loads(gitml("model", "diff", "v1", "v2", "--json", at=models.repo.path).out)
    assert told["params"] == {"train.lr": [3e-4, 1e-4]}
    assert told["environment"] == {"onnx": ["1.18.0", "1.19.0"]}
    assert told["data"] == {"data/weather.csv": [None, "f" * 32]}
    assert told["files"] == {"models/model/model.onnx": [23, 2_000_000]}
    assert told["code"] == [{"path": "train.py", "added": 2, "removed": 1}]
    assert [(one["name"], one["word"]) for one in told["metrics"]] == [("roc_auc", "higher"), ("log_loss", "same")]
    markdown = gitml("model", "diff", "v1", "v2", "--md", at=models.repo.path).out
    assert "| `roc_auc` | 0\\.7133 | 0\\.7187 | \\+0.0054 | higher |" in markdown


def predictions(seed: int, noise: float) -> bytes:
    """Return what a model said of 600 rows of 30 days."""
    drawn = np.random.default_rng(0)
    target = (drawn.random(600) < 0.3).astype(np.int64)
    own = np.random.default_rng(seed).normal(size=600) * noise
    late = 1 / (1 + np.exp(1 - 2 * target - own))
    frame = pd.DataFrame({"__row__": np.arange(600), "__block__": np.arange(600) // 20, "target": target})
    frame["probability_no"], frame["probability_yes"] = 1 - late, late
    file = io.BytesIO()
    frame.to_parquet(file, index=False)
    return file.getvalue()


def test_predictions_in_the_cache_give_intervals_and_a_word_that_claims_something(
    models: Models, gitml: Command
) -> None:
    models.repo.with_dvc()
    models.repo.write("gitml.toml", '[metric]\nname = "roc_auc"\n')
    contents = {2: predictions(1, 3.0), 3: predictions(2, 1.0)}
    for number, content in contents.items():
        models.experiment(f"run-{number}", roc_auc=0.6 + number / 20, predictions=content)
        models.release(number, f"run-{number}")
    done = gitml("model", "diff", "v2", "v3", at=models.repo.path)
    assert "no intervals: " in done.out and "higher" in done.out
    for content in contents.values():
        sum_ = md5(content)
        models.repo.write(f".dvc/cache/files/md5/{sum_[:2]}/{sum_[2:]}", content)
    told = json.loads(gitml("model", "diff", "v2", "v3", "--json", at=models.repo.path).out)
    first = told["metrics"][0]
    assert (first["name"], first["word"], told["note"]) == ("roc_auc", "better", "")
    assert 0 < first["interval"][0] < first["interval"][1]
    done = gitml("model", "diff", "v2", "v3", at=models.repo.path)
    assert "better" in done.out and "[+" in done.out
    assert "no intervals" not in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_figures_on_other_test_data_stand_beside_each_other_without_a_word(models: Models, gitml: Command) -> None:
    models.experiment("new", roc_auc=0.9, test_data="of-2014")
    models.release(2, "new")
    done = gitml("model", "diff", "v1", "v2", at=models.repo.path)
    assert done.out.splitlines()[1:5] == [
        "measured on other test data: the metrics cannot be compared",
        "",
        "  METRIC       OLD     NEW",
        "  roc_auc   0.7133  0.9000",
    ]
    assert "higher" not in done.out
    told = json.loads(gitml("model", "diff", "v1", "v2", "--json", at=models.repo.path).out)
    assert (told["is_same_data"], {one["word"] for one in told["metrics"]}) == (False, {""})
    assert "cannot be compared" in gitml("model", "diff", "v1", "v2", "--md", at=models.repo.path).out


def test_a_release_and_itself(models: Models, gitml: Command) -> None:
    commit = models.commits["model-v1"][:7]
    assert gitml("model", "diff", "v1", "model@v1.0.0", at=models.repo.path).out == (
        f"model-v1 {commit} → model-v1 {commit}\n\nnothing differs\n"
    )


def test_one_that_cannot_be_read_is_compared_as_far_as_git_knows_it(models: Models, gitml: Command) -> None:
    models.release(2, "lower-lr", files={"provenance.json": b"{}", "train.py": b"other()\n"})
    done = gitml("model", "diff", "v1", "v2", at=models.repo.path)
    assert done.code == 0
    assert "model-v2: its provenance.json cannot be read: its schema is None" in " ".join(done.out.split())
    assert "train.py  +1 -1" in done.out
    assert gitml("model", "diff", "v1", "v2", "--md", at=models.repo.path).code == 0


def test_in_a_bare_repository_there_is_no_cache_to_look_into(models: Models, gitml: Command) -> None:
    models.experiment("wide", 1e-4, roc_auc=0.7187)
    models.release(2, "wide")
    models.repo.git("clone", "--quiet", "--bare", ".", "../bare.git")
    told = json.loads(gitml("model", "diff", "v1", "v2", "--json", at=models.repo.path.parent / "bare.git").out)
    assert told["note"] == "there is no working tree, so no cache of DVC's"
    assert told["params"] == {"train.lr": [3e-4, 1e-4]}


def test_hostile_names_and_values_stay_text_and_in_their_columns(models: Models, gitml: Command) -> None:
    evil = "\x1b[2J\u202e<img src=x>|`" + "x" * 500
    models.release(
        2, "lower-lr",
        change=lambda told: told._replace(
            metrics={**told.metrics, evil: 1e300}, params={evil: evil, **{f"p{one}": one for one in range(50)}},
            data=(Source(evil, evil),), environment={evil: evil}, model=(told.model[0]._replace(path=evil),),
        ),
        files={"a\x1b[2J.py": b"1\n"},
    )  # fmt: skip
    for form in ((), ("--md",), ("--json",)):
        done = gitml("model", "diff", "v1", "v2", *form, at=models.repo.path)
        assert done.code == 0
        assert "\x1b" not in done.out and "\u202e" not in done.out
        if not form:
            assert "more: --json" in done.out
            assert max(map(len, done.out.splitlines())) <= 80
