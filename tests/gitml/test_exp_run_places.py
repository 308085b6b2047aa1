"""`gitml exp run` in odd places and beside others: worktrees, hooks, signing, Ctrl-C, a second run."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.hooks import install as installation

from .conftest import Done, Repo
from .tiny_projects import HOLD, Project, fresh, project

__all__ = ["fresh", "project"]

Gitml = Callable[..., Done]


@pytest.mark.parametrize("what", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_ends_every_process_and_puts_back(project: Project, what: signal.Signals) -> None:
    script = "rm -rf results\nsleep 60 & echo $! > ../pid\n" + HOLD
    project.write("stages/train.sh", script)
    before = project.files()
    project.hold()
    process = project.start_gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4")
    project.wait_until_held()
    process.send_signal(what)
    err = process.communicate(timeout=120)[1]
    assert process.returncode == 130
    assert err.endswith("gitml: interrupted\n")
    project.let_go()
    assert (project.files(), project.refs()) == (before, ["main"])
    pid = int((project.path.parent / "pid").read_text())
    stat = Path(f"/proc/{pid}/stat")
    assert not stat.exists() or stat.read_text().split()[2] == "Z"


def test_names_and_places_where_no_run_can_begin(project: Project, gitml: Gitml) -> None:
    def refused(*words: str, at: Path = project.path) -> tuple[int, str]:
        done = gitml("exp", "run", *words, at=at)
        assert done.out == ""
        return done.code, done.err.partition("\n")[0]

    assert refused() == (1, "gitml: you are on main, and a run is committed on experiments/<name>")
    assert refused("-n", "Lower LR") == (2, "gitml: 'Lower LR' cannot name an experiment")
    assert refused("-n", "x", "-S", "lrr=1") == (2, "gitml: there is no parameter 'lrr'")
    assert refused("-n", "x", "-S", "unused=2") == (2, "gitml: no stage depends on unused")
    assert refused("-n", "x", "-S", "lr=1,2") == (2, "gitml: -S lr=1,2 gives lr 2 values")
    project.git("branch", "experiments/taken")
    assert refused("-n", "taken") == (1, "gitml: experiments/taken exists already")
    project.git("branch", "-D", "experiments/taken")
    (project.path / ".git/MERGE_HEAD").write_text(project.git("rev-parse", "HEAD") + "\n")
    assert refused("-n", "x") == (1, "gitml: a merge is under way")
    (project.path / ".git/MERGE_HEAD").unlink()
    project.git("branch", "experiments")
    code, line = refused("-n", "x")
    assert (code, line) == (3, "gitml: a branch is called experiments, so no experiments/<name> can be made")
    project.git("branch", "-D", "experiments")
    bare = project.path.parent / "bare.git"
    project.git("clone", "--quiet", "--bare", ".", str(bare))
    assert refused("-n", "x", at=bare) == (3, "gitml: there is no working tree here")
    (project.path.parent / "home/.gitconfig").write_text("")
    assert refused("-n", "x") == (3, "gitml: git does not know who commits")
    assert project.status() == ""
    assert project.refs() == ["main"]


def test_rules_are_asked_before_anything_is_run(project: Project, gitml: Gitml) -> None:
    secret = "AKIA" + "IOSFODNN7EXAMPLQ"  # pragma: allowlist secret
    project.change("stages/train.sh", "mkdir", "touch ../ran\nmkdir")
    project.write("stages/key.py", f'KEY = "{secret}"\n')
    before = project.files()
    done = gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4", at=project.path)
    assert done.code == 1
    assert done.err.startswith(
        "train.lr 0.001 -> 0.0003   on new branch experiments/lr\n"
        "gitml: this cannot be committed, so it is not run (no-secret)\n"
    )
    assert project.files() == before
    assert not (project.path.parent / "ran").exists()


def test_the_same_inputs_are_not_run_twice(project: Project, gitml: Gitml) -> None:
    gitml("exp", "run", "-n", "one", "-S", "lr=3e-4", at=project.path)
    commit = project.git("rev-parse", "--short=7", "HEAD")
    project.git("switch", "--quiet", "main")
    before = project.files()
    done = gitml("exp", "run", "-n", "two", "-S", "lr=3e-4", at=project.path)
    assert done.code == 1
    assert f"gitml: experiments/one has this run already: {commit}, roc_auc 0.7003\n" in done.err
    assert project.files() == before
    near = gitml("exp", "run", "-n", "three", "-S", "lr=3.01e-4", at=project.path)
    assert f"nearly the same: experiments/one ({commit}), roc_auc 0.7003\n" in near.err
    project.git("switch", "--quiet", "main")
    assert gitml("exp", "run", "-n", "two", "-S", "lr=3e-4", "--force", at=project.path).code == 0
    assert project.git("rev-parse", "HEAD") != project.git("rev-parse", "experiments/one")


def test_from_a_subfolder_detached_in_a_worktree_and_in_a_shallow_clone(project: Project, gitml: Gitml) -> None:
    done = gitml("exp", "run", "-n", "below", "-S", "lr=2e-4", at=project.path / "stages")
    assert (done.code, project.status()) == (0, "")
    project.git("switch", "--quiet", "--detach", "main")
    done = gitml("exp", "run", "-n", "detached", "-S", "lr=3e-4", at=project.path)
    assert (done.code, project.status()) == (0, "")
    assert project.git("rev-parse", "HEAD^") == project.git("rev-parse", "main")
    project.git("worktree", "add", "--quiet", "../linked", "main")
    linked = Project(project.path.parent / "linked")
    done = gitml("exp", "run", "-n", "linked", "-S", "lr=4e-4", at=linked.path)
    assert (done.code, linked.status(), linked.git("branch", "--show-current")) == (0, "", "experiments/linked")
    assert project.git("branch", "--show-current") == "experiments/detached"
    project.git("clone", "--quiet", "--depth=1", f"file://{project.path}", "../shallow")
    shallow = Project(project.path.parent / "shallow")
    done = gitml("exp", "run", "-n", "shallow", "-S", "lr=5e-4", at=shallow.path)
    assert (done.code, shallow.status()) == (0, ""), done.err
    assert project.is_sound() and shallow.is_sound()


def test_hooks_neither_run_nor_disturb(project: Project, gitml: Gitml) -> None:
    place = installation.find(project.path)
    installation.carry_out(installation.plan_install(place), place)
    for name in ("pre-commit", "commit-msg", "post-checkout", "post-commit", "prepare-commit-msg"):
        hook = project.path / ".git/hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {project.path.parent}/hook-{name}\nexit 1\n")
        hook.chmod(0o755)
    done = gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4", at=project.path)
    assert (done.code, project.status()) == (0, "")
    assert list(project.path.parent.glob("hook-*")) == []


def test_commits_are_signed_where_git_is_told_so(project: Project, gitml: Gitml) -> None:
    key = project.path.parent / "key"
    project.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    for name, value in (("gpg.format", "ssh"), ("user.signingKey", str(key)), ("commit.gpgSign", "true")):
        project.git("config", name, value)
    assert gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4", at=project.path).code == 0
    assert "gpgsig -----BEGIN SSH SIGNATURE-----" in project.git("cat-file", "commit", "HEAD")
    project.git("switch", "--quiet", "main")
    project.run(sys.executable, "-m", "dvc", "checkout", "--quiet")
    project.git("config", "user.signingKey", "/nowhere")
    before = project.files()
    done = gitml("exp", "run", "-n", "other", "-S", "lr=4e-4", at=project.path)
    assert "gitml: git could not sign the commit\n" in done.err
    assert project.files() == before


def test_with_autocrlf_a_failure_gives_back_the_very_bytes(project: Project, gitml: Gitml) -> None:
    project.git("config", "core.autocrlf", "true")
    project.write("results/train/metrics.json", b'{"roc_auc": 0.7010}\r\n')
    project.change("stages/train.sh", "mkdir", "exit 1 #")
    before = {path.name: path.read_bytes() for path in (project.path / "results").rglob("*") if path.is_file()}
    assert gitml("exp", "run", "-n", "lr", at=project.path).code == 1
    after = {path.name: path.read_bytes() for path in (project.path / "results").rglob("*") if path.is_file()}
    assert after == before
    project.change("stages/train.sh", "exit 1 #", "mkdir")
    done = gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4", at=project.path)
    assert (done.code, project.run("git", "status", "--porcelain").out) == (0, "")


def test_a_project_in_a_folder_and_two_pipelines(repo: Repo, gitml: Gitml) -> None:
    project = Project(repo.path)
    project.write("ml/.dvc/config", "[core]\n    analytics = false\n")
    project.write("ml/.dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
    kept = "\n        cache: false\n"
    one = f"stages:\n  one:\n    cmd: cp params.yaml one.yaml\n    params: [a]\n    metrics:\n    - one.yaml:{kept}"
    command = "'echo \"x: ${b.c} ${d}\" > two.yaml'"
    params = "params:\n    - p.toml: [b]\n    - q.json: [d]"
    two = f"vars: [p.toml, q.json]\nstages:\n  two:\n    cmd: {command}\n    {params}\n"
    two += f"    metrics:\n    - two.yaml:{kept}"
    project.commit(
        "infra: pipelines",
        **{
            "ml/dvc.yaml": one,
            "ml/params.yaml": "a: 1\n",
            "ml/sub/dvc.yaml": two,
            "ml/sub/p.toml": "[b]\nc = 2 # two\n",
            "ml/sub/q.json": '{\n  "d": 4\n}\n',
        },
    )
    sets = ("-S", "a=2", "-S", "c=3", "-S", "d=5")
    done = gitml("exp", "run", "-n", "both", *sets, at=project.path / "ml")
    assert done.code == 0, done.err
    assert project.status() == ""
    assert set(project.git("diff", "--name-only", "main", "HEAD").split("\n")) == {
        *("ml/params.yaml", "ml/sub/p.toml", "ml/sub/q.json", "ml/dvc.lock", "ml/sub/dvc.lock"),
        *("ml/one.yaml", "ml/sub/two.yaml", "reports/both/README.md"),
    }
    assert project.shows("ml/sub/p.toml") == "[b]\nc = 3 # two\n"
    assert project.shows("ml/sub/q.json") == '{\n  "d": 5\n}\n'
    assert project.shows("ml/sub/two.yaml") == "x: 3 5\n"
    assert project.shows("ml/one.yaml") == "a: 2\n"


def test_who_switches_or_commits_while_it_runs_gets_no_mixture(project: Project) -> None:
    project.git("branch", "other")
    project.write("stages/train.sh", HOLD + (project.path / "stages/train.sh").read_text())
    project.hold()
    process = project.start_gitml("exp", "run", "-n", "lr")
    project.wait_until_held()
    project.git("switch", "--quiet", "other")
    project.let_go()
    err = process.communicate(timeout=120)[1]
    assert process.returncode == 1
    assert "gitml: other is checked out, and it was main when the run began\n" in err
    assert project.refs() == ["main", "other"]
    project.hold()
    project.run("rm", "-rf", ".dvc/cache/runs")
    process = project.start_gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4")
    project.wait_until_held()
    project.git("commit", "--quiet", "--allow-empty", "-m", "infra: meanwhile")
    project.let_go()
    err = process.communicate(timeout=120)[1]
    assert process.returncode == 1
    assert "gitml: other is at " in err
    assert project.refs() == ["main", "other"]


def test_nobody_else_runs_in_the_same_tree_or_for_the_same_name(project: Project, gitml: Gitml) -> None:
    project.git("worktree", "add", "--quiet", "--detach", "../linked")
    project.write("stages/train.sh", HOLD + (project.path / "stages/train.sh").read_text())
    project.hold()
    process = project.start_gitml("exp", "run", "-n", "lr")
    project.wait_until_held()
    second = gitml("exp", "run", "-n", "lr", at=project.path)
    third = gitml("exp", "start", "other", at=project.path)
    elsewhere = gitml("exp", "run", "-n", "lr", at=project.path.parent / "linked")
    project.let_go()
    process.communicate(timeout=120)
    assert process.returncode == 0
    for done in (second, third):
        assert (done.code, done.err.partition("\n")[0]) == (1, "gitml: a run is under way in this working tree")
    assert elsewhere.code == 1
    assert elsewhere.err.startswith("gitml: experiments/lr is about to be made by another command\n")


def test_a_reader_that_leaves_ends_the_run_as_ctrl_c_does(project: Project) -> None:
    project.write("stages/train.sh", HOLD + (project.path / "stages/train.sh").read_text())
    project.write("stages/new.py", "new")
    before = project.files()
    project.hold()
    process = project.start_gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4")
    project.wait_until_held()
    assert process.stderr is not None
    process.stderr.close()
    project.let_go()
    assert process.wait(60) == 141
    assert (project.files(), project.refs()) == (before, ["main"])


def test_a_folder_of_results_can_become_empty(project: Project, gitml: Gitml) -> None:
    old, new = 'echo "step,loss" > results/train/plots/loss.csv\n', "touch results/train/plots/other\n"
    project.change("stages/train.sh", old, new)
    assert gitml("exp", "run", "-n", "link", at=project.path).code == 0
    assert project.status() == ""
    project.change("stages/train.sh", new, "")
    done = gitml("exp", "run", at=project.path)
    assert done.code == 0, done.err
    assert "results/train/plots/other" not in project.listed("HEAD")
    assert project.status() == ""


def test_a_read_only_repository_is_refused(project: Project, gitml: Gitml) -> None:
    before = project.files()
    own = project.path / ".git/gitml"
    subprocess.run(["rm", "-rf", own], check=True)
    own.write_text("no folder")
    done = gitml("exp", "run", "-n", "lr", "-S", "lr=3e-4", at=project.path)
    assert (done.code, done.err.partition("\n")[0]) == (3, f"gitml: {own}/tmp cannot be written")
    assert project.files() == before
