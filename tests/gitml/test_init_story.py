"""From nothing to production: `gitml init`, the two commands, an experiment, a release, a promotion, a second clone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitml.hooks import install as installation
from gitml.reports import document

from .conftest import Done, Repo

GITML = str(Path(sys.executable).parent / "gitml")


def run(repo: Repo, *words: str) -> Done:
    """Run a command in a project as its users would, in the environment of these tests."""
    done = repo.run(*words)
    assert done.code == 0, (words, done.out, done.err)
    return done


def make(repo: Repo, *words: str) -> Done:
    """Run make with the environment of these tests as it is."""
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        os.environ.pop(name, None)
    return run(repo, "make", "--no-print-directory", f"VENV={sys.prefix}", *words)


def sales() -> object:
    """Regression, with dates in order and a number in the row."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(0)
    count = 1500
    heat = random.normal(size=count)
    is_promoted = random.random(count) < 0.4
    return pd.DataFrame(
        {
            "sold at": pd.date_range("2021-01-01", periods=count, freq="3h").strftime("%Y-%m-%d %H:%M:%S"),
            "store": random.choice(["north", "south", "east"], count),
            "heat": heat.round(3),
            "promoted": np.where(is_promoted, "yes", "no"),
            "receipt": np.arange(count),
            "units": (50 + 3 * heat + 8 * is_promoted + random.normal(size=count)).round(2),
        }
    )


def plants() -> object:
    """Three classes, texts, and a fifth of the lengths missing."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(1)
    count = 1500
    kind = random.integers(0, 3, count)
    seen = np.where(random.random(count) < 0.7, kind, random.integers(0, 3, count))
    length = kind + random.normal(size=count)
    length[random.random(count) < 0.2] = np.nan
    return pd.DataFrame(
        {
            "Art": np.array(["Fichte", "Föhre", "Lärche"])[kind],
            "farbe": np.array(["rot", "blau", "grün"])[seen],
            "länge": length.round(2),
            "ort": random.choice([f"Ort {one}" for one in range(40)], count),
        }
    )


def visits() -> object:
    """One in eight, several rows a patient who are alike."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(2)
    patient = random.integers(0, 250, 3000)
    risk = random.normal(size=250)[patient]
    chance = 1 / (1 + np.exp(-(1.8 * risk - 2.6)))
    return pd.DataFrame(
        {
            "patient": [f"P{one:04d}" for one in patient],
            "age": (50 + 9 * risk).round(),
            "pressure": (120 + 5 * risk + 4 * random.normal(size=3000)).round(1),
            "event": np.where(random.random(3000) < chance, "yes", "no"),
        }
    )


class Told:
    """What is expected of a project."""

    def __init__(self, make: object, file: str, target: str, task: str, params: dict[str, object]) -> None:
        self.make, self.file, self.target, self.task, self.params = make, file, target, task, params


STORIES = {
    "sales": Told(sales, "sales.csv", "units", "regression", {"time_column": "sold at", "drop": ["receipt"]}),
    "plants": Told(plants, "Pflanzen & Orte.csv", "Art", "multiclass", {"time_column": None, "group_column": None}),
    "visits": Told(visits, "visits.parquet", "event", "binary", {"group_column": "patient", "positive": "yes"}),
}


