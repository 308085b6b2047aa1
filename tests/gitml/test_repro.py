"""`dvc repro` as it is run and watched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gitml.experiments import progress
from gitml.experiments.progress import Live, State, Watch
from gitml.pipeline.environment import read_hold
from gitml.pipeline.repro import Outcome, RunFailed, StageEvent, check_out, last_lines, record, repro

from .tiny_projects import Project, fresh, project

__all__ = ["fresh", "project"]


def test_stages_are_told_as_they_come(fresh: Project, tmp_path: Path) -> None:
    seen: list[tuple[StageEvent, ...]] = []
    log = tmp_path / "log"
    done = repro(fresh.path, log, lambda events: seen.append(tuple(events)))
    runs = [
        StageEvent("data", "runs"),
        StageEvent("data", "done"),
        StageEvent("train", "runs"),
        StageEvent("train", "done"),
    ]
    assert (done.code, done.is_done, done.failed_stage, list(done.events)) == (0, True, "", runs)
    assert list(seen[-1]) == runs and done.seconds > 0
    again = repro(fresh.path, log)
    assert list(again.events) == [StageEvent("data", "unchanged"), StageEvent("train", "unchanged")]
    fresh.change("params.yaml", "1e-3", "2e-3")
    only = repro(fresh.path, log, targets=["data"])
    assert list(only.events) == [StageEvent("data", "unchanged")]
    repro(fresh.path, log)
    fresh.change("params.yaml", "2e-3", "1e-3")
    assert StageEvent("train", "cached") in repro(fresh.path, log).events


def test_a_failure_is_told_with_the_last_lines(fresh: Project, tmp_path: Path) -> None:
    lines = "".join(f"echo line {number}\n" for number in range(40))
    fresh.write("stages/train.sh", f"{lines}printf 'bar 1\\rbar 2\\n\\n' >&2\nprintf '\\351\\n'\nexit 3\n")
    done = repro(fresh.path, tmp_path / "log")
    assert (done.is_done, done.failed_stage) == (False, "train")
    told = last_lines(done.log)
    assert "bar 2" in told and "�" in told and "line 39" in told and "line 20" not in told
    error = RunFailed(done, told)
    assert error.what == f"the stage train failed (exit status {done.code})"
    assert error.mend == (f"less {done.log}",)
    nothing = RunFailed(Outcome(255, 0.1, (), done.log), [])
    assert (nothing.what, nothing.why) == ("dvc repro failed (exit status 255)", "It wrote nothing.")
    assert last_lines(tmp_path / "none") == []


def test_outs_come_back_and_are_recorded(project: Project) -> None:
    (project.path / "models/model/weights").unlink()
    assert check_out(project.path, ["train"])
    assert (project.path / "models/model/weights").read_text() == "1e-3\n"
    assert not check_out(project.path, ["nowhere"])
    project.write("results/train/metrics.json", '{"roc_auc": 1}')
    assert record(project.path, "train") == ""
    assert "dvc.lock" in project.status()
    assert "nowhere" in record(project.path, "nowhere")


def test_an_interruption_ends_what_hears_nothing(fresh: Project, tmp_path: Path) -> None:
    script = f"{sys.executable} -c 'import os, signal, time\nfor one in (2, 15): signal.signal(one, signal.SIG_IGN)\n"
    fresh.write(
        "stages/train.sh",
        f"{script}print(os.getpid(), flush=True)\ntime.sleep(900)' > ../pid &\ntouch ../begun\nwait\n",
    )

    def interrupt(events: object) -> None:
        if (tmp_path / "begun").exists() and (tmp_path / "pid").read_text():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repro(fresh.path, tmp_path / "log", interrupt)
    stat = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_watch_tells_stage_figures_and_time_left(tmp_path: Path) -> None:
    (tmp_path / progress.DURATIONS).write_text('{"train": 100, "evaluate": 20, "data": 5}')
    live = tmp_path / "live"
    live.mkdir()
    (live / "metrics.json").write_text('{"step": 3, "val": {"auc": 0.7}, "name": "x", "ok": true}')
    told: list[State] = []
    watch = Watch("lr", tmp_path, 3, [live, tmp_path / "none"], told.append)
    watch.see([])
    watch.see([StageEvent("data", "unchanged"), StageEvent("train", "runs")])
    state = told[-1]
    assert (state.running, state.live) == ("train", Live(3, {"val/auc": 0.7}))
    assert state.left is not None and 119 < state.left <= 120
    watch._written = 0
    watch.see([StageEvent("data", "unchanged"), StageEvent("train", "runs")])
    assert progress.read_state(tmp_path) == watch.state
    watch.see([StageEvent("data", "unchanged"), StageEvent("train", "runs"), StageEvent("train", "done")])
    assert told[-1].running == "" and told[-1].left is None
    watch.end()
    assert not (tmp_path / progress.STATE).exists()
    kept = progress.durations(tmp_path)
    assert kept["train"] < 5 and kept["evaluate"] == 20


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"live": null}', '{"slug": 1, "live": [1], "events": []}'])
def test_a_state_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / progress.STATE).write_text(content)
    (tmp_path / progress.DURATIONS).write_text(content)
    assert progress.read_state(tmp_path) is None
    assert progress.durations(tmp_path) == {}


def test_old_and_odd_live_figures_do_not_count(tmp_path: Path) -> None:
    file = tmp_path / "metrics.json"
    for content in ('{"step": "x"}', "[1]", "{"):
        file.write_text(content)
        assert progress.newest([tmp_path], 0) is None
    file.write_text('{"step": 1, "a": 2}')
    assert progress.newest([tmp_path], time.time() + 60) is None
    assert progress.newest([tmp_path], 0) == Live(1, {"a": 2.0})
    with file.open("wb") as opened:
        os.truncate(opened.fileno(), progress.LARGEST + 1)
    assert progress.newest([tmp_path], 0) is None
    assert threading.active_count() >= 1


def test_a_killed_process_that_nobody_asked_for_holds_nothing(project: Project) -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    until = time.monotonic() + 120
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < until
        time.sleep(0.02)
    told = json.dumps({"write": {"/x": {"pid": process.pid, "cmd": "dvc repro"}}})
    project.write(".dvc/tmp/rwlock", told)
    assert read_hold(project.path).state == "abandoned"
    process.wait()
    project.write(".dvc/tmp/rwlock", told.replace(str(process.pid), str(os.getpid())))
    assert read_hold(project.path).state == "held"
