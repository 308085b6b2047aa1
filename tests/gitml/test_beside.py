"""What runs beside a command: it goes last, and the end of the process is neither late nor a crash."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

from gitml.git.processes import beside, is_anything_beside


def run(script: str) -> tuple[int, str, float]:
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, time.monotonic() - begin


def test_a_command_that_is_done_waits_for_nothing() -> None:
    code, out, seconds = run(
        "import sys, time\nfrom gitml.git.processes import beside\nbeside(lambda: time.sleep(50))\n"
        "from gitml.cli.main import main\nsys.argv = ['gitml', '--version']\nsys.exit(main())"
    )
    assert code == 0 and out.startswith("gitml ") and seconds < 20


def test_a_script_ends_when_what_is_beside_has() -> None:
    code, out, _ = run(
        "import time\nfrom gitml.git.processes import beside\n"
        "beside(lambda: (time.sleep(0.3), print('done', flush=True)))\nprint('end', flush=True)"
    )
    assert (code, out) == (0, "end\ndone\n")


def test_it_lets_others_go_first() -> None:
    told: list[int] = []
    ready = threading.Event()
    thread = beside(lambda: (told.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())), ready.wait(10)))
    assert is_anything_beside()
    ready.set()
    thread.join()
    mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert told == [19 if sys.platform == "linux" else mine] and mine < 19
