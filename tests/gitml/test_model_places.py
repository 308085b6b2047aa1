"""What a clone has of a remote's models: tags that moved, branches that are old, a history that was cut."""

from __future__ import annotations

from collections.abc import Callable

from .conftest import Done
from .teams import PRODUCTION, Team, deployed, released, team

__all__ = ["team"]

Gitml = Callable[..., Done]


class TestTags:
    def test_a_foreign_tag_that_moved_stops_nothing(self, team: Team, gitml: Gitml) -> None:
        for name in ("nightly@2024", "Fixes#12", "Sub/Model@v1.0.0"):
            team.ada.git("tag", "-m", "mine", name)
            team.server.git("tag", "-m", "theirs", name, "main")
        team.server.git("tag", "elsewhere@2025", "main")
        released(team, gitml, "lower")
        deployed(team, gitml, "v1")
        assert gitml("ci", "record", at=team.ada.path).code == 0
        assert team.ada.git("tag", "--list", "elsewhere*") == "", "it is none of gitml's"

    def test_an_approval_that_was_withdrawn_and_given_anew(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        gitml("model", "promote", "v1", at=team.ada.path)
        commit = team.server.git("rev-parse", "promote/model-v1")
        tag = f"approve/model-v1/{commit[:12]}/ben"
        for word in ("first", "second"):
            team.server.git("tag", "--force", "-m", word, tag, commit)
            done = gitml("model", "promote", "v1", at=team.ada.path)
            assert done.code == 0, done.err
        assert team.ada.git("rev-parse", tag) == team.server.git("rev-parse", tag)
        team.ada.git("tag", "-m", "stale", f"approve/model-v1/{commit[:12]}/cy", "main")
        deployed(team, gitml, "v1")

    def test_a_tag_of_the_registry_that_is_another_one_here(self, team: Team, gitml: Gitml) -> None:
        released(team, gitml, "lower")
        team.ada.git("tag", "--force", "-m", "by hand", "model@v1.0.0", "main")
        done = gitml("model", "promote", "v1", at=team.ada.path)
        assert (done.code, "the tag model@v1.0.0 here is not that of origin" in done.err) == (3, True)
