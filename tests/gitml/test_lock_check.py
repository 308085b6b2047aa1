"""dvc.lock against the commit: projects that the real DVC ran give no alarm; one change gives exactly its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitml.pipeline.findings import Finding
from gitml.pipeline.verify import judge

from . import lock_projects
from .lock_projects import PROJECTS, git, tampered

Changes = dict[str, bytes | tuple[str, bytes] | None]


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, list[object]]]]:
    top = tmp_path_factory.mktemp("projects")
    return top, lock_projects.make_all(top)


@pytest.fixture
def top(projects: tuple[Path, object]) -> Path:
    return projects[0]


def _alarms(tree: str, folder: Path) -> list[str]:
    return [_line(finding) for finding in judge(tree, folder).findings if finding.kind != "unverifiable"]


def _unclear(tree: str, folder: Path) -> list[str]:
    return [f"{found.stage} {found.name}: {found.why}" for found in judge(tree, folder).of("unverifiable")]


def _line(finding: Finding) -> str:
    return " ".join(filter(None, (finding.kind, finding.stage, finding.what, finding.name, finding.change)))


def _of(folder: Path, path: str) -> bytes:
    return (folder / path).read_bytes()


def test_the_projects_are_as_dvc_wants_them(projects: tuple[Path, dict[str, dict[str, list[object]]]]) -> None:
    """Else no alarm of ours would prove anything. A tuple in a mapping is DVC's own false alarm."""
    assert {name: found for name, found in projects[1].items() if found} == {
        "odd": {"always": ["always changed"], "callback": ["always changed"]},
        "params": {"s": [{"changed deps": {"p.py": {"D": "modified"}}}]},
    }


@pytest.mark.parametrize("name", PROJECTS)
def test_an_honest_project_gives_no_alarm(top: Path, name: str) -> None:
    assert _alarms("HEAD", top / name) == []


@pytest.mark.parametrize("name", PROJECTS)
def test_what_cannot_be_judged_is_named(top: Path, name: str) -> None:
    expected = {
        "folders": ["part bulk/1: it is in what bulk makes"],
        "tracked": ["s images/1.png: it is in what images.dvc makes"],
        "generated": ["use gen.yaml: a stage writes it, and git has it not"],
        "linked": [
            "s link: it is, or is behind, a symbolic link or submodule",
            "s linked/a: it is, or is behind, a symbolic link or submodule",
            "s dir: dir/l is a symbolic link",
        ],
        "filtered": [
            "s a.up: a.up is changed by a git filter",
            "s dir: dir/b.up is changed by a git filter",
        ],
        "outside": [
            " dvc.yaml: local.yaml is not in the commit",
            f"abs/dvc.yaml:s {top}/abs.txt: it is outside of the project",
        ],
    }
    assert _unclear("HEAD", top / name) == expected.get(name, [])


def test_line_ends_that_git_changes_are_no_alarm(top: Path) -> None:
    """With core.autocrlf git keeps LF where DVC hashed CRLF."""
    assert git(top / "filtered", "cat-file", "-p", "HEAD:win.txt") == "one\ntwo"
    assert b"\r\n" in _of(top / "filtered", "win.txt")


METRIC = b'{"auc": 0.99}\n'
DROPPED = ["forged train out out/metrics.json modified", "stale report dep out/metrics.json modified"]

