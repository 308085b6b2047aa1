"""Merging dvc.lock stage by stage, in the very lines that DVC wrote."""

from __future__ import annotations

from typing import Any

from gitml.pipeline import lockfile, yaml12

HEAD = b"schema: '2.0'\nstages:\n"
"""How DVC begins a lock."""

_BREAKS = ("\r", "\x85", "\u2028", "\u2029")


def sections(content: bytes | None) -> dict[str, bytes] | None:
    r"""Return the lines of each stage of a dvc.lock; none where there is no file, None where DVC did not write it so.

    >>> sections(b"schema: '2.0'\nstages:\n  a:\n    cmd: x\n  b:\n    cmd: y\n")
    {'a': b'  a:\n    cmd: x\n', 'b': b'  b:\n    cmd: y\n'}
    """
    if content is None:
        return {}
    try:
        text = content.decode()
        if not content.startswith(HEAD) or not content.endswith(b"\n") or any(one in text for one in _BREAKS):
            return None
        names = list(lockfile.read(content))
        root: Any = yaml12.compose(text)
        keys = [key.start_mark for key, _ in root.value[1][1].value]
    except (ValueError, AttributeError, TypeError, IndexError):
        return None
    lines = text.splitlines(keepends=True)
    if len(lines) != text.count("\n") or not names or any(mark.column != 2 for mark in keys):
        return None
    ends = [*(mark.line for mark in keys[1:]), len(lines)]
    return {name: "".join(lines[mark.line : end]).encode() for name, mark, end in zip(names, keys, ends, strict=True)}


def assemble(stages: dict[str, bytes]) -> bytes:
    """Return the dvc.lock that has these stages, given by their lines."""
    return HEAD + b"".join(stages.values())
