"""How a command is written, so that a person can copy it into a shell."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-")
_ALIVE_IN_DOUBLE_QUOTES = frozenset('"$`\\!')


def quoted(word: str) -> str:
    """Return `word` as a shell reads it back: bare, else in double quotes, else in single ones.

    >>> print(quoted("main"), quoted("try lr"), quoted("$HOME"))
    main "try lr" '$HOME'
    """
    if word and _PLAIN.issuperset(word):
        return word
    if _ALIVE_IN_DOUBLE_QUOTES.isdisjoint(word):
        return f'"{word}"'
    return "'" + word.replace("'", "'\"'\"'") + "'"


def inside(folder: str) -> str:
    """Return a path that no command takes for an option."""
    return f"./{folder}" if folder.startswith("-") else folder


def command(words: Iterable[str]) -> str:
    """Return a whole command line."""
    return " ".join(map(quoted, words))


def can_be_typed(text: str) -> bool:
    """Say whether `text` looks in a terminal like what it is: one line, no controls, no bytes that are no text."""
    return text.isprintable()


def printable(text: str) -> str:
    """Return `text` on one line, with what a terminal would obey (escapes, bells) made visible."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
