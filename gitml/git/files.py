"""Writing a file in a working tree: all of it or none."""

from __future__ import annotations

import os
import tempfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def replace_file(file: Path, content: bytes) -> None:
    """Write a file so that a kill, or a full disk, leaves the old one; its mode is kept.

    Raises
    ------
    OSError
        It cannot be written.
    """
    file = file.resolve()
    mode = file.stat().st_mode & 0o7777 if file.exists() else 0o666 & ~_umask()
    handle, beside = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".tmp", dir=file.parent)
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
