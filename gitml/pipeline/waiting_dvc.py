"""What becomes ``dvc repro``: imports DVC while its caller is not ready yet, and is then told what to run.

Started by its path and by `gitml.pipeline.waiting` only. It imports DVC and nothing of gitml.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from contextlib import suppress

LARGEST = 2**20
"""Bytes of what it is told."""

MOST = 16
"""File descriptors that come along."""


def main() -> int:
    """Wait for the word, and be DVC."""
    with suppress(ImportError):  # DVC itself says what is missing
        import dvc.cli.parser
        import dvc.repo.reproduce
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        told, descriptors, _, _ = socket.recv_fds(channel, LARGEST, MOST)
    if not told:  # nobody wants it any more
        return 0
    log, *kept = descriptors
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    for descriptor in kept:
        os.set_inheritable(descriptor, True)
    words = json.loads(told)
    sys.argv = ["dvc", *words]
    from dvc.cli import main as dvc

    status: int = dvc(words)
    return status


if __name__ == "__main__":
    sys.exit(main())
