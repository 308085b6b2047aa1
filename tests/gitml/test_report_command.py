"""Reports on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Repo
from .experiment_projects import answer_report, project

REPORT = "reports/lr/README.md"


@pytest.fixture
def made(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]) -> Repo:
    repo = project(tmp_path, tmp_path_factory.mktemp("template"))
    capsys.readouterr()
    return repo


def test_show_prints_it_as_it_is_in_the_working_tree(made: Repo, gitml: Callable) -> None:
    file = made.path / REPORT
    file.write_bytes(file.read_bytes() + b"\r\nNot committed: \xff.\n")
    done = gitml("report", "show", at=made.path)
    assert (done.code, done.err) == (0, "")
    assert done.out == file.read_bytes().decode("utf-8", "surrogateescape").replace("\udcff", "?")
    assert gitml("report", "show", "--path", at=made.path / "results").out == f"../{REPORT}\n"
    told = json.loads(gitml("report", "show", "lr", "--json", at=made.path).out)
    assert (told["experiment"], told["path"]) == ("lr", REPORT)
    assert (told["fields"]["id"], told["fields"]["parent"]) == ("lr", "main")
    assert told["missing"] == ["Conclusions"]


def test_show_finds_branch_fetched_branch_and_tag(made: Repo, gitml: Callable) -> None:
    committed = (made.path / REPORT).read_text()
    made.git("switch", "--quiet", "main")
    assert gitml("report", "show", "experiments/lr", at=made.path).out == committed
    assert gitml("report", "show", "lr", "--path", at=made.path).out == f"experiments/lr:{REPORT}\n"
    made.git("update-ref", "refs/remotes/up/stream/experiments/lr", "experiments/lr")
    made.git("tag", "-a", "-m", "end", "exp/lr", "experiments/lr")
    made.git("branch", "--quiet", "-D", "experiments/lr")
    assert gitml("report", "show", "lr", "--path", at=made.path).out == f"up/stream/experiments/lr:{REPORT}\n"
    made.git("update-ref", "-d", "refs/remotes/up/stream/experiments/lr")
    assert gitml("report", "show", "lr", at=made.path).out == committed
    assert gitml("report", "show", "lr", "--path", at=made.path).out == f"exp/lr:{REPORT}\n"
    unknown = gitml("report", "show", "lt", at=made.path)
    assert (unknown.code, unknown.err.splitlines()[0]) == (2, "gitml: there is no experiment 'lt'")
    nobody = gitml("report", "show", at=made.path)
    assert (nobody.code, nobody.err.splitlines()[0]) == (2, "gitml: you are on main, which is no experiment")


def test_edit_opens_gits_editor_and_says_what_is_missing(
    made: Repo, gitml: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_EDITOR", made.editor("sed -i 's/<!-- What should get better.*/Better./' \"$1\""))
    done = gitml("report", "edit", at=made.path / "results")
    assert done == (0, "lr  Conclusions and Next steps are missing\nnext  gitml report edit\n", "")
    assert made.opened == made.git("show", f"HEAD:{REPORT}") + "\n"
    answer_report(made)
    monkeypatch.setenv("GIT_EDITOR", "true")
    assert gitml("report", "edit", "lr", at=made.path).out == "lr  complete\nnext  gitml exp finish\n"
    monkeypatch.setenv("GIT_EDITOR", "exit 7;")
    failed = gitml("report", "edit", at=made.path)
    assert (failed.code, failed.err.splitlines()[0]) == (3, "gitml: the editor ended with status 7")
    monkeypatch.delenv("GIT_EDITOR")
    monkeypatch.setenv("TERM", "dumb")
    failed = gitml("report", "edit", at=made.path)
    assert (failed.code, failed.err.splitlines()[0]) == (3, "gitml: git knows no editor that works here")
    made.git("config", "core.editor", made.editor("echo mine >> $1"))
    assert gitml("report", "edit", at=made.path).code == 0
    assert (made.path / REPORT).read_text().endswith("mine\n")


def test_edit_begins_a_report_and_finds_it_in_another_working_tree(
    made: Repo, gitml: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_EDITOR", "true")
    (made.path / REPORT).unlink()
    shown = gitml("report", "show", at=made.path)
    assert (shown.code, shown.err.splitlines()[0]) == (1, "gitml: lr has no report")
    assert gitml("report", "check", at=made.path).out == "lr  has no report\nnext  gitml report edit lr\n"
    assert gitml("report", "edit", at=made.path).code == 0
    assert (made.path / REPORT).read_text().startswith("---\nid: lr\nstatus: open\n")
    made.git("restore", REPORT)
    made.git("worktree", "add", "--quiet", "--detach", "../other", "main")
    other = made.path.parent / "other"
    assert gitml("report", "edit", "lr", at=other).code == 0
    made.git("switch", "--quiet", "main")
    refused = gitml("report", "edit", "lr", at=other)
    assert (refused.code, refused.err.splitlines()[0]) == (1, "gitml: experiments/lr is not checked out")
    assert gitml("report", "refresh", "lr", at=other).code == 1


def test_refresh_says_what_the_run_said(made: Repo, gitml: Callable) -> None:
    committed = (made.path / REPORT).read_bytes()
    run = made.git("rev-parse", "--short=7", "HEAD")
    done = gitml("report", "refresh", at=made.path)
    assert done.out == f"the report of lr is what run {run} says already\nnext  gitml report edit\n", done.err
    assert (made.path / REPORT).read_bytes() == committed
    file = answer_report(made)
    answered = file.read_bytes()
    made.git("commit", "--quiet", "-a", "-m", "experiment: words")
    above, marker, below = answered.partition(b"<!-- gitml:results -->")
    file.write_bytes(above + marker + below.replace(b"accuracy", b"luck"))
    planned = gitml("report", "refresh", "--dry-run", at=made.path)
    assert planned.out == f"would write {REPORT}\nnext  gitml exp finish\n"
    assert b"luck" in file.read_bytes()
    done = json.loads(gitml("report", "refresh", "lr", "--json", at=made.path).out)
    assert done == {
        "experiment": "lr",
        "run": made.git("rev-parse", "HEAD~1"),
        "changed": [REPORT],
        "missing": [],
    }
    assert file.read_bytes() == answered
    assert made.run("git", "status", "--porcelain").out == ""


def test_refresh_compares_with_what_main_is_now(made: Repo, gitml: Callable) -> None:
    made.git("worktree", "add", "--quiet", "../main", "main")
    made.write("../main/results/metrics.json", '{"accuracy": 0.15}\n')
    made.run("git", "commit", "--quiet", "-a", "-m", "experiment: better", at="../main")
    before = (made.path / REPORT).read_text()
    assert gitml("report", "refresh", at=made.path).code == 0
    after = (made.path / REPORT).read_text()
    assert "0.15" in after and "0.15" not in before
    before_blocks, after_blocks = before.split("<!-- gitml:results -->"), after.split("<!-- gitml:results -->")
    assert before_blocks[0] == after_blocks[0]


def test_refresh_of_a_second_run_and_of_none(made: Repo, gitml: Callable) -> None:
    assert gitml("exp", "run", "-S", "lr=3", at=made.path).code == 0
    committed = (made.path / REPORT).read_text()
    assert "already" in gitml("report", "refresh", at=made.path).out
    assert (made.path / REPORT).read_text() == committed
    made.git("switch", "--quiet", "main")
    assert gitml("exp", "start", "new", at=made.path).code == 0
    done = gitml("report", "refresh", at=made.path)
    assert (done.code, done.err.splitlines()[0]) == (1, "gitml: experiments/new has no run yet")


def test_check_of_one_and_of_all(made: Repo, gitml: Callable) -> None:
    done = gitml("report", "check", at=made.path)
    assert done == (1, "lr  Conclusions and Next steps are missing\nnext  gitml report edit lr\n", "")
    made.git("branch", "experiments/bare", "main")
    answer_report(made)
    assert gitml("report", "check", "lr", at=made.path) == (0, "lr  complete\nnext  gitml exp finish\n", "")
    done = gitml("report", "check", "--all", at=made.path)
    assert done == (1, "bare  has no report\nlr  complete\nnext  gitml report edit bare\n", "")
    told = json.loads(gitml("report", "check", "--all", "--json", at=made.path).out)
    assert [(one["experiment"], len(one["missing"])) for one in told] == [("bare", 6), ("lr", 0)]
    assert json.loads(gitml("report", "check", "--json", at=made.path).out) == {"experiment": "lr", "missing": []}
    assert gitml("report", "check", "lr", "--all", at=made.path).code == 2
