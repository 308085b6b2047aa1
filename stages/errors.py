"""The one error that a stage shows to a person, and the frame that shows it."""

from __future__ import annotations

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


def run(main: Callable[[], None]) -> None:
    """Run a stage's ``main`` and exit: 0 done, 1 an input is wrong, 130 interrupted.

    An `InputError` is shown as one paragraph on stderr; anything else is a bug and keeps its
    traceback. ``GITML_DEBUG=1`` shows the traceback of an `InputError` too.
    """
    try:
        main()
    except InputError as error:
        if os.environ.get("GITML_DEBUG") == "1":
            raise
        paragraph = " ".join(f"error: {error}".split())
        print(textwrap.fill(paragraph, 100, break_long_words=False, break_on_hyphens=False), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        sys.exit(130)
