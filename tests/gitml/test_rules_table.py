"""The table of the rule book on real git: each rule, in each place, at each level; and from an adopted commit on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitml.config import RULES, Config, parse
from gitml.conventions import branches, commits
from gitml.git import history
from gitml.hooks import pre_push, pre_receive
from gitml.policy import book, refs, rules
from gitml.policy.book import BOOK, PLACES, Place, level_at
from gitml.policy.refs import RefUpdate, Target

from .conftest import Done, Registry, Repo, Server, finished_report
from .test_hooks_pre_commit import DIRTY
from .test_hooks_pre_push import with_hooks
from .test_hooks_pre_receive import locked

Gitml = Callable[..., Done]
ELSEWHERE = {"data-present", "approvals", "signed-release"}
"""Rules that need a DVC remote, or people with keys: see test_data_rule.py and test_model_promote.py."""

SECRET = f"token = 'ghp_{'a1B2' * 9}'\n"
RELEASED = {"provenance.json": '{"experiment": "lr"}', "reports/lr/README.md": finished_report()}
FILES: dict[str, dict[str, str]] = {
    "lock-forged": locked('{"auc": 0.99}\n'),
    "metric-covered": {"dvc.yaml": "metrics: [m.json]\n", "m.json": "{}", ".dvc/config": ""},
    "lock-stale": {**locked(train="2"), **RELEASED},
    "provenance": RELEASED,
    "report-complete": {"a": "1"},
    "gates": RELEASED,
    "no-large-file": {"large.txt": "x" * 2_000},
    "clean-notebook": {"a.ipynb": DIRTY},
    "no-secret": {"a.py": SECRET},
}
"""What breaks each rule about files."""

BRANCHES = {
    "provenance": "models/model-v5",
    "lock-stale": "models/model-v2",
    "report-complete": "models/model-v3",
    "gates": "models/model-v4",
}


def config(level: str) -> str:
    lines = "".join(f'{rule} = "{level}"\n' for rule in RULES)
    return f'[files]\nlargest = "1500 B"\nlarge = ["reports/*", "model*"]\n[gates.auc]\nmin = 0.9\n[rules]\n{lines}'


class Broken:
    """A server on which a model is released, whose main has a gitml.toml, and what breaks each rule."""

    def __init__(self, server: Server, level: str) -> None:
        self.registry = Registry(server.clone("desk"))
        self.repo = self.registry.repo
        opening = self.registry.open()
        self.registry.release(1)
        self.repo.commit("infra: rules", **{"gitml.toml": config(level)})
        assert self.registry.push("HEAD:main").code == 0
        self.repo.git("fetch", "--quiet")
        main = self.repo.git("rev-parse", "main")
        store, tree = self.registry.store, self.tree
        good = store(tree(a="1"), main, message="experiment: x")
        self.updates = {
            "branch-name": (good, "refs/heads/experiments/Foo"),
            "commit-prefix": (store(tree(a="2"), main, message="wrong"), "refs/heads/experiments/a"),
            "immutable-model": (good, "refs/tags/model@deprecated"),
            "promote-shape": (good, "refs/heads/promote/model-v1"),
            "production-tree": (store(tree(a="3"), opening), "refs/heads/production/production-model"),
        }
        for rule, files in FILES.items():
            commit = store(tree(**files), main, message="experiment: x")
            self.updates[rule] = (commit, f"refs/heads/{BRANCHES.get(rule, f'experiments/{rule}')}")

    def tree(self, **files: str) -> str:
        return self.registry.tree(**{name.replace("/", "__"): content for name, content in files.items()})


def outcome(rule: str, text: str) -> str:
    """What was said of a rule: an error, a warning, or nothing."""
    for line in map(str.rstrip, text.splitlines()):  # git fills up what a server says
        found = re.search(r"gitml: (.*) \(([a-z, -]+)\)$", line)
        if found is not None and rule in found[2].split(", "):
            return "warn" if "warning" in found[1] or "refused" not in found[1] else "error"
    return "off"


def expected(place: Place, level: str) -> dict[str, str]:
    project = parse(config(level).encode())
    return {rule.id: level_at(rule, place, project) for rule in BOOK if rule.id not in ELSEWHERE}


@pytest.fixture(params=["error", "warn", "off"])
def level(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_pre_receive(server: Server, level: str) -> None:
    broken = Broken(server, level)
    said = {}
    for rule, (commit, ref) in broken.updates.items():
        done = broken.repo.run("git", "push", "origin", f"{commit}:{ref}")
        said[rule] = outcome(rule, done.err)
        assert (done.code != 0) == (level == "error"), done.err
    assert said == {rule: found for rule, found in expected("pre-receive", level).items() if rule in said}


def test_pre_push(server: Server, level: str) -> None:
    broken = Broken(server, level)
    with_hooks(broken.repo)
    said = {}
    for rule, (commit, ref) in broken.updates.items():
        done = broken.repo.run("git", "push", "--dry-run", "origin", f"{commit}:{ref}")
        said[rule] = outcome(rule, done.err)
        assert (done.code != 0) == (said[rule] == "error"), done.err
    assert said == expected("pre-push", level)


def test_ci_check(server: Server, level: str, gitml: Gitml) -> None:
    broken = Broken(server, level)
    bases = {"immutable-model": "models/model-v1", "production-tree": "production/production-model"}
    said = {}
    for rule, (commit, ref) in broken.updates.items():
        branch = "experiments/x" if rule in bases else ref.removeprefix("refs/heads/")
        words = ("--base", f"origin/{bases.get(rule, 'main')}", "--head", commit, "--branch", branch)
        done = gitml("ci", "check", "--json", *words, at=broken.repo.path)
        severities = {one["rule"]: one["severity"] for one in json.loads(done.out)["violations"]}
        said[rule] = severities.get(rule, "off")
        assert done.code == (1 if level == "error" else 0)
    assert said == expected("ci check", level)


def test_commit(repo: Repo, level: str) -> None:
    with_hooks(repo.with_dvc())
    repo.commit("infra: rules", **{"gitml.toml": config(level)})
    said = {"commit-prefix": outcome("commit-prefix", repo.run("git", "commit", "--allow-empty", "-m", "wrong").err)}
    for rule, files in FILES.items():
        for name, content in files.items():
            repo.write(name, content)
        repo.git("add", "--all")
        said[rule] = outcome(rule, repo.run("git", "commit", "-m", "infra: x").err)
        repo.git("reset", "--quiet", "--hard", "HEAD" if said[rule] == "error" else "HEAD^")
    table = expected("commit", level)
    assert said == {rule: table[rule] for rule in said}


@pytest.mark.parametrize("place", ["pre-push", "ci check", "pre-receive"])
def test_what_was_there_when_gitml_came_is_judged_nowhere(server: Server, gitml: Gitml, place: str) -> None:
    old = server.clone("old")
    old.commit("wrong", **{"a.py": SECRET, "a.ipynb": DIRTY})
    since = old.git("rev-parse", "HEAD")
    repo = server.clone("desk")
    repo.commit("infra: adopt", **{"gitml.toml": f'[adoption]\nsince = "{since}"\n'})
    repo.git("push", "--quiet", "origin", "HEAD:main")
    repo.git("fetch", "--quiet", str(old.path), "HEAD")
    for message, is_right in (("experiment: new", True), ("new", False)):
        repo.git("switch", "--quiet", "--force-create", "experiments/x", since)
        repo.write("gitml.toml", f'[adoption]\nsince = "{since}"\n')
        repo.git("commit", "--quiet", "--no-verify", "--allow-empty", "-m", message)
        if place == "ci check":
            done = gitml("ci", "check", at=repo.path)
        else:
            if place == "pre-push":
                with_hooks(repo)
            done = repo.run("git", "push", *(["--dry-run"] if place == "pre-push" else []), "origin", "+HEAD")
        assert (done.code == 0) == is_right, done
        assert is_right or "refused (commit-prefix)" in done.out + done.err


def test_the_table_is_the_one_of_the_design() -> None:
    marks = {rule.id: "".join("x" if place in rule.places else "-" for place in PLACES) for rule in BOOK}
    assert marks == {
        "branch-name": "-xxx",
        "commit-prefix": "xxxx",
        "immutable-model": "-xxx",
        "promote-shape": "-xxx",
        "production-tree": "-xxx",
        "lock-forged": "xxxx",
        "metric-covered": "xxxx",
        "lock-stale": "-xxx",
        "provenance": "--xx",
        "report-complete": "--xx",
        "gates": "--xx",
        "approvals": "---x",
        "signed-release": "--xx",
        "no-large-file": "xxxx",
        "clean-notebook": "xxxx",
        "no-secret": "xxxx",
        "data-present": "-xx-",
    }
    assert book.level_at(BOOK[7], "pre-push", Config()) == "warn"


OIDS = st.sampled_from(["1" * 40, "2" * 40]) | st.none()
NAMES = st.text() | st.builds(
    lambda folder, rest: f"{folder}/{rest}",
    st.sampled_from(["experiments", "models", "promote", "production", "infra", "refs/heads"]),
    st.text(st.sampled_from("abAB01-._/@{}~^:?*[\\ \t\n\x7f\u202eé'\"$()<>|&;vproductionmodel")),
)


HEADERS = (
    *(b"tree " + b"1" * 40, b"parent " + b"2" * 40, b"author A <a> 1 +0", b"encoding utf-7", b"gpgsig x", b" tree x"),
    *(b"encoding \xff", b"encoding idna", b"", b"infra: x", b"\0", b"\xff"),
)


class TestAnyString:
    @settings(max_examples=200, deadline=None)
    @given(NAMES, st.booleans())
    def test_a_name_that_is_right_is_one_for_git(self, name: str, is_path: bool) -> None:
        found = rules.branch_name(name, Config(), {name} if is_path else ())
        if found is None:
            assert branches.is_branch_for_git(name) and name.isascii() and name.isprintable()
        assert rules.tag_name(name, Config()) is None or branches.parse(name) is not None

    @settings(max_examples=200, deadline=None)
    @given(st.text() | st.from_regex(r"\A(experiment|infra|Revert|fixup!):?.{0,9}\Z"), st.integers(0, 3))
    def test_a_subject(self, subject: str, parents: int) -> None:
        found = rules.commit_prefix(subject, Config(), parents)
        stored = commits.parse(subject + "\n").subject
        if found is None and parents < 2 and "\n" not in subject:
            assert stored == subject.rstrip(commits._SPACE)

    @settings(max_examples=200, deadline=None)
    @given(NAMES, st.sampled_from(["refs/heads/", "refs/tags/", "refs/replace/", ""]), OIDS, OIDS, st.booleans())
    def test_any_update(self, name: str, folder: str, old: str | None, new: str | None, is_annotated: bool) -> None:
        update = RefUpdate(folder + name, old, new)
        assert (update.branch, update.tag) == (
            name if folder == "refs/heads/" else update.branch,
            name if folder == "refs/tags/" else update.tag,
        )
        refs.immutable_branch(update, Config())
        refs.replacement(update, Config())
        refs.model_tag(update, Target(new, is_annotated, name), {}, {}, Config())
        refs.promote_shape(update, None, None, None, Config())
        refs.production_tree(update, refs.Move((), False), (), old is not None, Config())

    @settings(max_examples=300, deadline=None)
    @given(st.binary() | st.lists(st.sampled_from(HEADERS)).map(b"\n".join))
    def test_any_commit(self, content: bytes) -> None:
        found = history.parse("1" * 40, content)
        lines = content.partition(b"\n\n")[0].split(b"\n")
        assert found.tree == (lines[0][5:].decode("ascii", "replace") if lines[0].startswith(b"tree ") else "")
        assert len(found.parents) <= len([line for line in lines[1:] if line.startswith(b"parent ")])
        assert found.subject == commits.parse(found.message).subject

    @settings(max_examples=200, deadline=None)
    @given(st.binary() | st.from_regex(rb"\A([0-9a-f]{40} [0-9a-f]{40} refs/[^\n]{1,9}\n){0,3}\Z"))
    def test_any_stdin(self, lines: bytes) -> None:
        pre_push.updates_in(lines)
        try:
            found = pre_receive.updates_in(lines)
        except pre_receive.NotAPush:
            return
        assert len(found) == len([line for line in lines.split(b"\n") if line])
        assert all(update.ref.startswith("refs/") for update in found)
