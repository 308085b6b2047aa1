"""gitml rules: the rule book, and an adopted repository's warnings become errors."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from gitml import config
from gitml.config import Config
from gitml.policy.book import BOOK, level_at

from .conftest import Done, Repo

Gitml = Callable[..., Done]

ADOPTED = """\
# ours, and it stays
[rules]
commit-prefix = "warn"   # for now
no-secret = "off"
branch-name = "warn"
"""


def test_the_book(gitml: Gitml, repo: Repo) -> None:
    lines = gitml("rules", at=repo.path).out.splitlines()
    assert lines[:5] == [
        "RULE             LEVEL       commit    pre-push    ci check pre-receive",
        "branch-name      error            -           x           x           x",
        "    a branch has one of the known names, and none that is a path in its tree",
        "commit-prefix    error            x           x           x           x",
        "    the first line of a commit begins with one of the prefixes",
    ]
    assert all(len(line) <= 80 for line in lines)
    assert [line.split()[0] for line in lines[1:-2:2]] == list(config.RULES)


def test_as_json_with_the_levels_of_gitml_toml(gitml: Gitml, repo: Repo) -> None:
    repo.write("gitml.toml", ADOPTED)
    (repo.path / "sub").mkdir()
    found = {rule["id"]: rule for rule in json.loads(gitml("rules", "--json", at=repo.path / "sub").out)}
    assert found["commit-prefix"] == {
        "id": "commit-prefix",
        "says": "the first line of a commit begins with one of the prefixes",
        "level": "warn",
        "places": {"commit": "warn", "pre-push": "warn", "ci check": "warn", "pre-receive": "warn"},
    }
    assert found["no-secret"]["level"] == "off"
    assert set(found["lock-stale"]["places"].values()) == {"off", "warn", "error"}


def test_outside_of_a_repository_the_defaults(gitml: Gitml, repo: Repo) -> None:
    assert gitml("rules", at=repo.path.parent).out == gitml("rules", at=repo.path).out


def test_a_wrong_gitml_toml(gitml: Gitml, repo: Repo) -> None:
    repo.write("gitml.toml", "[rules]\nnope = 1\n")
    done = gitml("rules", at=repo.path)
    assert (done.code, done.err.splitlines()[0]) == (2, "gitml: gitml.toml line 2: 'rules.nope' is unknown")


class TestEnforce:
    def test_warnings_become_errors(self, gitml: Gitml, repo: Repo) -> None:
        repo.commit("infra: adopt", **{"gitml.toml": ADOPTED})
        since = repo.git("rev-parse", "HEAD")
        done = gitml("rules", "enforce", at=repo.path)
        assert done == (
            0,
            "--- gitml.toml\n+++ gitml.toml\n@@ -1,5 +1,8 @@\n"
            " # ours, and it stays\n [rules]\n"
            '-commit-prefix = "warn"   # for now\n+commit-prefix = "error"   # for now\n'
            ' no-secret = "off"\n'
            '-branch-name = "warn"\n+branch-name = "error"\n'
            f'+\n+[adoption]\n+since = "{since}"\n'
            "branch-name, commit-prefix became errors; commits up to HEAD are not judged\n"
            'next  git commit -m "infra: enforce the rules" gitml.toml\n',
            "",
        )
        found = config.read(str(repo.path))
        assert (found.level("commit-prefix"), found.level("no-secret"), found.since) == ("error", "off", since)

    def test_dry_run_writes_nothing(self, gitml: Gitml, repo: Repo) -> None:
        repo.write("gitml.toml", ADOPTED)
        done = gitml("rules", "enforce", "--dry-run", at=repo.path)
        assert done.out.splitlines()[-1] == "next  gitml rules enforce"
        assert (repo.path / "gitml.toml").read_text() == ADOPTED

    def test_without_a_file_and_again_from_another_commit(self, gitml: Gitml, repo: Repo) -> None:
        assert "no rule was a warning" in gitml("rules", "enforce", at=repo.path).out
        first = repo.git("rev-parse", "HEAD")
        assert config.read(str(repo.path)) == Config(since=first)
        repo.commit("infra: enforce")
        gitml("rules", "enforce", "--since", "main", at=repo.path)
        assert config.read(str(repo.path)).since == repo.git("rev-parse", "HEAD") != first

    @pytest.mark.parametrize("since", ["nope", "--all", "HEAD:gitml.toml"])
    def test_what_is_no_commit(self, gitml: Gitml, repo: Repo, since: str) -> None:
        done = gitml("rules", "enforce", f"--since={since}", at=repo.path)
        says = "cannot be the name of a branch, a tag or a file here" if since[0] == "-" else "names no commit here"
        assert (done.code, done.err.splitlines()[0]) == (2, f"gitml: {since!r} {says}")
        assert not (repo.path / "gitml.toml").exists()

    def test_in_a_bare_repository(self, gitml: Gitml, repo: Repo) -> None:
        repo.git("clone", "--quiet", "--bare", ".", "../bare")
        assert gitml("rules", "enforce", at=repo.path.parent / "bare").code == 3


def test_a_rule_that_is_off_decides_nowhere() -> None:
    off = Config(rules=tuple((rule.id, "off") for rule in BOOK))
    assert {level_at(rule, place, off) for rule in BOOK for place in rule.places} == {"off"}
