"""A DVC that is started before it is needed: its imports take longer than what a run does first."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

from gitml.git.command import environment_for_another_repository

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_INSIDE = Path(__file__).with_name("waiting_dvc.py")


class WaitingDvc:
    """A process that has imported DVC, or is about to, and has touched nothing yet.

    Parameters
    ----------
    root
        The project's folder.
    environment
        The variables that DVC and the stages see, but for those of one repository.
    """

    def __init__(self, root: Path, environment: Mapping[str, str] = os.environ) -> None:
        seen = {**environment_for_another_repository(environment), "DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1"}
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                # -P: no module of the project's top folder, nor of gitml's, stands before those of DVC
                [sys.executable, "-P", str(_INSIDE), str(theirs.fileno())],
                cwd=root,
                env=seen,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C comes to us, and from us to all of them, once
                pass_fds=(theirs.fileno(),),
            )

    def go(self, words: Sequence[str], log: IO[bytes], inherited: Sequence[int] = ()) -> subprocess.Popen[bytes]:
        """Let it be ``dvc`` with these words, and return the process; it is the caller's from here on.

        Parameters
        ----------
        words
            The command and its options.
        log
            Gets all that is written.
        inherited
            File descriptors that the pipeline's processes keep open.
        """
        with self._channel:
            socket.send_fds(self._channel, [json.dumps(list(words)).encode()], [log.fileno(), *inherited])
        return self._process

    def give_up(self) -> None:
        """End it, where it was never told to go."""
        if self._channel.fileno() >= 0:
            self._channel.close()
            self._process.kill()
            self._process.wait()
