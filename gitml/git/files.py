"""Writing a file in a working tree: all of it or none."""

from __future__ import annotations

import os
import tempfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def replace_file(file: Path, content: bytes, shelf: Path | None = None) -> None:
    """Write a file so that a kill, or a full disk, leaves the old one; its mode is kept.

    Parameters
    ----------
    file
        It need not be there; its folder must.
    content
        All of it.
    shelf
        The folder in which the new one is until it is whole; None for beside it, where a kill leaves what git
        shows as untracked. One on another disk is not used.

    Raises
    ------
    OSError
        It cannot be written.
    """
    file = file.resolve()
    mode = file.stat().st_mode & 0o7777 if file.exists() else 0o666 & ~_umask()
    is_one_disk = shelf is not None and shelf.stat().st_dev == file.parent.stat().st_dev
    handle, beside = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".tmp", dir=shelf if is_one_disk else file.parent)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        os.chmod(beside, mode)
        os.replace(beside, file)
    except BaseException:
        os.unlink(beside)
        raise


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
