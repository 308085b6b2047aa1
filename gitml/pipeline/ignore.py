"""What DVC leaves out when it hashes a folder or looks for pipelines: ``.dvcignore``."""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from gitml.git.patterns import Pattern, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALWAYS = ".git\n.hg/\n.dvc/\n"
"""What DVC ignores without being told."""


class _Line(NamedTuple):
    folder: str
    pattern: Pattern


class Ignore:
    """The ``.dvcignore`` files of one DVC project.

    Parameters
    ----------
    root
        The project's folder in the commit; empty for the top.
    files
        Contents of the ``.dvcignore`` files by their paths in the commit.
    inner_roots
        Folders of other DVC projects inside, which this one does not see.

    Raises
    ------
    TooManyCrossings
        A pattern cannot be matched in bounded time.
    """

    def __init__(self, root: str, files: Mapping[str, bytes], inner_roots: Iterable[str] = ()) -> None:
        self._root = root
        self._inner_roots = frozenset(inner_roots)
        self._lines = _lines(root, ALWAYS)
        self._folders: dict[str, bool] = {}
        for path in sorted(files, key=lambda name: (name.count("/"), name)):
            folder = posixpath.dirname(path)
            if is_inside(folder, root) and not self.is_ignored(path):
                self._lines += _lines(folder, files[path].decode("utf-8", "surrogateescape"))
                self._folders.clear()

    def is_ignored(self, path: str) -> bool:
        """Say whether DVC does not see this file."""
        folder = posixpath.dirname(path)
        return self._is_folder_ignored(folder) or self._is_matched(path, is_folder=False)

    def _is_folder_ignored(self, folder: str) -> bool:
        if folder == self._root or not is_inside(folder, self._root):
            return False
        known = self._folders.get(folder)
        if known is None:
            known = (
                folder in self._inner_roots
                or self._is_folder_ignored(posixpath.dirname(folder))
                or self._is_matched(folder, is_folder=True)
            )
            self._folders[folder] = known
        return known

    def _is_matched(self, path: str, is_folder: bool) -> bool:
        for folder, pattern in reversed(self._lines):
            if (pattern.is_folder_only and not is_folder) or not is_inside(path, folder) or path == folder:
                continue
            if pattern.regex.fullmatch(path[len(folder) + 1 :] if folder else path):
                return not pattern.is_negated
        return False


def is_inside(path: str, folder: str) -> bool:
    """Say whether `path` is `folder` or below it; every path is below the empty one."""
    return not folder or path == folder or path.startswith(f"{folder}/")


def _lines(folder: str, text: str) -> list[_Line]:
    patterns = (parse(line.strip()) for line in text.splitlines())
    return [_Line(folder, pattern) for pattern in patterns if pattern is not None]
