"""What is suggested for a table of one's own makes the pipeline run at once, and each suggestion has its reason."""

import datetime
import decimal
import gzip
import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from stages import data, evaluate, features, files, inspection, inspection_reading, params, train
from stages.errors import InputError
from stages.inspection_page import page
from stages.sources import CsvParams
from tests.pipeline.test_own_table import churn

ROOT = Path(__file__).resolve().parents[2]
GIVEN = params.load(ROOT / "params.yaml")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Stand in an empty project with the repository's own params.yaml."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copy(ROOT / "constraints.txt", tmp_path)
    return tmp_path


def table(rows=400, seed=0, **columns):
    """Return rows of which the target hangs on `a`, and further columns."""
    generator = np.random.default_rng(seed)
    a, b = generator.normal(size=(2, rows)).round(3)
    frame = pd.DataFrame({"a": a, "b": b, "c": generator.choice(["u", "v", "w"], rows), **columns})
    return frame.assign(y=np.where(a + generator.normal(0, 0.5, rows) > 0, "yes", "no"))


def write(frame, name="t.csv", encoding="utf-8", **options):
    content = frame if isinstance(frame, str) else frame.to_csv(index=False, **options)
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return name


def look(frame, target="y", **options):
    return inspection.inspect(write(frame, **options), target, GIVEN)


def put(found):
    """Put the suggestions into params.yaml, each where that file has a value already."""
    yaml = YAML()
    given = yaml.load(Path("params.yaml").read_text(encoding="utf-8"))
    given["train"]["hist_gradient_boosting"]["max_iter"] = 60
    given["evaluate"]["bootstrap"] = 50
    for path, value in found.params.items():
        *sections, last = path.split(".")
        inner = given
        for section in sections:
            inner = inner[section]
        assert last in inner, path
        inner[last] = value
    with open("params.yaml", "w", encoding="utf-8") as file:
        yaml.dump(given, file)


def first_run(found, stages=(data, features)):
    """Run the stages on the suggestions, and return the features and, where evaluate ran, the metrics."""
    put(found)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="skrub|sklearn|onnx.*|torch.*")
        for stage in stages:
            stage.main()
    names = [one["name"] for one in files.read_json("data/features/features.json")["features"]]
    if evaluate not in stages:
        return names, None
    metrics = files.read_json("results/evaluate/metrics.json")
    floor = params.load()["evaluate"]["floor"]
    assert metrics[floor["metric"]] >= floor.get("at_least", -np.inf)
    assert metrics[floor["metric"]] <= floor.get("at_most", np.inf)
    return names, metrics


FOUR = (data, features, train, evaluate)


