"""Asking a project's own stages."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitml.pipeline import own_stages
from gitml.pipeline.own_stages import NoPipeline, StagesSayNo


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a stage for each way to answer."""
    folder = tmp_path / "a project" / "stages"
    folder.mkdir(parents=True)
    scripts = {
        "good": "import json, sys\nprint(json.dumps({'words': sys.argv[1:]}))\nsys.exit(1)",
        "says_no": "import sys\nsys.exit('error: t.csv is empty.\\nIt needs rows.')",
        "lacks": "import no_such_package",
        "crashes": "1 / 0",
        "silent": "",
        "odd": "print('[1]')",
    }
    (folder / "__init__.py").touch()
    for name, script in scripts.items():
        (folder / f"{name}.py").write_text(script + "\n")
    return folder.parent


def test_an_answer_counts_whatever_the_exit_status(project: Path) -> None:
    assert own_stages.has("good", project) and not own_stages.has("none", project)
    assert own_stages.ask("good", ["a b", "--x"], project) == {"words": ["--json", "a b", "--x"]}


def test_the_projects_own_python_is_asked(project: Path) -> None:
    (project / "stages/python").write_text('printf \'{"by": "%s"}\' "$2"\n')
    assert own_stages.ask("good", [], project) == {"by": "stages.good"}
    assert own_stages.ask("good", [], project, is_ours=True) == {"words": ["--json"]}


@pytest.mark.parametrize(
    ("module", "kind", "what", "why"),
    [
        ("says_no", StagesSayNo, "t.csv is empty", "It needs rows."),
        ("lacks", NoPipeline, "a table cannot be read here", "no_such_package"),
        ("crashes", StagesSayNo, "ZeroDivisionError: division by zero", ""),
        ("silent", StagesSayNo, "stages.silent says nothing", ""),
        ("odd", StagesSayNo, "stages.odd says nothing", ""),
        ("none", StagesSayNo, "No module named stages.none", ""),
    ],
)
def test_what_goes_wrong_is_said(project: Path, module: str, kind: type, what: str, why: str) -> None:
    with pytest.raises(kind) as error:
        own_stages.ask(module, [], project)
    assert what in error.value.what and why in error.value.why
