"""What people bring: a templated pipeline of real DVC with experiments of ``dvc exp``, made once and copied."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.cli.init_adopt import adopt

from .conftest import Repo

Init = Callable[..., str]

PIN = "git+https://example.org/ada/gitml@" + "0123456789" * 4

DVC_YAML = """\
vars:
- config.yaml
stages:
  prepare:
    foreach: ${sets}
    do:
      cmd: mkdir -p out && cp params.yaml "out/${item}.txt"
      params: [lr]
      outs: ["out/${item}.txt"]
  train:
    cmd: sh train.sh ${model.kind}
    deps: [train.sh, out/a.txt, out/b.txt]
    params: [lr]
    outs: [model.bin]
metrics:
- results/metrics.json
plots:
- results/curve.csv
"""

TRAIN = """\
lr=$(sed -n 's/^lr: //p' params.yaml)
mkdir -p results
echo "$1 of $lr" > model.bin
echo "{\\"auc\\": 0.5$lr, \\"loss\\": 0.3}" > results/metrics.json
printf 'step,auc\\n0,0.5\\n1,0.5%s\\n' "$lr" > results/curve.csv
"""

_made: dict[str, Path] = {}


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the project that is copied lies."""
    return tmp_path_factory.mktemp("adopted")


@pytest.fixture
def theirs(tmp_path: Path, shelf: Path) -> Repo:
    """A copy of it."""
    return templated(tmp_path, shelf)


@pytest.fixture
def init(capsys: pytest.CaptureFixture[str]) -> Init:
    """Add gitml without a question, and return what was said."""

    def run(at: Path, **given: object) -> str:
        adopt(at, **{"is_yes": True, **given})  # type: ignore[arg-type]
        return capsys.readouterr().out

    return run


def templated(tmp_path: Path, shelf: Path) -> Repo:
    """Return a DVC project on ``master``: templates, foreach, metrics at the top level only, conventional commits.

    ``dvc exp`` keeps three experiments, one of which has a name that is no slug, and one waits in its queue.
    """
    if "templated" not in _made:
        repo = Repo(shelf / "project")
        repo.path.mkdir()
        repo.git("init", "--quiet", "--initial-branch=master")
        repo.with_dvc()
        repo.write(".dvcignore", "# their own\n*.log\n")
        files = {"dvc.yaml": DVC_YAML, "train.sh": TRAIN, "params.yaml": "lr: 1\n"}
        files["config.yaml"] = "sets: [a, b]\nmodel:\n  kind: tree\n"
        for name, content in files.items():
            repo.write(name, content)
        repo.commit("feat(data): a pipeline")
        _dvc(repo, "repro", "--quiet")
        repo.commit("fix: the first run")
        _dvc(repo, "exp", "run", "--quiet", "-n", "first", "-S", "lr=2")
        _dvc(repo, "exp", "run", "--quiet", "-n", "Wider_Net", "-S", "lr=3")
        _dvc(repo, "exp", "save", "--name", "kept-as-is")
        repo.git("update-ref", "refs/exps/celery/stash", "HEAD")  # its queue, which is no experiment
        repo.git("checkout", "--quiet", ".")
        _dvc(repo, "checkout", "--quiet")
        _made["templated"] = shelf / "project"
    shutil.copytree(_made["templated"], tmp_path / "project", symlinks=True)
    return Repo(tmp_path / "project")


def whole(repo: Repo) -> dict[str, object]:
    """Return everything that must be as before: files with modes, index, configuration, refs, HEAD, hooks."""
    top = repo.path
    common = (top / repo.git("rev-parse", "--git-common-dir")).resolve()
    seen: dict[str, object] = {
        "index": repo.git("ls-files", "--stage"),
        "staged": repo.git("diff", "--cached", "--stat"),
        "config": (common / "config").read_bytes(),
        "refs": repo.git("for-each-ref"),
        "head": repo.run("git", "symbolic-ref", "HEAD").out,
    }
    left_out = {common, top / ".dvc/tmp"}
    for folder, names, files in os.walk(top):
        here = Path(folder)
        names[:] = [name for name in names if here / name not in left_out and name != ".git"]
        for name in [*names, *files]:
            seen[f"file {(here / name).relative_to(top)}"] = _content(here / name)
    hooks = Path(repo.git("rev-parse", "--path-format=absolute", "--git-path", "hooks"))
    for path in hooks.rglob("*") if hooks.is_dir() else ():
        seen[f"hook {path.name}"] = _content(path)
    return seen


def _content(path: Path) -> tuple[int, bytes]:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return mode, os.fsencode(os.readlink(path))
    return mode, path.read_bytes() if stat.S_ISREG(mode) else b""


def _dvc(repo: Repo, *words: str) -> None:
    done = subprocess.run(["dvc", *words], cwd=repo.path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
