"""``gitml.open(".").experiments()`` for scripts and notebooks."""

from __future__ import annotations

import builtins
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import gitml
from gitml.errors import GitFailed
from gitml.project import PandasIsMissing
from tests.gitml.conftest import ROOT, Repo
from tests.gitml.experiment_history import START, History, team


@pytest.fixture
def project(repo: Repo) -> Repo:
    team(repo.path)
    return repo


def test_one_row_a_run_with_typed_columns(project: Repo) -> None:
    table = gitml.open(project.path).experiments()
    assert list(table.index) == [
        project.git("rev-parse", name if name == "main" else f"experiments/{name}") for name in table["name"]
    ]
    assert table.index.name == "commit"
    assert list(table["name"]) == ["main", "lower-lr", "lr-sweep", "no-run", "old-weather", "wide-net"]
    assert list(table.columns) == [
        "name", "kind", "author", "time", "subject", "hypothesis", "verdict", "runs", "test_data", "is_pushed",
        "roc_auc", "log_loss", "loss", "results/train.json:roc_auc",
        "seed", "train.model", "train.lr", "train.width",
    ]  # fmt: skip
    kinds = {name: str(kind) for name, kind in table.dtypes.items()}
    assert {name: kinds[name] for name in ("name", "runs", "is_pushed", "roc_auc", "train.width", "train.model")} == {
        "name": "str", "runs": "int64", "is_pushed": "boolean", "roc_auc": "float64", "train.width": "int64",
        "train.model": "str",
    }  # fmt: skip
    assert str(table["time"].dt.tz) == "UTC"
    assert table["time"].iloc[0] == pd.Timestamp(START + 3600, unit="s", tz="UTC")
    best = table[table["test_data"] == table["test_data"].iloc[0]].sort_values("roc_auc").iloc[-1]
    assert (best["name"], best["train.width"]) == ("wide-net", 512)


def test_all_has_models_and_finished_ones(project: Repo) -> None:
    table = gitml.open(project.path).experiments(has_all=True)
    assert list(table["kind"]) == ["main", *["experiment"] * 5, "finished", "model"]


def test_gaps_and_names_that_are_taken(repo: Repo) -> None:
    history = History(repo.path)
    yaml = "metrics: [m.json]\n"
    for name, metrics, params in (
        ("a", '{"n": 3, "both": 1, "name": 5, "huge": 1e300}', "both: x\nflag: true\nonly: 7\nmixed: 1\nlist: [1]\n"),
        ("b", '{"n": 4, "both": 2}', "both: y\nflag: false\nmixed: one\n"),
    ):
        files: dict[str, str | bytes | None] = {"dvc.yaml": yaml, "m.json": metrics, "params.yaml": params}
        history.commit(f"refs/heads/experiments/{name}", "experiment: x", files)
    history.write()
    table = gitml.open(repo.path).experiments().iloc[1:]
    kinds = {name: str(kind) for name, kind in table.dtypes.items()}
    names = ("n", "both", "params.both", "metrics.name", "flag", "only", "mixed", "list", "huge")
    assert {name: kinds[name] for name in names} == {
        "n": "Int64", "both": "Int64", "params.both": "str", "metrics.name": "Int64", "flag": "boolean",
        "only": "Int64", "mixed": "object", "list": "object", "huge": "float64",
    }  # fmt: skip
    assert table["only"].isna().tolist() == [False, True]
    assert table["mixed"].tolist() == [1, "one"]


def test_an_empty_repository_gives_an_empty_table(tmp_path: Path) -> None:
    empty = Repo(tmp_path / "empty")
    empty.path.mkdir()
    empty.git("init", "-q")
    table = gitml.open(empty.path).experiments()
    assert (len(table), list(table.columns[:2])) == (0, ["name", "kind"])


def test_outside_of_a_repository(tmp_path: Path) -> None:
    with pytest.raises(GitFailed, match="rev-parse"):
        gitml.open(tmp_path)


def test_without_pandas_it_is_said(project: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without(name: str, *more: Any, **named: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return whole(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PandasIsMissing) as caught:
        gitml.open(project.path).experiments()
    assert (caught.value.what, caught.value.mend) == ("pandas is not installed", ("pip install pandas",))


def test_gitml_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="module 'gitml' has no attribute 'opne'"):
        gitml.opne  # noqa: B018


@pytest.mark.parametrize(
    ("code", "never"),
    [
        ("import gitml", {"gitml.project", "re", "subprocess", "json"}),
        ("import gitml; gitml.open", {"pandas", "yaml", "click", "dvc"}),
    ],
)
def test_importing_gitml_costs_nothing(code: str, never: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"{code}\nimport sys; print('\\n'.join(sys.modules))"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert never & set(done.stdout.split()) == set()


def test_a_warm_list_loads_no_parser(project: Repo) -> None:
    code = "from gitml.cli.main import main; import sys; main(['exp', 'list', '--json']); print(*sys.modules)"
    for is_warm in (False, True):
        done = project.run(sys.executable, "-c", code, PYTHONPATH=str(ROOT))
        loaded = set(done.out.splitlines()[-1].split())
        assert ("yaml" in loaded) is not is_warm
        assert loaded & {"dvc", "pandas", "numpy", "rich", "git"} == set()
