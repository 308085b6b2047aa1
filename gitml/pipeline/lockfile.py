"""dvc.lock, and the .dvc files beside it: what DVC says was read and produced."""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from typing import Any, NamedTuple

from gitml.pipeline import yaml12
from gitml.pipeline.definition import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = "2.0"

_DEDENT = re.compile(rb"\n {0,2}(?=[^ \n])")
_STAGE_LINE = re.compile(rb"  [A-Za-z0-9_][A-Za-z0-9_@.-]*:\n")
_PATH = rb"[A-Za-z_./][A-Za-z0-9_./@+=-]*"
_FIELDS = rb"(?:      (?:hash: md5|md5: [0-9a-f]{32}(?:\.dir)?|size: [0-9]+|nfiles: [0-9]+)\n)+"
_PLAIN_ITEMS = re.compile(rb"(?:    - path: %s\n%s)*" % (_PATH, _FIELDS))
_ITEM = re.compile(rb"    - path: (%s)\n(%s)" % (_PATH, _FIELDS))
_MD5 = re.compile(rb"      md5: ([0-9a-f.dir]+)\n")
_IMPORTED = {"repo", "version_id", "files", "db"}
_VERSIONED = {"cloud", "version_id"}


class Recorded(NamedTuple):
    """What DVC recorded of a file or folder.

    Attributes
    ----------
    md5
        In small letters, with ``.dir`` at its end for a folder; None where DVC recorded something else.
    is_exact
        Whether it is the md5 of the bytes as they are (``hash: md5`` stands beside it). Before DVC 3 it is
        that of a text with its CRLF made LF.
    files
        How many files a folder had; None where that was not recorded.
    size
        Its bytes, of a folder those of all its files; None where that was not recorded.
    is_versioned
        Whether a bucket that numbers its versions keeps it under its own name, and no object of DVC's does.
    """

    md5: str | None
    is_exact: bool
    files: int | None
    size: int | None = None
    is_versioned: bool = False

    @property
    def is_folder(self) -> bool:
        """Whether it was a folder."""
        return self.md5 is not None and self.md5.endswith(".dir")


class LockedStage(NamedTuple):
    """A stage as it was run last: its command, and what it read and wrote by their paths in dvc.yaml."""

    cmd: Any
    deps: Mapping[str, Recorded]
    outs: Mapping[str, Recorded]
    params: Mapping[str, Any]


class Tracked(NamedTuple):
    """What a .dvc file tracks at one path, and where DVC keeps it.

    Attributes
    ----------
    is_cached, is_pushed, remote
        As for `gitml.pipeline.definition.Out`. What was imported from another repository, or from a bucket
        that numbers its versions, is pushed nowhere: DVC fetches it from there.
    """

    recorded: Recorded
    is_cached: bool
    is_pushed: bool
    remote: str


class NotALock(ValueError):
    """The file is no dvc.lock; the message says why, in half a sentence."""


class LockOfDvc1(ValueError):
    """The file has the format before 2.0, which only old DVC reads."""


@lru_cache(maxsize=4)
def read(content: bytes) -> Mapping[str, LockedStage]:
    """Return the stages of a dvc.lock by their names; those of the last few files are known already.

    Raises
    ------
    NotALock
        DVC cannot read it either.
    LockOfDvc1
        It has another format.
    yaml12.NotYaml12
        DVC may be able to read it.
    """
    try:
        data = yaml12.load(content) or {}
    except yaml12.NotYaml12:
        raise
    except yaml12.NotYaml as error:
        raise NotALock(str(error)) from None
    if not isinstance(data, dict):
        raise NotALock("it is no mapping")
    if data and data.get("schema") != SCHEMA:
        if "schema" not in data and all(isinstance(entry, dict) and "cmd" in entry for entry in data.values()):
            raise LockOfDvc1("it has the format of DVC 1")
        raise NotALock(f"its schema is not {SCHEMA!r}")
    stages = data.get("stages") or {}
    if not isinstance(stages, dict) or not all(isinstance(entry, dict) for entry in stages.values()):
        raise NotALock("its stages are no mapping")
    return {str(name): _read_stage(entry) for name, entry in stages.items()}


