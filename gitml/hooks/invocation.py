"""How git was called, so that the command that mends has the same options."""

from __future__ import annotations

import os

from gitml.conventions.frozen import Frozen
from gitml.conventions.shell import command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_WITH_VALUE_BEFORE = ("-c", "-C", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env")
_MESSAGE = ("message", "file", "reuse-message", "reedit-message", "template", "fixup", "squash")
_EDITOR = ("edit", "no-edit")
_WITH_VALUE = ("author", "date", "cleanup", "trailer", "pathspec-from-file")
_MESSAGE_LETTERS = "mFCct"
_ATTACHED_LETTERS = "uS"


class Invocation(Frozen):
    """A call of ``git commit``, without what gave it its message.

    Attributes
    ----------
    before
        Options of git itself.
    options
        Options of commit.
    paths
        What is to be committed, behind ``--``.
    """

    before: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def with_message(self, line: str) -> str:
        """Return the command line that commits with a message of one line."""
        return self._command("-m", line)

    def with_file(self, file: str) -> str:
        """Return the command line that commits with the message in a file."""
        return self._command("-F", self.path_to(file))

    def with_editor(self) -> str:
        """Return the command line that asks for the message."""
        return self._command()

    def amending(self) -> Invocation:
        """Return the call that changes the message of the commit that this one makes."""
        return Invocation(self.before, ("--amend",))

    def path_to(self, file: str) -> str:
        """Return `file`, seen from the working tree's top folder, as it is typed where git was called."""
        prefix = os.environ.get("GIT_PREFIX", "")
        if os.path.isabs(file):
            return file
        if self.before:
            return os.path.abspath(file)
        return os.path.relpath(file, prefix) if prefix else os.path.normpath(file)

    def _command(self, *message: str) -> str:
        paths = ("--", *self.paths) if self.paths else ()
        return command(("git", *self.before, "commit", *self.options, *message, *paths))


def words_of(process: str) -> list[str]:
    """Return a running process's command line; empty where the system does not tell it."""
    try:
        with open(f"/proc/{int(process)}/cmdline", "rb") as file:
            return os.fsdecode(file.read()).split("\0")[:-1]
    except (OSError, ValueError):
        return []


def of_commit(words: Sequence[str]) -> Invocation:
    """Return which call of ``git commit`` a command line is; one without options where it is none.

    >>> of_commit(["git", "commit", "-am", "try lr"]).with_message("experiment: try lr")
    'git commit -a -m "experiment: try lr"'
    """
    if not words or os.path.basename(words[0]) not in ("git", "git.exe"):
        return Invocation()
    place = 1
    while place < len(words) and words[place].startswith("-"):
        place += 2 if words[place] in _WITH_VALUE_BEFORE else 1
    if place >= len(words) or words[place] != "commit":
        return Invocation()
    options, paths = _sorted(list(words[place + 1 :]))
    return Invocation(tuple(words[1:place]), tuple(options), tuple(paths))


def _sorted(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the options that stay and the paths; the options that give a message are left out."""
    options: list[str] = []
    paths: list[str] = []
    while words:
        word = words.pop(0)
        if word == "--":
            paths += words
            break
        if word.startswith("--"):
            options += _long(word, words)
        elif word.startswith("-") and word != "-":
            options += _short(word, words)
        else:
            paths.append(word)
    return options, paths


def _long(word: str, others: list[str]) -> list[str]:
    """Return what stays of a long option, taking its value from the words behind it."""
    name, has_value, _ = word[2:].partition("=")

    def means(names: Sequence[str]) -> bool:
        return any(full == name or (len(name) > 2 and full.startswith(name)) for full in names)

    if means(_EDITOR):
        return []
    if means(_MESSAGE):
        if not has_value and others:
            others.pop(0)
        return []
    if means(_WITH_VALUE) and not has_value and others:
        return [word, others.pop(0)]
    return [word]


def _short(word: str, others: list[str]) -> list[str]:
    """Return what stays of a cluster of short options such as ``-am``."""
    stays = ""
    for place, letter in enumerate(word[1:], 1):
        if letter in _MESSAGE_LETTERS:
            if place == len(word) - 1 and others:
                others.pop(0)
            break
        if letter in _ATTACHED_LETTERS:
            stays += word[place:]
            break
        stays += letter if letter != "e" else ""
    return [f"-{stays}"] if stays else []
