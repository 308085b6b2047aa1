"""What there is of DVC on this machine and in this project, read without importing DVC."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, NamedTuple

from gitml.git.processes import is_running
from gitml.pipeline.configuration import Configuration, Setting

LARGEST = 64 * 2**20
"""Bytes of a file that is parsed; a larger one is not what its name says."""

LockState = Literal["absent", "readable", "not readable", "not YAML", "empty", "too large", "without stages"]
HoldState = Literal["free", "held", "abandoned", "corrupt"]


class Remote(NamedTuple):
    """DVC's default remote: its name, and where it is; None where no URL is set for it."""

    name: str
    url: Setting | None


class Hold(NamedTuple):
    """What ``.dvc/tmp/rwlock`` says.

    Attributes
    ----------
    state
        ``free`` (no file, or nobody in it), ``held`` by a process that runs, ``abandoned`` by killed
        ones only, or ``corrupt``: no JSON, or not DVC's shape.
    pids
        The processes that it names, sorted.
    """

    state: HoldState
    pids: tuple[int, ...] = ()


def installed(package: str) -> str | None:
    """Return the version of an installed package, or None; the package is not imported."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def project_root(folder: Path, top: Path) -> Path | None:
    """Return the nearest folder with a ``.dvc`` from `folder` up to `top`, or None."""
    for candidate in (folder, *folder.parents):
        if (candidate / ".dvc").is_dir():
            return candidate
        if candidate == top:
            return None
    return None


def default_remote(root: Path) -> Remote | None:
    """Return the default remote as DVC's four levels of configuration give it; the nearest level wins."""
    config = Configuration(root)
    name = config.get("core", "remote")
    return Remote(name.value, config.get(f'remote "{name.value}"', "url")) if name is not None else None


def read_hold(root: Path) -> Hold:
    """Return who holds the project's ``.dvc/tmp/rwlock``."""
    try:
        entries = json.loads((root / ".dvc" / "tmp" / "rwlock").read_bytes())
        writers = list(entries.get("write", {}).values())
        readers = [reader for infos in entries.get("read", {}).values() for reader in infos]
        pids = sorted({int(info["pid"]) for info in (*writers, *readers)})
    except FileNotFoundError:
        return Hold("free")
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return Hold("corrupt")
    if not pids:
        return Hold("free")
    return Hold("held" if any(map(is_running, pids)) else "abandoned", tuple(pids))


def read_lock_state(root: Path) -> LockState:
    """Say whether the project's ``dvc.lock`` can be read; a killed ``dvc repro`` can leave one that cannot."""
    file = root / "dvc.lock"
    try:
        if file.stat().st_size > LARGEST:
            return "too large"
        content = file.read_bytes()
    except FileNotFoundError:
        return "absent"
    except OSError:
        return "not readable"
    return lock_state(content)


def lock_state(content: bytes) -> LockState:
    """Say whether the bytes of a ``dvc.lock`` can be read."""
    import yaml

    try:
        value = yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return "not YAML"
    if value is None:
        return "empty"
    if not isinstance(value, dict) or not isinstance(value.get("stages", {}), dict):
        return "without stages"
    return "readable"
