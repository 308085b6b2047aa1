"""The DVC remote of a new project: a folder beside it, or the URL that somebody names."""

from __future__ import annotations

import importlib.util
import os
import re
from typing import TYPE_CHECKING

from gitml.errors import WrongUsage

if TYPE_CHECKING:
    from pathlib import Path

_PARTS = {
    "azure": ("azure", "dvc_azure"),
    "gdrive": ("gdrive", "dvc_gdrive"),
    "gs": ("gs", "dvc_gs"),
    "hdfs": ("hdfs", "dvc_hdfs"),
    "http": ("", ""),
    "https": ("", ""),
    "oss": ("oss", "dvc_oss"),
    "s3": ("s3", "dvc_s3"),
    "ssh": ("ssh", "dvc_ssh"),
    "webdav": ("webdav", "dvc_webdav"),
    "webdavs": ("webdav", "dvc_webdav"),
    "webhdfs": ("webhdfs", "dvc_webhdfs"),
}
"""For each scheme the extra of DVC that it needs, and the package that is there with it."""

_ODD = re.compile(r"[^\w.-]+")
_SECRET = re.compile(r"://[^/@]*:[^/@]*@")


class WrongRemote(WrongUsage):
    """A remote cannot be set."""


def beside(project: Path) -> str:
    """Return the folder beside a project in which DVC keeps things by default, absolute: worktrees look for it, too."""
    return str(project.parent / f"{_ODD.sub('-', project.name).strip('-.') or 'project'}-storage")


def checked(url: str) -> tuple[str, str]:
    """Return a remote's URL as .dvc/config has it, and the extra of DVC that it needs; empty for none.

    Parameters
    ----------
    url
        As somebody gave it: a URL, or a folder seen from the current one.

    Raises
    ------
    WrongRemote
        DVC has no such remotes, or a password would be committed.
    """
    if not url.isprintable() or '"' in url:
        raise WrongRemote(f"{url!r} cannot be a DVC remote", "It has letters that .dvc/config cannot hold.")
    scheme, separator, _ = url.partition("://")
    if not separator:
        return os.path.abspath(url), ""
    if scheme not in _PARTS:
        raise WrongRemote(
            f"DVC has no remotes of the kind {scheme}://", f"It has {', '.join(f'{one}://' for one in _PARTS)}."
        )
    if _SECRET.search(url):
        raise WrongRemote(
            "the remote's URL holds a password",
            "It would be committed, for everybody to read. Name the remote without it, and keep it on this machine:",
            ("dvc remote modify --local storage password …",),
        )
    return url, _PARTS[scheme][0]


def is_installed(extra: str) -> bool:
    """Say whether an extra of DVC is installed beside gitml."""
    module = next((package for part, package in _PARTS.values() if part == extra), "")
    return not module or importlib.util.find_spec(module) is not None
