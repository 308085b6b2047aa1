"""Experiments that begin at a released model: they are none, and do not say that they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Done
from .teams import Team, released, team

__all__ = ["team"]

Gitml = Callable[..., Done]


@pytest.mark.parametrize("name", ["v1", "model-v1", "models/model-v1", "model@v1.0.0"])
def test_begun_from_a_model_in_any_spelling(team: Team, gitml: Gitml, name: str) -> None:
    released(team, gitml, "lower")
    done = gitml("exp", "start", "next", "--from", name, at=team.ada.path)
    assert done.code == 0, done.err
    assert team.ada.git("rev-parse", "HEAD^") == team.ada.git("rev-parse", "models/model-v1")
    assert {"provenance.json", "MODEL_CARD.md"}.isdisjoint(team.ada.listed("HEAD"))
    assert not (team.ada.path / "provenance.json").exists()
    assert team.ada.status() == ""


@pytest.mark.parametrize("flags", [(), ("--worktree",)], ids=["here", "worktree"])
def test_run_on_a_model_that_is_checked_out(team: Team, gitml: Gitml, flags: tuple[str, ...]) -> None:
    released(team, gitml, "lower")
    team.ada.git("switch", "--quiet", "--detach", "models/model-v1")
    done = gitml("exp", "run", "-n", "next", "-S", "lr=4e-3", *flags, at=team.ada.path)
    assert done.code == 0, done.err
    assert {"provenance.json", "MODEL_CARD.md"}.isdisjoint(team.ada.listed("experiments/next"))
    assert team.ada.status() == ""
    assert team.ada.run("git", "show", "experiments/next:results/train/metrics.json").out == '{"roc_auc": 0.7040}\n'


def test_what_somebody_wrote_into_it_stays(team: Team, gitml: Gitml) -> None:
    released(team, gitml, "lower")
    team.ada.git("switch", "--quiet", "--detach", "models/model-v1")
    team.ada.write("MODEL_CARD.md", "mine\n")
    done = gitml("exp", "run", "-n", "next", "-S", "lr=4e-3", at=team.ada.path)
    assert done.code == 0, done.err
    assert (team.ada.path / "MODEL_CARD.md").read_text() == "mine\n"
    assert "MODEL_CARD.md" not in team.ada.listed("experiments/next")
    assert not (team.ada.path / "provenance.json").exists()
