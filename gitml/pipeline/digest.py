"""The md5 sums by which DVC knows files and folders."""

from __future__ import annotations

import hashlib
import json
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK = 2**20
"""Bytes that DVC before 3 took at a time, deciding for each whether it is text."""

EMPTY_FOLDER = "d751713988987e9331980363e24189ce.dir"

_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


class Fingerprint(NamedTuple):
    """The sums of one blob.

    Attributes
    ----------
    md5
        Of its bytes.
    of_lf
        Of its bytes as DVC before 3 took them: a text with its CRLF made LF.
    is_lfs_pointer
        Whether it stands for a large file elsewhere.
    """

    md5: str
    of_lf: str
    is_lfs_pointer: bool

    def of(self, is_exact: bool) -> str:
        """Return the sum that DVC records, of this age."""
        return self.md5 if is_exact else self.of_lf


def fingerprint(content: bytes) -> Fingerprint:
    """Return the sums of a blob's bytes."""
    md5 = of_lf = _md5(content)
    if b"\r\n" in content:
        of_lf = _md5(b"".join(_as_unix(content[at : at + BLOCK]) for at in range(0, len(content), BLOCK)))
    return Fingerprint(md5, of_lf, content.startswith(_LFS_POINTER))


def md5_on_windows(content: bytes) -> str:
    """Return the md5 of what a Windows machine with ``core.autocrlf`` hands out for a blob."""
    is_text = b"\0" not in content and b"\r" not in content
    return _md5(content.replace(b"\n", b"\r\n") if is_text else content)


def folder_digest(files: Mapping[str, str]) -> str:
    """Return DVC's sum of a folder.

    Parameters
    ----------
    files
        The md5 of each file below it by its path from it.
    """
    listed = [{"md5": md5, "relpath": path} for path, md5 in sorted(files.items())]
    return _md5(json.dumps(listed).encode()) + ".dir"


def _as_unix(block: bytes) -> bytes:
    head = block[:512]
    is_text = b"\0" not in head and len(head.translate(None, _TEXT)) <= 0.30 * len(head)
    return block.replace(b"\r\n", b"\n") if is_text else block


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
