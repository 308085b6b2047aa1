"""gitml exp list --rescore on real DVC: an old model meets today's test data."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from gitml.experiments import desk as desks
from gitml.experiments.rescore import CannotRescore, measure
from gitml.pipeline.repro import RunFailed

from .conftest import Done, Repo

Gitml = Callable[..., Done]

DVC_YAML = """\
stages:
  train:
    cmd: mkdir model && cp weight.txt model/model.onnx
    deps: [weight.txt]
    outs: [model]
  evaluate:
    cmd: sh evaluate.sh
    deps: [evaluate.sh, model, rows.txt]
    metrics:
      - metrics.json: {cache: false}
"""
EVALUATE = """\
read weight < model/model.onnx
read rows < rows.txt
printf '{"score": %s, "test_data": "%s"}\\n' $((weight * rows)) $rows > metrics.json
"""
FILES = {".dvc/config": "", ".dvc/.gitignore": "/tmp\n/cache\n", ".gitignore": "/model\n", "dvc.yaml": DVC_YAML}


@pytest.fixture
def scored(repo: Repo, gitml: Gitml) -> Repo:
    """Main on rows 10 with weight 3, and an experiment of before on rows 2 with weight 4."""
    repo.commit("infra: start", **FILES, **{"evaluate.sh": EVALUATE, "weight.txt": "4\n", "rows.txt": "2\n"})
    assert gitml("exp", "run", "-n", "old", at=repo.path).code == 0
    repo.git("switch", "--quiet", "main")
    repo.write("weight.txt", "3\n")
    repo.write("rows.txt", "10\n")
    assert gitml("exp", "run", "-n", "new", at=repo.path).code == 0
    repo.git("branch", "--force", "main", "HEAD")
    return repo


def rows(done: Done) -> dict[str, tuple[str, float | None]]:
    return {row["name"]: (row["group"], row["value"]) for row in json.loads(done.out)["experiments"]}


def test_an_old_model_is_measured_on_todays_data(gitml: Gitml, scored: Repo) -> None:
    before = scored.git("for-each-ref")
    assert rows(gitml("exp", "list", "--json", at=scored.path))["old"] == ("other data", 8)
    done = gitml("exp", "list", "--json", "--rescore", at=scored.path)
    assert rows(done) == {"main": ("ranked", 30), "new": ("ranked", 30), "old†": ("ranked", 40)}
    assert done.err == "old measured again\n"
    assert scored.git("for-each-ref") == before
    assert scored.git("status", "--porcelain") == ""
    assert (scored.path / "model/model.onnx").read_text() == "3\n"


def test_a_model_that_is_not_here(gitml: Gitml, scored: Repo) -> None:
    for file in (scored.path / ".dvc/cache/files/md5").rglob("*.dir"):
        file.chmod(0o644)
        file.write_text("[]")
    done = gitml("exp", "list", "--json", "--rescore", at=scored.path)
    assert rows(done)["old"] == ("other data", 8)
    old = scored.git("rev-parse", "main")[:10]
    assert done.err == f"old was not measured again: {old} has no exported model here\n"


def test_an_evaluation_that_fails(scored: Repo) -> None:
    scored.commit("experiment: broken", **{"evaluate.sh": "exit 3\n"})
    with pytest.raises(RunFailed) as caught:
        measure(desks.find(scored.path), scored.git("rev-parse", "experiments/old"), scored.git("rev-parse", "HEAD"))
    assert caught.value.what == "the stage evaluate failed (exit status 255)"


def test_a_pipeline_without_an_evaluation_of_a_model(repo: Repo) -> None:
    commit = repo.commit("infra: start", **{**FILES, "dvc.yaml": "stages:\n  a:\n    cmd: echo\n    outs: [b]\n"})
    full = repo.git("rev-parse", commit)
    with pytest.raises(CannotRescore):
        measure(desks.find(repo.path), full, full)
