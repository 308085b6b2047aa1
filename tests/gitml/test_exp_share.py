"""Pushing and fetching an experiment: two clones, and a server with the real pre-receive."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.git import oplog
from gitml.git.refs import list_refs

from .conftest import Repo, Server
from .dvc_store import objects_in
from .experiment_projects import answer_report, project, shared


@pytest.fixture
def ada(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]) -> Repo:
    repo = project(tmp_path, tmp_path_factory.mktemp("template"))
    capsys.readouterr()
    return repo


@pytest.fixture
def parties(ada: Repo) -> tuple[Repo, Server, Repo]:
    server, ben = shared(ada)
    return ada, server, ben


def refs(repo: Repo) -> dict[str, str]:
    return {ref.short: ref.peeled for ref in list_refs("refs/heads/", "refs/tags/", at=repo.path)}


def test_a_colleague_gets_branch_and_data_and_goes_on(parties: tuple[Repo, Server, Repo], gitml: Callable) -> None:
    ada, server, ben = parties
    tip = ada.git("rev-parse", "experiments/lr")
    planned = gitml("exp", "push", "--dry-run", at=ada.path)
    assert planned.out == ("would push 1 file, 13 bytes to storage\nwould push experiments/lr to origin\n")
    assert server.tip("experiments/lr") == ""
    pushed = gitml("exp", "push", at=ada.path / "results")
    assert pushed.code == 0, pushed.err
    assert pushed.out == (
        f"✓ {tip[:7]} on origin as experiments/lr\n"
        "data    pushed 1 file, 13 bytes to storage\n"
        "next    gitml exp fetch lr   # for a colleague\n"
    )
    assert server.tip("experiments/lr") == tip
    assert ada.git("rev-parse", "--abbrev-ref", "experiments/lr@{upstream}") == "origin/experiments/lr"
    again = gitml("exp", "push", "lr", at=ada.path)
    assert again.out.splitlines()[:2] == [
        f"already {tip[:7]} on origin as experiments/lr",
        "data    everything is in storage already",
    ]

    listed = gitml("exp", "fetch", at=ben.path)
    assert listed.out == (
        f"  EXPERIMENT  COMMIT   HERE\n  lr          {tip[:7]}  only there\n\nnext  gitml exp fetch lr\n"
    )
    fetched = gitml("exp", "fetch", "lr", at=ben.path)
    assert fetched.code == 0, fetched.err
    assert fetched.out == (
        f"✓ made experiments/lr at {tip[:7]}\n"
        "data    fetched 1 file, 13 bytes from storage\n"
        "next    git switch experiments/lr && dvc checkout\n"
    )
    assert ben.git("rev-parse", "--abbrev-ref", "experiments/lr@{upstream}") == "origin/experiments/lr"
    ben.git("switch", "--quiet", "experiments/lr")
    assert ben.run("dvc", "checkout", "--quiet").code == 0
    assert (ben.path / "models/model").read_text() == "weights of 2\n"

    assert gitml("exp", "run", "-S", "lr=3", at=ben.path).code == 0
    assert gitml("exp", "push", at=ben.path).code == 0
    ada.write("train.sh", "changed\n")
    refused = gitml("exp", "fetch", "lr", at=ada.path)
    assert refused.code == 1
    assert "and files there are changed: train.sh" in refused.err
    assert refs(ada)["experiments/lr"] == tip
    ada.git("restore", "train.sh")
    fetched = gitml("exp", "fetch", "lr", "--json", at=ada.path)
    told = json.loads(fetched.out)
    assert (told["branch"], told["commit"]) == ("moved", refs(ben)["experiments/lr"])
    assert ada.run("git", "status", "--porcelain").out == ""
    assert (ada.path / "params.yaml").read_text() == "lr: 3\n"
    assert (ada.path / "models/model").read_text() == "weights of 3\n"
    again = gitml("exp", "fetch", "lr", at=ada.path)
    assert again.out.splitlines()[0] == f"already here: experiments/lr at {told['commit'][:7]}"


def test_the_data_of_every_run_goes(parties: tuple[Repo, Server, Repo], gitml: Callable, tmp_path: Path) -> None:
    ada, _, _ = parties
    assert gitml("exp", "run", "-S", "lr=4", at=ada.path).code == 0
    done = json.loads(gitml("exp", "push", "--json", at=ada.path).out)
    assert done["branch"] == "created"
    assert {one["path"] for one in done["pushed"]} == {"models/model"}
    assert {one["md5"] for one in done["pushed"]} == objects_in(tmp_path / "storage")
    assert len(done["pushed"]) == 2


def test_what_others_have_is_not_overwritten(parties: tuple[Repo, Server, Repo], gitml: Callable) -> None:
    ada, server, ben = parties
    ben.git("switch", "--quiet", "-c", "experiments/lr")
    ben.commit("experiment: another idea", idea="x")
    ben.git("push", "--quiet", "origin", "experiments/lr")
    tip, theirs = refs(ada)["experiments/lr"], server.tip("experiments/lr")
    refused = gitml("exp", "push", at=ada.path)
    assert refused.code == 1
    assert refused.err == (
        f"gitml: experiments/lr on origin has commits that yours lacks (it is at {theirs[:10]})\n"
        "  Somebody else goes on with it, or has taken the name for another idea. Nothing\n"
        "  was changed.\n"
        "Mend:\n"
        "  gitml exp fetch lr   # goes on from theirs, if yours has nothing else\n"
        "  git branch -m experiments/lr experiments/lr-2   # if yours is another idea\n"
    )
    assert not objects_in(ada.path.parent / "storage")
    assert [line.split("  ")[-1] for line in gitml("exp", "fetch", at=ada.path).out.splitlines()][1] == "moved there"
    refused = gitml("exp", "fetch", "lr", at=ada.path)
    assert refused.code == 1
    assert refused.err.startswith("gitml: your experiments/lr and the one on origin have both moved\n")
    assert (refs(ada)["experiments/lr"], server.tip("experiments/lr")) == (tip, theirs)
    assert "both have moved" in gitml("exp", "fetch", at=ada.path).out


def test_ones_own_that_is_ahead_stays(parties: tuple[Repo, Server, Repo], gitml: Callable) -> None:
    ada, _, _ = parties
    assert gitml("exp", "push", at=ada.path).code == 0
    ada.commit("experiment: more", more="x")
    tip = refs(ada)["experiments/lr"]
    done = gitml("exp", "fetch", "lr", at=ada.path)
    assert done.out.splitlines()[0] == f"yours is ahead of the remote's: experiments/lr at {tip[:7]}"
    assert done.out.splitlines()[-1] == "next    gitml exp push"


def test_the_server_says_no(parties: tuple[Repo, Server, Repo], gitml: Callable) -> None:
    ada, server, _ = parties
    ada.commit("no prefix at all", x="1")
    refused = gitml("exp", "push", at=ada.path)
    assert refused.code == 1
    assert refused.err.startswith("gitml: origin refused experiments/lr\n")
    assert "commit-prefix" in refused.err
    assert refused.err.rstrip().endswith("Nothing was pushed.")
    assert server.tip("experiments/lr") == ""


def test_without_remotes(ada: Repo, gitml: Callable) -> None:
    done = gitml("exp", "push", at=ada.path)
    assert (done.code, done.err.splitlines()[0]) == (3, "gitml: this repository has no remote")
    server, ben = shared(ada)
    ada.git("remote", "rename", "origin", "up")
    ada.git("remote", "add", "other", str(server.path))
    done = gitml("exp", "push", at=ada.path)
    assert done.err.splitlines()[0] == "gitml: there are several remotes, and none is called origin"
    ada.write(".dvc/config", "")
    done = gitml("exp", "push", "--remote", "up", at=ada.path)
    assert (done.code, done.err.splitlines()[0]) == (3, "gitml: there is no default DVC remote")
    assert server.tip("experiments/lr") == ""
    done = gitml("exp", "push", "--remote", "nowhere", at=ada.path)
    assert (done.code, done.err.splitlines()[0]) == (3, "gitml: there is no remote 'nowhere'")
    assert gitml("exp", "fetch", "lt", at=ben.path).err.splitlines()[0] == "gitml: origin has no experiment 'lt'"
    assert gitml("exp", "fetch", at=ben.path).out == "origin has no experiments\nnext  gitml exp push\n"
    ada.git("push", "--quiet", "up", "experiments/lr")
    done = gitml("exp", "fetch", "lr", at=ben.path)
    assert done.code == 0
    assert "1 file, 13 bytes neither here nor in storage: models/model" in re.sub(r"\s+", " ", done.out)
    ada.git("switch", "--quiet", "-f", "main")
    assert gitml("exp", "push", at=ada.path).err.splitlines()[0] == "gitml: you are on main, which is no experiment"
    done = gitml("exp", "finish", "lx", "--reject", at=ben.path)
    assert "there is no experiment 'lx'" in done.err


def test_the_branch_is_here_though_its_data_is_not(parties: tuple[Repo, Server, Repo], gitml: Callable) -> None:
    ada, server, ben = parties
    assert gitml("exp", "push", at=ada.path).code == 0
    ben.write(".dvc/config.local", "[core]\n    remote = gone\n")
    done = gitml("exp", "fetch", "lr", at=ben.path)
    assert done.code == 3
    assert done.err.startswith("gitml: gitml exp fetch is done, but a last step failed: ")
    assert refs(ben)["experiments/lr"] == server.tip("experiments/lr")
    (ben.path / ".dvc/config.local").unlink()
    assert gitml("exp", "fetch", "lr", at=ben.path).out.splitlines()[1].startswith("data    fetched 1 file")


@pytest.mark.slow
@pytest.mark.parametrize("step", ["data:before", "data:after", "branch:before", "branch:after"])
def test_a_push_that_was_killed_goes_on(parties: tuple[Repo, Server, Repo], gitml_process: Callable, step: str) -> None:
    ada, server, _ = parties
    there = f"import os; os.chdir({str(ada.path)!r})"
    killed = gitml_process("exp", "push", before=there, GITML_CRASH_AT=f"exp push:{step}")
    assert killed.code == -signal.SIGKILL
    done = gitml_process("exp", "push", before=there)
    assert done.code == 0, done.err
    assert server.tip("experiments/lr") == refs(ada)["experiments/lr"]
    assert len(objects_in(ada.path.parent / "storage")) == 1


@pytest.mark.slow
@pytest.mark.parametrize("step", ["fetch:after", "branch:after", "files:before", "files:after", "log:after"])
def test_a_fetch_that_was_killed_goes_on(
    parties: tuple[Repo, Server, Repo], gitml: Callable, gitml_process: Callable, step: str
) -> None:
    ada, server, ben = parties
    assert gitml("exp", "push", at=ada.path).code == 0
    assert gitml("exp", "fetch", "lr", at=ben.path).code == 0
    ben.git("switch", "--quiet", "experiments/lr")
    assert gitml("exp", "run", "-S", "lr=5", at=ada.path).code == 0
    assert gitml("exp", "push", at=ada.path).code == 0
    there = f"import os; os.chdir({str(ben.path)!r})"
    killed = gitml_process("exp", "fetch", "lr", before=there, GITML_CRASH_AT=f"exp fetch:{step}")
    assert killed.code == -signal.SIGKILL
    done = gitml_process("exp", "fetch", "lr", before=there)
    assert done.code == 0, done.err
    assert refs(ben)["experiments/lr"] == server.tip("experiments/lr")
    assert ben.run("git", "status", "--porcelain").out == ""
    assert (ben.path / "models/model").read_text() == "weights of 5\n"
    for _ in range(2):  # and once more changes nothing
        moves = [move for one in oplog.read(ben.path) for move in one.moves if move.old is not None]
        assert [(move.ref, move.new) for move in moves] == [("refs/heads/experiments/lr", server.tip("experiments/lr"))]
        assert gitml_process("exp", "fetch", "lr", before=there).code == 0


def test_accepted_by_a_pull_request(parties: tuple[Repo, Server, Repo], gitml: Callable) -> None:
    ada, server, _ = parties
    answer_report(ada)
    main = refs(ada)["main"]
    done = gitml("exp", "finish", "--accept", "--pull-request", at=ada.path)
    assert done.code == 0, done.err
    after = refs(ada)
    assert after == {"main": main, "experiments/lr": after["exp/lr"], "exp/lr": after["exp/lr"]}
    assert server.tip("experiments/lr") == after["exp/lr"]
    assert server.git("rev-parse", "exp/lr^{commit}") == after["exp/lr"]
    assert done.out == (
        "✓ experiments/lr is accepted; its runs and report are kept by exp/lr\n"
        "pushed  experiments/lr and exp/lr to origin\n"
        f"next    open a pull request of experiments/lr to main at {server.path}\n"
    )
    again = gitml("exp", "finish", "--accept", "--pull-request", at=ada.path)
    assert again.out.splitlines()[0] == "experiments/lr is accepted already, and kept by exp/lr"
    assert gitml("undo", at=ada.path).code == 1
    ada.git("remote", "set-url", "--push", "origin", str(server.path))
    ada.git("remote", "set-url", "origin", "https://ada:pw@github.com/t/p.git")  # pragma: allowlist secret
    merged = gitml("exp", "finish", "--accept", at=ada.path)
    assert merged.code == 0, merged.err
    assert merged.out.splitlines()[-1] == "next    gitml exp push lr && git push origin main"
    assert refs(ada)["exp/lr"] == after["exp/lr"] == ada.git("rev-parse", "main^2")


def test_a_pull_request_that_the_server_refuses_can_be_undone_or_repeated(
    parties: tuple[Repo, Server, Repo], gitml: Callable
) -> None:
    ada, server, _ = parties
    answer_report(ada)
    before = refs(ada)
    hook = server.path / "hooks/update"
    hook.write_text("#!/bin/sh\necho 'not today' >&2; exit 1\n")
    hook.chmod(0o755)
    done = gitml("exp", "finish", "--accept", "--pull-request", at=ada.path)
    assert done.code == 1
    assert "not today" in done.err
    assert gitml("undo", at=ada.path).code == 0
    assert refs(ada) == before
    assert gitml("exp", "finish", "--accept", "--pull-request", at=ada.path).code == 1
    hook.unlink()
    done = gitml("exp", "finish", "--accept", "--pull-request", at=ada.path)
    assert done.code == 0, done.err
    assert server.tip("experiments/lr") == refs(ada)["exp/lr"]


def test_a_tag_that_others_have_is_not_moved(parties: tuple[Repo, Server, Repo], gitml: Callable) -> None:
    ada, server, ben = parties
    ben.git("tag", "-a", "-m", "other", "exp/lr", "main")
    ben.git("push", "--quiet", "origin", "exp/lr")
    assert gitml("exp", "finish", "--reject", at=ada.path).code == 0
    done = gitml("exp", "push", at=ada.path)
    assert (done.code, done.err.splitlines()[0]) == (1, "gitml: origin has another tag exp/lr")
    assert server.tip("experiments/lr") == ""


def test_main_that_is_behind_is_brought_up_to_date_first(parties: tuple[Repo, Server, Repo], gitml: Callable) -> None:
    ada, _, ben = parties
    answer_report(ada)
    ben.commit("infra: notes", notes="x")
    ben.git("push", "--quiet", "origin", "main")
    ada.git("fetch", "--quiet", "origin")
    done = gitml("exp", "finish", "--accept", at=ada.path)
    assert done.code == 1
    assert done.err == (
        "gitml: main lacks 1 commit that origin has\n"
        "  What is merged now could not be pushed. Bring main up to date first.\n"
        "Mend:\n"
        "  git fetch origin main:main\n"
        "  gitml exp finish --accept   # again\n"
    )
    assert gitml("exp", "finish", "--accept", "--pull-request", "--dry-run", at=ada.path).code == 0
    ada.git("fetch", "--quiet", "origin", "main:main")
    assert gitml("exp", "finish", "--accept", at=ada.path).code == 0
    pushed = gitml("exp", "push", at=ada.path)
    assert pushed.out.splitlines()[0].endswith("on origin as experiments/lr and exp/lr")
    assert ada.run("git", "push", "origin", "main").code == 0


def test_main_that_has_moved_on_both_sides_is_told(parties: tuple[Repo, Server, Repo], gitml: Callable) -> None:
    ada, _, ben = parties
    answer_report(ada)
    ben.commit("infra: notes", notes="x")
    ben.git("push", "--quiet", "origin", "main")
    ada.git("fetch", "--quiet", "origin")
    ada.git("update-ref", "refs/heads/main", ada.git("commit-tree", "-m", "infra: mine", "-p", "main", "main^{tree}"))
    done = gitml("exp", "finish", "--accept", at=ada.path)
    assert done.code == 0
    assert done.err.splitlines()[0] == (
        "warning  main here and on origin have both moved; bring them together before you push"
    )


def test_a_fetch_is_planned_and_told_as_json(parties: tuple[Repo, Server, Repo], gitml: Callable) -> None:
    ada, _, ben = parties
    tip = refs(ada)["experiments/lr"]
    assert gitml("exp", "push", at=ada.path).code == 0
    planned = gitml("exp", "fetch", "lr", "--dry-run", at=ben.path)
    assert planned.out == (
        "would fetch experiments/lr from origin\n"
        f"would make experiments/lr at {tip[:10]}, if it loses nothing\n"
        "would write down what was done, for gitml undo\n"
        "would fetch the data of its last run\n"
    )
    assert "experiments/lr" not in refs(ben)
    assert json.loads(gitml("exp", "fetch", "--json", at=ben.path).out) == [
        {"experiment": "lr", "remote": "origin", "commit": tip, "state": "only there"}
    ]
    assert gitml("exp", "fetch", "lr", at=ben.path).code == 0
    assert gitml("undo", at=ben.path).code == 1  # the remote has it, so there is nothing of one's own to undo
    assert [one["state"] for one in json.loads(gitml("exp", "fetch", "--json", at=ben.path).out)] == ["same"]


def test_an_experiment_that_is_only_a_tag_there_is_named(parties: tuple[Repo, Server, Repo], gitml: Callable) -> None:
    ada, _, ben = parties
    assert gitml("exp", "finish", "--reject", at=ada.path).code == 0
    assert gitml("exp", "push", at=ada.path).code == 0
    ada.git("push", "--quiet", "origin", "--delete", "experiments/lr")
    done = gitml("exp", "fetch", "lr", at=ben.path)
    assert (done.code, done.err) == (
        1,
        "gitml: lr is finished, and origin has no branch of it any more\n"
        "  The tag exp/lr keeps its runs and its report.\n"
        "Mend:\n"
        "  git fetch origin tag exp/lr && gitml data fetch exp/lr\n"
        "  git branch experiments/lr exp/lr   # to go on with it\n",
    )
    assert ben.run("git", "fetch", "--quiet", "origin", "tag", "exp/lr").code == 0
    fetched = gitml("data", "fetch", "exp/lr", at=ben.path)
    assert fetched.out.splitlines()[0] == "fetched 1 file, 13 bytes of exp/lr from storage"
    assert gitml("report", "show", "lr", "--path", at=ben.path).out == "exp/lr:reports/lr/README.md\n"
