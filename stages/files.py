"""Writing files so that a reader never meets half of one."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and move it there once the block has ended well.

    Works for a file or a folder: the block makes whichever it wants at the path it is given. When the
    block raises, or is interrupted, the temporary is removed and `path` is as before.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    holder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
        made = holder / target.name
        yield made
        for file in [made] if made.is_file() else sorted(made.rglob("*")):
            if file.is_file():
                _flush(file)
        if made.is_dir() and target.is_dir():
            target.rename(holder / f"{target.name}.old")
        os.replace(made, target)
    except OSError as error:
        # libraries that write files do not always say which
        error.filename = error.filename or str(target)
        raise
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text with line feeds at the ends of lines, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | Path, value: Any) -> None:
    """Write indented JSON, whole or not at all; a NaN or an infinity is a `ValueError`."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read JSON strictly: a NaN, an infinity or a key given twice is a `ValueError`."""
    return json.loads(
        Path(path).read_text(encoding="utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeated_keys
    )


def rounded(value: Any, digits: int = 6) -> Any:
    """Round every float inside nested dicts and lists to `digits` significant digits.

    Metrics are compared by people and by hash; the seventh digit says which processor did the sum.
    """
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    if isinstance(value, float) and math.isfinite(value):
        return float(f"{value:.{digits}g}")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is given twice")
    return value


def _flush(file: Path) -> None:
    with open(file, "rb") as handle:
        os.fsync(handle.fileno())
