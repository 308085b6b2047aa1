"""Projects to test on: real copies of this one, run by the real DVC."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from stages.presets import lay_down
from tests.model.ran import Ran

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Project(Ran):
    """A folder with the pipeline in it, in which commands can be run."""

    def run(self, *command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder, with this environment's Python and nothing else of the user's."""
        done = subprocess.run(
            command, cwd=self.folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=600
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} gave {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def dvc(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run DVC."""
        return self.run(sys.executable, "-m", "dvc", *arguments, check=check)

    def stage(self, name: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one stage as dvc.yaml would."""
        return self.run("sh", "stages/python", "-m", f"stages.{name}", check=check)

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that stands in a file once."""
        text = self.read(path)
        assert text.count(old) == 1, f"{old!r} stands in {path} {text.count(old)} times"
        (self.folder / path).write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(autouse=True, scope="session")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give every process of the tests a home of its own: no one's git or DVC settings, no one's caches."""
    home = tmp_path_factory.mktemp("home")
    settings = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(home / "dvc"),
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "VIRTUAL_ENV": sys.prefix,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        # as on a user's machine: Python leaves __pycache__ beside the code
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        (home / "gitconfig").write_text(
            "[user]\n\tname = Test\n\temail = test@example.com\n[init]\n\tdefaultBranch = main\n", encoding="utf-8"
        )
        yield


@pytest.fixture
def lay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Project]:
    """Lay down a copy of the project: ``lay("smoke", {"train": {"model": "mlp"}})``."""
    monkeypatch.chdir(ROOT)

    def laid(preset: str | None = "smoke", changes: dict | None = None, name: str = "project") -> Project:
        lay_down(preset, tmp_path / name, changes)
        return Project(tmp_path / name)

    return laid


@pytest.fixture(scope="session")
def smoke(own_home: None, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The smoke preset after `dvc repro`; run once however many workers there are. Not to be changed."""
    base = tmp_path_factory.getbasetemp()
    # the workers of one run share a parent folder; without workers that parent outlives the run
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "smoke"
    with FileLock(f"{folder}.lock"):
        project = Project(folder)
        if not (folder / "dvc.lock").is_file():
            here = Path.cwd()
            os.chdir(ROOT)
            try:
                lay_down("smoke", folder)
            finally:
                os.chdir(here)
            project.dvc("repro")
    return project


def _projects() -> list[str]:
    """Test the model that `make run` made here too, where there is one."""
    return ["smoke", "here"] if (ROOT / "models/model/signature.json").is_file() else ["smoke"]


@pytest.fixture(params=_projects())
def project(request: pytest.FixtureRequest) -> Project:
    """A project that has run: the smoke preset, and this repository itself if it has run."""
    return request.getfixturevalue("smoke") if request.param == "smoke" else Project(ROOT)
