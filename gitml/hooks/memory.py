"""The prefixes of the gitml.toml that was read last, so that reading TOML is paid for once and not at every commit.

The file holds the names on its first line, and behind it all of the gitml.toml that they came from. They count as
long as that is, byte for byte, what stands in gitml.toml; the installed script makes the same comparison.
"""

from __future__ import annotations

import os

from gitml.config import FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PLACE = "gitml/prefixes"
"""In the git directory of the working tree."""


def recall(git_dir: str) -> tuple[str, ...]:
    """Return the prefixes that the gitml.toml in the current folder is known to set; none if it must be read."""
    try:
        with open(f"{git_dir}/{PLACE}", "rb") as file:
            names, _, known = file.read().partition(b"\n")
        with open(FILE, "rb") as file:
            return tuple(names.decode("ascii").split()) if file.read() == known else ()
    except (OSError, UnicodeDecodeError):
        return ()


def remember(git_dir: str, names: Sequence[str], content: bytes) -> None:
    """Write down which prefixes a gitml.toml of this content sets, if that can be written."""
    try:
        os.makedirs(f"{git_dir}/gitml", exist_ok=True)
        replace(f"{git_dir}/{PLACE}", " ".join(names).encode("ascii") + b"\n" + content)
    except OSError:
        pass


def replace(file: str, content: bytes) -> None:
    """Write a whole file or, on a full disk, none of it."""
    beside = f"{file}.{os.getpid()}"
    try:
        with open(beside, "wb") as opened:
            opened.write(content)
        os.replace(beside, file)
    except OSError:
        if os.path.exists(beside):
            os.unlink(beside)
        raise