TAMPERINGS: dict[str, tuple[str, Changes, list[str]]] = {
    "a metric": ("classic", {"out/metrics.json": METRIC}, DROPPED),
    "a metric, by a space": ("classic", {"out/metrics.json": b'{"auc": 0.71} \n'}, DROPPED),
    "a metric, emptied": ("classic", {"out/metrics.json": b""}, DROPPED),
    "a report": ("classic", {"out/report.md": b"good\n"}, ["forged report out out/report.md modified"]),
    "a plot": (
        "classic",
        {"out/plots/roc.csv": b"9,9\n"},
        ["forged train out out/plots modified", "stale report dep out/plots modified"],
    ),
    "one plot more": (
        "classic",
        {"out/plots/new.csv": b"9,9\n"},
        ["forged train out out/plots modified", "stale report dep out/plots modified"],
    ),
    "one plot less": (
        "classic",
        {"out/plots/roc.csv": None},
        ["stale train out out/plots modified", "stale report dep out/plots modified"],
    ),
    "a metric, gone": (
        "classic",
        {"out/metrics.json": None},
        ["stale train out out/metrics.json deleted", "stale report dep out/metrics.json deleted"],
    ),
    "a metric that is a folder": (
        "classic",
        {"out/metrics.json": None, "out/metrics.json/x": b"1"},
        DROPPED,
    ),
    "code": ("classic", {"src/train.sh": b"true\n"}, ["stale train dep src/train.sh modified"]),
    "code, gone": ("classic", {"src/train.sh": None}, ["stale train dep src/train.sh deleted"]),
    "a folder's file": ("classic", {"raw/deep/b.bin": b"x"}, ["stale prepare dep raw modified"]),
    "a file that nobody reads": ("classic", {"notes.md": b"else\n"}, []),
    "a cached out that is in git too": (
        "classic",
        {"data/rows.txt": b"4\n"},
        ["forged prepare out data/rows.txt modified", "stale train dep data/rows.txt modified"],
    ),
    "a cached out that is in git too, as it was": ("classic", {"data/rows.txt": b"3\n"}, []),
    "a .gitkeep in a cached folder": ("classic", {"data/ready/.gitkeep": b""}, []),
    "a value deep in a file": (
        "params",
        {"whole.yaml": b"z: 1\ny: {x: [1, 3]}\n"},
        ["stale s param whole.yaml:y modified"],
    ),
    "a value of another type": (
        "params",
        {"p.json": b'{"x": {"y": [1.0, 2e-3, null, true]}, "s": 1}'},
        ["stale s param p.json:s modified"],
    ),
    "a value that is gone": (
        "params",
        {"p.toml": b"[tool]\nlr = 1e-3\n[tool.deep]\nx = 31\n"},
        ["stale s param p.toml:tool.names deleted"],
    ),
    "a key more in a whole file": (
        "params",
        {"whole.yaml": b"z: 1\ny: {x: [1, 2]}\nw: 0\n"},
        ["stale s param whole.yaml:w new"],
    ),
    "Python": (
        "params",
        {"p.py": b"LR = 1e-3\nSHAPE = (1, 3)\n"},
        [
            "stale s param p.py:SHAPE modified",
            "stale s param p.py:D deleted",
            "stale s param p.py:Net deleted",
            "stale s param p.py:Net.width deleted",
        ],
    ),
    "a parameter file, gone": ("params", {"p.json": None}, ["stale s param p.json deleted"]),
    "a parameter file that is broken": ("params", {"p.json": b"{"}, []),
    "YAML 1.2 as it was": (
        "classic",
        {"params.yaml": b"seed: 7\ntrain: {at: '1:30', lr: 0.001, depth: 10, shuffle: 'yes', betas: [0.9, 0.999]}\n"},
        [],
    ),
    "a frozen stage's dep": ("odd", {"x": b"3\n"}, []),
    "a frozen stage's out": ("odd", {"f": b"3\n"}, ["forged frozen out f modified"]),
    "the out of a stage that is always run": ("odd", {"al": b"3\n"}, ["forged always out al modified"]),
    "a template's value": (
        "templated",
        {"params.yaml": str(PROJECTS["templated"]["params.yaml"]).replace("model: net", "model: tree").encode()},
        [
            "stale plain cmd plain modified",
            "stale chosen cmd chosen modified",
            "stale chosen param params.yaml:train.tree new",
        ],
    ),
    "a list of a foreach": (
        "templated",
        {"params.yaml": str(PROJECTS["templated"]["params.yaml"]).replace("y: {n: 2}", "z: {n: 2}").encode()},
        ["stale named@z stage named@z new"],
    ),
    "a file that DVC ignores": ("folders", {"src/x.tmp": b"u\n", "src/__pycache__/a.pyc": b"2"}, []),
    "a file that DVC unignores": (
        "folders",
        {"src/keep.tmp": b"u\n"},
        ["stale use dep src modified"],
    ),
    "a file beside one that DVC keeps": ("folders", {"mixed/in_git.txt": b"h\n"}, ["stale mix dep mixed modified"]),
    "a stage in a subfolder": (
        "subfolder",
        {"common.sh": b"false\n", "a/params.yaml": b"inner: 3\n"},
        ["stale a/dvc.yaml:s dep common.sh modified", "stale a/dvc.yaml:s param a/params.yaml:inner modified"],
    ),
    "an inner project": (
        "inner",
        {"lib/inner/b": b"c\n"},
        ["stale lib/inner/dvc.yaml:s dep lib/inner/b modified"],
    ),
    "tracked data": (
        "tracked",
        {"data.csv.dvc": b"outs:\n- md5: 5d41402abc4b2a76b9719d911017c592\n  hash: md5\n  path: data.csv\n"},
        ["stale s dep data.csv modified"],
    ),
    "line ends of an old lock": (
        "old",
        {"crlf.txt": b"one\ntwo\n", "dir/crlf.txt": b"one\ntwo\n", "m.csv": b"1\n"},
        [],
    ),
    "text under an old lock": (
        "old",
        {"crlf.txt": b"one\r\nthree\r\n", "dir/bin": b"\x00\n"},
        ["stale s dep crlf.txt modified", "stale s dep dir modified"],
    ),
    "no lock": ("orphans", {"dvc.lock": None}, ["stale w@a stage w@a new"]),
    "a lock with conflict markers": (
        "orphans",
        {"dvc.lock": b"<<<<<<< HEAD\nschema: '2.0'\n=======\n>>>>>>> x\n"},
        ["stale file dvc.lock unreadable"],
    ),
    "a lock with a key twice": (
        "orphans",
        {"dvc.lock": b"schema: '2.0'\nstages: {}\nstages: {}\n"},
        ["stale file dvc.lock unreadable"],
    ),
    "a lock of DVC 1": ("orphans", {"dvc.lock": b"w@a:\n  cmd: echo a\n"}, []),
    "a definition that is broken": ("orphans", {"dvc.yaml": b"stages: ["}, ["stale file dvc.yaml unreadable"]),
    "a metrics file of no stage": (
        "subfolder",
        {"b/c/dvc.yaml": b"metrics: [own.json, ../copy.json, none.json]\n", "b/c/own.json": b"{}"},
        ["uncovered metric b/c/own.json new"],
    ),
    "a metrics folder of no stage": (
        "folders",
        {"eval/dvc.yaml": b"metrics: [m, ../res]\n", "eval/m/1.json": b"{}"},
        ["uncovered metric eval/m/1.json new"],
    ),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_one_change_gives_its_own_alarm(top: Path, what: str) -> None:
    name, changes, expected = TAMPERINGS[what]
    assert _alarms(tampered(top / name, changes), top / name) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("echo done", "echo gone", ["stale train cmd train modified"]),
        ("[out/metrics.json, out/plots]", "[out/metrics.json, out/plots, notes.md]", ["stale report dep notes.md new"]),
        ("params: [train, seed", "params: [train, seed, train.lr", ["stale train param params.yaml:train.lr new"]),
        ("  report:", "  summary:", ["stale summary stage summary new"]),
        ("outs: [model.bin]", "outs: [model.bin, extra]", ["stale train out extra new"]),
        ("outs: [model.bin]", "outs: [model.bin]\n    frozen: true", []),
        ("outs: [model.bin]", "desc: something\n    outs: [model.bin: {persist: true}]", []),
        ("[data/ready, data/rows.txt", "[data/rows.txt", []),
    ],
)
def test_one_change_of_the_definition_gives_its_own_alarm(top: Path, old: str, new: str, expected: list[str]) -> None:
    text = _of(top / "classic", "dvc.yaml").decode()
    assert old in text
    tree = tampered(top / "classic", {"dvc.yaml": text.replace(old, new).encode()})
    assert _alarms(tree, top / "classic") == expected


