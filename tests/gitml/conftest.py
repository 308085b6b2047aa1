"""Real git in a temporary folder with a home of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from gitml.cli.main import main
from gitml.hooks import install as installation
from gitml.reports import document

from .forge_fixtures import gitea_server, github_server, gitlab_server, pauses  # noqa: F401

ROOT = Path(__file__).parents[2]


class Done(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


class Repo:
    """A git repository with one commit on `main`, and words to change it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def git(self, *words: str) -> str:
        return subprocess.run(["git", *words], cwd=self.path, check=True, capture_output=True, text=True).stdout.strip()

    def run(self, *words: str, at: str = ".", stdin: str | bytes = b"", **environment: str) -> Done:
        """Run a command in one of its folders, whatever comes of it."""
        done = subprocess.run(
            words,
            cwd=self.path / at,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            env={**os.environ, **environment},
            capture_output=True,
            check=False,
        )
        return Done(done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))

    def message(self, revision: str = "HEAD") -> str:
        """Return a commit's whole message."""
        return self.run("git", "log", "-1", "--format=%B", revision).out.removesuffix("\n")

    def editor(self, script: str) -> str:
        """Write an editor: lines of shell that get the file as $1; what the file was is kept in ../opened."""
        file = self.path.parent / "editor"
        file.write_text(f'#!/bin/sh\ncat "$1" > "{self.path.parent}/opened"\n{script}\n')
        file.chmod(0o755)
        return f'"{file}"'

    @property
    def opened(self) -> str:
        """What the editor saw last."""
        return (self.path.parent / "opened").read_text()

    def write(self, name: str, content: str | bytes) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def commit(self, message: str = "infra: change", **files: str) -> str:
        for name, content in files.items():
            self.write(name, content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "--short", "HEAD")

    def with_dvc(self) -> Repo:
        """Lay down what `dvc init` and `dvc remote add` would, half a second faster each."""
        (self.path.parent / "storage").mkdir(exist_ok=True)
        url = f"['remote \"storage\"']\n    url = {self.path.parent}/storage\n"
        self.write(".dvc/config", f"[core]\n    remote = storage\n{url}")
        self.write(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
        return self


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without configuration but an identity; nothing of the machine's own gets in."""
    for name in list(os.environ):
        if name.startswith(("GIT_", "DVC_", "GITML_")) or name in ("EMAIL", "NO_COLOR", "XDG_CONFIG_HOME"):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    for level in ("SYSTEM_CONFIG", "GLOBAL_CONFIG", "SITE_CACHE"):
        monkeypatch.setenv(f"DVC_{level}_DIR", str(folder / level))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    (folder / ".gitconfig").write_text(
        "[user]\n\tname = Ada\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n"
    )
    return folder


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    path = tmp_path / "flights"
    path.mkdir()
    made = Repo(path)
    made.git("init", "--quiet")
    made.commit("infra: start")
    return made


@pytest.fixture
def hooked(repo: Repo) -> Repo:
    """A repository with gitml's hooks, on main, and with a branch experiments/lr."""
    repo.git("branch", "experiments/lr")
    place = installation.find(repo.path)
    installation.carry_out(installation.plan_install(place), place)
    return repo


@pytest.fixture
def well(repo: Repo) -> Repo:
    """A repository with DVC, a remote and gitml's hooks, of which the doctor has nothing to say."""
    repo.with_dvc().commit()
    place = installation.find(repo.path)
    installation.carry_out(installation.plan_install(place), place)
    return repo


@pytest.fixture
def gitml(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Run the command line in a folder."""

    def run(*words: str, at: Path) -> Done:
        monkeypatch.chdir(at)
        code = main(words)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def gitml_process(tmp_path: Path) -> Callable[..., Done]:
    """Run the command line as a process of its own, after some lines of Python."""

    def run(*words: str, before: str = "", **environment: str) -> Done:
        code = f"import sys\nfrom gitml.cli.main import main\n{before}\nsys.exit(main())"
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


class Server(Repo):
    """A bare repository with gitml's pre-receive, and clones of it."""

    def clone(self, name: str = "clone") -> Repo:
        subprocess.run(
            ["git", "clone", "--quiet", str(self.path), name], cwd=self.path.parent, check=True, capture_output=True
        )
        return Repo(self.path.parent / name)

    def tip(self, branch: str) -> str:
        """Return the id of a branch's commit; empty where there is none."""
        return self.run("git", "rev-parse", "--quiet", "--verify", f"refs/heads/{branch}").out.strip()


@pytest.fixture
def server(tmp_path: Path, repo: Repo) -> Server:
    """A server that has main with one commit."""
    made = Server(tmp_path / "server.git")
    repo.git("clone", "--quiet", "--bare", ".", str(made.path))
    place = installation.find_for(True, made.path)
    installation.carry_out(installation.plan_install(place), place)
    return made


def finished_report(slug: str = "lr") -> str:
    """Return a report in which somebody has written every section."""
    text = document.new(slug, created="2026-11-02", author="Ada", parent="main")
    for section in ("Objective", "Hypothesis", "Methodology", "Results", "What worked", "Next steps"):
        text = document.answer(text, section, f"Words about {section}.")
    return document.answer(text, "Conclusions", "It worked.")


class Registry:
    """A clone in which models are released and promoted by git alone, as gitml will do it."""

    EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

    def __init__(self, repo: Repo) -> None:
        self.repo = repo

    def tree(self, **files: str) -> str:
        """Store a tree of files, whose names have __ for /, and return its id."""
        lines = {}
        for name, content in files.items():
            done = self.repo.run("git", "hash-object", "-w", "--stdin", stdin=content)
            lines[name.replace("__", "/")] = done.out.strip()
        environment = {"GIT_INDEX_FILE": str(self.repo.path / ".git/of-a-test")}
        self.repo.run("git", "read-tree", "--empty", **environment)
        info = "".join(f"100644 {oid}\t{name}\n" for name, oid in lines.items())
        self.repo.run("git", "update-index", "--index-info", stdin=info, **environment)
        return self.repo.run("git", "write-tree", **environment).out.strip()

    def store(self, tree: str, *parents: str, message: str = "model: release") -> str:
        """Store a commit and return its id."""
        words = [word for parent in parents for word in ("-p", parent)]
        done = self.repo.run("git", "commit-tree", tree, *words, stdin=message)
        assert done.code == 0, done.err
        return done.out.strip()

    def push(self, *updates: str) -> Done:
        return self.repo.run("git", "push", "--atomic", "origin", *updates)

    def open(self, model: str = "model") -> str:
        commit = self.store(self.EMPTY, message="infra: open production")
        assert self.push(f"{commit}:refs/heads/production/production-{model}").code == 0
        return commit

    def release(self, number: int, model: str = "model", **files: str) -> str:
        """Release a tree as models/<model>-v<number>, with its tag, and return the commit."""
        own = {"reports__lr__README.md": finished_report(), **(files or {"model": f"{model} {number}"})}
        commit = self.of_an_experiment(own, number=number, model=model)
        tag = f"{model}@v{number}.0.0"
        self.repo.git("tag", "--annotate", "--message", "release", tag, commit)
        done = self.push(f"{commit}:refs/heads/models/{model}-v{number}", f"refs/tags/{tag}")
        assert done.code == 0, done.err
        return commit

    def of_an_experiment(
        self, files: dict[str, str], metrics: dict[str, object] | None = None, number: int = 1, model: str = "model"
    ) -> str:
        """Store an experiment on main, and the commit of its release, which says truly where it comes from."""
        parent = self.store(self.tree(**files), self.repo.git("rev-parse", "origin/main"), message="experiment: lr")
        lock = {"dvc.lock": hashlib.sha256(files["dvc.lock"].encode()).hexdigest()} if "dvc.lock" in files else {}
        said = {"model": model, "version": number, "experiment": "lr", "commit": parent}
        told = json.dumps({**said, "metrics": metrics or {}, "lock": lock})
        return self.store(self.tree(**{"provenance.json": told, **files}), parent)

    def promotion(self, release: str, number: int, production: str, model: str = "model") -> str:
        """Store the commit of a promotion and return its id."""
        message = f"model: promote {model}-v{number}\n\nModel: {model}-v{number}\nModel-Commit: {release}\n"
        return self.store(f"{release}^{{tree}}", production, message=message)


@pytest.fixture
def registry(server: Server) -> Registry:
    return Registry(server.clone())
