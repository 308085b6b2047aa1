"""``gitml exp bisect``: recorded figures first, and only what has none is run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from gitml.experiments.bisect import Limit

from .conftest import Done
from .merge_projects import Project, project

__all__ = ["project"]


@pytest.fixture
def history(project: Project) -> dict[str, str]:
    """Five commits on experiments/lr: the figures of the middle ones are missing, and the fourth loses."""
    commits = {"a": project.git("rev-parse", "HEAD")}
    for name, lr in (("b", "0.52"), ("c", "0.54"), ("d", "0.1"), ("e", "0.12")):
        content = {"params.yaml": project.params(lr=lr)}
        if name == "e":
            commits[name] = project.reproduced(f"experiment: {name}", **content)
        else:
            project.commit(f"experiment: {name}", **content)  # its figures are the ones of before
            commits[name] = project.git("rev-parse", "HEAD")
    return commits


LINE = ("exp", "bisect", "--metric", "auc", "--below", "0.54")


def test_the_commit_that_lost_it_is_found_by_running_what_has_no_figures(
    project: Project, history: dict[str, str], gitml: Callable[..., Done]
) -> None:
    project.write("code/other", "edited\n")
    before, refs = project.state(), project.git("for-each-ref")
    done = gitml(*LINE, f"{history['a']}..experiments/lr", at=project.path / "code")
    assert done.code == 0, done.err
    assert done.out == (
        f"{history['d'][:10]} lost it: experiment: d\n  auc 0.555 -> 0.511\n  lr 0.54→0.1\n"
        f"next    gitml exp diff {history['c'][:10]} {history['d'][:10]}\n"
    )
    told = [line for line in done.err.splitlines() if line[:10] in {oid[:10] for oid in history.values()}]
    assert told == [
        f"{history['a'][:10]}  0.551  good  experiment: lr",
        f"{history['e'][:10]}  0.513  bad  experiment: e",
        f"{history['c'][:10]}  0.555  good  (run now)  experiment: c",
        f"{history['d'][:10]}  0.511  bad  (run now)  experiment: d",
    ]
    assert project.runs == ["train", "train"]
    assert (project.state(), project.git("for-each-ref")) == (before, refs)
    again = gitml(*LINE, "--json", f"{history['a']}..experiments/lr", at=project.path)
    assert project.runs == ["train", "train"]  # DVC kept what it ran
    told_json = json.loads(again.out)
    assert told_json["bad"] == {
        "commit": history["d"],
        "subject": "experiment: d",
        "figure": 0.511,
        "comes_from": "run",
    }
    assert told_json["good"]["commit"] == history["c"] and told_json["params"] == {"lr": [0.54, 0.1]}
    assert told_json["between"] == [] and len(told_json["tested"]) == 4


def test_nothing_is_run_where_all_is_recorded(project: Project, gitml: Callable[..., Done]) -> None:
    first = project.git("rev-parse", "HEAD")
    bad = project.reproduced("experiment: less", **{"params.yaml": project.params(lr="0.2")})
    last = project.reproduced("experiment: more", **{"params.yaml": project.params(lr="0.3")})
    done = gitml(*LINE, f"{first}..lr", at=project.path)
    assert done.code == 0 and done.out.startswith(f"{bad[:10]} lost it: experiment: less\n") and project.runs == []
    plan = gitml(*LINE, "--dry-run", f"{first}..{last}", at=project.path)
    assert plan.out == (
        "would search 2 commits for the first with auc below 0.54\n"
        "would read the figures of 3, and run of the other 0 only what the search meets\n"
    )


def test_a_commit_that_cannot_be_run_is_passed_over_and_named(project: Project, gitml: Callable[..., Done]) -> None:
    first = project.git("rev-parse", "HEAD")
    project.commit("experiment: broken", **{"params.yaml": project.params(lr="x")})
    broken = project.git("rev-parse", "HEAD")
    bad = project.reproduced("experiment: worse", **{"params.yaml": project.params(lr="0.1")})
    done = gitml(*LINE, f"{first}..HEAD", at=project.path)
    assert done.code == 0 and f"{broken[:10]}  no figure  (its run failed)  experiment: broken" in done.err
    assert f"{bad[:10]} lost it" in done.out
    assert f"  or one of the 1 before it, which have no figure: {broken[:10]}\n" in done.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "a bad figure is one below a limit, or above it"),
        (("--below", "1", "--above", "0"), "a bad figure is one below a limit, or above it"),
        (("--below", "0.5", "main"), "'main' is no range"),
        (("--below", "0.5", "main...HEAD"), "'main...HEAD' is no range"),
        (("--below", "0.5", "HEAD..main"), "does not come after"),
        (("--below", "0.5", "main..main"), "does not come after"),
        (("--below", "0.5", "--metric", "acu", "main..HEAD"), "there is no metric 'acu'"),
        (("--below", "0.5", "main..HEAD"), "should be bad, and its auc is at 0.551"),
        (("--below", "0.9", "main..HEAD"), "should be good, and its auc is at 0.601"),
        (("--above", "0.5", "main..HEAD"), "should be good, and its auc is at 0.601"),
        (("--below", "0.5", "main..--output=x"), "begins with a dash"),
    ],
)
def test_what_makes_no_sense_is_refused(
    project: Project, gitml: Callable[..., Done], words: tuple[str, ...], says: str
) -> None:
    span = (
        words[-1:] if words and ".." in words[-1] else words[-1:] if words and words[-1] == "main" else ("main..HEAD",)
    )
    options = words[:-1] if span == words[-1:] else words
    done = gitml("exp", "bisect", "--metric", "auc", *options, "--", *span, at=project.path)
    assert done.code in (1, 2) and says in done.err, done.err
    assert done.out == "" and project.runs == []


def test_an_end_of_a_name_will_do_if_only_one_has_it(project: Project, gitml: Callable[..., Done]) -> None:
    def command(test: float) -> str:
        told = f"{{'test': {{'auc': {test}, 'n': 1}}, 'train': {{'n': 2}}}}"
        return f"import json; json.dump({told}, open('metrics.json', 'w'))"

    pipeline = (project.path / "dvc.yaml").read_text()
    head = pipeline[: pipeline.index("  train:")]
    for test in (0.7, 0.6):
        train = f'  train:\n    cmd: |\n      python3 -c "{command(test)}"\n'
        train += "    metrics:\n    - metrics.json: {cache: false}\n"
        project.reproduced(f"experiment: {test}", **{"dvc.yaml": head + train})
    done = gitml("exp", "bisect", "--metric", "auc", "--below", "0.65", "HEAD~1..HEAD", at=project.path)
    assert done.code == 0 and "lost it: experiment: 0.6\n  auc 0.7 -> 0.6\n" in done.out, done.err
    unclear = gitml("exp", "bisect", "--metric", "n", "--below", "0.65", "HEAD~1..HEAD", at=project.path)
    assert unclear.code == 2 and "It may be test.n, train.n." in unclear.err


def test_above_and_below() -> None:
    assert Limit("loss", 0.5, False).is_bad(0.6) and not Limit("loss", 0.5, False).is_bad(0.5)
    assert str(Limit("loss", 0.5, False)) == "loss above 0.5"


@pytest.mark.slow
def test_after_ctrl_c_the_same_command_goes_on(
    project: Project, history: dict[str, str], gitml: Callable[..., Done]
) -> None:
    line = [sys.executable, "-m", "gitml", *LINE, f"{history['a']}..experiments/lr"]
    refs = project.git("for-each-ref")
    process = subprocess.Popen(line, cwd=project.path, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for told in process.stderr:
        if told.startswith(history["c"][:10]):  # the first run is done, the second one begins
            break
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130 and project.git("for-each-ref") == refs
    assert gitml(*LINE, f"{history['a']}..experiments/lr", at=project.path).out.startswith(
        f"{history['d'][:10]} lost it"
    )
    assert project.runs.count("train") == 2
