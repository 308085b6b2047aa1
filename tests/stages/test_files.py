"""A file is written whole or not at all."""

import errno

import pytest

from stages import files


def test_a_text_takes_the_place_of_an_older_one(tmp_path):
    for text in ("first\n", "second\n"):
        files.write_text(tmp_path / "new/a.txt", text)
    assert (tmp_path / "new/a.txt").read_bytes() == b"second\n"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_a_folder_takes_the_place_of_an_older_one(tmp_path):
    for name in ("old", "new"):
        with files.replacing(tmp_path / "folder") as folder:
            folder.mkdir()
            (folder / name).write_text("x")
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_everything_as_it_was(tmp_path, fault):
    files.write_text(tmp_path / "a.txt", "before")
    with pytest.raises(fault), files.replacing(tmp_path / "a.txt") as path:
        path.write_text("half")
        raise fault
    assert (tmp_path / "a.txt").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_json_is_strict_both_ways(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"ä": [1.5]})
    assert files.read_json(path) == {"ä": [1.5]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(path, {"a": float("nan")})
    for text, message in (('{"a": NaN}', "NaN is not JSON"), ('{"a": 1, "a": 2}', "a key is given twice")):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            files.read_json(path)


def test_floats_are_rounded_to_six_digits_wherever_they_are():
    value = {"a": [0.123456789, (1234567.89,)], "b": 5, "c": "0.123456789", "d": float("inf")}
    assert files.rounded(value) == {"a": [0.123457, [1234570.0]], "b": 5, "c": "0.123456789", "d": float("inf")}


def test_a_disk_that_is_full_is_told_with_the_file(tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError) as error, files.replacing(tmp_path / "a.txt"):
        raise full
    assert error.value.filename == str(tmp_path / "a.txt")
