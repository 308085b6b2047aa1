"""DVC's configuration, merged from its four levels without importing DVC."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from gitml.pipeline.configuration import parse, shared_folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_SECTION = re.compile(r"""'?\s*remote\s*"(.*)"\s*'?""")
_PATHS = {"url", "dir", "keyfile", "credentialpath", "configpath", "cert_path", "key_path"}
_URL = re.compile(r"\w+://")


class Settings(NamedTuple):
    """What DVC is told in one project.

    Attributes
    ----------
    root
        The project's folder: the one with ``.dvc``; None where there is no working tree.
    values
        The settings of each section by their names, in small letters as DVC takes them. A remote's section
        is ``remote:NAME``. Relative paths are made absolute, where there is a working tree.
    """

    root: Path | None
    values: Mapping[str, Mapping[str, str]]

    def get(self, section: str, name: str) -> str:
        """Return a setting; an empty one where it is not set."""
        return self.values.get(section, {}).get(name, "")

    @property
    def default_remote(self) -> str:
        """Name of the default remote; empty where there is none."""
        return self.get("core", "remote").lower()

    @property
    def remotes(self) -> list[str]:
        """Names of all remotes."""
        return [section.removeprefix("remote:") for section in self.values if section.startswith("remote:")]

    @property
    def cache(self) -> Path | None:
        """Folder of the cache; None where there is no working tree and none is set for the machine."""
        chosen = self.get("cache", "dir")
        if chosen and os.path.isabs(chosen):
            return Path(chosen)
        return self.root / ".dvc" / "cache" if self.root is not None else None

    @property
    def is_checked_out(self) -> bool:
        """Whether DVC can work in the project's folder; where it cannot, it would leave files in git's way."""
        return self.root is not None and (self.root / ".dvc" / "config").is_file()

    def url(self, remote: str) -> str:
        """Return a remote's URL; empty where none is set."""
        return self.get(f"remote:{remote.lower()}", "url")

    def folder(self, remote: str) -> Path | None:
        """Return the folder that a remote is; None where it is something else."""
        url = self.url(remote)
        if not url or self.is_versioned(remote):
            return None
        if url.startswith("file://"):
            return Path(url.removeprefix("file://"))
        return None if _URL.match(url) else Path(url)

    def is_versioned(self, remote: str) -> bool:
        """Say whether a remote is a bucket that numbers its versions, where DVC keeps files by their names."""
        section = f"remote:{remote.lower()}"
        return any(self.get(section, name).lower() in _TRUE for name in ("worktree", "version_aware"))


_TRUE = {"true", "yes", "1", "on"}


def read(root: Path | None, committed: bytes = b"", is_foreign: bool = False) -> Settings:
    """Return the settings of the project in a folder; the nearest level wins.

    Parameters
    ----------
    root
        The project's folder; None where there is no working tree.
    committed
        The ``.dvc/config`` of a commit, which counts where none is checked out.
    is_foreign
        Whether what is checked out is a stranger's, so that only `committed` and the machine's own files count.
    """
    values: dict[str, dict[str, str]] = {}
    for folder in shared_folders():
        _merge(values, _bytes_of(Path(folder) / "config"), Path(folder))
    own = root / ".dvc" if root is not None else None
    here = _bytes_of(own / "config") if own is not None and not is_foreign else None
    _merge(values, committed if here is None else here, own)
    if own is not None and not is_foreign:
        _merge(values, _bytes_of(own / "config.local"), own)
    return Settings(root if not is_foreign else None, values)


def _merge(values: dict[str, dict[str, str]], content: bytes | None, folder: Path | None) -> None:
    """Put over `values` what a file in `folder` says, or nothing of it where it cannot be read."""
    config = parse(content or b"")
    for section in config.sections():
        named = _SECTION.fullmatch(section)
        known = values.setdefault(f"remote:{named[1].lower()}" if named else section.strip().lower(), {})
        for name, raw in config.items(section):
            value = _unquoted(raw or "").replace("\0", "")
            known[name] = _absolute(value, folder) if name in _PATHS and value else value


def _unquoted(value: str) -> str:
    """Return a value without its quotes, or without the comment behind it."""
    if value[:1] in ("'", '"'):
        end = value.find(value[0], 1)
        return value[1:end] if end > 0 else value
    return value.partition("#")[0].strip()


def _absolute(value: str, folder: Path | None) -> str:
    if _URL.match(value):
        return value
    path = os.path.expanduser(value)
    return os.path.normpath(folder.absolute() / path) if folder is not None else path


def _bytes_of(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None
