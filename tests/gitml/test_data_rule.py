"""data-present: a colleague who gets a commit gets its data too."""

from __future__ import annotations

import pytest

from gitml.config import DEFAULTS, Config
from gitml.conventions.amounts import amount_in_words, bytes_in_words, files_in_words
from gitml.pipeline.storage import DataObject
from gitml.policy.data import data_present
from gitml.policy.rules import Violation

OBJECTS = [
    DataObject("0" * 32, "model/model.onnx", 4_000_000),
    DataObject("1" * 32 + ".dir", "data/raw", 100_000, files=40),
    DataObject("2" * 32, "odd\x1b[31m\n", 1),
    DataObject("3" * 32, "d", 0),
    DataObject("4" * 32, "e", 0),
]


def test_one_violation_says_how_much_and_names_three() -> None:
    assert data_present(OBJECTS, DEFAULTS, True, "models/model-v4") == [
        Violation(
            "data-present",
            "error",
            "44 files, 4.1 MB of models/model-v4 are not in the DVC remote",
            "model/model.onnx, data/raw, odd\\x1b[31m\\n and 2 more. A clone could not check them out.",
            ("gitml data push models/model-v4",),
        )
    ]


def test_one_file_of_an_unknown_size() -> None:
    assert data_present([DataObject("0" * 32, "a b")], DEFAULTS, False) == [
        Violation(
            "data-present",
            "warn",
            "1 file of HEAD is not in the DVC remote",
            "a b. A clone could not check it out.",
            ("gitml data push HEAD",),
        )
    ]


@pytest.mark.parametrize(
    ("level", "is_released", "severities"),
    [
        ("error", True, ["error"]),
        ("error", False, ["warn"]),
        ("warn", True, ["warn"]),
        ("warn", False, ["warn"]),
        ("off", True, []),
        ("off", False, []),
    ],
)
def test_the_level(level: str, is_released: bool, severities: list[str]) -> None:
    config = Config(rules=(("data-present", level),))
    assert [each.severity for each in data_present(OBJECTS, config, is_released)] == severities


def test_nothing_lacks() -> None:
    assert data_present([], DEFAULTS, True) == []


def test_a_ref_that_a_shell_would_obey_is_quoted() -> None:
    (violation,) = data_present(OBJECTS, DEFAULTS, True, "x$(reboot)")
    assert violation.mend == ("gitml data push 'x$(reboot)'",)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (4_100_000, "4.1 MB"),
        (999_950_000_000, "1.0 TB"),
        (1_234_000_000_000_000, "1,234.0 TB"),
    ],
)
def test_bytes(size: int, words: str) -> None:
    assert bytes_in_words(size) == words


def test_amounts() -> None:
    assert files_in_words(12_000) == "12,000 files"
    assert amount_in_words(1, [None]) == "1 file"
    assert amount_in_words(2, [1000, None]) == "2 files, at least 1.0 kB"
    assert amount_in_words(2, [0, 0]) == "2 files, 0 bytes"