def read_deps(content: bytes, stage: str) -> dict[str, str]:
    """Return the sums that a dvc.lock has of what one stage read, by path; of what has none, nothing.

    What DVC wrote plainly is read by its lines, which is fifty times faster than to parse all of it.

    Raises
    ------
    NotALock, LockOfDvc1, yaml12.NotYaml12
        As `read` does.
    """
    found = _scan_deps(content, stage.encode("utf-8", "surrogateescape"))
    if found is None:
        entry = read(content).get(stage)
        found = {} if entry is None else {path: one.md5 for path, one in entry.deps.items() if one.md5 is not None}
    return found


def _scan_deps(content: bytes, stage: bytes) -> dict[str, str] | None:
    """Do so by the lines of one stage; None where they are not as plain as DVC writes most."""
    start = content.find(b"\n  %s:\n" % stage)
    if start < 0 or not content.startswith(b"schema: '2.0'\nstages:\n"):
        return None
    start += len(stage) + 5
    end = _DEDENT.search(content, start - 1)
    if end is not None and _STAGE_LINE.match(content, end.start() + 1) is None:
        return None
    section = content[start : end.start() + 1 if end is not None else len(content)]
    deps = section.find(b"    deps:\n")
    if deps < 0 or (deps > 0 and section[deps - 1] != 10):
        return None
    lines = _PLAIN_ITEMS.match(section, deps + 10)
    rest = section[lines.end() :] if lines is not None else b""
    if lines is None or (rest and not rest.startswith((b"    outs:\n", b"    params:\n"))):
        return None
    found: dict[str, str] = {}
    for path, fields in _ITEM.findall(lines[0]):
        md5 = _MD5.search(fields)
        found.pop(path.decode(), None)  # of a path that stands there twice, the last counts
        if md5 is not None:
            found[path.decode()] = md5[1].decode()
    return found


def read_tracked(path: str, content: bytes) -> dict[str, Tracked] | None:
    """Return what a .dvc file at `path` tracks, by path in the commit; None where it cannot be read."""
    try:
        data = yaml12.load(content, largest=yaml12.LARGEST) or {}
    except yaml12.NotYaml:
        return None
    if not isinstance(data, dict) or not isinstance(data.get("outs") or [], list):
        return None
    folder = inside(posixpath.dirname(path), str(data.get("wdir") or "."))
    if folder is None:
        return None
    tracked: dict[str, Tracked] = {}
    is_from_elsewhere = any(isinstance(dep, dict) and _IMPORTED & dep.keys() for dep in _list(data.get("deps")))
    for item in data.get("outs") or []:
        target = inside(folder, item["path"]) if isinstance(item, dict) and isinstance(item.get("path"), str) else None
        if target is not None:
            remote = item.get("remote")
            tracked[target] = Tracked(
                _recorded(item),
                item.get("cache") is not False,
                item.get("push") is not False and not is_from_elsewhere,
                remote if isinstance(remote, str) else "",
            )
    return tracked


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _read_stage(entry: dict[Any, Any]) -> LockedStage:
    params = entry.get("params") or {}
    if not isinstance(params, dict) or not all(isinstance(values, dict) for values in params.values()):
        raise NotALock("the params of a stage are no mapping")
    return LockedStage(entry.get("cmd"), _paths(entry.get("deps")), _paths(entry.get("outs")), params)


def _paths(items: Any) -> dict[str, Recorded]:
    if not isinstance(items or [], list):
        raise NotALock("the deps or outs of a stage are no list")
    found: dict[str, Recorded] = {}
    for item in items or []:
        if not isinstance(item, dict) or not isinstance(item.get("path"), str):
            raise NotALock("a dep or out of a stage has no path")
        found[item["path"]] = _recorded(item)
    return found


def _recorded(item: dict[Any, Any]) -> Recorded:
    md5, files, size = item.get("md5"), item.get("nfiles"), item.get("size")
    is_known = isinstance(md5, str | int) and bool(md5) and item.get("hash") in (None, "md5") and "files" not in item
    return Recorded(
        str(md5).lower() if is_known else None,
        item.get("hash") == "md5",
        files if isinstance(files, int) else None,
        size if isinstance(size, int) and not isinstance(size, bool) else None,
        not _VERSIONED.isdisjoint(item),
    )
