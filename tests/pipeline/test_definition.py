"""dvc.yaml says what each stage really depends on."""

import ast
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
DVC = YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
STAGES = ("data", "features", "train", "evaluate")


def imported(path: Path) -> set[Path]:
    """Return the files of stages/ that a file imports, directly or not, itself among them."""
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        for node in ast.walk(ast.parse(current.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("stages"):
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names if alias.name.startswith("stages.")]
            for name in names:
                place = ROOT / Path(*name.split("."))
                waiting += [file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()]
    return seen - {ROOT / "stages/__init__.py"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_code_that_it_imports_and_on_no_other(stage):
    deps = {dep for dep in DVC["stages"][stage]["deps"] if dep.startswith("stages/")}
    code = {str(path.relative_to(ROOT)) for path in imported(ROOT / f"stages/{stage}.py")}
    if "stages/models" in deps:  # the models are imported by name
        code = {path for path in code if not path.startswith("stages/models/")} | {"stages/models"}
    assert deps == code


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_depends_on_the_constraints(stage):
    assert "constraints.txt" in DVC["stages"][stage]["deps"]


def test_evaluate_knows_no_training_code():
    code = imported(ROOT / "stages/evaluate.py")
    assert not [path for path in code if "models" in path.parts or path.name == "train.py"]


def test_every_metric_and_plot_is_the_out_of_a_stage():
    outs = set()
    for stage in DVC["stages"].values():
        for kind in ("outs", "metrics", "plots"):
            outs |= {name for out in stage.get(kind, []) for name in ([out] if isinstance(out, str) else out)}
    for plot in DVC.get("plots", []):
        for definition in plot.values():
            files = definition["y"] if isinstance(definition["y"], dict) else {}
            for file in files:
                assert any(file == out or file.startswith(f"{out}/") for out in outs), file
    assert "metrics" not in DVC


def test_no_stage_and_no_tool_import_each_other():
    for folder, other in (("stages", "gitml"), ("gitml", "stages")):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert f"import {other}" not in text and f"from {other}" not in text, path
