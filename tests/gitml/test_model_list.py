"""``gitml model list``: newest first, against production, from git alone."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.cli.model_commands import SUBCOMMANDS
from gitml.models import listing, registry
from tests.gitml.conftest import Done, Repo
from tests.gitml.model_history import HOUR, Models

Command = Callable[..., Done]


@pytest.fixture
def models(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Models:
    made = Models(repo)
    monkeypatch.setattr(time, "time", lambda: made.time + 2.0 * HOUR)
    return made


@pytest.fixture
def team(models: Models) -> Models:
    """Five releases: one back in production, one that was there, one on other data, one yanked, one without a tag."""
    models.experiment("lower-lr", 3e-4, roc_auc=0.7133)
    models.release(1, "lower-lr")
    models.promote(1)
    models.experiment("wide-net", 1e-4, roc_auc=0.7187)
    models.release(2, "wide-net", by="Bo")
    models.promote(2)
    models.experiment("new-data", roc_auc=0.79, test_data="of-2014")
    models.release(3, "new-data")
    models.experiment("bad", roc_auc=0.5)
    models.release(4, "bad")
    models.promote(1, reason="slow at night")
    models.yank(4, "wrong labels")
    models.experiment("half", roc_auc=0.7133)
    models.release(5, "half", has_tag=False)
    return models


def rows(done: Done) -> list[dict[str, object]]:
    assert done.code == 0, done.err
    found: list[dict[str, object]] = json.loads(done.out)["models"]
    return found


def test_the_newest_stands_first_and_each_is_held_against_production(team: Models, gitml: Command) -> None:
    done = gitml("model", "list", at=team.repo.path)
    assert (done.code, done.err) == (0, "note  1 yanked release is left out: --all\n")
    assert done.out.splitlines() == [
        "MODEL     ROC_AUC  VS PRODUCTION   STAGE              EXPERIMENT  BY   AGE",
        "model-v5   0.7133  same            no tag             half        ada   2h",
        "model-v3   0.7900  other data                         new-data    ada   8h",
        "model-v2   0.7187  +0.0054 higher  was in production  wide-net    bo   11h",
        "model-v1   0.7133                  production 5h      lower-lr    ada  14h",
    ]


def test_all_shows_what_was_yanked_too(team: Models, gitml: Command) -> None:
    done = gitml("model", "list", "--all", at=team.repo.path)
    assert done.err == ""
    assert done.out.splitlines()[2] == ("model-v4   0.5000  -0.2133 lower   yanked             bad         ada   6h")


def test_json_has_everything(team: Models, gitml: Command) -> None:
    found = rows(gitml("model", "list", "--all", "--json", at=team.repo.path))
    assert [row["name"] for row in found] == ["model-v5", "model-v4", "model-v3", "model-v2", "model-v1"]
    second = found[3]
    assert second == {
        "name": "model-v2",
        "model": "model",
        "version": 2,
        "tag": "model@v2.0.0",
        "commit": team.commits["model-v2"],
        "released": {"at": "2025-10-09T13:53:20+00:00", "by": "Bo"},
        "stage": "was in production",
        "production": second["production"],
        "yanked": None,
        "experiment": "wide-net",
        "is_same_data": True,
        "vs_production": {"roc_auc": {"delta": pytest.approx(0.0054), "word": "higher"}},
        "metrics": {"roc_auc": 0.7187, "test_data": "of-2013"},
        "fault": None,
    }
    (period,) = second["production"]  # type: ignore[misc]
    assert {key: period[key] for key in ("by", "until_by", "until_reason", "replaced_by")} == {
        "by": "Cy", "until_by": "Cy", "until_reason": "slow at night", "replaced_by": "model-v1",
    }  # fmt: skip
    assert [period["until"] is None for period in found[4]["production"]] == [True, False]  # type: ignore[attr-defined]
    assert found[1]["yanked"] == {"at": "2025-10-09T20:53:20+00:00", "by": "Di", "reason": "wrong labels"}
    assert (found[2]["is_same_data"], found[2]["vs_production"]) == (False, {})
    assert (found[0]["tag"], found[0]["stage"]) == (None, "no tag")


def test_csv_and_markdown(team: Models, gitml: Command) -> None:
    done = gitml("model", "list", "--csv", at=team.repo.path)
    found = list(csv.DictReader(io.StringIO(done.out)))
    assert [row["model"] for row in found] == ["model-v5", "model-v3", "model-v2", "model-v1"]
    assert (found[1]["roc_auc"], found[1]["test_data"], found[1]["experiment"]) == ("0.79", "of-2014", "new-data")
    markdown = gitml("model", "list", "--md", at=team.repo.path).out.splitlines()
    assert markdown[0] == r"| MODEL | ROC\_AUC | VS PRODUCTION | STAGE | EXPERIMENT | BY | AGE |"
    assert markdown[1] == "| --- | ---: | --- | --- | --- | --- | ---: |"
    assert len(markdown) == 6


def test_the_metric_is_gitml_tomls_and_those_of_gates_follow_where_they_differ(models: Models, gitml: Command) -> None:
    for number, slug in enumerate("ab", start=1):
        models.experiment(slug, roc_auc=0.6 + number / 10, log_loss=0.4, rows=9)
        models.release(number, slug)
    gates = "[gates.roc_auc]\nmin = 0\n[gates.rows]\nmin = 1\n"
    models.repo.write("gitml.toml", f'[metric]\nname = "log_loss"\ndirection = "lower"\n{gates}')
    lines = gitml("model", "list", at=models.repo.path).out.splitlines()
    assert lines[0].split() == ["MODEL", "LOG_LOSS", "ROC_AUC", "EXPERIMENT", "BY", "AGE"]
    assert lines[1].split()[:4] == ["model-v2", "0.4000", "0.8000", "b"]


def test_a_bare_repository_reads_the_rules_of_main(team: Models, gitml: Command) -> None:
    team.repo.commit("infra: rules", **{"gitml.toml": '[metric]\nname = "log_loss"\n'})
    team.experiment("losses", log_loss=0.4)
    team.release(6, "losses")
    team.repo.git("clone", "--quiet", "--bare", ".", "../bare.git")
    bare = gitml("model", "list", at=team.repo.path.parent / "bare.git").out
    assert bare == gitml("model", "list", at=team.repo.path).out
    assert "LOG_LOSS" in bare


def test_several_models_stand_apart_and_each_has_its_own_production(team: Models, gitml: Command) -> None:
    team.experiment("churn", roc_auc=0.9, test_data="of-churn")
    team.release(1, "churn", "churn")
    team.promote(1, "churn")
    team.experiment("churn-2", roc_auc=0.8, test_data="of-churn")
    team.release(2, "churn-2", "churn")
    found = {row["name"]: row for row in rows(gitml("model", "list", "--json", at=team.repo.path))}
    assert found["churn-v2"]["vs_production"] == {"roc_auc": {"delta": pytest.approx(-0.1), "word": "lower"}}
    assert found["model-v2"]["vs_production"] == {"roc_auc": {"delta": pytest.approx(0.0054), "word": "higher"}}
    only = rows(gitml("model", "list", "--json", "--model", "churn", at=team.repo.path))
    assert [row["name"] for row in only] == ["churn-v2", "churn-v1"]
    done = gitml("model", "list", "--model", "chrun", at=team.repo.path)
    assert (done.code, done.err) == (
        2, "gitml: there is no model 'chrun'\n  There is churn, model.\nMend:\n  gitml model list\n",
    )  # fmt: skip


def test_of_one_model_the_higher_number_is_newer_whatever_a_clock_said(models: Models, gitml: Command) -> None:
    models.experiment("a")
    models.release(1, "a")
    models.time -= 1000 * HOUR
    models.release(2, "a")
    assert [row["name"] for row in rows(gitml("model", "list", "--json", at=models.repo.path))] == [
        "model-v2", "model-v1",
    ]  # fmt: skip


def test_without_production_the_newest_says_which_data_count_and_nothing_is_compared(
    models: Models, gitml: Command
) -> None:
    models.experiment("a", test_data="old")
    models.release(1, "a")
    models.experiment("b", test_data="new")
    models.release(2, "b")
    assert [row.split()[2:] for row in gitml("model", "list", at=models.repo.path).out.splitlines()[1:]] == [
        ["b", "ada", "2h"], ["other", "data", "a", "ada", "4h"],
    ]  # fmt: skip


def test_what_cannot_be_read_is_listed_with_what_is_wrong(models: Models, gitml: Command) -> None:
    models.experiment("a")
    models.release(1, "a", files={"provenance.json": b'{"schema": 1, "metrics": {"auc": NaN}}'})
    models.release(2, "a", files={"provenance.json": None})
    models.release(3, "a", change=lambda told: told._replace(version=models.told["model-v2"].version))
    models.release(4, "a", files={"provenance.json": b'{"schema": 99}'})
    models.release(5, "a", files={"provenance.json": b"[" * 100_000})
    models.release(6, "a", files={"provenance.json": b" " * 10_000_000 + b"{}"})
    models.release(7, "a", files={"provenance.json": None, "provenance.json/x": b"a folder"})
    done = gitml("model", "list", at=models.repo.path)
    assert done.code == 0
    assert [line.split()[:2] for line in done.out.splitlines()[1:]] == [
        [f"model-v{number}", "unreadable"] for number in range(7, 0, -1)
    ]
    notes = " ".join(line.removeprefix("note").strip() for line in done.err.splitlines())
    assert "model-v7: its provenance.json is no file" in notes
    assert "model-v6: its provenance.json cannot be read: it is too large" in notes
    assert "model-v5: its provenance.json cannot be read: it is nested deeper" in notes
    assert "model-v4: its provenance.json cannot be read: its schema is 99" in notes
    assert "model-v3: its provenance.json is that of model-v2" in notes
    assert "2 more cannot be read: gitml model list --json says why" in notes
    faults = [str(row["fault"]) for row in rows(gitml("model", "list", "--json", at=models.repo.path))]
    assert faults[-2:] == [
        "it has no provenance.json",
        "its provenance.json cannot be read: NaN is no JSON",
    ]
    assert gitml("model", "list", "--csv", at=models.repo.path).code == 0
    assert gitml("model", "list", "--md", at=models.repo.path).code == 0


def test_nothing_that_a_release_says_of_itself_reaches_the_terminal_or_a_page_alive(
    models: Models, gitml: Command
) -> None:
    evil = "\x1b]0;owned\x07\x1b[31m<img src=x onerror=alert(1)>|@all #1 `x` \u202e"
    models.experiment("a")
    models.release(
        1,
        "a",
        by="=Eve \x1b[31m<b>",
        change=lambda told: told._replace(
            metrics={f"auc{evil}": 1e308, "model": 2**63, "age": 1, "test_data": evil}, person=evil
        ),
    )
    for form in ((), ("--md",), ("--csv",), ("--json",), ("--all",)):
        done = gitml("model", "list", *form, at=models.repo.path)
        assert done.code == 0
        assert "\x1b" not in done.out + done.err
        assert "\u202e" not in done.out + done.err
        if form == ("--md",):
            assert "<" not in done.out.replace(r"\<", "")
        if form == ():
            assert max(map(len, done.out.splitlines())) <= 80
    assert ",'=Eve" in gitml("model", "list", "--csv", at=models.repo.path).out


def test_long_names_and_many_metrics_fit_eighty_columns(models: Models, gitml: Command) -> None:
    slug, name = "a" * 60, "a-model-with-a-name-that-is-nearly-too-long-for-a-branch"
    for number in (1, 2, 3):
        figures = {f"metric_number_{place}": number / 7 + place for place in range(12)}
        models.experiment(slug, **figures)
        models.release(number, slug, name, by="Wolfeschlegelsteinhausenbergerdorff")
    models.promote(1, name)
    gates = "".join(f"[gates.metric_number_{place}]\nmin = 0\n" for place in range(12))
    models.repo.write("gitml.toml", f'[metric]\nname = "metric_number_3"\n{gates}')
    lines = gitml("model", "list", at=models.repo.path).out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "METRIC_NUMBER_3" in lines[0]
    assert [line.split()[0][-3:] for line in lines[1:]] == ["-v3", "-v2", "-v1"]


def test_a_tag_that_squats_on_another_commit_or_under_another_name_is_not_believed(
    models: Models, gitml: Command
) -> None:
    models.experiment("a")
    models.release(1, "a")
    models.release(2, "a", has_tag=False)
    models.release(3, "a", has_tag=False)
    models.release(4, "a", has_tag=False)
    models.tag("model@v2.0.0", models.commits["a"], "mine")
    models.repo.git("update-ref", "refs/tags/model@v3.0.0", "refs/tags/model@v1.0.0")
    models.repo.git("update-ref", "refs/tags/model@v4.0.0", models.commits["model-v4"])
    models.tag("model@v1.0.0!", models.commits["model-v2"], "not a yank of v1")
    found = rows(gitml("model", "list", "--json", at=models.repo.path))
    assert [(row["name"], row["tag"], row["yanked"]) for row in found] == [
        ("model-v4", None, None), ("model-v3", None, None), ("model-v2", None, None),
        ("model-v1", "model@v1.0.0", None),
    ]  # fmt: skip
    assert registry.read(at=models.repo.path).numbers("model") == [1, 2, 3, 4]


def test_production_with_the_files_of_no_release_is_named(team: Models, gitml: Command) -> None:
    tip = team.repo.git("rev-parse", "production/production-model")
    team.ref("refs/heads/production/production-model", team.commit(team.tree({"x": b""}), "infra: by hand\n", tip))
    done = gitml("model", "list", at=team.repo.path)
    assert "production/production-model has the files of no release: gitml model trace" in done.err
    assert "was in production" in done.out.splitlines()[-1]


def test_no_release_yet_says_what_to_do(repo: Repo, gitml: Command) -> None:
    assert gitml("model", "list", at=repo.path) == Done(
        0, "", "no model is released yet\nnext  gitml model release experiments/<name>\n"
    )
    assert json.loads(gitml("model", "list", "--json", at=repo.path).out)["models"] == []
    assert gitml("model", "list", "--csv", at=repo.path).out.startswith("model,stage,")
    assert gitml("model", "list", "--model", "x", at=repo.path).err.splitlines()[1] == "  Nothing is released yet."


def test_a_clone_of_one_branch_says_that_the_models_were_not_fetched(
    team: Models, gitml: Command, tmp_path: Path
) -> None:
    team.repo.git("clone", "--quiet", "--single-branch", "--no-tags", f"file://{team.repo.path}", "../single")
    done = gitml("model", "list", at=tmp_path / "single")
    assert (done.code, done.out) == (0, "")
    assert "the models of origin are not fetched here" in " ".join(done.err.split())
    Repo(tmp_path / "single").git("fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
    assert gitml("model", "list", "--json", at=tmp_path / "single").out == (
        gitml("model", "list", "--json", at=team.repo.path).out
    )


def test_an_empty_repository_and_none_at_all(tmp_path: Path, gitml: Command) -> None:
    (tmp_path / "empty").mkdir()
    Repo(tmp_path / "empty").git("init", "--quiet")
    assert gitml("model", "list", at=tmp_path / "empty").code == 0
    (tmp_path / "none").mkdir()
    assert gitml("model", "list", at=tmp_path / "none").code == 3


def test_a_remote_is_shown_as_it_was_fetched(team: Models, gitml: Command, tmp_path: Path) -> None:
    team.repo.git("clone", "--quiet", ".", "../clone")
    clone = tmp_path / "clone"
    expected = gitml("model", "list", "--json", at=team.repo.path)
    assert gitml("model", "list", "--json", at=clone) == expected
    assert gitml("model", "list", "--json", "--remote", "origin", at=clone) == expected
    done = gitml("model", "list", "--remote", "--upload-pack=x", at=clone)
    assert done.code == 3
    assert done.err.startswith("gitml: there is no remote '--upload-pack=x'")


def test_the_same_from_a_subfolder_a_linked_worktree_and_a_clone_without_blobs(
    team: Models, gitml: Command, tmp_path: Path
) -> None:
    expected = gitml("model", "list", "--json", at=team.repo.path)
    (team.repo.path / "below").mkdir()
    assert gitml("model", "list", "--json", at=team.repo.path / "below") == expected
    team.repo.git("worktree", "add", "--quiet", "--detach", "../linked")
    assert gitml("model", "list", "--json", at=tmp_path / "linked") == expected
    team.repo.git("config", "uploadpack.allowFilter", "true")
    team.repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    team.repo.git("clone", "--quiet", "--filter=blob:none", "--no-checkout", f"file://{team.repo.path}", "../thin")
    assert gitml("model", "list", "--json", at=tmp_path / "thin") == expected


def test_a_shallow_clone_says_that_the_past_is_missing(team: Models, gitml: Command, tmp_path: Path) -> None:
    team.repo.git("clone", "--quiet", "--depth=1", "--no-single-branch", f"file://{team.repo.path}", "../shallow")
    done = gitml("model", "list", at=tmp_path / "shallow")
    assert done.code == 0
    assert "this clone is shallow" in done.err
    assert done.out.splitlines()[-1].split()[2:4] == ["production", "5h"]


def test_ids_of_sha256(tmp_path: Path, gitml: Command) -> None:
    (tmp_path / "sha256").mkdir()
    repo = Repo(tmp_path / "sha256")
    repo.git("init", "--quiet", "--object-format=sha256")
    repo.commit("infra: start")
    models = Models(repo)
    models.experiment("a")
    models.release(1, "a", has_tag=False)
    models.release(2, "a")
    found = rows(gitml("model", "list", "--json", at=repo.path))
    assert [(row["name"], len(str(row["commit"])), row["fault"]) for row in found] == [
        ("model-v2", 64, None), ("model-v1", 64, None),
    ]  # fmt: skip
    assert gitml("model", "list", at=repo.path).code == 0
    assert gitml("model", "trace", "v2", at=repo.path).code == 0


def test_a_tag_of_the_year_3000_and_one_from_before_1970(models: Models, gitml: Command) -> None:
    models.experiment("a")
    for number, time_ in enumerate((2**33, 2**53, 2**62), start=1):
        models.release(number, "a", has_tag=False)
        raw = f"object {models.commits[f'model-v{number}']}\ntype commit\ntag model@v{number}.0.0\n"
        raw += f"tagger Eve <e@example.com> {time_} +0000\n\nrelease\n"
        done = models.repo.run("git", "hash-object", "-t", "tag", "-w", "--literally", "--stdin", stdin=raw)
        models.ref(f"refs/tags/model@v{number}.0.0", done.out.strip())
    for form in ((), ("--json",), ("--csv",), ("--md",)):
        assert gitml("model", "list", *form, at=models.repo.path).code == 0
    assert gitml("model", "show", "v3", at=models.repo.path).code == 0
    assert gitml("model", "trace", "v3", at=models.repo.path).code == 0


def test_periods_with_the_same_tree_twice_are_one(models: Models) -> None:
    def deployment(tree: str, time: int) -> registry.Deployment:
        return registry.Deployment(f"c{time}", tree, time, None, "", "Cy")

    history = [deployment(tree, 9 - place) for place, tree in enumerate("abbca")]
    assert [(one.came.time, one.left and one.left.time) for one in listing.periods("b", history)] == [(7, 9)]
    assert [(one.came.time, one.left and one.left.time) for one in listing.periods("a", history)] == [(9, None), (5, 6)]
    assert listing.periods("d", history) == ()


def test_the_help_is_the_table_and_every_command_begins_with_its_words(repo: Repo, gitml: Command) -> None:
    listed = " ".join(gitml("model", "--help", at=repo.path).out.split()).partition("Commands: ")[2]
    assert listed.startswith(" ".join(f"{name} {does}" for name, does in SUBCOMMANDS.items()))
    for name, does in SUBCOMMANDS.items():
        text = gitml("model", name, "--help", at=repo.path).out
        assert does in " ".join(text.split())
        assert "Example:\n    gitml model" in text
    assert gitml("model", "lst", at=repo.path) == Done(
        2, "", "gitml: there is no command 'model lst'\n  Did you mean list?\nMend:\n  gitml model list\n"
    )
