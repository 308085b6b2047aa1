"""Runs that scripts and notebooks make by themselves: they are committed as `gitml exp run` would."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gitml as package
from gitml.errors import GitmlError
from gitml.experiments import logged
from gitml.experiments.logged import Series, WrongValue
from gitml.experiments.notebook import NotRunning
from gitml.experiments.run_terms import NameIsTaken
from gitml.pipeline import verify

from .conftest import Done, Repo
from .tiny_projects import Project, fresh, project

__all__ = ["fresh", "project"]

SCRIPT = """\
import gitml, pathlib
with gitml.open(".").start_experiment("lower-lr", config={"train": {"lr": 3e-4}, "width": 8},
                                      hypothesis="1e-3 overshoots") as run:
    run.log_params({"optimizer": "adam"})
    for step in range(3):
        run.log_metrics({"val/loss": 1.0 / (step + 1), "roc_auc": 0.7 + step / 100}, step=step)
    run.log_metrics({"log_loss": 0.5})
    model = pathlib.Path("../models/mlp")
    model.mkdir(parents=True)
    (model / "weights").write_text("w")
    run.log_model(model, "mlp")
print(run.commit)
"""

BOOK = {
    "cells": [
        {"cell_type": "code", "execution_count": 7, "id": "a", "metadata": {}, "source": "1 + 1\n",
         "outputs": [{"output_type": "execute_result", "execution_count": 7, "metadata": {},
                      "data": {"text/plain": "2"}}]},
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}  # fmt: skip


def test_a_script_is_committed_with_what_it_logged(project: Project, gitml: Callable[..., Done]) -> None:
    project.write("scripts/train it.py", SCRIPT)
    done = project.run(
        sys.executable, "train it.py", "--fast", at="scripts", PYTHONPATH=str(Path(package.__file__).parents[1])
    )
    commit = project.git("rev-parse", "experiments/lower-lr")
    assert done == Done(0, f"{commit}\n", f"gitml: {commit[:7]} on experiments/lower-lr\n")
    assert project.git("branch", "--show-current") == "experiments/lower-lr"
    assert project.status() == ""
    assert project.git("diff", "--name-status", "main", commit).split("\n") == [
        "M\tmodels/.gitignore",
        "M\tparams.yaml",
        "A\treports/lower-lr/README.md",
        "A\treports/lower-lr/results-logged-plots-roc-auc-tsv.svg",
        "A\treports/lower-lr/results-logged-plots-val-loss-tsv.svg",
        "A\tresults/logged/dvc.lock",
        "A\tresults/logged/dvc.yaml",
        "A\tresults/logged/metrics.json",
        "A\tresults/logged/params.json",
        "A\tresults/logged/plots/roc_auc.tsv",
        "A\tresults/logged/plots/val/loss.tsv",
        "A\tscripts/train it.py",
    ]
    assert "  lr: 0.0003   # too high?\n" in project.shows("params.yaml")
    assert json.loads(project.shows("results/logged/params.json")) == {"width": 8, "optimizer": "adam"}
    assert json.loads(project.shows("results/logged/metrics.json")) == {
        "val": {"loss": 1 / 3},
        "roc_auc": 0.72,
        "log_loss": 0.5,
    }
    assert project.shows("results/logged/plots/val/loss.tsv") == f"step\tloss\n0\t1.0\n1\t0.5\n2\t{1 / 3}\n"
    assert project.shows("results/logged/dvc.yaml").split("\n", 1)[1] == (
        "stages:\n"
        "  logged:\n"
        "    frozen: true\n"
        "    cmd: cd ../.. && python 'scripts/train it.py' --fast\n"
        "    params:\n    - params.json: null\n    - ../../params.yaml: null\n"
        "    outs:\n    - ../../models/mlp\n"
        "    metrics:\n    - metrics.json:\n        cache: false\n"
        "    plots:\n    - plots:\n        cache: false\n"
        "artifacts:\n  mlp:\n    path: ../../models/mlp\n    type: model\n"
    )
    message = project.message().split("\n")
    assert message[0] == "experiment: train.lr 0.001 -> 0.0003, width 8, optimizer adam"
    assert message[2] == "1e-3 overshoots"
    assert "Metrics: roc_auc 0.701 -> 0.72 (+0.019)" in message
    assert "1e-3 overshoots" in project.shows("reports/lower-lr/README.md")
    # every rule and DVC itself are content
    assert verify.judge("HEAD", project.path).of("forged") == ()
    assert verify.judge("HEAD", project.path).of("uncovered") == ()
    listed = json.loads(gitml("exp", "list", "--json", at=project.path).out)
    assert "lower-lr" in json.dumps(listed)
    found = project.run(sys.executable, "-m", "dvc", "metrics", "show", "--json").out
    assert json.loads(found)[""]["data"]["results/logged/metrics.json"]["data"]["roc_auc"] == 0.72
    assert "results/logged" not in project.run(sys.executable, "-m", "dvc", "data", "status").out
    assert project.is_sound()
    assert gitml("undo", at=project.path).code == 0
    assert project.refs() == ["main"]


def test_the_figure_of_a_logged_run_stands_before_those_of_the_pipeline(project: Project) -> None:
    with package.open(project.path).start_experiment("lr") as run:
        run.log_metrics({"roc_auc": 0.9})
    table = package.open(project.path).experiments().set_index("name")
    assert (table.loc["lr", "roc_auc"], table.loc["main", "roc_auc"]) == (0.9, 0.701)


def test_a_second_run_goes_on_and_leaves_nothing_of_the_first(project: Project) -> None:
    place = package.open(project.path)
    with place.start_experiment("lr", {"a": 1}) as run:
        run.log_metrics({"one": 1.0, "two": 2}, step=1)
    first = run.commit
    with place.start_experiment("lr") as run:
        run.log_metrics({"two": 3}, step=np_like(5))
    assert project.git("rev-list", "main..HEAD").split("\n") == [run.commit, first]
    assert project.shows("results/logged/metrics.json") == '{\n  "two": 3\n}\n'
    assert [name for name in project.listed("HEAD") if "logged/plots" in name] == ["results/logged/plots/two.tsv"]
    assert project.shows("results/logged/params.json") == "{}\n"
    assert project.status() == ""


def test_a_block_that_raises_commits_nothing_and_says_so(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    before = project.files()
    with (
        pytest.raises(ZeroDivisionError),
        package.open(project.path).start_experiment("lr", {"lr": 3e-4}) as run,
    ):
        run.log_metrics({"a": 1 / 1}, step=1)
        run.log_metrics({"a": 1 / 0})
    assert capsys.readouterr().err == "gitml: nothing was committed on experiments/lr, because of ZeroDivisionError\n"
    assert (project.files(), project.refs(), project.status()) == (before, ["main"], "")
    with pytest.raises(NotRunning):
        run.log_metrics({"a": 1})
    with package.open(project.path).start_experiment("lr"):
        pass
    assert project.refs() == ["experiments/lr", "main"]


def test_a_notebook_is_committed_without_its_output(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    book = project.write("notebooks/try.ipynb", json.dumps(BOOK))
    monkeypatch.setenv("JPY_SESSION_NAME", str(book))
    monkeypatch.chdir(book.parent)
    with package.open(".").start_experiment("lr") as run:
        run.log_metrics({"roc_auc": 0.9})
        text = json.dumps({**BOOK, "cells": [{**BOOK["cells"][0], "source": "2 + 2\n"}]})  # type: ignore[index,dict-item]
        book.write_text(text)  # saved while it ran
    told = json.loads(project.shows("notebooks/try.ipynb"))
    assert [(cell["source"], cell["outputs"], cell["execution_count"]) for cell in told["cells"]] == [
        (["2 + 2\n"], [], None)
    ]
    assert book.read_text() == text
    assert "jupyter nbconvert --to notebook --execute --inplace notebooks/try.ipynb" in project.shows(
        "results/logged/dvc.yaml"
    )
    assert project.status() == " M notebooks/try.ipynb\n"


def test_what_cannot_be_begun_or_logged(project: Project, gitml: Callable[..., Done]) -> None:
    place = package.open(project.path)
    project.git("branch", "experiments/taken")
    with pytest.raises(NameIsTaken), place.start_experiment("taken"):
        pass
    with pytest.raises(GitmlError, match="cannot name an experiment"):
        place.start_experiment("No Name")
    with pytest.raises(WrongValue):
        place.start_experiment("x", {"a": object()})
    with pytest.raises(NotRunning):
        place.start_experiment("x").log_params({"a": 1})
    project.write("models/big", "x")
    with place.start_experiment("x") as run:
        done = gitml("exp", "run", "-n", "y", at=project.path)
        assert (done.code, done.err.partition("\n")[0]) == (1, "gitml: a run is under way in this working tree")
        status = gitml("status", at=project.path).out
        assert re.search(r"^running       x   .*   since \d s$", status, re.MULTILINE), status
        for path in ("models/model", "models", "nowhere", "params.yaml", "..", "data/rows"):
            with pytest.raises(WrongValue):
                run.log_model(project.path / path)
        for metrics in ({"a": "b"}, {"a": True}, {"../a": 1}, {"": 1}, {"/a": 1}, {"a/../b": 1}, {3: 1}, {"a": None}):
            with pytest.raises(WrongValue):
                run.log_metrics(metrics)  # type: ignore[arg-type]
        for params in ({"a": float("nan")}, {"a": {1, 2}}, {"a": [object()]}):
            with pytest.raises(WrongValue):
                run.log_params(params)
        run.log_model(project.path / "models/big")
    assert "../../models/big" in project.shows("results/logged/dvc.yaml")
    assert (project.path / "models/big").read_text() == "x"


def test_who_switches_meanwhile_gets_no_mixture(project: Project) -> None:
    project.git("branch", "other")
    with pytest.raises(GitmlError, match="other is checked out"), package.open(project.path).start_experiment("lr"):
        project.git("switch", "--quiet", "other")
    assert project.refs() == ["main", "other"]
    assert project.status() == ""


def test_a_parameter_that_may_mean_several_puts_everything_back(project: Project) -> None:
    project.change("params.yaml", "  depth: 3", "  depth: 3\n  inner:\n    seed: 1")
    before = project.files()
    with pytest.raises(GitmlError, match="may mean several"), package.open(project.path).start_experiment("lr") as run:
        run.log_params({"inner.seed": 2, "train.depth": 4, "eed": 1, "depth": 5})
        run.log_params({"r": 1})
        project.change("params.yaml", "seed: 7", "seed: 7")
        run.log_params({"seed": 3, "lr": {"x": 1}})
        run._params["seed"] = 3
        run._known = [one._replace(name=f"a.{one.name}") if one.name == "seed" else one for one in run._known]
    assert (project.files(), project.refs()) == (before, ["main"])


def test_threads_may_log_and_children_do_not_commit(project: Project) -> None:
    with package.open(project.path).start_experiment("lr") as run:
        threads = [
            threading.Thread(target=lambda one=number: [run.log_metrics({f"m{one}": step}, step) for step in range(50)])
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pid = os.fork()
        if pid == 0:  # a worker that is forked in the block
            try:
                run.log_metrics({"a": 1})
            except NotRunning:
                run.__exit__(None, None, None)
                os._exit(0)
            os._exit(1)
        assert os.waitpid(pid, 0)[1] == 0
        assert project.refs() == ["main"]
    assert json.loads(project.shows("results/logged/metrics.json")) == {f"m{number}": 49 for number in range(8)}
    lines = project.shows("results/logged/plots/m3.tsv").split("\n")
    assert lines == ["step\tm3", *(f"{step}\t{step}" for step in range(50)), ""]


def test_a_project_in_a_folder_without_any_pipeline(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(repo.path)
    project.write("ml/.dvc/config", "")
    project.write("ml/.dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
    project.commit("infra: dvc")
    model = project.write("ml/out/m.bin", "x")
    monkeypatch.chdir(project.path / "ml")
    with package.open(".").start_experiment("first", {"a.b": [1, 2]}) as run:
        run.log_metrics({"roc_auc": np_like(0.5)})
        run.log_model("out/m.bin")
    assert project.status() == ""
    assert sorted(set(project.listed("HEAD")) - set(project.listed("main"))) == [
        "ml/out/.gitignore",
        *(f"ml/results/logged/{name}" for name in ("dvc.lock", "dvc.yaml", "metrics.json", "params.json")),
        "reports/first/README.md",
    ]
    assert model.read_text() == "x"
    assert project.shows("ml/out/.gitignore") == "/m.bin\n"


def np_like(value: Any) -> Any:
    import numpy as np

    return np.asarray(value)[()]


def test_series_keep_what_is_not_finite_out_of_the_result() -> None:
    series = Series()
    series.add({"a": float("nan"), "b/c": float("inf"), "d": np_like(2)}, 3)
    made = logged.files("python x.py", {}, series, [], [])
    assert made["metrics.json"] == b'{\n  "d": 2\n}\n'
    assert made["plots/a.tsv"] == b"step\ta\n3\tnan\n"
    assert series.step == 3
    for name in ("d/e", "b"):
        other = Series()
        other.add({"d": 1, "b/c": 1}, None)
        other.add({name: 1}, None)
        with pytest.raises(WrongValue):
            logged.files("x", {}, other, [], [])
