"""The operation log, and taking the last command back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitml.cli import undo as undo_command
from gitml.git import oplog, undo
from gitml.git.index import advance
from gitml.git.lock import Holder, Locked, hold
from gitml.git.oplog import Move, Operation, not_undone, record
from gitml.git.plan import describe
from gitml.git.refs import list_refs
from gitml.git.repository import CannotWrite
from gitml.git.transaction import commit_tree, compare_and_swap, value_of
from gitml.git.trees import snapshot

from .conftest import ROOT, Repo
from .kills import Moments

MAIN, LR, WIDE = "refs/heads/main", "refs/heads/experiments/lr", "refs/heads/experiments/wide"


def run_in_place(repo: Repo, ref: str = MAIN, untracked: tuple[str, ...] = ()) -> Move:
    """Commit what the working tree has on the branch that is checked out, as `exp run` does."""
    old = repo.git("rev-parse", ref)
    new = commit_tree(snapshot(repo.path, untracked), [old], "experiment: run", at=repo.path)
    advance(repo.path, ref, new, old, "exp run")
    move = Move(ref, old, new)
    record(["exp", "run"], [move], at=repo.path)
    return move


def start(repo: Repo, ref: str = LR) -> Move:
    """Make a branch and switch to it, as `exp start` does."""
    tip = repo.git("rev-parse", "HEAD")
    new = commit_tree(repo.git("rev-parse", "HEAD^{tree}"), [tip], "experiment: start", at=repo.path)
    compare_and_swap(ref, new, None, "exp start", repo.path)
    before = repo.git("symbolic-ref", "HEAD")
    repo.git("switch", "--quiet", ref.removeprefix("refs/heads/"))
    move = Move(ref, None, new)
    record(["exp", "start", ref.rpartition("/")[2]], [move], (before, ref), at=repo.path)
    return move


def own_refs(repo: Repo) -> dict[str, str]:
    return {ref.name: ref.oid for ref in list_refs("refs/heads/", "refs/tags/", at=repo.path)}


def files(repo: Repo) -> dict[str, str]:
    return {
        str(path.relative_to(repo.path)): path.read_text()
        for path in repo.path.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def test_a_run_is_taken_back_and_files_stay(repo: Repo) -> None:
    repo.commit(a="1", b="2", staged="3")
    repo.write("a", "changed")
    repo.write("new", "new")
    (repo.path / "b").unlink()
    move = run_in_place(repo, untracked=("new",))
    repo.write("staged", "by hand")
    repo.git("add", "staged")
    before = files(repo)
    done = undo.undo(repo.path)
    assert value_of(MAIN, repo.path) == move.old
    assert files(repo) == before
    assert repo.run("git", "status", "--porcelain").out == " M a\n D b\nM  staged\n?? new\n"
    # What was taken back can be found again.
    assert done.pinned == ((f"refs/gitml/undo/{done.operation.id}/heads/main", move.new),)
    assert value_of(done.pinned[0][0], repo.path) == move.new
    assert repo.git("reflog", "-1", "--format=%gs", "main") == "gitml undo"


def test_twice_goes_back_further_and_then_there_is_nothing(repo: Repo) -> None:
    repo.commit(a="0")
    first, tips = repo.git("rev-parse", "HEAD"), []
    for text in ("1", "2", "3"):
        repo.write("a", text)
        tips.append(run_in_place(repo).new)
    undo.undo(repo.path)
    assert value_of(MAIN, repo.path) == tips[1]
    repo.write("a", "4")
    run_in_place(repo)
    for expected in (tips[1], tips[0], first):
        undo.undo(repo.path)
        assert value_of(MAIN, repo.path) == expected
    with pytest.raises(undo.NothingToUndo, match="there is nothing to undo"):
        undo.undo(repo.path)
    assert files(repo) == {"a": "4"}
    assert len(list_refs("refs/gitml/undo/", at=repo.path)) == 4


def test_a_start_is_taken_back_and_head_goes_where_it_was(repo: Repo) -> None:
    repo.commit(a="1", b="1")
    tip = repo.git("rev-parse", "HEAD")
    start(repo)
    repo.write("a", "changed")
    run_in_place(repo, LR)
    repo.write("b", "staged by hand")
    repo.git("add", "b")
    undo.undo(repo.path)
    done = undo.undo(repo.path)
    assert done.head == MAIN
    assert repo.git("symbolic-ref", "HEAD") == MAIN
    assert own_refs(repo) == {MAIN: tip}
    assert files(repo) == {"a": "changed", "b": "staged by hand"}
    assert repo.run("git", "status", "--porcelain").out == " M a\nM  b\n"


def test_a_branch_that_would_vanish_under_somebody(repo: Repo, tmp_path: Path) -> None:
    commit = repo.git("rev-parse", "HEAD")
    repo.git("worktree", "add", "--quiet", "-b", "experiments/lr", str(tmp_path / "other"))
    record(["exp", "start", "lr"], [Move(LR, None, commit)], at=repo.path)
    with pytest.raises(undo.IsCheckedOut) as caught:
        undo.undo(repo.path)
    assert caught.value.what == f"experiments/lr is checked out in {tmp_path}/other, and undoing would delete it"
    assert caught.value.mend == (f"git -C {tmp_path}/other switch --detach", "gitml undo")
    with pytest.raises(undo.IsCheckedOut) as caught:
        undo.undo(tmp_path / "other")
    assert caught.value.mend == ("git switch main", "gitml undo")
    Repo(tmp_path / "other").git("switch", "--quiet", "--detach")
    undo.undo(repo.path)
    assert value_of(LR, repo.path) is None


def test_the_index_of_another_working_tree_follows(repo: Repo, tmp_path: Path) -> None:
    repo.commit(a="1")
    repo.git("worktree", "add", "--quiet", "-b", "experiments/lr", str(tmp_path / "other"))
    other = Repo(tmp_path / "other")
    other.write("a", "2")
    run_in_place(other, LR)
    undo.undo(repo.path)
    assert other.run("git", "status", "--porcelain").out == " M a\n"
    assert repo.run("git", "status", "--porcelain").out == ""


def test_several_refs_go_back_in_reverse_order_also_what_was_deleted(repo: Repo) -> None:
    one = repo.git("rev-parse", "HEAD")
    repo.commit(a="1")
    two = repo.git("rev-parse", "HEAD")
    repo.git("branch", "experiments/lr", one)
    before = own_refs(repo)
    repo.git("tag", "-a", "-m", "x", "exp/lr", two)
    tag = repo.git("rev-parse", "refs/tags/exp/lr")
    repo.git("update-ref", "-d", LR)
    repo.git("update-ref", WIDE, two)
    moves = [Move("refs/tags/exp/lr", None, tag), Move(LR, one, None), Move(WIDE, None, two)]
    record(["exp", "finish", "--reject"], moves, at=repo.path)
    done = undo.undo(repo.path)
    assert [move.ref for move in done.moves] == [WIDE, LR, "refs/tags/exp/lr"]
    assert describe(undo.plan(done, repo.path)) == [
        f"keep {two[:10]} as refs/gitml/undo/{done.operation.id}/heads/experiments/wide",
        f"keep {tag[:10]} as refs/gitml/undo/{done.operation.id}/tags/exp/lr",
        f"delete experiments/wide at {two[:10]}",
        f"make experiments/lr at {one[:10]} again",
        f"delete exp/lr at {tag[:10]}",
        "let the index follow, files stay",
        "write it down",
    ]
    assert own_refs(repo) == before
    assert repo.git("cat-file", "-t", done.pinned[1][1]) == "tag"


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_ref_that_moved_since_is_left(repo: Repo, is_gone: bool) -> None:
    repo.git("branch", "experiments/lr")
    old = repo.git("rev-parse", "HEAD")
    repo.commit(a="1")
    new = repo.git("rev-parse", "HEAD")
    repo.commit(a="2")
    later = repo.git("rev-parse", "HEAD")
    repo.git("update-ref", *(["-d", LR] if is_gone else [LR, later]))
    record(["exp", "run"], [Move(LR, old, new)], at=repo.path)
    before = own_refs(repo)
    with pytest.raises(undo.MovedSince) as caught:
        undo.undo(repo.path)
    now = "does not exist" if is_gone else f"is at {later[:10]}"
    assert caught.value.what == f"experiments/lr was moved since: gitml exp run left it at {new[:10]}, now it {now}"
    assert caught.value.mend == (f"git update-ref {LR} {old}",)
    assert own_refs(repo) == before
    assert list_refs("refs/gitml/", at=repo.path) == []


def test_what_was_pushed_is_answered_by_a_new_commit(repo: Repo, tmp_path: Path) -> None:
    repo.git("init", "--quiet", "--bare", str(tmp_path / "bare.git"))
    repo.git("remote", "add", "origin", str(tmp_path / "bare.git"))
    repo.commit(a="1")
    repo.write("a", "2")
    move = run_in_place(repo)
    repo.git("push", "--quiet", "origin", "main")
    before = own_refs(repo)
    with pytest.raises(undo.AlreadyPushed) as caught:
        undo.undo(repo.path)
    assert caught.value.what == "gitml exp run was pushed: main"
    assert caught.value.mend == (f"git revert --no-edit {(move.old or '')[:10]}..{(move.new or '')[:10]}   # on main",)
    assert own_refs(repo) == before
    # Told by the command itself, with its own way forward; what stayed here goes back.
    repo.git("branch", "experiments/lr")
    tip = repo.git("rev-parse", "HEAD")
    moves = [Move("refs/heads/models/model-v1", None, tip, is_pushed=True), Move(LR, None, tip)]
    repo.git("branch", "models/model-v1")
    record(["model", "release"], moves, forward=["gitml model yank v1 --reason …"], at=repo.path)
    done = undo.undo(repo.path)
    assert (done.kept, done.forward) == (("refs/heads/models/model-v1",), ("gitml model yank v1 --reason …",))
    assert own_refs(repo) == {**before, "refs/heads/models/model-v1": tip}


@pytest.mark.parametrize(
    ("move", "command"),
    [
        (Move(LR, None, "1" * 40, True), f"git push origin --delete {LR}"),
        (Move(LR, "1" * 40, None, True), f"git push origin {'1' * 40}:{LR}"),
        (Move("refs/heads/a$(x)", None, "1" * 40, True), "git push origin --delete 'refs/heads/a$(x)'"),
    ],
)
def test_the_way_forward_for_a_pushed_ref(repo: Repo, move: Move, command: str) -> None:
    record(["exp", "push"], [move], at=repo.path)
    with pytest.raises(undo.AlreadyPushed) as caught:
        undo.undo(repo.path)
    assert caught.value.mend == (command,)


def test_a_new_branch_at_a_pushed_commit_was_not_pushed(repo: Repo, tmp_path: Path) -> None:
    repo.git("init", "--quiet", "--bare", str(tmp_path / "bare.git"))
    repo.git("remote", "add", "origin", str(tmp_path / "bare.git"))
    repo.git("push", "--quiet", "origin", "main")
    repo.git("branch", "experiments/lr")
    tip = repo.git("rev-parse", "HEAD")
    record(["exp", "start", "lr"], [Move(LR, None, tip)], at=repo.path)
    assert undo.prepare(repo.path).moves == (Move(LR, None, tip),)
    repo.git("push", "--quiet", "origin", "experiments/lr")
    with pytest.raises(undo.AlreadyPushed):
        undo.prepare(repo.path)
    # A branch that went back to an older commit: the remote has it, and undoing loses nothing.
    repo.commit(a="1")
    newer = repo.git("rev-parse", "HEAD")
    record(["x"], [Move(LR, newer, tip)], at=repo.path)
    assert undo.prepare(repo.path).moves == (Move(LR, newer, tip),)


def test_it_waits_for_another_command(repo: Repo) -> None:
    with hold(repo.path), pytest.raises(Locked):
        undo.undo(repo.path, wait=0)


STEPS = ["pin-0", "head", "ref-0", "ref-1", "index", "log"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_same_again_finishes(repo: Repo, gitml_process: Callable, step: str, when: str) -> None:
    repo.commit(a="1", b="1")
    repo.git("branch", "experiments/wide")
    expected = own_refs(repo)
    tip = repo.git("rev-parse", "HEAD")
    repo.write("a", "2")
    new = commit_tree(snapshot(repo.path), [tip], "experiment: run", at=repo.path)
    repo.git("update-ref", WIDE, new)
    repo.git("update-ref", LR, new)
    repo.git("symbolic-ref", "HEAD", LR)
    repo.git("reset", "--quiet")
    repo.write("b", "staged")
    repo.git("add", "b")
    record(["exp", "start"], [Move(WIDE, tip, new), Move(LR, None, new)], (MAIN, LR), at=repo.path)
    before = files(repo)
    there = f"import os; os.chdir({str(repo.path)!r})"
    assert gitml_process("undo", before=there, GITML_CRASH_AT=f"undo:{step}:{when}").code == -signal.SIGKILL
    assert repo.git("rev-parse", "--verify", "HEAD")
    again = gitml_process("undo", before=there)
    if (step, when) == ("log", "after"):
        assert again.err.startswith("gitml: there is nothing to undo\n")
    else:
        assert again.code == 0, again.err
    assert own_refs(repo) == expected
    assert repo.git("symbolic-ref", "HEAD") == MAIN
    assert files(repo) == before
    assert repo.run("git", "status", "--porcelain").out == " M a\nM  b\n"
    assert not_undone(oplog.read(repo.path)) == []
    assert repo.run("git", "fsck", "--strict").code == 0


def test_the_command_says_what_it_does(repo: Repo, gitml: Callable) -> None:
    repo.commit(a="1")
    old = repo.git("rev-parse", "HEAD")
    repo.write("a", "2")
    move = run_in_place(repo)
    pin = f"refs/gitml/undo/{oplog.read(repo.path)[0].id}/heads/main"
    steps = (
        f"  keep {(move.new or '')[:10]} as {pin}\n"
        f"  move main from {(move.new or '')[:10]} back to {old[:10]}\n"
        "  let the index follow, files stay\n  write it down\n"
    )
    assert gitml("undo", "--dry-run", at=repo.path) == (0, f"would undo  gitml exp run\n{steps}next  gitml undo\n", "")
    assert value_of(MAIN, repo.path) == move.new
    listed = gitml("undo", "--list", at=repo.path).out
    assert listed.split(maxsplit=1)[1] == "gitml exp run  (main)\nnext  gitml undo --dry-run\n"
    data = json.loads(gitml("undo", "--list", "--json", at=repo.path).out)
    assert [(one["words"], one["moves"]) for one in data] == [(["exp", "run"], [move._asdict()])]
    assert gitml("undo", at=repo.path) == (
        0,
        f"undone  gitml exp run\n{steps}next  git status; what was undone: git log -3 {pin}\n",
        "",
    )
    assert gitml("undo", "--list", at=repo.path).out == "next  gitml --help   # nothing to undo\n"
    assert gitml("undo", at=repo.path) == (
        1,
        "",
        "gitml: there is nothing to undo\n"
        "  Only what gitml's own commands did to branches and tags of this clone can be\n"
        "  undone. What git did stands in its reflog.\nMend:\n  git reflog\n",
    )


def test_the_command_as_json_from_a_folder_below(repo: Repo, gitml: Callable) -> None:
    tip = repo.git("rev-parse", "HEAD")
    repo.git("branch", "models/model-v1")
    repo.git("branch", "experiments/lr")
    moves = [Move("refs/heads/models/model-v1", None, tip, True), Move(LR, tip, None), Move(WIDE, None, tip)]
    repo.git("update-ref", "-d", LR)
    repo.git("update-ref", WIDE, tip)
    operation = record(["model", "release"], moves, forward=["gitml model yank"], at=repo.path)
    (repo.path / "sub").mkdir()
    text = gitml("undo", "--dry-run", at=repo.path / "sub").out
    assert "  leave refs/heads/models/model-v1: it was pushed\nfor everybody  gitml model yank\n" in text
    done = gitml("undo", "--json", at=repo.path / "sub")
    assert done.code == 0
    assert json.loads(done.out) == {
        "is_done": True,
        "id": operation.id,
        "time": operation.time,
        "words": ["model", "release"],
        "moves": [move._asdict() for move in moves],
        "moved": [{"ref": WIDE, "from": tip, "to": None}, {"ref": LR, "from": None, "to": tip}],
        "pinned": {f"refs/gitml/undo/{operation.id}/heads/experiments/wide": tip},
        "kept": ["refs/heads/models/model-v1"],
        "head": None,
        "forward": ["gitml model yank"],
    }


def test_what_only_made_deleted_refs_again_leads_to_git_status(repo: Repo, gitml: Callable) -> None:
    record(["exp", "drop"], [Move(LR, repo.git("rev-parse", "HEAD"), None)], at=repo.path)
    assert gitml("undo", at=repo.path).out.endswith("\nnext  git status\n")


def test_the_command_says_for_whom_it_waits(repo: Repo, gitml: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from gitml.git.lock import hold\nwith hold(): print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=repo.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        tell, let_go = undo_command._wait, process.stdin

        def tell_and_let_go(holder: Holder | None) -> None:
            tell(holder)
            let_go.write(b"\n")
            let_go.flush()

        monkeypatch.setattr(undo_command, "_wait", tell_and_let_go)
        done = gitml("undo", at=repo.path)
    assert done.err.startswith(f"waiting for process {process.pid} (-c)\ngitml: there is nothing to undo\n")


@pytest.mark.parametrize(("seconds", "shown"), [(-5, "0s"), (59, "59s"), (480, "8m"), (7_300, "2h"), (200_000, "2d")])
def test_ages(repo: Repo, gitml: Callable, seconds: float, shown: str) -> None:
    from gitml.cli.undo import _age

    assert _age(seconds) == shown


def test_the_log_is_read_as_it_was_written(repo: Repo) -> None:
    moves = [Move("refs/heads/caf\udce9", None, "1" * 40, True), Move(MAIN, "1" * 40, "2" * 40)]
    first = record(["exp", "run", "-m", "größer\nline"], moves, (MAIN, LR), ["git x"], at=repo.path)
    second = record(["undo"], [], undoes=first.id, at=repo.path)
    assert oplog.read(repo.path) == [first, second]
    assert first.moves == tuple(moves)
    assert len(first.id) == 26
    assert abs(first.time - time.time()) < 60
    assert not_undone([first, second]) == []
    assert oplog.read(repo.path)[0].id < oplog.new_id(time.time() + 1)


def test_what_was_killed_while_it_was_written_is_left_out(repo: Repo) -> None:
    first = record(["one"], [Move(MAIN, None, "1" * 40)], at=repo.path)
    log = repo.path / ".git" / "gitml" / "operations"
    whole = log.read_bytes()
    for cut in (1, len(whole) // 2, len(whole) - 1):
        log.write_bytes(whole + whole[:cut])
        assert [one.words for one in oplog.read(repo.path)][:1] == [("one",)]
        second = record(["two"], [], at=repo.path)
        assert oplog.read(repo.path)[0] == first
        assert oplog.read(repo.path)[-1] == second
    log.write_bytes(b'{"id": 1}\n[]\nnull\n\xff\n' + b"[" * 100_000 + b"\n" + whole)
    assert oplog.read(repo.path) == [first]


def test_a_log_that_cannot_be_written_stays_whole(repo: Repo) -> None:
    first = record(["one"], [Move(MAIN, None, "1" * 40)], at=repo.path)
    code = (
        "from gitml.git.oplog import *; from gitml.errors import GitmlError\n"
        "try: record(['x' * 5000], [])\n"
        "except GitmlError as error: raise SystemExit('refused: ' + error.why)"
    )
    script = f'ulimit -f 2; trap "" XFSZ; exec "{sys.executable}" -c "$1"'
    done = repo.run("bash", "-c", script, "-", code, PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1")
    assert done.code == 1
    assert done.err.startswith("refused: File too large.")
    assert oplog.read(repo.path) == [first]
    assert (repo.path / ".git" / "gitml" / "operations").read_bytes().endswith(b"}\n")
    (repo.path / ".git" / "gitml" / "operations").unlink()
    (repo.path / ".git" / "gitml" / "operations").mkdir()
    with pytest.raises(CannotWrite):
        record(["one"], [], at=repo.path)


def test_eight_writers_at_once(repo: Repo) -> None:
    code = "import sys; from gitml.git.oplog import *\nfor n in range(20): record([sys.argv[1], str(n)], [])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(number)], cwd=repo.path, env=environment)
        for number in range(8)
    ]
    assert [writer.wait() for writer in writers] == [0] * 8
    found = sorted(operation.words for operation in oplog.read(repo.path))
    assert found == sorted((str(number), str(place)) for number in range(8) for place in range(20))


@settings(max_examples=12, deadline=None)
@given(steps=st.lists(st.sampled_from(["run", "start", "undo"]), max_size=8))
def test_any_order_of_commands_can_be_taken_back(steps: list[str]) -> None:
    """Undone to the end, the refs are as they were; on the way each undo restores what was before."""
    with tempfile.TemporaryDirectory() as folder:
        some = Repo(Path(folder) / "repo")
        some.path.mkdir()
        some.git("init", "--quiet")
        some.commit(a="0")
        history = [own_refs(some)]
        for number, step in enumerate(steps):
            if step == "undo":
                if len(history) > 1:
                    undo.undo(some.path)
                    history.pop()
            else:
                some.write("a", str(number))
                ref = f"refs/heads/experiments/e{number}"
                start(some, ref) if step == "start" else run_in_place(some, some.git("symbolic-ref", "HEAD"))
                history.append(own_refs(some))
            assert own_refs(some) == history[-1]
        before = files(some)
        while len(history) > 1:
            undo.undo(some.path)
            history.pop()
            assert own_refs(some) == history[-1]
            assert some.run("git", "diff", "--cached", "--name-only").out == ""
        assert files(some) == before
        assert some.git("symbolic-ref", "HEAD") == MAIN


def test_an_operation_without_moves_cannot_be_undone() -> None:
    assert not_undone([Operation("1", 0.0, ("x",), ())]) == []


def test_what_a_killed_run_left_in_the_index_is_finished_first(repo: Repo) -> None:
    repo.commit(a="1")
    repo.write("a", "2")
    run_in_place(repo)
    first = repo.git("rev-parse", "HEAD")
    # A run that is killed after it moved the branch, and before the index followed and the log knew.
    repo.write("a", "3")
    second = commit_tree(snapshot(repo.path), [first], "experiment: run", at=repo.path)
    repo.write(".git/gitml-index", f"{MAIN}\n{first}\n{second}\n")
    repo.git("update-ref", MAIN, second)
    assert repo.run("git", "status", "--porcelain").out == "MM a\n"
    with pytest.raises(undo.MovedSince):
        undo.undo(repo.path)
    assert repo.run("git", "status", "--porcelain").out == ""


def test_a_working_tree_that_was_removed_by_hand(repo: Repo, tmp_path: Path) -> None:
    repo.commit(a="1")
    repo.git("worktree", "add", "--quiet", "-b", "experiments/lr", str(tmp_path / "other"))
    other = Repo(tmp_path / "other")
    other.write("a", "2")
    move = run_in_place(other, LR)
    shutil.rmtree(other.path)
    undo.undo(repo.path)
    assert value_of(LR, repo.path) == move.old


def test_in_a_bare_repository(repo: Repo, tmp_path: Path) -> None:
    bare = Repo(tmp_path / "bare.git")
    repo.git("clone", "--quiet", "--bare", str(repo.path), str(bare.path))
    tip = bare.git("rev-parse", "HEAD")
    bare.git("update-ref", LR, tip)
    record(["exp", "start"], [Move(LR, None, tip)], at=bare.path)
    undo.undo(bare.path)
    assert own_refs(bare) == {MAIN: tip}


def test_no_secret_is_logged(repo: Repo) -> None:
    record(["forge", "https://ada:s3cret@example.org/x.git"], [], at=repo.path)  # pragma: allowlist secret
    assert oplog.read(repo.path)[0].words == ("forge", "https://***@example.org/x.git")


@pytest.mark.slow
def test_killed_at_any_time_the_same_again_finishes(repo: Repo) -> None:
    """100 kills."""
    code = "from gitml.git import undo\nundo.undo()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    repo.commit(a="0", b="0")
    moments = Moments(11)
    for round in range(100):
        before = own_refs(repo)
        start(repo)
        repo.write("a", f"run {round}")
        run_in_place(repo, LR)
        repo.write("b", f"{round} staged")
        repo.git("add", "b")
        had = files(repo)
        for left in (1, 0):
            process = subprocess.Popen(
                [sys.executable, "-c", code], cwd=repo.path, env=environment, stderr=subprocess.PIPE
            )
            ((_, error),) = moments.strike(process)
            assert b"Error" not in error, error.decode()
            if len(not_undone(oplog.read(repo.path))) > left:
                undo.undo(repo.path)
            assert len(not_undone(oplog.read(repo.path))) == left
        assert own_refs(repo) == before
        assert files(repo) == had
        assert repo.run("git", "status", "--porcelain").out == " M a\nM  b\n"
        repo.commit(f"infra: round {round}")
    assert moments.hits > 0
    assert repo.run("git", "fsck", "--strict", "--no-dangling").out == ""
    assert not list((repo.path / ".git").rglob("*.lock"))
