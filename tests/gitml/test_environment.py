"""What is read of DVC without importing it, at its edges."""

from __future__ import annotations

from pathlib import Path

from gitml.pipeline.environment import LARGEST, Hold, installed, project_root, read_hold, read_lock_state


def test_a_package_that_is_not_there_has_no_version() -> None:
    assert installed("no-such-package-as-this") is None
    assert installed("dvc") is not None


def test_a_project_is_not_looked_for_above_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "repository" / "src").mkdir(parents=True)
    assert project_root(tmp_path / "repository" / "src", tmp_path / "repository") is None
    assert project_root(tmp_path / "repository" / "src", tmp_path) == tmp_path


def test_a_huge_lock_file_is_not_parsed(tmp_path: Path) -> None:
    with open(tmp_path / "dvc.lock", "wb") as file:
        file.truncate(LARGEST + 1)
    assert read_lock_state(tmp_path) == "too large"


def test_a_process_number_that_no_process_can_have_is_dead(tmp_path: Path) -> None:
    folder = tmp_path / ".dvc" / "tmp"
    folder.mkdir(parents=True)
    holder = '{"write": {"/x": {"pid": %s, "cmd": "dvc repro"}}}'
    for pid in (-1, 0, 2**31 - 1, 2**80):
        (folder / "rwlock").write_text(holder % pid)
        assert read_hold(tmp_path) == Hold("abandoned", (pid,))


def test_the_first_process_always_runs(tmp_path: Path) -> None:
    folder = tmp_path / ".dvc" / "tmp"
    folder.mkdir(parents=True)
    (folder / "rwlock").write_text('{"read": {"/x": [{"pid": 1, "cmd": "dvc repro"}]}}')
    assert read_hold(tmp_path) == Hold("held", (1,))