class TestTheFourStages:
    def test_a_regression_with_dates(self, here):
        generator = np.random.default_rng(2)
        at = pd.date_range("2022-01-01", periods=1500, freq="12h")
        size = generator.normal(0, 1, 1500)
        price = 100 + 20 * size + 10 * np.cos(at.hour / 24 * 2 * np.pi) + generator.normal(0, 5, 1500)
        built = (at - pd.to_timedelta(100, "D")).strftime("%d.%m.%Y")
        found = look(pd.DataFrame({"at": at.astype(str), "size": size, "built": built, "price": price}), "price")
        assert (found.task, found.params["data.time_column"]) == ("regression", "at")
        assert found.params["evaluate.floor"] == {"metric": "r2", "at_least": 0.0}
        assert found.params["data.drop"] == ["built"] and "written as ISO 8601" in found.notes[-1]
        names, _ = first_run(found, FOUR)
        assert names == ["at_month", "at_weekday", "at_hour", "size"]

    def test_many_classes_with_text_categories_and_missing_values(self, here):
        generator = np.random.default_rng(3)
        x, z = generator.normal(size=(2, 1200))
        frame = pd.DataFrame(
            {
                "colour": generator.choice(["red", "green", None], 1200),
                "x": np.where(generator.random(1200) < 0.2, np.nan, x),
                "z": z,
                "kind": np.select([x + z < -1, x + z < 0.2, x + z < 1], ["small", "middle", "large"], "huge"),
            }
        )
        frame.loc[:30, "kind"] = None
        found = look(frame, "kind")
        assert found.task == "multiclass" and found.params["data.drop"] == []
        assert "31 rows without a value of 'kind' will be left out" in found.notes
        first_run(found, FOUR)

    def test_grouped_and_imbalanced(self, here):
        generator = np.random.default_rng(4)
        who = generator.integers(0, 400, 3000)
        age = generator.integers(18, 80, 400)[who]
        risk = age / 20 + generator.normal(0, 0.7, 3000)
        frame = pd.DataFrame({"customer": [f"K{one}" for one in who], "age": age, "fraud": (risk > 4.6).astype(int)})
        found = look(frame, "fraud")
        assert found.params["data.group_column"] == "customer" and found.params["data.positive"] == "1"
        assert any("rows that share one are alike in age" in note for note in found.notes)
        names, metrics = first_run(found, FOUR)
        assert names == ["age"] and metrics["blocks"] < metrics["rows"]

    def test_sixty_rows(self, here):
        found = look(table(60, name=[f"n{number}" for number in range(60)]))
        assert found.params["train.model"] == "logistic" and found.params["data.drop"] == ["name"]
        first_run(found, FOUR)
        assert files.read_json("results/data/metrics.json")["rows"] == {"train": 30, "validation": 12, "test": 18}

    def test_parquet_with_every_kind_of_column(self, here):
        generator = np.random.default_rng(5)
        frame = table().assign(
            when=pd.date_range("2023-01-01", periods=400, tz="Europe/Berlin"),
            flag=generator.random(400) < 0.5,
            kind=pd.Categorical(generator.choice(["p", "q"], 400)),
            cost=[decimal.Decimal(int(number)) / 100 for number in generator.integers(0, 9999, 400)],
            born=[datetime.date(1960, 1, 1) + datetime.timedelta(int(day)) for day in generator.integers(0, 9999, 400)],
            lasted=pd.to_timedelta(generator.integers(0, 99, 400), unit="s"),
            maybe=pd.array([None, True, False, True] * 100, dtype="boolean"),
        )
        frame.to_parquet("t.parquet")
        found = inspection.inspect("t.parquet", "y", GIVEN)
        types = {one["name"]: one["type"] for one in found.columns}
        assert [types[name] for name in ("when", "flag", "kind", "cost", "born", "lasted", "maybe")] == [
            "datetime", "boolean", "text", "number", "datetime", "number", "text",
        ]  # fmt: skip
        assert found.params["data.time_column"] == "when" and found.params["data.drop"] == []
        assert not [path for path in found.params if path.startswith("csv")]
        names, _ = first_run(found, FOUR)
        assert "born_days_before" in names

    def test_semicolons_decimal_commas_and_windows_letters(self, here):
        frame = table().assign(c=np.random.default_rng(1).choice(["Köln", "Zürich", "Wien"], 400))
        found = look(frame, sep=";", decimal=",", encoding="cp1252")
        described = {path: value for path, value in found.params.items() if path.startswith("csv")}
        assert described == {"csv.delimiter": ";", "csv.encoding": "cp1252", "csv.decimal": ","}
        assert any("see whether 'Köln'" in note or "see whether 'Zürich'" in note for note in found.notes)
        first_run(found, FOUR)
        assert set(pd.read_parquet("data/processed/train.parquet")["c"]) == {"Köln", "Zürich", "Wien"}


@pytest.mark.slow
def test_dvc_runs_on_the_suggestions_and_the_data_tests_hold(lay):
    project = lay(None)
    (project.folder / "data/raw").mkdir()
    churn().to_csv(project.folder / "data/raw/churn.csv", index=False)
    done = project.run(
        sys.executable, "-m", "stages.inspection", "data/raw/churn.csv", "--target", "churned", "--json", PYTHONPATH="."
    )
    yaml = YAML()
    given = yaml.load(project.read("params.yaml"))
    for path, value in json.loads(done.stdout)["params"].items():
        section, _, name = path.partition(".")
        given[section][name] = value
    with open(project.folder / "params.yaml", "w", encoding="utf-8") as file:
        yaml.dump(given, file)
    project.dvc("repro")
    assert project.json("results/evaluate/metrics.json")["roc_auc"] > 0.75
    for fold in ("train", "validation", "test"):
        part = pd.read_parquet(project.folder / f"data/features/{fold}.parquet")
        assert set(part["churned"]) == {0, 1} and "customer_id" not in part.columns


