"""A release on new test data: production's model is measured on it too, so that a tolerance can be asked."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from gitml.conventions.versions import ModelVersion
from gitml.models import provenance

from .conftest import Done, Repo, Server
from .teams import finish_report
from .test_rescore import DVC_YAML, EVALUATE, FILES

pytestmark = pytest.mark.slow

Gitml = Callable[..., Done]

GATED = '[metric]\nname = "score"\n[gates.score]\ntolerance = 5\n'
ARTIFACT = "artifacts:\n  model:\n    path: model\n    type: model\n"


@pytest.fixture
def measured(server: Server, gitml: Gitml) -> Repo:
    """In production is a model of weight 4, scored 8 on rows 2."""
    repo = server.clone("desk")
    (repo.path.parent / "storage").mkdir()
    config = f"[core]\n    remote = storage\n['remote \"storage\"']\n    url = {repo.path.parent}/storage\n"
    files = {**FILES, ".dvc/config": config, "dvc.yaml": DVC_YAML + ARTIFACT, "gitml.toml": GATED}
    repo.commit("infra: start", **files, **{"evaluate.sh": EVALUATE, "weight.txt": "4\n", "rows.txt": "2\n"})
    repo.git("push", "--quiet", "origin", "main")
    repo.git("remote", "set-head", "origin", "main")
    run(repo, gitml, "old")
    for words in (("release", "old"), ("promote", "v1"), ("promote", "v1", "--merge")):
        done = gitml("model", *words, at=repo.path)
        assert done.code == 0, done.err
    return repo


def run(repo: Repo, gitml: Gitml, slug: str, **files: str) -> None:
    """Run an experiment on main with other files, and finish its report."""
    repo.git("switch", "--quiet", "main")
    for name, content in files.items():
        repo.write(f"{name}.txt", content)
    done = gitml("exp", "run", "-n", slug, at=repo.path)
    assert done.code == 0, done.err
    finish_report(repo, slug)
    repo.git("commit", "--quiet", "--all", "-m", "experiment: conclusions")


def told(repo: Repo, version: str) -> provenance.Provenance:
    repo.git("fetch", "--quiet")
    return provenance.parse(repo.run("git", "show", f"origin/models/{version}:provenance.json").out.encode())


def test_production_is_measured_on_the_new_data(measured: Repo, gitml: Gitml) -> None:
    run(measured, gitml, "better", weight="5\n", rows="10\n")
    done = gitml("model", "release", "better", at=measured.path)
    assert done.code == 0, done.err
    assert done.err == "measuring model-v1 on the new test data: production's are others\n"
    assert "✓ score  50  not worse than 35" in done.out
    again = told(measured, "model-v2").rescored
    assert again is not None
    assert (str(again[0]), again[1]["score"]) == ("model-v1", 40)
    assert measured.run("git", "status", "--porcelain").out == ""
    for flags in ((), ("--merge",)):
        done = gitml("model", "promote", "v2", *flags, at=measured.path)
        assert done.code == 0, done.err


def test_a_worse_one_is_refused_although_its_figure_is_higher(measured: Repo, gitml: Gitml) -> None:
    """8 on the old rows was production's figure, 30 on the new ones is the release's: production has 40 there."""
    run(measured, gitml, "worse", weight="3\n", rows="10\n")
    done = gitml("model", "release", "worse", at=measured.path)
    assert done.code == 1
    assert "score 30 is 10 worse than production's 40" in " ".join(done.err.split())
    assert "refs/heads/models/model-v2" not in measured.git("ls-remote", "origin")


def test_what_cannot_be_measured_is_not_compared(measured: Repo, gitml: Gitml) -> None:
    """The new evaluation does not know the old model: nobody can tell whether it is worse, and it is said."""
    measured.git("switch", "--quiet", "main")
    picky = EVALUATE.replace("read rows", '[ "$weight" != 4 ] || exit 7\nread rows')
    measured.commit("infra: picky", **{"evaluate.sh": picky})
    measured.git("push", "--quiet", "origin", "main")
    run(measured, gitml, "new", weight="5\n", rows="10\n")
    done = gitml("model", "release", "new", at=measured.path)
    assert done.code == 1
    assert "model-v1 could not be measured again" in done.err
    assert "its test data are not those of the model in production" in done.err


def test_figures_of_another_model_than_productions_do_not_count(measured: Repo, gitml: Gitml) -> None:
    run(measured, gitml, "better", weight="5\n", rows="10\n")
    assert gitml("model", "release", "better", at=measured.path).code == 0
    found = told(measured, "model-v2")
    assert found.rescored is not None
    lie = found._replace(rescored=(found.version, {"score": 1.0}))
    measured.git("switch", "--quiet", "--detach", "origin/models/model-v2^")
    files = {"provenance.json": provenance.render(lie).decode(), "MODEL_CARD.md": "x\n"}
    measured.commit("model: release", **files)
    pushed = measured.run("git", "push", "--no-verify", "origin", "HEAD:refs/heads/models/model-v3")
    assert (pushed.code, "its test data are not those of" in pushed.err) == (1, True)
    assert json.loads(gitml("model", "list", "--json", at=measured.path).out)


@pytest.mark.parametrize("figure", [40.0, 1.0])
def test_verify_measures_it_once_more(measured: Repo, gitml: Gitml, figure: float) -> None:
    """Whoever releases says how good production is on the new data; only to measure again proves it."""
    run(measured, gitml, "better", weight="5\n", rows="10\n")
    assert gitml("model", "release", "better", at=measured.path).code == 0
    found = told(measured, "model-v2")
    assert found.rescored is not None
    lie = found._replace(version=ModelVersion("model", 3), rescored=(found.rescored[0], {"score": figure}))
    measured.git("switch", "--quiet", "--detach", "origin/models/model-v2^")
    measured.commit("model: release", **{"provenance.json": provenance.render(lie).decode(), "MODEL_CARD.md": "x\n"})
    measured.git("tag", "-m", "release", "model@v3.0.0")
    measured.git("push", "--quiet", "--no-verify", "origin", "HEAD:refs/heads/models/model-v3", "model@v3.0.0")
    measured.git("switch", "--quiet", "main")
    done = gitml("model", "verify", "v3", at=measured.path)
    assert (done.code, "the releaser's word, until --reproduce measures it" in done.out) == (0, True), done
    done = gitml("model", "verify", "v3", "--reproduce", at=measured.path)
    assert done.code == (0 if figure == 40 else 1), done
    assert ("✓" if figure == 40 else "✗") + " rescored" in done.out
