"""The rules on names and messages, as values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitml.config import DEFAULTS, RULES, Config
from gitml.conventions.commits import Prefix
from gitml.policy import rules
from gitml.policy.rules import Violation

KINDS = (
    "A branch is main, experiments/<slug>, models/<model>-v<N>, promote/<model>-v<N>, "
    "production/production-<model>, infra/*, data/*, revert-*, dependabot/*."
)
PREFIXES = "A first line begins with one of experiment:, model:, data:, infra:"


def test_a_wrong_branch_name_is_told_with_the_right_one() -> None:
    assert rules.branch_name("experiments/Foo", DEFAULTS) == Violation(
        "branch-name",
        "error",
        '"experiments/Foo" is not the name of a branch here',
        KINDS,
        ("git branch -m experiments/Foo experiments/foo",),
    )


def test_a_name_that_a_shell_would_run_is_quoted() -> None:
    found = rules.branch_name("experiments/$(x)", DEFAULTS)
    assert found is not None
    assert found.mend == ("git branch -m 'experiments/$(x)' experiments/x",)


def test_a_name_of_which_nothing_can_be_kept_has_no_mend() -> None:
    found = rules.branch_name("数", DEFAULTS)
    assert found is not None
    assert found.mend == ()


def test_a_branch_named_like_a_folder_of_its_tree() -> None:
    assert rules.branch_name("experiments/x", DEFAULTS, paths=["experiments/x"]) == Violation(
        "branch-name",
        "error",
        '"experiments/x" is also a file or folder in its own tree',
        "git log, diff and reset cannot tell the two apart, and git checkout fails.",
    )


@pytest.mark.parametrize("name", ["main", "experiments/x", "models/model-v1", "infra/ci"])
def test_a_right_branch_name(name: str) -> None:
    assert rules.branch_name(name, DEFAULTS) is None


def test_a_message_without_prefix() -> None:
    assert rules.commit_prefix("try lr", DEFAULTS, branch="data/x") == Violation(
        "commit-prefix",
        "error",
        '"try lr" has no prefix',
        PREFIXES,
        ('git commit --amend -m "data: try lr"',),
    )


@pytest.mark.parametrize(
    ("subject", "what"),
    [
        ("", "the message is empty"),
        ("infra:", '"infra:" says nothing after its prefix'),
        ("\ufeffinfra: x", "the message begins with a byte order mark, which git would keep"),
        ("\x1b[31mred", '"\\x1b[31mred" has no prefix'),
        ("x" * 99, f'"{"x" * 59}…" has no prefix'),
    ],
)
def test_what_is_wrong_is_told_in_one_line(subject: str, what: str) -> None:
    found = rules.commit_prefix(subject, DEFAULTS)
    assert found is not None
    assert found.what == what


@pytest.mark.parametrize("parents", [2, 3])
def test_a_merge_is_one_by_its_parents(parents: int) -> None:
    assert rules.commit_prefix("Merge branch 'x'", DEFAULTS, parents) is None
    assert rules.commit_prefix("Merge branch 'x'", DEFAULTS, 1) is not None
    assert rules.commit_prefix("Merge branch 'x'", DEFAULTS, 0) is not None


def test_the_project_chooses_prefixes_and_patterns() -> None:
    project = Config(prefixes=(Prefix("feat"),), branches=("release-*",))
    assert rules.commit_prefix("feat: x", project) is None
    assert rules.commit_prefix("infra: x", project) is not None
    assert rules.branch_name("release-1", project) is None
    assert rules.branch_name("infra/x", project) is not None


def test_the_project_chooses_the_level() -> None:
    warn = Config(rules=(("commit-prefix", "warn"), ("branch-name", "warn")))
    off = Config(rules=(("commit-prefix", "off"), ("branch-name", "off")))
    for found in (rules.commit_prefix("x", warn), rules.branch_name("x", warn)):
        assert found is not None
        assert found.severity == "warn"
    assert rules.commit_prefix("x", off) is None
    assert rules.branch_name("x", off) is None


@given(st.text(), st.text(), st.integers(0, 3))
def test_no_text_is_too_odd(text: str, branch: str, parents: int) -> None:
    for found in (rules.branch_name(text, DEFAULTS), rules.commit_prefix(text, DEFAULTS, parents, branch)):
        assert found is None or (found.rule in RULES and found.what.isprintable())
