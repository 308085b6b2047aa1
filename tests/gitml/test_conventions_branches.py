"""The names of branches: what each means, and the right name for a wrong one."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gitml.conventions import branches
from gitml.conventions.branches import BranchName

MEANING = {
    "main": BranchName("main"),
    "experiments/lower-lr": BranchName("experiment", "lower-lr"),
    "experiments/0": BranchName("experiment", "0"),
    "experiments/a.b_c-d": BranchName("experiment", "a.b_c-d"),
    "models/model-v1": BranchName("model", "model", 1),
    "models/a-v1-v22": BranchName("model", "a-v1", 22),
    "promote/model-v4": BranchName("promotion", "model", 4),
    "production/production-model": BranchName("production", "model"),
}

NONE = [
    "",
    "master",
    "experiments",
    "experiments/",
    "experiments/Foo",
    "experiments/a/b",
    "experiments/-a",
    "experiments/.a",
    "experiments/a..b",
    "experiments/a.",
    "experiments/a.lock",
    "experiments/é",
    "experiments/a\n",
    "experiments/$(x)",
    "experiments/<script>",
    "experiments/a\u202eb",
    "experiments/" + "a" * 65,
    "models/model",
    "models/model-v0",
    "models/model-v01",
    "models/model-v١",
    "models/model-v1.0",
    "models/-v1",
    "models/my.model-v1",
    "models/model--v1",
    "production/model",
    "production/production-",
    "refs/heads/main",
]

small = st.text("abz09", min_size=1, max_size=8)
models = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,20}[a-z0-9])?", fullmatch=True)
numbers = st.integers(1, 999_999_999)
names = st.one_of(
    st.just(BranchName("main")),
    st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True)
    .filter(branches.is_slug)
    .map(lambda slug: BranchName("experiment", slug)),
    st.builds(BranchName, st.sampled_from(["model", "promotion"]), models, numbers),
    st.builds(BranchName, st.just("production"), models),
)


@pytest.mark.parametrize(("text", "meaning"), MEANING.items())
def test_a_name_with_a_meaning(text: str, meaning: BranchName) -> None:
    assert branches.parse(text) == meaning
    assert str(meaning) == text


@pytest.mark.parametrize("text", NONE)
def test_a_name_without_a_meaning(text: str) -> None:
    assert branches.parse(text) is None


@given(names)
def test_written_and_read_is_the_same(name: BranchName) -> None:
    assert branches.parse(str(name)) == name


@given(st.text() | st.from_regex(r"(experiments|models|promote|production)/[a-z0-9._/v-]*", fullmatch=True))
def test_read_and_written_is_the_same(text: str) -> None:
    name = branches.parse(text)
    assert name is None or str(name) == text


@given(names)
def test_what_has_a_meaning_is_a_branch_for_git(name: BranchName) -> None:
    assert branches.is_branch_for_git(str(name))


SUGGESTIONS = [
    ("experiments/Foo", "experiments/foo"),
    ("experiments/foo/bar", "experiments/foo-bar"),
    ("experiment/Lower LR", "experiments/lower-lr"),
    ("exp/x", "experiments/x"),
    ("feature/x", "experiments/x"),
    ("x", "experiments/x"),
    ("ada/x", "experiments/ada-x"),
    ("experiments/Élan vital", "experiments/elan-vital"),
    ("experiments/$(rm -rf)", "experiments/rm-rf"),
    ("experiments/a.lock", "experiments/a"),
    ("experiments/" + "a" * 80, "experiments/" + "a" * 64),
    ("master", "main"),
    ("Main", "experiments/main"),
    ("models/4", "models/model-v4"),
    ("models/v4", "models/model-v4"),
    ("model/Churn-V04", "models/churn-v4"),
    ("models/model-4", "models/model-v4"),
    ("models/churn", None),
    ("promote/v4", "promote/model-v4"),
    ("prod", "production/production-model"),
    ("production/churn", "production/production-churn"),
    ("experiments/数", None),
    ("---", None),
    ("", None),
]


@pytest.mark.parametrize(("wrong", "right"), SUGGESTIONS)
def test_the_right_name_for_a_wrong_one(wrong: str, right: str | None) -> None:
    assert branches.suggestion(wrong) == right


@given(st.text() | st.from_regex(r"(?i)(experiments?|models?|promote|prod|x)/[a-z0-9._/v@ -]*", fullmatch=True))
@example("models/" + "a" * 70 + "-v1")
@example("production/" + "a." * 70)
@example("experiments/a.lock.lock")
def test_what_is_suggested_is_right(wrong: str) -> None:
    right = branches.suggestion(wrong)
    assert right is None or branches.parse(right) is not None


@given(names)
def test_a_right_name_is_its_own_suggestion(name: BranchName) -> None:
    assert branches.suggestion(str(name)) == str(name)


@pytest.mark.parametrize(
    ("text", "pattern", "fits"),
    [
        ("infra/x", "infra/*", True),
        ("infra/x/y", "infra/*", True),
        ("infra/", "infra/*", False),
        ("infra", "infra", True),
        ("revert-12-x", "revert-*-x", True),
        ("revert--x", "revert-*-x", False),
        ("aXbYc", "a*b*c", True),
        ("abc", "a*b*c", False),
        ("aXb", "a*b*b", False),
    ],
)
def test_patterns(text: str, pattern: str, fits: bool) -> None:
    assert branches.matches(text, pattern) is fits


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("main", True),
        ("experiments/x", True),
        ("infra/CI", True),
        ("dependabot/npm_and_yarn/@types/node-22.1", True),
        ("revert-12-experiments/Foo", True),
        ("infra/$(x)", False),
        ("infra/é", False),
        ("infra/a..b", False),
        ("release-1", False),
    ],
)
def test_right_names(text: str, right: bool) -> None:
    assert branches.is_right(text) is right


ODD = st.text(st.sampled_from("ab/.@{}~^:?*[\\ -\x00\x7f\x1f\téHED-lock"), max_size=12)


@settings(max_examples=150, deadline=None)
@given(ODD | st.sampled_from(["HEAD", "a.lock/b", "a/b.lock", "@", "@{-1}", "a@{b", "-a", "refs/heads/x"]))
def test_git_agrees_on_what_may_be_a_branch(text: str) -> None:
    if "\0" in text:
        assert not branches.is_branch_for_git(text)
        return
    ref = ["git", "check-ref-format", f"refs/heads/{text}"]
    is_ref = subprocess.run(ref, check=False).returncode == 0
    assert branches.is_branch_for_git(text) == (is_ref and not text.startswith("-") and text not in ("HEAD", "@"))
