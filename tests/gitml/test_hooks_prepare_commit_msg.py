"""prepare-commit-msg on real git: what an editor opens with on an experiment."""

from __future__ import annotations

import pytest

from gitml.hooks import prepare_commit_msg

from .conftest import Repo

LINES = """\
experiment: {}
{c}
{c} Parameters that this commit changes (params.yaml):
{c}   train.lr 1e-3 -> 3e-4
{c}   train.layers [64, 64] (new)
{c}   verbose true (gone)
{c}
"""


@pytest.fixture
def experiment(hooked: Repo) -> Repo:
    """On experiments/lr, with a changed params.yaml in the index."""
    hooked.git("checkout", "--quiet", "experiments/lr")
    hooked.commit("experiment: start", **{"params.yaml": "train:\n  lr: 1e-3\n  width: 128\nverbose: yes\n"})
    hooked.write("params.yaml", "train:\n  lr: 3e-4\n  width: 128\n  layers: [64, 64]\n")
    hooked.git("add", "params.yaml")
    return hooked


def committed(repo: Repo, *words: str, says: str = "lower lr", **environment: str) -> str:
    """Commit with an editor that completes the first line, and return the message."""
    done = repo.run("git", "commit", *words, GIT_EDITOR=repo.editor(f'sed -i "1s/$/{says}/" "$1"'), **environment)
    assert done.code == 0, done
    return repo.message()


@pytest.mark.parametrize("comment", ["#", ";", "auto"])
def test_the_editor_opens_with_the_prefix_and_what_changed(experiment: Repo, comment: str) -> None:
    experiment.git("config", "core.commentChar", comment)
    assert committed(experiment) == "experiment: lower lr\n"
    letter = "#" if comment == "auto" else comment
    expected = LINES.format("", c=letter).replace(f"{letter}\n{letter} Para", f"\n{letter} Para", 1)
    assert experiment.opened.startswith(f"{expected}\n{letter} Please enter the commit message")


def test_only_what_is_in_the_index_counts(experiment: Repo) -> None:
    experiment.write("params.yaml", "train: 3\n")
    committed(experiment)
    assert "lr 1e-3 -> 3e-4" in experiment.opened
    experiment.write("other", "1")
    experiment.git("add", "other")
    committed(experiment)
    assert "Parameters" not in experiment.opened


def test_commit_all_and_verbose_and_a_subfolder(experiment: Repo) -> None:
    experiment.write("params.yaml", "train: 3\n")
    experiment.write("sub/file", "1")
    done = experiment.run("git", "commit", "-av", at="sub", GIT_EDITOR=experiment.editor("sed -i '1s/$/x/' \"$1\""))
    assert (done.code, experiment.message()) == (0, "experiment: x\n")
    assert "#   train 3 (new)\n#   train.lr 1e-3 (gone)\n" in experiment.opened


def test_who_writes_nothing_makes_no_commit(experiment: Repo) -> None:
    assert experiment.run("git", "commit", GIT_EDITOR="true") == (
        1,
        "",
        "gitml: commit refused (commit-prefix)\n"
        '  "experiment:" says nothing after its prefix\n'
        "Mend:\n"
        '  git commit -m "experiment: what you changed"\n',
    )


@pytest.mark.parametrize("mode", ["verbatim", "whitespace", "scissors"])
def test_no_comments_where_they_would_stay(experiment: Repo, mode: str) -> None:
    experiment.git("config", "commit.cleanup", mode)
    committed(experiment)
    assert experiment.opened.startswith("experiment: \n\n")
    assert "Parameters" not in experiment.message()


def test_a_template_is_kept(experiment: Repo) -> None:
    experiment.write("../template", "\nWhy: \n")
    experiment.git("config", "commit.template", "../template")
    assert committed(experiment) == "experiment: lower lr\n\nWhy:\n"
    experiment.write("../template", "my words\n")
    experiment.commit("experiment: next", other="1")
    done = experiment.run("git", "commit", "--allow-empty", GIT_EDITOR=experiment.editor(""))
    assert done == (1, "", "Aborting commit; you did not edit the message.\n")
    assert experiment.opened.startswith("my words\n\n# Please")


@pytest.mark.parametrize("words", [("--amend",), ("-c", "HEAD"), ("--squash=HEAD",)])
def test_a_message_that_is_there_stays(experiment: Repo, words: tuple[str, ...]) -> None:
    experiment.run("git", "commit", *words, GIT_EDITOR=experiment.editor(""))
    assert "experiment: start\n" in experiment.opened
    assert "Parameters" not in experiment.opened


def test_no_editor_no_change(experiment: Repo) -> None:
    assert experiment.run("git", "commit", "--quiet", "-m", "experiment: x") == (0, "", "")
    assert experiment.message() == "experiment: x\n"


@pytest.mark.parametrize("branch", ["main", "infra/x"])
def test_only_on_experiments(hooked: Repo, branch: str) -> None:
    hooked.git("checkout", "--quiet", "-B", branch)
    committed(hooked, "--allow-empty", says="infra: x")
    assert hooked.opened.startswith("\n# Please enter")


@pytest.mark.parametrize(
    "content", ['[commits]\nprefixes = ["feat"]\n', '[rules]\ncommit-prefix = "off"\n', "[commits]\nprefix = 1\n"]
)
def test_a_project_that_wants_none(experiment: Repo, content: str) -> None:
    experiment.write("gitml.toml", content)
    committed(experiment, says="feat: x")
    assert experiment.opened.startswith("\n# Please enter")


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe", b"- 1\n", b"", b"&a [*a]", b"a: !!python/object:os.x 1\n"])
def test_a_params_yaml_that_cannot_be_read(experiment: Repo, content: bytes) -> None:
    experiment.write("params.yaml", content)
    experiment.git("add", "params.yaml")
    assert committed(experiment) == "experiment: lower lr\n"


def test_without_an_earlier_commit(experiment: Repo) -> None:
    experiment.git("checkout", "--quiet", "--orphan", "experiments/new")
    committed(experiment)
    assert "#   train.lr 3e-4 (new)\n" in experiment.opened


def test_at_most_twenty_changes_are_listed() -> None:
    changed = prepare_commit_msg.changes({}, {f"k{number:02}": number for number in range(30)})
    lines = prepare_commit_msg.comment_lines(changed, "#")
    assert len(lines) == 24
    assert lines[-3:] == ["#   k19 19 (new)", "#   and 10 more", "#"]
    assert prepare_commit_msg.comment_lines([], "#") == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, ["a 1 -> true"]),
        ({"a": None}, {"a": "x\ny"}, ["a null -> x y"]),
        ({"a": {}}, {"a": {"b": 1}}, ["a.b 1 (new)", "a {} (gone)"]),
        ({"a": "x" * 99}, {"a": ""}, [f"a {'x' * 37}... -> "]),
        ({1: {2: 3}}, {1: {2: 4}}, ["1.2 3 -> 4"]),
        (None, {}, [" null (gone)"]),
    ],
)
def test_what_differs(old: object, new: object, expected: list[str]) -> None:
    assert prepare_commit_msg.changes(old, new) == expected
