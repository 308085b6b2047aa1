"""Where the command line begins and every error ends."""

from __future__ import annotations

import gc
import os
import sys

from gitml import __version__
from gitml.cli.commands import overview
from gitml.errors import GitmlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

BUG = 3
"""Exit status of a bug: nothing was judged, as with a broken environment, so that no script takes it for a no."""

INTERRUPTED = 130
READER_IS_GONE = 141
"""What a shell reports of any program whose reader left: 128 + SIGPIPE."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status; where the words are the process's own, it is about to end.

    Returns
    -------
    int
        0 done, 1 a rule or gate says no, 2 wrong usage, 3 a broken environment or a bug of gitml,
        130 interrupted, 141 whoever read the output is gone.
    """
    status = _run(list(sys.argv[1:] if arguments is None else arguments))
    if arguments is None:
        _prepare_to_end(status)
    return status


def _prepare_to_end(status: int) -> None:
    """Spare the process what only costs time at its end, and what could crash there."""
    gc.freeze()  # what the modules hold need not be looked through once more
    processes = sys.modules.get("gitml.git.processes")
    if processes is not None and processes.is_anything_beside():
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


def _run(words: list[str]) -> int:
    _never_fail_on_a_letter()
    try:
        status = _answer(words)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Python flushes stdout once more at its end, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_IS_GONE
    except KeyboardInterrupt:
        print("\ngitml: interrupted", file=sys.stderr)
        return INTERRUPTED
    except GitmlError as error:
        _show(error)
        return error.exit_code
    except Exception as error:
        from gitml.cli.bug import report

        _show_traceback()
        print(report(error, words), file=sys.stderr)
        return BUG


def _answer(words: list[str]) -> int:
    """Answer what needs no command at once: importing click alone costs four bare interpreters."""
    if not words or words in (["-h"], ["--help"]):
        print(overview())
        return 0
    if words == ["--version"]:
        print(f"gitml {__version__}")
        return 0
    from gitml.cli.group import run

    return run(words)


def _show(error: GitmlError) -> None:
    from gitml.cli.terminal import framed

    _show_traceback()
    print(framed(error.what, error.why, error.mend), file=sys.stderr)


def _show_traceback() -> None:
    if os.environ.get("GITML_DEBUG") == "1":
        import traceback

        traceback.print_exc()


def _never_fail_on_a_letter() -> None:
    """Let a terminal without UTF-8 show an escape where it has no letter."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
