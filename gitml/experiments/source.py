"""The script or notebook that logs a run: where it is, and what of it is committed."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from gitml.errors import BrokenEnvironment
from gitml.policy import notebooks

SUFFIX = ".ipynb"


class CannotStrip(BrokenEnvironment):
    """A notebook cannot be committed without what it printed."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(
            f"{path} cannot be stripped of its outputs",
            f"{why} Notebooks are committed without output.",
            ("pip install nbstripout",),
        )


def find(root: Path, given: Path | None = None) -> Path | None:
    """Return the script or notebook that runs, if it is a file of a working tree.

    Parameters
    ----------
    root
        The working tree's top folder.
    given
        What somebody says it is.
    """
    main = vars(sys.modules["__main__"])
    names = [given, os.environ.get("JPY_SESSION_NAME"), main.get("__vsc_ipynb_file__"), main.get("__file__")]
    for name in names:
        place = Path(name).resolve() if name else None
        if place is not None and place.is_file() and place.is_relative_to(root.resolve()):
            return place
    return None


def command(source: Path | None, project: Path) -> str:
    """Return how the run is made again, from the project's folder."""
    if source is None:
        return "echo 'logged by a script or notebook that is not in this repository'; exit 1"
    name = shlex.quote(os.path.relpath(source, project.resolve()))
    if source.suffix == SUFFIX:
        return f"jupyter nbconvert --to notebook --execute --inplace {name}"
    arguments = shlex.join(sys.argv[1:]) if Path(sys.argv[0] or ".").resolve() == source else ""
    return f"python {name} {arguments}".strip()


def stripped(path: str, content: bytes) -> bytes:
    """Return a notebook as it is committed: without outputs and execution counts.

    Raises
    ------
    CannotStrip
        nbstripout is not installed, or it is no notebook.
    """
    try:
        return notebooks.stripped(content)
    except ImportError:
        raise CannotStrip(path, "nbstripout is not installed.") from None
    except notebooks.NotANotebook as error:
        raise CannotStrip(path, f"It is no notebook: {error}.") from None
