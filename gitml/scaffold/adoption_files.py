"""The lines that gitml needs in files that a repository may have already, and the folder of reports."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitml.scaffold import blocks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitml.scaffold.adoption_survey import Survey

ATTRIBUTES = ".gitattributes"
IGNORED_BY_DVC = ".dvcignore"
REPORTS = "reports/README.md"

MOST_PATHS = 200
"""Files that get a line each; with more of them, folders do."""

_ALL = b"* -text"
_LOCK = b"dvc.lock -text linguist-generated"
_NOT_HASHED = (b"__pycache__", b"*.pyc", b".ipynb_checkpoints")
_SPECIAL = frozenset(b"*?[\\")
_ESCAPES = {ord('"'): b'\\"', ord("\\"): b"\\\\"}

_ABOUT_REPORTS = """\
# Reports

Each folder here is the report of one experiment: what was tried and why, what came out beside its parent and the main
branch, and what was learned. `gitml exp run` writes facts and results between markers; every other byte is a
person's. `gitml report show` reads one, `gitml report edit` writes in it.

"""


def attributes(found: Survey, old: bytes | None) -> list[bytes]:
    """Return the lines for .gitattributes: git hands out the bytes that DVC has the sums of, wherever it runs.

    Where nobody told git what to do with line ends, that is all files; where somebody did, only those that a dvc.lock
    has a sum of. What was chosen in another clone stays chosen.
    """
    before = blocks.lines_in(old or b"")
    if _ALL in before or (not before and not found.has_line_ends):
        return [b"# DVC hashes these bytes: git must not change their line ends.", _ALL, _LOCK]
    lines = [pattern(path) + b" -text" for path in _narrow(found.tree.hashed)]
    why = b"# DVC has the sums of these files: git must not change their line ends."
    return [why, *lines, _LOCK] if lines else [_LOCK]


def ignored_by_dvc(old: bytes | None) -> list[bytes]:
    """Return the lines for a .dvcignore: what is made beside code, and would make an honest run look changed."""
    before = blocks.without_lines(old or b"").content or b""
    there = {line.strip().rstrip(b"/") for line in before.split(b"\n")}
    missing = [line for line in _NOT_HASHED if line not in there]
    return [b"# Never part of a hashed folder: in another clone it would differ.", *missing] if missing else []


def about_reports() -> bytes:
    """Return the README of the folder of reports."""
    return blocks.sealed(_ABOUT_REPORTS, ("<!-- ", " -->"))


def pattern(path: str) -> bytes:
    r"""Return a path as .gitattributes means exactly it; a folder, which ends with ``/``, with all below.

    >>> pattern("src/"), pattern("a b.txt"), pattern("x[1].csv")
    (b'/src/**', b'"/a b.txt"', b'/x\\[1].csv')
    """
    raw = os.fsencode(path)
    escaped = b"".join(b"\\" + bytes([byte]) if byte in _SPECIAL else bytes([byte]) for byte in raw)
    text = b"/" + escaped + (b"**" if raw.endswith(b"/") else b"")
    if not any(byte <= 32 or byte == 127 or byte == ord('"') for byte in raw):
        return text
    return b'"' + b"".join(_quoted(byte) for byte in text) + b'"'


def _quoted(byte: int) -> bytes:
    if byte in _ESCAPES:
        return _ESCAPES[byte]
    return b"\\%03o" % byte if byte < 32 or byte == 127 else bytes([byte])


def _narrow(paths: Iterable[str]) -> list[str]:
    """Return the paths that need a line, their folders where they are many."""
    every = sorted(path for path in dict.fromkeys(paths) if path != "/")
    if len(every) > MOST_PATHS:
        every = sorted(
            {f"{path.rstrip('/').rpartition('/')[0]}/" if "/" in path.rstrip("/") else path for path in every}
        )
    folders = tuple(path for path in every if path.endswith("/"))
    return [path for path in every if not any(path != folder and path.startswith(folder) for folder in folders)]
