"""`gitml data update`: a newer table in the place of one that DVC keeps."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.cli.main import main
from gitml.experiments import data_update
from gitml.git.transaction import RefMoved

from .conftest import ROOT, Repo

ROWS = [f"{number},{'yes' if number % 3 else 'no'},{number * 7 % 11}" for number in range(120)]
HEAD = "id,churned,calls"

_MADE: list[Path] = []


def table(rows: list[str], head: str = HEAD) -> str:
    return "\n".join([head, *rows]) + "\n"


@pytest.fixture
def project(
    home: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Repo:
    """A project with a table of its own, whose data stage has run; its first commit is made."""
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    if not _MADE:
        top = tmp_path_factory.mktemp("made")
        (top / "churn.csv").write_text(table(ROWS))
        with monkeypatch.context() as patch:
            patch.chdir(top)
            assert main(["init", "p", "--data", "churn.csv", "--target", "churned", "--yes"]) == 0
        made = Repo(top / "p")
        assert made.run("dvc", "repro", "data").code == 0
        made.run("git", "config", "core.hooksPath", "/dev/null")
        made.commit("data: the first table")
        _MADE.append(made.path)
    shutil.copytree(_MADE[0], tmp_path / "p", symlinks=True)
    return Repo(tmp_path / "p")


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The same table with ten more rows."""
    file = tmp_path / "churn-march.csv"
    file.write_text(table([*ROWS, *(f"{number},yes,{number % 5}" for number in range(200, 210))]))
    return file


def test_a_newer_table_is_compared_and_committed_by_itself(project: Repo, newer: Path, gitml: Callable) -> None:
    project.write("README.md", "edited\n")
    project.write("staged.txt", "staged\n")
    project.git("add", "staged.txt")
    done = gitml("data", "update", str(newer), "-m", "the shops of March", at=project.path)
    assert (done.code, done.err) == (0, "")
    tip = project.git("rev-parse", "--short=7", "HEAD")
    assert done.out.splitlines()[0] == f"data/raw/churn.csv -> {newer}"
    assert "rows      120 -> 130" in done.out
    assert done.out.splitlines()[-2:] == [
        f"✓ {tip} on main   data: churn.csv 120 -> 130 rows",
        'next  gitml exp run -n new-data -m "what the new rows change"',
    ]
    message = project.message().split("\n\n")
    assert message[:2] == ["data: churn.csv 120 -> 130 rows", "the shops of March"]
    assert message[-1].startswith("Data: data/raw/churn.csv ") and "rows      120 -> 130" in message[2]
    assert project.git("show", "--name-only", "--format=").split() == ["data/raw/churn.csv.dvc"]
    assert (project.path / "data/raw/churn.csv").read_bytes() == newer.read_bytes()
    assert project.run("git", "status", "--porcelain").out == " M README.md\nA  staged.txt\n"
    assert project.run("dvc", "status", "data/raw/churn.csv.dvc").out.endswith("up to date.\n")
    again = gitml("data", "update", str(newer), at=project.path)
    assert (again.code, again.out.splitlines()[0]) == (0, "data/raw/churn.csv has just these bytes already")
    assert gitml("undo", at=project.path).code == 0
    assert project.message().strip() == "data: the first table"


def test_what_breaks_the_schema_is_refused_unless_forced(project: Repo, tmp_path: Path, gitml: Callable) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(table([row.replace("yes", "perhaps") for row in ROWS], HEAD.replace("calls", "cells")))
    before = project.git("rev-parse", "HEAD"), (project.path / "data/raw/churn.csv").read_bytes()
    done = gitml("data", "update", str(wrong), at=project.path)
    assert (done.code, done.out) == (1, "")
    assert "is not what the pipeline takes, so nothing was changed" in done.err
    assert "column 'calls' is gone" in done.err and "column 'cells' is not in it" in done.err
    assert (project.git("rev-parse", "HEAD"), (project.path / "data/raw/churn.csv").read_bytes()) == before
    assert project.git("status", "--porcelain") == ""
    forced = gitml("data", "update", str(wrong), "--force", at=project.path)
    assert forced.code == 0 and "column 'calls' is gone" in project.message()


