"""`gitml exp start`: a branch with a report, before any run."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from .conftest import Done
from .tiny_projects import Project, fresh, project

__all__ = ["fresh", "project"]

Gitml = Callable[..., Done]


def test_it_begins_here_with_everything_as_it_is(project: Project, gitml: Gitml) -> None:
    project.commit("infra: more", **{"f/a": "a\n", "f/b": "b\n"})
    project.write("f/a", "staged\n")
    project.git("add", "f/a")
    project.write("f/a", "partly\n")
    (project.path / "f/b").unlink()
    project.write("new.txt", "new")
    before, status = project.files(), project.status()
    words = ("lr", "--objective", "Better.", "--hypothesis", "1e-3 overshoots")
    done = gitml("exp", "start", *words, at=project.path / "stages")
    commit = project.git("rev-parse", "HEAD")
    assert done == Done(
        0, f"✓ {commit[:7]} begins experiments/lr\nreport  reports/lr/README.md\nnext    gitml exp run\n", ""
    )
    assert project.git("symbolic-ref", "HEAD") == "refs/heads/experiments/lr"
    assert project.git("diff", "--name-status", "main", "HEAD") == "A\treports/lr/README.md"
    report = project.shows("reports/lr/README.md")
    assert "Better." in report and "1e-3 overshoots" in report and "parent: main\n" in report
    assert (project.files(), project.status()) == ({**before, "reports/lr/README.md": report}, status)
    assert project.message() == "experiment: start lr\n"
    assert gitml("undo", at=project.path).code == 0
    assert (project.refs(), project.git("branch", "--show-current")) == (["main"], "main")


def test_it_begins_elsewhere_only_where_nothing_is_changed(project: Project, gitml: Gitml) -> None:
    base = project.git("rev-parse", "HEAD")
    project.commit("infra: later", **{"later": "1"})
    project.write("later", "2")
    done = gitml("exp", "start", "lr", "--from", base[:10], at=project.path)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"gitml: {base[:10]} is not what is checked out, and files here are changed\n")
    assert project.refs() == ["main"]
    project.write("later", "1")
    hook = project.write(".git/hooks/post-checkout", "#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    done = gitml("exp", "start", "lr", "--from", base[:10], "--json", at=project.path)
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {
        "experiment": "lr",
        "commit": project.git("rev-parse", "HEAD"),
        "report": "reports/lr/README.md",
    }
    assert project.git("rev-parse", "HEAD^") == base
    assert project.status() == ""
    assert not (project.path / "later").exists()


def test_a_report_that_is_there_already_is_a_persons(project: Project, gitml: Gitml) -> None:
    project.write("reports/lr/README.md", "mine\n")
    assert gitml("exp", "start", "lr", at=project.path).code == 0
    assert (project.path / "reports/lr/README.md").read_text() == "mine\n"
    assert project.status() == " M reports/lr/README.md\n"


def test_a_dry_run_and_names_that_are_taken(project: Project, gitml: Gitml) -> None:
    assert gitml("exp", "start", "lr", "--dry-run", at=project.path) == Done(
        0,
        "would write reports/lr/README.md, and make the commit\n"
        f"would begin experiments/lr at {project.git('rev-parse', 'HEAD')[:10]}\n"
        "would be on experiments/lr\n"
        "would write down what was done, for gitml undo\n",
        "",
    )
    assert project.refs() == ["main"]
    project.git("branch", "experiments/lr")
    for name, code, what in (
        ("lr", 1, "experiments/lr exists already"),
        ("experiments/lr", 1, "experiments/lr exists already"),
        ("L R", 2, "'L R' cannot name an experiment"),
        ("-x", 2, "no such option '-x'"),
    ):
        done = gitml("exp", "start", name, at=project.path)
        assert (done.code, done.err.partition("\n")[0]) == (code, f"gitml: {what}")
    done = gitml("exp", "start", "new", "--from", "nowhere", at=project.path)
    assert (done.code != 0, done.out) == (True, "")
    assert project.refs() == ["experiments/lr", "main"]


@pytest.mark.parametrize("where", ["detached", "worktree", "bare", "unborn", "no DVC"])
def test_places(project: Project, gitml: Gitml, where: str) -> None:
    at = project.path
    if where == "detached":
        project.git("switch", "--quiet", "--detach")
    elif where == "worktree":
        at = project.path.parent / "linked"
        project.git("worktree", "add", "--quiet", "--detach", str(at))
    elif where == "bare":
        at = project.path.parent / "bare.git"
        project.git("clone", "--quiet", "--bare", ".", str(at))
    elif where == "unborn":
        project.git("switch", "--quiet", "--orphan", "none")
    else:
        project.git("rm", "-rq", "--cached", ".dvc")
        project.git("commit", "--quiet", "-m", "infra: no DVC")
        project.run("rm", "-rf", ".dvc")
    done = gitml("exp", "start", "lr", at=at)
    what = {
        "bare": "there is no working tree here",
        "unborn": "this repository has no commit yet",
        "no DVC": "there is no DVC project here",
    }.get(where)
    if what is None:
        assert (done.code, done.err) == (0, "")
        assert Project(at).git("branch", "--show-current") == "experiments/lr"
        assert Project(at).status() == ""
    else:
        assert (done.code, done.err.partition("\n")[0]) == (3, f"gitml: {what}")
