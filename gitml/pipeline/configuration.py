"""DVC's configuration of one project, read without importing DVC."""

from __future__ import annotations

import os
import re
from configparser import ConfigParser, Error
from pathlib import Path
from typing import NamedTuple

_URL = re.compile(r"\w+://")


class Setting(NamedTuple):
    """One value, and the file that it stands in."""

    value: str
    file: Path

    @property
    def is_url(self) -> bool:
        """Whether it names something that is not a file of this machine."""
        return _URL.match(self.value) is not None

    @property
    def is_relative(self) -> bool:
        """Whether it is a path that is looked for from the folder of its file."""
        return not self.is_url and not os.path.isabs(os.path.expanduser(self.value))

    @property
    def path(self) -> Path:
        """The path that DVC makes of it."""
        return Path(os.path.abspath(self.file.parent / os.path.expanduser(self.value)))


class Configuration:
    """What DVC's four levels of configuration say; the nearest level wins.

    Parameters
    ----------
    root
        The project's folder, which has a ``.dvc``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        shared = [Path(folder) / "config" for folder in shared_folders()]
        self._levels = [
            (file, read(file)) for file in (*shared, root / ".dvc" / "config", root / ".dvc" / "config.local")
        ]

    def get(self, section: str, option: str) -> Setting | None:
        """Return a value; None where no level sets it, or sets it to nothing."""
        for file, config in reversed(self._levels):
            for name in (section, f"'{section}'"):
                value = config.get(name, option, fallback=None)
                if value is not None:
                    bare = _unquoted(value)
                    return Setting(bare, file) if bare else None
        return None

    @property
    def has_hardlink_locks(self) -> bool:
        """Whether DVC's locks are held by a file's being there, not by the kernel."""
        setting = self.get("core", "hardlink_lock")
        return setting is not None and setting.value.lower() in ("true", "yes", "on", "1")

    @property
    def cache(self) -> Path:
        """The folder of the project's cache."""
        setting = self.get("cache", "dir")
        return setting.path if setting is not None else self.root / ".dvc" / "cache"


def with_cache(text: str, folder: Path) -> str:
    """Return the text of a configuration file that does not set ``cache.dir``, with it set to `folder`."""
    line = f"    dir = {_quoted(str(folder))}\n"
    lines = text.splitlines(keepends=True)
    for place, header in enumerate(lines):
        if header.strip() == "[cache]":
            end = "" if header.endswith("\n") else "\n"
            return "".join([*lines[:place], header + end, line, *lines[place + 1 :]])
    end = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{end}[cache]\n{line}"


def parse(content: bytes) -> ConfigParser:
    """Return what the bytes of one configuration file say; nothing where DVC itself would refuse them."""
    config = ConfigParser(
        interpolation=None,
        strict=False,
        allow_no_value=True,
        comment_prefixes=("#", ";"),
        delimiters=("=",),
        default_section="",
    )
    try:
        lines = content.decode("utf-8").splitlines()
        config.read_string("\n".join(line.strip() for line in lines))
    except (UnicodeDecodeError, Error):
        return ConfigParser(interpolation=None, default_section="")
    return config


def read(file: Path) -> ConfigParser:
    """Return what one configuration file says; nothing where it cannot be read."""
    try:
        return parse(file.read_bytes())
    except OSError:
        return parse(b"")


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if is_quoted else value


def _quoted(value: str) -> str:
    """Return `value` as DVC reads it back: its reader splits at commas and cuts at ``#``."""
    return value if not set(value) & set(",#'\" ") else f"'{value}'" if '"' in value else f'"{value}"'


def shared_folders() -> tuple[str, str]:
    """Return the folders of DVC's system-wide and user-wide configuration, in this order."""
    import platformdirs

    return (
        os.environ.get("DVC_SYSTEM_CONFIG_DIR") or platformdirs.site_config_dir("dvc", "iterative"),
        os.environ.get("DVC_GLOBAL_CONFIG_DIR") or platformdirs.user_config_dir("dvc", "iterative"),
    )
