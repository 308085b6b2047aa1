"""Which files of a commit hold its figures, and what they say: held against DVC itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitml.git.objects import Objects, list_tree
from gitml.pipeline import flat, lockfile, metrics
from gitml.pipeline.flat import ParamsReader, Unreadable
from gitml.pipeline.metrics import Declared, Results
from gitml.pipeline.snapshot import Snapshot
from tests.gitml.conftest import ROOT, Repo
from tests.gitml.experiment_history import DVC_YAML, lock, run

FIGURES = {
    f"{name}.json": json.dumps({"auc": place / 10, "deep": {"er": {"f1": place}}}) for place, name in enumerate("abcde")
}

PROJECTS: dict[str, dict[str, str]] = {
    "stages": {"dvc.yaml": DVC_YAML, **{path: str(text) for path, text in run().items() if path != "dvc.lock"}},
    "top": {"dvc.yaml": "metrics: [a.json, sub/b.json]\nparams: [p.toml]\n", "p.toml": "[a]\nb = 1\n", **FIGURES,
            "sub/b.json": '{"loss": 1.5}'},
    "templated": {
        "dvc.yaml": "vars: [{kind: c}]\nmetrics: ['${kind}.json']\nstages:\n  t:\n    cmd: x\n"
        "    metrics: ['${name}.json': {cache: false}]\n    params: ['${name}.yaml': ]\n",
        "params.yaml": "name: b\nother: 1e-3\n", "b.yaml": "x: {y: [1, 2]}\nz: yes\n", **FIGURES,
    },
    "foreach": {
        "dvc.yaml": "stages:\n  t:\n    foreach: ${all}\n    do:\n      cmd: x ${item}\n"
        "      metrics: ['${item}.json']\n"
        "  m:\n    matrix: {l: [d, e]}\n    cmd: y ${item.l}\n    metrics: ['${item.l}.json']\n",
        "params.yaml": "all: [a, b]\n", **FIGURES,
    },
    "folders": {
        "dvc.yaml": "metrics: [a.json]\n", "one/dvc.yaml": "stages:\n  t:\n    cmd: x\n    metrics: [m.yaml]\n",
        "one/params.yaml": "lr: 0.1\n", "one/m.yaml": "auc: 0.5\nnested: {f1: 1}\n",
        "two/deep/dvc.yaml": "stages:\n  t:\n    wdir: ..\n    cmd: x\n    metrics: [m.toml]\n    params: [lr]\n",
        "two/m.toml": "auc = 0.25\n", "two/params.yaml": "lr: 7\n", **FIGURES,
    },
    "folder": {
        "dvc.yaml": "stages:\n  t:\n    cmd: x\n    metrics: [all]\n",
        "all/a.json": '{"auc": 1}', "all/in/b.json": '{"auc": 2}',
    },
    "python": {
        "dvc.yaml": "stages:\n  t:\n    cmd: x\n    params: [p.py: [LR]]\n    metrics: [a.json]\n",
        "p.py": "LR = 0.1\nNAME = 'x'\n", **FIGURES,
    },
}  # fmt: skip

_ASK = """
import json, sys
from dvc.repo import Repo
found = {}
for name in json.loads(sys.argv[1]):
    with Repo(name) as repo:
        shown = {"metrics": repo.metrics.show(), "params": repo.params.show()}
        found[name] = {
            kind: {path: one["data"] for path, one in said[""]["data"].items()} for kind, said in shown.items()
        }
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("projects")


@pytest.fixture(scope="module")
def asked(top: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """What DVC says of each project."""
    for name, files in PROJECTS.items():
        folder = top / name
        folder.mkdir()
        for path, text in {".dvc/config": "", **files}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        for words in (["init", "-q", "-b", "main"], ["add", "-f", "."], ["commit", "-qm", "infra: x"]):
            identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
            subprocess.run(["git", *identity, *words], cwd=folder, check=True, env={**os.environ, "HOME": str(top)})
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(top / "site"), "HOME": str(top)}
    done = subprocess.run(
        [sys.executable, "-c", _ASK, json.dumps(list(PROJECTS))],
        cwd=top, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, dict[str, dict[str, Any]]] = json.loads(done.stdout)
    return found


def snapshot_of(folder: Path, objects: Objects) -> Snapshot:
    return Snapshot(list_tree("HEAD", folder), objects)


def results(folder: Path) -> tuple[Declared, Results]:
    with Objects(folder) as objects:
        snapshot = snapshot_of(folder, objects)
        return metrics.declare(snapshot), metrics.read(snapshot)


def by_file(files: dict[str, Any], order: list[str]) -> dict[str, Any]:
    """Join what DVC says, file by file, as we do."""
    ordered = sorted(files, key=lambda path: order.index(path) if path in order else len(order))
    return metrics.join((path, flat.flatten(files[path], path.rpartition("/")[2])) for path in ordered)


