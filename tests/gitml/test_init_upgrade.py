"""`gitml init --upgrade`: a project of an older template, and a newer one."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.conventions.laid_down import STAMP
from gitml.scaffold import stamp, template, upgrade

from .conftest import Repo

OLD = {
    "README.md": b"# old\n\nwords\n",
    "Makefile": b"run:\n\tdvc repro\n",
    "gone.txt": b"of old\n",
    "kept.txt": b"of old\n",
    "params.yaml": b"a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n",
    "notebooks/01-exploration.ipynb": b"{}\n",
    "deleted.txt": b"of old\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gitml: Callable) -> Repo:
    """A project that an older gitml has laid down: today's files, but for a few."""
    render = template.render

    def older(answers: object) -> dict[str, bytes]:
        return {**render(answers), **OLD}

    with monkeypatch.context() as patch:
        patch.setattr(template, "render", older)
        patch.setattr(stamp, "__version__", "0.0.9")
        assert gitml("init", "p", "--yes", at=tmp_path).code == 0
    made = Repo(tmp_path / "p")
    made.run("git", "config", "core.hooksPath", "/dev/null")
    made.commit("infra: start")
    return made


def does(told: dict) -> dict[str, str]:
    return {one["path"]: one["does"] for one in told["files"]}


def test_what_nobody_changed_is_renewed_and_what_somebody_did_is_merged(project: Repo, gitml: Callable) -> None:
    new = template.render(stamp.read(project.path).answers)
    first, _, rest = OLD["params.yaml"].decode().partition("\n")
    project.commit(
        "infra: ours",
        **{"README.md": "# ours\n", "kept.txt": "ours\n", "notebooks/01-exploration.ipynb": '{"ours": 1}\n'},
    )
    (project.path / "deleted.txt").unlink()
    project.commit("infra: not needed")
    before = project.git("status", "--porcelain")
    shown = json.loads(gitml("init", "--upgrade", "--dry-run", "--json", at=project.path).out)
    assert project.git("status", "--porcelain") == before == ""
    assert (shown["old"], shown["done"], first, bool(rest)) == ("0.0.9", False, "a: 1", True)
    assert does(shown) == {
        "Makefile": "replace",
        "README.md": "conflict",
        "gone.txt": "delete",
        "kept.txt": "yours",
        "notebooks/01-exploration.ipynb": "yours",
        "params.yaml": "replace",
    }
    done = gitml("init", "--upgrade", "--yes", at=project.path)
    assert done.code == 1 and "README.md                       CONFLICT with your changes" in done.out
    read = {path: (project.path / path).read_bytes() for path in ("Makefile", "params.yaml")}
    assert read == {path: new[path] for path in read}
    assert b"<<<<<<< yours\n# ours\n||||||| as it was laid down\n# old\n" in (project.path / "README.md").read_bytes()
    assert (project.path / "kept.txt").read_text() == "ours\n"
    assert not (project.path / "gone.txt").exists() and not (project.path / "deleted.txt").exists()
    (project.path / "README.md").write_text("# ours, resolved\n")
    project.commit("infra: what gitml lays down")
    again = gitml("init", "--upgrade", "--yes", at=project.path)
    assert (again.code, again.out.splitlines()[-1]) == (0, "next  gitml status")
    assert "this project has all that gitml lays down" in again.out


def test_edits_apart_from_each_other_merge(project: Repo, monkeypatch: pytest.MonkeyPatch, gitml: Callable) -> None:
    render = template.render
    newer = {**OLD, "params.yaml": OLD["params.yaml"] + b"f: 6\n"}
    monkeypatch.setattr(template, "render", lambda answers: {**render(answers), **newer})
    ours = OLD["params.yaml"].replace(b"a: 1", b"a: 7")
    project.commit("infra: ours", **{"params.yaml": ours.decode()})
    done = gitml("init", "--upgrade", "--yes", at=project.path)
    assert done.code == 0 and "params.yaml  merged with your changes" in done.out
    assert (project.path / "params.yaml").read_bytes() == ours + b"f: 6\n"