class TestTheDataStage:
    """What is kept, what is dropped and why, in tables that the data and features stages then take."""

    @pytest.mark.parametrize(
        ("columns", "dropped", "reason"),
        [
            ({"id": range(400)}, "id", "another value in each row: it names the row"),
            ({"code": [f"{number * 7919:032x}" for number in range(400)]}, "code", "another value in each row"),
            ({"same": 7}, "same", "always '7'"),
            ({"empty": np.nan}, "empty", "no value in any row"),
            ({"when": ["31.12.2024", "1.1.2025", *(f"{day}.3.2025" for day in range(1, 31))] * 12 + ["1.2.2025"] * 16},
             "when", "dates such as '31.12.2024', a form that is not read"),
            ({"amount": [np.inf, *np.linspace(0, 1, 399)]}, "amount", "row 1: the value is infinite (1 of 400 rows)"),
            ({"amount": ["12o", *(f"{number}.5" for number in range(399))]}, "amount",
             "row 1: '12o' is not a number, but 399 of the column's 400 values are"),
            ({"price": [f"${number},000" for number in range(400)]}, "price",
             "numbers with something around them, which are not read"),
            ({"review": [" ".join(["so it went"] * 8) + str(number % 60) for number in range(400)]}, "review",
             "free text of about 89 letters, whose words are not read"),
            ({"prediction": np.linspace(0, 1, 400) ** 2}, "prediction",
             "a model's output has that name: rename it to use it"),
        ],
        ids=["id", "hash", "constant", "empty", "dates", "infinite", "mixed", "dollars", "free text", "output's name"],
    )  # fmt: skip
    def test_a_column_is_dropped(self, here, columns, dropped, reason):
        found = look(table(**columns))
        assert found.params["data.drop"] == [dropped]
        assert found.reasons["data.drop"] == f"{dropped}: {reason}"
        names, _ = first_run(found)
        assert names == ["a", "b", "c"]

    def test_a_perfect_leak_is_dropped_and_a_strong_column_only_noted(self, here):
        frame = table()
        generator = np.random.default_rng(7)
        frame = frame.assign(
            answer=frame["y"].map({"yes": "left", "no": "stayed"}),
            score=np.where(frame["y"] == "yes", 5, -5) + generator.normal(size=400),
        )
        found = look(frame)
        assert found.params["data.drop"] == ["answer", "score"]
        assert "answer: 'y' in other words" in found.reasons["data.drop"]
        assert "score: alone knows 'y' (1.0000 of 1)" in found.reasons["data.drop"]
        assert [note for note in found.notes if "'a' alone predicts 'y'" in note]
        assert first_run(found)[0] == ["a", "b", "c"]

    def test_a_feature_that_tells_one_class_of_three_is_no_leak(self, here):
        kind = np.repeat(["setosa", "versicolor", "virginica"], 50)
        petal = np.repeat([1.5, 4.3, 5.5], 50) + np.random.default_rng(0).normal(0, 0.4, 150)
        found = look(pd.DataFrame({"petal": petal, "species": kind}), "species")
        assert found.params["data.drop"] == []

    def test_codes_keep_their_zeros(self, here):
        codes = [f"{number * 331:05d}" for number in np.random.default_rng(0).integers(0, 30, 400)]
        found = look(table(plz=codes))
        assert found.params["csv.text"] == ["plz"]
        assert found.reasons["csv.text"] == "plz: digits of which some begin with a zero: codes, no numbers"
        first_run(found)
        assert set(pd.read_parquet("data/processed/train.parquet")["plz"]) <= set(codes)

    def test_levels_are_raised_where_they_can_be_learned_from_and_dropped_where_not(self, here):
        generator = np.random.default_rng(0)
        often = [f"k{number}" for number in generator.permutation(np.arange(42_000) % 6000)]
        seldom = [f"s{number}" for number in generator.permutation(np.arange(42_000) % 30_000)]
        found = look(table(42_000, often=often, seldom=seldom))
        assert found.params["validation.max_levels"] == 9000
        assert found.reasons["data.drop"] == "seldom: 30,000 different texts in 42,000 rows"
        assert first_run(found)[0] == ["a", "b", "c", "often"]

    @pytest.mark.slow
    def test_five_hundred_columns(self, here):
        generator = np.random.default_rng(0)
        frame = pd.DataFrame(generator.normal(size=(300, 500)), columns=[f"f{place}" for place in range(500)])
        found = look(frame.assign(y=(frame["f3"] + frame["f7"] > 0).astype(int)))
        assert found.params["data.positive"] == "1" and len(found.columns) == 501
        assert len(first_run(found)[0]) == 500

    def test_odd_names(self, here):
        frame = table().set_axis(["a b", "größe 😀", 'it\'s "q"', "y.z: {x}"], axis=1)
        found = look(frame, "y.z: {x}")
        assert found.params["data.target"] == "y.z: {x}"
        assert first_run(found)[0] == ["a b", "größe 😀", 'it\'s "q"']

    def test_a_name_that_a_date_gives_a_feature(self, here):
        at = pd.date_range("2024-01-01", periods=400).astype(str)
        found = look(table(at=at, at_month=np.tile(np.arange(8), 50)))
        assert found.reasons["data.drop"] == "at_month: 'at' gives a feature of that name: rename it to use it"
        assert "at_month" in first_run(found)[0]

    def test_a_class_of_two_rows(self, here):
        found = look(table().assign(y=["rare"] * 2 + ["no", "yes"] * 199))
        assert found.params["evaluate.floor"]["metric"] == "log_loss"
        assert [note for note in found.notes if "'rare' 2" in note]
        first_run(found)

    def test_times_that_leave_a_fold_without_a_class_do_not_divide_the_rows(self, here):
        at = pd.date_range("2024-01-01", periods=400).astype(str)
        found = look(table(at=at).assign(y=["no"] * 300 + ["yes"] * 100))
        assert found.params["data.time_column"] is None
        assert [note for note in found.notes if note.startswith("divided by 'at', some fold would lack rows")]
        first_run(found)


