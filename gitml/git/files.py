"""Writing in a working tree: all of a file or none, and never a name there that is not the user's."""

from __future__ import annotations

import errno
import os
import shutil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def replace_file(file: Path, content: bytes, shelf: Path, is_executable: bool | None = None) -> None:
    """Write a file so that a kill, or a full disk, leaves the old one.

    Parameters
    ----------
    file
        It need not be there; its folder must. Where it is a link, what it leads to is written.
    content
        All of it.
    shelf
        The folder in which the new one is until it is whole: `gitml.git.repository.shelf` for one in a working
        tree, where a kill would else leave what git shows as untracked; its own folder for one in ``.git``.
    is_executable
        Whether whoever may read it may run it; None for as it is.

    Raises
    ------
    OSError
        It cannot be written.
    """
    file = file.resolve()
    mode = file.stat().st_mode & 0o7777 if file.exists() else 0o666 & ~_umask()
    if is_executable is not None:
        mode = mode & 0o666 | ((mode & 0o444) >> 2 if is_executable else 0)

    def make(new: Path) -> None:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        os.chmod(new, mode)

    _put(file, make, shelf)


def replace_by_link(file: Path, kept: Path, shelf: Path) -> None:
    """Let a file be one that was kept, by a hard link: that needs no room on a full disk.

    Parameters
    ----------
    file, shelf
        As for `replace_file`.
    kept
        Where it is kept; it is copied from another disk.

    Raises
    ------
    OSError
        It cannot be written.
    """
    try:
        _put(file, lambda new: os.link(kept, new), shelf)
    except OSError:
        replace_file(file, kept.read_bytes(), shelf)


def replace_by_symlink(file: Path, target: str, shelf: Path) -> None:
    """Let a symbolic link take the place of a file, or of another link.

    Parameters
    ----------
    file, shelf
        As for `replace_file`; a link is not followed.
    target
        Where the new one leads.

    Raises
    ------
    OSError
        It cannot be made.
    """
    _put(file, lambda new: os.symlink(target, new), shelf)


def replace_by_copy(file: Path, source: Path) -> None:
    """Let a file be a copy of another one, however large; a kill or a full disk leaves what was there.

    The part that is written has a name that git and DVC ignore in a project that `gitml init` has laid down.

    Raises
    ------
    OSError
        It cannot be read or written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        shutil.copyfile(source, part)
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)


def _put(file: Path, make: Callable[[Path], None], shelf: Path) -> None:
    shelf.mkdir(parents=True, exist_ok=True)
    name = f"{os.getpid()}.{os.urandom(4).hex()}.tmp"
    try:
        _move(file, make, shelf / name)
    except OSError as error:
        if error.errno != errno.EXDEV or shelf == file.parent:
            raise
        # Only a file on the same disk takes another's place at once.
        _move(file, make, file.with_name(f".{file.name}.{name[-12:]}"))


def _move(file: Path, make: Callable[[Path], None], new: Path) -> None:
    try:
        make(new)
        os.replace(new, file)
    finally:
        new.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
