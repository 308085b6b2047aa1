"""A mistake, or a disk that cannot take the file, is one paragraph and exit code 1; a bug keeps its traceback."""

import errno
import os

import pytest

from stages import errors
from stages.errors import InputError


def told(capsys, fault):
    def main():
        raise fault

    with pytest.raises(SystemExit) as ended:
        errors.run(main)
    assert ended.value.code == 1
    return capsys.readouterr().err


def test_a_mistake_is_one_paragraph(capsys):
    assert told(capsys, InputError("a.csv is\nempty.", "Fill it.")) == "error: a.csv is empty. Fill it.\n"


@pytest.mark.parametrize(
    ("number", "mend"), [(errno.ENOSPC, "Free some space"), (errno.EROFS, "right to it"), (errno.EACCES, "right to it")]
)
def test_so_is_a_disk_that_cannot_take_the_file(capsys, number, mend):
    said = " ".join(told(capsys, OSError(number, os.strerror(number), "data/processed")).split())
    assert said.startswith("error: data/processed cannot be read or written: ") and mend in said


@pytest.mark.parametrize("fault", [ValueError("x"), OSError(errno.EIO, "x")])
def test_a_bug_keeps_its_traceback(fault):
    def main():
        raise fault

    with pytest.raises(type(fault)):
        errors.run(main)
