"""What is new in a table is told, and every breach of the schema with it."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from stages import comparison, files, params
from stages.comparison_page import page
from stages.errors import InputError
from stages.schema import infer
from stages.schema_file import SCHEMA_FILE, to_yaml
from stages.sources import recognise_dates
from stages.validation import tidy

GIVEN = {
    "data": {"source": "old.csv", "target": "churned", "time_column": "at", "drop": ["id"]},
    "csv": {"delimiter": ";"},
}
YAML = """\
data: {source: old.csv, target: churned, time_column: at, drop: [id]}
csv: {delimiter: ";"}
"""


def customers(rows=1200, seed=0):
    generator = np.random.default_rng(seed)
    price = generator.normal(50, 15, rows).round(2)
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "plan": generator.choice(["basic", "pro", "old"], rows),
            "age": generator.integers(18, 80, rows),
            "price": price,
            "at": pd.date_range("2024-01-01", periods=rows, freq="6h").astype(str),
            "churned": np.where(price + generator.normal(0, 5, rows) > 60, "yes", "no"),
        }
    )


OLD = customers()


def plain(frame):
    return recognise_dates(tidy(frame))


def compared(new, old=OLD, given=GIVEN, schema="of old"):
    before = None if old is None else ("old.csv", plain(old))
    wanted = infer(plain(OLD).drop(columns="id"), "old.csv", "churned") if schema == "of old" else schema
    return comparison.compare(before, ("new.csv", plain(new)), given, wanted)


def changed(found, name):
    return next((item for item in found["changes"] if item["name"] == name), None)


def test_the_same_table_differs_in_nothing():
    found = compared(OLD)
    assert found["rows"] == {"old": 1200, "new": 1200, "added": 0, "removed": 0}
    assert (found["changes"], found["schema"]["breaches"], found["refused"]) == ([], [], None)
    assert page(found).splitlines() == [
        "old.csv -> new.csv",
        "  rows      1,200 -> 1,200   0 added, 0 removed, 1,200 the same",
        "  nothing else differs",
    ]


def test_the_same_rows_in_another_order_and_dtype_are_the_same():
    shuffled = OLD.sample(frac=1, random_state=1).astype({"age": "float64"})
    assert compared(shuffled)["rows"] == {"old": 1200, "new": 1200, "added": 0, "removed": 0}


def test_rows_are_counted_as_often_as_they_occur():
    new = pd.concat([OLD.iloc[100:], OLD.iloc[200:210]])
    assert compared(new)["rows"] == {"old": 1200, "new": 1110, "added": 10, "removed": 100}


def test_what_changed_in_a_column_is_told_the_most_changed_first():
    new = OLD.assign(
        plan=OLD["plan"].replace("old", "gold"),
        price=OLD["price"] * 1.3,
        age=OLD["age"].where(OLD.index > 40),
    )
    found = compared(new)
    assert [item["name"] for item in found["changes"]] == ["plan", "price", "age"]
    assert changed(found, "plan")["levels"] == {"new": ["gold"], "new_count": 1, "gone": ["old"], "gone_count": 1}
    assert changed(found, "age")["missing"] == {"old": 0.0, "new": 0.0341667}
    price = changed(found, "price")
    assert price["range"]["new"][1] == pytest.approx(1.3 * price["range"]["old"][1]) and price["distance"] > 0.1


def test_rows_of_another_draw_do_not_differ():
    assert compared(customers(seed=1), schema=None)["changes"] == []


def test_every_breach_is_told_even_beyond_ten():
    wide = OLD.assign(**{f"n{place}": 1.0 for place in range(14)})
    schema = infer(plain(wide).drop(columns="id"), "old.csv", "churned")
    new = wide.assign(**{f"n{place}": 9.0 for place in range(14)}, region="x").drop(columns="age")
    breaches = compared(new, wide, schema=schema)["schema"]["breaches"]
    assert breaches[:2] == ["column 'age' is gone", "column 'region' is not in it"]
    assert breaches[2] == "column 'n0' has 1,200 values outside 0.5 to 1.5 (9 in row 1, 9 in row 2, 9 in row 3)"
    assert len(breaches) == 16


def test_a_column_may_break_its_rule_twice():
    new = OLD.assign(age=[np.nan] * 100 + [400.0] * 1100)
    assert compared(new)["schema"]["breaches"] == [
        "column 'age' has 1,100 values outside 0 to 110 (400 in row 101, 400 in row 102, 400 in row 103)",
        "column 'age' has no value in 100 of 1,200 rows, 8.3% where 1.0% are allowed (rows 1, 2, 3)",
    ]


def test_repeated_rows_break_the_schema_too():
    new = pd.concat([OLD] + [OLD.head(100)] * 3)
    assert compared(new)["schema"]["breaches"] == ["20.0% of the rows repeat an earlier row, where 5.0% are allowed"]


def test_a_renamed_column_is_recognised():
    breaches = compared(OLD.rename(columns={"age": "ages"}))["schema"]["breaches"]
    assert breaches == ["column 'age' is gone (renamed? there is a new 'ages')", "column 'ages' is not in it"]


def test_columns_added_removed_and_retyped():
    new = OLD.drop(columns="plan").assign(region="x", price=["free"] * 700 + ["dear"] * 500)
    found = compared(new)
    assert found["columns"] == {
        "added": ["region"],
        "removed": ["plan"],
        "retyped": [{"name": "price", "old": "number", "new": "text"}],
    }
    assert found["rows"]["added"] is None and changed(found, "price") is None


def test_the_target_and_the_time():
    later = OLD.assign(
        churned="no", at=pd.date_range("2024-12-01", periods=1200, freq="6h").astype(str)
    )  # and so nothing to learn
    found = compared(later)
    assert found["target"]["new"] == {"no": 1.0} and set(found["target"]["old"]) == {"yes", "no"}
    assert found["time"] == {
        "column": "at",
        "old": ["2024-01-01T00:00:00", "2024-10-26T18:00:00"],
        "new": ["2024-12-01T00:00:00", "2025-09-26T18:00:00"],
    }
    assert "the target is 'no' in every row" in found["refused"]


def test_a_number_as_target():
    given = {"data": {"source": "old.csv", "target": "price", "drop": ["id"]}}
    target = compared(OLD.assign(price=OLD["price"] + 100), given=given, schema=None)["target"]
    assert target["new"]["mean"] == pytest.approx(target["old"]["mean"] + 100, abs=1e-3)


def test_without_an_old_table_the_new_one_is_described():
    found = compared(OLD, None)
    assert (found["old"], found["rows"]) == (None, {"old": None, "new": 1200, "added": None, "removed": None})
    assert found["columns"] == {"added": [], "removed": [], "retyped": []} and found["target"]["old"] is None


def test_a_schema_of_another_table_is_not_held_against_it():
    other = infer(pd.DataFrame({"x": [1.0, 2.0], "z": [1, 2]}), "other.csv", "z")
    found = compared(OLD, schema=other)
    assert found["schema"] == {"file": SCHEMA_FILE, "applies": False, "breaches": []}
    assert "data/schema.yaml describes another table; a new one will be written" in page(found)


@pytest.mark.parametrize(
    "new",
    [
        OLD.head(3),
        OLD.assign(plan=None),
        OLD.assign(price=np.inf),
        OLD.assign(at="yesterday"),
        OLD[["churned"]],
        OLD.drop(columns="churned"),
        OLD.assign(age=OLD["age"] > 30, plan=OLD["age"]),
        OLD.assign(**{"größe | `x`\n": "a" * 3000}),
    ],
    ids=["three rows", "empty column", "infinite", "no time", "only the target", "no target", "retyped", "odd name"],
)  # fmt: skip
def test_any_table_is_compared_and_told_in_eighty_columns(new):
    for before, after in ((OLD, new), (new, OLD), (None, new)):
        found = compared(after, before)
        json.dumps(found, allow_nan=False)
        assert max(map(len, page(found).splitlines())) <= 80


class TestTheCommand:
    @pytest.fixture
    def run(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        files.write_text("params.yaml", YAML)
        files.write_text(SCHEMA_FILE, to_yaml(infer(plain(OLD).drop(columns="id"), "old.csv", "churned")))
        OLD.to_csv("old.csv", sep=";", index=False)
        OLD.assign(age=400).to_csv("wrong.csv", sep=";", index=False)

        def ran(*arguments):
            monkeypatch.setattr(sys, "argv", ["comparison", *arguments])
            try:
                comparison.main()
            except SystemExit as ended:
                return ended.code, capsys.readouterr().out
            return 0, capsys.readouterr().out

        return ran

    def test_it_ends_with_one_where_the_schema_is_broken(self, run):
        code, said = run("old.csv", "wrong.csv", "--json")
        assert code == 1 and len(json.loads(said)["schema"]["breaches"]) == 1
        assert run("old.csv", "old.csv")[0] == 0

    def test_the_old_table_may_be_missing(self, run):
        alone = run("old.csv")
        assert alone == run("gone.csv", "old.csv") and alone[0] == 0
        assert alone[1].splitlines()[:2] == ["old.csv", "  rows      1,200"]

    def test_the_new_one_must_be_there(self, run):
        with pytest.raises(InputError, match=r"gone.csv does not exist\. Give the path of the new table"):
            run("old.csv", "gone.csv")

    def test_it_reads_as_params_yaml_says(self, run):
        OLD.to_csv("commas.csv", index=False)
        with pytest.raises(InputError, match="its fields are separated by a comma"):
            run("old.csv", "commas.csv")


def test_params_are_those_of_the_data_stage():
    assert params.section(GIVEN, "data", comparison.DataParams).time_column == "at"
