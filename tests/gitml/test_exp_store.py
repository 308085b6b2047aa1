"""Reading all experiments: the same rows with the index, without it, and after anything that happened to either."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitml.experiments import index, store
from gitml.experiments.store import Entry
from tests.gitml.conftest import ROOT, Repo
from tests.gitml.experiment_history import DVC_YAML, PARAMS, History, lock, metrics, report, run, team


@pytest.fixture
def project(repo: Repo) -> Repo:
    team(repo.path)
    return repo


def rows(at: Path, has_index: bool = True) -> dict[str, Entry]:
    found = store.read(at, has_index=has_index).entries
    assert len({entry.name for entry in found}) == len(found)
    return {entry.name: entry for entry in found}


def index_file(repo: Repo) -> Path:
    return repo.path / ".git" / index.NAME


def reads(at: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Count the rows that are read from commits, not from the index."""
    from gitml.experiments.reader import Reader

    counted: list[int] = []
    whole = Reader._read_some
    with monkeypatch.context() as patch:
        patch.setattr(
            Reader,
            "_read_some",
            lambda self, wanted, commits: counted.append(len(wanted)) or whole(self, wanted, commits),
        )
        store.read(at)
    return sum(counted)


def test_a_second_reading_reads_nothing_again(project: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    cold = rows(project.path, has_index=False)
    assert not index_file(project).exists()
    assert rows(project.path) == cold
    assert reads(project.path, monkeypatch) == 0
    assert rows(project.path) == cold
    project.git("branch", "experiments/again", "experiments/wide-net~0")
    assert reads(project.path, monkeypatch) == 1  # the same commit, but another report
    assert rows(project.path) == rows(project.path, has_index=False)


def test_main_moves_and_the_rows_follow(project: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(project.path)["lower-lr"]
    assert (before.line.runs, before.line.changed) == (1, '{"train.lr": [0.001, 0.0003]}')
    history = History(project.path)
    history.commit("refs/heads/main", "infra: a merge\n", run(auc=0.9), parent="refs/heads/main^0")
    history.write()
    assert reads(project.path, monkeypatch) == 1
    assert rows(project.path)["lower-lr"] == before
    assert rows(project.path) == rows(project.path, has_index=False)


def test_a_merged_experiment_keeps_its_runs(project: Repo) -> None:
    before = rows(project.path)["lower-lr"].line
    project.git("merge", "-q", "--no-ff", "-m", "infra: accept lower-lr", "experiments/lower-lr")
    assert rows(project.path)["lower-lr"].line == before


def test_runs_are_commits_with_a_run_id_since_main(project: Repo) -> None:
    assert {name: entry.line.runs for name, entry in rows(project.path).items()} == {
        "main": 0, "lower-lr": 1, "wide-net": 1, "lr-sweep": 2, "old-weather": 1, "no-run": 0, "too-deep": 1,
        "model-v1": 1,
    }  # fmt: skip


def test_without_main_every_run_counts(project: Repo) -> None:
    project.git("checkout", "-q", "--detach")
    project.git("branch", "-q", "-m", "main", "trunk")
    found = rows(project.path)
    assert "main" not in found
    assert (found["lr-sweep"].line.runs, found["lr-sweep"].line.fork, found["lr-sweep"].line.changed) == (2, "", "{}")
    assert rows(project.path) == rows(project.path, has_index=False)


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["move", "delete", "commit", "tag", "main"]),
        st.integers(0, 7),
        st.integers(0, 7),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES)