def test_running_one_stage_only_leaves_the_next_one_stale(top: Path) -> None:
    """DVC sees this only with the data at hand."""
    lock = _of(top / "classic", "dvc.lock").decode()
    before, after = lock.split("\n  train:\n")
    rows = before.partition("path: data/rows.txt\n")[2].splitlines()[1].strip()
    again = before.replace(rows, "md5: 5d41402abc4b2a76b9719d911017c592") + "\n  train:\n" + after
    found = judge(tampered(top / "classic", {"dvc.lock": again.encode()}), top / "classic").findings
    assert [(_line(one), one.why) for one in found] == [
        ("stale train dep data/rows.txt modified", "prepare made another one")
    ]


def test_an_edit_of_lock_and_metric_together_passes(top: Path) -> None:
    """No hash proves a metric; only running the stage again does."""
    lock = _of(top / "orphans", "dvc.lock")
    assert _alarms(tampered(top / "orphans", {"dvc.lock": lock + b"  old@x:\n    cmd: x\n"}), top / "orphans") == []


def test_a_missing_plot_says_what_to_do(top: Path) -> None:
    tree = tampered(top / "classic", {"out/plots/roc.csv": None})
    assert judge(tree, top / "classic").findings[0].why == (
        "dvc.lock counts 2 files, the commit has 1; what git ignores there belongs into .dvcignore"
    )


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"out/metrics.json": POINTER, "src/train.sh": POINTER}, 3),
        ({"params.yaml": POINTER}, 1),
        ({".gitattributes": b"*.sh filter=nbstripout\n", "src/train.sh": b"x"}, 1),
        ({".gitattributes": b"[attr]big filter=crypt -text\n*.sh big\n", "src/train.sh": b"x"}, 1),
        ({"src/.gitattributes": b"train.sh ident\n", "src/train.sh": b"x"}, 1),
        ({"src/train.sh": ("120000", b"other.sh")}, 1),
        ({"src/train.sh": None, "src/prepare.sh": None, "src": ("120000", b"elsewhere")}, 2),
        ({"raw/deep/x": ("120000", b"../a.csv")}, 1),
        ({"raw/sub": ("160000", b"1" * 40)}, 1),
        ({"out/metrics.json": ("160000", b"1" * 40)}, 2),
    ],
)
def test_what_git_keeps_otherwise_is_never_an_alarm(top: Path, changes: Changes, expected: int) -> None:
    tree = tampered(top / "classic", changes)
    assert _alarms(tree, top / "classic") == []
    assert len(_unclear(tree, top / "classic")) == expected


