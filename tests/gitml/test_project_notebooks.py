"""The notebooks of a new project: clean as they are laid down, and they run on any table that the pipeline takes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest

from gitml.config import DEFAULTS
from gitml.hooks import notebook_filter
from gitml.policy.files import NewFile
from gitml.policy.notebooks import clean_notebook, stripped, verify_with_nbstripout

from .conftest import ROOT, Repo

FOLDER = ROOT / "gitml/scaffold/project/notebooks"
NAMES = ("01-exploration.ipynb", "02-feature-engineering.ipynb", "03-model-training.ipynb")
BOOKS = pytest.mark.parametrize("name", NAMES)
SMALL = {"split": {"rows": None}, "evaluate": {"min_slice": 20, "floor": {"metric": "r2", "at_least": 0.5}}}


def cells(name: str, kind: str) -> list[str]:
    return [
        "".join(one["source"]) for one in json.loads((FOLDER / name).read_text())["cells"] if one["cell_type"] == kind
    ]


def test_these_are_all() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(NAMES)
    assert (files("gitml.scaffold") / "project/notebooks" / NAMES[0]).is_file()


@BOOKS
def test_it_is_a_clean_notebook(name: str) -> None:
    raw = (FOLDER / name).read_bytes()
    book = nbformat.reads(raw.decode(), as_version=nbformat.NO_CONVERT)
    nbformat.validate(book)
    assert (book.nbformat, book.nbformat_minor) == (4, 5)
    assert [one.id for one in book.cells] == [str(place) for place in range(len(book.cells))]
    assert book.metadata.kernelspec.name == "python3"
    assert clean_notebook(NewFile(f"notebooks/{name}", len(raw), raw), DEFAULTS) == []
    assert verify_with_nbstripout(raw) is True
    assert stripped(raw) == raw


@BOOKS
def test_it_begins_in_the_project_and_ends_with_gitml(name: str) -> None:
    assert cells(name, "code")[0] == cells(NAMES[0], "code")[0]
    assert re.search(r"^gitml exp (run|list)\b", cells(name, "markdown")[-1], re.MULTILINE)


@pytest.mark.parametrize("name", NAMES[1:])
def test_it_never_opens_the_test_rows(name: str) -> None:
    assert [line for cell in cells(name, "code") for line in cell.split("\n") if re.search(r"\btest\b", line)] == []


def test_ruff_has_nothing_to_say() -> None:
    for words in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--no-cache", FOLDER], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


def run(folder: Path, *names: str) -> None:
    """Run notebooks as their readers would, from the folder that they are in; their output is written into them."""
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbmake", "--overwrite", *names]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    assert f"{len(names)} passed" in done.stdout


def printed(path: Path) -> str:
    """Return all text that a notebook printed or showed."""
    outputs = [one for cell in json.loads(path.read_text())["cells"] for one in cell.get("outputs", [])]
    shown = [one.get("text") or one.get("data", {}).get("text/plain", "") for one in outputs]
    return "\n".join("".join(text) for text in shown)


def contents(folder: Path) -> dict[str, str]:
    """Return the sums of all files of a project but its notebooks."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    kept = (path for path in paths if path.suffix not in (".ipynb", ".pyc") and ".dvc" not in path.parts)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


def set_data(folder: Path, **data: Any) -> None:
    place = folder / "params.yaml"
    named = {"positive": None, "time_column": None, "group_column": None, "drop": [], **data}
    text, times = re.subn(
        r"(?ms)^data:.*?(?=^task:)", lambda _: f"data: {json.dumps(named)}\n\n", place.read_text(encoding="utf-8")
    )
    assert times == 1
    place.write_text(text, encoding="utf-8")


def classes(rows: int = 700) -> pd.DataFrame:
    """Three classes in groups, with gaps, and names that a plot could take for formulas."""
    generator = np.random.default_rng(1)
    length, city = generator.normal(0, 1, rows), generator.choice(["Rome", "Oslo $x^{$", "Bern"], rows)
    value = length + np.where(city == "Oslo $x^{$", 1.0, 0.0) + generator.normal(0, 0.4, rows)
    return pd.DataFrame(
        {
            "length $in$ cm": np.where(generator.random(rows) < 0.05, np.nan, length),
            "größe & <city>": city,
            "group": generator.integers(0, 40, rows),
            "kind": np.select([value < -0.3, value < 0.9], ["small", "middle"], "large"),
        }
    )