def test_any_move_of_refs_gives_the_rows_of_a_cold_reading(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[str, int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("moves") / "repository"
    folder.mkdir()
    repo = Repo(folder)
    repo.git("init", "-q")
    repo.commit("infra: start")
    team(folder)
    repo.git("checkout", "-q", "--detach")
    commits = repo.git("for-each-ref", "--format=%(objectname)", "refs/heads").split()
    names = ["lower-lr", "wide-net", "lr-sweep", "new", "old-weather"]
    for what, first, second in moves:
        name, commit = names[first % len(names)], commits[second % len(commits)]
        if what == "move":
            repo.git("update-ref", f"refs/heads/experiments/{name}", commit)
        elif what == "delete":
            repo.run("git", "update-ref", "-d", f"refs/heads/experiments/{name}")
        elif what == "tag":
            repo.git("update-ref", f"refs/tags/exp/{name}", commit)
        elif what == "main":
            repo.git("update-ref", "refs/heads/main", commit)
        else:
            history = History(folder)
            files = {**run(lr=f"{second + 1}e-3"), f"reports/{name}/README.md": report(f"Try {second}")}
            history.commit(f"refs/heads/experiments/{name}", "experiment: x\n\nRun-Id: 1", files, parent=commit)
            history.write()
        assert rows(folder) == rows(folder, has_index=False)
    assert rows(folder) == rows(folder, has_index=False)


def test_any_damage_of_the_index_gives_the_rows_of_a_cold_reading(project: Repo) -> None:
    cold = rows(project.path, has_index=False)
    rows(project.path)
    whole = index_file(project).read_bytes()
    chance = random.Random(3)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(chance.choice([1, 1, 20])):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        if chance.random() < 0.2:
            damaged = damaged[: chance.randrange(len(damaged))]
        index_file(project).write_bytes(bytes(damaged))
        assert rows(project.path) == cold
    for content in (b"", b"no database", whole[:100]):
        index_file(project).write_bytes(content)
        assert rows(project.path) == cold
        assert rows(project.path) == cold
    assert sqlite3.connect(index_file(project)).execute("SELECT count(*) FROM records").fetchone()[0] >= len(cold)


def test_an_index_of_another_gitml_is_made_anew(project: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    cold = rows(project.path)
    with sqlite3.connect(index_file(project)) as connection:
        connection.execute("PRAGMA user_version = 7")
        connection.execute("UPDATE records SET body = 'of an older gitml'")
    connection.close()
    assert rows(project.path) == cold
    assert reads(project.path, monkeypatch) == 0


@pytest.mark.parametrize("lock_", ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"])
def test_a_locked_index_is_done_without(project: Repo, lock_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cold = rows(project.path)
    monkeypatch.setattr(index, "READ_PATIENCE", 0.05)
    monkeypatch.setattr(index, "WRITE_PATIENCE", 0.05)
    other = sqlite3.connect(index_file(project), isolation_level=None)
    other.execute(lock_)
    project.git("branch", "experiments/new", "main")
    assert rows(project.path) == cold | {"new": rows(project.path, has_index=False)["new"]}
    other.close()


def test_where_the_index_cannot_be_written_rows_are_read_all_the_same(project: Repo) -> None:
    cold = rows(project.path, has_index=False)
    project.write(".git/gitml", "a file where the folder should be")
    assert rows(project.path) == cold
    (project.path / ".git" / "gitml").unlink()
    index_file(project).mkdir(parents=True)
    assert rows(project.path) == cold


def test_rows_of_refs_that_are_gone_are_dropped_in_the_end(project: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "SPARE", 3)

    def kept() -> int:
        with sqlite3.connect(index_file(project)) as connection:
            return int(connection.execute("SELECT count(*) FROM records").fetchone()[0])

    sizes = []
    for number in range(12):
        history = History(project.path)
        history.commit("refs/heads/experiments/one", f"experiment: {number}", run(lr=f"{number}.5"), parent="main^0")
        history.write()
        rows(project.path)
        sizes.append(kept())
    live = len(rows(project.path))
    assert max(sizes) <= 2 * (live + 1) + 5
    assert rows(project.path) == rows(project.path, has_index=False)


def test_processes_that_read_and_write_at_once_see_the_same(project: Repo) -> None:
    cold = sorted(rows(project.path, has_index=False))
    code = "from gitml.experiments import store; print(sorted(e.name for e in store.read().entries))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = [
        subprocess.Popen([sys.executable, "-c", code], cwd=project.path, env=environment, stdout=subprocess.PIPE)
        for _ in range(6)
    ]
    assert [process.communicate()[0].decode().strip() for process in started] == [str(cold)] * 6
    assert sorted(rows(project.path)) == cold


def test_threads_may_read_at_once(project: Repo) -> None:
    cold = rows(project.path, has_index=False)
    found: list[dict[str, Entry]] = []
    threads = [threading.Thread(target=lambda: found.append(rows(project.path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [cold] * 4


def test_what_is_pushed_and_what_only_a_remote_has(project: Repo, tmp_path: Path) -> None:
    assert {entry.ref.is_pushed for entry in rows(project.path).values()} == {None}
    project.git("clone", "-q", "--bare", ".", str(tmp_path / "hub.git"))
    project.git("remote", "add", "hub", str(tmp_path / "hub.git"))
    project.git("fetch", "-q", "hub")
    other = tmp_path / "other"
    project.git("clone", "-q", str(tmp_path / "hub.git"), str(other))
    there = Repo(other)
    found = rows(other)
    assert {name: entry.ref.remote for name, entry in found.items() if entry.kind == "experiment"} == dict.fromkeys(
        ["lower-lr", "wide-net", "lr-sweep", "old-weather", "no-run"], "origin"
    )
    assert found["wide-net"].ref.full == "refs/remotes/origin/experiments/wide-net"
    assert found["wide-net"].record == rows(project.path)["wide-net"].record
    # ahead: one row, not pushed; behind: the remote's has a row of its own
    there.git("checkout", "-q", "experiments/wide-net")
    there.commit("experiment: more", note="x")
    there.git("push", "-q", "origin", "HEAD~1:refs/heads/experiments/wide-net")
    ahead = rows(other)
    assert (ahead["wide-net"].ref.is_pushed, ahead["wide-net"].ref.remote) == (False, "origin")
    assert sorted(ahead) == sorted(found)
    there.git("push", "-q", "origin", "HEAD:refs/heads/experiments/wide-net")
    there.git("reset", "-q", "--hard", "HEAD~1")
    behind = rows(other)
    assert sorted(set(behind) - set(found)) == ["origin/wide-net"]
    assert behind["origin/wide-net"].record.commit == there.git("rev-parse", "origin/experiments/wide-net")
    assert rows(other) == rows(other, has_index=False)


def test_a_remote_with_a_slash_in_its_name(project: Repo) -> None:
    project.git("update-ref", "refs/remotes/up/stream/experiments/far", "main")
    project.git("update-ref", "refs/remotes/up/stream/main", "main")
    found = rows(project.path)
    assert (found["far"].ref.remote, found["main"].ref.is_pushed) == ("up/stream", True)


def test_two_remotes_that_disagree_have_a_row_each(project: Repo) -> None:
    for remote, commit in (("a", "main"), ("b", "experiments/wide-net"), ("c", "main")):
        project.git("update-ref", f"refs/remotes/{remote}/experiments/far", commit)
    found = rows(project.path)
    assert {name: one.ref.full for name, one in found.items() if "far" in name} == {
        "far": "refs/remotes/a/experiments/far",
        "b/far": "refs/remotes/b/experiments/far",
    }


def test_a_shallow_clone_is_read_as_far_as_it_goes(project: Repo, tmp_path: Path) -> None:
    project.git("clone", "-q", "--depth=1", "--no-single-branch", f"file://{project.path}", str(tmp_path / "shallow"))
    found = rows(tmp_path / "shallow")
    whole = rows(project.path)
    assert found["lr-sweep"].record == whole["lr-sweep"].record
    assert (found["lr-sweep"].line.fork, found["lr-sweep"].line.runs) == ("", 1)
    assert found["main"].line.fork == whole["main"].line.fork


def test_a_single_branch_clone_names_what_it_does_not_fetch(project: Repo, tmp_path: Path) -> None:
    project.git("clone", "-q", "--single-branch", "--branch=main", ".", str(tmp_path / "single"))
    project.git("clone", "-q", ".", str(tmp_path / "full"))
    assert store.unfetched_remotes(tmp_path / "single") == ["origin"]
    assert store.unfetched_remotes(tmp_path / "full") == []
    assert store.unfetched_remotes(project.path) == []


def test_names_and_authors_in_other_letters(repo: Repo) -> None:
    history = History(repo.path)
    files: dict[str, str | bytes | None] = {
        "dvc.yaml": "metrics: ['caf\\xe9/m.json', ö.json]\n",
        os.fsdecode(b"caf\xe9/m.json"): metrics(auc=1),
        "ö.json": metrics(loss=2),
        os.fsdecode(b"\xff\xfe.dvc"): b"\xff",
    }
    history.commit("refs/heads/experiments/x", "experiment: größer\n\nRun-Id: ü", files, author="Zoë Ørsted")
    history.write()
    who = b"J\xf6rg <j@x> 7 +0000"
    raw = b"tree %s\nauthor " + who + b"\ncommitter " + who + b"\nencoding latin-1\n\nexperiment: \xfc\n"
    tree = repo.git("rev-parse", "experiments/x^{tree}").encode()
    made = repo.run("git", "hash-object", "-t", "commit", "-w", "--stdin", stdin=raw % tree)
    repo.git("update-ref", "refs/heads/experiments/latin", made.out.strip())
    found = {name: entry.run() for name, entry in rows(repo.path).items()}
    assert (found["x"].author, found["x"].subject, found["x"].metrics) == (
        "Zoë Ørsted",
        "experiment: größer",
        {"loss": 2},
    )
    assert found["x"].unreadable == {"caf\\xe9/m.json": "git does not have it"}
    assert (found["latin"].author, found["latin"].subject) == ("Jörg", "experiment: ü")


def test_a_pipeline_without_test_data_is_compared_by_its_lock(project: Repo) -> None:
    found = rows(project.path)
    data = {name: entry.record.test_data for name, entry in found.items()}
    assert data["wide-net"] == data["main"] != data["old-weather"]
    assert "" not in data.values()


@pytest.mark.parametrize(
    ("lock_", "is_known"),
    [
        (lock(), True),
        (lock().replace("path: data/test.csv", "path: >-\n        data/test.csv"), True),
        (lock().replace("      md5: " + "1" * 32 + "\n", ""), False),
        ("schema: '2.0'\n", False),
        ("no lock", False),
        (None, False),
    ],
)
def test_a_lock_that_says_less(repo: Repo, lock_: str | None, is_known: bool) -> None:
    history = History(repo.path)
    files = {**run(), "dvc.yaml": DVC_YAML, "evaluate.py": "1\n", "dvc.lock": lock_}
    history.commit("refs/heads/experiments/x", "experiment: x", {path: c for path, c in files.items() if c is not None})
    history.commit("refs/heads/experiments/plain", "experiment: x", {**files, "dvc.lock": lock()})
    history.write()
    found = rows(repo.path)
    assert found["x"].record.test_data == (found["plain"].record.test_data if is_known else "")


def test_what_the_pipeline_itself_says_about_its_test_data_counts(repo: Repo) -> None:
    history = History(repo.path)
    files = {**run(), "dvc.yaml": DVC_YAML, "results/evaluate.json": metrics(roc_auc=1, test_data="abc")}
    history.commit("refs/heads/experiments/x", "experiment: x", files)
    history.write()
    assert rows(repo.path)["x"].record.test_data == "abc"


def test_templates_are_resolved_for_each_commit(repo: Repo) -> None:
    history = History(repo.path)
    yaml = (
        "stages:\n  t:\n    cmd: echo ${lr}\n    metrics: ['${place}/m.json': {cache: false}]\n    params: [p.yaml: ]\n"
    )
    for name, place, lr in (("a", "one", 1), ("b", "two", 2), ("c", "one", 3)):
        files = {
            "dvc.yaml": yaml,
            "params.yaml": f"place: {place}\nlr: {lr}\n",
            "p.yaml": f"deep: {{er: {lr}}}\n",
            "one/m.json": metrics(auc=0.1),
            "two/m.json": metrics(auc=0.2),
        }
        history.commit(f"refs/heads/experiments/{name}", "experiment: x", files)
    history.write()
    found = {name: entry.run() for name, entry in rows(repo.path).items()}
    assert {name: (found[name].metrics, found[name].params) for name in "abc"} == {
        "a": ({"auc": 0.1}, {"place": "one", "lr": 1, "deep.er": 1}),
        "b": ({"auc": 0.2}, {"place": "two", "lr": 2, "deep.er": 2}),
        "c": ({"auc": 0.1}, {"place": "one", "lr": 3, "deep.er": 3}),
    }


def test_a_tree_that_nobody_made_by_hand_stops_nothing(repo: Repo) -> None:
    history = History(repo.path)
    deep = "/".join(["d"] * 1500)
    files = {"dvc.yaml": "metrics: [m.json]\n", "m.json": metrics(auc=1), f"{deep}/dvc.yaml": "stages: {}\n"}
    history.commit("refs/heads/experiments/deep", "experiment: x", files)
    for name, yaml in {
        "list": "- 1\n", "tab": "a:\tb: c\n\t", "none": "", "binary": b"\xff\x00", "self": "a: &a [*a]\n",
        "vars": "vars: 3\nmetrics: ['${x}']\n", "bomb": "a: &a [" + "x," * 50 + "]\nb: &b [" + "*a," * 50 + "]\n",
        "wdir": "stages:\n  t:\n    wdir: ../..\n    cmd: x\n    metrics: [m.json]\n",
    }.items():  # fmt: skip
        content = {"dvc.yaml": yaml, "m.json": b"\xff", "params.yaml": b"a: [\n", "dvc.lock": b"{"}
        history.commit(f"refs/heads/experiments/{name}", "experiment: x", content)
    history.write()
    found = {name: entry.run() for name, entry in rows(repo.path).items()}
    assert found["deep"].metrics == {"auc": 1}
    assert len(found) == 10
    assert {name for name, one in found.items() if one.unreadable} == set(found) - {"main", "deep"}
    assert rows(repo.path) == rows(repo.path, has_index=False)


def test_a_ref_that_is_no_commit_is_left_out(project: Repo) -> None:
    blob = project.git("hash-object", "-w", "dvc.yaml")
    project.git("update-ref", "refs/tags/exp/blob", blob)
    project.git("tag", "-a", "-m", "x", "exp/tagged-tag", "exp/too-deep")
    found = rows(project.path)
    assert "blob" not in found
    assert found["tagged-tag"].record == found["too-deep"].record
    shutil.rmtree(project.path / ".git" / "gitml")
    assert rows(project.path) == found


def test_params_that_are_no_json_are_written_as_texts(repo: Repo) -> None:
    history = History(repo.path)
    yaml = f"{PARAMS}when: 2020-01-02\nhuge: .inf\nno: .nan\nlist: [1, {{a: 2021-01-01}}]\n7: seven\nempty: {{}}\n"
    history.commit("refs/heads/experiments/x", "experiment: x", {**run(), "params.yaml": yaml, "dvc.yaml": DVC_YAML})
    history.write()
    params = rows(repo.path)["x"].run().params
    assert {key: params[key] for key in ("when", "huge", "no", "list", "7", "empty")} == {
        "when": "2020-01-02", "huge": "inf", "no": "nan", "list": [1, {"a": "2021-01-01"}], "7": "seven", "empty": {},
    }  # fmt: skip


def test_what_is_missing_hides_nothing_else_and_is_read_once_it_is_there(project: Repo) -> None:
    whole = rows(project.path)
    for name in (
        "experiments/wide-net:results/evaluate.json",
        "experiments/old-weather^{tree}",
        "experiments/lr-sweep~1",
        "experiments/old-weather",
    ):
        shutil.rmtree(project.path / ".git" / "gitml", ignore_errors=True)
        oid = project.git("rev-parse", name)
        file = project.path / ".git" / "objects" / oid[:2] / oid[2:]
        file.rename(project.path / "kept")
        slug = name.removeprefix("experiments/").partition(":")[0].partition("^")[0].partition("~")[0]
        for _ in range(2):
            found = rows(project.path)
            assert {key: one for key, one in found.items() if key != slug} == {
                key: one for key, one in whole.items() if key != slug
            }
            assert found.get(slug) != whole[slug]
        assert store.read(project.path).unread == (("old-weather",) if name == "experiments/old-weather" else ())
        (project.path / "kept").rename(file)
        assert rows(project.path) == whole


def test_a_run_whose_evaluation_failed_is_not_ranked_by_its_training(repo: Repo) -> None:
    history = History(repo.path)
    main = history.commit("refs/heads/main", "infra: x", {**run(), "dvc.yaml": DVC_YAML})
    files = {"results/evaluate.json": None, "results/train.json": metrics(loss=0.1, roc_auc=0.99)}
    history.commit("refs/heads/experiments/failed", "experiment: x", files, parent=main)
    for number in range(3):
        files = {"results/evaluate.json": "{", "params.yaml": PARAMS.replace("7", str(number))}
        history.commit(f"refs/heads/experiments/torn-{number}", "experiment: x", files, parent=main)
    history.write()
    found = rows(repo.path)
    assert found["failed"].run().metrics == {"results/train.json:loss": 0.1, "results/train.json:roc_auc": 0.99}
    assert {name: entry.figure("roc_auc") for name, entry in found.items()} == {
        "main": 0.71, "failed": None, "torn-0": None, "torn-1": None, "torn-2": None,
    }  # fmt: skip