class TestRoles:
    @pytest.mark.parametrize(
        ("labels", "positive", "reason"),
        [
            (("no", "yes"), "yes", "'yes' says that it happened"),
            ((0, 1), "1", "'1' says that it happened"),
            ((0.0, 1.0), "1", "'1' says that it happened"),
            ((False, True), "True", "'True' says that it happened"),
            ((-1, 1), "1", "'1' says that it happened"),
            (("No", "Maybe"), "Maybe", "'No' says that it did not happen"),
            (("cat", "dog"), "dog", "the rarer of the two, 25.0% of the rows: mostly the one that is looked for"),
        ],
    )
    def test_the_positive_label(self, here, labels, positive, reason):
        found = look(table().assign(y=[labels[0], labels[0], labels[0], labels[1]] * 100))
        assert found.params["data.positive"] == positive and found.reasons["data.positive"] == reason

    @pytest.mark.parametrize(
        ("names", "first"),
        [(["a", "b", "c", "y"], "y"), (["a", "churned", "b", "c"], "churned"), (["Target", "b", "c", "z"], "Target"),
         (["a", "b", "c", "z"], "z"), (["a", "b", "c", "row_id"], "c")],
    )  # fmt: skip
    def test_targets_are_proposed(self, here, names, first):
        found = look(
            table().set_axis(names, axis=1).assign(**({"row_id": range(400)} if "row_id" in names else {})), None
        )
        assert found.targets[0] == first
        assert (found.target, found.task, dict(found.params)) == (None, None, {})

    def test_a_date_of_birth_orders_no_rows(self, here):
        found = look(table(date_of_birth=pd.date_range("1953-01-01", periods=400, freq="30D").astype(str)))
        assert found.params["data.time_column"] is None

    @pytest.mark.parametrize(
        ("columns", "told"),
        [
            ({"store": np.arange(400) % 8, "area": np.arange(400) % 8 * 10}, "fewer than 30 of them"),
            ({"user_id": np.random.default_rng(1).integers(0, 60, 400)}, "no more alike than others"),
        ],
    )
    def test_a_group_that_is_not_certain_is_only_noted(self, here, columns, told):
        found = look(table(**columns))
        assert found.params["data.group_column"] is None
        assert [note for note in found.notes if told in note]

    def test_whole_numbers_of_few_rows_each_are_amounts(self, here):
        found = look(table().assign(y=np.random.default_rng(0).poisson(3, 400)))
        assert (found.task, found.params["task"]) == ("regression", "regression")
        ratings = look(table().assign(y=np.arange(400) % 5))
        assert ratings.task == "multiclass" and "task" not in ratings.params
        assert [note for note in ratings.notes if "if they are amounts, set task: regression" in note]


def test_a_table_too_poor_for_the_projects_tests_is_told(here):
    gaps = np.where(np.arange(400) < 380, np.nan, 1.0) + np.arange(400)
    found = look(table(**{f"x{place}": gaps for place in range(30)}))
    assert found.notes[-1].startswith("the data's quality is about 0.7") and "completeness (0.1" in found.notes[-1]
    first_run(found)
    assert files.read_json("results/data/metrics.json")["quality"]["score"] < 0.8


