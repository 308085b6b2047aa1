"""What runs in DVC's own process: one question on stdin, one answer on stdout, both JSON; DVC's bars on stderr.

Started by its path and by `gitml.pipeline.dvc` only. It imports DVC and nothing of gitml.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

EXACT, OLD = "md5", "md5-dos2unix"


class _FirstReason(logging.Handler):
    """Keeps what DVC says of the first object that it could not move."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.why = ""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.why = self.why or (_one_line(error) if error is not None else record.getMessage())


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked, and return what came of it."""
    try:
        from dvc.repo import Repo
    except ImportError:
        return {"error": "no dvc", "says": ""}
    kept = _keep_quiet(has_bars=question["do"] in ("push", "fetch"))
    try:
        with _project(question) as (root, config), Repo(root, config=config) as repo:
            if question["do"] == "checkout":
                return _checkout(repo)
            pairs = _by_kind(question["names"])
            if question["do"] == "exist":
                return {"there": _exist(repo, question["remote"], pairs)}
            return _move(repo, question["remote"], pairs, question["do"] == "push", kept)
    except Exception as error:
        return _failure(error)


@contextmanager
def _project(question: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Lend the folder of a project that is not checked out a ``.dvc`` elsewhere."""
    if question["root"]:
        yield question["root"], question["config"]
        return
    with TemporaryDirectory(prefix="gitml-") as borrowed:
        os.mkdir(f"{borrowed}/.dvc")
        config = question["config"]
        yield borrowed, {**config, "core": {**config.get("core", {}), "no_scm": True}}


def _keep_quiet(has_bars: bool) -> _FirstReason:
    """Send what DVC logs nowhere but into memory."""
    kept = _FirstReason()
    for name in ("dvc", "dvc_data", "dvc_objects", "dvc_http", "asyncio", "fsspec"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [kept if name == "dvc_data" else logging.NullHandler()], False
    for name in ("dvc", "dvc_data"):
        logging.getLogger(name).setLevel(logging.ERROR if has_bars else logging.CRITICAL)  # bars go by it too
    return kept


def _by_kind(names: list[tuple[str, bool]]) -> dict[str, list[str]]:
    pairs: dict[str, list[str]] = {}
    for md5, is_exact in names:
        pairs.setdefault(EXACT if is_exact else OLD, []).append(md5)
    return pairs


def _exist(repo: Any, name: str, pairs: dict[str, list[str]]) -> list[tuple[str, bool]]:
    there: list[tuple[str, bool]] = []
    for kind, oids in pairs.items():
        odb = repo.cloud.get_remote_odb(name, "status", hash_name=kind)
        _knock(odb, oids[0])
        there += [(oid, kind == EXACT) for oid in odb.oids_exist(oids)]
    return there


def _knock(odb: Any, oid: str) -> None:
    """Raise where a web server does not answer, or not to us: to DVC each object would just not be there."""
    if odb.fs.protocol in ("http", "https"):
        odb.fs.fs.exists(odb.oid_to_path(oid), strict=True)


def _move(repo: Any, name: str, pairs: dict[str, list[str]], is_push: bool, kept: _FirstReason) -> dict[str, Any]:
    from dvc.fs.callbacks import TqdmCallback
    from dvc_data.hashfile.hash_info import HashInfo

    done: list[tuple[str, bool]] = []
    failed: list[tuple[str, bool]] = []
    for kind, oids in pairs.items():
        cache = repo.cache.local if kind == EXACT else repo.cache.legacy
        remote = repo.cloud.get_remote_odb(name, "push" if is_push else "fetch", hash_name=kind)
        _knock(remote, oids[0])
        source, target = (cache, remote) if is_push else (remote, cache)
        if not is_push:
            oids = [*oids, *_listed(remote, cache, kind, oids)]
        with TqdmCallback(desc="Pushing" if is_push else "Fetching", unit="file") as bar:
            # Without DVC's index of the remote: it believes that whoever has a folder's list has its files.
            moved = repo.cloud.transfer(
                source,
                target,
                [HashInfo(kind, oid) for oid in oids],
                cache_odb=cache,
                verify=not is_push and remote.verify,
                callback=bar,
            )
        for info in moved.transferred:
            # DVC counts a list that it kept back, and a file that it found damaged, as sent.
            if (is_push and not info.isdir) or target.exists(info.value):
                done.append((info.value, kind == EXACT))
            elif not info.isdir:
                failed.append((info.value, kind == EXACT))
                kept.why = kept.why or "The remote has other bytes under its name"
        failed += [(info.value, kind == EXACT) for info in moved.failed]
    return {"done": done, "failed": failed, "why": kept.why if failed else ""}


def _listed(remote: Any, cache: Any, kind: str, oids: list[str]) -> list[str]:
    """Return the files of the folders whose lists are in the remote only: they are to come before their list."""
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.transfer import find_tree_by_obj_id

    trees = [find_tree_by_obj_id([cache, remote], HashInfo(kind, oid)) for oid in oids if oid.endswith(".dir")]
    return list({info.value for tree in trees if tree is not None for _, _, info in tree} - set(oids))


def _checkout(repo: Any) -> dict[str, Any]:
    done = repo.checkout(allow_missing=True)
    return {"changed": sum(len(done[key]) for key in ("modified", "added", "deleted"))}


def _failure(error: Exception) -> dict[str, Any]:
    """Return what kind of failure it is, as `gitml.pipeline.dvc` tells them apart."""
    from dvc.lock import LockError
    from dvc_objects.fs.errors import RemoteMissingDepsError

    if isinstance(error, LockError):
        return {"error": "busy", "says": ""}
    if isinstance(error, RemoteMissingDepsError):
        return {"error": "extra", "says": f"dvc-{error.protocol}"}
    if isinstance(error, ImportError) and isinstance(error.__cause__, ImportError) and error.__cause__.name:
        return {"error": "extra", "says": error.__cause__.name.replace("_", "-")}
    if "unsaved files" in str(error):
        return {"error": "unsaved", "says": ", ".join(str(error).splitlines()[1:])}
    return {"error": "other", "says": _one_line(error)}


def _one_line(error: BaseException) -> str:
    """Return the first thing that an error and what caused it say."""
    said: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(said) < 3:
        text = " ".join(str(cause).split()) or type(cause).__name__
        if text not in said:
            said.append(text)
        cause = cause.__cause__
    return ": ".join(said)


def main() -> int:
    """Read a question, write its answer."""
    channel = os.dup(1)
    os.dup2(2, 1)  # whatever else writes to stdout is no answer
    reply = json.dumps(answer(json.load(sys.stdin.buffer))).encode()
    with open(channel, "wb") as file:
        file.write(reply)
    return 0


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)  # DVC's threads and loops would keep Python here
