"""What a start costs: nobody waits for what is not used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .yardstick import cost

ROOT = Path(__file__).parents[2]
HEAVY = {
    "click",
    "dataclasses",
    "dvc",
    "git",
    "importlib.metadata",
    "numpy",
    "pandas",
    "rich",
    "sklearn",
    "torch",
    "yaml",
}


def _run(code: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def _loaded(code: str) -> set[str]:
    return set(_run(f"{code}\nimport sys; print('\\n'.join(sys.modules))").splitlines())


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_help_and_version_load_nothing_heavy(words: list[str]) -> None:
    loaded = _loaded(f"from gitml.cli.main import main; main({words})")
    assert "gitml.cli.commands" in loaded
    assert loaded & HEAVY == set()


def test_a_command_loads_click_and_no_other_command() -> None:
    loaded = _loaded("from gitml.cli.main import main; main(['nothing'])")
    assert "click" in loaded
    assert loaded & (HEAVY - {"click", "dataclasses"}) == set()
    assert "gitml.cli.doctor" not in loaded


def test_doctor_loads_neither_dvc_nor_the_pipeline() -> None:
    loaded = _loaded("from gitml.cli.main import main; main(['doctor'])")
    assert "gitml.doctor" in loaded
    assert loaded & {"dvc", "git", "numpy", "pandas", "rich", "sklearn", "torch"} == set()


@pytest.mark.parametrize("module", ["gitml", "gitml.errors", "gitml.git.command"])
def test_what_a_hook_imports_loads_no_dataclasses(module: str) -> None:
    assert {"dataclasses", "inspect"} & (_loaded(f"import {module}") - _loaded("pass")) == set()


def test_help_takes_at_most_four_bare_interpreters() -> None:
    price = cost(lambda: _run("from gitml.cli.main import main; main(['--help'])"), lambda: _run("pass"), rounds=9)
    assert price <= 4