def prices(rows: int = 700) -> pd.DataFrame:
    """A number that depends on a size and the hour, in the order of time."""
    generator = np.random.default_rng(2)
    at = pd.date_range("2023-01-01", periods=rows, freq="6h")
    size = generator.normal(0, 1, rows)
    price = 100 + 20 * size + 10 * np.cos(at.hour / 24 * 2 * np.pi) + generator.normal(0, 5, rows)
    built = (at - pd.to_timedelta(100, "D")).astype(str)
    return pd.DataFrame({"at": at.astype(str), "size": size, "built": built, "price": price})


@pytest.fixture
def flights(smoke: Any, tmp_path: Path) -> Path:
    """The smoke preset that has run, with its notebooks."""
    folder = tmp_path / "project with a space"
    shutil.copytree(smoke.folder, folder)
    shutil.copytree(FOLDER, folder / "notebooks")
    return folder


@pytest.mark.slow
def test_on_flights_from_either_folder(flights: Path) -> None:
    before = contents(flights)
    run(flights / "notebooks", *NAMES)
    assert contents(flights) == before
    first, second, third = (printed(flights / "notebooks" / name) for name in NAMES)
    assert "Predicting 'late' (binary): 'yes' counts as positive." in first
    assert "own_feature: 0." in second
    assert "last run" in third and "Nothing is committed" in third
    for name in NAMES:
        assert stripped((flights / "notebooks" / name).read_bytes()) == (FOLDER / name).read_bytes()
    shutil.copy(FOLDER / NAMES[2], flights)
    run(flights, NAMES[2])
    assert "last run" in printed(flights / NAMES[2])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "data", "says"),
    [
        (classes, {"target": "kind", "group_column": "group"}, ["Predicting which of 3 classes", "Groups (group)"]),
        (prices, {"target": "price", "time_column": "at"}, ["Predicting the number 'price'", "No value is missing."]),
        (lambda: prices().drop(columns=["at", "built"]), {"target": "price"}, ["rows, divided by chance"]),
    ],
)
def test_on_a_table(
    lay: Callable[..., Any], table: Callable[[], pd.DataFrame], data: dict[str, str], says: list[str]
) -> None:
    project = lay("smoke", SMALL)
    (project.folder / "data/raw").mkdir()
    table().to_csv(project.folder / "data/raw/own.csv", index=False)
    set_data(project.folder, source="data/raw/own.csv", **data)
    project.dvc("repro")
    shutil.copytree(FOLDER, project.folder / "notebooks")
    before = contents(project.folder)
    run(project.folder / "notebooks", *NAMES)
    assert contents(project.folder) == before
    shown = printed(project.folder / "notebooks" / NAMES[0])
    assert [line for line in says if line not in shown] == []


@pytest.mark.slow
def test_the_last_one_becomes_an_experiment_once_it_has_a_name(flights: Path) -> None:
    (flights / ".dvc/config").write_text("[core]\n    analytics = false\n")
    (flights / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (flights / ".gitignore").write_text("__pycache__/\n/data/processed\n/data/features\n/models/model\n")
    (flights / "results/.gitignore").write_text("/data/exploration.html\n/evaluate/predictions.parquet\n")
    (flights / ".gitattributes").write_text("* -text\n*.ipynb filter=nbstripout diff=ipynb\n")
    repo = Repo(flights)
    repo.git("init", "--quiet")
    notebook_filter.install(flights)
    repo.commit("infra: start")
    last = flights / "notebooks" / NAMES[2]
    last.write_text(last.read_text().replace('EXPERIMENT = \\"\\"', 'EXPERIMENT = \\"faster\\"'))
    run(last.parent, last.name)
    assert repo.git("branch", "--show-current") == "experiments/faster"
    assert f"{repo.git('rev-parse', 'HEAD')[:7]} on experiments/faster" in printed(last)
    assert re.search(r"^ +learning_rate: 0\.1$", repo.git("show", "HEAD:params.yaml"), re.MULTILINE)
    logged = json.loads(repo.git("show", "HEAD:results/logged/metrics.json"))
    assert logged["validation"]["roc_auc"] > 0.6
    committed = repo.git("show", f"HEAD:notebooks/{last.name}")
    assert f"{committed}\n" == stripped(last.read_bytes()).decode()
    repo.git("add", "notebooks")
    assert repo.git("status", "--short") == ""