def test_the_kept_table_itself_edited(project: Repo, gitml: Callable) -> None:
    kept = project.path / "data/raw/churn.csv"
    kept.unlink()
    kept.write_text(table(ROWS[:100]))
    done = gitml("data", "update", "data/raw/churn.csv", at=project.path)
    assert done.code == 0 and "data: churn.csv 120 -> 100 rows" in done.out
    assert project.git("status", "--porcelain") == ""


def test_a_change_that_is_saved_nowhere_is_not_lost(project: Repo, newer: Path, gitml: Callable) -> None:
    kept = project.path / "data/raw/churn.csv"
    kept.unlink()
    kept.write_text(table(ROWS[:100]))
    done = gitml("data", "update", str(newer), at=project.path)
    assert (done.code, done.err.splitlines()[0]) == (
        1,
        "gitml: data/raw/churn.csv was changed here, and that is saved nowhere",
    )
    assert kept.read_text() == table(ROWS[:100])


@pytest.mark.parametrize("step", ["bring:after", "add:after", "commit:after"])
def test_killed_the_same_again_ends_the_same(
    project: Repo, newer: Path, gitml_process: Callable, gitml: Callable, step: str
) -> None:
    there = f"import os; os.chdir({str(project.path)!r})"
    killed = gitml_process("data", "update", str(newer), before=there, GITML_CRASH_AT=f"data update:{step}")
    assert killed.code == -signal.SIGKILL
    assert gitml("data", "update", str(newer), at=project.path).code == 0
    assert project.message().startswith("data: churn.csv 120 -> 130 rows")
    assert project.git("rev-list", "--count", "HEAD") == "2"
    assert project.git("status", "--porcelain") == ""
    assert (project.path / "data/raw/churn.csv").read_bytes() == newer.read_bytes()
    assert project.run("git", "fsck", "--strict").code == 0


def test_a_dry_run_and_json(project: Repo, newer: Path, gitml: Callable) -> None:
    dry = gitml("data", "update", str(newer), "--dry-run", at=project.path)
    assert dry.code == 0 and "would let DVC keep it, by data/raw/churn.csv.dvc\n" in dry.out
    told = json.loads(gitml("data", "update", str(newer), "--dry-run", "--json", at=project.path).out)
    assert len(told["plan"]) == 4 and told["comparison"]["rows"]["new"] == 130
    assert project.git("rev-list", "--count", "HEAD") == "1" and project.git("status", "--porcelain") == ""
    done = json.loads(gitml("data", "update", str(newer), "--json", at=project.path).out)
    assert (done["commit"], done["branch"]) == (project.git("rev-parse", "HEAD"), "main")


def test_in_a_clone_without_the_data(project: Repo, newer: Path, tmp_path: Path, gitml: Callable) -> None:
    clone = Repo(tmp_path / "clone")
    subprocess.run(["git", "clone", "--quiet", project.path, clone.path], check=True)
    done = gitml("data", "update", str(newer), at=clone.path)
    assert done.code == 0, done.err
    assert "rows      130" in done.out and "data: churn.csv" in clone.message()


def test_from_a_subfolder_and_by_name(project: Repo, newer: Path, gitml: Callable) -> None:
    done = gitml("data", "update", "../../churn-march.csv", "--to", "../data/raw/churn.csv", at=project.path / "stages")
    assert done.code == 0, done.err
    assert project.message().startswith("data: churn.csv 120 -> 130 rows")


def test_in_a_project_that_gitml_did_not_lay_down(repo: Repo, tmp_path: Path, gitml: Callable) -> None:
    repo.with_dvc()
    (repo.path / "a b.csv").write_text("x\n1\n")
    assert repo.run("dvc", "add", "-q", "a b.csv").code == 0
    repo.commit("infra: a table")
    (tmp_path / "a b.csv").write_text("x\n1\n2\n")
    done = gitml("data", "update", str(tmp_path / "a b.csv"), at=repo.path)
    assert done.code == 0, done.err
    assert repo.message().startswith("data: a b.csv 4 bytes -> 6 bytes\n")
    assert (repo.path / "a b.csv").read_text() == "x\n1\n2\n" and repo.git("status", "--porcelain") == ""