@pytest.mark.parametrize("name", PROJECTS)
def test_dvc_sees_the_same_figures_and_params(top: Path, asked: dict[str, Any], name: str) -> None:
    declared, found = results(top / name)
    order = [file.path for file in declared.metrics]
    if name == "folder":
        order = ["all/a.json", "all/in/b.json"]
    assert found.metrics == by_file(asked[name]["metrics"], order)
    theirs = by_file(asked[name]["params"], list(declared.params))
    if name == "python":  # DVC shows what a stage depends on of a file of Python, we show all of it
        theirs |= {"NAME": "x"}
    if name == "folders":  # nor does it show what only templates use
        theirs = {"lr": 0.1, "two/params.yaml:lr": theirs["lr"]}
    assert found.params == theirs
    assert found.unreadable == {}


def test_the_last_of_the_pipeline_comes_first(top: Path, asked: dict[str, Any]) -> None:
    declared, found = results(top / "stages")
    assert [(file.path, file.stage, file.depth) for file in declared.metrics] == [
        ("results/evaluate.json", "evaluate", 3),
        ("results/train.json", "train", 2),
    ]
    assert {one.name: (one.depth, one.is_kept) for one in declared.metrics[0].inputs} == {
        "data/test.csv": (1, True), "model.bin": (2, True), "evaluate.py": (0, False),
    }  # fmt: skip
    assert (found.metrics["roc_auc"], found.metrics["results/train.json:roc_auc"]) == (0.71, 0.8)


def test_a_circle_of_stages_ends(repo: Repo) -> None:
    yaml = (
        "stages:\n  a: {cmd: x, deps: [two], outs: [one], metrics: [m.json]}\n  b: {cmd: x, deps: [one], outs: [two]}\n"
    )
    repo.commit(**{"dvc.yaml": yaml, "m.json": '{"a": 1}'})
    declared, found = results(repo.path)
    assert [file.path for file in declared.metrics] == ["m.json"]
    assert found.metrics == {"a": 1}


def test_this_repository() -> None:
    declared, found = results(ROOT)
    assert [file.path for file in declared.metrics] == [
        f"results/{stage}/metrics.json" for stage in ("evaluate", "train", "data")
    ]
    assert declared.params == ("params.yaml",)
    assert isinstance(found.metrics["test_data"], str)
    assert found.params["train.mlp.lr"] == 0.001


@pytest.mark.parametrize(
    ("path", "content", "why"),
    [
        ("m.json", b'{"a": NaN}', "NaN is no JSON"),
        ("m.json", b'{"a": 1, "a": 2}', 'the key "a" stands twice in one object'),
        ("m.json", b'{"a": {"b": 1}, "a.b": 2}', "two of its values are called a.b"),
        ("m.json", b"", "it is empty"),
        ("m.yaml", b"a: .nan", "nan is no number that can be compared"),
        ("m.yaml", b"a: [.inf]", "inf is no number that can be compared"),
        ("m.yaml", b"a: 1\na: 2", "a key stands twice in one mapping"),
        ("m.toml", b"a = nan", "nan is no number that can be compared"),
        ("m.toml", b"a = 1\na = 2\n", "Cannot overwrite a value (at line 2, column 6)"),
        ("m.txt", b"\xff", "it is no UTF-8"),
    ],
)
def test_metrics_that_mean_two_things_are_not_read(path: str, content: bytes, why: str) -> None:
    with pytest.raises(Unreadable) as caught:
        flat.read_metrics(path, content)
    assert str(caught.value) == why


def test_metrics_of_other_kinds() -> None:
    assert flat.read_metrics("m.yaml", b"a: 1e-3\nb: {c: yes, d: [1]}\ne:\n") == {"a": 0.001, "b.c": "yes"}
    assert flat.read_metrics("m.json", b"0.5") == {"m.json": 0.5}
    assert flat.read_metrics("m.yaml", b"") == {}
    assert flat.read_metrics("m.toml", b"[a]\nb = 1.5\n") == {"a.b": 1.5}


def test_files_that_are_absent_or_unreadable_are_named(repo: Repo) -> None:
    repo.commit(**{
        "dvc.yaml": "metrics: [gone.json, bad.json, ../out.json]\nparams: [p.json]\n", "bad.json": "{", "p.json": "[",
    })  # fmt: skip
    _, found = results(repo.path)
    assert found == Results({}, {}, {
        "gone.json": "git does not have it",
        "bad.json": "expecting property name enclosed in double quotes, line 1",
        "p.json": "expecting value, line 1",
    })  # fmt: skip


def test_what_cannot_be_resolved_is_unclear(repo: Repo) -> None:
    repo.commit(**{"dvc.yaml": "metrics: ['${nothing}']\nstages:\n  a: {cmd: '${x}'}\n", "sub/dvc.yaml": "- 1\n"})
    declared, _ = results(repo.path)
    assert declared.metrics == ()
    assert declared.unclear == (
        "dvc.yaml: ${x} has no value in the commit",
        "dvc.yaml: ${nothing} has no value in the commit, in metrics",
        "sub/dvc.yaml: it has no mapping of stages",
    )