def test_what_is_not_committed_is_not_mixed_in(project: Repo, gitml: Callable) -> None:
    (project.path / "Makefile").write_text("mine\n")
    done = gitml("init", "--upgrade", "--yes", at=project.path)
    assert (done.code, done.err.splitlines()[0]) == (1, "gitml: Makefile has changes that are not committed")
    assert (project.path / "Makefile").read_text() == "mine\n"
    assert project.git("status", "--porcelain") == "M Makefile"


def test_killed_the_same_again_finishes(project: Repo, gitml: Callable, tmp_path: Path) -> None:
    project.commit("infra: ours", **{"README.md": "# ours\n"})
    there = {path: (project.path / path).read_bytes() for path in project.git("ls-files").split("\n")}
    assert gitml("init", "--upgrade", "--yes", at=project.path).code == 1
    whole = {path.relative_to(project.path): path.read_bytes() for path in project.path.rglob("*.*") if path.is_file()}
    for count in (1, 2, 3, 5):
        for path, content in there.items():
            (project.path / path).write_bytes(content)
        script = (
            "import os, signal\nfrom gitml.git import files\nfrom gitml.scaffold import changes\nold, left = "
            f"changes.replace_file, [{count}]\n"
            "def write(*words):\n    old(*words)\n    left[0] -= 1\n"
            "    left[0] or os.kill(os.getpid(), signal.SIGKILL)\n"
            "changes.replace_file = write\nfrom gitml.cli.main import main\nmain(['init', '--upgrade', '--yes'])\n"
        )
        killed = project.run(sys.executable, "-c", script)
        assert killed.code == -signal.SIGKILL, (count, killed)
        assert gitml("init", "--upgrade", "--yes", at=project.path).code in (0, 1)
        now = {
            path.relative_to(project.path): path.read_bytes() for path in project.path.rglob("*.*") if path.is_file()
        }
        assert {path for path in now if now[path] != whole.get(path) and ".git" not in path.parts} == set()


def test_a_clone_without_the_history_says_so(project: Repo, gitml: Callable, tmp_path: Path) -> None:
    project.commit("infra: ours", **{"README.md": "# ours\n"})
    clone = Repo(tmp_path / "shallow")
    project.git("clone", "--quiet", "--depth=1", f"file://{project.path}", str(clone.path))
    told = json.loads(gitml("init", "--upgrade", "--yes", "--json", at=clone.path).out)
    assert does(told)["README.md"] == "yours"
    assert (clone.path / "README.md").read_text() == "# ours\n"


def test_a_link_is_not_written_through(project: Repo, gitml: Callable, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("precious\n")
    (project.path / "Makefile").unlink()
    (project.path / "Makefile").symlink_to(tmp_path / "elsewhere")
    project.commit("infra: a link")
    done = gitml("init", "--upgrade", "--yes", at=project.path)
    assert done.code != 0 and (tmp_path / "elsewhere").read_text() == "precious\n"


def test_where_nothing_was_laid_down(repo: Repo, gitml: Callable) -> None:
    done = gitml("init", "--upgrade", at=repo.path)
    assert (done.code, done.err.splitlines()[0]) == (2, f"gitml: {repo.path} was not laid down by gitml init")


def test_nobody_to_ask(project: Repo, gitml: Callable) -> None:
    done = gitml("init", "--upgrade", at=project.path)
    assert done.code == 2 and "there is no terminal to ask" in done.err
    assert project.git("status", "--porcelain") == ""


def test_a_file_that_is_new_in_the_template_and_here(project: Repo) -> None:
    told = json.loads((project.path / STAMP).read_text())
    del told["files"]["Makefile"], told["files"]["README.md"]
    project.commit("infra: stamp", **{STAMP: json.dumps(told), "README.md": "mine\n"})
    (project.path / "Makefile").unlink()
    project.commit("infra: no Makefile")
    found = {one.path: one for one in upgrade.plan(project.path).changes}
    assert (found["Makefile"].does, found["README.md"].does) == ("write", "yours")
    assert found["README.md"].why == "it is new in the template, and you have one of your own"
