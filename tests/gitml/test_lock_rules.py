"""lock-forged, lock-stale and metric-covered: from what was found to what is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitml import doctor
from gitml.config import Config
from gitml.pipeline.findings import Finding, Verdict
from gitml.policy.lock import lock_forged, lock_stale, metric_covered
from gitml.policy.rules import Violation

FOUND = Verdict(
    (
        Finding("stale", "", "file", "sub/dvc.lock", "unreadable", "a key stands twice in one mapping"),
        Finding("stale", "train", "cmd", "train", "modified"),
        Finding("stale", "train", "dep", "stages/train.py", "modified"),
        Finding("stale", "train", "dep", "data/raw", "modified", "prepare made another one"),
        Finding("stale", "train", "param", "params.yaml:train.lr", "modified", "0.1 -> 0.2"),
        Finding("forged", "train", "out", "results/train/metrics.json", "modified"),
        Finding("forged", "sub/dvc.yaml:s", "out", "sub/a b\x1b[31m.json", "modified"),
        Finding("stale", "sub/dvc.yaml:s", "stage", "sub/dvc.yaml:s", "new", "it was never run"),
        Finding("stale", "sub/dvc.yaml:t", "dep", "x", "deleted"),
        Finding("unverifiable", "train", "dep", "big.bin", "unclear", "git keeps big.bin in LFS"),
        Finding("uncovered", "", "metric", "eval.json", "new", "dvc.yaml names it, and no stage writes it"),
    ),
    3,
)

WHY = "Its bytes differ from the md5 in dvc.lock. It was edited, merged, or not committed with its run."


def test_what_was_forged() -> None:
    assert lock_forged(FOUND, Config()) == [
        Violation(
            "lock-forged",
            "error",
            "results/train/metrics.json is not what train wrote",
            WHY,
            ("dvc repro train", "git add -- results/train/metrics.json dvc.lock"),
        ),
        Violation(
            "lock-forged",
            "error",
            "sub/a b\\x1b[31m.json is not what sub/dvc.yaml:s wrote",
            WHY,
            ("dvc repro sub/dvc.yaml:s", 'git add -- "sub/a b\x1b[31m.json" sub/dvc.lock'),
        ),
    ]


def test_what_is_stale_on_a_release() -> None:
    assert lock_stale(FOUND, Config(), is_released=True) == [
        Violation(
            "lock-stale",
            "error",
            "sub/dvc.lock cannot be read",
            "a key stands twice in one mapping.",
            ("git checkout HEAD~1 -- sub/dvc.lock", "dvc repro"),
        ),
        Violation(
            "lock-stale",
            "error",
            "train would run again",
            "its command changed; stages/train.py changed; data/raw changed: prepare made another one; and 1 more.",
            ("dvc repro train",),
        ),
        Violation(
            "lock-stale", "error", "sub/dvc.yaml:s would run again", "it was never run.", ("dvc repro sub/dvc.yaml:s",)
        ),
        Violation(
            "lock-stale",
            "error",
            "sub/dvc.yaml:t would run again",
            "x is not in the commit.",
            ("dvc repro sub/dvc.yaml:t",),
        ),
    ]


def test_a_stale_stage_is_a_part_of_working_elsewhere() -> None:
    assert {found.severity for found in lock_stale(FOUND, Config(), is_released=False)} == {"warn"}


def test_a_metrics_file_of_no_stage() -> None:
    (found,) = metric_covered(FOUND, Config())
    assert (found.rule, found.severity, found.what, found.mend) == (
        "metric-covered",
        "error",
        "eval.json is the out of no stage",
        (),
    )


def test_the_project_chooses_the_level() -> None:
    warned = Config(rules=(("lock-forged", "warn"), ("lock-stale", "warn"), ("metric-covered", "warn")))
    found = (*lock_forged(FOUND, warned), *lock_stale(FOUND, warned, True), *metric_covered(FOUND, warned))
    assert {one.severity for one in found} == {"warn"}
    off = Config(rules=(("lock-forged", "off"), ("lock-stale", "off"), ("metric-covered", "off")))
    assert lock_forged(FOUND, off) == lock_stale(FOUND, off, True) == metric_covered(FOUND, off) == []


def test_nothing_found_is_nothing_said() -> None:
    clean = Verdict((), 2)
    assert lock_forged(clean, Config()) == lock_stale(clean, Config(), True) == metric_covered(clean, Config()) == []


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ((), ["ok lock: HEAD has what its stages wrote"]),
        (FOUND.findings[9:10], ["ok lock: HEAD has what its stages wrote; 1 entry only DVC can judge"]),
        (
            FOUND.findings,
            [
                "warning lock: results/train/metrics.json and 1 more in HEAD: not what train and 1 more wrote",
                "warning metrics: eval.json in HEAD: the out of no stage",
            ],
        ),
        (FOUND.findings[1:4], ["warning lock: train would run again"]),
    ],
)
def test_the_doctor_says_it(findings: tuple[Finding, ...], expected: list[str]) -> None:
    found = doctor.recorded(Verdict(findings, 2))
    assert [f"{one.state} {one.check}: {one.says}" for one in found] == expected


def test_the_doctor_names_the_command() -> None:
    assert doctor.recorded(FOUND)[0].mend == ("dvc repro train sub/dvc.yaml:s",)
    assert (
        doctor.recorded(Verdict(FOUND.findings[1:3], 1))[0].why
        == "In HEAD its command changed; stages/train.py changed."
    )


def test_without_stages_the_doctor_says_nothing(tmp_path: Path) -> None:
    assert doctor.recorded(Verdict((), 0)) == []
