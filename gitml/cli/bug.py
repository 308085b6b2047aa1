"""What a person pastes into an issue when gitml itself went wrong."""

from __future__ import annotations

import os
import platform
import shlex
import sys
import traceback
from pathlib import Path

from gitml import __version__
from gitml.cli.terminal import framed, printable
from gitml.git.command import without_secrets


def report(error: Exception, words: list[str]) -> str:
    """Return a few lines that say what happened and where, without secrets and without the home folder."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} in {frame.name}"
    message = " ".join(str(error).split())
    facts = [
        f"command  {_private(shlex.join(['gitml', *words]))}",
        f"error    {type(error).__name__}: {_private(message)}",
        f"at       {place}",
        f"with     gitml {__version__}, Python {platform.python_version()}, {sys.platform}",
    ]
    lines = framed("this is a bug in gitml, not a mistake of yours", "Please open an issue with these lines:", ())
    return "\n".join(
        [lines, *(f"    {printable(fact)}" for fact in facts), "The traceback is shown with GITML_DEBUG=1."]
    )


def _private(text: str) -> str:
    """Return `text` without secrets and without the name of the home folder."""
    home = os.path.expanduser("~")
    text = without_secrets(text)
    return text.replace(home, "~") if len(home) > 1 else text
