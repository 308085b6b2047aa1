"""gitml exp run --seeds on real git and real DVC."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from .conftest import Done, Repo
from .tiny_project import PARAMS, Tiny

Gitml = Callable[..., Done]


@pytest.fixture
def tiny(repo: Repo) -> Tiny:
    return Tiny(repo.path).init()


def test_the_spread_is_told_and_the_branch_has_the_seed_that_was_set(tiny: Tiny, gitml: Gitml) -> None:
    before = tiny.state()
    words = ("exp", "run", "-n", "wide", "--seeds", "3", "-S", "width=256", "-j", "2", "-m", "noise is small")
    done = gitml(*words, at=tiny.path)
    assert done.code == 0, done.err
    assert tiny.state() == before
    tip = tiny.tip("wide")
    assert done.out.split("\n") == [
        f"✓ {tip[:7]} on experiments/wide   3 seeds",
        "           mean      sd     min     max",
        "roc_auc  0.2560  0.0000  0.2560  0.2560",
        "loss     2.5000  1.0000  1.5000  3.5000",
        "report  reports/wide/README.md: Conclusions and Next steps are yours",
        "next    gitml exp show wide",
        "",
    ]
    assert tiny.subjects("main..experiments/wide") == ["seed 1", "seed 2", "seed 3", "3 seeds, roc_auc 0.2560 ± 0"]
    assert tiny.show(tip, "params.yaml") == PARAMS.replace("128", "256")
    assert tiny.show(f"{tip}~1", "params.yaml") == PARAMS.replace("128", "256").replace("seed: 1", "seed: 3")
    report = tiny.show(tip, "reports/wide/README.md")
    assert "### Spread over 3 seeds" in report and "noise is small" in report
    assert "| `loss` | 2.5000 | 1.0000 | 1.5000 | 3.5000 |" in report


def test_the_same_again_runs_nothing_and_more_seeds_only_those(tiny: Tiny, gitml: Gitml) -> None:
    tiny.git("switch", "--quiet", "--create", "experiments/seeds")
    words = ("exp", "run", "--json", "--seeds")
    told = json.loads(gitml(*words, "2", at=tiny.path).out)
    assert (told["ran"], [one["runs"] for one in told["spread"]]) == (2, [2, 2])
    assert tiny.git("status", "--porcelain") == ""
    told = json.loads(gitml(*words, "2", at=tiny.path).out)
    assert (told["ran"], told["commit"]) == (0, None)
    told = json.loads(gitml(*words, "3", at=tiny.path).out)
    assert (told["ran"], told["reused"], told["spread"][1]["mean"]) == (1, 2, 2.5)
    told = json.loads(gitml(*words, "1", "-S", "width=256", at=tiny.path).out)
    assert (told["ran"], [(one["runs"], one["mean"]) for one in told["spread"]]) == (1, [(1, 0.256), (1, 1.5)])
    assert tiny.git("status", "--porcelain") == ""


def test_another_parameter_can_be_the_seed(tiny: Tiny, gitml: Gitml) -> None:
    done = gitml("exp", "run", "-n", "a", "--seeds", "2", "--seed-param", "width", "--dry-run", at=tiny.path)
    assert done.out.split("\n")[-3:-1] == ["would run width 128", "would run width 129"]
    done = gitml("exp", "run", "-n", "a", "--seeds", "2", "--seed-param", "nope", at=tiny.path)
    assert done.code == 2 and done.err.startswith("gitml: there is no parameter 'nope'\n")
    done = gitml("exp", "run", "-n", "a", "--seeds", "2", "--seed-param", "lr", at=tiny.path)
    assert done.code == 2 and done.err.startswith("gitml: lr is 0.001, and a seed is a whole number\n")
