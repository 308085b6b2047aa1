"""The project around the code: what is installed, at which versions, and by which commands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gitml import __version__, doctor
from gitml.scaffold import own

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _pins(*files: str) -> dict[str, Requirement]:
    lines = [line for file in files for line in (ROOT / file).read_text().splitlines()]
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert len({canonicalize_name(pin.name) for pin in pins}) == len(pins), "a package is pinned twice"
    return {canonicalize_name(pin.name): pin for pin in pins}


def _required(*extras: str) -> list[Requirement]:
    lists = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    return [Requirement(line) for lines in lists for line in lines]


class TestVersions:
    def test_torch_is_exactly_the_one_that_pulls_no_cuda(self) -> None:
        assert str(_pins("constraints.txt")["torch"]) == "torch==2.13.0"
        assert "torch==2.13.0" in PROJECT["optional-dependencies"]["pipeline"]
        assert doctor.TORCH == "2.13.0"

    def test_every_pin_is_exact(self) -> None:
        for pin in _pins("constraints.txt", "constraints-dev.txt").values():
            assert re.fullmatch(r"[\w.-]+==[\w.]+", str(pin).partition(";")[0].strip()), pin

    @pytest.mark.parametrize(
        ("extras", "files"),
        [
            ((), ["constraints.txt"]),
            (("pipeline",), ["constraints.txt"]),
            (("dev",), ["constraints.txt", "constraints-dev.txt"]),
        ],
    )
    def test_every_dependency_is_pinned_within_its_range(self, extras: tuple[str, ...], files: list[str]) -> None:
        pins = _pins(*files)
        for required in _required(*extras):
            (pin,) = pins[canonicalize_name(required.name)].specifier
            assert required.specifier.contains(pin.version), required

    def test_the_command_line_needs_neither_torch_nor_pandas(self) -> None:
        heavy = {"matplotlib", "numpy", "onnx", "pandas", "pyarrow", "scikit-learn", "scipy", "torch"}
        assert heavy & {required.name for required in _required()} == set()

    def test_doctor_asks_for_what_the_project_requires(self) -> None:
        floor = {required.name: str(required.specifier) for required in _required()}
        assert floor["dvc"] == ">=" + ".".join(map(str, doctor.OLDEST_DVC))
        assert PROJECT["requires-python"] == ">=" + ".".join(map(str, doctor.OLDEST_PYTHON))


def test_the_wheel_holds_gitml_and_what_it_lays_down(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    targets = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    for name in ("pyproject.toml", "README.md", "LICENSE", "gitml", *targets["wheel"]["force-include"]):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name)
        else:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    with zipfile.ZipFile(tmp_path / f"gitml-{__version__}-py3-none-any.whl") as wheel:
        names = set(wheel.namelist())
        scripts = wheel.read(f"gitml-{__version__}.dist-info/entry_points.txt").decode()
    assert {name.partition("/")[0] for name in names} == {"gitml", f"gitml-{__version__}.dist-info"}
    assert {
        "gitml/py.typed",
        "gitml/cli/doctor.py",
        "gitml/scaffold/ci/github.yml",
        "gitml/scaffold/project/notebooks/01-exploration.ipynb",
        f"gitml-{__version__}.dist-info/licenses/LICENSE",
    } <= names
    packed = {name.removeprefix("gitml/scaffold/own/") for name in names if name.startswith("gitml/scaffold/own/")}
    assert packed == own.files(is_example=True).keys()
    assert scripts == "[console_scripts]\ngitml = gitml.cli.main:main\n"


def test_no_file_names_a_registry_or_somebodys_folder() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    registry = r"pypi\.(?:org|io)|pythonhosted|index-url"
    home = r"/home/\w|/root/\w|/Users/\w|[A-Z]:\\Users"
    forbidden = re.compile(rf"{registry}|{home}".encode())
    found = {}
    for name in map(os.fsdecode, filter(None, listed.split(b"\0"))):
        file = ROOT / name
        if file.is_file() and file != Path(__file__) and file.stat().st_size < 2**20:
            found[name] = sorted({match.group() for match in forbidden.finditer(file.read_bytes())})
    assert {name: words for name, words in found.items() if words} == {}


class TestMake:
    """The Makefile, in a folder of its own."""

    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON", "VIRTUAL_ENV"):
            monkeypatch.delenv(name, raising=False)
        folder = tmp_path / "a project"
        folder.mkdir()
        shutil.copy(ROOT / "Makefile", folder)
        (folder / "gitml/scaffold/project").mkdir(parents=True)
        shutil.copy(ROOT / "gitml/scaffold/project/environment.mk", folder / "gitml/scaffold/project")
        for name in ("pyproject.toml", "constraints.txt", "constraints-dev.txt"):
            (folder / name).touch()
        return folder

    def test_alone_it_lists_every_target(self, folder: Path) -> None:
        targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert targets is not None
        listed = re.findall(r"^make (\S+) ", _make(folder).stdout, re.MULTILINE)
        assert {*listed, "help", "FORCE"} == set(targets[1].split())

    def test_without_a_new_python_it_says_so(self, folder: Path) -> None:
        done = _make(folder, "run", "PYTHON=/bin/false")
        assert done.returncode == 2
        assert done.stderr.splitlines()[0] == (
            "No Python 3.11 or newer is /bin/false. Install one, or name it: make PYTHON=/path/to/python3.11"
        )
        assert not (folder / ".venv").exists()

    def test_without_ensurepip_it_names_the_package(self, folder: Path) -> None:
        python = folder / "python"
        python.write_text('#!/bin/sh\ncase "$2" in *_base_executable*) echo "$0" ;; *) exit 1 ;; esac\n')
        python.chmod(0o755)
        done = _make(folder, "run", f"PYTHON={python}")
        assert done.returncode == 2
        assert done.stderr.splitlines()[0] == (
            f"{python} cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv"
        )

    @pytest.mark.slow
    def test_an_environment_is_made_once_and_again_when_it_was_moved(self, folder: Path) -> None:
        made = _make(folder, ".venv/.made")
        again = _make(folder, ".venv/.made")
        assert (made.returncode, made.stderr.startswith("making .venv with Python 3.")) == (0, True)
        assert (again.returncode, again.stderr) == (0, "")
        moved = folder.rename(folder.parent / "moved")
        assert _make(moved, ".venv/.made").stderr == made.stderr
        pip = subprocess.run([moved / ".venv/bin/pip", "--version"], check=True, capture_output=True, text=True).stdout
        assert str(moved) in pip

    @pytest.mark.slow
    def test_an_environment_whose_python_is_gone_is_made_again(self, folder: Path) -> None:
        assert _make(folder, ".venv/.made").returncode == 0
        (folder / ".venv/bin/python").unlink()
        (folder / ".venv/bin/python").symlink_to("/nowhere/python3")
        assert _make(folder, ".venv/.made").stderr.startswith("making .venv with Python 3.")
        assert subprocess.run([folder / ".venv/bin/python", "-c", "pass"], check=True).returncode == 0


def _make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *words], cwd=folder, capture_output=True, text=True, check=False
    )
