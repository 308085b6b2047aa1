"""Which files of a commit git hands out with other bytes than it keeps."""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from gitml.git.patterns import Pattern, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

CONVERTING = frozenset({"filter", "ident", "working-tree-encoding"})
"""Attributes by which a file's bytes differ from its blob's by more than line ends."""


class _Line(NamedTuple):
    folder: str
    pattern: Pattern
    sets: tuple[tuple[str, bool], ...]


class Attributes:
    """What the ``.gitattributes`` files of one commit say about conversion.

    Parameters
    ----------
    files
        Their contents by their paths in the commit.

    Raises
    ------
    TooManyCrossings
        A pattern cannot be matched in bounded time.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._lines: list[_Line] = []
        macros: dict[str, tuple[tuple[str, bool], ...]] = {}
        for path in sorted(files, key=lambda name: (name.count("/"), name)):
            for line in files[path].decode("utf-8", "surrogateescape").splitlines():
                self._add(posixpath.dirname(path), line, macros)

    def is_converted(self, path: str) -> bool:
        """Say whether the file's bytes are not its blob's."""
        state: dict[str, bool] = {}
        for folder, pattern, sets in self._lines:
            inside = path if not folder else path[len(folder) + 1 :] if path.startswith(f"{folder}/") else None
            if inside is not None and pattern.regex.fullmatch(inside):
                state.update(sets)
        return any(state.values())

    def _add(self, folder: str, line: str, macros: dict[str, tuple[tuple[str, bool], ...]]) -> None:
        words = line.split()
        if len(words) < 2 or words[0].startswith("#"):
            return
        if words[0].startswith("[attr]"):
            macros[words[0].removeprefix("[attr]")] = _sets(words[1:], macros)
            return
        sets = _sets(words[1:], macros)
        pattern = parse(words[0].strip('"')) if sets else None
        if pattern is not None and not pattern.is_negated and not pattern.is_folder_only:
            self._lines.append(_Line(folder, pattern, sets))


def _sets(words: list[str], macros: dict[str, tuple[tuple[str, bool], ...]]) -> tuple[tuple[str, bool], ...]:
    """Return which converting attributes a line turns on or off, macros replaced by what they stand for."""
    found: list[tuple[str, bool]] = []
    for word in words:
        is_off = word[:1] in ("-", "!")
        name, _, value = word.lstrip("-!").partition("=")
        if name in CONVERTING:
            # LFS hands out a blob that is none of its pointers as it is; a pointer is known by its first line.
            is_as_it_is = value == {"filter": "lfs", "working-tree-encoding": "UTF-8"}.get(name)
            found.append((name, not is_off and not is_as_it_is))
        elif name in macros and not is_off:
            found += macros[name]
    return tuple(found)
