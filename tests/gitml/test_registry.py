"""The registry, read from refs alone, and that GTO and DVC read the same from them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitml.conventions.versions import ModelVersion
from gitml.errors import GitFailed
from gitml.git.objects import Objects
from gitml.models import claims, provenance, registry
from gitml.models.provenance import NotProvenance, Provenance
from tests.gitml.conftest import Done, Repo
from tests.gitml.model_history import Models, md5, onnx

Command = Callable[..., Done]
ARTIFACTS = """
import json, sys
from dvc.api import artifacts_show
from dvc.exceptions import DvcException
for asked in json.loads(sys.argv[1]):
    try:
        print(json.dumps(artifacts_show("model", repo=".", **asked)))
    except DvcException as error:
        print(json.dumps({"error": type(error).__name__}))
"""


@pytest.fixture
def models(repo: Repo) -> Models:
    repo.with_dvc().commit("infra: dvc")
    return Models(repo)


@pytest.fixture
def team(models: Models) -> Models:
    """Three releases, promoted, rolled back, and one yanked."""
    config = models.repo.path / ".dvc/config"
    for number, slug in enumerate(("one", "two", "three"), start=1):
        models.experiment(slug, roc_auc=0.7 + number / 100, files={".dvc/config": config.read_bytes()})
        models.release(number, slug)
    models.promote(1)
    models.promote(3)
    models.promote(1, reason="slow")
    models.yank(3, "wrong labels")
    return models


class TestGto:
    """GTO and DVC, the real ones, agree with what gitml lists."""

    def listed(self, gitml: Command, team: Models) -> dict[str, dict[str, Any]]:
        done = gitml("model", "list", "--all", "--json", at=team.repo.path)
        return {row["name"]: row for row in json.loads(done.out)["models"]}

    def test_show_names_the_newest_that_counts_and_what_is_in_production(self, team: Models, gitml: Command) -> None:
        rows = self.listed(gitml, team)
        told = json.loads(team.repo.run("gto", "show", "--json").out)["model"]
        counting = [row for row in rows.values() if row["yanked"] is None]
        assert told["version"] == counting[0]["tag"].partition("@")[2] == "v2.0.0"
        (current,) = (row for row in rows.values() if row["stage"] == "production")
        assert told["stage"] == {"production": current["tag"].partition("@")[2]} == {"production": "v1.0.0"}

    def test_show_of_one_model_has_the_same_releases_on_the_same_commits(self, team: Models, gitml: Command) -> None:
        rows = self.listed(gitml, team)
        told = json.loads(team.repo.run("gto", "show", "model", "--json").out)
        assert {one["version"]: (one["commit_hexsha"], one["author"]) for one in told} == {
            row["tag"].partition("@")[2]: (row["commit"], row["released"]["by"])
            for row in rows.values()
            if row["yanked"] is None
        }

    def test_history_has_the_same_events(self, team: Models, gitml: Command) -> None:
        rows = self.listed(gitml, team)
        told = json.loads(team.repo.run("gto", "history", "model", "--json").out)
        events = {(one["event"], one["version"], one["timestamp"]) for one in told}
        expected = {("registration", f"v{row['version']}.0.0", row["released"]["at"]) for row in rows.values()}
        expected |= {
            ("assignment", f"v{row['version']}.0.0", period["since"])
            for row in rows.values()
            for period in row["production"]
        }
        expected |= {
            ("deregistration", f"v{row['version']}.0.0", row["yanked"]["at"]) for row in rows.values() if row["yanked"]
        }
        assert {one for one in events if one[0] != "commit"} == expected
        assert len(expected) == 7

    def test_dvc_hands_out_what_is_in_production_and_what_is_named(self, team: Models, gitml: Command) -> None:
        asked = [{"stage": "production"}, {}, {"version": "v1.0.0"}, {"version": "v2.0.0"}]
        done = team.repo.run(sys.executable, "-c", ARTIFACTS, json.dumps(asked))
        found = [json.loads(line) for line in done.out.splitlines()]
        assert [one["path"] for one in found] == ["models/model/model.onnx"] * 4, done.err
        revs = [team.repo.git("rev-parse", f"{one['rev']}^{{commit}}") for one in found]
        rows = self.listed(gitml, team)
        (current,) = (row for row in rows.values() if row["stage"] == "production")
        # without a version or a stage DVC 3.67 takes the highest number, a deregistered one too: docs/models.md
        assert rows["model-v3"]["yanked"]
        assert revs == [
            current["commit"],
            rows["model-v3"]["commit"],
            rows["model-v1"]["commit"],
            rows["model-v2"]["commit"],
        ]

    def test_dvc_fetches_the_very_bytes_that_trace_finds(self, team: Models, gitml: Command) -> None:
        content = onnx("one")
        kept = f"../storage/files/md5/{md5(content)[:2]}/{md5(content)[2:]}"
        team.repo.write(kept, content)
        done = team.repo.run("dvc", "artifacts", "get", ".", "model", "--stage", "production", "--out", "got.onnx")
        assert done.code == 0, done.err
        got = team.repo.path / "got.onnx"
        assert got.read_bytes() == content
        told = json.loads(gitml("model", "trace", str(got), "--json", at=team.repo.path).out)
        assert (told["release"], told["holds"]) == ("model-v1", True)


class TestRead:
    def test_what_a_remote_has_counts_before_a_local_branch(self, team: Models, tmp_path: Path) -> None:
        team.repo.git("clone", "--quiet", ".", "../clone")
        clone = Repo(tmp_path / "clone")
        tip = team.commits["model-v2"]
        clone.git("update-ref", "refs/heads/production/production-model", tip)
        there = team.repo.git("rev-parse", "production/production-model")
        assert there != tip
        assert registry.read(at=clone.path).production("model") == there
        assert registry.read("origin", clone.path).production("model") == there
        assert registry.read("nobody", clone.path).releases == {}

    def test_names_that_mean_nothing_here_are_passed_over(self, team: Models) -> None:
        for name in ("models/Model-v1", "models/model-v0", "models/model", "models/x/model-v1", "production/x"):
            team.ref(f"refs/heads/{name}", team.commits["one"])
        assert [str(version) for version in registry.read(at=team.repo.path).releases] == [
            "model-v1", "model-v2", "model-v3",
        ]  # fmt: skip

    def test_a_tag_with_line_ends_and_controls_in_it_is_one_line(self, team: Models) -> None:
        team.yank(2, "a\x1b[2J\n\nb\nc", by="E\x1bve")
        mark = registry.read(at=team.repo.path).releases[ModelVersion("model", 2)].yanked
        assert mark is not None
        assert (mark.subject, mark.person) == ("a\x1b[2J", "E\x1bve")

    def test_all_histories_by_one_git_are_those_by_one_each(self, team: Models) -> None:
        team.release(1, "one", "churn")
        team.promote(1, "churn")
        known = registry.read(at=team.repo.path)
        found = registry.histories(known, team.repo.path)
        assert sorted(found) == ["churn", "model"]
        for model, history in found.items():
            assert history == registry.deployments(known.production(model), team.repo.path)
        assert [one.reason for one in found["model"]] == ["slow", "", "", ""]
        assert registry.histories(registry.Registry({}, {}, {}), team.repo.path) == {}
        assert registry.deployments(None) == []
        assert len(registry.deployments(known.production("model"), team.repo.path, 2)) == 2

    def test_two_models_whose_production_shares_its_past(self, team: Models) -> None:
        """Nobody does so on purpose; a branch that was copied has the commits of the other."""
        team.ref("refs/heads/production/production-copy", team.repo.git("rev-parse", "production/production-model~1"))
        found = registry.histories(registry.read(at=team.repo.path), team.repo.path)
        assert found["copy"] == found["model"][1:]

    def test_in_production_is_the_release_with_its_tree(self, team: Models) -> None:
        known = registry.read(at=team.repo.path)
        found = registry.in_production("model", known, team.repo.path)
        assert found is not None and found.version == ModelVersion("model", 1)
        assert registry.in_production("churn", known, team.repo.path) is None
        with pytest.raises(GitFailed):
            registry.trees_of(["a" * 40], team.repo.path)


class TestClaims:
    def test_a_commit_that_is_not_here(self, team: Models) -> None:
        gone = registry.Release(ModelVersion("model", 9), "a" * 40, None, None)
        with Objects(team.repo.path) as objects:
            assert claims.read(gone, objects, team.repo.path).fault == "its commit is not in this clone"

    def test_what_is_written_is_read_back(self, team: Models) -> None:
        for told in team.told.values():
            assert provenance.parse(provenance.render(told)) == told
        repackaged = team.told["model-v2"]._replace(repackaged=ModelVersion("model", 1))
        assert provenance.parse(provenance.render(repackaged)) == repackaged

    @pytest.mark.parametrize(
        ("key", "value", "why"),
        [
            ("model", "Mo del", "names no release"),
            ("version", True, "names no release"),
            ("version", 0, "names no release"),
            ("experiment", "../x", "cannot be the name of one"),
            ("commit", "HEAD", "no full id"),
            ("repackaged", "x", "repackaged names no release"),
            ("repackaged", 1, "repackaged is no text"),
            ("released", {"by": 1, "at": ""}, "released.by is no text"),
            ("files", [{"path": "x"}], "an entry has no size"),
            ("files", [{"path": "x", "md5": "", "sha256": "", "size": -1}], "a file has no size"),
            ("files", {}, "files is no list"),
            ("data", ["x"], "an entry has no path"),
            ("lock", [], "lock is no object"),
            ("metrics", None, "metrics is no object"),
        ],
    )
    def test_what_says_something_else_is_not_understood(self, team: Models, key: str, value: Any, why: str) -> None:
        told: Provenance = team.told["model-v1"]
        said = {**json.loads(provenance.render(told)), key: value}
        with pytest.raises(NotProvenance, match=why):
            provenance.parse(json.dumps(said).encode())
        with pytest.raises(NotProvenance, match="it is no object"):
            provenance.parse(b"[]")
