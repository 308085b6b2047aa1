"""A model's whole life by gitml's own commands, on a server with pre-receive, read back by gitml and by GTO."""

from __future__ import annotations

import json
from collections.abc import Callable

from .conftest import Done
from .teams import Team, team

__all__ = ["team"]

Gitml = Callable[..., Done]


def done(said: Done) -> Done:
    assert said.code == 0, said.err
    return said


def test_from_a_release_to_its_yank(team: Team, gitml: Gitml) -> None:
    at = team.ada.path
    done(gitml("model", "release", "lower", at=at))
    done(gitml("model", "promote", "v1", at=at))
    done(gitml("model", "promote", "v1", "--merge", at=at))
    done(gitml("model", "release", "middle", at=at))
    done(gitml("model", "promote", "v2", at=at))
    done(gitml("model", "promote", "v2", "--merge", at=at))
    assert gitml("model", "yank", "v2", "--reason", "slow", at=at).code == 1
    done(gitml("model", "rollback", "--to", "v1", "--reason", "slow at night", "--now", at=at))
    done(gitml("model", "yank", "v2", "--reason", "slow, #7", at=at))
    assert gitml("model", "promote", "v2", at=at).code == 1
    assert gitml("model", "rollback", "--to", "v2", "--reason", "no", "--now", at=at).code != 0

    bo = team.clone("bo")
    rows = {row["name"]: row for row in json.loads(gitml("model", "list", "--all", "--json", at=bo.path).out)["models"]}
    assert [(name, row["stage"]) for name, row in rows.items()] == [("model-v2", "yanked"), ("model-v1", "production")]
    assert rows["model-v1"]["production"][0]["reason"] == "slow at night"
    assert rows["model-v2"]["production"][0]["until_reason"] == "slow at night"
    assert rows["model-v2"]["vs_production"]["roc_auc"]["word"] == "higher"
    assert rows["model-v2"]["yanked"]["reason"] == "slow, #7"

    for what in ("v1", "v2", "production"):
        told = json.loads(gitml("model", "trace", what, "--json", at=bo.path).out)
        assert told["holds"], [link for link in told["links"] if not link["holds"]]
    assert json.loads(gitml("model", "trace", "production", "--json", at=bo.path).out)["release"] == "model-v1"

    difference = json.loads(gitml("model", "diff", "v1", "v2", "--json", at=bo.path).out)
    assert list(difference["params"]) == ["train.lr"]
    shown = gitml("model", "show", "v2", at=bo.path)
    assert "slow, #7" in shown.out and "slow at night" in shown.out
    assert gitml("model", "show", "v1", "--card", at=bo.path).out.startswith("# model-v1\n")

    told = json.loads(bo.run("gto", "show", "--json").out)["model"]
    assert (told["version"], told["stage"]) == ("v1.0.0", {"production": "v1.0.0"})


def test_a_file_that_somebody_got_is_traced_in_a_clone(team: Team, gitml: Gitml) -> None:
    done(gitml("model", "release", "lower", at=team.ada.path))
    bo = team.clone("bo")
    bo.git("switch", "--quiet", "--detach", "model@v1.0.0")
    told = json.loads(gitml("model", "show", "v1", "--json", at=team.ada.path).out)
    done(bo.run("dvc", "pull", "--quiet"))
    for file in told["files"]:
        traced = json.loads(done(gitml("model", "trace", file["path"], "--json", at=bo.path)).out)
        assert (traced["found"][0]["path"], traced["holds"]) == (file["path"], True)
    assert told["files"]
