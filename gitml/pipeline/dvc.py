"""The one place that runs DVC: in a process of its own, so that its imports and its bars stay out of ours."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from gitml.errors import BrokenEnvironment
from gitml.git.command import environment_for_another_repository, without_secrets
from gitml.pipeline.environment import read_hold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitml.pipeline.settings import Settings

PATIENCE = 5
"""Seconds that DVC is given to end when it is told to."""

_INSIDE = Path(__file__).with_name("inside_dvc.py")


class DvcIsMissing(BrokenEnvironment):
    """There is no DVC beside gitml."""

    def __init__(self) -> None:
        super().__init__(
            "DVC could not be run",
            "gitml leaves data and models to DVC, and it is not installed in gitml's own environment.",
            ("python -m pip install 'dvc>=3.50'",),
        )


class DvcFailed(BrokenEnvironment):
    """DVC ended with an error that its caller did not expect."""

    def __init__(self, what: str, says: str) -> None:
        super().__init__(what, says or "DVC said nothing about it.", ("gitml doctor",))


class RemoteUnreachable(BrokenEnvironment):
    """What the remote has cannot be found out."""

    def __init__(self, remote: str, why: str, mend: tuple[str, ...] = ()) -> None:
        named = f"the DVC remote {remote}" if remote else "the DVC remote"
        super().__init__(f"{named} cannot be used", why, mend or ("dvc remote list",))


class DvcIsBusy(BrokenEnvironment):
    """Another DVC works in the same project."""

    def __init__(self) -> None:
        super().__init__(
            "another DVC is at work in this project",
            "It holds the project's lock until it ends; a killed one may have left it behind.",
            ("gitml doctor",),
        )


class CheckoutRefused(BrokenEnvironment):
    """DVC would have to remove files that are saved nowhere."""

    def __init__(self, says: str) -> None:
        super().__init__(
            "files that were changed here are saved nowhere else",
            f"DVC would replace {says}.",
            ("dvc status", "dvc checkout --force   # gives them up"),
        )


class Moved(NamedTuple):
    """What a transfer did.

    Attributes
    ----------
    done
        Names of the objects that are where they were to go, and were not before.
    failed
        Names of those that could not be moved.
    why
        What was wrong with the first of them; empty where none failed.
    """

    done: frozenset[tuple[str, bool]]
    failed: frozenset[tuple[str, bool]]
    why: str


def exist(
    known: Settings, remote: str, names: Sequence[tuple[str, bool]], timeout: float | None = None
) -> set[tuple[str, bool]]:
    """Return which objects a remote has.

    Parameters
    ----------
    known
        The project's settings.
    remote
        The remote's name.
    names
        The objects: md5, and whether it is one of DVC 3.
    timeout
        Seconds after which the remote is given up; None for none.

    Raises
    ------
    RemoteUnreachable
        It does not answer, is no remote, or its part of DVC is not installed.
    """
    answer = _ask("exist", known, remote, names, timeout)
    return {(md5, is_exact) for md5, is_exact in answer["there"]}


def push(known: Settings, remote: str, names: Sequence[tuple[str, bool]]) -> Moved:
    """Send objects from the cache to a remote, with DVC's bars on stderr; parameters as for `exist`."""
    return _moved(_ask("push", known, remote, names))


def fetch(known: Settings, remote: str, names: Sequence[tuple[str, bool]]) -> Moved:
    """Bring objects from a remote into the cache, a folder's files with its list."""
    return _moved(_ask("fetch", known, remote, names))


def checkout(known: Settings) -> int:
    """Bring DVC's files in the working tree to what dvc.lock and the .dvc files say.

    What is not in the cache is left out. A file that was changed and is not in the cache is never removed;
    one that DVC itself put there and nobody changed is.

    Returns
    -------
    count
        The outs that changed.

    Raises
    ------
    DvcIsBusy, CheckoutRefused, DvcFailed
        Nothing, or not everything, was changed.
    """
    # DVC's own checkout does not ask whether a stage runs that reads these files.
    if known.root is not None and read_hold(known.root).state == "held":
        raise DvcIsBusy
    return int(_ask("checkout", known, "", ())["changed"])


def _moved(answer: Mapping[str, Any]) -> Moved:
    done, failed = (frozenset((md5, is_exact) for md5, is_exact in answer[key]) for key in ("done", "failed"))
    return Moved(done, failed, without_secrets(answer["why"]))


def _ask(
    what: str, known: Settings, remote: str, names: Sequence[tuple[str, bool]], timeout: float | None = None
) -> dict[str, Any]:
    """Let DVC's own process do one thing, and return its answer."""
    question = {"do": what, "root": _root(known), "remote": remote, "names": list(names), "config": _overlay(known)}
    # -P: the folder of the script, whose modules have names like params, is not on the path.
    line = [sys.executable, "-P", str(_INSIDE)]
    environment = {**environment_for_another_repository(os.environ), "DVC_NO_ANALYTICS": "1"}
    with _start(line, environment) as process:
        try:
            out, _ = process.communicate(json.dumps(question).encode(), timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise RemoteUnreachable(remote, f"It gave no answer within {timeout:g} seconds.") from None
        except BaseException:
            _end(process)
            raise
    try:
        answer = json.loads(out)
    except ValueError:
        raise DvcFailed(f"DVC's {what} ended early (exit status {process.returncode})", "") from None
    if not isinstance(answer, dict):
        raise DvcFailed(f"DVC's {what} gave no answer", "")
    if "error" in answer:
        raise _error(what, remote, answer["error"], without_secrets(answer["says"]))
    return answer


def _start(line: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a process that Ctrl-C does not reach, so that it dies of our hand and without a traceback."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process; what it was sending is whole at the other side, or not there."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait()


def _root(known: Settings) -> str:
    """Return the project's folder; an empty text where it is not checked out, and DVC works in a borrowed one."""
    return str(known.root) if known.is_checked_out else ""


def _overlay(known: Settings) -> dict[str, Any] | None:
    """Return the settings as DVC takes them, where it cannot read them itself: its config is not checked out."""
    if known.is_checked_out:
        return None
    overlay: dict[str, Any] = {"remote": {}}
    for section, values in known.values.items():
        if section.startswith("remote:"):
            overlay["remote"][section.removeprefix("remote:")] = dict(values)
        elif section in ("core", "cache"):
            overlay[section] = dict(values)
    if known.cache is not None:
        overlay.setdefault("cache", {})["dir"] = str(known.cache)
    return overlay


def _error(what: str, remote: str, kind: str, says: str) -> BrokenEnvironment:
    if kind == "no dvc":
        return DvcIsMissing()
    if kind == "busy":
        return DvcIsBusy()
    if kind == "unsaved":
        return CheckoutRefused(says)
    if kind == "extra":
        return RemoteUnreachable(remote, f"{says} is not installed.", (f"python -m pip install {says}",))
    if what == "checkout":
        return DvcFailed("DVC could not check out its files", says)
    return RemoteUnreachable(remote, says)
