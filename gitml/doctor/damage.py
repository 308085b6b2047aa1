"""Files of git's own that were cut by a full disk or a power failure."""

from __future__ import annotations

import os
from pathlib import Path

from gitml.doctor.clone import Clone
from gitml.doctor.finding import Finding, and_more, seen_from, shortened

_SHORTEST_INDEX = 12 + 20
"""Bytes of an empty index: its header, and a SHA-1."""


def damage(clone: Clone) -> list[Finding]:
    """Judge whether the index and the refs are whole; nothing where they are."""
    return [*_index(clone), *_refs(clone)]


def _index(clone: Clone) -> list[Finding]:
    path = clone.repository.git_dir / "index"
    try:
        with path.open("rb") as file:
            is_whole = file.read(4) == b"DIRC" and file.seek(0, os.SEEK_END) >= _SHORTEST_INDEX
    except OSError:  # before the first git add
        return []
    if is_whole:
        return []
    shown = seen_from(clone.here, path)
    why = "git cannot tell what is staged, and refuses to go on. Your files stay as they are; what was staged is lost."
    mend = (f"mv {shown} {seen_from(clone.here, path.with_name('index.broken'))}", "git reset --quiet")
    return [Finding("index", "broken", f"{shown} is cut or damaged", why, mend)]


def _refs(clone: Clone) -> list[Finding]:
    common = clone.repository.common_dir
    empty = [
        Path(top, name).relative_to(common)
        for top, _, names in os.walk(common / "refs")
        for name in names
        if not name.endswith(".lock") and _is_empty(os.path.join(top, name))
    ]
    if not empty:
        return []
    first = min(empty)
    shown = seen_from(clone.here, common / first)
    says = f"{and_more([shortened(str(ref)) for ref in sorted(empty)])}: an empty file, not a commit"
    log = common / "logs" / first
    why = "git was stopped while it wrote it. The last line of its log has the commit that it had." * log.exists()
    mend = (f"tail -1 {seen_from(clone.here, log)}",) if log.exists() else ()
    return [Finding("refs", "broken", says, why or "git was stopped while it wrote it.", (*mend, f"rm {shown}"))]


def _is_empty(path: str) -> bool:
    try:
        return os.stat(path).st_size == 0
    except OSError:
        return False