VALUES = st.sampled_from([
    "1", "0.5", "1e-3", "mlp", "yes", "true", "null", "~", "'q'", "2020-01-02", "[1, 2]", "a b", "", "x # c", "1 # c",
    "*a", "|", "- 1", "0o17", "010", "1:30", "-.inf", "{b: 1}", "a: 1", "!!str 1",
])  # fmt: skip
TEMPLATES = st.sampled_from([
    "a: {}\nb:\n  c: {}\n  d: {}\n",
    "a: &a\n  x: {}\n  y: {}\nb: *a\nc:\n  z: {}\n",
    "a: &a\n  x: {}\nb: [*a, {}]\nc: {}\n",
    "k: |\n  a: {}\n  b: {}\nc: {}\n",
    "- a: {}\n- b: {}\n- {}\n",
    "a: 'q\n  b: {}\n  c: {}'\nd: {}\n",
    "a: {}\n  b: {}\nc: {}\n",
    "? a\n: {}\nb: {}\nb: {}\n",
    "1: {}\nyes: {}\n'quoted': {}\n",
])  # fmt: skip


@given(TEMPLATES, st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=6))
def test_reading_by_lines_is_reading_as_a_whole(template: str, fillings: list[tuple[str, str, str]]) -> None:
    reader = ParamsReader()
    for values in fillings:
        parts = template.split("{}")
        text = "".join(part + value for part, value in zip(parts, [*values, ""], strict=False)).encode()
        assert read(reader, text) == read(ParamsReader(), text)


def read(reader: ParamsReader, content: bytes) -> object:
    try:
        return json.dumps(reader.read("params.yaml", content))
    except Unreadable as error:
        return str(error)


def test_a_changed_value_is_read_without_parsing_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    from gitml.pipeline import params

    content = (ROOT / "params.yaml").read_bytes()
    reader = ParamsReader()
    before = reader.read("params.yaml", content)
    monkeypatch.setattr(params, "read", None)
    after = reader.read("params.yaml", content.replace(b"lr: 1e-3", b"lr: 5e-4"))
    assert {name: after[name] for name in after if after[name] != before[name]} == {
        "train.mlp.lr": 5e-4, "train.ensemble.members.mlp.lr": 5e-4,
    }  # fmt: skip


def test_params_in_json_toml_and_python() -> None:
    reader = ParamsReader()
    assert reader.read("p.json", b'{"a": {"b": 1}}') == {"a.b": 1}
    assert reader.read("p.toml", b"[a]\nb = 2020-01-02\n") == {"a.b": "2020-01-02"}
    assert reader.read("p.py", b"class A:\n    B = (1, {2})\n") == {"A.B": [1, ["2"]]}
    with pytest.raises(Unreadable, match="stands twice"):
        reader.read("p.json", b'{"a": 1, "a": 2}')


def test_the_deps_of_a_lock_are_those_of_the_whole_lock() -> None:
    for content in ((ROOT / "dvc.lock").read_bytes(), lock().encode()):
        for name, stage in lockfile.read(content).items():
            whole = {path: one.md5 for path, one in stage.deps.items() if one.md5 is not None}
            assert lockfile.read_deps(content, name) == whole
            if whole:
                assert lockfile._scan_deps(content, name.encode()) == whole
    assert lockfile.read_deps(lock().encode(), "nothing") == {}


LINES = st.sampled_from([
    "    - path: data/test.csv\n", "      md5: 22222222222222222222222222222222\n", "      hash: md5\n",
    "  evaluate:\n",
    "    deps:\n", "    outs:\n", "    cmd: x\n", "    - path: >-\n", "        a\n", "      md5: 1\n", "    cmd: |\n",
    "\n",
    "  # c\n", "    # c\n", "      files:\n", "      - md5: 3\n", "    params:\n", "      params.yaml:\n",
    "        lr: 1\n",
    "      size: 0x1\n", "    deps: []\n", "    frozen: true\n", "  x: {}\n", "# c\n",
])  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 40), LINES), max_size=3), st.lists(st.integers(0, 40), max_size=2))
def test_reading_a_lock_by_lines_is_reading_it_as_a_whole(added: list[tuple[int, str]], dropped: list[int]) -> None:
    lines = [line for place, line in enumerate(lock().splitlines(keepends=True)) if place not in dropped]
    for place, line in added:
        lines.insert(place, line)
    content = "".join(lines).encode()
    try:
        entry = lockfile.read(content).get("evaluate")
    except ValueError:
        return
    whole = {} if entry is None else {path: one.md5 for path, one in entry.deps.items() if one.md5 is not None}
    assert lockfile.read_deps(content, "evaluate") == whole