def test_where_it_cannot_be(project: Repo, newer: Path, tmp_path: Path, gitml: Callable) -> None:
    def first(*words: str) -> tuple[int, str]:
        done = gitml("data", "update", *words, at=project.path)
        return done.code, done.err.splitlines()[0].removeprefix("gitml: ")

    assert first("none.csv") == (2, "none.csv is no file")
    assert first(str(newer), "--to", "data/raw/other.csv") == (2, "DVC keeps no data/raw/other.csv by itself")
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    assert first(str(tmp_path / "x.parquet")) == (2, "x.parquet is no .csv file, as data/raw/churn.csv is")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    code, what = first(str(tmp_path / "binary.csv"))
    assert code == 1 and "binary.csv" in what
    project.git("switch", "--quiet", "--detach")
    assert first(str(newer)) == (3, "no branch is checked out")
    project.git("switch", "--quiet", "-c", "models/model-v1")
    assert first(str(newer)) == (3, "models/model-v1 does not take new data")
    project.git("switch", "--quiet", "main")
    (project.path / ".git/MERGE_HEAD").write_text(project.git("rev-parse", "HEAD") + "\n")
    assert first(str(newer)) == (1, "a merge is under way")


def test_several_tables_are_told_apart(repo: Repo, tmp_path: Path, gitml: Callable) -> None:
    repo.with_dvc()
    for name in ("a.csv", "b.csv"):
        (repo.path / name).write_text(f"{name}\n1\n")
        assert repo.run("dvc", "add", "-q", name).code == 0
    repo.commit("infra: two tables")
    (tmp_path / "c.csv").write_text("x\n2\n")
    done = gitml("data", "update", str(tmp_path / "c.csv"), at=repo.path)
    assert (done.code, done.err.splitlines()[0]) == (
        2,
        "gitml: it is not clear which table c.csv takes the place of",
    )
    assert f"gitml data update {tmp_path}/c.csv --to b.csv" in done.err
    assert gitml("data", "update", str(tmp_path / "c.csv"), "--to", "b.csv", at=repo.path).code == 0
    assert repo.git("show", "--name-only", "--format=") == "b.csv.dvc"


def test_an_ending_in_capitals_is_the_same(project: Repo, newer: Path, gitml: Callable) -> None:
    capitals = newer.rename(newer.with_suffix(".CSV"))
    assert gitml("data", "update", str(capitals), "--dry-run", at=project.path).code == 0


def test_how_a_table_of_another_kind_comes_in(project: Repo, newer: Path, gitml: Callable) -> None:
    other = newer.rename(newer.with_suffix(".parquet"))
    done = gitml("data", "update", str(other), at=project.path)
    assert done.code == 2
    mend = done.err.splitlines()[-1].strip()
    assert subprocess.run(["sh", "-c", mend], cwd=project.path, check=False, capture_output=True).returncode == 0
    assert (project.path / "data/raw/churn-march.parquet.dvc").is_file()


def test_two_at_once_one_is_refused_and_what_is_committed_is_what_is_said(
    project: Repo, newer: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text(table(ROWS[:110]))
    code = "import sys; from gitml.cli.main import main; sys.exit(main())"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, "data", "update", str(file)],
            cwd=project.path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for file in (newer, other)
    ]
    told = [(process.wait(), file) for process, file in zip(both, (newer, other), strict=True)]
    assert [code for code, _ in told].count(0) == 1
    won = next(file for code, file in told if code == 0)
    assert (project.path / "data/raw/churn.csv").read_bytes() == won.read_bytes()
    md5 = hashlib.md5(won.read_bytes(), usedforsecurity=False).hexdigest()
    assert md5 in project.git("show", "HEAD:data/raw/churn.csv.dvc") and f"-> {md5}" in project.message()
    assert project.git("status", "--porcelain") == ""


def test_a_table_that_is_still_being_written_is_not_taken(project: Repo, newer: Path) -> None:
    session = data_update.Session(newer, at=project.path)
    with newer.open("a") as file:
        file.write("900,yes,1\n")
    before = (project.path / "data/raw/churn.csv").read_bytes()
    with pytest.raises(data_update.ChangedMeanwhile):
        session.carry_out()
    assert (project.path / "data/raw/churn.csv").read_bytes() == before


def test_a_commit_made_while_it_looked_is_not_lost(project: Repo, newer: Path) -> None:
    session = data_update.Session(newer, at=project.path)
    before = (project.path / "data/raw/churn.csv").read_bytes()
    project.commit("infra: meanwhile", **{"notes.txt": "x\n"})
    with pytest.raises(RefMoved):
        session.carry_out()
    assert (project.path / "data/raw/churn.csv").read_bytes() == before