class TestMistakes:
    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (None, "t.csv does not exist."),
            ("", "t.csv is empty."),
            ("a,b,y\n", "t.csv has column names but no rows."),
            ("1,2.5,yes\n3,4,no\n5,6,yes\n", "its first line is one of values (1, 2.5, yes)."),
            ("a,a,y\n1,2,x\n3,4,z\n", "t.csv has two columns named 'a'"),
            ("__row__,a,y\n1,2,x\n3,4,z\n", "a name the pipeline uses itself"),
            ("sep=;\na;y\n1;x\n", "is for a spreadsheet"),
            ("a,b,Y\n1,2,x\n3,4,z\n", "t.csv has no column 'y'. Did you mean 'Y'?"),
            (table().assign(y="yes"), "the target is 'yes' in every row"),
            (table().assign(y=None), "the target is missing in every row"),
            (table().assign(y=["one"] + ["no", "yes"] * 199 + ["no"]), "the class 'one' has one row"),
            (table().assign(y=[f"${number}.5" for number in range(400)]), "look like numbers: written plainly"),
            (table()[["y"]].assign(id=range(400)), "no column from which 'y' could be predicted; id: another value"),
        ],
    )  # fmt: skip
    def test_each_is_told(self, here, content, told):
        if content is not None:
            write(content)
        with pytest.raises(InputError) as error:
            inspection.inspect("t.csv", "y", GIVEN)
        assert told in str(error.value)

    def test_it_ends_with_exit_code_one_and_nothing_on_stdout(self, here, capsys, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["inspection", "t.csv", "--json"])
        with pytest.raises(SystemExit) as ended:
            inspection.errors.run(inspection.main)
        assert ended.value.code == 1
        said = capsys.readouterr()
        assert said.out == "" and said.err.startswith("error: t.csv does not exist.")


@pytest.mark.parametrize("years", [["1990", "1991", "1992"], ["0", "1", "2"]])
def test_years_and_places_are_names(here, years):
    rows = "".join(f"{number},{number * 2 % 7},{number % 5}.5,{'ab'[number % 2]}\n" for number in range(60))
    found = look(f"{','.join(years)},y\n{rows}")
    assert [one["name"] for one in found.columns] == [*years, "y"]


@pytest.mark.parametrize(
    ("options", "described"),
    [
        ({"sep": "\t"}, {"csv.delimiter": "\t"}),
        ({"sep": "|"}, {"csv.delimiter": "|"}),
        ({"encoding": "utf-16"}, {"csv.encoding": "utf-16"}),
        ({"encoding": "utf-16-le", "sep": ";"}, {"csv.delimiter": ";", "csv.encoding": "utf-16-le"}),
        ({"encoding": "utf-8-sig"}, {}),
        ({"lineterminator": "\r"}, {}),
    ],
)
def test_how_a_file_is_written_is_found_and_proved(here, options, described):
    frame = table().assign(c=np.random.default_rng(1).choice(["Köln", "a,b", "c;\nd"], 400))
    found = look(frame, None, **options)
    assert {path: value for path, value in found.params.items()} == described
    assert [one["name"] for one in found.columns] == ["a", "b", "c", "y"]


def test_a_file_that_is_nearly_utf8_is_named(here):
    Path("t.csv").write_bytes("a,y\n{}".format("Köln,x\nÜber,z\n" * 40).encode() + b"K\xf6ln,x\n")
    found = inspection.inspect("t.csv", None, GIVEN)
    assert found.params["csv.encoding"] == "cp1252" and found.notes[0].startswith("line 82 is not UTF-8, though")


def test_a_packed_file_is_looked_into(here):
    Path("t.csv.gz").write_bytes(gzip.compress(table().to_csv(index=False, sep=";").encode()))
    assert inspection.inspect("t.csv.gz", "y", GIVEN).params["csv.delimiter"] == ";"


@pytest.fixture
def many(here):
    generator = np.random.default_rng(0)
    frame = table(
        6000,
        at=pd.date_range("2023-01-01", periods=6000, freq="h").astype(str),
        gap=np.where(generator.random(6000) < 0.2, np.nan, generator.integers(0, 99, 6000)),
        flag=generator.choice(["True", "False"], 6000),
        plz=[f"{number:05d}" for number in generator.integers(0, 99, 6000) * 331],
        empty=np.nan,
        text=generator.choice(["one\nline", 'a "quote"', "NA", "x"], 6000),
        clock=[f"{number % 24:02d}:30" for number in range(6000)],
    )
    write(frame, "many.csv")
    frame.to_parquet("many.parquet")
    return frame