def write(frame: object, file: Path) -> None:
    if file.suffix == ".parquet":
        frame.to_parquet(file)
    elif file.name.startswith("Pf"):
        frame.to_csv(file, index=False, sep=";", decimal=",", encoding="cp1252")
    else:
        frame.to_csv(file, index=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", STORIES)
def test_a_table_of_ones_own_to_production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    told = STORIES[name]
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    write(told.make(), tmp_path / told.file)
    outside = Repo(tmp_path)
    made = json.loads(run(outside, GITML, "init", name, "--data", told.file, "--target", told.target, "--json").out)
    assert (made["task"], made["target"]) == (told.task, told.target)
    data = {one["name"].removeprefix("data."): one["value"] for one in made["settings"]}
    assert {key: data[key] for key in told.params} == told.params
    project = Repo(tmp_path / name)
    assert (project.path / f"{made['table']}.dvc").is_file()
    promote(project, tmp_path)


@pytest.mark.slow
def test_the_example_to_production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    run(Repo(tmp_path), GITML, "init", "my flights ü", "--yes")
    project = Repo(tmp_path / "my flights ü")
    make(project, "smoke")
    assert json.loads((project.path / ".smoke/results/evaluate/metrics.json").read_text())["roc_auc"] > 0.6
    promote(project, tmp_path)


def promote(project: Repo, tmp_path: Path) -> None:
    """Do all the rest, as README of the project says it."""
    ran = make(project, "run")
    assert "✓ first commit" in ran.out and "Where to look next" in ran.out and "not in it" not in ran.out
    assert project.message().startswith("experiment: baseline\n\nMetrics: ")
    assert run(project, "git", "status", "--porcelain").out == ""
    assert make(project, "run").out.count("first commit") == 0
    assert " passed" in make(project, "test").out
    assert run(project, GITML, "status").out.startswith("main   0 experiments\n")
    refused = project.run("git", "commit", "--quiet", "--allow-empty", "-m", "no prefix")
    assert refused.code != 0 and "commit refused (commit-prefix)" in refused.err

    server = tmp_path / "server.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", server], check=True)
    place = installation.find(server)
    installation.carry_out(installation.plan_install(place), place)
    run(project, "git", "remote", "add", "origin", str(server))
    run(project, GITML, "data", "push")
    run(project, "git", "push", "--quiet", "--set-upstream", "origin", "main")

    run(project, GITML, "exp", "run", "-n", "first-idea", "-S", "learning_rate=0.05", "-m", "smaller steps find more")
    rows = json.loads(run(project, GITML, "exp", "list", "--json").out)
    assert [row["name"] for row in rows["experiments"] if row["name"] != "main"] == ["first-idea"]
    report = project.path / document.path("first-idea")
    text = report.read_text()
    for section, words in (("Objective", "Better."), ("Conclusions", "As good."), ("Next steps", "None.")):
        text = document.answer(text, section, words)
    report.write_text(text)
    project.commit("experiment: what came of it")
    released = run(project, GITML, "model", "release", "first-idea")
    assert "model-v1 released of first-idea" in released.out
    run(project, GITML, "model", "promote", "v1")
    run(project, GITML, "model", "promote", "v1", "--merge")
    show = ("git", "--git-dir", str(server), "rev-parse")
    assert (
        run(project, *show, "models/model-v1^{tree}").out
        == run(project, *show, "production/production-model^{tree}").out
    )

    clone = Repo(tmp_path / "colleague")
    subprocess.run(["git", "clone", "--quiet", server, clone.path], check=True)
    run(clone, GITML, "hooks", "install")
    ran = make(clone, "run")
    assert ran.out.count("Running stage") == 0 and " passed" in make(clone, "test").out
    assert run(clone, "git", "status", "--porcelain").out == ""
    assert "production    model v1" in run(clone, GITML, "status").out


@pytest.mark.slow
def test_what_was_there_before_is_not_in_the_first_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    project = Repo(tmp_path / "here")
    project.write("churn.csv", visits().to_csv(index=False))
    project.write("mine/notes.txt", "mine")
    run(project, GITML, "init", "--data", "churn.csv", "--target", "event", "--yes")
    project.write("stages/extra.py", '"""Written before the first run."""\n')
    assert run(project, "dvc", "repro", "--quiet").code == 0
    done = run(project, GITML, "init", "--baseline")
    assert "note  not in it, because it was here before, or is new: churn.csv, mine/\n" in done.out
    assert run(project, "git", "status", "--porcelain").out == "?? churn.csv\n?? mine/\n"
    assert "stages/extra.py" in run(project, "git", "ls-files").out
