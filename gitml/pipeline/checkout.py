"""Putting what DVC keeps into a working tree: ``dvc checkout``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from gitml.errors import GitmlError
from gitml.git.command import environment_for_another_repository
from gitml.pipeline.repro import last_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class DataIsMissing(GitmlError):
    """DVC's cache does not have data that the pipeline reads."""

    def __init__(self, targets: Sequence[str], lines: Sequence[str]) -> None:
        named = ", ".join(targets[:3]) + (f" and {len(targets) - 3} more" if len(targets) > 3 else "")
        super().__init__(
            f"the data of {named} cannot be put in place",
            "\n".join(["It is not in DVC's cache here, or cannot be read. dvc says:", *lines]),
            ("dvc pull   # for data of another branch: dvc fetch --all-branches",),
        )


def checkout(
    root: Path, log: Path, targets: Sequence[str] = (), is_forced: bool = False, inherited: Sequence[int] = ()
) -> bool:
    """Put outs in place as dvc.lock and the .dvc files have them, and say whether all could be.

    Parameters
    ----------
    root
        The DVC project's folder.
    log
        The file that gets what DVC writes.
    targets
        Relative to `root`: .dvc files, stages or outs; none for all.
    is_forced
        Whether files are replaced that DVC does not keep.
    inherited
        As for `gitml.pipeline.repro.repro`.
    """
    environment = {**environment_for_another_repository(os.environ), "DVC_NO_ANALYTICS": "1"}
    line = [sys.executable, "-P", "-m", "dvc", "checkout", *(("--force",) if is_forced else ()), "--", *targets]
    with log.open("wb") as written:
        done = subprocess.run(
            line,
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            check=False,
            pass_fds=tuple(inherited),
        )
    return done.returncode == 0


def put_data(
    root: Path, outs: Sequence[tuple[str, str]], known: Path, log: Path, inherited: Sequence[int] = ()
) -> None:
    """Put data that .dvc files track in place, in a working tree that is nobody's own; again only if it is not there.

    Without it ``dvc repro`` fails where it is missing, and takes other data for the new one.

    Parameters
    ----------
    root
        The DVC project's folder.
    outs
        Each out from there, and its .dvc file with the md5 that is tracked: ``data/x.csv.dvc 900150…``.
    known
        A file in which it is kept what is in place.
    log, inherited
        As for `checkout`.

    Raises
    ------
    DataIsMissing
        DVC does not have it.
    """
    told = "".join(f"{path}\0{which}\n" for path, which in outs)
    is_there = all(os.path.lexists(root / path) for path, _ in outs)
    if not outs or (is_there and known.is_file() and known.read_text(errors="surrogateescape") == told):
        return
    known.unlink(missing_ok=True)
    targets = list(dict.fromkeys(which.rpartition(" ")[0] for _, which in outs))
    if not checkout(root, log, targets, True, inherited):
        raise DataIsMissing(targets, last_lines(log, 5))
    known.write_text(told, errors="surrogateescape")