def test_a_large_file_gives_what_a_small_one_gives(many, monkeypatch):
    small = inspection.inspect("many.csv", "y", GIVEN)
    monkeypatch.setattr(inspection_reading, "LARGE", 1000)
    large = inspection.inspect("many.csv", "y", GIVEN)
    assert large == small


@pytest.mark.parametrize("name", ["many.csv", "many.parquet"])
def test_a_described_table_is_read_the_same_fast_and_slow(many, name, monkeypatch):
    described = CsvParams(text=("plz",))
    slow = inspection_reading.read_described(name, described)
    monkeypatch.setattr(inspection_reading, "LARGE", 1000)
    monkeypatch.setattr(inspection_reading, "FAST_CELLS", 1000)
    fast = inspection_reading.read_described(name, described)
    pd.testing.assert_frame_equal(fast.astype({"at": "datetime64[us]"}), slow.astype({"at": "datetime64[us]"}))


def test_a_wrong_separator_is_told_of_a_large_file_too(many, monkeypatch):
    monkeypatch.setattr(inspection_reading, "LARGE", 1000)
    with pytest.raises(InputError, match="separated by a comma"):
        inspection_reading.read_described("many.csv", CsvParams(delimiter=";"))


def test_of_a_huge_file_parts_are_read(many, monkeypatch):
    many = many.assign(text="x")
    write(many, "many.csv")
    whole = inspection.inspect("many.csv", "y", GIVEN)
    monkeypatch.setattr(inspection_reading, "LARGE", 1000)
    monkeypatch.setattr(inspection_reading, "MOST_BYTES", Path("many.csv").stat().st_size // 2)
    parts = inspection.inspect("many.csv", "y", GIVEN)
    assert 2500 < parts.rows_inspected < 3500 and abs(parts.rows - 6000) < 120
    assert parts.params["data.time_column"] == "at" and parts.params["csv.text"] == whole.params["csv.text"]
    assert [one["type"] for one in parts.columns] == [one["type"] for one in whole.columns]


def test_of_a_huge_parquet_file_row_groups_are_read(many, monkeypatch):
    many.to_parquet("many.parquet", row_group_size=200)
    monkeypatch.setattr(inspection_reading, "FAST_CELLS", 1000)
    monkeypatch.setattr(inspection_reading, "MOST_CELLS", 20_000)
    found = inspection.inspect("many.parquet", "y", GIVEN)
    assert found.rows == 6000 and 1000 < found.rows_inspected < 3000
    assert found.columns[4]["type"] == "number"


def test_only_what_differs_from_params_yaml_is_suggested(here):
    found = look(table(20_000))
    assert list(found.params) == [
        "data.source", "data.target", "data.positive", "data.time_column", "data.group_column", "data.drop",
        "evaluate.floor",
    ]  # fmt: skip
    old = {name: section for name, section in GIVEN.items() if name != "csv"}
    assert not [path for path in inspection.inspect(write(table(), sep=";"), "y", old).params if path.startswith("csv")]


def test_the_json_is_what_the_module_says(here, capsys, monkeypatch):
    write(table(80, id=range(80)))
    monkeypatch.setattr(sys, "argv", ["inspection", "t.csv", "--target", "y", "--json"])
    inspection.main()
    found = json.loads(capsys.readouterr().out)
    assert list(found) == [
        "source", "rows", "rows_inspected", "columns", "targets", "target", "task", "params", "reasons", "notes",
    ]  # fmt: skip
    assert found["columns"][3] == {
        "name": "id", "type": "integer", "missing": 0.0, "different": 80, "role": "dropped",
        "reason": "another value in each row: it names the row",
    }  # fmt: skip
    assert found["columns"][4]["role"] == "target" and set(found["reasons"]) <= set(found["params"])


def test_the_text_is_eighty_columns_wide(here):
    text = page(look(table(id=range(400), when=["31.12.2024", "1.1.2025"] * 200)))
    assert text.startswith("t.csv: 400 rows, 6 columns, 1 of them dropped\nPredicting 'y' (binary)\n")
    assert max(map(len, text.splitlines())) <= 80
