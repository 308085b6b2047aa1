"""Merging without a working tree: parameters by key, dvc.lock by stage, results by the side that they belong to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gitml.git.merge import HistoryIsShallow, NotRelated, merge_bases, merge_file
from gitml.pipeline import merge_lock, yaml_keys
from gitml.pipeline.merge import Merged, merge
from gitml.pipeline.merge_params import ABSENT, MergedParams, merge_params, merge_values, read

from .conftest import Repo

BASE = """\
# how the model is trained
train:
  lr: 1e-3   # found by hand
  width: 64
data:
  rows: 100
"""


def merged(ours: str, theirs: str, base: str = BASE, path: str = "params.yaml") -> MergedParams:
    textual = merge_file(base.encode(), ours.encode(), theirs.encode())
    return merge_params(path, [base.encode()], ours.encode(), theirs.encode(), textual, merge_file)


def text(found: MergedParams) -> str:
    assert found.content is not None and not found.conflicts
    return found.content.decode()


def test_neighbouring_lines_are_no_conflict_and_keep_how_they_are_written() -> None:
    ours, theirs = BASE.replace("1e-3", "3e-4"), BASE.replace("width: 64", "width: 1_28")
    assert merge_file(BASE.encode(), ours.encode(), theirs.encode()) is None  # git alone cannot
    assert text(merged(ours, theirs)) == BASE.replace("1e-3", "3e-4").replace("width: 64", "width: 1_28")


def test_a_key_that_both_changed_is_named_with_all_values() -> None:
    found = merged(BASE.replace("1e-3", "3e-4"), BASE.replace("1e-3", "1e-2").replace("100", "200"))
    assert found.content == BASE.replace("1e-3", "3e-4").replace("100", "200").encode()
    assert found.conflicts == (("params.yaml", "train.lr", 1e-3, 3e-4, 1e-2),)


def test_the_same_change_on_both_sides_is_no_conflict() -> None:
    both = BASE.replace("1e-3", "3e-4")
    assert text(merged(both, both.replace("100", "200"))) == both.replace("100", "200")


def test_one_side_removes_what_the_other_changes() -> None:
    found = merged(BASE.replace("  width: 64\n", ""), BASE.replace("64", "128"))
    assert found.conflicts == (("params.yaml", "train.width", 64, ABSENT, 128),)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        pytest.param(
            BASE.replace("  width: 64\n", "  width: 64\n  depth: 2\n"),
            BASE.replace("64", "128"),
            BASE.replace("  width: 64\n", "  width: 128\n  depth: 2\n"),
            id="ours adds a key beside a value that theirs changes",
        ),
        pytest.param(
            BASE.replace("64", "128"),
            BASE.replace("  width: 64\n", "  width: 64\n  depth: 2\n"),
            BASE.replace("  width: 64\n", "  width: 128\n  depth: 2\n"),
            id="theirs adds a key beside a value that ours changes",
        ),
        pytest.param(
            BASE + "  seed: 1\n",
            BASE + "  folds: 5\n",
            BASE + "  seed: 1\n  folds: 5\n",
            id="both add a key in the same place",
        ),
        pytest.param(
            BASE.replace("64", "32") + "  seed: 1\n",
            BASE.replace("1e-3", "1e-2") + "  folds: 5\n",
            BASE.replace("64", "32").replace("1e-3", "1e-2") + "  seed: 1\n  folds: 5\n",
            id="both add a key, and change neighbouring values",
        ),
        pytest.param(
            BASE.replace("  width: 64\n", "  depth: 2\n"),
            BASE.replace("1e-3", "1e-2") + "  seed: 1\n",
            BASE.replace("  width: 64\n", "  depth: 2\n").replace("1e-3", "1e-2") + "  seed: 1\n",
            id="a key takes the place of another",
        ),
    ],
)
def test_keys_that_are_added_and_removed(ours: str, theirs: str, expected: str) -> None:
    assert text(merged(ours, theirs)) == expected


def test_a_key_is_added_where_the_other_side_removes_the_last_line() -> None:
    found = text(merged(BASE + "  seed: 1\n", BASE.replace("  rows: 100\n", "  folds: 5\n")))
    assert yaml.safe_load(found)["data"] == {"seed": 1, "folds": 5}
    assert "# found by hand" in found


def test_both_sides_fill_an_empty_mapping() -> None:
    base = "extra: {}\nlr: 1\n"
    found = text(merged("extra:\n  a: 1\nlr: 1\n", "extra:\n  b: 2\nlr: 2\n", base))
    assert yaml.safe_load(found) == {"extra": {"a": 1, "b": 2}, "lr": 2}


def test_json_and_toml() -> None:
    base, ours, theirs = ({"lr": lr, "width": width} for lr, width in ((1, 2), (3, 2), (1, 4)))
    one, two, three = (json.dumps(each, indent=2) + "\n" for each in (base, ours, theirs))
    assert text(merged(two, three, one, "params.json")) == json.dumps({"lr": 3, "width": 4}, indent=2) + "\n"
    found = merged("lr = 3 # x\nwidth = 2\n", "lr = 1 # x\nwidth = 4\n", "lr = 1 # x\nwidth = 2\n", "params.toml")
    assert text(found) == "lr = 3 # x\nwidth = 4\n"
    added = merged('{"lr": 1, "a": 1}', '{"lr": 2, "b": 1}', '{"lr": 1}', "params.json")
    assert json.loads(text(added)) == {"lr": 2, "a": 1, "b": 1}


def test_an_alias_goes_on_to_mean_the_same() -> None:
    base = "mlp: &mlp\n  lr: 1\n  width: 2\nensemble:\n  mlp: *mlp\n"
    found = text(merged(base.replace("lr: 1", "lr: 3"), base.replace("width: 2", "width: 4"), base))
    assert found == base.replace("lr: 1", "lr: 3").replace("width: 2", "width: 4")


scalars = st.one_of(
    st.integers(-99, 99),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)
names = st.sampled_from(["lr", "width", "depth", "seed"])
files = st.dictionaries(st.sampled_from(["train", "data"]), st.dictionaries(names, scalars, min_size=1), min_size=1)


def dumped(values: dict[str, Any]) -> bytes:
    return json.dumps(values, indent=1).encode()  # which is YAML, too


@given(files, files, files)
def test_merging_is_symmetric_but_for_whose_value_stands_in_a_conflict(base: Any, ours: Any, theirs: Any) -> None:
    flat = [read("params.yaml", dumped(one)) for one in (base, ours, theirs)]
    one, other = merge_values(flat[:1], flat[1], flat[2]), merge_values(flat[:1], flat[2], flat[1])
    assert sorted(one.conflicts) == sorted(other.conflicts)
    agreed = [
        {name: repr(each.values[name]) for name in each.values if name not in one.conflicts} for each in (one, other)
    ]
    assert agreed[0] == agreed[1]


@given(files, files)
def test_no_change_on_one_side_gives_the_other_side(base: Any, theirs: Any) -> None:
    old, new = read("params.yaml", dumped(base)), read("params.yaml", dumped(theirs))
    for found in (merge_values([old], old, new), merge_values([old], new, old)):
        assert found.conflicts == () and sorted(map(repr, found.values.items())) == sorted(map(repr, new.items()))


@given(files, st.data())
@settings(deadline=None)
def test_changes_of_different_keys_are_applying_both(base: dict[str, dict[str, Any]], data: st.DataObject) -> None:
    content = yaml.safe_dump(base).encode()
    flat = read("params.yaml", content)
    keys = sorted(flat)
    mine = set(data.draw(st.lists(st.sampled_from(keys), unique=True)))
    new = {name: data.draw(scalars) for name in keys}

    def changed(names: set[str]) -> tuple[bytes, dict[str, Any]]:
        copied = {group: dict(values) for group, values in base.items()}
        for name in names:
            group, _, key = name.partition(".")
            copied[group][key] = new[name]
        made = yaml.safe_dump(copied).encode()
        return made, read("params.yaml", made)

    ours, theirs, both = changed(mine), changed(set(keys) - mine), changed(set(keys))
    found = merge_params(
        "params.yaml", [content], ours[0], theirs[0], merge_file(content, ours[0], theirs[0]), merge_file
    )
    assert not found.conflicts and found.content is not None
    assert repr(read("params.yaml", found.content)) == repr(both[1]) or read("params.yaml", found.content) == both[1]


@pytest.mark.parametrize(
    ("gone", "new", "expected"),
    [
        ([], {"b.y": "2"}, "# top\na: 1  # one\nb:\n  x: 1\n  y: 2\n# end\n"),
        (["b.x"], {}, "# top\na: 1  # one\n# end\n"),
        (["a"], {"c.d.e": "[1, 2]"}, "# top\nb:\n  x: 1\nc:\n  d:\n    e: [1, 2]\n# end\n"),
        (["b.x"], {"b.y": "2"}, "# top\na: 1  # one\nb:\n  y: 2\n# end\n"),
        ([], {"yes": "no", "'q": "1"}, '# top\na: 1  # one\nb:\n  x: 1\nyes: no\n"\'q": 1\n# end\n'),
    ],
)
def test_keys_are_put_in_and_taken_out_line_by_line(gone: list[str], new: dict[str, str], expected: str) -> None:
    assert yaml_keys.with_keys("# top\na: 1  # one\nb:\n  x: 1\n# end\n", gone, new) == expected


def test_into_an_empty_file_and_one_without_a_last_line_end() -> None:
    assert yaml_keys.with_keys("", [], {"a.b": "1"}) == "a:\n  b: 1\n"
    assert yaml_keys.with_keys("a: 1", [], {"b": "2"}) == "a: 1\nb: 2\n"
    assert yaml_keys.with_keys("a:\nb: 1\n", ["a"], {}) == "b: 1\n"


@pytest.mark.parametrize(
    ("text", "gone", "new"),
    [
        ("a: 1\n", ["b"], {}),
        ("{a: 1, b: 2}\n", ["b"], {}),
        ("a: 1\n", [], {"a": "2"}),
        ("a: 1\n", [], {"a.b": "2"}),
        ("a: {x: 1}\n", [], {"a.b": "2"}),
        ("? a\n: 1\n", ["a"], {}),
        ("a: [\n", ["a"], {}),
    ],
)
def test_what_has_no_lines_of_its_own_is_refused(text: str, gone: list[str], new: dict[str, str]) -> None:
    with pytest.raises((KeyError, ValueError)):
        yaml_keys.with_keys(text, gone, new)


def test_json_files_get_and_lose_keys_with_their_indent() -> None:
    base = json.dumps({"train": {"lr": 1}, "x": 1}, indent=1)
    ours = json.dumps({"train": {"lr": 1, "seed": 1}, "x": 1}, indent=1)
    theirs = json.dumps({"train": {"folds": 2}, "y": {"z": 1}}, indent=1)
    found = text(merged(ours, theirs, base, "params.json"))
    assert found == json.dumps({"train": {"seed": 1, "folds": 2}, "y": {"z": 1}}, indent=1)


def test_a_key_in_brackets_or_of_odd_text_is_a_conflict_of_lines_at_worst() -> None:
    base = "train: {lr: 1, width: 2}\n"
    found = merged("train: {lr: 1, width: 2, a: 1}\n", "train: {lr: 1, b: 1}\n", base)
    assert found == (None, ())
    dates = "when: [2013-01-01, 2014-01-01]\nlr: 1\n"
    odd = merged(dates.replace("lr", "x"), dates.replace("[2013-01-01, ", "[\n  2013-01-02,\n  "), dates)
    assert odd.content is None or yaml.safe_load(odd.content)["x"] == 1


@given(files, files, files, st.sampled_from(["params.yaml", "params.json"]))
@settings(deadline=None, max_examples=60)
def test_whatever_keys_come_and_go_the_file_says_the_merged_values(
    base: Any, ours: Any, theirs: Any, path: str
) -> None:
    write = (lambda one: yaml.safe_dump(one).encode()) if path.endswith("yaml") else dumped
    contents = [write(one) for one in (base, ours, theirs)]
    found = merge_params(path, contents[:1], contents[1], contents[2], merge_file(*contents), merge_file)
    flat = [read(path, one) for one in contents]
    expected = merge_values(flat[:1], flat[1], flat[2])
    assert [one.name for one in found.conflicts] == list(expected.conflicts)
    assert found.content is not None and read(path, found.content) == expected.values


def test_dates_and_what_is_no_number() -> None:
    base = "start: 2013-01-01\nnan: .nan\nwhen: [2013-01-01]\n"
    found = merged(
        base.replace("start: 2013", "start: 2014"), base.replace("[2013", "[2015").replace(".nan", ".inf"), base
    )
    assert text(found) == "start: 2014-01-01\nnan: .inf\nwhen: [2015-01-01]\n"


LOCK = """\
schema: '2.0'
stages:
  prepare:
    cmd: cp raw.txt made.txt
    deps:
    - path: raw.txt
      hash: md5
      md5: 900150983cd24fb0d6963f7d28e17f72
      size: 3
  'train@1':
    cmd: echo
