"""gitml exp list, show, diff and log: what a person reads."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.cli.exp_commands import SUBCOMMANDS
from tests.gitml.conftest import Done, Repo
from tests.gitml.experiment_history import START, History, lock, metrics, report, run, team

Command = Callable[..., Done]


@pytest.fixture
def project(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    team(repo.path)
    monkeypatch.setattr(time, "time", lambda: START + 10 * 3600.0)
    return repo


def lines(done: Done) -> list[str]:
    assert done.err == ""
    assert done.code == 0
    assert max(map(len, done.out.splitlines()), default=0) <= 80
    return done.out.splitlines()


def test_the_list_is_best_first_and_holds_each_against_main(project: Repo, gitml: Command) -> None:
    assert lines(gitml("exp", "list", at=project.path)) == [
        "  EXPERIMENT    ROC_AUC  VS MAIN     CHANGED                     BY   AGE",
        "  wide-net       0.7187  +0.0087     width 128→512               bo    7h",
        "  lr-sweep (2)   0.7162  +0.0062     lr 1e-3→1e-4, width 128→64  ada   5h",
        "  lower-lr       0.7151  +0.0051     lr 1e-3→3e-4                ada   8h",
        "* main           0.7100",
        "  no-run         0.7100  no run yet                              ada   3h",
        "  old-weather    0.7401  other data                              cy    4h",
    ]


def test_show_without_a_name_is_the_list(project: Repo, gitml: Command) -> None:
    assert gitml("exp", "show", at=project.path) == gitml("exp", "list", at=project.path)
    assert gitml("exp", "show", "--json", at=project.path) == gitml("exp", "list", "--json", at=project.path)


def test_all_has_models_and_what_is_finished(project: Repo, gitml: Command) -> None:
    rows = lines(gitml("exp", "list", "--all", at=project.path))[1:]
    assert [row[2:].split()[0] for row in rows] == [
        "wide-net", "lr-sweep", "lower-lr", "model-v1", "main", "no-run", "too-deep", "old-weather",
    ]  # fmt: skip


def test_a_star_marks_what_is_checked_out(project: Repo, gitml: Command) -> None:
    project.git("checkout", "-q", "experiments/lower-lr")
    assert [row for row in lines(gitml("exp", "list", at=project.path)) if row.startswith("*")] == [
        "* lower-lr       0.7151  +0.0051     lr 1e-3→3e-4                ada   8h"
    ]


def test_gitml_toml_says_by_what_and_in_which_direction(project: Repo, gitml: Command) -> None:
    project.write("gitml.toml", '[metric]\nname = "roc_auc"\ndirection = "lower"\n')
    rows = lines(gitml("exp", "list", at=project.path))[1:]
    assert [row[2:].split()[0] for row in rows] == [
        "main", "no-run", "lower-lr", "lr-sweep", "wide-net", "old-weather",
    ]  # fmt: skip


def test_a_loss_is_better_low_without_being_told(project: Repo, gitml: Command) -> None:
    history = History(project.path)
    history.commit(
        "refs/heads/experiments/best", "experiment: x\n\nRun-Id: 1", run(loss=0.4), parent="refs/heads/main^0"
    )
    history.write()
    rows = lines(gitml("exp", "list", "--sort-by", "log_loss", at=project.path))
    assert rows[:2] == [
        "  EXPERIMENT    LOG_LOSS  VS MAIN     CHANGED                     BY   AGE",
        "  best            0.4000  -0.1000                                 ada   9h",
    ]


def test_sorting_by_a_parameter_or_a_field(project: Repo, gitml: Command) -> None:
    rows = lines(gitml("exp", "list", "--sort-by", "width", at=project.path))
    assert rows[:2] == [
        "  EXPERIMENT    WIDTH  CHANGED                     BY   AGE",
        "  lr-sweep (2)  64     lr 1e-3→1e-4, width 128→64  ada   5h",
    ]
    by_time = lines(gitml("exp", "list", "--sort-by", "time", at=project.path))
    assert [row[2:].split()[0] for row in by_time[1:]] == [
        "no-run", "old-weather", "lr-sweep", "wide-net", "lower-lr", "main",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("roc_auc > .7 and train.model == mlp", ["lower-lr", "lr-sweep", "main", "no-run", "old-weather", "wide-net"]),
        ("width >= 512 or lr < 2e-4", ["lr-sweep", "main", "wide-net"]),
        ("not (author == Ada)", ["main", "old-weather", "wide-net"]),
        ("name == lower-lr", ["lower-lr", "main"]),
        ("runs == 2 and 'roc_auc' != 0.5", ["lr-sweep", "main"]),
        ("model == tree", ["main"]),
        ("verdict == pending", ["lower-lr", "main"]),
    ],
)
def test_where(project: Repo, gitml: Command, expression: str, names: list[str]) -> None:
    done = gitml("exp", "list", "--where", expression, "--json", at=project.path)
    assert done.code == 0
    assert sorted(row["name"] for row in json.loads(done.out)["experiments"]) == names


def test_where_nothing_fits_it_is_said(project: Repo, gitml: Command) -> None:
    done = gitml("exp", "list", "--where", "model == tree", at=project.path)
    assert (done.code, done.err) == (0, "no experiment fits\n")
    assert done.out.splitlines()[1:] == ["* main         0.7100"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["--where", "roc_auk > 1"],
            "gitml: no run has a parameter or metric 'roc_auk'\n  Did you mean roc_auc?\n",
        ),
        (
            ["--sort-by", "lr2"],
            "gitml: no run has a parameter or metric 'lr2'\n  Did you mean train.lr?\n",
        ),
        (
            ["--where", "lr = 3"],
            "gitml: --where cannot be understood at letter 4: write == for equal\n  It says 'lr = 3'.\n"
            'Mend:\n  gitml exp list --where "roc_auc > 0.7 and train.model == mlp"\n',
        ),
    ],
)
def test_a_wrong_name_or_expression_is_told(project: Repo, gitml: Command, words: list[str], says: str) -> None:
    done = gitml("exp", "list", *words, at=project.path)
    assert (done.code, done.out, done.err) == (2, "", says)


def test_markdown_and_csv(project: Repo, gitml: Command) -> None:
    assert lines(gitml("exp", "list", "--where", "author == 'Bo Li'", "--md", at=project.path)) == [
        "| EXPERIMENT | ROC_AUC | VS MAIN | CHANGED | AGE |",
        "| --- | ---: | --- | --- | ---: |",
        "| wide-net | 0.7187 | +0.0087 | width 128→512 | 7h |",
        "| main | 0.7100 |  |  |  |",
    ]
    wide, main = (project.git("rev-parse", name) for name in ("experiments/wide-net", "main"))
    data = json.loads(gitml("exp", "list", "--json", at=project.path).out)["test_data"]
    done = gitml("exp", "list", "--where", "author == 'Bo Li'", "--csv", at=project.path)
    assert done.out.splitlines() == [
        "name,rank,commit,author,time,runs,test_data,roc_auc,train.width",
        f"wide-net,1,{wide},Bo Li,{START + 3 * 3600},1,{data},0.7187,512",
        f"main,2,{main},Ada,{START + 3600},0,{data},0.71,128",
    ]


def test_json_has_all_that_is_known(project: Repo, gitml: Command) -> None:
    found = json.loads(gitml("exp", "list", "--json", at=project.path).out)
    assert {key: found[key] for key in ("sorted_by", "direction")} == {"sorted_by": "roc_auc", "direction": "higher"}
    row = next(one for one in found["experiments"] if one["name"] == "lower-lr")
    assert row == {
        "rank": 3,
        "group": "ranked",
        "value": 0.7151,
        "vs_main": pytest.approx(0.0051),
        "word": "",
        "name": "lower-lr",
        "kind": "experiment",
        "ref": "refs/heads/experiments/lower-lr",
        "remote": "",
        "is_checked_out": False,
        "is_pushed": None,
        "commit": project.git("rev-parse", "experiments/lower-lr"),
        "fork": project.git("rev-parse", "main"),
        "runs": 1,
        "changed": {"train.lr": [0.001, 0.0003]},
        "author": "Ada",
        "email": "ada@example.com",
        "time": START + 2 * 3600,
        "subject": "experiment: train.lr 1e-3 -> 3e-4",
        "hypothesis": "1e-3 overshoots.",
        "trailers": {"Run-Id": "01A", "Params": "train.lr 1e-3 -> 3e-4", "Metrics": "roc_auc 0.7133"},
        "report": {
            "path": "reports/lower-lr/README.md",
            "title": "Lower lr",
            "status": "finished",
            "verdict": "pending",
        },
        "test_data": found["test_data"],
        "unreadable": {},
        "params": {"seed": 7, "train.model": "mlp", "train.lr": 0.0003, "train.width": 128},
        "metrics": {"roc_auc": 0.7151, "log_loss": 0.5, "loss": 0.4, "results/train.json:roc_auc": 0.8},
    }


def test_show(project: Repo, gitml: Command) -> None:
    commit = project.git("rev-parse", "experiments/lower-lr")
    data = json.loads(gitml("exp", "list", "--json", at=project.path).out)["test_data"]
    assert lines(gitml("exp", "show", "lower-lr", at=project.path)) == [
        f"lower-lr  {commit[:7]}  Ada  8h",
        "  subject    experiment: train.lr 1e-3 -> 3e-4",
        "  hypothesis 1e-3 overshoots.",
        "  runs       1",
        "  verdict    pending",
        "  report     reports/lower-lr/README.md",
        f"  test data  {data}",
        "",
        "  PARAM     PARENT  NOW",
        "  train.lr  1e-3    3e-4",
        "",
        "  METRIC   PARENT     NOW  VS PARENT",
        "  roc_auc  0.7100  0.7151    +0.0051",
    ]


def test_show_holds_against_main_too_where_main_has_moved(project: Repo, gitml: Command) -> None:
    history = History(project.path)
    history.commit("refs/heads/main", "infra: next\n", run(width=256, auc=0.72), parent="refs/heads/main^0")
    history.write()
    out = lines(gitml("exp", "show", "lower-lr", at=project.path))
    assert out[-5:] == [
        "  PARAM     PARENT  NOW",
        "  train.lr  1e-3    3e-4",
        "",
        "  METRIC   PARENT    MAIN     NOW  VS PARENT  VS MAIN",
        "  roc_auc  0.7100  0.7200  0.7151    +0.0051  -0.0049",
    ]
    listed = lines(gitml("exp", "list", at=project.path))
    assert "  lower-lr       0.7151  -0.0049     lr 1e-3→3e-4                ada   8h" in listed
    found = json.loads(gitml("exp", "show", "lower-lr", "--json", at=project.path).out)
    assert found["against_main"]["params"] == {"train.lr": [0.001, 0.0003], "train.width": [256, 128]}
    assert found["against_parent"]["params"] == {"train.lr": [0.001, 0.0003]}
    assert found["against_main"]["commit"] == project.git("rev-parse", "main")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("lower-lr", "experiments/lower-lr"),
        ("experiments/lower-lr", "experiments/lower-lr"),
        ("refs/heads/experiments/lower-lr", "experiments/lower-lr"),
        ("lower", "experiments/lower-lr"),
        ("net", "experiments/wide-net"),
        ("-lr", None),
        ("v1", "models/model-v1"),
        ("model-v1", "models/model-v1"),
        ("model@v1.0.0", "models/model-v1"),
        ("models/model-v1", "models/model-v1"),
        ("too-deep", "exp/too-deep^{}"),
        ("exp/too-deep", "exp/too-deep^{}"),
        ("main", "main"),
        ("HEAD", "main"),
        ("main~1", "main~1"),
        ("experiments/lr-sweep~1", "experiments/lr-sweep~1"),
    ],
)
def test_names(project: Repo, gitml: Command, name: str, meant: str | None) -> None:
    done = gitml("exp", "show", "--json", name, at=project.path)
    if meant is None:
        assert (done.code, done.out) == (2, "")
    else:
        assert json.loads(done.out)["commit"] == project.git("rev-parse", meant)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "lr",
            "gitml: 'lr' may mean 2 experiments\n  There are lower-lr, lr-sweep.\nMend:\n  gitml exp show lower-lr\n",
        ),
        (
            "lowr-lr",
            "gitml: there is no experiment 'lowr-lr'\n  Did you mean lower-lr?\nMend:\n  gitml exp show lower-lr\n",
        ),
        (
            "zzz",
            "gitml: there is no experiment 'zzz'\n  It is no experiment, no model, and no revision that git knows.\n"
            "Mend:\n  gitml exp list --all\n",
        ),
    ],
)
def test_a_name_that_means_nothing_or_too_much(project: Repo, gitml: Command, name: str, says: str) -> None:
    if name == "lr":
        project.git("branch", "-m", "experiments/lr-sweep", "experiments/a-lr")
        says = says.replace("lower-lr, lr-sweep", "a-lr, lower-lr").replace("show lower-lr", "show a-lr")
    assert gitml("exp", "show", name, at=project.path) == Done(2, "", says)


def test_log_is_newest_first(project: Repo, gitml: Command) -> None:
    new, old = project.git("log", "-2", "--format=%h", "--abbrev=7", "experiments/lr-sweep").split()
    assert lines(gitml("exp", "log", "lr-sweep", at=project.path)) == [
        "  COMMIT   ROC_AUC  VS BEFORE  AGE  SUBJECT",
        f"  {new}   0.7162    +0.0262   5h  lr 1e-4",
        f"  {old}   0.6900              6h  lr 1e-2",
    ]
    found = json.loads(gitml("exp", "log", "lr-sweep", "--json", at=project.path).out)
    assert [(one["params"]["train.lr"], one["trailers"]["Run-Id"], one["runs"]) for one in found] == [
        (1e-4, "01D", 2),
        (1e-2, "01C", 1),
    ]


def test_log_says_where_there_are_no_runs(project: Repo, gitml: Command) -> None:
    assert lines(gitml("exp", "log", "no-run", at=project.path)) == [
        "no-run has no runs yet; gitml exp log no-run --all shows its 1 commits"
    ]
    assert lines(gitml("exp", "log", "no-run", "--all", at=project.path))[1:] == [
        f"  {project.git('rev-parse', 'experiments/no-run')[:7]}   0.7100              3h  an idea"
    ]


def test_diff(project: Repo, gitml: Command) -> None:
    old, new = (project.git("rev-parse", f"experiments/{name}")[:7] for name in ("lower-lr", "wide-net"))
    assert lines(gitml("exp", "diff", "lower-lr", "wide-net", at=project.path)) == [
        f"lower-lr {old} → wide-net {new}",
        "",
        "  PARAM        OLD   NEW",
        "  train.lr     3e-4  1e-3",
        "  train.width  128   512",
        "",
        "  METRIC      OLD     NEW   CHANGE",
        "  roc_auc  0.7151  0.7187  +0.0036",
        "",
        "  +2 -1        train.py",
    ]
    found = json.loads(gitml("exp", "diff", "lower-lr", "wide-net", "--json", at=project.path).out)
    assert found["code"] == [{"path": "train.py", "added": 2, "removed": 1}]
    assert found["params"] == {"train.lr": [0.0003, 0.001], "train.width": [128, 512]}
    assert found["is_same_data"] is True


def test_diff_against_main_on_other_data(project: Repo, gitml: Command) -> None:
    out = lines(gitml("exp", "diff", "old-weather", at=project.path))
    assert out[1] == "measured on other test data: the metrics cannot be compared"
    assert lines(gitml("exp", "diff", "main", "main", at=project.path))[1:] == ["", "nothing differs"]


def test_without_experiments_the_list_says_how_to_start_one(repo: Repo, gitml: Command) -> None:
    done = gitml("exp", "list", at=repo.path)
    assert (done.code, done.out) == (0, "  EXPERIMENT\n* main\n")
    assert done.err == 'no experiments yet\nnext  gitml exp run -n lower-lr -S lr=3e-4 -m "why it should help"\n'
    assert json.loads(gitml("exp", "list", "--json", at=repo.path).out)["sorted_by"] == ""


def test_a_single_branch_clone_is_told_what_it_lacks(project: Repo, gitml: Command, tmp_path: Path) -> None:
    project.git("clone", "-q", "--single-branch", "--branch=main", ".", str(tmp_path / "single"))
    done = gitml("exp", "list", at=tmp_path / "single")
    assert done.err.splitlines() == [
        "note  the experiments of origin are not fetched here: gitml exp fetch",
        "no experiments yet",
        'next  gitml exp run -n lower-lr -S lr=3e-4 -m "why it should help"',
    ]


def test_in_an_empty_repository(tmp_path: Path, gitml: Command) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    Repo(empty).git("init", "-q")
    done = gitml("exp", "list", at=empty)
    assert (done.code, done.out, done.err.splitlines()[0]) == (0, "", "no experiments yet")
    assert json.loads(gitml("exp", "list", "--json", at=empty).out)["experiments"] == []
    assert gitml("exp", "log", at=empty).code == 2


def test_outside_of_a_repository(tmp_path: Path, gitml: Command) -> None:
    done = gitml("exp", "list", at=tmp_path)
    assert (done.code, done.out) == (3, "")
    assert "not a git repository" in done.err


def test_a_branch_called_experiments_is_told(repo: Repo, gitml: Command) -> None:
    repo.git("branch", "experiments")
    assert gitml("exp", "list", at=repo.path) == Done(
        2,
        "",
        "gitml: a branch is called experiments, so no branch can be called experiments/<name>\n"
        "  git keeps branches as files: a name cannot be a folder too.\n"
        "Mend:\n  git branch -m experiments another-name\n",
    )


def test_from_a_subfolder_a_worktree_detached_and_bare(project: Repo, gitml: Command, tmp_path: Path) -> None:
    project.write("gitml.toml", '[metric]\nname = "log_loss"\ndirection = "lower"\n')
    project.git("add", ".")
    project.git("commit", "-qm", "infra: metric")
    here = gitml("exp", "list", at=project.path)
    (project.path / "a" / "b").mkdir(parents=True)
    assert gitml("exp", "list", at=project.path / "a" / "b") == here
    project.git("worktree", "add", "-q", str(tmp_path / "tree"), "experiments/wide-net")
    in_tree = gitml("exp", "list", "--json", "--sort-by", "log_loss", at=tmp_path / "tree")
    stars = [row["name"] for row in json.loads(in_tree.out)["experiments"] if row["is_checked_out"]]
    assert stars == ["wide-net"]
    project.git("checkout", "-q", "--detach")
    assert gitml("exp", "list", at=project.path).out == here.out.replace("* ", "  ")
    project.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    bare = json.loads(gitml("exp", "list", "--json", at=tmp_path / "bare.git").out)
    assert (bare["sorted_by"], len(bare["experiments"])) == ("log_loss", 6)


def test_long_names_and_many_changes_fit_eighty_columns(repo: Repo, gitml: Command) -> None:
    history = History(repo.path)
    wide = {f"a_rather_long_parameter_{n}": n for n in range(8)}
    files = {
        **run(),
        "dvc.yaml": "params: [more.yaml]\nmetrics: [results/evaluate.json]\n",
        "more.yaml": json.dumps(wide),
    }
    main = history.commit("refs/heads/main", "infra: x", files, parent="refs/heads/main^0")
    for letter in "ab":
        more = json.dumps({name: value + 1 for name, value in wide.items()})
        history.commit(
            f"refs/heads/experiments/{letter * 64}",
            "experiment: x\n\nRun-Id: 1",
            {**run(auc=0.8), "more.yaml": more},
            parent=main,
            author=f"{letter} von und zu Hohenstein",
        )
    history.write()
    out = lines(gitml("exp", "list", at=repo.path))
    assert out[1].startswith(f"  {'a' * 23}…")
    assert "a_rather_long_param… +" not in out[1]
    assert len({len(line) for line in out[1:3]}) == 1


def test_unreadable_metrics_are_said_and_never_guessed(repo: Repo, gitml: Command) -> None:
    history = History(repo.path)
    files = {"dvc.yaml": "metrics: [m.json, n.json, o.json]\n", "m.json": '{"auc": NaN}', "o.json": metrics(loss=2)}
    main = history.commit("refs/heads/main", "infra: x", files, parent="refs/heads/main^0")
    history.commit(
        "refs/heads/experiments/x", "experiment: x", {"m.json": '{"auc": 1, "auc": 2}', "n.json": "{}"}, parent=main
    )
    history.write()
    rows = {one["name"]: one for one in json.loads(gitml("exp", "list", "--json", at=repo.path).out)["experiments"]}
    assert rows["main"]["metrics"] == {"loss": 2}
    assert rows["main"]["unreadable"] == {"m.json": "NaN is no JSON", "n.json": "git does not have it"}
    assert rows["x"]["unreadable"] == {"m.json": 'the key "auc" stands twice in one object'}
    assert "  unreadable m.json: NaN is no JSON" in gitml("exp", "show", "main", at=repo.path).out


def test_report_and_lock_of_the_history_are_what_dvc_writes() -> None:
    """The made-up files are read by the same readers as real ones."""
    from gitml.experiments import headline
    from gitml.pipeline import lockfile

    stages = lockfile.read(lock().encode())
    assert [name for name, stage in stages.items() if stage.deps] == ["prepare", "train", "evaluate"]
    assert headline.read(report("A").encode()) == {
        "title": "A", "status": "finished", "verdict": "pending", "hypothesis": "It helps.",
    }  # fmt: skip


def test_the_group_names_its_commands_and_imports_none(repo: Repo, gitml: Command) -> None:
    done = gitml("exp", "--help", at=repo.path)
    lines = done.out.splitlines()
    listed = lines[lines.index("Commands:") + 1 : -4]
    assert [line.split(maxsplit=1) for line in listed] == [[name, does] for name, does in SUBCOMMANDS.items()]
    assert lines[-4:] == ["", "  Example:", "    gitml exp list", "    gitml exp show lower-lr"]
    assert gitml("exp", "lst", at=repo.path) == Done(
        2, "", "gitml: there is no command 'exp lst'\n  Did you mean list?\nMend:\n  gitml exp list\n"
    )
    assert gitml("exp", "frobnicate", at=repo.path).err.splitlines()[-1] == "  gitml exp --help"


@pytest.mark.parametrize("name", ["list", "show", "diff", "log"])
def test_every_help_begins_with_the_tables_words_and_ends_with_an_example(
    repo: Repo, gitml: Command, name: str
) -> None:
    text = gitml("exp", name, "--help", at=repo.path).out
    assert SUBCOMMANDS[name] in text
    assert "Example:\n    gitml exp" in text


def test_a_gate_says_that_less_is_better_and_a_tie_shares_its_rank(project: Repo, gitml: Command) -> None:
    project.write("gitml.toml", '[gates.roc_auc]\nmax = 1\ndirection = "lower"\n')
    found = json.loads(gitml("exp", "list", "--json", "--sort-by", "roc_auc", at=project.path).out)
    assert [(row["name"], row["rank"]) for row in found["experiments"]] == [
        ("main", 1), ("no-run", 1), ("lower-lr", 3), ("lr-sweep", 4), ("wide-net", 5), ("old-weather", None),
    ]  # fmt: skip


def test_where_main_has_no_result_the_commonest_data_are_ranked(
    repo: Repo, gitml: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: START + 5 * 3600.0)
    history = History(repo.path)
    yaml = {"dvc.yaml": "metrics: [m.json]\n"}
    for name, data, auc in (("a", "x", 0.1), ("b", "y", 0.2), ("c", "y", 0.3), ("d", "z", None)):
        content = metrics(auc=auc, test_data=data) if auc is not None else "{}"
        history.commit(f"refs/heads/experiments/{name}", "experiment: x", {**yaml, "m.json": content})
    history.write()
    assert lines(gitml("exp", "list", at=repo.path)) == [
        "  EXPERIMENT     AUC  VS MAIN     AGE",
        "  c           0.3000               2h",
        "  b           0.2000               3h",
        "  a           0.1000  other data   4h",
        "  d                   no result    1h",
        "* main",
    ]


def test_a_word_beside_the_difference_comes_from_who_can_tell(project: Repo) -> None:
    from gitml import config
    from gitml.cli.exp_table import as_text
    from gitml.experiments import listing, store

    def word(entry: store.Entry, main: store.Entry) -> str:
        assert main.name == "main"
        return "better" if entry.name == "wide-net" else "noise"

    made = listing.build(store.read(project.path), config.DEFAULTS, word=word)
    assert as_text(made, START + 36_000.0).splitlines()[1:4] == [
        "  wide-net       0.7187  +0.0087 better  width 128→512               bo    7h",
        "  lr-sweep (2)   0.7162  +0.0062 noise   lr 1e-3→1e-4, width 128→64  ada   5h",
        "  lower-lr       0.7151  +0.0051 noise   lr 1e-3→3e-4                ada   8h",
    ]


def test_many_changed_files_are_counted_and_binary_ones_named(project: Repo, gitml: Command) -> None:
    history = History(project.path)
    files: dict[str, str | bytes | None] = {f"src/{number:02}.py": "1\n" for number in range(22)}
    files["a.bin"] = bytes(range(256))
    history.commit("refs/heads/experiments/many", "experiment: x", files, parent="refs/heads/main^0")
    history.write()
    out = lines(gitml("exp", "diff", "many", at=project.path))
    assert (out[2], out[3], out[-1]) == ("  binary       a.bin", "  +1 -0        src/00.py", "  and 3 more files")


def test_names_of_a_file_that_a_shell_or_a_spreadsheet_would_obey(repo: Repo, gitml: Command) -> None:
    history = History(repo.path)
    main = history.commit("refs/heads/main", "infra: x", {"dvc.yaml": "metrics: [m.json]\n", "m.json": '{"auc": 1}'})
    history.commit(
        "refs/heads/experiments/$(x)|y", "experiment: \x1b[31mred", {"params.yaml": "a: '=1+1'\nb: \"\\e\"\n"},
        parent=main, author="=HYPERLINK(1)",
    )  # fmt: skip
    history.write()
    for form in ([], ["--csv"], ["--md"], ["--json"]):
        out = gitml("exp", "list", *form, at=repo.path).out
        assert "\x1b" not in out
    assert "| $(x)\\|y |" in gitml("exp", "list", "--md", at=repo.path).out
    assert ",'=HYPERLINK(1)," in gitml("exp", "list", "--csv", at=repo.path).out


def test_the_examples_in_the_docstrings_are_right() -> None:
    import doctest
    from importlib import import_module

    modules = [
        "experiments.headline", "experiments.rows", "experiments.shown", "experiments.value_names",
        "experiments.where", "pipeline.flat", "pipeline.metrics", "pipeline.template",
    ]  # fmt: skip
    results = {name: doctest.testmod(import_module(f"gitml.{name}")) for name in modules}
    assert {name for name, result in results.items() if result.failed or not result.attempted} == set()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "now"), (61, "1m"), (7_200, "2h"), (86_400 * 45, "1mo"), (86_400 * 800, "2y")]
)
def test_ages(seconds: int, text: str) -> None:
    from gitml.experiments.shown import age

    assert age(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (None, "null"), ([1, 0.5, "a"], "[1,0.5,a]"), (1e20, "1e20"), (-0.00025, "-2.5e-4"), ({}, "{}")],
)
def test_values_are_short(value: object, text: str) -> None:
    from gitml.experiments import shown

    assert shown.value(value) == text


def test_metrics_that_four_decimals_would_hide() -> None:
    from gitml.experiments import shown

    assert shown.metric(3e-7, 4) == "3.000e-07"
    assert shown.metric(5e12, 0) == "5.000e+12"
    assert shown.delta(-2e-6, 4) == "-2.0e-06"
    assert shown.short_names(["a.b", "b"]) == {"a.b": "a.b", "b": "b"}
