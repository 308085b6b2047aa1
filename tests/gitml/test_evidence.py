"""The evidence for a promotion, gathered from real git and a real DVC cache."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gitml.config import Config, Gate, Metric
from gitml.errors import GitFailed
from gitml.git.objects import Objects
from gitml.models.evidence import Evidence, as_data, as_markdown, gather
from gitml.reports import intervals
from gitml.reports.mcnemar import of_predictions
from gitml.reports.render import FileChange, ValueChange

from .conftest import Registry, Repo
from .evidence_projects import ROWS, Releases, parquet, predictions, scores

CONFIG = Config(metric=Metric("roc_auc"))
NAMES = ("model-v4", "model-v3")
GOOD, FAIR = predictions(4, noise=0.8), predictions(3)


@pytest.fixture
def made(repo: Repo) -> Releases:
    return Releases(repo)


def told(made: Releases, new: str, old: str | None, config: Config = CONFIG) -> Evidence:
    return gather(new, old, config, made.repo.path, names=NAMES)


def first_line(found: Evidence) -> str:
    return as_markdown(found).partition("\n")[0]


def words(found: Evidence) -> dict[str, str]:
    return {one.name: one.word for one in found.comparison.changes}


class TestAgainstProduction:
    def test_better_by_a_paired_interval(self, made: Releases, tmp_path: Path) -> None:
        old, new = made.release(3, FAIR), made.release(4, GOOD)
        found = told(made, new, old)
        assert (found.verdict.outcome, found.verdict.rows) == ("better", ROWS)
        assert words(found) == dict.fromkeys(("roc_auc", "accuracy", "log_loss", "brier"), "better") | {"ece": "same"}
        assert first_line(found).startswith(
            "model-v4 is better than model-v3 in production: `roc_auc` 0.9469, +0.0288 ["
        )
        read = [intervals.read(made.keep(table)) for table in (GOOD, FAIR)]
        expected = intervals.paired(*read).intervals
        assert {one.name: one.interval for one in found.comparison.changes if one.interval} == {
            name: interval for name, interval in expected.items() if name in words(found)
        }
        assert found.mcnemar == of_predictions(*read)
        assert found.notes == ()

    def test_rows_in_another_order(self, made: Releases) -> None:
        turned = GOOD.take(pa.array(np.arange(ROWS)[::-1]))
        old = made.release(3, FAIR)
        found, straight = told(made, made.release(4, turned), old), told(made, made.release(5, GOOD), old)
        assert found.mcnemar == straight.mcnemar
        assert found.verdict.outcome == straight.verdict.outcome == "better"

    def test_worse_and_within_noise(self, made: Releases) -> None:
        good, fair, also = made.release(1, GOOD), made.release(2, FAIR), made.release(3, predictions(9))
        assert told(made, fair, good).verdict.outcome == "worse"
        assert told(made, also, fair).verdict.outcome == "within noise"

    def test_the_same_predictions(self, made: Releases) -> None:
        found = told(made, made.release(4, FAIR, lr=0.2), made.release(3, FAIR))
        assert first_line(found).startswith("model-v4 predicts the same as model-v3 in production: `roc_auc`")
        assert "McNemar" not in as_markdown(found)

    def test_twice_the_same_and_with_objects_that_are_open(self, made: Releases) -> None:
        old, new = made.release(3, FAIR), made.release(4, GOOD)
        with Objects(made.repo.path) as objects:
            found = gather(new, old, CONFIG, made.repo.path, names=NAMES, objects=objects)
            assert objects.read(new, kind="commit")
        assert found == told(made, new, old)
        assert json.dumps(as_data(found)) == json.dumps(as_data(told(made, new, old)))

    def test_nothing_is_in_production(self, made: Releases) -> None:
        new = made.release(4, GOOD)
        empty = made.repo.git("commit-tree", Registry.EMPTY, "-m", "infra: open production")
        for old in (None, empty):
            found = told(made, new, old)
            assert first_line(found).startswith("model-v4 is the first model: there is nothing in production to")
            assert (found.champion, found.mcnemar, set(words(found).values())) == (None, None, {"new"})

    def test_a_commit_that_is_not_here(self, made: Releases) -> None:
        with pytest.raises(GitFailed):
            told(made, "0" * 40, None)


class TestTestData:
    @pytest.mark.parametrize("theirs", [{"test_data": "d2"}, {}])
    def test_other_data_is_never_compared(self, made: Releases, theirs: dict[str, str]) -> None:
        gates = Config(metric=Metric("roc_auc"), gates=(Gate("roc_auc", least=0.5, tolerance=0.9),))
        old, new = made.release(3, FAIR, {**scores(FAIR), **theirs}), made.release(4, GOOD)
        found = told(made, new, old, gates)
        assert found.verdict.outcome == "other data"
        assert {*words(found).values()} == {"other data"}
        assert found.mcnemar is None and all(one.interval is None for one in found.comparison.changes)
        assert [one.verdict for one in found.gates.results] == ["passed", "failed"]
        assert "gitml exp list --rescore" in as_markdown(found)
        assert first_line(found).endswith("other test data. The gate on `roc_auc` fails.")

    def test_where_neither_says_the_predictions_prove_it(self, made: Releases) -> None:
        old, new = made.release(3, FAIR, scores(FAIR)), made.release(4, GOOD, scores(GOOD))
        assert told(made, new, old).verdict.outcome == "better"
        shutil.rmtree(made.cache)
        found = told(made, new, old)
        assert found.verdict.outcome == "higher"
        assert found.comparison.note.endswith("; neither names its test_data, so it may not be the same")

    @pytest.mark.parametrize("other", [predictions(4, rows=2900), predictions(4, days=39)])
    def test_predictions_of_other_rows_outweigh_what_is_said(self, made: Releases, other: pa.Table) -> None:
        old, new = made.release(3, FAIR), made.release(4, other)
        found = told(made, new, old)
        assert found.verdict.outcome == "other data"
        assert found.verdict.why in (
            "the two were scored on other test rows",
            "the test rows are the same by number, but their targets or blocks are not",
        )

    def test_a_row_that_stands_twice_proves_nothing(self, made: Releases) -> None:
        twice = GOOD.set_column(0, "__row__", pa.array(np.arange(ROWS) // 2))
        found = told(made, made.release(4, twice), made.release(3, FAIR))
        assert (found.verdict.outcome, found.verdict.why) == ("higher", "a test row stands in the predictions twice")

    def test_too_few_blocks(self, made: Releases) -> None:
        few = [table.set_column(1, "__block__", pa.array(["a", "b", "c"] * (ROWS // 3))) for table in (GOOD, FAIR)]
        found = told(made, made.release(4, few[0]), made.release(3, few[1]))
        assert found.verdict.why == "the test rows lie in 3 blocks, too few for an interval"
        assert found.mcnemar is not None


class TestPredictions:
    def test_not_in_the_cache(self, made: Releases) -> None:
        old, new = made.release(3, FAIR), made.release(4, GOOD)
        shutil.rmtree(made.cache)
        found = told(made, new, old)
        assert first_line(found) == (
            "model-v4 has a higher `roc_auc` than model-v3 in production: 0.9469 against 0.9181, with no interval to "
            "tell it from chance (the predictions of model-v4 are not in DVC's cache here). No gates are set."
        )
        assert words(found)["log_loss"] == "lower"
        assert "No intervals: the predictions of model-v4 are not in DVC's cache here." in as_markdown(found)

    def test_none_stored(self, made: Releases) -> None:
        found = told(made, made.release(4, None, {"roc_auc": 0.7}), made.release(3, None, {"roc_auc": 0.7}))
        assert first_line(found).startswith("model-v4 has the same `roc_auc` as model-v3 in production: 0.7000 against")
        assert found.verdict.why.startswith("model-v4 stores no predictions")

    def test_bytes_that_are_not_those_of_the_lock(self, made: Releases) -> None:
        old, new = made.release(3, FAIR), made.release(4, GOOD)
        made.keep(GOOD).write_bytes(parquet(FAIR))
        assert told(made, new, old).verdict.why == "the stored predictions of model-v4 are not those of its dvc.lock"

    def test_what_is_no_parquet_of_predictions(self, made: Releases) -> None:
        wrong = pa.table({"__row__": [1], "__block__": ["a"], "target": [0], "<script>": [0.5]})
        found = told(made, made.release(4, wrong, {"roc_auc": 0.7}), made.release(3, FAIR, {"roc_auc": 0.6}))
        assert found.verdict.why.startswith("the predictions of model-v4 cannot be read: ")
        assert str(made.repo.path) not in as_markdown(found)

    def test_a_figure_that_was_edited(self, made: Releases) -> None:
        edited = {**scores(GOOD), "test_data": "d1", "roc_auc": 0.99}
        found = told(made, made.release(4, GOOD, edited), made.release(3, FAIR))
        assert (found.verdict.outcome, words(found)["brier"]) == ("higher", "better")
        says = "model-v4's predictions give roc_auc 0.946874, its metrics file says 0.99"
        assert found.verdict.why == says
        assert found.notes == (f"{says}: it was edited, or is defined otherwise.",)

    def test_both_figures_edited(self, made: Releases) -> None:
        edited = {**scores(GOOD), "test_data": "d1", "brier": 0}
        found = told(made, made.release(4, GOOD, edited), made.release(3, FAIR, {**edited, "brier": 1}))
        assert any("; model-v3's predictions give brier" in note for note in found.notes)


class TestMetrics:
    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ('{"roc_auc": NaN}', "NaN is no JSON"),
            ('{"roc_auc": 0.9, "roc_auc": 0.1}', 'the key "roc_auc" stands twice in one object'),
            ("[" * 5000, "it is nested deeper than 100 levels"),
        ],
    )
    def test_what_cannot_be_read_is_said(self, made: Releases, content: str, why: str) -> None:
        found = told(made, made.release(4, None, content), made.release(3, None, {"roc_auc": 0.7}))
        assert found.verdict.outcome == "not compared"
        assert found.notes == (
            f"model-v4: results/metrics.json cannot be read: {why}.",
            "model-v4 has no metrics.",
        )

    def test_own_intervals_texts_and_huge_numbers_are_no_rows(self, made: Releases) -> None:
        own = {"roc_auc": 0.7, "interval": {"roc_auc": {"low": 0.6, "high": 0.8}}, "note": "x", "is_good": True}
        found = told(made, made.release(4, None, own), None)
        assert words(found) == {"roc_auc": "new"}


class TestWhatElseDiffers:
    def test_params_code_data(self, made: Releases) -> None:
        card = {"MODEL_CARD.md": "a card"}
        old, new = (
            made.release(3, FAIR, **card),
            made.release(4, GOOD, lr=0.3, data="b" * 32, **{"stages/new.py": "1\n2\n"}),
        )
        found = told(made, new, old).changes
        assert found.params == (ValueChange("train.lr", "0.1", "0.3"),)
        assert found.data == (ValueChange("data/raw.csv", "a" * 32, "b" * 32),)
        assert found.code == (FileChange("stages/evaluate.sh", 1, 1), FileChange("stages/new.py", 2, 0))

    def test_many_params(self, made: Releases) -> None:
        old = made.release(3, None, {}, lr={f"p{number}": 1 for number in range(600)})
        found = told(made, made.release(4, None, {}, lr={f"p{number}": 2 for number in range(600)}), old)
        assert len(found.changes.params) == 600
        assert "and 580 more changes." in as_markdown(found)

    def test_slices_of_both(self, made: Releases) -> None:
        head = "slice,rows,loss,excess\n"
        old = made.release(
            3, FAIR, **{"results/analysis/slices.csv": f"{head}a = 1,10,0.5,0.1\nb = 2,20,0.4,\nc = 3,5,nan,0\n"}
        )
        new = made.release(
            4, GOOD, **{"results/analysis/slices.csv": f"{head}a = 1,10,0.6,0.1\nb = 2,20,0.3,0\nd = 4,9,0.2,0\n"}
        )
        found = told(made, new, old).slices
        assert [(one.name, one.before) for one in found.worst] == [("a = 1", 0.5), ("b = 2", 0.4), ("d = 4", None)]
        assert ([one.name for one in found.risen], found.both, found.higher, found.why) == (["a = 1"], 2, 1, "")

    def test_slices_of_one_name_and_other_rows_are_not_compared(self, made: Releases) -> None:
        old, new = (
            made.release(
                number, table, **{"results/analysis/slices.csv": f"slice,rows,loss\na = 1,{rows},0.{number}\n"}
            )
            for number, table, rows in ((3, FAIR, 10), (4, GOOD, 11))
        )
        found = told(made, new, old).slices
        assert ([one.before for one in found.worst], found.both, found.risen) == ([None], 0, ())

    def test_slices_that_are_missing_or_broken(self, made: Releases) -> None:
        good, broken = "slice,rows,loss,excess\na = 1,10,0.5,0.1\n", 'slice,rows\n"a\x00'
        none, some = made.release(1, FAIR), made.release(2, GOOD, **{"results/analysis/slices.csv": good})
        bad = made.release(3, predictions(5), **{"results/analysis/slices.csv": broken})
        says = {
            (none, some): "model-v4 has no slices.csv: which rows it is worst on is not known.",
            (some, none): "model-v3 has no slices.csv to compare with.",
            (bad, some): "model-v4: results/analysis/slices.csv cannot be read: ",
            (some, bad): "model-v3: results/analysis/slices.csv cannot be read: ",
        }
        for (new, old), why in says.items():
            assert told(made, new, old).slices.why.startswith(why)

    def test_calibration_of_both(self, made: Releases) -> None:
        table = "predicted,observed,rows\n0.1,0.2,10\n0.5,nan,10\nx,0.5,10\n"
        old, new = made.release(3, FAIR), made.release(4, GOOD, **{"results/plots/calibration.csv": table})
        assert told(made, new, old).calibration == (((0.1, 0.2, 10),), ())
        broken = made.release(5, GOOD, **{"results/plots/calibration.csv": '"'})
        assert told(made, broken, old).calibration == ((), ())

    def test_lineage_and_pictures(self, made: Releases) -> None:
        new = made.release(4, GOOD, slug="wide", **{"reports/wide/roc.svg": "<svg/>", "reports/wide/data.csv": "1"})
        found = told(made, new, None)
        assert (found.challenger.experiment, found.challenger.release.author) == ("wide", "Ada")
        assert found.challenger.source is not None and found.challenger.source.commit == made.main
        assert (found.report, found.pictures, found.gates.report) == ("reports/wide", ("reports/wide/roc.svg",), "")

    @pytest.mark.parametrize("said", ["[]", "{", '{"experiment": "../x", "commit": "--output=x"}', '{"commit": 3}'])
    def test_a_provenance_that_says_nothing(self, made: Releases, said: str) -> None:
        new = made.release(4, GOOD, **{"provenance.json": said})
        found = told(made, new, None)
        assert (found.challenger.experiment, found.challenger.source, found.report) == ("", None, "")
        assert "does not say from which experiment" in as_markdown(found)
        assert "provenance.json does not say which experiment is released" in as_markdown(found)

    def test_a_source_that_is_not_in_this_clone(self, made: Releases) -> None:
        said = json.dumps({"experiment": "lr", "commit": "1" * 40})
        assert "`1111111111` (not in this clone)" in as_markdown(
            told(made, made.release(4, GOOD, **{"provenance.json": said}), None)
        )

    def test_a_release_of_no_experiment_names_its_commit(self, made: Releases) -> None:
        said = json.dumps({"experiment": "", "commit": made.main})
        text = as_markdown(told(made, made.release(4, GOOD, **{"provenance.json": said}), None))
        assert f"from the commit `{made.main[:10]}` (by Ada, " in text

    def test_a_day_that_no_calendar_has(self, made: Releases) -> None:
        tree = made.repo.git("rev-parse", f"{made.release(4, GOOD)}^{{tree}}")
        who = "Ada <ada@example.com> 99999999999999999 +0000"
        content = f"tree {tree}\nauthor {who}\ncommitter {who}\n\nmodel: release\n"
        new = made.repo.run(
            "git", "hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=content
        ).out.strip()
        assert f"model-v4 is `{new[:10]}` (by Ada) from" in as_markdown(told(made, new, None))