def test_an_attribute_that_is_turned_off_again_counts_for_nothing(top: Path) -> None:
    changes: Changes = {
        ".gitattributes": b"*.sh filter=crypt\n",
        "src/.gitattributes": b"*.sh -filter\n",
        "src/train.sh": b"x",
    }
    assert _alarms(tampered(top / "classic", changes), top / "classic") == ["stale train dep src/train.sh modified"]


def test_dvc_status_finds_the_same_stages(top: Path, tmp_path: Path) -> None:
    """One worktree a project, several changes each, and DVC asked once."""
    changes = {
        "classic": {"out/report.md": b"good\n", "params.yaml": b"seed: 8\ntrain: {betas: [0.9]}\n"},
        "params": {"p.yaml": b"a: {b: {c: [1, {d: 3}]}}\n", "p.py": b"LR = 1\n"},
        "folders": {"src/keep.tmp": b"z", "res/1": b"2\n"},
        "templated": {"more.yaml": b"one: {v: 2}\ntwo: {v: 3}\n", "chosen.txt": b"x\n"},
        "subfolder": {"a/m.json": b"2\n"},
        "old": {"m.csv": b"2\n", "dir/bin": b"\x00"},
    }
    ours = {}
    for name, files in changes.items():
        git(tmp_path, "clone", "--quiet", str(top / name), name)
        (tmp_path / name / ".dvc" / "config.local").write_text(f"[cache]\n    dir = {top / name / '.dvc' / 'cache'}\n")
        for path, content in files.items():
            (tmp_path / name / path).write_bytes(content)
        lock_projects.commit(tmp_path / name)
        ours[name] = {
            found.stage for found in judge("HEAD", tmp_path / name).findings if found.kind in ("forged", "stale")
        }
    lock_projects.dvc(tmp_path, {name: [["checkout", "--force", "--allow-missing"]] for name in changes})
    theirs = lock_projects.status(tmp_path, list(changes))
    assert {name: set(found) for name, found in theirs.items()} == ours