"""


def test_the_lines_of_a_lock_are_those_that_dvc_wrote() -> None:
    found = merge_lock.sections(LOCK.encode())
    assert found is not None and list(found) == ["prepare", "train@1"]
    assert merge_lock.assemble(found) == LOCK.encode()
    assert merge_lock.sections(None) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"stages: {}\n",
        b"schema: '2.0'\nstages: {a: {cmd: x}}\n",
        b"schema: '2.0'\nstages:\n",
        b"schema: '2.0'\nstages:\n  a:\n    cmd: x\r\n",
        b"schema: '2.0'\nstages:\n  a: [\n",
        b"schema: '2.0'\nstages:\n  a:\n    cmd: x",
    ],
)
def test_a_lock_that_dvc_did_not_write_so_is_not_cut_up(content: bytes) -> None:
    assert merge_lock.sections(content) is None


PIPELINE = """\
stages:
  prepare:
    cmd: cp code/prepare made.txt
    deps: [code/prepare]
    params: [rows]
    outs:
    - made.txt
  train:
    cmd: cat made.txt > metrics.json
    deps: [made.txt]
    params: [lr]
    metrics:
    - metrics.json:
        cache: false
"""


@pytest.fixture
def project(repo: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """A project with two stages that have been run; made once and copied, because DVC takes a second."""
    made = tmp_path_factory.getbasetemp() / "project-to-merge"
    if made.exists():
        shutil.rmtree(repo.path)
        shutil.copytree(made, repo.path, symlinks=True)
        return repo
    repo.with_dvc()
    repo.write("dvc.yaml", PIPELINE)
    repo.write("params.yaml", "rows: 10\nlr: 1\n")
    repo.write("code/prepare", '{"auc": 0.7}\n')
    repo.write("code/other", "1\n")
    reproduced(repo)
    repo.commit("infra: project")
    shutil.copytree(repo.path, made, symlinks=True)
    return repo


def reproduced(repo: Repo) -> None:
    done = repo.run("dvc", "repro", "-q")
    assert done.code == 0, done.err


def merge_of(repo: Repo, ours: str, theirs: str, **words: Any) -> Merged:
    return merge(repo.git("rev-parse", ours), repo.git("rev-parse", theirs), at=repo.path, **words)


def show(repo: Repo, found: Merged, path: str) -> str:
    return repo.run("git", "show", f"{found.tree}:{path}").out


def test_each_stage_has_the_run_of_the_side_whose_inputs_it_has(project: Repo) -> None:
    project.git("switch", "-q", "-c", "experiments/lr")
    project.write("params.yaml", "rows: 10\nlr: 3\n")
    reproduced(project)
    lr = project.commit("experiment: lr")
    project.git("switch", "-q", "main")
    project.write("code/prepare", '{"auc": 0.8}\n')
    reproduced(project)
    main = project.commit("infra: data")
    found = merge_of(project, "experiments/lr", "main")
    assert (found.conflicts, found.keys) == ((), ())
    assert found.stages == {"prepare": "theirs", "train": "ours"}
    assert show(project, found, "params.yaml") == "rows: 10\nlr: 3\n"
    assert show(project, found, "code/prepare") == '{"auc": 0.8}\n'
    assert show(project, found, "metrics.json") == '{"auc": 0.7}\n'  # stale, and made again by running
    ours, theirs = (
        merge_lock.sections(project.run("git", "show", f"{one}:dvc.lock").out.encode()) for one in (lr, main)
    )
    assert ours is not None and theirs is not None
    expected = merge_lock.assemble({"prepare": theirs["prepare"], "train": ours["train"]})
    assert show(project, found, "dvc.lock").encode() == expected


def test_results_that_nothing_made_stale_come_with_their_stage(project: Repo) -> None:
    project.git("switch", "-q", "-c", "experiments/code")
    project.write("code/other", "2\n")
    project.commit("experiment: code that no stage reads")
    project.git("switch", "-q", "main")
    project.write("params.yaml", "rows: 10\nlr: 9\n")
    project.write("code/prepare", '{"auc": 0.9}\n')
    reproduced(project)
    project.commit("infra: all new")
    found = merge_of(project, "experiments/code", "main")
    assert found.stages == {"prepare": "theirs", "train": "theirs"}
    assert project.git("diff", "--name-only", "main", found.tree) == "code/other"


def test_code_in_conflict_is_named_and_nothing_else(project: Repo) -> None:
    project.git("switch", "-q", "-c", "experiments/a")
    project.commit("experiment: a", **{"code/other": "2\n", "params.yaml": "rows: 10\nlr: 2\n", "metrics.json": "{}"})
    project.git("switch", "-q", "main")
    project.commit("infra: b", **{"code/other": "3\n", "params.yaml": "rows: 10\nlr: 4\n", "metrics.json": "[]"})
    found = merge_of(project, "experiments/a", "main")
    assert found.conflicts == ("code/other",)
    assert found.keys == (("params.yaml", "lr", 1, 2, 4),)


def test_each_report_is_its_own(project: Repo) -> None:
    project.commit(**{"reports/a/README.md": "a\n", "reports/b/README.md": "b\n", "reports/c/README.md": "c\n"})
    project.git("switch", "-q", "-c", "experiments/a")
    for slug in "abc":
        project.write(f"reports/{slug}/README.md", f"{slug} by a\n")
    project.commit("experiment: a")
    project.git("switch", "-q", "main")
    for slug in "abc":
        project.write(f"reports/{slug}/README.md", f"{slug} by main\n")
    project.commit()
    found = merge_of(project, "experiments/a", "main", reports={"a": "ours", "b": "theirs"}, other_reports="theirs")
    assert found.conflicts == ()
    assert [show(project, found, f"reports/{slug}/README.md") for slug in "abc"] == [
        "a by a\n",
        "b by main\n",
        "c by main\n",
    ]


def test_ignored_outs_of_both_sides_stay_ignored(project: Repo) -> None:
    project.git("switch", "-q", "-c", "experiments/a")
    project.commit("experiment: a", **{".gitignore": "/made.txt\n/a.bin\n"})
    project.git("switch", "-q", "main")
    project.commit("infra: b", **{".gitignore": "/made.txt\n/b.bin\n"})
    found = merge_of(project, "experiments/a", "main")
    assert found.conflicts == () and show(project, found, ".gitignore") == "/made.txt\n/a.bin\n/b.bin\n"


def test_a_lock_that_only_one_side_has(project: Repo) -> None:
    lock = (project.path / "dvc.lock").read_text()
    project.git("switch", "-q", "-c", "experiments/a")
    project.git("rm", "-q", "dvc.lock")
    project.commit("experiment: never run")
    project.git("switch", "-q", "main")
    project.commit("infra: b", **{"dvc.lock": lock.replace("schema: '2.0'", "schema: '2.0'").rstrip("\n") + "\n"})
    found = merge_of(project, "main", "experiments/a")
    assert found.conflicts == () and show(project, found, "dvc.lock") == lock


def test_a_lock_in_another_form_is_taken_whole(project: Repo) -> None:
    odd = "# mine\n" + (project.path / "dvc.lock").read_text()
    project.git("switch", "-q", "-c", "experiments/a")
    project.commit("experiment: a", **{"dvc.lock": odd})
    project.git("switch", "-q", "main")
    project.commit("infra: b", **{"params.yaml": "rows: 10\nlr: 2\n"})
    found = merge_of(project, "experiments/a", "main")
    assert found.conflicts == () and show(project, found, "dvc.lock") == odd


def test_no_common_past_and_a_shallow_one(project: Repo, tmp_path: Path) -> None:
    project.git("switch", "-q", "--orphan", "other")
    other = project.commit("infra: other")
    with pytest.raises(NotRelated):
        merge_of(project, "main", other)
    project.git("switch", "-q", "main")
    project.git("switch", "-q", "-c", "experiments/a")
    project.commit("experiment: a")
    project.git("switch", "-q", "main")
    project.commit()
    project.git("clone", "-q", "--depth=1", "--no-single-branch", f"file://{project.path}", str(tmp_path / "shallow"))
    shallow = Repo(tmp_path / "shallow")
    with pytest.raises(HistoryIsShallow) as told:
        merge_bases(
            shallow.git("rev-parse", "origin/main"), shallow.git("rev-parse", "origin/experiments/a"), shallow.path
        )
    assert told.value.exit_code == 3


def test_histories_that_were_merged_crosswise(project: Repo) -> None:
    def params(lr: int) -> str:
        return f"rows: 10\nlr: {lr}\n"

    project.git("branch", "experiments/a")
    main = project.commit("infra: m", **{"params.yaml": params(2)})
    project.git("switch", "-q", "experiments/a")
    project.commit("experiment: a", **{"code/other": "2\n"})
    mine = project.git("rev-parse", "HEAD")
    project.git("merge", "-q", "-m", "infra: main", main)
    project.git("switch", "-q", "main")
    project.git("merge", "-q", "-m", "infra: a", mine)
    assert (
        len(merge_bases(project.git("rev-parse", "main"), project.git("rev-parse", "experiments/a"), project.path)) == 2
    )
    project.commit("infra: m", **{"params.yaml": params(5)})
    found = merge_of(project, "experiments/a", "main")
    assert found.keys == () and show(project, found, "params.yaml") == params(5)


def test_a_project_in_a_subfolder_beside_another_one(project: Repo) -> None:
    for name in (
        ".dvc/config",
        ".dvc/.gitignore",
        "dvc.yaml",
        "dvc.lock",
        "params.yaml",
        "code/prepare",
        "metrics.json",
    ):
        project.write(f"sub/{name}", (project.path / name).read_bytes())
    project.commit("infra: two projects")
    project.git("switch", "-q", "-c", "experiments/a")
    content = "rows: 10\nlr: 3\n"
    project.commit("experiment: a", **{"sub/params.yaml": content, "sub/metrics.json": "{}\n", "metrics.json": "{}\n"})
    project.git("switch", "-q", "main")
    project.commit(
        "infra: b", **{"sub/params.yaml": "rows: 8\nlr: 1\n", "sub/metrics.json": "[]\n", "metrics.json": "[]\n"}
    )
    found = merge_of(project, "experiments/a", "main", root="sub")
    assert show(project, found, "sub/params.yaml") == "rows: 8\nlr: 3\n"
    # What the other project's stages write is not made again by running this one.
    assert found.conflicts == ("metrics.json",) and found.made == ("sub/metrics.json",)


def test_parameters_that_are_code_or_broken_are_merged_by_lines(project: Repo) -> None:
    project.commit(**{"vars.py": "A = 1\nX = 1\nY = 1\nB = 1\n", "dvc.yaml": "params: [vars.py]\n" + PIPELINE})
    project.git("switch", "-q", "-c", "experiments/a")
    project.commit("experiment: a", **{"vars.py": "A = 2\nX = 1\nY = 1\nB = 1\n", "params.yaml": "rows: [\nlr: 1\n"})
    project.git("switch", "-q", "main")
    project.commit("infra: b", **{"vars.py": "A = 1\nX = 1\nY = 1\nB = 2\n", "params.yaml": "rows: {\nlr: 1\n"})
    found = merge_of(project, "experiments/a", "main")
    assert found.conflicts == ("params.yaml",) and show(project, found, "vars.py") == "A = 2\nX = 1\nY = 1\nB = 2\n"
    project.git("switch", "-q", "experiments/a")
    content = {"vars.py": "A = 2\nX = 1\nY = 1\nB = 3\n", "params.yaml": "rows: 10\nlr: 1\n"}
    project.commit("experiment: a", **content)
    project.git("switch", "-q", "main")
    project.commit("infra: b", **{"params.yaml": "rows: 10\nlr: 1\n"})
    assert merge_of(project, "experiments/a", "main").keys == (("vars.py", "B", 1, 3, 2),)


def test_a_value_over_several_lines_and_keys_that_are_no_names() -> None:
    base = "text: |\n  one\n  two\n1: a\n'x.y': 1\nlist:\n- 1\n- 2\n"
    found = merged(base.replace("two", "three"), base.replace("1: a", "1: b").replace("- 2", "- 3"), base)
    assert yaml.safe_load(text(found)) == {"text": "one\nthree\n", 1: "b", "x.y": 1, "list": [1, 3]}


def test_what_cannot_be_written_is_left_to_git() -> None:
    base = "a = 1\nb = 1\nc = 1\n"
    found = merged("a = 2\nb = 1\nc = 1\nx = 1\n", "a = 1\nc = 1\ny = 2\nb = 2\n", base, "params.toml")
    assert found.content is None or read("params.toml", found.content) == {"a": 2, "b": 2, "c": 1, "x": 1, "y": 2}
    gone = merged("x = 1\n", "y = 1\nz = 1\n", "", "params.toml")
    assert gone.content == b"x = 1\ny = 1\nz = 1\n"
