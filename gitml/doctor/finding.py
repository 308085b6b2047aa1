"""What one check found, and what mends it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Literal, NamedTuple

from gitml.conventions.shell import can_be_typed, quoted
from gitml.errors import BrokenEnvironment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LONGEST_NAME = 60
"""Letters of a name that are shown in a sentence; a command has them all."""

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")

State = Literal["ok", "warning", "broken"]


class NotMended(BrokenEnvironment):
    """A fix was left undone, because something is not as it was when it was looked at."""


class Fix(NamedTuple):
    """What gitml can mend itself: local, safe, and nothing is lost by it.

    Attributes
    ----------
    says
        What is done, as half a sentence: ``remove .git/index.lock``.
    do
        Does it, or raises an OSError or a GitmlError. It looks again at what it is about to change, and
        done twice it changes nothing more.
    """

    says: str
    do: Callable[[], None]


class Finding(NamedTuple):
    """The outcome of one check.

    Attributes
    ----------
    check
        What was looked at, in a word or two.
    state
        ``broken``: gitml cannot work. ``warning``: something will be missed later.
    says
        What was found, in one line.
    why
        Why it matters; empty where all is well.
    mend
        The commands that mend it, one a line, to be run in the current folder.
    fixes
        What ``gitml doctor --fix`` does about it; empty where only a person can decide.
    """

    check: str
    state: State
    says: str
    why: str = ""
    mend: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()


def and_more(names: Sequence[str]) -> str:
    """Return the first of `names`, and how many more there are."""
    distinct = list(dict.fromkeys(names))
    return distinct[0] + (f" and {len(distinct) - 1} more" if len(distinct) > 1 else "")


def shortened(name: str) -> str:
    """Return a name as it stands in a sentence.

    >>> shortened("x" * 99)[-4:]
    'xxx…'
    """
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def typed(name: str) -> str:
    r"""Return `name` as it is typed into a POSIX shell, even where it has letters that cannot be typed.

    >>> print(typed("main"), typed("$(x)"), typed("a\u202eb"))
    main '$(x)' "$(printf 'a\342\200\256b')"
    """
    if can_be_typed(name):
        return quoted(name)
    letters = [chr(byte) if byte in _PLAIN else f"\\{byte:03o}" for byte in os.fsencode(name)]
    letters[0] = letters[0].replace("-", "\\055")  # printf would take it for an option
    return f"\"$(printf '{''.join(letters)}')\""


def seen_from(here: Path, path: Path) -> str:
    """Return `path` as it is typed in `here`."""
    relative = os.path.relpath(path, here)
    relative = f"./{relative}" if relative.startswith("-") else relative
    return shlex.quote(relative) if can_be_typed(relative) else typed(relative)


def go_to(here: Path, path: Path) -> str:
    """Return the beginning of a command that is run in another folder; empty for the current one."""
    return "" if path == here else f"cd {seen_from(here, path)} && "
