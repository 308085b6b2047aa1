"""A team: a server with pre-receive, a DVC remote, and clones of a tiny project with experiments that can be released.

It is made once, with real DVC, and copied for each test.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gitml.hooks import install as installation
from gitml.reports import document

from .conftest import Done, Repo, Server
from .tiny_projects import FILES, Project

CONFIG = """\
[metric]
name = "roc_auc"

[gates.roc_auc]
min = 0.7005
tolerance = 0.005
"""

APPROVED_BY_ONE = "\n[approvals]\nneeded = 1\n"

EXPERIMENTS = {"small": "1e-4", "lower": "3e-3", "middle": "5e-3", "higher": "9e-3"}
"""The experiments of a team by their learning rates: ``roc_auc`` is 0.7 and the rate; only ``small`` is refused."""


class Team:
    """The folder with all of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = Server(folder / "server.git")
        self.storage = folder / "storage"
        self.ada = Project(folder / "ada")

    def clone(self, name: str, email: str = "") -> Project:
        """Make a clone of a colleague's, with gitml's hooks."""
        made = Project(self.server.clone(name).path)
        made.git("config", "user.name", name.capitalize())
        made.git("config", "user.email", email or f"{name}@example.com")
        return made

    def signer(self, clone: Repo, name: str) -> str:
        """Give a clone an SSH key to sign with, and return its line in allowed_signers."""
        key = self.folder / f"key-{name}"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key], check=True)
        clone.git("config", "gpg.format", "ssh")
        clone.git("config", "user.signingkey", str(key))
        return f"{clone.git('config', 'user.email')} {key.with_suffix('.pub').read_text()}"

    def law(self, text: str, **files: str) -> None:
        """Let gitml.toml of the server's main say this."""
        self.ada.git("switch", "--quiet", "main")
        self.ada.commit("infra: rules", **{"gitml.toml": text, **files})
        self.ada.git("push", "--quiet", "origin", "main")

    def refs(self) -> dict[str, str]:
        """Return what the server has, by full names."""
        lines = self.server.git("for-each-ref", "--format=%(refname) %(objectname)").split("\n")
        return {name: oid for name, _, oid in (line.partition(" ") for line in lines) if name}

    def tree(self, revision: str) -> str:
        return self.server.git("rev-parse", f"{revision}^{{tree}}")

    def production(self) -> list[str]:
        """Return the subjects of production's history, oldest first."""
        return self.server.git("log", "--reverse", "--first-parent", "--format=%s", PRODUCTION).split("\n")

    def is_sound(self) -> bool:
        return self.server.run("git", "fsck", "--strict").code == 0


PRODUCTION = "production/production-model"

_MADE: list[Path] = []


@pytest.fixture
def team(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Team:
    """Ada's clone has four finished experiments that are not pushed; nothing is released."""
    if not _MADE:
        _MADE.append(_make(tmp_path_factory.mktemp("team")))
    folder = tmp_path / "team"
    shutil.copytree(_MADE[0], folder, symlinks=True)
    made = Team(folder)
    made.ada.git("remote", "set-url", "origin", str(made.server.path))
    return made


def _make(folder: Path) -> Path:
    made = Team(folder)
    ada = made.ada
    ada.path.mkdir()
    made.storage.mkdir()
    ada.git("init", "--quiet")
    ada.write(".dvc/config", "[core]\n    remote = storage\n['remote \"storage\"']\n    url = ../../storage\n")
    ada.write(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
    artifact = "artifacts:\n  model:\n    path: models/model\n    type: model\n"
    ada.commit("infra: start", **{**FILES, "dvc.yaml": FILES["dvc.yaml"] + artifact, "gitml.toml": CONFIG})
    _run(ada, "dvc", "repro", "--quiet")
    ada.commit("experiment: first results")
    ada.git("clone", "--quiet", "--bare", ".", str(made.server.path))
    place = installation.find_for(True, made.server.path)
    installation.carry_out(installation.plan_install(place), place)
    ada.git("remote", "add", "origin", str(made.server.path))
    ada.git("fetch", "--quiet")
    ada.git("remote", "set-head", "origin", "main")
    _run(ada, "gitml", "data", "push")
    for slug, rate in EXPERIMENTS.items():
        ada.git("switch", "--quiet", "main")
        _run(ada, "gitml", "exp", "run", "-n", slug, "-S", f"lr={rate}", "-m", "it is better")
        finish_report(ada, slug)
        ada.git("commit", "--quiet", "--all", "-m", "experiment: conclusions")
    ada.git("switch", "--quiet", "main")
    return folder


def finish_report(repo: Repo, slug: str) -> None:
    """Write what a person owes to a report."""
    file = repo.path / document.path(slug)
    text = document.decoded(file.read_bytes())
    for section in ("Objective", "Hypothesis", "Conclusions", "What worked", "Next steps"):
        text = document.answer(text, section, f"Words about {section}.")
    file.write_bytes(document.encoded(text))


def _run(repo: Repo, module: str, *words: str) -> Done:
    done = repo.run(sys.executable, "-m", module, *words)
    assert done.code == 0, done
    return done


def released(team: Team, gitml: object, *slugs: str) -> None:
    """Release experiments, one after the other."""
    assert callable(gitml)
    for slug in slugs:
        done = gitml("model", "release", slug, at=team.ada.path)
        assert done.code == 0, done.err


def deployed(team: Team, gitml: object, version: str) -> None:
    """Promote a release and merge it, without a forge."""
    assert callable(gitml)
    for flags in ((), ("--merge",)):
        done = gitml("model", "promote", version, *flags, at=team.ada.path)
        assert done.code == 0, done.err
