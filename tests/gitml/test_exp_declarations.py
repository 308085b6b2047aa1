"""What is remembered of one commit's dvc.yaml must not be believed of another: held against reading each alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitml.experiments import store
from gitml.git.objects import Objects, list_tree
from gitml.pipeline import metrics
from gitml.pipeline.snapshot import Snapshot
from tests.gitml.conftest import Repo
from tests.gitml.experiment_history import History

FIGURES = {f"{folder}{name}.json": f'{{"auc": {place}, "{name}": 1}}' for folder in ("", "sub/", "w/")
           for place, name in enumerate("abc")}  # fmt: skip

DEFINITIONS = st.sampled_from([
    None,
    "metrics: [a.json]\n",
    "metrics: ['${kind}.json']\n",
    "stages:\n  t: {cmd: 'x ${lr}', metrics: [a.json: {cache: false}]}\n",
    "stages:\n  t: {cmd: x, metrics: ['${deep.kind}.json': {cache: false}], params: [more.yaml: ]}\n",
    "stages:\n  t: {foreach: '${all}', do: {cmd: x, metrics: ['${item}.json']}}\n",
    "stages:\n  t: {matrix: {l: [a, '${kind}']}, cmd: x, metrics: ['${item.l}.json']}\n",
    "vars: [more.yaml]\nmetrics: ['${more}.json']\n",
    "vars: [{kind: c}]\nmetrics: ['${kind}.json']\n",
    "vars: [more.yaml:more]\nstages:\n  t: {cmd: x, wdir: w, vars: [more.yaml], metrics: ['${more}.json']}\n",
    "stages:\n  t: {cmd: x, wdir: '${where}', metrics: [b.json]}\n",
    "stages:\n  a: {cmd: x, outs: [sub], deps: [x]}\n  b: {cmd: x, deps: [sub], metrics: [a.json]}\n"
    "metrics: [b.json]\n",
    "- no mapping\n",
])  # fmt: skip
PARAMS = st.sampled_from([
    None, "kind: a\nlr: 1\n", "kind: a\nlr: 2\n", "kind: b\nlr: 1\nall: [a, b]\n",
    "kind: c\ndeep: {kind: b}\nall: {x: 1}\n",
    "deep: {kind: c}\nwhere: w\nall: [c]\n", "deep:\n  kind: a\nwhere: sub\n",
    "more: 1\n", "a: [\n", "a.b: 1\na: {b: 2}\nkind: a\n",
])  # fmt: skip
MORE = st.sampled_from([None, "more: a\n", "more: b\nother: 1\n", "- 1\n"])
IGNORED = st.sampled_from([None, "sub\n", "w/**\n"])
ATTRIBUTES = st.sampled_from([None, None, "params.yaml filter=x\n"])
TREES = st.fixed_dictionaries({
    "dvc.yaml": DEFINITIONS, "params.yaml": PARAMS, "more.yaml": MORE,
    "sub/dvc.yaml": DEFINITIONS, "sub/params.yaml": PARAMS,
    "w/more.yaml": MORE, ".dvcignore": IGNORED, ".gitattributes": ATTRIBUTES,
    "sub/.dvc/config": st.sampled_from([None, ""]),
    "data.dvc": st.sampled_from([None, "outs: [{path: x, md5: 1}]\n"]),
})  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TREES, min_size=2, max_size=12))
def test_many_commits_are_read_as_each_alone(
    tmp_path_factory: pytest.TempPathFactory, trees: list[dict[str, str | None]]
) -> None:
    folder = tmp_path_factory.mktemp("trees") / "repository"
    folder.mkdir()
    Repo(folder).git("init", "-q")
    history = History(folder)
    for place, tree in enumerate(trees):
        files: dict[str, str | bytes | None] = {
            **FIGURES,
            **{path: text for path, text in tree.items() if text is not None},
        }
        history.commit(f"refs/heads/experiments/e{place:02}", "experiment: x", files)
    history.write()
    found = {entry.record.commit: entry.run() for entry in store.read(folder, has_index=False).entries}
    assert len(found) == len(trees)
    for commit, run in found.items():
        alone = read_alone(folder, commit)
        assert (run.metrics, run.params) == (alone.metrics, alone.params)
        assert {**alone.unreadable, **run.unreadable} == run.unreadable


def read_alone(folder: Path, commit: str) -> metrics.Results:
    with Objects(folder) as objects:
        return metrics.read(Snapshot(list_tree(commit, folder), objects))


@pytest.mark.parametrize("link", ["dvc.yaml", "params.yaml", "a.json"])
def test_a_link_is_not_followed(repo: Repo, link: str) -> None:
    repo.commit(
        **{"dvc.yaml": "metrics: [a.json]\n", "params.yaml": "lr: 1\n", "a.json": '{"auc": 1}', "real": "metrics: []\n"}
    )
    (repo.path / link).unlink()
    (repo.path / link).symlink_to("real")
    repo.commit()
    repo.git("branch", "experiments/x")
    run = next(entry.run() for entry in store.read(repo.path).entries if entry.name == "x")
    alone = read_alone(repo.path, "HEAD")
    assert (run.metrics, run.params) == (alone.metrics, alone.params)
    assert run.metrics == {}
    assert run.unreadable == {
        "dvc.yaml": {}, "params.yaml": {"dvc.yaml": "params.yaml is no plain file"},
        "a.json": {"a.json": "git does not have it"},
    }[link]  # fmt: skip
