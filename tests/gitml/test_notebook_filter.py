"""nbstripout as git's filter, on real git: what is committed, what stays on disk, and what can be in the way."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitml import doctor
from gitml.doctor import Finding
from gitml.git import trees
from gitml.hooks import notebook_filter
from gitml.hooks.notebook_filter import CLEAN, SMUDGE, TEXTCONV, CannotSetFilter, Filter
from gitml.policy.notebooks import stripped

from .conftest import Done, Repo, Server
from .doctor_findings import mends, seen

Gitml = Callable[..., Done]
PYTHON = shlex.quote(sys.executable)
OURS = f"{PYTHON} -P -m nbstripout --extra-keys metadata.language_info.version"
ATTRIBUTES = "* -text\n*.ipynb filter=nbstripout diff=ipynb\n"
SET = """\
set filter.nbstripout.smudge: they are checked out as they were committed
set diff.ipynb.textconv: diffs do not show old output
set filter.nbstripout.clean: notebooks are committed without output
"""
GONE = "/gone/bin/python -P -m nbstripout"


def cell(source: str = "1 + 1", output: str = "", count: int | None = None, **metadata: Any) -> dict[str, Any]:
    data = [{"output_type": "stream", "name": "stdout", "text": output}] if output else []
    return {"cell_type": "code", "id": "a1", "metadata": metadata, "source": source, "outputs": data,
            "execution_count": count}  # fmt: skip


def book(*cells: dict[str, Any], **metadata: Any) -> str:
    language = {"name": "python", "version": "3.11.2"}
    whole = {"cells": [*cells], "metadata": {"language_info": language, **metadata}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole)


RUN = book(cell(output="secret\n", count=7))


def outputs(text: str) -> list[Any]:
    return [(one["outputs"], one["execution_count"]) for one in json.loads(text)["cells"]]


@pytest.fixture
def asking(repo: Repo) -> Repo:
    """A clone whose attributes ask for the filter, which it has not."""
    repo.commit("infra: ask", **{".gitattributes": ATTRIBUTES})
    return repo


@pytest.fixture
def filtered(asking: Repo) -> Repo:
    """One that has it."""
    notebook_filter.install(asking.path)
    return asking


class TestInstall:
    def test_hooks_install_sets_it_and_uninstall_leaves_nothing(self, gitml: Gitml, asking: Repo) -> None:
        before = (asking.path / ".git/config").read_bytes()
        done = gitml("hooks", "install", at=asking.path)
        assert (done.code, done.err) == (0, "")
        assert done.out.endswith(f"wrote pre-push in .git/hooks\n{SET}next  git commit\n")
        assert asking.git("config", "--local", CLEAN) == OURS
        assert gitml("hooks", "install", at=asking.path) == (
            0, "all hooks are in .git/hooks already\nnext  git commit\n", "",
        )  # fmt: skip
        done = gitml("hooks", "uninstall", at=asking.path)
        assert done.out.endswith(f"unset {SMUDGE}\nunset {TEXTCONV}\nunset {CLEAN}\nnext  gitml hooks install\n")
        assert (asking.path / ".git/config").read_bytes() == before

    def test_dry_run(self, gitml: Gitml, asking: Repo) -> None:
        before = (asking.path / ".git/config").read_bytes()
        done = gitml("hooks", "install", "--dry-run", at=asking.path)
        assert done.out.endswith(f"{SET.replace('set ', 'would set ')}next  gitml hooks install\n")
        assert (asking.path / ".git/config").read_bytes() == before

    @pytest.mark.parametrize(
        ("place", "lines", "is_asked"),
        [
            (".gitattributes", "*.ipynb filter=nbstripout\n", True),
            (".gitattributes", "notebooks/* filter=nbstripout\n", True),
            ("eda/.gitattributes", "*.ipynb filter=nbstripout\n", True),
            (".git/info/attributes", "*.ipynb filter=nbstripout\n", True),
            (".gitattributes", "*.ipynb filter=lfs diff=ipynb\n", False),
            (".gitattributes", "*.ipynb filter=nbstripout\n*.ipynb -filter\n", False),
            (".gitattributes", "", False),
        ],
    )
    def test_where_it_is_asked_for(self, gitml: Gitml, repo: Repo, place: str, lines: str, is_asked: bool) -> None:
        repo.commit("infra: ask", **{place: lines, "eda/größe & <x>\n.ipynb": book()})
        assert notebook_filter.is_asked(repo.path) == is_asked
        gitml("hooks", "install", at=repo.path)
        assert notebook_filter.look(repo.path).state == ("installed" if is_asked else "absent")

    @pytest.mark.parametrize("level", ["--local", "--global"])
    @pytest.mark.parametrize("clean", ["jq --indent 1 .", f"{PYTHON} -m nbstripout --keep-id", "nbstripout", "a 'b"])
    def test_somebody_s_own_is_kept(self, gitml: Gitml, asking: Repo, level: str, clean: str) -> None:
        asking.git("config", level, CLEAN, clean)
        config = (asking.path / ".git/config").read_bytes()
        done = gitml("hooks", "install", at=asking.path)
        shown = " ".join(done.out.partition("note")[2].split())
        assert shown == f"{CLEAN} is {clean} ({level[2:]} configuration): kept as it is. next git commit"
        assert notebook_filter.look(asking.path) == Filter("foreign", clean, level[2:])
        gitml("hooks", "uninstall", at=asking.path)
        assert (asking.path / ".git/config").read_bytes() == config

    def test_somebody_s_own_diff_is_kept(self, asking: Repo) -> None:
        asking.git("config", TEXTCONV, "nbdime show")
        assert [step.key for step in notebook_filter.install(asking.path)] == [SMUDGE, CLEAN]
        notebook_filter.uninstall(asking.path)
        assert asking.git("config", TEXTCONV) == "nbdime show"

    @pytest.mark.parametrize("level", ["--local", "--global"])
    @pytest.mark.parametrize("clean", [GONE, '"/gone/bin/python" -m nbstripout', "/gone/bin/nbstripout"])
    def test_a_broken_one_is_replaced(self, gitml: Gitml, asking: Repo, level: str, clean: str) -> None:
        asking.git("config", level, CLEAN, clean)
        assert notebook_filter.look(asking.path).state == "broken"
        gone = shlex.split(clean)[0]
        assert f"set {CLEAN} in place of {gone}: notebooks" in gitml("hooks", "install", at=asking.path).out
        assert notebook_filter.look(asking.path) == Filter("installed", OURS, "local")

    def test_a_python_without_nbstripout_is_broken(self, asking: Repo, tmp_path: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
        asking.git("config", CLEAN, f"{tmp_path}/env/bin/python -P -m nbstripout")
        assert notebook_filter.look(asking.path).state == "broken"

    def test_several_values_become_one(self, asking: Repo) -> None:
        for _ in range(2):
            asking.git("config", "--add", CLEAN, GONE)
        notebook_filter.install(asking.path)
        assert asking.git("config", "--get-all", CLEAN) == OURS

    def test_what_a_kill_left_is_finished(self, asking: Repo) -> None:
        steps = notebook_filter.plan(asking.path)
        for done in range(len(steps)):
            notebook_filter.carry_out(steps[:done], asking.path)
            assert notebook_filter.install(asking.path) == steps[done:]
            taken = notebook_filter.plan_uninstall(asking.path)
            notebook_filter.carry_out(taken[:done], asking.path)
            assert notebook_filter.uninstall(asking.path) == taken[done:]
            assert notebook_filter.look(asking.path) == Filter("absent")

    def test_without_nbstripout(self, gitml: Gitml, asking: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(notebook_filter, "find_spec", lambda name: None)
        done = gitml("hooks", "install", at=asking.path)
        assert done.code == 0
        assert "pip install nbstripout" in done.out
        [finding] = seen(asking.path, "notebooks")
        assert finding.mend == ("pip install nbstripout", "gitml hooks install")
        assert mends(asking.path, "notebooks") == []

    def test_two_at_once(self, asking: Repo) -> None:
        code = "import sys\nfrom pathlib import Path\nfrom gitml.hooks import notebook_filter\n"
        code += "notebook_filter.install(Path('.'))"
        environment = {**os.environ, "PYTHONPATH": str(Path(notebook_filter.__file__).parents[2])}
        running = [
            subprocess.Popen([sys.executable, "-c", code], cwd=asking.path, env=environment, stderr=subprocess.PIPE)
            for _ in range(4)
        ]
        assert [(one.communicate()[1], one.returncode) for one in running] == [(b"", 0)] * 4
        assert asking.git("config", "--get-all", CLEAN) == OURS

    def test_a_lock_that_stays_is_told(self, gitml: Gitml, asking: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(notebook_filter, "_PATIENCE", 0.1)
        asking.write(".git/config.lock", "")
        with pytest.raises(CannotSetFilter) as raised:
            notebook_filter.install(asking.path)
        assert "could not lock config file" in raised.value.why
        done = gitml("hooks", "install", at=asking.path)
        assert done.code == 3
        assert "the notebook filter cannot be changed" in done.err

    @pytest.mark.parametrize("name", ["a b", "größe", "it's", '"q" $(x) `y`', "100%", "%f", "back\\slash", "line\nend"])
    def test_an_odd_place_of_python(
        self, asking: Repo, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        python = tmp_path / name / "python"
        python.parent.mkdir()
        python.write_text(f'#!/bin/sh\nexec {PYTHON} "$@"\n')
        python.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(python))
        notebook_filter.install(asking.path)
        assert notebook_filter.look(asking.path).state == "installed"
        monkeypatch.undo()
        assert notebook_filter.look(asking.path).state == "installed"  # by its process
        asking.commit(**{"x.ipynb": RUN})
        assert outputs(asking.git("show", "HEAD:x.ipynb")) == [([], None)]
        asking.write("x.ipynb", book(cell("2 + 2", "more")))
        diff = asking.run("git", "diff")
        assert diff.err == ""
        assert [line.split() for line in diff.out.split("\n") if line.startswith(("+ ", "- "))] == [
            ["-", '"1', "+", '1"'],
            ["+", '"2', "+", '2"'],
        ]
        notebook_filter.uninstall(asking.path)
        assert notebook_filter.look(asking.path) == Filter("absent")


class TestStatus:
    def test_as_text_and_json(self, gitml: Gitml, asking: Repo) -> None:
        assert gitml("hooks", "status", at=asking.path).out.endswith(
            "notebook filter     not installed  runs nothing\nnext  gitml hooks install\n"
        )
        gitml("hooks", "install", at=asking.path)
        assert gitml("hooks", "status", at=asking.path).out.endswith(
            f"notebook filter     installed      runs {OURS}\nnext  git commit\n"
        )
        found = json.loads(gitml("hooks", "status", "--json", at=asking.path).out)["notebook_filter"]
        assert found == {"state": "installed", "clean": OURS, "level": "local"}

    def test_a_server_has_none(self, gitml: Gitml, server: Server) -> None:
        assert "notebook" not in gitml("hooks", "status", at=server.path).out
        assert gitml("hooks", "install", "--server", at=server.path).code == 0
        assert gitml("hooks", "uninstall", at=server.path).code == 0


class TestGit:
    def test_output_stays_on_disk_and_out_of_the_commit(self, filtered: Repo) -> None:
        filtered.commit(**{"eda/x.ipynb": RUN})
        assert filtered.git("show", "HEAD:eda/x.ipynb").find("secret") == -1
        assert (filtered.path / "eda/x.ipynb").read_text() == RUN
        assert filtered.git("status", "--short") == ""

    def test_run_again_git_takes_it_for_changed_until_it_is_added(self, filtered: Repo) -> None:
        filtered.commit(**{"x.ipynb": RUN})
        filtered.write("x.ipynb", book(cell(output="other\n" * 9, count=8)))
        assert filtered.git("status", "--short") == "M x.ipynb"  # by its size, before any filter
        assert filtered.git("diff") == ""
        filtered.git("add", "x.ipynb")
        assert filtered.git("status", "--short") == ""

    def test_without_the_filter_it_is_committed(self, asking: Repo) -> None:
        asking.commit(**{"x.ipynb": RUN})
        assert outputs(asking.git("show", "HEAD:x.ipynb")) != [([], None)]

    def test_old_output_is_not_shown(self, asking: Repo) -> None:
        asking.commit(**{"x.ipynb": RUN})
        notebook_filter.install(asking.path)
        asking.commit(**{"x.ipynb": book(cell("2 + 2"))})
        shown = asking.git("log", "-p", "--", "x.ipynb")
        assert "2 + 2" in shown
        assert "secret" not in shown

    def test_switching_branches(self, filtered: Repo) -> None:
        filtered.commit(**{"x.ipynb": RUN})
        filtered.git("branch", "experiments/same")
        filtered.git("checkout", "--quiet", "-b", "experiments/other")
        filtered.commit(**{"x.ipynb": book(cell("2 + 2", "four"))})
        filtered.git("checkout", "--quiet", "main")
        assert outputs((filtered.path / "x.ipynb").read_text()) == [([], None)]
        filtered.write("x.ipynb", RUN)
        filtered.git("checkout", "--quiet", "experiments/same")
        assert (filtered.path / "x.ipynb").read_text() == RUN

    def test_stash(self, filtered: Repo) -> None:
        filtered.commit(**{"x.ipynb": RUN})
        assert filtered.git("stash") == "No local changes to save"
        assert (filtered.path / "x.ipynb").read_text() == RUN
        filtered.write("x.ipynb", book(cell("2 + 2", "four", 9)))
        filtered.git("stash")
        filtered.git("stash", "pop")
        [one] = json.loads((filtered.path / "x.ipynb").read_text())["cells"]
        assert "".join(one["source"]) == "2 + 2"
        assert one["outputs"] == []  # a stash is a commit

    def test_a_linked_worktree_has_it_and_a_clone_has_not(self, gitml: Gitml, filtered: Repo) -> None:
        filtered.git("worktree", "add", "--quiet", "-b", "experiments/lr", "../lr")
        linked = Repo(filtered.path.parent / "lr")
        assert notebook_filter.look(linked.path).state == "installed"
        linked.commit("experiment: run", **{"x.ipynb": RUN})
        assert outputs(linked.git("show", "HEAD:x.ipynb")) == [([], None)]
        gitml("hooks", "uninstall", at=linked.path)
        assert notebook_filter.look(filtered.path).state == "absent"
        gitml("hooks", "install", at=linked.path)
        assert filtered.git("config", "--local", CLEAN) == OURS
        filtered.git("clone", "--quiet", ".", "../clone")
        assert notebook_filter.look(filtered.path.parent / "clone") == Filter("absent")

    def test_the_snapshot_of_a_run(self, filtered: Repo) -> None:
        filtered.commit(**{"x.ipynb": book(cell())})
        filtered.write("x.ipynb", RUN)
        filtered.write("new.ipynb", RUN)
        assert trees.snapshot(filtered.path) == filtered.git("rev-parse", "HEAD^{tree}")
        tree = trees.snapshot(filtered.path, ["new.ipynb"])
        assert outputs(filtered.git("show", f"{tree}:new.ipynb")) == [([], None)]
        done = trees.tree_with_files(tree, filtered.path, ["x.ipynb"])
        assert done == tree

    def test_a_python_that_is_gone(self, gitml: Gitml, asking: Repo) -> None:
        gitml("hooks", "install", at=asking.path)
        gone = notebook_filter.clean_command().replace(PYTHON, "/gone/bin/python")
        asking.git("config", CLEAN, gone)
        asking.git("config", TEXTCONV, notebook_filter.textconv_command().replace(PYTHON, "/gone/bin/python"))
        asking.write("x.ipynb", RUN)
        added = asking.run("git", "add", "x.ipynb")
        assert added.code == 0
        assert "/gone/bin/python: not found" in added.err.replace("No such file or directory", "not found")
        refused = asking.run("git", "commit", "-m", "infra: x")
        assert (refused.code, "x.ipynb was not cleaned" in refused.err) == (1, True)
        assert "secret" in asking.run("git", "diff", "--cached").out
        doctor.mend(asking.path)
        asking.git("add", "x.ipynb")
        asking.git("commit", "-m", "infra: x")
        assert outputs(asking.git("show", "HEAD:x.ipynb")) == [([], None)]

    def test_files_of_the_project_are_no_part_of_python(self, filtered: Repo) -> None:
        for name in ("json.py", "nbformat.py", "nbstripout.py", "copy.py"):
            filtered.write(name, "raise SystemExit('taken for a module')\n")
        filtered.commit(**{"x.ipynb": RUN})
        assert outputs(filtered.git("show", "HEAD:x.ipynb")) == [([], None)]

    @pytest.mark.parametrize("content", ["", "<<<<<<< HEAD\n{}\n", "[1]", "{}", '{"cells": 1}', "\udcff"])
    def test_what_is_no_notebook_is_kept_as_it_is(self, filtered: Repo, content: str) -> None:
        raw = content.encode("utf-8", "surrogateescape")
        filtered.write("x.ipynb", raw)
        assert filtered.run("git", "add", "x.ipynb").code == 0
        blob = subprocess.run(["git", "show", ":x.ipynb"], cwd=filtered.path, capture_output=True, check=True)
        assert blob.stdout == raw
        assert filtered.run("git", "diff", "--cached").code == 0


class TestOneRoom:
    """What `start_experiment` commits of its own notebook is what the filter would."""

    @pytest.mark.parametrize(
        "text",
        [
            RUN,
            book(cell(output="größe 😀\n", count=1), cell("x", "y"), widgets={"state": {}}),
            book(cell(output="kept", keep_output=True), cell(output="gone")),
            book(cell(output="kept", tags=["keep_output"], collapsed=True)),
            book(cell(output="kept"), keep_output=True),
            book(),
            json.dumps(json.loads(RUN), indent=4, ensure_ascii=False) + "\n\n",
        ],
    )
    def test_byte_for_byte(self, filtered: Repo, text: str) -> None:
        filtered.write("x.ipynb", text)
        filtered.git("add", "x.ipynb")
        blob = subprocess.run(["git", "show", ":x.ipynb"], cwd=filtered.path, capture_output=True, check=True)
        assert blob.stdout == stripped(text.encode())
        assert stripped(blob.stdout) == blob.stdout


class TestDoctor:
    def test_absent(self, asking: Repo) -> None:
        says = "the attributes ask for nbstripout, but this clone has no filter"
        why = "What a notebook printed is then staged with it, and the hooks and the server refuse the commit."
        assert seen(asking.path, "notebooks") == [Finding("notebooks", "warning", says, why, ("gitml hooks install",))]
        assert mends(asking.path, "notebooks") == ["set git's filter nbstripout in this clone"]
        doctor.mend(asking.path)
        ok = Finding("notebooks", "ok", "committed without output, by nbstripout")
        assert seen(asking.path, "notebooks") == [ok]

    def test_broken(self, asking: Repo) -> None:
        asking.git("config", CLEAN, "/gone/\x1b[31mbin/python -P -m nbstripout")
        [finding] = seen(asking.path, "notebooks")
        assert finding.says == "the filter nbstripout cannot run: /gone/\\x1b[31mbin/python -P -m nbstripout"
        doctor.mend(asking.path)
        assert notebook_filter.look(asking.path).state == "installed"

    def test_your_own(self, asking: Repo) -> None:
        asking.git("config", CLEAN, "jq .")
        ok = Finding("notebooks", "ok", "committed by a filter of your own (local configuration)")
        assert seen(asking.path, "notebooks") == [ok]

    def test_nothing_is_said_where_nobody_asks(self, repo: Repo, server: Server) -> None:
        assert seen(repo.path, "notebooks") == seen(server.path, "notebooks") == []

    def test_a_damaged_index_is_named_elsewhere(self, asking: Repo) -> None:
        asking.write(".git/index", b"no index")
        assert seen(asking.path, "notebooks") == []
