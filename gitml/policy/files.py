"""A file that is about to enter the history, and the rule about its size."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions import branches
from gitml.conventions.shell import quoted
from gitml.policy.rules import Violation

if TYPE_CHECKING:
    from gitml.config import Config

_MIB = 2**20


class NewFile(NamedTuple):
    """A file that is about to enter the history, or did.

    Attributes
    ----------
    path
        From the top of the repository, with ``/``; what is no UTF-8 as lone surrogates.
    size
        Its bytes.
    content
        What git keeps of it; None where it was not read, because it is too large.
    """

    path: str
    size: int
    content: bytes | None


def no_large_file(file: NewFile, config: Config) -> list[Violation]:
    """Judge whether git can keep the file: every clone carries each of its versions for ever."""
    level = config.level("no-large-file")
    if level == "off" or file.size <= config.largest:
        return []
    if any(branches.matches(file.path, pattern) for pattern in config.large):
        return []
    path = typed(file.path)
    folder = file.path.rpartition("/")[0]
    ignored = typed(f"{folder}/.gitignore" if folder else ".gitignore")
    return [
        Violation(
            "no-large-file",
            level,
            f"{shown(file.path)} has {_upwards(file.size)}",
            f"git keeps at most {_downwards(config.largest)} a file here; DVC keeps the rest. "
            "Let a file be larger with [files] large in gitml.toml.",
            (f"git rm --cached -- {path}", f"dvc add {path}", f"git add -- {typed(f'{file.path}.dvc')} {ignored}"),
            file.path,
        )
    ]


def is_notebook(path: str) -> bool:
    """Say whether the name is that of a notebook."""
    return path.lower().endswith(".ipynb")


def shown(path: str) -> str:
    """Return a path without what a terminal would obey."""
    return path if path.isprintable() else path.encode("unicode_escape", "surrogatepass").decode()


def typed(path: str) -> str:
    """Return a path as it is typed in a shell, where no option is meant.

    One that a terminal could not show, or would obey, is written in octal as bash and zsh read it.
    """
    path = f"./{path}" if path.startswith("-") else path
    if path.isprintable():
        return quoted(path)
    raw = path.encode("utf-8", "surrogateescape")
    return (
        "$'" + "".join(chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\{byte:03o}" for byte in raw) + "'"
    )


def _upwards(size: int) -> str:
    """Return a size, rounded so that it is above a limit that it is above."""
    return f"{-(-size * 10 // _MIB) / 10:,.1f} MiB" if size > _MIB else f"{size:,} bytes"


def _downwards(size: int) -> str:
    """Return a limit, rounded so that what is within is not above it."""
    return f"{size * 10 // _MIB / 10:,g} MiB" if size >= _MIB else f"{size:,} bytes"
