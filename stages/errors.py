"""The one error that a stage shows to a person, and the frame that shows it."""

from __future__ import annotations

import errno
import os
import sys
import textwrap
from collections.abc import Callable, Iterable
from difflib import get_close_matches


class InputError(Exception):
    """Something that a person has to mend: a file, a column, a row, a parameter.

    Parameters
    ----------
    what
        What is wrong, naming file, column and row where there are any.
    mend
        What to do about it, as a sentence.
    """

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what} {mend}")
        self.what = what
        self.mend = mend


def did_you_mean(word: object, known: Iterable[object]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest known word, or an empty string.

    Nearness ignores case, so ``"Yes"`` finds ``"yes"``.
    """
    by_folded = {str(name).casefold(): str(name) for name in known}
    close = get_close_matches(str(word).casefold(), by_folded, n=1, cutoff=0.6)
    return f" Did you mean '{by_folded[close[0]]}'?" if close else ""


def _of_the_disk(error: OSError) -> InputError | None:
    """Put into words what only the user of the machine can mend."""
    mends = {
        **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "Free some space, then run it again."),
        **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "Give yourself the right to it, then run it again."),
    }
    if error.errno not in mends:
        return None
    where = error.filename or "A file"
    return InputError(f"{where} cannot be read or written: {os.strerror(error.errno)}.", mends[error.errno])


def run(main: Callable[[], None]) -> None:
    """Run a stage's ``main`` and exit: 0 done, 1 an input is wrong, 130 interrupted.

    An `InputError`, and a disk that is full or may not be written to, is shown as one paragraph on stderr;
    anything else is a bug and keeps its traceback. ``GITML_DEBUG=1`` shows their tracebacks too.
    """
    try:
        main()
    except (InputError, OSError) as error:
        told = error if isinstance(error, InputError) else _of_the_disk(error)
        if told is None or os.environ.get("GITML_DEBUG") == "1":
            raise
        paragraph = " ".join(f"error: {told}".split())
        print(textwrap.fill(paragraph, 100, break_long_words=False, break_on_hyphens=False), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
